/** Campaigns, templates and Email Campaigns as a caller of the API meets them: status, shape, role, pages. */
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { exampleCampaign, examplePerson } from "../../test/examples.ts";
import * as keys from "../accounts/keys.ts";
import { type App, createApp } from "../app.ts";
import type { Role } from "../db/tables.ts";
import { prepareQueue } from "../jobs/runner.ts";
import { openLog } from "../log.ts";
import { openSecrets } from "../secret.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const COMMAND_LINE = { name: "command line", role: "administrator" } as const;

let fresh: FreshDatabase;
/** Not started: nothing is sent here. */
let app: App;
const tokens = {} as Record<Role, string>;

beforeAll(async () => {
  fresh = await freshDatabase();
  await prepareQueue(fresh.database);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  app = createApp({
    config: { publicUrl: "https://tidings.example", smtpUrl: undefined, dataDir: "" },
    database: fresh.database,
    secrets: openSecrets({ secret: "a secret that only this test uses", dataDir: "" }),
    log: openLog({ readable: false, level: "fatal" }, nowhere),
    clock: () => now,
    migrate: async () => undefined,
  });
  for (const role of ["administrator", "manager", "user", "viewer"] as const)
    tokens[role] = (await keys.create(fresh.db, { name: role, role }, COMMAND_LINE, now)).key;
});
afterAll(async () => {
  await app?.stop();
  await fresh?.close();
});

