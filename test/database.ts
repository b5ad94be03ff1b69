/** A database for one test file: empty, migrated, and alone. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import { type Connection, type Database, type Db, openDatabase } from "../src/db/database.ts";
import { TEMPLATE } from "./database-server.ts";

export type FreshDatabase = {
  readonly db: Db;
  readonly pool: pg.Pool;
  readonly database: Database;
  /** For a program of its own, or a second pool. */
  readonly connection: Exclude<Connection, string>;
  /** The same as DATABASE_URL wants it. */
  readonly url: string;
  /** Does something while the database lets nobody in. */
  away(meanwhile: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
};

/** Clones the migrated template. Call it once per file, in `beforeAll`, and `close` it in `afterAll`. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = inject("databaseServer");
  const name = `test_${randomBytes(8).toString("hex")}`;
  await onServer(`create database ${name} template ${TEMPLATE}`);
  const connection = { ...server, database: name };
  const database = openDatabase(connection);
  return {
    db: database.db,
    pool: database.pool,
    database,
    connection,
    url: `postgresql://${server.user}@/${name}?host=${encodeURIComponent(server.host)}&port=${server.port ?? 5432}`,
    async away(meanwhile) {
      await onServer(`alter database ${name} with allow_connections false`);
      await onServer(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);
      try {
        await meanwhile();
      } finally {
        await onServer(`alter database ${name} with allow_connections true`);
      }
    },
    async close() {
      await database.close();
      await onServer(`drop database ${name} with (force)`);
    },
  };
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client(inject("databaseServer"));
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
