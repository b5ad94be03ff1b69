/** Writes people as CSV, page by page, in the form an import reads back. Holds one page at a time. */
import { csvLine, guarded } from "../core/csv.ts";
import type { Db } from "../db/database.ts";
import type { PeopleFilter } from "./api.ts";
import { declaredFields } from "./fields.ts";
import { list } from "./listing.ts";

type Shown = Awaited<ReturnType<typeof list>>["data"][number];

/** Headings as an import knows them, and the cell under each. */
const COLUMNS: readonly (readonly [heading: string, cell: (person: Shown) => string | null])[] = [
  ["Tidings ID", (person) => String(person.id)],
  ["Salutation", (person) => person.salutation],
  ["First Name", (person) => person.firstName],
  ["Middle Name", (person) => person.middleName],
  ["Last Name", (person) => person.lastName],
  ["Full Name", (person) => person.fullName],
  ["Email", (person) => person.email],
  ["Further Emails", (person) => further(person)],
  ["Company", (person) => person.company],
  ["Job Title", (person) => person.jobTitle],
  ["Phone", (person) => person.phone],
  ["Mobile", (person) => person.mobile],
  ["Website", (person) => person.website],
  ["City", (person) => person.city],
  ["State", (person) => person.state],
  ["Country", (person) => person.country],
  ["Source", (person) => person.source],
  ["Status", (person) => person.status],
  ["Owner", (person) => person.owner],
  ["Language", (person) => person.language],
  ["Time Zone", (person) => person.timeZone],
  ["Notes", (person) => person.notes],
  ["Disabled", (person) => (person.disabledAt ? "yes" : null)],
  ["Never Measured", (person) => (person.measuring === "never" ? "yes" : null)],
  ["Unsubscribed", (person) => (person.optedOut === "everything" ? "yes" : null)],
];

const PAGE = 1000;

/**
 * The people a filter means, as CSV in UTF-8. Every cell a spreadsheet might run is guarded (E131).
 * Unsubscribed says yes for an address that gets nothing at all; opt-outs of one or all Campaigns are in /suppressions.
 */
export async function* exported(db: Db, filter: PeopleFilter): AsyncGenerator<string> {
  const fields = await declaredFields(db);
  yield row([...COLUMNS.map(([heading]) => heading), ...fields.map(({ label, key }) => `${label} (${key})`)]);
  let cursor: string | undefined;
  do {
    const page = await list(db, filter, { sort: "id", limit: PAGE, cursor });
    cursor = page.nextCursor ?? undefined;
    yield page.data
      .map((person) =>
        row([
          ...COLUMNS.map(([, cell]) => cell(person) ?? ""),
          ...fields.map(({ key }) => String(person.attributes[key] ?? "")),
        ]),
      )
      .join("");
  } while (cursor);
}

function row(cells: readonly string[]): string {
  return csvLine(cells.map(guarded));
}

function further(person: Shown): string {
  const addresses = person.addresses.filter(({ primary }) => !primary);
  return addresses.map(({ email }) => email).join(", ");
}