type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
async function ask(
  method: Method,
  url: string,
  body?: object,
  as: Role = "user",
  headers: Record<string, string> = {},
) {
  const answer = await app.http.inject({
    method,
    url: `/api/v1${url}`,
    headers: { authorization: `Bearer ${tokens[as]}`, ...headers },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: answer.statusCode, headers: answer.headers, body: answer.body === "" ? null : answer.json() };
}
async function started(more: object = {}, campaignId?: number) {
  campaignId ??= (await exampleCampaign(fresh.db, [0, 3])).id;
  const personId = await examplePerson(fresh.db);
  const { status, body } = await ask("POST", "/email-campaigns", { campaignId, personId, ...more });
  expect(status).toBe(201);
  return body;
}

describe("Email Campaigns", () => {
  it("E13, E15 one is started, and found by its id and by its number", async () => {
    const made = await started({ startOn: "2026-12-05" });
    expect(made).toMatchObject({
      number: expect.stringMatching(/^MAIL-CAMP-2026-\d{5}$/),
      emailCampaignFor: "lead",
      status: "Scheduled",
      startOn: "2026-12-05",
      endOn: "2026-12-08",
      nextDueAt: "2026-12-05T00:00:00Z",
      createdBy: 'key "user"',
      actions: ["pause", "cancel", "move"],
    });
    expect(made.steps.map((step: { dueAt: string; state: string }) => [step.dueAt, step.state])).toEqual([
      ["2026-12-05T09:00:00Z", "ahead"],
      ["2026-12-08T09:00:00Z", "ahead"],
    ]);
    expect((await ask("GET", `/email-campaigns/${made.id}`)).body).toEqual(made);
    expect((await ask("GET", `/email-campaigns/${made.number}`)).body).toEqual(made);
  });

  it("E25 a second one is answered 409, an unknown one 404, what cannot be started 422", async () => {
    const made = await started();
    const again = await ask("POST", "/email-campaigns", { campaignId: made.campaignId, personId: made.personId });
    expect([again.status, again.body.code, again.body.errors[0].pointer]).toEqual([
      409,
      "email-campaign-exists",
      "/personId",
    ]);
    expect((await ask("GET", "/email-campaigns/MAIL-CAMP-2020-00001")).status).toBe(404);
    const past = await ask("POST", "/email-campaigns", {
      campaignId: made.campaignId,
      personId: made.personId,
      startOn: "2026-11-30",
    });
    expect([past.status, past.body.code]).toEqual([422, "start-in-the-past"]);
  });

  it("E33 user, manager and administrator may start and stop; a viewer may only look", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    for (const role of ["user", "manager", "administrator"] as const) {
      const personId = await examplePerson(fresh.db);
      const made = await ask("POST", "/email-campaigns", { campaignId: campaign.id, personId }, role);
      expect(made.status).toBe(201);
      expect((await ask("PUT", `/email-campaigns/${made.body.id}/cancellation`, undefined, role)).status).toBe(200);
    }
    const made = await started();
    const one = `/email-campaigns/${made.id}`;
    for (const [method, url, body] of [
      ["POST", "/email-campaigns", { campaignId: campaign.id, personId: made.personId }],
      ["POST", "/email-campaigns/bulk", { campaignId: campaign.id, filter: {} }],
      ["POST", "/email-campaigns/bulk/preview", { campaignId: campaign.id, filter: {} }],
      ["PATCH", one, { startOn: "2026-12-05" }],
      ["PUT", `${one}/pause`, undefined],
      ["DELETE", `${one}/pause`, undefined],
      ["PUT", `${one}/cancellation`, undefined],
      ["POST", `${one}/restart`, {}],
    ] as const)
      expect([method, url, (await ask(method, url, body, "viewer")).status]).toEqual([method, url, 403]);
    for (const url of ["/email-campaigns", one, `${one}/explain`])
      expect((await ask("GET", url, undefined, "viewer")).status).toBe(200);
  });

  it("E34 a status that is sent along is refused, not ignored", async () => {
    const made = await started();
    const { status, body } = await ask("PATCH", `/email-campaigns/${made.id}`, { status: "Completed" });
    expect([status, body.code]).toEqual([422, "input-invalid"]);
  });

  it("E48 pause, resume, cancel and restart are nouns, and what a status does not allow is answered in plain words", async () => {
    const { id, number } = await started();
    expect((await ask("PUT", `/email-campaigns/${number}/pause`)).body.status).toBe("Paused");
    const twice = await ask("PUT", `/email-campaigns/${id}/pause`);
    expect([twice.status, twice.body.detail]).toEqual([409, `${number} is Paused, so it cannot be paused.`]);
    expect((await ask("DELETE", `/email-campaigns/${id}/pause`)).body.status).toBe("In Progress");
    expect((await ask("PUT", `/email-campaigns/${id}/cancellation`)).body).toMatchObject({
      status: "Stopped",
      stopReason: "cancelled",
    });
    const again = await ask("POST", `/email-campaigns/${id}/restart`);
    expect([again.status, again.body.restartedFromId]).toEqual([201, id]);
  });

  it("E48 a step is skipped by its id", async () => {
    const made = await started();
    const [first] = made.steps;
    const skip = `/email-campaigns/${made.number}/steps/${first.stepId}/skip`;
    expect((await ask("PUT", skip, undefined, "viewer")).status).toBe(403);
    const { status, body } = await ask("PUT", skip);
    expect([status, body.steps[0]]).toEqual([
      200,
      expect.objectContaining({ state: "skipped", code: "skipped-by-hand" }),
    ]);
    expect((await ask("PUT", skip)).status).toBe(409);
  });

  it("an edit names what it read, and is refused when somebody else was faster", async () => {
    const made = await started({ startOn: "2026-12-05" });
    const read = await ask("GET", `/email-campaigns/${made.id}`);
    const edit = { startOn: "2026-12-06" };
    const first = await ask("PATCH", `/email-campaigns/${made.id}`, edit, "user", {
      "if-match": String(read.headers.etag),
    });
    expect(first.status).toBe(200);
    const stale = await ask("PATCH", `/email-campaigns/${made.id}`, edit, "user", {
      "if-match": '"2026-01-01T00:00:00Z"',
    });
    expect(stale.status).toBe(412);
  });

  it("explains each step in words", async () => {
    const made = await started();
    const { body } = await ask("GET", `/email-campaigns/${made.number}/explain`);
    expect(body.steps.map(({ code, text }: { code: string; text: string }) => [code, text.length > 5])).toEqual([
      ["due", true],
      ["scheduled", true],
    ]);
  });

  it("E129 a bulk start is previewed, then queued as a job", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const ids = [await examplePerson(fresh.db), await examplePerson(fresh.db, { email: null, emailKey: null })];
    const asked = { campaignId: campaign.id, filter: { ids } };
    const preview = await ask("POST", "/email-campaigns/bulk/preview", asked);
    expect(preview.body).toMatchObject({
      toStart: 1,
      leftOut: [{ reason: "no-address", count: 1, examples: [{ personId: ids[1] }] }],
    });
    const queued = await ask("POST", "/email-campaigns/bulk", asked);
    expect(queued.status).toBe(202);
    expect((await ask("GET", `/jobs/${queued.body.jobId}`)).body.kind).toBe("start-email-campaigns");
  });
});

