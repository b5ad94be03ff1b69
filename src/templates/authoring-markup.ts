/** Tells markup from text, in time that grows with the length alone. Understands no HTML beyond that. */

export type Piece = {
  readonly text: string;
  /** `raw`: an element with its text, as `style`; `other`: comments, declarations. */
  readonly kind: "text" | "open" | "close" | "raw" | "other";
  /** The element's name in lower case; empty for text. */
  readonly name: string;
};

const RAW = new Set(["style", "script", "title", "textarea"]);
const NAME = /<\/?([a-z][^\s/>]*)/iy;

/** Splits HTML or MJML into pieces that make up the whole. What never ends is one piece up to the end. */
export function pieces(html: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  const take = (kind: Piece["kind"], to: number, name = "") => {
    if (to > from) found.push({ kind, text: html.slice(from, to), name });
    from = Math.max(from, to);
  };
  for (let at = html.indexOf("<"); at !== -1; at = html.indexOf("<", Math.max(at + 1, from))) {
    if (html.startsWith("<!", at)) {
      take("text", at);
      take("other", after(html, html.startsWith("<!--", at) ? "-->" : ">", at));
      continue;
    }
    NAME.lastIndex = at;
    const name = NAME.exec(html)?.[1]?.toLowerCase();
    if (!name) continue;
    take("text", at);
    const end = tagEnd(html, at);
    if (html[at + 1] === "/") take("close", end, name);
    else if (RAW.has(name)) take("raw", rawEnd(html, name, end), name);
    else take("open", end, name);
  }
  take("text", html.length);
  return found;
}

/** What closes itself, or is closed by the next of its kind: it makes nothing deeper. */
const FLAT = new Set(
  "area base br col embed hr img input link meta param source track wbr p li td th tr tbody thead tfoot dt dd option".split(
    " ",
  ),
);

/** How deep elements stand in each other, at most. What is never closed counts too. */
export function depthOf(html: string): number {
  let depth = 0;
  let most = 0;
  for (const { kind, name, text } of pieces(html)) {
    if (FLAT.has(name) || text.endsWith("/>")) continue;
    if (kind === "open") depth++;
    else if (kind === "close") depth = Math.max(0, depth - 1);
    most = Math.max(most, depth);
  }
  return most;
}

function after(html: string, end: string, at: number): number {
  const found = html.indexOf(end, at);
  return found === -1 ? html.length : found + end.length;
}

function tagEnd(html: string, start: number): number {
  let quote = "";
  for (let at = start + 1; at < html.length; at++) {
    const character = html[at]!;
    if (quote) quote = character === quote ? "" : quote;
    else if (character === ">") return at + 1;
    else if (character === '"' || character === "'") quote = character;
  }
  return html.length;
}

function rawEnd(html: string, name: string, from: number): number {
  const end = new RegExp(String.raw`</${name}\s*>`, "gi");
  end.lastIndex = from;
  return end.exec(html) ? end.lastIndex : html.length;
}
