/** The split of variants: stable, even, and moved as little as possible by an edit. Properties over many people and steps. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  holdsFor,
  type Letter,
  LETTERS,
  sharesOf,
  templateOf,
  templatesOf,
  variantFor,
  variantsOf,
} from "./variants.ts";

const OTHERS = LETTERS.slice(1) as Exclude<Letter, "A">[];
/** A step with a variant for each weight, that of A first. */
const step = (weights: readonly number[], id = 7) => ({
  id,
  emailTemplateId: 100,
  variants: {
    weight: weights[0]!,
    others: weights.slice(1).map((weight, at) => ({ letter: OTHERS[at]!, emailTemplateId: 101 + at, weight })),
    winner: null,
  },
});
const ids = fc.integer({ min: 1, max: 2 ** 45 });
const weights = fc
  .array(fc.integer({ min: 0, max: 100 }), { minLength: 2, maxLength: 5 })
  .filter((some) => some.some((weight) => weight > 0));

function counted(of: ReturnType<typeof step>, people: number, from = 1): Map<Letter, number> {
  const counts = new Map<Letter, number>();
  for (let person = from; person < from + people; person += 1) {
    const letter = variantFor(of, person);
    counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  return counts;
}

describe("split stable", () => {
  it("the same person gets the same variant of a step, whatever its place, its rule and its templates", () => {
    fc.assert(
      fc.property(weights, ids, ids, ids, (some, stepId, person, emailTemplateId) => {
        const one = step(some, stepId);
        const letter = variantFor(one, person);
        const other = {
          ...one,
          emailTemplateId,
          variants: { ...one.variants, others: one.variants.others.toReversed() },
        };
        expect(variantFor(structuredClone(one), person)).toBe(letter);
        expect(variantFor(other, person)).toBe(letter);
      }),
    );
  });

  it("is the same in every version of the program: people are on their way for months", () => {
    const letters = Array.from({ length: 40 }, (_, person) => variantFor(step([1, 1, 1]), person + 1)).join("");
    expect(letters).toBe("BAACAAABBCCBAAABBACCAABABBCACACAACBCABCB");
  });

  it("whoever gets another variant after a weight changed comes to the one that grew, or leaves the one that shrank", () => {
    fc.assert(
      fc.property(
        weights,
        fc.nat(4),
        fc.integer({ min: 0, max: 100 }),
        ids,
        ids,
        (some, at, weight, stepId, person) => {
          const place = at % some.length;
          const after = some.with(place, weight);
          if (after.every((one) => one === 0)) return;
          const [was, is] = [variantFor(step(some, stepId), person), variantFor(step(after, stepId), person)];
          if (was === is) return;
          expect(weight > some[place]! ? is : was).toBe(LETTERS[place]);
        },
      ),
    );
  });

  it("a weight that changes moves no more people than the shares that change", () => {
    const [before, after] = [step([50, 50]), step([60, 40])];
    const PEOPLE = 20_000;
    let moved = 0;
    for (let person = 1; person <= PEOPLE; person += 1)
      if (variantFor(before, person) !== variantFor(after, person)) moved += 1;
    expect(moved / PEOPLE).toBeGreaterThan(0.09);
    expect(moved / PEOPLE).toBeLessThan(0.11);
  });

  it("a variant that is added takes people from the others and moves nobody between them; one that goes gives them back", () => {
    fc.assert(
      fc.property(
        weights.filter(({ length }) => length < 5),
        fc.integer({ min: 1, max: 100 }),
        ids,
        ids,
        (some, more, stepId, person) => {
          const [was, is] = [variantFor(step(some, stepId), person), variantFor(step([...some, more], stepId), person)];
          expect([was, LETTERS[some.length]]).toContain(is);
        },
      ),
    );
  });
});

describe("split even", () => {
  /** Critical values of chi-square at 1 in 10,000, by degrees of freedom. */
  const CRITICAL = [0, 15.137, 18.421, 21.108, 23.513];

  it("the people of a step are spread as its weights say, for steps and people of any numbers", () => {
    const PEOPLE = 20_000;
    for (const some of [
      [1, 1],
      [1, 1, 1],
      [1, 1, 1, 1, 1],
      [90, 10],
      [50, 30, 15, 5],
    ])
      for (const [stepId, from] of [
        [1, 1],
        [2, 1],
        [4711, 1_000_000],
        [9_007_199, 5_000_000_000],
      ] as const) {
        const sum = some.reduce((total, one) => total + one, 0);
        const counts = counted(step(some, stepId), PEOPLE, from);
        let chi = 0;
        for (const [at, weight] of some.entries()) {
          const expected = (PEOPLE * weight) / sum;
          chi += ((counts.get(LETTERS[at]!) ?? 0) - expected) ** 2 / expected;
        }
        expect(chi, `${some.join(":")} of step ${stepId} from ${from}`).toBeLessThan(CRITICAL[some.length - 1]!);
      }
  });

  it("what somebody gets of one step says nothing about what they get of the next", () => {
    const PEOPLE = 20_000;
    const cells = new Map<string, number>();
    for (let person = 1; person <= PEOPLE; person += 1) {
      const cell = variantFor(step([1, 1], 41), person) + variantFor(step([1, 1], 42), person);
      cells.set(cell, (cells.get(cell) ?? 0) + 1);
    }
    let chi = 0;
    for (const cell of ["AA", "AB", "BA", "BB"]) chi += ((cells.get(cell) ?? 0) - PEOPLE / 4) ** 2 / (PEOPLE / 4);
    expect(chi).toBeLessThan(CRITICAL[3]!);
  });

  it("a weight of 0 gives the variant to nobody", () => {
    expect([...counted(step([0, 1]), 500)]).toEqual([["B", 500]]);
    expect([...counted(step([3, 0]), 500)]).toEqual([["A", 500]]);
  });
});

describe("a step with variants", () => {
  it("a step without others has A alone", () => {
    const plain = { id: 1, emailTemplateId: 5, variants: null };
    expect(variantFor(plain, 3)).toBe("A");
    expect(variantsOf(plain)).toEqual([{ letter: "A", emailTemplateId: 5, weight: 1 }]);
  });

  it("the winner goes to everybody, unless there is no such variant any more", () => {
    expect(variantFor(step([1, 1, 1]), 3, "C")).toBe("C");
    expect(variantFor(step([1, 0]), 3, "E")).toBe("A");
  });

  it("a variant that is gone has the template of A; shares are said in hundredths", () => {
    expect(templateOf(step([1, 1]), "B")).toBe(101);
    expect(templateOf(step([1, 1]), "D")).toBe(100);
    expect(sharesOf(step([1, 1, 2])).map(({ share }) => share)).toEqual([25, 25, 50]);
  });

  it("a decision holds for the templates it was about, whatever the weights", () => {
    const decided = { templates: templatesOf(step([1, 1])) };
    expect(holdsFor(decided, step([9, 1]))).toBe(true);
    expect(holdsFor(decided, step([1, 1, 1]))).toBe(false);
    expect(holdsFor(decided, { ...step([1, 1]), emailTemplateId: 99 })).toBe(false);
    expect(holdsFor(decided, { ...step([1, 1]), variants: null })).toBe(false);
  });
});
