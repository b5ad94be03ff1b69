/**
 * 10,000 leads go through five steps in thirty simulated days with outages, opt-outs, pauses and cancellations; then every
 * message is accounted for. Real modules, real PostgreSQL, real SMTP; only the clock is moved by hand.
 */
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as campaigns from "../../src/campaigns/campaigns.ts";
import { verify } from "../../src/core/links.ts";
import { DO_NOT_CONTACT } from "../../src/people/api.ts";
import * as emailCampaigns from "../../src/email-campaigns/email-campaigns.ts";
import { importPeople } from "../../src/people/import.ts";
import * as people from "../../src/people/people.ts";
import * as templates from "../../src/templates/templates.ts";
import { find, leave } from "../../src/unsubscribe/unsubscribe.ts";
import { type FreshDatabase, freshDatabase } from "../database.ts";
import { type Sink, startSink } from "../smtp-sink.ts";
import { actor, linkKeys, neighbours, world } from "../world.ts";

const leads = join(import.meta.dirname, "..", "..", "..", "shared", "data", "people", "leads-10000.csv");
const PEOPLE = 10_000;
const DAYS = [0, 3, 7, 14, 21];
const START = "2026-03-16";
const ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"];
/** Nothing runs on these days of the month's story: over the second step for two days, over the fourth for some hours. */
const isDown = (hour: number) =>
  (hour >= 24 * 3 - 12 && hour < 24 * 5 - 4) || (hour >= 24 * 14 + 6 && hour < 24 * 14 + 15);
const SEED = 20260316;

type Mail = { to: string; subject: string; hour: number; token: string };
type Ended = { hour: number; what: "unsubscribed" | "cancelled" | "do-not-contact" };

let fresh: FreshDatabase;
let sink: Sink;
const mails: Mail[] = [];
const ended = new Map<number, Ended>();
const paused = new Map<number, { from: number; to: number }>();
let ids: { id: number; personId: number; email: string; timeZone: string }[] = [];
const from = Temporal.PlainDate.from(START).toZonedDateTime("UTC").toInstant();
const momentOf = (hour: number) => from.add({ minutes: Math.round(hour * 60) });

