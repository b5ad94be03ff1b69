/** Cursors of keyset paging: opaque to the caller, checked on the way in. Knows no tables. */
import { refuse } from "../core/problem.ts";

/** Where the next page starts: after the row with this sort value and id. */
export type Position = { readonly value: string | number | null; readonly id: number };

/** Turns a position into an opaque cursor. */
export function cursorOf(position: Position): string {
  return Buffer.from(JSON.stringify([position.value, position.id])).toString("base64url");
}

/** Reads a cursor back; refuses one that this program did not make. */
export function positionOf(cursor: string): Position {
  try {
    const [value, id] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")) as [unknown, unknown];
    if (Number.isSafeInteger(id) && (value === null || typeof value === "string" || typeof value === "number"))
      return { value, id: id as number };
  } catch {
    // Falls through to the refusal: garbage is garbage, however it fails to parse.
  }
  return refuse("cursor-invalid", "This cursor is not one of ours. Start again without it.", "/cursor");
}

/**
 * Splits `limit + 1` rows into a page and its next cursor.
 * @param rows read with one row more than asked for, in the order of the list.
 */
export function pageOf<Row extends { id: number }>(
  rows: readonly Row[],
  limit: number,
  valueOf: (row: Row) => string | number | null = (row) => row.id,
): { data: Row[]; nextCursor: string | null } {
  const data = rows.slice(0, limit);
  const last = data.at(-1);
  const more = rows.length > limit && last;
  return { data, nextCursor: more ? cursorOf({ value: valueOf(last), id: last.id }) : null };
}
