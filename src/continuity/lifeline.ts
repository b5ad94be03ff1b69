/**
 * One process's part: signs of life while it runs, and the look before each turn whether mail may leave. A database that
 * has gone back in time is held before anything of it leaves.
 */
import type { Clock } from "../clock.ts";
import { reasonToHold, wentBack } from "../core/continuity.ts";
import { type Db, inTransaction } from "../db/database.ts";
import type { Logger } from "../log.ts";
import * as store from "./store.ts";
import { readWitness, writeWitness } from "./witness.ts";

/** How often a process says that it lives. */
export const BEAT_EVERY_MS = 10_000;
/**
 * Leases last 60 seconds by the clocks of the workers: one that is further off would take mail away from others that
 * are still sending it, so it sends nothing.
 */
const MOST_CLOCK_SKEW_MS = 20_000;

export type Lifeline = {
  /** Asked before each turn. False: nothing may be planned or sent now. */
  mayLeave(): Promise<boolean>;
  /** A sign of life; every {@link BEAT_EVERY_MS}. */
  beat(): Promise<void>;
  /** How far this machine's clock is from the database's, in milliseconds; null before the first look. */
  clockSkewMs(): number | null;
};

export type LifelineOptions = {
  readonly db: Db;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether `clock` is the machine's own, and must agree with the database's. */
  readonly machineClock: boolean;
};

export function createLifeline({ db, dataDir, clock, log, machineClock }: LifelineOptions): Lifeline {
  let seen: { installation: string; pulse: number; place: string | null } | undefined;
  let skewMs: number | null = null;
  /** The database did not answer: it may be another one when it does again. */
  let shaken = false;
  const told = { held: false, skewed: false, folder: false };

  /** The first look: what the database says against what this folder remembers. */
  async function begin(): Promise<void> {
    const witness = readWitness(dataDir);
    const here = await store.placeOf(db);
    seen = await inTransaction(db, async (tx) => {
      const recorded = await store.lock(tx);
      const now = clock();
      const due = await store.anythingDue(tx, now);
      const reason = recorded.heldAt ? null : reasonToHold({ recorded, ...here, witness, due }, now);
      const known = witness?.installation === recorded.installation ? witness.pulse : 0;
      if (reason) await store.hold(tx, { reason, since: recorded.aliveAt, pulse: known }, now);
      return { installation: recorded.installation, pulse: await store.beat(tx, here, now), place: here.place };
    });
    remember();
  }

  async function beat(): Promise<void> {
    if (!seen) return begin();
    const here = await store.placeOf(db);
    await inTransaction(db, async (tx) => {
      const found = await store.lock(tx);
      if (wentBack(seen!, { pulse: found.pulse, place: here.place })) {
        await store.hold(tx, { reason: "went-back", since: found.aliveAt, pulse: seen!.pulse }, clock());
      }
      seen = { ...seen!, pulse: await store.beat(tx, here, clock()), place: here.place };
    });
    remember();
  }

  function remember(): void {
    try {
      writeWitness(dataDir, seen!, clock());
    } catch (error) {
      if (!told.folder) log.warn({ err: error }, "the data folder cannot remember what the database looked like");
      told.folder = true;
    }
  }

  async function mayLeave(): Promise<boolean> {
    if (!seen || shaken) await beat();
    shaken = true;
    const found = await store.look(db);
    shaken = false;
    // Others beat as well: the row may be ahead of us, and never behind what we saw.
    if (wentBack(seen!, found)) {
      shaken = true;
      return false;
    }
    seen = { ...seen!, pulse: Math.max(seen!.pulse, found.pulse) };
    skewMs = clock().epochMilliseconds - found.databaseAt.epochMilliseconds;
    const skewed = machineClock && Math.abs(skewMs) > MOST_CLOCK_SKEW_MS;
    if (skewed !== told.skewed)
      log.warn({ skewMs }, skewed ? "this machine's clock is wrong; it sends nothing" : "the clock is right again");
    if (found.held !== told.held) {
      if (found.held)
        log.warn("nothing leaves: the database seems to be a restored copy. Answer with: tidings resume-sending");
      else log.info("sending was resumed");
    }
    Object.assign(told, { held: found.held, skewed });
    return !found.held && !skewed;
  }

  return { mayLeave, beat, clockSkewMs: () => skewMs };
}
