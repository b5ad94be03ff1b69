/** How often one caller may do something that costs others: counted in the database, over all processes. */
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction } from "../db/database.ts";
import type { RateLimit } from "./rate-limit.ts";

/** As {@link RateLimit}, once the database has answered. */
export type SharedRateLimit = (...asked: Parameters<RateLimit>) => Promise<void>;

/** Refuses `too-many-requests` once a caller has done something `most` times within so many minutes, wherever. */
export function createSharedRateLimit(
  db: Db,
  { deed, most, minutes }: { deed: string; most: number; minutes: number },
): SharedRateLimit {
  return (caller, count, now) =>
    inTransaction(db, async (tx) => {
      const row = { deed, caller, moments: "[]" };
      await tx
        .insertInto("deedsLately")
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const { moments } = await tx
        .selectFrom("deedsLately")
        .select("moments")
        .where("deed", "=", deed)
        .where("caller", "=", caller)
        .forUpdate()
        .executeTakeFirstOrThrow();
      const recent = moments.filter((at) => at > now.epochMilliseconds - minutes * 60_000);
      if (recent.length + count > most)
        refuse("too-many-requests", `At most ${most} within ${minutes} minutes. Wait a little, then try again.`);
      const all = [...recent, ...Array.from({ length: count }, () => now.epochMilliseconds)];
      await tx
        .updateTable("deedsLately")
        .set({ moments: JSON.stringify(all) })
        .where("deed", "=", deed)
        .where("caller", "=", caller)
        .execute();
    });
}
