/** Decides by hand about mail that may or may not have arrived, which an account holds instead of sending it again. */
import { recordChange } from "../accounts/audit.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction } from "../db/database.ts";
import { measuredInComposed } from "./contents.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";

/** `arrived`: it counts as sent. `send-again`: it leaves once more, the same to the byte. */
export type Decision = "arrived" | "send-again";

/** Refuses a message that is not in doubt. */
export function resolveDoubt(
  db: Db,
  id: number,
  decision: Decision,
  actor: { readonly name: string },
  now: Temporal.Instant,
): Promise<void> {
  return inTransaction(db, async (tx) => {
    const resolved = await tx
      .updateTable("messages")
      .set(
        decision === "arrived"
          ? { state: "accepted", reason: null, finishedAt: now, measured: measuredInComposed }
          : { state: "deferred", nextAttemptAt: now },
      )
      .where("id", "=", id)
      .where("state", "=", "unknown")
      .returning("emailCampaignId")
      .executeTakeFirst();
    if (!resolved) refuse("email-not-in-doubt", "This email is not in doubt; there is nothing to decide.");
    await recordChange(tx, { actor, action: decision, subjectType: "message", subjectId: id }, now);
    if (decision === "arrived") await emailCampaigns.afterResults(tx, [resolved.emailCampaignId], now);
  });
}
