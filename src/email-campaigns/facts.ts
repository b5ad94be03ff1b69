/** Loads what core/schedule decides by: start, steps, rules of the person's calendar, and what became of each step. Writes nothing. */
import { sql } from "kysely";
import type { Facts, Resolution, Step } from "../core/schedule.ts";
import type { Db } from "../db/database.ts";
import type { EmailCampaignStatus, MessageState, StopReason } from "../db/tables.ts";

/** An Email Campaign with the facts its next step follows from. */
export type WithFacts = {
  readonly id: number;
  readonly number: string;
  readonly campaignId: number;
  readonly personId: number;
  readonly emailGroupId: number | null;
  readonly status: EmailCampaignStatus;
  readonly stopReason: StopReason | null;
  readonly facts: Facts;
};

type Row = Omit<WithFacts, "facts"> & {
  readonly startOn: Temporal.PlainDate;
  readonly createdAt: Temporal.Instant;
  readonly timeZone: string;
  readonly timeOfDay: Temporal.PlainTime;
  readonly expiresAfterDays: number;
};

/** The facts of these Email Campaigns, in the order of their ids; three statements however many there are. */
export async function factsOf(db: Db, ids: readonly number[]): Promise<WithFacts[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<Row>`
    select ec.id, ec.number, ec.campaign_id, ec.person_id, ec.email_group_id, ec.status, ec.stop_reason, ec.start_on,
      ec.created_at, coalesce(people.time_zone, workspace.time_zone) as time_zone,
      coalesce(campaigns.time_of_day, workspace.time_of_day) as time_of_day,
      coalesce(campaigns.expires_after_days, workspace.expires_after_days) as expires_after_days
    from email_campaigns ec
      join people on people.id = ec.person_id
      join campaigns on campaigns.id = ec.campaign_id
      cross join workspace
    where ec.id = any(${[...ids]}::bigint[])
    order by ec.id`.execute(db);
  // Making a formatter of a zone is slow, and most people share a few.
  const zones = new Map(rows.map(({ timeZone }) => timeZone).map((name) => [name, name]));
  for (const name of zones.keys()) zones.set(name, zoneOr(name));
  const zoned = rows.map((row) => ({ ...row, timeZone: zones.get(row.timeZone)! }));
  const steps = await stepsByCampaign(db, [...new Set(rows.map((row) => row.campaignId))]);
  const resolutions = await resolutionsById(db, zoned);
  return zoned.map(({ startOn, createdAt, timeZone, timeOfDay, expiresAfterDays, ...row }) => {
    const known = resolutions.get(row.id) ?? [];
    const handedOver = new Set(known.map(({ stepId }) => stepId));
    return {
      ...row,
      facts: {
        startOn,
        createdAt,
        // A step that was removed once its mail was handed over is still waited for, and still shown.
        steps: (steps.get(row.campaignId) ?? []).filter((step) => !step.removedAt || handedOver.has(step.id)),
        resolutions: known,
        rules: { timeZone, timeOfDay, expiresAfterDays, window: null },
      },
    };
  });
}

/** The zone itself when this program knows it, else UTC: an unknown zone must not hold up anybody's mail. */
export function zoneOr(timeZone: string): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone && timeZone;
  } catch {
    return "UTC";
  }
}

type KnownStep = Step & { readonly removedAt: Temporal.Instant | null };

async function stepsByCampaign(db: Db, campaignIds: readonly number[]): Promise<Map<number, KnownStep[]>> {
  const rows = await db
    .selectFrom("steps")
    .select(["id", "campaignId", "position", "sendAfterDays", "timeOfDay", "expiresAfterDays", "addedAt", "removedAt"])
    .where("campaignId", "=", sql<number>`any(${[...campaignIds]}::bigint[])`)
    .orderBy("position")
    .execute();
  return Map.groupBy(rows, (row) => row.campaignId);
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

async function resolutionsById(db: Db, rows: readonly Row[]): Promise<Map<number, Resolution[]>> {
  const zones = new Map(rows.map((row) => [row.id, row.timeZone]));
  const messages = await db
    .selectFrom("messages")
    .select(["emailCampaignId", "stepId", "state", "plannedAt", "finishedAt"])
    .where("emailCampaignId", "=", sql<number>`any(${rows.map((row) => row.id)}::bigint[])`)
    .execute();
  const resolutions = messages.map((message) => {
    const at = message.finishedAt ?? message.plannedAt;
    const on = at.toZonedDateTimeISO(zones.get(message.emailCampaignId) ?? "UTC").toPlainDate();
    return { id: message.emailCampaignId, resolution: { stepId: message.stepId, state: STATES[message.state], on } };
  });
  const grouped = Map.groupBy(resolutions, (entry) => entry.id);
  return new Map([...grouped].map(([id, entries]) => [id, entries.map((entry) => entry.resolution)]));
}
