/** What the connections that send mail ask of the server: no row is held for longer than its lease by a worker that fell silent. */
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { inOneGo, type Runner } from "./database.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.close());

it("R4 a worker that falls silent in a transaction is cut off by the database before its leases run out", async () => {
  const { rows } = await sql<{ seconds: number }>`
    select extract(epoch from current_setting('idle_in_transaction_session_timeout')::interval)::int as seconds`.execute(
    fresh.database.batches,
  );
  expect(rows[0]!.seconds).toBeGreaterThan(0);
  expect(rows[0]!.seconds).toBeLessThan(60);
});

describe("statements in one go", () => {
  const inserted = (go: Runner, name: string) =>
    sql`insert into email_groups (title, created_at, changed_at) values (${name}, now(), now())`.execute(go);
  const named = async (name: string) =>
    (await sql`select from email_groups where title = ${name}`.execute(fresh.database.db)).rows.length;

  it("hold together, each sees what those before it did, and each answer is its own", async () => {
    const { batches } = fresh.database;
    const [, seen, backend] = await inOneGo(batches, (go) => [
      inserted(go, "Readers"),
      sql<{ count: number }>`select count(*)::int as count from email_groups where title = 'Readers'`.execute(go),
      sql<{ inside: boolean }>`select pg_current_xact_id_if_assigned() is not null as inside`.execute(go),
    ]);
    expect(seen.rows).toEqual([{ count: 1 }]);
    expect(backend.rows).toEqual([{ inside: true }]);
    expect(await named("Readers")).toBe(1);
  });

  it("all fail when one does, and the connection is good for the next", async () => {
    const { batches } = fresh.database;
    for (let round = 0; round < 20; round += 1) {
      const failing = inOneGo(batches, (go) => [
        inserted(go, "Before"),
        sql`select 1 / 0`.execute(go),
        inserted(go, "Behind"),
      ]);
      await expect(failing).rejects.toThrow("division by zero");
    }
    expect(await named("Before")).toBe(0);
    expect(await named("Behind")).toBe(0);
    const { rows } = await sql<{ stale: number }>`
      select count(*)::int as stale from pg_stat_activity
      where datname = current_database() and state like 'idle in transaction%'`.execute(fresh.database.db);
    expect(rows).toEqual([{ stale: 0 }]);
  });

  it("are sent without waiting for an answer", async () => {
    const { batches, db } = fresh.database;
    const sent = new Array<string>();
    const executor = batches.getExecutor();
    const watched = {
      getExecutor: () =>
        executor.withConnectionProvider({
          provideConnection: (use) =>
            executor.provideConnection((connection) =>
              use({
                ...connection,
                streamQuery: () => {
                  throw new Error("nothing streams");
                },
                executeQuery: async (query) => {
                  sent.push(`asked ${query.sql}`);
                  const answer = await connection.executeQuery(query);
                  sent.push(`answered ${query.sql}`);
                  return answer as never;
                },
              }),
            ),
        }),
    } as unknown as typeof db;
    await inOneGo(watched, (go) => [sql`select 1`.execute(go), sql`select 2`.execute(go)]);
    expect(sent).toEqual([
      ...["begin", "select 1", "select 2", "commit"].map((text) => `asked ${text}`),
      ...["begin", "select 1", "select 2", "commit"].map((text) => `answered ${text}`),
    ]);
  });
});
