/** Says what an edit of a Schedule would do to those who are on their way, before it is made. Changes nothing. */
import { sql } from "kysely";
import * as campaigns from "../campaigns/campaigns.ts";
import type { StepInput } from "../campaigns/api.ts";
import { refuse } from "../core/problem.ts";
import { decide, dueAt, type Facts, type Step } from "../core/schedule.ts";
import type { Db } from "../db/database.ts";
import { factsOf } from "./facts.ts";

/** How many Email Campaigns are looked at, in batches; of a larger Campaign the newest stand for the others. */
const MOST_LOOKED_AT = 20_000;
const BATCH = 1000;

/** What becomes of one step: for how many it lies ahead, is due at once, or comes too late to be sent. */
type Reach = { ahead: number; dueNow: number; tooLate: number; sent: number };
const nobody = (): Reach => ({ ahead: 0, dueNow: 0, tooLate: 0, sent: 0 });

/** How the running Email Campaigns of a Campaign would fare by this Schedule, judged by the code that sends. */
export async function impact(db: Db, campaignId: number, rows: readonly StepInput[], now: Temporal.Instant) {
  const campaign = await campaigns.get(db, campaignId);
  const known = new Map(campaign.steps.map((step) => [step.id, step]));
  const proposed = rows.map((row, index): Step => {
    const before = row.id === undefined ? null : known.get(row.id);
    if (before === undefined) refuse("step-not-found", `This Campaign has no step ${row.id}.`, `/steps/${index}/id`);
    return {
      // A step that is not there yet gets an id that none can have.
      id: before?.id ?? -1 - index,
      position: index + 1,
      sendAfterDays: row.sendAfterDays,
      timeOfDay: row.timeOfDay === null ? null : Temporal.PlainTime.from(row.timeOfDay),
      expiresAfterDays: row.expiresAfterDays,
      addedAt: before?.addedAt ?? now,
    };
  });
  const removed = campaign.steps.filter((step) => !rows.some((row) => row.id === step.id));

  const steps = proposed.map(nobody);
  const lost = removed.map(nobody);
  let lookedAt = 0;
  let dueNow = 0;
  for (let before: number | null = null; lookedAt < MOST_LOOKED_AT;) {
    const ids: number[] = await runningBefore(db, campaignId, before);
    for (const { facts, status } of await factsOf(db, ids)) {
      const planned = { ...facts, steps: proposed };
      proposed.forEach((step, index) => count(steps[index]!, planned, step, now));
      removed.forEach(({ id }, index) => {
        const step = facts.steps.find((candidate) => candidate.id === id);
        if (step) count(lost[index]!, facts, step, now);
      });
      if (status !== "Paused" && decide(planned, now).send.length > 0) dueNow += 1;
    }
    lookedAt += ids.length;
    before = ids.at(-1) ?? null;
    if (ids.length < BATCH) break;
  }
  const { Scheduled, "In Progress": inProgress, Paused } = campaign.emailCampaigns;
  return {
    running: Scheduled + inProgress + Paused,
    lookedAt,
    dueNow,
    steps: steps.map((reach, index) => ({ stepId: rows[index]?.id ?? null, ...reach })),
    removed: removed.map(({ id, sendAfterDays }, index) => ({ stepId: id, sendAfterDays, ...lost[index]! })),
  };
}

/** What becomes of one step for one person, the others aside. */
function count(reach: Reach, facts: Facts, step: Step, now: Temporal.Instant): void {
  if (facts.resolutions.some(({ stepId }) => stepId === step.id)) reach.sent += 1;
  else {
    const alone = decide({ ...facts, steps: [step], resolutions: [] }, now);
    const due = dueAt(facts.startOn, step, facts.rules, facts.createdAt);
    if (alone.expire.length > 0) reach.tooLate += 1;
    else if (due && Temporal.Instant.compare(due, now) > 0) reach.ahead += 1;
    else reach.dueNow += 1;
  }
}

async function runningBefore(db: Db, campaignId: number, before: number | null): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    select id from email_campaigns
    where campaign_id = ${campaignId} and status in ('Scheduled', 'In Progress', 'Paused')
      and id < ${before ?? Number.MAX_SAFE_INTEGER}
    order by id desc limit ${BATCH}`.execute(db);
  return rows.map((row) => row.id);
}
