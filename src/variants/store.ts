/** The SQL of variants: what became of their mails, and what was decided about them. Writes decisions alone. */
import { sql } from "kysely";
import type { VariantDecision, VariantFigures, WinnerRule } from "../core/variants.ts";
import type { Db, Tx } from "../db/database.ts";

export type StepRow = Awaited<ReturnType<typeof stepsWithVariants>>[number];

/** The steps that have variants, of one Campaign or of all. */
export function stepsWithVariants(db: Db, campaignId?: number) {
  const query = db
    .selectFrom("steps")
    .select(["id", "campaignId", "position", "sendAfterDays", "emailTemplateId", "variants"])
    .where("removedAt", "is", null)
    .where("variants", "is not", null)
    .orderBy("campaignId")
    .orderBy("position");
  return campaignId === undefined ? query.execute() : query.where("campaignId", "=", campaignId).execute();
}

/** What is measured in mails of a Campaign that leave now. */
export async function measuredIn(db: Db, campaignId: number) {
  const found = await db
    .selectFrom("campaigns")
    .innerJoin("workspace", (join) => join.onTrue())
    .select((select) => [
      select.fn.coalesce("campaigns.trackOpens", "workspace.trackOpens").as("opened"),
      select.fn.coalesce("campaigns.trackClicks", "workspace.trackClicks").as("clicked"),
    ])
    .where("campaigns.id", "=", campaignId)
    .executeTakeFirst();
  return { opened: found?.opened ?? false, clicked: found?.clicked ?? false, replied: true };
}

/**
 * What became of a step's mails, variant by variant; only of those that left in the template the variant has now. A reply
 * is one to the mail it answers, or to the last one before it; a machine's opening counts for nothing; a click is an
 * opening, too, in a mail in which opening was measured.
 */
export async function figuresOf(db: Db, { id, campaignId }: Pick<StepRow, "id" | "campaignId">) {
  const { rows } = await sql<VariantFigures & { firstSentAt: Temporal.Instant }>`
    with mails as (
      select messages.id, messages.email_campaign_id, messages.finished_at,
        coalesce(messages.measured in ('opens', 'both'), false) as opens,
        coalesce(messages.measured in ('clicks', 'both'), false) as clicks,
        coalesce(messages.variant, messages.planned_variant) as letter
      from messages join steps on steps.id = messages.step_id
        left join content_versions on content_versions.id = messages.content_version_id
      where messages.campaign_id = ${campaignId} and messages.step_id = ${id} and messages.outcome = 'accepted'
        and messages.planned_variant is not null
        and (content_versions.id is null or content_versions.email_template_id =
          case coalesce(messages.variant, messages.planned_variant) when 'A' then steps.email_template_id
            else template_of_variant(steps.variants, coalesce(messages.variant, messages.planned_variant)) end)
    ), seen as (
      select message_id, bool_or(kind = 'clicked') as clicked from engagements
      where campaign_id = ${campaignId} and step_id = ${id} and not automatic group by 1
    ), replied as (
      select distinct coalesce((entry.detail ->> 'messageId')::bigint, (
        select last.id from messages as last
        where last.email_campaign_id = entry.email_campaign_id and last.outcome = 'accepted' and last.finished_at <= entry.at
        order by last.finished_at desc limit 1)) as message_id
      from timeline_entries as entry join email_campaigns as ec on ec.id = entry.email_campaign_id
      where ec.campaign_id = ${campaignId} and entry.kind = 'reply'
    ), left_after as (
      select last.id as message_id from email_campaigns as ec cross join lateral (
        select id from messages where email_campaign_id = ec.id and outcome = 'accepted'
        order by finished_at desc limit 1) as last
      where ec.campaign_id = ${campaignId} and ec.status = 'Unsubscribed'
    )
    select letter, count(*) as sent, count(*) filter (where opens) as opens_measured,
      count(*) filter (where clicks) as clicks_measured, count(seen.message_id) filter (where opens) as opened,
      count(*) filter (where clicks and seen.clicked) as clicked,
      count(replied.message_id) as replied, count(left_after.message_id) as unsubscribed,
      min(finished_at) as first_sent_at
    from mails left join seen on seen.message_id = mails.id left join replied on replied.message_id = mails.id
      left join left_after on left_after.message_id = mails.id
    group by letter`.execute(db);
  return rows;
}

export type DecisionRow = VariantDecision & { readonly id: number; readonly stepId: number };

/** What was decided about these steps and not taken back, whichever templates it was about. */
export function decisionsOf(db: Db, stepIds: readonly number[]): Promise<DecisionRow[]> {
  return db
    .selectFrom("variantDecisions")
    .select(["id", "stepId", "outcome", "winner", "templates", "decidedAt as at", "decidedBy as by"])
    .where("stepId", "=", sql<number>`any(${[...stepIds]}::bigint[])`)
    .where("takenBackAt", "is", null)
    .execute();
}

export type NewDecision = Pick<VariantDecision, "outcome" | "winner" | "templates" | "by"> & {
  readonly stepId: number;
  readonly rule: WinnerRule | null;
  readonly figures: readonly VariantFigures[];
};

export async function insert(tx: Tx, decision: NewDecision, now: Temporal.Instant): Promise<void> {
  const { by, templates, rule, figures, ...rest } = decision;
  await tx
    .insertInto("variantDecisions")
    .values({
      ...rest,
      templates: JSON.stringify(templates),
      rule: rule && JSON.stringify(rule),
      figures: JSON.stringify(figures),
      decidedAt: now,
      decidedBy: by,
    })
    .execute();
}

export async function takeBack(tx: Tx, id: number, by: string, now: Temporal.Instant): Promise<void> {
  await tx.updateTable("variantDecisions").set({ takenBackAt: now, takenBackBy: by }).where("id", "=", id).execute();
}
