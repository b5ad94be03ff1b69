/** Trouble with an email account, written down for whoever looks: it waits and says why. Leaves a pause by hand alone. */
import type { Db } from "../db/database.ts";

/** Notes why an account cannot send at the moment. It counts as no change of its settings. */
export async function noteTrouble(db: Db, id: number, reason: string, now: Temporal.Instant): Promise<void> {
  await db
    .updateTable("emailAccounts")
    .set((row) => ({ pausedAt: row.fn.coalesce("pausedAt", row.val(now)), pausedReason: reason }))
    .where("id", "=", id)
    .where("resumesByHand", "=", false)
    .execute();
}

/** Pauses an account until a person resumes it: to go on would make matters worse. */
export async function pauseForGood(db: Db, id: number, reason: string, now: Temporal.Instant): Promise<void> {
  await db
    .updateTable("emailAccounts")
    .set({ pausedAt: now, pausedReason: reason, resumesByHand: true })
    .where("id", "=", id)
    .where("resumesByHand", "=", false)
    .execute();
}

/** The account sends again. */
export async function endTrouble(db: Db, id: number): Promise<void> {
  await db
    .updateTable("emailAccounts")
    .set({ pausedAt: null, pausedReason: null })
    .where("id", "=", id)
    .where("resumesByHand", "=", false)
    .execute();
}
