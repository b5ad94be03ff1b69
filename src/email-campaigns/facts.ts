/** Loads what core/schedule decides by: start, steps, rules of the person's calendar, and what became of each step. Writes nothing. */
import { type RawBuilder, sql } from "kysely";
import type { Condition } from "../core/conditions.ts";
import type { Facts, Resolution, Step } from "../core/schedule.ts";
import { holdsFor } from "../core/variants.ts";
import { type FrequencyCap, stepTimingOf, type StepTimingText } from "../core/timing.ts";
import type { Db } from "../db/database.ts";
import type { EmailCampaignStatus, MessageState, StopReason } from "../db/tables.ts";
import { type CalendarRow, calendarsOf } from "./calendar.ts";
import { knownFor, reader } from "./condition-facts.ts";

/** An Email Campaign with the facts its next step follows from. */
export type WithFacts = {
  readonly id: number;
  readonly number: string;
  readonly campaignId: number;
  readonly personId: number;
  readonly emailGroupId: number | null;
  readonly senderId: number | null;
  readonly status: EmailCampaignStatus;
  readonly stopReason: StopReason | null;
  /** The version of the Schedule it stays with; null: it follows what is published. */
  readonly scheduleVersionId: number | null;
  /** Its Campaign is on hold or frozen: nothing leaves. */
  readonly campaignPaused: boolean;
  /** How many mails the person may get in how many days; null: as many as there are. */
  readonly cap: FrequencyCap | null;
  readonly facts: Facts;
};

type Row = Omit<WithFacts, "facts" | "cap"> &
  CalendarRow & {
    readonly waitsUntil: Temporal.PlainDate | null;
    readonly createdAt: Temporal.Instant;
    readonly timeOfDay: Temporal.PlainTime;
    readonly expiresAfterDays: number;
    /** The Campaign's conditions, as JSON text. */
    readonly stopIf: string | null;
    readonly goal: string | null;
  };

/**
 * The facts of these Email Campaigns, in the order of their ids; a few statements however many there are. Each follows
 * what is published, or the version it stays with.
 * @param as `published`: as if all followed what is published.
 */
export async function factsOf(
  db: Db,
  ids: readonly number[],
  as: { readonly published: boolean } = { published: false },
): Promise<WithFacts[]> {
  if (ids.length === 0) return [];
  const found = await rowsOf(db, ids, PUBLISHED);
  const published = as.published ? found.map((row) => ({ ...row, scheduleVersionId: null })) : found;
  const staying = published.filter(({ scheduleVersionId }) => scheduleVersionId !== null).map(({ id }) => id);
  const inVersion = new Map((await rowsOf(db, staying, IN_VERSION)).map((row) => [row.id, row]));
  const rows = published.map((row) => inVersion.get(row.id) ?? row);
  // Making a formatter of a zone is slow, and most people share a few.
  const zones = new Map(
    rows.flatMap(({ timeZone, workspaceZone }) => [timeZone, workspaceZone]).map((name) => [name, ""]),
  );
  for (const name of zones.keys()) zones.set(name, zoneOr(name));
  const zoned = rows.map((row) => ({
    ...row,
    timeZone: zones.get(row.timeZone)!,
    workspaceZone: zones.get(row.workspaceZone)!,
  }));
  const steps = await stepsByCampaign(db, [...new Set(rows.map((row) => row.campaignId))]);
  const versions = await stepsByVersion(db, [...new Set([...inVersion.values()].map((row) => row.scheduleVersionId!))]);
  const calendars = await calendarsOf(db, zoned, [...steps.values(), ...versions.values()].flat());
  const timed = zoned.map((row) => ({ ...row, calendar: calendars.of(row), cap: calendars.cap(row) }));
  const resolutions = await resolutionsById(
    db,
    timed.map(({ id, calendar }) => ({ id, timeZone: calendar.timeZone })),
  );
  const backfills = await backfillsById(db, ids);
  const read = reader();
  const whole = timed.map(({ startOn, createdAt, timeOfDay, expiresAfterDays, calendar, waitsUntil, ...one }) => {
    const { stopIf, goal, ...row } = one;
    const done = resolutions.get(row.id) ?? [];
    const handedOver = new Set(done.map(({ stepId }) => stepId));
    const live = (steps.get(row.campaignId) ?? []).filter((step) => !step.removedAt || handedOver.has(step.id));
    const followed =
      row.scheduleVersionId === null ? live : withHandedOver(versions.get(row.scheduleVersionId), live, handedOver);
    return {
      ...row,
      facts: {
        startOn,
        waitsUntil,
        createdAt,
        // A step that was removed once its mail was handed over is still waited for, and still shown.
        steps: withBackfills(followed, backfills.get(row.id)),
        resolutions: done,
        rules: { ...calendar, timeOfDay, expiresAfterDays },
        endings: stopIf === null && goal === null ? null : { stopIf: read(stopIf), goal: read(goal) },
      },
    };
  });
  const known = await knownFor(
    db,
    whole.map(({ id, personId, facts }) => ({ id, personId, conditions: conditionsOf(facts) })),
  );
  return known.size === 0
    ? whole
    : whole.map((one) => ({ ...one, facts: { ...one.facts, known: known.get(one.id) ?? null } }));
}

