/** Links that are sent: to a new password, or with an invitation. Only their hash is kept; each works once, for a while. */
import { createHash, randomBytes } from "node:crypto";
import { refuse } from "../core/problem.ts";
import type { Db, Tx } from "../db/database.ts";
import type { Role } from "../db/tables.ts";

const RESET_HOURS = 1;
const INVITATION_HOURS = 7 * 24;

const hashOf = (token: string) => createHash("sha256").update(token).digest();
const newToken = () => randomBytes(32).toString("base64url");

/** A link to a new password; earlier ones of this user stop working. */
export async function newReset(
  db: Db,
  user: { id: number; email: string },
  createdBy: string | null,
  now: Temporal.Instant,
): Promise<string> {
  await db.deleteFrom("signInLinks").where("purpose", "=", "password-reset").where("userId", "=", user.id).execute();
  const token = newToken();
  await db
    .insertInto("signInLinks")
    .values({
      tokenHash: hashOf(token),
      purpose: "password-reset",
      userId: user.id,
      email: user.email,
      createdBy,
      createdAt: now,
      expiresAt: now.add({ hours: RESET_HOURS }),
    })
    .execute();
  return token;
}

const INVITATION = ["id", "email", "name", "role", "createdBy", "createdAt", "expiresAt"] as const;
type InvitationRow = {
  id: number;
  email: string;
  name: string | null;
  role: Role | null;
  createdBy: string | null;
  createdAt: Temporal.Instant;
  expiresAt: Temporal.Instant;
};

/** An invitation; an earlier one to this address stops working. */
export async function newInvitation(
  tx: Tx,
  { name, email, role }: { name: string; email: string; role: Role },
  createdBy: string,
  now: Temporal.Instant,
) {
  await tx.deleteFrom("signInLinks").where("purpose", "=", "invitation").where("email", "=", email).execute();
  const token = newToken();
  const made = await tx
    .insertInto("signInLinks")
    .values({
      tokenHash: hashOf(token),
      purpose: "invitation",
      email,
      name,
      role,
      createdBy,
      createdAt: now,
      expiresAt: now.add({ hours: INVITATION_HOURS }),
    })
    .returning(INVITATION)
    .executeTakeFirstOrThrow();
  return { token, invitation: invitationOf(made) };
}

export async function listInvitations(
  db: Db,
  { limit, after }: { limit: number; after: number | null },
  now: Temporal.Instant,
) {
  let query = db
    .selectFrom("signInLinks")
    .select(INVITATION)
    .where("purpose", "=", "invitation")
    .where("usedAt", "is", null)
    .where("expiresAt", ">", now)
    .orderBy("id")
    .limit(limit + 1);
  if (after !== null) query = query.where("id", ">", after);
  return (await query.execute()).map(invitationOf);
}

export async function takeBack(tx: Tx, id: number): Promise<void> {
  const { numDeletedRows } = await tx
    .deleteFrom("signInLinks")
    .where("id", "=", id)
    .where("purpose", "=", "invitation")
    .where("usedAt", "is", null)
    .executeTakeFirst();
  if (Number(numDeletedRows) === 0) refuse("invitation-not-found", `There is no open invitation ${id}.`);
}

/** What an invitation says; refuses one that is used up, taken back or too old. */
export async function invitationBy(db: Db, token: string, now: Temporal.Instant) {
  const found = await db
    .selectFrom("signInLinks")
    .select(INVITATION)
    .where("tokenHash", "=", hashOf(token))
    .where("purpose", "=", "invitation")
    .where("usedAt", "is", null)
    .where("expiresAt", ">", now)
    .executeTakeFirst();
  return found ? invitationOf(found) : refuseLink();
}

/** Uses a link up in the transaction that does what it is for. Of two at once, one gets it. */
export async function redeem(tx: Tx, token: string, purpose: "password-reset" | "invitation", now: Temporal.Instant) {
  const used = await tx
    .updateTable("signInLinks")
    .set({ usedAt: now })
    .where("tokenHash", "=", hashOf(token))
    .where("purpose", "=", purpose)
    .where("usedAt", "is", null)
    .where("expiresAt", ">", now)
    .returning([...INVITATION, "userId"])
    .executeTakeFirst();
  return used ?? refuseLink();
}

function refuseLink(): never {
  refuse("link-not-found", "This link was used already, is too old, or was taken back. Ask for a new one.");
}

function invitationOf({ name, role, ...row }: InvitationRow) {
  return { ...row, name: name ?? "", role: role ?? ("viewer" as const) };
}
