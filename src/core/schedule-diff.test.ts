/** A diff of Schedules names what changed and nothing else. */
import { expect, it } from "vitest";
import { type Content, differences } from "./schedule-diff.ts";

const content = (steps: Content["steps"], settings: Content["settings"] = {}): Content => ({ steps, settings });
const told = (before: Content, after: Content) =>
  differences(before, after).map(({ kind, stepId, row, field, before: was, after: is }) =>
    [kind, stepId, row, field, was, is].filter((part) => part !== null && typeof part !== "object").join(" "),
  );
const one = { id: 1, sendAfterDays: 0, timeOfDay: null };
const two = { id: 2, sendAfterDays: 4, timeOfDay: "09:00:00" };

it("names what was added, removed, changed and reordered", () => {
  expect(told(content([one, two]), content([one, two]))).toEqual([]);
  expect(told(content([one, two]), content([{ ...two, sendAfterDays: 6 }, { sendAfterDays: 8 }]))).toEqual([
    "step-changed 2 0 sendAfterDays 4 6",
    "step-added 1",
    "step-removed 1 0",
  ]);
  expect(told(content([one, two]), content([two, one]))).toEqual(["steps-reordered"]);
});

it("a time is the same however it is written, and what is left out is nothing", () => {
  expect(told(content([one, two]), content([one, { ...two, timeOfDay: "09:00" }]))).toEqual([]);
  expect(told(content([one], { evergreen: null }), content([{ id: 1, sendAfterDays: 0 }], {}))).toEqual([]);
  expect(told(content([], { evergreen: false }), content([], { evergreen: true }))).toEqual([
    "setting-changed evergreen false true",
  ]);
});
