/** The SQL of Email Groups and their members. Decides nothing. */
import { type Insertable, sql, type Updateable } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import { containing } from "../db/like.ts";
import type { Tables } from "../db/tables.ts";
import { pageOf, positionOf } from "../http/paging.ts";
import { suppressedBy } from "../suppressions/suppressions.ts";

/** How many opted-out members an answer names. */
const NAMED = 1_000;

/** Subscribed and unsubscribed are counted apart (E120). */
function shown(db: Db) {
  const count = (subscribed: boolean) => sql<number>`(
    select count(*)::int from email_group_members member
    where member.email_group_id = email_groups.id and (member.unsubscribed_at is null) = ${subscribed})`;
  return db
    .selectFrom("emailGroups")
    .select(["id", "title", "description", "ownerId", "createdAt", "changedAt"])
    .select([count(true).as("subscribed"), count(false).as("unsubscribed")]);
}

export function find(db: Db, id: number) {
  return shown(db).where("id", "=", id).executeTakeFirst();
}

export async function list(
  db: Db,
  { q, limit, cursor }: { q?: string | undefined; limit: number; cursor?: string | undefined },
) {
  let query = shown(db)
    .orderBy("id")
    .limit(limit + 1);
  if (cursor) query = query.where("id", ">", positionOf(cursor).id);
  if (q) query = query.where("title", "ilike", containing(q));
  return pageOf(await query.execute(), limit);
}

export function lock(tx: Tx, id: number) {
  return tx
    .selectFrom("emailGroups")
    .select(["title", "description"])
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
}

export async function insert(tx: Tx, row: Insertable<Tables["emailGroups"]>): Promise<number> {
  return (await tx.insertInto("emailGroups").values(row).returning("id").executeTakeFirstOrThrow()).id;
}

export async function save(tx: Tx, id: number, row: Updateable<Tables["emailGroups"]>): Promise<void> {
  await tx.updateTable("emailGroups").set(row).where("id", "=", id).execute();
}

export async function remove(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom("emailGroups").where("id", "=", id).execute();
}

export function runningFor(tx: Tx, id: number) {
  return tx
    .selectFrom("emailCampaigns")
    .select("number")
    .where("emailGroupId", "=", id)
    .where("status", "in", ["Scheduled", "In Progress", "Paused"])
    .limit(1)
    .executeTakeFirst();
}

const memberColumns = [
  "people.id as personId",
  "people.kind",
  "people.fullName",
  "people.email",
  "member.joinedAt",
  "member.unsubscribedAt",
] as const;

function members(db: Db, groupId: number) {
  return db
    .selectFrom("emailGroupMembers as member")
    .innerJoin("people", "people.id", "member.personId")
    .where("member.emailGroupId", "=", groupId);
}

export function findMember(db: Db, groupId: number, personId: number) {
  return members(db, groupId).select(memberColumns).where("member.personId", "=", personId).executeTakeFirst();
}

export async function listMembers(
  db: Db,
  groupId: number,
  {
    state,
    limit,
    cursor,
  }: { state?: "subscribed" | "unsubscribed" | undefined; limit: number; cursor?: string | undefined },
) {
  let query = members(db, groupId)
    .select(memberColumns)
    .select("people.id")
    .orderBy("member.personId")
    .limit(limit + 1);
  if (state) query = query.where("member.unsubscribedAt", state === "subscribed" ? "is" : "is not", null);
  if (cursor) query = query.where("member.personId", ">", positionOf(cursor).id);
  return pageOf(await query.execute(), limit);
}

export async function missingPerson(tx: Tx, ids: readonly number[]): Promise<number | undefined> {
  const missing = await sql<{ id: number }>`
    select given.id from unnest(${ids}::bigint[]) as given (id)
    where not exists (select from people where people.id = given.id and people.erased_at is null) limit 1`.execute(tx);
  return missing.rows[0]?.id;
}

export function peopleWith(tx: Tx, emailKeys: readonly string[]) {
  return tx
    .selectFrom("people")
    .select(["id", "emailKey"])
    .where("emailKey", "=", sql<string>`any(${emailKeys}::text[])`)
    .execute();
}

