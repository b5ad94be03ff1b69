import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { openDatabase } from "./database.ts";
import { migrate, type Migration, readMigrations } from "./migrate.ts";

const now = Temporal.Instant.from("2026-11-23T09:00:00Z");
const log = (): void => undefined;

let fresh: FreshDatabase;
beforeEach(async () => {
  fresh = await freshDatabase();
});
afterEach(() => fresh.close());

/** The program's own migrations, followed by these. */
function followedBy(...statements: string[]): Migration[] {
  const own = readMigrations();
  const added = statements.map((sql, index) => {
    const number = own.length + index + 1;
    const checksum = createHash("sha256").update(sql).digest("hex");
    return { number, name: `${String(number).padStart(4, "0")}_added`, sql, checksum };
  });
  return [...own, ...added];
}

const tables = async () =>
  (
    await fresh.pool.query<{ name: string }>("select tablename as name from pg_tables where schemaname = 'public'")
  ).rows.map(({ name }) => name);

describe("migrations", () => {
  it("are applied in their order, once", async () => {
    const migrations = followedBy("create table first (id integer)", "alter table first rename to second");
    const expected = migrations.slice(-2).map(({ name }) => name);
    expect(await migrate(fresh.pool, { log, migrations }, now)).toEqual({ applied: expected });
    expect(await migrate(fresh.pool, { log, migrations }, now)).toEqual({ applied: [] });
    expect(await tables()).toContain("second");
  });

  it("leave nothing of one that fails, and keep those before it", async () => {
    const migrations = followedBy("create table kept (id integer)", "create table lost (id integer); select 1 / 0");
    await expect(migrate(fresh.pool, { log, migrations }, now)).rejects.toThrow("division by zero");
    expect(await tables()).toContain("kept");
    expect(await tables()).not.toContain("lost");
  });

  it("are applied once when several processes start at once", async () => {
    const migrations = followedBy("create table once (id integer)", "insert into once values (1)");
    const others = [1, 2, 3].map(() => openDatabase(fresh.connection, { poolSize: 1 }));
    const results = await Promise.all(others.map(({ pool }) => migrate(pool, { log, migrations }, now)));
    expect(results.flatMap(({ applied }) => applied).sort()).toEqual(migrations.slice(-2).map(({ name }) => name));
    expect((await fresh.pool.query("select id from once")).rowCount).toBe(1);
    await Promise.all(others.map((other) => other.close()));
  });

  it("are refused when an applied one was edited", async () => {
    await migrate(fresh.pool, { log, migrations: followedBy("create table a (id integer)") }, now);
    const edited = followedBy("create table a (id bigint)");
    await expect(migrate(fresh.pool, { log, migrations: edited }, now)).rejects.toMatchObject({
      code: "migration-edited",
    });
  });

  it("O10 are refused when a newer release has used the database, and say which", async () => {
    await migrate(fresh.pool, { log, migrations: followedBy("create table a (id integer)") }, now);
    await expect(migrate(fresh.pool, { log }, now)).rejects.toThrow(/The database has \d{4}_added, .* newer release/);
  });

  it("give up on a table in use, and say that nothing was changed", async () => {
    const migrations = followedBy("set local lock_timeout = '50ms'; alter table workspace add column colour text");
    const busy = await fresh.pool.connect();
    await busy.query("begin; select name from workspace");
    await expect(migrate(fresh.pool, { log, migrations }, now)).rejects.toMatchObject({ code: "migration-locked" });
    await busy.query("rollback");
    busy.release();
  });
});
