/** Sends a step that was added too late for some people to them all the same: an act of its own, with its own impact. */
import { workspace } from "../accounts/accounts.ts";
import { recordChange } from "../accounts/audit.ts";
import type { Acting } from "../accounts/ownership.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { refuse } from "../core/problem.ts";
import { project } from "../core/project.ts";
import { spread } from "../core/schedule.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import { forgetSkipped, obstaclesOf } from "../delivery/delivery.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import * as store from "./store.ts";

const CHUNK = 5000;

type Reached = {
  readonly id: number;
  readonly personId: number;
  readonly number: string;
  readonly dueAt: Temporal.Instant;
  readonly at: Temporal.Instant;
};

/** Who would get it and when; those who may not be written to are counted apart. Changes nothing. */
export async function backfillImpact(
  db: Db,
  campaignId: number,
  stepId: number,
  perHour: number | null,
  now: Temporal.Instant,
) {
  const { reached, leftOut } = await found(db, campaignId, stepId, perHour, now);
  const days = new Map<string, number>();
  for (const { at } of reached) {
    const day = at.toString().slice(0, 10);
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  const some = reached.slice(0, 20);
  const names = await store.namesOf(
    db,
    some.map(({ personId }) => personId),
  );
  return {
    people: reached.length,
    leftOut,
    days: [...days].map(([day, count]) => ({ day, count })).toSorted((one, other) => (one.day < other.day ? -1 : 1)),
    examples: some.map(({ id, number, personId, at }) => ({
      emailCampaignId: id,
      number,
      personId,
      person: names.get(personId)?.person ?? "",
      at,
    })),
  };
}

/** Does it, in one transaction; doing it again reaches only who was past the step since. @returns how many get it. */
export function backfill(
  db: Db,
  campaignId: number,
  stepId: number,
  { perHour, confirmed }: { readonly perHour: number | null; readonly confirmed: number },
  actor: Acting,
  now: Temporal.Instant,
): Promise<number> {
  return inTransaction(db, async (tx) => {
    await campaigns.lock(tx, campaignId);
    const { reached } = await found(tx, campaignId, stepId, perHour, now);
    if (reached.length > confirmed)
      refuse(
        "backfill-not-confirmed",
        `${reached.length} people would get this mail. Confirm that number.`,
        "/confirmed",
      );
    await forgetSkipped(
      tx,
      stepId,
      reached.map(({ id }) => id),
    );
    const backfills = reached.map(({ id, dueAt }) => ({ emailCampaignId: id, stepId, dueAt }));
    await store.addBackfills(tx, backfills, actor.name, now);
    await emailCampaigns.goOn(
      tx,
      reached.map(({ id, dueAt }) => ({ id, at: dueAt })),
    );
    const change = { actor, action: "backfill", subjectType: "campaign", subjectId: campaignId } as const;
    await recordChange(tx, { ...change, after: { stepId, people: reached.length } }, now);
    return reached.length;
  });
}

async function found(db: Db | Tx, campaignId: number, stepId: number, perHour: number | null, now: Temporal.Instant) {
  const campaign = await campaigns.get(db, campaignId);
  if (!campaign.steps.some(({ id }) => id === stepId))
    refuse("step-not-found", `This Campaign has no step ${stepId}.`, "/stepId");
  const { burstGuard } = await workspace(db);
  const ids = await store.pastStep(db, campaignId, stepId);
  const reached: Reached[] = [];
  let leftOut = 0;
  for (let from = 0; from < ids.length; from += CHUNK) {
    const some = ids.slice(from, from + CHUNK);
    const obstacles = await obstaclesOf(db, some);
    for (const { id, personId, number, facts } of await emailCampaigns.factsOf(db, some)) {
      const step = facts.steps.find((one) => one.id === stepId);
      const skipped = facts.resolutions.some((one) => one.stepId === stepId);
      // For whom it lies ahead or is due, it needs nobody's act.
      const late = step && (skipped || isTooLate(facts, stepId, now));
      if (!late || (obstacles.has(id) && obstacles.get(id) !== "paused")) {
        leftOut += late ? 1 : 0;
        continue;
      }
      const dueAt = spread(reached.length, perHour ?? burstGuard, now);
      const at = project(withBackfill(facts, stepId, dueAt), now).find((one) => one.stepId === stepId)?.at ?? dueAt;
      reached.push({ id, personId, number, dueAt, at });
    }
  }
  return { reached, leftOut };
}

type Facts = emailCampaigns.WithFacts["facts"];

function isTooLate(facts: Facts, stepId: number, now: Temporal.Instant): boolean {
  return project(facts, now).some((one) => one.stepId === stepId && one.reason === "added-after-its-day");
}

/** As the facts will be. */
function withBackfill(facts: Facts, stepId: number, dueAt: Temporal.Instant): Facts {
  return {
    ...facts,
    steps: facts.steps.map((step) => (step.id === stepId ? { ...step, backfilledAt: dueAt } : step)),
    resolutions: facts.resolutions.filter((one) => one.stepId !== stepId),
  };
}
