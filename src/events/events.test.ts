/** Events over the whole application: told once, found by person, ending Campaigns whose goal they meet, gone with an erasure. */
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";

let app: TestApp;
let templateId: number;
beforeAll(async () => {
  app = await openApp();
  const content = { name: "Hello", subject: "Hello {{ first_name }}", body: "Hi {{ first_name }}" };
  templateId = (await app.good("POST", "/email-templates", content)).id;
});
afterAll(() => app?.close());

let serial = 0;
const lead = (more: object = {}) =>
  app.good("POST", "/leads", { firstName: "Ana", lastName: "Ruiz", email: `ana${++serial}@example.org`, ...more });
const tell = (event: object, as?: "user" | "viewer") => app.ask("POST", "/events", event, as);
async function withHeaders(headers: object, url: string, payload: object) {
  const answer = await app.inject({ method: "POST", url: `/api/v1${url}`, headers: { ...headers }, payload });
  return { status: answer.statusCode, body: answer.json() };
}
const withKey = (key: string, url: string, payload: object) =>
  withHeaders({ authorization: `Bearer ${key}` }, url, payload);
const campaign = (more: object) =>
  app.good("POST", "/campaigns", {
    name: `Campaign ${++serial}`,
    steps: [0, 30].map((sendAfterDays) => ({ emailTemplateId: templateId, sendAfterDays })),
    ...more,
  });
const timeline = (personId: number) => app.good("GET", `/communications?personId=${personId}&kind=event`);

