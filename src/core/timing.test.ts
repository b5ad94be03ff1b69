import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { freeAt } from "./frequency.ts";
import { closedBy, coveredBy, type Holidays, nextOpening, openUntil, type SendingWindow } from "./opening.ts";
import { plannedDay } from "./planned-day.ts";
import {
  decide,
  dueAt,
  endOn,
  type Facts,
  gapOf,
  localDay,
  NO_RULES,
  openingOf,
  type Resolution,
  type Rules,
  type Step,
} from "./schedule.ts";
import { neverOpens, type StepTiming } from "./timing.ts";

const at = (text: string) => Temporal.Instant.from(text);
const on = (text: string) => Temporal.PlainDate.from(text);
const time = (text: string) => Temporal.PlainTime.from(text);
const rules = (more: Partial<Rules> = {}): Rules => ({ ...NO_RULES, ...more });
const nothing: StepTiming = { window: null, counting: null, gap: null, waitFor: null };
const step = (id: number, sendAfterDays: number, timing: Partial<StepTiming> = {}, more: Partial<Step> = {}): Step => ({
  id,
  position: id,
  sendAfterDays,
  timeOfDay: null,
  expiresAfterDays: null,
  addedAt: null,
  timing: { ...nothing, ...timing },
  ...more,
});
const holidays = (...days: string[]): Holidays => new Map(days.map((day) => [day, "a holiday"]));
const window = (weekdays: number[], from: string, to: string): SendingWindow => ({
  weekdays,
  from: time(from),
  to: time(to),
});
const workingDays = window([1, 2, 3, 4, 5], "09:00", "17:00");
const quiet = (from: string, to: string, timeZone = "UTC") => ({ from: time(from), to: time(to), timeZone });
const LONG_AGO = at("2000-01-01T00:00:00Z");
const due = (startOn: string, one: Step, more: Partial<Rules> = {}) =>
  dueAt(on(startOn), one, rules(more), LONG_AGO)?.toString();

describe("business days", () => {
  const check = (startOn: string, days: number, expected: string, more: Partial<Rules> = {}) =>
    expect(due(startOn, step(1, days, { counting: "business-days" }), more)).toBe(`${expected}T09:00:00Z`);

  it("are counted from the first one on or after the start", () => {
    check("2026-11-26", 0, "2026-11-26"); // a Thursday
    check("2026-11-26", 1, "2026-11-27");
    check("2026-11-26", 2, "2026-11-30");
    check("2026-11-26", 5, "2026-12-03");
    check("2026-11-28", 0, "2026-11-30"); // a Saturday
    check("2026-11-28", 1, "2026-12-01");
  });

  it("are the weekdays of the window where there is one, and never a holiday", () => {
    check("2026-11-26", 2, "2026-11-28", { window: window([4, 5, 6], "09:00", "17:00") });
    check("2026-12-23", 2, "2026-12-28", { holidays: holidays("2026-12-25") });
    check("2026-12-25", 0, "2026-12-28", { holidays: holidays("2026-12-25") });
  });

  it("come to an end even where every day is a holiday", () => {
    const always: Holidays = { has: () => true, get: () => "always" };
    expect(
      plannedDay(on("2026-01-01"), step(1, 3, { counting: "business-days" }), rules({ holidays: always })),
    ).toBeTruthy();
  });

  it("the end date counts them too", () => {
    const steps = [step(1, 0), step(2, 10, { counting: "business-days" })];
    expect(endOn(on("2026-11-30"), steps).toString()).toBe("2026-12-14");
    expect(endOn(on("2026-11-30"), [step(1, 10)], rules({ counting: "business-days" })).toString()).toBe("2026-12-14");
  });
});

