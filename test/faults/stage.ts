/** The stage of the fault suite: a durable PostgreSQL, a relay, people with five steps on one day. Sends nothing itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { type Connection, type Database, openDatabase } from "../../src/db/database.ts";
import { type Embedded, startEmbedded } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import * as emailCampaigns from "../../src/email-campaigns/email-campaigns.ts";
import { leave, leaverOf } from "../../src/unsubscribe/unsubscribe.ts";
import { type SinkOptions, startSink } from "../smtp-sink.ts";
import { actor, world } from "../world.ts";
import { maybe } from "./chance.ts";
import { type Arrived, arrivals, type Left } from "./invariants.ts";
import type { Environment } from "./workers.ts";

export const STEPS = 5;
export const CONNECTIONS = 10;
const TEMPLATE = "tidings_template";
const quiet = (): void => undefined;

/** A durable server with a migrated template; scenes take a database of their own from it. */
export type Server = {
  readonly embedded: Embedded;
  clone(): Promise<Exclude<Connection, string>>;
  close(): Promise<void>;
};

/** @param dataDir where it lies; else in a folder of its own, which goes with it. */
export async function openServer(dataDir?: string, settings: Readonly<Record<string, string>> = {}): Promise<Server> {
  const folder = dataDir ?? mkdtempSync(join(tmpdir(), "tidings-faults-db-"));
  const now = Temporal.Now.instant();
  const options = { dataDir: folder, log: quiet, settings: { max_connections: "200", ...settings } };
  const embedded = await startEmbedded(options, now);
  const { connection } = embedded;
  const ask = (text: string) => asking(connection, (client) => client.query(text));
  await ask(`create database ${TEMPLATE}`);
  const template = new pg.Pool({ ...connection, database: TEMPLATE, max: 1 });
  try {
    await migrate(template, { log: quiet }, now);
  } finally {
    await template.end();
  }
  let clones = 0;
  return {
    embedded,
    async clone() {
      const database = `scene_${(clones += 1)}`;
      await ask(`create database ${database} template ${TEMPLATE}`);
      return { ...connection, database };
    },
    async close() {
      await embedded.stop();
      if (dataDir === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Over a connection of its own, which is closed whatever happens. */
export async function asking<Result>(
  connection: pg.ClientConfig,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

export type Stage = {
  readonly database: Database;
  readonly connection: Exclude<Connection, string>;
  readonly server: Server;
  readonly people: number;
  readonly folder: string;
  readonly mails: Arrived[];
  /** Mutable: what the relay does from the next command on. */
  readonly relay: SinkOptions;
  /** Ends the relay with all its connections, and starts it again on the same port. */
  killRelay(downMs: number): Promise<void>;
  /** What a worker needs to work here; each has a data folder of its own. */
  environment(worker: number, more?: Environment): Environment;
  /** Somebody who got a mail leaves by its link. @returns whether anybody did. */
  somebodyLeaves(random: () => number): Promise<boolean>;
  readonly left: ReadonlyMap<string, Left>;
  /** Lets the leases of workers run out, as a minute would. */
  lapse(workers: readonly string[] | "all"): Promise<void>;
  /** What was put off is due now, as if its time had come; accounts that wait are tried at once. */
  hasten(): Promise<void>;
  /** Everybody is due now, where they waited. */
  begin(): Promise<void>;
  /** How many Email Campaigns go on. */
  running(): Promise<number>;
  /** How many messages these workers hold. */
  held(workers: readonly string[]): Promise<number>;
  close(): Promise<void>;
};

type Options = {
  readonly relay?: SinkOptions;
  /** The port by which workers reach the relay. */
  readonly proxied?: (port: number) => Promise<number>;
  readonly connections?: number;
  /** Nothing is due before it is said. */
  readonly waits?: boolean;
};

export async function openStage(server: Server, people: number, options: Options = {}): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), "tidings-faults-"));
  const now = Temporal.Now.instant();
  const connection = await server.clone();
  const database = openDatabase(connection, { poolSize: 4 });
  const { db } = database;
  const relay: SinkOptions = { ...options.relay };
  let sink = await startSink(relay);
  const record = arrivals();
  record.listen(sink);

  const small = world(db);
  await small.postalAddress("1 Example Street");
  // Steps of one day leave on that day, and after midnight one a day: the day has just begun where these people live.
  await sql`update workspace set time_zone = ${zoneWhereTheDayBegins(now)}`.execute(db);
  const port = (await options.proxied?.(sink.port)) ?? sink.port;
  const account = await small.account(port, { connections: options.connections ?? CONNECTIONS });
  const sender = await small.sender({ emailAccountId: account.id });
  const steps = Array.from({ length: STEPS }, (_, at) => ({ day: 0, subject: `Step ${at + 1}, {{ first_name }}` }));
  const campaign = await small.campaign(steps);
  await sql`
    insert into people (kind, status, first_name, last_name, full_name, email, email_key, created_at, changed_at)
    select 'lead', 'Open', 'Person', 'N' || n, 'Person N' || n, 'person' || n || '@example.org', 'person' || n || '@example.org',
      ${now}::timestamptz, ${now}::timestamptz
    from generate_series(1, ${people}::int) as n`.execute(db);
  const input = { campaignId: campaign.id, emailGroupId: null, filter: {}, startOn: null, senderId: sender.id };
  await emailCampaigns.startMany(db, input, null, actor, now);
  if (options.waits) await sql`update email_campaigns set next_due_at = null`.execute(db);
  await sql`analyze`.execute(db);

  const left = new Map<string, Left>();
  return {
    database,
    connection,
    server,
    people,
    folder,
    mails: record.mails,
    relay,
    async killRelay(downMs) {
      relay.port = sink.port;
      await sink.close();
      await new Promise((resolve) => setTimeout(resolve, downMs));
      sink = await startSink(relay);
      record.listen(sink);
    },
    environment: (worker, more = {}) => ({
      DATABASE_URL: urlOf(connection),
      TIDINGS_DATA_DIR: join(folder, `worker${worker}`),
      TIDINGS_SECRET: "a secret that only the fault suite uses",
      TIDINGS_PUBLIC_URL: "http://mail.example.com",
      ...more,
    }),
    async somebodyLeaves(random) {
      const mail = record.mails[Math.floor(random() * record.mails.length)];
      if (!mail || left.has(mail.to)) return false;
      const { rows } = await sql<{ messageId: number; emailCampaignId: number; personId: number }>`
        select id as message_id, email_campaign_id, person_id from messages where message_id = ${mail.messageId}`.execute(
        db,
      );
      const leaver = await leaverOf(db, rows[0]!);
      await leave(db, leaver!, "everything", "page", Temporal.Now.instant());
      // A look that had begun before this commit may be written a moment after it.
      await overtaken(db);
      const { rows: entered } = await sql<{ messageId: string; attempts: number }>`
        select message_id, attempts from messages where person_id = ${rows[0]!.personId} and attempts > 0`.execute(db);
      left.set(mail.to, new Map(entered.map(({ messageId, attempts }) => [messageId, attempts])));
      return true;
    },
    left,
    async lapse(workers) {
      const ids = workers === "all" ? [] : [...workers];
      await sql`
        update messages set claimed_until = now() - interval '1 second'
        where claimed_until is not null and (${workers === "all"} or claimed_by = any(${ids}::text[]))`.execute(db);
    },
    async hasten() {
      await sql`update messages set next_attempt_at = now() where next_attempt_at > now()`.execute(db);
      await sql`update recipient_domains set rests_until = null where rests_until is not null`.execute(db);
      await sql`update email_campaigns set next_due_at = now() where next_due_at > now()`.execute(db);
      // Whoever changes the settings need not wait for the next try.
      await sql`update email_accounts set changed_at = now() where changed_at < now() - interval '1 second'`.execute(
        db,
      );
      await sql`notify tidings_due`.execute(db);
    },
    async begin() {
      await sql`update email_campaigns set next_due_at = now()`.execute(db);
      await sql`notify tidings_due`.execute(db);
    },
    async running() {
      const { rows } = await sql<{ count: number }>`
        select count(*)::int as count from email_campaigns where status in ('Scheduled', 'In Progress')`.execute(db);
      return rows[0]!.count;
    },
    async held(workers) {
      const { rows } = await sql<{ count: number }>`
        select count(*)::int as count from messages
        where claimed_until is not null and claimed_by = any(${[...workers]}::text[])`.execute(db);
      return rows[0]!.count;
    },
    async close() {
      await sink.close();
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A zone in which it is between one and two in the morning. */
function zoneWhereTheDayBegins(now: Temporal.Instant): string {
  const ahead = 1 - now.toZonedDateTimeISO("UTC").hour;
  const hours = ahead < -12 ? ahead + 24 : ahead;
  // These names count westwards.
  return `Etc/GMT${hours > 0 ? "-" : "+"}${Math.abs(hours)}`;
}

export function urlOf({ host, port = 5432, user, database }: Exclude<Connection, string>): string {
  return `postgresql://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}

/** Resolves when whatever was under way in the database when it was called has ended. */
async function overtaken(db: Database["db"]): Promise<void> {
  const { rows } = await sql<{ at: Temporal.Instant }>`select clock_timestamp() as at`.execute(db);
  const older = async () => {
    const { rows: found } = await sql`
      select from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'
        and xact_start < ${rows[0]!.at}::timestamptz`.execute(db);
    return found.length === 0;
  };
  await maybe(older, 5000);
}
