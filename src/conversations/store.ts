/** The SQL of conversations, their mails and answers. Sends nothing. */
import { sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import { composedOf } from "../delivery/delivery.ts";
import { positionOf } from "../http/paging.ts";
import type { STATES } from "./api.ts";

export type Filter = {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly state?: (typeof STATES)[number] | undefined;
  /** Null: nobody's. */
  readonly assignedTo?: number | null | undefined;
  readonly personId?: number | undefined;
  readonly campaignId?: number | undefined;
};

function rows(db: Db) {
  return db
    .selectFrom("conversations")
    .innerJoin("people", "people.id", "conversations.personId")
    .leftJoin("emailCampaigns", "emailCampaigns.id", "conversations.emailCampaignId")
    .leftJoin("campaigns", "campaigns.id", "emailCampaigns.campaignId")
    .leftJoin("users", "users.id", "conversations.assignedTo")
    .select([
      "conversations.id",
      "conversations.personId",
      "people.kind",
      "people.fullName",
      "people.email",
      "people.company",
      "conversations.emailCampaignId",
      "emailCampaigns.number",
      "emailCampaigns.campaignId",
      "emailCampaigns.senderId",
      "emailCampaigns.status",
      "campaigns.name as campaign",
      "conversations.subject",
      "conversations.state",
      "conversations.assignedTo",
      "users.name as assignee",
      "conversations.openedAt",
      "conversations.lastReceivedAt",
      "conversations.lastAnsweredAt",
      "conversations.seenAt",
      "conversations.doneAt",
      "conversations.doneBy",
    ])
    .select(
      sql<string | null>`(
        select left(mails.text, 2000) from conversation_mails as mails
        where mails.conversation_id = conversations.id order by mails.id desc limit 1)`.as("latest"),
    );
}

export type Row = NonNullable<Awaited<ReturnType<typeof find>>>;

export function find(db: Db, id: number) {
  return rows(db).where("conversations.id", "=", id).executeTakeFirst();
}

/** The latest reply first. */
export function list(db: Db, filter: Filter) {
  let query = rows(db)
    .orderBy("conversations.lastReceivedAt", "desc")
    .orderBy("conversations.id", "desc")
    .limit(filter.limit + 1);
  if (filter.state) query = query.where("conversations.state", "=", filter.state);
  if (filter.assignedTo === null) query = query.where("conversations.assignedTo", "is", null);
  else if (filter.assignedTo !== undefined) query = query.where("conversations.assignedTo", "=", filter.assignedTo);
  if (filter.personId) query = query.where("conversations.personId", "=", filter.personId);
  if (filter.campaignId) query = query.where("emailCampaigns.campaignId", "=", filter.campaignId);
  if (filter.cursor !== undefined) {
    const { value, id } = positionOf(filter.cursor);
    query = query.where(
      sql<boolean>`(conversations.last_received_at, conversations.id) < (${String(value)}::timestamptz, ${id})`,
    );
  }
  return query.execute();
}

export async function counts(db: Db, userId: number | null) {
  const { rows: found } = await sql<{ open: number; mine: number; unseen: number }>`
    select count(*)::int as open,
      count(*) filter (where assigned_to = ${userId})::int as mine,
      count(*) filter (where (seen_at is null or seen_at < last_received_at)
        and (assigned_to is null or assigned_to = ${userId}))::int as unseen
    from conversations where state = 'open'`.execute(db);
  return found[0]!;
}

/** Locks the conversation of an Email Campaign; of a person without one, the latest. */
export function lockFor(tx: Tx, personId: number, emailCampaignId: number | null) {
  return tx
    .selectFrom("conversations")
    .select(["id", "state", "assignedTo"])
    .where("personId", "=", personId)
    .where("emailCampaignId", emailCampaignId === null ? "is" : "=", emailCampaignId)
    .orderBy("id", "desc")
    .limit(1)
    .forUpdate()
    .executeTakeFirst();
}

export type NewMail = {
  readonly receivedMailId: number | null;
  readonly fromName: string | null;
  readonly fromAddress: string | null;
  readonly subject: string;
  readonly text: string;
  readonly messageIdHeader: string | null;
  readonly referenceIds: string[];
};

export async function insertMail(
  tx: Tx,
  conversationId: number,
  mail: NewMail,
  now: Temporal.Instant,
): Promise<number> {
  const made = await tx
    .insertInto("conversationMails")
    .values({ ...mail, conversationId, receivedAt: now })
    .returning("id")
    .executeTakeFirstOrThrow();
  return made.id;
}

export function mailsOf(db: Db, conversationId: number) {
  return db
    .selectFrom("conversationMails")
    .select([
      "id",
      "receivedMailId",
      "fromName",
      "fromAddress",
      "subject",
      "text",
      "messageIdHeader",
      "referenceIds",
      "receivedAt",
    ])
    .where("conversationId", "=", conversationId)
    .orderBy("id")
    .limit(MOST_SHOWN)
    .execute();
}

export function answersOf(db: Db, conversationId: number) {
  return db
    .selectFrom("answers")
    .select(["id", "writtenBy", "toAddress", "subject", "text", "state", "reason", "reply", "createdAt"])
    .where("conversationId", "=", conversationId)
    .orderBy("id")
    .limit(MOST_SHOWN)
    .execute();
}

/** What the Schedule sent to the person in this Email Campaign. */
export async function sentIn(db: Db, emailCampaignId: number) {
  const { rows: found } = await sql<{
    id: number;
    at: Temporal.Instant;
    subject: string;
    address: string | null;
    from: { name: string | null; address: string } | null;
    contentVersionId: number;
    variables: Record<string, unknown> | null;
  }>`
    select messages.id, messages.finished_at as at, content_versions.subject, messages.address,
      ${composedOf} -> 'from' as "from", messages.content_version_id, ${composedOf} -> 'variables' as variables
    from messages join content_versions on content_versions.id = messages.content_version_id
    where messages.email_campaign_id = ${emailCampaignId} and messages.state = 'accepted'
    order by messages.id limit ${MOST_SHOWN}`.execute(db);
  return found;
}

const MOST_SHOWN = 200;

/** Forgets what an erased person wrote and what was written to them; that there was a conversation stays. */
export async function forgetPerson(tx: Tx, personId: number): Promise<void> {
  const theirs = tx.selectFrom("conversations").select("id").where("personId", "=", personId);
  await tx
    .updateTable("conversationMails")
    .set({ fromName: null, fromAddress: null, subject: "Erased", text: "", messageIdHeader: null, referenceIds: [] })
    .where("conversationId", "in", theirs)
    .execute();
  await tx
    .updateTable("answers")
    .set({ toAddress: null, subject: "Erased", text: "", bytes: null, reply: null, nextAttemptAt: null })
    .where("conversationId", "in", theirs)
    .execute();
  await tx
    .updateTable("conversations")
    .set({ subject: "Erased", notifyAt: null, state: "done" })
    .where("personId", "=", personId)
    .execute();
}

export async function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  await tx.updateTable("conversations").set({ personId }).where("personId", "=", formerId).execute();
}
