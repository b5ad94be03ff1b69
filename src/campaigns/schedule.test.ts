/** Campaigns and their Schedules as a caller sees them, on a real database. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { neighbours } from "../../test/world.ts";
import type { Refusal } from "../core/problem.ts";
import type { Tx } from "../db/database.ts";
import { campaignInput, stepInput } from "./api.ts";
import * as campaigns from "./campaigns.ts";

const now = Temporal.Instant.from("2026-12-01T09:00:00Z");
const later = Temporal.Instant.from("2026-12-03T09:00:00Z");
const actor = { name: "ana@example.com" };

let fresh: FreshDatabase;
let templateId: number;
let otherTemplateId: number;
/** The Campaigns whose Schedule was said to have changed. */
const told: number[] = [];
const tell = async (_tx: Tx, campaignId: number) => void told.push(campaignId);

beforeAll(async () => {
  fresh = await freshDatabase();
  const { rows } = await fresh.pool.query<{ id: number }>(
    "insert into email_templates (name, created_at, changed_at) values ('Welcome', now(), now()), ('Tips', now(), now()) returning id",
  );
  [templateId, otherTemplateId] = rows.map(({ id }) => id) as [number, number];
});
afterAll(() => fresh?.close());
beforeEach(async () => {
  told.length = 0;
  await fresh.pool.query("truncate campaigns, people cascade");
});

const create = (input: object) => campaigns.create(fresh.db, campaignInput.parse(input), actor, now);
const setSteps = (id: number, rows: object[], at = later) =>
  campaigns.setSteps(
    fresh.db,
    id,
    rows.map((row) => stepInput.parse(row)),
    actor,
    null,
    tell,
    at,
  );
const row = (sendAfterDays: number, more: object = {}) => ({ emailTemplateId: templateId, sendAfterDays, ...more });
const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it was not refused"),
    (error: Refusal) => ({ code: error.code, detail: error.message, at: error.faults.map((fault) => fault.pointer) }),
  );

/** An Email Campaign of this Campaign, written by hand: how one is started is told elsewhere. */
async function link(campaignId: number, status: string): Promise<void> {
  const { rows } = await fresh.pool.query<{ id: number }>(
    "insert into people (kind, full_name, status, created_at, changed_at) values ('lead', 'Ana', 'Lead', now(), now()) returning id",
  );
  await fresh.pool.query(
    `insert into email_campaigns (number, campaign_id, person_id, start_on, end_on, status, created_at, changed_at)
     values (gen_random_uuid()::text, $1, $2, '2026-12-01', '2026-12-01', $3, now(), now())`,
    [campaignId, rows[0]?.id, status],
  );
}

