/** What follows from results, in the transaction that records them: dead addresses are suppressed, Email Campaigns move on. */
import { sql } from "kysely";
import { parseAddress } from "../core/address.ts";
import type { Tx } from "../db/database.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { endFor } from "./obstacle.ts";
import { record, type Result } from "./record.ts";

/** Records results and what follows from them. A result whose claim was lost has no consequence either. */
export async function conclude(tx: Tx, results: readonly Result[], now: Temporal.Instant): Promise<void> {
  const written = await record(tx, results, now);
  const byId = new Map(written.map((one) => [one.id, one]));
  for (const { id, state, reason } of results) {
    const message = byId.get(id);
    if (!message || reason === null) continue;
    if (state === "refused" && reason === "hard-bounce") await suppressBounced(tx, id, message.personId, now);
    const end = state === "refused" || state === "skipped" ? endFor(reason) : undefined;
    if (end) await emailCampaigns.end(tx, { ids: [message.emailCampaignId] }, end, now);
  }
  const final = results.filter(({ state }) => state === "accepted" || state === "refused" || state === "skipped");
  const moved = final.flatMap(({ id }) => byId.get(id)?.emailCampaignId ?? []);
  await emailCampaigns.afterResults(tx, moved, now);
}

/** The address is dead for every campaign, and for whatever else we might send. */
async function suppressBounced(tx: Tx, messageId: number, personId: number, now: Temporal.Instant): Promise<void> {
  const { rows } = await sql<{ address: string | null }>`
    select address from messages where id = ${messageId}`.execute(tx);
  const address = parseAddress(rows[0]?.address ?? "");
  if (!("key" in address)) return;
  const origin = `the server's answer to message ${messageId}`;
  await suppress(tx, { emailKey: address.key, personId, scope: "everything", reason: "hard-bounce", origin }, now);
}
