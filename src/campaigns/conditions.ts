/** Whether what a condition names is there: fields, groups, Campaigns, steps. Evaluates nothing. */
import { type Condition, type Leaf, leavesOf, OWN_FIELDS } from "../core/conditions.ts";
import { attributeOf } from "../core/csv-person.ts";
import { refuse } from "../core/problem.ts";
import { sql } from "kysely";
import type { Tx } from "../db/database.ts";
import { declaredFields } from "../people/people.ts";

/** A condition and where it stands in what was given. */
export type Placed = {
  readonly condition: Condition | null | undefined;
  readonly pointer: string;
  /** Of a step, before which there can be another mail. */
  readonly ofStep: boolean;
};

type Declared = Awaited<ReturnType<typeof declaredFields>>;

/** Refuses a condition that names something that is not there, or compares a field in a way its type does not allow. */
export async function checkConditions(tx: Tx, placed: readonly Placed[], stepIds: readonly number[]): Promise<void> {
  const leaves = placed.flatMap(({ condition, ...where }) =>
    condition ? leavesOf(condition).map((leaf) => ({ leaf, ...where })) : [],
  );
  if (leaves.length === 0) return;
  const declared = await declaredFields(tx);
  const groups = await missing(
    tx,
    "email_groups",
    leaves.flatMap(({ leaf }) => ("group" in leaf ? leaf.group : [])),
  );
  const campaigns = await missing(
    tx,
    "campaigns",
    leaves.flatMap(({ leaf }) => campaignIn(leaf) ?? []),
  );
  for (const { leaf, pointer, ofStep } of leaves) {
    const problem =
      "field" in leaf
        ? problemOfField(leaf, declared)
        : "group" in leaf && groups.has(leaf.group)
          ? `There is no Email Group ${leaf.group}.`
          : campaigns.has(campaignIn(leaf) ?? 0)
            ? `There is no Campaign ${campaignIn(leaf)}.`
            : problemOfStep(leaf, stepIds, ofStep);
    if (problem) refuse("condition-invalid", problem, pointer);
  }
}

const campaignIn = (leaf: Leaf) =>
  "campaign" in leaf ? leaf.campaign : "finished" in leaf ? leaf.finished : undefined;

async function missing(tx: Tx, table: "email_groups" | "campaigns", ids: readonly number[]): Promise<Set<number>> {
  if (ids.length === 0) return new Set();
  const { rows } = await sql<{ id: number }>`
    select wanted.id from unnest(${[...ids]}::bigint[]) as wanted (id)
    where not exists (select from ${sql.table(table)} as there where there.id = wanted.id)`.execute(tx);
  return new Set(rows.map(({ id }) => id));
}

function problemOfStep(leaf: Leaf, stepIds: readonly number[], ofStep: boolean): string | null {
  const which = "opened" in leaf ? leaf.opened : "clicked" in leaf ? leaf.clicked : "any";
  if (typeof which === "number" && !stepIds.includes(which)) return `This Campaign has no step ${which}.`;
  if (which === "before" && !ofStep) return "Only a step has a mail before it; say any mail, or name a step.";
  return null;
}

const OWN: ReadonlySet<string> = new Set(OWN_FIELDS);
const ORDERED = ["at-least", "at-most", "more-than", "less-than"];
const IN_TEXT = ["contains", "starts-with"];

/** What is wrong with the comparison of a field; null: nothing. */
function problemOfField({ field, op, value = null }: Extract<Leaf, { field: string }>, declared: Declared) {
  const known = declared.find(({ key }) => key === field);
  if (!known && !OWN.has(field)) return `There is no field “${field}”.`;
  if (op === "set") return null;
  if (value === null) return `Say what “${field}” is compared with.`;
  const type = known?.type ?? "text";
  if (Array.isArray(value)) return op === "is" ? null : `“${field}” is compared with one value.`;
  if (ORDERED.includes(op)) {
    if (type === "number") return typeof value === "number" ? null : `“${field}” is compared with a number.`;
    if (type !== "date") return `Only numbers and dates have an order; “${field}” is a ${type}.`;
  }
  if (IN_TEXT.includes(op) && typeof value !== "string") return `“${field}” is searched for text.`;
  if (!known || IN_TEXT.includes(op)) return typeof value === "string" ? null : `“${field}” is compared with text.`;
  if (type === "number" && typeof value !== "number") return `“${field}” is compared with a number.`;
  if (type === "boolean" && typeof value !== "boolean") return `“${field}” is yes or no.`;
  const read = attributeOf(String(value), known);
  return "problem" in read ? read.problem : null;
}