async function until(what: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) {
    if (await what()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("It never came to be.");
}

describe("telling of an event", () => {
  it("by id or any address; it stands on the timeline, in the list, in the download and in the audit log", async () => {
    const person = await lead();
    const properties = { plan: "gold", amount: 49.5, first: true };
    const first = await tell(
      { person: person.id, name: " Purchased ", at: "2026-11-30T10:00:00Z", properties },
      "user",
    );
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({
      personId: person.id,
      name: "purchased",
      at: "2026-11-30T10:00:00Z",
      receivedAt: "2026-12-01T12:00:00Z",
      properties,
    });
    const second = await tell({ person: person.email.toUpperCase(), name: "visited: pricing" });
    expect(second.body).toMatchObject({ personId: person.id, at: "2026-12-01T12:00:00Z", externalId: null });

    const { data } = await timeline(person.id);
    expect(data.map((one: any) => [one.subject, one.detail])).toEqual([
      ["visited: pricing", { happenedAt: "2026-12-01T12:00:00.000Z", properties: {} }],
      ["purchased", { happenedAt: "2026-11-30T10:00:00.000Z", properties }],
    ]);
    expect((await app.good("GET", `/communications/${data[0].id}`)).subject).toBe("visited: pricing");
    const page = await app.good("GET", `/people/${person.id}/events?limit=1`);
    expect(page.data.map((one: any) => one.name)).toEqual(["visited: pricing"]);
    const rest = await app.good("GET", `/people/${person.id}/events?limit=1&cursor=${page.nextCursor}`);
    expect([rest.data.map((one: any) => one.name), rest.nextCursor]).toEqual([["purchased"], null]);
    expect((await app.good("GET", `/people/${person.id}/events?name=PURCHASED`)).data).toHaveLength(1);
    expect((await app.good("GET", "/event-names")).data).toEqual(
      expect.arrayContaining([expect.objectContaining({ name: "purchased" })]),
    );
    const kept = await app.good("GET", `/people/${person.id}/export`);
    expect(kept.events).toMatchObject([{ name: "purchased", properties }, { name: "visited: pricing" }]);
    const audit = await app.good("GET", `/audit-entries?subjectType=event&subjectId=${first.body.id}`);
    expect(audit.data).toMatchObject([{ action: "record", after: { personId: person.id, name: "purchased" } }]);
  });

  it("told twice under one id it counts once; another person, name or no id is another event", async () => {
    const [one, other] = [await lead(), await lead()];
    const order = { person: one.id, name: "purchased", externalId: "order-1" };
    const first = await tell(order);
    const again = await tell({ ...order, properties: { late: true } });
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.body).toEqual(first.body);
    for (const different of [
      { ...order, person: other.id },
      { ...order, name: "refunded" },
      { person: one.id, name: "purchased" },
      { person: one.id, name: "purchased" },
    ])
      expect((await tell(different)).status).toBe(201);
    expect((await timeline(one.id)).data).toHaveLength(4);
  });

  it("an Idempotency-Key works as everywhere", async () => {
    const person = await lead();
    const { key } = await app.good("POST", "/api-keys", { name: "Twice", role: "user" });
    const once = () =>
      withHeaders({ authorization: `Bearer ${key}`, "idempotency-key": "one" }, "/events", {
        person: person.id,
        name: "purchased",
      });
    const [first, again] = [await once(), await once()];
    expect(again.body).toEqual(first.body);
    expect((await timeline(person.id)).data).toHaveLength(1);
  });

  it.each([
    ["in the future", { at: "2026-12-01T12:06:00Z" }, 422, "event-in-future"],
    ["no moment", { at: "yesterday" }, 422, "moment-invalid"],
    ["before time", { at: "1816-01-01T00:00:00Z" }, 422, "moment-invalid"],
    ["of nobody", { person: 99_999_999 }, 404, "person-not-found"],
    ["of an unknown address", { person: "nobody@example.net" }, 404, "person-not-found"],
    ["of no address", { person: "nobody" }, 404, "person-not-found"],
    ["without a name", { name: " " }, 422, "input-invalid"],
    ["with a name of marks", { name: "<b>" }, 422, "input-invalid"],
    ["nested properties", { properties: { a: { b: 1 } } }, 422, "input-invalid"],
    ["NUL in a property", { properties: { a: "x\u0000" } }, 422, "input-invalid"],
    ["half a character in a property", { properties: { a: "\ud800" } }, 422, "input-invalid"],
    [
      "too many properties",
      { properties: Object.fromEntries(Array.from({ length: 51 }, (_, at) => [`p${at}`, at])) },
      422,
      "input-invalid",
    ],
    ["a field that is none", { colour: "red" }, 422, "input-invalid"],
  ])("%s is refused", async (_what, wrong, status, code) => {
    const person = await lead();
    const { status: answered, body } = await tell({ person: person.id, name: "purchased", ...wrong });
    expect([answered, body.code]).toEqual([status, code]);
    expect((await timeline(person.id)).data).toEqual([]);
  });

  it("a little ahead is the other machine's clock, and counts as now", async () => {
    const person = await lead();
    const { body } = await tell({ person: person.id, name: "purchased", at: "2026-12-01T12:04:59Z" });
    expect(body.at).toBe("2026-12-01T12:00:00Z");
  });

  it("needs the role user, and a key for events alone does nothing else", async () => {
    const person = await lead();
    expect((await tell({ person: person.id, name: "purchased" }, "viewer")).status).toBe(403);
    const { key } = await app.good("POST", "/api-keys", { name: "Shop", role: "user", scopes: ["events:write"] });
    const asShop = (url: string, payload: object) => withKey(key, url, payload);
    expect((await asShop("/events", { person: person.id, name: "purchased" })).status).toBe(201);
    expect((await asShop("/events/batch", { events: [{ person: person.id, name: "purchased" }] })).status).toBe(200);
    expect((await asShop("/leads", { firstName: "X" })).status).toBe(403);
  });

  it("of a batch the good ones are kept and the others told by their place", async () => {
    const person = await lead();
    const answer = await app.good("POST", "/events/batch", {
      events: [
        { person: person.id, name: "purchased", externalId: "1" },
        { person: "nobody@example.net", name: "purchased" },
        { person: person.email, name: "purchased", externalId: "1" },
        { person: person.id, name: "purchased", at: "2027-01-01T00:00:00Z" },
        { person: person.id, name: "visited" },
      ],
    });
    expect(answer).toMatchObject({
      recorded: 2,
      repeated: 1,
      problems: [
        { index: 1, code: "person-not-found" },
        { index: 3, code: "event-in-future" },
      ],
    });
    expect((await timeline(person.id)).data).toHaveLength(2);
    const many = (length: number) => Array.from({ length }, () => ({ person: person.id, name: "visited" }));
    expect((await app.ask("POST", "/events/batch", { events: many(501) })).status).toBe(422);
    expect((await app.good("POST", "/events/batch", { events: many(500) })).recorded).toBe(500);
  });

  it("batches that tell the same in another order neither wait for each other for ever nor count twice", async () => {
    const people = await Promise.all(Array.from({ length: 5 }, () => lead()));
    const all = people.flatMap(({ id }) =>
      Array.from({ length: 20 }, (_, at) => ({ person: id, name: `n${at % 7}`, externalId: String(at) })),
    );
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, nth) =>
        app.good("POST", "/events/batch", { events: nth % 2 ? all : all.toReversed() }),
      ),
    );
    expect(answers.reduce((sum, { recorded }) => sum + recorded, 0)).toBe(100);
    expect(answers.reduce((sum, { repeated }) => sum + repeated, 0)).toBe(500);
  });

  it("so many requests a minute, and no more", async () => {
    const { key } = await app.good("POST", "/api-keys", { name: "Busy", role: "user" });
    const statuses: number[] = [];
    for (let at = 0; at < 1201; at += 1)
      statuses.push((await withKey(key, "/events", { person: "nobody", name: "purchased" })).status);
    expect(new Set(statuses.slice(0, -1))).toEqual(new Set([404]));
    expect(statuses.at(-1)).toBe(429);
  });
});

