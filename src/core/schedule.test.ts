import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SendingWindow } from "./opening.ts";
import {
  type Facts,
  NO_RULES,
  type Resolution,
  type Rules,
  type Step,
  decide,
  dueAt,
  endOn,
  inOrder,
  localDay,
  nextAfter,
  spread,
  startsAt,
} from "./schedule.ts";

const at = (text: string) => Temporal.Instant.from(text);
const on = (text: string) => Temporal.PlainDate.from(text);
const time = (text: string) => Temporal.PlainTime.from(text);

const step = (id: number, sendAfterDays: number, more: Partial<Step> = {}): Step => ({
  id,
  position: id,
  sendAfterDays,
  timeOfDay: null,
  expiresAfterDays: null,
  addedAt: null,
  timing: null,
  ...more,
});
const rules = (more: Partial<Rules> = {}): Rules => ({ ...NO_RULES, ...more });
const facts = (more: Partial<Facts> = {}): Facts => ({
  startOn: on("2026-12-01"),
  createdAt: at("2026-11-20T12:00:00Z"),
  steps: [step(1, 0), step(2, 4), step(3, 10)],
  resolutions: [],
  rules: rules(),
  ...more,
});
const sent = (stepId: number, day: string): Resolution => ({
  stepId,
  state: "sent",
  at: at(`${day}T09:00:02Z`),
  on: on(day),
});
const workingDays: SendingWindow = { weekdays: [1, 2, 3, 4, 5], from: time("09:00"), to: time("17:00") };

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Asia/Kathmandu",
  "Africa/Cairo",
];

