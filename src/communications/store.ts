/** The SQL of communications: messages and timeline entries read as one list. Writes timeline entries alone. */
import { sql } from "kysely";
import { refuse } from "../core/problem.ts";
import { type Db, PREPARED, type Tx } from "../db/database.ts";
import type { Letter } from "../core/variants.ts";
import type { EntryKind } from "../db/tables.ts";
import { composedOf, templateOfMessage } from "../delivery/delivery.ts";
import { cursorOf, positionOf } from "../http/paging.ts";
import type { deliveryStatuses, kinds } from "./api.ts";
import type { NewEntry } from "./communications.ts";

export type Filter = {
  readonly personId?: number | undefined;
  readonly emailCampaignId?: number | undefined;
  readonly campaignId?: number | undefined;
  readonly kind?: (typeof kinds)[number] | undefined;
  readonly deliveryStatus?: (typeof deliveryStatuses)[number] | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
};

export type Row = {
  readonly id: string;
  readonly kind: (typeof kinds)[number];
  readonly personId: number;
  readonly emailCampaignId: number | null;
  readonly campaignId: number | null;
  readonly stepId: number | null;
  readonly at: Temporal.Instant;
  readonly subject: string;
  readonly template: { readonly id: number; readonly name: string } | null;
  readonly variant: Letter | null;
  readonly to: string | null;
  readonly deliveryStatus: (typeof deliveryStatuses)[number] | null;
  readonly reason: string | null;
  readonly sentAt: Temporal.Instant | null;
  readonly attempts: number | null;
  readonly nextAttemptAt: Temporal.Instant | null;
  readonly reply: string | null;
  readonly detail: Record<string, unknown>;
  /** Of an email that was composed; what its subject is rendered from. */
  readonly contentVersionId: number | null;
  readonly variables: Record<string, unknown> | null;
  readonly messageId: string | null;
};

// A step that was skipped for its age was never a communication; one withheld from the person was (E70).
const NO_COMMUNICATION = [
  "expired",
  "added-after-its-day",
  "skipped-by-hand",
  "cancelled",
  "restored",
  "condition",
  "stop-if",
  "goal",
];

const STATUS = sql<Row["deliveryStatus"]>`case messages.state
  when 'accepted' then case when messages.bounced_at is null then 'sent' else 'bounced' end when 'refused' then 'error' when 'deferred' then 'deferred' when 'skipped' then 'suppressed'
  else 'sending' end`;

/**
 * A page, newest first. Both kinds are read in the order of their ids, which is the order they came in, and merged by
 * time; the cursor remembers the last id of each.
 */
export async function list(db: Db, filter: Filter): Promise<{ rows: Row[]; nextCursor: string | null }> {
  const after = filter.cursor === undefined ? null : pairOf(filter.cursor);
  const wantsMessages = (filter.kind ?? "email") === "email";
  const wantsEntries = filter.kind !== "email" && filter.deliveryStatus === undefined;
  const [emails, entries] = await Promise.all([
    wantsMessages ? messages(db, filter, after?.message) : [],
    wantsEntries ? timeline(db, filter, after?.entry) : [],
  ]);
  const rows: Row[] = [];
  let [email, entry] = [0, 0];
  while (rows.length < filter.limit && (email < emails.length || entry < entries.length)) {
    const [one, other] = [emails[email], entries[entry]];
    const takeEmail = one && (!other || Temporal.Instant.compare(one.at, other.at) >= 0);
    rows.push((takeEmail ? one : other)!);
    if (takeEmail) email += 1;
    else entry += 1;
  }
  const more = email < emails.length || entry < entries.length;
  if (!more) return { rows, nextCursor: null };
  const last = (of: Row[], taken: number, before: number | undefined) =>
    taken > 0 ? Number(of[taken - 1]!.id.split("-")[1]) : (before ?? null);
  const [message, entryId] = [last(emails, email, after?.message), last(entries, entry, after?.entry)];
  return { rows, nextCursor: cursorOf({ value: message, id: entryId ?? 0 }) };
}

function pairOf(cursor: string): { message: number | undefined; entry: number | undefined } {
  const { value, id } = positionOf(cursor);
  if (value !== null && typeof value !== "number")
    return refuse("cursor-invalid", "This cursor is not one of ours. Start again without it.", "/cursor");
  return { message: value ?? undefined, entry: id === 0 ? undefined : id };
}

