/** The SQL of what became of messages: results in batches, claims given back, leases that ran out. Every write names its fence. */
import { sql } from "kysely";
import type { SmtpReply } from "../core/bounce.ts";
import type { Measured } from "../core/tracked-content.ts";
import { type Db, PREPARED, type Runner } from "../db/database.ts";
import type { MessageState } from "../db/tables.ts";
import { type Claim, HELD } from "./claim.ts";

/** What became of one attempt. */
export type Result = Claim & {
  readonly emailCampaignId: number;
  readonly state: Exclude<MessageState, "claimed" | "in_data">;
  /** As a code; null while all is well. */
  readonly reason: string | null;
  /** When it is tried again; null: never, or not by itself. */
  readonly nextAttemptAt: Temporal.Instant | null;
  readonly reply: SmtpReply | null;
  /** What was measured in one that was accepted. */
  readonly measured?: Measured | null;
  /** Where the server said so; an attempt without one never reached the server. */
  readonly stage: string | null;
};

/** The same before it is said of which message. */
export type Became = Omit<Result, keyof Claim | "emailCampaignId">;

/** A message that a write concerned. */
export type Written = {
  readonly id: number;
  readonly emailCampaignId: number;
  readonly personId: number;
  readonly stepId: number;
};

/** It will not be tried again. */
export const FINAL: readonly MessageState[] = ["accepted", "refused", "skipped"];

/**
 * Writes results, and each attempt that did not end in acceptance. Results of a lost claim are left out (R4).
 * @returns the messages written.
 */
export async function record(tx: Runner, results: readonly Result[], now: Temporal.Instant): Promise<Written[]> {
  if (results.length === 0) return [];
  const { rows } = await sql<Written>`${PREPARED}
    with results as (
      select * from jsonb_to_recordset(${JSON.stringify(results.map(rowOf))}::jsonb) as results (
        id bigint, fence bigint, state text, reason text, next_attempt_at timestamptz, final boolean, outcome text,
        stage text, reply_code integer, reply_enhanced text, reply_text text, measured text)
    ), written as (
      update messages
      set state = results.state, reason = results.reason, next_attempt_at = results.next_attempt_at,
        finished_at = case when results.final then ${now}::timestamptz end,
        reply_code = coalesce(results.reply_code, messages.reply_code),
        reply_enhanced = case when results.reply_code is null then messages.reply_enhanced else results.reply_enhanced end,
        reply_text = case when results.reply_code is null then messages.reply_text else results.reply_text end,
        measured = results.measured, claimed_by = null, claimed_until = null
      from results
      where messages.id = results.id and messages.fence = results.fence and ${HELD}
      returning messages.id, messages.email_campaign_id, messages.person_id, messages.step_id, messages.attempts
    ), attempts as (
      insert into delivery_attempts (message_id, attempt, at, outcome, stage, reply_code, reply_enhanced, reply_text)
      select written.id, written.attempts, ${now}::timestamptz, results.outcome, results.stage, results.reply_code,
        results.reply_enhanced, results.reply_text
      from written join results on results.id = written.id
      where results.outcome is not null
    )
    select id, email_campaign_id, person_id, step_id from written`.execute(tx);
  return rows;
}

function rowOf({ id, fence, state, reason, nextAttemptAt, reply, stage, measured }: Result) {
  return {
    id,
    fence,
    state,
    reason,
    next_attempt_at: nextAttemptAt?.toString() ?? null,
    final: FINAL.includes(state),
    outcome: state === "accepted" || stage === null ? null : reason === "in-doubt" ? "unknown" : state,
    stage,
    reply_code: reply?.code ?? null,
    reply_enhanced: reply?.enhanced ?? null,
    reply_text: reply?.text.slice(0, MOST_OF_A_REPLY).replaceAll("\0", "") ?? null,
    ...(measured && { measured }),
  };
}

/** A server may say a lot; this much is kept. */
const MOST_OF_A_REPLY = 1000;

/**
 * Takes back the claims of workers that died: what was only claimed is planned again; what was in DATA may have
 * arrived, and is sent again with the same bytes or held, as its account says.
 * @param ours messages that are under way here: after a long loss of the database their results are yet to be written.
 */
export async function recoverExpired(
  db: Db,
  ours: readonly number[],
  now: Temporal.Instant,
): Promise<{ freed: number; inDoubt: number; more: boolean }> {
  const { rows } = await sql<{ inDoubt: boolean }>`
    with expired as (
      select messages.id, messages.state = 'in_data' as in_doubt, coalesce(email_accounts.hold_unknown, false) as hold
      from messages left join email_accounts on email_accounts.id = messages.email_account_id
      where messages.claimed_until < ${now}::timestamptz
        and messages.id <> all(${[...ours]}::bigint[])
      order by messages.id limit ${MOST_EXPIRED}
      for update of messages skip locked
    ), freed as (
      update messages
      set state = case
          when expired.in_doubt and expired.hold then 'unknown'
          when messages.attempts > 0 then 'deferred' else 'planned' end,
        reason = case when expired.in_doubt then 'in-doubt' end,
        next_attempt_at = case when expired.in_doubt and expired.hold then null else ${now}::timestamptz end,
        claimed_by = null, claimed_until = null, fence = fence + 1
      from expired where messages.id = expired.id
      returning messages.id, messages.attempts, expired.in_doubt
    ), attempts as (
      insert into delivery_attempts (message_id, attempt, at, outcome, stage)
      select id, attempts, ${now}::timestamptz, 'unknown', 'body' from freed where in_doubt
    )
    select in_doubt from freed`.execute(db);
  return { freed: rows.length, inDoubt: rows.filter((row) => row.inDoubt).length, more: rows.length === MOST_EXPIRED };
}

const MOST_EXPIRED = 1000;

/**
 * Resolves messages that were parked while their Email Campaign was paused and that has ended since; the tick wakes
 * those of a resumed one.
 */
export async function skipParked(db: Db, now: Temporal.Instant): Promise<number> {
  const { rows } = await sql`
    update messages
    set state = 'skipped', finished_at = ${now}::timestamptz,
      reason = case email_campaigns.status when 'Stopped' then email_campaigns.stop_reason else 'unsubscribed' end
    from email_campaigns
    where messages.reason = 'paused' and messages.state in ('planned', 'deferred')
      and email_campaigns.id = messages.email_campaign_id and email_campaigns.status in ('Stopped', 'Unsubscribed')
    returning messages.id`.execute(db);
  return rows.length;
}
