/** Pauses an account or a Campaign whose mail servers refuse as a matter of policy: going on would make its name worse. Counted over all processes; suppresses nobody. */
import { sql } from "kysely";
import { pauseForGood } from "../accounts/trouble.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { MOST_REFUSED, verdictOn } from "../core/policy.ts";
import { Refusal } from "../core/problem.ts";
import { type Db, inTransaction } from "../db/database.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";

const GUARD = { name: "the guard of refusals" };
/** What was refused longer ago says nothing of today. */
const LOOKED_BACK_HOURS = 24;
/** Of all accounts, the newest first: an account that sends one mail in a thousand is still seen. */
const MOST_READ = 20_000;

export type Refused = {
  readonly account: { readonly id: number; readonly name: string };
  readonly campaign: { readonly id: number; readonly name: string };
  /** What the server said. */
  readonly said: string;
};

/**
 * After one more refusal, whose result is written down already: looks at the last mails of its account, of whichever
 * process, and pauses what has to be. What was refused before a person resumed it counts no more.
 * @returns what was paused, or null.
 */
export async function guard(
  db: Db,
  { account, campaign, said }: Refused,
  now: Temporal.Instant,
): Promise<"account" | "campaign" | null> {
  const results = await lately(db, account.id, campaign.id, now);
  const verdict = verdictOn(results, campaign.id);
  if (verdict === "account") {
    const text = `Servers refuse its mail as a matter of policy, lately with: ${said}. Mend the cause, then resume it.`;
    await pauseForGood(db, account.id, text, now);
  } else if (verdict === "campaign") {
    const reason = `Servers refuse the mail of this Campaign, while other mail of “${account.name}” passes; lately with: ${said}. Look at what it says and to whom, then resume it.`;
    await hold(db, campaign.id, reason, now);
  }
  return verdict;
}

type Looked = { readonly campaignId: number; readonly refused: boolean };

async function lately(db: Db, accountId: number, campaignId: number, now: Temporal.Instant): Promise<Looked[]> {
  const since = now.subtract({ hours: LOOKED_BACK_HOURS });
  const { rows: first } = await sql<{ count: number; since: Temporal.Instant; campaignSince: Temporal.Instant | null }>`
    select greatest(account.changed_at, ${since}::timestamptz) as since,
      (select resumed_at from campaigns where id = ${campaignId}) as campaign_since,
      (select count(*)::int from (
        select from messages where reason = 'policy' and email_account_id = account.id
          and finished_at > greatest(account.changed_at, ${since}::timestamptz) limit ${MOST_REFUSED}) as few) as count
    from email_accounts as account where account.id = ${accountId}`.execute(db);
  const known = first[0];
  // Nearly always the end of it: refusals of this kind are few, and an index has them alone.
  if (!known || known.count < MOST_REFUSED) return [];
  const { rows } = await sql<Looked>`
    select campaign_id, reason is not distinct from 'policy' as refused
    from (
      select email_account_id, campaign_id, state, reason, finished_at from messages
      where finished_at > ${known.since}::timestamptz
      order by finished_at desc, id desc limit ${MOST_READ}) as newest
    where email_account_id = ${accountId} and state in ('accepted', 'refused')
      and (campaign_id <> ${campaignId} or finished_at > coalesce(${known.campaignSince}::timestamptz, '-infinity'))
    order by finished_at desc limit ${MOST_LOOKED_AT}`.execute(db);
  return rows;
}

const MOST_LOOKED_AT = 1000;

/** As a person would put it on hold; harmless when it is paused already. */
async function hold(db: Db, campaignId: number, reason: string, now: Temporal.Instant): Promise<void> {
  try {
    await inTransaction(db, async (tx) => {
      await campaigns.pause(tx, campaignId, "hold", GUARD, now, reason);
      await emailCampaigns.restCampaign(tx, campaignId);
    });
  } catch (error) {
    // Another process did it, or a person.
    if (!(error instanceof Refusal)) throw error;
  }
}
