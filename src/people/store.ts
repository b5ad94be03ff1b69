/** The SQL of single people and their addresses. Decides nothing; bulk work stands in import-store.ts. */
import { type Insertable, sql, type Updateable } from "kysely";
import { type Db, PREPARED, type Tx } from "../db/database.ts";
import type { Tables } from "../db/tables.ts";
import type { Person } from "./people.ts";

export function find(db: Db, id: number): Promise<Person | undefined> {
  return db.selectFrom("people").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function findMany(db: Db, ids: readonly number[]): Promise<Person[]> {
  const { rows } = await sql<Person>`${PREPARED}
    select * from people where id = any(${[...ids]}::bigint[])`.execute(db);
  return rows;
}

export async function currentId(db: Db, id: number): Promise<number> {
  const merged = await db.selectFrom("mergedPeople").select("personId").where("formerId", "=", id).executeTakeFirst();
  return merged?.personId ?? id;
}

export function findByKey(db: Db, emailKey: string): Promise<Person | undefined> {
  return db.selectFrom("people").selectAll().where("emailKey", "=", emailKey).executeTakeFirst();
}

export function lock(tx: Tx, id: number): Promise<Person | undefined> {
  return tx.selectFrom("people").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

/** Undefined when somebody else has the address. */
export function insert(tx: Tx, row: Insertable<Tables["people"]>): Promise<Person | undefined> {
  return tx
    .insertInto("people")
    .values(row)
    .onConflict((conflict) => conflict.constraint("people_email_unique").doNothing())
    .returningAll()
    .executeTakeFirst();
}

export function save(tx: Tx, id: number, row: Updateable<Tables["people"]>): Promise<Person> {
  return tx.updateTable("people").set(row).where("id", "=", id).returningAll().executeTakeFirstOrThrow();
}

/** Makes these the further addresses of a person, in this order. @returns whether that changed anything. */
export async function saveFurther(
  tx: Tx,
  personId: number,
  addresses: readonly { address: string; key: string }[],
): Promise<boolean> {
  const before = await tx
    .selectFrom("personAddresses")
    .select("email")
    .where("personId", "=", personId)
    .orderBy("id")
    .execute();
  if (before.map(({ email }) => email).join("\n") === addresses.map(({ address }) => address).join("\n")) return false;
  await tx.deleteFrom("personAddresses").where("personId", "=", personId).execute();
  if (addresses.length > 0)
    await tx
      .insertInto("personAddresses")
      .values(addresses.map(({ address, key }) => ({ personId, email: address, emailKey: key })))
      .execute();
  return true;
}

/** The keys of all addresses of a person. */
export async function keysOf(tx: Tx, id: number): Promise<string[]> {
  const primary = await tx.selectFrom("people").select("emailKey").where("id", "=", id).executeTakeFirst();
  const further = await tx.selectFrom("personAddresses").select("emailKey").where("personId", "=", id).execute();
  return [...new Set([primary, ...further].flatMap((row) => row?.emailKey ?? []))];
}

/** An Email Campaign that names the person, if there is one. */
export function emailCampaignOf(tx: Tx, personId: number) {
  return tx.selectFrom("emailCampaigns").select("number").where("personId", "=", personId).limit(1).executeTakeFirst();
}

export async function isGroupMember(tx: Tx, personId: number): Promise<boolean> {
  const found = tx.selectFrom("emailGroupMembers").select("personId").where("personId", "=", personId).limit(1);
  return (await found.executeTakeFirst()) !== undefined;
}

export async function remove(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom("people").where("id", "=", id).execute();
}

/** The user of this address or name, for `owner`. */
export async function userNamed(db: Db, owner: string): Promise<number | null> {
  const wanted = owner.trim().toLowerCase();
  const found = await db
    .selectFrom("users")
    .select("id")
    .where((where) =>
      where.or([where("emailKey", "=", wanted), where(where.fn<string>("lower", ["name"]), "=", wanted)]),
    )
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  return found?.id ?? null;
}

/** Leaves the row, for what refers to it, and nothing in it that says who it was. */
export async function anonymise(tx: Tx, id: number, now: Temporal.Instant): Promise<Person> {
  await tx.deleteFrom("personAddresses").where("personId", "=", id).execute();
  const nothing = {
    salutation: null,
    firstName: null,
    middleName: null,
    lastName: null,
    email: null,
    emailKey: null,
    company: null,
    jobTitle: null,
    phone: null,
    mobile: null,
    website: null,
    city: null,
    state: null,
    country: null,
    source: null,
    owner: null,
    ownerId: null,
    language: null,
    timeZone: null,
    notes: null,
    attributes: "{}",
    measuring: "as-campaign",
    measuringRefusedAt: null,
  } as const;
  return save(tx, id, { ...nothing, fullName: "Erased person", disabledAt: now, erasedAt: now, changedAt: now });
}