describe("lists of Email Campaigns", () => {
  let campaignId: number;
  const numbersOf = (rows: { number: string }[]) => rows.map(({ number }) => number);
  async function everyPage(query: string) {
    const found: { number: string; startOn: string; nextDueAt: string | null }[] = [];
    let cursor: string | null = null;
    do {
      const url: string = `/email-campaigns?campaignId=${campaignId}&limit=2&${query}${cursor ? `&cursor=${cursor}` : ""}`;
      const { status, body } = await ask("GET", url);
      expect(status).toBe(200);
      found.push(...body.data);
      cursor = body.nextCursor;
    } while (cursor !== null);
    return found;
  }

  beforeAll(async () => {
    campaignId = (await exampleCampaign(fresh.db, [0])).id;
    for (const startOn of ["2026-12-09", "2026-12-03", "2026-12-03", "2026-12-20", "2026-12-05"])
      await started({ startOn }, campaignId);
    const paused = await started({ startOn: "2026-12-04" }, campaignId);
    await ask("PUT", `/email-campaigns/${paused.id}/pause`);
  });

  it.each(["id", "-id", "startOn", "-startOn", "nextDueAt"])(
    "E47 each stands once on its page, sorted by %s",
    async (sort) => {
      const rows = await everyPage(`sort=${sort}`);
      expect(new Set(numbersOf(rows)).size).toBe(6);
      expect(rows).toHaveLength(6);
      const keys = rows.map((row) =>
        sort.endsWith("id") ? row.number : sort.endsWith("startOn") ? row.startOn : (row.nextDueAt ?? "never"),
      );
      const sorted = keys.toSorted((one, other) => one.localeCompare(other));
      expect(keys).toEqual(sort.startsWith("-") ? sorted.toReversed() : sorted);
    },
  );

  it("E47 they show Campaign and kind, and are filtered by each field", async () => {
    const [first] = await everyPage("sort=id");
    expect(first).toMatchObject({ campaign: expect.stringMatching(/^Campaign/), emailCampaignFor: "lead" });
    for (const [filter, count] of [
      ["status=Paused", 1],
      ["status=Scheduled", 5],
      ["startFrom=2026-12-04&startTo=2026-12-09", 3],
      ["emailCampaignFor=contact", 0],
      ["emailCampaignFor=lead", 6],
      [`q=${first?.number}`, 1],
      ["q=%25", 0],
      ["senderId=999", 0],
      ["batchId=999", 0],
      ["emailGroupId=999", 0],
      ["personId=999999", 0],
    ] as const)
      expect([filter, (await everyPage(filter)).length]).toEqual([filter, count]);
  });

  it("a cursor of another order, a wrong day or an unknown filter is refused", async () => {
    const { body } = await ask("GET", `/email-campaigns?campaignId=${campaignId}&limit=2&sort=id`);
    for (const query of [`sort=startOn&cursor=${body.nextCursor}`, "startFrom=yesterday", "colour=blue", "status=Done"])
      expect((await ask("GET", `/email-campaigns?${query}`)).status).toBe(422);
  });
});

