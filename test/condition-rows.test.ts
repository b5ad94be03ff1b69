/** The form for conditions: what it reads and writes back asks the same, and nothing half chosen is taken for whole. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Condition, conditionSchema, holds, type Leaf, NOTHING_KNOWN } from "../src/core/conditions.ts";
import {
  BEGUN,
  canonical,
  conditionOf,
  isOpen,
  type Kind,
  kindOf,
  rowsOf,
} from "../web/pages/campaigns/conditions/rows.ts";

const WHOLE: Readonly<Record<Kind, Leaf>> = {
  replied: { replied: true },
  opened: { opened: "before" },
  clicked: { clicked: 3, link: "https://example.com/" },
  group: { group: 2 },
  field: { field: "plan", op: "is", value: ["gold", "silver"] },
  campaign: { campaign: 4, statuses: ["Completed"] },
  finished: { finished: 5 },
  event: { event: "purchased", times: 2, since: "start" },
};
const leaf = fc.constantFrom(...Object.values(WHOLE));
const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.record({ all: fc.array(tie("condition"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ any: fc.array(tie("condition"), { minLength: 1, maxLength: 3 }) }),
    fc.record({ not: tie("condition") }),
  ),
}));
const known = fc.record({
  ...Object.fromEntries(Object.entries(NOTHING_KNOWN).map(([key, value]) => [key, fc.constant(value)])),
  replied: fc.boolean(),
  groups: fc.subarray([2]),
  fields: fc.record({ plan: fc.constantFrom("gold", "none", null) }),
  campaigns: fc.record({ 4: fc.subarray(["Completed" as const]), 5: fc.subarray(["Completed" as const]) }),
}) as unknown as fc.Arbitrary<typeof NOTHING_KNOWN>;

describe("the rows of a condition", () => {
  it("ask the same as the condition they were read from", () => {
    fc.assert(
      fc.property(condition, known, (asked, facts) => {
        const back = conditionOf(rowsOf(asked));
        expect(back).not.toBeNull();
        expect(holds(back!, facts)).toBe(holds(asked, facts));
      }),
    );
  });

  it("leave a condition that was not touched as it was, but for brackets around a single thing", () => {
    fc.assert(
      fc.property(condition, (asked) => {
        const single = ("all" in asked && asked.all.length === 1) || ("any" in asked && asked.any.length === 1);
        fc.pre(!single);
        expect(conditionOf(rowsOf(asked))).toEqual(asked);
      }),
    );
  });

  it("are none where nothing is asked", () => {
    expect(rowsOf(null).rows).toEqual([]);
    expect(conditionOf({ join: "any", rows: [] })).toBeNull();
  });
});

describe("what is not chosen yet", () => {
  it("is open as long as the schema of the API refuses it, and no longer, wherever it stands", () => {
    for (const kind of Object.keys(WHOLE) as Kind[]) {
      expect(kindOf(WHOLE[kind])).toBe(kind);
      expect(kindOf(BEGUN[kind])).toBe(kind);
      for (const one of [WHOLE[kind], BEGUN[kind]]) {
        for (const asked of [one, { not: one }, { all: [WHOLE.replied, { any: [one] }] }]) {
          const refused = !conditionSchema.safeParse(asked).success;
          expect(isOpen(asked), JSON.stringify(asked)).toBe(refused);
        }
      }
    }
  });

  it("is a value that is missing, too, where one is compared", () => {
    expect(isOpen({ field: "plan", op: "is", value: null })).toBe(true);
    expect(isOpen({ field: "plan", op: "contains", value: "" })).toBe(true);
    expect(isOpen({ field: "plan", op: "is", value: [] })).toBe(true);
    expect(isOpen({ field: "plan", op: "set" })).toBe(false);
    expect(isOpen({ field: "seats", op: "at-least", value: 0 })).toBe(false);
    expect(isOpen({ field: "active", op: "is", value: false })).toBe(false);
    expect(isOpen(null)).toBe(false);
  });
});

it("a change is one whatever the order of the keys, and none where only that differs", () => {
  expect(canonical({ b: [{ y: 1, x: 2 }], a: null })).toBe(canonical({ a: null, b: [{ x: 2, y: 1 }] }));
  expect(canonical({ a: [1, 2] })).not.toBe(canonical({ a: [2, 1] }));
});
