/** One message on its way to one recipient: its commands, its bytes, and how far it got. Never touches a socket. */
import { isAscii } from "node:buffer";
import { domainToASCII } from "node:url";
import type { Reply } from "./smtp-replies.ts";

/** A message for one recipient. `data` is the complete message with CRLF line ends; dots are stuffed on the way out. */
export type Outgoing = {
  /** Return path; empty for the null return path. */
  from: string;
  to: string;
  data: Uint8Array;
  /** The message's own headers hold raw UTF-8 (RFC 6531). A non-ASCII local part implies it. */
  smtpUtf8?: boolean;
  /** Comes back in delivery reports as Original-Envelope-Id (RFC 3461); left out when longer than 100 characters. */
  envelopeId?: string;
};

/** Which reports on its fate a message asks for (RFC 3461), where the server offers DSN. */
export type Reports = {
  /** Empty: nothing is asked, so that the server does as it is used to. `never` stands alone. */
  readonly notify: readonly ("failure" | "delay" | "success" | "never")[];
  /** How much of the message a report brings back. */
  readonly return: "headers" | "full";
};

/** Failures and delays, with the headers: enough to know which mail it was. */
export const USUAL_REPORTS: Reports = { notify: ["failure", "delay"], return: "headers" };

/** Where an exchange with the server stood. */
export type Stage = "connect" | "greeting" | "ehlo" | "starttls" | "auth" | "mail" | "rcpt" | "data" | "body";

/**
 * How far a message got, as far as can be known.
 * - `accepted`: the server took responsibility with this reply.
 * - `refused`: certainly not accepted. `reply.code` says whether for now (4xx) or for good (5xx); stage `auth` is about the
 *   account, not the message (S17); without a reply the connection failed before the final dot was written. What the
 *   server cannot take (S7, SIZE) or nobody may send (S10) is refused here, with the reply a server would give and a text
 *   that begins "Not sent:".
 * - `unknown`: the whole message with its final dot was handed on and no reply came (RFC 1047).
 * - `withdrawn`: MAIL FROM was not written, because `beforeMail` said no or the pool is closing; or nothing of the body,
 *   because `beforeBody` said no.
 */
export type Outcome =
  | { kind: "accepted"; reply: Reply }
  | Refused
  | { kind: "unknown"; text: string }
  | { kind: "withdrawn"; by: "beforeMail" | "beforeBody" | "close" };

export type Refused = { kind: "refused"; stage: Stage; reply: Reply | null; text: string };

/** What a server offers in its answer to EHLO: keyword to parameters, both in capitals. */
export type Capabilities = ReadonlyMap<string, string>;

/** A message that may be sent as far as it alone decides. */
export type Ready = {
  kind: "ready";
  from: string;
  to: string;
  data: Uint8Array;
  envelopeId: string | null;
  /** The address at fault when the server does not offer SMTPUTF8, if this message needs it. */
  utf8: "mail" | "rcpt" | null;
  eightBit: boolean;
};

/** Checks what does not depend on the server: addresses (attack 23: no command can hide in one) and line ends (S10). */
export function prepare(message: Outgoing): Ready | Refused {
  const from = message.from === "" ? "" : canonicalAddress(message.from);
  if (from === null) return notSent("mail", 553, "5.1.7", "the return path is not an address");
  const to = canonicalAddress(message.to);
  if (to === null) return notSent("rcpt", 553, "5.1.3", "the recipient is not an address");
  const { data, envelopeId } = message;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const flaw = flawIn(bytes.toString("latin1"));
  if (flaw !== null) return notSent("body", 554, "5.6.0", flaw);
  const ascii = (address: string) => isAscii(Buffer.from(address));
  const utf8 = !ascii(to) ? "rcpt" : !ascii(from) || message.smtpUtf8 ? "mail" : null;
  const identifier = envelopeId === undefined ? "" : xtext(envelopeId);
  return {
    kind: "ready",
    from,
    to,
    data: bytes,
    envelopeId: identifier === "" || identifier.length > 100 ? null : identifier,
    utf8,
    eightBit: !isAscii(bytes),
  };
}

