/** Imports as jobs: the file waits in the data directory until it is done. Safe to run twice: an import is repeatable. */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { refuse } from "../core/problem.ts";
import { type Database, inTransaction } from "../db/database.ts";
import { enqueue, type JobHandlers } from "../jobs/jobs.ts";
import { importInput } from "./api.ts";
import { importPeople } from "./import.ts";
import type { Neighbours } from "./people.ts";

export const IMPORT = "import-people";

/** Largest upload: a million people are some 250 MB. */
const MAX_UPLOAD_BYTES = 2 * 1024 ** 3;
/** How long files of bad rows, and uploads that nobody came back for, are kept. */
const KEPT_HOURS = 30 * 24;

export type ImportFiles = { readonly dataDirectory: string };

/** Stores an upload and queues its import. The file is whole before the job exists. */
export async function startImport(
  app: ImportFiles & { readonly database: Database; readonly neighbours: Pick<Neighbours, "onImported"> },
  upload: AsyncIterable<Uint8Array>,
  input: Record<string, unknown> & { readonly emailGroupId?: number | undefined },
  actor: { readonly name: string },
  now: Temporal.Instant,
): Promise<number> {
  const { emailGroupId } = input;
  // Refuses a group that is none before two gigabytes are received.
  if (emailGroupId !== undefined)
    await app.neighbours.onImported(app.database.db, { emailGroupId, emailKeys: [], by: actor.name }, now);
  const folder = await folderOf(app);
  const received = join(folder, `received-${now.epochMilliseconds}-${crypto.randomUUID()}.csv`);
  try {
    await pipeline(limited(upload), createWriteStream(received, { mode: 0o600 }));
    return await inTransaction(app.database.db, async (tx) => {
      const jobId = await enqueue(tx, IMPORT, input, actor, now);
      await rename(received, fileOf(folder, jobId));
      return jobId;
    });
  } catch (error) {
    await rm(received, { force: true });
    throw error;
  }
}

/** The handlers of this module's jobs. */
export function handlers(
  app: ImportFiles & { readonly database: Database; readonly neighbours: Neighbours },
): JobHandlers {
  return {
    async [IMPORT](context, job) {
      const folder = await folderOf(app);
      const file = fileOf(folder, job.id);
      const kept = badFileOf(folder, job.id);
      const { emailGroupId, ...options } = importInput.omit({ dryRun: true, mapping: true }).parse(job.input);
      const given = job.input as { dryRun?: boolean; mapping?: Record<string, never> };
      const bad = createWriteStream(kept, { mode: 0o600 });
      const bytes = createReadStream(file);
      const by = job.createdBy ?? "import";
      const emailKeys = new Set<string>();
      try {
        const result = await importPeople(
          app.database,
          bytes,
          {
            ...options,
            dryRun: given.dryRun ?? false,
            mapping: given.mapping ?? {},
            actor: { name: by },
            neighbours: app.neighbours,
            badRows: (csv) => written(bad, csv),
            ...(emailGroupId !== undefined && !given.dryRun ? { onAddress: (key) => emailKeys.add(key) } : {}),
            signal: context.signal,
          },
          context.now,
          (rows) => context.progress(rows),
        );
        const joined =
          emailGroupId === undefined || given.dryRun
            ? {}
            : {
                joined: await app.neighbours.onImported(
                  app.database.db,
                  { emailGroupId, emailKeys: [...emailKeys], by },
                  context.now,
                ),
              };
        await rm(file, { force: true });
        return { ...result, ...joined };
      } catch (error) {
        // Stopped or without a database it runs again from the file; for anything else the file is of no more use.
        if (!context.signal.aborted && error instanceof Error && error.name === "Refusal")
          await rm(file, { force: true });
        throw error;
      } finally {
        // A file that was refused at its heading has not been read to its end.
        bytes.destroy();
        await new Promise<void>((resolve) => bad.end(resolve));
      }
    },
  };
}

/** The bad rows of an import as a stream; refuses when there are none. */
export async function badRowsOf(app: ImportFiles, jobId: number) {
  const file = badFileOf(await folderOf(app), jobId);
  const found = await stat(file).catch(() => null);
  if (!found || found.size === 0)
    return refuse("bad-rows-not-found", `Import ${jobId} has no bad rows, or they are no longer kept.`);
  return createReadStream(file);
}

/** Deletes what is older than it is kept for. Runs now and then (recurring.ts). */
export async function discardOldFiles(app: ImportFiles, now: Temporal.Instant): Promise<void> {
  const folder = await folderOf(app);
  const oldest = now.subtract({ hours: KEPT_HOURS }).epochMilliseconds;
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const { mtimeMs } = await stat(file);
    if (mtimeMs < oldest) await rm(file, { force: true });
  }
}

async function folderOf({ dataDirectory }: ImportFiles): Promise<string> {
  const folder = join(dataDirectory, "imports");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

const fileOf = (folder: string, jobId: number) => join(folder, `${jobId}.csv`);
const badFileOf = (folder: string, jobId: number) => join(folder, `${jobId}-bad-rows.csv`);

async function* limited(upload: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const piece of upload) {
    length += piece.byteLength;
    if (length > MAX_UPLOAD_BYTES) refuse("upload-too-large", "A file has 2 GB at most. Split it.");
    yield piece;
  }
}

function written(file: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    file.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
