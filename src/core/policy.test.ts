import { describe, expect, it } from "vitest";
import { verdictOn } from "./policy.ts";

/** Written newest first: a letter for each mail of a Campaign, in capitals where it was refused. */
const results = (letters: string) =>
  letters.split("").map((letter) => ({ campaignId: letter.toLowerCase().charCodeAt(0), refused: letter < "a" }));
const verdict = (letters: string) => verdictOn(results(letters), letters.toLowerCase().charCodeAt(0));

describe("what refusals by policy say", () => {
  const rows: [string, string, "account" | "campaign" | null][] = [
    ["four refusals are chance", "AAAA", null],
    ["five of one Campaign alone concern the account: nobody knows of others", "AAAAA", "account"],
    ["five among fifteen that pass are not half", "AAAAAaaaaaaaaaaaaaaa", null],
    ["ten of twenty are", "AaAaAaAaAaAaAaAaAaAa", "account"],
    ["all Campaigns refused: the account", "ABABABABABABBBBBBBBB", "account"],
    ["one refused while another passes: that Campaign", "AbAbAbAbAbAbbbbbbbb", "campaign"],
    ["a small Campaign refused in the shade of a large one that passes", `AAAAA${"b".repeat(300)}`, "campaign"],
    ["refused while every other mail of another is, too", "ABAbABAbABAbABAb", "account"],
    ["others that pass are too few to tell", "AAAAAAbbbb", "account"],
    ["a refusal of one that mostly passes, in an account that passes", `Aaaaa${"b".repeat(40)}`, null],
    ["only the last twenty count", `AAAA${"a".repeat(20)}${"A".repeat(100)}`, null],
  ];
  it.each(rows)("%s", (_, letters, wanted) => expect(verdict(letters)).toBe(wanted));
});
