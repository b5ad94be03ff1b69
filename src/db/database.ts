/** The pool and its types: PostgreSQL values in and out as Temporal and numbers. Never holds a query of a module. */
import { CamelCasePlugin, Kysely, PostgresDialect, sql, type Transaction } from "kysely";
import pg from "pg";
import type { Tables } from "./tables.ts";

/** What a query needs: the pool, or the transaction under way. */
export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;

/** Where the database is: a URL, or a socket directory of the embedded server. */
export type Connection = string | { host: string; port?: number; user: string; database: string; password?: string };

export type Database = {
  readonly db: Db;
  /** For COPY and LISTEN, which need a connection of their own. */
  readonly pool: pg.Pool;
  close(): Promise<void>;
};

// PostgreSQL prints `2026-11-23 16:00:00.123456+00`, which Temporal reads once the blank is a T.
const types = new pg.TypeOverrides();
types.setTypeParser(pg.types.builtins.INT8, Number);
types.setTypeParser(pg.types.builtins.NUMERIC, Number);
types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, (text) => Temporal.Instant.from(text.replace(" ", "T")));
types.setTypeParser(pg.types.builtins.DATE, (text) => Temporal.PlainDate.from(text));
types.setTypeParser(pg.types.builtins.TIME, (text) => Temporal.PlainTime.from(text));

// pg asks a parameter for `toPostgres` before it falls back to JSON, which would quote a date.
for (const type of [Temporal.Instant, Temporal.PlainDate, Temporal.PlainTime]) {
  Object.defineProperty(type.prototype, "toPostgres", {
    configurable: true,
    value(this: { toString(): string }) {
      return this.toString();
    },
  });
}

/**
 * Begins a statement that runs all day with the same text: it is prepared once for a connection, since planning costs
 * more than a small batch. Prepared anew from time to time, as a plan made for a small table is a bad one for a large.
 */
export const PREPARED = sql.raw("/* prepared */");
const IS_PREPARED = "/* prepared */";
const PREPARED_FOR = { uses: 500, ms: 60_000 };
/** Every text gets a number once, shared by all connections. */
const statements = new Map<string, number>();

class PreparingClient extends pg.Client {
  readonly #known = new Map<string, { name: string; uses: number; since: number }>();
  #made = 0;

  // The overloads of pg cannot be written down again; all but prepared texts pass as they came.
  override query(...given: unknown[]): any {
    const [text, values] = given;
    const ask = super.query.bind(this) as (...args: unknown[]) => Promise<unknown>;
    if (typeof text !== "string" || given.length > 2 || !text.trimStart().startsWith(IS_PREPARED)) return ask(...given);
    const known = this.#known.get(text);
    const fresh = known && known.uses < PREPARED_FOR.uses && performance.now() - known.since < PREPARED_FOR.ms;
    if (fresh) {
      known.uses += 1;
      return ask({ name: known.name, text, values });
    }
    const number = statements.get(text) ?? statements.size;
    statements.set(text, number);
    const name = `tidings_${number}_${(this.#made += 1)}`;
    this.#known.set(text, { name, uses: 1, since: performance.now() });
    const run = () => ask({ name, text, values });
    return known ? ask(`deallocate ${known.name}`).then(run) : run();
  }
}

/** How many connections one process holds; PostgreSQL's own default limit is 100. */
const POOL_SIZE = 12;

/** Opens a pool. Nothing is contacted until the first query. */
export function openDatabase(connection: Connection, options: { poolSize?: number; name?: string } = {}): Database {
  const pool = new pg.Pool({
    ...(typeof connection === "string" ? { connectionString: connection } : connection),
    max: options.poolSize ?? POOL_SIZE,
    application_name: options.name ?? "tidings",
    types,
    Client: PreparingClient,
  });
  // An idle connection that breaks is replaced at the next query; without a listener it would end the process.
  pool.on("error", () => undefined);
  // The same for one in use: the query under way fails, and that is how its caller learns of it.
  pool.on("connect", (client) => client.on("error", () => undefined));
  const db = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
  return {
    db,
    pool,
    async close() {
      await db.destroy();
      // Kysely leaves alone a pool it never used; its connections would hold the process for seconds.
      if (!pool.ended) await pool.end();
    },
  };
}

/** Runs `work` in one transaction, or in the one already under way. */
export function inTransaction<Result>(db: Db, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return db.isTransaction ? work(db as Tx) : db.transaction().execute(work);
}

/** The name of the constraint a write broke, so that a module can refuse in its own words; undefined for other errors. */
export function brokenConstraint(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError && error.code?.startsWith("23") ? error.constraint : undefined;
}
