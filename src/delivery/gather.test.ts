import { describe, expect, it } from "vitest";
import { gather } from "./gather.ts";

describe("gathering calls", () => {
  it("answers each caller with its own result, in few batches, none larger than allowed", async () => {
    const sizes: number[] = [];
    const double = gather<number, number>(async (items) => {
      sizes.push(items.length);
      return items.map((item) => item * 2);
    }, 10);
    const given = Array.from({ length: 25 }, (_, at) => at);
    expect(await Promise.all(given.map(double))).toEqual(given.map((item) => item * 2));
    expect(sizes).toEqual([10, 10, 5]);
  });

  it("tells everybody of a batch that it failed, and goes on", async () => {
    let fails = true;
    const ask = gather<number, number>(async (items) => {
      if (fails) throw new Error("away");
      return items;
    }, 10);
    await expect(Promise.all([ask(1), ask(2)])).rejects.toThrow("away");
    fails = false;
    expect(await ask(3)).toBe(3);
  });

  it("begins a batch beside another one only for enough callers, and leaves nobody behind", async () => {
    const sizes: number[] = [];
    const ends: (() => void)[] = [];
    const ask = gather<number, number>(
      async (items) => {
        sizes.push(items.length);
        await new Promise<void>((resolve) => void ends.push(resolve));
        return items;
      },
      10,
      { side: 2, worthwhile: 3 },
    );
    const turn = () => new Promise((resolve) => void setImmediate(resolve));
    const answers = [ask(0)];
    await turn();
    answers.push(ask(1), ask(2));
    await turn();
    expect(sizes).toEqual([1]);
    answers.push(ask(3));
    await turn();
    expect(sizes).toEqual([1, 3]);
    answers.push(ask(4));
    await turn();
    for (const end of ends) end();
    await turn();
    expect(sizes).toEqual([1, 3, 1]);
    ends.at(-1)!();
    expect(await Promise.all(answers)).toEqual([0, 1, 2, 3, 4]);
  });
});
