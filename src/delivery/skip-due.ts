/** Resolves all that is due as skipped: after a backup was restored and that mail had left before. Sends nothing. */
import { sql } from "kysely";
import { after } from "../core/email-campaign.ts";
import { decide, dueAt, inOrder, localDay, type Resolution } from "../core/schedule.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";

const REASON = "restored";
const AT_ONCE = 500;

/**
 * Skips what is on its way and every step due by now; what lies ahead goes on. In parts, each a transaction of its own.
 * @returns how many steps were skipped.
 */
export async function skipDue(db: Db, now: Temporal.Instant): Promise<number> {
  let skipped = 0;
  for (const part of [skipOnTheirWay, skipSteps]) {
    for (;;) {
      const done = await inTransaction(db, (tx) => part(tx, now));
      skipped += done.skipped;
      if (done.looked === 0) break;
    }
  }
  return skipped;
}

type Done = { readonly looked: number; readonly skipped: number };

/** Messages that were being sent when the backup was made have left since. */
async function skipOnTheirWay(tx: Tx, now: Temporal.Instant): Promise<Done> {
  const { rows } = await sql<{ emailCampaignId: number }>`
    with due as (
      select id from messages
      where next_attempt_at <= ${now}::timestamptz or claimed_until is not null
      order by id limit ${AT_ONCE} for update
    )
    update messages
    set state = 'skipped', reason = ${REASON}, next_attempt_at = null, finished_at = ${now}::timestamptz,
      claimed_by = null, claimed_until = null, fence = fence + 1
    from due where messages.id = due.id
    returning messages.email_campaign_id`.execute(tx);
  const ids = rows.map((row) => row.emailCampaignId);
  await emailCampaigns.afterResults(tx, [...new Set(ids)], now);
  return { looked: rows.length, skipped: rows.length };
}

async function skipSteps(tx: Tx, now: Temporal.Instant): Promise<Done> {
  const due = await emailCampaigns.claimDue(tx, now, AT_ONCE);
  const messages: object[] = [];
  const advances: emailCampaigns.Advance[] = [];
  const stopped: { id: number; reason: "condition" | "converted" }[] = [];
  for (const { id, personId, campaignId, status, campaignPaused, facts } of due) {
    // Its Campaign is on hold: whoever resumes it wakes it.
    if (campaignPaused) {
      advances.push({ id, status, nextDueAt: null });
      continue;
    }
    const resolved: Resolution[] = [...facts.resolutions];
    for (const step of inOrder(facts.steps)) {
      if (resolved.some(({ stepId }) => stepId === step.id)) continue;
      const moment = dueAt(facts.startOn, step, facts.rules, facts.createdAt);
      if (!moment || Temporal.Instant.compare(moment, now) > 0) break;
      const on = localDay(moment, facts.rules.timeZone);
      resolved.push({ stepId: step.id, state: "skipped", at: moment, on });
      messages.push({
        email_campaign_id: id,
        step_id: step.id,
        person_id: personId,
        campaign_id: campaignId,
        due_at: moment.toString(),
        planned_on: on.toString(),
      });
    }
    const { send, next, done, stop } = decide({ ...facts, resolutions: resolved }, now);
    if (stop) stopped.push({ id, reason: stop.reason });
    const begun = after(status, "begin") ?? status;
    // A step that may leave at once comes due at this very moment: it is looked at in the next part.
    const nextDueAt = send.length > 0 ? now : (next?.dueAt ?? null);
    advances.push({ id, status: done ? (after(begun, "complete") ?? begun) : begun, nextDueAt });
  }
  await sql`
    insert into messages (email_campaign_id, step_id, person_id, campaign_id, state, reason, due_at, planned_on, planned_at, finished_at)
    select row.email_campaign_id, row.step_id, row.person_id, row.campaign_id, 'skipped', ${REASON}, row.due_at, row.planned_on,
      ${now}::timestamptz, ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(messages)}::jsonb) as row (email_campaign_id bigint, step_id bigint,
      person_id bigint, campaign_id bigint, due_at timestamptz, planned_on date)
    on conflict (email_campaign_id, step_id) do nothing`.execute(tx);
  await emailCampaigns.advance(tx, advances, now);
  for (const { id, reason } of stopped) await emailCampaigns.end(tx, { ids: [id] }, { event: "stop", reason }, now);
  return { looked: due.length, skipped: messages.length };
}
