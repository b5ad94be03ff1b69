/** The short form of `npm run faults`: everything that can break breaks while mail leaves, and what arrived is judged. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Outcome } from "../faults/scene.ts";
import { openServer } from "../faults/stage.ts";
import { LANES, SCENES, SHORT } from "../faults/suite.ts";

const SEED = 20261201;
const say = (text: string) => void process.stderr.write(`${text}\n`);

/** Lanes side by side, begun at once; each test waits for its own. */
const outcomes = new Map<string, Promise<Outcome | string>>();
const closed: Promise<void>[] = [];
beforeAll(() => {
  for (const lane of LANES) {
    const server = openServer();
    let before: Promise<unknown> = server;
    for (const name of lane) {
      const played = before.then(async () => SCENES[name]!({ server: await server, size: SHORT, seed: SEED, say }));
      outcomes.set(name, played);
      before = played.catch(() => undefined);
    }
    closed.push(before.then(async () => (await server).close()));
  }
});
afterAll(() => Promise.all(closed));

const SENTENCES: Readonly<Record<string, string>> = {
  kills: "R3, R4, E109 thirty kills lose nothing and double nothing but what was in doubt",
  run: "R3, E55, E57, E59 a command that is killed and given again loses nothing and starts nobody twice",
  zombie: "R4 a worker that slept past its lease writes nothing, and doubles only what it had with the relay",
  relay: "a relay that misbehaves in every way at every verb loses nothing and doubles only what it may have taken",
  network: "a network that is cut and comes back loses nothing and doubles only what was in doubt",
  clocks: "a clock that is hours off takes nothing away from those that are right",
  versions: "a later release sends beside this one, and one of this release that starts after it is refused",
  failover: "a database that dies and whose replica takes its place loses nothing and doubles only what was in doubt",
  disk: "a database whose disk is full loses nothing, and goes on when there is room",
};

it("every scene has its sentence", () => {
  expect(Object.keys(SENTENCES).toSorted()).toEqual(Object.keys(SCENES).toSorted());
  expect(LANES.flat().toSorted()).toEqual(Object.keys(SCENES).toSorted());
});

const scenes = Object.entries(SENTENCES).map(([name, sentence]) => ({ name, sentence }));
it.each(scenes)("$sentence", async ({ name }) => {
  const outcome = await outcomes.get(name)!;
  // What needs root, and has none, says so.
  if (typeof outcome === "string") {
    say(`${name}: ${outcome}`);
    return;
  }
  const { fault, mails, twice, seconds, broken } = outcome;
  say(`${name}: ${fault}; ${mails} mails, ${twice} of them once more, ${seconds} s`);
  expect(broken).toEqual([]);
});
