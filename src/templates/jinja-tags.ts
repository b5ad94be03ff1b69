/** Keeps Jinja tags safe while HTML tools work around them: they go out as placeholders and come back as they were. */
import { tagsIn } from "../core/template-lexer.ts";
import { pieces } from "./authoring-markup.ts";

/** A block tag (`{% … %}`) goes out as `tdgb7x`, any other as `tdgv7x`: words to every tool, in text and in attributes. */
const BLOCK = String.raw`tdgb\d+x`;
const PLACEHOLDER = /<!--tdg[bvt](\d+)x-->|tdg[bvt](\d+)x(?:="")?/gi;

export type Protected = {
  /** The source with a placeholder for every tag. */
  readonly text: string;
  /** Puts the tags back, however often a tool has repeated them. */
  restore(made: string): string;
  /** A placeholder for a longer piece with tags in it; `piece` has placeholders for those. */
  hold(piece: string): string;
  /** The places in the source of tags that a tool has dropped. */
  lost(made: string): number[];
};

/** Replaces every tag of a template that parses. The source has LF line ends. */
export function protect(source: string): Protected {
  const places = tagsIn(source);
  const tags = places.map(({ start, end }) => source.slice(start, end));
  let text = "";
  let from = 0;
  for (const [index, { start, end, kind }] of places.entries()) {
    text += `${source.slice(from, start)}tdg${kind === "statement" ? "b" : "v"}${index}x`;
    from = end;
  }
  const restore = (made: string) =>
    made.replaceAll(PLACEHOLDER, (found, comment?: string, word?: string) => {
      const tag = tags[Number(comment ?? word)] ?? "";
      return /^tdgt/i.test(found) ? tag.replace(/^\{%[-+]?/, "{%-") : tag;
    });
  return {
    text: text + source.slice(from),
    restore,
    hold: (piece) => `tdgv${tags.push(restore(piece)) - 1}x`,
    lost: (made) => {
      const kept = new Set([...made.matchAll(PLACEHOLDER)].map(([, comment, word]) => Number(comment ?? word)));
      return places.filter(({ kind }, index) => kind !== "comment" && !kept.has(index)).map(({ start }) => start);
    },
  };
}

/** `&#123;&#123;` is text to an author, and tools decode it: what they made look like the opening of a tag is written as text. */
export function bracesAsText(made: string): string {
  return made.replaceAll(/\{(?=[{%#]|tdg[bvt]\d)/g, '{{ "{" }}');
}

/**
 * Makes comments of the blocks that stand between elements: an HTML parser moves text out of a table, where `{% for %}`
 * belongs, and leaves a comment where it is. Blocks among attributes are held together, for parsers reorder those.
 */
export function blocksForParser({ text, hold }: Protected): string {
  return pieces(text)
    .map(({ kind, text: piece }) => {
      if (kind === "text") return piece.replaceAll(new RegExp(BLOCK, "g"), "<!--$&-->");
      return kind === "open" ? attributesHeld(piece, hold) : piece;
    })
    .join("");
}

function attributesHeld(piece: string, hold: (held: string) => string): string {
  const blocks = [...piece.matchAll(new RegExp(String.raw`"[^"]*"|'[^']*'|(${BLOCK})`, "g"))].filter(
    ([, block]) => block,
  );
  const [first, last] = [blocks[0], blocks.at(-1)];
  if (!first || !last) return piece;
  const end = last.index + last[0].length;
  return `${piece.slice(0, first.index)} ${hold(piece.slice(first.index, end))} ${piece.slice(end)}`;
}

/** The elements of MJML whose content is kept as it is; elsewhere MJML drops text. */
const MJML_CONTENT =
  /^mj-(?:text|button|table|raw|style|preview|title|accordion-title|accordion-text|navbar-link|social-element)$/;

/** Blocks around MJML's components go into `mj-raw`, the one place where MJML keeps them. */
export function blocksAsRaw(text: string): string {
  let within: string | null = null;
  return pieces(text)
    .map(({ kind, name, text: piece }) => {
      if (kind === "text" && within === null) return piece.replaceAll(new RegExp(BLOCK, "g"), "<mj-raw>$&</mj-raw>");
      if (kind === "open" && within === null && !piece.endsWith("/>") && MJML_CONTENT.test(name)) within = name;
      else if (kind === "close" && name === within) within = null;
      return piece;
    })
    .join("");
}

/** In plain text a line of blocks alone takes the white space before it along, so that loops make no empty lines. */
export function blockLinesTrimmed(text: string): string {
  return text.replaceAll(new RegExp(String.raw`^[ \t]*(?:${BLOCK}[ \t]*)+$`, "gm"), (line) =>
    line.trim().replaceAll("tdgb", "tdgt"),
  );
}

/** Lines of blocks alone stand apart from what is around them, as Markdown's own blocks do. */
export function blockLinesApart(text: string): string {
  return text.replaceAll(new RegExp(String.raw`^[ \t]*((?:${BLOCK}[ \t]*)+)$`, "gm"), "\n$1\n");
}

/** Undoes what Markdown made of block lines: no paragraph around them, and a loop repeats items, not lists. */
export function blocksInMarkdown(html: string, restore: (made: string) => string): string {
  const list = new RegExp(String.raw`(${BLOCK})\s*<(ul|ol)>((?:(?!<[uo]l>)[^])*?)</\2>\s*(${BLOCK})`, "g");
  return html
    .replaceAll(new RegExp(String.raw`<p>((?:\s*${BLOCK})+\s*)</p>`, "g"), "$1")
    .replaceAll(list, (whole, open: string, name: string, items: string, close: string) => {
      const isLoop = /^\{%[-+]?\s*for\s/.test(restore(open)) && /^\{%[-+]?\s*endfor/.test(restore(close));
      return isLoop ? `<${name}>${open}${items}${close}</${name}>` : whole;
    });
}
