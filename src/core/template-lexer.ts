/** Splits a template into text and tags, and tags into words; does the whitespace control. Understands no meaning. */
import type { Problem } from "./template-syntax.ts";

export type Token = {
  readonly kind: "name" | "number" | "string" | "sign" | "end";
  readonly text: string;
  /** Of a number or string: what it stands for. */
  readonly value?: number | string;
  readonly at: number;
};

export type Segment =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output" | "statement"; readonly tokens: readonly Token[]; readonly at: number };

/** A mistake at a place of the source; becomes a Problem with line and column. */
export class Mistake extends Error {
  readonly code: string;
  readonly at: number;

  constructor(code: string, at: number, message: string) {
    super(message);
    this.code = code;
    this.at = at;
  }
}

/** Line and column, both from 1, of places in a text; a column is a UTF-16 unit, as in editors. */
export function locator(source: string): (at: number) => { line: number; column: number } {
  const starts = [0];
  for (let at = source.indexOf("\n"); at !== -1; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  return (at) => {
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (starts[middle]! <= at) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: at - starts[low]! + 1 };
  };
}

export function problemAt(source: string, { code, at, message }: Pick<Mistake, "code" | "at" | "message">): Problem {
  return { ...locator(source)(at), code, message };
}

/** A tag with more words than this is no tag a person wrote; it also bounds how deep an expression can be. */
const MAX_TOKENS = 1000;
const NAME = /[_\p{ID_Start}]\p{ID_Continue}*/uy;
const NUMBER = /\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const SIGN = /\/\/|\*\*|[=!<>]=|[-+*/%~|.,:()[\]{}<>=]/y;
const SPACE = /\s*/y;
const ENDRAW = /\{%[-+]?\s*endraw\s*([-+]?)%\}/g;

/** Throws a {@link Mistake}. The source has LF line ends. */
export function segmentsOf(source: string): Segment[] {
  // As in Jinja, one line end at the end of a template is not part of it.
  const text = source.endsWith("\n") ? source.slice(0, -1) : source;
  const segments: Segment[] = [];
  let at = 0;
  let trimStart = false;
  while (at < text.length) {
    const open = nextTag(text, at);
    const tagged = open < text.length;
    addText(text.slice(at, open), tagged && text[open + 2] === "-");
    if (!tagged) break;
    if (text[open + 1] === "#") {
      const close = text.indexOf("#}", open + 2);
      if (close === -1) throw new Mistake("unclosed-tag", open, "This comment has no end: “#}” is missing.");
      trimStart = close > open + 2 && text[close - 1] === "-";
      at = close + 2;
      continue;
    }
    const { tokens, end, trims } = tagOf(text, open);
    trimStart = trims;
    at = end;
    if (text[open + 1] === "%" && tokens[0]?.text === "raw" && tokens[1]?.kind === "end") at = raw(open);
    else segments.push({ kind: text[open + 1] === "{" ? "output" : "statement", tokens, at: open });
  }
  return segments;

  function addText(piece: string, trimEnd: boolean): void {
    let kept = trimStart ? piece.trimStart() : piece;
    if (trimEnd) kept = kept.trimEnd();
    trimStart = false;
    if (kept !== "") segments.push({ kind: "text", text: kept });
  }

  function raw(open: number): number {
    ENDRAW.lastIndex = at;
    const end = ENDRAW.exec(text);
    if (!end) throw new Mistake("unclosed-tag", open, "This “raw” has no “endraw”.");
    addText(text.slice(at, end.index), end[0][2] === "-");
    trimStart = end[1] === "-";
    return end.index + end[0].length;
  }
}

/** Where a tag stands in the source; `raw` reaches to the end of its `endraw`. */
export type TagPlace = {
  readonly start: number;
  readonly end: number;
  readonly kind: "output" | "statement" | "comment" | "raw";
};

