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

function tag(key: Uint8Array, purpose: LinkPurpose, body: string): Buffer {
  return createHmac("sha256", key).update(`${purpose}\0${body}`).digest().subarray(0, TAG_BYTES);
}
