/** What was opened and clicked, counted by step and link, as a list, and as a CSV. Changes nothing. */
import { sql } from "kysely";
import { csvLine, guarded } from "../core/csv.ts";
import { refuse } from "../core/problem.ts";
import type { Measured } from "../core/tracked-content.ts";
import type { Db } from "../db/database.ts";
import type { EngagementKind } from "../db/tables.ts";
import { positionOf } from "../http/paging.ts";

/** Links of one step that are told one by one. */
const MOST_LINKS = 100;
const PAGE = 1000;

type StepCounts = {
  readonly stepId: number;
  readonly position: number;
  readonly sendAfterDays: number;
  readonly emailTemplate: string;
  readonly sent: number;
  readonly opened: number;
  readonly clicked: number;
  /** In mails in which both were measured. */
  readonly openedOfBoth: number;
  readonly clickedOfBoth: number;
  readonly automaticOnly: number;
};
type LinkCounts = {
  readonly stepId: number;
  readonly link: string;
  readonly people: number;
  readonly clicks: number;
  readonly automatic: number;
};

/** How many opened and clicked, by step and link. A click is an opening, too: pictures may be blocked. */
export async function ofCampaign(db: Db, id: number) {
  const campaign = await db
    .selectFrom("campaigns")
    .innerJoin("workspace", (join) => join.onTrue())
    .select((select) => [
      select.fn.coalesce("campaigns.trackOpens", "workspace.trackOpens").as("opens"),
      select.fn.coalesce("campaigns.trackClicks", "workspace.trackClicks").as("clicks"),
    ])
    .where("campaigns.id", "=", id)
    .executeTakeFirst();
  if (!campaign) return refuse("campaign-not-found", `There is no Campaign ${id}.`);
  const [measured, links] = await Promise.all([measuredOf(db, id), linksOf(db, id)]);
  // Where every mail of a step measured the same, as nearly always, the mails themselves need not be read.
  const of = measured.some(({ least, most }) => least !== most)
    ? sql`messages.measured from by_mail join messages on messages.id = by_mail.message_id`
    : sql`measured.alike from by_mail join unnest(${measured.map(({ stepId }) => stepId)}::bigint[],
        ${measured.map(({ least }) => least)}::text[]) as measured (step_id, alike) using (step_id)`;
  const { rows: steps } = await sql<StepCounts>`
    with by_mail as (
      select step_id, message_id, bool_or(not automatic) as by_person, bool_or(not automatic and kind = 'clicked') as clicked
      from engagements where campaign_id = ${id} group by 1, 2
    ), told (step_id, by_person, clicked, measured) as (
      select by_mail.step_id, by_person, clicked, ${of}
    ), counted as (
      select step_id, count(*) filter (where by_person and measured <> 'clicks') as opened,
        count(*) filter (where clicked) as clicked,
        count(*) filter (where by_person and measured = 'both') as opened_of_both,
        count(*) filter (where clicked and measured = 'both') as clicked_of_both,
        count(*) filter (where not by_person) as automatic_only
      from told group by 1
    ), sent as (
      select step_id, count(*) as sent from messages where campaign_id = ${id} and outcome = 'accepted' group by 1
    )
    select steps.id as step_id, steps.position, steps.send_after_days, email_templates.name as email_template,
      coalesce(sent, 0) as sent, coalesce(opened, 0) as opened, coalesce(clicked, 0) as clicked,
      coalesce(opened_of_both, 0) as opened_of_both, coalesce(clicked_of_both, 0) as clicked_of_both,
      coalesce(automatic_only, 0) as automatic_only
    from steps join email_templates on email_templates.id = steps.email_template_id
      left join counted on counted.step_id = steps.id left join sent on sent.step_id = steps.id
    where steps.campaign_id = ${id} and steps.removed_at is null
    order by steps.position`.execute(db);
  const byStep = Map.groupBy(links, ({ stepId }) => stepId);
  return {
    measures: campaign,
    steps: steps.map(({ openedOfBoth, clickedOfBoth, ...step }) => ({
      ...step,
      ...sharesOf(
        step,
        measured.find(({ stepId }) => stepId === step.stepId),
      ),
      clickedOfOpened: shareOf(clickedOfBoth, openedOfBoth),
      links: (byStep.get(step.stepId) ?? [])
        .slice(0, MOST_LINKS)
        .map(({ link, people, clicks, automatic }) => ({ link, people, clicks, automatic })),
    })),
  };
}

const shareOf = (part: number, whole: number) => (whole === 0 ? null : part / whole);

