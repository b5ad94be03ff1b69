/** What a DKIM signature covers and how its header is written (RFC 6376, RFC 8463). Holds no key and signs nothing. */
import { createHash, hash } from "node:crypto";

export type DkimAlgorithm = "rsa-sha256" | "ed25519-sha256";

/** Who signs, and where the public key is published: `<selector>._domainkey.<domain>`. */
export type DkimIdentity = {
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: DkimAlgorithm;
};

/**
 * What is kept with a message of its signatures: enough to write their headers again to the byte, long after the keys
 * are gone. `at` and `expiresAt` are seconds since 1970.
 */
export type Signed = {
  readonly domain: string;
  readonly at: number;
  readonly expiresAt?: number;
  readonly keys: readonly {
    readonly selector: string;
    readonly algorithm: DkimAlgorithm;
    readonly signature: string;
  }[];
};

/** What is the same for every signature of one mail: its header fields in canonical form, and the hash of its body. */
export type Signable = {
  readonly names: readonly string[];
  /** The signed header fields, each with its CRLF. */
  readonly fields: string;
  readonly bodyHash: string;
};

/**
 * Named once more than they stand in the mail, so that one that is added on the way (a second From or Subject, a way to
 * unsubscribe that is not ours) breaks the signature (RFC 6376 8.15). RFC 8058 4 wants both List-Unsubscribe headers.
 */
const OVERSIGNED = [
  "From",
  "Sender",
  "Reply-To",
  "To",
  "Cc",
  "Subject",
  "Date",
  "Message-ID",
  "List-Unsubscribe",
  "List-Unsubscribe-Post",
  "MIME-Version",
  "Content-Type",
  "Content-Transfer-Encoding",
];
/** Signed where they stand; a relay or list may add its own. */
const SIGNED = ["List-Id", "Feedback-ID"];

/** Reads a mail that {@link compose} or {@link composeRendered} of message.ts made. */
export function signable(mail: Buffer): Signable {
  const { head, body } = split(mail);
  // A composed body is ASCII, and hashed as the text it is.
  return { ...signedFields(head), bodyHash: hash("sha256", canonicalComposedBody(body), "base64") };
}

/** Reads any mail with CRLF line ends: what {@link signable} does for ours, by the letter of RFC 6376 3.4.4. */
export function signableMail(mail: Buffer): Signable {
  const { head, body } = split(mail);
  return { ...signedFields(head), bodyHash: hash("sha256", Buffer.from(canonicalBody(body), "latin1"), "base64") };
}

/** RFC 6376 3.4.4, relaxed: for any body with CRLF line ends. */
export function canonicalBody(body: string): string {
  const lines = body.split("\r\n").map((line) => line.replace(/[ \t]+/g, " ").replace(/ $/, ""));
  while (lines.at(-1) === "") lines.pop();
  return lines.map((line) => `${line}\r\n`).join("");
}

/**
 * The same for a composed body, in one pass. Quoted-printable leaves no white space at the end of a line (mime-body.ts
 * writes it in hexadecimal) and the last boundary leaves no empty lines at the end, so that only white space within a
 * line is left to look at: the indentation of HTML, mostly.
 */
export function canonicalComposedBody(body: string): string {
  return body.replace(/[ \t]{2,}|\t/g, " ");
}

/** The header of a signature up to its value, and the bytes to be signed for it. RFC 6376 3.5, 3.7. */
export function unsignedHeader(
  { names, fields, bodyHash }: Signable,
  { domain, selector, algorithm }: DkimIdentity,
  { at, expiresAt }: Pick<Signed, "at" | "expiresAt">,
): { header: string; toSign: Buffer } {
  // No l=: what is added to a body must break its signature.
  const header =
    `DKIM-Signature: v=1; a=${algorithm}; c=relaxed/relaxed; d=${domain};\r\n` +
    ` s=${selector}; t=${at};${expiresAt === undefined ? "" : ` x=${expiresAt};`}\r\n` +
    ` h=${foldedNames(names)};\r\n bh=${bodyHash};\r\n b=`;
  return { header, toSign: Buffer.from(fields + canonicalFields(header), "latin1") };
}

