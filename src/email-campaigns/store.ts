/** The SQL of Email Campaigns: reads, single writes and set-based ends; writes only this table and its number series. */
import { type Insertable, sql } from "kysely";
import type { Event, Status } from "../core/email-campaign.ts";
import { after, statusesFor } from "../core/email-campaign.ts";
import { refuse } from "../core/problem.ts";
import type { Db, Tx } from "../db/database.ts";
import { containing } from "../db/like.ts";
import type { StopReason, Tables } from "../db/tables.ts";
import { type Position, positionOf } from "../http/paging.ts";
import { numbersMeant } from "./numbers.ts";

export type ListQuery = {
  limit: number;
  cursor?: string;
  status?: Status;
  campaignId?: number;
  personId?: number;
  senderId?: number;
  batchId?: number;
  emailGroupId?: number;
  emailCampaignFor?: "lead" | "contact";
  startFrom?: string;
  startTo?: string;
  q?: string;
  sort: "id" | "-id" | "startOn" | "-startOn" | "nextDueAt";
};

function rows(db: Db) {
  return db
    .selectFrom("emailCampaigns as ec")
    .innerJoin("campaigns", "campaigns.id", "ec.campaignId")
    .innerJoin("people", "people.id", "ec.personId")
    .select([
      "ec.id",
      "ec.number",
      "ec.campaignId",
      "campaigns.name as campaign",
      "people.kind as emailCampaignFor",
      "ec.personId",
      "people.fullName as person",
      "people.email",
      "ec.senderId",
      "ec.batchId",
      "ec.emailGroupId",
      "ec.restartedFromId",
      "ec.startOn",
      "ec.endOn",
      "ec.status",
      "ec.stopReason",
      "ec.nextDueAt",
      "ec.startedBy",
      "ec.createdBy",
      "ec.ownerId",
      "ec.createdAt",
      "ec.changedAt",
      "ec.finishedAt",
    ]);
}

export type EmailCampaignRow = Awaited<ReturnType<typeof get>>;

/** By id or by number. */
export async function get(db: Db, reference: string | number) {
  const byId = /^\d+$/.test(String(reference));
  const query = byId
    ? rows(db).where("ec.id", "=", Number(reference))
    : rows(db).where("ec.number", "=", String(reference).toUpperCase());
  const found = byId && !Number.isSafeInteger(Number(reference)) ? undefined : await query.executeTakeFirst();
  return found ?? refuse("email-campaign-not-found", `There is no Email Campaign ${reference}.`);
}

export async function lock(tx: Tx, reference: string | number) {
  const { id } = await get(tx, reference);
  await tx.selectFrom("emailCampaigns").select("id").where("id", "=", id).forUpdate().execute();
  return get(tx, id);
}

export function list(db: Db, asked: ListQuery) {
  let query = filtered(rows(db), asked).limit(asked.limit + 1);
  const descending = asked.sort.startsWith("-");
  const direction = descending ? "desc" : "asc";
  const column = SORTED[asked.sort];
  if (asked.cursor) query = query.where(beyond(column, descending, positionOf(asked.cursor)));
  // A null sorts last, so that the pages of "what is due next" end with what is not due at all.
  if (column) query = query.orderBy(column, (order) => order[direction]().nullsLast());
  return query.orderBy("ec.id", direction).execute();
}

export type Filter = Omit<ListQuery, "limit" | "cursor" | "sort">;

/** The ids of all that a filter means. */
export async function idsOf(db: Db, filter: Filter): Promise<number[]> {
  const found = await filtered(rows(db), filter).clearSelect().select("ec.id").orderBy("ec.id").execute();
  return found.map(({ id }) => id);
}

