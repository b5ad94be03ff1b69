/** The SQL of merging and of finding duplicates. Decides nothing. */
import { sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import { cursorOf, positionOf } from "../http/paging.ts";
import type { Person } from "./people.ts";

/** How many people one page of duplicates looks at, and how many of one name it compares with each. */
const LOOKED_AT = 2000;
const SAME_NAME = 50;
const A_PERSONS_DUPLICATES = 20;

export function findBoth(db: Db, one: number, other: number): Promise<Person[]> {
  return db.selectFrom("people").selectAll().where("id", "in", [one, other]).execute();
}

export function lockBoth(tx: Tx, one: number, other: number): Promise<Person[]> {
  return tx.selectFrom("people").selectAll().where("id", "in", [one, other]).orderBy("id").forUpdate().execute();
}

export async function lockEmailCampaigns(tx: Tx, one: number, other: number): Promise<void> {
  await tx
    .selectFrom("emailCampaigns")
    .select("id")
    .where("personId", "in", [one, other])
    .orderBy("id")
    .forUpdate()
    .execute();
}

export function furtherOf(db: Db, personIds: readonly [number, number]) {
  return db
    .selectFrom("personAddresses")
    .select(["email", "emailKey as key"])
    .where("personId", "in", personIds)
    .orderBy(sql`person_id <> ${personIds[0]}`)
    .orderBy("id")
    .execute();
}

/** The other's row goes; its id, and those that led to it, lead to the survivor. */
export async function removeMerged(
  tx: Tx,
  formerId: number,
  personId: number,
  mergedBy: string,
  now: Temporal.Instant,
): Promise<void> {
  await tx.updateTable("mergedPeople").set({ personId }).where("personId", "=", formerId).execute();
  await tx.insertInto("mergedPeople").values({ formerId, personId, mergedBy, mergedAt: now }).execute();
  await tx.deleteFrom("people").where("id", "=", formerId).execute();
}

export async function countsOf(db: Db, id: number) {
  const { rows } = await sql<{
    emailCampaigns: number;
    messages: number;
    timelineEntries: number;
    emailGroups: number;
    suppressions: number;
  }>`select
      (select count(*)::int from email_campaigns where person_id = ${id}) as email_campaigns,
      (select count(*)::int from messages where person_id = ${id}) as messages,
      (select count(*)::int from timeline_entries where person_id = ${id}) as timeline_entries,
      (select count(*)::int from email_group_members where person_id = ${id}) as email_groups,
      (select count(*)::int from suppressions join people on people.email_key = suppressions.email_key
        where people.id = ${id} and lifted_at is null) as suppressions`.execute(db);
  return rows[0]!;
}

/** Running Email Campaigns that end because an older one of the same Campaign goes on. */
export async function stopsOf(db: Db, one: number, other: number) {
  const { rows } = await sql<{ id: number; number: string; campaign: string; continues: string }>`
    select younger.id, younger.number, campaigns.name as campaign, older.number as continues
    from email_campaigns younger
      join email_campaigns older on older.campaign_id = younger.campaign_id and older.person_id <> younger.person_id
        and older.id < younger.id
      join campaigns on campaigns.id = younger.campaign_id
    where younger.person_id in (${one}, ${other}) and older.person_id in (${one}, ${other})
      and younger.status in ('Scheduled', 'In Progress', 'Paused') and older.status in ('Scheduled', 'In Progress', 'Paused')
    order by younger.id`.execute(db);
  return rows;
}

/** Which of these people asked under any of their addresses to be left alone. */
export async function optOutsOf(db: Db, personIds: readonly number[]) {
  return db
    .selectFrom("people")
    .innerJoin("suppressions", (join) =>
      join.on((on) =>
        on.or([
          on("suppressions.emailKey", "=", on.ref("people.emailKey")),
          on.exists(
            on
              .selectFrom("personAddresses")
              .select("id")
              .whereRef("personAddresses.personId", "=", "people.id")
              .whereRef("personAddresses.emailKey", "=", "suppressions.emailKey"),
          ),
        ]),
      ),
    )
    .select(["people.id as personId", "suppressions.scope"])
    .where("people.id", "in", personIds)
    .where("suppressions.liftedAt", "is", null)
    .where("suppressions.reason", "not in", ["hard-bounce", "soft-bounces"])
    .execute();
}

type Side = Pick<Person, "id" | "kind" | "fullName" | "email" | "company" | "createdAt">;
export type Duplicate = {
  readonly reason: "same-address" | "same-name-and-company" | "same-name-and-domain";
  readonly one: Side;
  readonly other: Side;
};
type Found = { id: number; otherId: number; reason: Duplicate["reason"] };

/** Where everybody has an address: an equal name there means little. */
const FREE_MAIL = [
  "gmail.com",
  "googlemail.com",
  "outlook.com",
  "hotmail.com",
  "live.com",
  "yahoo.com",
  "icloud.com",
  "gmx.de",
  "gmx.net",
  "web.de",
  "t-online.de",
  "aol.com",
  "proton.me",
  "protonmail.com",
  "mail.ru",
  "qq.com",
  "163.com",
];

/**
 * Probable duplicates of the newest people, page by page: each person looked at costs two reads of an index, so that a
 * page costs the same among a million people.
 */
export async function duplicates(
  db: Db,
  { limit, cursor, personId }: { limit: number; cursor?: string | undefined; personId?: number | undefined },
): Promise<{ data: Duplicate[]; nextCursor: string | null }> {
  const { id: from, value } = cursor ? positionOf(cursor) : { id: Number.MAX_SAFE_INTEGER, value: null };
  // Of the last person of the page before, those pairs that did not fit.
  const within = typeof value === "number" ? value : 0;
  const chosen = personId
    ? sql`people.id = ${personId}`
    : sql`(people.id < ${from} or people.id = ${from} and ${within} > 0)`;
  const older = personId ? sql`other.id <> looked.id` : sql`other.id < looked.id`;
  const { rows } = await sql<Found & { lastLookedAt: number; lookedAt: number }>`
    with looked as materialized (
      select id, email_key, lower(full_name) as name, lower(company) as company from people
      where erased_at is null and ${chosen} order by id desc limit ${LOOKED_AT}
    ), pairs as (
      select looked.id, other.id as other_id, 'same-address' as reason, 1 as rank
      from looked cross join lateral (
        select other.id from people other
        where other.email_key is not null and looked.email_key is not null
          and canonical_address(other.email_key) = canonical_address(looked.email_key) and ${older}
        limit ${SAME_NAME}) as other
      union all
      select looked.id, other.id, case when other.company = looked.company then 'same-name-and-company' else 'same-name-and-domain' end, 2
      from looked cross join lateral (
        select other.id, lower(other.company) as company, split_part(other.email_key, '@', 2) as domain from people other
        where lower(other.full_name) = looked.name and other.erased_at is null and ${older}
        limit ${SAME_NAME}) as other
      where other.company = looked.company
        or other.domain = split_part(looked.email_key, '@', 2) and other.domain <> all(${FREE_MAIL}::text[])
    ), found as (
      select distinct on (id, other_id) id, other_id, reason from pairs order by id, other_id, rank
    )
    select found.id, found.other_id, found.reason, bounds.last_looked_at, bounds.looked_at
    from (select min(id) as last_looked_at, count(*)::int as looked_at from looked) as bounds
      left join found on (${within} = 0 or found.id < ${from} or found.other_id < ${within})
    order by found.id desc, found.other_id desc
    limit ${limit + 1}`.execute(db);
  const bounds = rows[0];
  const found = rows.filter((row) => row.id !== null);
  const shown = found.slice(0, personId ? A_PERSONS_DUPLICATES : limit);
  const last = shown.at(-1);
  const data = await withPeople(db, shown);
  if (personId) return { data, nextCursor: null };
  if (found.length > limit && last) return { data, nextCursor: cursorOf({ value: last.otherId, id: last.id }) };
  const more = bounds && bounds.lookedAt === LOOKED_AT;
  return { data, nextCursor: more ? cursorOf({ value: 0, id: bounds.lastLookedAt }) : null };
}

async function withPeople(db: Db, found: readonly Found[]): Promise<Duplicate[]> {
  if (found.length === 0) return [];
  const ids = [...new Set(found.flatMap(({ id, otherId }) => [id, otherId]))];
  const people = await db
    .selectFrom("people")
    .select(["id", "kind", "fullName", "email", "company", "createdAt"])
    .where("id", "in", ids)
    .execute();
  const byId = new Map(people.map((person) => [person.id, person]));
  return found.flatMap(({ id, otherId, reason }) => {
    const [one, other] = [byId.get(Math.min(id, otherId)), byId.get(Math.max(id, otherId))];
    return one && other ? [{ reason, one, other }] : [];
  });
}
