/** What follows from results, in the transaction that records them: dead addresses are suppressed, Email Campaigns move on. */
import type { Runner, Tx } from "../db/database.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { bounced } from "./bounced.ts";
import { endFor } from "./obstacle.ts";
import { FINAL, record, type Result, type Written } from "./record.ts";

/** Records results and what follows from them. A result whose claim was lost has no consequence either. */
export async function conclude(tx: Tx, results: readonly Result[], now: Temporal.Instant): Promise<void> {
  const written = await record(tx, results, now);
  const byId = new Map(written.map((one) => [one.id, one]));
  for (const result of results) {
    const { id, state, reason } = result;
    const message = byId.get(id);
    if (!message || reason === null) continue;
    if (state === "refused" && result.stage !== null) await refused(tx, message, reason, now);
    const end = state === "refused" || state === "skipped" ? endFor(reason) : undefined;
    if (end) await emailCampaigns.end(tx, { ids: [message.emailCampaignId] }, end, now);
  }
  const turnedBack = results.flatMap(({ id, reason }) =>
    byId.has(id) && reason !== null && BY_CONDITION.has(reason) ? [byId.get(id)!] : [],
  );
  await emailCampaigns.keepFindingsNow(tx, turnedBack, now);
  await emailCampaigns.afterResults(tx, ended(results.filter(({ id }) => byId.has(id))), now);
}

/** Whether nothing follows from a result but that its Email Campaign may move on. */
export const isPlain = ({ reason }: Result) => reason === null;

/**
 * The same for plain results, in one go with what comes behind them. The Email Campaign of a lost claim is looked at,
 * too: what is found there is true whoever looks.
 */
export function concludePlain(go: Runner, results: readonly Result[], now: Temporal.Instant): Promise<unknown> {
  return Promise.all([record(go, results, now), emailCampaigns.afterResults(go, ended(results), now)]);
}

/** Email Campaigns in which a message has become final. */
function ended(results: readonly Result[]): number[] {
  return results.flatMap(({ state, emailCampaignId }) => (FINAL.includes(state) ? [emailCampaignId] : []));
}

/** Reasons the last look before MAIL FROM gives on account of a condition. */
const BY_CONDITION: ReadonlySet<string> = new Set(["condition", "stop-if", "goal"]);

/** A server said no for good: the same follows as from a notice that says so later. */
async function refused(tx: Tx, message: Written, reason: string, now: Temporal.Instant): Promise<void> {
  const found = await tx.selectFrom("messages").select("address").where("id", "=", message.id).executeTakeFirst();
  if (!found?.address) return;
  const { id: messageId, personId, emailCampaignId } = message;
  const origin = `the server's answer to message ${messageId}`;
  const hard = reason === "hard-bounce";
  await bounced(tx, { messageId, personId, emailCampaignId, address: found.address, reason, hard, origin }, now);
}
