/** Front door: Campaigns and their Schedules. Steps keep their ids; it never touches what was sent. */
import type { Acting } from "../accounts/ownership.ts";
import { difference, recordChange } from "../accounts/audit.ts";
import { workspace } from "../accounts/accounts.ts";
import { refuse } from "../core/problem.ts";
import { neverOpens, type WindowText } from "../core/timing.ts";
import { type Db, type Tx, brokenConstraint, inTransaction } from "../db/database.ts";
import type { EmailCampaignStatus } from "../db/tables.ts";
import { refuseIfChanged } from "../http/etag.ts";
import { declaredFields, refuseNamed, type Removal } from "../people/people.ts";
import type { CampaignEdit, CampaignInput, StepInput } from "./api.ts";
import { checkConditions } from "./conditions.ts";
import * as store from "./store.ts";

type Actor = Acting;

/** What the modules above do when a Schedule changed: recompute what lies ahead, in the same transaction. */
export type AfterScheduleChange = (tx: Tx, campaignId: number, now: Temporal.Instant) => Promise<void>;

export const find = store.find;
export const findByName = store.findByName;
export const stepsOf = store.stepsOf;
export const namesOfTemplates = store.namesOfTemplates;
export { names, naming } from "./naming.ts";
export { pause, resume } from "./pauses.ts";

/** Holds a Campaign for whoever changes more than one thing of it. */
export async function lock(tx: Tx, id: number): Promise<void> {
  if (!(await store.lock(tx, id))) notFound(id);
}

export async function get(db: Db, id: number) {
  const found = (await store.find(db, id)) ?? notFound(id);
  return (await withSteps(db, [found]))[0]!;
}

export async function list(db: Db, asked: { limit: number; cursor?: string; q?: string }) {
  return withSteps(db, await store.list(db, asked));
}

/** Names mails for a list: by their row in an edited Schedule, or by the step where it was removed. */
export async function templateNames(db: Db, rows: readonly StepInput[], id: number) {
  const steps = await store.stepsOf(db, [id]);
  const names = await store.namesOfTemplates(
    db,
    [...rows, ...steps].map(({ emailTemplateId }) => emailTemplateId),
  );
  return (row: number | null, stepId: number | null): string => {
    const found = row === null ? steps.find((step) => step.id === stepId) : rows[row];
    return found ? `day ${found.sendAfterDays}: ${names.get(found.emailTemplateId) ?? ""}` : "";
  };
}

/** Creates a Campaign; its Schedule may be empty, but then nobody can be started (E6). */
export function create(db: Db, input: CampaignInput, actor: Actor, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    await refuseClosed(tx, [input.timing?.window], () => "/timing/window");
    await checkConditions(tx, endingsOf(input), []);
    const id = await refusing(() => store.insert(tx, input, actor, now));
    await writeSteps(tx, id, input.steps, now);
    await recordChange(
      tx,
      { actor, action: "create", subjectType: "campaign", subjectId: id, after: { name: input.name } },
      now,
    );
    return get(tx, id);
  });
}

/** Renames a Campaign or changes its settings; a new time of day reaches what lies ahead. */
export function update(
  db: Db,
  id: number,
  edit: CampaignEdit,
  actor: Actor,
  unchangedSince: Temporal.Instant | null,
  afterScheduleChange: AfterScheduleChange,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id);
    refuseIfChanged(unchangedSince, found.changedAt);
    // As a time, so that 09:30 is no change of 09:30:00.
    const time = edit.timeOfDay && Temporal.PlainTime.from(edit.timeOfDay);
    const changes = difference<object>(alike(found), alike({ ...edit, ...(time ? { timeOfDay: time } : {}) }));
    if (!changes) return get(tx, id);
    if (edit.timing) await refuseClosed(tx, [edit.timing.window], () => "/timing/window");
    await checkConditions(tx, endingsOf(edit), await store.everyStepId(tx, id));
    await refusing(() => store.save(tx, id, edit, now));
    await recordChange(tx, { actor, action: "update", subjectType: "campaign", subjectId: id, ...changes }, now);
    if (SCHEDULED_BY.some((setting) => edit[setting] !== undefined)) await afterScheduleChange(tx, id, now);
    return get(tx, id);
  });
}

/** Settings that reach what lies ahead. */
const SCHEDULED_BY = ["timeOfDay", "expiresAfterDays", "timing", "stopIf", "goal"] as const;

/** What is kept as JSON in one order of keys, so that saving the same is no change. */
function alike<Row extends { timing?: object | null; stopIf?: object | null; goal?: object | null }>(row: Row) {
  const kept = (["timing", "stopIf", "goal"] as const).flatMap((name) =>
    row[name] ? [[name, sorted(row[name])]] : [],
  );
  return { ...row, ...(Object.fromEntries(kept) as object) };
}

/** The conditions of a Campaign itself, by where they stand in the input. */
const endingsOf = ({ stopIf, goal }: Pick<CampaignEdit, "stopIf" | "goal">) => [
  { condition: stopIf, pointer: "/stopIf", ofStep: false },
  { condition: goal, pointer: "/goal", ofStep: false },
];

