/** The SQL of events: many in one statement. Writes events and their names alone. */
import { sql } from "kysely";
import { type Db, PREPARED, type Tx } from "../db/database.ts";
import type { Tables } from "../db/tables.ts";
import { positionOf } from "../http/paging.ts";

type Properties = Readonly<Record<string, string | number | boolean>>;

export type NewEvent = {
  readonly personId: number;
  readonly name: string;
  readonly happenedAt: Temporal.Instant;
  readonly externalId: string | null;
  readonly properties: Properties;
};

export type Event = {
  readonly id: number;
  readonly personId: number;
  readonly name: string;
  readonly at: Temporal.Instant;
  readonly receivedAt: Temporal.Instant;
  readonly externalId: string | null;
  readonly properties: Record<string, string | number | boolean>;
};

const COLUMNS = sql`id, person_id, name, happened_at as at, received_at, external_id, properties`;

/** In the order of the index that finds what was told before, so that two batches never wait for each other. */
export async function insert(tx: Tx, events: readonly NewEvent[], now: Temporal.Instant): Promise<Event[]> {
  const rows = events.map(({ personId, name, happenedAt, externalId, properties }) => ({
    person_id: personId,
    name,
    happened_at: happenedAt.toString(),
    external_id: externalId,
    properties,
  }));
  const { rows: recorded } = await sql<Event>`${PREPARED}
    with added as (
      insert into events (person_id, name, happened_at, received_at, external_id, properties)
      select person_id, name, happened_at, ${now}::timestamptz, external_id, properties
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (
        person_id bigint, name text, happened_at timestamptz, external_id text, properties jsonb)
      order by person_id, name, external_id, happened_at
      on conflict (person_id, name, external_id) where external_id is not null do nothing
      returning *
    )
    select ${COLUMNS} from added order by id`.execute(tx);
  return recorded;
}

/** The one that was told before under this id. */
export async function known(tx: Tx, { personId, name, externalId }: NewEvent): Promise<Event> {
  const { rows } = await sql<Event>`
    select ${COLUMNS} from events
    where person_id = ${personId} and name = ${name} and external_id = ${externalId}`.execute(tx);
  return rows[0]!;
}

/** New names alone are written: that of most events is known. */
export async function keepNames(tx: Tx, given: readonly string[], now: Temporal.Instant): Promise<void> {
  await sql`${PREPARED}
    insert into event_names (name, first_at)
    select name, ${now}::timestamptz from unnest(${[...given]}::text[]) as name
    where not exists (select from event_names as known where known.name = name)
    order by name
    on conflict do nothing`.execute(tx);
}

export async function countNames(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom("eventNames")
    .select((select) => select.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return count;
}

export function names(db: Db): Promise<Pick<Tables["eventNames"], "name" | "firstAt">[]> {
  return db.selectFrom("eventNames").select(["name", "firstAt"]).orderBy("name").execute();
}

/**
 * Who these are now, by the ids and address keys they were named by: merged people as those they became, further
 * addresses as well as the first. Their rows are held, so that nobody erases or merges them meanwhile.
 */
export async function lockPeople(tx: Tx, ids: readonly number[], keys: readonly string[]) {
  const { rows } = await sql<{ asked: number | null; key: string | null; id: number }>`${PREPARED}
    select asked, null as key, coalesce(merged.person_id, asked) as id
    from unnest(${[...ids]}::bigint[]) as asked left join merged_people as merged on merged.former_id = asked
    union
    select null, email_key, id from people where email_key = any(${[...keys]}::text[])
    union
    select null, email_key, person_id from person_addresses where email_key = any(${[...keys]}::text[])`.execute(tx);
  const { rows: held } = await sql<{ id: number }>`${PREPARED}
    select id from people where id = any(${rows.map(({ id }) => id)}::bigint[]) and erased_at is null
    order by id for key share`.execute(tx);
  const there = new Set(held.map(({ id }) => id));
  const found = rows.filter(({ id }) => there.has(id));
  return {
    byId: new Map(found.flatMap(({ asked, id }) => (asked === null ? [] : [[asked, id] as const]))),
    byKey: new Map(found.flatMap(({ key, id }) => (key === null ? [] : [[key, id] as const]))),
  };
}

export async function isThere(db: Db, personId: number): Promise<boolean> {
  return (await db.selectFrom("people").select("id").where("id", "=", personId).executeTakeFirst()) !== undefined;
}

export type Filter = {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly name?: string | undefined;
};

export async function list(db: Db, personId: number, { limit, cursor, name }: Filter): Promise<Event[]> {
  const { rows } = await sql<Event>`
    select ${COLUMNS} from events
    where person_id = ${personId} ${name === undefined ? sql`` : sql`and name = ${name}`}
      ${cursor === undefined ? sql`` : sql`and id < ${positionOf(cursor).id}`}
    order by events.id desc limit ${limit + 1}`.execute(db);
  return rows;
}

export async function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  await sql`
    delete from events as former using events as kept
    where former.person_id = ${formerId} and kept.person_id = ${personId} and kept.name = former.name
      and kept.external_id = former.external_id`.execute(tx);
  await tx.updateTable("events").set({ personId }).where("personId", "=", formerId).execute();
}
