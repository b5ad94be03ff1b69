/** How text becomes mail: quoted-printable bodies, encoded and folded headers. RFC 2045, 2047, 5322; knows no message. */

// oxlint-disable-next-line no-control-regex -- control characters are what is replaced
const BREAKS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** One line of text without anything that could begin another header (attack 22). */
export const oneLine = (text: string): string => text.replaceAll(BREAKS, " ").replaceAll(/\s+/g, " ").trim();

const MAX_LINE = 76;
const MAX_WORD = 75;

/** Each byte as it stands in quoted-printable text when nothing else is known. */
const HEX = Array.from({ length: 256 }, (_, byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`);

/**
 * Quoted-printable text with CRLF and lines of at most 76 characters (S5). No line begins with a dot or with "From ", so
 * that neither SMTP nor a mailbox file ever changes a byte of it.
 */
export function quotedPrintable(text: string): string {
  const lines = text
    .replaceAll(/\r\n|\r/g, "\n")
    .replaceAll("\0", "")
    .split("\n");
  return lines.map(quotedLine).join("\r\n");
}

const PLAIN = /^[!-<>-~ \t]*$/;

function quotedLine(line: string): string {
  if (line.length <= MAX_LINE && PLAIN.test(line) && !/^\.|^From |[ \t]$/.test(line)) return line;
  const bytes = Buffer.from(line, "utf8");
  let out = "";
  let column = 0;
  for (const [at, byte] of bytes.entries()) {
    const isLast = at === bytes.length - 1;
    const blank = byte === 32 || byte === 9;
    let piece =
      (byte >= 33 && byte <= 126 && byte !== 61) || (blank && !isLast) ? String.fromCharCode(byte) : HEX[byte]!;
    if (column + piece.length > MAX_LINE - 1 && !(isLast && column + piece.length <= MAX_LINE)) {
      out += "=\r\n";
      column = 0;
    }
    const starts = column === 0 && (byte === 46 || (byte === 70 && bytes.toString("latin1", at, at + 5) === "From "));
    if (starts) piece = HEX[byte]!;
    out += piece;
    column += piece.length;
  }
  return out;
}

/** A header line, folded at blanks; words longer than a line are left whole, because cutting them would change them. */
export function header(name: string, value: string): string {
  const words = value.split(" ");
  let line = `${name}:`;
  const lines: string[] = [];
  for (const word of words) {
    if (line.length + 1 + word.length > MAX_LINE && line.trim() !== "" && !line.endsWith(":")) {
      lines.push(line);
      line = "";
    }
    line += ` ${word}`;
  }
  return `${[...lines, line].join("\r\n")}\r\n`;
}

/** Text of a header such as Subject: as it stands when it is plain, else encoded words that split no character (S4). */
export function headerText(text: string): string {
  const clean = oneLine(text);
  return isPlain(clean) && clean.split(" ").every((word) => word.length < MAX_LINE - 15) ? clean : encodedWords(clean);
}

const isPlain = (text: string) => /^[ -~]*$/.test(text) && !text.includes("=?");

function encodedWords(text: string): string {
  const room = Math.floor((MAX_WORD - "=?UTF-8?B??=".length) / 4) * 3;
  const words: string[] = [];
  let chunk = "";
  let size = 0;
  for (const character of text) {
    const bytes = Buffer.byteLength(character);
    if (size + bytes > room) {
      words.push(chunk);
      chunk = "";
      size = 0;
    }
    chunk += character;
    size += bytes;
  }
  words.push(chunk);
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString("base64")}?=`).join(" ");
}

/** `Name <address>`: the name plain, quoted or encoded as it needs. */
export function mailbox({ name, address }: { readonly name: string | null; readonly address: string }): string {
  const clean = oneLine(name ?? "");
  if (clean === "") return `<${address}>`;
  return `${phrase(clean)} <${address}>`;
}

/** A display name (RFC 5322 phrase). */
export function phrase(clean: string): string {
  if (!isPlain(clean) || clean.length > 60) return encodedWords(clean);
  if (/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*$/.test(clean)) return clean;
  return `"${clean.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** RFC 5322 3.3, in UTC. */
export function mailDate(at: Temporal.Instant): string {
  const date = at.toZonedDateTimeISO("UTC");
  const two = (number: number) => String(number).padStart(2, "0");
  const time = `${two(date.hour)}:${two(date.minute)}:${two(date.second)}`;
  return `${DAYS[date.dayOfWeek - 1]}, ${date.day} ${MONTHS[date.month - 1]} ${date.year} ${time} +0000`;
}