describe("a Campaign", () => {
  it("E1 needs a name", () => {
    expect(campaignInput.safeParse({ name: "  " }).success).toBe(false);
    expect(campaignInput.safeParse({}).success).toBe(false);
  });

  it("E1 has a name of its own, whatever the letter case", async () => {
    await create({ name: "Product introduction" });
    expect(await refusalOf(create({ name: "PRODUCT Introduction" }))).toMatchObject({
      code: "campaign-exists",
      at: ["/name"],
    });
  });

  it("E6 may be saved without steps", async () => {
    expect((await create({ name: "Empty" })).steps).toEqual([]);
  });

  it("E12 may be renamed: what belongs to it still does, and nothing is rescheduled", async () => {
    const made = await create({ name: "Before", steps: [row(0)] });
    await link(made.id, "In Progress");
    const renamed = await campaigns.update(fresh.db, made.id, { name: "After" }, actor, null, tell, later);
    expect([renamed.id, renamed.name, renamed.emailCampaigns["In Progress"], renamed.steps[0]?.id]).toEqual([
      made.id,
      "After",
      1,
      made.steps[0]?.id,
    ]);
    expect(told).toEqual([]);
  });

  it("a new time of day reaches what lies ahead", async () => {
    const made = await create({ name: "Morning", steps: [row(0)] });
    const saved = await campaigns.update(fresh.db, made.id, { timeOfDay: "17:30" }, actor, null, tell, later);
    expect([String(saved.timeOfDay), told]).toEqual(["17:30:00", [made.id]]);
  });

  it("saving what is there already changes nothing and reschedules nobody", async () => {
    const made = await create({ name: "Same", timeOfDay: "09:30", steps: [row(0, { timeOfDay: "08:15" })] });
    await campaigns.update(fresh.db, made.id, { name: "Same", timeOfDay: "09:30" }, actor, null, tell, later);
    const [step] = made.steps;
    const saved = await setSteps(made.id, [row(0, { id: step?.id, timeOfDay: "08:15" })]);
    expect([told, String(saved.changedAt)]).toEqual([[], String(made.changedAt)]);
    const { rows } = await fresh.pool.query(
      "select action from audit_entries where subject_type = 'campaign' and subject_id = $1",
      [String(made.id)],
    );
    expect(rows).toEqual([{ action: "create" }]);
  });

  it("an edit of what somebody else changed meanwhile is refused", async () => {
    const made = await create({ name: "Shared" });
    await campaigns.update(fresh.db, made.id, { description: "theirs" }, actor, made.changedAt, tell, later);
    expect(
      await refusalOf(campaigns.update(fresh.db, made.id, { description: "mine" }, actor, made.changedAt, tell, later)),
    ).toMatchObject({ code: "changed-meanwhile" });
  });

  it("E7 with Email Campaigns, finished ones too, cannot be deleted", async () => {
    const made = await create({ name: "Used", steps: [row(0)] });
    await link(made.id, "Completed");
    expect((await refusalOf(campaigns.remove(fresh.db, made.id, neighbours, actor, later))).code).toBe(
      "campaign-in-use",
    );
    const unused = await create({ name: "Unused", steps: [row(0)] });
    await campaigns.remove(fresh.db, unused.id, neighbours, actor, later);
    expect(await campaigns.find(fresh.db, unused.id)).toBeUndefined();
    expect(await campaigns.find(fresh.db, made.id)).toBeDefined();
  });

  it("E11 counts its Email Campaigns by status, none of another's", async () => {
    const one = await create({ name: "One" });
    const other = await create({ name: "Other" });
    for (const status of ["Scheduled", "In Progress", "In Progress", "Completed", "Unsubscribed"])
      await link(one.id, status);
    await link(other.id, "Paused");
    const listed = await campaigns.list(fresh.db, { limit: 10 });
    expect(listed.map(({ name, emailCampaigns }) => [name, emailCampaigns])).toEqual([
      ["One", { Scheduled: 1, "In Progress": 2, Paused: 0, Completed: 1, Unsubscribed: 1, Stopped: 0 }],
      ["Other", { Scheduled: 0, "In Progress": 0, Paused: 1, Completed: 0, Unsubscribed: 0, Stopped: 0 }],
    ]);
  });

  it("E35 every change is kept: who, what, before, after", async () => {
    const made = await create({ name: "Before", steps: [row(0)] });
    await campaigns.update(fresh.db, made.id, { name: "After" }, actor, null, tell, later);
    await setSteps(made.id, [row(4)]);
    await campaigns.remove(fresh.db, made.id, neighbours, actor, later);
    const { rows } = await fresh.pool.query<{ actor: string; action: string; before: unknown; after: any }>(
      "select actor, action, before, after from audit_entries where subject_type = 'campaign' and subject_id = $1 order by id",
      [String(made.id)],
    );
    expect(rows.map(({ action }) => action)).toEqual(["create", "update", "schedule", "delete"]);
    expect(new Set(rows.map((entry) => entry.actor))).toEqual(new Set([actor.name]));
    expect([rows[1]?.before, rows[1]?.after]).toEqual([{ name: "Before" }, { name: "After" }]);
    expect(rows[2]?.after.steps.map((step: { sendAfterDays: number }) => step.sendAfterDays)).toEqual([4]);
  });
});

