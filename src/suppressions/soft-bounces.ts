/** What an address has gathered in soft bounces. How they add up is core's to say; whether a mail arrived meanwhile, the caller's. */
import type { SoftBounces } from "../core/bounces-count.ts";
import type { Tx } from "../db/database.ts";

/** The count of an address, locked until the transaction ends; null: nothing came back, or it was forgotten. */
export async function lockSoftBounces(tx: Tx, emailKey: string): Promise<SoftBounces | null> {
  const found = await tx
    .selectFrom("softBounces")
    .select(["points", "countedAt"])
    .where("emailKey", "=", emailKey)
    .forUpdate()
    .executeTakeFirst();
  return found ?? null;
}

export async function keepSoftBounces(tx: Tx, emailKey: string, { points, countedAt }: SoftBounces): Promise<void> {
  await tx
    .insertInto("softBounces")
    .values({ emailKey, points, countedAt })
    .onConflict((conflict) => conflict.column("emailKey").doUpdateSet({ points, countedAt }))
    .execute();
}

/** Forgets the count: a mail arrived, a suppression was lifted, or the address was erased. */
export async function forgetSoftBounces(tx: Tx, emailKeys: readonly string[]): Promise<void> {
  if (emailKeys.length === 0) return;
  await tx.deleteFrom("softBounces").where("emailKey", "in", emailKeys).execute();
}
