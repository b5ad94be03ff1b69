/** The authenticator's codes (RFC 6238) and the recovery codes beside them. Each code works once. */
import { createHash, randomInt } from "node:crypto";
import { Secret, TOTP } from "otpauth";
import { refuse } from "../core/problem.ts";
import { inTransaction, type Db, type Tx } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";

const PERIOD_SECONDS = 30;
/** Clocks differ, and typing takes time: one step either way. */
const WINDOW = 1;
const RECOVERY_CODES = 10;
/** Without the letters and digits that are mistaken for each other. */
const ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";

/** Begins: a secret that counts for nothing until a code of it was given. */
export async function begin(db: Db, user: { id: number; email: string }, seal: Seal, now: Temporal.Instant) {
  const secret = new Secret({ size: 20 });
  const kept = await db
    .updateTable("userSecrets")
    .set({
      totpSecretEncrypted: seal.encrypt(secret.base32),
      totpConfirmedAt: null,
      totpLastStep: null,
      changedAt: now,
    })
    .where("userId", "=", user.id)
    .where("totpConfirmedAt", "is", null)
    .executeTakeFirst();
  if (Number(kept.numUpdatedRows) === 0)
    refuse("totp-exists", "An authenticator is connected already. Disconnect it first.");
  return { secret: secret.base32, uri: totpOf(secret.base32, user.email).toString() };
}

/** Confirms with the first code, and gives the recovery codes: the only copy. */
export async function confirm(
  db: Db,
  userId: number,
  code: string,
  seal: Seal,
  now: Temporal.Instant,
): Promise<string[]> {
  return inTransaction(db, async (tx) => {
    const found = await tx
      .selectFrom("userSecrets")
      .select(["totpSecretEncrypted", "totpConfirmedAt"])
      .where("userId", "=", userId)
      .forUpdate()
      .executeTakeFirst();
    if (!found?.totpSecretEncrypted || found.totpConfirmedAt)
      return refuse("totp-not-found", "There is no authenticator waiting to be confirmed. Begin again.");
    const step = stepOf(seal.decrypt(found.totpSecretEncrypted), code, now);
    if (step === null)
      return refuse("code-wrong", "This code is not right. Check that the clock of the phone is.", "/code");
    await tx
      .updateTable("userSecrets")
      .set({ totpConfirmedAt: now, totpLastStep: step, changedAt: now })
      .where("userId", "=", userId)
      .execute();
    await tx.deleteFrom("recoveryCodes").where("userId", "=", userId).execute();
    const codes = Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
    await tx
      .insertInto("recoveryCodes")
      .values(codes.map((one) => ({ userId, codeHash: hashOf(one) })))
      .execute();
    return codes;
  });
}

export async function remove(tx: Tx, userId: number, now: Temporal.Instant): Promise<void> {
  await tx
    .updateTable("userSecrets")
    .set({ totpSecretEncrypted: null, totpConfirmedAt: null, totpLastStep: null, changedAt: now })
    .where("userId", "=", userId)
    .execute();
  await tx.deleteFrom("recoveryCodes").where("userId", "=", userId).execute();
}

/** Whether a code is right, and uses it up: one of the authenticator, or a recovery code. */
export async function accept(
  db: Db,
  userId: number,
  code: string,
  seal: Seal,
  now: Temporal.Instant,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const found = await tx
      .selectFrom("userSecrets")
      .select(["totpSecretEncrypted", "totpLastStep"])
      .where("userId", "=", userId)
      .where("totpConfirmedAt", "is not", null)
      .forUpdate()
      .executeTakeFirst();
    if (!found?.totpSecretEncrypted) return false;
    if (/^\d{6}$/.test(code.replaceAll(" ", ""))) {
      const step = stepOf(seal.decrypt(found.totpSecretEncrypted), code, now);
      if (step === null || (found.totpLastStep !== null && step <= found.totpLastStep)) return false;
      await tx.updateTable("userSecrets").set({ totpLastStep: step }).where("userId", "=", userId).execute();
      return true;
    }
    const used = await tx
      .updateTable("recoveryCodes")
      .set({ usedAt: now })
      .where("userId", "=", userId)
      .where("codeHash", "=", hashOf(code))
      .where("usedAt", "is", null)
      .executeTakeFirst();
    return Number(used.numUpdatedRows) === 1;
  });
}

/** The time step a code belongs to; null when it is none of those around now. */
function stepOf(secret: string, code: string, now: Temporal.Instant): number | null {
  const timestamp = now.epochMilliseconds;
  const delta = totpOf(secret, "").validate({ token: code.replaceAll(" ", ""), timestamp, window: WINDOW });
  return delta === null ? null : Math.floor(timestamp / 1000 / PERIOD_SECONDS) + delta;
}

function totpOf(secret: string, label: string): TOTP {
  return new TOTP({ issuer: "Tidings", label, secret, digits: 6, period: PERIOD_SECONDS });
}

function newRecoveryCode(): string {
  const letters = Array.from({ length: 12 }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return `${letters.slice(0, 4)}-${letters.slice(4, 8)}-${letters.slice(8)}`;
}

function hashOf(code: string): Buffer {
  return createHash("sha256")
    .update(code.toLowerCase().replaceAll(/[^a-z0-9]/g, ""))
    .digest();
}
