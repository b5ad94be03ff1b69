/** Plans what is due and takes each mail as answered by whoever asks, without a server. Only for a copy that is thrown away. */
import { sql } from "kysely";
import { type Measured, measuredIn, type Tracking } from "../core/tracked-content.ts";
import type { Tx } from "../db/database.ts";
import type { Logger } from "../log.ts";
import { type Claim, claim, MEASURES } from "./claim.ts";
import { conclude } from "./conclude.ts";
import { planDue } from "./plan.ts";
import type { Result } from "./record.ts";

/** A mail that would leave now. */
export type Rehearsed = {
  readonly id: number;
  readonly emailCampaignId: number;
  readonly personId: number;
  readonly stepId: number;
};

/** How many Email Campaigns one turn looks at: nobody waits for a rehearsal's locks. */
const MOST_AT_ONCE = 5000;
const REHEARSER = { worker: "rehearsal", limit: MOST_AT_ONCE, without: [], serverByUrl: false } as const;

/**
 * Does everything that is due at a moment, by the code that does it for real: planning, and what follows from results.
 * @param isDead whether the server says of a mail that there is no such address.
 * @returns the mails that left.
 */
export async function rehearse(
  tx: Tx,
  log: Logger,
  isDead: (mail: Rehearsed) => boolean,
  now: Temporal.Instant,
): Promise<Rehearsed[]> {
  const left: Rehearsed[] = [];
  for (;;) {
    const { looked, claims } = await planDue({ db: tx, log, guard: null, offer: REHEARSER }, now, MOST_AT_ONCE);
    const taken = [...claims, ...(await claim(tx, REHEARSER, now))];
    if (looked + taken.length === 0) return left;
    const mails = await mailsOf(tx, taken);
    const fences = new Map(taken.map(({ id, fence }) => [id, fence]));
    const results = mails.map(({ opens, clicks, ...mail }) =>
      resultOf({ ...mail, fence: fences.get(mail.id) ?? 0 }, measuredIn({ opens, clicks }), isDead(mail)),
    );
    await conclude(tx, results, now);
    left.push(...mails.map(({ opens: _opens, clicks: _clicks, ...mail }) => mail));
  }
}

function resultOf(
  { id, fence, emailCampaignId }: Pick<Result, "id" | "fence" | "emailCampaignId">,
  measured: Measured | null,
  dead: boolean,
): Result {
  const nothing = { id, fence, emailCampaignId, nextAttemptAt: null, reply: null, stage: null };
  return dead
    ? { ...nothing, state: "refused", reason: "hard-bounce" }
    : { ...nothing, state: "accepted", reason: null, measured };
}

async function mailsOf(tx: Tx, claims: readonly Claim[]): Promise<(Rehearsed & Pick<Tracking, "opens" | "clicks">)[]> {
  if (claims.length === 0) return [];
  const { rows } = await sql<Rehearsed & Pick<Tracking, "opens" | "clicks">>`
    select messages.id, email_campaign_id, person_id, step_id, ${MEASURES.opens} as opens, ${MEASURES.clicks} as clicks
    from messages join campaigns on campaigns.id = messages.campaign_id join people on people.id = messages.person_id
      cross join workspace
    where messages.id = any(${claims.map(({ id }) => id)}::bigint[]) order by messages.id`.execute(tx);
  return rows;
}