/** The places of all tags of a template that parses, in their order; throws a {@link Mistake} otherwise. */
export function tagsIn(text: string): TagPlace[] {
  const places: TagPlace[] = [];
  for (let start = nextTag(text, 0); start < text.length; start = nextTag(text, places.at(-1)!.end)) {
    if (text[start + 1] === "#") {
      const close = text.indexOf("#}", start + 2);
      places.push({ start, end: close === -1 ? text.length : close + 2, kind: "comment" });
      continue;
    }
    const { tokens, end } = tagOf(text, start);
    const isRaw = text[start + 1] === "%" && tokens[0]?.text === "raw";
    if (isRaw) ENDRAW.lastIndex = end;
    const closed = isRaw && ENDRAW.exec(text);
    if (closed) places.push({ start, end: closed.index + closed[0].length, kind: "raw" });
    else places.push({ start, end, kind: text[start + 1] === "{" ? "output" : "statement" });
  }
  return places;
}

function nextTag(text: string, from: number): number {
  for (let at = text.indexOf("{", from); at !== -1; at = text.indexOf("{", at + 1))
    if (text[at + 1] === "{" || text[at + 1] === "%" || text[at + 1] === "#") return at;
  return text.length;
}

function tagOf(text: string, open: number): { tokens: Token[]; end: number; trims: boolean } {
  const close = text[open + 1] === "{" ? "}}" : "%}";
  const tokens: Token[] = [];
  let depth = 0;
  let at = open + 2;
  if (text[at] === "-" || text[at] === "+") at++;
  for (;;) {
    at += matched(SPACE, text, at)!.length;
    if (at >= text.length) throw new Mistake("unclosed-tag", open, `This tag has no end: “${close}” is missing.`);
    const marked = /[-+]/.test(text[at]!) && text.startsWith(close, at + 1);
    if (depth === 0 && (marked || text.startsWith(close, at))) {
      tokens.push({ kind: "end", text: close, at });
      return { tokens, end: at + (marked ? 3 : 2), trims: marked && text[at] === "-" };
    }
    if (tokens.length > MAX_TOKENS) throw new Mistake("tag-too-long", open, "This tag is too long.");
    const token = tokenOf(text, at, open, close);
    if (token.text === "{") depth++;
    if (token.text === "}") depth = Math.max(0, depth - 1);
    tokens.push(token);
    at += token.text.length;
  }
}

function tokenOf(text: string, at: number, open: number, close: string): Token {
  const name = matched(NAME, text, at);
  if (name) return { kind: "name", text: name, at };
  const number = matched(NUMBER, text, at);
  if (number) return { kind: "number", text: number, value: Number(number.replaceAll("_", "")), at };
  const quote = text[at]!;
  if (quote === "'" || quote === '"') return stringOf(text, at, quote);
  if (text.startsWith("{{", at) || text.startsWith("{%", at))
    throw new Mistake("unclosed-tag", open, `This tag has no end: “${close}” is missing.`);
  const sign = matched(SIGN, text, at);
  if (sign) return { kind: "sign", text: sign, at };
  if (quote === "&" && /&(?:quot|lt|gt|amp|#39|#34);/y.test(text.slice(at, at + 6)))
    throw new Mistake(
      "unexpected-character",
      at,
      'Inside a tag write the characters themselves: " < > and not &quot; &lt; &gt;.',
    );
  if (/[“”„‘’«»]/.test(quote))
    throw new Mistake("unexpected-character", at, `Inside a tag write straight quotes (" or '), not ${quote}.`);
  throw new Mistake("unexpected-character", at, `“${String.fromCodePoint(text.codePointAt(at)!)}” cannot stand here.`);
}

const ESCAPED: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f" };

function stringOf(text: string, at: number, quote: string): Token {
  let value = "";
  for (let index = at + 1; index < text.length; index++) {
    const character = text[index]!;
    if (character === quote) return { kind: "string", text: text.slice(at, index + 1), value, at };
    if (character !== "\\") {
      value += character;
      continue;
    }
    const next = text[++index] ?? "";
    const code = next === "u" ? /^[\da-fA-F]{4}/.exec(text.slice(index + 1, index + 5))?.[0] : undefined;
    if (code) index += 4;
    value += code ? String.fromCharCode(Number.parseInt(code, 16)) : (ESCAPED[next] ?? next);
  }
  throw new Mistake("unclosed-string", at, `This text has no closing ${quote}.`);
}

function matched(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}
