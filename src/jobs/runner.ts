/** Runs jobs: takes them from the queue, keeps their heartbeat, records how they ended. Decides nothing about their work. */
import { Logger as QueueLogger, run, runMigrations, runOnce, type JobHelpers, type TaskList } from "graphile-worker";
import pg from "pg";
import type { Logger } from "pino";
import type { Clock } from "../clock.ts";
import { Refusal } from "../core/problem.ts";
import { inTransaction, type Database, type Db } from "../db/database.ts";
import { isDatabaseLoss } from "../http/problems.ts";
import type { JobHandlers } from "./jobs.ts";
import * as store from "./store.ts";

/** How many jobs one process runs at a time. */
const CONCURRENCY = 2;
/** Two for the jobs' bookkeeping, one to listen on. */
const POOL_SIZE = CONCURRENCY + 2;
const POLL_MS = 2000;
const HEARTBEAT_MS = 10_000;
/** A run without a heartbeat for this long is dead. */
const DEAD_AFTER_SECONDS = 60;
const PAUSE_AFTER_FAILURE_MS = 2000;

/** Batches of the queue's own records are waited for when it stops; single ones are not, and their locks would stay. */
const RECORDED = { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } };

export type JobRunner = { stop(): Promise<void> };
export type Running = {
  readonly database: Database;
  readonly handlers: JobHandlers;
  readonly clock: Clock;
  readonly log: Logger;
};

/** Makes or updates the queue's own tables. Harmless when they are there; two processes may do it at once. */
export async function prepareQueue(database: Database): Promise<void> {
  await withQueuePool(database, async (pgPool) => {
    try {
      await runMigrations({ pgPool, logger: silent });
    } catch {
      // The other process won a race; what it made is now seen.
      await runMigrations({ pgPool, logger: silent });
    }
  });
}

/** Runs jobs until stopped. A database that goes away is waited for. */
export function startJobs(running: Running): JobRunner {
  const stopping = new AbortController();
  const done = keepRunning(running, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

/** Runs everything that is queued now, then returns: for tests and for commands that wait for their work. */
export async function runJobsOnce(running: Running): Promise<void> {
  await prepareQueue(running.database);
  await withQueuePool(running.database, (pgPool) =>
    runOnce({
      pgPool,
      logger: silent,
      preset: RECORDED,
      taskList: tasks(running, new AbortController().signal),
      noHandleSignals: true,
    }),
  );
}

/** Puts back the jobs of processes that died. Runs every few seconds (recurring.ts). */
export function rescueJobs(db: Db, now: Temporal.Instant): Promise<number> {
  return inTransaction(db, (tx) => store.rescue(tx, now.subtract({ seconds: DEAD_AFTER_SECONDS }), now));
}

async function keepRunning(running: Running, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    try {
      await withQueuePool(running.database, (pgPool) => runUntil(stopping, pgPool, running));
    } catch (error) {
      running.log.warn({ err: error }, "jobs stopped running; they start again shortly");
    }
    if (!stopping.aborted) await pause(PAUSE_AFTER_FAILURE_MS, stopping);
  }
}

async function runUntil(stopping: AbortSignal, pgPool: pg.Pool, running: Running): Promise<void> {
  const runner = await run({
    pgPool,
    logger: silent,
    preset: RECORDED,
    taskList: tasks(running, stopping),
    concurrency: CONCURRENCY,
    pollInterval: POLL_MS,
    noHandleSignals: true,
  });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= runner.stop().catch(() => undefined);
  };
  stopping.addEventListener("abort", stop, { once: true });
  if (stopping.aborted) stop();
  try {
    await runner.promise;
  } finally {
    stopping.removeEventListener("abort", stop);
    // Longer than its promise: the queue takes back what was running.
    await stopped;
  }
}

function tasks(running: Running, stopping: AbortSignal): TaskList {
  return Object.fromEntries(
    Object.keys(running.handlers).map((kind) => [
      kind,
      // At once when we stop: the queue's own signal comes seconds later, too late for it to take the job back.
      (payload: unknown, { abortSignal }: JobHelpers) =>
        runJob(running, (payload as { jobId: number }).jobId, AbortSignal.any([abortSignal, stopping])),
    ]),
  );
}

async function runJob(running: Running, id: number, signal: AbortSignal): Promise<void> {
  const { database, clock, log, handlers } = running;
  const { db } = database;
  const now = clock();
  const begun = await store.begin(db, id, now);
  const handler = begun && handlers[begun.kind];
  if (!handler) return;
  const heart = setInterval(() => void store.beat(db, begun, clock()).catch(() => undefined), HEARTBEAT_MS);
  try {
    const result = await handler({ db, signal, now, progress: progressOf(db, begun, clock) }, begun);
    await store.succeed(db, begun, result ?? null, clock());
  } catch (error) {
    if (signal.aborted || isDatabaseLoss(error)) {
      await store.putBack(db, begun).catch(() => undefined);
      // The queue tries it again, later each time.
      throw error;
    }
    if (!(error instanceof Refusal)) log.error({ err: error, jobId: id, kind: begun.kind }, "job failed");
    await store.fail(
      db,
      begun,
      error instanceof Refusal ? error.message : "Something went wrong on our side. The log says what.",
      clock(),
    );
  } finally {
    clearInterval(heart);
  }
}

/** Writes progress when it moved by a hundredth, so that a million rows are not a million updates. */
function progressOf(db: Db, run: store.Run, clock: Clock) {
  let written = -1;
  return async (done: number, total?: number) => {
    const step = total === undefined ? 1000 : Math.max(1, total / 100);
    if (written >= 0 && done !== total && done - written < step) return;
    written = done;
    await store.saveProgress(db, run, done, total ?? null, clock());
  };
}

/** The queue reads dates its own way, so it gets connections of its own. */
async function withQueuePool<Result>(database: Database, work: (pool: pg.Pool) => Promise<Result>): Promise<Result> {
  const { options } = database.sessions;
  const { types: _ours, ...connection } = options;
  // The password is not enumerable, lest it be logged: it has to be named.
  const pool = new pg.Pool({ ...connection, password: options.password, max: POOL_SIZE });
  // A connection that breaks is replaced, idle or not; without listeners it would end the process.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/** The queue's own words are about its inner life; what went wrong with a job is logged here. */
const silent = new QueueLogger(() => () => undefined);

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
