/** Imports people from a CSV of any size: streams it, checks each row, writes whole batches. Never re-subscribes anybody. */
import { guessDialect, csvLine, csvReader, type CsvRow, guarded, type Delimiter } from "../core/csv.ts";
import { type DeclaredField, type MappedColumn, suggestMapping, type Target } from "../core/csv-mapping.ts";
import { type Draft, personReader } from "../core/csv-person.ts";
import { refuse } from "../core/problem.ts";
import type { Database } from "../db/database.ts";
import type { PersonKind } from "../db/tables.ts";
import { erasedHashes, erasedHashesOf } from "../suppressions/suppressions.ts";
import { decoded, type Encoding } from "./decoding.ts";
import { declaredFields } from "./fields.ts";
import { type Batch, openBatches, type Refused } from "./import-store.ts";
import { headingAndRows, withContinuations } from "./import-heading.ts";
import type { Neighbours } from "./people.ts";
import { SeenKeys } from "./seen.ts";

export type ImportOptions = {
  readonly kind: PersonKind;
  /**
   * What an address that is there already means: `update` fills in what the file says, `skip` leaves the person alone,
   * `create` hands the row back as bad. Within a file the first row with an address counts, so that importing the same
   * file again changes nothing.
   */
  readonly mode?: "create" | "update" | "skip";
  /** Says what would happen and writes nothing. */
  readonly dryRun?: boolean;
  /** Where columns go, by heading; columns not named here go where their headings suggest. */
  readonly mapping?: Readonly<Record<string, Target>>;
  /** What becomes of columns nobody knows: `attributes` declares a field for each. */
  readonly unknownColumns?: "attributes" | "ignore";
  readonly delimiter?: Delimiter;
  /** Who imports, for the audit log. */
  readonly actor: { readonly name: string };
  readonly neighbours: Pick<Neighbours, "erasureKeys" | "onDoNotContact" | "onConverted" | "onTimeZone" | "onTraits">;
  /** Told the address of each good row, by its key: who is in the file, whether new or known. */
  readonly onAddress?: (emailKey: string) => void;
  /** Takes the bad rows as CSV, piece by piece: the file's columns, and why each is bad. */
  readonly badRows?: (csv: string) => void | Promise<void>;
  /** Stops between two batches. */
  readonly signal?: AbortSignal;
};

export type ImportResult = {
  /** read = created + updated + unchanged + skipped + bad. */
  readonly read: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly skipped: number;
  readonly bad: number;
  readonly encoding: Encoding;
  readonly delimiter: Delimiter;
  readonly columns: readonly { readonly heading: string; readonly target: Target | null }[];
  /** The first problems; all of them stand in the bad rows. */
  readonly problems: readonly { readonly line: number; readonly problem: string }[];
  readonly dryRun: boolean;
};

/** How many rows one transaction holds. A crash leaves whole batches; importing the file again does the rest. */
export const BATCH_ROWS = 20_000;
/** How many problems a result names; the rest stand in the bad rows. */
const NAMED_PROBLEMS = 20;
/** How many rows of the beginning the mapping looks at, and how long that beginning may be. */
const SAMPLE_ROWS = 200;
const SAMPLE_CHARACTERS = 65_536;

/**
 * Imports people from the bytes of a CSV file.
 * Each batch is a transaction of its own. Opt-outs are only ever added: a flag in the file suppresses, an absent one
 * lifts nothing, and an address that was erased stays suppressed.
 * @param onProgress told after each batch how many rows are done.
 */
