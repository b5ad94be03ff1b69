/** Brings a database to this program's schema, forward only. Never edits or undoes what was applied. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { refuse } from "../core/problem.ts";

export type Migration = {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
};

/** Any number that nobody else in this database uses: the ASCII of "tidings". */
const ADVISORY_LOCK = "32765802451953267";
/** Several processes start at once and one applies everything; the others wait for it. */
const TURN_LIMIT = "15min";
/** A change of a table waits in front of every query on it. Better to give up soon and change nothing. */
const LOCK_LIMIT = "10s";

/**
 * Applies what is missing, each file in one transaction with its record. Safe to run from many processes at once, and
 * behind a pooler that hands out connections per transaction (the lock lives as long as the transaction).
 * @throws Refusal `migration-edited` when an applied file has changed, `database-newer` when the database is ahead of
 *   this program (O10), `migration-locked` when a table stayed in use for 10 seconds.
 */
export async function migrate(
  pool: pg.Pool,
  options: { log: (sentence: string) => void; migrations?: readonly Migration[] },
  now: Temporal.Instant,
): Promise<{ applied: string[] }> {
  const migrations = options.migrations ?? readMigrations();
  const applied: string[] = [];
  const client = await pool.connect();
  let broken = true;
  try {
    for (;;) {
      const name = await applyNext(client, migrations, now);
      if (name === undefined) break;
      options.log(`The database has ${name}.`);
      applied.push(name);
    }
    broken = false;
  } finally {
    client.release(broken);
  }
  return { applied };
}

/** The files of `migrations/`, in their order. */
export function readMigrations(folder: string = join(import.meta.dirname, "migrations")): Migration[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => {
      // A checkout with Windows line ends is the same migration.
      const sql = readFileSync(join(folder, file), "utf8").replaceAll("\r\n", "\n");
      const checksum = createHash("sha256").update(sql).digest("hex");
      return { number: Number.parseInt(file, 10), name: file.slice(0, -".sql".length), sql, checksum };
    });
}

async function applyNext(
  client: pg.PoolClient,
  migrations: readonly Migration[],
  now: Temporal.Instant,
): Promise<string | undefined> {
  await client.query("begin");
  try {
    const next = await takeTurn(client, migrations);
    if (next) {
      await client.query(`set local lock_timeout = '${LOCK_LIMIT}'`);
      await client.query(next.sql);
      await client.query("insert into schema_migrations (number, name, checksum, applied_at) values ($1, $2, $3, $4)", [
        next.number,
        next.name,
        next.checksum,
        now.toString(),
      ]);
    }
    await client.query("commit");
    return next?.name;
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
    return refuse(
      "migration-locked",
      "The schema could not be changed, because a table it changes is in use by a long transaction. Nothing was changed; try again.",
    );
  }
}

const LOCK_NOT_AVAILABLE = "55P03";

async function takeTurn(client: pg.PoolClient, migrations: readonly Migration[]): Promise<Migration | undefined> {
  await client.query(`set local lock_timeout = '${TURN_LIMIT}'`);
  await client.query("select pg_advisory_xact_lock($1)", [ADVISORY_LOCK]);
  await client.query(`
    create table if not exists schema_migrations (
      number integer primary key, name text not null, checksum text not null, applied_at timestamptz not null
    )`);
  const { rows } = await client.query<Applied>("select number, name, checksum from schema_migrations order by number");
  return nextOf(migrations, rows);
}

type Applied = Pick<Migration, "number" | "name" | "checksum">;

function nextOf(migrations: readonly Migration[], records: readonly Applied[]): Migration | undefined {
  for (const [index, record] of records.entries()) {
    const known = migrations[index];
    if (!known) {
      refuse(
        "database-newer",
        `The database has ${record.name}, and this program knows nothing after ${migrations.at(-1)?.name ?? "its start"}. ` +
          "A newer release has used this database: start that release or a later one.",
      );
    }
    if (known.name !== record.name || known.checksum !== record.checksum) {
      refuse(
        "migration-edited",
        `The database has ${record.name} with other contents than this program's ${known.name}. ` +
          "An applied migration is never edited: restore the file, and add a new one for the change.",
      );
    }
  }
  return migrations[records.length];
}