function sharesOf(
  { opened, clicked }: Pick<StepCounts, "opened" | "clicked">,
  { opens, clicks }: Pick<MeasuredCounts, "opens" | "clicks"> = NONE,
) {
  return {
    opensMeasured: opens,
    clicksMeasured: clicks,
    openedShare: shareOf(opened, opens),
    clickedShare: shareOf(clicked, clicks),
  };
}

type MeasuredCounts = {
  readonly stepId: number;
  /** In how many mails it was measured. */
  readonly opens: number;
  readonly clicks: number;
  /** The first and the last by the alphabet: the same where somebody turned no switch in between. */
  readonly least: Measured;
  readonly most: Measured;
};
const NONE = { opens: 0, clicks: 0 };

/** What was measured in the mails of each step, by an index alone. */
async function measuredOf(db: Db, campaignId: number): Promise<MeasuredCounts[]> {
  const { rows } = await sql<MeasuredCounts>`
    select step_id, count(*) filter (where measured <> 'clicks') as opens,
      count(*) filter (where measured <> 'opens') as clicks, min(measured) as least, max(measured) as most
    from messages where campaign_id = ${campaignId} and measured is not null group by 1`.execute(db);
  return rows;
}

async function linksOf(db: Db, campaignId: number): Promise<LinkCounts[]> {
  const { rows } = await sql<LinkCounts>`
    select step_id, link, count(distinct message_id) filter (where not automatic) as people,
      count(*) filter (where not automatic) as clicks, count(*) filter (where automatic) as automatic
    from engagements where campaign_id = ${campaignId} and kind = 'clicked'
    group by 1, 2 order by 3 desc, 4 desc, 2`.execute(db);
  return rows;
}

export type Asked = {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly kind?: EngagementKind | undefined;
  readonly automatic?: boolean | undefined;
  readonly campaignId?: number | undefined;
  readonly personId?: number | undefined;
  readonly stepId?: number | undefined;
};

/** Newest first; one more than asked for, where there are more. */
export function list(db: Db, asked: Asked) {
  const before = asked.cursor === undefined ? undefined : positionOf(asked.cursor).id;
  return engagements(db, { ...asked, limit: asked.limit + 1, before });
}

function engagements(db: Db, asked: Omit<Asked, "cursor"> & { readonly before?: number | undefined }) {
  let query = db
    .selectFrom("engagements")
    .innerJoin("people", "people.id", "engagements.personId")
    .select([
      "engagements.id",
      "engagements.kind",
      "engagements.personId",
      "people.fullName as person",
      "people.email",
      "engagements.campaignId",
      "engagements.emailCampaignId",
      "engagements.stepId",
      "engagements.messageId",
      "engagements.link",
      "engagements.happenedAt",
      "engagements.automatic",
    ])
    .leftJoin("messages", "messages.id", "engagements.messageId")
    .select("messages.variant")
    .orderBy("engagements.id", "desc")
    .limit(asked.limit);
  const { kind, automatic, campaignId, personId, stepId, before } = asked;
  if (kind) query = query.where("engagements.kind", "=", kind);
  if (automatic !== undefined) query = query.where("engagements.automatic", "=", automatic);
  if (campaignId) query = query.where("engagements.campaignId", "=", campaignId);
  if (personId) query = query.where("engagements.personId", "=", personId);
  if (stepId) query = query.where("engagements.stepId", "=", stepId);
  if (before !== undefined) query = query.where("engagements.id", "<", before);
  return query.execute();
}

type Listed = Awaited<ReturnType<typeof engagements>>[number];
const COLUMNS: readonly (readonly [heading: string, cell: (row: Listed) => string])[] = [
  ["Happened at", (row) => row.happenedAt.toString()],
  ["What", (row) => row.kind],
  ["Link", (row) => row.link ?? ""],
  ["By a machine", (row) => (row.automatic ? "yes" : "")],
  ["Person", (row) => row.person],
  ["Email", (row) => row.email ?? ""],
  ["Person ID", (row) => String(row.personId)],
  ["Email Campaign ID", (row) => String(row.emailCampaignId ?? "")],
  ["Step ID", (row) => String(row.stepId ?? "")],
  ["Variant", (row) => row.variant ?? ""],
];

/** All of a Campaign, page by page. */
export async function* csvOf(db: Db, asked: Omit<Asked, "limit" | "cursor">): AsyncGenerator<string> {
  // The mark at the beginning tells spreadsheets that it is UTF-8.
  yield `\uFEFF${csvLine(COLUMNS.map(([heading]) => heading))}`;
  let before: number | undefined;
  for (;;) {
    const rows = await engagements(db, { ...asked, limit: PAGE, before });
    if (rows.length > 0) yield rows.map((row) => csvLine(COLUMNS.map(([, cell]) => guarded(cell(row))))).join("");
    if (rows.length < PAGE) return;
    before = rows.at(-1)!.id;
  }
}