describe("a step that waits for a date in a field", () => {
  const waiting = (offsetDays: number, yearly: boolean, notBefore = 0) =>
    step(1, notBefore, { waitFor: { field: "renewal", offsetDays, yearly } });
  const day = (startOn: string, one: Step, date: string | null) => {
    const { on: found, missing } = plannedDay(on(startOn), one, rules({ dates: date ? { renewal: on(date) } : {} }));
    return missing ?? found.toString();
  };

  it("is due so many days before or after it", () => {
    expect(day("2026-03-01", waiting(0, false), "2026-06-15")).toBe("2026-06-15");
    expect(day("2026-03-01", waiting(-30, false), "2026-06-15")).toBe("2026-05-16");
    expect(day("2026-03-01", waiting(3, false), "2026-06-15")).toBe("2026-06-18");
  });

  it("is due the next time the date comes round, whatever its year and across the turn of the year", () => {
    expect(day("2026-03-01", waiting(0, true), "1988-06-15")).toBe("2026-06-15");
    expect(day("2026-07-01", waiting(0, true), "1988-06-15")).toBe("2027-06-15");
    expect(day("2026-12-20", waiting(-10, true), "2020-01-05")).toBe("2026-12-26");
    expect(day("2026-12-27", waiting(-10, true), "2020-01-05")).toBe("2027-12-26");
    expect(day("2026-01-03", waiting(10, true), "2020-12-28")).toBe("2026-01-07");
    expect(day("2026-01-08", waiting(10, true), "2020-12-28")).toBe("2027-01-07");
    expect(day("2026-01-01", waiting(0, true), "2024-02-29")).toBe("2026-02-28");
    expect(day("2028-01-01", waiting(0, true), "2024-02-29")).toBe("2028-02-29");
    expect(day("2026-03-01", waiting(0, true, 30), "2020-03-10")).toBe("2027-03-10");
  });

  it("is not sent when the date has passed before the start, or when the field is empty on its earliest day", () => {
    expect(day("2026-07-01", waiting(0, false), "2026-06-15")).toBe("date-passed");
    const empty: Facts = {
      startOn: on("2026-07-01"),
      createdAt: at("2026-07-01T10:00:00Z"),
      steps: [step(2, 0), waiting(0, false, 5)],
      resolutions: [{ stepId: 2, state: "sent", at: at("2026-07-01T10:00:01Z"), on: on("2026-07-01") }],
      rules: rules(),
    };
    expect(decide(empty, at("2026-07-02T10:00:00Z"))).toMatchObject({
      expire: [],
      next: { step: { id: 1 } },
      done: false,
    });
    expect(decide(empty, at("2026-07-06T09:00:00Z"))).toMatchObject({ expire: [{ reason: "no-date" }], done: true });
    const filled = { ...empty, rules: rules({ dates: { renewal: on("2026-09-01") } }) };
    expect(decide(filled, at("2026-07-06T09:00:00Z")).next?.dueAt.toString()).toBe("2026-09-01T09:00:00Z");
  });

  it("holds up none of the steps whose days come before it", () => {
    const given: Facts = {
      startOn: on("2026-07-01"),
      createdAt: LONG_AGO,
      steps: [waiting(0, false), step(2, 3), step(3, 40)],
      resolutions: [],
      rules: rules({ dates: { renewal: on("2026-08-01") } }),
    };
    const { left } = live(given, () => false);
    expect(left.map(({ step: { id }, at: moment }) => [id, moment.toString().slice(0, 10)])).toEqual([
      [2, "2026-07-04"],
      [1, "2026-08-01"],
      [3, "2026-08-10"],
    ]);
  });
});

