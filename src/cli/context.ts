/** What a command works with: settings, database, secrets, log and clock, opened in order and closed whatever happens. */
import { resolve } from "node:path";
import { systemClock, type Clock } from "../clock.ts";
import { readConfig, type Config } from "../config.ts";
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
  const database = openDatabase(connection);
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
  const { applied } = await migrate(database.pool, { log: (sentence) => log.info(sentence) }, clock());
  await prepareQueue(database);
  return applied;
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
