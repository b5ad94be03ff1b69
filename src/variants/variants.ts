/** Front door: how the variants of steps do, and which one wins. Changes nothing about mail that is planned or sent. */
import { recordChange } from "../accounts/audit.ts";
import type { Acting } from "../accounts/ownership.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { csvTable } from "../core/csv.ts";
import { refuse } from "../core/problem.ts";
import type { Language } from "../core/timing-words.ts";
import { judge, noFigures, type Standing, standingInWords, type Trial } from "../core/variant-winner.ts";
import { holdsFor, type Letter, sharesOf, templatesOf, type VariantFigures, variantsOf } from "../core/variants.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import * as store from "./store.ts";

/** How each step of a Campaign that has variants stands. */
export async function ofCampaign(db: Db, campaignId: number, language: Language, now: Temporal.Instant) {
  if (!(await campaigns.find(db, campaignId))) refuse("campaign-not-found", `There is no Campaign ${campaignId}.`);
  const steps = await store.stepsWithVariants(db, campaignId);
  const used = steps.flatMap((step) => variantsOf(step).map(({ emailTemplateId }) => emailTemplateId));
  const names = await campaigns.namesOfTemplates(db, used);
  const told = [];
  for (const step of steps) {
    const { trial, figures, decision } = await looked(db, step);
    const standing = standingOf(step, trial, decision, now);
    const shares = new Map(sharesOf(step).map(({ letter, share }) => [letter, share]));
    told.push({
      stepId: step.id,
      position: step.position,
      sendAfterDays: step.sendAfterDays,
      variants: variantsOf(step).map(({ letter, emailTemplateId }) => ({
        ...(figures.find((one) => one.letter === letter) ?? noFigures(letter)),
        emailTemplateId,
        emailTemplate: names.get(emailTemplateId) ?? "",
        share: shares.get(letter) ?? 0,
        isWinner: decision?.winner === letter,
      })),
      firstSentAt: trial.firstSentAt,
      outcome: standing.outcome,
      text: standingInWords(standing, language),
      winner: decision?.winner ?? null,
      decidedAt: decision?.at ?? null,
      decidedBy: decision?.by ?? null,
      by: step.variants!.winner?.by ?? null,
      measured: trial.measures,
    });
  }
  return told;
}

type Looked = {
  readonly trial: Omit<Trial, "rule"> & { readonly measures: Awaited<ReturnType<typeof store.measuredIn>> };
  readonly figures: readonly VariantFigures[];
  readonly decision: store.DecisionRow | null;
};

async function looked(db: Db, step: store.StepRow): Promise<Looked> {
  const measures = await store.measuredIn(db, step.campaignId);
  const rows = await store.figuresOf(db, step);
  const counted = rows.map(({ firstSentAt: _first, ...one }) => one);
  const figures = variantsOf(step).map(
    ({ letter }) => counted.find((one) => one.letter === letter) ?? noFigures(letter),
  );
  const weighed = new Set(variantsOf(step).flatMap(({ letter, weight }) => (weight > 0 ? [letter] : [])));
  const by = step.variants?.winner?.by;
  return {
    trial: {
      figures: figures.filter(({ letter }) => weighed.has(letter)),
      firstSentAt: rows.map((row) => row.firstSentAt).toSorted(Temporal.Instant.compare)[0] ?? null,
      measured: by === undefined || measures[by],
      measures,
    },
    figures,
    decision: (await store.decisionsOf(db, [step.id])).find((one) => holdsFor(one, step)) ?? null,
  };
}

function standingOf(
  step: store.StepRow,
  trial: Looked["trial"],
  decision: Looked["decision"],
  now: Temporal.Instant,
): Standing {
  const rule = step.variants?.winner ?? null;
  const about = { winner: decision?.winner ?? null, by: decision?.by ?? null };
  const said = { ...about, measure: rule?.by ?? null, atLeast: rule?.atLeast ?? null };
  if (decision) return { ...said, outcome: decision.outcome };
  if (!rule) return { ...said, outcome: "no-rule" };
  const verdict = judge({ rule, ...trial }, now);
  // What is ripe is decided by the task within a minute; until then it is early.
  return { ...said, outcome: verdict.kind === "waits" ? verdict.why : "too-early" };
}

/** Everybody who is planned from now on gets this variant. */
export function choose(
  db: Db,
  campaignId: number,
  stepId: number,
  winner: Letter,
  actor: Acting,
  now: Temporal.Instant,
): Promise<void> {
  return inTransaction(db, async (tx) => {
    const step = await locked(tx, campaignId, stepId);
    const { figures, decision } = await looked(tx, step);
    if (!variantsOf(step).some(({ letter }) => letter === winner))
      refuse("variant-not-found", `This step has no variant ${winner}.`, "/variant");
    if (decision) await store.takeBack(tx, decision.id, actor.name, now);
    const rule = step.variants!.winner;
    await store.insert(
      tx,
      { stepId, outcome: "chosen", winner, templates: templatesOf(step), by: actor.name, rule, figures },
      now,
    );
    const before = { stepId, winner: decision?.winner ?? null };
    const change = { actor, action: "choose-winner", subjectType: "campaign", subjectId: campaignId } as const;
    await recordChange(tx, { ...change, before, after: { stepId, winner, figures } }, now);
  });
}

