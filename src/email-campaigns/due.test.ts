/** What the tick takes and where it leaves it, and what an edited Schedule does to what runs, on a real database. */
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { exampleCampaign, examplePerson } from "../../test/examples.ts";
import type { Status } from "../core/email-campaign.ts";
import { decide } from "../core/schedule.ts";
import { inTransaction } from "../db/database.ts";
import { startInput } from "./api.ts";
import { dueForUpdate } from "./due.ts";
import * as emailCampaigns from "./email-campaigns.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const at = (text: string) => Temporal.Instant.from(text);
const actor = { name: "ana@example.com", userId: null };

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh?.close());
beforeEach(() => fresh.pool.query("truncate people, campaigns, email_campaigns, messages cascade"));

async function started(
  days: readonly number[],
  { startOn = null, timeZone = null }: { startOn?: string | null; timeZone?: string | null } = {},
) {
  const campaign = await exampleCampaign(fresh.db, days);
  const personId = await examplePerson(fresh.db, { timeZone });
  const id = await emailCampaigns.start(
    fresh.db,
    startInput.parse({ campaignId: campaign.id, personId, startOn }),
    actor,
    now,
  );
  return { id, personId, campaignId: campaign.id, steps: campaign.steps };
}
const claim = (moment = now, limit = 500) =>
  inTransaction(fresh.db, (tx) => emailCampaigns.claimDue(tx, moment, limit));
const advance = (row: emailCampaigns.Advance, moment = now) =>
  inTransaction(fresh.db, (tx) => emailCampaigns.advance(tx, [row], moment));
const results = (ids: readonly number[], moment = now) =>
  inTransaction(fresh.db, (tx) => emailCampaigns.afterResults(tx, ids, moment));
const reschedule = (campaignId: number, moment = now) =>
  inTransaction(fresh.db, (tx) => emailCampaigns.reschedule(tx, campaignId, moment));
async function message(
  of: { id: number; personId: number; campaignId: number },
  stepId: number | undefined,
  state: string,
  finishedAt = now,
) {
  await fresh.pool.query(
    `insert into messages (email_campaign_id, step_id, person_id, campaign_id, state, due_at, planned_at, planned_on, finished_at)
     values ($1, $2, $3, $4, $5, $6, $6, '2026-12-01', case when $5 in ('accepted', 'refused', 'skipped') then $6::timestamptz end)`,
    [of.id, stepId, of.personId, of.campaignId, state, finishedAt.toString()],
  );
}
async function addStep(campaignId: number, days: number, addedAt = now): Promise<number> {
  const { rows } = await fresh.pool.query<{ id: number }>(
    `insert into steps (campaign_id, position, email_template_id, send_after_days, added_at)
     select $1, max(position) + 1, min(email_template_id), $2, $3 from steps where campaign_id = $1 returning id`,
    [campaignId, days, addedAt.toString()],
  );
  return rows[0]!.id;
}
async function standing(id: number) {
  const { rows } = await fresh.pool.query<{
    status: Status;
    next_due_at: Temporal.Instant | null;
    changed_at: Temporal.Instant;
    finished_at: Temporal.Instant | null;
    end_on: Temporal.PlainDate;
  }>("select status, next_due_at, changed_at, finished_at, end_on from email_campaigns where id = $1", [id]);
  return rows[0]!;
}

