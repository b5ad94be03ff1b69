import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { counted, isLimited, type Ledger, type Limits, pace, ramped, room, UNLIMITED } from "./rates.ts";

const START = Temporal.Instant.from("2026-03-01T08:00:00Z");
const LENGTHS = { perSecond: 1000, perMinute: 60_000, perHour: 3_600_000, perDay: 86_400_000 } as const;
const limit = fc.option(fc.integer({ min: 1, max: 50 }));
const limits: fc.Arbitrary<Limits> = fc.record({ perSecond: limit, perMinute: limit, perHour: limit, perDay: limit });

/** Limits that a test of ten minutes can reach. */
const short = fc
  .record({ perSecond: limit, perMinute: limit, perHour: fc.constant(null), perDay: fc.constant(null) })
  .filter(isLimited);

/** Asks again and again, takes what is given, and says when it was. */
function send(rates: Limits, asks: readonly (readonly [wait: number, wanted: number])[]) {
  let ledger: Ledger = {};
  let now = START;
  const sent: { at: number; count: number }[] = [];
  for (const [wait, wanted] of asks) {
    now = now.add({ milliseconds: wait });
    const count = Math.min(wanted, room(rates, ledger, now).free);
    ledger = structuredClone(counted(rates, ledger, count, now));
    if (count > 0) sent.push({ at: now.epochMilliseconds, count });
  }
  return { sent, ledger, now };
}

const asks = fc.array(
  fc.tuple(
    fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 4_000_000 })),
    fc.integer({ min: 0, max: 30 }),
  ),
  { maxLength: 80 },
);

describe("limits on what leaves", () => {
  it("no window, wherever it begins, holds more than its limit", () => {
    fc.assert(
      fc.property(limits, asks, (rates, list) => {
        const { sent } = send(rates, list);
        for (const [name, length] of Object.entries(LENGTHS) as [keyof Limits, number][]) {
          const most = rates[name];
          if (most === null) continue;
          for (const { at: from } of sent) {
            const within = sent.filter(({ at }) => at >= from && at < from + length);
            expect(within.reduce((sum, { count }) => sum + count, 0)).toBeLessThanOrEqual(most);
          }
        }
      }),
    );
  });

  it("at the moment it names there is room, and a little before there is none", () => {
    fc.assert(
      fc.property(limits, asks, (rates, list) => {
        const { ledger, now } = send(rates, list);
        const { free, freeAt } = room(rates, ledger, now);
        if (free > 0) return;
        expect(room(rates, ledger, freeAt).free).toBeGreaterThan(0);
        expect(room(rates, ledger, freeAt.subtract({ milliseconds: 1 })).free).toBe(0);
      }),
    );
  });

  it("a steady stream gets at least nine tenths of what its limits allow", () => {
    fc.assert(
      fc.property(short, (rates) => {
        const every = Array.from({ length: 6000 }, () => [100, 1000] as const);
        const total = send(rates, every).sent.reduce((sum, { count }) => sum + count, 0);
        expect(total).toBeGreaterThanOrEqual(Math.floor((600_000 / pace(rates)) * 0.9) - 1);
      }),
    );
  });

  it("gives back what did not leave after all", () => {
    const rates = { ...UNLIMITED, perHour: 10 };
    const ledger = counted(rates, counted(rates, {}, 10, START), -4, START);
    expect(room(rates, ledger, START).free).toBe(4);
  });

  it("forgets what is over, so a ledger stays small", () => {
    const rates = { perSecond: 5, perMinute: 5, perHour: 5, perDay: 5 };
    const later = START.add({ hours: 30 });
    expect(counted(rates, counted(rates, {}, 5, START), 1, later)).toEqual(counted(rates, {}, 1, later));
  });

  it("a clock that was far ahead holds nothing up once it is right", () => {
    const rates = { ...UNLIMITED, perHour: 10 };
    expect(room(rates, counted(rates, {}, 10, START.add({ hours: 1000 })), START).free).toBe(10);
  });

  it("a limit that was lowered waits until there is really room", () => {
    let ledger = counted({ ...UNLIMITED, perHour: 10 }, {}, 5, START);
    ledger = counted({ ...UNLIMITED, perHour: 10 }, ledger, 5, START.add({ minutes: 30 }));
    const { free, freeAt } = room({ ...UNLIMITED, perHour: 4 }, ledger, START.add({ minutes: 31 }));
    expect([free, freeAt.toString()]).toEqual([0, "2026-03-01T09:31:00Z"]);
  });
});

describe("the ramp of a new account", () => {
  const rates = { ...UNLIMITED, perDay: 10_000 };
  const ramp = { fromPerDay: 100, days: 10, startedAt: START };

  it.each([
    [0, 100],
    [1, 159],
    [5, 1000],
    [9, 6310],
    [10, 10_000],
    [99, 10_000],
  ])("on day %i at most %i leave", (day, most) => {
    expect(ramped(rates, ramp, START.add({ hours: 24 * day })).perDay).toBe(most);
  });

  it("changes nothing without one, and never allows more than the limit", () => {
    expect(ramped(rates, null, START)).toBe(rates);
    expect(ramped(UNLIMITED, ramp, START)).toBe(UNLIMITED);
    expect(ramped({ ...rates, perDay: 50 }, ramp, START).perDay).toBe(50);
  });
});
