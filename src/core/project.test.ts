/** What lies ahead is told by the code that decides: a walk through the days finds the same mails at the same moments. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { project, projector } from "./project.ts";
import { type Facts, NO_RULES, type Resolution, type Step, decide, localDay } from "./schedule.ts";

const at = (text: string) => Temporal.Instant.from(text);
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
const facts = (more: Partial<Facts> = {}): Facts => ({
  startOn: Temporal.PlainDate.from("2026-12-01"),
  createdAt: at("2026-11-20T12:00:00Z"),
  steps: [step(1, 0), step(2, 4), step(3, 10)],
  resolutions: [],
  rules: NO_RULES,
  ...more,
});
const told = (some: Facts, now: string) =>
  project(some, at(now)).map(({ stepId, outcome, on }) => `${stepId} ${outcome} ${on ?? "-"}`);

/** The real run: asked at every moment it names, each mail sent at once. */
function walk(some: Facts, now: Temporal.Instant): Map<number, string> {
  const resolutions: Resolution[] = some.resolutions.map((one) =>
    one.state === "pending" ? { ...one, state: "sent", at: now, on: localDay(now, some.rules.timeZone) } : one,
  );
  const sent = new Map<number, string>();
  for (let moment = now, turn = 0; turn < 200; turn += 1) {
    const decision = decide({ ...some, resolutions }, moment);
    const on = localDay(moment, some.rules.timeZone);
    for (const { step: one } of decision.expire) resolutions.push({ stepId: one.id, state: "skipped", at: moment, on });
    for (const { step: one } of decision.send) {
      sent.set(one.id, moment.toString());
      resolutions.push({ stepId: one.id, state: "sent", at: moment, on });
    }
    if (decision.done) return sent;
    if (decision.next) moment = decision.next.dueAt;
  }
  throw new Error("The walk does not end.");
}

describe("what lies ahead", () => {
  it("each step has its day", () => {
    expect(told(facts(), "2026-11-25T12:00:00Z")).toEqual([
      "1 ahead 2026-12-01",
      "2 ahead 2026-12-05",
      "3 ahead 2026-12-11",
    ]);
  });

  it("what is late is due now, one a day; what is too late or was added too late is told so", () => {
    const late = facts({
      resolutions: [
        { stepId: 1, state: "sent", at: at("2026-12-01T09:00:00Z"), on: Temporal.PlainDate.from("2026-12-01") },
      ],
    });
    expect(told(late, "2026-12-11T12:00:00Z")).toEqual(["1 behind -", "2 due-now 2026-12-11", "3 ahead 2026-12-12"]);
    expect(told(late, "2026-12-14T12:00:00Z")).toEqual(["1 behind -", "2 too-late -", "3 due-now 2026-12-14"]);
    const added = facts({ steps: [step(1, 0), step(9, 2, { addedAt: at("2026-12-05T00:00:00Z") })] });
    expect(told(added, "2026-12-05T00:00:00Z")).toEqual(["1 due-now 2026-12-05", "9 too-late -"]);
  });

  it("a mail under way counts as sent today", () => {
    const underWay = facts({
      resolutions: [
        { stepId: 1, state: "pending", at: at("2026-12-05T09:00:00Z"), on: Temporal.PlainDate.from("2026-12-05") },
      ],
    });
    expect(told(underWay, "2026-12-05T09:00:00Z")).toEqual([
      "1 under-way 2026-12-05",
      "2 ahead 2026-12-06",
      "3 ahead 2026-12-11",
    ]);
  });

  it("a window that never opens sends never", () => {
    const window = {
      weekdays: [],
      from: Temporal.PlainTime.from("09:00"),
      to: Temporal.PlainTime.from("17:00"),
    };
    const closed = facts({ rules: { ...facts().rules, window } });
    expect(new Set(project(closed, at("2026-12-01T00:00:00Z")).map(({ outcome }) => outcome))).toEqual(
      new Set(["never"]),
    );
  });

  it("is what a walk through the days finds, whatever the schedule, the moment and what was sent before", () => {
    const some = fc.record({
      days: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 6 }),
      sent: fc.integer({ min: 0, max: 6 }),
      pending: fc.boolean(),
      now: fc.integer({ min: -5, max: 45 }),
      hour: fc.integer({ min: 0, max: 23 }),
      expires: fc.integer({ min: 0, max: 10 }),
      zone: fc.constantFrom("UTC", "America/New_York", "Asia/Kathmandu"),
      weekdays: fc.constantFrom(null, [1, 2, 3, 4, 5], [2]),
    });
    fc.assert(
      fc.property(some, ({ days, sent, pending, now, hour, expires, zone, weekdays }) => {
        const steps = days.map((day, index) => step(index + 1, day));
        const resolutions = steps.slice(0, sent).map(({ id }, index): Resolution => ({
          stepId: id,
          state: pending && index === sent - 1 ? "pending" : "sent",
          at: at("2026-12-01T09:00:00Z").add({ hours: 24 * index }),
          on: Temporal.PlainDate.from("2026-12-01").add({ days: index }),
        }));
        const given = facts({
          steps,
          resolutions,
          rules: {
            ...NO_RULES,
            timeZone: zone,
            expiresAfterDays: expires,
            window: weekdays && {
              weekdays,
              from: Temporal.PlainTime.from("08:00"),
              to: Temporal.PlainTime.from("18:00"),
            },
          },
        });
        const moment = at("2026-12-01T00:00:00Z").add({ hours: 24 * now + hour });
        const expected = walk(given, moment);
        const found = project(given, moment);
        expect(new Set(found.map(({ stepId }) => stepId))).toEqual(new Set(steps.map(({ id }) => id)));
        expect(
          new Map(
            found.flatMap(({ stepId, outcome, at: leaves }) =>
              outcome === "due-now" || outcome === "ahead" ? [[stepId, String(leaves)] as const] : [],
            ),
          ),
        ).toEqual(expected);
        expect(projector(moment)(given)).toEqual(found);
      }),
      { numRuns: 300 },
    );
  });
});
