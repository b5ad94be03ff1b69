/** What conditions were found to say when a step was skipped or an Email Campaign ended by them, kept for whoever asks why. */
import { sql } from "kysely";
import type { Condition } from "../core/conditions.ts";
import { type Finding, findingOf } from "../core/schedule.ts";
import type { Db, Tx } from "../db/database.ts";
import type { Tables } from "../db/tables.ts";
import { factsOf } from "./facts.ts";

export type Found = Finding & {
  readonly emailCampaignId: number;
  /** Null: the Campaign's own. */
  readonly stepId: number | null;
  readonly asked: Tables["conditionFindings"]["asked"];
};

/** Keeps findings, the first of each. */
export async function keepFindings(tx: Tx, found: readonly Found[], now: Temporal.Instant): Promise<void> {
  if (found.length === 0) return;
  const rows = found.map(({ emailCampaignId, stepId, asked, condition, answers }) => ({
    email_campaign_id: emailCampaignId,
    step_id: stepId ?? 0,
    asked,
    condition,
    answers,
  }));
  await sql`
    insert into condition_findings (email_campaign_id, step_id, asked, condition, answers, found_at)
    select row.*, ${now}::timestamptz from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (
      email_campaign_id bigint, step_id bigint, asked text, condition jsonb, answers jsonb)
    on conflict (email_campaign_id, step_id) do nothing`.execute(tx);
}

/** Keeps what the last look before MAIL FROM turned back for, as the facts are now, in its transaction. */
export async function keepFindingsNow(
  tx: Tx,
  turnedBack: readonly { readonly emailCampaignId: number; readonly stepId: number }[],
  now: Temporal.Instant,
): Promise<void> {
  if (turnedBack.length === 0) return;
  const all = await factsOf(tx, [...new Set(turnedBack.map(({ emailCampaignId }) => emailCampaignId))]);
  const byId = new Map(all.map((one) => [one.id, one.facts]));
  const found = turnedBack.flatMap(({ emailCampaignId, stepId }): Found[] => {
    const facts = byId.get(emailCampaignId);
    if (!facts) return [];
    const step = facts.steps.find(({ id }) => id === stepId);
    const one = (asked: Found["asked"], of: number | null, condition: Condition | null | undefined, so: boolean) => {
      const finding = findingOf(facts, condition, so);
      return finding ? [{ ...finding, emailCampaignId, stepId: of, asked }] : [];
    };
    return [
      ...one("goal", null, facts.endings?.goal, true),
      ...one("stop-if", null, facts.endings?.stopIf, true),
      ...one("stop-if", stepId, step?.stopIf, true),
      ...one("only-if", stepId, step?.onlyIf, false),
    ];
  });
  await keepFindings(tx, found, now);
}

/** What was found for one Email Campaign. */
export async function findingsOf(
  db: Db,
  emailCampaignId: number,
): Promise<(Found & { readonly at: Temporal.Instant })[]> {
  const rows = await db
    .selectFrom("conditionFindings")
    .select(["stepId", "asked", "condition", "answers", "foundAt"])
    .where("emailCampaignId", "=", emailCampaignId)
    .execute();
  return rows.map(({ stepId, foundAt, ...row }) => ({
    ...row,
    emailCampaignId,
    stepId: stepId === 0 ? null : stepId,
    at: foundAt,
  }));
}
