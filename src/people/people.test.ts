import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { openServer, type Server } from "../http/server.ts";
import { prepareQueue, runJobsOnce } from "../jobs/runner.ts";
import { openLog } from "../log.ts";
import { openSecrets } from "../secret.ts";
import { covering, suppress } from "../suppressions/suppressions.ts";
import { discardOldFiles, handlers } from "./jobs.ts";
import * as people from "./people.ts";
import { routes } from "./routes.ts";

const noon = Temporal.Instant.from("2026-12-01T12:00:00Z");
const actor = { name: "ana@example.com", role: "administrator" as const, userId: null };
const told: string[] = [];
const neighbours: people.Neighbours = {
  erasureKeys: [Buffer.from("a key")],
  onDoNotContact: async (_tx, ids) => void told.push(`do not contact ${ids.join()}`),
  onConverted: async (_tx, ids) => void told.push(`converted ${ids.join()}`),
  onConversion: async (_tx, id) => void told.push(`conversion ${id}`),
  onMeasuring: async (_tx, { personId, measuring, by }) => void told.push(`${by}: ${personId} ${measuring}`),
  onTimeZone: async () => undefined,
  onTraits: async () => undefined,
  onImported: async () => 0,
  onMerge: async () => undefined,
  namedBy: async () => [],
  onErase: async (_tx, id) => void told.push(`erase ${id}`),
};

let fresh: FreshDatabase;
let server: Server;
let dataDirectory: string;
let now = noon;

beforeAll(async () => {
  fresh = await freshDatabase();
  dataDirectory = await mkdtemp(join(tmpdir(), "tidings-people-"));
  await prepareQueue(fresh.database);
  server = openServer({
    db: fresh.db,
    clock: () => now,
    seal: openSecrets({ secret: "a secret that only this test uses", dataDir: "" }),
    authenticate: async () => ({ actor, identity: "ana" }),
  });
  routes(server.serve, { database: fresh.database, neighbours, dataDirectory });
  await server.http.ready();
});
afterAll(async () => {
  await server?.http.close();
  await fresh?.close();
  if (dataDirectory) await rm(dataDirectory, { recursive: true });
});
beforeEach(async () => {
  now = noon;
  told.length = 0;
  await fresh.pool.query(
    "truncate people, person_addresses, person_fields, suppressions, email_groups, campaigns, jobs cascade",
  );
});

type Answer = { status: number; body: any; text: string };
async function ask(method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE", path: string, body?: unknown): Promise<Answer> {
  const file = typeof body === "string" || Buffer.isBuffer(body);
  const answer = await server.http.inject({
    method,
    url: `/api/v1${path}`,
    headers: file ? { "content-type": "text/csv" } : {},
    ...(body === undefined ? {} : { payload: body as object }),
  });
  const isJson = String(answer.headers["content-type"]).includes("json");
  return { status: answer.statusCode, body: isJson ? answer.json() : null, text: answer.payload };
}
const lead = async (body: object) => (await ask("POST", "/leads", body)).body as { id: number; changedAt: string };

async function startedCampaign(personId: number, status = "In Progress") {
  const at = noon.toString();
  const { rows } = await fresh.pool.query(
    "insert into campaigns (name, created_at, changed_at) values ($1, $2, $2) returning id",
    [`Campaign ${personId}`, at],
  );
  await fresh.pool.query(
    `insert into email_campaigns (number, campaign_id, person_id, start_on, end_on, status, created_at, changed_at)
     values ($1, $2, $3, '2026-12-01', '2026-12-05', $4, $5, $5)`,
    [`MAIL-CAMP-2026-${personId}`, rows[0].id, personId, status, at],
  );
}