function filtered(all: ReturnType<typeof rows>, asked: Filter) {
  let query = all;
  if (asked.status) query = query.where("ec.status", "=", asked.status);
  if (asked.campaignId) query = query.where("ec.campaignId", "=", asked.campaignId);
  if (asked.personId) query = query.where("ec.personId", "=", asked.personId);
  if (asked.senderId) query = query.where("ec.senderId", "=", asked.senderId);
  if (asked.batchId) query = query.where("ec.batchId", "=", asked.batchId);
  if (asked.emailGroupId) query = query.where("ec.emailGroupId", "=", asked.emailGroupId);
  if (asked.emailCampaignFor) query = query.where("people.kind", "=", asked.emailCampaignFor);
  if (asked.startFrom) query = query.where("ec.startOn", ">=", Temporal.PlainDate.from(asked.startFrom));
  if (asked.startTo) query = query.where("ec.startOn", "<=", Temporal.PlainDate.from(asked.startTo));
  if (asked.q) {
    const pattern = containing(asked.q);
    const numbers = numbersMeant(asked.q);
    query = query.where((where) =>
      where.or([
        where("ec.number", "=", sql<string>`any(${numbers})`),
        where("people.fullName", "ilike", pattern),
        where("people.email", "ilike", pattern),
      ]),
    );
  }
  return query;
}

const SORTED = {
  id: null,
  "-id": null,
  startOn: "ec.startOn",
  "-startOn": "ec.startOn",
  nextDueAt: "ec.nextDueAt",
} as const satisfies Record<ListQuery["sort"], string | null>;

/** What a row is sorted by, as its cursor keeps it; null with the id alone. */
export function sortValue(row: EmailCampaignRow, sort: ListQuery["sort"]): string | null {
  const column = SORTED[sort];
  if (!column) return null;
  return (column === "ec.startOn" ? row.startOn : row.nextDueAt)?.toString() ?? null;
}

/** The rows after a position. */
function beyond(column: (typeof SORTED)[ListQuery["sort"]], descending: boolean, { value, id }: Position) {
  const than = descending ? sql`<` : sql`>`;
  if (!column) return sql<boolean>`ec.id ${than} ${id}::bigint`;
  const of = sql.ref(column);
  if (value === null && column === "ec.nextDueAt") return sql<boolean>`(${of} is null and ec.id ${than} ${id}::bigint)`;
  const at = readable(column, String(value));
  return sql<boolean>`((${of}, ec.id) ${than} (${at}, ${id}::bigint) or ${of} is null)`;
}

function readable(column: "ec.startOn" | "ec.nextDueAt", value: string) {
  try {
    if (column === "ec.startOn") return sql`${Temporal.PlainDate.from(value)}::date`;
    return sql`${Temporal.Instant.from(value)}::timestamptz`;
  } catch {
    return refuse("cursor-invalid", "This cursor belongs to another order. Start again without it.", "/cursor");
  }
}

/** Takes `count` numbers of a year's series; the row stays locked until the transaction ends, so there are no gaps. */
export async function takeNumbers(tx: Tx, year: number, count: number): Promise<(index: number) => string> {
  const series = `MAIL-CAMP-${year}-`;
  const taken = await tx
    .insertInto("numberSeries")
    .values({ series, lastNumber: count })
    .onConflict((conflict) =>
      conflict.column("series").doUpdateSet({ lastNumber: sql`number_series.last_number + ${count}` }),
    )
    .returning("lastNumber")
    .executeTakeFirstOrThrow();
  return (index) => series + String(taken.lastNumber - count + 1 + index).padStart(5, "0");
}

export async function insert(tx: Tx, row: Insertable<Tables["emailCampaigns"]>): Promise<number> {
  const made = await tx.insertInto("emailCampaigns").values(row).returning("id").executeTakeFirstOrThrow();
  return made.id;
}

export async function save(
  tx: Tx,
  id: number,
  change: Partial<
    Pick<EmailCampaignRow, "status" | "stopReason" | "nextDueAt" | "startOn" | "endOn" | "senderId" | "finishedAt">
  >,
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .updateTable("emailCampaigns")
    .set({ ...change, changedAt: now })
    .where("id", "=", id)
    .execute();
}

/** Has it looked at again at once. */
export async function wake(tx: Tx, id: number, now: Temporal.Instant): Promise<void> {
  await tx.updateTable("emailCampaigns").set({ nextDueAt: now }).where("id", "=", id).execute();
}

/** Nobody changed the row: its stamp stays. */
export async function waitUntil(tx: Tx, id: number, on: Temporal.PlainDate, now: Temporal.Instant): Promise<void> {
  await tx
    .updateTable("emailCampaigns")
    .set({ waitsUntil: on, nextDueAt: now })
    .where("id", "=", id)
    .where("status", "in", ["Scheduled", "In Progress"])
    .where((where) => where.or([where("waitsUntil", "is", null), where("waitsUntil", "<", on)]))
    .execute();
}

