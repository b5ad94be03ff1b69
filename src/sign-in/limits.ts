/** How often signing in may fail, and how often a link may be asked for. Counted in the database, so exact over all processes. */
import { createHash } from "node:crypto";
import { sql } from "kysely";
import { Refusal } from "../core/problem.ts";
import type { Db } from "../db/database.ts";

/** So many failures lock an account; each further lot of them for twice as long. */
const FAILURES_TO_LOCK = 10;
const FIRST_LOCK_MINUTES = 15;
const LONGEST_LOCK_MINUTES = 24 * 60;
const FORGOTTEN_AFTER_HOURS = 48;

/** Asked for too often; the HTTP answer says when to come back. */
class TooMany extends Refusal {
  readonly retryAfterSeconds: number;
  constructor(retryAfterSeconds: number) {
    super("too-many-requests", "Too many attempts from here. Wait a few minutes and try again.");
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** An account's key in the table: no address stands there in plain text. */
export const accountKey = (emailKey: string) => `account:${createHash("sha256").update(emailKey).digest("hex")}`;

/**
 * Counts one more of what `key` names within a window that starts with the first.
 * @throws TooMany when it was `most` already.
 */
export async function count(
  db: Db,
  { key, most, minutes }: { key: string; most: number; minutes: number },
  now: Temporal.Instant,
): Promise<void> {
  const begun = now.subtract({ minutes });
  const row = await db
    .insertInto("signInAttempts")
    .values({ key, count: 1, since: now })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet({
        count: sql`case when sign_in_attempts.since < ${begun} then 1 else sign_in_attempts.count + 1 end`,
        since: sql`case when sign_in_attempts.since < ${begun} then excluded.since else sign_in_attempts.since end`,
      }),
    )
    .returning(["count", "since"])
    .executeTakeFirstOrThrow();
  if (row.count > most)
    throw new TooMany(Math.max(1, Math.ceil(row.since.add({ minutes }).since(now).total("seconds"))));
}

/** Whether an account is locked at the moment. */
export async function isLocked(db: Db, key: string, now: Temporal.Instant): Promise<boolean> {
  const row = await db.selectFrom("signInAttempts").select("lockedUntil").where("key", "=", key).executeTakeFirst();
  return row?.lockedUntil != null && Temporal.Instant.compare(row.lockedUntil, now) > 0;
}

/** Notes a failure; every tenth locks the account, each time for twice as long. */
export async function noteFailure(db: Db, key: string, now: Temporal.Instant): Promise<void> {
  const row = await db
    .insertInto("signInAttempts")
    .values({ key, count: 1, since: now })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet({ count: sql`sign_in_attempts.count + 1`, since: now }),
    )
    .returning("count")
    .executeTakeFirstOrThrow();
  if (row.count % FAILURES_TO_LOCK !== 0) return;
  const minutes = Math.min(FIRST_LOCK_MINUTES * 2 ** (row.count / FAILURES_TO_LOCK - 1), LONGEST_LOCK_MINUTES);
  await db
    .updateTable("signInAttempts")
    .set({ lockedUntil: now.add({ minutes }) })
    .where("key", "=", key)
    .execute();
}

/** Signed in: what failed before is forgotten. */
export async function forgive(db: Db, key: string): Promise<void> {
  await db.deleteFrom("signInAttempts").where("key", "=", key).execute();
}

/** Removes what no longer counts: old attempts, sessions and challenges that lapsed. */
export async function forgetOldAttempts(db: Db, now: Temporal.Instant): Promise<void> {
  await db
    .deleteFrom("signInAttempts")
    .where("since", "<", now.subtract({ hours: FORGOTTEN_AFTER_HOURS }))
    .execute();
  await db.deleteFrom("sessions").where("expiresAt", "<", now).execute();
  await db.deleteFrom("passkeyChallenges").where("expiresAt", "<", now).execute();
}