describe("the due moment", () => {
  function check(startOn: string, days: number, timeOfDay: string, timeZone: string, expected: string): void {
    const due = dueAt(
      on(startOn),
      step(1, days, { timeOfDay: time(timeOfDay) }),
      rules({ timeZone }),
      at("2000-01-01T00:00:00Z"),
    );
    expect(due?.toString()).toBe(expected);
  }

  it("E49 is start plus offset at the time of day in the person's zone", () => {
    check("2026-07-22", 4, "09:00", "UTC", "2026-07-26T09:00:00Z");
    check("2026-07-22", 4, "09:00", "Europe/Berlin", "2026-07-26T07:00:00Z");
    check("2026-07-22", 0, "09:00", "Asia/Kathmandu", "2026-07-22T03:15:00Z");
    check("2028-02-28", 1, "09:00", "UTC", "2028-02-29T09:00:00Z");
  });

  it("moves a local time that daylight saving leaves out forward, and takes a doubled one at the first", () => {
    check("2026-03-29", 0, "02:30", "Europe/Berlin", "2026-03-29T01:30:00Z");
    check("2026-10-25", 0, "02:30", "Europe/Berlin", "2026-10-25T00:30:00Z");
    check("2026-03-08", 0, "02:30", "America/New_York", "2026-03-08T07:30:00Z");
    check("2026-11-01", 0, "01:30", "America/New_York", "2026-11-01T05:30:00Z");
    check("2026-10-04", 0, "02:15", "Australia/Lord_Howe", "2026-10-03T15:45:00Z");
  });

  it("takes a day that a zone left out as the next one", () => {
    check("2011-12-30", 0, "09:00", "Pacific/Apia", "2011-12-30T19:00:00Z");
  });

  it("E60 has the step's time of day before the campaign's, and 09:00 without either", () => {
    const due = (more: Partial<Step>, campaign: string | null) =>
      dueAt(
        on("2026-12-01"),
        step(1, 2, more),
        rules({ timeOfDay: campaign ? time(campaign) : null }),
        at("2026-01-01T00:00:00Z"),
      )?.toString();
    expect(due({}, null)).toBe("2026-12-03T09:00:00Z");
    expect(due({}, "11:30")).toBe("2026-12-03T11:30:00Z");
    expect(due({ timeOfDay: time("15:00") }, "11:30")).toBe("2026-12-03T15:00:00Z");
  });

  it("a step due on Sunday waits for Monday 09:00 in the person's zone", () => {
    const due = dueAt(
      on("2026-12-01"),
      step(1, 5),
      rules({ timeZone: "Europe/Berlin", window: workingDays }),
      at("2026-01-01T00:00:00Z"),
    );
    expect(due?.toString()).toBe("2026-12-07T08:00:00Z");
  });

  it("a holiday is not a day to send on, and a window that never opens is told apart from one that is far away", () => {
    const holidays = new Map([["2026-12-07", "a holiday"]]);
    const due = (window: SendingWindow, more: Partial<Rules> = {}) =>
      dueAt(on("2026-12-06"), step(1, 0), rules({ window, ...more }), at("2026-01-01T00:00:00Z"));
    expect(due(workingDays, { holidays })?.toString()).toBe("2026-12-08T09:00:00Z");
    expect(due({ ...workingDays, weekdays: [] })).toBeNull();
  });

  it("nothing leaves outside the window where the clock jumps over its opening, or where a zone left its day out", () => {
    const due = (startOn: string, timeZone: string, window: SendingWindow, timeOfDay: string) =>
      dueAt(
        on(startOn),
        step(1, 0, { timeOfDay: time(timeOfDay) }),
        rules({ timeZone, window }),
        at("2000-01-01T00:00:00Z"),
      )
        ?.toZonedDateTimeISO(timeZone)
        .toPlainDateTime()
        .toString();
    // Berlin has no 02:00 to 03:00 on 29 March 2026; Apia had no Friday 30 December 2011.
    const atNight = { ...workingDays, weekdays: [1, 7], from: time("02:00"), to: time("03:00") };
    expect(due("2026-03-29", "Europe/Berlin", atNight, "01:00")).toBe("2026-03-30T02:00:00");
    const acrossTheJump = { ...atNight, to: time("04:00") };
    expect(due("2026-03-29", "Europe/Berlin", acrossTheJump, "01:00")).toBe("2026-03-29T03:00:00");
    expect(due("2011-12-29", "Pacific/Apia", workingDays, "18:00")).toBe("2012-01-02T09:00:00");
  });

  it("a window that closes before it opens never opens, instead of putting mail off from day to day", () => {
    const backwards = { ...workingDays, from: time("22:00"), to: time("06:00") };
    const given = facts({ rules: rules({ window: backwards }) });
    expect(dueAt(given.startOn, given.steps[0]!, given.rules, given.createdAt)).toBeNull();
    expect(decide(given, at("2026-12-01T23:00:00Z"))).toMatchObject({ send: [], next: null, done: false });
  });

  it("E20 the end date is the start plus the largest offset, whatever the row order", () => {
    expect(endOn(on("2026-07-22"), [step(1, 4), step(2, 0)]).toString()).toBe("2026-07-26");
    expect(endOn(on("2026-07-22"), []).toString()).toBe("2026-07-22");
  });

  it("E39 the start day begins at the person's own midnight", () => {
    expect(startsAt(on("2026-12-01"), { timeZone: "America/New_York" }).toString()).toBe("2026-12-01T05:00:00Z");
    // Where midnight itself is left out, the day begins at 01:00.
    expect(startsAt(on("2026-04-24"), { timeZone: "Africa/Cairo" }).toString()).toBe("2026-04-23T22:00:00Z");
  });
});

