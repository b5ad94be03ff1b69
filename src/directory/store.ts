/** The SQL of one person across all modules: reads alone. */
import { sql } from "kysely";
import type { Db } from "../db/database.ts";
import { composedOf, templateOfMessage } from "../delivery/delivery.ts";

/** How many running Email Campaigns a page shows. */
const SHOWN = 50;
/** Beyond this many of a kind an export is no longer one person's. */
const MOST_EXPORTED = 100_000;

export function groupsOf(db: Db, personId: number) {
  return db
    .selectFrom("emailGroupMembers as member")
    .innerJoin("emailGroups", "emailGroups.id", "member.emailGroupId")
    .select(["member.emailGroupId", "emailGroups.title", "member.joinedAt", "member.unsubscribedAt"])
    .where("member.personId", "=", personId)
    .orderBy("emailGroups.title")
    .execute();
}

const keysOf = (personId: number) => sql<string>`(
  select email_key from people where id = ${personId} and email_key is not null
  union select email_key from person_addresses where person_id = ${personId})`;

function suppressions(db: Db, personId: number) {
  return db
    .selectFrom("suppressions")
    .leftJoin("campaigns", "campaigns.id", "suppressions.campaignId")
    .select([
      "suppressions.id",
      sql<string>`suppressions.email_key`.as("email"),
      "suppressions.scope",
      "suppressions.campaignId",
      "campaigns.name as campaign",
      "suppressions.reason",
      "suppressions.origin",
      "suppressions.createdAt",
      "suppressions.liftedAt",
      "suppressions.liftedBy",
      sql<boolean>`suppressions.email_key = (select email_key from people where id = ${personId})`.as("primary"),
    ])
    .where(sql<boolean>`suppressions.email_key in ${keysOf(personId)}`)
    .orderBy("suppressions.id", "desc");
}

/** Those in force for any address of the person. */
export function suppressionsOf(db: Db, personId: number) {
  return suppressions(db, personId).where("suppressions.liftedAt", "is", null).execute();
}

/** Those that were lifted too. */
export function allSuppressionsOf(db: Db, personId: number) {
  return suppressions(db, personId).execute();
}

export function runningOf(db: Db, personId: number) {
  return db
    .selectFrom("emailCampaigns as ec")
    .innerJoin("campaigns", "campaigns.id", "ec.campaignId")
    .select([
      "ec.id",
      "ec.number",
      "ec.campaignId",
      "campaigns.name as campaign",
      "ec.status",
      "ec.startOn",
      "ec.endOn",
      "ec.nextDueAt",
    ])
    .select(
      sql<number>`(select count(*)::int from messages where messages.email_campaign_id = ec.id and state = 'accepted')`.as(
        "sent",
      ),
    )
    .where("ec.personId", "=", personId)
    .where("ec.status", "in", ["Scheduled", "In Progress", "Paused"])
    .orderBy("ec.id")
    .limit(SHOWN)
    .execute();
}

export async function emailCampaignCount(db: Db, personId: number): Promise<number> {
  const { count } = await db
    .selectFrom("emailCampaigns")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("personId", "=", personId)
    .executeTakeFirstOrThrow();
  return count;
}

export async function formerIdsOf(db: Db, personId: number): Promise<number[]> {
  const rows = await db
    .selectFrom("mergedPeople")
    .select("formerId")
    .where("personId", "=", personId)
    .orderBy("formerId")
    .execute();
  return rows.map(({ formerId }) => formerId);
}

export function emailCampaignsOf(db: Db, personId: number) {
  return db
    .selectFrom("emailCampaigns as ec")
    .innerJoin("campaigns", "campaigns.id", "ec.campaignId")
    .leftJoin("senders", "senders.id", "ec.senderId")
    .select([
      "ec.number",
      "campaigns.name as campaign",
      "senders.email as sender",
      "ec.startOn",
      "ec.endOn",
      "ec.status",
      "ec.stopReason",
      "ec.createdBy",
      "ec.createdAt",
      "ec.finishedAt",
    ])
    .where("ec.personId", "=", personId)
    .orderBy("ec.id")
    .limit(MOST_EXPORTED)
    .execute();
}

export function entriesOf(db: Db, personId: number) {
  return db
    .selectFrom("timelineEntries")
    .leftJoin("emailCampaigns", "emailCampaigns.id", "timelineEntries.emailCampaignId")
    .select([
      "timelineEntries.at",
      "timelineEntries.kind",
      "timelineEntries.subject",
      "timelineEntries.detail",
      "emailCampaigns.number as emailCampaign",
    ])
    .where("timelineEntries.personId", "=", personId)
    .orderBy("timelineEntries.id")
    .limit(MOST_EXPORTED)
    .execute();
}

/** What programs told of the person. */
export function eventsOf(db: Db, personId: number) {
  return db
    .selectFrom("events")
    .select(["name", "happenedAt", "receivedAt", "externalId", "properties"])
    .where("personId", "=", personId)
    .orderBy("events.id")
    .limit(MOST_EXPORTED)
    .execute();
}

/** Each email with the values that stood in it. Link addresses let whoever has them act for the person: they stay here. */
export function emailsOf(db: Db, personId: number) {
  return db
    .selectFrom("messages")
    .innerJoin("steps", "steps.id", "messages.stepId")
    .innerJoin("emailTemplates", (join) => join.on("emailTemplates.id", "=", templateOfMessage))
    .innerJoin("emailCampaigns", "emailCampaigns.id", "messages.emailCampaignId")
    .leftJoin("contentVersions", "contentVersions.id", "messages.contentVersionId")
    .select([
      "messages.id",
      "emailCampaigns.number as emailCampaign",
      "emailTemplates.name as emailTemplate",
      "messages.variant",
      "contentVersions.number as version",
      "contentVersions.subject as subjectTemplate",
      "messages.contentVersionId",
      "messages.address as to",
      "messages.state",
      "messages.reason",
      "messages.dueAt",
      "messages.finishedAt",
      "messages.messageId",
      sql<Record<string, unknown> | null>`(${composedOf} -> 'variables')::jsonb - 'unsubscribe_url'`.as("values"),
      sql<string | null>`messages.reply_code || ' ' || messages.reply_text`.as("reply"),
    ])
    .where("messages.personId", "=", personId)
    .orderBy("messages.id")
    .limit(MOST_EXPORTED)
    .execute();
}

/** What colleagues changed about the person, under any id they had. */
export function auditOf(db: Db, personIds: readonly number[]) {
  return db
    .selectFrom("auditEntries")
    .select(["at", "actor", "action", "subjectType", "before", "after"])
    .where("subjectType", "in", ["lead", "contact", "person"])
    .where("subjectId", "in", personIds.map(String))
    .orderBy("id")
    .limit(MOST_EXPORTED)
    .execute();
}
