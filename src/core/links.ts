/** Signed tokens for the links in a mail: bound to their purpose, without login or expiry. Keeps no state. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** Whom and what a link is about. */
export type LinkClaim = { readonly emailCampaignId: number; readonly personId: number; readonly messageId: number };
export type LinkPurpose = "unsubscribe";

/** 160 of HMAC-SHA-256's 256 bits: a guess succeeds once in 2^160 (attack 9 asks for 128). */
const TAG_BYTES = 20;
const BODY = /^[0-9a-z]{1,11}\.[0-9a-z]{1,11}\.[0-9a-z]{1,11}$/;

/**
 * Makes a token. The first key signs; it never expires (E87, L6).
 * @param keys secret keys of at least 32 bytes, the current one first.
 */
export function sign(keys: readonly Uint8Array[], purpose: LinkPurpose, claim: LinkClaim): string {
  const body = [claim.emailCampaignId, claim.personId, claim.messageId].map((id) => id.toString(36)).join(".");
  return `${body}.${tag(keys[0]!, purpose, body).toString("base64url")}`;
}

/** Reads a token back; null for anything that none of the keys signed for this purpose. Never throws. */
export function verify(keys: readonly Uint8Array[], purpose: LinkPurpose, token: string): LinkClaim | null {
  const dot = token.lastIndexOf(".");
  const body = token.slice(0, Math.max(dot, 0));
  if (token.length > 100 || !BODY.test(body)) return null;
  const given = Buffer.from(token.slice(dot + 1), "base64url");
  // One spelling only: base64url ignores stray bits and characters, a signature must not.
  if (given.length !== TAG_BYTES || given.toString("base64url") !== token.slice(dot + 1)) return null;
  if (!keys.some((key) => timingSafeEqual(tag(key, purpose, body), given))) return null;
  const [emailCampaignId, personId, messageId] = body.split(".").map((part) => Number.parseInt(part, 36));
  return { emailCampaignId: emailCampaignId!, personId: personId!, messageId: messageId! };
}

/** Letters and digits that survive a server that changes the case of addresses (RFC 4648 base32, small). */
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
/** 130 of HMAC-SHA-256's 256 bits. */
const RETURN_TAG_LETTERS = 26;
const RETURN_PATH = /(?:^|\+)b-([0-9a-z]{1,11})-([a-z2-7]{26})$/;

/**
 * The local part of a return path that says which message came back: `b-MESSAGE-TAG`, at most 40 characters, all small.
 * @param keys as for {@link sign}.
 */
export function signReturnPath(keys: readonly Uint8Array[], messageId: number): string {
  const body = messageId.toString(36);
  return `b-${body}-${returnTag(keys[0]!, body)}`;
}

/**
 * Reads a return path back, with whatever stands before a plus, in any letter case.
 * @returns the message; `forged` where it has the form and none of the keys made it; null where it is another address.
 */
export function verifyReturnPath(keys: readonly Uint8Array[], localPart: string): number | "forged" | null {
  const [, body, given] = RETURN_PATH.exec(localPart.slice(-64).toLowerCase()) ?? [];
  if (body === undefined || given === undefined) return null;
  const known = keys.some((key) => timingSafeEqual(Buffer.from(returnTag(key, body)), Buffer.from(given)));
  return known ? Number.parseInt(body, 36) : "forged";
}

function returnTag(key: Uint8Array, body: string): string {
  const digest = createHmac("sha256", key).update(`bounce\0${body}`).digest();
  return Array.from({ length: RETURN_TAG_LETTERS }, (_, at) => {
    const bit = at * 5;
    const pair = (digest[bit >> 3]! << 8) | digest[(bit >> 3) + 1]!;
    return BASE32[(pair >> (11 - (bit & 7))) & 31];
  }).join("");
}

function tag(key: Uint8Array, purpose: LinkPurpose, body: string): Buffer {
  return createHmac("sha256", key).update(`${purpose}\0${body}`).digest().subarray(0, TAG_BYTES);
}
