/** Timing on a real database: what is planned when, what an edit reaches, and that caps hold whoever plans at the same time. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at, BEGAN, neighbours, silent, type World, world } from "../../test/world.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { PLAIN_TIMING } from "../core/timing.ts";
import { planDue } from "../delivery/plan.ts";
import { neighboursOf } from "../neighbours.ts";
import { declare } from "../people/fields.ts";
import * as people from "../people/people.ts";
import { update as updateWorkspace, type WorkspaceEdit } from "../workspace/workspace.ts";
import * as emailCampaigns from "./email-campaigns.ts";
import { timingPreview } from "./timing-preview.ts";

let fresh: FreshDatabase;
let small: World;
const hearing = { ...neighboursOf({ keysFor: () => [] } as never), erasureKeys: neighbours.erasureKeys };

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  for (const key of ["renewal", "birthday"])
    await declare(fresh.db, { key, label: key, type: "date", choices: null }, actor, BEGAN);
});
afterAll(() => fresh.close());

const settings = (edit: WorkspaceEdit, now = BEGAN) =>
  updateWorkspace(fresh.db, edit, actor, null, emailCampaigns.wakeAll, now);
beforeEach(() => settings({ timeZone: "UTC", country: null, ownHolidays: [], quietHours: null, frequencyCap: null }));

const plan = (now: string) => planDue({ db: fresh.db, log: silent, guard: null }, at(now));
const nextDueAt = async (id: number) => String((await small.status(id)).nextDueAt);
const weekdays = { weekdays: [1, 2, 3, 4, 5], from: "09:00", to: "17:00" };

/** What is planned left at this moment. */
async function accept(id: number, now: string): Promise<void> {
  await fresh.db
    .updateTable("messages")
    .set({ state: "accepted", finishedAt: at(now), nextAttemptAt: null })
    .where("emailCampaignId", "=", id)
    .where("state", "=", "planned")
    .execute();
  await fresh.db.transaction().execute((tx) => emailCampaigns.afterResults(tx, [id], at(now)));
}
const planned = async (id: number) =>
  (await small.messages(id)).map(({ state, reason, dueAt }) => [state, reason, String(dueAt)]);

