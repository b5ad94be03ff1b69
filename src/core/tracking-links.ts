/** Signed addresses for pictures and links that tell whether a mail was opened or clicked. Keeps no state, asks nobody. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** What an address for a click says. */
export type Click = {
  readonly messageId: number;
  /** Where it leads, as it was signed: http or https. */
  readonly destination: string;
  /** Where parts of the address are personal: which link of which content version it is. */
  readonly written: { readonly versionId: number; readonly link: number } | null;
};

/** 128 of HMAC-SHA-256's 256 bits (attack 9). */
const TAG_BYTES = 16;
const KEY_BYTES = 24;
/** Mail programs and proxies cut longer addresses. */
const MOST_CHARACTERS = 2048;
const OPEN = /^([0-9a-z]{1,11})\.([\w-]{22})$/;
const CLICK = /^([0-9a-z]{1,11})(?:\.([0-9a-z]{1,11})-([0-9a-z]{1,4}))?\.([\w-]{22})\.([\w-]{1,4000})$/;

/**
 * The key of one message, base64url. It is kept with what the bytes of the message are made of, so that they stay the
 * same when the secret is changed.
 * @param keys secret keys of at least 32 bytes, the current one first.
 */
export function messageKey(keys: readonly Uint8Array[], messageId: number): string {
  return keyOf(keys[0]!, messageId.toString(36));
}

/** The token of the picture that tells of opening. */
export function openToken(key: string, messageId: number): string {
  return `${messageId.toString(36)}.${tag(key, "open").toString("base64url")}`;
}

/** The token of a link. @returns null for a destination that must not be followed or is too long. */
export function clickToken(key: string, { messageId, destination, written }: Click): string | null {
  if (!isSafe(destination)) return null;
  const about = written ? `.${written.versionId.toString(36)}-${written.link.toString(36)}` : "";
  const signed = tag(key, `click\0${about}\0${destination}`).toString("base64url");
  return `${messageId.toString(36)}${about}.${signed}.${Buffer.from(destination, "utf8").toString("base64url")}`;
}

/** Reads the token of a picture: the message, or null for what none of the keys signed. Never throws. */
export function readOpen(keys: readonly Uint8Array[], token: string): number | null {
  const [, message, given] = OPEN.exec(token.slice(0, 64)) ?? [];
  if (message === undefined || given === undefined) return null;
  return isSigned(keys, message, "open", given) ? Number.parseInt(message, 36) : null;
}

/** Reads the token of a link; null for what none of the keys signed (attack 8). Never throws. */
export function readClick(keys: readonly Uint8Array[], token: string): Click | null {
  if (token.length > 2 * MOST_CHARACTERS) return null;
  const [, message, version, link, given, encoded] = CLICK.exec(token) ?? [];
  if (message === undefined || given === undefined || encoded === undefined) return null;
  const destination = Buffer.from(encoded, "base64url").toString("utf8");
  // One spelling only: a signature must not cover several addresses.
  if (Buffer.from(destination, "utf8").toString("base64url") !== encoded) return null;
  const about = version === undefined ? "" : `.${version}-${link}`;
  if (!isSigned(keys, message, `click\0${about}\0${destination}`, given) || !isSafe(destination)) return null;
  const written =
    version === undefined || link === undefined
      ? null
      : { versionId: Number.parseInt(version, 36), link: Number.parseInt(link, 36) };
  return { messageId: Number.parseInt(message, 36), destination, written };
}

/** An address people may be sent to: http or https, with a host, without a name and password in front of it. */
export function isSafe(destination: string): boolean {
  // oxlint-disable-next-line no-control-regex -- these are what is refused
  if (destination.length > MOST_CHARACTERS || /[\0-\x20\\\x7f]/.test(destination)) return false;
  if (!/^https?:\/\/[^/]/i.test(destination) || !URL.canParse(destination)) return false;
  const { protocol, username, password, hostname } = new URL(destination);
  return /^https?:$/.test(protocol) && username === "" && password === "" && hostname !== "";
}

function isSigned(keys: readonly Uint8Array[], message: string, about: string, given: string): boolean {
  const bytes = Buffer.from(given, "base64url");
  if (bytes.length !== TAG_BYTES || bytes.toString("base64url") !== given) return false;
  return keys.some((key) => timingSafeEqual(tag(keyOf(key, message), about), bytes));
}

const keyOf = (key: Uint8Array, message: string) =>
  createHmac("sha256", key).update(`tracking\0${message}`).digest().toString("base64url", 0, KEY_BYTES);

const tag = (key: string, about: string) => createHmac("sha256", key).update(about).digest().subarray(0, TAG_BYTES);
