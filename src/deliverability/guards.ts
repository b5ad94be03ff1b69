/** Warns and pauses where too much comes back: going on would spoil the name of the account for everybody. Resumes nothing. */
import { sql } from "kysely";
import { pauseForGood } from "../accounts/trouble.ts";
import { type Finding, guard, GUARD_DAYS, inWords, type Tally } from "../core/bounces-count.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { Logger } from "../log.ts";
import { pause as pauseCampaign } from "../publishing/pauses.ts";

const GUARD = { name: "the guard of bounces and complaints" };
const FINDINGS_KEPT_DAYS = 90;

type Subject = { readonly kind: "account" | "campaign"; readonly id: number } & Tally & {
    readonly name: string;
    readonly paused: boolean;
    readonly level: "warn" | "pause" | null;
  };

/** Looks at all accounts and Campaigns with something that came back. @returns how many it paused. */
export async function guards(
  { db, log }: { db: Db; log: Pick<Logger, "warn"> },
  now: Temporal.Instant,
): Promise<number> {
  await noteResumed(db, now);
  let paused = 0;
  const warned: string[] = [];
  for (const subject of await subjects(db, now)) {
    const finding = guard(subject);
    if (finding) warned.push(keyOf(subject));
    if (finding?.level === "pause" && !subject.paused) {
      await inTransaction(db, (tx) => pause(tx, subject, finding, now));
      log.warn({ [subject.kind]: subject.name, share: finding.share }, `paused: ${inWords(finding, subject)}`);
      paused += 1;
    } else if (finding?.level === "warn" && subject.level === null) {
      await keep(db, subject, finding, inWords(finding, subject), now);
      log.warn(
        { [subject.kind]: subject.name, share: finding.share },
        `too much comes back: ${inWords(finding, subject)}`,
      );
    }
  }
  // What was warned of is over, or has gone out of sight.
  await sql`delete from guard_findings where level = 'warn' and subject <> all(${warned}::text[])`.execute(db);
  const old = now.subtract({ hours: 24 * FINDINGS_KEPT_DAYS });
  await db.deleteFrom("deliverabilityHours").where("hour", "<", old).execute();
  return paused;
}

async function pause(tx: Tx, subject: Subject, finding: Finding, now: Temporal.Instant): Promise<void> {
  const text = `${inWords(finding, subject)}. Find out why, then resume it.`;
  if (subject.kind === "account") await pauseForGood(tx, subject.id, text, now);
  else await pauseCampaign(tx, subject.id, "hold", GUARD, now);
  await keep(tx, subject, finding, text, now);
}

async function keep(
  db: Db,
  subject: Subject,
  { level, about }: Finding,
  text: string,
  now: Temporal.Instant,
): Promise<void> {
  const found = { level, about, text, foundAt: now };
  await db
    .insertInto("guardFindings")
    .values({ subject: keyOf(subject), ...found })
    .onConflict((conflict) => conflict.column("subject").doUpdateSet(found))
    .execute();
}

/** What was paused here and runs again was resumed by somebody: what came back before counts no more. */
async function noteResumed(db: Db, now: Temporal.Instant): Promise<void> {
  await sql`
    update guard_findings set level = null, about = null, text = null, counted_from = ${now}::timestamptz
    where level = 'pause' and (
      subject in (select 'account:' || id from email_accounts where paused_at is null)
      or subject in (select 'campaign:' || id from campaigns where paused_at is null))`.execute(db);
}

async function subjects(db: Db, now: Temporal.Instant): Promise<Subject[]> {
  const since = now.subtract({ hours: 24 * GUARD_DAYS });
  const { rows } = await sql<Subject>`
    with counted as (
      select 'account' as kind, email_account_id as id, hour, mails, bounced, complained from deliverability_hours
      where hour > ${since}::timestamptz and email_account_id <> 0
      union all
      select 'campaign', campaign_id, hour, mails, bounced, complained from deliverability_hours
      where hour > ${since}::timestamptz
    )
    select counted.kind, counted.id, sum(mails)::int as mails, sum(counted.bounced)::int as bounced,
      sum(counted.complained)::int as complained, finding.level,
      coalesce(account.name, campaign.name) as name,
      coalesce(account.paused_at, campaign.paused_at) is not null as paused
    from counted
      left join guard_findings as finding on finding.subject = counted.kind || ':' || counted.id
      left join email_accounts as account on counted.kind = 'account' and account.id = counted.id
      left join campaigns as campaign on counted.kind = 'campaign' and campaign.id = counted.id
    where hour > coalesce(finding.counted_from, ${since}::timestamptz) and coalesce(account.id, campaign.id) is not null
    group by counted.kind, counted.id, finding.level, account.name, campaign.name, account.paused_at, campaign.paused_at
    having sum(counted.bounced) + sum(counted.complained) > 0 or finding.level is not null
    order by 1, 2`.execute(db);
  return rows;
}

const keyOf = ({ kind, id }: Pick<Subject, "kind" | "id">) => `${kind}:${id}`;
