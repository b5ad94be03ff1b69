/** What the database would not take, in a file of the data folder until it does. Once it is in the file, it is on the disk. */
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { Taken } from "./recorder.ts";

export type Journal = {
  /** Resolves when the lines are on the disk. */
  append(taken: readonly Taken[]): Promise<void>;
  /** Hands over all there is, a file at a time; a file goes once `read` is through with it. */
  drain(read: (taken: readonly Taken[]) => Promise<void>): Promise<void>;
};

const NAME = "engagements.jsonl";
/** A line that was cut by a crash was not answered either. */
const MOST_AT_ONCE = 2000;

export function openJournal(folder: string): Journal {
  const path = join(folder, NAME);
  let file: FileHandle | null = null;
  /** One after the other: a file must not be taken away under a line that is being written. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };

  async function appendTo(taken: readonly Taken[]): Promise<void> {
    if (!file) {
      await mkdir(folder, { recursive: true });
      file = await open(path, "a", 0o600);
    }
    await file.appendFile(taken.map((one) => `${JSON.stringify(one)}\n`).join(""));
    await file.datasync();
  }

  return {
    append: (taken) => inTurn(() => appendTo(taken)),
    async drain(read) {
      // Under a name of its own nobody appends to it, and whoever died over one left it to be found here.
      await inTurn(async () => {
        const closing = file;
        file = null;
        await closing?.close();
        await rename(path, `${path}.${randomUUID()}`).catch(unlessMissing);
      });
      const names = await readdir(folder).catch(() => []);
      for (const name of names.filter((one) => one.startsWith(`${NAME}.`))) {
        const text = await readFile(join(folder, name), "utf8").catch(() => null);
        if (text === null) continue;
        const taken = text.split("\n").flatMap(lineOf);
        for (let at = 0; at < taken.length; at += MOST_AT_ONCE) await read(taken.slice(at, at + MOST_AT_ONCE));
        await unlink(join(folder, name)).catch(unlessMissing);
      }
    },
  };
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

function lineOf(line: string): Taken[] {
  try {
    const { happenedAt, ...rest } = JSON.parse(line) as Taken & { happenedAt: string };
    return [{ ...rest, happenedAt: Temporal.Instant.from(happenedAt) }];
  } catch {
    return [];
  }
}
