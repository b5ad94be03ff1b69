/** The SQL of the numbers. Reads other modules' tables; writes none. */
import { type RawBuilder, sql } from "kysely";
import type { Db } from "../db/database.ts";
import { beginningWith, containing } from "../db/like.ts";
import { numbersMeant } from "../email-campaigns/email-campaigns.ts";

type Day = Temporal.PlainDate;
export type Span = { readonly from: Day; readonly to: Day; readonly campaignId?: number | undefined };

/** Mails by the day they were done with, in a zone. */
export async function sends(db: Db, { from, to, campaignId }: Span, zone: string) {
  const [begin, end] = bounds(from, to, zone);
  const { rows } = await sql<{ day: Day; state: string; count: number }>`
    select (finished_at at time zone ${zone})::date as day, state, count(*)::int as count
    from messages
    where finished_at >= ${begin} and finished_at < ${end} and outcome is not null
      ${campaignId === undefined ? sql`` : sql`and campaign_id = ${campaignId}`}
    group by 1, 2`.execute(db);
  const left = await sql<{ day: Day; count: number }>`
    select (at at time zone ${zone})::date as day, count(*)::int as count
    from timeline_entries
    ${campaignId === undefined ? sql`` : sql`join email_campaigns ec on ec.id = timeline_entries.email_campaign_id and ec.campaign_id = ${campaignId}`}
    where kind = 'unsubscribed' and at >= ${begin} and at < ${end}
    group by 1`.execute(db);
  const found = new Map(
    daysOf(from, to).map((day) => [String(day), { day, sent: 0, failed: 0, skipped: 0, unsubscribed: 0 }]),
  );
  for (const { day, state, count } of rows) {
    const one = found.get(String(day));
    if (one) one[state === "accepted" ? "sent" : state === "refused" ? "failed" : "skipped"] += count;
  }
  for (const { day, count } of left.rows) {
    const one = found.get(String(day));
    if (one) one.unsubscribed += count;
  }
  return [...found.values()];
}

/** Email Campaigns by status at the end of each day, out of when each was made, started and finished. */
export async function statuses(db: Db, { from, to, campaignId }: Span, zone: string) {
  const { rows } = await sql<{ made: Day; start: Day; finished: Day | null; status: string; count: number }>`
    select greatest((created_at at time zone ${zone})::date, ${day(from)} - 1) as made,
      greatest(start_on, ${day(from)} - 1) as start,
      case when finished_at is not null then greatest((finished_at at time zone ${zone})::date, ${day(from)} - 1) end as finished,
      status, count(*)::int as count
    from email_campaigns
    where created_at < ${bounds(from, to, zone)[1]}
      ${campaignId === undefined ? sql`` : sql`and campaign_id = ${campaignId}`}
    group by 1, 2, 3, 4`.execute(db);
  return daysOf(from, to).map((day) => {
    const one = { day, scheduled: 0, inProgress: 0, completed: 0, unsubscribed: 0, stopped: 0 };
    for (const { made, start, finished, status, count } of rows) {
      if (Temporal.PlainDate.compare(made, day) > 0) continue;
      if (finished && Temporal.PlainDate.compare(finished, day) <= 0) {
        if (status === "Completed") one.completed += count;
        else if (status === "Unsubscribed") one.unsubscribed += count;
        else if (status === "Stopped") one.stopped += count;
      } else if (Temporal.PlainDate.compare(start, day) > 0) one.scheduled += count;
      else one.inProgress += count;
    }
    return one;
  });
}

