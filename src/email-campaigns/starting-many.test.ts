/** Starting many at once: who is started, who is left out and why, on a real database. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { exampleCampaign, examplePerson } from "../../test/examples.ts";
import { openLog } from "../log.ts";
import type { Refusal } from "../core/problem.ts";
import { inTransaction } from "../db/database.ts";
import * as jobs from "../jobs/jobs.ts";
import { prepareQueue, runJobsOnce } from "../jobs/runner.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { bulkInput, startInput } from "./api.ts";
import * as emailCampaigns from "./email-campaigns.ts";
import { queueStart, START_MANY, startManyJob } from "./jobs.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const actor = { name: "ana@example.com", userId: null };

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await prepareQueue(fresh.database);
});
afterAll(() => fresh?.close());
beforeEach(() => fresh.pool.query("truncate people, suppressions, email_groups, number_series, campaigns cascade"));

const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it was not refused"),
    (error: Refusal) => ({ code: error.code, detail: error.message, at: error.faults[0]?.pointer }),
  );
const preview = (input: object) => emailCampaigns.preview(fresh.db, bulkInput.parse(input), actor, now);
const startMany = (input: object, batchId: number | null = 7) =>
  emailCampaigns.startMany(fresh.db, bulkInput.parse(input), batchId, actor, now);
const everything = async () => {
  const { rows } = await fresh.pool.query<{
    person_id: number;
    number: string;
    batch_id: number;
    status: string;
    next_due_at: Temporal.Instant;
  }>("select person_id, number, batch_id, status, next_due_at from email_campaigns order by number");
  return rows;
};
async function group(...members: (readonly [personId: number, subscribed: boolean])[]): Promise<number> {
  const { rows } = await fresh.pool.query<{ id: number }>(
    "insert into email_groups (title, created_at, changed_at) values ('Readers', now(), now()) returning id",
  );
  const id = rows[0]!.id;
  for (const [personId, subscribed] of members)
    await fresh.pool.query(
      "insert into email_group_members values ($1, $2, now(), case when $3 then null::timestamptz else now() end)",
      [id, personId, subscribed],
    );
  return id;
}

/** One person of each sort that is left out, and two who are not. */
async function allSorts(campaignId: number) {
  const [one, other] = [await examplePerson(fresh.db), await examplePerson(fresh.db)];
  const running = await examplePerson(fresh.db);
  await emailCampaigns.start(fresh.db, startInput.parse({ campaignId, personId: running }), actor, now);
  const optedOut = await examplePerson(fresh.db, { email: "out@example.com", emailKey: "out@example.com" });
  await inTransaction(fresh.db, (tx) =>
    suppress(tx, { emailKey: "out@example.com", scope: "campaigns", reason: "unsubscribed" }, now),
  );
  const noAddress = await examplePerson(fresh.db, { email: null, emailKey: null });
  const doNotContact = await examplePerson(fresh.db, { status: "Do Not Contact" });
  const disabled = await examplePerson(fresh.db, { disabledAt: now });
  await examplePerson(fresh.db, { email: null, emailKey: null, erasedAt: now });
  return { started: [one, other], running, optedOut, noAddress, notToContact: [doNotContact, disabled] };
}