function messages(db: Db, filter: Filter, before: number | undefined): Promise<Row[]> {
  let query = emails(db)
    .where((where) =>
      where.or([
        where("messages.state", "<>", "skipped"),
        where("messages.reason", "is", null),
        where("messages.reason", "not in", NO_COMMUNICATION),
      ]),
    )
    .orderBy("messages.id", "desc")
    .limit(filter.limit + 1);
  if (filter.personId) query = query.where("messages.personId", "=", filter.personId);
  if (filter.emailCampaignId) query = query.where("messages.emailCampaignId", "=", filter.emailCampaignId);
  if (filter.campaignId) query = query.where("messages.campaignId", "=", filter.campaignId);
  if (filter.deliveryStatus) query = query.where(STATUS, "=", filter.deliveryStatus);
  if (before !== undefined) query = query.where("messages.id", "<", before);
  return query.execute();
}

export function message(db: Db, id: number): Promise<Row | undefined> {
  return emails(db).where("messages.id", "=", id).executeTakeFirst();
}

function emails(db: Db) {
  return db
    .selectFrom("messages")
    .innerJoin("steps", "steps.id", "messages.stepId")
    .innerJoin("emailTemplates", (join) => join.on("emailTemplates.id", "=", templateOfMessage))
    .innerJoin("contentVersions", (join) =>
      join.on("contentVersions.id", "=", (on) =>
        on.fn.coalesce("messages.contentVersionId", "emailTemplates.currentVersionId"),
      ),
    )
    .select((select) => [
      sql<string>`'message-' || messages.id`.as("id"),
      sql<"email">`'email'`.as("kind"),
      "messages.personId",
      "messages.emailCampaignId",
      "messages.campaignId",
      "messages.stepId",
      "messages.plannedAt as at",
      "contentVersions.subject",
      sql<{ id: number; name: string }>`jsonb_build_object('id', email_templates.id, 'name', email_templates.name)`.as(
        "template",
      ),
      select.fn.coalesce("messages.variant", "messages.plannedVariant").as("variant"),
      "messages.address as to",
      STATUS.as("deliveryStatus"),
      select.fn.coalesce("messages.bounceReason", "messages.reason").as("reason"),
      select.case().when("messages.state", "=", "accepted").then(select.ref("messages.finishedAt")).end().as("sentAt"),
      "messages.attempts",
      "messages.nextAttemptAt",
      sql<string | null>`messages.reply_code || ' ' || messages.reply_text`.as("reply"),
      sql<Record<string, unknown>>`'{}'::jsonb`.as("detail"),
      "messages.contentVersionId",
      sql<Record<string, unknown> | null>`${composedOf} -> 'variables'`.as("variables"),
      "messages.messageId",
    ]);
}

function timeline(db: Db, filter: Filter, before: number | undefined): Promise<Row[]> {
  let query = entries(db)
    .orderBy("timelineEntries.id", "desc")
    .limit(filter.limit + 1);
  if (filter.personId) query = query.where("timelineEntries.personId", "=", filter.personId);
  if (filter.emailCampaignId) query = query.where("timelineEntries.emailCampaignId", "=", filter.emailCampaignId);
  if (filter.campaignId) query = query.where("emailCampaigns.campaignId", "=", filter.campaignId);
  if (filter.kind) query = query.where("timelineEntries.kind", "=", filter.kind as EntryKind);
  if (before !== undefined) query = query.where("timelineEntries.id", "<", before);
  return query.execute();
}

export function entry(db: Db, id: number): Promise<Row | undefined> {
  return entries(db).where("timelineEntries.id", "=", id).executeTakeFirst();
}

const ENGAGED = sql`timeline_entries.kind in ('opened', 'clicked')`;
/** How often: of the same mail, link and maker. */
const TIMES = sql`(select count(*) from engagements
  where engagements.email_campaign_id = timeline_entries.email_campaign_id
    and engagements.message_id = (timeline_entries.detail ->> 'messageId')::bigint
    and engagements.kind = timeline_entries.kind
    and engagements.automatic = (timeline_entries.detail ->> 'automatic')::boolean
    and engagements.link is not distinct from timeline_entries.detail ->> 'link')`;

