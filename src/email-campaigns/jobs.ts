/** Bulk starts as jobs: safe to run twice, because those of the batch that stand already are not started again. */
import type { JobHandler } from "../jobs/jobs.ts";
import { enqueue } from "../jobs/jobs.ts";
import type { Db } from "../db/database.ts";
import { inTransaction } from "../db/database.ts";
import { type BulkInput, bulkActionInput, bulkInput } from "./api.ts";
import { actOnAll } from "./bulk.ts";
import { type Starter, preview, startMany } from "./start.ts";
import { idsOf } from "./store.ts";

export const START_MANY = "start-email-campaigns";

/** Checks what was asked and queues it. @returns the job's id, which is the batch's id too. */
export function queueStart(db: Db, input: BulkInput, starter: Starter, now: Temporal.Instant): Promise<number> {
  return inTransaction(db, async (tx) => {
    // Refuses now, to the caller's face, what the job would refuse later.
    await preview(tx, input, starter, now);
    return enqueue(tx, START_MANY, { ...input, userId: starter.userId ?? null }, starter, now);
  });
}

export const BULK_ACTION = "act-on-email-campaigns";

/** The ids are found when it runs: what comes to mean the filter meanwhile is meant too. */
export const bulkActionJob: JobHandler = async ({ db, progress, now }, { input, createdBy }) => {
  const { action, filter } = bulkActionInput.parse(input);
  return actOnAll(db, action, await idsOf(db, filter ?? {}), { name: createdBy ?? "job" }, now, progress);
};

export const startManyJob: JobHandler = async ({ db, progress, now }, { id, input, createdBy }) => {
  const { userId, ...asked } = input;
  const starter = { name: createdBy ?? "job", userId: typeof userId === "number" ? userId : null };
  return startMany(db, bulkInput.parse(asked), id, starter, now, progress);
};
