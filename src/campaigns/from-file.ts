/** Makes or changes a Campaign as a file has it, its templates with it. Starts nobody. */
import type { Acting } from "../accounts/ownership.ts";
import { matchSteps } from "../core/match-steps.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import * as templates from "../templates/templates.ts";
import type { StepInput } from "./api.ts";
import type { CampaignFile, FileStep } from "./campaign-file.ts";
import * as campaigns from "./campaigns.ts";
import { conditionWriter } from "./written-conditions.ts";

/**
 * Makes the Campaign as the file has it, whole or not at all; steps that were there before keep their ids and their
 * templates.
 */
export function fromFile(
  db: Db,
  file: CampaignFile,
  actor: Acting,
  afterScheduleChange: campaigns.AfterScheduleChange,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const found = await campaigns.findByName(tx, file.campaign);
    const details = {
      description: file.description ?? null,
      timeOfDay: file.timeOfDay?.toString() ?? null,
      expiresAfterDays: file.expiresAfterDays ?? null,
      timing: file.timing ?? null,
    };
    const campaign = found
      ? await campaigns.update(tx, found.id, details, actor, null, afterScheduleChange, now)
      : await campaigns.create(tx, { name: file.campaign, ...details, steps: [] }, actor, now);
    const existing = [];
    for (const step of campaign.steps)
      existing.push({ ...step, subject: (await templates.get(tx, step.emailTemplateId)).subject });
    const wanted = file.steps.map((step) => ({ sendAfterDays: step.sendAfterDays, subject: step.content.subject }));
    const matched = matchSteps(existing, wanted);
    const rows = [];
    for (const [index, step] of file.steps.entries()) {
      const known = existing.find((candidate) => candidate.id === matched[index]);
      rows.push({
        ...(known ? { id: known.id } : {}),
        emailTemplateId: await template(tx, file, step, index, known?.emailTemplateId ?? null, actor, now),
        sendAfterDays: step.sendAfterDays,
        timeOfDay: step.timeOfDay?.toString() ?? null,
        expiresAfterDays: step.expiresAfterDays,
        timing: step.timing,
      });
    }
    const made = await campaigns.setSteps(tx, campaign.id, rows, actor, null, afterScheduleChange, now);
    return withConditions(tx, made, file, rows, actor, afterScheduleChange, now);
  });
}

/** What conditions name, mails of this very file by their subjects, has its number only now. */
async function withConditions(
  tx: Tx,
  made: Awaited<ReturnType<typeof campaigns.get>>,
  file: CampaignFile,
  rows: readonly StepInput[],
  actor: Acting,
  afterScheduleChange: campaigns.AfterScheduleChange,
  now: Temporal.Instant,
) {
  const writer = await conditionWriter(tx);
  const stepNamed = (subject: string) => {
    const at = file.steps.findIndex(({ content }) => content.subject === subject);
    return made.steps[at]?.id ?? null;
  };
  const read = (text: string | null | undefined, where: string) =>
    text == null ? null : writer.read(text, stepNamed, where);
  const endings = { stopIf: read(file.stopIf, "stopIf"), goal: read(file.goal, "goal") };
  await campaigns.update(tx, made.id, endings, actor, null, afterScheduleChange, now);
  const steps = rows.map((row, at) => ({
    ...row,
    id: made.steps[at]!.id,
    onlyIf: read(file.steps[at]?.onlyIf, `Step ${at + 1}, onlyIf`),
    stopIf: read(file.steps[at]?.stopIf, `Step ${at + 1}, stopIf`),
  }));
  return campaigns.setSteps(tx, made.id, steps, actor, null, afterScheduleChange, now);
}

/** The template of a step, made or changed; what is wrong with it is told with the number of the step. */
async function template(
  db: Db,
  file: CampaignFile,
  step: FileStep,
  index: number,
  known: number | null,
  actor: Acting,
  now: Temporal.Instant,
): Promise<number> {
  try {
    if (known !== null) return (await templates.update(db, known, step.content, actor, null, now)).id;
    const plain = `${file.campaign}, day ${step.sendAfterDays}`.slice(0, 180);
    let name = plain;
    for (let again = 2; await templates.findByName(db, name); again += 1) name = `${plain} (${again})`;
    return (await templates.create(db, { name, ...step.content }, actor, now)).id;
  } catch (error) {
    if (error instanceof Error) error.message = `Step ${index + 1}: ${error.message}`;
    throw error;
  }
}