describe("windows, business days and holidays", () => {
  it("mail waits for the window, by the person's clock or the workspace's", async () => {
    for (const [clock, opens] of [
      ["person", "2026-03-02T00:00:00Z"],
      ["workspace", "2026-03-02T09:00:00Z"],
    ] as const) {
      const campaign = await small.campaign([{ day: 0 }], { clock, window: weekdays });
      const person = await small.person({ timeZone: "Asia/Tokyo" });
      // A Saturday.
      const id = await small.start(campaign.id, person.id, at("2026-02-28T12:00:00Z"));
      await plan("2026-02-28T12:00:00Z");
      expect([await planned(id), await nextDueAt(id)]).toEqual([[], opens]);
      await plan(opens);
      expect(await planned(id)).toEqual([["planned", null, opens]]);
    }
  });

  it("business days keep the holidays of the person's country, else the workspace's, and its own days", async () => {
    await settings({ country: "DE-BY", ownHolidays: [{ on: "2020-12-28", name: "Between the years", yearly: true }] });
    const campaign = await small.campaign([{ day: 2 }], { counting: "business-days", holidays: "person" });
    // 24 December 2026 is a Thursday; 25 and 26 are holidays in Germany, 25 alone in Portugal.
    for (const [country, day] of [
      [null, "2026-12-30"],
      ["Deutschland", "2026-12-30"],
      ["Portugal", "2026-12-30"],
      ["GB", "2026-12-30"],
    ] as const) {
      const person = await small.person(country ? { country } : {});
      const id = await small.start(campaign.id, person.id, at("2026-12-24"), { startOn: "2026-12-24" });
      await plan("2026-12-24");
      expect([country, await nextDueAt(id)]).toEqual([country, `${day}T09:00:00Z`]);
      expect(String((await small.status(id)).endOn)).toBe("2026-12-30");
    }
    // Corpus Christi, 4 June 2026, is kept in Bavaria and in Portugal, not in Great Britain.
    const feast = await small.campaign([{ day: 0 }], { holidays: "person" });
    for (const [country, day] of [
      [null, "2026-06-05T00:00:00Z"],
      ["Portugal", "2026-06-05T00:00:00Z"],
      ["United Kingdom", "2026-06-04T09:00:00Z"],
    ] as const) {
      const person = await small.person(country ? { country } : {});
      const id = await small.start(feast.id, person.id, at("2026-06-01"), { startOn: "2026-06-04" });
      await plan("2026-06-04T00:00:00Z");
      expect([country, await nextDueAt(id)]).toEqual([country, day]);
    }
  });

  it("quiet hours are the person's night, and a new night reaches what waits", async () => {
    const campaign = await small.campaign([{ day: 0 }]);
    const person = await small.person({ timeZone: "America/New_York" });
    await settings({ quietHours: { from: "21:00", to: "10:00" } });
    const id = await small.start(campaign.id, person.id, at("2026-03-01"), { startOn: "2026-03-02" });
    await plan("2026-03-02T05:00:00Z");
    expect(await nextDueAt(id)).toBe("2026-03-02T15:00:00Z");
    await settings({ quietHours: { from: "21:00", to: "11:30" } }, at("2026-03-02T06:00:00Z"));
    await plan("2026-03-02T06:00:00Z");
    expect(await nextDueAt(id)).toBe("2026-03-02T16:30:00Z");
    await settings({ quietHours: null }, at("2026-03-02T07:00:00Z"));
    await plan("2026-03-02T07:00:00Z");
    expect(await nextDueAt(id)).toBe("2026-03-02T14:00:00Z");
  });

  it("an edit of the Campaign's timing reaches what waits, and never what has left", async () => {
    const campaign = await small.campaign([{ day: 0 }, { day: 3 }]);
    const id = await small.start(campaign.id, (await small.person()).id, at("2026-03-03"));
    await plan("2026-03-03");
    await accept(id, "2026-03-03T09:00:05Z");
    await plan("2026-03-03T09:00:05Z");
    expect(await nextDueAt(id)).toBe("2026-03-06T09:00:00Z");
    const edit = (timing: Partial<typeof PLAIN_TIMING>, now: string) =>
      campaigns.update(
        fresh.db,
        campaign.id,
        { timing: { ...PLAIN_TIMING, ...timing, window: null } },
        actor,
        null,
        emailCampaigns.reschedule,
        at(now),
      );
    await edit({ counting: "business-days" }, "2026-03-04");
    expect(await nextDueAt(id)).toBe("2026-03-04T09:00:00Z");
    await plan("2026-03-04");
    expect(await nextDueAt(id)).toBe("2026-03-06T09:00:00Z");
    await edit({ gap: { amount: 5, unit: "days" } }, "2026-03-04T10:00:00Z");
    await plan("2026-03-04T10:00:00Z");
    expect([await nextDueAt(id), await planned(id)]).toEqual([
      "2026-03-08T09:00:00Z",
      [["accepted", null, "2026-03-03T09:00:00Z"]],
    ]);
    await edit({}, "2026-03-05");
    await plan("2026-03-05");
    expect(await nextDueAt(id)).toBe("2026-03-06T09:00:00Z");
  });

  it("saving the same timing again changes nothing and wakes nobody", async () => {
    const campaign = await small.campaign([{ day: 3 }], { window: weekdays, gap: { amount: 1, unit: "days" } });
    const told: number[] = [];
    const saved = await campaigns.update(
      fresh.db,
      campaign.id,
      { timing: { ...PLAIN_TIMING, gap: { amount: 1, unit: "days" }, window: { ...weekdays } } },
      actor,
      null,
      async (_, id) => void told.push(id),
      at("2026-03-04"),
    );
    expect([told, String(saved.changedAt)]).toEqual([[], String(campaign.changedAt)]);
  });

  it("what never opens is refused when it is saved, on either side", async () => {
    const night = { weekdays: [1], from: "22:00", to: "23:00" };
    const refusal = (work: Promise<unknown>) =>
      work.then(
        () => "saved",
        (error: Error & { code: string }) => error.code,
      );
    await small.campaign([{ day: 0 }], { window: night });
    expect(await refusal(settings({ quietHours: { from: "21:00", to: "07:00" } }))).toBe("window-never-opens");
    await settings({ quietHours: { from: "02:00", to: "03:00" } });
    const closed = { ...night, from: "02:00", to: "02:30" };
    expect(await refusal(small.campaign([{ day: 0 }], { window: closed }))).toBe("window-never-opens");
    const own = { window: closed, counting: null, gap: null, waitFor: null };
    expect(await refusal(small.campaign([{ day: 0, timing: own }]))).toBe("window-never-opens");
    expect(await refusal(settings({ country: "XX" }))).toBe("country-not-known");
  });
});