describe("quiet hours and windows", () => {
  const next = (moment: string, opening: Partial<Rules>) => nextOpening(at(moment), rules(opening))?.toString();

  it("quiet hours over midnight put mail off to the morning, by the person's clock", () => {
    const rule = { quiet: quiet("21:00", "07:00", "Asia/Tokyo") };
    expect(next("2026-11-30T13:00:00Z", rule)).toBe("2026-11-30T22:00:00Z");
    expect(next("2026-11-30T21:59:59Z", rule)).toBe("2026-11-30T22:00:00Z");
    expect(next("2026-11-30T22:00:00Z", rule)).toBe("2026-11-30T22:00:00Z");
    expect(next("2026-11-30T11:59:59Z", rule)).toBe("2026-11-30T11:59:59Z");
  });

  it("both hold where they meet, and the window's hours give way where they never do", () => {
    // 9 to 17 in Lisbon is 18 to 2 in Tokyo.
    const lisbon = { timeZone: "Europe/Lisbon", window: workingDays };
    expect(next("2026-11-30T07:00:00Z", { ...lisbon, quiet: quiet("21:00", "07:00", "Asia/Tokyo") })).toBe(
      "2026-11-30T09:00:00Z",
    );
    expect(next("2026-11-30T13:00:00Z", { ...lisbon, quiet: quiet("21:00", "07:00", "Asia/Tokyo") })).toBe(
      "2026-12-01T09:00:00Z",
    );
    expect(next("2026-11-27T13:00:00Z", { ...lisbon, quiet: quiet("17:00", "07:00", "Asia/Tokyo") })).toBe(
      "2026-11-27T22:00:00Z",
    );
  });

  it("a window to midnight is open to the end of the day", () => {
    const all = window([1], "00:00", "00:00");
    expect(next("2026-11-30T23:59:59Z", { window: all })).toBe("2026-11-30T23:59:59Z");
    expect(next("2026-12-01T00:00:00Z", { window: all })).toBe("2026-12-07T00:00:00Z");
  });

  it("an hour that comes twice is closed twice, and never sends anything back in time", () => {
    // Berlin, 25 October 2026: 02:00 to 03:00 comes twice, at 00:00Z and 01:00Z.
    const rule = { timeZone: "Europe/Berlin", quiet: quiet("01:00", "02:30", "Europe/Berlin") };
    expect(next("2026-10-25T00:10:00Z", rule)).toBe("2026-10-25T00:30:00Z");
    expect(next("2026-10-25T01:10:00Z", rule)).toBe("2026-10-25T01:30:00Z");
  });

  it("one that never opens is said so before it is saved", () => {
    const text = (from: string, to: string, weekdays = [1, 2, 3]) => ({ weekdays, from, to });
    expect(neverOpens(text("09:00", "17:00"), null)).toBeNull();
    expect(neverOpens(text("09:00", "00:00"), null)).toBeNull();
    expect(neverOpens(text("17:00", "09:00"), null)).toContain("never opens");
    expect(neverOpens(text("09:00", "09:00"), null)).toContain("never opens");
    expect(neverOpens(text("09:00", "17:00", []), null)).toContain("weekday");
    expect(neverOpens(text("22:00", "23:00"), { from: "21:00", to: "07:00" })).toContain("quiet hours");
    expect(neverOpens(text("05:00", "08:00"), { from: "21:00", to: "07:00" })).toBeNull();
  });

  it("a window that begins in the hour that comes twice is not open on as the clock is set back", () => {
    const rule = { ...rules({ timeZone: "Europe/Berlin" }), window: window([7], "02:30", "03:00") };
    expect(openUntil(at("2026-10-25T00:30:00Z"), rule)!.toString()).toBe("2026-10-25T01:00:00Z");
    expect(openUntil(at("2026-10-25T01:30:00Z"), rule)!.toString()).toBe("2026-10-25T02:00:00Z");
    expect(openUntil(at("2026-10-18T00:30:00Z"), rule)!.toString()).toBe("2026-10-18T01:00:00Z");
    const calm = { ...rules(), quiet: quiet("01:30", "02:15", "Europe/Berlin") };
    expect(openUntil(at("2026-10-25T00:30:00Z"), calm)!.toString()).toBe("2026-10-25T01:00:00Z");
  });

  it("a window that closes, or quiet hours that begin, in the hour that comes twice are open once more in it", () => {
    const zone = { timeZone: "Europe/Berlin" };
    const early = { ...zone, window: window([7], "01:00", "02:45") };
    expect(next("2026-10-25T00:50:00Z", early)).toBe("2026-10-25T01:00:00Z");
    expect(next("2026-10-25T01:50:00Z", early)).toBe("2026-11-01T00:00:00Z");
    const late = { ...zone, quiet: quiet("02:15", "06:00", zone.timeZone) };
    expect(next("2026-10-25T00:30:00Z", late)).toBe("2026-10-25T01:00:00Z");
    expect(next("2026-10-25T01:30:00Z", late)).toBe("2026-10-25T05:00:00Z");
  });

  it("what begins or ends in the hour that is left out does so as the clock is set forward", () => {
    // Berlin, 29 March 2026: 02:00 becomes 03:00 at 01:00Z.
    const zone = { timeZone: "Europe/Berlin" };
    expect(next("2026-03-28T23:30:00Z", { ...zone, window: window([7], "02:30", "17:00") })).toBe(
      "2026-03-29T01:00:00Z",
    );
    expect(next("2026-03-28T23:30:00Z", { ...zone, window: window([7], "02:00", "17:00") })).toBe(
      "2026-03-29T01:00:00Z",
    );
    expect(next("2026-03-28T23:30:00Z", { ...zone, quiet: quiet("22:00", "02:30", zone.timeZone) })).toBe(
      "2026-03-29T01:00:00Z",
    );
    const early = { ...rules(zone), window: window([7], "01:00", "02:30") };
    expect(openUntil(at("2026-03-29T00:30:00Z"), early)!.toString()).toBe("2026-03-29T01:00:00Z");
  });

  const someTime = fc
    .record({ hour: fc.nat(23), minute: fc.constantFrom(0, 15, 30) })
    .map((one) => Temporal.PlainTime.from(one));
  const someWindow = fc.record({
    weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
    from: someTime,
    to: someTime,
  });

  it("quiet hours cover a window exactly when it has no moment outside them", () => {
    fc.assert(
      fc.property(someWindow, someTime, someTime, (one, from, to) => {
        const minutes = Array.from({ length: 96 }, (_, quarter) => quarter * 15);
        const opening = {
          ...rules(),
          window: { ...one, weekdays: [1, 2, 3, 4, 5, 6, 7] },
          quiet: quiet(String(from), String(to)),
        };
        const open = minutes.filter(
          (minute) => closedBy(at("2026-06-01T00:00:00Z").add({ minutes: minute }), opening) === null,
        );
        expect(coveredBy(one, { from, to })).toBe(open.length === 0);
      }),
      { numRuns: 100 },
    );
  });

  it("the next opening is open and not before; none in between was; and it stays open until the moment to look again", () => {
    const zones = fc.constantFrom(
      "Europe/Berlin",
      "America/New_York",
      "Australia/Lord_Howe",
      "Pacific/Apia",
      "Africa/Cairo",
    );
    const start = fc.constantFrom("2026-03-27", "2026-10-24", "2011-12-28", "2026-04-23", "2026-10-02", "2026-11-01");
    fc.assert(
      fc.property(
        someWindow,
        someTime,
        someTime,
        zones,
        zones,
        start,
        fc.nat(96),
        (one, from, to, zone, other, day, quarter) => {
          const opening = {
            ...rules({ timeZone: zone }),
            window: one,
            quiet: quiet(String(from), String(to), other),
            holidays: holidays("2026-03-30", "2026-10-26"),
          };
          const asked = at(`${day}T00:00:00Z`).add({ minutes: 15 * quarter });
          const found = nextOpening(asked, opening);
          if (!found) return;
          expect(Temporal.Instant.compare(found, asked)).toBeGreaterThanOrEqual(0);
          const closed = closedBy(found, opening);
          // Where window and quiet hours never meet, the window's hours give way; nothing else does.
          expect([null, "hours"]).toContain(closed);
          if (closed !== null) return;
          for (let before = asked; Temporal.Instant.compare(before, found) < 0; before = before.add({ minutes: 15 }))
            expect(closedBy(before, opening)).not.toBeNull();
          const until = openUntil(found, opening)!;
          for (let open = found; Temporal.Instant.compare(open, until) < 0; open = open.add({ minutes: 15 }))
            expect(closedBy(open, opening)).toBeNull();
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("the frequency cap", () => {
  const now = at("2026-12-10T09:00:00Z");
  const days = (...ago: number[]) => ago.map((one) => now.subtract({ hours: 24 * one }));

  it("lets a mail go when fewer left in its days, and says when room comes", () => {
    expect(freeAt({ mails: 2, days: 7 }, days(1), now)).toBeNull();
    expect(freeAt({ mails: 2, days: 7 }, days(1, 3), now)?.toString()).toBe("2026-12-14T09:00:00Z");
    expect(freeAt({ mails: 2, days: 7 }, days(1, 7), now)).toBeNull();
    expect(freeAt({ mails: 2, days: 7 }, days(6, 1, 3), now)?.toString()).toBe("2026-12-14T09:00:00Z");
    expect(freeAt({ mails: 1, days: 7 }, [null], now)?.toString()).toBe("2026-12-10T10:00:00Z");
    expect(freeAt({ mails: 2, days: 7 }, [null, ...days(6)], now)?.toString()).toBe("2026-12-11T09:00:00Z");
  });

  it("whoever asks it before each mail never has more in any of its spans, and it never holds back for ever", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 10 }),
        fc.array(fc.nat(24 * 40), { maxLength: 40 }),
        (mails, span, wishes) => {
          const left: Temporal.Instant[] = [];
          for (const wish of wishes.toSorted((a, b) => a - b)) {
            let moment = now.add({ hours: wish });
            const newest = left.at(-1);
            if (newest && Temporal.Instant.compare(newest, moment) > 0) moment = newest;
            const free = freeAt({ mails, days: span }, left, moment);
            left.push(free ?? moment);
            expect(freeAt({ mails, days: span }, left.slice(0, -1), left.at(-1)!)).toBeNull();
          }
          for (const [index, last] of left.entries()) {
            const first = left[index - mails];
            if (first) expect(last.since(first).total("hours")).toBeGreaterThanOrEqual(24 * span);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

type Left = { step: Step; at: Temporal.Instant; dueAt: Temporal.Instant };

/** Lives until all is done, from one moment to look again to the next; in an outage nobody looks until it is over. */
function live(given: Facts, down: (day: number) => boolean) {
  const left: Left[] = [];
  const skipped: { id: number; reason: string }[] = [];
  let resolutions: Resolution[] = [];
  let now = given.createdAt;
  const begin = given.startOn.toZonedDateTime(given.rules.timeZone).toInstant();
  if (Temporal.Instant.compare(begin, now) > 0) now = begin;
  for (let looks = 0; looks < 500; looks += 1) {
    while (down(Math.floor(now.since(begin).total("hours") / 24))) now = now.add({ hours: 7 });
    const decision = decide({ ...given, resolutions }, now);
    const day = localDay(now, given.rules.timeZone);
    for (const { step: gone, reason } of decision.expire) {
      skipped.push({ id: gone.id, reason });
      resolutions = [...resolutions, { stepId: gone.id, state: "skipped", at: now, on: day }];
    }
    for (const { step: one, dueAt: moment } of decision.send) {
      left.push({ step: one, at: now, dueAt: moment });
      resolutions = [...resolutions, { stepId: one.id, state: "sent", at: now, on: day }];
    }
    if (decision.done) return { left, skipped, done: true };
    if (decision.send.length > 0) now = now.add({ seconds: 2 });
    else if (decision.next) now = decision.next.dueAt;
    else return { left, skipped, done: false };
  }
  return { left, skipped, done: false };
}

describe("whatever the timing, zone and outages", () => {
  const ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "Africa/Cairo",
  ];
  const someWindow = fc.constantFrom<SendingWindow | null>(
    null,
    workingDays,
    window([2, 6], "00:00", "00:00"),
    window([1, 2, 3, 4, 5, 6, 7], "02:00", "03:00"),
    window([7], "22:30", "00:00"),
  );
  const someGap = fc.constantFrom(
    null,
    { amount: 0, unit: "hours" as const },
    { amount: 36, unit: "hours" as const },
    { amount: 3, unit: "days" as const },
  );
  const someTiming = fc.record({
    window: someWindow,
    counting: fc.constantFrom(null, "days" as const, "business-days" as const),
    gap: someGap,
    waitFor: fc.option(
      fc.record({
        field: fc.constantFrom("renewal", "birthday"),
        offsetDays: fc.integer({ min: -40, max: 40 }),
        yearly: fc.boolean(),
      }),
      { freq: 4 },
    ),
  });
  const someSteps = fc
    .array(fc.record({ days: fc.nat(20), hour: fc.nat(23), own: fc.boolean(), timing: fc.option(someTiming) }), {
      minLength: 1,
      maxLength: 5,
    })
    .map((rows) =>
      rows.map(({ days, hour, own, timing }, index) =>
        step(index + 1, days, {}, { timing, timeOfDay: own ? new Temporal.PlainTime(hour, 30) : null }),
      ),
    );
  const someFacts = fc
    .record({
      steps: someSteps,
      timeZone: fc.constantFrom(...ZONES),
      month: fc.constantFrom("2026-03-01", "2026-10-01", "2026-12-20", "2011-12-25", "2026-04-20"),
      offset: fc.nat(30),
      madeBefore: fc.nat(3),
      window: someWindow,
      quiet: fc.constantFrom(null, ["21:00", "07:00"], ["01:00", "02:30"], ["08:00", "18:00"]),
      quietZone: fc.constantFrom(...ZONES),
      counting: fc.constantFrom("days" as const, "business-days" as const),
      gap: someGap,
      closed: fc.option(fc.array(fc.nat(60))),
      renewal: fc.option(fc.integer({ min: -30, max: 120 })),
      birthday: fc.option(fc.integer({ min: -8000, max: 0 })),
    })
    .map(
      ({
        steps,
        timeZone,
        month,
        offset,
        madeBefore,
        quiet: hours,
        quietZone,
        closed,
        renewal,
        birthday,
        ...more
      }): Facts => {
        const startOn = on(month).add({ days: offset });
        const made = startOn.subtract({ days: madeBefore }).toZonedDateTime({ timeZone, plainTime: time("10:17") });
        const dates = {
          ...(renewal === null ? {} : { renewal: startOn.add({ days: renewal }) }),
          ...(birthday === null ? {} : { birthday: startOn.add({ days: birthday }) }),
        };
        const given = {
          ...more,
          timeZone,
          dates,
          quiet: hours && quiet(hours[0], hours[1], quietZone),
          holidays: closed && holidays(...closed.map((day) => startOn.add({ days: day }).toString())),
        };
        return { startOn, createdAt: made.toInstant(), steps, resolutions: [], rules: rules(given) };
      },
    );
  const outages = fc.uniqueArray(fc.nat(60), { maxLength: 20 }).map((days) => (day: number) => days.includes(day));

  it("every step is sent once or skipped with a reason: never early, never twice, nobody stranded", () => {
    fc.assert(
      fc.property(someFacts, outages, (given, down) => {
        const { left, skipped, done } = live(given, down);
        expect(done).toBe(true);
        const ids = [...left.map((mail) => mail.step.id), ...skipped.map(({ id }) => id)];
        expect(ids.toSorted((a, b) => a - b)).toEqual(given.steps.map(({ id }) => id));
        for (const { step: one, at: moment, dueAt: owed } of left) {
          expect(Temporal.Instant.compare(moment, owed)).toBeGreaterThanOrEqual(0);
          const { on: day, missing } = plannedDay(given.startOn, one, given.rules);
          expect(missing).toBeNull();
          expect(Temporal.PlainDate.compare(localDay(moment, given.rules.timeZone), day)).toBeGreaterThanOrEqual(0);
        }
        for (const { id, reason } of skipped)
          if (reason === "no-date" || reason === "date-passed")
            expect(given.steps.find((one) => one.id === id)?.timing?.waitFor).toBeTruthy();
      }),
      { numRuns: 100 },
    );
  });

  it("nothing leaves on a closed day, in quiet hours, or before the gap has passed", () => {
    fc.assert(
      fc.property(someFacts, outages, (given, down) => {
        const { left } = live(given, down);
        for (const [index, { step: one, at: moment }] of left.entries()) {
          const opening = openingOf(one, given.rules);
          const closed = closedBy(moment, opening);
          // The window's hours give way where quiet hours by another clock cover them.
          expect([null, ...(opening.quiet ? ["hours"] : [])]).toContain(closed);
          const gap = gapOf(one, given.rules);
          const before = left[index - 1];
          if (!gap || !before) continue;
          const since = moment.since(before.at).total("hours");
          if (gap.unit === "hours") expect(since).toBeGreaterThanOrEqual(gap.amount);
          else {
            const [from, to] = [before.at, moment].map((one) => localDay(one, given.rules.timeZone));
            expect(from!.until(to!).days).toBeGreaterThanOrEqual(gap.amount);
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
