/** Front door: who somebody is, proved with a password, a code, a passkey or a link. Tells nobody which addresses are known. */
import { Refusal, refuse } from "../core/problem.ts";
import { addressOf } from "../accounts/addresses.ts";
import { recordChange } from "../accounts/audit.ts";
import * as senders from "../accounts/senders.ts";
import { isOpen, redeem as redeemSetup } from "../accounts/setup-links.ts";
import * as users from "../accounts/users.ts";
import { inTransaction, type Db } from "../db/database.ts";
import type { Role } from "../db/tables.ts";
import type { Seal } from "../http/idempotency.ts";
import * as workspace from "../workspace/workspace.ts";
import * as limits from "./limits.ts";
import * as links from "./links.ts";
import * as passwords from "./passwords.ts";
import * as secondFactor from "./second-factor.ts";
import * as sessions from "./sessions.ts";

const FROM_ONE_ADDRESS = { most: 30, minutes: 10 };

export type Proven = { readonly id: number; readonly role: Role; readonly method: sessions.Method };

/**
 * Checks address and password, and the code where one is asked for. Everything that is wrong has the same answer after
 * the same work.
 * @throws Refusal `sign-in-failed`, `second-factor-required`, `too-many-requests`
 */
export async function proveByPassword(
  db: Db,
  input: { email: string; password: string; code?: string | undefined },
  { ip, seal }: { ip: string; seal: Seal },
  now: Temporal.Instant,
): Promise<Proven> {
  await limits.count(db, { key: `ip:${ip}`, ...FROM_ONE_ADDRESS }, now);
  const emailKey = keyOf(input.email);
  const key = limits.accountKey(emailKey);
  const found = await db
    .selectFrom("users")
    .leftJoin("userSecrets", "userSecrets.userId", "users.id")
    .select(["users.id", "users.role", "users.disabledAt", "passwordHash", "totpConfirmedAt"])
    .where("users.emailKey", "=", emailKey)
    .executeTakeFirst();
  const right = await passwords.isRight(input.password, found?.passwordHash ?? null);
  const locked = await limits.isLocked(db, key, now);
  if (!found || !right || found.disabledAt || locked) {
    if (!locked) await limits.noteFailure(db, key, now);
    return failed();
  }
  if (found.totpConfirmedAt) {
    if (!input.code) return refuse("second-factor-required", "Give the code your authenticator shows.", "/code");
    if (!(await secondFactor.accept(db, found.id, input.code, seal, now))) {
      await limits.noteFailure(db, key, now);
      return failed();
    }
  }
  await limits.forgive(db, key);
  return { id: found.id, role: found.role, method: found.totpConfirmedAt ? "password-and-code" : "password" };
}

function failed(): never {
  refuse("sign-in-failed", "The address, the password or the code is not right.");
}

/** Whose passkey it was may sign in, unless disabled. */
export async function proveByPasskey(db: Db, userId: number): Promise<Proven> {
  const found = await db
    .selectFrom("users")
    .select(["id", "role", "disabledAt"])
    .where("id", "=", userId)
    .executeTakeFirst();
  if (!found || found.disabledAt) return refuse("sign-in-failed", "This passkey is not known here.");
  return { id: found.id, role: found.role, method: "passkey" };
}

/** Who a session is of, as the browser needs it. */
export async function describe(db: Db, userId: number) {
  const user = await db
    .selectFrom("users")
    .leftJoin("userSecrets", "userSecrets.userId", "users.id")
    .select((select) => [
      "users.id",
      "users.name",
      "users.email",
      "users.role",
      "users.language",
      "totpConfirmedAt",
      select
        .selectFrom("passkeys")
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .whereRef("passkeys.userId", "=", "users.id")
        .as("passkeys"),
      select
        .selectFrom("recoveryCodes")
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .whereRef("recoveryCodes.userId", "=", "users.id")
        .where("usedAt", "is", null)
        .as("recoveryCodesLeft"),
    ])
    .where("users.id", "=", userId)
    .executeTakeFirst();
  if (!user) return refuse("user-not-found", "This user is gone.");
  const { totpConfirmedAt, ...rest } = user;
  const { name } = await workspace.get(db);
  return {
    user: {
      ...rest,
      totp: totpConfirmedAt !== null,
      passkeys: user.passkeys ?? 0,
      recoveryCodesLeft: user.recoveryCodesLeft ?? 0,
    },
    workspace: name,
  };
}

