/** The SQL of jobs. Writes nothing for a run that was given up: every write names its attempt. */
import { sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import { positionOf } from "../http/paging.ts";

const COLUMNS = [
  "id",
  "kind",
  "state",
  "done",
  "total",
  "result",
  "error",
  "createdBy",
  "createdAt",
  "startedAt",
  "finishedAt",
] as const;

/** A run of a job: writes of an earlier one no longer count. */
export type Run = { readonly id: number; readonly attempt: number };

export async function insert(
  tx: Tx,
  kind: string,
  input: Record<string, unknown>,
  createdBy: string,
  now: Temporal.Instant,
): Promise<number> {
  const row = await tx
    .insertInto("jobs")
    .values({ kind, state: "queued", input: JSON.stringify(input), createdBy, createdAt: now })
    .returning("id")
    .executeTakeFirstOrThrow();
  return row.id;
}

export function find(db: Db, id: number) {
  return db.selectFrom("jobs").select(COLUMNS).where("id", "=", id).executeTakeFirst();
}

export function list(
  db: Db,
  filter: { kind?: string; state?: "queued" | "running" | "succeeded" | "failed"; cursor?: string; limit: number },
) {
  let query = db
    .selectFrom("jobs")
    .select(COLUMNS)
    .orderBy("id", "desc")
    .limit(filter.limit + 1);
  if (filter.kind) query = query.where("kind", "=", filter.kind);
  if (filter.state) query = query.where("state", "=", filter.state);
  if (filter.cursor) query = query.where("id", "<", positionOf(filter.cursor).id);
  return query.execute();
}

/** Begins a run; undefined when the job is finished or gone. */
export function begin(db: Db, id: number, now: Temporal.Instant) {
  return db
    .updateTable("jobs")
    .set((row) => ({
      state: "running",
      attempt: row("attempt", "+", 1),
      startedAt: row.fn.coalesce("startedAt", row.val(now)),
      heartbeatAt: now,
    }))
    .where("id", "=", id)
    .where("state", "in", ["queued", "running"])
    .returning(["id", "kind", "input", "createdBy", "attempt"])
    .executeTakeFirst();
}

export async function beat(db: Db, run: Run, now: Temporal.Instant): Promise<void> {
  await ofRun(db, run).set({ heartbeatAt: now }).execute();
}

export async function saveProgress(
  db: Db,
  run: Run,
  done: number,
  total: number | null,
  now: Temporal.Instant,
): Promise<void> {
  await ofRun(db, run).set({ done, total, heartbeatAt: now }).execute();
}

export async function succeed(db: Db, run: Run, result: object | null, now: Temporal.Instant): Promise<void> {
  await ofRun(db, run)
    .set({ state: "succeeded", result: result === null ? null : JSON.stringify(result), finishedAt: now })
    .execute();
}

export async function fail(db: Db, run: Run, error: string, now: Temporal.Instant): Promise<void> {
  await ofRun(db, run).set({ state: "failed", error, finishedAt: now }).execute();
}

/** Puts a run back: it was asked to stop, or lost its database, and will be run again. */
export async function putBack(db: Db, run: Run): Promise<void> {
  await ofRun(db, run).set({ state: "queued" }).execute();
}

function ofRun(db: Db, run: Run) {
  return db
    .updateTable("jobs")
    .where("id", "=", run.id)
    .where("attempt", "=", run.attempt)
    .where("state", "=", "running");
}

/**
 * Gives up runs without a heartbeat since `deadline`: their lock in the queue is taken from them, so that another
 * worker begins the job again. A job begun too often is failed instead, lest it take down one process after another.
 * @returns how many were put back.
 */
export async function rescue(tx: Tx, deadline: Temporal.Instant, now: Temporal.Instant): Promise<number> {
  await sql`
    update jobs set state = 'failed', finished_at = ${now}, error = 'It was begun again and again, and never finished.'
    from graphile_worker._private_jobs as queued
    where queued.key = 'job-' || jobs.id and queued.attempts >= queued.max_attempts
      and (jobs.state = 'queued' and queued.locked_by is null
        or jobs.state = 'running' and jobs.heartbeat_at < ${deadline})`.execute(tx);
  const { rows } = await sql<{ id: number }>`
    update jobs set state = 'queued'
    from graphile_worker._private_jobs as queued
    where queued.key = 'job-' || jobs.id
      and (jobs.state = 'running' and jobs.heartbeat_at < ${deadline}
        -- Taken by a worker that died before it began; the queue writes its own clock's time.
        or jobs.state = 'queued' and queued.locked_at < now() - interval '1 minute')
    returning jobs.id`.execute(tx);
  // Not force_unlock_workers: the lock names a whole process, whose other jobs may be alive.
  for (const { id } of rows)
    await sql`update graphile_worker._private_jobs set locked_at = null, locked_by = null, run_at = now()
      where key = ${`job-${id}`}`.execute(tx);
  return rows.length;
}