/** Who of those in chosen_people gets no mail through the group, and why (E121). */
export async function optedOutAmong(tx: Tx, groupId: number) {
  const suppressed = suppressedBy(sql.ref("people.email_key"), null);
  const found = await sql<{ personId: number; email: string | null; why: string; total: number }>`
    select person_id, email, why, (count(*) over ())::int as total from (
      select people.id as person_id, people.email,
        case when member.unsubscribed_at is not null then 'unsubscribed from this group' else ${suppressed} end as why
      from chosen_people chosen
        join people on people.id = chosen.id
        left join email_group_members member on member.person_id = people.id and member.email_group_id = ${groupId}
    ) as reasons where why is not null order by person_id limit ${NAMED}`.execute(tx);
  return {
    optedOut: found.rows.map(({ personId, email, why }) => ({ personId, email, why })),
    optedOutCount: found.rows[0]?.total ?? 0,
  };
}

/** Adds everybody in chosen_people who is no member yet; the primary key keeps each person once (E119). */
export async function addChosen(tx: Tx, groupId: number, now: Temporal.Instant) {
  const { rows } = await sql<{ added: number; chosenCount: number }>`
    with made as (
      insert into email_group_members (email_group_id, person_id, joined_at)
      select ${groupId}::bigint, chosen.id, ${now}::timestamptz from chosen_people chosen order by chosen.id
      on conflict do nothing returning 1
    ) select (select count(*)::int from made) as added, (select count(*)::int from chosen_people) as chosen_count`.execute(
    tx,
  );
  return rows[0] ?? { added: 0, chosenCount: 0 };
}

export async function removeMember(tx: Tx, groupId: number, personId: number): Promise<boolean> {
  const gone = await tx
    .deleteFrom("emailGroupMembers")
    .where("emailGroupId", "=", groupId)
    .where("personId", "=", personId)
    .executeTakeFirst();
  return gone.numDeletedRows > 0n;
}

/** Keeps the first moment of an unsubscription. */
export async function setUnsubscribed(
  tx: Tx,
  groupId: number,
  personId: number,
  at: Temporal.Instant | null,
): Promise<boolean> {
  const changed = await tx
    .updateTable("emailGroupMembers")
    .set({ unsubscribedAt: at === null ? null : sql`coalesce(unsubscribed_at, ${at}::timestamptz)` })
    .where("emailGroupId", "=", groupId)
    .where("personId", "=", personId)
    .executeTakeFirst();
  return changed.numUpdatedRows > 0n;
}

export async function removeEverywhere(tx: Tx, personId: number): Promise<void> {
  await tx.deleteFrom("emailGroupMembers").where("personId", "=", personId).execute();
}

export async function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  await sql`
    insert into email_group_members (email_group_id, person_id, joined_at, unsubscribed_at)
    select email_group_id, ${personId}::bigint, joined_at, unsubscribed_at
    from email_group_members where person_id = ${formerId}
    on conflict (email_group_id, person_id) do update
      set joined_at = least(email_group_members.joined_at, excluded.joined_at),
        unsubscribed_at = least(email_group_members.unsubscribed_at, excluded.unsubscribed_at)`.execute(tx);
  await removeEverywhere(tx, formerId);
}

export async function addPeople(
  tx: Tx,
  groupId: number,
  personIds: readonly number[],
  now: Temporal.Instant,
): Promise<number[]> {
  const { rows } = await sql<{ personId: number }>`
    insert into email_group_members (email_group_id, person_id, joined_at)
    select ${groupId}::bigint, people.id, ${now}::timestamptz from people
    where people.id = any(${[...personIds]}::bigint[]) and people.erased_at is null
    order by people.id
    on conflict do nothing returning person_id`.execute(tx);
  return rows.map(({ personId }) => personId);
}

export async function addByAddress(
  tx: Tx,
  groupId: number,
  emailKeys: readonly string[],
  now: Temporal.Instant,
): Promise<number> {
  const { numAffectedRows } = await sql`
    insert into email_group_members (email_group_id, person_id, joined_at)
    select ${groupId}::bigint, people.id, ${now}::timestamptz from people
    where people.email_key = any(${[...emailKeys]}::text[]) and people.erased_at is null
    order by people.id
    on conflict do nothing`.execute(tx);
  return Number(numAffectedRows ?? 0n);
}

export async function removePeople(tx: Tx, groupId: number, personIds: readonly number[]) {
  const gone = await tx
    .deleteFrom("emailGroupMembers")
    .where("emailGroupId", "=", groupId)
    .where("personId", "=", sql<number>`any(${[...personIds]}::bigint[])`)
    .returning(["personId", "unsubscribedAt"])
    .execute();
  return gone.map(({ personId, unsubscribedAt }) => ({ personId, subscribed: unsubscribedAt === null }));
}
