/** Two texts side by side with what differs marked. Loaded only where it is used. */
import { MergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import { t } from "../i18n.ts";
import { looks, nonce } from "./code-editor.tsx";

export default function Difference({ before, after }: { before: string; after: string }) {
  const place = useRef<HTMLDivElement>(null);
  const dark = useComputedColorScheme("light") === "dark";
  useEffect(() => {
    const side = (doc: string, label: string) => ({
      doc,
      extensions: [
        nonce(),
        looks(dark),
        lineNumbers(),
        EditorState.readOnly.of(true),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": label }),
      ],
    });
    const view = new MergeView({
      parent: place.current!,
      a: side(before, t("Before")),
      b: side(after, t("After")),
      collapseUnchanged: { margin: 3 },
    });
    return () => view.destroy();
  }, [before, after, dark]);
  return <div ref={place} style={{ maxHeight: 480, overflow: "auto", fontSize: 12 }} />;
}
