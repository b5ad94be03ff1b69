/** Reads a received mail into what recognising needs: headers, human text, reports, the original. Never fails, whatever comes. */
import PostalMime, { type Email } from "postal-mime";
import { textOfHtml } from "./html-text.ts";

export type ReceivedMail = {
  /** All values of a header, by its name in small letters, in order. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly subject: string;
  readonly from: { readonly name: string; readonly address: string } | null;
  readonly to: readonly string[];
  /** What is there to read, HTML without its tags. */
  readonly text: string;
  /** Its HTML as it came; null where there is none. */
  readonly html: string | null;
  /** Machine-readable parts (delivery-status, feedback-report, disposition-notification), by their subtype. */
  readonly reports: readonly { readonly type: string; readonly text: string }[];
  /** The mail it is about: whole, or its headers. Several in a digest. */
  readonly originals: readonly string[];
};

/** More of a mail is not looked at: reports come first. */
export const MOST_BYTES = 1_500_000;
const MOST_TEXT = 200_000;
const MOST_PARTS = 200;
const LEAST_TEXT = 80;

export async function readMail(bytes: Uint8Array): Promise<ReceivedMail> {
  const looked = beginning(bytes);
  let email: Email | null = null;
  try {
    email = await PostalMime.parse(looked, {
      forceRfc822Attachments: true,
      attachmentEncoding: "utf8",
      maxNestingDepth: 30,
      maxHeadersSize: 500_000,
    });
  } catch {
    // Nested or broken beyond reason: what it says in plain sight must do.
  }
  const raw = new TextDecoder().decode(looked.subarray(0, MOST_TEXT));
  if (!email) return plainly(raw);
  const headers = new Map<string, string[]>();
  for (const { key, value } of email.headers) {
    const known = headers.get(key);
    if (known) known.push(value);
    else headers.set(key, [value]);
  }
  const parts = email.attachments.slice(0, MOST_PARTS).map((part) => ({
    // Some forget the semicolon behind it.
    type: part.mimeType.toLowerCase().split(/[\s;]/)[0]!,
    text: (typeof part.content === "string" ? part.content : "").slice(0, MOST_TEXT),
  }));
  const readable = parts.filter(({ type }) => type === "text/plain").map(({ text }) => text);
  const written = email.text?.trim()
    ? email.text.slice(0, MOST_TEXT)
    : textOfHtml((email.html ?? "").slice(0, MOST_TEXT));
  const shown = [written, ...readable].join("\n").slice(0, MOST_TEXT).replaceAll("\r\n", "\n");
  const read = {
    headers,
    subject: email.subject ?? "",
    from: email.from?.address === undefined ? null : { name: email.from.name, address: email.from.address },
    to: (email.to ?? []).flatMap(({ address }) => address ?? []),
  };
  if (isHidden(shown, parts.length, raw)) return { ...plainly(raw), ...read };
  return {
    ...read,
    text: shown,
    html: email.html ? email.html.slice(0, MOST_TEXT) : null,
    reports: parts
      .filter(({ type }) => REPORTS.test(type))
      .map(({ type, text }) => ({ type: type.split("/")[1]!, text })),
    originals: parts.filter(({ type }) => ORIGINALS.test(type)).map(({ text }) => text),
  };
}

/** Up to so many lines, and lines that may be boundaries: of thousands of parts the further ones say nothing new. */
function beginning(bytes: Uint8Array): Uint8Array {
  const looked = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, MOST_BYTES));
  const ends = [nth(looked, "\n--", MOST_BOUNDARIES), nth(looked, "\n", MOST_LINES)];
  return looked.subarray(0, Math.min(...ends));
}

function nth(buffer: Buffer, what: string, count: number): number {
  let at = -1;
  for (let seen = 0; seen < count; seen += 1) {
    at = buffer.indexOf(what, at + 1, "latin1");
    if (at < 0) return buffer.length;
  }
  return at;
}

const MOST_BOUNDARIES = 500;
const MOST_LINES = 20_000;
const REPORTS = /^message\/(?:global-)?(?:delivery-status|feedback-report|disposition-notification)$/;
const ORIGINALS = /^(?:message\/(?:rfc822|global|partial)|text\/rfc822-headers?|message\/(?:rfc822|global)-headers)$/;

/** Boundaries that do not fit hide everything from a parser, and nothing from a reader. */
function isHidden(shown: string, parts: number, raw: string): boolean {
  if (parts > 0 || shown.trim().length >= LEAST_TEXT) return false;
  const head = raw.split(/\r?\n\r?\n/, 1)[0]!;
  const encoded = /^Content-Transfer-Encoding:\s*(?:base64|quoted-printable)/im.test(head);
  return !encoded && raw.length - head.length > 2 * shown.length + LEAST_TEXT;
}

/** The first value of a header; empty where it is not there. */
export const headerOf = (mail: ReceivedMail, name: string) => mail.headers.get(name)?.[0] ?? "";

/** The texts of its reports of a type. */
export const reportsOf = (mail: ReceivedMail, type: string) =>
  mail.reports.filter((one) => one.type.endsWith(type)).map(({ text }) => text);

/** Header fields of a block of text, unfolded: names in small letters. */
export function fieldsOf(block: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  let name: string | null = null;
  for (const line of block.split(/\r?\n/)) {
    const field = /^([\w-]{1,70})[ \t]*:[ \t]*(.*)$/.exec(line);
    if (field) {
      name = field[1]!.toLowerCase();
      if (fields.has(name)) name = null;
      else fields.set(name, field[2]!.trim());
    } else if (/^[ \t]+\S/.test(line) && name) fields.set(name, `${fields.get(name)} ${line.trim()}`);
    else if (line.trim() !== "") name = null;
  }
  return fields;
}

function plainly(text: string): ReceivedMail {
  const head = text.split(/\r?\n\r?\n/, 1)[0]!;
  const fields = fieldsOf(head);
  return {
    headers: new Map([...fields].map(([name, value]) => [name, [value]])),
    subject: fields.get("subject") ?? "",
    from: fields.has("from") ? { name: "", address: addressIn(fields.get("from")!) ?? "" } : null,
    to: [addressIn(fields.get("to") ?? "")].filter((address) => address !== null),
    text: text
      .slice(head.length)
      .replace(/^[\r\n]+/, "")
      .replaceAll("\r\n", "\n"),
    html: null,
    reports: [],
    originals: [],
  };
}

const ADDRESS = /[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\p{L}\p{N}][\p{L}\p{N}.-]{0,250}[\p{L}\p{N}]/u;

/** The first address in a line of text. */
export function addressIn(text: string): string | null {
  const quoted = /("[^"\s@]{1,64}")@([\w.-]+\w)/.exec(text.slice(0, 2000));
  const bracketed = /<([^<>\s]{1,320})>/.exec(text.slice(0, 2000))?.[1] ?? "";
  return quoted?.[0] ?? ADDRESS.exec(bracketed)?.[0] ?? ADDRESS.exec(text.slice(0, 2000))?.[0] ?? null;
}
