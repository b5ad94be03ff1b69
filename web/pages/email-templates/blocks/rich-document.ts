/** Between the text of blocks as it is stored and as the text editor holds it. Loses nothing either way; draws nothing. */
import type { JSONContent } from "@tiptap/core";
import type { Inline, Rich } from "../../../../src/core/blocks/document.ts";
import { variableTag } from "../../../../src/core/blocks/inline.ts";

/** What a chip in the text holds: a variable with what stands in for it, or a whole tag. */
export type Chip = { readonly variable: string | null; readonly standIn: string; readonly tag: string | null };

const SIMPLE = /^\{\{-?\s*([A-Za-z_]\w*(?:\.\w+)*)\s*(?:\|\s*default\(\s*"((?:[^"\\]|\\.)*)"\s*\))?\s*-?\}\}$/;

/** Reads a tag as a person types it. */
export function chipOf(tag: string): Chip {
  const [, variable, standIn = ""] = SIMPLE.exec(tag.trim()) ?? [];
  return variable
    ? { variable, standIn: standIn.replaceAll(/\\(.)/g, "$1"), tag: null }
    : { variable: null, standIn: "", tag: tag.trim() };
}

/** A chip as the tag it stands for. */
export const tagOf = ({ variable, standIn, tag }: Chip): string => tag ?? variableTag(variable ?? "", standIn);

export const docOfRich = (content: Rich): JSONContent => ({
  type: "doc",
  content:
    content.length === 0
      ? [{ type: "paragraph" }]
      : content.map((part) =>
          part.type === "paragraph"
            ? paragraph(part.children)
            : {
                type: part.ordered ? "orderedList" : "bulletList",
                content: part.items.map((item) => ({ type: "listItem", content: [paragraph(item)] })),
              },
        ),
});

export const docOfLine = (line: readonly Inline[]): JSONContent => ({ type: "doc", content: [paragraph(line)] });

function paragraph(line: readonly Inline[]): JSONContent {
  const content = line.flatMap(nodeOf);
  return content.length === 0 ? { type: "paragraph" } : { type: "paragraph", content };
}

const MARKS = ["bold", "italic", "underline", "strike"] as const;

function nodeOf(one: Inline): JSONContent[] {
  if ("break" in one) return [{ type: "hardBreak" }];
  const marks = [
    ...MARKS.filter((mark) => one[mark]).map((type) => ({ type })),
    ...(one.link ? [{ type: "link", attrs: { href: one.link } }] : []),
  ];
  const marked = marks.length > 0 ? { marks } : {};
  if ("text" in one) return one.text === "" ? [] : [{ type: "text", text: one.text, ...marked }];
  const chip: Chip =
    "tag" in one
      ? { variable: null, standIn: "", tag: one.tag }
      : { variable: one.variable, standIn: one.default ?? "", tag: null };
  return [{ type: "variable", attrs: chip, ...marked }];
}

/** Paragraphs and lists out of the text editor. A list in a list becomes items of the outer one. */
export function richOf({ content = [] }: JSONContent): Rich {
  return content.flatMap((part): Rich => {
    if (part.type === "paragraph") return [{ type: "paragraph", children: lineOfNodes(part.content) }];
    if (part.type !== "bulletList" && part.type !== "orderedList") return [];
    const ordered = part.type === "orderedList" ? { ordered: true } : {};
    return [{ type: "list", ...ordered, items: itemsOf(part) }];
  });
}

function itemsOf({ content = [] }: JSONContent): Inline[][] {
  return content.flatMap((item) => {
    const parts = item.content ?? [];
    const lines = parts.filter(({ type }) => type === "paragraph").map((one) => lineOfNodes(one.content));
    const own = lines.reduce<Inline[]>((all, line, at) => [...all, ...(at === 0 ? [] : [BREAK]), ...line], []);
    return [own, ...parts.filter(({ type }) => type !== "paragraph").flatMap(itemsOf)];
  });
}

/** One line out of the text editor; what stood in several paragraphs is parted by breaks. */
export function lineOf({ content = [] }: JSONContent): Inline[] {
  return content.reduce<Inline[]>(
    (all, part, at) => [...all, ...(at === 0 ? [] : [BREAK]), ...lineOfNodes(part.content)],
    [],
  );
}

const BREAK: Inline = { break: true };

function lineOfNodes(nodes: readonly JSONContent[] = []): Inline[] {
  return nodes.flatMap((node): Inline[] => {
    if (node.type === "hardBreak") return [BREAK];
    const marks: Record<string, unknown> = {};
    for (const { type, attrs } of node.marks ?? []) {
      if (type === "link") marks["link"] = String(attrs?.["href"] ?? "");
      else if ((MARKS as readonly string[]).includes(type)) marks[type] = true;
    }
    if (node.type === "text") return [{ text: node.text ?? "", ...marks }];
    if (node.type !== "variable") return [];
    const { variable, standIn, tag } = node.attrs as Chip;
    if (tag !== null) return [{ tag, ...marks }];
    return [{ variable: variable ?? "", ...(standIn ? { default: standIn } : {}), ...marks }];
  });
}

/** Text without marks, for summaries and names. */
export const wordsOf = (line: readonly Inline[]): string =>
  line
    .map((one) => ("text" in one ? one.text : "break" in one ? " " : "tag" in one ? one.tag : `{{ ${one.variable} }}`))
    .join("")
    .trim();
