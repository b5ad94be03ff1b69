/** Reads one email address: what it is, what it is compared by, or why it is none. Looks nothing up. */
import { domainToASCII } from "node:url";

/** RFC 5321 4.5.3.1: local part 64 octets, path 256 with its brackets (S8). */
const MAX_LOCAL = 64;
const MAX_DOMAIN = 253;
const MAX_ADDRESS = 254;

const DOT_ATOM = /^(?:[\w!#$%&'*+/=?^`{|}~-]|[^\p{ASCII}\p{Z}])+(?:\.(?:[\w!#$%&'*+/=?^`{|}~-]|[^\p{ASCII}\p{Z}])+)*$/u;
// oxlint-disable-next-line no-control-regex -- control characters are what is refused
const QUOTED = /^"(?:[^"\\\u0000-\u001f\u007f]|\\[\u0020-\u007e])*"$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Also line separators, halves of characters, and what is not seen or turns the reading direction. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
/** domainToASCII reads its input as part of a URL: it would drop a path and decode %61 without a word. */
const NEVER_IN_DOMAIN = /[^\P{ASCII}a-z0-9.-]/iu;

const ROLES = new Set(
  "abuse admin administrator billing contact help hostmaster info jobs marketing no-reply noreply office postmaster press privacy root sales security service support team webmaster".split(
    " ",
  ),
);

export type Address = {
  /** As it goes into an envelope: local part as given but for needless quotes, domain as A-label. */
  readonly address: string;
  /** What it is compared by: lower case throughout (E69, E98). */
  readonly key: string;
  /** The local part is not ASCII: only a server with SMTPUTF8 takes it (RFC 6531). */
  readonly needsSmtpUtf8: boolean;
  /** It belongs to a function (info@, sales@), not to a person. */
  readonly isRole: boolean;
};

/** Reads one address; anything else, a list or a name with brackets included, is a problem in plain words. */
export function parseAddress(text: string): Address | { readonly problem: string } {
  if (text.length > 1000) return { problem: "This is far too long for an email address." };
  const given = text.trim().normalize("NFC");
  if (given === "") return { problem: "There is no email address." };
  if (INVISIBLE.test(given)) return { problem: "An email address has no control or invisible characters." };
  const at = given.lastIndexOf("@");
  if (at < 1 || at === given.length - 1) return { problem: `${short(given)} is not an email address: name@domain.` };
  const local = minimalQuoting(given.slice(0, at));
  if (/[,;<>]/.test(given) && !QUOTED.test(local)) return { problem: `${short(given)} is not a single email address.` };
  if (!DOT_ATOM.test(local) && !QUOTED.test(local))
    return { problem: `The part before the @ of ${short(given)} is not allowed in an email address.` };
  if (Buffer.byteLength(local) > MAX_LOCAL)
    return { problem: `The part before the @ is longer than ${MAX_LOCAL} characters.` };
  const host = given.slice(at + 1);
  const domain = NEVER_IN_DOMAIN.test(host) ? "" : domainToASCII(host).toLowerCase();
  const labels = domain.split(".");
  const last = labels.at(-1) ?? "";
  if (
    domain.length > MAX_DOMAIN ||
    labels.length < 2 ||
    !labels.every((label) => LABEL.test(label)) ||
    /^\d+$/.test(last)
  )
    return { problem: `The domain of ${short(given)} is not one mail can be sent to.` };
  const address = `${local}@${domain}`;
  if (Buffer.byteLength(address) > MAX_ADDRESS)
    return { problem: `An email address has at most ${MAX_ADDRESS} characters.` };
  return {
    address,
    key: address.toLowerCase().normalize("NFC"),
    // oxlint-disable-next-line no-control-regex -- the ASCII range starts at NUL
    needsSmtpUtf8: !/^[\u0000-\u007f]*$/.test(local),
    isRole: ROLES.has(local.toLowerCase()),
  };
}

/** RFC 5321 4.1.2: "ada"@ and ada@ are one mailbox, and the form without needless quotes is the one to send (E69). */
function minimalQuoting(local: string): string {
  if (!QUOTED.test(local)) return local;
  const content = local.slice(1, -1).replaceAll(/\\(.)/g, "$1");
  return DOT_ATOM.test(content) ? content : `"${content.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** An address as it may stand in a log: `a…@example.com` (O6). */
export function maskAddress(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 1 ? "…" : `${address.slice(0, 1)}…${address.slice(at)}`;
}

const short = (text: string) => (text.length > 60 ? `“${text.slice(0, 60)}…”` : `“${text}”`);
