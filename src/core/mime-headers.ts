/** Header lines: folded, encoded, and impossible to break out of. Decides no values. */

/** RFC 5322 2.1.1 and RFC 2047 2: a line with an encoded word has at most 76 characters, the word at most 75. */
const MAX_LINE = 76;
const MAX_WORD = 75;
/** RFC 5322 2.1.1: no line has more than 998 characters, and a URL cannot be folded (S1). */
const MAX_URL = 900;
const PRINTABLE = /^[ -~]*$/;
const ATOMS = /^[\w!#$%&'*+/?^`{|}~-]+(?: [\w!#$%&'*+/?^`{|}~-]+)*$/;
/** Controls, and what some program takes for a line end: NEL, line and paragraph separator (attack 22). */
// oxlint-disable-next-line no-control-regex -- control characters are what is neutralised
const UNSAFE = /[\u0000- \u007f-\u009f\u2028\u2029]+/g;

/** A value on one line: whatever breaks or controls lines becomes one space. */
const oneLine = (text: string): string => {
  if (PRINTABLE.test(text) && !text.includes("  ")) return text.trim();
  return text.toWellFormed().replace(UNSAFE, " ").trim();
};

/** A header of free text (Subject). Ends with CRLF. */
export function textHeader(name: string, value: string): string {
  const text = oneLine(value);
  const longest = text.split(" ").reduce((most, word) => Math.max(most, word.length), 0);
  const asItIs = PRINTABLE.test(text) && !text.includes("=?") && longest <= MAX_LINE - name.length - 2;
  if (text === "") return `${name}:\r\n`;
  return folded(name, asItIs ? text.split(" ") : encodedWords(text, name.length + 2));
}

/** A header with one mailbox: From, To, Reply-To. Throws for an address that is none, which nobody should get to. */
export function mailboxHeader(
  name: string,
  { name: label, address }: { name: string | null; address: string },
): string {
  if (!ADDRESS.test(address)) throw new Error(`Not an address to write into a header: ${JSON.stringify(address)}`);
  const phrase = oneLine(label ?? "");
  if (phrase === "") return folded(name, [address]);
  return folded(name, [...phraseWords(phrase, name.length + 2), `<${address}>`]);
}

/** RFC 2919: `List-Id: label <id>`. */
export function listIdHeader({ label, domain }: { label: string; domain: string }): string {
  const id = oneLine(domain)
    .replace(/[^\w.-]/g, "")
    .slice(0, 200);
  const phrase = oneLine(label);
  return folded("List-Id", [...(phrase === "" ? [] : phraseWords(phrase, 9)), `<${id}>`]);
}

/** RFC 2369: URLs in angle brackets, with commas between them. */
export function urlsHeader(name: string, urls: readonly string[]): string {
  const words = urls.map((url, index) => `<${pureUrl(url)}>${index < urls.length - 1 ? "," : ""}`);
  if (words.some(({ length }) => length > MAX_URL)) throw new Error(`Not a URL to write into ${name}: too long.`);
  return folded(name, words);
}

/** A header whose value is ours: structured, ASCII, broken at its spaces only. */
export function folded(name: string, words: readonly string[]): string {
  let line = `${name}:`;
  let out = "";
  for (const word of words) {
    if (line.length + 1 + word.length > MAX_LINE && line !== `${name}:`) {
      out += `${line}\r\n`;
      line = "";
    }
    line += ` ${word}`;
  }
  return `${out}${line}\r\n`;
}

// A last look, after the caller's: one address, nothing that ends it, its brackets or its line.
const ADDRESS =
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  /^(?:"(?:[^"\\\u0000-\u001f\u007f]|\\[ -~])*"|[^\s"(),:;<>@[\\\]\u0000-\u001f\u007f-\u009f]+)@[a-z\d.-]+$/i;

function phraseWords(phrase: string, used: number): string[] {
  // A long word cannot be folded, a long quoted string should not be.
  if (PRINTABLE.test(phrase) && !phrase.includes("=?") && phrase.length <= MAX_LINE - used - 2) {
    if (ATOMS.test(phrase)) return phrase.split(" ");
    const quoted = `"${phrase.replace(/["\\]/g, "\\$&")}"`;
    if (quoted.length <= MAX_LINE - used) return [quoted];
  }
  return encodedWords(phrase, used);
}

/** Anything that is not for a URL in brackets is percent-encoded. */
const pureUrl = (url: string) =>
  url.toWellFormed().replace(/[^!-~]|[<>",\\^`{|}]/gu, (character) => encodeURIComponent(character));

/** RFC 2047: words of at most 75 characters, whole characters each, in the shorter of the two encodings. */
function encodedWords(text: string, used: number): string[] {
  const asQ = Array.from(text, encodedQ);
  const lengthQ = asQ.reduce((sum, { length }) => sum + length, 0);
  if (lengthQ <= lengthInBase64(Buffer.byteLength(text)))
    return packed(asQ, used, { sizeOf: ({ length }) => length, lengthOf: (size) => size }).map(
      (word) => `=?UTF-8?Q?${word}?=`,
    );
  return packed(text, used, { sizeOf: (character) => Buffer.byteLength(character), lengthOf: lengthInBase64 }).map(
    (word) => `=?UTF-8?B?${Buffer.from(word).toString("base64")}?=`,
  );
}

const lengthInBase64 = (octets: number) => Math.ceil(octets / 3) * 4;

/**
 * Characters in as few words as hold them, the first behind so much of a line.
 * @param lengthOf how long a word of that size is once it is encoded.
 */
function packed(
  characters: Iterable<string>,
  used: number,
  { sizeOf, lengthOf }: { sizeOf: (character: string) => number; lengthOf: (size: number) => number },
): string[] {
  const words: string[] = [];
  let [word, size, room] = ["", 0, roomIn(used)];
  for (const character of characters) {
    const more = sizeOf(character);
    if (word !== "" && lengthOf(size + more) > room) {
      words.push(word);
      [word, size, room] = ["", 0, roomIn(0)];
    }
    word += character;
    size += more;
  }
  return [...words, word];
}

/** What fits between `=?UTF-8?Q?` and `?=` behind so much of a line. */
const roomIn = (used: number) => Math.min(MAX_WORD, MAX_LINE - used) - 12;

// RFC 2047 5 (3): inside a phrase only these stand for themselves.
function encodedQ(character: string): string {
  const code = character.charCodeAt(0);
  return code < 128 ? ASCII_Q[code]! : encodeURIComponent(character).replaceAll("%", "=");
}

const ASCII_Q = Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/^[A-Za-z\d!*+/-]$/.test(character)) return character;
  return character === " " ? "_" : `=${code.toString(16).toUpperCase().padStart(2, "0")}`;
});