describe("Campaigns", () => {
  it("E1, E2, E3 what is wrong with a Campaign is said with its place", async () => {
    const { status, body } = await ask("POST", "/campaigns", {
      name: " ",
      steps: [{ emailTemplateId: 1, sendAfterDays: -1 }],
    });
    expect([status, body.errors.map(({ pointer }: { pointer: string }) => pointer)]).toEqual([
      422,
      ["/name", "/steps/0/sendAfterDays"],
    ]);
  });

  it("E7, E9, E11 is edited as a whole, reaches what runs, counts it, and cannot be deleted while it has any", async () => {
    const campaign = await exampleCampaign(fresh.db, [0, 3]);
    const made = await started({}, campaign.id);
    const { body: before } = await ask("GET", `/campaigns/${campaign.id}`);
    const [first] = before.steps;
    const { status, body } = await ask("PUT", `/campaigns/${campaign.id}/steps`, {
      steps: [
        { id: first.id, emailTemplateId: first.emailTemplateId, sendAfterDays: 0 },
        { emailTemplateId: first.emailTemplateId, sendAfterDays: 10, timeOfDay: "16:30" },
      ],
    });
    expect([status, body.steps.map(({ sendAfterDays }: { sendAfterDays: number }) => sendAfterDays)]).toEqual([
      200,
      [0, 10],
    ]);
    expect(body.emailCampaigns["In Progress"]).toBe(1);
    const { body: followed } = await ask("GET", `/email-campaigns/${made.id}`);
    expect([followed.endOn, followed.steps[1].dueAt]).toEqual(["2026-12-11", "2026-12-11T16:30:00Z"]);
    const refused = await ask("DELETE", `/campaigns/${campaign.id}`, undefined, "manager");
    expect([refused.status, refused.body.code]).toEqual([409, "campaign-in-use"]);
  });

  it("E9 tells what an edit would do before it is made", async () => {
    const campaign = await exampleCampaign(fresh.db, [0, 3]);
    await started({}, campaign.id);
    const { body: before } = await ask("GET", `/campaigns/${campaign.id}`);
    const [first] = before.steps;
    const steps = [{ id: first.id, emailTemplateId: first.emailTemplateId, sendAfterDays: 0 }];
    const { status, body } = await ask("POST", `/campaigns/${campaign.id}/impact`, { steps }, "viewer");
    expect([status, body]).toMatchObject([
      200,
      {
        choice: "everyone",
        running: 1,
        lookedAt: 1,
        dueNow: 1,
        dueNowByChange: 0,
        reopened: 0,
        effects: { removed: 1, unchanged: 1, added: 0, moved: 0, stopped: 0, "too-late": 0 },
        steps: [{ stepId: first.id, ahead: 0, dueNow: 1, tooLate: 0, unmet: 0, sent: 0 }],
        removed: [{ stepId: campaign.steps[1], sendAfterDays: 3, ahead: 1, dueNow: 0, tooLate: 0, unmet: 0, sent: 0 }],
      },
    ]);
    expect((await ask("GET", `/campaigns/${campaign.id}`)).body).toEqual(before);
  });
});

describe("Email Templates", () => {
  const template = { subject: "Hello", body: "Dear {{ first_name | default('friend') }}." };

  it("E77 a mistake is answered 422 with its field and place, and a good one is saved, shown and listed", async () => {
    const wrong = await ask("POST", "/email-templates", { name: "Wrong", ...template, body: "Dear {{ frist_name }}" });
    expect([wrong.status, wrong.body.errors[0]]).toEqual([
      422,
      expect.objectContaining({ pointer: "/body", detail: expect.stringMatching(/^line 1, column \d+/) }),
    ]);
    const made = await ask("POST", "/email-templates", { name: "Welcome", ...template });
    expect([made.status, made.body.versionNumber]).toEqual([201, 1]);
    const url = `/email-templates/${made.body.id}`;
    const changed = await ask("PATCH", url, { subject: "Welcome" });
    expect([changed.status, changed.body.versionNumber, changed.body.format]).toEqual([200, 2, "markdown"]);
    const { body: versions } = await ask("GET", `${url}/versions`, undefined, "viewer");
    expect(versions.data.map(({ number, subject }: { number: number; subject: string }) => [number, subject])).toEqual([
      [2, "Welcome"],
      [1, "Hello"],
    ]);
    expect((await ask("GET", "/email-templates?q=welc")).body.data).toHaveLength(1);
    expect((await ask("DELETE", url)).status).toBe(403);
    expect((await ask("DELETE", url, undefined, "manager")).status).toBe(204);
    expect((await ask("GET", url)).status).toBe(404);
  });

  it("E79 a preview is rendered for the values given", async () => {
    const { status, body } = await ask("POST", "/email-templates/preview", {
      ...template,
      variables: { first_name: "Bo" },
    });
    expect([status, body.subject, body.text]).toEqual([200, "Hello", expect.stringContaining("Dear Bo.")]);
  });
});