/** Which Email Campaigns an end concerns: those of people, or single ones; of one Campaign or of all. */
export type Concerned = {
  readonly personIds?: readonly number[];
  readonly ids?: readonly number[];
  readonly campaignId?: number | null;
  /** Also those that were finished already (E92): an opt-out is final wherever it is said. */
  readonly finished?: boolean;
};

/** Ends what is concerned by the transition table, in one statement. @returns what was ended. */
export async function end(
  tx: Tx,
  concerned: Concerned,
  event: Extract<Event, "unsubscribe" | "stop">,
  stopReason: StopReason | null,
  now: Temporal.Instant,
) {
  const running = ["Scheduled", "In Progress", "Paused"];
  const from = statusesFor(event).filter((status) => concerned.finished || running.includes(status));
  let query = tx
    .updateTable("emailCampaigns")
    .set({ status: after("In Progress", event)!, stopReason, nextDueAt: null, finishedAt: now, changedAt: now })
    .where("status", "in", from)
    .returning(["id", "personId", "campaignId"]);
  if (concerned.personIds)
    query = query.where("personId", "=", sql<number>`any(${[...concerned.personIds]}::bigint[])`);
  if (concerned.ids) query = query.where("id", "=", sql<number>`any(${[...concerned.ids]}::bigint[])`);
  if (concerned.campaignId) query = query.where("campaignId", "=", concerned.campaignId);
  return concerned.personIds || concerned.ids ? query.execute() : [];
}

/** Whether any mail of it was handed over already. */
export async function hasMessages(db: Db, id: number): Promise<boolean> {
  return Boolean(
    await db.selectFrom("messages").select("id").where("emailCampaignId", "=", id).limit(1).executeTakeFirst(),
  );
}

export async function wakePeople(tx: Tx, personIds: readonly number[], now: Temporal.Instant): Promise<void> {
  await tx
    .updateTable("emailCampaigns")
    .set({ nextDueAt: now })
    .where("personId", "=", sql<number>`any(${[...personIds]}::bigint[])`)
    .where("status", "in", ["Scheduled", "In Progress"])
    .execute();
}

/** @returns how many were woken. */
export async function wakeWaiting(tx: Tx, personIds: readonly number[], now: Temporal.Instant): Promise<number> {
  const woken = await tx
    .updateTable("emailCampaigns")
    .set({ nextDueAt: now })
    .where("personId", "=", sql<number>`any(${[...personIds]}::bigint[])`)
    .where("status", "in", ["Scheduled", "In Progress"])
    .where(
      sql<boolean>`(schedule_version_id is not null or campaign_id = any(array(
        select id from campaigns where timing ->> 'holidays' = 'person'
        union select campaign_id from steps where removed_at is null and timing -> 'waitFor' ->> 'field' is not null)))`,
    )
    .executeTakeFirst();
  return Number(woken.numUpdatedRows);
}

export async function wakeAll(tx: Tx, now: Temporal.Instant): Promise<void> {
  await tx
    .updateTable("emailCampaigns")
    .set({ nextDueAt: now })
    .where("status", "in", ["Scheduled", "In Progress"])
    .execute();
}

export async function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  await tx.updateTable("emailCampaigns").set({ personId }).where("personId", "=", formerId).execute();
}

export function lockMany(tx: Tx, ids: readonly number[]) {
  return tx
    .selectFrom("emailCampaigns")
    .select(["id", "number", "status"])
    .where("id", "=", sql<number>`any(${[...ids]}::bigint[])`)
    .orderBy("id")
    .forUpdate()
    .execute();
}

/** Gives many their status after one and the same deed. */
export async function saveMany(
  tx: Tx,
  changed: readonly { readonly id: number; readonly status: Status }[],
  also: { nextDueAt: Temporal.Instant | null; stopReason?: StopReason; finishedAt?: Temporal.Instant },
  now: Temporal.Instant,
): Promise<void> {
  for (const [status, same] of Map.groupBy(changed, (one) => one.status))
    await tx
      .updateTable("emailCampaigns")
      .set({ ...also, status, changedAt: now })
      .where("id", "=", sql<number>`any(${same.map(({ id }) => id)}::bigint[])`)
      .execute();
}
