/** Who has no value for what a mail fills in. Reads people; writes nothing. */
import { sql } from "kysely";
import type { Db } from "../db/database.ts";
import { fieldsForTemplates, columnOf } from "./template-variables.ts";
import type { PeopleQuery } from "./matching.ts";

export type Lacking = {
  readonly variable: string;
  readonly count: number;
  readonly people: readonly { readonly id: number; readonly fullName: string; readonly email: string | null }[];
};

/** How many are named of each variable; the count says how many there are. */
const MAX_NAMED = 20;

/** For each of these variables that are a person's own: how many of the people have no value, and the first of them. */
export async function lacking(
  db: Db,
  among: PeopleQuery,
  variables: readonly string[],
): Promise<{ readonly of: number; readonly lacking: readonly Lacking[] }> {
  const known = new Set(await fieldsForTemplates(db));
  const wanted = variables.filter((name) => known.has(name));
  const people = db.selectFrom("people").where("people.id", "in", among);
  const { of } = await people.select((select) => select.fn.countAll<number>().as("of")).executeTakeFirstOrThrow();
  const found: Lacking[] = [];
  for (const variable of wanted) {
    const column = columnOf(variable);
    const without = column
      ? sql<boolean>`coalesce(${sql.ref(`people.${column}`)}, '') = ''`
      : sql<boolean>`coalesce(people.attributes ->> ${variable}, '') = ''`;
    const those = people.where(without);
    const { count } = await those
      .select((select) => select.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count === 0) continue;
    const named = await those
      .select(["people.id", "people.fullName", "people.email"])
      .orderBy("people.id")
      .limit(MAX_NAMED)
      .execute();
    found.push({ variable, count, people: named });
  }
  return { of, lacking: found };
}