describe("a step that waits for a date", () => {
  const waits = (more: object = {}) => ({
    window: null,
    counting: null,
    gap: null,
    waitFor: { field: "renewal", offsetDays: -7, yearly: false, ...more },
  });

  it("is due by the date, follows it when it changes", async () => {
    const campaign = await small.campaign([{ day: 0, timing: waits() }]);
    const person = await small.person({ attributes: { renewal: "2026-09-01" } });
    const id = await small.start(campaign.id, person.id, at("2026-03-02"));
    await plan("2026-03-02");
    expect(await nextDueAt(id)).toBe("2026-08-25T09:00:00Z");
    const change = (renewal: string | null, now: string) =>
      people.update(fresh.db, person.id, "lead", { attributes: { renewal } }, actor, hearing, null, at(now));
    await change("2026-05-01", "2026-03-03");
    await plan("2026-03-03");
    expect(await nextDueAt(id)).toBe("2026-04-24T09:00:00Z");
    await plan("2026-04-24");
    await accept(id, "2026-04-24T09:00:02Z");
    await change("2026-12-01", "2026-04-25");
    await plan("2026-12-24");
    expect([(await small.status(id)).status, await planned(id)]).toEqual([
      "Completed",
      [["accepted", null, "2026-04-24T09:00:00Z"]],
    ]);
  });

  it("is skipped with the reason where the field is empty on its earliest day, or its date has passed", async () => {
    const campaign = await small.campaign([{ day: 0 }, { day: 5, timing: waits({ yearly: true }) }]);
    const empty = await small.start(campaign.id, (await small.person()).id, at("2026-03-02"));
    await plan("2026-03-02");
    await accept(empty, "2026-03-02T09:00:02Z");
    await plan("2026-03-07T08:59:00Z");
    expect(await planned(empty)).toHaveLength(1);
    await plan("2026-03-07");
    expect((await planned(empty))[1]).toEqual(["skipped", "no-date", "2026-03-07T09:00:00Z"]);
    expect((await small.status(empty)).status).toBe("Completed");

    const once = await small.campaign([{ day: 0, timing: waits() }]);
    const person = await small.person({ attributes: { renewal: "2026-01-05" } });
    const passed = await small.start(once.id, person.id, at("2026-03-02"));
    await plan("2026-03-02");
    expect((await planned(passed)).map(([, reason]) => reason)).toEqual(["date-passed"]);
  });

  it("names a declared field of dates, which then cannot go", async () => {
    await expect(small.campaign([{ day: 0, timing: waits({ field: "nothing" }) }])).rejects.toMatchObject({
      code: "field-not-a-date",
    });
  });
});

