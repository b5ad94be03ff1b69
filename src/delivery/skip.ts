/** Skips a step of one Email Campaign by hand. Never calls back a mail that is on its way. */
import { sql } from "kysely";
import type { Tx } from "../db/database.ts";
import type { Skipped } from "../email-campaigns/skip.ts";

/**
 * Resolves a step as skipped, whether its message stands already or not. The caller holds the Email Campaign, so that no
 * tick plans the step meanwhile; nothing is waited for, because whoever records results locks the other way round.
 * @returns false when the message is taken or final.
 */
export async function skipByHand(tx: Tx, skipped: Skipped, now: Temporal.Instant): Promise<boolean> {
  const { emailCampaignId, stepId, personId, campaignId, dueAt, on } = skipped;
  const { rows: waiting } = await sql`
    with waiting as (
      select id from messages
      where email_campaign_id = ${emailCampaignId} and step_id = ${stepId} and state in ('planned', 'deferred')
      for update skip locked
    )
    update messages
    set state = 'skipped', reason = 'skipped-by-hand', next_attempt_at = null, finished_at = ${now}::timestamptz
    from waiting where messages.id = waiting.id
    returning messages.id`.execute(tx);
  if (waiting.length > 0) return true;
  const made = await tx
    .insertInto("messages")
    .values({
      emailCampaignId,
      stepId,
      personId,
      campaignId,
      state: "skipped",
      reason: "skipped-by-hand",
      dueAt,
      plannedAt: now,
      plannedOn: on,
      contentVersionId: null,
      emailAccountId: null,
      address: null,
      messageId: null,
      nextAttemptAt: null,
      claimedBy: null,
      claimedUntil: null,
      firstAttemptAt: null,
      finishedAt: now,
      replyCode: null,
      replyEnhanced: null,
      replyText: null,
    })
    .onConflict((conflict) => conflict.constraint("messages_one_per_step").doNothing())
    .returning("id")
    .executeTakeFirst();
  return made !== undefined;
}

/** Takes back that a step was skipped for these Email Campaigns because it was added too late: it is sent after all. */
export async function forgetSkipped(tx: Tx, stepId: number, emailCampaignIds: readonly number[]): Promise<void> {
  await sql`
    delete from messages
    where email_campaign_id = any(${[...emailCampaignIds]}::bigint[]) and step_id = ${stepId}
      and state = 'skipped' and reason = 'added-after-its-day'`.execute(tx);
}