/** The commands MAIL and RCPT for a server that offers this, or why it cannot take the message. */
export function envelope(
  message: Ready,
  offered: Capabilities,
  reports: Reports = USUAL_REPORTS,
): { mail: string; rcpt: string } | Refused {
  const { from, to, data } = message;
  let mail = `MAIL FROM:<${from}>`;
  let rcpt = `RCPT TO:<${to}>`;
  const size = offered.get("SIZE");
  if (size !== undefined) {
    const limit = Number.parseInt(size, 10) || 0; // RFC 1870: absent or 0 is "no fixed limit"
    if (limit > 0 && data.length > limit) {
      return notSent("mail", 552, "5.3.4", `it has ${data.length} octets and the server takes at most ${limit}`);
    }
    mail += ` SIZE=${data.length}`;
  }
  if (message.utf8 !== null) {
    if (!offered.has("SMTPUTF8")) {
      const what = message.utf8 === "rcpt" ? to : isAscii(Buffer.from(from)) ? "it" : from;
      return notSent(message.utf8, 553, "5.6.7", `${what} needs SMTPUTF8, which the server does not offer`);
    }
    mail += " SMTPUTF8";
  }
  if (message.eightBit) {
    if (!offered.has("8BITMIME")) {
      return notSent("mail", 554, "5.6.3", "it has 8-bit content, which the server does not take");
    }
    mail += " BODY=8BITMIME";
  }
  if (offered.has("DSN") && reports.notify.length > 0) {
    mail += reports.return === "full" ? " RET=FULL" : " RET=HDRS";
    if (message.envelopeId !== null) mail += ` ENVID=${message.envelopeId}`;
    rcpt += ` NOTIFY=${reports.notify.join(",").toUpperCase()}`;
    rcpt += message.utf8 === "rcpt" ? ` ORCPT=utf-8;${unitext(to)}` : ` ORCPT=rfc822;${xtext(to)}`;
  }
  return { mail, rcpt };
}

/** The bytes with every line-leading dot doubled (RFC 5321 4.5.2); the same bytes when there is none. */
export function stuffDots(data: Uint8Array): Uint8Array {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const parts: Buffer[] = [];
  let start = 0; // each part after the first begins with the dot that is doubled
  let dot = bytes[0] === 0x2e ? 0 : bytes.indexOf("\n.", 0, "latin1") + 1;
  if (dot === 0 && bytes[0] !== 0x2e) return data;
  for (;;) {
    parts.push(bytes.subarray(start, dot + 1));
    start = dot;
    const next = bytes.indexOf("\n.", dot, "latin1");
    if (next === -1) break;
    dot = next + 1;
  }
  parts.push(bytes.subarray(start));
  return Buffer.concat(parts);
}

/** Whether the message ends as the final dot needs it: at the start of a line. */
export function endsLine(data: Uint8Array): boolean {
  return data.length === 0 || data.at(-1) === 0x0a;
}

/**
 * The address as it goes into a path, its domain in A-labels (S7), or null: never with a control character, an angle
 * bracket, an unquoted space or a second @, within RFC 5321's lengths (S8).
 */
function canonicalAddress(address: string): string | null {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at);
  const given = address.slice(at + 1);
  const sound =
    at > 0 &&
    /^(?:[^\s"(),:;<>@[\]\\\p{Cc}]+|"(?:[^\\"<>\p{Cc}\u2028\u2029]|\\[\x20-\x7e])*")$/u.test(local) &&
    /^[^\s"(),;<>@\\\p{Cc}]+$/u.test(given);
  if (!sound) return null;
  const domain = isAscii(Buffer.from(given)) ? given : domainToASCII(given);
  if (domain === "" || Buffer.byteLength(local) > 64 || domain.length > 253) return null;
  return `${local}@${domain}`;
}

/** RFC 3461 4: visible ASCII but + and =; the rest in hexadecimal. */
function xtext(text: string): string {
  return text.replace(/[^\x21-\x7e]|[+=]/g, (character) =>
    [...Buffer.from(character)].map((octet) => `+${octet.toString(16).toUpperCase().padStart(2, "0")}`).join(""),
  );
}

/** RFC 6533 3, for a session with SMTPUTF8: what is beyond ASCII stands as it is; +, = and \\ by their numbers. */
function unitext(text: string): string {
  return text.replace(/[+=\\ ]/g, (character) => `\\x{${character.charCodeAt(0).toString(16).toUpperCase()}}`);
}

/** RFC 5321 4.5.3.1.6: with its CRLF a line has at most 1,000 octets. */
const LINE_OCTETS_MAX = 998;

/**
 * What would make a message another one on its way, or null. A server that ends lines at a bare CR or LF could find a
 * second message in this one, whichever command carried it here: BDAT counts octets, but the next hop may not. One that
 * breaks long lines spoils signatures. Never mended: it may be signed.
 */
function flawIn(text: string): string | null {
  let start = 0;
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
    if (end === start || text.charCodeAt(end - 1) !== 13) return `at octet ${end} the message has a bare LF`;
    const carriage = text.indexOf("\r", start);
    if (carriage !== end - 1) return `at octet ${carriage} the message has a bare CR`;
    if (end - 1 - start > LINE_OCTETS_MAX) return `at octet ${start} the message has a line of more than 998 octets`;
    start = end + 1;
  }
  const bare = text.indexOf("\r", start);
  if (bare !== -1) return `at octet ${bare} the message has a bare CR`;
  if (text.length - start > LINE_OCTETS_MAX) return `at octet ${start} the message has a line of more than 998 octets`;
  const nul = text.indexOf("\0");
  return nul === -1 ? null : `at octet ${nul} the message has a NUL`;
}

/** A refusal of our own, with the reply a server would give. */
function notSent(stage: Stage, code: number, enhanced: string, why: string): Refused {
  const text = `Not sent: ${why}.`;
  return { kind: "refused", stage, reply: { code, enhanced, text: `${enhanced} ${text}` }, text };
}
