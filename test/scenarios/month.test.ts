/**
 * 10,000 leads go through five steps in thirty simulated days with outages, opt-outs, pauses and cancellations; then every
 * message is accounted for. Real modules, real PostgreSQL, real SMTP; only the clock is moved by hand.
 */
import { createReadStream, existsSync } from "node:fs";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as campaigns from "../../src/campaigns/campaigns.ts";
import * as communications from "../../src/communications/communications.ts";
import { verify } from "../../src/core/links.ts";
import { inTransaction } from "../../src/db/database.ts";
import * as emailCampaigns from "../../src/email-campaigns/email-campaigns.ts";
import { DO_NOT_CONTACT } from "../../src/people/api.ts";
import { importPeople } from "../../src/people/import.ts";
import * as people from "../../src/people/people.ts";
import { suppress } from "../../src/suppressions/suppressions.ts";
import * as templates from "../../src/templates/templates.ts";
import { find, leave } from "../../src/unsubscribe/unsubscribe.ts";
import { type FreshDatabase, freshDatabase } from "../database.ts";
import { randomFrom } from "../faults/chance.ts";
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

/** The template of day 14 is edited while the mails that the second outage held back are leaving. */
const EDITED = 24 * 14 + 18;
/** The burst guard as it is by default: late mails of a Campaign in an hour. */
const GUARD = 1000;

type Mail = { to: string; subject: string; hour: number; token: string; messageId: string };
/** `mails`: how many had left by then. */
type Ended = { hour: number; mails: number; what: "unsubscribed" | "cancelled" | "do-not-contact" | "suppressed" };
type Row = { id: number; day: number; state: string; reason: string | null; messageId: string | null };

let fresh: FreshDatabase;
let sink: Sink;
const mails: Mail[] = [];
const ended = new Map<number, Ended>();
const end = (id: number, hour: number, what: Ended["what"]) => ended.set(id, { hour, what, mails: mails.length });
const paused = new Map<number, { from: number; to: number }>();
let ids: { id: number; personId: number; email: string; timeZone: string }[] = [];
const from = Temporal.PlainDate.from(START).toZonedDateTime("UTC").toInstant();
const momentOf = (hour: number) => from.add({ minutes: Math.round(hour * 60) });

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
  process.stdout.write(`seed ${SEED}\n`);
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

  for (const [index, { row }] of shuffled.slice(0, 700).entries()) {
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
        if (done) end(row.id, hour, "cancelled");
      });
    else if (index < 650) on(hour, () => doNotContact(row, hour));
    else on(hour, () => suppressByHand(row, hour));
  }
  on(EDITED, () =>
    templates.update(db, steps[3]!.emailTemplateId, content(14, "reworded"), actor, null, momentOf(EDITED)),
  );

  let hourNow = 0;
  sink.onMessage((mail) => {
    const text = mail.data.toString("latin1");
    const subject = /^Subject: (.+?)\r$/m.exec(text)?.[1] ?? "";
    const token = /^List-Unsubscribe: <[^>]*\/u\/([^>]+)>/m.exec(text)?.[1] ?? "";
    const messageId = /^Message-ID: (\S+)/m.exec(text)?.[1] ?? "";
    mails.push({ to: mail.to, subject, hour: hourNow, token, messageId });
  });
  const delivery = small.delivery();
  for (let hour = -24; hour <= 24 * 30; hour += 1) {
    hourNow = hour;
    for (const happens of story.get(hour) ?? []) await happens();
    if (!isDown(hour)) await delivery.runUntilIdle(momentOf(hour));
    // What is needed of them is kept above; the bytes of a month are not.
    sink.messages.length = 0;
    sink.commands.length = 0;
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
  end(row.id, hour, "unsubscribed");
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
  end(row.id, hour, "do-not-contact");
}

/** An operator puts the address on the list: the Email Campaign learns of it at its next step. */
async function suppressByHand(row: { id: number; email: string }, hour: number): Promise<void> {
  const what = { emailKey: row.email.toLowerCase(), scope: "everything", reason: "manual" } as const;
  await inTransaction(fresh.db, (tx) => suppress(tx, what, momentOf(hour)));
  end(row.id, hour, "suppressed");
}

