/** The pool and its types: PostgreSQL values in and out as Temporal and numbers. Never holds a query of a module. */
import {
  CamelCasePlugin,
  Kysely,
  type PluginTransformResultArgs,
  PostgresDialect,
  type QueryExecutorProvider,
  type QueryResult,
  sql,
  type Transaction,
  type UnknownRow,
} from "kysely";
import pg from "pg";
import { MeasuredPool } from "./measured-pool.ts";
import type { Tables } from "./tables.ts";

/** What a query needs: the pool, or the transaction under way. */
export type Db = Kysely<Tables>;
export type Tx = Transaction<Tables>;
/** Enough for a statement written in SQL; the pool, a transaction, or a go of {@link inOneGo}. */
export type Runner = QueryExecutorProvider;

/** Where the database is: a URL, or a socket directory of the embedded server. */
export type Connection = string | { host: string; port?: number; user: string; database: string; password?: string };

export type Database = {
  readonly db: Db;
  /** The same database over connections of their own, for many small batches of rows that are named one by one. */
  readonly batches: Db;
  /** For COPY, which needs a connection of its own. */
  readonly pool: pg.Pool;
  /** For LISTEN and the queue's own bookkeeping, which last longer than a transaction: never behind a pooler. */
  readonly sessions: pg.Pool;
  /** Both pools by name, for whoever measures them. */
  readonly pools: Readonly<Record<"queries" | "batches", MeasuredPool>>;
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
 * Begins a statement that runs all day with the same text. Over {@link Database.batches} it is prepared once for a
 * connection, since planning it costs more than a small batch of rows does; elsewhere this is a comment.
 */
export const PREPARED = sql.raw("/* prepared */");
const IS_PREPARED = "/* prepared */";
/** Every text gets a name once, shared by all connections. */
const names = new Map<string, string>();

class PreparingClient extends pg.Client {
  // The overloads of pg cannot be written down again; all but prepared texts pass as they came.
  override query(...given: unknown[]): any {
    const [text, values] = given;
    const ask = super.query.bind(this) as (...args: unknown[]) => unknown;
    if (typeof text !== "string" || given.length > 2 || !text.startsWith(IS_PREPARED)) return ask(...given);
    const name = names.get(text) ?? `tidings_${names.size}`;
    names.set(text, name);
    return ask({ name, text, values });
  }
}

/**
 * Statements over rows named one by one are always best planned by index. Left to itself, the planner reads a whole
 * table that was small when a statement was prepared and is large by now.
 */
const BY_INDEX = [
  "plan_cache_mode=force_generic_plan",
  "enable_seqscan=off",
  "enable_bitmapscan=off",
  "enable_hashjoin=off",
  "enable_mergejoin=off",
  // Joins in the order they are written.
  "join_collapse_limit=1",
  "jit=off",
];
/**
 * A process that stops, or whose network is cut, in the middle of a transaction holds its rows until the server ends the
 * connection, however long ago its leases ran out. Between two statements of a batch there are milliseconds.
 */
const NO_LONGER_SILENT = ["idle_in_transaction_session_timeout=10s"];
const BATCHES_POOL_SIZE = 6;
/** One listens; one is for whoever looks. */
const SESSIONS_POOL_SIZE = 2;

const KEEP_ALIVE_AFTER_MS = 10_000;
/** How many connections one process holds; PostgreSQL's own default limit is 100. */
const POOL_SIZE = 12;

type Opening = {
  readonly poolSize?: number;
  readonly name?: string;
  /** The database itself, where `connection` leads to a pooler that lends a server for one transaction (PgBouncer). */
  readonly direct?: string | undefined;
};

/**
 * Opens its pools. Nothing is contacted until the first query.
 *
 * Behind a pooler no statement is prepared for a connection and no connection has settings of its own: the next
 * transaction may run on another one. Planning each statement then costs the database some CPU.
 */
export function openDatabase(connection: Connection, options: Opening = {}): Database {
  const settings = {
    ...(typeof connection === "string" ? { connectionString: connection } : connection),
    application_name: options.name ?? "tidings",
    // A connection to a server that vanished is given up, not waited on for ever.
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    types,
  };
  const pool = quiet(new MeasuredPool({ ...settings, max: options.poolSize ?? POOL_SIZE }));
  const batchesPool = quiet(
    new MeasuredPool({
      ...settings,
      max: BATCHES_POOL_SIZE,
      pipeline: true,
      ...(options.direct === undefined
        ? {
            Client: PreparingClient,
            options: [...BY_INDEX, ...NO_LONGER_SILENT].map((setting) => `-c ${setting}`).join(" "),
          }
        : {}),
    }),
  );
  const sessions =
    options.direct === undefined
      ? pool
      : quiet(new MeasuredPool({ ...settings, connectionString: options.direct, max: SESSIONS_POOL_SIZE }));
  const [db, batches] = [kysely(pool), kysely(batchesPool)];
  return {
    db,
    batches,
    pool,
    sessions,
    pools: { queries: pool, batches: batchesPool },
    async close() {
      await Promise.all([db.destroy(), batches.destroy()]);
      // Kysely leaves alone a pool it never used; its connections would hold the process for seconds.
      if (!pool.ended) await pool.end();
      if (!batchesPool.ended) await batchesPool.end();
      if (!sessions.ended) await sessions.end();
    },
  };
}

function kysely(pool: pg.Pool): Db {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new Names({ maintainNestedObjectKeys: true })],
  });
}

