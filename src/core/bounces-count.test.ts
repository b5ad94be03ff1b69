import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  afterSoftBounce,
  guard,
  GUARD_LEAST_MAILS,
  inWords,
  SOFT_BOUNCE_APART_HOURS,
  SOFT_BOUNCE_HALF_LIFE_DAYS,
  SOFT_BOUNCE_LIMIT,
  type SoftBounces,
} from "./bounces-count.ts";

const start = Temporal.Instant.from("2026-03-01T09:00:00Z");
const hours = (count: number) => start.add({ hours: count });

/** The count after bounces at these hours; stops where the limit is reached. */
function after(...at: readonly number[]) {
  let kept: (SoftBounces & { limitReached: boolean }) | null = null;
  for (const hour of at) kept = afterSoftBounce(kept, hours(hour));
  return kept!;
}

describe("soft bounces of an address", () => {
  it("mails every four days to a full mailbox reach the limit with the fourth", () => {
    expect(after(0, 96, 192).limitReached).toBe(false);
    expect(after(0, 96, 192, 288).limitReached).toBe(true);
  });

  it("mails once a month never reach it", () => {
    const months = Array.from({ length: 50 }, (_, index) => index * 24 * 30);
    expect(after(...months).limitReached).toBe(false);
  });

  it("several on one day count once", () => {
    expect(after(0, 1, 2, 3, 4, 5)).toMatchObject({ points: 1, limitReached: false });
  });

  it("a bounce counts half after its half-life", () => {
    expect(after(0, SOFT_BOUNCE_HALF_LIFE_DAYS * 24).points).toBeCloseTo(1.5);
  });

  const gaps = fc.array(fc.integer({ min: 0, max: 24 * 200 }), { minLength: 1, maxLength: 30 });

  it("the count is above zero, at most the number of bounces, and never more for being later", () => {
    fc.assert(
      fc.property(gaps, fc.integer({ min: 0, max: 10_000 }), (given, wait) => {
        let at = 0;
        const moments = given.map((gap) => (at += gap));
        const { points } = after(...moments);
        expect(points).toBeGreaterThan(0);
        expect(points).toBeLessThanOrEqual(moments.length);
        const soon = after(...moments, at + SOFT_BOUNCE_APART_HOURS);
        const late = after(...moments, at + SOFT_BOUNCE_APART_HOURS + wait);
        expect(late.points).toBeLessThanOrEqual(soon.points);
      }),
    );
  });

  it("with bounces further apart than the half-life allows the limit is out of reach", () => {
    // 1 / (1 - 2^-x) < 3 for gaps of more than 0.585 half-lives.
    const apart = Math.ceil(SOFT_BOUNCE_HALF_LIFE_DAYS * 24 * 0.6);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: apart, max: apart * 5 }), { minLength: 1, maxLength: 100 }), (given) => {
        let at = 0;
        expect(after(...given.map((gap) => (at += gap))).points).toBeLessThan(SOFT_BOUNCE_LIMIT);
      }),
    );
  });
});

describe("the guards", () => {
  it.each([
    ["nothing came back", { mails: 1000, bounced: 0, complained: 0 }, null],
    ["2 % came back", { mails: 1000, bounced: 20, complained: 0 }, { level: "warn", about: "bounced" }],
    ["a little less", { mails: 1000, bounced: 19, complained: 0 }, null],
    ["5 % came back", { mails: 1000, bounced: 50, complained: 0 }, { level: "pause", about: "bounced" }],
    ["0.1 % complained", { mails: 1000, bounced: 0, complained: 1 }, { level: "warn", about: "complained" }],
    ["0.3 % complained", { mails: 1000, bounced: 0, complained: 3 }, { level: "pause", about: "complained" }],
    [
      "many came back, few complained",
      { mails: 1000, bounced: 60, complained: 1 },
      { level: "pause", about: "bounced" },
    ],
    ["one of a hundred complained", { mails: 100, bounced: 0, complained: 1 }, { level: "warn", about: "complained" }],
    ["too few mails to tell", { mails: GUARD_LEAST_MAILS - 1, bounced: 99, complained: 99 }, null],
  ])("%s", (_name, tally, finding) => {
    const found = guard(tally);
    if (finding) expect(found).toMatchObject(finding);
    else expect(found).toBeNull();
  });

  const tallies = fc
    .integer({ min: 0, max: 100_000 })
    .chain((mails) =>
      fc.record({ mails: fc.constant(mails), bounced: fc.nat({ max: mails }), complained: fc.nat({ max: mails }) }),
    );
  const rank = { none: 0, warn: 1, pause: 2 };
  const level = (tally: Parameters<typeof guard>[0]) => rank[guard(tally)?.level ?? "none"];

  it("more that comes back is never judged more mildly, and more that arrives never more harshly", () => {
    fc.assert(
      fc.property(tallies, fc.nat({ max: 1000 }), (tally, more) => {
        const { mails, bounced, complained } = tally;
        expect(level({ mails, bounced: Math.min(mails, bounced + more), complained })).toBeGreaterThanOrEqual(
          level(tally),
        );
        if (mails >= GUARD_LEAST_MAILS)
          expect(level({ ...tally, mails: mails + more })).toBeLessThanOrEqual(level(tally));
      }),
    );
  });

  it("say in words what they found", () => {
    const tally = { mails: 480, bounced: 30, complained: 0 };
    expect(inWords(guard(tally)!, tally)).toBe("6.3 % of 480 mails came back within 7 days");
    const complaints = { mails: 2000, bounced: 0, complained: 7 };
    expect(inWords(guard(complaints)!, complaints)).toBe("0.35 % of 2000 mails were reported as spam within 7 days");
  });
});
