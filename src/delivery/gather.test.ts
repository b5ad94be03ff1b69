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
});