/** Whether this is the user's password: asked again before what weakens an account. */
export async function confirmPassword(db: Db, userId: number, password: string, now: Temporal.Instant): Promise<void> {
  const key = `confirm:${userId}`;
  await limits.count(db, { key, most: 10, minutes: 15 }, now);
  const found = await db
    .selectFrom("userSecrets")
    .select("passwordHash")
    .where("userId", "=", userId)
    .executeTakeFirst();
  if (!(await passwords.isRight(password, found?.passwordHash ?? null)))
    refuse("password-wrong", "This is not your password.", "/password");
  await limits.forgive(db, key);
}

/** Sets a password and ends every session but `except`. */
export async function setPassword(
  db: Db,
  userId: number,
  password: string,
  { by, except, at = "/password" }: { by: string; except?: number; at?: string },
  now: Temporal.Instant,
): Promise<void> {
  const { email } = await users.get(db, userId);
  passwords.checkNewPassword(password, { email }, at);
  const passwordHash = await passwords.hashOf(password);
  await inTransaction(db, async (tx) => {
    await tx
      .insertInto("userSecrets")
      .values({ userId, passwordHash, changedAt: now })
      .onConflict((conflict) => conflict.column("userId").doUpdateSet({ passwordHash, changedAt: now }))
      .execute();
    await sessions.end(tx, { userId, except });
    await recordChange(
      tx,
      { actor: { name: by }, action: "change-password", subjectType: "user", subjectId: userId },
      now,
    );
  });
}

/** The user a link to a new password is for, if there is one. */
export function findUser(db: Db, email: string) {
  return db
    .selectFrom("users")
    .select(["id", "name", "email", "language"])
    .where("emailKey", "=", keyOf(email))
    .where("disabledAt", "is", null)
    .executeTakeFirst();
}

/** A new password by a link: it is used up, and all sessions end. */
export async function resetPassword(db: Db, token: string, password: string, now: Temporal.Instant): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { userId, email } = await links.redeem(tx, token, "password-reset", now);
    if (userId === null) throw new Refusal("link-not-found", "This link is for nobody any more.");
    await setPassword(tx, userId, password, { by: email }, now);
    await limits.forgive(tx, limits.accountKey(keyOf(email)));
  });
}

/** Makes the user an invitation is for. */
export async function acceptInvitation(
  db: Db,
  token: string,
  input: { name: string; password: string; language: string },
  now: Temporal.Instant,
): Promise<Proven> {
  return inTransaction(db, async (tx) => {
    const invitation = await links.redeem(tx, token, "invitation", now);
    const role = invitation.role ?? "viewer";
    const actor = { name: invitation.createdBy ?? "invitation", role: "administrator" } as const;
    const user = await users.create(tx, { name: input.name, email: invitation.email, role }, actor, now);
    await users.setLanguage(tx, user.id, input.language);
    await setPassword(tx, user.id, input.password, { by: user.email }, now);
    if (role !== "viewer")
      await senders.create(tx, { name: input.name, email: user.email, userId: user.id }, actor, now);
    return { id: user.id, role, method: "link" };
  });
}

/** Refuses a set-up link that was used or replaced. */
export async function checkSetup(db: Db, token: string): Promise<void> {
  if (!(await isOpen(db, token)))
    refuse("setup-link-not-found", "This set-up link was used already, or a later start printed a new one.");
}

export type SetupInput = {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly workspace: { name: string; timeZone: string; language: string; postalAddress?: string | undefined };
};

/** Sets a new installation up, all or nothing: its first administrator, their sender, the workspace. Works once for each link. */
export async function setUp(db: Db, token: string, input: SetupInput, now: Temporal.Instant): Promise<Proven> {
  return inTransaction(db, async (tx) => {
    if (!(await redeemSetup(tx, token, now))) await checkSetup(tx, token);
    const actor = { name: "set-up link", role: "administrator", userId: null } as const;
    const { name, email } = input;
    const user = await users.create(tx, { name, email, role: "administrator" }, actor, now);
    await users.setLanguage(tx, user.id, input.workspace.language);
    await setPassword(tx, user.id, input.password, { by: user.email }, now);
    await senders.create(tx, { name, email, userId: user.id }, actor, now);
    await workspace.setUp(tx, input.workspace, actor, now);
    return { id: user.id, role: "administrator", method: "link" };
  });
}

/** How an address is compared; one that is none is compared with nobody's. */
function keyOf(email: string): string {
  try {
    return addressOf(email, "/email").emailKey;
  } catch {
    return "";
  }
}