/** What is due on which day: steps of running Email Campaigns that have no message yet, by their nominal day. */
export async function calendar(db: Db, { from, to, campaignId }: Span) {
  const { rows } = await sql<{ day: Day; campaignId: number; campaign: string; due: number }>`
    select ec.start_on + s.send_after_days as day, c.id as "campaignId", c.name as campaign, count(*)::int as due
    from campaigns c
    join steps s on s.campaign_id = c.id and s.removed_at is null
    join email_campaigns ec on ec.campaign_id = c.id and ec.status in ('Scheduled', 'In Progress')
      and ec.start_on between ${day(from)} - s.send_after_days and ${day(to)} - s.send_after_days
    left join messages m on m.email_campaign_id = ec.id and m.step_id = s.id
    where m.id is null ${campaignId === undefined ? sql`` : sql`and c.id = ${campaignId}`}
    group by 1, 2, 3
    order by 1, 3`.execute(db);
  return rows;
}

/** Mails planned and not yet gone, and those whose day has passed with nothing planned: the calendar from `today` has neither. */
export async function onTheirWay(db: Db, today: Day, zone: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select (select count(*) from messages where next_attempt_at is not null)::int
         + (select count(*) from messages where claimed_until is not null)::int
         + (select count(*) from email_campaigns ec where next_due_at < ${bounds(today, today, zone)[0]}
            and exists (select 1 from steps s left join messages m on m.email_campaign_id = ec.id and m.step_id = s.id
              where s.campaign_id = ec.campaign_id and s.removed_at is null and m.id is null
                and ec.start_on + s.send_after_days < ${day(today)}))::int as count`.execute(db);
  return rows[0]?.count ?? 0;
}

export async function compared(db: Db) {
  const { rows } = await sql<{
    id: number;
    name: string;
    started: number;
    sent: number;
    completed: number;
    unsubscribed: number;
    stopped: number;
    converted: number;
    failed: number;
  }>`
    select c.id, c.name, coalesce(e.started, 0)::int as started, coalesce(e.completed, 0)::int as completed,
      coalesce(e.unsubscribed, 0)::int as unsubscribed, coalesce(e.stopped, 0)::int as stopped,
      (coalesce(e.converted, 0) + coalesce(g.left_later, 0))::int as converted,
      coalesce(m.sent, 0)::int as sent, coalesce(m.failed, 0)::int as failed
    from campaigns c
    left join (
      select campaign_id, count(*) as started, count(*) filter (where status = 'Completed') as completed,
        count(*) filter (where status = 'Unsubscribed') as unsubscribed, count(*) filter (where status = 'Stopped') as stopped,
        count(*) filter (where stop_reason = 'converted') as converted
      from email_campaigns group by 1) e on e.campaign_id = c.id
    left join (
      select campaign_id, count(*) filter (where outcome = 'accepted') as sent, count(*) filter (where outcome = 'refused') as failed
      from messages where outcome is not null group by 1) m on m.campaign_id = c.id
    left join (
      select campaign_id, count(*) as left_later from condition_findings f join email_campaigns ec on ec.id = f.email_campaign_id
      where f.step_id = 0 and f.asked = 'goal' and ec.stop_reason is distinct from 'converted' group by 1) g on g.campaign_id = c.id
    order by started desc, c.id limit 100`.execute(db);
  return rows;
}

export async function statusCounts(db: Db, campaignId?: number) {
  const { rows } = await sql<{ status: string; count: number; first: Day | null; last: Day | null }>`
    select status, count(*)::int as count, min(start_on) as first, max(start_on) as last
    from email_campaigns ${campaignId === undefined ? sql`` : sql`where campaign_id = ${campaignId}`}
    group by 1`.execute(db);
  return rows;
}

/** Messages under way, each once: by the indexes of what waits, what is held by a worker, and what was set aside. */
const OPEN = sql`
  select step_id, campaign_id from messages where next_attempt_at is not null
  union all
  select step_id, campaign_id from messages where claimed_until is not null
  union all
  select step_id, campaign_id from messages
  where reason in ('in-doubt', 'paused') and next_attempt_at is null and claimed_until is null and outcome is null`;

/**
 * How many converted, by the step whose mail was the last they got before; null: none was. Whoever leaves after that has
 * no reason of a stop any more, but what was found stays.
 */
export async function conversions(db: Db, campaignId: number): Promise<ReadonlyMap<number | null, number>> {
  const { rows } = await sql<{ stepId: number | null; count: number }>`
    select last.step_id as "stepId", count(*)::int as count
    from email_campaigns ec
    left join condition_findings f on f.email_campaign_id = ec.id and f.step_id = 0 and f.asked = 'goal'
    left join lateral (
      select m.step_id from messages m
      where m.email_campaign_id = ec.id and m.state = 'accepted' and m.finished_at <= coalesce(f.found_at, ec.finished_at)
      order by m.finished_at desc limit 1) last on true
    where ec.campaign_id = ${campaignId} and ec.status in ('Stopped', 'Unsubscribed')
      and (ec.stop_reason = 'converted' or f.asked is not null)
    group by 1`.execute(db);
  return new Map(rows.map(({ stepId, count }) => [stepId, count]));
}

export async function steps(db: Db, campaignId: number) {
  const { rows } = await sql<{
    stepId: number;
    position: number;
    sendAfterDays: number;
    emailTemplate: string;
    sent: number;
    skipped: number;
    failed: number;
    underWay: number;
    resolved: number;
    unsubscribed: number;
  }>`
    with of_steps as (
      select step_id, count(*) filter (where outcome = 'accepted') as sent, count(*) filter (where outcome = 'skipped') as skipped,
        count(*) filter (where outcome = 'refused') as failed, count(*) as resolved
      from messages where campaign_id = ${campaignId} and outcome is not null group by 1),
    open_of_steps as (
      select step_id, count(*) as under_way from (${OPEN}) open where campaign_id = ${campaignId} group by 1),
    -- The last mail of everybody who left: that is the one they left after.
    left_after as (
      select last.step_id, count(*) as unsubscribed
      from email_campaigns ec
      cross join lateral (
        select step_id from messages m where m.email_campaign_id = ec.id and m.state = 'accepted'
        order by m.finished_at desc limit 1) last
      where ec.campaign_id = ${campaignId} and ec.status = 'Unsubscribed' group by 1)
    select s.id as "stepId", s.position, s.send_after_days as "sendAfterDays", t.name as "emailTemplate",
      coalesce(o.sent, 0)::int as sent, coalesce(o.skipped, 0)::int as skipped, coalesce(o.failed, 0)::int as failed,
      coalesce(u.under_way, 0)::int as "underWay", (coalesce(o.resolved, 0) + coalesce(u.under_way, 0))::int as resolved,
      coalesce(l.unsubscribed, 0)::int as unsubscribed
    from steps s
    join email_templates t on t.id = s.email_template_id
    left join of_steps o on o.step_id = s.id
    left join open_of_steps u on u.step_id = s.id
    left join left_after l on l.step_id = s.id
    where s.campaign_id = ${campaignId} and s.removed_at is null
    order by s.position`.execute(db);
  return rows;
}

/** How many of a Campaign's running Email Campaigns have no message yet for each step: for them it lies ahead. */
export async function ahead(db: Db, campaignId: number): Promise<ReadonlyMap<number, number>> {
  const { rows } = await sql<{ stepId: number; count: number }>`
    select s.id as "stepId", count(*)::int as count
    from steps s
    join email_campaigns ec on ec.campaign_id = s.campaign_id and ec.status in ('Scheduled', 'In Progress', 'Paused')
    left join messages m on m.email_campaign_id = ec.id and m.step_id = s.id
    where s.campaign_id = ${campaignId} and s.removed_at is null and m.id is null
    group by 1`.execute(db);
  return new Map(rows.map(({ stepId, count }) => [stepId, count]));
}

const EACH = 6;

/** Whatever holds the text, best matches first: what begins with it, then what contains it. */
export async function search(db: Db, q: string) {
  const [within, begins] = [containing(q), beginningWith(q)];
  const person = (column: RawBuilder<unknown>) => sql`
    (select id, kind, full_name, email, company from people
     where ${column} ilike ${within} and erased_at is null limit 200)`;
  type Hit = {
    kind: "lead" | "contact" | "campaign" | "email-campaign" | "email-group" | "email-template";
    id: number;
    label: string;
    detail: string | null;
  };
  const queries = [
    sql<Hit>`
      select kind, id, coalesce(nullif(full_name, ''), email, '#' || id) as label, concat_ws(' · ', email, company) as detail
      from (${person(sql`full_name`)} union ${person(sql`email`)} union ${person(sql`company`)}) found
      order by (full_name ilike ${begins} or email ilike ${begins}) desc, full_name, id limit ${EACH + 2}`,
    sql<Hit>`
      select 'campaign' as kind, id, name as label, null as detail from campaigns where name ilike ${within}
      order by name ilike ${begins} desc, name limit ${EACH}`,
    sql<Hit>`
      select 'email-campaign' as kind, ec.id, ec.number as label, concat_ws(' · ', c.name, p.full_name) as detail
      from email_campaigns ec join campaigns c on c.id = ec.campaign_id join people p on p.id = ec.person_id
      where ec.number = any(${numbersMeant(q)}) order by ec.id desc limit ${EACH}`,
    sql<Hit>`
      select 'email-group' as kind, id, title as label, null as detail from email_groups where title ilike ${within}
      order by title ilike ${begins} desc, title limit ${EACH}`,
    sql<Hit>`
      select 'email-template' as kind, id, name as label, null as detail from email_templates where name ilike ${within}
      order by name ilike ${begins} desc, name limit ${EACH}`,
  ];
  const found = await Promise.all(queries.map((query) => query.execute(db)));
  return found.flatMap(({ rows }) => rows);
}

/** What needs somebody's attention, as counts. */
export async function troubles(db: Db, now: Temporal.Instant) {
  const week = now.subtract({ hours: 7 * 24 });
  const { rows } = await sql<{
    accounts: number;
    trouble: string | null;
    doubt: number;
    refused: number;
    late: number;
    bad: number;
  }>`
    select (select count(*) from email_accounts)::int as accounts,
      (select name || ': ' || paused_reason from email_accounts where paused_at is not null order by paused_at desc limit 1) as trouble,
      (select count(*) from messages where reason = 'in-doubt' and state = 'unknown')::int as doubt,
      (select count(*) from messages where outcome = 'refused' and finished_at > ${week})::int as refused,
      (select count(*) from email_campaigns where next_due_at < ${now.subtract({ hours: 1 })})::int as late,
      (select coalesce(sum((result->>'bad')::int), 0) from jobs
       where kind like '%import%' and finished_at > ${week} and jsonb_typeof(result->'bad') = 'number')::int as bad`.execute(
    db,
  );
  return rows[0]!;
}

/** How many rows each table ever had written: it grows whenever something changes, and costs nothing to read. */
export async function writes(db: Db): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ name: string; count: number }>`
    select relname as name, (n_tup_ins + n_tup_upd + n_tup_del)::float8 as count from pg_stat_user_tables
    where schemaname = current_schema()`.execute(db);
  return new Map(rows.map(({ name, count }) => [name, count]));
}

export function daysOf(from: Day, to: Day): Day[] {
  const length = from.until(to).total("days");
  return Array.from({ length: length + 1 }, (_, at) => from.add({ days: at }));
}

/** A day as a literal of its own type: as a parameter alone, arithmetic on it would have none. */
const day = (of: Day) => sql`${String(of)}::date`;

function bounds(from: Day, to: Day, zone: string): [Temporal.Instant, Temporal.Instant] {
  return [from.toZonedDateTime(zone).toInstant(), to.add({ days: 1 }).toZonedDateTime(zone).toInstant()];
}
