/** What became of the mails of the last week, as Prometheus wants it: read from the counters, never from the messages. */
import { sql } from "kysely";
import type { Db } from "../db/database.ts";
import type { Gauges, Reading } from "../http/measurements.ts";

export const gauges = {
  tidings_mails_last_week: {
    help: "Mails of the last seven days: mails (those a server answered for good), bounced and complained among them.",
    labels: ["what"],
  },
  tidings_guard_findings: { help: "Email accounts and Campaigns with too much coming back.", labels: ["level"] },
} as const satisfies Gauges<string>;

export async function readings(db: Db, now: Temporal.Instant): Promise<Reading<keyof typeof gauges>[]> {
  const { rows } = await sql<Record<"mails" | "bounced" | "complained" | "warn" | "pause", number>>`
    select coalesce(sum(mails), 0)::int as mails, coalesce(sum(bounced), 0)::int as bounced,
      coalesce(sum(complained), 0)::int as complained,
      (select count(*) from guard_findings where level = 'warn') as warn,
      (select count(*) from guard_findings where level = 'pause') as pause
    from deliverability_hours where hour > ${now.subtract({ hours: 7 * 24 })}::timestamptz`.execute(db);
  const { warn, pause, ...week } = rows[0]!;
  return [
    ...Object.entries(week).map(([what, value]) => ({
      name: "tidings_mails_last_week" as const,
      labels: { what },
      value,
    })),
    { name: "tidings_guard_findings", labels: { level: "warn" }, value: warn },
    { name: "tidings_guard_findings", labels: { level: "pause" }, value: pause },
  ];
}