describe("a Schedule", () => {
  it("E2 each row needs a template and a whole number of days", () => {
    for (const wrong of [
      { sendAfterDays: 1 },
      { emailTemplateId: 1 },
      row(1.5),
      { ...row(0), sendAfterDays: "1" },
      row(3651),
    ])
      expect([wrong, stepInput.safeParse(wrong).success]).toEqual([wrong, false]);
  });

  it("E2 a template that does not exist is refused", async () => {
    const made = await create({ name: "Campaign" });
    const { code, at } = await refusalOf(setSteps(made.id, [{ emailTemplateId: 999_999, sendAfterDays: 0 }]));
    expect([code, at]).toEqual(["email-template-not-found", ["/steps"]]);
  });

  it("E3 a negative number of days is refused, by the database too", async () => {
    expect(stepInput.safeParse(row(-1)).success).toBe(false);
    const made = await create({ name: "Campaign" });
    await expect(
      fresh.pool.query(
        "insert into steps (campaign_id, position, email_template_id, send_after_days, added_at) values ($1, 1, $2, -1, now())",
        [made.id, templateId],
      ),
    ).rejects.toMatchObject({ constraint: "steps_days_not_negative" });
  });

  it("E4 two rows of one day and one template are two steps", async () => {
    const made = await create({ name: "Twice", steps: [row(2), row(2)] });
    expect(new Set(made.steps.map(({ id }) => id)).size).toBe(2);
  });

  it("E5 rows stand in the order they were given, whatever their days", async () => {
    const made = await create({ name: "Order", steps: [row(8), row(0), row(4)] });
    expect(made.steps.map(({ position, sendAfterDays }) => [position, sendAfterDays])).toEqual([
      [1, 8],
      [2, 0],
      [3, 4],
    ]);
  });

  it("E9 rows with an id keep it while they change and move; others are new; those left out are removed, not deleted", async () => {
    const made = await create({ name: "Edited", steps: [row(0), row(2), row(4)] });
    const [first, second, third] = made.steps.map(({ id }) => id) as [number, number, number];
    const saved = await setSteps(made.id, [
      row(5, { id: third, emailTemplateId: otherTemplateId }),
      row(1),
      row(0, { id: first, timeOfDay: "10:00" }),
    ]);
    expect(saved.steps.map(({ id, sendAfterDays }) => [id, sendAfterDays])).toEqual([
      [third, 5],
      [expect.any(Number), 1],
      [first, 0],
    ]);
    expect([first, second, third]).not.toContain(saved.steps[1]?.id);
    expect(saved.steps.map(({ addedAt }) => String(addedAt))).toEqual([String(now), String(later), String(now)]);
    expect(saved.steps[0]).toMatchObject({ emailTemplateId: otherTemplateId, emailTemplate: "Tips" });
    const { rows } = await fresh.pool.query("select id from steps where removed_at is not null");
    expect(rows).toEqual([{ id: second }]);
    expect(told).toEqual([made.id]);
  });

  it("a step of another Campaign, a removed one, or one named twice is refused, and nothing is half-done", async () => {
    const made = await create({ name: "Mine", steps: [row(0), row(1)] });
    const other = await create({ name: "Theirs", steps: [row(0)] });
    const [first, second] = made.steps.map(({ id }) => id) as [number, number];
    const foreign = other.steps[0]?.id;
    await setSteps(made.id, [row(0, { id: first })]);
    for (const wrong of [
      [row(3, { id: foreign })],
      [row(3, { id: second })],
      [row(3, { id: first }), row(4, { id: first })],
    ])
      expect((await refusalOf(setSteps(made.id, wrong))).code).toBe("step-not-found");
    expect((await campaigns.get(fresh.db, made.id)).steps.map(({ id, sendAfterDays }) => [id, sendAfterDays])).toEqual([
      [first, 0],
    ]);
    expect((await campaigns.get(fresh.db, other.id)).steps[0]?.sendAfterDays).toBe(0);
  });

  it("an emptied Schedule may be saved (E6), and the day can be set again", async () => {
    const made = await create({ name: "Emptied", steps: [row(0)] });
    expect((await setSteps(made.id, [])).steps).toEqual([]);
    expect((await setSteps(made.id, [row(3)])).steps.map((step) => step.sendAfterDays)).toEqual([3]);
    expect(told).toEqual([made.id, made.id]);
  });

  it("two edits at once leave one Schedule, not a mixture", async () => {
    const made = await create({ name: "Raced", steps: [row(0)] });
    await Promise.all([setSteps(made.id, [row(1), row(2)]), setSteps(made.id, [row(3), row(4)])]);
    const days = (await campaigns.get(fresh.db, made.id)).steps.map((step) => step.sendAfterDays);
    expect([
      [1, 2],
      [3, 4],
    ]).toContainEqual(days);
  });
});
