/** The SQL of drafts, versions and backfills; writes only those tables. */
import { sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import type { Content } from "./content.ts";

export type DraftRow = NonNullable<Awaited<ReturnType<typeof findDraft>>>;

const COLUMNS = [
  "campaignId",
  "content",
  "base",
  "changedBy",
  "approvalAskedBy",
  "approvalAskedById",
  "approvalAskedAt",
  "approvedBy",
  "approvedAt",
  "createdAt",
  "changedAt",
] as const;

export function findDraft(db: Db, campaignId: number) {
  return db.selectFrom("campaignDrafts").select(COLUMNS).where("campaignId", "=", campaignId).executeTakeFirst();
}

export function lockDraft(tx: Tx, campaignId: number) {
  return tx
    .selectFrom("campaignDrafts")
    .select(COLUMNS)
    .where("campaignId", "=", campaignId)
    .forUpdate()
    .executeTakeFirst();
}

/** Writes a draft anew; who approved it approved another one. */
export async function saveDraft(
  tx: Tx,
  campaignId: number,
  { content, base }: { readonly content: Content; readonly base: Content },
  changedBy: string,
  now: Temporal.Instant,
): Promise<void> {
  const written = {
    content: JSON.stringify(content),
    base: JSON.stringify(base),
    changedBy,
    changedAt: now,
    approvalAskedBy: null,
    approvalAskedById: null,
    approvalAskedAt: null,
    approvedBy: null,
    approvedAt: null,
  };
  await tx
    .insertInto("campaignDrafts")
    .values({ campaignId, ...written, createdAt: now })
    .onConflict((conflict) => conflict.column("campaignId").doUpdateSet(written))
    .execute();
}

export async function discardDraft(tx: Tx, campaignId: number): Promise<void> {
  await tx.deleteFrom("campaignDrafts").where("campaignId", "=", campaignId).execute();
}

/** What stands in a draft besides its content: who asked for approval, who gave it. */
export async function markDraft(
  tx: Tx,
  campaignId: number,
  marks: Partial<
    Pick<DraftRow, "approvalAskedBy" | "approvalAskedById" | "approvalAskedAt" | "approvedBy" | "approvedAt">
  >,
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .updateTable("campaignDrafts")
    .set({ ...marks, changedAt: now })
    .where("campaignId", "=", campaignId)
    .execute();
}

/** What does not matter to a Schedule: a version with another name is the same version. */
const BESIDE = sql`array['name', 'name_key', 'description', 'owner_id', 'changed_at', 'pause_kind', 'paused_at', 'paused_by', 'paused_reason', 'resumed_at']`;

/**
 * Keeps what is published now as a version, unless the last one is the same.
 * @returns its id.
 */
export async function keepVersion(
  tx: Tx,
  campaignId: number,
  by: { readonly publishedBy: string; readonly choice: "everyone" | "new-only" | "stop" | null },
  now: Temporal.Instant,
): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    with present as (
      select to_jsonb(campaigns) - ${BESIDE} as campaign, coalesce((
        select jsonb_agg(to_jsonb(steps) order by steps.position) from steps
        where steps.campaign_id = campaigns.id and steps.removed_at is null), '[]') as steps
      from campaigns where id = ${campaignId}
    ), last as (
      select id, number, campaign, steps from schedule_versions
      where campaign_id = ${campaignId} order by number desc limit 1
    ), kept as (
      select last.id from last, present where last.campaign = present.campaign and last.steps = present.steps
    ), made as (
      insert into schedule_versions (campaign_id, number, campaign, steps, published_at, published_by, choice)
      select ${campaignId}, coalesce((select number from last), 0) + 1, campaign, steps, ${now}::timestamptz,
        ${by.publishedBy}, ${by.choice}
      from present where not exists (select from kept)
      returning id
    )
    select id from kept union all select id from made`.execute(tx);
  return rows[0]!.id;
}

export async function versionsOf(db: Db, campaignId: number) {
  const { rows } = await sql<{
    id: number;
    number: number;
    publishedAt: Temporal.Instant;
    publishedBy: string;
    choice: "everyone" | "new-only" | "stop" | null;
    steps: number;
    following: number;
  }>`
    select id, number, published_at, published_by, choice, jsonb_array_length(steps) as steps, (
      select count(*)::int from email_campaigns
      where email_campaigns.schedule_version_id = schedule_versions.id
        and email_campaigns.status in ('Scheduled', 'In Progress', 'Paused')) as following
    from schedule_versions where campaign_id = ${campaignId} order by number desc limit 200`.execute(db);
  return rows;
}

/** One version as it was kept: the rows of its tables, by their columns. */
export async function findVersion(db: Db, campaignId: number, number: number) {
  const { rows } = await sql<{
    number: number;
    publishedAt: Temporal.Instant;
    publishedBy: string;
    choice: "everyone" | "new-only" | "stop" | null;
    campaign: string;
    steps: string;
  }>`
    select number, published_at, published_by, choice, campaign::text as campaign, steps::text as steps
    from schedule_versions where campaign_id = ${campaignId} and number = ${number}`.execute(db);
  return rows[0];
}

/** A step of one Email Campaign, and the moment from which it is sent although it was added too late. */
export type Backfill = { readonly emailCampaignId: number; readonly stepId: number; readonly dueAt: Temporal.Instant };

export async function addBackfills(
  tx: Tx,
  backfills: readonly Backfill[],
  madeBy: string,
  now: Temporal.Instant,
): Promise<void> {
  if (backfills.length === 0) return;
  const rows = backfills.map(({ emailCampaignId, stepId, dueAt }) => ({
    email_campaign_id: emailCampaignId,
    step_id: stepId,
    due_at: dueAt.toString(),
  }));
  await sql`
    insert into backfills (email_campaign_id, step_id, due_at, made_by, made_at)
    select row.*, ${madeBy}, ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (email_campaign_id bigint, step_id bigint, due_at timestamptz)
    on conflict (email_campaign_id, step_id) do nothing`.execute(tx);
}

/** Names and addresses for rows that are shown. */
export async function namesOf(db: Db, personIds: readonly number[]) {
  const { rows } = await sql<{ id: number; person: string; email: string | null }>`
    select id, full_name as person, email from people where id = any(${[...personIds]}::bigint[])`.execute(db);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Who was past a step when it was added: In Progress or Completed, the newest Email Campaign of each person. */
export async function pastStep(db: Db, campaignId: number, stepId: number): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select ec.id from email_campaigns ec
    where ec.campaign_id = ${campaignId} and ec.status in ('In Progress', 'Completed') and ec.schedule_version_id is null
      and not exists (select from backfills where backfills.email_campaign_id = ec.id and backfills.step_id = ${stepId})
      and not exists (
        select from messages where messages.email_campaign_id = ec.id and messages.step_id = ${stepId}
          and (messages.state <> 'skipped' or messages.reason <> 'added-after-its-day'))
      and not exists (
        select from email_campaigns as newer
        where newer.campaign_id = ${campaignId} and newer.person_id = ec.person_id and newer.id > ec.id)
    order by ec.id`.execute(db);
  return rows.map((row) => row.id);
}
