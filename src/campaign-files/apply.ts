/** Brings Campaigns to what a folder says: plan tells what that would do, apply does it. Doing it again changes nothing. */
import type { Acting } from "../accounts/ownership.ts";
import { campaignInput } from "../campaigns/api.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { Refusal, refuse } from "../core/problem.ts";
import { type Difference, differences } from "../core/schedule-diff.ts";
import type { Choice } from "../core/schedule-effects.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import { contentOf, publishContent, undone } from "../publishing/publishing.ts";
import * as templates from "../templates/templates.ts";
import { forgetGone, giveKeys, type Keys, keysOf } from "./keys.ts";
import { type CampaignOfFile, fault, type Folder, settingFields, stepFields, type TemplateOfFile } from "./read.ts";

export type Wishes = {
  readonly choice: Choice;
  readonly confirmedDueNow?: number | null;
  readonly perHour?: number | null;
};

type Told = Awaited<ReturnType<typeof publishContent>>["impact"];
export type Applied = {
  readonly templates: readonly { readonly key: string; readonly name: string; readonly change: "create" | "update" }[];
  readonly campaigns: readonly {
    readonly key: string;
    readonly name: string;
    readonly change: "create" | "update";
    readonly differences: readonly Difference[];
    /** Null: nobody is on their way. */
    readonly impact: Told | null;
  }[];
  /** Campaigns with a key that stand in no file; they are left as they are. */
  readonly notInFolder: readonly string[];
};

/** What applying the folder would do, found by doing it and taking it back. */
export function plan(db: Db, folder: Folder, wishes: Wishes, actor: Acting, now: Temporal.Instant): Promise<Applied> {
  // A plan asks nothing: it tells how many would be due.
  return undone(db, (tx) => brought(tx, folder, { ...wishes, confirmedDueNow: Number.MAX_SAFE_INTEGER }, actor, now));
}

/** Makes it so, whole or not at all. */
export function apply(db: Db, folder: Folder, wishes: Wishes, actor: Acting, now: Temporal.Instant): Promise<Applied> {
  return inTransaction(db, (tx) => brought(tx, folder, wishes, actor, now));
}

async function brought(tx: Tx, folder: Folder, wishes: Wishes, actor: Acting, now: Temporal.Instant): Promise<Applied> {
  await forgetGone(tx);
  const changedTemplates: Applied["templates"][number][] = [];
  for (const template of folder.templates) {
    const change = await located(template.file, () => bringTemplate(tx, template, actor, now));
    if (change) changedTemplates.push({ key: template.key, name: template.name, change });
  }
  const changed: Applied["campaigns"][number][] = [];
  for (const campaign of folder.campaigns) {
    const change = await located(campaign.file, () => bringCampaign(tx, campaign, wishes, actor, now));
    if (change) changed.push({ key: campaign.key, name: campaign.campaign, ...change });
  }
  const keys = await keysOf(tx);
  const inFolder = new Set(folder.campaigns.map(({ key }) => key));
  const others = (await campaigns.list(tx, { limit: 500 })).flatMap(({ id, name }) => {
    const key = keys.keyOf("campaign", id);
    return key !== undefined && !inFolder.has(key) ? [`${key} (${name})`] : [];
  });
  return { templates: changedTemplates, campaigns: changed, notInFolder: others };
}

/** What is refused is refused with its file. */
async function located<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal) || error.code === "burst-not-confirmed") throw error;
    return refuse(error.code, fault(file, null, error.message).detail, [fault(file, null, error.message)]);
  }
}

async function bringTemplate(tx: Tx, template: TemplateOfFile, actor: Acting, now: Temporal.Instant) {
  const { file: _file, key, ...content } = template;
  const keys = await keysOf(tx);
  // A template of that name that no file has yet is this one.
  const named = await templates.findByName(tx, content.name);
  const id =
    keys.idOf("email-template", key) ?? (named && !keys.keyOf("email-template", named.id) ? named.id : undefined);
  if (id === undefined) {
    const made = await templates.create(tx, content, actor, now);
    await giveKeys(tx, [{ kind: "email-template", key, id: made.id }]);
    return "create" as const;
  }
  await giveKeys(tx, [{ kind: "email-template", key, id }]);
  const before = await templates.get(tx, id);
  const after = await templates.update(tx, id, content, actor, null, now);
  return before.versionId === after.versionId && before.name === after.name ? null : ("update" as const);
}

async function bringCampaign(tx: Tx, wanted: CampaignOfFile, wishes: Wishes, actor: Acting, now: Temporal.Instant) {
  const { key, campaign: name, description } = wanted;
  const keys = await keysOf(tx);
  const named = await campaigns.findByName(tx, name);
  const known = keys.idOf("campaign", key) ?? (named && !keys.keyOf("campaign", named.id) ? named.id : undefined);
  const none = { timeOfDay: null, expiresAfterDays: null, steps: [] };
  const id = known ?? (await campaigns.create(tx, { name, description, ...none }, actor, now)).id;
  await giveKeys(tx, [{ kind: "campaign", key, id }]);
  const before = await campaigns.get(tx, id);
  const renamed = before.name !== name || before.description !== description;
  if (renamed) await campaigns.update(tx, id, { name, description }, actor, null, async () => undefined, now);
  const published = contentOf(before);
  const content = {
    steps: rowsOf(wanted, before.steps, keys),
    settings: { ...published.settings, ...settingsOf(wanted) },
  };
  const changes = differences(published, content);
  const change = { campaignId: id, content, choice: wishes.choice };
  const done = changes.length === 0 ? null : await publishContent(tx, change, wishes, actor, now);
  const steps = done?.campaign.steps ?? before.steps;
  await giveKeys(
    tx,
    steps.map((step, row) => ({ kind: "step" as const, key: `${key}/${wanted.schedule[row]!.key}`, id: step.id })),
  );
  if (known !== undefined && !renamed && changes.length === 0) return null;
  const impact = done && done.impact.running + done.impact.reopened > 0 ? done.impact : null;
  return { change: known === undefined ? ("create" as const) : ("update" as const), differences: changes, impact };
}

/** The rows of the file; a step is found again by its key, or by its day where the Campaign has no keys yet. */
function rowsOf(wanted: CampaignOfFile, steps: readonly { id: number; sendAfterDays: number }[], keys: Keys) {
  const free = new Map(steps.filter(({ id }) => !keys.keyOf("step", id)).map((step) => [step.id, step]));
  return wanted.schedule.map(({ key, template, ...fields }) => {
    const known = keys.idOf("step", `${wanted.key}/${key}`);
    const alike = [...free.values()].find(({ sendAfterDays }) => sendAfterDays === fields.sendAfterDays);
    const id = known !== undefined && steps.some((step) => step.id === known) ? known : alike?.id;
    if (id !== undefined) free.delete(id);
    const emailTemplateId = keys.idOf("email-template", template)!;
    return { ...stepFields.parse(fields), ...(id === undefined ? {} : { id }), emailTemplateId };
  });
}

/** A file says everything: a setting it leaves out is as it is by default. */
function settingsOf(wanted: CampaignOfFile): Record<string, unknown> {
  const defaults: Record<string, unknown> = campaignInput.parse({ name: wanted.campaign });
  return Object.fromEntries(
    Object.keys(settingFields.shape).map((field) => [
      field,
      (wanted as unknown as Record<string, unknown>)[field] ?? defaults[field] ?? null,
    ]),
  );
}