/** It goes on by the split. */
export function takeBack(
  db: Db,
  campaignId: number,
  stepId: number,
  actor: Acting,
  now: Temporal.Instant,
): Promise<void> {
  return inTransaction(db, async (tx) => {
    const found = await looked(tx, await locked(tx, campaignId, stepId));
    const decision =
      found.decision ?? refuse("winner-not-found", "Nothing is decided about the variants of this step.");
    await store.takeBack(tx, decision.id, actor.name, now);
    const change = { actor, action: "take-back-winner", subjectType: "campaign", subjectId: campaignId } as const;
    await recordChange(
      tx,
      { ...change, before: { stepId, winner: decision.winner }, after: { stepId, winner: null } },
      now,
    );
  });
}

async function locked(tx: Tx, campaignId: number, stepId: number): Promise<store.StepRow> {
  await campaigns.lock(tx, campaignId);
  const steps = await store.stepsWithVariants(tx, campaignId);
  return (
    steps.find(({ id }) => id === stepId) ??
    refuse("step-not-found", `This Campaign has no step ${stepId} with variants.`, "/stepId")
  );
}

const RULE = { name: "the rule of its variants" };

/** Decides for each step whose rule has its numbers, of one Campaign or of all. @returns how many were decided. */
export async function decideWinners(db: Db, now: Temporal.Instant, campaignId?: number): Promise<number> {
  let decided = 0;
  for (const step of await undecided(db, campaignId))
    if (await inTransaction(db, (tx) => decideOne(tx, step.campaignId, step.id, now))) decided += 1;
  return decided;
}

async function undecided(db: Db, campaignId?: number): Promise<store.StepRow[]> {
  const steps = (await store.stepsWithVariants(db, campaignId)).filter(({ variants }) => variants?.winner);
  if (steps.length === 0) return steps;
  const decisions = await store.decisionsOf(
    db,
    steps.map(({ id }) => id),
  );
  return steps.filter((step) => !decisions.some((one) => one.stepId === step.id && holdsFor(one, step)));
}

/** Under the lock on its Campaign: two processes never decide the same. */
async function decideOne(tx: Tx, campaignId: number, stepId: number, now: Temporal.Instant): Promise<boolean> {
  await campaigns.lock(tx, campaignId);
  const step = (await store.stepsWithVariants(tx, campaignId)).find(({ id }) => id === stepId);
  const rule = step?.variants?.winner;
  if (!step || !rule) return false;
  const { trial, figures, decision } = await looked(tx, step);
  const verdict = decision ? null : judge({ rule, ...trial }, now);
  if (!verdict || verdict.kind === "waits") return false;
  const { kind: outcome, winner } = verdict;
  await store.insert(tx, { stepId, outcome, winner, templates: templatesOf(step), by: null, rule, figures }, now);
  const change = { actor: RULE, action: "decide-winner", subjectType: "campaign", subjectId: campaignId } as const;
  await recordChange(tx, { ...change, after: { stepId, outcome, winner, figures } }, now);
  return true;
}

/** The next moment after `now` at which the days of a rule are over; null: there is none. */
export async function nextDecisionAt(
  db: Db,
  now: Temporal.Instant,
  campaignId: number,
): Promise<Temporal.Instant | null> {
  const moments = [];
  for (const step of await undecided(db, campaignId)) {
    const days = step.variants?.winner?.afterDays ?? null;
    const { trial } = await looked(db, step);
    if (days !== null && trial.firstSentAt) moments.push(trial.firstSentAt.add({ hours: 24 * days }));
  }
  const ahead = moments.filter((at) => Temporal.Instant.compare(at, now) > 0);
  return ahead.toSorted(Temporal.Instant.compare)[0] ?? null;
}

const HEADINGS = [
  "Day",
  "Variant",
  "Template",
  "Share",
  "Sent",
  "Opens measured",
  "Clicks measured",
  "Opened",
  "Clicked",
  "Replied",
  "Unsubscribed",
  "Winner",
  "Standing",
];

/** The same for a spreadsheet. */
export async function csvOf(db: Db, campaignId: number, language: Language, now: Temporal.Instant): Promise<string> {
  const rows = (await ofCampaign(db, campaignId, language, now)).flatMap(({ sendAfterDays, variants, text }) =>
    variants.map(({ letter, emailTemplate, share, isWinner, ...one }) => [
      sendAfterDays,
      letter,
      emailTemplate,
      `${share} %`,
      one.sent,
      one.opensMeasured,
      one.clicksMeasured,
      one.opened,
      one.clicked,
      one.replied,
      one.unsubscribed,
      isWinner ? "yes" : "",
      text,
    ]),
  );
  return csvTable(HEADINGS, rows);
}
