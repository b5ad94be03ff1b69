/** Brings Campaigns to what a folder says: plan tells what that would do, apply does it. Doing it again changes nothing. */
import type { Acting } from "../accounts/ownership.ts";
import { campaignInput } from "../campaigns/api.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { conditionWriter, type Writer } from "../campaigns/written-conditions.ts";
import { Refusal, refuse } from "../core/problem.ts";
import { type Difference, differences } from "../core/schedule-diff.ts";
import type { Choice } from "../core/schedule-effects.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import { contentOf, publishContent, undone } from "../publishing/publishing.ts";
import * as templates from "../templates/templates.ts";
import { bringStart, type StartChanges } from "./automatic-start.ts";
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
    /** Null: the file does not speak of it, or nothing of it differs. */
    readonly automaticStart: StartChanges | null;
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
  // All there are first, so that a condition of one may name another.
  const made = new Set<string>();
  for (const campaign of folder.campaigns)
    if (await located(campaign.file, () => findOrMake(tx, campaign, actor, now))) made.add(campaign.key);
  const writer = await conditionWriter(tx);
  const changes = new Map<CampaignOfFile, Awaited<ReturnType<typeof bringCampaign>>>();
  for (const campaign of folder.campaigns) {
    const isNew = made.has(campaign.key);
    const change = await located(campaign.file, () =>
      bringCampaign(tx, campaign, { isNew, writer }, wishes, actor, now),
    );
    changes.set(campaign, change);
  }
  const keys = await keysOf(tx);
  // Rules come last: whatever applying itself makes true of people was so before them.
  for (const campaign of folder.campaigns) {
    const change = changes.get(campaign) ?? null;
    const automaticStart = await located(campaign.file, () => bringRules(tx, campaign, keys, writer, actor, now));
    const { key, campaign: name } = campaign;
    if (change ?? automaticStart) changed.push({ key, name, ...(change ?? UNCHANGED), automaticStart });
  }
  const inFolder = new Set(folder.campaigns.map(({ key }) => key));
  const others = (await campaigns.list(tx, { limit: 500 })).flatMap(({ id, name }) => {
    const key = keys.keyOf("campaign", id);
    return key !== undefined && !inFolder.has(key) ? [`${key} (${name})`] : [];
  });
  return { templates: changedTemplates, campaigns: changed, notInFolder: others };
}

const UNCHANGED = { change: "update", differences: [], impact: null } as const;

/** A file that does not speak of rules leaves those there are. */
function bringRules(
  tx: Tx,
  { key, automaticStart, lineOf }: CampaignOfFile,
  keys: Keys,
  writer: Writer,
  actor: Acting,
  now: Temporal.Instant,
): Promise<StartChanges | null> | null {
  if (!automaticStart) return null;
  const place = (path: readonly (string | number)[]) => lineWords(lineOf(["automaticStart", ...path]));
  return bringStart(tx, keys.idOf("campaign", key)!, automaticStart, { writer, place }, actor, now);
}

