/** Takes opens and clicks by the thousand a second: many in one commit, each answered once it is kept. Loses none of those. */
import { setTimeout as sleep } from "node:timers/promises";
import { Counter, type Registry } from "prom-client";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import type { EngagementKind } from "../db/tables.ts";
import type { Logger } from "../log.ts";
import type { Journal } from "./journal.ts";
import { record } from "./tracking.ts";
import { writtenLink } from "./written-links.ts";

/** What an address told, before anybody asked the database about it. */
export type Taken = {
  readonly messageId: number;
  readonly kind: EngagementKind;
  /** Where a click led; null when opened. */
  readonly destination: string | null;
  readonly written: { readonly versionId: number; readonly link: number } | null;
  readonly happenedAt: Temporal.Instant;
  readonly automatic: boolean;
};

export type Recorder = {
  /** Resolves when it is kept: in the database, or on the disk while that does not answer. Never rejects. */
  take(taken: Taken): Promise<void>;
  /** Writes what waits. Nothing may be taken after it. */
  stop(): Promise<void>;
};

export type RecorderOptions = {
  readonly db: Db;
  readonly journal: Journal;
  /** As in {@link writtenLink}. */
  readonly trackingUrl: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Registry;
};

const MOST_IN_A_BATCH = 500;
/** While one commits, the next fills: two at once would be half as large each, and cost more. */
const MOST_UNDER_WAY = 1;
/** Nobody who clicked waits longer for a database than this. */
const DEADLINE_MS = 1000;
const TRY_AGAIN_MS = 2000;
/** Of one mail in a minute: whoever asks more often tells nothing new, and would fill the table. */
const MOST_OF_ONE_MAIL = 60;
const MINUTE_MS = 60_000;

type Waiting = { readonly taken: Taken; readonly kept: () => void };

export function createRecorder(options: RecorderOptions): Recorder {
  const { db, journal, trackingUrl, clock, log } = options;
  const meter = meterOf(options.metrics);
  const stopping = new AbortController();
  const quiet = Promise.withResolvers<void>();
  let waiting: Waiting[] = [];
  let underWay = 0;
  let down = false;
  let counted = { until: 0, byMail: new Map<number, number>() };

  function take(taken: Taken): Promise<void> {
    if (isTooMuch(taken)) return Promise.resolve();
    return new Promise((kept) => {
      waiting.push({ taken, kept });
      // What comes in the same turn goes together.
      if (waiting.length === 1) setImmediate(flush);
    });
  }

  function isTooMuch({ messageId, happenedAt: { epochMilliseconds } }: Taken): boolean {
    if (epochMilliseconds >= counted.until)
      counted = { until: epochMilliseconds + MINUTE_MS, byMail: new Map<number, number>() };
    const times = (counted.byMail.get(messageId) ?? 0) + 1;
    counted.byMail.set(messageId, times);
    return times > MOST_OF_ONE_MAIL;
  }

  function flush(): void {
    while (waiting.length > 0 && underWay < MOST_UNDER_WAY) {
      const batch = waiting.slice(0, MOST_IN_A_BATCH);
      waiting = waiting.slice(MOST_IN_A_BATCH);
      underWay += 1;
      void keep(batch).finally(() => {
        underWay -= 1;
        flush();
      });
    }
    if (waiting.length === 0 && underWay === 0 && stopping.signal.aborted) quiet.resolve();
  }

  async function keep(batch: readonly Waiting[]): Promise<void> {
    const taken = batch.map((one) => one.taken);
    try {
      if (down) throw new Error("the database was not there a moment ago");
      await withinDeadline(write(taken));
    } catch (error) {
      if (!down) log.warn({ err: error, count: taken.length }, "opens and clicks wait in a file for the database");
      await journal.append(taken).catch((failure: unknown) => {
        log.error({ err: failure, count: taken.length }, "opens and clicks could be kept nowhere");
      });
      if (!down) void tryAgain();
    }
    for (const { kept } of batch) kept();
  }

  async function write(taken: readonly Taken[]): Promise<void> {
    const seen = await Promise.all(
      taken.map(async ({ destination, written, ...one }) => ({
        ...one,
        link: destination === null ? null : await writtenLink(db, { destination, written }, trackingUrl),
      })),
    );
    for (const { kind, automatic } of await record(db, seen, clock().round("millisecond")))
      meter?.inc({ kind, automatic: String(automatic) });
  }

  /** Until the file is empty, everything goes into it. */
  async function tryAgain(): Promise<void> {
    down = true;
    while (!stopping.signal.aborted) {
      await sleep(TRY_AGAIN_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      if (await drained()) break;
    }
    down = false;
  }

  async function drained(): Promise<boolean> {
    try {
      await journal.drain(write);
      return true;
    } catch {
      return false;
    }
  }

  // What the last process left behind.
  void drained().then((done) => (done ? undefined : tryAgain()));
  return {
    take,
    async stop() {
      stopping.abort();
      flush();
      await quiet.promise;
    },
  };
}

async function withinDeadline(work: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = sleep(DEADLINE_MS, undefined, { signal: timer.signal, ref: false }).then(
    () => Promise.reject(new Error("the database did not answer in time")),
    () => undefined,
  );
  try {
    await Promise.race([work, late]);
  } finally {
    timer.abort();
    // It may still end either way.
    work.catch(() => undefined);
  }
}

function meterOf(metrics: Registry | undefined) {
  return (
    metrics &&
    new Counter({
      name: "tidings_engagements_total",
      help: "Opens and clicks recorded, and whether a machine was behind them.",
      labelNames: ["kind", "automatic"],
      registers: [metrics],
    })
  );
}
