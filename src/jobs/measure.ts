/** Long work that waits or runs, as Prometheus wants it. Reads only what is unfinished. */
import { sql } from "kysely";
import type { Db } from "../db/database.ts";
import type { Gauges, Reading } from "../http/measurements.ts";

export const gauges = {
  tidings_jobs: { help: "Jobs (imports, bulk starts) that wait or run.", labels: ["state"] },
  tidings_oldest_job_seconds: { help: "For how long the oldest job that waits has waited." },
} as const satisfies Gauges<string>;

export async function readings(db: Db, now: Temporal.Instant): Promise<Reading<keyof typeof gauges>[]> {
  const { rows } = await sql<{ queued: number; running: number; oldest: Temporal.Instant | null }>`
    select count(*) filter (where state = 'queued') as queued, count(*) filter (where state = 'running') as running,
      min(created_at) filter (where state = 'queued') as oldest
    from jobs where state in ('queued', 'running')`.execute(db);
  const { queued, running, oldest } = rows[0]!;
  return [
    { name: "tidings_jobs", labels: { state: "queued" }, value: queued },
    { name: "tidings_jobs", labels: { state: "running" }, value: running },
    { name: "tidings_oldest_job_seconds", value: oldest ? Math.max(0, now.since(oldest).total("seconds")) : 0 },
  ];
}
