/** What the tick needs: which Email Campaigns are due, and how they stand afterwards. Plans no message itself. */
import { sql } from "kysely";
import type { Status } from "../core/email-campaign.ts";
import { type Db, PREPARED, type Runner, type Tx } from "../db/database.ts";
import { type WithFacts, factsOf } from "./facts.ts";

/**
 * Locks the Email Campaigns whose next moment has come, the longest due first, skipping those another worker holds
 * (E55).
 * @returns each with the facts that decide what follows, in the order of their ids.
 */
export async function claimDue(tx: Tx, now: Temporal.Instant, limit: number): Promise<WithFacts[]> {
  const { rows } = await dueForUpdate(now, limit).execute(tx);
  return factsOf(
    tx,
    rows.map((row) => row.id),
  );
}

/** Reads the partial index `email_campaigns_due` alone: its size is what waits, not all there ever was. */
export function dueForUpdate(now: Temporal.Instant, limit: number) {
  return sql<{ id: number }>`${PREPARED}
    select id from email_campaigns
    where next_due_at <= ${now}::timestamptz
    order by next_due_at
    limit ${limit}
    for update skip locked`;
}

/** How one of them stands after the tick. */
export type Advance = {
  readonly id: number;
  readonly status: Status;
  /** When to look again; null: something else will wake it. */
  readonly nextDueAt: Temporal.Instant | null;
};

/** Writes where claimed Email Campaigns stand. The stamp of the last change stays: nobody changed them (E42). */
export async function advance(tx: Tx, rows: readonly Advance[], now: Temporal.Instant): Promise<void> {
  if (rows.length === 0) return;
  const values = rows.map(({ id, status, nextDueAt }) => ({ id, status, next_due_at: nextDueAt?.toString() ?? null }));
  await sql`${PREPARED}
    update email_campaigns
    set status = next.status, next_due_at = next.next_due_at,
      finished_at = case when next.status = 'Completed' then ${now}::timestamptz else email_campaigns.finished_at end
    from jsonb_to_recordset(${JSON.stringify(values)}::jsonb) as next (id bigint, status text, next_due_at timestamptz)
    where email_campaigns.id = next.id`.execute(tx);
}

/**
 * After messages became final: Completed where every step is resolved (E44), and a look again where a later step was
 * waiting for this one.
 */
export async function afterResults(tx: Runner, ids: readonly number[], now: Temporal.Instant): Promise<void> {
  if (ids.length === 0) return;
  await sql`${PREPARED}
    with concerned as (
      -- Whoever stays with a version is looked at again instead: its steps are not those of the table.
      select ec.id, ec.schedule_version_id is null and not exists (
        select from steps
        where steps.campaign_id = ec.campaign_id and steps.removed_at is null and not exists (
          select from messages
          where messages.email_campaign_id = ec.id and messages.step_id = steps.id
            and messages.state in ('accepted', 'refused', 'skipped'))
      ) and not exists (
        select from messages
        where messages.email_campaign_id = ec.id and messages.state not in ('accepted', 'refused', 'skipped')
      ) as done
      from unnest(${[...ids].sort((a, b) => a - b)}::bigint[]) as wanted (id) join email_campaigns ec on ec.id = wanted.id
      where ec.status = 'In Progress' and ec.next_due_at is null
    )
    update email_campaigns
    set status = case when done then 'Completed' else status end,
      finished_at = case when done then ${now}::timestamptz else finished_at end,
      next_due_at = case when done then null else ${now}::timestamptz end
    from concerned
    where concerned.id = email_campaigns.id and email_campaigns.status = 'In Progress'
      and email_campaigns.next_due_at is null`.execute(tx);
}

/** The next moment at which something is due, or null. */
export async function nextDueAt(db: Db): Promise<Temporal.Instant | null> {
  const row = await db
    .selectFrom("emailCampaigns")
    .select((select) => select.fn.min("nextDueAt").as("at"))
    .where("nextDueAt", "is not", null)
    .executeTakeFirst();
  return row?.at ?? null;
}

/** Wakes the loops that wait for something to become due, once this transaction commits. */
export async function announce(tx: Db): Promise<void> {
  await sql`select pg_notify('tidings_due', '')`.execute(tx);
}
