/** Keeps Jinja tags safe while HTML tools work around them: they go out as placeholders and come back as they were. */

const TAG = /\{\{[^]*?\}\}|\{%[^]*?%\}|\{#[^]*?#\}/g;

export type Protected = { readonly text: string; restore(text: string): string };

/**
 * Replaces every tag by a placeholder. `word`: a word of its own, for text tools. `markup`: outside of HTML tags a block
 * becomes a comment, because an HTML parser would move text out of a table, and a comment stays where it is.
 */
export function protect(source: string, style: "word" | "markup"): Protected {
  const tags: string[] = [];
  const text = source.replaceAll(TAG, (tag, at: number) => {
    tags.push(tag);
    const index = tags.length - 1;
    if (!tag.startsWith("{%")) return `tdgv${index}x`;
    return style === "markup" && !isInsideTag(source, at) ? `<!--tdgb${index}x-->` : `tdgb${index}x`;
  });
  const restore = (made: string) =>
    made.replaceAll(
      /<!--tdgb(\d+)x-->|tdg[bv](\d+)x/gi,
      (_, block?: string, other?: string) => tags[Number(block ?? other)] ?? "",
    );
  return { text, restore };
}

/** Whether a place lies between `<` and `>`: in an attribute, say. */
function isInsideTag(source: string, at: number): boolean {
  const opened = source.lastIndexOf("<", at);
  return opened >= 0 && /^<[a-z/!]/i.test(source.slice(opened, opened + 2)) && source.lastIndexOf(">", at) < opened;
}

/** Escapes the text around tags for HTML and leaves the tags alone. */
export function escapeText(source: string): string {
  const guarded = protect(source, "word");
  return guarded.restore(guarded.text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"));
}
