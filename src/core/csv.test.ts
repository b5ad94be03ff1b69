import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  csvLine,
  csvReader,
  type CsvRow,
  guarded,
  guessDialect,
  MAX_CELLS,
  MAX_ROW_CHARACTERS,
  unguarded,
} from "./csv.ts";

function readAll(text: string, delimiter = ",", pieceLength = 7): CsvRow[] {
  const reader = csvReader(delimiter, guessDialect(text.slice(0, 1000)).newline);
  const rows: CsvRow[] = [];
  for (let at = 0; at < text.length; at += pieceLength) rows.push(...reader.push(text.slice(at, at + pieceLength)));
  return [...rows, ...reader.end()];
}
const cellsOf = (rows: readonly CsvRow[]) => rows.map((row) => ("cells" in row ? row.cells : row.problem));

describe("reading CSV", () => {
  const table: readonly [name: string, text: string, rows: string[][]][] = [
    [
      "plain rows",
      "a,b\n1,2\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "CRLF",
      "a,b\r\n1,2\r\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "old line breaks",
      "a,b\r1,2\r",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "no line break at the end",
      "a,b\n1,2",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    [
      "blank lines",
      "a,b\n\n1,2\n\r\n",
      [
        ["a", "b"],
        ["1", "2"],
      ],
    ],
    ["quoted delimiters and quotes", '"a,1","say ""hi"""\r\n', [["a,1", 'say "hi"']]],
    ["quoted line breaks", 'a,"one\r\ntwo\nthree",c\n', [["a", "one\r\ntwo\nthree", "c"]]],
    [
      "an empty quoted cell at the end",
      '1,""\r\n2,""',
      [
        ["1", ""],
        ["2", ""],
      ],
    ],
    [
      "a delimiter at the end",
      '"1",\n"2",',
      [
        ["1", ""],
        ["2", ""],
      ],
    ],
    ["a quote within a plain cell", '5" pipe,b\n', [['5" pipe', "b"]]],
  ];
  it.each(table)("%s, whatever the pieces it comes in", (_name, text, rows) => {
    for (const length of [1, 2, 3, 5, 1000]) expect(cellsOf(readAll(text, ",", length))).toEqual(rows);
  });

  it("names the line a row began on, counting line breaks within quotes", () => {
    expect(readAll('a\n"x\ny"\nb\n').map(({ line }) => line)).toEqual([1, 2, 4]);
  });

  it("what is written comes back, whatever the cells hold and whatever the pieces", () => {
    const cell = fc.oneof(fc.string(), fc.stringMatching(/^[",;\r\n\t 'a=]{0,8}$/), fc.string({ unit: "binary" }));
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 1, maxLength: 5 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 50 }),
        (rows, length) => {
          const written = rows.map(csvLine).join("");
          const reader = csvReader(",");
          const read: CsvRow[] = [];
          for (let at = 0; at < written.length; at += length) read.push(...reader.push(written.slice(at, at + length)));
          read.push(...reader.end());
          expect(cellsOf(read)).toEqual(rows);
        },
      ),
    );
  });

  it("attack 21: a quote that is never closed costs its own row alone", () => {
    const rows = readAll('a,b\n"open,2\n3,4\n5,6\n', ",", 1000);
    expect(cellsOf(rows)).toEqual([["a", "b"], expect.stringContaining("never closed"), ["3", "4"], ["5", "6"]]);
    expect(rows[1]).toMatchObject({ line: 2, text: '"open,2' });
  });

  it("attack 21: a quote open for megabytes is given up, and what follows is still read", () => {
    const filler = "3,4\n".repeat(MAX_ROW_CHARACTERS);
    const rows = readAll(`a,b\n"open,2\n${filler}last,row\n`, ",", 65_536);
    expect(rows).toHaveLength(MAX_ROW_CHARACTERS + 3);
    expect(cellsOf(rows).at(-1)).toEqual(["last", "row"]);
  });

  it("attack 21: many unclosed quotes take no longer than the file is long", () => {
    const rows = readAll('"open,2\n'.repeat(100_000), ",", 65_536);
    expect(rows).toHaveLength(100_000);
    expect(rows.every((row) => "problem" in row)).toBe(true);
  });

  it("attack 21: a line without end is passed over without being kept", () => {
    const reader = csvReader(",");
    const piece = "x".repeat(65_536);
    const rows = reader.push("a,b\n");
    for (let count = 0; count < 2_000; count += 1) rows.push(...reader.push(piece));
    rows.push(...reader.push("\nnext,row\n"), ...reader.end());
    expect(cellsOf(rows)).toEqual([["a", "b"], expect.stringContaining("longer"), ["next", "row"]]);
    expect(rows.map(({ line }) => line)).toEqual([1, 2, 3]);
  });

  it("attack 21: a million columns are one bad row", () => {
    const rows = readAll(`a,b\n${",".repeat(1_000_000)}\n${'"",'.repeat(MAX_CELLS + 5)}\n1,2\n`, ",", 65_536);
    expect(cellsOf(rows)).toEqual([["a", "b"], expect.any(String), expect.stringContaining("cells"), ["1", "2"]]);
  });
});

describe("guessing the dialect", () => {
  it.each([
    ["a,b,c\n1,2,3\n", ","],
    ["a;b;c\n1,5;2;3\n", ";"],
    ["a\tb\n1,2\t3\n", "\t"],
    ["a|b\nx, y|z\n", "|"],
    ['"a;b",c\n"1;2",3\n', ","],
    ["email\nada@example.test\n", ","],
  ])("of %j takes %j", (sample, delimiter) => {
    expect(guessDialect(sample).delimiter).toBe(delimiter);
  });
});

describe("cells that a spreadsheet would run", () => {
  it.each(["=1+1", "+49 151", "-2", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''=1"])(
    "E131 attack 20: %j leaves with an apostrophe and comes back as it was",
    (cell) => {
      expect(guarded(cell)).toBe(`'${cell}`);
      expect(unguarded(guarded(cell))).toBe(cell);
    },
  );

  it("E131 any cell survives the guard and its removal", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^['=+@-]{0,4}x?$/)), (cell) => {
        expect(guarded(cell)).not.toMatch(/^[=+\-@\t\r]/);
        expect(unguarded(guarded(cell))).toBe(cell);
      }),
    );
  });

  it("E131 cells that begin so are accepted from files that have no guard", () => {
    expect(unguarded("+49 151")).toBe("+49 151");
    expect(unguarded("'tis")).toBe("'tis");
  });
});
