/** How commands speak: answers on standard output, everything else on standard error. Never a stack trace. */
import { Refusal } from "../core/problem.ts";

export type Output = {
  readonly json: boolean;
  /** The answer: as text for people, as one JSON document for programs. */
  answer(text: string, value: unknown): void;
  /** A remark that is not the answer. */
  note(text: string): void;
  /** Ends the command with exit code 1 and one plain sentence. */
  fail(error: unknown): void;
};

type Streams = { readonly out: NodeJS.WritableStream; readonly err: NodeJS.WritableStream };

export function outputTo(json: boolean, { out, err }: Streams = { out: process.stdout, err: process.stderr }): Output {
  return {
    json,
    answer: (text, value) => void out.write(`${json ? JSON.stringify(value) : text}\n`),
    note: (text) => void err.write(`${text}\n`),
    fail(error) {
      const { code, detail } = inWords(error);
      if (json) out.write(`${JSON.stringify({ error: { code, detail } })}\n`);
      else err.write(`${detail}\n`);
      process.exitCode = 1;
    },
  };
}

type Cell = string | number | null | { toString(): string };

/** Rows under headings, as wide as they need to be. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = [headings, ...rows.map((row) => row.map((cell) => (cell === null ? "" : cell.toString())))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? "").length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** What went wrong as a code and a sentence; of a bug, its message and nothing of its inner life. */
export function inWords(error: unknown): { code: string; detail: string } {
  if (error instanceof Refusal) return { code: error.code, detail: error.message };
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE" && error instanceof Error && "port" in error)
    return {
      code: "port-in-use",
      detail: `Port ${String(error.port)} is in use by another program. Stop it, or choose another port with --port.`,
    };
  if (code === "EACCES" && error instanceof Error && "port" in error)
    return {
      code: "port-forbidden",
      detail: `This user may not open port ${String(error.port)}. Choose one above 1023.`,
    };
  if (code === "ECONNREFUSED" || code === "ENOTFOUND")
    return {
      code: "database-unavailable",
      detail: "The database cannot be reached. Is DATABASE_URL right, and is the server running?",
    };
  return { code: "internal", detail: error instanceof Error ? error.message : "Something went wrong." };
}