describe("a person's name and addresses", () => {
  it.each([
    [{ salutation: "Ms", firstName: "Ada", lastName: "Beispiel", company: "X" }, "Ms Ada Beispiel"],
    [{ fullName: "Ada B.", company: "X" }, "Ada B."],
    [{ company: "Beispiel GmbH", email: "info@example.test" }, "Beispiel GmbH"],
    [{ email: "ada.b@example.test" }, "ada.b"],
  ])("E125 %j is called %s", async (given, fullName) => {
    expect(await lead(given)).toMatchObject({ fullName, status: "Lead" });
  });

  it("E125 somebody of whom nothing is known is refused", async () => {
    expect(await ask("POST", "/leads", { notes: "?" })).toMatchObject({
      status: 422,
      body: { code: "person-has-no-name" },
    });
  });

  it("E126 the address marked as primary is the one mail goes to, and only one can be", async () => {
    const addresses = [{ email: "a@example.test" }, { email: "B@Example.test", primary: true }];
    const made = (await ask("POST", "/contacts", { addresses })).body;
    expect(made).toMatchObject({
      email: "B@example.test",
      addresses: [
        { email: "B@example.test", primary: true },
        { email: "a@example.test", primary: false },
      ],
    });
    const twice = await ask("PATCH", `/contacts/${made.id}`, {
      addresses: addresses.map((one) => ({ ...one, primary: true })),
    });
    expect(twice).toMatchObject({ status: 422, body: { errors: [{ pointer: "/addresses" }] } });
  });

  it("E22 E127 several addresses and none primary: the first is used, and the answer shows it", async () => {
    const made = (
      await ask("POST", "/contacts", { addresses: [{ email: "a@example.test" }, { email: "b@example.test" }] })
    ).body;
    expect(made).toMatchObject({ email: "a@example.test", addresses: [{ primary: true }, { primary: false }] });
    expect((await ask("PATCH", `/contacts/${made.id}`, { addresses: [] })).body).toMatchObject({
      email: null,
      addresses: [],
    });
  });

  it("E124 E69 an address belongs to one person, in any letter case and whatever the kind; the refusal names the holder", async () => {
    const ada = await lead({ firstName: "Ada", email: "ada@example.test" });
    const taken = {
      status: 409,
      body: { code: "person-address-taken", detail: `Ada (lead ${ada.id}) has the address ada@example.test already.` },
    };
    expect(await ask("POST", "/contacts", { email: "ADA@Example.Test" })).toMatchObject(taken);
    const bo = await lead({ email: "bo@example.test" });
    expect(await ask("PATCH", `/leads/${bo.id}`, { email: "Ada@example.test" })).toMatchObject(taken);
  });

  it("of two requests with one address at the same time one is refused", async () => {
    const both = await Promise.all([
      ask("POST", "/leads", { email: "x@example.test" }),
      ask("POST", "/contacts", { email: "X@example.test" }),
    ]);
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
  });

  it("time zone and language are checked and kept in their canonical form", async () => {
    expect(await lead({ company: "X", language: "pt_br", timeZone: "europe/lisbon" })).toMatchObject({
      language: "pt-BR",
      timeZone: "Europe/Lisbon",
    });
    expect(await ask("POST", "/leads", { company: "X", timeZone: "Mars/Olympus" })).toMatchObject({ status: 422 });
    expect(await ask("POST", "/leads", { company: "X", language: "no such tag" })).toMatchObject({ status: 422 });
  });
});

