/** Made-up answers are the same for the same seed, and their shares are what was asked for. */
import { expect, it } from "vitest";
import { type Answers, answersTo } from "./answers.ts";

const answers = (more: Partial<Answers> = {}): Answers => ({ shares: {}, afterHours: 5, seed: 1, named: [], ...more });

it("shares hold over many mails, and the same seed gives the same answers", () => {
  const asked = answers({ shares: { open: 0.4, reply: 0.05, bounce: 0.02 } });
  const all = Array.from({ length: 20_000 }, (_, person) => answersTo(asked, person, 1));
  const share = (deed: string) => all.filter((done) => done.some(({ does }) => does === deed)).length / all.length;
  expect(share("bounce")).toBeCloseTo(0.02, 2);
  expect(share("open")).toBeCloseTo(0.4 * 0.98, 1);
  expect(share("reply")).toBeCloseTo(0.05 * 0.98, 2);
  expect(share("click")).toBe(0);
  expect(all.filter((done) => done.length > 1).every((done) => done.every(({ does }) => does !== "bounce"))).toBe(true);
  expect(Array.from({ length: 100 }, (_, person) => answersTo(asked, person, 1))).toEqual(all.slice(0, 100));
  expect(Array.from({ length: 100 }, (_, person) => answersTo({ ...asked, seed: 2 }, person, 1))).not.toEqual(
    all.slice(0, 100),
  );
});

it("what is named happens, and nothing beside it", () => {
  const named = answers({ shares: { open: 1 }, named: [{ person: 2, mail: 1, does: "reply", afterHours: 3 }] });
  expect(answersTo(named, 2, 1)).toEqual([{ does: "reply", afterHours: 3 }]);
  expect(answersTo(named, 2, 0)).toEqual([{ does: "open", afterHours: 5 }]);
});
