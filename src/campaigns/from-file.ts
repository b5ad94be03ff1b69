/** Makes or changes a Campaign as a file has it, its templates with it. Starts nobody. */
import type { Acting } from "../accounts/ownership.ts";
import { matchSteps } from "../core/match-steps.ts";
import type { Variants } from "../core/variants.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import * as templates from "../templates/templates.ts";
import type { StepInput } from "./api.ts";
import type { CampaignFile, FileContent, FileStep } from "./campaign-file.ts";
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
      const template = templateWriter(tx, file, step, index, actor, now);
      rows.push({
        ...(known ? { id: known.id } : {}),
        emailTemplateId: await template(step.content, known?.emailTemplateId),
        variants: await variantsFor(step, known?.variants ?? null, template),
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

type WriteTemplate = (content: FileContent, known: number | undefined, variant?: string) => Promise<number>;

/** Makes or changes a template of a step; what is wrong with it is told with the number of the step. */
function templateWriter(
  db: Db,
  file: CampaignFile,
  step: FileStep,
  index: number,
  actor: Acting,
  now: Temporal.Instant,
): WriteTemplate {
  return async (content, known, variant) => {
    const which = variant ? `, variant ${variant}` : "";
    try {
      if (known !== undefined) return (await templates.update(db, known, content, actor, null, now)).id;
      const plain = `${file.campaign}, day ${step.sendAfterDays}`.slice(0, 180) + which;
      let name = plain;
      for (let again = 2; await templates.findByName(db, name); again += 1) name = `${plain} (${again})`;
      return (await templates.create(db, { name, ...content }, actor, now)).id;
    } catch (error) {
      if (error instanceof Error) error.message = `Step ${index + 1}${which}: ${error.message}`;
      throw error;
    }
  };
}

/** A variant is known again by its letter. */
async function variantsFor({ variants }: FileStep, before: Variants | null, template: WriteTemplate) {
  if (!variants) return null;
  const others = [];
  for (const { letter, weight, content } of variants.others) {
    const known = before?.others.find((one) => one.letter === letter);
    others.push({ letter, weight, emailTemplateId: await template(content, known?.emailTemplateId, letter) });
  }
  return { ...variants, others };
}