describe("claiming what is due", () => {
  it("takes those whose moment has come, the longest due first, as many as asked for", async () => {
    const rows: number[] = [];
    for (const minutes of [10, 30, 20, -5]) {
      const { id } = await started([0]);
      await advance({ id, status: "In Progress", nextDueAt: now.subtract({ minutes }) });
      rows.push(id);
    }
    const [ten, thirty, twenty] = rows;
    expect(new Set((await claim(now, 2)).map(({ id }) => id))).toEqual(new Set([thirty, twenty]));
    expect(new Set((await claim()).map(({ id }) => id))).toEqual(new Set([ten, thirty, twenty]));
  });

  it("never takes one that is paused or over", async () => {
    const { id } = await started([0]);
    await emailCampaigns.pause(fresh.db, id, actor, now);
    const other = await started([0]);
    await emailCampaigns.cancel(fresh.db, other.id, actor, now);
    expect(await claim(at("2030-01-01T00:00:00Z"))).toEqual([]);
  });

  it("brings the facts the decision is made from: Schedule, calendar, age limit, what became of each step", async () => {
    const made = await started([0, 3], { timeZone: "Asia/Tokyo" });
    await fresh.pool.query("update campaigns set time_of_day = '07:30', expires_after_days = 2");
    await message(made, made.steps[0], "accepted", at("2026-12-01T16:00:00Z"));
    const [claimed] = await claim();
    expect(claimed).toMatchObject({
      id: made.id,
      personId: made.personId,
      campaignId: made.campaignId,
      status: "In Progress",
    });
    const { facts } = claimed!;
    expect(facts.rules).toMatchObject({ timeZone: "Asia/Tokyo", expiresAfterDays: 2, window: null });
    expect([String(facts.rules.timeOfDay), String(facts.startOn), String(facts.createdAt)]).toEqual([
      "07:30:00",
      "2026-12-01",
      String(now),
    ]);
    expect(facts.steps.map(({ id, sendAfterDays }) => [id, sendAfterDays])).toEqual([
      [made.steps[0], 0],
      [made.steps[1], 3],
    ]);
    // 16:00 in London is the next day in Tokyo.
    expect(facts.resolutions.map(({ stepId, state, on }) => [stepId, state, String(on)])).toEqual([
      [made.steps[0], "sent", "2026-12-02"],
    ]);
    expect(String(decide(facts, now).next?.dueAt)).toBe("2026-12-03T22:30:00Z");
  });

  it("a zone that this machine does not know counts as UTC and holds nobody up", async () => {
    await started([0]);
    await fresh.pool.query("update people set time_zone = 'Mars/Olympus'");
    expect((await claim())[0]?.facts.rules.timeZone).toBe("UTC");
  });

  it("E55 of many workers at once no two take the same one, and none is left", async () => {
    const ids = new Set<number>();
    for (let nth = 0; nth < 30; nth += 1) ids.add((await started([0])).id);
    const taken: number[] = [];
    let holding = 0;
    let allHold: () => void = () => undefined;
    const everybodyHolds = new Promise<void>((resolve) => (allHold = resolve));
    await Promise.all(
      Array.from({ length: 5 }, () =>
        inTransaction(fresh.db, async (tx) => {
          const claimed = await emailCampaigns.claimDue(tx, now, 6);
          taken.push(...claimed.map(({ id }) => id));
          holding += 1;
          if (holding === 5) allHold();
          await everybodyHolds;
        }),
      ),
    );
    expect([taken.length, new Set(taken)]).toEqual([30, ids]);
  });

  it("reads the partial index alone, however many Email Campaigns there are that wait for nothing", async () => {
    const made = await started([0]);
    await fresh.pool.query(
      `with everybody as (
         insert into people (kind, full_name, status, created_at, changed_at)
         select 'lead', 'Person ' || n, 'Lead', now(), now() from generate_series(1, 5000) as n returning id)
       insert into email_campaigns (number, campaign_id, person_id, start_on, end_on, status, next_due_at, created_at, changed_at)
       select 'X-' || id, $1, id, '2026-12-01', '2026-12-01', case when id % 2 = 0 then 'Completed' else 'In Progress' end,
         case when id % 2 = 1 then timestamptz '2027-01-01' end, now(), now() from everybody`,
      [made.campaignId],
    );
    await fresh.pool.query("analyze email_campaigns");
    const plan = await inTransaction(fresh.db, async (tx) => {
      const { rows } = await sql<{ "QUERY PLAN": string }>`explain ${dueForUpdate(now, 500)}`.execute(tx);
      return rows.map((row) => Object.values(row)[0]).join("\n");
    });
    expect(plan).toContain("Index Scan using email_campaigns_due");
    expect(plan).not.toContain("Seq Scan");
    expect(plan).not.toContain("Sort");
    expect((await claim()).map(({ id }) => id)).toEqual([made.id]);
  });
});