function entries(db: Db) {
  return (
    db
      .selectFrom("timelineEntries")
      .leftJoin("emailCampaigns", "emailCampaigns.id", "timelineEntries.emailCampaignId")
      .leftJoin("events", "events.id", "timelineEntries.eventId")
      .select([
        sql<string>`'entry-' || timeline_entries.id`.as("id"),
        "timelineEntries.kind",
        "timelineEntries.personId",
        "timelineEntries.emailCampaignId",
        "emailCampaigns.campaignId",
        "timelineEntries.at",
        "timelineEntries.subject",
        sql<Record<string, unknown>>`case when ${ENGAGED}
        then timeline_entries.detail || jsonb_build_object('times', ${TIMES})
        when events.id is not null then jsonb_build_object(
          'happenedAt', to_char(events.happened_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'properties', events.properties)
        else timeline_entries.detail end`.as("detail"),
      ])
      // What turned out to be the work of a machine stands under another entry by now.
      .where(sql<boolean>`(not ${ENGAGED} or ${TIMES} > 0)`)
      .select([sql<null>`null`.as("stepId"), sql<null>`null`.as("template"), sql<null>`null`.as("to")])
      .select(sql<null>`null`.as("variant"))
      .select([sql<null>`null`.as("deliveryStatus"), sql<null>`null`.as("reason"), sql<null>`null`.as("sentAt")])
      .select([sql<null>`null`.as("attempts"), sql<null>`null`.as("nextAttemptAt"), sql<null>`null`.as("reply")])
      .select([
        sql<null>`null`.as("contentVersionId"),
        sql<null>`null`.as("variables"),
        sql<null>`null`.as("messageId"),
      ])
  );
}

export async function insert(
  tx: Tx,
  { personId, emailCampaignId, kind, subject, detail }: NewEntry,
  now: Temporal.Instant,
): Promise<number> {
  const values = { personId, emailCampaignId: emailCampaignId ?? null, kind, subject, at: now };
  const made = await tx
    .insertInto("timelineEntries")
    .values({ ...values, detail: JSON.stringify(detail ?? {}) })
    .returning("id")
    .executeTakeFirstOrThrow();
  return made.id;
}

/** An open or a click as it was recorded. */
export type Engaged = {
  readonly messageId: number;
  readonly emailCampaignId: number;
  readonly personId: number;
  readonly kind: "opened" | "clicked";
  readonly link: string | null;
  readonly automatic: boolean;
};

/** An index keeps each to one entry, whoever else writes at the same time. */
export async function insertEngaged(tx: Tx, engaged: readonly Engaged[], now: Temporal.Instant): Promise<void> {
  await sql`${PREPARED}
    insert into timeline_entries (person_id, email_campaign_id, kind, subject, detail, at)
    select person_id, email_campaign_id, kind,
      case kind when 'opened' then 'Opened an email' else 'Clicked ' || link end,
      jsonb_strip_nulls(jsonb_build_object('messageId', message_id, 'link', link, 'automatic', automatic)), ${now}
    from unnest(
      ${engaged.map((one) => one.personId)}::bigint[],
      ${engaged.map((one) => one.emailCampaignId)}::bigint[],
      ${engaged.map((one) => one.kind)}::text[],
      ${engaged.map((one) => one.messageId)}::bigint[],
      ${engaged.map((one) => one.link)}::text[],
      ${engaged.map((one) => one.automatic)}::boolean[]
    ) as engaged (person_id, email_campaign_id, kind, message_id, link, automatic)
    on conflict do nothing`.execute(tx);
}

/** What programs told of: an entry each, which goes with its event. */
export async function insertEvents(
  tx: Tx,
  events: readonly { readonly id: number; readonly personId: number; readonly name: string }[],
  now: Temporal.Instant,
): Promise<void> {
  await sql`${PREPARED}
    insert into timeline_entries (person_id, kind, subject, event_id, at)
    select person_id, 'event', name, id, ${now}::timestamptz
    from unnest(
      ${events.map((one) => one.id)}::bigint[],
      ${events.map((one) => one.personId)}::bigint[],
      ${events.map((one) => one.name)}::text[]
    ) as events (id, person_id, name)
    order by id`.execute(tx);
}

export function findPerson(db: Db, id: number) {
  return db.selectFrom("people").select("id").where("id", "=", id).where("erasedAt", "is", null).executeTakeFirst();
}

export async function isOf(db: Db, emailCampaignId: number, personId: number): Promise<boolean> {
  const found = await db
    .selectFrom("emailCampaigns")
    .select("id")
    .where("id", "=", emailCampaignId)
    .where("personId", "=", personId)
    .executeTakeFirst();
  return found !== undefined;
}

export async function forgetPerson(tx: Tx, personId: number): Promise<void> {
  await tx
    .updateTable("timelineEntries")
    .set({
      subject: sql`case when kind in ('note', 'reply', 'answer', 'auto-reply') then 'Erased' else subject end`,
      detail: "{}",
    })
    .where("personId", "=", personId)
    .execute();
}

export async function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  await tx.updateTable("timelineEntries").set({ personId }).where("personId", "=", formerId).execute();
}
