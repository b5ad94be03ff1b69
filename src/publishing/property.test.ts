/**
 * Whatever is edited, chosen and lived through: after a publication everybody's next mail is the one a Schedule that had
 * always been so would give, what is foretold is what happens, and nobody gets a mail twice, early or never again.
 * Real PostgreSQL, real sending into the built-in mailbox, a moved clock.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { at, sendUntil, type World, world } from "../../test/world.ts";
import { stepInput } from "../campaigns/api.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { project } from "../core/project.ts";
import { decide, type Facts, localDay, plannedAt } from "../core/schedule.ts";
import { CHOICES, type Choice } from "../core/schedule-effects.ts";
import { PLAIN_TIMING, stepTimingOf } from "../core/timing.ts";
import { factsOf } from "../email-campaigns/email-campaigns.ts";
import { contentOf } from "./content.ts";
import * as pauses from "./pauses.ts";
import * as publishing from "./publishing.ts";

const BEGAN = at("2026-12-01T10:00:00Z");
const END = at("2027-03-01");
const ana = { name: "ana", role: "manager" as const, userId: null };
let fresh: FreshDatabase;
let small: World;
beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Street");
});
afterAll(() => fresh?.close());

type Row = ReturnType<typeof contentOf>["steps"][number];
type Content = { steps: Row[]; settings: Record<string, unknown> };
/** What an author does to a Schedule; `which` and `day` are any numbers. */
const EDITS: Readonly<Record<string, (rows: Row[], which: number, day: number) => Partial<Content>>> = {
  move: (rows, which, day) => ({ steps: rows.map((row, at) => (at === which ? { ...row, sendAfterDays: day } : row)) }),
  time: (rows, which, day) => ({
    steps: rows.map((row, at) => (at === which ? { ...row, timeOfDay: day % 2 ? "06:30" : "17:00" } : row)),
  }),
  remove: (rows, which) => ({ steps: rows.length > 1 ? rows.filter((_, at) => at !== which) : rows }),
  add: (rows, which, day) => ({
    steps: rows.toSpliced(which, 0, { ...rows[which]!, id: undefined, sendAfterDays: day }),
  }),
  turn: (rows) => ({ steps: rows.toReversed() }),
  expiry: (rows, which, day) => ({
    steps: rows.map((row, at) => (at === which ? { ...row, expiresAfterDays: day } : row)),
  }),
  window: (rows, _which, day) => {
    const window = { weekdays: [1, 2, 3, 4, 5], from: "09:00", to: "17:00" };
    return { steps: rows, settings: { timing: day % 2 ? { ...PLAIN_TIMING, window } : null } };
  },
  gap: (rows, _which, day) => ({
    steps: rows,
    settings: { timing: { ...PLAIN_TIMING, gap: { amount: day, unit: day % 2 ? "days" : "hours" } } },
  }),
};
const PAUSES = ["hold", "freeze"] as const;

const act = fc.record({
  hour: fc.integer({ min: 0, max: 300 }),
  what: fc.constantFrom(...Object.keys(EDITS), ...PAUSES),
  which: fc.nat({ max: 9 }),
  day: fc.integer({ min: 0, max: 12 }),
  choice: fc.constantFrom<Choice>("everyone", "everyone", ...CHOICES),
});
const person = fc.record({
  hour: fc.integer({ min: 0, max: 150 }),
  ahead: fc.integer({ min: 0, max: 4 }),
  timeZone: fc.constantFrom("UTC", "America/New_York", "Asia/Tokyo", "Pacific/Auckland"),
});
const history = fc.record({
  days: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 4 }),
  people: fc.array(person, { minLength: 1, maxLength: 3 }),
  acts: fc.array(act, { minLength: 1, maxLength: 5 }),
});

const run = (from: Temporal.Instant, until: Temporal.Instant) => sendUntil(small.delivery(), from, until);

const inMinutes = (moment: Temporal.Instant) =>
  moment.round({ smallestUnit: "minute", roundingMode: "floor" }).toString();

