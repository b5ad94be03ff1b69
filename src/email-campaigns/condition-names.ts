/** What the numbers in conditions are called: groups, Campaigns, steps by their mails, fields by their labels. Reads only. */
import { sql } from "kysely";
import type { Names } from "../core/condition-words.ts";
import { type Condition, leavesOf } from "../core/conditions.ts";
import type { Db } from "../db/database.ts";
import { declaredFields } from "../people/people.ts";

/** The names in these conditions. What is gone is called by its number. */
export async function namesIn(db: Db, conditions: readonly Condition[]): Promise<Names> {
  const leaves = conditions.flatMap(leavesOf);
  const steps = leaves.flatMap((leaf) => ("opened" in leaf ? leaf.opened : "clicked" in leaf ? leaf.clicked : []));
  const wanted: readonly (readonly [string, readonly number[]])[] = [
    ["group", leaves.flatMap((leaf) => ("group" in leaf ? leaf.group : []))],
    [
      "campaign",
      leaves.flatMap((leaf) => ("campaign" in leaf ? leaf.campaign : "finished" in leaf ? leaf.finished : [])),
    ],
    ["step", steps.filter((which) => typeof which === "number")],
  ];
  const called = new Map<string, string>();
  for (const [kind, ids] of wanted) {
    if (ids.length === 0) continue;
    const { rows } = await sql<{
      id: number;
      name: string;
    }>`${NAMED[kind]!} where named.id = any(${[...ids]}::bigint[])`.execute(db);
    for (const { id, name } of rows) called.set(`${kind} ${id}`, name);
  }
  const fields = leaves.some((leaf) => "field" in leaf) ? await declaredFields(db) : [];
  const nameOf = (kind: string) => (id: number) => called.get(`${kind} ${id}`) ?? String(id);
  return {
    group: nameOf("group"),
    campaign: nameOf("campaign"),
    step: nameOf("step"),
    field: (key) => fields.find((field) => field.key === key)?.label ?? key,
  };
}

const NAMED: Readonly<Record<string, ReturnType<typeof sql>>> = {
  group: sql`select named.id, named.title as name from email_groups as named`,
  campaign: sql`select named.id, named.name from campaigns as named`,
  step: sql`select named.id, email_templates.name from steps as named
    join email_templates on email_templates.id = named.email_template_id`,
};
