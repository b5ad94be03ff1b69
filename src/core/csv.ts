/** Writes and reads CSV (RFC 4180) as text. Bounded whatever the input; knows no files, no encodings and no people. */

/** A row longer than this, or a quote open for longer, is handed back as bad: 256 Ki characters. */
export const MAX_ROW_CHARACTERS = 262_144;
/** A row with more cells is handed back as bad. */
export const MAX_CELLS = 2_000;
/** How much of a bad row is kept to show. */
const SHOWN_OF_BAD = 2_000;

/** A row as it stood in the file, with the line (from 1) it began on. A bad one has its text and what is wrong. */
export type CsvRow =
  | { readonly line: number; readonly cells: string[] }
  | { readonly line: number; readonly text: string; readonly problem: string };

export type CsvReader = {
  /** Takes the next piece of the file and returns the rows it completed. */
  push(piece: string): CsvRow[];
  /** The rest, once the file has ended. */
  end(): CsvRow[];
};

/**
 * Reads rows piece by piece. Blank lines are passed over. A quote that is never closed, or a row beyond the limits,
 * costs that row alone: reading goes on with the line after the one it began on.
 */
export function csvReader(delimiter: string, newline: "\n" | "\r" = "\n"): CsvReader {
  let text = "";
  let line = 1;
  // Inside a line too long to keep: everything up to the next line break is passed over.
  let skipping = false;

  function read(ended: boolean): CsvRow[] {
    const rows: CsvRow[] = [];
    let at = 0;
    // Looked for once, not once a line: a piece without quotes would be searched to its end for each of its lines.
    let quoteAt = -1;
    while (at < text.length) {
      const breakAt = text.indexOf(newline, at);
      if (skipping) {
        if (breakAt < 0) {
          at = text.length;
          break;
        }
        skipping = false;
        line += 1;
        at = breakAt + 1;
        continue;
      }
      if (breakAt < 0 && !ended) {
        if (text.length - at <= MAX_ROW_CHARACTERS) break;
        rows.push(bad(at, text.length, TOO_LONG));
        skipping = true;
        at = text.length;
        break;
      }
      const lineEnd = breakAt < 0 ? text.length : breakAt;
      const next = breakAt < 0 ? text.length : breakAt + 1;
      if (quoteAt < at) quoteAt = indexOrEnd(text.indexOf('"', at), text);
      if (quoteAt >= lineEnd) {
        const row = text.slice(at, lineEnd > at && text[lineEnd - 1] === "\r" ? lineEnd - 1 : lineEnd);
        if (row.length > MAX_ROW_CHARACTERS) rows.push(bad(at, lineEnd, TOO_LONG));
        else if (row !== "") {
          const cells = row.split(delimiter, MAX_CELLS + 1);
          rows.push(cells.length > MAX_CELLS ? bad(at, lineEnd, TOO_WIDE) : { line, cells });
        }
        line += 1;
        at = next;
        continue;
      }
      const row = quoted(text, at, delimiter, newline, ended);
      if (row === "more") break;
      if (typeof row === "string") {
        rows.push(bad(at, lineEnd, row));
        line += 1;
        at = next;
        continue;
      }
      rows.push({ line, cells: row.cells });
      line += row.lines;
      at = row.end;
    }
    text = text.slice(at);
    return rows;
  }

  function bad(from: number, to: number, problem: string): CsvRow {
    return { line, text: text.slice(from, Math.min(to, from + SHOWN_OF_BAD)), problem };
  }

  return {
    push(piece) {
      text += piece;
      return read(false);
    },
    end() {
      return read(true);
    },
  };
}

const TOO_LONG = `The row is longer than ${MAX_ROW_CHARACTERS} characters.`;
const TOO_WIDE = `The row has more than ${MAX_CELLS} cells.`;
const NEVER_CLOSED = 'A quote (") is opened here and never closed.';
const AFTER_QUOTE = 'Text follows a closing quote ("); a quote inside a cell is written twice ("").';