/** What has left of a Campaign after a moment: `<email campaign> <step>` and when. */
async function leftSince(campaignId: number, since: Temporal.Instant): Promise<Map<string, string>> {
  const { rows } = await fresh.pool.query<{ id: number; step: number; at: Temporal.Instant }>(
    `select email_campaign_id::int as id, step_id::int as step, messages.finished_at as at from messages
     join email_campaigns on email_campaigns.id = email_campaign_id
     where email_campaigns.campaign_id = $1 and state = 'accepted' and messages.finished_at > $2`,
    [campaignId, since.toString()],
  );
  return new Map(rows.map((row) => [`${row.id} ${row.step}`, inMinutes(row.at)]));
}

async function runningIds(campaignId: number): Promise<number[]> {
  const rows = await fresh.db
    .selectFrom("emailCampaigns")
    .select("id")
    .where("campaignId", "=", campaignId)
    .where("status", "in", ["Scheduled", "In Progress"])
    .orderBy("id")
    .execute();
  return rows.map(({ id }) => id);
}

/** The mails foretold for who is on the way, with their moments. */
async function foretold(ids: readonly number[], now: Temporal.Instant): Promise<Map<string, Temporal.Instant>> {
  const told = new Map<string, Temporal.Instant>();
  for (const { id, facts } of await factsOf(fresh.db, ids))
    for (const { stepId, at: moment } of project(facts, now)) if (moment) told.set(`${id} ${stepId}`, moment);
  return told;
}

/** As if the published Schedule had always been so; but for steps that came when their day was over for this person. */
function fromScratch(facts: Facts, rows: Awaited<ReturnType<typeof campaigns.get>>["steps"]): Facts {
  const steps = rows.map((row) => ({
    id: row.id,
    position: row.position,
    sendAfterDays: row.sendAfterDays,
    timeOfDay: row.timeOfDay === null ? null : Temporal.PlainTime.from(row.timeOfDay),
    expiresAfterDays: row.expiresAfterDays,
    addedAt: null,
    timing: row.timing && stepTimingOf(row.timing),
  }));
  const tooLate = facts.steps.filter(({ id, addedAt }) => {
    const step = steps.find((one) => one.id === id);
    return step && addedAt && Temporal.Instant.compare(addedAt, facts.createdAt) > 0
      ? Temporal.Instant.compare(addedAt, plannedAt(facts.startOn, step, facts.rules, facts.createdAt)) > 0
      : false;
  });
  return { ...facts, steps: steps.filter(({ id }) => !tooLate.some((one) => one.id === id)) };
}

async function nextIsThatOfScratch(campaignId: number, now: Temporal.Instant): Promise<number> {
  const { steps } = await campaigns.get(fresh.db, campaignId);
  const found = await factsOf(fresh.db, await runningIds(campaignId));
  let compared = 0;
  for (const one of found.filter(({ scheduleVersionId }) => scheduleVersionId === null)) {
    const { nextDueAt, status } = await small.status(one.id);
    const { next, send, expire } = decide(fromScratch(one.facts, steps), now);
    // What is due or too late is looked at now; before the start day the next look is its first moment.
    if (send.length > 0 || expire.length > 0 || status === "Scheduled") continue;
    if (nextDueAt && Temporal.Instant.compare(nextDueAt, now) <= 0) continue;
    expect(nextDueAt && inMinutes(nextDueAt)).toBe(next && inMinutes(next.dueAt));
    compared += 1;
  }
  return compared;
}

let lived = 0;
let mails = 0;
let comparisons = 0;

