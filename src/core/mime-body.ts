/** Quoted-printable that is the same however the text was put together. Knows no headers and no templates. */

/**
 * RFC 2045 6.7. The encoding is a function of the text alone: each line of the text starts a new line and is cut every
 * 75 octets. So a message can be put together from parts encoded beforehand and still have the same bytes as the whole
 * text encoded at once. No encoded line begins with a dot (no dot-stuffing, S10), with "From " (mbox) or with "--" (no
 * line can be taken for a boundary, S5).
 */
export function quotedPrintable(text: string): string {
  const body = new EncodedBody();
  body.add(text.toWellFormed().replace(/\r\n?/g, "\n"));
  return body.end();
}

/** A text of a template, encoded once: what belongs to the line before it, whole lines, and the start of a line. */
export type EncodedText = { readonly head: string; readonly lines: string; readonly tail: string | null };

export function encodedText(text: string): EncodedText {
  const octets = escaped(text);
  const first = octets.indexOf("\n");
  if (first === -1) return { head: octets, lines: "", tail: null };
  const last = octets.lastIndexOf("\n");
  const lines =
    first === last
      ? ""
      : octets
          .slice(first + 1, last)
          .split("\n")
          .map(wrapped)
          .join("");
  // Through a buffer: a string made by adding is a rope, and would be flattened again for every mail.
  return { head: flat(octets.slice(0, first)), lines: flat(lines), tail: flat(octets.slice(last + 1)) };
}

/** A body as it grows; text has LF line ends and is well formed. */
export class EncodedBody {
  #out = "";
  /** The line that is not ended yet: encoded, not cut. */
  #line = "";

  addEncoded({ head, lines, tail }: EncodedText): void {
    this.#line += head;
    if (tail === null) return;
    this.#out += wrapped(this.#line) + lines;
    this.#line = tail;
  }

  add(text: string): void {
    if (PLAIN.test(text)) {
      this.#line += text;
      return;
    }
    const lines = escaped(text).split("\n");
    for (const line of lines.slice(0, -1)) {
      this.#out += wrapped(this.#line + line);
      this.#line = "";
    }
    this.#line += lines.at(-1)!;
  }

  /** The body; a last line without end has none in the mail either. */
  end(): string {
    return this.#out + wrapped(this.#line).slice(0, -2);
  }
}

/** RFC 2045 6.7 (5): 76 characters, the soft break's "=" among them. */
const MAX_LINE = 76;
const PLAIN = /^[ -<>-~]*$/;
const EQUALS = 61;
// oxlint-disable-next-line no-control-regex -- control characters are what is dropped (S1: no NUL, no bare CR)
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
const HEX = Array.from({ length: 256 }, (_, octet) => `=${octet.toString(16).toUpperCase().padStart(2, "0")}`);

/** Every octet written as it may stand in a line, except for what depends on its place; line ends stay LF. */
function escaped(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the ASCII range
  return text.replace(CONTROL, "").replace(/=|[^\u0000-\u007f]+/g, (found) => {
    if (found === "=") return "=3D";
    let octets = "";
    for (const octet of Buffer.from(found, "utf8")) octets += HEX[octet]!;
    return octets;
  });
}

/** One whole line of the text, cut, with its CRLF. */
function wrapped(line: string): string {
  const last = line.charCodeAt(line.length - 1);
  // RFC 2045 6.7 (3): white space at the end of a line would be lost on the way.
  const whole = last === 32 || last === 9 ? line.slice(0, -1) + HEX[last]! : line;
  let out = "";
  let at = 0;
  for (;;) {
    const start = opening(whole, at);
    const from = start === "" ? at : at + 1;
    if (whole.length - from + start.length <= MAX_LINE) return `${out}${start}${whole.slice(from)}\r\n`;
    let to = from + MAX_LINE - 1 - start.length;
    // Never inside an "=XX".
    if (whole.charCodeAt(to - 1) === EQUALS) to -= 1;
    else if (whole.charCodeAt(to - 2) === EQUALS) to -= 2;
    out += `${start}${whole.slice(from, to)}=\r\n`;
    at = to;
  }
}

/** The first character in hexadecimal where the line would mean something else to somebody on the way. */
function opening(line: string, at: number): string {
  const first = line.charCodeAt(at);
  if (first === 46) return "=2E";
  if (first === 45 && line.charCodeAt(at + 1) === 45) return "=2D";
  return first === 70 && line.startsWith("From ", at) ? "=46" : "";
}

const flat = (text: string) => Buffer.from(text, "latin1").toString("latin1");
