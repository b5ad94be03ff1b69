/** Skips a step for one person by hand (E48). The message itself belongs to delivery, which hands in how it is resolved. */
import { recordChange } from "../accounts/audit.ts";
import { refuse } from "../core/problem.ts";
import { dueAt, localDay } from "../core/schedule.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import { announce } from "./due.ts";
import { factsOf } from "./facts.ts";
import * as store from "./store.ts";

/** A step of one Email Campaign, and the person's day on which it is skipped. */
export type Skipped = {
  readonly emailCampaignId: number;
  readonly stepId: number;
  readonly personId: number;
  readonly campaignId: number;
  readonly dueAt: Temporal.Instant;
  readonly on: Temporal.PlainDate;
};

/** Resolves the step as skipped; false when its mail is on its way or final. */
export type SkipMessage = (tx: Tx, skipped: Skipped, now: Temporal.Instant) => Promise<boolean>;

const RUNNING = ["Scheduled", "In Progress", "Paused"];

/** Skips a step that has not left; the steps after it keep their days. */
export function skipStep(
  db: Db,
  reference: string | number,
  stepId: number,
  skipMessage: SkipMessage,
  actor: { readonly name: string },
  now: Temporal.Instant,
): Promise<void> {
  return inTransaction(db, async (tx) => {
    const { id, number, status, personId, campaignId } = await store.lock(tx, reference);
    if (!RUNNING.includes(status))
      refuse("email-campaign-not-active", `${number} is ${status}, so no step can be skipped.`);
    const { facts } = (await factsOf(tx, [id]))[0]!;
    const step =
      facts.steps.find((candidate) => candidate.id === stepId) ??
      refuse("step-not-found", `The Schedule of ${number} has no step ${stepId}.`);
    const skipped = {
      emailCampaignId: id,
      stepId,
      personId,
      campaignId,
      dueAt: dueAt(facts.startOn, step, facts.rules, facts.createdAt) ?? now,
      on: localDay(now, facts.rules.timeZone),
    };
    if (!(await skipMessage(tx, skipped, now)))
      refuse("step-not-active", `Step ${stepId} of ${number} has left already, or is being sent at this moment.`);
    if (status !== "Paused") await store.wake(tx, id, now);
    await recordChange(
      tx,
      { actor, action: "skip-step", subjectType: "email-campaign", subjectId: id, after: { stepId } },
      now,
    );
    await announce(tx);
  });
}
