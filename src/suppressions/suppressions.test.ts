import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import type { Tx } from "../db/database.ts";
import { openServer, type Server } from "../http/server.ts";
import { openSecrets } from "../secret.ts";
import { routes } from "./routes.ts";
import {
  carryOver,
  covering,
  forget,
  lift,
  restoreErased,
  suppress,
  suppressAll,
  suppressedBy,
  type NewSuppression,
} from "./suppressions.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
let fresh: FreshDatabase;
let server: Server;
let campaign = 0;
let otherCampaign = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  server = openServer({
    db: fresh.db,
    clock: () => now,
    seal: openSecrets({ secret: "a secret that only this test uses", dataDir: "" }),
    authenticate: async () => ({ actor: { name: "ana", role: "administrator", userId: null }, identity: "ana" }),
  });
  routes(server.serve, { db: fresh.db });
  await server.http.ready();
  const { rows } = await fresh.pool.query(
    "insert into campaigns (name, created_at, changed_at) values ('A', now(), now()), ('B', now(), now()) returning id",
  );
  [campaign, otherCampaign] = rows.map(({ id }) => id);
});
afterAll(async () => {
  await server?.http.close();
  await fresh?.close();
});
beforeEach(() => fresh.pool.query("truncate suppressions; delete from people"));

const put = (what: Partial<NewSuppression>) =>
  fresh.db
    .transaction()
    .execute((tx) =>
      suppress(tx, { emailKey: "ada@example.test", scope: "everything", reason: "unsubscribed", ...what }, now),
    );
function inTx<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> {
  return fresh.db.transaction().execute(work);
}
async function ask(method: "GET" | "POST" | "DELETE", path: string, payload?: object) {
  const answer = await server.http.inject({
    method,
    url: `/api/v1/suppressions${path}`,
    ...(payload ? { payload } : {}),
  });
  return { status: answer.statusCode, body: answer.payload === "" ? null : answer.json() };
}

describe("what a suppression covers", () => {
  it.each([
    ["campaign", true, false],
    ["campaigns", true, true],
    ["everything", true, true],
  ] as const)("E97 with scope %s: this Campaign %s, another %s", async (scope, own, other) => {
    await put({ scope, campaignId: campaign });
    expect((await covering(fresh.db, "ada@example.test", campaign)) !== null).toBe(own);
    expect((await covering(fresh.db, "ada@example.test", otherCampaign)) !== null).toBe(other);
    expect(await covering(fresh.db, "bo@example.test", campaign)).toBeNull();
    const { rows } = await sql<{ own: string | null; other: string | null }>`
      select ${suppressedBy(sql.lit("ada@example.test"), campaign)} as own, ${suppressedBy(sql.lit("ada@example.test"), sql.lit(otherCampaign))} as other`.execute(
      fresh.db,
    );
    expect(rows).toEqual([{ own: own ? "unsubscribed" : null, other: other ? "unsubscribed" : null }]);
  });

  it("E101 the widest one is named, so that a global opt-out is never hidden by a narrower one", async () => {
    await put({ scope: "campaign", campaignId: campaign, reason: "manual" });
    await put({ scope: "campaigns", reason: "imported" });
    await put({ scope: "everything", reason: "complaint" });
    expect(await covering(fresh.db, "ada@example.test", campaign)).toMatchObject({
      scope: "everything",
      reason: "complaint",
    });
  });

  it("E90 suppressing twice is harmless, also at the same time", async () => {
    const made = await Promise.all([put({}), put({}), put({})]);
    expect(made.filter((id) => id !== null)).toHaveLength(1);
    const added = await inTx((tx) =>
      suppressAll(tx, ["ada@example.test", "bo@example.test", "bo@example.test"], { reason: "unsubscribed" }, now),
    );
    expect(added).toBe(1);
  });

  it("what is lifted no longer counts, and can be suppressed again", async () => {
    await put({});
    expect(
      await inTx((tx) =>
        lift(tx, "ada@example.test", { scope: "everything", reasons: ["unsubscribed"] }, "the person", now),
      ),
    ).toBe(1);
    expect(await covering(fresh.db, "ada@example.test", null)).toBeNull();
    expect(await put({})).not.toBeNull();
  });

  it("an erased address is known by a keyed hash alone and found again only with the key, also once that is a former one", async () => {
    await put({});
    await inTx((tx) => forget(tx, 0, ["ada@example.test"], [Buffer.from("old")], now));
    expect(JSON.stringify((await fresh.pool.query("select * from suppressions")).rows)).not.toContain("ada");
    await inTx((tx) => restoreErased(tx, ["ada@example.test"], [Buffer.from("other")], now));
    expect(await covering(fresh.db, "ada@example.test", null)).toBeNull();
    await inTx((tx) =>
      restoreErased(tx, ["ada@example.test", "bo@example.test"], [Buffer.from("new"), Buffer.from("old")], now),
    );
    expect(await covering(fresh.db, "ada@example.test", null)).toMatchObject({ reason: "erased" });
    expect(await covering(fresh.db, "bo@example.test", null)).toBeNull();
  });

  it("a new address takes over campaign by campaign", async () => {
    const { rows } = await fresh.pool.query(
      "insert into people (kind, full_name, status, created_at, changed_at) values ('lead', 'x', 'Lead', now(), now()) returning id",
    );
    await put({ scope: "campaign", campaignId: campaign });
    await inTx((tx) => carryOver(tx, "ada@example.test", "new@example.test", rows[0].id, now));
    expect(await covering(fresh.db, "new@example.test", campaign)).not.toBeNull();
    expect(await covering(fresh.db, "new@example.test", otherCampaign)).toBeNull();
  });
});