const dayOf = (mail: Mail) => Number(/^Day (\d+)/.exec(mail.subject)?.[1]);
const localDay = (hour: number, timeZone: string) => momentOf(hour).toZonedDateTimeISO(timeZone).toPlainDate();
const hourOf = (on: Temporal.PlainDate, timeZone: string, plainTime: string) =>
  (on.toZonedDateTime({ timeZone, plainTime }).epochMilliseconds - from.epochMilliseconds) / 3_600_000;
const dueHour = (day: number, timeZone: string) =>
  hourOf(Temporal.PlainDate.from(START).add({ days: day }), timeZone, "09:00");

/** The ticks at which mail for this Email Campaign could leave: the program ran, and nobody had paused it. */
function isOpen(id: number, hour: number): boolean {
  const pause = paused.get(id);
  return !isDown(hour) && !(pause && hour >= pause.from && hour < pause.to);
}

/**
 * When a step must leave, worked out anew from the story alone: at the first open tick from its time of day on, not on
 * the day of the mail before it. `latest` is later only for what the burst guard may hold back.
 */
function expected(id: number, day: number, timeZone: string, before: number | null): { first: number; latest: number } {
  const due = dueHour(day, timeZone);
  const dayAfter = before === null ? due : hourOf(localDay(before, timeZone).add({ days: 1 }), timeZone, "00:00");
  let first = Math.ceil(Math.max(due, dayAfter));
  while (!isOpen(id, first)) first += 1;
  let latest = first;
  if (first < due + 1) return { first, latest };
  for (let slices = PEOPLE / GUARD; slices > 0; slices -= isOpen(id, latest) ? 1 : 0) latest += 1;
  return { first, latest };
}

async function recorded(): Promise<Map<number, Row[]>> {
  const { rows } = await sql<Row>`
    select messages.email_campaign_id as id, steps.send_after_days as day, messages.state, messages.reason, messages.message_id
    from messages join steps on steps.id = messages.step_id order by 1, 2`.execute(fresh.db);
  return Map.groupBy(rows, (row) => row.id);
}

