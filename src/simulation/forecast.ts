/** How many mails what runs will bring, day by day, by the code that decides; beside it what the accounts may send. Changes nothing. */
import { sql } from "kysely";
import { workspace } from "../accounts/accounts.ts";
import { projector } from "../core/project.ts";
import { type Limits, ramped } from "../core/rates.ts";
import { localDay } from "../core/schedule.ts";
import type { Db } from "../db/database.ts";
import { factsOf } from "../email-campaigns/email-campaigns.ts";

/** Beyond this, some stand for all. */
const MOST_LOOKED_AT = 100_000;
const CHUNK = 5000;

type Running = { readonly id: number; readonly account: number | null };

/** The days from today on. A mail that is due now counts for today, an hour's burst guard or a limit aside. */
export async function forecast(db: Db, days: number, campaignId: number | undefined, now: Temporal.Instant) {
  const { timeZone } = await workspace(db);
  const today = localDay(now, timeZone);
  const running = await runningOnes(db, campaignId);
  const every = Math.ceil(running.length / MOST_LOOKED_AT);
  const looked = running.filter((_, index) => index % every === 0);
  const accounts = await accountsOf(db);
  const places = new Map(accounts.map(({ id }, place) => [id, place]));
  const counts = new Map<string, number[]>();
  const projected = projector(now);
  let never = 0;
  for (let from = 0; from < looked.length; from += CHUNK) {
    const some = looked.slice(from, from + CHUNK);
    const accountOf = new Map(some.map(({ id, account }) => [id, account]));
    for (const { id, facts } of await factsOf(db, [...accountOf.keys()]))
      for (const prospect of projected(facts)) {
        if (prospect.outcome === "never") never += 1;
        if (!prospect.on) continue;
        const day = counts.get(prospect.on) ?? accounts.map(() => 0);
        counts.set(prospect.on, day);
        day[places.get(accountOf.get(id) ?? null) ?? 0]! += 1;
      }
  }
  const scale = running.length / Math.max(1, looked.length);
  const all = Array.from({ length: days }, (_, ahead) => today.add({ days: ahead }));
  const limits = accounts.map((account) => all.map((_, ahead) => limitOn(account, now.add({ hours: 24 * ahead }))));
  return {
    from: today.toString(),
    running: running.length,
    lookedAt: looked.length,
    days: all.map((day, ahead) => {
      const mails = (counts.get(day.toString()) ?? accounts.map(() => 0)).map((count) => Math.round(count * scale));
      return {
        day: day.toString(),
        mails: mails.reduce((sum, count) => sum + count, 0),
        accounts: mails,
        over: mails.some((count, place) => count > (limits[place]![ahead] ?? Infinity)),
      };
    }),
    accounts: accounts.map(({ id, name }, place) => ({ id, name, limits: limits[place]! })),
    never: Math.round(never * scale),
  };
}

async function runningOnes(db: Db, campaignId: number | undefined): Promise<Running[]> {
  const { rows } = await sql<Running>`
    select ec.id, coalesce(senders.email_account_id, (select id from email_accounts where is_default)) as account
    from email_campaigns ec
      join campaigns on campaigns.id = ec.campaign_id
      left join senders on senders.id = ec.sender_id
    where ec.status in ('Scheduled', 'In Progress') and campaigns.paused_at is null
      ${campaignId === undefined ? sql`` : sql`and ec.campaign_id = ${campaignId}`}
    order by ec.id`.execute(db);
  return rows;
}

type Account = {
  readonly id: number | null;
  readonly name: string;
  readonly limits: Limits;
  readonly ramp: Parameters<typeof ramped>[1];
};

/** The accounts there are; without an id, what no account is named for. */
async function accountsOf(db: Db): Promise<Account[]> {
  const rows = await db
    .selectFrom("emailAccounts")
    .select([
      "id",
      "name",
      "maxPerSecond",
      "maxPerMinute",
      "maxPerHour",
      "maxPerDay",
      "rampFromPerDay",
      "rampDays",
      "rampStartedAt",
    ])
    .orderBy("id")
    .execute();
  const none: Account = {
    id: null,
    name: "",
    limits: { perSecond: null, perMinute: null, perHour: null, perDay: null },
    ramp: null,
  };
  return [
    none,
    ...rows.map((row): Account => ({
      id: row.id,
      name: row.name,
      limits: {
        perSecond: row.maxPerSecond,
        perMinute: row.maxPerMinute,
        perHour: row.maxPerHour,
        perDay: row.maxPerDay,
      },
      ramp:
        row.rampFromPerDay === null || row.rampDays === null || row.rampStartedAt === null
          ? null
          : { fromPerDay: row.rampFromPerDay, days: row.rampDays, startedAt: row.rampStartedAt },
    })),
  ];
}

/** What an account may send in a whole day: the narrowest of its limits. */
function limitOn({ limits, ramp }: Account, at: Temporal.Instant): number | null {
  const { perSecond, perMinute, perHour, perDay } = ramped(limits, ramp, at);
  const whole = [perSecond && perSecond * 86_400, perMinute && perMinute * 1440, perHour && perHour * 24, perDay];
  const given = whole.filter((limit) => limit !== null);
  return given.length === 0 ? null : Math.min(...given);
}
