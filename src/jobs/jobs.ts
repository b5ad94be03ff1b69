/** Long work with progress: what it is called, what it was given, how far it is. The queue itself is graphile-worker's. */
import { sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import { refuse } from "../core/problem.ts";
import * as store from "./store.ts";

/** What a handler works with. `now` is the moment this run began; `signal` asks it to stop (it will be run again). */
export type JobContext = {
  readonly db: Db;
  readonly progress: (done: number, total?: number) => Promise<void>;
  readonly signal: AbortSignal;
  readonly now: Temporal.Instant;
};

export type Job = {
  readonly id: number;
  readonly kind: string;
  readonly input: Record<string, unknown>;
  readonly createdBy: string | null;
};

/**
 * Does the work of one kind of job and returns what it came to. Safe to run twice: after a crash it runs again from
 * the start. A refusal fails the job with its sentence; any other error fails it without one.
 */
export type JobHandler = (context: JobContext, job: Job) => Promise<object | null | void>;
export type JobHandlers = Readonly<Record<string, JobHandler>>;

/** How often a job is begun at most before it counts as one that kills its process. */
const MOST_ATTEMPTS = 10;

/**
 * Puts work into the queue, in the caller's transaction: it starts once that commits, and never when it does not.
 * @param input kept with the job; hold ids here, not people's data.
 * @returns the job's id, for `GET /jobs/:id`.
 */
export async function enqueue(
  tx: Tx,
  kind: string,
  input: Record<string, unknown>,
  actor: { readonly name: string },
  now: Temporal.Instant,
): Promise<number> {
  const id = await store.insert(tx, kind, input, actor.name, now);
  await sql`select graphile_worker.add_job(${kind}, json_build_object('jobId', ${id}::bigint),
    max_attempts => ${MOST_ATTEMPTS}, job_key => ${keyOf(id)})`.execute(tx);
  return id;
}

/** One job as it stands; refuses an id that is none. */
export async function get(db: Db, id: number) {
  return (await store.find(db, id)) ?? refuse("job-not-found", `There is no job ${id}.`);
}

/** The name under which graphile-worker holds a job of ours. */
function keyOf(id: number): string {
  return `job-${id}`;
}