describe("moving on", () => {
  it("E42 changes status and next moment, and leaves the stamp of the last change alone", async () => {
    const made = await started([0, 3], { startOn: "2026-12-02" });
    await advance(
      { id: made.id, status: "In Progress", nextDueAt: at("2026-12-05T09:00:00Z") },
      at("2026-12-02T09:00:00Z"),
    );
    const stands = await standing(made.id);
    expect([stands.status, String(stands.next_due_at), String(stands.changed_at), stands.finished_at]).toEqual([
      "In Progress",
      "2026-12-05T09:00:00Z",
      String(now),
      null,
    ]);
  });

  it("E41, E44 is Completed once every step is sent, refused or skipped, and not before", async () => {
    const made = await started([0, 3, 5]);
    await message(made, made.steps[0], "accepted");
    await message(made, made.steps[1], "skipped");
    await message(made, made.steps[2], "deferred");
    await advance({ id: made.id, status: "In Progress", nextDueAt: null });
    const moment = at("2027-12-01T12:00:00Z");
    await results([made.id], moment);
    expect((await standing(made.id)).status).toBe("In Progress");
    await fresh.pool.query("update messages set state = 'refused', finished_at = now() where state = 'deferred'");
    await advance({ id: made.id, status: "In Progress", nextDueAt: null });
    await results([made.id], moment);
    const stands = await standing(made.id);
    expect([stands.status, stands.next_due_at, String(stands.finished_at), String(stands.changed_at)]).toEqual([
      "Completed",
      null,
      String(moment),
      String(now),
    ]);
  });

  it("looks again at once where a later step was waiting for this mail", async () => {
    const made = await started([0, 3]);
    await message(made, made.steps[0], "accepted");
    await advance({ id: made.id, status: "In Progress", nextDueAt: null });
    await results([made.id]);
    const stands = await standing(made.id);
    expect([stands.status, String(stands.next_due_at)]).toEqual(["In Progress", String(now)]);
  });

  it("E64 a result that comes after an opt-out leaves it Unsubscribed", async () => {
    const made = await started([0]);
    await message(made, made.steps[0], "accepted");
    await inTransaction(fresh.db, (tx) => emailCampaigns.end(tx, { ids: [made.id] }, { event: "unsubscribe" }, now));
    await results([made.id]);
    expect((await standing(made.id)).status).toBe("Unsubscribed");
  });

  it("a mail under way of a step that was removed keeps it from being Completed until it is final", async () => {
    const made = await started([0, 3]);
    await message(made, made.steps[0], "accepted");
    await message(made, made.steps[1], "in_data");
    await fresh.pool.query("update steps set removed_at = now() where id = $1", [made.steps[1]]);
    await advance({ id: made.id, status: "In Progress", nextDueAt: null });
    await results([made.id]);
    expect((await standing(made.id)).status).toBe("In Progress");
    expect(decide((await emailCampaigns.factsOf(fresh.db, [made.id]))[0]!.facts, now)).toMatchObject({
      waiting: true,
      done: false,
    });
  });
});

