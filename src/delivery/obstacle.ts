/** Why nothing may leave for an Email Campaign: the one condition of planning, of the claim and of the last look before MAIL FROM. */
import { sql } from "kysely";
import type { Condition } from "../core/conditions.ts";
import { type Db, PREPARED } from "../db/database.ts";
import { conditionInSql, type Ending } from "../email-campaigns/email-campaigns.ts";
import { DO_NOT_CONTACT } from "../people/api.ts";
import { suppressedBy } from "../suppressions/suppressions.ts";

/**
 * SQL over `email_campaigns` and `people`: a person who is gone, a suppression, an ended or paused Email Campaign, a
 * Campaign on hold or frozen, a member who left the Email Group (read now, E67). Null: it may leave.
 */
export const obstacle = sql<string | null>`coalesce(
  case when people.erased_at is not null then 'erased' when people.email_key is null then 'no-address' end,
  ${suppressedBy(sql.ref("people.email_key"), sql.ref<number>("email_campaigns.campaign_id"))},
  case
    when people.disabled_at is not null or people.status = ${sql.lit(DO_NOT_CONTACT)} then 'do-not-contact'
    when email_campaigns.status = 'Unsubscribed' then 'unsubscribed'
    when email_campaigns.status = 'Stopped' then email_campaigns.stop_reason
    when email_campaigns.email_group_id is not null and not exists (
      select from email_group_members as members
      where members.email_group_id = email_campaigns.email_group_id and members.person_id = email_campaigns.person_id
        and members.unsubscribed_at is null offset 0) then 'not-a-member'
    when email_campaigns.status = 'Paused' or (
      select paused_at from campaigns where campaigns.id = email_campaigns.campaign_id) is not null then 'paused'
  end)`;

/** What is asked before the mail of a step leaves, as JSON text; by it messages that ask the same are told from others. */
export type Asked = string;

type Asks = Partial<Record<"onlyIf" | "stepStopIf" | "stopIf" | "goal", Condition>>;

/** SQL over `email_campaigns` and `people`, as {@link obstacle}: which condition stands in the way; null: none. */
export function conditionObstacle(asked: Asked) {
  const { onlyIf, stepStopIf, stopIf, goal } = JSON.parse(asked) as Asks;
  const when = [
    ...(goal ? [sql`when ${conditionInSql(goal)} then 'goal'`] : []),
    ...[stopIf, stepStopIf].flatMap((one) => (one ? [sql`when ${conditionInSql(one)} then 'stop-if'`] : [])),
    ...(onlyIf ? [sql`when not ${conditionInSql(onlyIf)} then 'condition'`] : []),
  ];
  return when.length === 0 ? sql<string | null>`null` : sql<string | null>`case ${sql.join(when, sql` `)} end`;
}

/** The obstacles of these Email Campaigns, by id; those without one are left out. */
export async function obstaclesOf(db: Db, emailCampaignIds: readonly number[]): Promise<Map<number, string>> {
  const { rows } = await sql<{ id: number; obstacle: string | null }>`${PREPARED}
    select email_campaigns.id, ${obstacle} as obstacle
    from email_campaigns join people on people.id = email_campaigns.person_id
    where email_campaigns.id = any(${[...emailCampaignIds]}::bigint[])`.execute(db);
  return new Map(rows.flatMap((row) => (row.obstacle === null ? [] : [[row.id, row.obstacle] as const])));
}

/** How an Email Campaign ends on account of an obstacle (E64); undefined: it goes on, and the next step may leave. */
export function endFor(reason: string): Ending | undefined {
  return ENDS[reason];
}

const ENDS: Readonly<Record<string, Ending>> = {
  unsubscribed: { event: "unsubscribe" },
  // Suppressed by hand or by a list of opt-outs: somebody asked for it, only not through our link.
  manual: { event: "unsubscribe" },
  imported: { event: "unsubscribe" },
  "hard-bounce": { event: "stop", reason: "bounced" },
  "soft-bounces": { event: "stop", reason: "bounced" },
  complaint: { event: "stop", reason: "complained" },
  "do-not-contact": { event: "stop", reason: "do-not-contact" },
  erased: { event: "stop", reason: "erased" },
  // Conditions that came true after the mail was planned.
  "stop-if": { event: "stop", reason: "condition" },
  goal: { event: "stop", reason: "converted" },
};
