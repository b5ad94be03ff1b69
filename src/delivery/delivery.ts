/** Front door: plans what is due, sends it, and shows what was sent. Nothing leaves that was not recorded first. */
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Registry } from "prom-client";
import { tokensOf } from "../accounts/access-tokens.ts";
import type { Vault } from "../accounts/accounts.ts";
import type { Db, Tx } from "../db/database.ts";
import { createSigner } from "../domains/domains.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import type { Logger } from "../log.ts";
import * as mailbox from "../mail/mailbox.ts";
import type { SmtpPool, SmtpSettings } from "../mail/smtp.ts";
import { createBurstGuard } from "./burst-guard.ts";
import { forgetContents } from "./contents.ts";
import { createMeters } from "./metrics.ts";
import { LOOK_AGAIN_MS, NOTHING_PLANNED, planDue, type Planned } from "./plan.ts";
import { createSender } from "./send.ts";
import { stopwatch } from "./stopwatch.ts";
import { createTransports } from "./transports.ts";

export { composedOf, discardOldContents } from "./contents.ts";
export { arrived, bounced, markBounced, markComplained } from "./bounced.ts";
export { resolveDoubt } from "./doubt.ts";
export { bytesOf, renderedSubject } from "./prepare.ts";
export { deliveryProblems } from "./problems.ts";
export { obstaclesOf } from "./obstacle.ts";
export { type Rehearsed, rehearse } from "./rehearse.ts";
export { forgetSkipped, skipByHand } from "./skip.ts";
export { skipDue } from "./skip-due.ts";

/** SQL over `messages` and `steps`: the template a message is made of, whichever variant it is. */
export const templateOfMessage = sql<number>`coalesce(
  case when coalesce(messages.variant, messages.planned_variant) > 'A'
    then template_of_variant(steps.variants, coalesce(messages.variant, messages.planned_variant)) end,
  steps.email_template_id)`;

export type DeliveryOptions = {
  readonly db: Db;
  readonly vault: Vault;
  /** Where people reach us; no slash at its end. */
  readonly publicUrl: string;
  /** Where pictures and links of tracked mails lead; `publicUrl` unless said. */
  readonly trackingUrl?: string;
  /** Keys of unsubscribe links, the current one first. */
  readonly linkKeys: readonly Uint8Array[];
  readonly log: Logger;
  readonly metrics?: Registry;
  /** From 0 to 1, for the jitter of retries. */
  readonly random?: () => number;
  readonly createPool?: (settings: SmtpSettings) => SmtpPool;
};

export type Delivery = {
  /** One tick: at most `limit` Email Campaigns. */
  planDue(now: Temporal.Instant, limit?: number): Promise<Planned>;
  /** Sends what is planned and due, to the end. @returns how many messages were taken. */
  sendDue(now: Temporal.Instant): Promise<number>;
  /** Plans and sends until nothing more is due as of now. */
  runUntilIdle(
    now: Temporal.Instant,
    how?: { burstGuard?: boolean },
  ): Promise<{ planned: number; skipped: number; taken: number }>;
  /** One turn of the loop: a tick, and as many messages on their way as there is room for. @returns whether there may be more. */
  turn(now: Temporal.Instant): Promise<boolean>;
  /** How many messages are under way, and a promise for when some of them are done. */
  underWay(): number;
  progress(): Promise<void>;
  /** The next moment something is due, or null. */
  nextWakeAt(): Promise<Temporal.Instant | null>;
  /** When an account that has reached its limits may send again, or null. */
  restEndsAt(): Temporal.Instant | null;
  /** Finishes mails in DATA, gives back what was only claimed. Nothing is sent after it. */
  drain(graceMs?: number): Promise<void>;
};

const DRAIN_GRACE_MS = 20_000;
/** Also while there is no room to send what is planned. */
const PLAN_AT_LEAST_EVERY_MS = 1000;
/**
 * What is planned before its turn has to be claimed later, by a write more: where all that is due is of accounts with
 * enough on their way, planning waits for some of that to be done, though not for long.
 */
const PLAN_AHEAD_EVERY_MS = 500;

