/**
 * A copy of what a simulation needs, in temporary tables that hide the real ones inside one transaction, which is always
 * taken back: whatever runs there, writes there and nowhere else.
 */
import { type RawBuilder, sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";

/** What is read from the real tables: settings and Campaigns with their content. The rest is empty. */
const COPIED = [
  "workspace",
  "person_fields",
  "campaigns",
  "steps",
  "schedule_versions",
  "variant_decisions",
  "email_templates",
  "email_groups",
] as const;

/** Runs `work` on a copy, of which nothing is left. */
export async function onCopy<Result>(db: Db, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  try {
    return await db.transaction().execute(async (tx) => {
      await makeTables(tx);
      for (const table of COPIED) await copyRows(tx, table, sql`true`);
      throw new Taken(await work(tx));
    });
  } catch (error) {
    if (error instanceof Taken) return error.result as Result;
    throw error;
  }
}

class Taken extends Error {
  readonly result: unknown;
  constructor(result: unknown) {
    super("taken back");
    this.result = result;
  }
}

/** Every table of ours, whatever there is by now: one that was forgotten would be written to in earnest. */
async function makeTables(tx: Tx): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
    order by relname`.execute(tx);
  for (const { name } of rows)
    await sql`create temp table ${sql.id(name)} (like ${sql.id("public", name)} including all) on commit drop`.execute(
      tx,
    );
  // Few rows at first, many soon: the planner must not believe what it sees now.
  await sql`set local enable_seqscan = off`.execute(tx);
  await sql`set local jit = off`.execute(tx);
}

/** Copies rows from a real table to the one that hides it; ids stay, and new ones go on behind them. */
export async function copyRows(tx: Tx, table: string, where: RawBuilder<unknown>): Promise<void> {
  const { rows: columns } = await sql<{ name: string; counted: boolean }>`
    select attname as name, attidentity <> '' as counted from pg_attribute
    where attrelid = ${`public.${table}`}::regclass and attnum > 0 and not attisdropped and attgenerated = ''
    order by attnum`.execute(tx);
  const names = sql.join(columns.map(({ name }) => sql.id(name)));
  await sql`insert into ${sql.id("pg_temp", table)} (${names}) overriding system value
    select ${names} from ${sql.id("public", table)} where ${where}`.execute(tx);
  if (!columns.some(({ counted }) => counted)) return;
  await sql`select setval(pg_get_serial_sequence(${`pg_temp.${table}`}, 'id'),
    (select coalesce(max(id), 0) + 1 from ${sql.id("public", table)}), false)`.execute(tx);
}
