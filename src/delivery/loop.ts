/** Plans and sends for as long as the program runs: at the next due moment, when something was started, and every few seconds. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { Clock } from "../clock.ts";
import type { Logger } from "../log.ts";
import type { Delivery } from "./delivery.ts";

/** The database says so here when Email Campaigns were started. */
const CHANNEL = "tidings_due";
const LONGEST_WAIT_MS = 5000;
/** What is due and cannot leave (its account waits) is looked at this often. */
const SHORTEST_WAIT_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
/** For mails in DATA when the program is asked to stop. */
const DRAIN_GRACE_MS = 20_000;

export type LoopOptions = {
  readonly delivery: Delivery;
  /** For a connection that listens. */
  readonly sessions: pg.Pool;
  readonly clock: Clock;
  readonly log: Logger;
  /** Asked before each turn; false: nothing may be planned or sent now. */
  readonly mayLeave?: () => Promise<boolean>;
  /** Told of each turn that was done, also of one in which nothing may leave. */
  readonly onTurn?: (now: Temporal.Instant) => void;
};

/** Starts it. `stop` finishes mails in DATA and gives back what was only claimed. */
export function startLoop({ delivery, sessions, clock, log, mayLeave, onTurn }: LoopOptions): {
  stop(): Promise<void>;
} {
  const stopping = new AbortController();
  let wake = new AbortController();
  const wakeUp = () => wake.abort();
  const running = run();

  async function run(): Promise<void> {
    let failures = 0;
    let ear: pg.PoolClient | undefined;
    // A connection tells of its end more than once, the last time after the next one is open.
    const drop = (client: pg.PoolClient | undefined) => {
      if (!client || client !== ear) return;
      ear = undefined;
      client.release(true);
      wakeUp();
    };
    while (!stopping.signal.aborted) {
      wake = new AbortController();
      try {
        ear ??= await listen(sessions, wakeUp, drop);
        if (mayLeave && !(await mayLeave())) {
          onTurn?.(clock());
          await pause(LONGEST_WAIT_MS);
          continue;
        }
        const now = clock();
        const busy = await delivery.turn(now);
        onTurn?.(now);
        if (failures > 0) log.info("the database is back; sending goes on");
        failures = 0;
        if (!busy) await rest(await delivery.nextWakeAt());
      } catch (error) {
        failures += 1;
        if (failures === 1) log.warn({ err: error }, "planning or sending failed; it is tried again");
        await pause(Math.min(500 * 2 ** failures, LONGEST_PAUSE_MS));
      }
    }
    drop(ear);
  }

  /** Until the next due moment, a start, or room for more mail. */
  async function rest(next: Temporal.Instant | null): Promise<void> {
    const ahead = next === null ? LONGEST_WAIT_MS : next.epochMilliseconds - clock().epochMilliseconds;
    const restEnds = delivery.restEndsAt()?.epochMilliseconds ?? Infinity;
    const shortest = Math.min(SHORTEST_WAIT_MS, Math.max(1, restEnds - clock().epochMilliseconds));
    const wait = ahead <= 0 ? shortest : Math.min(ahead + 1, LONGEST_WAIT_MS);
    await Promise.race([pause(wait), ...(delivery.underWay() > 0 ? [delivery.progress()] : [])]);
  }

  async function pause(ms: number): Promise<void> {
    const signal = AbortSignal.any([stopping.signal, wake.signal]);
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  return {
    async stop() {
      stopping.abort();
      await delivery.drain(DRAIN_GRACE_MS);
      await running;
    },
  };
}

async function listen(pool: pg.Pool, heard: () => void, lost: (client: pg.PoolClient) => void): Promise<pg.PoolClient> {
  const client = await pool.connect();
  client.on("notification", heard);
  client.on("error", () => lost(client));
  client.on("end", () => lost(client));
  try {
    await client.query(`listen ${CHANNEL}`);
  } catch (error) {
    client.release(true);
    throw error;
  }
  return client;
}
