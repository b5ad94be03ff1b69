/** The SQL of what the deliverability page shows. Counts nothing itself. */
import { sql } from "kysely";
import type { Db } from "../db/database.ts";

export type Span = { readonly from: Temporal.PlainDate; readonly to: Temporal.PlainDate };

type Counts = { accepted: number; deferred: number; refused: number; bounced: number; complained: number };

const sums = sql`coalesce(sum(accepted), 0)::int as accepted, coalesce(sum(deferred), 0)::int as deferred,
  coalesce(sum(refused), 0)::int as refused, coalesce(sum(bounced), 0)::int as bounced,
  coalesce(sum(complained), 0)::int as complained`;

export async function domains(db: Db, { from, to }: Span, limit: number) {
  const { rows } = await sql<Counts & { domain: string }>`
    select domain, ${sums} from deliverability_days
    where day between ${from.toString()}::date and ${to.toString()}::date
    group by domain order by sum(accepted) + sum(refused) desc, domain limit ${limit}`.execute(db);
  return rows;
}

/** Every day of the span, those without mail too. */
export async function days(db: Db, { from, to }: Span, domain: string | undefined) {
  const { rows } = await sql<Counts & { day: Temporal.PlainDate }>`
    select days.day::date as day, ${sums}
    from generate_series(${from.toString()}::date, ${to.toString()}::date, interval '1 day') as days (day)
      left join deliverability_days as counted on counted.day = days.day::date
        ${domain === undefined ? sql`` : sql`and counted.domain = ${domain.toLowerCase()}`}
    group by 1 order by 1`.execute(db);
  return rows;
}

export async function findings(db: Db) {
  const { rows } = await sql<{
    kind: "account" | "campaign";
    id: number;
    name: string;
    level: "warn" | "pause";
    about: "bounced" | "complained";
    text: string;
    foundAt: Temporal.Instant;
  }>`
    select split_part(subject, ':', 1) as kind, split_part(subject, ':', 2)::bigint as id,
      coalesce(email_accounts.name, campaigns.name) as name, level, about, text, found_at
    from guard_findings
      left join email_accounts on subject = 'account:' || email_accounts.id
      left join campaigns on subject = 'campaign:' || campaigns.id
    where level is not null and coalesce(email_accounts.name, campaigns.name) is not null
    order by level, found_at desc`.execute(db);
  return rows;
}
