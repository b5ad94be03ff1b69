/** Front door: named lists of people. Adding never re-subscribes anybody; whether an address may be mailed is suppressions/. */
import type { Acting } from "../accounts/ownership.ts";
import { sql } from "kysely";
import type { z } from "zod";
import { recordChange } from "../accounts/audit.ts";
import { parseAddress } from "../core/address.ts";
import { refuse } from "../core/problem.ts";
import { brokenConstraint, type Db, inTransaction, type Tx } from "../db/database.ts";
import * as people from "../people/people.ts";
import { type additionInput, MAX_ADDRESSES } from "./api.ts";
import * as store from "./store.ts";

type Actor = Acting;

/** The group; refuses an id that is none. */
export async function get(db: Db, id: number) {
  return (await store.find(db, id)) ?? notFound(id);
}

/** The ids of the subscribed members, as a subquery: `where("people.id", "in", subscribedMembers(db, id))` (E65, E67). */
export function subscribedMembers(db: Db, groupId: number) {
  return db
    .selectFrom("emailGroupMembers")
    .select("personId as id")
    .where("emailGroupId", "=", groupId)
    .where("unsubscribedAt", "is", null);
}

export async function create(
  db: Db,
  input: { readonly title: string; readonly description?: string | null },
  actor: Actor,
  now: Temporal.Instant,
) {
  return named(input.title, () =>
    inTransaction(db, async (tx) => {
      const id = await store.insert(tx, {
        title: input.title,
        description: input.description ?? null,
        ownerId: actor.userId ?? null,
        createdAt: now,
        changedAt: now,
      });
      await recordChange(
        tx,
        { actor, action: "create", subjectType: "email-group", subjectId: id, after: { title: input.title } },
        now,
      );
      return get(tx, id);
    }),
  );
}

export async function update(
  db: Db,
  id: number,
  input: { readonly title?: string | undefined; readonly description?: string | null | undefined },
  actor: Actor,
  now: Temporal.Instant,
) {
  return named(input.title ?? "", () =>
    inTransaction(db, async (tx) => {
      const before = (await store.lock(tx, id)) ?? notFound(id);
      const after = {
        title: input.title ?? before.title,
        description: input.description === undefined ? before.description : input.description,
      };
      await store.save(tx, id, { ...after, changedAt: now });
      await recordChange(
        tx,
        { actor, action: "update", subjectType: "email-group", subjectId: id, before, after },
        now,
      );
      return get(tx, id);
    }),
  );
}

/**
 * Deletes a group and its memberships; refused while an Email Campaign started for it still runs (E37). Where rules of
 * automatic start or conditions name it, only when that is meant.
 */
export async function remove(
  db: Db,
  id: number,
  removal: people.Removal,
  actor: Actor,
  now: Temporal.Instant,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id);
    const running = await store.runningFor(tx, id);
    if (running)
      refuse(
        "email-group-in-use",
        `${running.number} was started for the group "${found.title}" and still runs. Cancel it or wait for its end.`,
      );
    await people.refuseNamed(tx, { group: id }, found.title, removal);
    await store.remove(tx, id);
    await recordChange(
      tx,
      { actor, action: "delete", subjectType: "email-group", subjectId: id, before: { title: found.title } },
      now,
    );
  });
}

/**
 * Adds members, set by set. Who is a member already stays as they are, unsubscribed ones too, and the answer says so (E121).
 */
export async function addMembers(
  db: Db,
  id: number,
  input: z.infer<typeof additionInput>,
  actor: Actor,
  neighbours: people.Neighbours,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    if (!(await store.lock(tx, id))) notFound(id);
    if (!input.personIds && !input.addresses && !input.filter)
      refuse("input-invalid", "Name members by `personIds`, `addresses` or `filter`.");
    const byAddress = await readAddresses(tx, input.addresses ?? "", actor, neighbours, now);
    const ids = [...(input.personIds ?? []), ...byAddress.ids];
    const filter = input.filter && (await people.matching(tx, input.filter));
    const chosen = filter
      ? sql`select matched.id from (${filter}) as matched union select unnest(${ids}::bigint[])`
      : sql`select distinct unnest(${ids}::bigint[]) as id`;
    const missing = await store.missingPerson(tx, ids);
    if (missing !== undefined) refuse("person-not-found", `There is no person ${missing}.`, "/personIds");
    await sql`create temporary table chosen_people on commit drop as ${chosen}`.execute(tx);
    const { optedOut, optedOutCount } = await store.optedOutAmong(tx, id);
    const { added, chosenCount } = await store.addChosen(tx, id, now);
    await sql`drop table chosen_people`.execute(tx);
    await recordChange(
      tx,
      { actor, action: "add-members", subjectType: "email-group", subjectId: id, after: { added } },
      now,
    );
    return {
      added,
      alreadyMembers: chosenCount - added,
      createdLeads: byAddress.created,
      optedOut,
      optedOutCount,
      bad: byAddress.bad,
    };
  });
}

/**
 * Adds whoever has one of these addresses, by their keys; who is in it stays as they are, unsubscribed ones too. Set by
 * set, each a transaction: a file may name a million. @returns how many were no member before.
 */
