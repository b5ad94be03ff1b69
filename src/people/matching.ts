/** Which people a filter means, as SQL: for lists, exports and bulk starts alike. Values are parameters, never part of the text. */
import { sql, type SelectQueryBuilder } from "kysely";
import { attributeOf } from "../core/csv-person.ts";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import { containing } from "../db/like.ts";
import type { Tables } from "../db/tables.ts";
import type { PeopleFilter } from "./api.ts";
import { declaredFields } from "./fields.ts";

export type PeopleQuery = SelectQueryBuilder<Tables, "people", { id: number }>;

/**
 * The ids of the people a filter means, as a subquery: `where("people.id", "in", await matching(db, filter))`.
 * Erased people are never among them. Refuses an attribute that is not declared.
 */
export async function matching(db: Db, filter: PeopleFilter): Promise<PeopleQuery> {
  let query: PeopleQuery = db.selectFrom("people").select("people.id").where("people.erasedAt", "is", null);
  if (filter.kind) query = query.where("people.kind", "=", filter.kind);
  if (filter.ids) query = query.where("people.id", "=", sql<number>`any(${filter.ids}::bigint[])`);
  for (const column of ["status", "source", "owner", "company", "country"] as const) {
    const wanted = filter[column];
    if (wanted) query = query.where(`people.${column}`, "in", wanted);
  }
  if (filter.q) {
    const pattern = containing(filter.q);
    query = query.where((where) =>
      where.or([
        where("people.fullName", "ilike", pattern),
        where("people.company", "ilike", pattern),
        where("people.email", "ilike", pattern),
      ]),
    );
  }
  const { emailGroupId } = filter;
  if (emailGroupId !== undefined) {
    query = query.where((where) =>
      where.exists(
        where
          .selectFrom("emailGroupMembers as member")
          .select("member.personId")
          .whereRef("member.personId", "=", "people.id")
          .where("member.emailGroupId", "=", emailGroupId)
          .where("member.unsubscribedAt", "is", null),
      ),
    );
  }
  if (filter.createdFrom) query = query.where("people.createdAt", ">=", momentOf(filter.createdFrom));
  if (filter.createdBefore) query = query.where("people.createdAt", "<", momentOf(filter.createdBefore));
  for (const wanted of await attributesOf(db, filter.attributes ?? {}))
    query = query.where(sql<boolean>`people.attributes @> ${JSON.stringify(wanted)}::jsonb`);
  return query;
}

async function attributesOf(db: Db, given: Record<string, string>): Promise<object[]> {
  if (Object.keys(given).length === 0) return [];
  const declared = await declaredFields(db);
  return Object.entries(given).map(([key, text]) => {
    const field =
      declared.find((one) => one.key === key) ??
      refuse("input-invalid", `There is no field "${key}" to filter by.`, `/attributes.${key}`);
    const read = attributeOf(text, field);
    if ("problem" in read) return refuse("input-invalid", read.problem, `/attributes.${key}`);
    return { [key]: read.value };
  });
}

/** A day begins at midnight UTC here: the list has no time zone of its own. */
function momentOf(text: string): Temporal.Instant {
  return text.includes("T") ? Temporal.Instant.from(text) : Temporal.Instant.from(`${text}T00:00:00Z`);
}
