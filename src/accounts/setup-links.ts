/** The one-time link with which a new installation gets its first administrator. Only its hash is kept. */
import { createHash, randomBytes } from "node:crypto";
import { inTransaction, type Db, type Tx } from "../db/database.ts";

/** Makes a link's token; earlier ones that were not used stop working. */
export function newSetupToken(db: Db, now: Temporal.Instant): Promise<string> {
  const token = randomBytes(24).toString("base64url");
  return inTransaction(db, async (tx) => {
    await tx.deleteFrom("setupLinks").where("usedAt", "is", null).execute();
    await tx
      .insertInto("setupLinks")
      .values({ tokenHash: hashOf(token), createdAt: now })
      .execute();
    return token;
  });
}

/** Whether this token still works. */
export async function isOpen(db: Db, token: string): Promise<boolean> {
  const found = await db
    .selectFrom("setupLinks")
    .select("usedAt")
    .where("tokenHash", "=", hashOf(token))
    .executeTakeFirst();
  return found !== undefined && found.usedAt === null;
}

/** Uses the token up, in the transaction that sets the installation up; false when somebody did before. */
export async function redeem(tx: Tx, token: string, now: Temporal.Instant): Promise<boolean> {
  const used = await tx
    .updateTable("setupLinks")
    .set({ usedAt: now })
    .where("tokenHash", "=", hashOf(token))
    .where("usedAt", "is", null)
    .returning("usedAt")
    .executeTakeFirst();
  return used !== undefined;
}

function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
