/** What the bytes of messages are made of: kept by the month of the first attempt, given up by the month. Renders nothing. */
import { sql } from "kysely";
import { workspace } from "../accounts/accounts.ts";
import type { Measured } from "../core/tracked-content.ts";
import type { Db, Tx } from "../db/database.ts";
import type { Composed } from "../db/tables.ts";

/** SQL over `messages`: what its bytes are made of; null before the first attempt, and once it was given up. */
export const composedOf = sql<Composed | null>`(
  select composed from message_contents
  where message_id = messages.id and made_on = (messages.first_attempt_at at time zone 'UTC')::date)`;

/** SQL: what is measured in the bytes of the message of the surrounding query; as `measuredIn` of core/tracked-content.ts. */
export const measuredInComposed = sql<Measured | null>`(
  select case when (tracking ->> 'opens')::boolean and (tracking ->> 'clicks')::boolean then 'both'
    when (tracking ->> 'opens')::boolean then 'opens' when (tracking ->> 'clicks')::boolean then 'clicks' end
  from (select ${composedOf} -> 'tracking' as tracking) as kept)`;

/** Months known to have a partition, by database; there is one more a month. */
const known = new WeakMap<Db, Set<string>>();
/** Another process made it in the same moment. */
const MADE_MEANWHILE = ["42P07", "23505"];

/**
 * Makes the partition of the month of `now` where there is none. To be called before anything is written to it, and
 * outside of a transaction: what is rolled back would be taken for made.
 */
export async function openMonth(db: Db, now: Temporal.Instant): Promise<void> {
  const month = now.toZonedDateTimeISO("UTC").toPlainDate().with({ day: 1 });
  const name = partitionOf(month);
  const months = known.get(db) ?? new Set();
  if (months.has(name)) return;
  const [from, to] = [month.toString(), month.add({ months: 1 }).toString()];
  try {
    await sql`create table if not exists ${sql.table(name)} partition of message_contents
      for values from (${sql.lit(from)}) to (${sql.lit(to)})`.execute(db);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && MADE_MEANWHILE.includes(String(error.code)))) throw error;
  }
  known.set(db, months.add(name));
}

/** Looks again next time: the database may be another one, restored from before a month was made. */
export function forgetMonths(db: Db): void {
  known.delete(db);
}

const partitionOf = (month: Temporal.PlainDate) => `message_contents_${month.toString().slice(0, 7).replace("-", "_")}`;

/**
 * Gives up the contents of months that are older than the workspace keeps them: a partition is dropped whole, so that no
 * row is touched. A month with a mail that is still in doubt stays, since that mail may have to leave again with the
 * same bytes.
 * @returns the partitions given up.
 */
export async function discardOldContents(db: Db, now: Temporal.Instant): Promise<string[]> {
  const { keepContentsMonths } = await workspace(db);
  if (keepContentsMonths === null) return [];
  const today = now.toZonedDateTimeISO("UTC").toPlainDate();
  const oldestKept = partitionOf(today.with({ day: 1 }).subtract({ months: keepContentsMonths }));
  const { rows } = await sql<{ name: string }>`
    select child.relname as name from pg_inherits
      join pg_class child on child.oid = inhrelid
    where inhparent = 'message_contents'::regclass and child.relname < ${oldestKept}
    order by child.relname`.execute(db);
  const given: string[] = [];
  for (const { name } of rows) {
    const { rows: open } = await sql`
      select from ${sql.table(name)} as kept join messages on messages.id = kept.message_id
      where messages.outcome is null limit 1`.execute(db);
    if (open.length > 0) continue;
    await sql`drop table ${sql.table(name)}`.execute(db);
    forgetMonths(db);
    given.push(name);
  }
  return given;
}

/** Forgets what was written to an erased person (L4). */
export async function forgetContents(tx: Tx, messageIds: readonly number[]): Promise<void> {
  await sql`delete from message_contents where message_id = any(${[...messageIds]}::bigint[])`.execute(tx);
}