describe("the frequency cap", () => {
  it("holds a person's mails back over all Campaigns, and lets them go when room comes", async () => {
    await settings({ frequencyCap: { mails: 2, days: 3 } });
    const person = await small.person();
    const ids: number[] = [];
    for (let one = 0; one < 3; one += 1)
      ids.push(await small.start((await small.campaign()).id, person.id, at("2026-03-02")));
    const exempt = await small.campaign([{ day: 0 }], { ignoresFrequencyCap: true });
    const free = await small.start(exempt.id, person.id, at("2026-03-02"));
    await plan("2026-03-02");
    const counts = async () => (await Promise.all([...ids, free].map(planned))).map((messages) => messages.length);
    expect(await counts()).toEqual([1, 1, 0, 1]);
    for (const id of [...ids.slice(0, 2), free]) await accept(id, "2026-03-02T09:00:05Z");
    await plan("2026-03-02T10:00:00Z");
    expect(await nextDueAt(ids[2]!)).toBe("2026-03-05T09:00:05Z");
    await plan("2026-03-05T09:00:05Z");
    expect(await counts()).toEqual([1, 1, 1, 1]);
  });

  it("holds whatever planners run at the same time: never one too many, nobody stranded", async () => {
    const cap = { mails: 2, days: 2 };
    await settings({ frequencyCap: cap });
    const made = [];
    for (let one = 0; one < 4; one += 1) made.push(await small.campaign());
    const persons = [];
    for (let one = 0; one < 25; one += 1) persons.push((await small.person()).id);
    for (const { id } of made) for (const person of persons) await small.start(id, person, at("2026-03-02"));
    const days = ["2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z", "2026-03-04T09:00:30Z", "2026-03-06T09:01:00Z"];
    for (const day of days) {
      // Three planners in turn, a few at a time, so that they meet at the same people.
      for (let turn = 0; turn < 40; turn += 1) {
        const now = at(day).add({ seconds: turn });
        const planner = () => planDue({ db: fresh.db, log: silent, guard: null }, now, 7);
        const looks = await Promise.all([planner(), planner(), planner()]);
        if (looks.every(({ looked }) => looked === 0)) break;
      }
      const { rows } = await fresh.pool.query<{ most: number }>(
        "select max(count)::int as most from (select count(*) from messages where person_id = any($1) and coalesce(finished_at, planned_at) > $2::timestamptz - interval '2 days' group by person_id) as each",
        [persons, day],
      );
      expect([day, rows[0]!.most]).toEqual([day, expect.any(Number)]);
      expect(rows[0]!.most).toBeLessThanOrEqual(cap.mails);
      await fresh.db
        .updateTable("messages")
        .set({ state: "accepted", finishedAt: at(day).add({ seconds: 50 }), nextAttemptAt: null })
        .where("state", "=", "planned")
        .execute();
    }
    const { rows } = await fresh.pool.query("select count(*)::int as count from messages where person_id = any($1)", [
      persons,
    ]);
    expect(rows).toEqual([{ count: 100 }]);
  });
});

it("where nothing is said about timing the facts cost no statement more, however many they are", async () => {
  const campaign = await small.campaign();
  const ids: number[] = [];
  for (let one = 0; one < 5; one += 1)
    ids.push(await small.start(campaign.id, (await small.person()).id, at("2026-03-02")));
  let statements = 0;
  const counting = fresh.db.withPlugin({
    transformQuery: ({ node }) => ((statements += 1), node),
    transformResult: async ({ result }) => result,
  });
  await emailCampaigns.factsOf(counting, ids);
  expect(statements).toBe(4);
});

it("says when each step would leave for somebody, in words, with an edit that is not saved", async () => {
  await settings({ country: "PT", quietHours: null });
  const campaign = await small.campaign([{ day: 0 }, { day: 2 }], { holidays: "person" });
  const person = await small.person({ timeZone: "Europe/Lisbon", firstName: "Ana" });
  const now = at("2026-12-01");
  const ask = (more: object, language: "en" | "de" = "en") =>
    timingPreview(fresh.db, campaign.id, { startOn: "2026-12-23", personId: person.id, ...more }, language, now);
  expect((await ask({})).steps.map(({ code, text, moved }) => [code, text, moved])).toEqual([
    ["leaves", "Wed 23 Dec, 09:00 in Ana’s time (Lisbon)", null],
    ["leaves", "Sat 26 Dec, 00:00 in Ana’s time (Lisbon)", "Fri 25 Dec is a holiday (Christmas Day)"],
  ]);
  const edited = {
    timing: {
      ...PLAIN_TIMING,
      clock: "workspace" as const,
      window: weekdays,
      gap: { amount: 10, unit: "days" as const },
    },
    steps: [
      { emailTemplateId: 1, sendAfterDays: 0, timeOfDay: "18:00", expiresAfterDays: null },
      { emailTemplateId: 1, sendAfterDays: 2, timeOfDay: null, expiresAfterDays: null },
    ],
  };
  expect((await ask(edited, "de")).steps.map(({ stepId, text, moved }) => [stepId, text, moved])).toEqual([
    [
      null,
      "Do., 24. Dez., 09:00 nach der Uhr des Arbeitsbereichs (UTC)",
      "Mi., 23. Dez., 18:00 liegt außerhalb des Sendefensters",
    ],
    [null, "Mo., 4. Jan. 2027, 09:00 nach der Uhr des Arbeitsbereichs (UTC)", null],
  ]);
  expect((await small.status(await small.start(campaign.id, person.id, now, { startOn: "2026-12-23" }))).status).toBe(
    "Scheduled",
  );
});
