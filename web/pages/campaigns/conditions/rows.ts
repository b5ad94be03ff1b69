/** A condition as the rows of a form, and back. What has no row of its own is kept as it is. Calls nothing. */
import type { Condition, Leaf } from "../../../../src/core/conditions.ts";

/** All rows have to be so, or any. */
export type Join = "all" | "any";

/** One row: a thing that is so or not so, or a condition within that the form cannot show. */
export type Row = { readonly so: boolean; readonly leaf: Leaf } | { readonly kept: Condition };

export type Rows = { readonly join: Join; readonly rows: readonly Row[] };

export function rowsOf(condition: Condition | null): Rows {
  if (condition === null) return { join: "all", rows: [] };
  if ("all" in condition) return { join: "all", rows: condition.all.map(rowOf) };
  if ("any" in condition) return { join: "any", rows: condition.any.map(rowOf) };
  return { join: "all", rows: [rowOf(condition)] };
}

function rowOf(condition: Condition): Row {
  if (isLeaf(condition)) return { so: true, leaf: condition };
  if ("not" in condition && isLeaf(condition.not)) return { so: false, leaf: condition.not };
  return { kept: condition };
}

const isLeaf = (condition: Condition): condition is Leaf =>
  !("all" in condition || "any" in condition || "not" in condition);

/** Null: nothing is asked. A single row stands by itself, and two that are joined stay joined. */
export function conditionOf({ join, rows }: Rows): Condition | null {
  const parts = rows.map(partOf);
  if (parts.length < 2) return parts[0] ?? null;
  return join === "all" ? { all: parts } : { any: parts };
}

const partOf = (row: Row): Condition => ("kept" in row ? row.kept : row.so ? row.leaf : { not: row.leaf });

/** What a row can ask. */
export type Kind = "field" | "group" | "opened" | "clicked" | "replied" | "campaign" | "finished" | "event";

/** A row of each kind as it begins: what is chosen still is 0, or empty, which the server would refuse. */
export const BEGUN: Readonly<Record<Kind, Leaf>> = {
  replied: { replied: true },
  opened: { opened: "any" },
  clicked: { clicked: "any" },
  group: { group: 0 },
  field: { field: "", op: "is", value: null },
  campaign: { campaign: 0, statuses: ["In Progress"] },
  finished: { finished: 0 },
  event: { event: "", since: "start" },
};

export const kindOf = (leaf: Leaf): Kind => (Object.keys(BEGUN) as Kind[]).find((kind) => kind in leaf) ?? "replied";

/** Whether something of it is not chosen yet. */
export function isOpen(condition: Condition | null): boolean {
  if (condition === null) return false;
  if ("all" in condition) return condition.all.some(isOpen);
  if ("any" in condition) return condition.any.some(isOpen);
  if ("not" in condition) return isOpen(condition.not);
  if ("field" in condition) return condition.field === "" || (condition.op !== "set" && isEmpty(condition.value));
  if ("group" in condition) return condition.group === 0;
  if ("campaign" in condition) return condition.campaign === 0 || condition.statuses.length === 0;
  if ("event" in condition) return condition.event.trim() === "";
  return "finished" in condition && condition.finished === 0;
}

const isEmpty = (value: unknown) =>
  value === null || value === undefined || value === "" || (Array.isArray(value) && value.length === 0);

/** The same whatever the order of the keys: what comes from the database has another than what a form makes. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) =>
    one !== null && typeof one === "object" && !Array.isArray(one)
      ? Object.fromEntries(
          Object.entries(one).toSorted(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)),
        )
      : one,
  );
