/** The tick: turns what is due into messages, in one transaction with the Email Campaigns it moves on. Sends nothing. */
import { sql } from "kysely";
import { after } from "../core/email-campaign.ts";
import { decide, type Decision, localDay, nextAfter, startsAt, type Step, type Stop } from "../core/schedule.ts";
import { type Letter, variantFor } from "../core/variants.ts";
import { type Db, inTransaction, PREPARED, type Tx } from "../db/database.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { isDatabaseLoss } from "../http/problems.ts";
import type { Logger } from "../log.ts";
import type { BurstGuard } from "./burst-guard.ts";
import { ableSenders, type Claim, type Claimer, LEASE } from "./claim.ts";
import { endFor, obstaclesOf } from "./obstacle.ts";

export type Planned = {
  /** How many Email Campaigns were looked at. */
  readonly looked: number;
  readonly planned: number;
  readonly skipped: number;
  /** How many wait for a result that was just being recorded, and are looked at again after {@link LOOK_AGAIN_MS}. */
  readonly again: number;
  /** What was planned and claimed in one go: to be sent by whoever offered to. */
  readonly claims: readonly Claim[];
};

export const NOTHING_PLANNED: Planned = { looked: 0, planned: 0, skipped: 0, again: 0, claims: [] };

type Due = emailCampaigns.WithFacts;
type NewMessage = {
  readonly due: Due;
  readonly stepId: number;
  readonly dueAt: Temporal.Instant;
  /** Null: it is to be sent. */
  readonly skipped: string | null;
  /** Of a step with variants: which one they get. */
  readonly variant?: Letter;
};
/** What the tick does about one Email Campaign. */
type Move = {
  readonly advance: emailCampaigns.Advance;
  readonly messages: readonly NewMessage[];
  /** Why it ends, as an obstacle. */
  readonly ends?: string;
  /** A condition ends it. */
  readonly stop?: Stop;
  /** Conditions by which steps were skipped, or it ends. */
  readonly found?: readonly emailCampaigns.Found[];
  /** A message was parked while it was paused. */
  readonly waits?: boolean;
  /** Somebody else is planning for the person at this moment. */
  readonly again?: boolean;
};

/** An Email Campaign that makes us fail is looked at again after this. */
const FAILURE_PAUSE_MINUTES = 15;
/** A result is recorded within milliseconds. */
export const LOOK_AGAIN_MS = 200;

/**
 * Plans what is due at `now`. One Email Campaign that fails does not stop the others; it is logged and looked at again
 * later (E56).
 * @param offer of a worker to send what is planned at once: saved is a claim of its own, and with it a write a mail.
 * @param guard holds back what an outage, an edit or a resume made due in bulk; null: nothing is held back.
 */
export async function planDue(
  { db, log, guard, offer = null }: { db: Db; log: Logger; guard: BurstGuard | null; offer?: Claimer | null },
  now: Temporal.Instant,
  limit = 500,
): Promise<Planned> {
  const postponed = (due: Due, error: unknown): Move => {
    if (isDatabaseLoss(error)) throw error;
    log.error({ err: error, emailCampaign: due.number }, "an Email Campaign could not be planned; it is tried later");
    return { advance: { ...due, nextDueAt: now.add({ minutes: FAILURE_PAUSE_MINUTES }) }, messages: [] };
  };

  return inTransaction(db, async (tx) => {
    const claimed = await emailCampaigns.claimDue(tx, now, limit);
    if (claimed.length === 0) return NOTHING_PLANNED;
    const obstacles = await obstaclesOf(
      tx,
      claimed.map(({ id }) => id),
    );
    const held = guard && (await guard.begin(tx, claimed, now));
    const caps = await capsOf(tx, claimed, now);
    const moves = claimed.map((due) => {
      try {
        if (!caps.counted(due)) return { advance: { ...due, nextDueAt: soonAfter(now) }, messages: [], again: true };
        const capFreeAt = caps.freeAt(due);
        const one = move(
          capFreeAt ? { ...due, facts: { ...due.facts, capFreeAt } } : due,
          obstacles.get(due.id),
          held,
          now,
        );
        if (one.messages.some(({ skipped }) => skipped === null)) caps.add(due.personId);
        return one;
      } catch (error) {
        return postponed(due, error);
      }
    });
    const able = offer && (await ableSenders(tx, sendersOf(moves), offer));
    await sql`savepoint before_writing`.execute(tx);
    let again = 0;
    let claims: Claim[] = [];
    try {
      ({ again, claims } = await write(tx, moves, offer && { ...offer, able: able! }, now));
    } catch {
      await sql`rollback to savepoint before_writing`.execute(tx);
      for (const [at, due] of claimed.entries()) {
        await sql`savepoint before_one`.execute(tx);
        try {
          again += (await write(tx, [moves[at]!], null, now)).again;
        } catch (error) {
          await sql`rollback to savepoint before_one`.execute(tx);
          moves[at] = postponed(due, error);
          await write(tx, [moves[at]], null, now);
        }
      }
    }
    const messages = moves.flatMap((one) => one.messages);
    const skipped = messages.filter((message) => message.skipped !== null).length;
    return { looked: claimed.length, planned: messages.length - skipped, skipped, again, claims };
  });
}