describe("suppressions over the API", () => {
  it("E98 an address suppressed by hand is found in any letter case; twice is harmless", async () => {
    const made = await ask("POST", "", { email: "Ada@Example.test", origin: "by phone" });
    expect(made).toMatchObject({
      status: 201,
      body: { email: "ada@example.test", scope: "everything", reason: "manual", origin: "by phone" },
    });
    expect(await ask("POST", "", { email: "ADA@example.test" })).toMatchObject({
      status: 200,
      body: { id: made.body.id },
    });
    expect((await ask("GET", "?email=aDa@example.test")).body.data).toHaveLength(1);
    expect(await covering(fresh.db, "ada@example.test", 1)).toMatchObject({ reason: "manual" });
    expect((await ask("DELETE", `/${made.body.id}`)).status).toBe(204);
    expect(await covering(fresh.db, "ada@example.test", 1)).toBeNull();
    expect((await ask("GET", "?lifted=true")).body.data).toMatchObject([{ liftedBy: "ana" }]);
  });

  it("what is wrong is refused: no address, a scope without its Campaign, a Campaign that is none", async () => {
    expect((await ask("POST", "", { email: "nobody" })).status).toBe(422);
    expect((await ask("POST", "", { email: "a@example.test", scope: "campaign" })).status).toBe(422);
    expect((await ask("POST", "", { email: "a@example.test", campaignId: campaign })).status).toBe(422);
    expect((await ask("POST", "", { email: "a@example.test", scope: "campaign", campaignId: 999_999 })).status).toBe(
      422,
    );
  });

  it.each([
    ["unsubscribed", 422],
    ["complaint", 422],
    ["do-not-contact", 422],
    ["erased", 422],
    ["manual", 204],
    ["imported", 204],
    ["hard-bounce", 204],
  ] as const)(
    "E27 lifting one with the reason %s answers %i: what the person asked for only the person takes back",
    async (reason, status) => {
      const id = await put({ reason });
      expect((await ask("DELETE", `/${id}`)).status).toBe(status);
      expect((await covering(fresh.db, "ada@example.test", null)) !== null).toBe(status === 422);
    },
  );

  it("the list goes page by page, newest first", async () => {
    for (const name of ["a", "b", "c"]) await put({ emailKey: `${name}@example.test` });
    const first = (await ask("GET", "?limit=2")).body;
    const second = (await ask("GET", `?limit=2&cursor=${first.nextCursor}`)).body;
    expect([...first.data, ...second.data].map(({ email }) => email)).toEqual([
      "c@example.test",
      "b@example.test",
      "a@example.test",
    ]);
    expect(second.nextCursor).toBeNull();
  });
});
