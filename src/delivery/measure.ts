/** What the whole installation has to send, as Prometheus wants it: read in bounded time however much there is. Changes nothing. */
import { sql } from "kysely";
import { limitsOf } from "../accounts/accounts.ts";
import { domainClass } from "../core/domain-class.ts";
import { type Limits, ramped, used } from "../core/rates.ts";
import type { Db } from "../db/database.ts";
import type { Gauges, Reading } from "../http/measurements.ts";

/** Counting stops here: to know that a hundred thousand wait is enough, and costs some milliseconds. */
const MOST_COUNTED = 100_000;
/** Accounts whose rates are told, oldest first; and limited domains that are looked at. */
const MOST_ACCOUNTS = 100;
const MOST_DOMAINS = 1000;

export const gauges = {
  tidings_messages: {
    help: `Messages that are not done, by state: due, claimed, in_data, in_doubt (sent again), unknown (held), paused; each counted up to ${MOST_COUNTED}.`,
    labels: ["state"],
  },
  tidings_email_campaigns_due: { help: `Email Campaigns whose moment has come; counted up to ${MOST_COUNTED}.` },
  tidings_oldest_due_seconds: { help: "For how long the oldest message or Email Campaign that is due has waited." },
  tidings_claims_overdue: { help: "Claims whose lease ran out and that nobody has taken over." },
  tidings_oldest_overdue_claim_seconds: { help: "For how long the oldest of them has been overdue; 0: none is." },
  tidings_workers: { help: "Processes that hold a claim." },
  tidings_email_accounts: {
    help: "Email accounts by state: working, waiting (trouble that ends by itself), paused (until somebody resumes it).",
    labels: ["state"],
  },
  tidings_rate_limit: {
    help: "The most that may leave in a period, by account, or by class of recipient domain (the fullest of each).",
    labels: ["of", "window"],
  },
  tidings_rate_used: { help: "How much of it is used up.", labels: ["of", "window"] },
  tidings_recipient_domains_resting: {
    help: "Recipient domains that asked for patience, by class.",
    labels: ["domain"],
  },
} as const satisfies Gauges<string>;

type Mine = Reading<keyof typeof gauges>;

/** All of them as of now, over all processes. */
export async function readings(db: Db, now: Temporal.Instant): Promise<Mine[]> {
  return [
    ...(await waiting(db, now)),
    ...(await underWay(db, now)),
    ...(await accounts(db, now)),
    ...(await domains(db, now)),
  ];
}

const upTo = (most: number, from: ReturnType<typeof sql>) =>
  sql<number>`(select count(*) from (select ${from} limit ${sql.lit(most)}) as counted)`;

async function waiting(db: Db, now: Temporal.Instant): Promise<Mine[]> {
  const { rows } = await sql<{
    due: number;
    emailCampaigns: number;
    oldest: Temporal.Instant | null;
    paused: number;
    unknown: number;
    inDoubt: number;
  }>`
    select
      ${upTo(MOST_COUNTED, sql`from messages where next_attempt_at <= ${now}::timestamptz`)} as due,
      ${upTo(MOST_COUNTED, sql`from email_campaigns where next_due_at <= ${now}::timestamptz`)} as email_campaigns,
      least(
        (select min(next_attempt_at) from messages where next_attempt_at is not null),
        (select min(next_due_at) from email_campaigns where next_due_at is not null)) as oldest,
      ${upTo(MOST_COUNTED, sql`from messages where reason = 'paused'`)} as paused,
      ${upTo(MOST_COUNTED, sql`from messages where reason = 'in-doubt' and state = 'unknown'`)} as unknown,
      ${upTo(MOST_COUNTED, sql`from messages where reason = 'in-doubt' and state <> 'unknown'`)} as in_doubt`.execute(
    db,
  );
  const found = rows[0]!;
  const ageSeconds = found.oldest ? now.since(found.oldest).total("seconds") : 0;
  return [
    state("due", found.due),
    state("paused", found.paused),
    state("unknown", found.unknown),
    state("in_doubt", found.inDoubt),
    { name: "tidings_email_campaigns_due", value: found.emailCampaigns },
    { name: "tidings_oldest_due_seconds", value: Math.max(0, ageSeconds) },
  ];
}

