/** Users: who may do what. Signs nobody in, and never leaves an installation without an administrator. */
import type { z } from "zod";
import { refuse } from "../core/problem.ts";
import { inTransaction, type Db, type Tx } from "../db/database.ts";
import type { Role } from "../db/tables.ts";
import { refuseIfChanged } from "../http/etag.ts";
import type { Actor } from "../http/serve.ts";
import { positionOf } from "../http/paging.ts";
import { addressOf } from "./addresses.ts";
import type { users as api } from "./api.ts";
import { difference, recordChange } from "./audit.ts";

export type NewUser = z.output<typeof api.create.body>;
export type UserEdit = z.output<typeof api.update.body>;

const COLUMNS = ["id", "name", "email", "role", "disabledAt", "lastSignInAt", "createdAt", "changedAt"] as const;

export async function create(db: Db, input: NewUser, actor: Pick<Actor, "name">, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const values = { ...input, ...addressOf(input.email, "/email"), createdAt: now, changedAt: now };
    const made = await tx
      .insertInto("users")
      .values(values)
      .onConflict((conflict) => conflict.column("emailKey").doNothing())
      .returning(COLUMNS)
      .executeTakeFirst();
    if (!made) return refuse("user-exists", `There is a user with the address ${input.email} already.`, "/email");
    await recordChange(tx, { actor, action: "create", subjectType: "user", subjectId: made.id, after: made }, now);
    return made;
  });
}

/** Notes that a user signed in. */
export async function noteSignIn(db: Db, id: number, now: Temporal.Instant): Promise<void> {
  await db.updateTable("users").set({ lastSignInAt: now }).where("id", "=", id).execute();
}

/** The language a user reads in. */
export async function setLanguage(db: Db, id: number, language: string): Promise<void> {
  await db.updateTable("users").set({ language }).where("id", "=", id).execute();
}

export async function update(
  db: Db,
  id: number,
  { disabled, ...edit }: UserEdit,
  actor: Actor,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    // All of them, in one order: two administrators who demote each other must not both succeed.
    const administrators = await lockAdministrators(tx);
    const found = await tx.selectFrom("users").select(COLUMNS).where("id", "=", id).forUpdate().executeTakeFirst();
    if (!found) return refuse("user-not-found", `There is no user ${id}.`);
    refuseIfChanged(unchangedSince, found.changedAt);
    const disabledAt = disabled === undefined ? found.disabledAt : disabled ? (found.disabledAt ?? now) : null;
    const wanted = { ...edit, disabledAt };
    const stays = (edit.role ?? found.role) === "administrator" && disabledAt === null;
    if (!stays && administrators.length === 1 && administrators[0] === id)
      refuse("last-administrator", "This is the only administrator. Make somebody else one first.");
    const changes = difference(found, wanted);
    if (!changes) return found;
    const saved = await tx
      .updateTable("users")
      .set({ ...wanted, changedAt: now })
      .where("id", "=", id)
      .returning(COLUMNS)
      .executeTakeFirstOrThrow();
    await recordChange(tx, { actor, action: "update", subjectType: "user", subjectId: id, ...changes }, now);
    return saved;
  });
}

export async function get(db: Db, id: number) {
  const found = await db.selectFrom("users").select(COLUMNS).where("id", "=", id).executeTakeFirst();
  return found ?? refuse("user-not-found", `There is no user ${id}.`);
}

export function list(db: Db, { limit, cursor }: { limit: number; cursor?: string }) {
  let query = db
    .selectFrom("users")
    .select(COLUMNS)
    .orderBy("id")
    .limit(limit + 1);
  if (cursor) query = query.where("id", ">", positionOf(cursor).id);
  return query.execute();
}

/** The user with this address; refuses when there is none. */
export async function getByEmail(db: Db, email: string) {
  const { emailKey } = addressOf(email, "/user");
  const found = await db.selectFrom("users").select(COLUMNS).where("emailKey", "=", emailKey).executeTakeFirst();
  return found ?? refuse("user-not-found", `There is no user with the address ${email}.`, "/user");
}

/** Accepts `admin` for `administrator`, as people say it. */
export function roleOf(text: string): Role {
  const role = text.trim().toLowerCase();
  if (role === "admin") return "administrator";
  const known: readonly Role[] = ["administrator", "manager", "user", "viewer"];
  return (
    known.find((name) => name === role) ??
    refuse("role-invalid", `There is no role "${text}". There are: ${known.join(", ")}.`, "/role")
  );
}

async function lockAdministrators(tx: Tx): Promise<number[]> {
  const rows = await tx
    .selectFrom("users")
    .select("id")
    .where("role", "=", "administrator")
    .where("disabledAt", "is", null)
    .orderBy("id")
    .forUpdate()
    .execute();
  return rows.map((row) => row.id);
}
