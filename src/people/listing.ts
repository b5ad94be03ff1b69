/** Lists of people, page by page: rows as the API shows them. Filters come from matching.ts; nothing is written here. */
import { type OrderByItemBuilder, sql } from "kysely";
import type { Db } from "../db/database.ts";
import { pageOf, positionOf, type Position } from "../http/paging.ts";
import { refuse } from "../core/problem.ts";
import type { PeopleFilter, Sort } from "./api.ts";
import { matching } from "./matching.ts";

const columns = [
  "id",
  "kind",
  "salutation",
  "firstName",
  "middleName",
  "lastName",
  "fullName",
  "email",
  "company",
  "jobTitle",
  "phone",
  "mobile",
  "website",
  "city",
  "state",
  "country",
  "source",
  "status",
  "owner",
  "ownerId",
  "language",
  "timeZone",
  "notes",
  "attributes",
  "measuring",
  "measuringRefusedAt",
  "disabledAt",
  "erasedAt",
  "createdAt",
  "changedAt",
] as const;

/** People with their further addresses and the widest opt-out of the primary one. */
function shown(db: Db) {
  return db
    .selectFrom("people")
    .select(columns.map((column) => `people.${column}` as const))
    .select([further.as("further"), optedOut.as("optedOut")]);
}

const further = sql<string[]>`array(
  select person_addresses.email from person_addresses where person_addresses.person_id = people.id order by person_addresses.id)`;

const optedOut = sql<"campaigns" | "everything" | null>`(
  select max(suppressions.scope) from suppressions
  where suppressions.email_key = people.email_key and suppressions.lifted_at is null and suppressions.scope <> 'campaign')`;

type Row = Awaited<ReturnType<ReturnType<typeof shown>["execute"]>>[number];

/** The row as the API shows it: the primary address first. */
function view({ further, ...row }: Row) {
  const addresses = [
    ...(row.email ? [{ email: row.email, primary: true }] : []),
    ...further.map((email) => ({ email, primary: false })),
  ];
  return { ...row, addresses };
}

/** One person as the API shows it; refuses an id that is none, or none of this kind. */
export async function shownPerson(db: Db, id: number, kind?: Row["kind"]) {
  const found = await shown(db).where("people.id", "=", id).executeTakeFirst();
  return found && (!kind || found.kind === kind)
    ? view(found)
    : refuse("person-not-found", `There is no ${kind ?? "person"} ${id}.`);
}

export type ListOptions = { readonly sort: Sort; readonly limit: number; readonly cursor?: string | undefined };

/** One page of the people a filter means. */
export async function list(db: Db, filter: PeopleFilter, { sort, limit, cursor }: ListOptions) {
  const descending = sort.startsWith("-");
  const column = (descending ? sort.slice(1) : sort) as Column;
  const direction = descending ? "desc" : "asc";
  // The page first, out of narrow rows and by an index where there is one; only then what is shown of each.
  let page = (await matching(db, filter))
    .orderBy(`people.${column}`, order(column, descending))
    .orderBy("people.id", direction)
    .limit(limit + 1);
  if (cursor) page = page.where(after(column, descending, positionOf(cursor)));
  const query = shown(db)
    .where("people.id", "in", page)
    .orderBy(`people.${column}`, order(column, descending))
    .orderBy("people.id", direction);
  const rows = await query.execute();
  const { data, nextCursor } = pageOf(rows, limit, (row) => valueOf(row[column]));
  return { data: data.map(view), nextCursor };
}

type Column = Exclude<Sort, `-${string}`>;
const NULLABLE: ReadonlySet<Column> = new Set(["email", "company"]);

/** Nulls last in either direction; not said of a column without nulls, since an index read backwards would not do then. */
function order(column: Column, descending: boolean) {
  return (by: OrderByItemBuilder) => {
    const directed = descending ? by.desc() : by.asc();
    return NULLABLE.has(column) ? directed.nullsLast() : directed;
  };
}

/** Keyset condition with nulls last in either direction. */
function after(column: Column, descending: boolean, { value, id }: Position) {
  const of = sql.ref(`people.${column}`);
  const [beyond, beyondId] = descending ? [sql`<`, sql`people.id < ${id}`] : [sql`>`, sql`people.id > ${id}`];
  if (value === null) return sql<boolean>`(${of} is null and ${beyondId})`;
  const isMoment = column === "createdAt" || column === "changedAt";
  if (isMoment && !isInstant(value)) refuse("cursor-invalid", "This cursor belongs to another order.", "/cursor");
  if (column === "id" && typeof value !== "number")
    refuse("cursor-invalid", "This cursor belongs to another order.", "/cursor");
  const at = isMoment ? sql`${value}::timestamptz` : column === "id" ? sql`${value}::bigint` : sql`${value}::text`;
  const than = sql`(${of}, people.id) ${beyond} (${at}, ${id}::bigint)`;
  return NULLABLE.has(column) ? sql<boolean>`(${than} or ${of} is null)` : sql<boolean>`${than}`;
}

function isInstant(value: string | number): boolean {
  try {
    Temporal.Instant.from(String(value));
    return true;
  } catch {
    return false;
  }
}

function valueOf(value: string | number | Temporal.Instant | null): string | number | null {
  return value instanceof Temporal.Instant ? value.toString() : value;
}
