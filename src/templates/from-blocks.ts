/** Blocks on their way to a mail: they become MJML, and what is said of that is said of the block it came from. */
import { readBlocks } from "../core/blocks/document.ts";
import { blocksToMjml } from "../core/blocks/mjml.ts";
import type { AuthoringProblem, Draft } from "./authoring.ts";

/** Which block made each line of the MJML. */
export type FromBlocks = { readonly lines: readonly (string | null)[] };

/** The draft as MJML where it is made of blocks; any other as it is. */
export function sourceOf(
  draft: Draft,
  { mark = false }: { readonly mark?: boolean },
): { readonly draft: Draft; readonly blocks?: FromBlocks } | { readonly problems: readonly AuthoringProblem[] } {
  if (draft.format !== "blocks") return { draft };
  const read = readBlocks(draft.body);
  if ("problems" in read)
    return {
      problems: read.problems.map(({ code, message, block }) => ({
        field: "body",
        code,
        message,
        block,
        line: lineOf(draft.body, block),
        column: 1,
      })),
    };
  const { mjml, lines } = blocksToMjml(read.document, { mark });
  return { draft: { ...draft, format: "mjml", body: mjml }, blocks: { lines } };
}

/** A problem found in a line of the MJML, at its block and at the block's line in the JSON. */
export function placedIn<Found extends AuthoringProblem | { readonly line: number; readonly column: number }>(
  body: string,
  { lines }: FromBlocks,
  found: Found,
): Found {
  if ("field" in found && found.field !== "body") return found;
  const block = lines[found.line - 1] ?? null;
  return { ...found, block, line: lineOf(body, block), column: 1 };
}

/** Where a block begins in the JSON; 1 where it is written without line ends. */
function lineOf(body: string, block: string | null): number {
  if (block === null) return 1;
  const at = body.search(new RegExp(String.raw`"id"\s*:\s*"${block.replaceAll(/[^\w-]/g, "")}"`));
  return at < 0 ? 1 : body.slice(0, at).split("\n").length;
}
