/**
 * Planning, claiming, sending and recording in any order that chance finds, with crashes between any two statements: the
 * real SQL on a real PostgreSQL, under a scheduler with a seed. A seed that fails is printed with the command that plays it again.
 */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type * as timers from "node:timers/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type FreshDatabase, freshDatabase } from "../database.ts";
import { WATCH } from "../interleaving/judge.ts";
import { play, type Shared } from "../interleaving/play.ts";
import { pauses } from "../interleaving/turnstile.ts";
import { at, world } from "../world.ts";

const { clock } = vi.hoisted(() => ({ clock: {} as { now: Temporal.Instant } }));
// Time is the scheduler's alone.
vi.mock("../../src/delivery/stopwatch.ts", () => ({ stopwatch: () => () => clock.now }));
vi.mock("node:timers/promises", async (original) => {
  const real = await original<typeof timers>();
  return { ...real, setTimeout: (ms: number, ...more: []) => pauses.take(ms) ?? real.setTimeout(ms, ...more) };
});

const ONE = process.env["SEED"];
const SEEDS = ONE ? [Number(ONE)] : Array.from({ length: Number(process.env["SEEDS"] ?? 300) }, (_, at) => at + 1);

/** A minute or two by themselves; ten times that on a machine that does much else. */
const LONGEST_MS = 900_000;

let fresh: FreshDatabase;
let shared: Shared;

beforeAll(async () => {
  clock.now = at("2026-01-01");
  fresh = await freshDatabase();
  // Two that wait for each other are told so at once.
  await fresh.pool.query(`alter system set deadlock_timeout = '5ms'`);
  await fresh.pool.query("select pg_reload_conf()");
  await fresh.pool.query(WATCH);
  const small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Example Street");
  const account = await small.account(25);
  const { id: senderId } = await small.sender({ emailAccountId: account.id });
  // Opened before, so that none is opened in the middle of a turn.
  const open = await Promise.all(Array.from({ length: 12 }, () => fresh.pool.connect()));
  for (const one of open) one.release();
  shared = { fresh, world: small, account, senderId, clock };
});
afterAll(async () => {
  await fresh.pool.query("alter system reset deadlock_timeout");
  await fresh.pool.query("select pg_reload_conf()");
  await fresh.close();
});

it(
  `R2, R3, R4, E55 nothing is lost, doubled or disordered, and nobody who left gets mail, in ${SEEDS.length} orders of events`,
  async () => {
    const total = { turns: 0, killed: 0, taken: 0, "once more": 0, skipped: 0 };
    const began = performance.now();
    for (const seed of SEEDS) {
      const played = await play(shared, seed);
      for (const [what, count] of Object.entries(played.counts)) total[what as keyof typeof total] += count;
      if (played.broken.length === 0 && !ONE) continue;
      const trace = join(tmpdir(), `tidings-seed-${seed}.txt`);
      writeFileSync(trace, played.trace.join("\n"));
      process.stderr.write(`seed ${seed}: what happened is in ${trace}; to play it again:\n`);
      process.stderr.write(`SEED=${seed} npx vitest run --project scenarios test/scenarios/interleaving.test.ts\n`);
      expect(played.broken, `seed ${seed}`).toEqual([]);
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    process.stderr.write(`${SEEDS.length} seeds, ${JSON.stringify(total)}, ${seconds} s\n`);
    // Orders in which nothing happened would prove nothing.
    if (ONE === undefined) for (const count of Object.values(total)) expect(count).toBeGreaterThan(SEEDS.length / 10);
  },
  LONGEST_MS,
);
