/** Counts what became of mails, a little after it happened. Read from the messages, so that sending waits for no counter. */
import { sql } from "kysely";
import { type Db, inTransaction, type Tx } from "../db/database.ts";

/** Results are committed within moments of their time; what comes later than this is not counted. */
const BEHIND_SECONDS = 30;
/** After a long pause, and at the first time, it catches up in pieces. */
const MOST_AT_ONCE_HOURS = 6;
const MOST_PIECES = 400;

/** Counts what has happened since the last time. @returns until when everything is counted. */
export async function tally(db: Db, now: Temporal.Instant): Promise<Temporal.Instant> {
  const until = now.subtract({ seconds: BEHIND_SECONDS });
  for (let piece = 0; piece < MOST_PIECES; piece += 1) {
    const reached = await inTransaction(db, (tx) => countOn(tx, until));
    if (Temporal.Instant.compare(reached, until) >= 0) return reached;
  }
  return until;
}

/** One piece, under the lock of the mark: however many processes count, each result is counted once. */
async function countOn(tx: Tx, until: Temporal.Instant): Promise<Temporal.Instant> {
  await sql`
    insert into deliverability_mark (counted_until)
    select coalesce(min(finished_at) - interval '1 second', ${until}::timestamptz) from messages
    where finished_at is not null and not exists (select from deliverability_mark)
    on conflict do nothing`.execute(tx);
  const { countedUntil: from } = await tx
    .selectFrom("deliverabilityMark")
    .select("countedUntil")
    .forUpdate()
    .executeTakeFirstOrThrow();
  if (Temporal.Instant.compare(from, until) >= 0) return from;
  const next = from.add({ hours: MOST_AT_ONCE_HOURS });
  const to = Temporal.Instant.compare(next, until) < 0 ? next : until;
  const events = eventsBetween(from, to);
  await sql`
    insert into deliverability_hours (hour, email_account_id, campaign_id, mails, bounced, complained)
    select date_trunc('hour', at), account, campaign, count(*) filter (where what in ('accepted', 'refused')),
      count(*) filter (where what in ('refused', 'bounced')), count(*) filter (where what = 'complained')
    from (${events}) as events where what <> 'deferred'
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (hour, email_account_id, campaign_id) do update set
      mails = deliverability_hours.mails + excluded.mails, bounced = deliverability_hours.bounced + excluded.bounced,
      complained = deliverability_hours.complained + excluded.complained`.execute(tx);
  await sql`
    insert into deliverability_days (day, domain, accepted, deferred, refused, bounced, complained)
    select (at at time zone 'UTC')::date, domain, count(*) filter (where what = 'accepted'),
      count(*) filter (where what = 'deferred'), count(*) filter (where what = 'refused'),
      count(*) filter (where what = 'bounced'), count(*) filter (where what = 'complained')
    from (${events}) as events where domain is not null
    group by 1, 2 order by 1, 2
    on conflict (day, domain) do update set
      accepted = deliverability_days.accepted + excluded.accepted, deferred = deliverability_days.deferred + excluded.deferred,
      refused = deliverability_days.refused + excluded.refused, bounced = deliverability_days.bounced + excluded.bounced,
      complained = deliverability_days.complained + excluded.complained`.execute(tx);
  await tx.updateTable("deliverabilityMark").set({ countedUntil: to }).execute();
  return to;
}

/** A mail that nobody could render, or that was given up before any server saw it, says nothing about deliverability. */
function eventsBetween(from: Temporal.Instant, to: Temporal.Instant) {
  const columns = sql`coalesce(messages.email_account_id, 0) as account, messages.campaign_id as campaign,
    lower(substring(messages.address from '@([^@]+)$')) as domain`;
  const within = (column: string) =>
    sql`${sql.ref(column)} > ${from}::timestamptz and ${sql.ref(column)} <= ${to}::timestamptz`;
  return sql`
    select finished_at as at, state as what, ${columns} from messages
    where ${within("finished_at")} and (state = 'accepted' or (state = 'refused' and attempts > 0))
    union all
    select bounced_at, 'bounced', ${columns} from messages where ${within("bounced_at")}
    union all
    select complained_at, 'complained', ${columns} from messages where ${within("complained_at")}
    union all
    select delivery_attempts.at, 'deferred', ${columns}
    from delivery_attempts join messages on messages.id = delivery_attempts.message_id
    where ${within("delivery_attempts.at")} and delivery_attempts.outcome = 'deferred'`;
}