/** Names of columns and back. All rows of a result have the same ones: they are made once, not for each row. */
class Names extends CamelCasePlugin {
  override transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    const columns = Object.keys(result.rows[0] ?? {});
    const names = columns.map((column) => this.camelCase(column));
    if (names.every((name, at) => name === columns[at])) return Promise.resolve(result);
    // Copied, an object has room for all of its fields at once; grown field by field it costs three times as much.
    const empty = Object.fromEntries(names.map((name) => [name, null]));
    const rows = result.rows.map((row) => {
      const named: UnknownRow = { ...empty };
      for (let at = 0; at < names.length; at += 1) named[names[at]!] = row[columns[at]!];
      return named;
    });
    return Promise.resolve({ ...result, rows });
  }
}

function quiet(pool: MeasuredPool): MeasuredPool {
  // An idle connection that breaks is replaced at the next query; without a listener it would end the process.
  pool.on("error", () => undefined);
  // The same for one in use: the query under way fails, and that is how its caller learns of it.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return pool;
}

/** Runs `work` in one transaction, or in the one already under way. */
export function inTransaction<Result>(db: Db, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return db.isTransaction ? work(db as Tx) : db.transaction().execute(work);
}

/**
 * Runs statements that need no answer of each other in one transaction and one round trip: they are sent together, from
 * its begin to its commit, and each sees what those before it did and what others committed meanwhile. Over
 * {@link Database.batches}; elsewhere they wait for each other. When one fails nothing of the transaction holds.
 * @param statements asks for all of them before it waits for anything.
 * @throws what the first of them that failed throws.
 */
export function inOneGo<const Results extends readonly unknown[]>(
  db: Db,
  statements: (go: Runner) => { readonly [At in keyof Results]: Promise<Results[At]> },
): Promise<Results> {
  const executor = db.getExecutor();
  return executor.provideConnection(async (connection) => {
    const alone = executor.withConnectionProvider({ provideConnection: (use) => use(connection) });
    const go: Runner = { getExecutor: () => alone };
    const begun = sql`begin`.execute(go);
    const asked = statements(go);
    const committed = sql`commit`.execute(go);
    // All of it has ended, whatever failed, before the connection is somebody else's.
    const answers = await Promise.allSettled([begun, ...asked, committed]);
    const failed = answers.find((one): one is PromiseRejectedResult => one.status === "rejected");
    if (failed) throw failed.reason;
    return Promise.all(asked) as Promise<unknown> as Promise<Results>;
  });
}

/** The name of the constraint a write broke, so that a module can refuse in its own words; undefined for other errors. */
export function brokenConstraint(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError && error.code?.startsWith("23") ? error.constraint : undefined;
}