export async function addByAddress(
  db: Db,
  id: number,
  emailKeys: readonly string[],
  actor: { readonly name: string },
  now: Temporal.Instant,
): Promise<number> {
  await get(db, id);
  let added = 0;
  for (let from = 0; from < emailKeys.length; from += MAX_ADDRESSES) {
    const some = emailKeys.slice(from, from + MAX_ADDRESSES);
    added += await inTransaction(db, async (tx) => {
      if (!(await store.lock(tx, id))) notFound(id);
      return store.addByAddress(tx, id, some, now);
    });
  }
  if (added > 0)
    await inTransaction(db, (tx) =>
      recordChange(
        tx,
        { actor, action: "add-members", subjectType: "email-group", subjectId: id, after: { added } },
        now,
      ),
    );
  return added;
}

/** Adds people by id. @returns who was no member before; an id that is nobody's is passed over. */
export function addPeople(
  db: Db,
  id: number,
  personIds: readonly number[],
  actor: Actor,
  now: Temporal.Instant,
): Promise<number[]> {
  return inTransaction(db, async (tx) => {
    if (!(await store.lock(tx, id))) notFound(id);
    const added = await store.addPeople(tx, id, personIds, now);
    if (added.length > 0)
      await recordChange(
        tx,
        { actor, action: "add-members", subjectType: "email-group", subjectId: id, after: { added: added.length } },
        now,
      );
    return added;
  });
}

/** Removes people by id. @returns who was a member, and whether they were subscribed. */
export function removePeople(
  db: Db,
  id: number,
  personIds: readonly number[],
  actor: Actor,
  now: Temporal.Instant,
): Promise<{ personId: number; subscribed: boolean }[]> {
  return inTransaction(db, async (tx) => {
    if (!(await store.lock(tx, id))) notFound(id);
    const removed = await store.removePeople(tx, id, personIds);
    if (removed.length > 0)
      await recordChange(
        tx,
        {
          actor,
          action: "remove-members",
          subjectType: "email-group",
          subjectId: id,
          before: { removed: removed.length },
        },
        now,
      );
    return removed;
  });
}

export async function removeMember(
  db: Db,
  id: number,
  personId: number,
  actor: Actor,
  now: Temporal.Instant,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    if (!(await store.removeMember(tx, id, personId))) memberNotFound(id, personId);
    await recordChange(
      tx,
      { actor, action: "remove-member", subjectType: "email-group", subjectId: id, before: { personId } },
      now,
    );
  });
}

/** Unsubscribes a member from this group alone (E94). Harmless twice. @returns false when they are no member. */
export async function unsubscribeMember(tx: Tx, id: number, personId: number, now: Temporal.Instant): Promise<boolean> {
  return store.setUnsubscribed(tx, id, personId, now);
}

/** Subscribes a member again, who asked for it: `consent` says how. */
export async function resubscribeMember(
  db: Db,
  id: number,
  personId: number,
  consent: string,
  actor: Actor,
  now: Temporal.Instant,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    if (!(await store.setUnsubscribed(tx, id, personId, null))) memberNotFound(id, personId);
    await recordChange(
      tx,
      { actor, action: "resubscribe-member", subjectType: "email-group", subjectId: id, after: { personId, consent } },
      now,
    );
  });
}

/** Forgets the memberships of a person who is being erased; app.ts calls it from people's `onErase`. */
export async function forgetPerson(tx: Tx, personId: number): Promise<void> {
  await store.removeEverywhere(tx, personId);
}

/** Gives one person's memberships to another. Who left a group on either side has left it. */
export async function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  await store.movePerson(tx, formerId, personId);
}

/** Reads a text of addresses: the people who have them, new Leads for those nobody has, and what is no address. */
async function readAddresses(
  tx: Tx,
  text: string,
  actor: Actor,
  neighbours: people.Neighbours,
  now: Temporal.Instant,
): Promise<{ ids: number[]; created: number; bad: { text: string; problem: string }[] }> {
  const parts = text.split(/[,;\r\n]+/).flatMap((part) => part.trim() || []);
  if (parts.length > MAX_ADDRESSES)
    refuse("input-invalid", `At most ${MAX_ADDRESSES} addresses at a time; import a file for more.`, "/addresses");
  const bad: { text: string; problem: string }[] = [];
  const wanted = new Map<string, string>();
  for (const part of parts) {
    const read = parseAddress(part);
    if ("key" in read) wanted.set(read.key, wanted.get(read.key) ?? read.address);
    else bad.push({ text: part.slice(0, 200), problem: read.problem });
  }
  const known = await store.peopleWith(tx, [...wanted.keys()]);
  const ids = known.map((person) => person.id);
  for (const { emailKey } of known) wanted.delete(emailKey ?? "");
  for (const address of wanted.values())
    ids.push((await people.create(tx, "lead", { email: address }, actor, neighbours, now)).id);
  return { ids, created: wanted.size, bad };
}

async function named<Result>(title: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (brokenConstraint(error) === "email_groups_title_unique")
      refuse("email-group-exists", `There is an Email Group called "${title}" already.`, "/title");
    throw error;
  }
}

function notFound(id: number): never {
  return refuse("email-group-not-found", `There is no Email Group ${id}.`);
}

export function memberNotFound(id: number, personId: number): never {
  return refuse("member-not-found", `Person ${personId} is no member of Email Group ${id}.`);
}