describe("changing a person", () => {
  it("what is left out stays, null clears, and a change of nothing leaves the row untouched", async () => {
    const ada = await lead({ firstName: "Ada", lastName: "B", city: "Kiel" });
    now = noon.add({ hours: 1 });
    expect((await ask("PATCH", `/leads/${ada.id}`, { city: "Kiel" })).body).toMatchObject({ changedAt: ada.changedAt });
    expect((await ask("PATCH", `/leads/${ada.id}`, { lastName: "Beispiel", city: null })).body).toMatchObject({
      fullName: "Ada Beispiel",
      city: null,
      changedAt: now.toString(),
    });
  });

  it("E97 a new address inherits what the person asked for, not the old mailbox's bounce", async () => {
    const ada = await lead({ email: "old@example.test" });
    await fresh.db.transaction().execute(async (tx) => {
      await suppress(tx, { emailKey: "old@example.test", scope: "campaigns", reason: "unsubscribed" }, noon);
      await suppress(tx, { emailKey: "old@example.test", scope: "everything", reason: "hard-bounce" }, noon);
    });
    expect((await ask("PATCH", `/leads/${ada.id}`, { email: "new@example.test" })).body).toMatchObject({
      optedOut: "campaigns",
    });
    expect(await covering(fresh.db, "new@example.test", 1)).toMatchObject({ reason: "unsubscribed" });
  });

  it("Do Not Contact suppresses and stops; leaving it lifts; Converted stops", async () => {
    const { id } = await lead({ email: "ada@example.test" });
    await ask("PATCH", `/leads/${id}`, { status: "Do Not Contact" });
    expect(await covering(fresh.db, "ada@example.test", null)).toMatchObject({ reason: "do-not-contact" });
    await ask("PATCH", `/leads/${id}`, { status: "Converted" });
    expect(await covering(fresh.db, "ada@example.test", null)).toBeNull();
    expect(told).toEqual([`do not contact ${id}`, `converted ${id}`]);
  });

  it("L5 a colleague switches measuring off and on again, unless the person said so; the log has it, by the version read alone", async () => {
    const ada = await lead({ email: "ada@example.test" });
    expect(ada).toMatchObject({ measuring: "as-campaign", measuringRefusedAt: null });
    expect((await ask("PATCH", `/leads/${ada.id}`, { measuring: "always" })).status).toBe(422);
    now = noon.add({ hours: 1 });
    const off = await ask("PATCH", `/leads/${ada.id}`, { measuring: "never" });
    expect(off.body).toMatchObject({ measuring: "never", measuringRefusedAt: null, changedAt: now.toString() });
    const stale = await server.http.inject({
      method: "PATCH",
      url: `/api/v1/leads/${ada.id}`,
      headers: { "if-match": `"${ada.changedAt}"` },
      payload: { measuring: "as-campaign" },
    });
    expect([stale.statusCode, stale.json().code]).toEqual([412, "changed-meanwhile"]);
    await ask("PATCH", `/leads/${ada.id}`, { measuring: "as-campaign" });
    const word = `ana@example.com: ${ada.id}`;
    expect(told).toEqual([`${word} never`, `${word} as-campaign`]);
    const { rows } = await fresh.pool.query(
      "select before, after from audit_entries where action = 'update' and subject_id = $1 order by id",
      [String(ada.id)],
    );
    expect(rows).toMatchObject([
      { before: { measuring: "as-campaign" }, after: { measuring: "never", fields: ["measuring"] } },
      { before: { measuring: "never" }, after: { measuring: "as-campaign", fields: ["measuring"] } },
    ]);

    const say = (measuring: "never" | "as-campaign") =>
      fresh.db.transaction().execute((tx) => people.sayMeasuring(tx, ada.id, measuring, now));
    expect([await say("never"), await say("never")]).toEqual([true, false]);
    expect((await ask("GET", `/leads/${ada.id}`)).body).toMatchObject({ measuringRefusedAt: now.toString() });
    const overruled = await ask("PATCH", `/leads/${ada.id}`, { measuring: "as-campaign", city: "Kiel" });
    expect(overruled).toMatchObject({ status: 422, body: { code: "measuring-refused" } });
    expect((await ask("PATCH", `/leads/${ada.id}`, { measuring: "never", city: "Kiel" })).body).toMatchObject({
      city: "Kiel",
      measuringRefusedAt: now.toString(),
    });
    await say("as-campaign");
    expect((await ask("GET", `/leads/${ada.id}`)).body).toMatchObject({
      measuring: "as-campaign",
      measuringRefusedAt: null,
    });
    expect((await ask("POST", "/contacts", { firstName: "Bo", measuring: "never" })).body.measuring).toBe("never");
  });

  it("a Lead becomes a Contact with address and opt-outs, and nothing is told to stop", async () => {
    const { id } = await lead({ email: "ada@example.test", status: "Interested" });
    const converted = await ask("PUT", `/leads/${id}/conversion`);
    expect(converted).toMatchObject({
      status: 200,
      body: { id, kind: "contact", email: "ada@example.test", status: "Passive" },
    });
    expect(told).toEqual([`conversion ${id}`]);
    expect((await ask("GET", `/leads/${id}`)).status).toBe(404);
    expect((await ask("GET", `/contacts/${id}`)).status).toBe(200);
  });
});