/** mulberry32: the same story at every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

beforeAll(async () => {
  expect(existsSync(leads), `${leads} is needed for this test`).toBe(true);
  fresh = await freshDatabase();
  sink = await startSink();
  await live();
}, 400_000);

afterAll(async () => {
  await sink.close();
  await fresh.close();
});

/** The month itself. */
async function live(): Promise<void> {
  const { db, database } = fresh;
  const random = randomFrom(SEED);
  const small = world(db);
  await small.postalAddress("1 Example Street");
  const options = { kind: "lead" as const, actor, neighbours };
  const created = await importPeople(database, createReadStream(leads), options, momentOf(-30));
  expect(created).toMatchObject({ created: PEOPLE, bad: 0 });
  // A twentieth lives in each of some zones, with and without daylight saving.
  await sql`update people set time_zone = (${ZONES}::text[])[1 + id % 20] where id % 20 < ${ZONES.length}`.execute(db);

  const content = (day: number, word: string) => ({
    subject: `Day ${day} ${word}`,
    preheader: null,
    format: "html" as const,
    body: "<p>Dear {{ first_name }}</p>",
    text: null,
  });
  const steps: { emailTemplateId: number; sendAfterDays: number; timeOfDay: null; expiresAfterDays: null }[] = [];
  for (const day of DAYS) {
    const made = await templates.create(
      db,
      { name: `Day ${day}`, ...content(day, "as written") },
      actor,
      momentOf(-29),
    );
    steps.push({ emailTemplateId: made.id, sendAfterDays: day, timeOfDay: null, expiresAfterDays: null });
  }
  const details = { description: null, timeOfDay: null, expiresAfterDays: null };
  const campaign = await campaigns.create(db, { name: "A month", ...details, steps }, actor, momentOf(-29));
  const account = await small.account(sink.port, { connections: 30 });
  const sender = await small.sender({ emailAccountId: account.id });
  const input = { campaignId: campaign.id, emailGroupId: null, filter: {}, startOn: START, senderId: sender.id };
  expect(await emailCampaigns.startMany(db, input, null, actor, momentOf(-24))).toEqual({
    started: PEOPLE,
    leftOut: {},
  });

  const { rows } = await sql<(typeof ids)[number]>`
    select ec.id, ec.person_id, people.email, coalesce(people.time_zone, 'UTC') as time_zone
    from email_campaigns ec join people on people.id = ec.person_id order by ec.id`.execute(db);
  ids = rows;
  const shuffled = ids.map((row) => ({ row, key: random() })).toSorted((one, other) => one.key - other.key);
  const story = new Map<number, (() => Promise<unknown>)[]>();
  const on = (hour: number, what: () => Promise<unknown>) => story.set(hour, [...(story.get(hour) ?? []), what]);
  const later = () => 12 + Math.floor(random() * 24 * 22);

  for (const [index, { row }] of shuffled.slice(0, 650).entries()) {
    const hour = later();
    if (index < 300) on(hour, () => optOut(row, hour));
    else if (index < 500) {
      const back = hour + 24 + Math.floor(random() * 72);
      paused.set(row.id, { from: hour, to: back });
      on(hour, () => emailCampaigns.pause(db, row.id, actor, momentOf(hour)).catch(() => paused.delete(row.id)));
      on(back, () =>
        paused.has(row.id) ? emailCampaigns.resume(db, row.id, actor, momentOf(back)) : Promise.resolve(),
      );
    } else if (index < 600)
      on(hour, async () => {
        const done = await emailCampaigns.cancel(db, row.id, actor, momentOf(hour)).catch(() => null);
        if (done) ended.set(row.id, { hour, what: "cancelled" });
      });
    else on(hour, () => doNotContact(row, hour));
  }
  on(24 * 10, () =>
    templates.update(db, steps[3]!.emailTemplateId, content(14, "reworded"), actor, null, momentOf(240)),
  );

  let hourNow = 0;
  sink.onMessage((mail) => {
    const text = mail.data.toString("latin1");
    const subject = /^Subject: (.+?)\r$/m.exec(text)?.[1] ?? "";
    const token = /^List-Unsubscribe: <[^>]*\/u\/([^>]+)>/m.exec(text)?.[1] ?? "";
    mails.push({ to: mail.to, subject, hour: hourNow, token });
  });
  const delivery = small.delivery();
  for (let hour = -24; hour <= 24 * 30; hour += 1) {
    hourNow = hour;
    for (const happens of story.get(hour) ?? []) await happens();
    if (!isDown(hour)) await delivery.runUntilIdle(momentOf(hour));
  }
  await delivery.drain();
}

/** As the page does it: by the link in a mail the person got; nobody leaves before the first one came. */
async function optOut(row: { id: number; email: string }, hour: number): Promise<void> {
  const got = mails.find((mail) => mail.to === row.email);
  if (!got) return;
  expect(verify(linkKeys, "unsubscribe", got.token)).not.toBeNull();
  const leaver = await find(fresh.db, linkKeys, got.token);
  await leave(fresh.db, leaver!, "campaign", "page", momentOf(hour));
  ended.set(row.id, { hour, what: "unsubscribed" });
}

async function doNotContact(row: { id: number; personId: number }, hour: number): Promise<void> {
  const stopping: people.Neighbours = {
    ...neighbours,
    onDoNotContact: async (tx, personIds, now) => {
      await emailCampaigns.end(tx, { personIds }, { event: "stop", reason: "do-not-contact" }, now);
    },
  };
  await people.update(
    fresh.db,
    row.personId,
    "lead",
    { status: DO_NOT_CONTACT },
    actor,
    stopping,
    null,
    momentOf(hour),
  );
  ended.set(row.id, { hour, what: "do-not-contact" });
}

const dayOf = (mail: Mail) => Number(/^Day (\d+)/.exec(mail.subject)?.[1]);
const localDay = (hour: number, timeZone: string) => momentOf(hour).toZonedDateTimeISO(timeZone).toPlainDate();

