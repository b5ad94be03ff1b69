import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { openServer, type Server } from "../http/server.ts";
import * as people from "../people/people.ts";
import { openSecrets } from "../secret.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { forgetPerson, subscribedMembers } from "./email-groups.ts";
import { routes } from "./routes.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const actor = { name: "ana", role: "administrator" as const, userId: null };
const neighbours: people.Neighbours = {
  erasureKeys: [Buffer.from("a key")],
  onDoNotContact: async () => undefined,
  onConverted: async () => undefined,
  onConversion: async () => undefined,
  onMeasuring: async () => undefined,
  onTimeZone: async () => undefined,
  onTraits: async () => undefined,
  onImported: async () => 0,
  onMerge: async () => undefined,
  namedBy: async () => [],
  onErase: (tx, personId) => forgetPerson(tx, personId),
};
let fresh: FreshDatabase;
let server: Server;
let group = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  server = openServer({
    db: fresh.db,
    clock: () => now,
    seal: openSecrets({ secret: "a secret that only this test uses", dataDir: "" }),
    authenticate: async () => ({ actor, identity: "ana" }),
  });
  routes(server.serve, { db: fresh.db, neighbours });
  await server.http.ready();
});
afterAll(async () => {
  await server?.http.close();
  await fresh?.close();
});
beforeEach(async () => {
  await fresh.pool.query("truncate people, email_groups, suppressions, campaigns cascade");
  group = (await ask("POST", "", { title: "Friends" })).body.id;
});

async function ask(method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE", path: string, payload?: object) {
  const answer = await server.http.inject({
    method,
    url: `/api/v1/email-groups${path}`,
    ...(payload ? { payload } : {}),
  });
  return { status: answer.statusCode, body: answer.payload === "" ? null : answer.json() };
}
const lead = async (email: string, company?: string) =>
  (await people.create(fresh.db, "lead", { email, ...(company ? { company } : {}) }, actor, neighbours, now)).id;
const subscribed = async () =>
  (await subscribedMembers(fresh.db, group).execute()).map(({ id }) => id).sort((a, b) => a - b);