/** The whole header, with its CRLF. `signature` is base64. */
export function signedHeader(header: string, signature: string): string {
  return `${header}${signature.replace(/.{72}(?=.)/g, "$&\r\n ")}\r\n`;
}

/** The headers of signatures that were made before; they stand in front of the mail. */
export function signatureHeaders(mail: Buffer, { domain, keys, ...times }: Signed): string {
  const read = signable(mail);
  return keys
    .map(({ selector, algorithm, signature }) =>
      signedHeader(unsignedHeader(read, { domain, selector, algorithm }, times).header, signature),
    )
    .join("");
}

/** RFC 8463 3: ed25519 signs the SHA-256 of what rsa-sha256 would hash by itself. */
export function toSignWithEd25519(toSign: Buffer): Buffer {
  return createHash("sha256").update(toSign).digest();
}

/** The text of the record under `<selector>._domainkey.<domain>`; the key in base64. RFC 6376 3.6.1, RFC 8463 4.2. */
export function keyRecord(algorithm: DkimAlgorithm, publicKey: string): string {
  return algorithm === "rsa-sha256" ? `v=DKIM1; k=rsa; p=${publicKey}` : `v=DKIM1; k=ed25519; p=${publicKey}`;
}

/** The tags of a DKIM or DMARC record; null for what is no such list. RFC 6376 3.2. */
export function tagsOf(record: string): ReadonlyMap<string, string> | null {
  const tags = new Map<string, string>();
  for (const part of record.split(";")) {
    if (part.trim() === "") continue;
    const [, name, value] = /^\s*([A-Za-z]\w*)\s*=([^]*)$/.exec(part) ?? [];
    if (name === undefined || value === undefined || tags.has(name.toLowerCase())) return null;
    tags.set(name.toLowerCase(), value.trim());
  }
  return tags;
}

function split(mail: Buffer): { head: string; body: string } {
  const end = mail.indexOf("\r\n\r\n");
  // Byte for byte: an address may hold UTF-8 (RFC 6532).
  if (end === -1) return { head: mail.toString("latin1"), body: "" };
  return { head: mail.toString("latin1", 0, end + 2), body: mail.toString("latin1", end + 4) };
}

/** RFC 6376 5.4.2: of headers of one name the last stands for the first mention. */
function signedFields(head: string): Pick<Signable, "names" | "fields"> {
  const found = new Map<string, string[]>();
  for (const line of canonicalFields(head).split("\r\n")) {
    const colon = line.indexOf(":");
    if (colon === -1) continue;
    const name = line.slice(0, colon);
    const same = found.get(name);
    if (same) same.unshift(line);
    else found.set(name, [line]);
  }
  const names: string[] = [];
  let fields = "";
  for (const [header, name] of OVERSIGNED_NAMES) {
    for (const field of found.get(name) ?? []) {
      names.push(header);
      fields += `${field}\r\n`;
    }
    names.push(header);
  }
  for (const [header, name] of SIGNED_NAMES) {
    for (const field of found.get(name) ?? []) {
      names.push(header);
      fields += `${field}\r\n`;
    }
  }
  return { names, fields };
}

const withLowerCase = (names: readonly string[]) => names.map((name) => [name, name.toLowerCase()] as const);
const OVERSIGNED_NAMES = withLowerCase(OVERSIGNED);
const SIGNED_NAMES = withLowerCase(SIGNED);

/** RFC 6376 3.4.2, relaxed: for one field or many, with or without the last CRLF. */
function canonicalFields(head: string): string {
  return head
    .replace(/\r\n(?=[ \t])/g, "")
    .replace(/[ \t]{2,}|\t/g, " ")
    .replace(/^([^:\r\n]*?) ?: ?|(?: $)/gm, (_found, name?: string) =>
      name === undefined ? "" : `${name.toLowerCase()}:`,
    );
}

/** At colons, where RFC 6376 3.5 allows it. */
function foldedNames(names: readonly string[]): string {
  let out = "";
  let length = 3;
  for (const [index, name] of names.entries()) {
    if (index > 0) {
      out += ":";
      length += 1;
      if (length + name.length > 74) {
        out += "\r\n  ";
        length = 2;
      }
    }
    out += name;
    length += name.length;
  }
  return out;
}