export async function importPeople(
  database: Database,
  bytes: AsyncIterable<Uint8Array>,
  options: ImportOptions,
  now: Temporal.Instant,
  onProgress: (rows: number) => void | Promise<void> = () => undefined,
): Promise<ImportResult> {
  const mode = options.mode ?? "update";
  let encoding: Encoding = "utf-8";
  const source = await begin(
    decoded(bytes, (found) => (encoding = found)),
    options.delimiter,
  );
  const declared = await declaredFields(database.db);
  const mapped = mappingFor(source.heading, source.sample, declared, options);
  const targets = mapped.map(({ target }) => target);
  if (targets.every((target) => target === null || target === "ignore" || target.startsWith("attribute:")))
    refuse(
      "import-has-no-columns",
      "No column of this file is one we know: there should be a name or an email address, with its heading in the first row.",
    );
  const fields = [...declared, ...newFields(mapped, declared, options)];
  const read = personReader(options.kind, targets, fields);

  const counts = { read: 0, created: 0, updated: 0, unchanged: 0, skipped: 0, bad: 0 };
  const problems: { line: number; problem: string }[] = [];
  const badText: string[] = [];
  const badRow = (line: number, cells: readonly string[], problem: string) => {
    counts.bad += 1;
    if (problems.length < NAMED_PROBLEMS) problems.push({ line, problem });
    if (!options.badRows) return;
    if (counts.bad === 1) badText.push(csvLine([...source.heading, "line", "problem"].map(guarded)));
    const padded = source.heading.map((_heading, index) => cells[index] ?? "");
    badText.push(csvLine([...padded, String(line), problem].map(badCell)));
  };

  const erased = await erasedHashes(database.db);
  const wasErased = (key: string) =>
    erased.size > 0 &&
    erasedHashesOf(options.neighbours.erasureKeys, key).some((hash) => erased.has(hash.toString("base64")));
  const seen = new SeenKeys();
  const batches = await openBatches(database, {
    ...options,
    mode,
    newFields: fields.slice(declared.length),
    now,
  });
  let writing: Promise<{ refused: Refused[]; rows: number }> = Promise.resolve({ refused: [], rows: 0 });
  try {
    let batch: Batch = batches.begin();
    // A batch is written while the next one is read: PostgreSQL has one core, we the other.
    const written = async () => {
      const done = await writing;
      for (const refused of done.refused) badRow(refused.line, refused.cells, refused.problem);
      if (badText.length > 0) await options.badRows?.(badText.splice(0).join(""));
      if (done.rows > 0) await onProgress(done.rows);
    };
    const flush = async () => {
      await written();
      const rows = counts.read;
      writing = batches.write(batch, counts).then((refused) => ({ refused, rows }));
      // It is awaited at the next flush; a failure before that is not an unhandled one.
      writing.catch(() => undefined);
      batch = batches.begin();
      if (options.signal?.aborted) throw new Error("The import was asked to stop; its whole batches stay.");
    };
    for await (const rows of withContinuations(source.rows, targets)) {
      for (const row of rows) {
        counts.read += 1;
        const draft = "cells" in row ? read(row.cells) : row;
        if (!("problem" in draft) && draft.emailKey !== null) options.onAddress?.(draft.emailKey);
        if ("problem" in draft) badRow(row.line, "cells" in row ? row.cells : [row.text], draft.problem);
        else if (seen.add(identityOf(options.kind, draft))) {
          if (mode === "create") badRow(row.line, cellsOf(row), "A row above has the same address.");
          else counts.skipped += 1;
        } else
          batch.add(
            row.line,
            draft,
            draft.emailKey !== null && wasErased(draft.emailKey),
            mode === "create" ? cellsOf(row) : [],
          );
        if (batch.rows >= BATCH_ROWS || badText.length >= BATCH_ROWS) await flush();
      }
    }
    await flush();
    await written();
    await batches.finish();
  } catch (error) {
    await writing.catch(() => undefined);
    await batches.abandon();
    throw error;
  }
  return {
    ...counts,
    encoding,
    delimiter: source.delimiter,
    columns: mapped.map(({ heading, target }) => ({ heading, target })),
    problems,
    dryRun: options.dryRun ?? false,
  };
}

/** What an import would make of a file, from its beginning alone: encoding, delimiter, columns and first rows. */
export async function suggestImport(
  database: Database,
  bytes: AsyncIterable<Uint8Array>,
  options: Pick<ImportOptions, "delimiter">,
) {
  let encoding: Encoding = "utf-8";
  const source = await begin(
    decoded(bytes, (found) => (encoding = found)),
    options.delimiter,
  );
  const columns = suggestMapping(source.heading, source.sample, await declaredFields(database.db));
  return { encoding, delimiter: source.delimiter, columns, sample: source.sample.slice(0, 5) };
}