type Caps = emailCampaigns.Ledger & {
  /** Whether the person's mails are counted, so that no other planner counts them now. */
  counted(due: Due): boolean;
};

/** Counts what people got of late, under a lock on each: two planners never plan for one person at the same time. */
async function capsOf(tx: Tx, claimed: readonly Due[], now: Temporal.Instant): Promise<Caps> {
  const capped = claimed.filter(({ cap }) => cap !== null);
  if (capped.length === 0) return { ...(await emailCampaigns.ledgerOf(tx, [], now)), counted: () => true };
  const locked = await emailCampaigns.lockForCap(
    tx,
    capped.map(({ personId }) => personId),
  );
  const ledger = await emailCampaigns.ledgerOf(tx, capped, now);
  return { ...ledger, counted: ({ cap, personId }) => cap === null || locked.has(personId) };
}

const soonAfter = (now: Temporal.Instant) => now.add({ milliseconds: LOOK_AGAIN_MS });

/** Holds back late mail: the moment at which it may leave when that is not now. */
type Held = (campaignId: number) => Temporal.Instant | null;

function move(due: Due, obstacle: string | undefined, held: Held | null, now: Temporal.Instant): Move {
  const { id, facts } = due;
  // Its Campaign is on hold or frozen: whoever resumes it wakes it.
  if (due.campaignPaused) return { advance: { id, status: due.status, nextDueAt: null }, messages: [] };
  const begins = startsAt(facts.startOn, facts.rules);
  if (due.status === "Scheduled" && Temporal.Instant.compare(now, begins) < 0)
    return { advance: { id, status: "Scheduled", nextDueAt: begins }, messages: [] };

  const status = after(due.status, "begin") ?? due.status;
  const { send, expire, next, waiting, done, stop } = decide(facts, now);
  const expired = expire.map(({ step, dueAt, reason }) => ({ due, stepId: step.id, dueAt, skipped: reason }));
  const found = foundBy(id, expire, stop);
  if (stop) return { advance: { id, status, nextDueAt: null }, messages: expired, stop, found };
  const [first] = send;
  if (!first) {
    const nextDueAt = next?.dueAt ?? null;
    return {
      advance: { id, status: done ? (after(status, "complete") ?? status) : status, nextDueAt },
      messages: expired,
      waits: waiting,
      found,
    };
  }
  const { step, dueAt } = first;
  if (obstacle !== undefined) {
    const skip = { due, stepId: step.id, dueAt, skipped: obstacle };
    // Looked at again at once: the step is resolved, and with it perhaps the whole.
    return { advance: { id, status, nextDueAt: now }, messages: [...expired, skip], ends: obstacle, found };
  }
  const later = isLate(dueAt, now) ? held?.(due.campaignId) : null;
  if (later) return { advance: { id, status, nextDueAt: later }, messages: expired, found };
  return {
    advance: { id, status, nextDueAt: nextAfter(facts, step, now) },
    messages: [...expired, { due, stepId: step.id, dueAt, skipped: null, ...variantOf(step, due.personId) }],
    found,
  };
}

/** Fixed as it is planned: no later edit and no later winner changes it. */
function variantOf(step: Step, personId: number): { variant?: Letter } {
  return step.variants ? { variant: variantFor(step, personId, step.decision?.winner) } : {};
}

/** The conditions that were asked and decided something. */
function foundBy(emailCampaignId: number, expire: Decision["expire"], stop: Stop | null): emailCampaigns.Found[] {
  const skipped = expire.flatMap(({ step, finding }): emailCampaigns.Found[] =>
    finding ? [{ ...finding, emailCampaignId, stepId: step.id, asked: "only-if" }] : [],
  );
  if (!stop) return skipped;
  const { reason, stepId, condition, answers } = stop;
  const asked = reason === "converted" ? "goal" : "stop-if";
  return [...skipped, { emailCampaignId, stepId, asked, condition, answers }];
}

/** Late enough to be told from a busy minute. */
function isLate(dueAt: Temporal.Instant, now: Temporal.Instant): boolean {
  return Temporal.Instant.compare(dueAt.add({ hours: 1 }), now) < 0;
}

/** Who offers to send what is planned, and for which senders that can be done at the moment. */
type Offer = Claimer & { readonly able: ReadonlySet<number | null> };

function sendersOf(moves: readonly Move[]): Set<number | null> {
  return new Set(moves.flatMap(({ messages }) => messages.map(({ due }) => due.senderId)));
}