async function live({ days, people, acts }: typeof history extends fc.Arbitrary<infer Value> ? Value : never) {
  const campaign = await small.campaign(days.map((day) => ({ day })));
  const campaignId = campaign.id;
  const rowsOf = async () =>
    new Map((await campaigns.get(fresh.db, campaignId)).steps.map((row) => [row.id, row.sendAfterDays]));
  /** By Email Campaign: the least days of each step, by the Schedule that is followed. */
  const followed = new Map<number, Map<number, number>>();
  const events = [
    ...people.map((one) => ({ hour: one.hour, start: one })),
    ...acts.map((one) => ({ hour: one.hour, edit: one })),
    ...acts
      .filter(({ what }) => PAUSES.includes(what as "hold"))
      .map((one) => ({ hour: one.hour + 20 + 10 * one.day, resume: true })),
  ].toSorted((one, other) => one.hour - other.hour);
  let last = BEGAN;
  let told = new Map<string, Temporal.Instant>();
  const pass = async (until: Temporal.Instant) => {
    const expected = new Map(
      [...told].flatMap(([key, moment]) =>
        Temporal.Instant.compare(moment, until) <= 0 ? [[key, inMinutes(moment)] as const] : [],
      ),
    );
    // A moment later, so that what left at the moment of the act itself belongs to what was before it.
    await run(last, until);
    const left = await leftSince(campaignId, last);
    expect(Object.fromEntries(left)).toEqual(Object.fromEntries(expected));
    for (const [key, moment] of left) {
      const [id = 0, step = 0] = key.split(" ").map(Number);
      const one = await small.status(id);
      const { timeZone } = await fresh.db
        .selectFrom("people")
        .select("timeZone")
        .where("id", "=", one.personId)
        .executeTakeFirstOrThrow();
      const due = one.startOn.add({ days: followed.get(id)?.get(step) ?? Infinity });
      const on = localDay(Temporal.Instant.from(moment), timeZone ?? "UTC");
      expect(
        Temporal.PlainDate.compare(on, due),
        `${key} on ${on.toString()}, due ${due.toString()}: not early`,
      ).toBeGreaterThanOrEqual(0);
      mails += 1;
    }
    last = until;
  };
  for (const [order, event] of events.entries()) {
    const now = BEGAN.add({ hours: event.hour, minutes: order + 1 });
    await pass(now.subtract({ seconds: 1 }));
    let isCompared = false;
    const paused = (await campaigns.get(fresh.db, campaignId)).pauseKind;
    if ("start" in event) {
      const { id: personId } = await small.person({ timeZone: event.start.timeZone });
      const startOn = localDay(now, event.start.timeZone)
        .add({ days: event.start.ahead + 1 })
        .toString();
      followed.set(await small.start(campaignId, personId, now, { startOn }), await rowsOf());
    } else if ("resume" in event) {
      if (paused) await pauses.resume(fresh.db, campaignId, ana, now);
    } else if (PAUSES.includes(event.edit.what as "hold")) {
      if (!paused) await pauses.pause(fresh.db, campaignId, event.edit.what as "hold", ana, now);
    } else {
      const { what, which, day, choice } = event.edit;
      const { steps } = contentOf(await campaigns.get(fresh.db, campaignId));
      const edited = { settings: {}, ...EDITS[what]!(steps, which % steps.length, day) };
      const content = { steps: edited.steps!.map((row) => stepInput.parse(row)), settings: edited.settings };
      const before = new Set(await runningIds(campaignId));
      await publishing.saveDraft(fresh.db, campaignId, content, ana, null, now);
      await publishing.publish(fresh.db, campaignId, { choice }, ana, null, now);
      const rows = await rowsOf();
      for (const id of followed.keys()) if (choice !== "new-only" || !before.has(id)) followed.set(id, rows);
      isCompared = choice === "everyone" && !paused;
    }
    const rests = (await campaigns.get(fresh.db, campaignId)).pauseKind !== null;
    told = rests ? new Map() : await foretold(await runningIds(campaignId), now);
    if (!isCompared) continue;
    // A publication has everybody looked at; after that look each waits for the next mail.
    await run(now, now);
    comparisons += await nextIsThatOfScratch(campaignId, now);
  }
  await pass(END);
  const { rows } = await fresh.pool.query<{ id: number; status: string }>(
    "select id::int as id, status from email_campaigns where campaign_id = $1",
    [campaignId],
  );
  expect(rows.filter(({ status }) => status !== "Completed" && status !== "Stopped")).toEqual([]);
  const twice = await fresh.pool.query(
    `select email_campaign_id, step_id from messages join email_campaigns on email_campaigns.id = email_campaign_id
     where email_campaigns.campaign_id = $1 group by 1, 2 having count(*) > 1`,
    [campaignId],
  );
  expect(twice.rows).toEqual([]);
  lived += rows.length;
}

it("a publication leaves everybody where a Schedule that had always been so would have them; never twice, early or stranded", async () => {
  const numRuns = Number(process.env["HISTORIES"] ?? 25);
  await fc.assert(fc.asyncProperty(history, live), {
    numRuns,
    ...(process.env["SEED"] ? { seed: Number(process.env["SEED"]) } : { seed: 7 }),
  });
  expect(lived).toBeGreaterThan(numRuns);
  expect(mails).toBeGreaterThan(numRuns);
  expect(comparisons).toBeGreaterThan(numRuns / 3);
}, 600_000);