describe("after the month", () => {
  it("E53, E54 what the server got is what is recorded as sent: one mail for each Message-ID, person and step", async () => {
    const rows = await recorded();
    const sent = ids.flatMap(({ id, email }) =>
      (rows.get(id) ?? [])
        .filter((row) => row.state === "accepted")
        .map((row) => `${row.messageId} ${email} ${row.day}`),
    );
    const got = mails.map((mail) => `${mail.messageId} ${mail.to} ${dayOf(mail)}`);
    expect(got.toSorted()).toEqual(sent.toSorted());
    expect(new Set(mails.map((mail) => mail.messageId)).size).toBe(mails.length);
    expect(new Set(mails.map((mail) => `${mail.to} ${dayOf(mail)}`)).size).toBe(mails.length);
  });

  it("E49, E50, E63 every step of everybody is sent at its time, late only by an outage or a pause, or skipped or left out because it ended before", async () => {
    const rows = await recorded();
    const byAddress = Map.groupBy(mails, (mail) => mail.to);
    const wrong: string[] = [];
    const count = { onTime: 0, late: 0, skipped: 0, leftOut: 0 };
    for (const { id, email, timeZone } of ids) {
      const got = new Map((byAddress.get(email) ?? []).map((mail) => [dayOf(mail), mail.hour]));
      const over = ended.get(id);
      let before: number | null = null;
      let skipped = false;
      for (const day of DAYS) {
        const { first, latest } = expected(id, day, timeZone, before);
        const hour = got.get(day);
        const row = rows.get(id)?.find((candidate) => candidate.day === day);
        const say = (what: string) =>
          wrong.push(
            `${email} ${timeZone} day ${day}: ${what}; sent ${hour}, expected ${first} to ${latest}, ended ${over?.hour}`,
          );
        if (hour !== undefined) {
          if (row?.state !== "accepted") say(`recorded as ${row?.state}`);
          if (hour < first || hour > latest || !isOpen(id, hour)) say("at a wrong time");
          if (before !== null && localDay(hour, timeZone).equals(localDay(before, timeZone))) say("two on one day");
          if (first === latest) count.onTime += 1;
          else count.late += 1;
          before = hour;
        } else if (!over || over.hour > latest) say("missing");
        else if (row) {
          // Only what is learnt at the step itself leaves a skip, and the first one ends it.
          if (over.what !== "suppressed" || skipped || row.state !== "skipped" || row.reason !== "manual")
            say(`recorded as ${row.state} ${row.reason}`);
          skipped = true;
          count.skipped += 1;
        } else {
          if (over.what === "suppressed" && !skipped) say("not sent, and no word of why");
          count.leftOut += 1;
        }
      }
    }
    process.stdout.write(`${JSON.stringify({ mails: mails.length, ...count })}\n`);
    expect(wrong).toEqual([]);
    expect(count.onTime + count.late).toBe(mails.length);
    expect(count.onTime + count.late + count.skipped + count.leftOut).toBe(PEOPLE * DAYS.length);
    expect(count.late).toBeGreaterThan(PEOPLE);
    expect(count.skipped).toBeGreaterThan(20);
  });

  it("E50 what an outage made late leaves at most a thousand an hour", () => {
    const zones = new Map(ids.map((row) => [row.email, row.timeZone]));
    const late = mails.filter((mail) => mail.hour > dueHour(dayOf(mail), zones.get(mail.to)!) + 1);
    const hours = [...Map.groupBy(late, (mail) => mail.hour).values()].map((together) => together.length);
    expect(Math.max(...hours)).toBe(GUARD);
  });

  it("E62, E63, E93 nothing left after somebody opted out, was cancelled, suppressed or marked Do Not Contact", () => {
    const counts = Map.groupBy(ended.values(), (one) => one.what);
    expect(counts.get("unsubscribed")!.length).toBeGreaterThan(250);
    expect(counts.get("cancelled")!.length).toBeGreaterThan(80);
    expect(counts.get("do-not-contact")).toHaveLength(50);
    expect(counts.get("suppressed")).toHaveLength(50);
    expect(paused.size).toBeGreaterThan(150);
    const byAddress = new Map(ids.map((row) => [row.email, row.id]));
    const after = mails.filter((mail, at) => at >= (ended.get(byAddress.get(mail.to)!)?.mails ?? Infinity));
    expect(after).toEqual([]);
  });

  it("E43, E44, E64 every status is true: Completed if every step was sent and nobody left, else what ended it", async () => {
    const rows = await recorded();
    const { rows: found } = await sql<{ id: number; status: string; stopReason: string | null }>`
      select id, status, stop_reason from email_campaigns`.execute(fresh.db);
    expect(found).toHaveLength(PEOPLE);
    const wrong = found.filter(({ id, status, stopReason }) => {
      const what = ended.get(id)?.what;
      const whole = (rows.get(id) ?? []).filter((row) => row.state === "accepted").length === DAYS.length;
      // Whoever leaves by the link of a finished one is Unsubscribed all the same (E92).
      if (what === "unsubscribed") return status !== "Unsubscribed";
      if (whole) return status !== "Completed";
      if (what === "suppressed") return status !== "Unsubscribed";
      return status !== "Stopped" || stopReason !== what;
    });
    expect(wrong).toEqual([]);
  });

  it("E103 each sent mail stands on the person's timeline with its subject", async () => {
    const byAddress = Map.groupBy(mails, (mail) => mail.to);
    // Everybody to whom something happened, and every fiftieth of the others.
    for (const { id, personId, email } of ids.filter((row) => ended.has(row.id) || row.id % 50 === 0)) {
      const { data } = await communications.list(fresh.db, { personId, kind: "email", limit: 50 });
      const told = data.filter((entry) => entry.emailCampaignId === id && entry.deliveryStatus === "sent");
      const got = (byAddress.get(email) ?? []).map((mail) => `${mail.messageId} ${mail.subject}`);
      expect(told.map((entry) => `${entry.messageId} ${entry.subject}`).toSorted()).toEqual(got.toSorted());
    }
  });

  it("E10 a template edited half way reaches the mails that had not left, and no other", () => {
    const fourth = mails.filter((mail) => dayOf(mail) === 14);
    const [before, since] = [fourth.filter((mail) => mail.hour < EDITED), fourth.filter((mail) => mail.hour >= EDITED)];
    expect(before.length).toBeGreaterThan(GUARD);
    expect(since.length).toBeGreaterThan(GUARD);
    expect(new Set(before.map((mail) => mail.subject))).toEqual(new Set(["Day 14 as written"]));
    expect(new Set(since.map((mail) => mail.subject))).toEqual(new Set(["Day 14 reworded"]));
  });
});