const NONE: readonly Condition[] = [];

/** All that is asked about one Email Campaign. */
export function conditionsOf({ endings, steps }: Pick<Facts, "endings" | "steps">): readonly Condition[] {
  if (!endings && steps.every(({ onlyIf, stopIf }) => !onlyIf && !stopIf)) return NONE;
  return [endings?.goal, endings?.stopIf, ...steps.flatMap(({ onlyIf, stopIf }) => [onlyIf, stopIf])].filter(
    (one) => one !== null && one !== undefined,
  );
}

/** Where the Campaign's settings are read: as they are published, or as they were in the version somebody stays with. */
const PUBLISHED = sql`join campaigns on campaigns.id = ec.campaign_id`;
const IN_VERSION = sql`join schedule_versions on schedule_versions.id = ec.schedule_version_id
      cross join lateral jsonb_populate_record(null::campaigns, schedule_versions.campaign) as campaigns`;

async function rowsOf(db: Db, ids: readonly number[], settings: RawBuilder<unknown>): Promise<Row[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<Row>`
    select ec.id, ec.number, ec.campaign_id, ec.person_id, ec.email_group_id, ec.sender_id, ec.status, ec.stop_reason,
      ec.schedule_version_id, ec.start_on + ec.shifted_days as start_on, ec.waits_until, ec.created_at,
      exists (select from campaigns as live where live.id = ec.campaign_id and live.paused_at is not null) as campaign_paused,
      ec.next_due_at, coalesce(people.time_zone, workspace.time_zone) as time_zone,
      workspace.time_zone as workspace_zone, campaigns.timing::text as campaign_timing,
      campaigns.stop_if::text as stop_if, campaigns.goal::text as goal,
      workspace.quiet_hours::text as quiet_hours, workspace.frequency_cap::text as frequency_cap,
      coalesce(campaigns.time_of_day, workspace.time_of_day) as time_of_day,
      coalesce(campaigns.expires_after_days, workspace.expires_after_days) as expires_after_days
    from email_campaigns ec
      join people on people.id = ec.person_id
      ${settings}
      cross join workspace
    where ec.id = any(${[...ids]}::bigint[])
    order by ec.id`.execute(db);
  return rows;
}

/** The zone itself when this program knows it, else UTC: an unknown zone must not hold up anybody's mail. */
export function zoneOr(timeZone: string): string {
  const known = knownZones.get(timeZone) ?? lookedUp(timeZone);
  if (knownZones.size < MOST_ZONES) knownZones.set(timeZone, known);
  return known;
}

/** Looking one up takes as long as deciding about a person. There are some 600; what else is written is not kept for ever. */
const knownZones = new Map<string, string>();
const MOST_ZONES = 1000;

function lookedUp(timeZone: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone && timeZone;
  } catch {
    return "UTC";
  }
}

type KnownStep = Step & { readonly removedAt: Temporal.Instant | null; readonly emailTemplateId: number };

async function stepsByCampaign(db: Db, campaignIds: readonly number[]): Promise<Map<number, KnownStep[]>> {
  const rows = await db
    .selectFrom("steps")
    .select([
      "id",
      "campaignId",
      "position",
      "sendAfterDays",
      "timeOfDay",
      "expiresAfterDays",
      "timing",
      "onlyIf",
      "stopIf",
      "emailTemplateId",
      "variants",
      "addedAt",
      "removedAt",
    ])
    .where("campaignId", "=", sql<number>`any(${[...campaignIds]}::bigint[])`)
    .orderBy("position")
    .execute();
  return Map.groupBy(await withDecisions(db, rows.map(withTiming)), (row) => row.campaignId);
}