describe("deleting and erasing", () => {
  it("E37 the recipient of an Email Campaign cannot be deleted, whatever its status; the refusal points to erasure", async () => {
    const { id } = await lead({ email: "ada@example.test" });
    await startedCampaign(id, "Completed");
    expect(await ask("DELETE", `/leads/${id}`)).toMatchObject({
      status: 409,
      body: { code: "person-in-use", detail: expect.stringMatching(/MAIL-CAMP-2026-\d+.*Erase/) },
    });
    const other = await lead({ email: "bo@example.test" });
    expect((await ask("DELETE", `/leads/${other.id}`)).status).toBe(204);
    expect((await ask("GET", `/leads/${other.id}`)).status).toBe(404);
  });

  it("E38 erasing leaves nothing that says who it was, in no table of ours, and the address stays suppressed", async () => {
    await ask("POST", "/person-fields", { key: "stage", label: "Stage" });
    const { id } = await lead({
      firstName: "Adalbert",
      addresses: [{ email: "adalbert@example.test" }, { email: "adalbert2@example.test" }],
      notes: "Adalbert likes tea",
      attributes: { stage: "Adalbert" },
    });
    await startedCampaign(id);
    const former = { emailKey: "adalbert0@example.test", scope: "everything", reason: "manual", personId: id } as const;
    await fresh.db.transaction().execute((tx) => suppress(tx, former, noon));
    await fresh.db
      .transaction()
      .execute((tx) =>
        suppress(
          tx,
          { emailKey: "adalbert@example.test", scope: "campaigns", reason: "unsubscribed", personId: id },
          noon,
        ),
      );
    await fresh.db.transaction().execute((tx) => people.sayMeasuring(tx, id, "never", noon));
    expect(await ask("PUT", `/leads/${id}/erasure`)).toMatchObject({
      status: 200,
      body: { fullName: "Erased person", email: null, attributes: {}, measuringRefusedAt: null },
    });
    expect(told).toEqual([`erase ${id}`]);
    for (const table of ["people", "person_addresses", "suppressions", "audit_entries"]) {
      const { rows } = await fresh.pool.query(`select row_to_json(t)::text as row from ${table} t`);
      expect(rows.filter(({ row }) => /adalbert/i.test(row))).toEqual([]);
    }
    expect((await ask("PATCH", `/leads/${id}`, { firstName: "A" })).body).toMatchObject({ code: "person-erased" });
    expect((await ask("PUT", `/leads/${id}/erasure`)).status).toBe(200);
    expect((await ask("GET", "/leads")).body.data).toEqual([]);
    for (const email of ["ADALBERT@example.test", "adalbert2@example.test"]) {
      expect((await ask("POST", "/contacts", { email })).body).toMatchObject({ optedOut: "everything" });
    }
  });
});

