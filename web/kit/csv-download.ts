/** Any list as a CSV file: read page by page from the API, each cell guarded against spreadsheets that run formulas (E131). */
import { csvLine, guarded } from "../../src/core/csv.ts";
import { call, type Route, type Sent } from "../api.ts";

const PAGE = 500;
/** Beyond this a browser is the wrong place; the API has no such limit. */
const MOST_ROWS = 100_000;

/** Reads the whole list and hands it to the browser as a file. Answers how many rows it has. */
export async function downloadCsv(
  route: Route & `GET ${string}`,
  { params, query }: { params?: Sent<Route>["params"]; query: object },
  name: string,
): Promise<number> {
  const rows: Record<string, unknown>[] = [];
  let cursor: string | null = null;
  do {
    const sent = { params, query: { ...query, limit: PAGE, ...(cursor ? { cursor } : {}) } };
    const page = (await call(route, sent as never)) as unknown as {
      data: Record<string, unknown>[];
      nextCursor: string | null;
    };
    rows.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null && rows.length < MOST_ROWS);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...rows.map((row) => columns.map((column) => cellOf(row[column])))];
  // The mark at the beginning tells spreadsheets that it is UTF-8.
  const file = new Blob(["\ufeff", ...lines.map((cells) => csvLine(cells.map(guarded)))], {
    type: "text/csv;charset=utf-8",
  });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${name}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
  return rows.length;
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