function withTiming<Row extends { timing: StepTimingText | null }>(row: Row) {
  return { ...row, timing: row.timing && stepTimingOf(row.timing) };
}

/** The same rows where no step has variants, which is nearly always. */
async function withDecisions<Row extends KnownStep>(db: Db, steps: Row[]): Promise<Row[]> {
  const varied = steps.filter(({ variants }) => variants);
  if (varied.length === 0) return steps;
  const rows = await db
    .selectFrom("variantDecisions")
    .select(["stepId", "outcome", "winner", "templates", "decidedAt as at", "decidedBy as by"])
    .where("stepId", "=", sql<number>`any(${varied.map(({ id }) => id)}::bigint[])`)
    .where("takenBackAt", "is", null)
    .execute();
  return steps.map((step) => {
    const decision = rows.find((row) => row.stepId === step.id && holdsFor(row, step));
    return decision ? { ...step, decision } : step;
  });
}

/** The steps of versions as they were published then. */
async function stepsByVersion(db: Db, versionIds: readonly number[]): Promise<Map<number, KnownStep[]>> {
  if (versionIds.length === 0) return new Map();
  const { rows } = await sql<Omit<KnownStep, "timing"> & { versionId: number; timing: StepTimingText | null }>`
    select schedule_versions.id as version_id, steps.id, steps.campaign_id, steps.position, steps.send_after_days,
      steps.time_of_day, steps.expires_after_days, steps.timing, steps.only_if, steps.stop_if, steps.email_template_id,
      steps.variants, steps.added_at, steps.removed_at
    from schedule_versions cross join lateral jsonb_populate_recordset(null::steps, schedule_versions.steps) as steps
    where schedule_versions.id = any(${[...versionIds]}::bigint[])
    order by steps.position`.execute(db);
  return Map.groupBy(await withDecisions(db, rows.map(withTiming)), (row) => row.versionId);
}

/** A version's steps, and those outside it whose mail was handed over already. */
function withHandedOver(
  version: readonly KnownStep[] = [],
  live: readonly KnownStep[],
  handedOver: ReadonlySet<number>,
) {
  const known = new Set(version.map(({ id }) => id));
  return [...version, ...live.filter(({ id }) => handedOver.has(id) && !known.has(id))];
}

async function backfillsById(db: Db, ids: readonly number[]): Promise<Map<number, Map<number, Temporal.Instant>>> {
  const { rows } = await sql<{ emailCampaignId: number; stepId: number; dueAt: Temporal.Instant }>`
    select email_campaign_id, step_id, due_at from backfills
    where email_campaign_id = any(${[...ids]}::bigint[])`.execute(db);
  const byId = Map.groupBy(rows, (row) => row.emailCampaignId);
  return new Map([...byId].map(([id, some]) => [id, new Map(some.map(({ stepId, dueAt }) => [stepId, dueAt]))]));
}

/** The very same rows where nothing was backfilled, which is nearly always. */
function withBackfills(steps: readonly KnownStep[], backfills: ReadonlyMap<number, Temporal.Instant> | undefined) {
  return backfills ? steps.map((step) => ({ ...step, backfilledAt: backfills.get(step.id) ?? null })) : steps;
}

const STATES: Readonly<Record<MessageState, Resolution["state"]>> = {
  planned: "pending",
  claimed: "pending",
  in_data: "pending",
  deferred: "pending",
  unknown: "pending",
  accepted: "sent",
  refused: "failed",
  skipped: "skipped",
};

async function resolutionsById(
  db: Db,
  rows: readonly { readonly id: number; readonly timeZone: string }[],
): Promise<Map<number, Resolution[]>> {
  const zones = new Map(rows.map((row) => [row.id, row.timeZone]));
  const messages = await db
    .selectFrom("messages")
    .select(["emailCampaignId", "stepId", "state", "plannedAt", "finishedAt"])
    .where("emailCampaignId", "=", sql<number>`any(${rows.map((row) => row.id)}::bigint[])`)
    .execute();
  const resolutions = messages.map((message) => {
    const at = message.finishedAt ?? message.plannedAt;
    const on = at.toZonedDateTimeISO(zones.get(message.emailCampaignId) ?? "UTC").toPlainDate();
    return {
      id: message.emailCampaignId,
      resolution: { stepId: message.stepId, state: STATES[message.state], at, on },
    };
  });
  const grouped = Map.groupBy(resolutions, (entry) => entry.id);
  return new Map([...grouped].map(([id, entries]) => [id, entries.map((entry) => entry.resolution)]));
}
