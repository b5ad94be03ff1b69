/** Who follows which version of a Schedule, and how what runs is brought to it: all by set, however many run. Plans nothing. */
import { sql } from "kysely";
import { after, statusesFor } from "../core/email-campaign.ts";
import { localDay } from "../core/schedule.ts";
import type { Db, Tx } from "../db/database.ts";
import { announce } from "./due.ts";
import { saveEndDates } from "./end-dates.ts";
import { zoneOr } from "./facts.ts";

const RUNNING = ["Scheduled", "In Progress", "Paused"];

/**
 * After a Schedule changed: whoever follows what is published is looked at again at once, end dates follow, and what was
 * Completed goes on where a step was added whose day lies ahead for the person (E9, E20, E45). Nobody changed these rows:
 * their stamp stays. In the transaction of the edit.
 */
export async function reschedule(tx: Tx, campaignId: number, now: Temporal.Instant): Promise<void> {
  await rescheduleRunning(tx, campaignId, now);
  await reopen(tx, campaignId, now);
}

/** The same for what runs alone: who is through with it stays so. */
export async function rescheduleRunning(tx: Tx, campaignId: number, now: Temporal.Instant): Promise<void> {
  await sql`
    update email_campaigns
    set end_on = start_on + shifted_days + schedule.days,
      next_due_at = case when status = 'Paused' then null else ${now}::timestamptz end
    from (
      select coalesce(max(send_after_days), 0) as days from steps
      where campaign_id = ${campaignId} and removed_at is null
    ) as schedule
    where campaign_id = ${campaignId} and status in ('Scheduled', 'In Progress', 'Paused')
      and schedule_version_id is null`.execute(tx);
  await saveEndDates(tx, campaignId);
  await announce(tx);
}

/** Whose calendar an Email Campaign goes by. */
const ZONE = sql`coalesce(
  case when campaigns.timing ->> 'clock' is distinct from 'workspace' then people.time_zone end, workspace.time_zone)`;

/** Reopens what was Completed, unless a later Email Campaign took the person through the same Campaign since. */
async function reopen(tx: Tx, campaignId: number, now: Temporal.Instant): Promise<void> {
  const { rows: zones } = await sql<{ timeZone: string }>`
    select distinct ${ZONE} as time_zone
    from email_campaigns join people on people.id = email_campaigns.person_id
      join campaigns on campaigns.id = email_campaigns.campaign_id cross join workspace
    where email_campaigns.campaign_id = ${campaignId} and email_campaigns.status = 'Completed'`.execute(tx);
  const days = zones.map(({ timeZone }) => ({
    time_zone: timeZone,
    today: localDay(now, zoneOr(timeZone)).toString(),
  }));
  await sql`
    update email_campaigns
    set status = 'In Progress', finished_at = null, next_due_at = ${now}::timestamptz,
      end_on = start_on + shifted_days
        + (select max(send_after_days) from steps where campaign_id = ${campaignId} and removed_at is null)
    from people cross join workspace cross join campaigns, jsonb_to_recordset(${JSON.stringify(days)}::jsonb) as days (time_zone text, today date)
    where email_campaigns.campaign_id = ${campaignId} and email_campaigns.status = 'Completed'
      and email_campaigns.schedule_version_id is null
      and people.id = email_campaigns.person_id
      and campaigns.id = email_campaigns.campaign_id and days.time_zone = ${ZONE}
      and exists (
        select from steps
        where steps.campaign_id = ${campaignId} and steps.removed_at is null
          -- Business days and dates in fields may lie later than they look here; the tick knows.
          and (email_campaigns.start_on + email_campaigns.shifted_days + steps.send_after_days >= days.today
            or campaigns.timing ->> 'counting' = 'business-days' or steps.timing is not null)
          and not exists (
            select from messages
            where messages.email_campaign_id = email_campaigns.id and messages.step_id = steps.id))
      and not exists (
        select from email_campaigns as later
        where later.campaign_id = ${campaignId} and later.person_id = email_campaigns.person_id
          and later.id > email_campaigns.id)`.execute(tx);
}

/** Whoever has begun this Campaign or is through with it stays with a version of its Schedule. @returns how many. */
export async function stayWith(tx: Tx, campaignId: number, versionId: number): Promise<number> {
  const { numAffectedRows } = await sql`
    update email_campaigns set schedule_version_id = ${versionId}
    where campaign_id = ${campaignId} and schedule_version_id is null
      and status in ('Scheduled', 'In Progress', 'Paused', 'Completed')`.execute(tx);
  return Number(numAffectedRows ?? 0);
}