function sorted(value: unknown): unknown {
  if (Array.isArray(value) || value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** Replaces the Schedule: rows with an id keep it, and nobody is stranded by a step that goes (E9). */
export function setSteps(
  db: Db,
  id: number,
  steps: readonly StepInput[],
  actor: Actor,
  unchangedSince: Temporal.Instant | null,
  afterScheduleChange: AfterScheduleChange,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id);
    refuseIfChanged(unchangedSince, found.changedAt);
    const before = await store.stepsOf(tx, [id]);
    await writeSteps(tx, id, steps, now);
    const after = await store.stepsOf(tx, [id]);
    if (JSON.stringify(before) === JSON.stringify(after)) return get(tx, id);
    await store.save(tx, id, {}, now);
    await recordChange(
      tx,
      {
        actor,
        action: "schedule",
        subjectType: "campaign",
        subjectId: id,
        before: { steps: before },
        after: { steps: after },
      },
      now,
    );
    await afterScheduleChange(tx, id, now);
    return get(tx, id);
  });
}

/** Deletes a Campaign that has no Email Campaigns (E7); where other Campaigns name it, only when that is meant. */
export function remove(db: Db, id: number, removal: Removal, actor: Actor, now: Temporal.Instant): Promise<void> {
  return inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id);
    await refusing(() => store.remove(tx, id));
    // Last: what cannot go at all is told first.
    await refuseNamed(tx, { campaign: id }, found.name, removal);
    await recordChange(
      tx,
      { actor, action: "delete", subjectType: "campaign", subjectId: id, before: { name: found.name } },
      now,
    );
  });
}

async function writeSteps(tx: Tx, id: number, steps: readonly StepInput[], now: Temporal.Instant): Promise<void> {
  const known = new Set((await store.stepsOf(tx, [id])).map((step) => step.id));
  const seen = new Set<number>();
  for (const [index, step] of steps.entries()) {
    if (step.id === undefined) continue;
    if (!known.has(step.id) || seen.has(step.id))
      refuse("step-not-found", `This Campaign has no step ${step.id}, or it is named twice.`, `/steps/${index}/id`);
    seen.add(step.id);
  }
  await refuseClosed(
    tx,
    steps.map(({ timing }) => timing?.window),
    (index) => `/steps/${index}/timing/window`,
  );
  await refuseNoDates(tx, steps);
  await checkConditions(
    tx,
    steps.flatMap(({ onlyIf, stopIf }, index) => [
      { condition: onlyIf, pointer: `/steps/${index}/onlyIf`, ofStep: true },
      { condition: stopIf, pointer: `/steps/${index}/stopIf`, ofStep: true },
    ]),
    await store.everyStepId(tx, id),
  );
  await refuseNoTemplates(tx, steps);
  await refusing(() => store.saveSteps(tx, id, steps, now));
}

/** The templates of variants are named in JSON, where no foreign key holds them. */
async function refuseNoTemplates(tx: Tx, steps: readonly StepInput[]): Promise<void> {
  const named = steps.flatMap(({ variants }) => variants?.others.map(({ emailTemplateId }) => emailTemplateId) ?? []);
  if (named.length === 0) return;
  const there = await store.holdTemplates(tx, named);
  for (const [index, { variants }] of steps.entries())
    for (const [at, { letter, emailTemplateId }] of (variants?.others ?? []).entries())
      if (!there.has(emailTemplateId))
        refuse(
          "email-template-not-found",
          `Variant ${letter} names an email template that does not exist.`,
          `/steps/${index}/variants/others/${at}/emailTemplateId`,
        );
}

/** A window that the workspace's quiet hours cover would never let anything out. */
async function refuseClosed(
  tx: Tx,
  windows: readonly (WindowText | null | undefined)[],
  pointer: (index: number) => string,
): Promise<void> {
  if (!windows.some(Boolean)) return;
  const { quietHours } = await workspace(tx);
  for (const [index, window] of windows.entries()) {
    const problem = window && neverOpens(window, quietHours);
    if (problem) refuse("window-never-opens", problem, pointer(index));
  }
}

/** A step can wait for a declared field of the type date, and for no other. */
async function refuseNoDates(tx: Tx, steps: readonly StepInput[]): Promise<void> {
  if (!steps.some(({ timing }) => timing?.waitFor)) return;
  const dates = (await declaredFields(tx)).filter(({ type }) => type === "date").map(({ key }) => key);
  for (const [index, { timing }] of steps.entries())
    if (timing?.waitFor && !dates.includes(timing.waitFor.field))
      refuse(
        "field-not-a-date",
        `A step waits for “${timing.waitFor.field}”, which is no field of the type date.`,
        `/steps/${index}/timing/waitFor/field`,
      );
}

type Counts = Record<EmailCampaignStatus, number>;

async function withSteps(db: Db, campaigns: readonly store.CampaignRow[]) {
  const ids = campaigns.map((campaign) => campaign.id);
  const [steps, counts] = await Promise.all([store.stepsOf(db, ids), store.countsOf(db, ids)]);
  return campaigns.map((campaign) => {
    const none: Counts = { Scheduled: 0, "In Progress": 0, Paused: 0, Completed: 0, Unsubscribed: 0, Stopped: 0 };
    for (const row of counts) if (row.campaignId === campaign.id) none[row.status] = row.count;
    return { ...campaign, steps: steps.filter((step) => step.campaignId === campaign.id), emailCampaigns: none };
  });
}

const notFound = (id: number): never => refuse("campaign-not-found", `There is no Campaign ${id}.`);

async function refusing<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    switch (brokenConstraint(error)) {
      case "campaigns_name_unique":
        return refuse("campaign-exists", "There is a Campaign with this name already.", "/name");
      case "email_campaigns_campaign_id_fkey":
        return refuse("campaign-in-use", "Email Campaigns belong to this Campaign; it cannot be deleted.");
      case "steps_email_template_id_fkey":
        return refuse("email-template-not-found", "A step names an email template that does not exist.", "/steps");
      default:
        throw error;
    }
  }
}