describe("a person who goes", () => {
  it("an erasure takes events and what the timeline says of them", async () => {
    const person = await lead();
    await tell({ person: person.id, name: "purchased", properties: { secret: "of Ana" } });
    await app.good("PUT", `/leads/${person.id}/erasure`);
    const { rows } = await sql<{ count: number }>`
      select (select count(*) from events where person_id = ${person.id})
        + (select count(*) from timeline_entries where person_id = ${person.id} and kind = 'event') as count`.execute(
      app.db,
    );
    expect(rows).toEqual([{ count: 0 }]);
    expect((await tell({ person: person.id, name: "purchased" })).status).toBe(404);
  });

  it("a merge moves them; what was told of both counts once, and both ids and addresses lead on", async () => {
    const [one, other] = [await lead(), await lead()];
    await tell({ person: one.id, name: "purchased", externalId: "order-9" });
    await tell({ person: other.id, name: "purchased", externalId: "order-9" });
    await tell({ person: other.id, name: "visited" });
    await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id }, "manager");
    expect((await timeline(one.id)).data.map((entry: any) => entry.subject).toSorted()).toEqual([
      "purchased",
      "visited",
    ]);
    expect((await tell({ person: other.id, name: "visited" })).body.personId).toBe(one.id);
    expect((await tell({ person: other.email, name: "visited" })).body.personId).toBe(one.id);
    expect((await app.good("GET", `/people/${other.id}/events`)).data).toHaveLength(4);
  });
});

describe("a goal that is an event", () => {
  const goal = { event: "Purchased", since: "start" };
  const stands = async (id: number) => {
    const { status, stopReason } = await app.good("GET", `/email-campaigns/${id}`);
    return stopReason ? `${status}: ${stopReason}` : status;
  };
  const start = async (made: { id: number }, personId: number) => {
    const { id } = await app.good("POST", "/email-campaigns", { campaignId: made.id, personId });
    await until(async () => {
      const { data } = await app.good("GET", `/communications?emailCampaignId=${id}&kind=email`);
      return data[0]?.deliveryStatus === "sent";
    });
    return id as number;
  };

  it("ends the Campaign as converted within a moment, long before the next mail, and says why", async () => {
    const person = await lead();
    const made = await campaign({ goal });
    expect(made.goal).toEqual({ event: "purchased", since: "start" });
    const id = await start(made, person.id);
    await tell({ person: person.id, name: "visited" });
    await tell({ person: person.id, name: "purchased", at: "2026-11-01T00:00:00Z" });
    await tell({ person: person.id, name: "purchased" });
    await until(async () => (await stands(id)) === "Stopped: converted");
    const { text } = await app.good("GET", `/email-campaigns/${id}/explain`);
    expect(text).toContain("Asked: Ana has had the event “purchased” since the start. Found: has had the event");
  });

  it("what happened before the start does not count, unless it is asked for ever", async () => {
    const person = await lead();
    await tell({ person: person.id, name: "purchased", at: "2026-11-01T00:00:00Z" });
    const since = await start(await campaign({ goal }), person.id);
    const ever = await app.good("POST", "/email-campaigns", {
      campaignId: (await campaign({ goal: { event: "purchased" } })).id,
      personId: person.id,
    });
    await until(async () => (await stands(ever.id)) === "Stopped: converted");
    expect((await app.good("GET", `/communications?emailCampaignId=${ever.id}&kind=email`)).data).toEqual([]);
    expect(await stands(since)).toBe("In Progress");
  });

  it("at least twice means twice", async () => {
    const person = await lead();
    const id = await start(await campaign({ goal: { ...goal, times: 2 } }), person.id);
    await tell({ person: person.id, name: "purchased", externalId: "1" });
    await tell({ person: person.id, name: "purchased", externalId: "1" });
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(await stands(id)).toBe("In Progress");
    await tell({ person: person.id, name: "purchased", externalId: "2" });
    await until(async () => (await stands(id)) === "Stopped: converted");
  });

  it("an event that nobody asks for wakes nobody", async () => {
    const person = await lead();
    await tell({ person: person.id, name: "scrolled" });
    const { rows } = await sql`select from pending_facts where person_id = ${person.id} and kind = 'event'`.execute(
      app.db,
    );
    expect(rows).toEqual([]);
  });

  it("a simulation knows what real people did", async () => {
    const [bought, not] = [await lead(), await lead()];
    await tell({ person: bought.id, name: "purchased" });
    const made = await campaign({ goal: { event: "purchased" } });
    const simulated = await app.good("POST", `/campaigns/${made.id}/simulation`, {
      personIds: [bought.id, not.id],
      days: 60,
    });
    expect(simulated.people.map((one: any) => [one.personId, one.stopReason])).toEqual([
      [bought.id, "converted"],
      [not.id, null],
    ]);
  });
});
