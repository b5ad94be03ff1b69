/** The SQL of Campaigns and steps; writes only those two tables. */
import type { Acting } from "../accounts/ownership.ts";
import { sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import { containing } from "../db/like.ts";
import { positionOf } from "../http/paging.ts";
import type { CampaignEdit, CampaignInput, StepInput } from "./api.ts";

const COLUMNS = [
  "id",
  "name",
  "description",
  "timeOfDay",
  "expiresAfterDays",
  "evergreen",
  "pauseKind",
  "pausedAt",
  "pausedBy",
  "pausedReason",
  "stopOnReply",
  "stopCompanyOnReply",
  "waitForReturn",
  "trackOpens",
  "trackClicks",
  "timing",
  "stopIf",
  "goal",
  "createdBy",
  "ownerId",
  "createdAt",
  "changedAt",
] as const;

export type CampaignRow = NonNullable<Awaited<ReturnType<typeof find>>>;

export function find(db: Db, id: number) {
  return db.selectFrom("campaigns").select(COLUMNS).where("id", "=", id).executeTakeFirst();
}

export function findByName(db: Db, name: string) {
  return db.selectFrom("campaigns").select(COLUMNS).where("nameKey", "=", name.toLowerCase()).executeTakeFirst();
}

/** Not `for update`: a tick that inserts messages of this Campaign must not wait for whoever waits for its rows. */
export function lock(tx: Tx, id: number) {
  return tx.selectFrom("campaigns").select(COLUMNS).where("id", "=", id).forNoKeyUpdate().executeTakeFirst();
}

export function list(db: Db, { limit, cursor, q }: { limit: number; cursor?: string; q?: string }) {
  let query = db
    .selectFrom("campaigns")
    .select(COLUMNS)
    .orderBy("id")
    .limit(limit + 1);
  if (cursor) query = query.where("id", ">", positionOf(cursor).id);
  if (q) query = query.where("nameKey", "like", containing(q.toLowerCase()));
  return query.execute();
}

/** The steps of Campaigns that are not removed, in row order. */
export function stepsOf(db: Db, campaignIds: readonly number[]) {
  return db
    .selectFrom("steps")
    .innerJoin("emailTemplates", "emailTemplates.id", "steps.emailTemplateId")
    .select([
      "steps.id",
      "steps.campaignId",
      "steps.position",
      "steps.emailTemplateId",
      "emailTemplates.name as emailTemplate",
      "steps.sendAfterDays",
      "steps.timeOfDay",
      "steps.expiresAfterDays",
      "steps.timing",
      "steps.onlyIf",
      "steps.stopIf",
      "steps.variants",
      "steps.addedAt",
    ])
    .where("steps.campaignId", "=", sql<number>`any(${[...campaignIds]}::bigint[])`)
    .where("steps.removedAt", "is", null)
    .orderBy("steps.campaignId")
    .orderBy("steps.position")
    .execute();
}

/** The steps there are and were: what was sent by a step that is removed by now can still be asked for. */
export async function everyStepId(db: Db, campaignId: number): Promise<number[]> {
  const rows = await db.selectFrom("steps").select("id").where("campaignId", "=", campaignId).execute();
  return rows.map(({ id }) => id);
}

export async function namesOfTemplates(db: Db, ids: readonly number[]): Promise<Map<number, string>> {
  const rows = await db
    .selectFrom("emailTemplates")
    .select(["id", "name"])
    .where("id", "=", sql<number>`any(${[...ids]}::bigint[])`)
    .execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** Which of these templates there are. Until this transaction ends none of them can be deleted. */
export async function holdTemplates(tx: Tx, ids: readonly number[]): Promise<Set<number>> {
  const { rows } = await sql<{ id: number }>`
    select id from email_templates where id = any(${[...ids].toSorted((a, b) => a - b)}::bigint[]) for key share`.execute(
    tx,
  );
  return new Set(rows.map((row) => row.id));
}

/** Email Campaigns of Campaigns, counted by status. */
export function countsOf(db: Db, campaignIds: readonly number[]) {
  return db
    .selectFrom("emailCampaigns")
    .select(["campaignId", "status", (count) => count.fn.countAll<number>().as("count")])
    .where("campaignId", "=", sql<number>`any(${[...campaignIds]}::bigint[])`)
    .groupBy(["campaignId", "status"])
    .execute();
}

export async function insert(
  tx: Tx,
  { steps: _steps, timeOfDay, timing, stopIf, goal, ...input }: CampaignInput,
  { name: createdBy, userId: ownerId = null }: Acting,
  now: Temporal.Instant,
): Promise<number> {
  const made = await tx
    .insertInto("campaigns")
    .values({
      ...input,
      timeOfDay: timeOrNull(timeOfDay),
      timing: jsonOrNull(timing),
      stopIf: jsonOrNull(stopIf),
      goal: jsonOrNull(goal),
      createdBy,
      ownerId,
      createdAt: now,
      changedAt: now,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return made.id;
}

export async function save(
  tx: Tx,
  id: number,
  { timeOfDay, timing, stopIf, goal, ...edit }: CampaignEdit,
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .updateTable("campaigns")
    .set({
      ...edit,
      ...(timeOfDay === undefined ? {} : { timeOfDay: timeOrNull(timeOfDay) }),
      ...(timing === undefined ? {} : { timing: jsonOrNull(timing) }),
      ...(stopIf === undefined ? {} : { stopIf: jsonOrNull(stopIf) }),
      ...(goal === undefined ? {} : { goal: jsonOrNull(goal) }),
      changedAt: now,
    })
    .where("id", "=", id)
    .execute();
}

/** Not an edit: who changed the Campaign since is asked about what it says, not whether it rests. */
export async function savePause(
  tx: Tx,
  id: number,
  pause: Pick<CampaignRow, "pauseKind" | "pausedAt" | "pausedBy" | "pausedReason"> & { resumedAt?: Temporal.Instant },
): Promise<void> {
  await tx.updateTable("campaigns").set(pause).where("id", "=", id).execute();
}

export async function remove(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom("campaigns").where("id", "=", id).execute();
}

/** Writes the rows of a Schedule: known ids are changed, others added, steps not named removed. */
export async function saveSteps(
  tx: Tx,
  campaignId: number,
  rows: readonly StepInput[],
  now: Temporal.Instant,
): Promise<void> {
  const kept = rows.flatMap((row) => row.id ?? []);
  await tx
    .updateTable("steps")
    .set({ removedAt: now })
    .where("campaignId", "=", campaignId)
    .where("removedAt", "is", null)
    .where("id", "<>", sql<number>`all(${kept}::bigint[])`)
    .execute();
  // Positions are unique among the steps there are: the kept ones step aside while they change places.
  await tx
    .updateTable("steps")
    .set({ position: sql`-id` })
    .where("campaignId", "=", campaignId)
    .where("removedAt", "is", null)
    .execute();
  for (const [index, { id, timeOfDay, timing, onlyIf, stopIf, variants, ...row }] of rows.entries()) {
    const asked = { onlyIf: jsonOrNull(onlyIf), stopIf: jsonOrNull(stopIf) };
    const times = { timeOfDay: timeOrNull(timeOfDay), timing: jsonOrNull(timing) };
    const values = { ...row, ...times, ...asked, variants: jsonOrNull(variants), position: index + 1 };
    if (id) await tx.updateTable("steps").set(values).where("id", "=", id).execute();
    else
      await tx
        .insertInto("steps")
        .values({ ...values, campaignId, addedAt: now, removedAt: null })
        .execute();
  }
}

const timeOrNull = (text: string | null) => (text === null ? null : Temporal.PlainTime.from(text));

const jsonOrNull = (value: object | null | undefined) => (value ? JSON.stringify(value) : null);
