/** When variants have a winner: not too early, not by too few, not by chance. Tables through one check. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { judge, noFigures, standingInWords } from "./variant-winner.ts";
import { type Letter, LETTERS, type WinnerRule } from "./variants.ts";

const now = Temporal.Instant.from("2026-12-10T09:00:00Z");
const RULE: WinnerRule = { by: "clicked", afterSent: 200, afterDays: null, atLeast: 30, otherwise: "split" };
const figures = (...of: (readonly [sent: number, clicked: number])[]) =>
  of.map(([sent, clicked], at) => ({
    ...noFigures(LETTERS[at]!),
    sent,
    opensMeasured: sent,
    clicksMeasured: sent,
    clicked,
    opened: clicked,
    replied: 1,
  }));

type Case = {
  readonly rule?: Partial<WinnerRule>;
  readonly of: ReturnType<typeof figures>;
  readonly since?: string | null;
  readonly measured?: boolean;
};
function check({ rule, of, since = "2026-12-01T09:00:00Z", measured = true }: Case): string {
  const firstSentAt = since === null ? null : Temporal.Instant.from(since);
  const verdict = judge({ rule: { ...RULE, ...rule }, figures: of, firstSentAt, measured }, now);
  return verdict.kind === "waits" ? verdict.why : `${verdict.kind} ${verdict.winner}`;
}

it.each<[string, Case, string]>([
  ["a clear one wins", { of: figures([150, 10], [150, 30]) }, "won B"],
  ["A can win", { of: figures([150, 40], [150, 12]) }, "won A"],
  [
    "the best of three has to be better than each",
    { of: figures([100, 10], [100, 30], [100, 28]) },
    "no-clear-winner null",
  ],
  ["the best of three wins", { of: figures([100, 10], [100, 12], [100, 30]) }, "won C"],
  ["a small lead is chance", { of: figures([150, 15], [150, 18]) }, "no-clear-winner null"],
  ["all alike: none", { of: figures([150, 0], [150, 0]) }, "no-clear-winner null"],
  [
    "without a winner A, if the author says so",
    { rule: { otherwise: "A" }, of: figures([150, 15], [150, 18]) },
    "no-clear-winner A",
  ],
  ["too few people in all", { of: figures([99, 10], [100, 40]) }, "too-early"],
  ["too few of one variant", { of: figures([290, 10], [29, 20]) }, "too-few"],
  ["days alone", { rule: { afterSent: null, afterDays: 9 }, of: figures([40, 1], [40, 12]) }, "won B"],
  [
    "a minute before its days are over",
    { rule: { afterSent: null, afterDays: 9 }, of: figures([40, 1], [40, 12]), since: "2026-12-01T09:01:00Z" },
    "too-early",
  ],
  ["both are waited for", { rule: { afterDays: 30 }, of: figures([150, 10], [150, 40]) }, "too-early"],
  [
    "nothing left yet",
    { rule: { afterSent: null, afterDays: 1 }, of: figures([0, 0], [0, 0]), since: null },
    "too-early",
  ],
  ["not measured, nothing is said", { of: figures([150, 0], [150, 0]), measured: false }, "not-measured"],
  ["by what the rule says", { rule: { by: "replied" }, of: figures([150, 10], [150, 40]) }, "no-clear-winner null"],
])("%s", (_, given, expected) => {
  expect(check(given)).toBe(expected);
});

it("a share is of the mails in which it was measured: of those who are never measured nobody knows", () => {
  const [a, b] = figures([150, 20], [150, 20]);
  const half = { ...b!, clicksMeasured: 60 };
  expect(check({ of: [a!, half] })).toBe("won B");
  expect(check({ of: [a!, { ...half, clicksMeasured: 29 }] })).toBe("too-few");
  expect(check({ rule: { by: "replied" }, of: [a!, half] })).toBe("no-clear-winner null");
});

it("whoever wins has the greatest share, whatever the figures are", () => {
  const one = fc.integer({ min: 30, max: 5000 }).chain((sent) => fc.tuple(fc.constant(sent), fc.nat(sent)));
  fc.assert(
    fc.property(fc.array(one, { minLength: 2, maxLength: 5 }), (some) => {
      const of = figures(...some);
      const verdict = judge({ rule: { ...RULE, afterSent: 2 }, figures: of, firstSentAt: now, measured: true }, now);
      if (verdict.kind !== "won") return;
      const share = (letter: Letter) => {
        const found = of.find((each) => each.letter === letter)!;
        return found.clicked / found.sent;
      };
      for (const { letter } of of) expect(share(verdict.winner)).toBeGreaterThanOrEqual(share(letter));
    }),
  );
});

it("says how it stands, in English and German", () => {
  const standing = { winner: null, by: null, measure: "opened", atLeast: 30 } as const;
  expect(standingInWords({ ...standing, outcome: "no-clear-winner" }, "en")).toBe(
    "No clear winner: no variant is better than each other one beyond chance. It stays with the split.",
  );
  expect(standingInWords({ ...standing, outcome: "no-clear-winner", winner: "A" }, "de")).toContain(
    "Ab jetzt bekommen alle Variante A.",
  );
  expect(standingInWords({ ...standing, outcome: "chosen", winner: "B", by: "Marta" }, "en")).toBe(
    "Marta chose variant B. Whoever is planned from then on gets it.",
  );
  expect(standingInWords({ ...standing, outcome: "not-measured" }, "en")).toContain("by opens: they are not measured");
});
