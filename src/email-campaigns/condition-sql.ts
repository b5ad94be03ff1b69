/** A condition as SQL, for the last look before MAIL FROM: it says what core/conditions says, as of the statement it stands in. */
import { type RawBuilder, sql } from "kysely";
import { type Condition, type Leaf, type Operator, OWN_FIELDS, type Which } from "../core/conditions.ts";
import { hasReplied } from "./condition-facts.ts";

type Truth = RawBuilder<boolean>;

const NEVER: Truth = sql`false`;

/** SQL over `email_campaigns` and `people`; true or false, never null. Values are parameters. */
export function conditionInSql(condition: Condition): Truth {
  if ("all" in condition) return sql`(${sql.join(condition.all.map(conditionInSql), sql` and `)})`;
  if ("any" in condition) return sql`(${sql.join(condition.any.map(conditionInSql), sql` or `)})`;
  if ("not" in condition) return sql`not ${conditionInSql(condition.not)}`;
  return sql`coalesce(${leafInSql(condition)}, false)`;
}

function leafInSql(leaf: Leaf): Truth {
  if ("field" in leaf) return fieldInSql(leaf.field, leaf.op, leaf.value ?? null);
  if ("group" in leaf)
    return sql`exists (select from email_group_members as member
      where member.email_group_id = ${leaf.group} and member.person_id = email_campaigns.person_id
        and member.unsubscribed_at is null)`;
  if ("opened" in leaf) return engaged(leaf.opened, sql`true`);
  if ("clicked" in leaf)
    return engaged(
      leaf.clicked,
      leaf.link
        ? sql`engagement.kind = 'clicked' and engagement.link = ${leaf.link}`
        : sql`engagement.kind = 'clicked'`,
    );
  if ("replied" in leaf) return hasReplied;
  if ("campaign" in leaf) return inCampaign(leaf.campaign, leaf.statuses);
  if ("finished" in leaf) return inCampaign(leaf.finished, ["Completed"]);
  return happened(leaf.event, leaf.times ?? 1, leaf.since === "start");
}

function engaged(which: Which, also: RawBuilder<unknown>): Truth {
  const step =
    which === "any"
      ? sql`engagement.step_id is not null`
      : which === "before"
        ? sql`engagement.step_id = (
            select sent.step_id from messages as sent
            where sent.email_campaign_id = email_campaigns.id and sent.state = 'accepted'
            order by sent.finished_at desc limit 1)`
        : sql`engagement.step_id = ${which}`;
  return sql`exists (select from engagements as engagement
    where engagement.email_campaign_id = email_campaigns.id and not engagement.automatic and ${step} and ${also})`;
}

/** No more rows are read than it takes. */
function happened(name: string, times: number, sinceStart: boolean): Truth {
  return sql`(select count(*) from (
    select from events as event
    where event.person_id = email_campaigns.person_id and event.name = ${name}
      ${sinceStart ? sql`and event.happened_at >= email_campaigns.created_at` : sql``}
    limit ${times}) as enough) >= ${times}`;
}

function inCampaign(campaignId: number, statuses: readonly string[]): Truth {
  return sql`exists (select from email_campaigns as other
    where other.person_id = email_campaigns.person_id and other.campaign_id = ${campaignId}
      and other.status = any(${[...statuses]}::text[]))`;
}

const OWN: ReadonlySet<string> = new Set(OWN_FIELDS);

function fieldInSql(field: string, op: Operator, value: string | number | boolean | readonly string[] | null): Truth {
  const own = OWN.has(field);
  const text = own ? sql.ref(`people.${field}`) : sql`(people.attributes ->> ${field})`;
  const kind = own ? sql`'string'` : sql`jsonb_typeof(people.attributes -> ${field})`;
  const filled = sql<boolean>`coalesce(${text}, '') <> ''`;
  if (op === "set") return filled;
  if (value === null) return NEVER;
  if (Array.isArray(value)) {
    if (op !== "is") return NEVER;
    return sql`${filled} and lower(${text}) = any(array(select lower(one) from unnest(${[...value]}::text[]) as one))`;
  }
  const one = value as string | number | boolean;
  if (op === "is") {
    if (typeof one === "string") return sql`${filled} and lower(${text}) = lower(${one}::text)`;
    return own ? NEVER : sql`people.attributes -> ${field} = ${JSON.stringify(one)}::jsonb`;
  }
  if (op === "contains") return sql`${filled} and position(lower(${String(one)}::text) in lower(${text})) > 0`;
  if (op === "starts-with") return sql`${filled} and starts_with(lower(${text}), lower(${String(one)}::text))`;
  const than = sql.raw(ORDER[op]);
  if (typeof one === "number")
    return own ? NEVER : sql`case when ${kind} = 'number' then ${text}::numeric ${than} ${one}::numeric else false end`;
  if (typeof one === "boolean") return NEVER;
  // By bytes, as days are compared; in the database's own order 2026-3 could stand before 2026-10.
  return sql`${filled} and ${kind} = 'string' and ${text} collate "C" ${than} ${one}::text collate "C"`;
}

const ORDER: Readonly<Record<Exclude<Operator, "is" | "contains" | "starts-with" | "set">, string>> = {
  "at-least": ">=",
  "at-most": "<=",
  "more-than": ">",
  "less-than": "<",
};
