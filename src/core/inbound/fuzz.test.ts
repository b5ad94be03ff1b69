import { expect, it } from "vitest";
import { broken, chance, mutated, SEEDS } from "../../../bench/mutate.ts";

it("a hundred mutated mails break nothing of what is promised, whatever the bytes", async () => {
  const random = chance(7);
  const seeds = SEEDS.map((text) => Buffer.from(text, "utf8"));
  for (let at = 0; at < 100; at += 1) {
    const bytes = mutated(random, seeds);
    const { problem } = await broken(bytes);
    expect(problem, bytes.toString("latin1").slice(0, 2000)).toBe(null);
  }
});

it("the seeds are what they are meant to be: every reader has work to do", async () => {
  const kinds = await Promise.all(SEEDS.map(async (text) => (await broken(Buffer.from(text))).kind));
  expect(kinds).toEqual(["bounce", "complaint", "other", "bounce", "bounce", "auto-reply", "reply", "unsubscribe"]);
});