describe("after the month", () => {
  it("E54, E55 nobody got a step twice, and what the server got is what is recorded as sent", async () => {
    const keys = mails.map((mail) => `${mail.to} ${dayOf(mail)}`);
    expect(new Set(keys).size).toBe(keys.length);
    const { rows } = await sql<{ key: string }>`
      select messages.address || ' ' || steps.send_after_days as key
      from messages join steps on steps.id = messages.step_id where state = 'accepted'`.execute(fresh.db);
    expect(rows.map((row) => row.key).toSorted()).toEqual(keys.toSorted());
  });

  it("E49, E50 every mail left on its day in the person's zone, or later because of the outage or a pause; never early, always in order", () => {
    const byAddress = Map.groupBy(mails, (mail) => mail.to);
    let onItsDay = 0;
    for (const { id, email, timeZone } of ids) {
      const got = byAddress.get(email) ?? [];
      const days = got.map(dayOf);
      expect(days).toEqual(days.toSorted((one, other) => one - other));
      const left = got.map((mail) => localDay(mail.hour, timeZone).toString());
      expect(new Set(left).size, `${email} got two on one day`).toBe(left.length);
      for (const mail of got) {
        const planned = Temporal.PlainDate.from(START).add({ days: dayOf(mail) });
        const late = localDay(mail.hour, timeZone).since(planned).days;
        expect(late).toBeGreaterThanOrEqual(0);
        const clock = momentOf(mail.hour).toZonedDateTimeISO(timeZone);
        if (late === 0) expect(clock.hour).toBeGreaterThanOrEqual(9);
        if (late === 0) onItsDay += 1;
        // Ten thousand late ones leave a thousand an hour, so the outage of the second step ends within its day.
        if (late > 0)
          expect(paused.has(id) || [3, 7].includes(dayOf(mail)), `${email}: ${mail.subject} ${late} late`).toBe(true);
        expect(late).toBeLessThanOrEqual(paused.has(id) ? 8 : 3);
      }
    }
    expect(onItsDay).toBeGreaterThan(PEOPLE * 3);
  });

  it("E62, E63, E93 nothing left after somebody opted out, was cancelled or marked Do Not Contact", () => {
    const counts = Map.groupBy([...ended.values()], (end) => end.what);
    expect([...counts.keys()].toSorted()).toEqual(["cancelled", "do-not-contact", "unsubscribed"]);
    expect(counts.get("unsubscribed")!.length).toBeGreaterThan(250);
    const byId = new Map(ids.map((row) => [row.id, row.email]));
    const after = [...ended].flatMap(([id, end]) =>
      mails.filter((mail) => mail.to === byId.get(id) && mail.hour > end.hour),
    );
    expect(after).toEqual([]);
  });

  it("E43, E44, E64 every status is true: Completed where every step is resolved, ended where somebody ended it", async () => {
    const { rows } = await sql<{ id: number; status: string; stopReason: string | null; open: number }>`
      select ec.id, ec.status, ec.stop_reason, (select count(*)::int from steps where not exists (
        select from messages where messages.email_campaign_id = ec.id and messages.step_id = steps.id
          and messages.state in ('accepted', 'refused', 'skipped'))) as open
      from email_campaigns ec`.execute(fresh.db);
    for (const row of rows) {
      const end = ended.get(row.id);
      if (!end) expect(row).toMatchObject({ status: "Completed", open: 0 });
      else if (end.what === "unsubscribed") expect(row.status).toBe("Unsubscribed");
      else if (row.status !== "Completed") expect(row).toMatchObject({ status: "Stopped", stopReason: end.what });
    }
    expect(rows).toHaveLength(PEOPLE);
  });

  it("E103 every person's record adds up: each step sent once, skipped for a reason, or not due before it ended", async () => {
    const { rows } = await sql<{ state: string; reason: string | null; count: number }>`
      select state, reason, count(*)::int as count from messages group by 1, 2`.execute(fresh.db);
    expect(rows.filter((row) => !["accepted", "skipped"].includes(row.state))).toEqual([]);
    const skipped = rows.filter((row) => row.state === "skipped");
    for (const row of skipped) expect(["unsubscribed", "cancelled", "do-not-contact", "expired"]).toContain(row.reason);
    const running = PEOPLE - ended.size;
    expect(mails.length).toBeGreaterThanOrEqual(running * DAYS.length);
    expect(mails.length).toBeLessThanOrEqual(PEOPLE * DAYS.length);
  });

  it("E10 a template edited half way reaches the mails that had not left", () => {
    const reworded = mails.filter((mail) => mail.subject === "Day 14 reworded");
    expect(mails.filter((mail) => mail.subject === "Day 14 as written")).toEqual([]);
    expect(reworded.length).toBeGreaterThan(PEOPLE * 0.9);
  });
});
