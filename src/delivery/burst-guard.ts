/** Spreads what an outage, an edit or a resume made due in bulk over the hours that follow. Holds back nothing that is on time. */
import { sql } from "kysely";
import { workspace } from "../accounts/accounts.ts";
import { SLICE_HOURS, spread } from "../core/schedule.ts";
import type { Tx } from "../db/database.ts";

export type BurstGuard = {
  /** Prepares for a batch; the function it makes says when the next late mail of a campaign may leave, null for now. */
  begin(
    tx: Tx,
    batch: readonly { readonly campaignId: number }[],
    now: Temporal.Instant,
  ): Promise<(campaignId: number) => Temporal.Instant | null>;
};

/** A little less than a slice: what left in the ticks at the start of the one before must not count against the next. */
const LOOK_BACK_MINUTES = 50;

/**
 * Makes a guard. It counts what it lets through and holds back in each slice; what it forgets at a restart it reads from
 * the messages, so that it errs on the slow side only by a slice.
 */
export function createBurstGuard(): BurstGuard {
  const slices = new Map<number, { since: Temporal.Instant; count: number }>();

  return {
    async begin(tx, batch, now) {
      const { burstGuard } = await workspace(tx);
      const stale = [...new Set(batch.map(({ campaignId }) => campaignId))].filter((campaignId) => {
        const slice = slices.get(campaignId);
        if (!slice) return true;
        const ends = slice.since.add({ hours: SLICE_HOURS });
        return Temporal.Instant.compare(now, ends) >= 0 || Temporal.Instant.compare(now, slice.since) < 0;
      });
      const counts = stale.length === 0 ? new Map<number, number>() : await lateOnes(tx, stale, now);
      for (const campaignId of stale) slices.set(campaignId, { since: now, count: counts.get(campaignId) ?? 0 });
      return (campaignId) => {
        const slice = slices.get(campaignId);
        if (!slice) return null;
        const index = slice.count;
        slice.count += 1;
        return index < burstGuard ? null : spread(index, burstGuard, slice.since);
      };
    },
  };
}

async function lateOnes(tx: Tx, campaignIds: readonly number[], now: Temporal.Instant): Promise<Map<number, number>> {
  const since = now.subtract({ minutes: LOOK_BACK_MINUTES });
  const { rows } = await sql<{ campaignId: number; count: number }>`
    select campaign_id, count(*)::int as count from messages
    where campaign_id = any(${[...campaignIds]}::bigint[]) and planned_at > ${since}::timestamptz
      and planned_at <= ${now}::timestamptz and planned_at - due_at > interval '1 hour' and state <> 'skipped'
    group by campaign_id`.execute(tx);
  return new Map(rows.map((row) => [row.campaignId, row.count]));
}
