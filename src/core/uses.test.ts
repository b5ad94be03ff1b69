/** What still names a thing, as the sentence that asks before it goes. */
import { expect, it } from "vitest";
import { stillNamedInWords, type Use } from "./uses.ts";

const use = (where: Use["where"], campaign: string): Use => ({ campaignId: 1, campaign, where });

it.each([
  [
    "en",
    "“Readers” is still named by what starts “One” by itself, a mail of “Two”, what ends “Two”, the goal of “Two”.",
  ],
  [
    "de",
    "„Readers“ wird noch genannt. Hier: was „One“ von selbst beginnen lässt, eine E-Mail von „Two“, was „Two“ beendet, das Ziel von „Two“.",
  ],
] as const)("in %s it says where it is named", (language, begins) => {
  const uses = [use("start", "One"), use("step", "Two"), use("exit", "Two"), use("goal", "Two")];
  expect(stillNamedInWords("Readers", uses, language).startsWith(`${begins} `)).toBe(true);
});

it("names five, and says how many more there are", () => {
  const uses = Array.from({ length: 7 }, (_, at) => use("goal", `C${at}`));
  const said = stillNamedInWords("{campaign}", uses, "en");
  expect(said).toContain("“{campaign}” is still named by the goal of “C0”");
  expect(said).toContain("the goal of “C4”, 2 more.");
  expect(said).not.toContain("C5");
});