describe("a filter of people", () => {
  it("E36 the preview says who is started and who is left out, with counts and examples, and starts nobody", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const people = await allSorts(campaign.id);
    const before = await everything();
    const found = await preview({ campaignId: campaign.id, filter: { kind: "lead" } });
    expect(found.toStart).toBe(2);
    const byReason = Object.fromEntries(
      found.leftOut.map(({ reason, count, examples }) => [reason, [count, examples.map(({ personId }) => personId)]]),
    );
    expect(byReason).toEqual({
      "already-running": [1, [people.running]],
      "opted-out": [1, [people.optedOut]],
      "no-address": [1, [people.noAddress]],
      "do-not-contact": [2, people.notToContact],
    });
    expect(await everything()).toEqual(before);
  });

  it("E36 starts those the preview said, in one batch with numbers in a row, and counts the others", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const people = await allSorts(campaign.id);
    expect(await startMany({ campaignId: campaign.id, filter: { kind: "lead" } })).toEqual({
      started: 2,
      leftOut: { "already-running": 1, "opted-out": 1, "no-address": 1, "do-not-contact": 2 },
    });
    const batch = (await everything()).filter((row) => row.batch_id === 7);
    expect(batch.map((row) => [row.person_id, row.number, row.status])).toEqual([
      [people.started[0], "MAIL-CAMP-2026-00002", "In Progress"],
      [people.started[1], "MAIL-CAMP-2026-00003", "In Progress"],
    ]);
  });

  it("E129 starts those whose ids are given", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const ids = [await examplePerson(fresh.db), await examplePerson(fresh.db)];
    await examplePerson(fresh.db);
    expect((await startMany({ campaignId: campaign.id, filter: { ids } })).started).toBe(2);
    expect((await everything()).map((row) => row.person_id)).toEqual(ids);
  });

  it("begins at each person's own midnight", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    for (const timeZone of ["Asia/Kathmandu", "Pacific/Honolulu", null]) await examplePerson(fresh.db, { timeZone });
    await startMany({ campaignId: campaign.id, filter: {}, startOn: "2026-12-02" });
    expect((await everything()).map((row) => [row.status, String(row.next_due_at)])).toEqual([
      ["Scheduled", "2026-12-01T18:15:00Z"],
      ["Scheduled", "2026-12-02T10:00:00Z"],
      ["Scheduled", "2026-12-02T00:00:00Z"],
    ]);
  });

  it("refuses what a single start refuses: no steps (E14), a past day (E18), an unknown Campaign", async () => {
    const [campaign, empty] = [await exampleCampaign(fresh.db, [0]), await exampleCampaign(fresh.db, [])];
    await examplePerson(fresh.db);
    for (const [input, code] of [
      [{ campaignId: empty.id, filter: {} }, "campaign-without-schedule"],
      [{ campaignId: campaign.id, filter: {}, startOn: "2026-11-30" }, "start-in-the-past"],
      [{ campaignId: 999_999, filter: {} }, "campaign-not-found"],
      [{ campaignId: campaign.id }, "recipients-unclear"],
      [{ campaignId: campaign.id, filter: {}, emailGroupId: 1 }, "recipients-unclear"],
      [{ campaignId: campaign.id, filter: { q: "nobody at all" } }, "nobody-to-start"],
    ] as const) {
      expect((await refusalOf(startMany(input))).code).toBe(code);
      if (code !== "nobody-to-start") expect((await refusalOf(preview(input))).code).toBe(code);
    }
    expect(await everything()).toEqual([]);
  });
});

describe("an Email Group", () => {
  it("E65, E66 each subscribed member gets an Email Campaign of their own; who unsubscribed gets none", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const [one, other, gone] = [
      await examplePerson(fresh.db),
      await examplePerson(fresh.db),
      await examplePerson(fresh.db),
    ];
    const emailGroupId = await group([one, true], [other, true], [gone, false]);
    expect(await startMany({ campaignId: campaign.id, emailGroupId })).toEqual({ started: 2, leftOut: {} });
    const { rows } = await fresh.pool.query("select person_id, email_group_id from email_campaigns order by person_id");
    expect(rows).toEqual([one, other].map((personId) => ({ person_id: personId, email_group_id: emailGroupId })));
  });

  it("E24 a group without subscribed members is refused in plain words; one that does not exist is too (E16)", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const emailGroupId = await group([await examplePerson(fresh.db), false]);
    const refused = await refusalOf(startMany({ campaignId: campaign.id, emailGroupId }));
    expect([refused.code, refused.at]).toEqual(["nobody-to-start", "/emailGroupId"]);
    const { code } = await refusalOf(startMany({ campaignId: campaign.id, emailGroupId: 999_999 }));
    expect(code).toBe("email-group-not-found");
  });
});

