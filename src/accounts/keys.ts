/** API keys: 256 random bits, of which only the SHA-256 is kept. A key is shown once, when it is made. */
import { createHash, randomBytes } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { refuse } from "../core/problem.ts";
import { inTransaction, type Db } from "../db/database.ts";
import type { Role } from "../db/tables.ts";
import { positionOf } from "../http/paging.ts";
import { mayAct, type Actor, type Caller } from "../http/serve.ts";
import { recordChange } from "./audit.ts";

const PREFIX = "tdg_";
const KEY = /^tdg_[A-Za-z0-9_-]{43}$/;
/** Enough to tell keys apart in a list, too little to guess by. */
const SHOWN_CHARACTERS = 10;
/** `lastUsedAt` is exact to this; a write for every request would cost more than it says. */
const USED_WITHIN_SECONDS = 60;

const COLUMNS = ["id", "name", "role", "scopes", "userId", "prefix", "createdAt", "lastUsedAt", "revokedAt"] as const;

/** Makes a key. The answer's `key` is the only copy there will ever be. */
export async function create(
  db: Db,
  input: { name: string; role: Role; userId?: number | null; scopes?: readonly string[] },
  actor: Pick<Actor, "name" | "role">,
  now: Temporal.Instant,
) {
  if (!mayAct(actor.role, input.role))
    refuse("forbidden", `You are ${actor.role}: a key may do no more than you.`, "/role");
  const key = PREFIX + randomBytes(32).toString("base64url");
  return inTransaction(db, async (tx) => {
    const userId = input.userId ?? null;
    if (userId !== null && !(await tx.selectFrom("users").select("id").where("id", "=", userId).executeTakeFirst()))
      refuse("user-not-found", `There is no user ${userId}.`, "/userId");
    const made = await tx
      .insertInto("apiKeys")
      .values({
        name: input.name,
        role: input.role,
        scopes: [...(input.scopes ?? [])],
        userId,
        keyHash: hashOf(key),
        prefix: key.slice(0, SHOWN_CHARACTERS),
        createdAt: now,
      })
      .returning(COLUMNS)
      .executeTakeFirstOrThrow();
    await recordChange(tx, { actor, action: "create", subjectType: "api-key", subjectId: made.id, after: made }, now);
    return { ...made, key };
  });
}

/** Revokes a key at once and for good. Harmless twice. */
export async function revoke(db: Db, id: number, actor: Pick<Actor, "name">, now: Temporal.Instant): Promise<void> {
  await inTransaction(db, async (tx) => {
    const found = await tx
      .selectFrom("apiKeys")
      .select("revokedAt")
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (!found) refuse("api-key-not-found", `There is no API key ${id}.`);
    if (found.revokedAt) return;
    await tx.updateTable("apiKeys").set({ revokedAt: now }).where("id", "=", id).execute();
    await recordChange(tx, { actor, action: "revoke", subjectType: "api-key", subjectId: id }, now);
  });
}

export function list(db: Db, { limit, cursor }: { limit: number; cursor?: string }) {
  let query = db
    .selectFrom("apiKeys")
    .select(COLUMNS)
    .orderBy("id")
    .limit(limit + 1);
  if (cursor) query = query.where("id", ">", positionOf(cursor).id);
  return query.execute();
}

/** Who sent a request, by its bearer key; null without one. Refuses a key that is unknown, revoked or of a disabled user. */
export async function authenticate(
  db: Db,
  request: { readonly headers: Pick<FastifyRequest["headers"], "authorization"> },
  now: Temporal.Instant,
): Promise<Caller | null> {
  const header = request.headers.authorization;
  if (header === undefined) return null;
  const key = /^Bearer +(\S+)$/i.exec(header)?.[1] ?? "";
  const found = KEY.test(key) ? await findByKey(db, key) : undefined;
  if (!found || found.revokedAt || found.userDisabledAt)
    return refuse("unauthenticated", "This API key is not valid. It may have been revoked.");
  if (
    !found.lastUsedAt ||
    Temporal.Instant.compare(found.lastUsedAt, now.subtract({ seconds: USED_WITHIN_SECONDS })) < 0
  )
    await db.updateTable("apiKeys").set({ lastUsedAt: now }).where("id", "=", found.id).execute();
  // A key never does more than the user it acts for may.
  const role = found.userRole && !mayAct(found.userRole, found.role) ? found.userRole : found.role;
  const name = found.userEmail ? `${found.userEmail} (key "${found.name}")` : `key "${found.name}"`;
  return {
    actor: { name, role, userId: found.userId, byKey: true },
    identity: `key-${found.id}`,
    scopes: found.scopes,
  };
}

function findByKey(db: Db, key: string) {
  return db
    .selectFrom("apiKeys")
    .leftJoin("users", "users.id", "apiKeys.userId")
    .select([
      "apiKeys.id",
      "apiKeys.name",
      "apiKeys.role",
      "apiKeys.scopes",
      "apiKeys.userId",
      "apiKeys.lastUsedAt",
      "apiKeys.revokedAt",
      "users.email as userEmail",
      "users.role as userRole",
      "users.disabledAt as userDisabledAt",
    ])
    .where("keyHash", "=", hashOf(key))
    .executeTakeFirst();
}

// A plain hash is enough: the key is random and long, so there is nothing to guess.
function hashOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
