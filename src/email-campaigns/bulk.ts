/** One deed over many Email Campaigns, set by set: each goes its way by the transition table, or says why it cannot. */
import { recordChanges } from "../accounts/audit.ts";
import { after } from "../core/email-campaign.ts";
import { startsAt } from "../core/schedule.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import { type BulkActionInput, MAX_NAMED } from "./api.ts";
import { announce } from "./due.ts";
import { factsOf } from "./facts.ts";
import * as store from "./store.ts";

type Action = BulkActionInput["action"];
type Actor = { readonly name: string };
type Problem = { readonly id: number; readonly code: string; readonly text: string };

const DONE: Readonly<Record<Action, string>> = { pause: "paused", resume: "resumed", cancel: "cancelled" };
/** What takes it back. A cancelled one only starts again from the beginning. */
const BACK: Readonly<Record<Action, Action | null>> = { pause: "resume", resume: "pause", cancel: null };

/** Does it to all of them, some hundred in each transaction. */
export async function actOnAll(
  db: Db,
  action: Action,
  ids: readonly number[],
  actor: Actor,
  now: Temporal.Instant,
  progress: (done: number, total?: number) => Promise<void> = async () => undefined,
) {
  const done: number[] = [];
  const problems: Problem[] = [];
  const each = [...new Set(ids)];
  for (let from = 0; from < each.length; from += MAX_NAMED) {
    const some = each.slice(from, from + MAX_NAMED);
    const came = await inTransaction(db, (tx) => actOnSome(tx, action, some, actor, now));
    done.push(...came.done);
    problems.push(...came.problems);
    await progress(from + some.length, each.length);
  }
  const back = BACK[action];
  return {
    done: done.length,
    problems: problems.slice(0, MAX_NAMED),
    problemCount: problems.length,
    undo:
      back && done.length > 0 && done.length <= MAX_NAMED
        ? { method: "POST", path: "/email-campaigns/bulk-actions", body: { action: back, ids: done } }
        : null,
  };
}

async function actOnSome(tx: Tx, action: Action, ids: readonly number[], actor: Actor, now: Temporal.Instant) {
  const found = await store.lockMany(tx, ids);
  const ahead = action === "resume" ? await startingLater(tx, ids, now) : new Set<number>();
  const problems: Problem[] = [];
  const known = new Set(found.map(({ id }) => id));
  for (const id of ids)
    if (!known.has(id))
      problems.push({ id, code: "email-campaign-not-found", text: `There is no Email Campaign ${id}.` });
  const changed = found.flatMap(({ id, number, status: before }) => {
    const status = after(before, action === "resume" && ahead.has(id) ? "resume-ahead" : action);
    if (status) return [{ id, before, status }];
    const text = `${number} is ${before}, so it cannot be ${DONE[action]}.`;
    problems.push({ id, code: "email-campaign-not-active", text });
    return [];
  });
  const ended = action === "cancel" ? ({ stopReason: "cancelled", finishedAt: now } as const) : {};
  await store.saveMany(tx, changed, { nextDueAt: action === "resume" ? now : null, ...ended }, now);
  await recordChanges(
    tx,
    changed.map(({ id, before, status }) => ({
      actor,
      action,
      subjectType: "email-campaign",
      subjectId: id,
      before: { status: before },
      after: { status },
    })),
    now,
  );
  await announce(tx);
  return { done: changed.map(({ id }) => id), problems };
}

async function startingLater(tx: Tx, ids: readonly number[], now: Temporal.Instant): Promise<Set<number>> {
  const known = await factsOf(tx, ids);
  const later = known.filter(({ facts }) => Temporal.Instant.compare(startsAt(facts.startOn, facts.rules), now) > 0);
  return new Set(later.map(({ id }) => id));
}