export function createDelivery(options: DeliveryOptions): Delivery {
  const { db, vault, log, random = Math.random } = options;
  const hostName = new URL(options.publicUrl).hostname;
  const meters = createMeters(options.metrics);
  const pools = options.createPool ? { createPool: options.createPool } : {};
  const transports = createTransports({ db, log, hostName, tokens: tokensOf(db, vault), ...pools });
  const sender = createSender({
    ...options,
    trackingUrl: options.trackingUrl ?? options.publicUrl,
    signer: createSigner({ db, seal: vault.seal }),
    vault,
    transports,
    random,
    log,
    meters,
  });
  const guard = createBurstGuard();

  async function plan(now: Temporal.Instant, limit?: number): Promise<Planned> {
    const planned = await planDue({ db, log, guard }, now, limit);
    meters.planned(planned.planned, planned.skipped);
    return planned;
  }

  let plannedAt: Temporal.Instant | undefined;
  let ahead = false;
  /**
   * What waits already goes first. Then as much is planned as there is room to send, and taken in the same commit; while
   * there is none, planning goes on at a slower pace, for the sake of statuses and of other accounts.
   */
  async function advance(now: Temporal.Instant, guarded: boolean) {
    const pumped = await sender.pump(now);
    const offer = await sender.offer(now);
    const sinceMs = plannedAt ? now.epochMilliseconds - plannedAt.epochMilliseconds : Infinity;
    const paceMs = offer ? (ahead && offer.crowded ? PLAN_AHEAD_EVERY_MS : 0) : PLAN_AT_LEAST_EVERY_MS;
    if (sinceMs >= 0 && sinceMs < paceMs) return { ...NOTHING_PLANNED, taken: pumped };
    plannedAt = now;
    const planned = await planDue({ db, log, guard: guarded ? guard : null, offer }, now, offer?.limit);
    if (offer?.crowded) ahead = planned.claims.length === 0;
    meters.planned(planned.planned, planned.skipped);
    await sender.take(planned.claims, now);
    return { ...planned, taken: pumped + planned.claims.length };
  }

  return {
    planDue: plan,
    sendDue: (now) => sender.sendDue(now),
    async runUntilIdle(now, { burstGuard = true } = {}) {
      // A step may become due as soon as the one before it is recorded, which takes a moment.
      const at = stopwatch(now);
      const total = { planned: 0, skipped: 0, taken: 0 };
      let waited = true;
      for (;;) {
        // Asked first: what is recorded while we look may make more due.
        const busy = sender.underWay() > 0;
        const { looked, planned, skipped, again, taken } = await advance(at(), burstGuard);
        total.planned += planned;
        total.skipped += skipped;
        total.taken += taken;
        if (again > 0) waited = false;
        if (looked + taken > 0) continue;
        if (busy) {
          await Promise.race([sender.progress(), sleep(PLAN_AHEAD_EVERY_MS)]);
        } else if (waited) {
          return total;
        } else {
          waited = true;
          await sleep(LOOK_AGAIN_MS);
        }
      }
    },
    async turn(now) {
      const { looked, taken } = await advance(now, true);
      return looked + taken > 0;
    },
    underWay: () => sender.underWay(),
    progress: () => sender.progress(),
    nextWakeAt: () => nextWakeAt(db),
    restEndsAt: () => sender.restEndsAt(),
    drain: (graceMs = DRAIN_GRACE_MS) => sender.drain(graceMs),
  };
}

async function nextWakeAt(db: Db): Promise<Temporal.Instant | null> {
  const { rows } = await sql<{ at: Temporal.Instant | null }>`
    select min(next_attempt_at) as at from messages where next_attempt_at is not null`.execute(db);
  const moments = [rows[0]?.at ?? null, await emailCampaigns.nextDueAt(db)].filter((at) => at !== null);
  return moments.sort(Temporal.Instant.compare)[0] ?? null;
}

/** Forgets what was written to an erased person; that it was sent, and when, stays (L4). */
export async function forgetPerson(tx: Tx, personId: number): Promise<void> {
  const forgotten = await tx
    .updateTable("messages")
    .set({ address: null, replyText: null })
    .where("personId", "=", personId)
    .returning("id")
    .execute();
  const ids = forgotten.map(({ id }) => id);
  if (ids.length === 0) return;
  await tx.updateTable("deliveryAttempts").set({ replyText: null }).where("messageId", "in", ids).execute();
  await forgetContents(tx, ids);
  await mailbox.forget(tx, ids);
}

/** Gives one person's messages to another. Bytes that were sent stay as they are: they are made of what is kept. */
export async function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  await tx.updateTable("messages").set({ personId }).where("personId", "=", formerId).execute();
}
