/** Declared fields: which attributes a person may have, and of which type. Holds no one's values. */
import type { Acting } from "../accounts/ownership.ts";
import { sql } from "kysely";
import { recordChange } from "../accounts/audit.ts";
import type { DeclaredField } from "../core/csv-mapping.ts";
import { attributeOf } from "../core/csv-person.ts";
import { type Fault, refuse } from "../core/problem.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { Attributes } from "../db/tables.ts";
import type { FieldInput } from "./api.ts";
import { refuseNamed, type Removal } from "./named.ts";

type Actor = Acting;

/** How many fields may be declared: a person's attributes are one value in the row. */
const MAX_FIELDS = 200;
const columns = ["id", "key", "label", "type", "choices", "createdAt"] as const;

/** All declared fields, in the order they were declared. */
export function declaredFields(db: Db) {
  return db.selectFrom("personFields").select(columns).orderBy("id").execute();
}

/** Declares a field. */
export function declare(db: Db, input: FieldInput, actor: Actor, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    requireChoices(input.type, input.choices);
    const { count } = await tx
      .selectFrom("personFields")
      .select((select) => select.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count >= MAX_FIELDS) refuse("too-many-fields", `There can be ${MAX_FIELDS} fields at most.`);
    const made = await tx
      .insertInto("personFields")
      .values({ ...input, choices: input.choices && JSON.stringify(input.choices), createdAt: now })
      .onConflict((conflict) => conflict.doNothing())
      .returning(columns)
      .executeTakeFirst();
    if (!made) return refuse("person-field-exists", `There is a field "${input.key}" already.`, "/key");
    await recordChange(
      tx,
      { actor, action: "create", subjectType: "person-field", subjectId: made.id, after: input },
      now,
    );
    return made;
  });
}

/** Changes a field's label or choices; its key and type are what people's values rely on. */
export function redeclare(
  db: Db,
  id: number,
  input: Partial<Pick<FieldInput, "label" | "choices">>,
  actor: Actor,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const before =
      (await tx.selectFrom("personFields").select(columns).where("id", "=", id).forUpdate().executeTakeFirst()) ??
      notFound(id);
    const choices = input.choices === undefined ? before.choices : input.choices;
    requireChoices(before.type, choices);
    const saved = await tx
      .updateTable("personFields")
      .set({ label: input.label ?? before.label, choices: choices && JSON.stringify(choices) })
      .where("id", "=", id)
      .returning(columns)
      .executeTakeFirstOrThrow();
    await recordChange(
      tx,
      { actor, action: "update", subjectType: "person-field", subjectId: id, before, after: saved },
      now,
    );
    return saved;
  });
}

/** Removes a field nobody has a value for; where conditions name it, only when that is meant. */
export async function undeclare(
  db: Db,
  id: number,
  removal: Removal,
  actor: Actor,
  now: Temporal.Instant,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const found =
      (await tx.selectFrom("personFields").select(columns).where("id", "=", id).forUpdate().executeTakeFirst()) ??
      notFound(id);
    const used = await tx
      .selectFrom("people")
      .select("id")
      .where(sql<boolean>`attributes ? ${found.key}`)
      .limit(1)
      .executeTakeFirst();
    if (used) refuse("person-field-in-use", `Some people have a value for "${found.label}".`);
    const waitedFor = await tx
      .selectFrom("steps")
      .innerJoin("campaigns", "campaigns.id", "steps.campaignId")
      .select("campaigns.name")
      .where("steps.removedAt", "is", null)
      .where(sql<boolean>`steps.timing -> 'waitFor' ->> 'field' = ${found.key}`)
      .limit(1)
      .executeTakeFirst();
    if (waitedFor)
      refuse("person-field-in-use", `A step of the Campaign “${waitedFor.name}” waits for "${found.label}".`);
    await refuseNamed(tx, { field: found.key }, found.label, removal);
    await tx.deleteFrom("personFields").where("id", "=", id).execute();
    await recordChange(tx, { actor, action: "delete", subjectType: "person-field", subjectId: id, before: found }, now);
  });
}

/**
 * The attributes of a person after a change: `given` over `before`, null removes. Refuses keys that are not declared and
 * values that are not of the declared type, all at once.
 */
export async function checkedAttributes(tx: Tx, given: Attributes, before: Attributes): Promise<Attributes> {
  if (Object.keys(given).length === 0) return before;
  const declared = new Map((await declaredFields(tx)).map((field) => [field.key, field]));
  const faults: Fault[] = [];
  const merged = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(given)) {
    const field = declared.get(key);
    if (!field) faults.push({ pointer: `/attributes/${key}`, detail: `There is no field "${key}". Declare it first.` });
    else if (value === null) merged.delete(key);
    else {
      const checked = typed(value, field);
      if ("problem" in checked) faults.push({ pointer: `/attributes/${key}`, detail: checked.problem });
      else merged.set(key, checked.value);
    }
  }
  if (faults[0]) refuse("input-invalid", faults[0].detail, faults);
  return Object.fromEntries([...merged].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function typed(value: string | number | boolean, field: DeclaredField) {
  if (typeof value === "string" && field.type !== "number" && field.type !== "boolean")
    return attributeOf(value, field);
  if (typeof value === field.type) return { value };
  return { problem: `${field.label} is a ${field.type}.` };
}

function requireChoices(type: string, choices: readonly string[] | null): void {
  if ((type === "choice") !== (choices !== null))
    refuse("input-invalid", "A field of type choice has choices, and no other has.", "/choices");
}

function notFound(id: number): never {
  return refuse("person-field-not-found", `There is no field ${id}.`);
}

/** Declares the fields an import found that are not declared yet; one that somebody else declared meanwhile stays as it is. */
export async function declareMissing(
  tx: Tx,
  fields: readonly DeclaredField[],
  actor: Actor,
  now: Temporal.Instant,
): Promise<void> {
  for (const { key, label, type, choices } of fields) {
    const made = await tx
      .insertInto("personFields")
      .values({ key, label, type, choices: choices && JSON.stringify(choices), createdAt: now })
      .onConflict((conflict) => conflict.doNothing())
      .returning("id")
      .executeTakeFirst();
    if (made)
      await recordChange(
        tx,
        { actor, action: "create", subjectType: "person-field", subjectId: made.id, after: { key, label, type } },
        now,
      );
  }
}