describe("what is done now", () => {
  const sends = (given: Facts, now: string) => decide(given, at(now)).send.map((entry) => entry.step.id);

  it("E51 day 0 of one made today goes out at once, even after its time of day", () => {
    const today = facts({ createdAt: at("2026-12-01T14:00:00Z") });
    expect(sends(today, "2026-12-01T14:00:00Z")).toEqual([1]);
    const early = facts({ createdAt: at("2026-12-01T06:00:00Z") });
    expect(sends(early, "2026-12-01T06:00:00Z")).toEqual([1]);
  });

  it("E51 day 0 of one made on a Saturday waits for the window's next opening", () => {
    const saturday = facts({
      startOn: on("2026-12-05"),
      createdAt: at("2026-12-05T10:00:00Z"),
      rules: rules({ window: workingDays }),
    });
    const decision = decide(saturday, at("2026-12-05T10:00:00Z"));
    expect(decision.send).toEqual([]);
    expect(decision.next?.dueAt.toString()).toBe("2026-12-07T09:00:00Z");
  });

  it("E52 one made for a future day sends day 0 on that day at its time, not before", () => {
    expect(sends(facts(), "2026-12-01T08:59:59Z")).toEqual([]);
    expect(sends(facts(), "2026-12-01T09:00:00Z")).toEqual([1]);
  });

  it("E53 looking again on the same day sends nothing more", () => {
    expect(sends(facts({ resolutions: [sent(1, "2026-12-01")] }), "2026-12-01T09:00:01Z")).toEqual([]);
  });

  it("E5 rows of one day leave in row order on that day, each when the one before it is final", () => {
    const steps = [step(7, 0, { position: 2 }), step(8, 0, { position: 1 })];
    expect(inOrder(steps).map(({ id }) => id)).toEqual([8, 7]);
    expect(sends(facts({ steps }), "2026-12-01T09:00:00Z")).toEqual([8]);
    const first: Resolution = { ...sent(8, "2026-12-01"), state: "pending" };
    expect(decide(facts({ steps, resolutions: [first] }), at("2026-12-01T09:00:05Z"))).toMatchObject({
      waiting: true,
      send: [],
    });
    expect(sends(facts({ steps, resolutions: [sent(8, "2026-12-01")] }), "2026-12-01T09:00:05Z")).toEqual([7]);
  });

  it("E50 missed steps catch up in order, one a day, and push the next ones back", () => {
    const steps = [step(1, 0), step(2, 1), step(3, 2), step(4, 3)];
    let given = facts({ steps, resolutions: [sent(1, "2026-12-01")] });
    const left: string[] = [];
    for (let day = 4; day <= 9; day += 1) {
      const now = at(`2026-12-0${day}T12:00:00Z`);
      for (const { step: due } of decide(given, now).send) {
        left.push(`${due.id} on ${day}`);
        given = { ...given, resolutions: [...given.resolutions, sent(due.id, `2026-12-0${day}`)] };
      }
    }
    expect(left).toEqual(["2 on 4", "3 on 5", "4 on 6"]);
  });

  it("E50 a step older than its expiry is skipped with the reason, and the next one goes on", () => {
    const decision = decide(facts({ resolutions: [sent(1, "2026-12-01")] }), at("2026-12-12T09:00:01Z"));
    expect(decision.expire.map(({ step: { id }, reason }) => [id, reason])).toEqual([[2, "expired"]]);
    expect(decision.send.map(({ step: { id } }) => id)).toEqual([3]);
    const patient = facts({
      steps: [step(1, 0), step(2, 4, { expiresAfterDays: 30 })],
      resolutions: [sent(1, "2026-12-01")],
    });
    expect(decide(patient, at("2026-12-20T09:00:00Z")).send.map(({ step: { id } }) => id)).toEqual([2]);
  });

  it("E9 a step added ahead is sent on its day; one added after its day is not for this person", () => {
    const added = (addedAt: string) =>
      facts({ steps: [step(1, 0), step(2, 4, { addedAt: at(addedAt) })], resolutions: [sent(1, "2026-12-01")] });
    expect(sends(added("2026-12-03T00:00:00Z"), "2026-12-05T09:00:00Z")).toEqual([2]);
    expect(decide(added("2026-12-05T10:00:00Z"), at("2026-12-05T10:00:00Z"))).toMatchObject({
      send: [],
      done: true,
      expire: [{ reason: "added-after-its-day" }],
    });
  });

  it("E9, E51 a step that was there before the person's start is theirs, though their day began before ours", () => {
    // Written and started on 1 December by London's calendar, when it was the morning of the 2nd in Auckland.
    const ahead = facts({
      createdAt: at("2026-12-01T20:00:00Z"),
      steps: [step(1, 0, { addedAt: at("2026-12-01T19:00:00Z") })],
      rules: rules({ timeZone: "Pacific/Auckland", timeOfDay: time("05:00") }),
    });
    expect(decide(ahead, ahead.createdAt)).toMatchObject({ expire: [], send: [{ step: { id: 1 } }] });
  });

  it("E50 a step that expires after 0 days may leave all through its own day, and not on the next", () => {
    const given = facts({ steps: [step(1, 0, { expiresAfterDays: 0 })] });
    expect(sends(given, "2026-12-01T09:00:00.2Z")).toEqual([1]);
    expect(sends(given, "2026-12-01T23:59:59Z")).toEqual([1]);
    expect(decide(given, at("2026-12-02T00:00:00Z")).expire).toMatchObject([{ reason: "expired" }]);
    const ahead = facts({ steps: [step(1, 4, { expiresAfterDays: 0 })] });
    expect(decide(ahead, at("2026-12-02T00:00:00Z"))).toMatchObject({ expire: [], next: { step: { id: 1 } } });
  });

  it("E44 it is done only when every step is resolved", () => {
    expect(decide(facts(), at("2027-06-01T00:00:00Z")).expire).toHaveLength(3);
    expect(
      decide(facts({ resolutions: [sent(1, "2026-12-01"), sent(2, "2026-12-05")] }), at("2026-12-06T00:00:00Z")).done,
    ).toBe(false);
    const all = [sent(1, "2026-12-01"), { ...sent(2, "2026-12-05"), state: "failed" as const }, sent(3, "2026-12-11")];
    expect(decide(facts({ resolutions: all }), at("2026-12-11T10:00:00Z")).done).toBe(true);
  });

  it("says when to look again after handing a step over", () => {
    expect(nextAfter(facts(), step(1, 0), at("2026-12-01T09:00:00Z"))?.toString()).toBe("2026-12-05T09:00:00Z");
    expect(nextAfter(facts({ steps: [step(1, 0)] }), step(1, 0), at("2026-12-01T09:00:00Z"))).toBeNull();
  });

  it("spreads what an outage made due at once in slices of the guard", () => {
    const now = at("2026-12-01T09:00:00Z");
    expect([0, 999, 1000, 2500].map((index) => spread(index, 1000, now).toString())).toEqual([
      "2026-12-01T09:00:00Z",
      "2026-12-01T09:00:00Z",
      "2026-12-01T10:00:00Z",
      "2026-12-01T11:00:00Z",
    ]);
  });
});