/** What is refused is refused with its file. */
async function located<Result>(file: string, work: () => Promise<Result> | Result): Promise<Result> {
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

/** @returns whether it was made: there was none with this key, and none of its name that no file has yet. */
async function findOrMake(tx: Tx, wanted: CampaignOfFile, actor: Acting, now: Temporal.Instant): Promise<boolean> {
  const { key, campaign: name, description } = wanted;
  const keys = await keysOf(tx);
  if (keys.idOf("campaign", key) !== undefined) return false;
  const named = await campaigns.findByName(tx, name);
  const known = named && !keys.keyOf("campaign", named.id) ? named.id : undefined;
  const none = { timeOfDay: null, expiresAfterDays: null, steps: [] };
  const id = known ?? (await campaigns.create(tx, { name, description, ...none }, actor, now)).id;
  await giveKeys(tx, [{ kind: "campaign", key, id }]);
  return known === undefined;
}

type Bringing = { readonly isNew: boolean; readonly writer: Writer };

async function bringCampaign(
  tx: Tx,
  wanted: CampaignOfFile,
  { isNew, writer }: Bringing,
  wishes: Wishes,
  actor: Acting,
  now: Temporal.Instant,
) {
  const { key, campaign: name, description } = wanted;
  const id = (await keysOf(tx)).idOf("campaign", key)!;
  const later = async () => undefined;
  const found = await campaigns.get(tx, id);
  const renamed = found.name !== name || found.description !== description;
  if (renamed) await campaigns.update(tx, id, { name, description }, actor, null, later, now);
  // Nobody is in it yet: its mails get their numbers first, so that conditions may name them.
  if (isNew) {
    const plain = rowsOf(wanted, found.steps, await keysOf(tx));
    await keep(tx, wanted, (await campaigns.setSteps(tx, id, plain, actor, null, later, now)).steps);
  }
  const before = await campaigns.get(tx, id);
  const keys = await keysOf(tx);
  const stepNamed = (step: string) => keys.idOf("step", `${key}/${step}`) ?? null;
  const read = (text: unknown, path: readonly (string | number)[]) =>
    typeof text === "string"
      ? writer.read(text, stepNamed, `${lineWords(wanted.lineOf(path))}${path.join(".")}`)
      : null;
  const content = {
    steps: rowsOf(wanted, before.steps, keys).map((row, at) => ({
      ...row,
      onlyIf: read(wanted.schedule[at]?.onlyIf, ["schedule", at, "onlyIf"]),
      stopIf: read(wanted.schedule[at]?.stopIf, ["schedule", at, "stopIf"]),
    })),
    settings: {
      ...contentOf(before).settings,
      ...settingsOf(wanted),
      stopIf: read(wanted.stopIf, ["stopIf"]),
      goal: read(wanted.goal, ["goal"]),
    },
  };
  const changes = differences(contentOf(found), isNew ? withoutIds(content) : content);
  const change = { campaignId: id, content, choice: wishes.choice };
  const done = changes.length === 0 ? null : await publishContent(tx, change, wishes, actor, now);
  await keep(tx, wanted, done?.campaign.steps ?? before.steps);
  if (!isNew && !renamed && changes.length === 0) return null;
  const impact = done && done.impact.running + done.impact.reopened > 0 ? done.impact : null;
  return { change: isNew ? ("create" as const) : ("update" as const), differences: changes, impact };
}

const lineWords = (row: number | null) => (row === null ? "" : `line ${row}: `);

function withoutIds<Content extends { readonly steps: readonly { readonly id?: number }[] }>(content: Content) {
  return { ...content, steps: content.steps.map(({ id: _id, ...step }) => step) };
}

/** Steps keep the keys they have in the file. */
function keep(tx: Tx, { key, schedule }: CampaignOfFile, steps: readonly { readonly id: number }[]): Promise<void> {
  const given = steps.map((step, row) => ({ kind: "step" as const, key: `${key}/${schedule[row]!.key}`, id: step.id }));
  return giveKeys(tx, given);
}

/** The rows of the file; a step is found again by its key, or by its day where the Campaign has no keys yet. */
function rowsOf(wanted: CampaignOfFile, steps: readonly { id: number; sendAfterDays: number }[], keys: Keys) {
  const free = new Map(steps.filter(({ id }) => !keys.keyOf("step", id)).map((step) => [step.id, step]));
  return wanted.schedule.map(({ key, template, onlyIf: _onlyIf, stopIf: _stopIf, variants, ...fields }) => {
    const known = keys.idOf("step", `${wanted.key}/${key}`);
    const alike = [...free.values()].find(({ sendAfterDays }) => sendAfterDays === fields.sendAfterDays);
    const id = known !== undefined && steps.some((step) => step.id === known) ? known : alike?.id;
    if (id !== undefined) free.delete(id);
    const emailTemplateId = keys.idOf("email-template", template)!;
    const varied = variants && {
      ...variants,
      others: variants.others.map(({ template: other, ...rest }) => ({
        ...rest,
        emailTemplateId: keys.idOf("email-template", other)!,
      })),
    };
    const row = stepFields.parse({ ...fields, variants: varied });
    return { ...row, ...(id === undefined ? {} : { id }), emailTemplateId };
  });
}

/** A file says everything: a setting it leaves out is as it is by default. */
function settingsOf(wanted: CampaignOfFile): Record<string, unknown> {
  const defaults: Record<string, unknown> = campaignInput.parse({ name: wanted.campaign });
  return Object.fromEntries(
    Object.keys(settingFields.omit({ stopIf: true, goal: true }).shape).map((field) => [
      field,
      (wanted as unknown as Record<string, unknown>)[field] ?? defaults[field] ?? null,
    ]),
  );
}
