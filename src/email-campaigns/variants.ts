/** Which variant of each step somebody got or is going to get, with its template and why. Draws nothing itself: core does. */
import { sql } from "kysely";
import * as campaigns from "../campaigns/campaigns.ts";
import type { StepMessage } from "../core/explain.ts";
import type { Step } from "../core/schedule.ts";
import { type Letter, templateOf, type VariantDecision, variantFor, variantsOf } from "../core/variants.ts";
import type { Db } from "../db/database.ts";

type Shown = { readonly emailTemplateId: number; readonly emailTemplate: string; readonly variant: Letter | null };

/** For each step the template that is theirs, and its letter where the step has variants. */
export async function templatesFor(
  db: Db,
  campaignId: number,
  personId: number,
): Promise<(step: Step, message: StepMessage | undefined) => Shown> {
  const rows = await db
    .selectFrom("steps")
    .select(["id", "emailTemplateId", "variants"])
    .where("campaignId", "=", campaignId)
    .execute();
  const ids = rows.flatMap((row) => variantsOf(row).map(({ emailTemplateId }) => emailTemplateId));
  const names = await campaigns.namesOfTemplates(db, ids);
  return (step, message) => {
    const row = rows.find(({ id }) => id === step.id)!;
    const ahead = step.variants ? variantFor(step, personId, step.decision?.winner) : null;
    const variant = message ? (message.variant?.letter ?? null) : ahead;
    const emailTemplateId = templateOf(row, variant ?? "A");
    return { emailTemplateId, emailTemplate: names.get(emailTemplateId) ?? "", variant };
  };
}

/** What had been decided about the variants of a step when its message was planned, whatever was decided since. */
export async function decidedFor(
  db: Db,
  messages: readonly { readonly id: number; readonly plannedVariant: Letter | null }[],
): Promise<ReadonlyMap<number, Pick<VariantDecision, "outcome" | "by">>> {
  const ids = messages.filter(({ plannedVariant }) => plannedVariant).map(({ id }) => id);
  if (ids.length === 0) return new Map();
  const { rows } = await sql<{ id: number } & Pick<VariantDecision, "outcome" | "by">>`
    select distinct on (messages.id) messages.id, decisions.outcome, decisions.decided_by as by
    from messages join variant_decisions as decisions on decisions.step_id = messages.step_id
      and decisions.winner = messages.planned_variant and decisions.decided_at <= messages.planned_at
      and (decisions.taken_back_at is null or decisions.taken_back_at > messages.planned_at)
    where messages.id = any(${ids}::bigint[])
    order by messages.id, decisions.decided_at desc`.execute(db);
  return new Map(rows.map(({ id, ...decision }) => [id, decision]));
}