type Source = {
  readonly heading: readonly string[];
  readonly sample: readonly (readonly string[])[];
  readonly delimiter: Delimiter;
  /** As they come from the file, a piece at a time: awaiting each row would cost more than reading it. */
  readonly rows: AsyncIterable<readonly CsvRow[]>;
};

/** Reads as much as it takes to know heading, dialect and first rows, and goes on from there. */
async function begin(pieces: AsyncGenerator<string>, delimiter: Delimiter | undefined): Promise<Source> {
  let beginning = "";
  let next = await pieces.next();
  for (; !next.done; next = await pieces.next()) {
    beginning += next.value;
    if (beginning.length >= SAMPLE_CHARACTERS) break;
  }
  const dialect = guessDialect(beginning.slice(0, SAMPLE_CHARACTERS));
  const chosen = delimiter ?? dialect.delimiter;
  const reader = csvReader(chosen, dialect.newline);
  const first = reader.push(beginning);
  // A heading longer than the sample: the reader gives it up at its own limit.
  while (!next.done && first.length === 0) {
    next = await pieces.next();
    if (!next.done) first.push(...reader.push(next.value));
  }
  const ended = next.done;
  if (ended) first.push(...reader.end());
  const { heading, rows } = headingAndRows(first);
  const sample = rows.flatMap((row) => ("cells" in row ? [row.cells] : [])).slice(0, SAMPLE_ROWS);
  async function* all(): AsyncGenerator<readonly CsvRow[]> {
    yield rows;
    if (ended) return;
    for await (const piece of pieces) yield reader.push(piece);
    yield reader.end();
  }
  return { heading, sample, delimiter: chosen, rows: all() };
}

function mappingFor(
  heading: readonly string[],
  sample: readonly (readonly string[])[],
  declared: readonly DeclaredField[],
  options: ImportOptions,
): MappedColumn[] {
  const given = options.mapping ?? {};
  for (const name of Object.keys(given))
    if (!heading.some((one) => one.trim() === name.trim()))
      refuse("input-invalid", `The file has no column "${name}". It has: ${heading.join(", ")}.`, "/mapping");
  return suggestMapping(heading, sample, declared).map((column) => {
    const wanted = Object.entries(given).find(([name]) => name.trim() === column.heading.trim())?.[1];
    if (wanted) return { ...column, target: wanted };
    if (column.target !== null || options.unknownColumns !== "attributes") return column;
    return { ...column, target: `attribute:${column.suggestedKey}` as const };
  });
}

/** Fields the mapping names that are not declared yet. */
function newFields(
  mapped: readonly MappedColumn[],
  declared: readonly DeclaredField[],
  options: ImportOptions,
): DeclaredField[] {
  const missing = mapped.flatMap((column): DeclaredField[] => {
    if (!column.target?.startsWith("attribute:")) return [];
    const key = column.target.slice("attribute:".length);
    if (declared.some((field) => field.key === key)) return [];
    if (options.unknownColumns !== "attributes")
      refuse(
        "input-invalid",
        `There is no field "${key}". Declare it first, or let unknown columns become attributes.`,
        "/mapping",
      );
    return [{ key, label: column.heading.trim().slice(0, 200) || key, type: column.suggestedType, choices: null }];
  });
  return [...new Map(missing.map((field) => [field.key, field])).values()];
}

/** Who a row is about: the address, or without one the name with company and phone. */
function identityOf(kind: PersonKind, draft: Draft): string {
  if (draft.emailKey) return draft.emailKey;
  return ["", kind, draft.fullName, draft.columns.company, draft.columns.phone].join("\0");
}

function cellsOf(row: CsvRow): readonly string[] {
  return "cells" in row ? row.cells : [row.text];
}

/** A bad row goes back as it came, but for what a spreadsheet would run and PostgreSQL or an editor could not read. */
function badCell(cell: string): string {
  return guarded(cell.replaceAll("\0", "\u{fffd}").slice(0, 2_000));
}