describe("whatever the schedule, zone, window and outages", () => {
  const someSteps = fc
    .array(fc.record({ days: fc.nat(20), hour: fc.nat(23), own: fc.boolean() }), { minLength: 1, maxLength: 6 })
    .map((rows) =>
      rows.map(({ days, hour, own }, index) =>
        step(index + 1, days, { timeOfDay: own ? new Temporal.PlainTime(hour, 30) : null }),
      ),
    );
  const someFacts = fc
    .record({
      steps: someSteps,
      timeZone: fc.constantFrom(...ZONES),
      month: fc.constantFrom("2026-03-01", "2026-10-01", "2026-12-20", "2011-12-25", "2026-04-20"),
      offset: fc.nat(30),
      madeBefore: fc.nat(3),
      window: fc.constantFrom(null, workingDays, { ...workingDays, weekdays: [2, 6] }),
    })
    .map(({ steps, timeZone, month, offset, madeBefore, window }) => {
      const startOn = on(month).add({ days: offset });
      const createdAt = startOn
        .subtract({ days: madeBefore })
        .toZonedDateTime({ timeZone, plainTime: time("10:17") })
        .toInstant();
      return facts({ startOn, createdAt, steps, rules: rules({ timeZone, window, expiresAfterDays: 7 }) });
    });

  it("every due moment in a window is one at which the window is open", () => {
    const someWindow = fc
      .record({ weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 })), from: fc.nat(23), to: fc.nat(23) })
      .map(({ weekdays, from, to }): SendingWindow => {
        return { weekdays, from: new Temporal.PlainTime(from), to: new Temporal.PlainTime(to) };
      });
    fc.assert(
      fc.property(someFacts, someWindow, (given, window) => {
        const opened = { ...given, rules: { ...given.rules, window } };
        for (const one of given.steps) {
          const local = dueAt(opened.startOn, one, opened.rules, opened.createdAt)?.toZonedDateTimeISO(
            given.rules.timeZone,
          );
          if (!local) continue;
          expect(window.weekdays).toContain(local.dayOfWeek);
          expect(local.hour).toBeGreaterThanOrEqual(window.from.hour);
          expect(local.hour).toBeLessThan(window.to.hour || 24);
        }
      }),
      { numRuns: 300 },
    );
  });

  /** Lives through the days, looking every few hours except in the outages; each mail is final at once. */
  function live(given: Facts, outages: ReadonlySet<number>) {
    const left: { step: Step; at: Temporal.Instant; dueAt: Temporal.Instant }[] = [];
    const skipped: number[] = [];
    let resolutions: Resolution[] = [];
    const from = given.createdAt;
    for (let hour = 0; hour < 24 * 60; hour += 3) {
      if (outages.has(Math.floor(hour / 24))) continue;
      const now = from.add({ hours: hour });
      for (let again = 0; again < 10; again += 1) {
        const decision = decide({ ...given, resolutions }, now);
        const day = localDay(now, given.rules.timeZone);
        for (const { step: gone } of decision.expire) {
          skipped.push(gone.id);
          resolutions = [...resolutions, { stepId: gone.id, state: "skipped", at: now, on: day }];
        }
        for (const { step: due, dueAt: dueMoment } of decision.send) {
          left.push({ step: due, at: now, dueAt: dueMoment });
          resolutions = [...resolutions, { stepId: due.id, state: "sent", at: now, on: day }];
        }
        if (decision.send.length === 0) break;
      }
    }
    return { left, skipped, resolutions };
  }

  const outages = fc.uniqueArray(fc.nat(40), { maxLength: 25 }).map((days) => new Set(days));

  it("E49, E50 every step is sent once or skipped with a reason, never early, always in order", () => {
    fc.assert(
      fc.property(someFacts, outages, (given, down) => {
        const { left, skipped } = live(given, down);
        const ids = [...left.map((mail) => mail.step.id), ...skipped];
        expect(ids.toSorted((a, b) => a - b)).toEqual(given.steps.map(({ id }) => id));
        for (const mail of left) expect(Temporal.Instant.compare(mail.at, mail.dueAt)).toBeGreaterThanOrEqual(0);
        const order = inOrder(given.steps).map(({ id }) => id);
        const sentOrder = left.map((mail) => order.indexOf(mail.step.id));
        expect(sentOrder).toEqual(sentOrder.toSorted((a, b) => a - b));
      }),
      { numRuns: 150 },
    );
  });

  it("E50 steps of different days never leave on one day, and late ones leave one a day", () => {
    fc.assert(
      fc.property(someFacts, outages, (given, down) => {
        const days = new Map<string, { step: Step; late: boolean }[]>();
        for (const mail of live(given, down).left) {
          const zone = given.rules.timeZone;
          const day = localDay(mail.at, zone).toString();
          const late = localDay(mail.dueAt, zone).toString() < day;
          days.set(day, [...(days.get(day) ?? []), { step: mail.step, late }]);
        }
        for (const mails of days.values()) {
          expect(new Set(mails.map((mail) => mail.step.sendAfterDays)).size).toBe(1);
          if (mails.some((mail) => mail.late)) expect(mails).toHaveLength(1);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("E60 nothing leaves while the window is closed", () => {
    fc.assert(
      fc.property(someFacts, outages, (given, down) => {
        const { window, timeZone } = given.rules;
        for (const mail of live(given, down).left) {
          const local = mail.at.toZonedDateTimeISO(timeZone);
          if (window) expect(window.weekdays).toContain(local.dayOfWeek);
          if (window) expect(local.hour).toBeGreaterThanOrEqual(9);
          if (window) expect(local.hour).toBeLessThan(17);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("E53 deciding twice on the same facts says the same", () => {
    fc.assert(
      fc.property(someFacts, fc.nat(60 * 24), (given, hours) => {
        const now = given.createdAt.add({ hours });
        expect(decide(given, now)).toEqual(decide(given, now));
      }),
      { numRuns: 100 },
    );
  });

  it("the moment to look again is never before now, and something can be done at it", () => {
    fc.assert(
      fc.property(someFacts, fc.nat(60 * 24), (given, hours) => {
        const now = given.createdAt.add({ hours });
        const { next } = decide(given, now);
        if (!next) return;
        expect(Temporal.Instant.compare(next.dueAt, now)).toBeGreaterThan(0);
        const then = decide(given, next.dueAt);
        expect(then.send.length + then.expire.length).toBeGreaterThan(0);
      }),
      { numRuns: 150 },
    );
  });
});
