/** Answers to people that wait to leave, as Prometheus wants it. Reads only those. */
import { sql } from "kysely";
import type { Db } from "../db/database.ts";
import type { Gauges, Reading } from "../http/measurements.ts";

export const gauges = {
  tidings_answers_waiting: { help: "Answers to people that have not left yet." },
  tidings_oldest_answer_seconds: { help: "For how long the oldest of those that are due has been due." },
} as const satisfies Gauges<string>;

export async function readings(db: Db, now: Temporal.Instant): Promise<Reading<keyof typeof gauges>[]> {
  const { rows } = await sql<{ waiting: number; oldest: Temporal.Instant | null }>`
    select count(*) as waiting, min(next_attempt_at) as oldest from answers where next_attempt_at is not null`.execute(
    db,
  );
  const { waiting, oldest } = rows[0]!;
  return [
    { name: "tidings_answers_waiting", value: waiting },
    { name: "tidings_oldest_answer_seconds", value: oldest ? Math.max(0, now.since(oldest).total("seconds")) : 0 },
  ];
}
