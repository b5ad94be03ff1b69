/** What an edit of a Schedule would do, told before it is made, on a real database. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { exampleCampaign, examplePerson } from "../../test/examples.ts";
import { stepInput } from "../campaigns/api.ts";
import type { Refusal } from "../core/problem.ts";
import { startInput } from "../email-campaigns/api.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { impact } from "./publishing.ts";

const started = Temporal.Instant.from("2026-12-01T12:00:00Z");
const now = Temporal.Instant.from("2026-12-05T12:00:00Z");
const actor = { name: "ana@example.com", userId: null };

let fresh: FreshDatabase;
let emailTemplateId: number;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh?.close());

/** One person on day 4 of a Campaign, and one who starts in four days. */
async function underWay(days: readonly number[]) {
  const campaign = await exampleCampaign(fresh.db, days);
  const { rows } = await fresh.pool.query<{ id: number }>("select max(id) as id from email_templates");
  emailTemplateId = rows[0]!.id;
  for (const startOn of ["2026-12-01", "2026-12-09"]) {
    const personId = await examplePerson(fresh.db);
    const input = startInput.parse({ campaignId: campaign.id, personId, startOn });
    const id = await emailCampaigns.start(fresh.db, input, actor, started);
    if (startOn === "2026-12-01")
      await fresh.pool.query(
        `insert into messages (email_campaign_id, step_id, person_id, campaign_id, state, due_at, planned_at, planned_on, finished_at)
         values ($1, $2, $3, $4, 'accepted', $5, $5, '2026-12-01', $5)`,
        [id, campaign.steps[0], personId, campaign.id, started.toString()],
      );
  }
  return campaign;
}
const told = (id: number, rows: { id?: number | undefined; sendAfterDays: number }[]) =>
  impact(
    fresh.db,
    id,
    {
      content: { steps: rows.map((row) => stepInput.parse({ ...row, emailTemplateId })), settings: {} },
      choice: "everyone",
    },
    now,
  );

it("E9 says for each step for how many it lies ahead, is due now, comes too late, or is done", async () => {
  const { id, steps } = await underWay([0, 6, 20]);
  const [first, second] = steps;
  const before = await fresh.pool.query("select * from steps");
  const found = await told(id, [
    { id: first, sendAfterDays: 0 },
    { id: second, sendAfterDays: 3 },
    { sendAfterDays: 2 },
    { sendAfterDays: 10 },
  ]);
  expect(found).toMatchObject({ running: 2, lookedAt: 2, dueNow: 1 });
  expect(found.steps).toEqual([
    { stepId: first, ahead: 1, dueNow: 0, tooLate: 0, unmet: 0, sent: 1 },
    // Its day was moved to yesterday: one late email.
    { stepId: second, ahead: 1, dueNow: 1, tooLate: 0, unmet: 0, sent: 0 },
    // New, and its day has passed: the past is never run again.
    { stepId: null, ahead: 1, dueNow: 0, tooLate: 1, unmet: 0, sent: 0 },
    { stepId: null, ahead: 2, dueNow: 0, tooLate: 0, unmet: 0, sent: 0 },
  ]);
  expect(found.removed).toEqual([
    { stepId: steps[2], sendAfterDays: 20, ahead: 2, dueNow: 0, tooLate: 0, unmet: 0, sent: 0 },
  ]);
  expect((await fresh.pool.query("select * from steps")).rows).toEqual(before.rows);
});

it("a step of another Campaign is refused", async () => {
  const [one, other] = [await underWay([0]), await underWay([0])];
  const refused = await told(one.id, [{ id: other.steps[0], sendAfterDays: 0 }]).catch((error: Refusal) => error);
  expect(refused).toMatchObject({ code: "step-not-found", faults: [{ pointer: "/steps/0/id" }] });
});

it("of a Campaign nobody runs through, nothing is told", async () => {
  const { id, steps } = await exampleCampaign(fresh.db, [0]);
  expect(await told(id, [{ id: steps[0], sendAfterDays: 4 }])).toMatchObject({ running: 0, lookedAt: 0, dueNow: 0 });
});
