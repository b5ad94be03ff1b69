/** One deed over many people. Each is done or says why not; nobody is ever re-subscribed by it. */
import { Refusal, refuse } from "../core/problem.ts";
import { type Db, inTransaction } from "../db/database.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import { type Actor, mayAct } from "../http/serve.ts";
import { enqueue, type JobHandler } from "../jobs/jobs.ts";
import { DO_NOT_CONTACT } from "../people/api.ts";
import * as people from "../people/people.ts";
import { MAX_NAMED, type PeopleActionInput, peopleActionInput } from "./api.ts";

export const ACT_ON_PEOPLE = "act-on-people";

type Asked = Pick<PeopleActionInput, "action" | "emailGroupId">;
type By = Pick<Actor, "name">;
type Problem = { readonly id: number; readonly code: string; readonly text: string };
/** `back`: whom an undo would be about. */
type Came = { done: number; unchanged: number; back: readonly number[]; problems: readonly Problem[] };

/** Does it to those named, or queues it for those a filter means. */
export async function act(
  db: Db,
  input: PeopleActionInput,
  actor: Actor,
  neighbours: people.Neighbours,
  now: Temporal.Instant,
) {
  const { action, ids, filter, emailGroupId } = input;
  if ((ids === null) === (filter === null)) return refuse("input-invalid", "Give `ids` or `filter`.", "/ids");
  if (isAboutGroup(action) && emailGroupId === null)
    return refuse("input-invalid", "Say which Email Group.", "/emailGroupId");
  if (action === "delete" && !mayAct(actor.role, "manager"))
    return refuse("forbidden", `Deleting needs the role manager; you have ${actor.role}.`);
  if (isAboutGroup(action)) await emailGroups.get(db, emailGroupId!);
  if (ids) return { jobId: null, ...(await actOnAll(db, input, ids, actor, neighbours, now)) };
  // Refuses now, to the caller's face, a filter that means nothing.
  await people.matching(db, filter!);
  const jobId = await inTransaction(db, (tx) => enqueue(tx, ACT_ON_PEOPLE, input, actor, now));
  return { jobId, done: 0, unchanged: 0, problems: [], problemCount: 0, undo: null };
}

/** The job of a filter; the people are found when it runs. */
export function actOnPeopleJob(neighbours: people.Neighbours): JobHandler {
  return async ({ db, progress, now }, { input, createdBy }) => {
    const asked = peopleActionInput.parse(input);
    const found = await (await people.matching(db, asked.filter ?? {})).orderBy("people.id").execute();
    const ids = found.map(({ id }) => id);
    return actOnAll(db, asked, ids, { name: createdBy ?? "job" }, neighbours, now, progress);
  };
}

async function actOnAll(
  db: Db,
  asked: Asked,
  ids: readonly number[],
  actor: By,
  neighbours: people.Neighbours,
  now: Temporal.Instant,
  progress: (done: number, total?: number) => Promise<void> = async () => undefined,
) {
  const total = { done: 0, unchanged: 0, problemCount: 0 };
  const problems: Problem[] = [];
  const back: number[] = [];
  const each = [...new Set(ids)];
  for (let from = 0; from < each.length; from += MAX_NAMED) {
    const some = each.slice(from, from + MAX_NAMED);
    const came = await actOnSome(db, asked, some, actor, neighbours, now);
    total.done += came.done;
    total.unchanged += came.unchanged;
    total.problemCount += came.problems.length;
    problems.push(...came.problems.slice(0, MAX_NAMED - problems.length));
    back.push(...came.back);
    await progress(from + some.length, each.length);
  }
  return { ...total, problems, undo: undoOf(asked, back) };
}

async function actOnSome(
  db: Db,
  { action, emailGroupId }: Asked,
  ids: readonly number[],
  actor: By,
  neighbours: people.Neighbours,
  now: Temporal.Instant,
): Promise<Came> {
  const known = await kindsOf(db, ids);
  const problems: Problem[] = ids.flatMap((id) =>
    known.has(id) ? [] : [{ id, code: "person-not-found", text: `There is no person ${id}.` }],
  );
  const there = ids.filter((id) => known.has(id));
  if (action === "add-to-group") {
    const added = await emailGroups.addPeople(db, emailGroupId!, there, actor, now);
    return { done: added.length, unchanged: there.length - added.length, back: added, problems };
  }
  if (action === "remove-from-group") {
    const removed = await emailGroups.removePeople(db, emailGroupId!, there, actor, now);
    // Who had unsubscribed would come back subscribed: not undone.
    const back = removed.flatMap(({ personId, subscribed }) => (subscribed ? [personId] : []));
    return { done: removed.length, unchanged: there.length - removed.length, back, problems };
  }
  let [done, unchanged] = [0, 0];
  for (const id of there) {
    const { kind, status } = known.get(id)!;
    try {
      if (action === "delete") await people.remove(db, id, kind, actor, now);
      else if (status === DO_NOT_CONTACT) unchanged += 1;
      else await people.update(db, id, kind, { status: DO_NOT_CONTACT }, actor, neighbours, null, now);
      if (action === "delete" || status !== DO_NOT_CONTACT) done += 1;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      problems.push({ id, code: error.code, text: error.message });
    }
  }
  return { done, unchanged, back: [], problems };
}

async function kindsOf(db: Db, ids: readonly number[]) {
  const rows = await db
    .selectFrom("people")
    .select(["id", "kind", "status"])
    .where("id", "in", ids)
    .where("erasedAt", "is", null)
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

const isAboutGroup = (action: Asked["action"]) => action === "add-to-group" || action === "remove-from-group";

/** Memberships can be put back; a deletion and what Do Not Contact has stopped cannot. */
function undoOf({ action, emailGroupId }: Asked, ids: readonly number[]) {
  if (!isAboutGroup(action) || ids.length === 0 || ids.length > MAX_NAMED) return null;
  const back = action === "add-to-group" ? "remove-from-group" : "add-to-group";
  return { method: "POST", path: "/people/bulk-actions", body: { action: back, emailGroupId, ids: [...ids] } };
}
