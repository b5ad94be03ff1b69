/** A simulation says what a real run does, mail for mail, and leaves nothing. Real PostgreSQL, moved clock, the built-in mailbox. */
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink } from "../../test/smtp-sink.ts";
import { actor, at, sendUntil, silent, type World, world } from "../../test/world.ts";
import type { Answers } from "../core/answers.ts";
import type { Refusal } from "../core/problem.ts";
import { variantFor } from "../core/variants.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { simulate, type Simulation } from "./simulate.ts";

const NOBODY_ANSWERS: Answers = { shares: {}, afterHours: 5, seed: 1, named: [] };
const began = at("2026-12-01T10:00:00Z");
let fresh: FreshDatabase;
let small: World;
beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Street");
});
afterAll(() => fresh?.close());

const run = (campaignId: number, more: Partial<Simulation>, now = began) =>
  simulate(
    { db: fresh.db, log: silent },
    { personIds: [], madeUp: [], startOn: null, days: 90, answers: NOBODY_ANSWERS, ...more },
    async () => campaignId,
    now,
  );
const MADE_UP = (count: number) => Array.from({ length: count }, (_, index) => ({ name: `Person ${index}` }));

async function rowsEverywhere(): Promise<Record<string, number>> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`.execute(
    fresh.db,
  );
  const counts: Record<string, number> = {};
  for (const { name } of rows) {
    const counted = await sql<{ count: number }>`select count(*) as count from ${sql.id("public", name)}`.execute(
      fresh.db,
    );
    counts[name] = counted.rows[0]!.count;
  }
  return counts;
}

describe("a simulation", () => {
  it("tells every mail with its date, in the person's own days, and leaves nothing behind", async () => {
    const { id } = await small.campaign([{ day: 0 }, { day: 4 }, { day: 10 }]);
    const before = await rowsEverywhere();
    const found = await run(id, {
      madeUp: [{ name: "Ana" }, { name: "Hana", timeZone: "Asia/Tokyo" }],
      startOn: "2026-12-02",
    });
    const told = found.mails.map(
      ({ person, on, at: moment, outcome }) => `${person} ${on} ${moment.toString().slice(11, 16)} ${outcome}`,
    );
    expect(told.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "0 2026-12-02 09:00 sent",
      "0 2026-12-06 09:00 sent",
      "0 2026-12-12 09:00 sent",
      "1 2026-12-02 00:00 sent",
      "1 2026-12-06 00:00 sent",
      "1 2026-12-12 00:00 sent",
    ]);
    expect(found.people.map(({ status }) => status)).toEqual(["Completed", "Completed"]);
    expect(await rowsEverywhere()).toEqual(before);
  });

  it("answers end what they end: a reply, a bounce, leaving", async () => {
    const { id } = await small.campaign([{ day: 0 }, { day: 4 }, { day: 10 }]);
    const named = [
      { person: 0, mail: 0, does: "reply", afterHours: 30 },
      { person: 1, mail: 1, does: "bounce", afterHours: 0 },
      { person: 2, mail: 0, does: "unsubscribe", afterHours: 2 },
      { person: 3, mail: 2, does: "open", afterHours: 1 },
    ] as const;
    const found = await run(id, { madeUp: MADE_UP(4), answers: { ...NOBODY_ANSWERS, named } });
    expect(found.people.map(({ status, stopReason }) => [status, stopReason])).toEqual([
      ["Stopped", "replied"],
      ["Stopped", "bounced"],
      ["Unsubscribed", null],
      ["Completed", null],
    ]);
    expect(
      [0, 1, 2, 3].map((person) => found.mails.filter((mail) => mail.person === person).map(({ outcome }) => outcome)),
    ).toEqual([["sent"], ["sent", "failed"], ["sent"], ["sent", "sent", "sent"]]);
    expect(found.answers.map(({ does }) => does)).toEqual(["unsubscribe", "reply", "bounce", "open"]);
  });

  it("copies real people with what stands in their way, and nothing happens to them", async () => {
    const { id } = await small.campaign([{ day: 0 }]);
    const ana = await small.person();
    const found = await run(id, { personIds: [ana.id], madeUp: MADE_UP(1) });
    expect(found.people.map(({ personId, status }) => [personId, status])).toEqual([
      [ana.id, "Completed"],
      [null, "Completed"],
    ]);
    const nobody = run(id, { personIds: [999_999] });
    expect(await nobody.catch((error: Refusal) => error.code)).toBe("person-not-found");
    expect(await run(id, {}).catch((error: Refusal) => error.code)).toBe("nobody-to-start");
  });
});

/** People of one Campaign, live: started, and every due moment sent by the mailbox until the end. */
async function inEarnest(campaignId: number, personIds: readonly number[], days: number): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: number }>`
    insert into email_groups (title, created_at, changed_at) values (${`Group of ${campaignId}`}, now(), now()) returning id`.execute(
    fresh.db,
  );
  await sql`insert into email_group_members (email_group_id, person_id, joined_at)
    select ${rows[0]!.id}, id, now() from unnest(${[...personIds]}::bigint[]) as id`.execute(fresh.db);
  const input = { campaignId, emailGroupId: rows[0]!.id, filter: null, startOn: null, senderId: null };
  await emailCampaigns.startMany(fresh.db, input, null, actor, began);
  const delivery = small.delivery({ db: fresh.database.batches });
  await sendUntil(delivery, began, began.add({ hours: 24 * days }), { burstGuard: false });
  const messages = await sql<{
    personId: number;
    stepId: number;
    state: string;
    reason: string | null;
    at: Temporal.Instant;
  }>`
    select person_id, step_id, state, reason, finished_at as at from messages where campaign_id = ${campaignId}`.execute(
    fresh.db,
  );
  return new Map(
    messages.rows.map((row) => [`${row.personId} ${row.stepId}`, `${row.state} ${row.reason} ${minute(row.at)}`]),
  );
}

/** A real run takes its time; a minute holds many mails. */
const minute = (moment: Temporal.Instant) => moment.toString().slice(0, 16);
const STATES = { sent: "accepted", skipped: "skipped", failed: "refused" } as const;

it("agrees mail for mail with the real run of the same facts under a moved clock", async () => {
  const PEOPLE = Number(process.env["SIMULATED_PEOPLE"] ?? 1000);
  const DAYS = 90;
  const { id } = await small.campaign([0, 0, 1, 5, 12, 30, 60, 88].map((day) => ({ day })));
  const zones = ["UTC", "Europe/Lisbon", "America/New_York", "Asia/Tokyo", "Pacific/Auckland"];
  const { rows } = await sql<{ id: number }>`
    insert into people (kind, full_name, email, email_key, status, time_zone, created_at, changed_at)
    select 'lead', 'Person ' || n, 'real' || n || '@example.org', 'real' || n || '@example.org', 'Lead',
      (${zones}::text[])[1 + n % ${zones.length}::int], now(), now()
    from generate_series(1, ${PEOPLE}::int) as n returning id`.execute(fresh.db);
  const personIds = rows.map((row) => row.id);
  const before = performance.now();
  const found = await run(id, { personIds, days: DAYS });
  const took = (performance.now() - before) / 1000;
  const simulated = new Map(
    found.mails.map((mail) => [
      `${personIds[mail.person]} ${mail.stepId}`,
      `${STATES[mail.outcome]} ${mail.reason} ${minute(mail.at)}`,
    ]),
  );
  expect(simulated.size).toBe(PEOPLE * 8);
  expect(took).toBeLessThan(30);
  process.stdout.write(`simulated ${PEOPLE} people and ${simulated.size} mails in ${took.toFixed(1)} s\n`);
  const real = await inEarnest(id, personIds, DAYS);
  const different = [...real].filter(([key, value]) => simulated.get(key) !== value);
  expect(different.slice(0, 5).map(([key, value]) => [key, value, simulated.get(key)])).toEqual([]);
  expect(real.size).toBe(simulated.size);
}, 600_000);

it("openings, clicks and replies are what conditions ask for", async () => {
  const group = await emailGroups.create(fresh.db, { title: "Customers" }, actor, began);
  const { id } = await small.campaign(
    [
      { day: 0 },
      { day: 2, onlyIf: { opened: "before" } },
      {
        day: 4,
        onlyIf: { all: [{ clicked: "any", link: "https://example.com/price" }, { not: { group: group.id } }] },
      },
      { day: 6, onlyIf: { not: { replied: true } } },
      { day: 8, stopIf: { replied: true } },
    ],
    null,
    { stopOnReply: false },
  );
  const member = await small.person();
  await emailGroups.addPeople(fresh.db, group.id, [member.id], actor, began);
  const does = (person: number, mail: number, deed: "open" | "click" | "reply") => ({
    person,
    mail,
    does: deed,
    afterHours: 3,
  });
  const found = await run(id, {
    personIds: [member.id],
    madeUp: MADE_UP(3),
    answers: {
      ...NOBODY_ANSWERS,
      named: [does(0, 0, "click"), does(1, 0, "open"), does(1, 1, "click"), does(2, 0, "reply")],
    },
  });
  const told = (person: number) =>
    found.mails.filter((mail) => mail.person === person).map(({ outcome, reason }) => reason ?? outcome);
  expect(told(0)).toEqual(["sent", "sent", "condition", "sent", "sent"]);
  expect(told(1)).toEqual(["sent", "sent", "sent", "sent", "sent"]);
  expect(told(2)).toEqual(["sent", "condition", "condition", "condition"]);
  expect(told(3)).toEqual(["sent", "condition", "condition", "sent", "sent"]);
  expect(found.people.map(({ status, stopReason }) => stopReason ?? status)).toEqual([
    "Completed",
    "Completed",
    "condition",
    "Completed",
  ]);
});

it("variants are drawn for the same people as in earnest, and a winner is decided on the way", async () => {
  const PEOPLE = 60;
  const winner = { by: "replied", afterSent: 20, afterDays: 2, atLeast: 5, otherwise: "split" } as const;
  const { id, steps } = await small.campaign(
    [
      { day: 0, others: [{ subject: "B" }, { subject: "C", weight: 2 }] },
      { day: 3, others: [{ subject: "B of day 3" }], winner },
    ],
    null,
    { stopOnReply: false },
  );
  const personIds: number[] = [];
  for (let count = 0; count < PEOPLE; count += 1) personIds.push((await small.person()).id);
  const found = await run(id, { personIds });
  const drawn = (step: (typeof steps)[number]) => personIds.map((person) => variantFor(step, person));
  const told = (stepId: number) =>
    found.mails
      .filter((mail) => mail.stepId === stepId)
      .toSorted((one, other) => one.person - other.person)
      .map(({ variant }) => variant);
  expect(told(steps[0]!.id)).toEqual(drawn(steps[0]!));
  expect(new Set(told(steps[0]!.id)).size).toBe(3);
  await inEarnest(id, personIds, 30);
  const { rows } = await sql<{ person: number; step: number; variant: string }>`
    select person_id as person, step_id as step, variant from messages where campaign_id = ${id}`.execute(fresh.db);
  const real = new Map(rows.map(({ person, step, variant }) => [`${person} ${step}`, variant]));
  expect(real.size).toBe(PEOPLE * 2);
  const different = found.mails.filter(
    ({ person, stepId, variant }) => real.get(`${personIds[person]} ${stepId}`) !== variant,
  );
  expect(different).toEqual([]);

  // Whoever starts late in the same simulated time gets what had won by then.
  const late = await small.campaign(
    [{ day: 0, others: [{ subject: "B" }], winner: { ...winner, afterSent: 10, afterDays: 1 } }],
    null,
    { stopOnReply: false },
  );
  const [step] = late.steps;
  // Of these the first ones live where the day begins a day earlier than for the others.
  const [east, west] = ["Pacific/Kiritimati", "Pacific/Pago_Pago"];
  const zoned = personIds.map((person, at) => ({ person, zone: at < PEOPLE / 2 ? east : west }));
  for (const { person, zone } of zoned)
    await fresh.db.updateTable("people").set({ timeZone: zone }).where("id", "=", person).execute();
  const won = await run(late.id, {
    personIds,
    startOn: "2026-12-05",
    answers: {
      ...NOBODY_ANSWERS,
      named: zoned.flatMap(({ person }, place) =>
        variantFor(step!, person) === "B" ? [{ person: place, mail: 0, does: "reply" as const, afterHours: 1 }] : [],
      ),
    },
  });
  const variants = zoned.map((_, place) => won.mails.find((mail) => mail.person === place)!.variant);
  expect(variants.slice(0, PEOPLE / 2)).toEqual(
    personIds.slice(0, PEOPLE / 2).map((person) => variantFor(step!, person)),
  );
  expect(new Set(variants.slice(0, PEOPLE / 2)).size).toBe(2);
  expect(new Set(variants.slice(PEOPLE / 2))).toEqual(new Set(["B"]));
  const decided = await fresh.db.selectFrom("variantDecisions").select("id").execute();
  expect(decided, "nothing of a simulation is kept").toEqual([]);
});

it("agrees with the real run where windows, quiet nights, a frequency cap, gaps, replies, leaving and dead addresses come between", async () => {
  const PEOPLE = 60;
  const DAYS = 60;
  const settings = (set: object) => fresh.db.updateTable("workspace").set(set).execute();
  const sink = await startSink({ recipient: (to) => (to.startsWith("dead") ? "refuse" : "accept") });
  await settings({
    quietHours: JSON.stringify({ from: "21:00", to: "08:00" }),
    frequencyCap: JSON.stringify({ mails: 2, days: 6 }),
  });
  try {
    const account = await small.account(sink.port);
    const sender = await small.sender({ emailAccountId: account.id });
    const { id } = await small.campaign(
      [
        { day: 0 },
        { day: 1, timing: { window: null, counting: "business-days", gap: null, waitFor: null } },
        { day: 2, expiresAfterDays: 1 },
        { day: 9 },
        { day: 20, timing: { window: null, counting: null, gap: { amount: 30, unit: "hours" }, waitFor: null } },
      ],
      {
        window: {
          weekdays: [1, 2, 3, 4, 5],
          from: "07:00:00",
          to: "23:00:00",
        },
        gap: { amount: 20, unit: "hours" },
      },
    );
    const zones = ["UTC", "America/New_York", "Asia/Tokyo", "Pacific/Auckland"];
    const personIds: number[] = [];
    for (let index = 0; index < PEOPLE; index += 1) {
      const email = `${index % 12 === 5 ? "dead" : "lives"}${index}@real${index}.example`;
      personIds.push((await small.person({ email, timeZone: zones[index % zones.length]! })).id);
    }
    const named = personIds.flatMap((_, person): Answers["named"][number][] => {
      if (person % 12 === 5) return [{ person, mail: 0, does: "bounce", afterHours: 0 }];
      if (person % 7 === 1) return [{ person, mail: 1, does: "reply", afterHours: 11 }];
      if (person % 9 === 2) return [{ person, mail: 2, does: "unsubscribe", afterHours: 1 }];
      return [];
    });
    const found = await run(id, { personIds, days: DAYS, answers: { ...NOBODY_ANSWERS, named } });
    const ids: number[] = [];
    for (const personId of personIds) ids.push(await small.start(id, personId, began, { senderId: sender.id }));
    const waiting = found.answers.filter(({ does }) => does === "reply" || does === "unsubscribe");
    expect(waiting.length).toBeGreaterThan(8);
    const delivery = small.delivery();
    const until = began.add({ hours: 24 * DAYS });
    for (let now: Temporal.Instant = began; Temporal.Instant.compare(now, until) <= 0;) {
      for (const { person, does } of waiting.splice(
        0,
        waiting.filter(({ at: moment }) => Temporal.Instant.compare(moment, now) <= 0).length,
      ))
        await fresh.db
          .transaction()
          .execute((tx) =>
            emailCampaigns.end(
              tx,
              { ids: [ids[person]!] },
              does === "reply" ? { event: "stop", reason: "replied" } : { event: "unsubscribe" },
              now,
            ),
          );
      await delivery.runUntilIdle(now, { burstGuard: false });
      const moments = [await delivery.nextWakeAt(), waiting[0]?.at].filter((one) => one !== null && one !== undefined);
      const next = moments.toSorted((one, other) => Temporal.Instant.compare(one, other))[0];
      if (!next) break;
      now = Temporal.Instant.compare(next, now) > 0 ? next : now.add({ seconds: 1 });
    }
    await delivery.drain();
    const { rows } = await sql<{
      personId: number;
      stepId: number;
      state: string;
      reason: string | null;
      at: Temporal.Instant;
    }>`
      select person_id, step_id, state, reason, finished_at as at from messages where campaign_id = ${id}`.execute(
      fresh.db,
    );
    const lines = (all: readonly string[]) => all.toSorted((one, other) => (one < other ? -1 : 1));
    const real = rows.map((row) => `${row.personId} ${row.stepId} ${row.state} ${row.reason} ${minute(row.at)}`);
    expect(
      lines(
        found.mails.map(
          (mail) =>
            `${personIds[mail.person]} ${mail.stepId} ${STATES[mail.outcome]} ${mail.reason} ${minute(mail.at)}`,
        ),
      ),
    ).toEqual(lines(real));
    const statuses = await Promise.all(ids.map(async (one) => (await small.status(one)).status));
    expect(found.people.map(({ status }) => status)).toEqual(statuses);
    expect(new Set(statuses)).toEqual(new Set(["Completed", "Stopped", "Unsubscribed"]));
    expect(new Set(found.mails.map(({ outcome }) => outcome))).toEqual(new Set(["sent", "failed", "skipped"]));
  } finally {
    await sink.close();
    await settings({ quietHours: null, frequencyCap: null });
  }
}, 300_000);
