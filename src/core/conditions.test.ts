/** Conditions hold as their words say, read back from those words, and follow de Morgan. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCondition, type Resolve } from "./condition-text.ts";
import { conditionInWords, type Names } from "./condition-words.ts";
import {
  answersOf,
  type Condition,
  conditionSchema,
  type FieldValue,
  holds,
  type Known,
  type Leaf,
  needsOf,
  NOTHING_KNOWN,
  OPERATORS,
} from "./conditions.ts";
import { STATUSES } from "./email-campaign.ts";
import { decide, type Facts, knownOf, localDay, NO_RULES, type Resolution, type Step } from "./schedule.ts";

const GROUPS = ["Customers", "Friends of “Ana”", 'The "others"', "a\\b"];
const CAMPAIGNS = ["Onboarding", "Win back"];
const STEPS = ["day-0", "day 4"];
const FIELDS = ["plan", "seats", "active", "renewal_date"];
const EVENTS = ["purchased", "order completed"];
const LINKS = ["https://example.com/a?b=c&d", "https://example.com/“x”"];

const names: Names = {
  group: (id) => GROUPS[id - 1]!,
  campaign: (id) => CAMPAIGNS[id - 1]!,
  step: (id) => STEPS[id - 1]!,
  field: (key) => key,
};
const placeOf = (list: readonly string[]) => (name: string) => (list.includes(name) ? list.indexOf(name) + 1 : null);
const resolve: Resolve = { group: placeOf(GROUPS), campaign: placeOf(CAMPAIGNS), step: placeOf(STEPS) };

const text = fc.oneof(
  fc.constantFrom("gold", "Gold", "go", "2026-03-01", 'a "b" “c”', "\\", "two\nlines"),
  fc.string({ maxLength: 12 }),
);
const numbered = (list: readonly unknown[]) => fc.integer({ min: 1, max: list.length });
const which = fc.oneof(fc.constantFrom("any" as const, "before" as const), numbered(STEPS));
const fieldLeaf: fc.Arbitrary<Leaf> = fc
  .record({ field: fc.constantFrom(...FIELDS), op: fc.constantFrom(...OPERATORS) })
  .chain(({ field, op }): fc.Arbitrary<Leaf> => {
    if (op === "set") return fc.constant({ field, op } as const);
    const one = fc.oneof(
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.integer({ min: 0, max: 9 }),
    );
    if (op !== "is") return one.map((value) => ({ field, op, value }));
    return fc.oneof(one, fc.array(text, { minLength: 1, maxLength: 3 })).map((value) => ({ field, op, value }));
  });
const leaf: fc.Arbitrary<Leaf> = fc.oneof(
  { arbitrary: fieldLeaf, weight: 4 },
  numbered(GROUPS).map((group) => ({ group })),
  which.map((opened) => ({ opened })),
  fc.record({ clicked: which }),
  fc.record({ clicked: which, link: fc.constantFrom(...LINKS) }),
  fc.constant({ replied: true } as const),
  fc.record({
    campaign: numbered(CAMPAIGNS),
    statuses: fc.uniqueArray(fc.constantFrom(...STATUSES), { minLength: 1 }),
  }),
  numbered(CAMPAIGNS).map((finished) => ({ finished })),
  fc.record(
    {
      event: fc.constantFrom(...EVENTS),
      times: fc.integer({ min: 1, max: 3 }),
      since: fc.constant("start" as const),
    },
    { requiredKeys: ["event"] },
  ),
);
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    leaf,
    fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
    fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
    tie("condition").map((not) => ({ not })),
  ),
}));
const fieldValue: fc.Arbitrary<FieldValue> = fc.oneof(
  text,
  fc.integer({ min: 0, max: 9 }),
  fc.boolean(),
  fc.constant(null),
);
const known: fc.Arbitrary<Known> = fc.record({
  fields: fc.dictionary(fc.constantFrom(...FIELDS), fieldValue),
  groups: fc.subarray([1, 2, 3, 4]),
  replied: fc.boolean(),
  engagements: fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant("opened" as const), stepId: numbered(STEPS), link: fc.constant(null) }),
      fc.record({ kind: fc.constant("clicked" as const), stepId: numbered(STEPS), link: fc.constantFrom(...LINKS) }),
    ),
    { maxLength: 4 },
  ),
  campaigns: fc.dictionary(fc.constantFrom("1", "2"), fc.subarray([...STATUSES])),
  events: fc.dictionary(
    fc.constantFrom(...EVENTS),
    fc
      .record({ before: fc.integer({ min: 0, max: 2 }), sinceStart: fc.integer({ min: 0, max: 3 }) })
      .map(({ before, sinceStart }) => ({ ever: before + sinceStart, sinceStart })),
  ),
  lastStepId: fc.option(numbered(STEPS)),
});

describe("a condition and its words", () => {
  it("is said, read back, and means the same", () => {
    fc.assert(
      fc.property(condition, fc.array(known, { minLength: 1, maxLength: 5 }), (asked, facts) => {
        const words = conditionInWords(asked, names, { language: "en" });
        const read = parseCondition(words, resolve);
        if ("problem" in read) {
          // Only what may not be kept either is not read back.
          expect(conditionSchema.safeParse(asked).success).toBe(false);
          return;
        }
        expect(conditionInWords(read.condition, names, { language: "en" })).toBe(words);
        for (const fact of facts) expect(holds(read.condition, fact)).toBe(holds(asked, fact));
      }),
      { numRuns: 3000 },
    );
  });

  it("is said of somebody, in English and in German", () => {
    const asked: Condition = {
      all: [
        { not: { replied: true } },
        { group: 1 },
        { any: [{ field: "plan", op: "is", value: "gold" }, { not: { opened: "before" } }] },
      ],
    };
    const said = (language: "en" | "de", person: string | null = "Ana") =>
      conditionInWords(asked, { ...names, field: () => (language === "en" ? "Plan" : "Tarif") }, { language, person });
    expect(said("en")).toBe(
      "Ana has not replied and is in group “Customers” and (their Plan is “gold” or has not opened the mail before)",
    );
    expect(said("de")).toBe(
      "Ana hat nicht geantwortet und ist in der Gruppe „Customers“ und (Tarif ist „gold“ oder hat die E-Mail davor nicht geöffnet)",
    );
    expect(said("en", null)).toBe(
      "has not replied and is in group “Customers” and (Plan is “gold” or has not opened the mail before)",
    );
  });

  it("what is not understood is told with its place", () => {
    const problem = (words: string) => {
      const read = parseCondition(words, resolve);
      return "problem" in read ? read.problem : "read";
    };
    expect(problem('is in group "Nobody"')).toBe("There is no Email Group “Nobody”.");
    expect(problem("has not replied and")).toMatch(/^At character 20: expected what has to be so/);
    expect(problem("plan = 3")).toMatch(/^At character 5/);
    expect(problem("plan is gold")).toMatch(/text in quotation marks/);
    expect(problem('(plan is "gold"')).toMatch(/expected “\)”/);
    expect(problem('is in Campaign "Onboarding" with status "Done"')).toMatch(/“Done” is no status/);
    expect(problem("has replied has replied")).toMatch(/expected “and” or “or”/);
    expect(problem(Array.from({ length: 31 }, () => "has replied").join(" or "))).toMatch(/30/);
  });

  it("events are said with how often and since when", () => {
    const asked: Condition = {
      all: [{ event: "purchased", times: 2, since: "start" }, { not: { event: "refunded", times: 1 } }],
    };
    expect(conditionInWords(asked, names, { language: "en", person: "Ana" })).toBe(
      "Ana has had the event “purchased” at least 2 times since the start and has not had the event “refunded” at least once",
    );
    expect(conditionInWords(asked, names, { language: "de" })).toBe(
      "hatte das Ereignis „purchased“ mindestens 2-mal seit dem Beginn und hatte nicht das Ereignis „refunded“ mindestens einmal",
    );
    expect(parseCondition('has had the event " Purchased"', resolve)).toEqual({ condition: { event: "purchased" } });
    expect(parseCondition('has had the event "a" at least 0 times', resolve)).toHaveProperty("problem");
    expect(parseCondition('has had the event "a" at least often', resolve)).toHaveProperty("problem");
    expect(conditionSchema.parse({ event: " Order Completed " })).toEqual({ event: "order completed" });
  });

  it("straight quotation marks do as well, and capitals do not matter in words", () => {
    expect(parseCondition('Is in group "Customers" AND seats is at least 5', resolve)).toEqual({
      condition: { all: [{ group: 1 }, { field: "seats", op: "at-least", value: 5 }] },
    });
  });
});

describe("an Email Campaign whose facts change at any time", () => {
  const days = fc.integer({ min: 0, max: 20 });
  const maybe = fc.option(condition, { nil: null });
  it("is ended or due at every moment, gets no step twice and none that its condition forbids", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ day: days, onlyIf: maybe, stopIf: maybe }), { minLength: 1, maxLength: 5 }),
        fc.record({ stopIf: maybe, goal: maybe }),
        fc.array(known, { minLength: 1, maxLength: 8 }),
        (rows, endings, changing) => {
          const steps = rows.map(({ day, onlyIf, stopIf }, at): Step => ({
            id: at + 1,
            position: at + 1,
            sendAfterDays: day,
            onlyIf,
            stopIf,
            timeOfDay: null,
            expiresAfterDays: null,
            addedAt: null,
            timing: null,
          }));
          const startOn = Temporal.PlainDate.from("2026-03-02");
          const createdAt = Temporal.Instant.from("2026-03-02T08:00:00Z");
          let resolutions: Resolution[] = [];
          let now = createdAt;
          for (let turn = 0; turn < 60; turn += 1) {
            const facts: Facts = {
              startOn,
              createdAt,
              steps,
              resolutions,
              rules: NO_RULES,
              endings,
              known: changing[turn % changing.length]!,
            };
            const { send, expire, next, done, waiting, stop } = decide(facts, now);
            // Exactly one thing follows.
            expect([send.length > 0, next !== null, done, stop !== null].filter(Boolean)).toHaveLength(1);
            expect(waiting).toBe(false);
            const asked = knownOf(facts)!;
            for (const { step, reason } of expire)
              if (reason === "condition") expect(holds(step.onlyIf!, asked)).toBe(false);
            for (const { step } of send) if (step.onlyIf) expect(holds(step.onlyIf, asked)).toBe(true);
            if (stop) expect(holds(stop.condition, asked)).toBe(true);
            else for (const one of [endings.stopIf, endings.goal]) if (one) expect(holds(one, asked)).toBe(false);
            const on = localDay(now, "UTC");
            resolutions = [
              ...resolutions,
              ...expire.map(({ step }): Resolution => ({ stepId: step.id, state: "skipped", at: now, on })),
              ...send.map(({ step }): Resolution => ({ stepId: step.id, state: "sent", at: now, on })),
            ];
            expect(new Set(resolutions.map(({ stepId }) => stepId)).size).toBe(resolutions.length);
            if (done || stop) return;
            if (next) {
              expect(Temporal.Instant.compare(next.dueAt, now)).toBe(1);
              now = next.dueAt;
            }
          }
          throw new Error("It never ended.");
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe("whether it holds", () => {
  it("follows de Morgan", () => {
    fc.assert(
      fc.property(fc.array(condition, { minLength: 1, maxLength: 4 }), known, (parts, facts) => {
        const negated = parts.map((not) => ({ not }));
        expect(holds({ not: { all: parts } }, facts)).toBe(holds({ any: negated }, facts));
        expect(holds({ not: { any: parts } }, facts)).toBe(holds({ all: negated }, facts));
      }),
    );
  });

  it("depends on nothing it does not name", () => {
    fc.assert(
      fc.property(condition, known, (asked, facts) => {
        const needs = needsOf([asked]);
        const reduced: Known = {
          fields: Object.fromEntries(Object.entries(facts.fields).filter(([key]) => needs.fields.includes(key))),
          groups: facts.groups.filter((id) => needs.groups.includes(id)),
          replied: needs.replied && facts.replied,
          engagements: needs.engagements ? facts.engagements : [],
          campaigns: Object.fromEntries(
            Object.entries(facts.campaigns).filter(([id]) => needs.campaigns.includes(Number(id))),
          ),
          events: Object.fromEntries(Object.entries(facts.events).filter(([name]) => needs.events.includes(name))),
          lastStepId: facts.lastStepId,
        };
        expect(holds(asked, reduced)).toBe(holds(asked, facts));
      }),
    );
  });

  const PERSON: Known = {
    ...NOTHING_KNOWN,
    fields: { plan: "Gold", seats: 5, active: false, renewal_date: "2026-03-01", empty: "" },
    engagements: [
      { kind: "clicked", stepId: 1, link: "https://example.com/a" },
      { kind: "opened", stepId: 2, link: null },
    ],
    events: { purchased: { ever: 3, sinceStart: 1 } },
    lastStepId: 2,
  };
  it.each([
    [{ field: "plan", op: "is", value: "gold" }, true],
    [{ field: "plan", op: "is", value: ["silver", "GOLD"] }, true],
    [{ field: "plan", op: "contains", value: "OL" }, true],
    [{ field: "plan", op: "starts-with", value: "ol" }, false],
    [{ field: "plan", op: "at-least", value: 3 }, false],
    [{ field: "seats", op: "at-least", value: 5 }, true],
    [{ field: "seats", op: "more-than", value: 5 }, false],
    [{ field: "seats", op: "is", value: "5" }, true],
    [{ field: "active", op: "is", value: false }, true],
    [{ field: "active", op: "set" }, true],
    [{ field: "renewal_date", op: "less-than", value: "2026-03-02" }, true],
    [{ field: "renewal_date", op: "at-least", value: "2026-03-02" }, false],
    [{ field: "empty", op: "set" }, false],
    [{ field: "unknown", op: "is", value: "" }, false],
    [{ opened: 1 }, true],
    [{ opened: "before" }, true],
    [{ clicked: "before" }, false],
    [{ clicked: "any" }, true],
    [{ clicked: "any", link: "https://example.com/b" }, false],
    [{ clicked: 1, link: "https://example.com/a" }, true],
    [{ event: "purchased" }, true],
    [{ event: "purchased", times: 3 }, true],
    [{ event: "purchased", times: 4 }, false],
    [{ event: "purchased", since: "start" }, true],
    [{ event: "purchased", times: 2, since: "start" }, false],
    [{ event: "signed up" }, false],
    [{ event: "constructor" }, false],
  ] as const satisfies readonly (readonly [Leaf, boolean])[])("%j is %s", (asked, so) => {
    expect(holds(asked, PERSON)).toBe(so);
    expect(answersOf({ not: asked }, PERSON)).toEqual([{ leaf: asked, so }]);
  });
});
