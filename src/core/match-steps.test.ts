import fc from "fast-check";
import { expect, it } from "vitest";
import { matchSteps } from "./match-steps.ts";

const existing = [
  { id: 1, sendAfterDays: 0, subject: "Welcome" },
  { id: 2, sendAfterDays: 4, subject: "Tips" },
  { id: 3, sendAfterDays: 9, subject: "Offer" },
];

it("an unchanged schedule keeps every step", () => {
  expect(matchSteps(existing, existing)).toEqual([1, 2, 3]);
});

it("a step put between two others is new, and the others stay what they were", () => {
  const wanted = [existing[0]!, { sendAfterDays: 2, subject: "More" }, existing[1]!, existing[2]!];
  expect(matchSteps(existing, wanted)).toEqual([1, null, 2, 3]);
});

it("a moved day and a reworded subject are the same step, so nobody gets it twice", () => {
  const wanted = [
    { sendAfterDays: 0, subject: "Welcome aboard" },
    { sendAfterDays: 5, subject: "Tips" },
  ];
  expect(matchSteps(existing, wanted)).toEqual([1, 2]);
});

it("no step is taken twice, whatever is written", () => {
  const traits = fc.record({ sendAfterDays: fc.nat(3), subject: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(fc.array(traits), fc.array(traits), (before, wanted) => {
      const taken = matchSteps(
        before.map((step, index) => ({ ...step, id: index + 1 })),
        wanted,
      ).filter((id) => id !== null);
      expect(new Set(taken).size).toBe(taken.length);
    }),
  );
});
