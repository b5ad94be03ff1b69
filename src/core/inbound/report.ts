/** Reads machine-readable reports: delivery status (RFC 3464) and feedback (RFC 5965). Judges nothing. */
import { addressIn, fieldsOf } from "./mail.ts";

export type Recipient = {
  readonly recipient: string | null;
  readonly action: string | null;
  /** Enhanced status code (RFC 3463). */
  readonly status: string | null;
  readonly diagnostic: string;
};

/** One entry for each recipient of a delivery status; the fields that speak of the whole mail are left out. */
export function readDeliveryStatus(text: string): Recipient[] {
  return text
    .split(/\r?\n[ \t]*\r?\n/)
    .flatMap((block) => block.split(block.split(RECIPIENT_BEGINS).length > 2 ? RECIPIENT_BEGINS : /$^/))
    .map(fieldsOf)
    .filter((fields) => fields.has("final-recipient") || fields.has("original-recipient") || fields.has("action"))
    .slice(0, MOST_RECIPIENTS)
    .map((fields) => ({
      recipient: recipientOf(fields),
      action: /^[a-z]+/i.exec(fields.get("action") ?? "")?.[0].toLowerCase() ?? null,
      status: statusIn(fields.get("status") ?? ""),
      diagnostic: [fields.get("diagnostic-code") ?? "", fields.get("x-supplementary-info") ?? ""].join(" ").trim(),
    }));
}

/** Not everybody leaves a line free between recipients. */
const RECIPIENT_BEGINS = /\r?\n(?=Final-Recipient[ \t]*:)/i;
const MOST_RECIPIENTS = 1000;

/** The address it was sent to goes before the one it was passed on to; what the server could not deliver to is the last. */
function recipientOf(fields: ReadonlyMap<string, string>): string | null {
  for (const name of ["final-recipient", "original-recipient", "x-actual-recipient"]) {
    const value = fields.get(name);
    if (value === undefined) continue;
    const address = addressIn(value.replace(/^[\w-]+\s*;/, ""));
    if (address) return address;
  }
  return null;
}

/** An enhanced status code in some text: class 2, 4 or 5. */
export function statusIn(text: string): string | null {
  return /(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)/.exec(text)?.[0] ?? null;
}

/** An SMTP reply code in some text. */
export function replyCodeIn(text: string): string | null {
  return (
    /(?<![\d.#[-]|\d:)\b([45][0-5]\d)(?=[ -](?:[45]\.\d|[^\d.]|$)|:? |,|$)/.exec(
      text.slice(0, 4000).replaceAll(/\s+/g, " "),
    )?.[1] ?? null
  );
}

/** Whom a complaint is from. Where the provider blacked the address out, the original's To may still name it. */
export function complainants(report: string, original: string): string[] {
  const reported = [...report.matchAll(/^(?:Original-Rcpt-To|Removal-Recipient|Final-Recipient)[ \t]*:[ \t]*(.+)$/gim)]
    .slice(0, MOST_RECIPIENTS)
    .flatMap(([, value]) => addressIn(value!) ?? []);
  const headers = fieldsOf(original.split(/\r?\n\r?\n/, 1)[0]!);
  const written = ["to", "x-rcpt-to", "x-original-to", "delivered-to"].flatMap(
    (name) => addressIn(headers.get(name) ?? "") ?? [],
  );
  const plain = reported.filter((address) => !BLACKED_OUT.test(address));
  const named = written.filter((address) => !BLACKED_OUT.test(address)).slice(0, 1);
  // An address that is nobody's is still what was said, where nothing better was.
  return [...new Set([plain, named, reported, written.slice(0, 1)].find((some) => some.length > 0) ?? [])];
}

const BLACKED_OUT = /^(?:redacted|hidden|removed|anonymous|undisclosed|x{3,}|\*{3,})\b/i;