describe("an edited Schedule", () => {
  it("E9, E20 reaches all that runs: the end follows and each looks again at once", async () => {
    const made = await started([0]);
    const ahead = await started([0], { startOn: "2026-12-09" });
    await addStep(made.campaignId, 9);
    await advance({ id: made.id, status: "In Progress", nextDueAt: null });
    await reschedule(made.campaignId);
    const stands = await standing(made.id);
    expect([String(stands.end_on), String(stands.next_due_at), stands.status]).toEqual([
      "2026-12-10",
      String(now),
      "In Progress",
    ]);
    expect(String(stands.changed_at)).toBe(String(now));
    // Another Campaign's are left alone.
    expect(String((await standing(ahead.id)).end_on)).toBe("2026-12-09");
  });

  it("E9 leaves one that is Scheduled in its status, and one that is Paused asleep", async () => {
    const scheduled = await started([0], { startOn: "2026-12-09" });
    await addStep(scheduled.campaignId, 4);
    await reschedule(scheduled.campaignId);
    expect([(await standing(scheduled.id)).status, String((await standing(scheduled.id)).end_on)]).toEqual([
      "Scheduled",
      "2026-12-13",
    ]);
    const paused = await started([0]);
    await emailCampaigns.pause(fresh.db, paused.id, actor, now);
    await addStep(paused.campaignId, 4);
    await reschedule(paused.campaignId);
    const stands = await standing(paused.id);
    expect([stands.status, stands.next_due_at, String(stands.end_on)]).toEqual(["Paused", null, "2026-12-05"]);
  });

  it("a removed step strands nobody: the end comes nearer and what is left is looked at", async () => {
    const made = await started([0, 9]);
    await fresh.pool.query("update steps set removed_at = now() where id = $1", [made.steps[1]]);
    await reschedule(made.campaignId);
    expect(String((await standing(made.id)).end_on)).toBe("2026-12-01");
    expect((await emailCampaigns.factsOf(fresh.db, [made.id]))[0]?.facts.steps.map(({ id }) => id)).toEqual([
      made.steps[0],
    ]);
  });

  async function completed(timeZone: string | null = null) {
    const made = await started([0], { timeZone });
    await message(made, made.steps[0], "accepted");
    await advance({ id: made.id, status: "Completed", nextDueAt: null });
    return made;
  }

  it("E45 one that was Completed goes on when a step is added whose day lies ahead", async () => {
    const made = await completed();
    await addStep(made.campaignId, 4);
    await reschedule(made.campaignId);
    const stands = await standing(made.id);
    expect([stands.status, stands.finished_at, String(stands.next_due_at), String(stands.end_on)]).toEqual([
      "In Progress",
      null,
      String(now),
      "2026-12-05",
    ]);
  });

  it("E45 stays Completed when the new step's day has passed, or when nothing was added", async () => {
    const made = await completed();
    const moment = at("2026-12-20T12:00:00Z");
    await reschedule(made.campaignId, moment);
    expect((await standing(made.id)).status).toBe("Completed");
    await addStep(made.campaignId, 4, moment);
    await reschedule(made.campaignId, moment);
    expect((await standing(made.id)).status).toBe("Completed");
  });

  it("E45 the day is the person's own: what is yesterday in UTC may still lie ahead in Honolulu", async () => {
    const made = await completed("Pacific/Honolulu");
    await fresh.pool.query("update campaigns set time_of_day = '20:00'");
    // 1 and 4 December, 15:00 in Honolulu.
    const moment = at("2026-12-05T01:00:00Z");
    await addStep(made.campaignId, 3, moment);
    await reschedule(made.campaignId, moment);
    expect((await standing(made.id)).status).toBe("In Progress");
  });

  it("E45 of two that were Completed for one person the newer goes on", async () => {
    const older = await completed();
    const again = startInput.parse({ campaignId: older.campaignId, personId: older.personId });
    const newer = await emailCampaigns.start(fresh.db, again, actor, now);
    await message({ ...older, id: newer }, older.steps[0], "accepted");
    await advance({ id: newer, status: "Completed", nextDueAt: null });
    await addStep(older.campaignId, 4);
    await reschedule(older.campaignId);
    expect([(await standing(older.id)).status, (await standing(newer)).status]).toEqual(["Completed", "In Progress"]);
  });

  it("E43 never wakes who opted out or was stopped, and no older one of theirs", async () => {
    for (const event of [{ event: "unsubscribe" }, { event: "stop", reason: "replied" }] as const) {
      const older = await completed();
      const again = startInput.parse({ campaignId: older.campaignId, personId: older.personId });
      const newer = await emailCampaigns.start(fresh.db, again, actor, now);
      await inTransaction(fresh.db, (tx) => emailCampaigns.end(tx, { ids: [newer] }, event, now));
      const status = (await standing(newer)).status;
      await addStep(older.campaignId, 4);
      await reschedule(older.campaignId);
      expect([(await standing(older.id)).status, (await standing(newer)).status]).toEqual(["Completed", status]);
    }
  });
});

describe("waking", () => {
  it("the next moment is the earliest of all that wait, and nothing when nothing waits", async () => {
    expect(await emailCampaigns.nextDueAt(fresh.db)).toBeNull();
    await started([0], { startOn: "2026-12-09" });
    await started([0], { startOn: "2026-12-05" });
    expect(String(await emailCampaigns.nextDueAt(fresh.db))).toBe("2026-12-05T00:00:00Z");
  });

  it("E59 a start is announced when it commits, and not when it is rolled back", async () => {
    const heard: string[] = [];
    const client = await fresh.pool.connect();
    try {
      client.on("notification", ({ channel }) => heard.push(channel));
      await client.query("listen tidings_due");
      const campaign = await exampleCampaign(fresh.db, [0]);
      const personId = await examplePerson(fresh.db);
      const input = startInput.parse({ campaignId: campaign.id, personId });
      const failed = inTransaction(fresh.db, async (tx) => {
        await emailCampaigns.start(tx, input, actor, now);
        throw new Error("something else went wrong");
      });
      await expect(failed).rejects.toThrow("something else");
      await client.query("select 1");
      expect(heard).toEqual([]);
      await emailCampaigns.start(fresh.db, input, actor, now);
      await client.query("select 1");
      expect(heard).toEqual(["tidings_due"]);
    } finally {
      client.release(true);
    }
  });
});
