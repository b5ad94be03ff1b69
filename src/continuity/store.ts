/** The SQL of signs of life, of the hold, and of what is due while it lasts. Writes its one row only. */
import { sql } from "kysely";
import type { HoldReason, Recorded } from "../core/continuity.ts";
import { type Db, PREPARED, type Tx } from "../db/database.ts";

/** Where the row stands now: a dump read back gives the table another id, and mostly another database or server. */
export type Place = { readonly place: string | null; readonly timeline: number | null };

/** Nulls where the server does not let us ask. */
export async function placeOf(db: Db): Promise<Place> {
  try {
    const { rows } = await sql<Place>`
      select (select system_identifier from pg_control_system())
          || '/' || (select oid from pg_database where datname = current_database())
          || '/' || 'continuity'::regclass::oid as place,
        (select timeline_id from pg_control_checkpoint()) as timeline`.execute(db);
    return rows[0] ?? { place: null, timeline: null };
  } catch (error) {
    if ((error as { code?: string }).code === NOT_ALLOWED) return { place: null, timeline: null };
    throw error;
  }
}
const NOT_ALLOWED = "42501";

export type Row = Recorded & {
  readonly heldAt: Temporal.Instant | null;
  readonly heldReason: HoldReason | null;
  readonly heldSince: Temporal.Instant | null;
};

const columns = sql`installation, pulse, alive_at, place, timeline, held_at, held_reason, held_since`;

export async function get(db: Db): Promise<Row> {
  const { rows } = await sql<Row>`select ${columns} from continuity`.execute(db);
  return rows[0]!;
}

/** Locked, so that of several processes that start at once one decides. */
export async function lock(tx: Tx): Promise<Row> {
  const { rows } = await sql<Row>`select ${columns} from continuity for update`.execute(tx);
  return rows[0]!;
}

/** What is asked before each turn. `databaseAt` is the database's own clock. */
export type Look = {
  readonly pulse: number;
  readonly place: string | null;
  readonly held: boolean;
  readonly databaseAt: Temporal.Instant;
};

export async function look(db: Db): Promise<Look> {
  const { rows } = await sql<Look>`${PREPARED}
    select pulse, place, held_at is not null as held, clock_timestamp() as database_at from continuity`.execute(db);
  return rows[0]!;
}

/** One more sign of life. @returns the pulse it has now. */
export async function beat(db: Db, { place, timeline }: Place, now: Temporal.Instant): Promise<number> {
  const { rows } = await sql<{ pulse: number }>`${PREPARED}
    update continuity
    set pulse = pulse + 1, alive_at = greatest(alive_at, ${now}::timestamptz), place = ${place}::text, timeline = ${timeline}::integer
    returning pulse`.execute(db);
  return rows[0]!.pulse;
}

/** Holds mail, unless it is held. */
export async function hold(
  tx: Tx,
  { reason, since, pulse }: { reason: HoldReason; since: Temporal.Instant | null; pulse: number },
  now: Temporal.Instant,
): Promise<void> {
  await sql`
    update continuity
    set held_at = ${now}::timestamptz, held_reason = ${reason}, held_since = ${since}::timestamptz,
      -- Every folder that saw a later state has the same evidence: it is given once.
      pulse = greatest(pulse, ${pulse}::bigint)
    where held_at is null`.execute(tx);
}

export async function release(tx: Tx): Promise<void> {
  await tx.updateTable("continuity").set({ heldAt: null, heldReason: null, heldSince: null }).execute();
}

/** Whether anything would leave at once. */
export async function anythingDue(db: Db, now: Temporal.Instant): Promise<boolean> {
  const { rows } = await sql<{ due: boolean }>`
    select exists (select from email_campaigns where next_due_at <= ${now}::timestamptz)
      or exists (select from messages where next_attempt_at <= ${now}::timestamptz)
      or exists (select from messages where claimed_until is not null) as due`.execute(db);
  return rows[0]?.due ?? false;
}

export type DueMail = {
  readonly emailCampaignId: number;
  readonly number: string;
  readonly personId: number;
  readonly person: string;
  readonly campaign: string;
  readonly dueAt: Temporal.Instant;
};

/** Email Campaigns that would send at once: those whose moment has come, and those with a mail on its way. */
const dueCampaigns = (now: Temporal.Instant) => sql`
  select id, next_due_at as due_at from email_campaigns where next_due_at <= ${now}::timestamptz
  union all
  select email_campaign_id, due_at from messages
  where next_attempt_at <= ${now}::timestamptz
  union all
  select email_campaign_id, due_at from messages where claimed_until is not null`;

/** How many are due, and the first of them. */
export async function dueMail(
  db: Db,
  limit: number,
  now: Temporal.Instant,
): Promise<{ count: number; first: DueMail[] }> {
  const counted = await sql<{ count: number }>`
    select count(distinct id)::int as count from (${dueCampaigns(now)}) as due`.execute(db);
  const { rows } = await sql<DueMail>`
    with due as (
      select id, min(due_at) as due_at from (${dueCampaigns(now)}) as all_due group by id order by 2, 1 limit ${limit}
    )
    select ec.id as email_campaign_id, ec.number, ec.person_id, people.full_name as person, campaigns.name as campaign, due.due_at
    from due
      join email_campaigns ec on ec.id = due.id
      join people on people.id = ec.person_id
      join campaigns on campaigns.id = ec.campaign_id
    order by due.due_at, ec.id`.execute(db);
  return { count: counted.rows[0]?.count ?? 0, first: rows };
}
