/** What was done to a document, to be taken back and done again. Typing in one place counts as one deed. */
import { useReducer } from "react";
import type { BlocksDocument } from "../../../../src/core/blocks/document.ts";

type State = {
  readonly past: readonly BlocksDocument[];
  readonly now: BlocksDocument;
  readonly future: readonly BlocksDocument[];
  /** What the last deed was about: the next of the same joins it. */
  readonly about: string | null;
  /** Goes up when the document changed from outside the fields: they show it anew. */
  readonly revision: number;
};
type Deed =
  | { readonly kind: "change"; readonly to: BlocksDocument; readonly about: string | null }
  | { readonly kind: "undo" | "redo" }
  | { readonly kind: "begin"; readonly with: BlocksDocument };

/** How far back. */
const MAX_DEEDS = 100;

function after(state: State, deed: Deed): State {
  const { past, now, future, revision } = state;
  if (deed.kind === "begin") return { past: [], now: deed.with, future: [], about: null, revision: revision + 1 };
  if (deed.kind === "change") {
    if (deed.to === now) return state;
    const joins = deed.about !== null && deed.about === state.about;
    return {
      past: joins ? past : [...past, now].slice(-MAX_DEEDS),
      now: deed.to,
      future: [],
      about: deed.about,
      revision,
    };
  }
  const [from, to] = deed.kind === "undo" ? [past, future] : [future, past];
  const found = deed.kind === "undo" ? from.at(-1) : from[0];
  if (!found) return state;
  return deed.kind === "undo"
    ? { past: from.slice(0, -1), now: found, future: [now, ...to], about: null, revision: revision + 1 }
    : { past: [...to, now], now: found, future: from.slice(1), about: null, revision: revision + 1 };
}

export function useHistory(first: () => BlocksDocument) {
  const [state, act] = useReducer(after, null, () => ({
    past: [],
    now: first(),
    future: [],
    about: null,
    revision: 0,
  }));
  return {
    document: state.now,
    revision: state.revision,
    canUndo: state.past.length > 0,
    canRedo: state.future.length > 0,
    change: (to: BlocksDocument, about: string | null = null) => act({ kind: "change", to, about }),
    undo: () => act({ kind: "undo" }),
    redo: () => act({ kind: "redo" }),
    begin: (document: BlocksDocument) => act({ kind: "begin", with: document }),
  };
}
