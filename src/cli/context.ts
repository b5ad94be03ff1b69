/** What a command works with: settings, database, secrets, log and clock, opened in order and closed whatever happens. */
import { resolve } from "node:path";
import { sql } from "kysely";
import { systemClock, type Clock } from "../clock.ts";
import { readConfig, type Config } from "../config.ts";
import { refuse } from "../core/problem.ts";
import { openDatabase, type Connection, type Database } from "../db/database.ts";
import { startEmbedded } from "../db/embedded.ts";
import { migrate } from "../db/migrate.ts";
import { prepareQueue } from "../jobs/runner.ts";
import { openLog, type Logger } from "../log.ts";
import { openSecrets, type Secrets } from "../secret.ts";

/** Who acts when a command does: whoever may run it on this machine may do everything. */
export const COMMAND_LINE = { name: "command line", role: "administrator", userId: null } as const;

export type Context = {
  readonly config: Config;
  readonly database: Database;
  /** For what needs a pool of its own. */
  readonly connection: Connection;
  readonly secrets: Secrets;
  readonly log: Logger;
  readonly clock: Clock;
  /** The names of the migrations that were applied when this was opened. */
  readonly migrations: readonly string[];
  close(): Promise<void>;
};

export type ContextOptions = {
  readonly dataDir?: string;
  readonly port?: number;
  readonly host?: string;
  /** `tidings serve`: told to whoever wants the same data folder. */
  readonly command?: string;
  /** This process stays; others may join its database. It migrates by itself. */
  readonly serves?: boolean;
  /** The embedded database is gone for good. */
  readonly onDatabaseGone?: () => void;
  /** Another clock than the machine's: `--now`. */
  readonly clock?: Clock;
};

/** Opens everything, runs the work, closes everything. The schema is up to date when the work begins. */
export async function withContext<Result>(
  options: ContextOptions,
  work: (context: Context) => Promise<Result>,
): Promise<Result> {
  const context = await openContext(options);
  try {
    return await work(context);
  } finally {
    await context.close();
  }
}

export async function openContext(options: ContextOptions): Promise<Context> {
  const { serves = false, clock = systemClock } = options;
  const config = configFor(options);
  const log = openLog({ readable: process.stderr.isTTY, level: serves ? config.logLevel : "warn" });
  const embedded =
    config.databaseUrl === undefined
      ? await startEmbedded(
          {
            dataDir: config.dataDir,
            log: (sentence) => log.info(sentence),
            command: options.command ?? "tidings",
            serves,
            ...(serves ? { address: config.publicUrl } : {}),
            onExit: () => options.onDatabaseGone?.(),
          },
          systemClock(),
        )
      : undefined;
  const connection = embedded?.connection ?? config.databaseUrl ?? "";
  const database = openDatabase(connection, { direct: config.databaseSessionUrl });
  const close = async () => {
    await database.close();
    await embedded?.stop();
  };
  try {
    const secrets = openSecrets(config);
    const migrations = serves ? [] : await prepare(database, log, clock);
    return { config, database, connection, secrets, log, clock, migrations, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Brings the schema and the queue's tables up to date; returns the names of what was applied. */
export async function prepare(database: Database, log: Logger, clock: Clock): Promise<readonly string[]> {
  await refusePooler(database);
  const { applied } = await migrate(database.pool, { log: (sentence) => log.info(sentence) }, clock());
  await prepareQueue(database);
  return applied;
}

/**
 * A pooler that nobody told us of refuses what the connections for batches ask at their start; in the log of each turn
 * nobody would look for it.
 */
async function refusePooler({ batches }: Database): Promise<void> {
  try {
    await sql`select 1`.execute(batches);
  } catch (error) {
    if (!/unsupported startup parameter/.test(error instanceof Error ? error.message : "")) throw error;
    refuse(
      "configuration-invalid",
      "DATABASE_URL leads to PgBouncer. Set TIDINGS_DATABASE_SESSION_URL to the address of the PostgreSQL behind it.",
    );
  }
}

/** The environment, with what the command line says instead. */
function configFor({ dataDir, port, host }: Pick<ContextOptions, "dataDir" | "port" | "host">): Config {
  const config = readConfig();
  // Unless the environment names the public address, it follows the port.
  const follows = config.publicUrl === `http://localhost:${config.port}`;
  return Object.freeze({
    ...config,
    port: port ?? config.port,
    host: host ?? config.host,
    dataDir: dataDir === undefined ? config.dataDir : resolve(dataDir),
    ...(port !== undefined && follows ? followed(config, `http://localhost:${port}`) : {}),
  });
}

const followed = ({ publicUrl, trackingUrl }: Config, url: string) => ({
  publicUrl: url,
  trackingUrl: trackingUrl === publicUrl ? url : trackingUrl,
});
