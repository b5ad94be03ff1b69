/** Holds, freezes and resumes what runs of a Campaign together with the Campaign itself. A mail in DATA is not called back. */
import { workspace } from "../accounts/accounts.ts";
import type { Acting } from "../accounts/ownership.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { localDay } from "../core/schedule.ts";
import { type Db, inTransaction } from "../db/database.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";

/** Nothing of the Campaign leaves until it is resumed. */
export function pause(db: Db, campaignId: number, kind: "hold" | "freeze", actor: Acting, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    await campaigns.pause(tx, campaignId, kind, actor, now);
    await emailCampaigns.restCampaign(tx, campaignId);
    return campaigns.get(tx, campaignId);
  });
}

/**
 * Goes on. After a hold, late steps catch up or have expired; after a freeze, everything is later by the whole days it
 * took, at its own times of day.
 */
export function resume(db: Db, campaignId: number, actor: Acting, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const { pauseKind, pausedAt } = await campaigns.resume(tx, campaignId, actor, now);
    const { timeZone } = await workspace(tx);
    if (pauseKind === "freeze")
      await emailCampaigns.shift(tx, campaignId, { from: localDay(pausedAt, timeZone), to: localDay(now, timeZone) });
    await emailCampaigns.wakeCampaign(tx, campaignId, now);
    return campaigns.get(tx, campaignId);
  });
}
