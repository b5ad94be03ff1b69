/** One real PostgreSQL for a whole test run, with a migrated template to clone. Nothing of it outlives the run. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";

export type ServerConnection = { host: string; port?: number; user: string; database: string };

declare module "vitest" {
  interface ProvidedContext {
    databaseServer: ServerConnection;
  }
}

/** The database every clone is made from. Nobody may be connected to it while a clone is made. */
export const TEMPLATE = "tidings_template";

const BEGAN = Temporal.Instant.from("2026-01-01T00:00:00Z");
const quiet = (): void => undefined;

/** A test that kills the server proves durability on a server of its own; this one is for speed. */
const settings = {
  fsync: "off",
  synchronous_commit: "off",
  full_page_writes: "off",
  autovacuum: "off",
  max_connections: "300",
};

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "tidings-test-"));
  chmodSync(folder, 0o711);
  const embedded = await startEmbedded({ dataDir: join(folder, "data"), log: quiet, settings }, BEGAN);
  const { connection } = embedded;
  await inDatabase(connection, (pool) => pool.query(`create database ${TEMPLATE}`));
  await inDatabase({ ...connection, database: TEMPLATE }, (pool) => migrate(pool, { log: quiet }, BEGAN));
  project.provide("databaseServer", connection);
  return async () => {
    await embedded.stop();
    rmSync(folder, { recursive: true });
  };
}

async function inDatabase(connection: ServerConnection, work: (pool: pg.Pool) => Promise<unknown>): Promise<void> {
  const pool = new pg.Pool({ ...connection, max: 1 });
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}
