/**
 * Goes through everybody a change of the Schedule reaches and tells their mails before and after it. The change is really
 * made, in a transaction, read by the code that sends, and taken back: nothing is judged by rules of its own.
 */
import { sql } from "kysely";
import * as campaigns from "../campaigns/campaigns.ts";
import { type Prospect, projector } from "../core/project.ts";
import { type Choice, type Effect, effectOf, type Side } from "../core/schedule-effects.ts";
import { templateOf, variantFor } from "../core/variants.ts";
import type { Db, Tx } from "../db/database.ts";
import type { EmailCampaignStatus } from "../db/tables.ts";
import { concerned, factsOf, type WithFacts } from "../email-campaigns/email-campaigns.ts";
import type { Content } from "./content.ts";

export type Change = { readonly campaignId: number; readonly content: Content; readonly choice: Choice };

/** One mail of one Email Campaign. `row` is its place in the new Schedule, null where it was removed. */
export type MailEffect = {
  readonly row: number | null;
  readonly stepId: number | null;
  readonly effect: Effect;
  readonly before: Prospect | null;
  readonly after: Prospect | null;
  /** Added at the end of an evergreen Campaign for somebody who is past it. */
  readonly evergreen: boolean;
};

export type PersonEffect = {
  readonly id: number;
  readonly number: string;
  readonly personId: number;
  readonly status: EmailCampaignStatus;
  readonly mails: readonly MailEffect[];
  /** How each row of the new Schedule stands for them; undefined where they do not follow it. */
  readonly rows: readonly (Prospect | undefined)[];
};

/** How many are looked at between making the change and taking it back. */
const CHUNK = 5000;

/** Everybody a change reaches, in the order of their ids, `beyond` an id. Leaves nothing behind. */
export async function* compared(
  tx: Tx,
  change: Change,
  now: Temporal.Instant,
  beyond = 0,
): AsyncGenerator<readonly PersonEffect[]> {
  const { campaignId, content, choice } = change;
  const campaign = await campaigns.get(tx, campaignId);
  const ids = await concerned(tx, campaignId, { beyond, startedSince: startedSince(content, choice, now) });
  const [projectBefore, projectAfter] = [projector(now), projector(now)];
  const rowsBefore = new Map(campaign.steps.map((step) => [step.id, step]));
  const last = Math.max(-1, ...campaign.steps.map(({ sendAfterDays }) => sendAfterDays));
  for (let from = 0; from < ids.length; from += CHUNK) {
    const some = ids.slice(from, from + CHUNK);
    const before = await factsOf(tx, some);
    await sql`savepoint before_the_change`.execute(tx);
    const changed = await applied(tx, change, now);
    const published = choice === "new-only" ? before : await followingAll(tx, some);
    await sql`rollback to savepoint before_the_change`.execute(tx);
    const rowOf = new Map(changed.steps.map((step, row) => [step.id, row]));
    const rowsAfter = new Map(changed.steps.map((step) => [step.id, step]));
    yield before.map((one, at): PersonEffect => {
      const { id, number, personId, status } = one;
      const stops = choice === "stop" && (status === "In Progress" || status === "Paused");
      const was = sides(projectBefore(one.facts), rowsBefore, one);
      const is = sides(
        projectAfter(published[at]!.facts),
        choice === "new-only" ? rowsBefore : rowsAfter,
        published[at]!,
      );
      const mails: MailEffect[] = [];
      for (const stepId of new Set([...is.keys(), ...was.keys()])) {
        const [old, next] = [was.get(stepId), is.get(stepId)];
        const row = rowOf.get(stepId) ?? null;
        const known = content.steps[row ?? -1]?.id ?? (row === null ? stepId : null);
        const evergreen =
          content.settings.evergreen === true &&
          choice === "everyone" &&
          known === null &&
          next?.prospect.reason === "added-after-its-day" &&
          (content.steps[row ?? -1]?.sendAfterDays ?? -1) >= last;
        const effect = evergreen ? "due-now" : effectOf(old, next, stops);
        if (effect)
          mails.push({
            row,
            stepId: known,
            effect,
            before: old?.prospect ?? null,
            after: next?.prospect ?? null,
            evergreen,
          });
      }
      const reached =
        status !== "Completed" || mails.some((mail) => mail.effect === "added" || mail.effect === "due-now");
      const rows = changed.steps.map((step) => is.get(step.id)?.prospect);
      return { id, number, personId, status, mails: reached ? mails : [], rows: stops ? [] : rows };
    });
  }
}

/** Completed ones can be reached where a step lies ahead of them; in an evergreen Campaign all can. */
function startedSince({ steps, settings }: Content, choice: Choice, now: Temporal.Instant): Temporal.PlainDate | null {
  if (choice !== "everyone") return null;
  if (settings.evergreen) return Temporal.PlainDate.from("1900-01-01");
  const longest = Math.max(0, ...steps.map(({ sendAfterDays }) => sendAfterDays));
  // A day more for whoever lives east of here.
  return now
    .toZonedDateTimeISO("UTC")
    .toPlainDate()
    .subtract({ days: longest + 1 });
}

/** As if everybody followed what is published. */
async function followingAll(tx: Tx, ids: readonly number[]) {
  return factsOf(tx, ids, { published: true });
}

const UNSEEN = { name: "impact" };

/** Makes the change. What follows for those on their way is the caller's to do. */
export async function applied(tx: Tx, { campaignId, content }: Change, now: Temporal.Instant, actor = UNSEEN) {
  const later = async () => undefined;
  await campaigns.update(tx, campaignId, content.settings, actor, null, later, now);
  return campaigns.setSteps(tx, campaignId, content.steps, actor, null, later, now);
}

type StepRow = Awaited<ReturnType<typeof campaigns.get>>["steps"][number];

/** Each step with the template that this person would get, whichever variant that is. */
function sides(
  prospects: readonly Prospect[],
  rows: ReadonlyMap<number, StepRow>,
  { personId, facts }: WithFacts,
): Map<number, Side> {
  const templateFor = (row: StepRow | undefined) => {
    if (!row?.variants) return row?.emailTemplateId ?? 0;
    const decision = facts.steps.find(({ id }) => id === row.id)?.decision;
    return templateOf(row, variantFor(row, personId, decision?.winner));
  };
  return new Map(
    prospects.map((prospect) => [
      prospect.stepId,
      { prospect, emailTemplateId: templateFor(rows.get(prospect.stepId)) },
    ]),
  );
}

/** Runs `work` in a transaction of which nothing is left. */
export async function undone<Result>(db: Db, work: (tx: Tx) => Promise<Result>): Promise<Result> {
  try {
    return await db.transaction().execute(async (tx) => {
      throw new Undone(await work(tx));
    });
  } catch (error) {
    if (error instanceof Undone) return error.result as Result;
    throw error;
  }
}

class Undone extends Error {
  readonly result: unknown;
  constructor(result: unknown) {
    super("undone");
    this.result = result;
  }
}
