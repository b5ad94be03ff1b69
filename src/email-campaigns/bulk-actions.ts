/** What a bulk action is asked by: ids are done at once, a filter by a job. */
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction } from "../db/database.ts";
import { enqueue } from "../jobs/jobs.ts";
import type { BulkActionInput } from "./api.ts";
import { actOnAll } from "./bulk.ts";
import { BULK_ACTION } from "./jobs.ts";

/** Does it, or queues it. */
export async function act(db: Db, input: BulkActionInput, actor: { readonly name: string }, now: Temporal.Instant) {
  const { action, ids, filter } = input;
  if ((ids === null) === (filter === null)) return refuse("input-invalid", "Give `ids` or `filter`.", "/ids");
  if (ids) return { jobId: null, ...(await actOnAll(db, action, ids, actor, now)) };
  const jobId = await inTransaction(db, (tx) => enqueue(tx, BULK_ACTION, input, actor, now));
  return { jobId, done: 0, problems: [], problemCount: 0, undo: null };
}