/** At most as many as all processes may have under way. */
async function underWay(db: Db, now: Temporal.Instant): Promise<Mine[]> {
  const { rows } = await sql<{
    claimed: number;
    inData: number;
    workers: number;
    overdue: number;
    oldest: Temporal.Instant | null;
  }>`
    select count(*) filter (where state = 'claimed') as claimed, count(*) filter (where state = 'in_data') as in_data,
      count(distinct claimed_by) as workers, count(*) filter (where claimed_until < ${now}::timestamptz) as overdue,
      min(claimed_until) as oldest
    from messages where claimed_until is not null`.execute(db);
  const { claimed, inData, workers, overdue, oldest } = rows[0]!;
  const overdueSeconds = oldest ? now.since(oldest).total("seconds") : 0;
  return [
    state("claimed", claimed),
    state("in_data", inData),
    { name: "tidings_workers", value: workers },
    { name: "tidings_claims_overdue", value: overdue },
    { name: "tidings_oldest_overdue_claim_seconds", value: Math.max(0, overdueSeconds) },
  ];
}

const state = (name: string, value: number): Mine => ({ name: "tidings_messages", labels: { state: name }, value });

async function accounts(db: Db, now: Temporal.Instant): Promise<Mine[]> {
  const counted = await sql<{ working: number; waiting: number; paused: number }>`
    select count(*) filter (where paused_at is null) as working,
      count(*) filter (where paused_at is not null and not resumes_by_hand) as waiting,
      count(*) filter (where paused_at is not null and resumes_by_hand) as paused
    from email_accounts`.execute(db);
  const limited = await db
    .selectFrom("emailAccounts")
    .leftJoin("rateLedger", (join) => join.on("rateLedger.key", "=", sql`'account:' || email_accounts.id`))
    .selectAll("emailAccounts")
    .select("rateLedger.counts")
    .where(sql<boolean>`coalesce(max_per_second, max_per_minute, max_per_hour, max_per_day) is not null`)
    .orderBy("emailAccounts.id")
    .limit(MOST_ACCOUNTS)
    .execute();
  return [
    ...Object.entries(counted.rows[0]!).map(([name, value]): Mine => ({
      name: "tidings_email_accounts",
      labels: { state: name },
      value,
    })),
    ...limited.flatMap((row) => {
      const { rampFromPerDay: fromPerDay, rampDays: days, rampStartedAt: startedAt } = row;
      const ramp = fromPerDay !== null && days !== null && startedAt !== null ? { fromPerDay, days, startedAt } : null;
      return rates(`account:${row.id}`, used(ramped(limitsOf(row), ramp, now), row.counts ?? {}, now));
    }),
  ];
}

async function domains(db: Db, now: Temporal.Instant): Promise<Mine[]> {
  const rows = await db
    .selectFrom("recipientDomains")
    .leftJoin("rateLedger", (join) => join.on("rateLedger.key", "=", sql`'domain:' || recipient_domains.domain`))
    .selectAll("recipientDomains")
    .select("rateLedger.counts")
    .orderBy("recipientDomains.id")
    .limit(MOST_DOMAINS)
    .execute();
  const resting = new Map<string, number>([["other", 0]]);
  /** The fullest of each class and window: there may be any number of domains, and no series for each. */
  const fullest = new Map<string, { of: string; window: keyof Limits; limit: number; used: number }>();
  for (const row of rows) {
    const name = domainClass(row.domain);
    if (row.restsUntil && Temporal.Instant.compare(row.restsUntil, now) > 0)
      resting.set(name, (resting.get(name) ?? 0) + 1);
    for (const one of used(limitsOf(row), row.counts ?? {}, now)) {
      const key = `${name} ${one.window}`;
      const known = fullest.get(key);
      if (!known || one.used / one.limit > known.used / known.limit) fullest.set(key, { of: `domain:${name}`, ...one });
    }
  }
  return [
    ...[...resting].map(([domain, value]): Mine => ({
      name: "tidings_recipient_domains_resting",
      labels: { domain },
      value,
    })),
    ...[...fullest.values()].flatMap(({ of, ...one }) => rates(of, [one])),
  ];
}

const WINDOW_NAMES: Readonly<Record<keyof Limits, string>> = {
  perSecond: "second",
  perMinute: "minute",
  perHour: "hour",
  perDay: "day",
};

function rates(of: string, usage: ReturnType<typeof used>): Mine[] {
  return usage.flatMap((one): Mine[] => {
    const labels = { of, window: WINDOW_NAMES[one.window] };
    return [
      { name: "tidings_rate_limit", labels, value: one.limit },
      { name: "tidings_rate_used", labels, value: one.used },
    ];
  });
}