describe("members of an Email Group", () => {
  it("E119 a person is a member once, however they are added and however often", async () => {
    const ada = await lead("ada@example.test", "Acme");
    const both = {
      personIds: [ada, ada],
      addresses: "ADA@example.test, Ada@Example.Test",
      filter: { company: ["Acme"] },
    };
    const answers = await Promise.all([ask("POST", `/${group}/members`, both), ask("POST", `/${group}/members`, both)]);
    expect(answers.map(({ body }) => body.added).toSorted((a, b) => a - b)).toEqual([0, 1]);
    expect((await ask("GET", `/${group}`)).body).toMatchObject({ subscribed: 1, unsubscribed: 0 });
    expect(await ask("POST", `/${group}/members`, { personIds: [ada] })).toMatchObject({
      body: { added: 0, alreadyMembers: 1 },
    });
  });

  it("addresses come as text: unknown ones become Leads, bad ones are reported", async () => {
    const ada = await lead("ada@example.test");
    const { status, body } = await ask("POST", `/${group}/members`, {
      addresses: "ada@example.test; bo@example.test\r\nBO@example.test,\n\nnot an address, cy@example.test",
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      added: 3,
      createdLeads: 2,
      bad: [{ text: "not an address", problem: expect.any(String) }],
    });
    expect(await subscribed()).toContain(ada);
    expect(await people.findByKey(fresh.db, "bo@example.test")).toMatchObject({ kind: "lead", fullName: "bo" });
  });

  it("E65 E120 the unsubscribed are counted apart and are not among the subscribed", async () => {
    const [ada, bo] = [await lead("ada@example.test"), await lead("bo@example.test")];
    await ask("POST", `/${group}/members`, { personIds: [ada, bo] });
    expect((await ask("PUT", `/${group}/members/${bo}/unsubscription`)).body).toMatchObject({
      personId: bo,
      unsubscribedAt: now.toString(),
    });
    expect((await ask("GET", `/${group}`)).body).toMatchObject({ subscribed: 1, unsubscribed: 1 });
    expect(await subscribed()).toEqual([ada]);
    expect((await ask("GET", `/${group}/members?state=unsubscribed`)).body.data).toMatchObject([{ personId: bo }]);
  });

  it("E121 adding somebody who opted out says so and re-subscribes nobody", async () => {
    const [ada, bo, cy] = [
      await lead("ada@example.test"),
      await lead("bo@example.test"),
      await lead("cy@example.test"),
    ];
    await ask("POST", `/${group}/members`, { personIds: [ada] });
    await ask("PUT", `/${group}/members/${ada}/unsubscription`);
    await fresh.db
      .transaction()
      .execute((tx) => suppress(tx, { emailKey: "bo@example.test", scope: "everything", reason: "unsubscribed" }, now));
    const { body } = await ask("POST", `/${group}/members`, {
      addresses: "ada@example.test,bo@example.test,cy@example.test",
    });
    expect(body).toMatchObject({
      added: 2,
      alreadyMembers: 1,
      optedOutCount: 2,
      optedOut: [
        { personId: ada, email: "ada@example.test", why: "unsubscribed from this group" },
        { personId: bo, email: "bo@example.test", why: "unsubscribed" },
      ],
    });
    expect(await subscribed()).toEqual([bo, cy]);
  });

  it("who asked for it is subscribed again, and how stands in the audit log", async () => {
    const ada = await lead("ada@example.test");
    await ask("POST", `/${group}/members`, { personIds: [ada] });
    await ask("PUT", `/${group}/members/${ada}/unsubscription`);
    expect((await ask("PUT", `/${group}/members/${ada}/subscription`, {})).status).toBe(422);
    expect(
      (await ask("PUT", `/${group}/members/${ada}/subscription`, { consent: "asked by phone" })).body,
    ).toMatchObject({ unsubscribedAt: null });
    const { rows } = await fresh.pool.query("select after from audit_entries where action = 'resubscribe-member'");
    expect(rows).toMatchObject([{ after: { consent: "asked by phone" } }]);
  });

  it("10,000 people are added in one go by a filter, and listed page by page", async () => {
    await fresh.pool.query(`insert into people (kind, full_name, email, email_key, status, created_at, changed_at)
      select 'lead', 'P' || n, 'p' || n || '@example.test', 'p' || n || '@example.test', 'Lead', now(), now() from generate_series(1, 10000) n`);
    expect((await ask("POST", `/${group}/members`, { filter: { kind: "lead" } })).body).toMatchObject({
      added: 10_000,
    });
    let seen = 0;
    let cursor: string | null = "";
    while (cursor !== null) {
      const { body }: { body: any } = await ask("GET", `/${group}/members?limit=500${cursor && `&cursor=${cursor}`}`);
      seen += body.data.length;
      cursor = body.nextCursor;
    }
    expect(seen).toBe(10_000);
  });

  it("an erased person is no longer a member", async () => {
    const ada = await lead("ada@example.test");
    await ask("POST", `/${group}/members`, { personIds: [ada] });
    await people.erase(fresh.db, ada, "lead", actor, neighbours, now);
    expect(await subscribed()).toEqual([]);
    expect((await ask("POST", `/${group}/members`, { personIds: [ada] })).body).toMatchObject({
      code: "person-not-found",
    });
  });

  it("nobody and nonsense are refused", async () => {
    expect((await ask("POST", `/${group}/members`, {})).status).toBe(422);
    expect((await ask("POST", `/${group}/members`, { personIds: [999_999] })).status).toBe(404);
    expect((await ask("POST", "/999999/members", { personIds: [1] })).status).toBe(404);
    expect((await ask("DELETE", `/${group}/members/999999`)).status).toBe(404);
  });
});

describe("Email Groups themselves", () => {
  it("a title belongs to one group, in any letter case", async () => {
    expect(await ask("POST", "", { title: "FRIENDS" })).toMatchObject({
      status: 409,
      body: { code: "email-group-exists" },
    });
    const other = (await ask("POST", "", { title: "Others" })).body;
    expect((await ask("PATCH", `/${other.id}`, { title: "friends" })).status).toBe(409);
    expect((await ask("GET", "?q=oth")).body.data).toMatchObject([{ title: "Others" }]);
  });

  it.each(["Scheduled", "In Progress", "Paused"])(
    "E37 a group whose Email Campaigns are %s cannot be deleted; afterwards it can",
    async (status) => {
      const ada = await lead("ada@example.test");
      await fresh.pool.query("insert into campaigns (name, created_at, changed_at) values ('C', now(), now())");
      await fresh.pool.query(
        `insert into email_campaigns (number, campaign_id, person_id, email_group_id, start_on, end_on, status, created_at, changed_at)
       select 'MAIL-CAMP-2026-00001', id, $1, $2, '2026-12-01', '2026-12-01', $3, now(), now() from campaigns`,
        [ada, group, status],
      );
      expect(await ask("DELETE", `/${group}`)).toMatchObject({
        status: 409,
        body: { code: "email-group-in-use", detail: expect.stringContaining("MAIL-CAMP-2026-00001") },
      });
      await fresh.pool.query("update email_campaigns set status = 'Completed'");
      expect((await ask("DELETE", `/${group}`)).status).toBe(204);
      expect((await ask("GET", `/${group}`)).status).toBe(404);
    },
  );
});
