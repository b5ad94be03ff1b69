/** Finds the heading of a file and its first row of data, in plain files and in the classic system's exports. Reads no cells of people. */
import { type CsvRow, MAX_CELLS } from "../core/csv.ts";
import type { Target } from "../core/csv-mapping.ts";
import { refuse } from "../core/problem.ts";

/**
 * Joins rows that continue the one above: the classic system puts a person's further addresses on rows of their own,
 * with nothing else in them. Their address joins the list in the cell above, in front when it is marked as primary.
 */
export async function* withContinuations(
  pieces: AsyncIterable<readonly CsvRow[]>,
  targets: readonly (Target | null)[],
): AsyncGenerator<readonly CsvRow[]> {
  const [record = -1, email = -1, primary = -1] = (["recordId", "email", "primaryFlag"] as const).map((target) =>
    targets.indexOf(target),
  );
  if (record < 0 || email < 0 || primary < 0) {
    yield* pieces;
    return;
  }
  let held: CsvRow | undefined;
  for await (const rows of pieces) {
    const joined: CsvRow[] = [];
    for (const row of rows) {
      if (held && "cells" in held && "cells" in row && continues(row.cells, [email, primary])) {
        const address = row.cells[email]?.trim();
        const above = held.cells[email] ?? "";
        if (address) held.cells[email] = row.cells[primary] === "1" ? `${address}, ${above}` : `${above}, ${address}`;
      } else {
        if (held) joined.push(held);
        held = row;
      }
    }
    yield joined;
  }
  if (held) yield [held];
}

function continues(cells: readonly string[], ofAddress: readonly number[]): boolean {
  return cells.every((cell, index) => cell.trim() === "" || ofAddress.includes(index));
}

/** How far down the heading may stand: the classic Data Export puts notes above it. */
const NOTES = 40;

/** The heading, and the rows below it. Refuses a file that has none. */
export function headingAndRows(rows: readonly CsvRow[]): { heading: readonly string[]; rows: readonly CsvRow[] } {
  const first = rows.findIndex((row) => !("cells" in row) || row.cells.some((cell) => cell.trim() !== ""));
  const row = rows[first];
  if (!row) return refuse("import-is-empty", "This file is empty.");
  const named = rows.slice(0, NOTES).findIndex((one) => startOf(one) === "column name:");
  const starts = rows.slice(0, NOTES).findIndex((one) => startOf(one).startsWith("start entering data below"));
  if (named >= 0 && starts > named) {
    const names = rows[named];
    if (names && "cells" in names) return { heading: names.cells.map(clean), rows: rows.slice(starts + 1) };
  }
  if (!("cells" in row))
    return refuse(
      "import-has-no-heading",
      `The first row cannot be read: ${row.problem} A heading has at most ${MAX_CELLS} cells.`,
    );
  return { heading: row.cells.map(clean), rows: rows.slice(first + 1) };
}

function startOf(row: CsvRow): string {
  return "cells" in row ? (row.cells[0] ?? "").trim().toLowerCase() : "";
}

function clean(cell: string): string {
  const trimmed = cell
    .replaceAll(/[\0\u{feff}]/gu, "")
    .trim()
    .slice(0, 300);
  // Our own guard stands before headings too.
  return trimmed.startsWith("'") ? trimmed.slice(1) : trimmed;
}