describe("twice and at once", () => {
  it("E25 a second run starts nobody again; a repeated run of the same batch counts those it started", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    for (let nth = 0; nth < 3; nth += 1) await examplePerson(fresh.db);
    await startMany({ campaignId: campaign.id, filter: {} }, 1);
    expect(await startMany({ campaignId: campaign.id, filter: {} }, 1)).toEqual({ started: 3, leftOut: {} });
    expect(await startMany({ campaignId: campaign.id, filter: {} }, 2)).toEqual({
      started: 0,
      leftOut: { "already-running": 3 },
    });
    expect(await everything()).toHaveLength(3);
  });

  it("E30 two bulk starts at the same moment start each person once, with numbers of their own", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    for (let nth = 0; nth < 40; nth += 1) await examplePerson(fresh.db);
    const [one, other] = await Promise.all([
      startMany({ campaignId: campaign.id, filter: {} }, 1),
      startMany({ campaignId: campaign.id, filter: {} }, 2),
    ]);
    expect(one.started + other.started).toBe(40);
    const rows = await everything();
    expect([rows.length, new Set(rows.map(({ number }) => number)).size]).toEqual([40, 40]);
  });

  it("E13 ten thousand are numbered in a row, and the Email Campaign of each is its own", async () => {
    const campaign = await exampleCampaign(fresh.db, [0, 3]);
    await fresh.pool.query(
      `insert into people (kind, full_name, email, email_key, status, created_at, changed_at)
       select 'lead', 'Person ' || n, 'many' || n || '@example.com', 'many' || n || '@example.com', 'Lead', now(), now()
       from generate_series(1, 10000) as n`,
    );
    const progress: number[] = [];
    // 0.4 s on two shared cores.
    const result = await emailCampaigns.startMany(
      fresh.db,
      bulkInput.parse({ campaignId: campaign.id, filter: { kind: "lead" } }),
      1,
      actor,
      now,
      (done) => void progress.push(done),
    );
    expect([result.started, progress.at(-1)]).toEqual([10_000, 10_000]);
    const { rows } = await fresh.pool.query(
      "select count(distinct person_id)::int as people, min(number) as first, max(number) as last from email_campaigns where end_on = '2026-12-04'",
    );
    expect(rows).toEqual([{ people: 10_000, first: "MAIL-CAMP-2026-00001", last: "MAIL-CAMP-2026-10000" }]);
  });
});

describe("as a job", () => {
  it("E129 is queued, runs with progress, and says what came of it", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    await allSorts(campaign.id);
    const id = await queueStart(fresh.db, bulkInput.parse({ campaignId: campaign.id, filter: {} }), actor, now);
    await runJobsOnce({
      database: fresh.database,
      handlers: { [START_MANY]: startManyJob },
      clock: () => now,
      log: openLog({ readable: false, level: "silent" }),
    });
    const job = await jobs.get(fresh.db, id);
    expect([job.state, job.result]).toEqual(["succeeded", expect.objectContaining({ started: 2 })]);
    expect((await everything()).filter((row) => row.batch_id === id)).toHaveLength(2);
    const { rows } = await fresh.pool.query(
      "select actor, after from audit_entries where action = 'start-many' order by id desc limit 1",
    );
    expect(rows).toEqual([{ actor: actor.name, after: expect.objectContaining({ batchId: id, started: 2 }) }]);
  });

  it("what cannot be started is refused to the caller's face, not queued", async () => {
    const empty = await exampleCampaign(fresh.db, []);
    const queued = queueStart(fresh.db, bulkInput.parse({ campaignId: empty.id, filter: {} }), actor, now);
    expect((await refusalOf(queued)).code).toBe("campaign-without-schedule");
  });
});
