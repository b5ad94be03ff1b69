/** What the connections that send mail ask of the server: no row is held for longer than its lease by a worker that fell silent. */
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";

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