/** @returns how many are looked at again soon, and what was claimed. */
async function write(
  tx: Tx,
  moves: readonly Move[],
  offer: Offer | null,
  now: Temporal.Instant,
): Promise<{ again: number; claims: Claim[] }> {
  const messages = moves.flatMap((one) => one.messages);
  const claims = await insert(tx, messages, offer, now);
  const waiting = moves.filter(({ waits }) => waits).map(({ advance }) => advance.id);
  await unpark(tx, waiting, now);
  const surely = await holdPending(tx, waiting);
  const soon = soonAfter(now);
  await emailCampaigns.advance(
    tx,
    moves.map(({ advance, waits }) => (waits && !surely.has(advance.id) ? { ...advance, nextDueAt: soon } : advance)),
    now,
  );
  await emailCampaigns.keepFindings(
    tx,
    moves.flatMap(({ found }) => found ?? []),
    now,
  );
  for (const [reason, ended] of Map.groupBy(moves, ({ stop }) => stop?.reason)) {
    if (reason === undefined) continue;
    const ids = ended.map(({ advance }) => advance.id);
    await emailCampaigns.end(tx, { ids }, { event: "stop", reason }, now);
  }
  for (const [reason, ended] of Map.groupBy(moves, ({ ends }) => ends)) {
    const end = reason === undefined ? undefined : endFor(reason);
    if (!end) continue;
    const ids = ended.map(({ advance }) => advance.id);
    await emailCampaigns.end(tx, { ids }, end, now);
  }
  return { again: waiting.length - surely.size + moves.filter((one) => one.again).length, claims };
}

/** One row for an Email Campaign and a step, whatever runs at the same time (E54, E55). */
async function insert(
  tx: Tx,
  messages: readonly NewMessage[],
  offer: Offer | null,
  now: Temporal.Instant,
): Promise<Claim[]> {
  if (messages.length === 0) return [];
  let room = offer?.limit ?? 0;
  const isTaken = ({ due, skipped }: NewMessage) => skipped === null && offer?.able.has(due.senderId) && room-- > 0;
  const days = new Map<string, string>();
  const today = (timeZone: string) => days.getOrInsertComputed(timeZone, () => localDay(now, timeZone).toString());
  const rows = messages.map((message) => ({ ...rowOf(message, today), ...(isTaken(message) && { state: "claimed" }) }));
  const { rows: made } = await sql<Claim & { state: string }>`${PREPARED}
    insert into messages (email_campaign_id, step_id, person_id, campaign_id, state, reason, due_at, planned_on,
      planned_variant, planned_at, next_attempt_at, finished_at, claimed_by, claimed_until, fence)
    select row.*, ${now}::timestamptz, case row.state when 'planned' then ${now}::timestamptz end,
      case row.state when 'skipped' then ${now}::timestamptz end,
      case row.state when 'claimed' then ${offer?.worker ?? null} end,
      case row.state when 'claimed' then ${now}::timestamptz + ${LEASE} end,
      case row.state when 'claimed' then 1 else 0 end
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (email_campaign_id bigint, step_id bigint,
      person_id bigint, campaign_id bigint, state text, reason text, due_at timestamptz, planned_on date, planned_variant text)
    on conflict (email_campaign_id, step_id) do nothing
    returning id, fence, state`.execute(tx);
  return made.flatMap(({ id, fence, state }) => (state === "claimed" ? [{ id, fence }] : []));
}

function rowOf({ due, stepId, dueAt, skipped, variant }: NewMessage, today: (timeZone: string) => string) {
  return {
    email_campaign_id: due.id,
    step_id: stepId,
    person_id: due.personId,
    campaign_id: due.campaignId,
    state: skipped === null ? "planned" : "skipped",
    reason: skipped,
    due_at: dueAt.toString(),
    planned_on: today(due.facts.rules.timeZone),
    ...(variant && { planned_variant: variant }),
  };
}

/**
 * Locks the messages that are waited for until this transaction ends, so that whoever records their result sees the
 * Email Campaign waiting and wakes it. Those it cannot lock are being recorded at this moment: their Email Campaigns
 * are looked at again soon, because that wake-up would be lost.
 */
async function holdPending(tx: Tx, emailCampaignIds: readonly number[]): Promise<Set<number>> {
  if (emailCampaignIds.length === 0) return new Set();
  const { rows } = await sql<{ emailCampaignId: number }>`
    select email_campaign_id from messages
    where email_campaign_id = any(${[...emailCampaignIds]}::bigint[])
      and state in ('planned', 'claimed', 'in_data', 'deferred', 'unknown')
    for update skip locked`.execute(tx);
  return new Set(rows.map((row) => row.emailCampaignId));
}

/** Messages that waited while their Email Campaign was paused go their way again. */
async function unpark(tx: Tx, emailCampaignIds: readonly number[], now: Temporal.Instant): Promise<void> {
  if (emailCampaignIds.length === 0) return;
  await sql`
    update messages set next_attempt_at = ${now}::timestamptz, reason = null
    where email_campaign_id = any(${[...emailCampaignIds]}::bigint[]) and state in ('planned', 'deferred')
      and next_attempt_at is null`.execute(tx);
}