/** A row that holds a quote, from `at`: its cells and where it ends, "more" when the text ends first, or what is wrong. */
function quoted(
  text: string,
  at: number,
  delimiter: string,
  newline: string,
  ended: boolean,
): { cells: string[]; end: number; lines: number } | "more" | string {
  const cells: string[] = [];
  const limit = at + MAX_ROW_CHARACTERS;
  let lines = 1;
  let from = at;
  for (;;) {
    if (cells.length > MAX_CELLS) return TOO_WIDE;
    if (from > limit) return TOO_LONG;
    if (text[from] === '"') {
      let cell = "";
      let start = from + 1;
      for (;;) {
        const close = text.indexOf('"', start);
        if (close < 0 || close > limit) {
          if (close > limit || ended || text.length > limit) return NEVER_CLOSED;
          return "more";
        }
        cell += text.slice(start, close);
        // The character after a quote decides what the quote was; at the end of a piece it is not known yet.
        if (close + 1 >= text.length && !ended) return "more";
        if (text[close + 1] === '"') {
          cell += '"';
          start = close + 2;
          continue;
        }
        from = close + 1;
        break;
      }
      for (let found = cell.indexOf(newline); found >= 0; found = cell.indexOf(newline, found + 1)) lines += 1;
      cells.push(cell);
      if (text[from] === "\r" && newline === "\n") {
        if (from + 1 >= text.length && !ended) return "more";
        if (text[from + 1] === "\n" || from + 1 >= text.length) from += 1;
      }
      if (from >= text.length || text[from] === newline) return { cells, end: Math.min(from + 1, text.length), lines };
      if (text[from] !== delimiter) return AFTER_QUOTE;
      from += 1;
      if (from >= text.length && !ended) return "more";
      continue;
    }
    const breakAt = indexOrEnd(text.indexOf(newline, from), text);
    const delimiterAt = indexOrEnd(text.indexOf(delimiter, from), text);
    if (delimiterAt < breakAt) {
      cells.push(text.slice(from, delimiterAt));
      from = delimiterAt + 1;
      if (from >= text.length && !ended) return "more";
      continue;
    }
    if (breakAt === text.length && !ended) return text.length > limit ? TOO_LONG : "more";
    const last = text[breakAt - 1] === "\r" && breakAt > from ? breakAt - 1 : breakAt;
    cells.push(text.slice(from, last));
    return { cells, end: Math.min(breakAt + 1, text.length), lines };
  }
}

function indexOrEnd(index: number, text: string): number {
  return index < 0 ? text.length : index;
}

export const delimiters = [",", ";", "\t", "|"] as const;
export type Delimiter = (typeof delimiters)[number];

/** How many rows of the beginning decide on the delimiter. */
const SAMPLE_ROWS = 20;

/** Guesses the delimiter and the line break from the beginning of a file: the delimiter that splits most rows alike. */
export function guessDialect(sample: string): { delimiter: Delimiter; newline: "\n" | "\r" } {
  const newline = !sample.includes("\n") && sample.includes("\r") ? "\r" : "\n";
  let best: { delimiter: Delimiter; score: number } = { delimiter: ",", score: 0 };
  for (const delimiter of delimiters) {
    const rows = csvReader(delimiter, newline).push(sample.endsWith(newline) ? sample : sample + newline);
    const widths = rows.slice(0, SAMPLE_ROWS).map((row) => ("cells" in row ? row.cells.length : 0));
    const [header = 0] = widths;
    if (header < 2) continue;
    const alike = widths.filter((width) => width === header).length / widths.length;
    const score = alike * 1000 + Math.min(header, 999);
    if (score > best.score) best = { delimiter, score };
  }
  return { delimiter: best.delimiter, newline };
}

/** What a spreadsheet may take for the beginning of a formula (E131), also behind the apostrophes we put before it. */
const FORMULA = /^'*[=+\-@\t\r]/;

/** Guards a cell for export: a spreadsheet shows an apostrophe's cell as text instead of running it (E131). */
export function guarded(cell: string): string {
  return FORMULA.test(cell) ? `'${cell}` : cell;
}

/** Takes off the apostrophe that {@link guarded} put before a cell, so that an export comes back as it was. */
export function unguarded(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell.slice(1)) ? cell.slice(1) : cell;
}

/** One row of CSV with its line break, quoted where needed. Cells are written as they are: guard them first. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(quotedWhereNeeded).join(",")}\r\n`;
}

/** A whole table for spreadsheets, its cells guarded. The mark at the beginning tells them that it is UTF-8. */
export function csvTable(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = rows.map((row) => csvLine(row.map((cell) => guarded(String(cell)))));
  return `\uFEFF${csvLine(headings)}${lines.join("")}`;
}

function quotedWhereNeeded(cell: string): string {
  // A row of one empty cell would be a blank line, and blanks at the ends are lost by some readers.
  return cell === "" || /[",\r\n\t;|]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
