/** The SQL of templates and their versions; writes only those two tables. */
import { type Insertable, sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import { containing } from "../db/like.ts";
import type { Tables } from "../db/tables.ts";
import { positionOf } from "../http/paging.ts";

const TEMPLATE = [
  "emailTemplates.id",
  "emailTemplates.name",
  "emailTemplates.ownerId",
  "emailTemplates.createdAt",
  "emailTemplates.changedAt",
  "contentVersions.id as versionId",
  "contentVersions.number as versionNumber",
  "contentVersions.subject",
  "contentVersions.preheader",
  "contentVersions.format",
  "contentVersions.body",
  "contentVersions.text",
  "contentVersions.variables",
  "contentVersions.contentHash",
] as const;

function templates(db: Db) {
  return db
    .selectFrom("emailTemplates")
    .innerJoin("contentVersions", "contentVersions.id", "emailTemplates.currentVersionId")
    .select(TEMPLATE);
}

export function find(db: Db, id: number) {
  return templates(db).where("emailTemplates.id", "=", id).executeTakeFirst();
}

export function findByName(db: Db, name: string) {
  return templates(db).where("emailTemplates.nameKey", "=", name.toLowerCase()).executeTakeFirst();
}

export async function lock(tx: Tx, id: number) {
  await tx.selectFrom("emailTemplates").select("id").where("id", "=", id).forUpdate().execute();
  return find(tx, id);
}

export function list(db: Db, { limit, cursor, q }: { limit: number; cursor?: string; q?: string }) {
  let query = templates(db)
    .orderBy("emailTemplates.id")
    .limit(limit + 1);
  if (cursor) query = query.where("emailTemplates.id", ">", positionOf(cursor).id);
  if (q) query = query.where("emailTemplates.nameKey", "like", containing(q.toLowerCase()));
  return query.execute();
}

export async function insert(tx: Tx, name: string, ownerId: number | null, now: Temporal.Instant): Promise<number> {
  const made = await tx
    .insertInto("emailTemplates")
    .values({ name, ownerId, currentVersionId: null, createdAt: now, changedAt: now })
    .returning("id")
    .executeTakeFirstOrThrow();
  return made.id;
}

/** Adds a version under the next number and makes it the current one. */
export async function addVersion(
  tx: Tx,
  version: Omit<Insertable<Tables["contentVersions"]>, "number">,
): Promise<number> {
  const made = await tx
    .insertInto("contentVersions")
    .values({
      ...version,
      number: sql<number>`(select coalesce(max(number), 0) + 1 from content_versions
        where email_template_id = ${version.emailTemplateId})`,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  await tx
    .updateTable("emailTemplates")
    .set({ currentVersionId: made.id, changedAt: version.createdAt })
    .where("id", "=", version.emailTemplateId)
    .execute();
  return made.id;
}

export async function rename(tx: Tx, id: number, name: string, now: Temporal.Instant): Promise<void> {
  await tx.updateTable("emailTemplates").set({ name, changedAt: now }).where("id", "=", id).execute();
}

export async function remove(tx: Tx, id: number): Promise<void> {
  await tx.updateTable("emailTemplates").set({ currentVersionId: null }).where("id", "=", id).execute();
  await tx.deleteFrom("contentVersions").where("emailTemplateId", "=", id).execute();
  await tx.deleteFrom("emailTemplates").where("id", "=", id).execute();
}

/** The Campaigns with a step that uses a template, past steps included. */
export function usedBy(db: Db, id: number) {
  return db
    .selectFrom("steps")
    .innerJoin("campaigns", "campaigns.id", "steps.campaignId")
    .select("campaigns.name")
    .distinct()
    .where((where) =>
      where.or([
        where("steps.emailTemplateId", "=", id),
        sql<boolean>`steps.variants -> 'others' @> ${JSON.stringify([{ emailTemplateId: id }])}::jsonb`,
      ]),
    )
    .execute();
}

export function versions(db: Db, id: number, { limit, cursor }: { limit: number; cursor?: string }) {
  let query = db
    .selectFrom("contentVersions")
    .selectAll()
    .where("emailTemplateId", "=", id)
    .orderBy("id", "desc")
    .limit(limit + 1);
  if (cursor) query = query.where("id", "<", positionOf(cursor).id);
  return query.execute();
}

export function findVersion(db: Db, versionId: number) {
  return db.selectFrom("contentVersions").selectAll().where("id", "=", versionId).executeTakeFirst();
}

export function findNumbered(db: Db, id: number, number: number) {
  return db
    .selectFrom("contentVersions")
    .selectAll()
    .where("emailTemplateId", "=", id)
    .where("number", "=", number)
    .executeTakeFirst();
}

/** The names of templates and saved blocks that hold a piece of text, in any version. */
export async function holding(db: Db, piece: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select distinct t.name from email_templates t join content_versions v on v.email_template_id = t.id
    where position(${piece} in v.body) > 0 or position(${piece} in v.compiled_html) > 0
    union select s.name from saved_blocks s where position(${piece} in s.blocks::text) > 0
    order by name`.execute(db);
  return rows.map(({ name }) => `“${name}”`);
}