/** Everybody follows what is published. */
export async function followPublished(tx: Tx, campaignId: number): Promise<void> {
  await sql`
    update email_campaigns set schedule_version_id = null
    where campaign_id = ${campaignId} and schedule_version_id is not null`.execute(tx);
}

/** Ends what is In Progress or Paused, as cancelled. @returns their ids. */
export async function stopInProgress(tx: Tx, campaignId: number, now: Temporal.Instant): Promise<number[]> {
  const begun = statusesFor("cancel").filter((status) => status !== "Scheduled");
  const stopped = await tx
    .updateTable("emailCampaigns")
    .set({
      status: after("In Progress", "cancel")!,
      stopReason: "cancelled",
      nextDueAt: null,
      finishedAt: now,
      changedAt: now,
    })
    .where("campaignId", "=", campaignId)
    .where("status", "in", begun)
    .returning("id")
    .execute();
  return stopped.map(({ id }) => id);
}

/** When some of them are looked at: what an edit made due at once need not leave at once. */
export async function lookAt(
  tx: Tx,
  moments: readonly { readonly id: number; readonly at: Temporal.Instant }[],
): Promise<void> {
  if (moments.length === 0) return;
  const rows = moments.map(({ id, at }) => ({ id, at: at.toString() }));
  await sql`
    update email_campaigns set next_due_at = moments.at
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as moments (id bigint, at timestamptz)
    where email_campaigns.id = moments.id and email_campaigns.status in ('Scheduled', 'In Progress')`.execute(tx);
}

/** Those who are through with it go on, in order to get something more. */
export async function goOn(
  tx: Tx,
  moments: readonly { readonly id: number; readonly at: Temporal.Instant }[],
): Promise<void> {
  if (moments.length === 0) return;
  await sql`
    update email_campaigns set status = 'In Progress', finished_at = null
    where id = any(${moments.map(({ id }) => id)}::bigint[]) and status = 'Completed'
      and not exists (
        select from email_campaigns as other
        where other.campaign_id = email_campaigns.campaign_id and other.person_id = email_campaigns.person_id
          and other.status in ('Scheduled', 'In Progress', 'Paused'))`.execute(tx);
  await lookAt(tx, moments);
}

/** Wakes everything of a Campaign: its pause is over. */
export async function wakeCampaign(tx: Tx, campaignId: number, now: Temporal.Instant): Promise<void> {
  await tx
    .updateTable("emailCampaigns")
    .set({ nextDueAt: now })
    .where("campaignId", "=", campaignId)
    .where("status", "in", ["Scheduled", "In Progress"])
    .execute();
  await announce(tx);
}

/** Nothing of a Campaign is looked at until it is woken. */
export async function restCampaign(tx: Tx, campaignId: number): Promise<void> {
  await tx
    .updateTable("emailCampaigns")
    .set({ nextDueAt: null })
    .where("campaignId", "=", campaignId)
    .where("nextDueAt", "is not", null)
    .execute();
}

/**
 * The clock of a Campaign stood still from one day to another: everything that had begun by then, or would have begun
 * meanwhile, is that much later. What starts afterwards keeps its start.
 */
export async function shift(
  tx: Tx,
  campaignId: number,
  { from, to }: { readonly from: Temporal.PlainDate; readonly to: Temporal.PlainDate },
): Promise<void> {
  await sql`
    with moved as (
      select id, ${to}::date - greatest(${from}::date, start_on + shifted_days, (created_at at time zone 'UTC')::date) as days
      from email_campaigns where campaign_id = ${campaignId} and status = any(${RUNNING})
    )
    update email_campaigns set shifted_days = shifted_days + days, end_on = end_on + days
    from moved where moved.id = email_campaigns.id and days > 0`.execute(tx);
}

/** The Email Campaigns an edit of the Schedule may reach: what runs, and what is through but started late enough to go on. */
export async function concerned(
  db: Db,
  campaignId: number,
  { beyond, startedSince }: { readonly beyond: number; readonly startedSince: Temporal.PlainDate | null },
): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from email_campaigns
    where campaign_id = ${campaignId} and id > ${beyond} and (status in ('Scheduled', 'In Progress', 'Paused')
      or (status = 'Completed' and start_on + shifted_days >= ${startedSince}::date))
    order by id`.execute(db);
  return rows.map((row) => row.id);
}