describe("declared fields", () => {
  it("a value must be declared and of its type; null removes it", async () => {
    await ask("POST", "/person-fields", { key: "stage", label: "Stage", type: "choice", choices: ["Won", "Lost"] });
    await ask("POST", "/person-fields", { key: "size", label: "Size", type: "number" });
    const { id } = await lead({ company: "X", attributes: { stage: "won", size: 3 } });
    expect((await ask("GET", `/leads/${id}`)).body.attributes).toEqual({ size: 3, stage: "Won" });
    const refused = await ask("PATCH", `/leads/${id}`, { attributes: { stage: "Maybe", size: "3", colour: "red" } });
    expect(refused.body.errors.map((fault: { pointer: string }) => fault.pointer)).toEqual([
      "/attributes/stage",
      "/attributes/size",
      "/attributes/colour",
    ]);
    expect((await ask("PATCH", `/leads/${id}`, { attributes: { size: null } })).body.attributes).toEqual({
      stage: "Won",
    });
    const fields = (await ask("GET", "/person-fields")).body.data;
    expect((await ask("DELETE", `/person-fields/${fields[0].id}`)).body).toMatchObject({ code: "person-field-in-use" });
    expect((await ask("DELETE", `/person-fields/${fields[1].id}`)).status).toBe(204);
  });

  it.each(["__proto__", "constructor", "first_name", "Stage", "a b", ""])(
    "attack 40: a field cannot be called %j",
    async (key) => {
      expect((await ask("POST", "/person-fields", { key, label: "x" })).status).toBe(422);
    },
  );

  it("attack 40: a hostile body is refused and pollutes nothing", async () => {
    await ask("POST", "/person-fields", { key: "stage", label: "Stage" });
    for (const payload of [
      '{"company":"X","attributes":{"__proto__":{"polluted":true}}}',
      '{"company":"X","__proto__":{"polluted":true}}',
      '{"company":"X","attributes":{"constructor":"x"}}',
      '{"company":["X"]}',
      '{"company":{"toString":"x"}}',
      '{"company":"X","attributes":{"stage":["x"]}}',
      '{"company":"X","attributes":[]}',
      '{"company":"X","id":7}',
      '{"company":"X","erasedAt":"2026-01-01T00:00:00Z"}',
    ]) {
      const answer = await server.http.inject({
        method: "POST",
        url: "/api/v1/leads",
        headers: { "content-type": "application/json" },
        payload,
      });
      expect([400, 422]).toContain(answer.statusCode);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect((await ask("GET", "/leads")).body.data).toEqual([]);
  });

  it("templates know the person's names, the classic ones and those of declared fields", async () => {
    await ask("POST", "/person-fields", { key: "stage", label: "Stage" });
    const { id } = await lead({
      firstName: "Ada",
      lastName: "B",
      email: "ada@example.test",
      attributes: { stage: "Won" },
    });
    expect(await people.fieldsForTemplates(fresh.db)).toEqual(
      expect.arrayContaining(["first_name", "lead_name", "email_id", "company_name", "stage"]),
    );
    expect(people.templateVariables(await people.get(fresh.db, id))).toMatchObject({
      first_name: "Ada",
      lead_name: "Ada B",
      email_id: "ada@example.test",
      company_name: null,
      stage: "Won",
    });
  });
});

describe("lists", () => {
  beforeEach(async () => {
    await ask("POST", "/person-fields", { key: "deal_stage", label: "Deal Stage" });
    await ask("POST", "/person-fields", { key: "size", label: "Size", type: "number" });
    await lead({
      firstName: "Ada",
      email: "ada@example.test",
      company: "Beta 100%",
      country: "Chile",
      attributes: { deal_stage: "Won", size: 10 },
    });
    await lead({ firstName: "Bo", email: "bo@example.test", company: "Alpha_1", status: "Open" });
    now = noon.add({ hours: 24 });
    await lead({ firstName: "Cy", email: "cy@other.test", owner: "Selena Doyle" });
    await ask("POST", "/contacts", { firstName: "Di", email: "di@example.test" });
  });
  const names = async (query: string) =>
    (await ask("GET", `/leads?${query}`)).body.data.map((row: { fullName: string }) => row.fullName);

  it.each([
    ["", ["Ada", "Bo", "Cy"]],
    ["q=example", ["Ada", "Bo"]],
    ["q=100%25", ["Ada"]],
    ["q=_", ["Bo"]],
    ["status=Open&status=Lead&sort=-fullName", ["Cy", "Bo", "Ada"]],
    ["owner=Selena+Doyle", ["Cy"]],
    ["country=Chile", ["Ada"]],
    ["createdFrom=2026-12-02", ["Cy"]],
    ["createdBefore=2026-12-02T00:00:00Z", ["Ada", "Bo"]],
    ["attributes.deal_stage=Won", ["Ada"]],
    ["attributes.dealStage=Won&attributes.size=10.0", ["Ada"]],
    ["attributes.dealStage=won", []],
  ])("?%s finds %j", async (query, found) => {
    expect(await names(query)).toEqual(found);
  });

  it.each([
    "id",
    "fullName",
    "-fullName",
    "company",
    "-company",
    "createdAt",
    "-createdAt",
    "status",
    "email",
    "-changedAt",
  ])("by %s every page follows the one before, rows without a value last", async (sort) => {
    const whole = await names(`sort=${sort}`);
    const paged: string[] = [];
    let cursor = "";
    do {
      const { body } = await ask("GET", `/leads?sort=${sort}&limit=1${cursor}`);
      paged.push(...body.data.map((row: { fullName: string }) => row.fullName));
      cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : "";
    } while (cursor);
    expect(paged).toEqual(whole);
    expect(paged).toHaveLength(3);
  });

  const HOSTILE = "x' or 1=1; drop table people; --";
  it.each([
    `sort=${encodeURIComponent(HOSTILE)}`,
    "sort=emailKey",
    `fields=${encodeURIComponent(HOSTILE)}`,
    `attributes.${encodeURIComponent(HOSTILE)}=1`,
    `${encodeURIComponent(HOSTILE)}=1`,
    "attributes.__proto__=1",
    "attributes.unknown=1",
    `cursor=${encodeURIComponent(HOSTILE)}`,
    `cursor=${Buffer.from(JSON.stringify([HOSTILE, 1])).toString("base64url")}&sort=createdAt`,
    `cursor=${Buffer.from(JSON.stringify([HOSTILE, 1])).toString("base64url")}&sort=id`,
    `createdFrom=${encodeURIComponent(HOSTILE)}`,
    "emailGroupId=1+or+1",
    "status=Nope",
    "limit=0",
  ])("attack 18: ?%s is refused as input", async (query) => {
    const answer = await ask("GET", `/leads?${query}`);
    expect(answer).toMatchObject({ status: 422, body: { code: expect.any(String) } });
    expect(answer.text).not.toMatch(/select|syntax|pg_/i);
  });

  it.each(["q", "source", "owner", "company", "country", "attributes.deal_stage"])(
    "attack 18: a hostile %s finds nobody and harms nobody",
    async (name) => {
      for (const value of [HOSTILE, "\\", "%", "' || pg_sleep(5) || '", '{"a":1}', "$1", "?"])
        expect([0, 1]).toContain((await names(`${name}=${encodeURIComponent(value)}`)).length);
      expect(await names("")).toHaveLength(3);
    },
  );

  it("attack 20 E131 the export guards what a spreadsheet would run, and is filtered like the list", async () => {
    await lead({ company: "=cmd|' /C calc'!A0", email: "evil@example.test" });
    const { status, text } = await ask("GET", "/leads/export?q=evil");
    expect(status).toBe(200);
    expect(text.split("\r\n")).toHaveLength(3);
    expect(text).toContain("'=cmd|' /C calc'!A0");
    expect(text).toContain("Deal Stage (deal_stage)");
    expect((await ask("GET", `/leads/export?sort=${encodeURIComponent(HOSTILE)}`)).status).toBe(422);
  });
});

describe("imports over the API", () => {
  const log = openLog({ readable: false }, { write: () => undefined });
  const work = () =>
    runJobsOnce({
      database: fresh.database,
      handlers: handlers({ database: fresh.database, neighbours, dataDirectory }),
      clock: () => noon,
      log,
    });

  it("an upload waits in the data directory, runs as a job, and hands back its bad rows", async () => {
    const file = "First Name,E-Mail privat,Stage\nAda,ada@example.test,Won\nBo,not an address,Lost\n";
    const mapping = encodeURIComponent('{"E-Mail privat":"email"}');
    const queued = await ask("POST", `/imports?unknownColumns=attributes&mapping=${mapping}`, file);
    expect(queued).toMatchObject({ status: 202 });
    expect(await readdir(join(dataDirectory, "imports"))).toContain(`${queued.body.jobId}.csv`);
    expect((await ask("GET", `/imports/${queued.body.jobId}`)).body).toMatchObject({ state: "queued", result: null });
    await work();
    expect((await ask("GET", `/imports/${queued.body.jobId}`)).body).toMatchObject({
      state: "succeeded",
      result: { read: 2, created: 1, bad: 1, problems: [{ line: 3 }] },
    });
    const { text } = await ask("GET", `/imports/${queued.body.jobId}/bad-rows`);
    expect(text).toMatch(/^First Name,E-Mail privat,Stage,line,problem\r\nBo,not an address,Lost,3,/);
    expect(await readdir(join(dataDirectory, "imports"))).not.toContain(`${queued.body.jobId}.csv`);
    expect((await ask("GET", "/leads?attributes.stage=Won")).body.data).toMatchObject([{ email: "ada@example.test" }]);
    await discardOldFiles({ dataDirectory }, Temporal.Instant.from("2100-01-01T00:00:00Z"));
    expect((await ask("GET", `/imports/${queued.body.jobId}/bad-rows`)).status).toBe(404);
  });

  it("a file larger than a JSON body may be is taken", async () => {
    const rows = Array.from(
      { length: 100_000 },
      (_one, index) => `Person number ${index} with a long name,p${index}@example.test\n`,
    );
    const { body } = await ask("POST", "/imports", `Name,Email\n${rows.join("")}`);
    await work();
    expect((await ask("GET", `/imports/${body.jobId}`)).body).toMatchObject({
      done: 100_000,
      result: { created: 100_000 },
    });
  });

  it("a file that is none fails with a sentence", async () => {
    const { body } = await ask("POST", "/imports", "colour,size\nred,4\n");
    await work();
    expect((await ask("GET", `/imports/${body.jobId}`)).body).toMatchObject({
      state: "failed",
      error: expect.stringContaining("No column"),
    });
    expect((await ask("POST", "/imports?mapping=[1]", "a")).status).toBe(422);
  });

  it("what a file would become is suggested from its beginning", async () => {
    const { body } = await ask(
      "POST",
      "/import-suggestions",
      "Vorname;E-Mail;Kunde seit\nAda;ada@example.test;2020-01-31\n",
    );
    expect(body).toMatchObject({
      delimiter: ";",
      columns: [
        { target: null, suggestedKey: "vorname", suggestedType: "text" },
        { target: "email" },
        { target: null, suggestedKey: "kunde_seit", suggestedType: "date" },
      ],
    });
  });
});
