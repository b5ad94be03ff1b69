/** The short form of `npm run faults`: everything that can break breaks while mail leaves, and what arrived is judged. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openServer, type Server } from "../faults/stage.ts";
import { SCENES, SHORT } from "../faults/suite.ts";

const SEED = 20261201;
let server: Server;
beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server.close());

async function play(name: string): Promise<void> {
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  const outcome = await SCENES[name]!({ server, size: SHORT, seed: SEED, say });
  // What needs root, and has none, says so.
  if (typeof outcome === "string") return say(`${name}: ${outcome}`);
  const { fault, mails, twice, seconds, broken } = outcome;
  say(`${name}: ${fault}; ${mails} mails, ${twice} of them once more, ${seconds} s`);
  expect(broken).toEqual([]);
}

const SENTENCES: Readonly<Record<keyof typeof SCENES, string>> = {
  kills: "R3, R4, E55, E57, E59, E109 thirty kills lose nothing and double nothing but what was in doubt",
  zombie: "R4 a worker that slept past its lease writes nothing, and doubles only what it had with the relay",
  relay: "a relay that misbehaves in every way at every verb loses nothing and doubles only what it may have taken",
  network: "a network that is cut and comes back loses nothing and doubles only what was in doubt",
  clocks: "a clock that is hours off takes nothing away from those that are right",
  versions: "a later release sends beside this one, and one of this release that starts after it is refused",
  disk: "a database whose disk is full loses nothing, and goes on when there is room",
};

it("every scene has its sentence", () => {
  expect(Object.keys(SENTENCES)).toEqual(Object.keys(SCENES));
});
for (const [name, sentence] of Object.entries(SENTENCES)) it(sentence, () => play(name));
