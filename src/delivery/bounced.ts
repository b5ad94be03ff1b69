/** What follows when a mail did not arrive, whether its server said so at once or a notice came later: one code for both. Reads no mail. */
import { sql } from "kysely";
import { parseAddress } from "../core/address.ts";
import { afterSoftBounce, SOFT_BOUNCE_APART_HOURS } from "../core/bounces-count.ts";
import type { Tx } from "../db/database.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { forgetSoftBounces, keepSoftBounces, lockSoftBounces } from "../suppressions/soft-bounces.ts";

/** A mail that did not arrive. */
export type Bounced = {
  readonly messageId: number;
  readonly personId: number;
  readonly emailCampaignId: number;
  /** The address it went to. */
  readonly address: string;
  /** As a code, of core/bounce or of core/inbound/reason. */
  readonly reason: string;
  /** The address is dead. */
  readonly hard: boolean;
  /** Where we know it from, as it is shown beside a suppression. */
  readonly origin: string;
};

/**
 * `suppressed`: the address is dead and gets nothing more. `stopped`: it came back too often. `counted`: it is
 * remembered. `none`: it says nothing about the address.
 */
export type Consequence = "suppressed" | "stopped" | "counted" | "none";

/** Reasons that speak of us, our mail or our server: held against the address, one bad mail would cost us everybody. */
const ABOUT_US: ReadonlySet<string> = new Set([
  "spam",
  "virus",
  "blocked",
  "policy",
  "authentication",
  "content",
  "too-big",
  "too-many",
  "rejected",
  "account",
]);

/** Acts on a mail that did not arrive, in the transaction that records it. */
export async function bounced(tx: Tx, mail: Bounced, now: Temporal.Instant): Promise<Consequence> {
  const read = parseAddress(mail.address);
  if (!("key" in read)) return "none";
  const { personId, origin } = mail;
  if (mail.hard) {
    await suppress(tx, { emailKey: read.key, personId, scope: "everything", reason: "hard-bounce", origin }, now);
    await stop(tx, mail, read.key, now);
    return "suppressed";
  }
  if (ABOUT_US.has(mail.reason)) return "none";
  const before = await lockSoftBounces(tx, read.key);
  const counts = before && !(await arrivedSince(tx, mail, before.countedAt, now)) ? before : null;
  const after = afterSoftBounce(counts, now);
  await keepSoftBounces(tx, read.key, after);
  if (!after.limitReached) return "counted";
  const why = `mail came back time after time, lately: ${mail.reason} (${origin})`;
  await suppress(tx, { emailKey: read.key, personId, scope: "everything", reason: "soft-bounces", origin: why }, now);
  await stop(tx, mail, read.key, now);
  return "stopped";
}

/** Marks a mail that a server had taken and that came back; the first notice counts. */
export async function markBounced(tx: Tx, messageId: number, reason: string, now: Temporal.Instant): Promise<void> {
  await tx
    .updateTable("messages")
    .set({ bouncedAt: now, bounceReason: reason })
    .where("id", "=", messageId)
    .where("bouncedAt", "is", null)
    .execute();
}

/** Marks a mail that its recipient reported as spam. */
export async function markComplained(tx: Tx, messageId: number, now: Temporal.Instant): Promise<void> {
  await tx
    .updateTable("messages")
    .set({ complainedAt: now })
    .where("id", "=", messageId)
    .where("complainedAt", "is", null)
    .execute();
}

/** A server says that a mail reached its mailbox: what came back before is forgotten. */
export async function arrived(tx: Tx, address: string): Promise<void> {
  const read = parseAddress(address);
  if ("key" in read) await forgetSoftBounces(tx, [read.key]);
}

/** Whatever runs for the person ends while the address is still theirs; else only what the mail belonged to. */
async function stop(tx: Tx, mail: Bounced, emailKey: string, now: Temporal.Instant): Promise<void> {
  const { personId } = mail;
  const theirs = await tx
    .selectFrom("people")
    .select("id")
    .where("id", "=", personId)
    .where("emailKey", "=", emailKey)
    .executeTakeFirst();
  const ending = { event: "stop", reason: "bounced" } as const;
  // An address that is no longer theirs says nothing about the one that is.
  if (theirs) await emailCampaigns.end(tx, { personIds: [personId] }, ending, now);
}

/**
 * Whether a later mail stayed where it was delivered. A server that takes every mail and sends it back an hour later
 * has taken it in vain: one counts as arrived when it is older than that and nothing came back.
 */
async function arrivedSince(tx: Tx, mail: Bounced, since: Temporal.Instant, now: Temporal.Instant): Promise<boolean> {
  const settled = now.subtract({ hours: SOFT_BOUNCE_APART_HOURS });
  const { rows } = await sql`
    select 1 from messages
    where person_id = ${mail.personId} and lower(address) = ${mail.address.toLowerCase()} and id <> ${mail.messageId}
      and state = 'accepted' and bounced_at is null
      and finished_at > ${since}::timestamptz and finished_at <= ${settled}::timestamptz
    limit 1`.execute(tx);
  return rows.length > 0;
}
