/** The SQL of tracking: a batch of engagements in one statement. Writes engagements alone. */
import { sql } from "kysely";
import { FASTEST_READER_SECONDS, SCAN } from "../core/automatic.ts";
import { PREPARED, type Tx } from "../db/database.ts";
import type { EngagementKind } from "../db/tables.ts";
import type { Seen } from "./tracking.ts";

/** What was recorded. */
export type Engagement = {
  readonly id: number;
  readonly messageId: number;
  readonly emailCampaignId: number;
  readonly personId: number;
  readonly campaignId: number;
  readonly stepId: number;
  readonly kind: EngagementKind;
  readonly link: string | null;
  readonly automatic: boolean;
};

/**
 * Whom and what it is about, the message says: a token that was signed before two people were merged names the former.
 * A message without an address was never sent, or its person is erased. Of whoever is never measured nothing is kept,
 * of mails sent before neither.
 */
export async function insert(tx: Tx, seen: readonly Seen[]): Promise<Engagement[]> {
  const { rows } = await sql<Engagement>`${PREPARED} with added as (
    insert into engagements
      (message_id, email_campaign_id, person_id, campaign_id, step_id, kind, link, happened_at, automatic)
    select messages.id, messages.email_campaign_id, messages.person_id, messages.campaign_id, messages.step_id,
      seen.kind, seen.link, seen.happened_at, seen.automatic or coalesce(
        seen.happened_at < messages.finished_at + make_interval(secs => ${sql.lit(FASTEST_READER_SECONDS)}), false)
    from unnest(
      ${seen.map((one) => one.messageId)}::bigint[],
      ${seen.map((one) => one.kind)}::text[],
      ${seen.map((one) => one.link)}::text[],
      ${seen.map((one) => one.happenedAt.toString())}::timestamptz[],
      ${seen.map((one) => one.automatic)}::boolean[]
    ) as seen (message_id, kind, link, happened_at, automatic)
    join messages on messages.id = seen.message_id
    where messages.address is not null
      and not exists (select from people where people.id = messages.person_id and people.measuring = 'never')
    returning id, message_id, email_campaign_id, person_id, campaign_id, step_id, kind, link, automatic
  )
  select * from added order by email_campaign_id, id`.execute(tx);
  return rows;
}

/**
 * Several links of one mail in so short a time are the work of a scanner: all of these become automatic, those recorded
 * before included.
 * @returns those that did.
 */
export async function markScans(tx: Tx, clicked: readonly Engagement[]): Promise<Engagement[]> {
  const of = (key: "messageId" | "emailCampaignId") => [...new Set(clicked.map((one) => one[key]))];
  const within = sql`make_interval(secs => ${sql.lit(SCAN.seconds)})`;
  const { rows } = await sql<Engagement>`${PREPARED}
    update engagements set automatic = true
    where email_campaign_id = any(${of("emailCampaignId")}::bigint[]) and message_id = any(${of("messageId")}::bigint[])
      and kind = 'clicked' and not automatic and (
      select count(distinct other.link) from engagements as other
      where other.email_campaign_id = engagements.email_campaign_id and other.message_id = engagements.message_id and other.kind = 'clicked' and other.happened_at
        between engagements.happened_at - ${within} and engagements.happened_at + ${within}) >= ${sql.lit(SCAN.links)}
    returning id, message_id, email_campaign_id, person_id, campaign_id, step_id, kind, link, automatic`.execute(tx);
  return rows;
}
