import { describe, expect, it } from "vitest";
import { inTurn } from "./account-choice.ts";

const accounts = (...weights: number[]) => weights.map((weight, index) => ({ id: index + 7, weight }));
const people = Array.from({ length: 20_000 }, (_, index) => index + 1);
const firstOf = (of: readonly { id: number; weight: number }[], person: number) =>
  inTurn(of, "rotation", person)[0]!.id;

function shares(of: readonly { id: number; weight: number }[]): number[] {
  const first = people.map((person) => firstOf(of, person));
  return of.map(({ id }) => first.filter((each) => each === id).length / people.length);
}

describe("in order", () => {
  it("everybody's mail leaves by the first, whatever the weights", () => {
    for (const person of people.slice(0, 50))
      expect(inTurn(accounts(1, 900, 3), "in-order", person).map(({ id }) => id)).toEqual([7, 8, 9]);
  });
});

describe("in rotation", () => {
  it.each([[[1, 1]], [[1, 3]], [[5, 3, 2]], [[1000, 1]]])("shares follow the weights %j", (weights) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, share] of shares(accounts(...weights)).entries())
      expect(Math.abs(share - weights[index]! / total)).toBeLessThan(0.012);
  });

  it("a person has the same order at every mail, and every account is in it once", () => {
    for (const person of people.slice(0, 200)) {
      const order = inTurn(accounts(1, 2, 3), "rotation", person).map(({ id }) => id);
      expect(inTurn(accounts(1, 2, 3), "rotation", person).map(({ id }) => id)).toEqual(order);
      expect(new Set(order)).toEqual(new Set([7, 8, 9]));
    }
  });

  it("who loses an account is shared by the others; nobody else moves", () => {
    const three = accounts(2, 1, 1);
    const two = three.slice(0, 2);
    const moved = people.filter((person) => firstOf(three, person) !== firstOf(two, person));
    expect(moved.every((person) => firstOf(three, person) === 9)).toBe(true);
    expect(moved.length / people.length).toBeCloseTo(0.25, 1);
  });

  it("one account alone is that one, even without an id", () => {
    expect(inTurn([{ id: null, weight: 1 }], "rotation", 5)).toHaveLength(1);
  });
});
