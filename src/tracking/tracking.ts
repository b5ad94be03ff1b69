/** Front door: who opened which mail and clicked which link. Records what happened; never changes a status by itself. */
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { EngagementKind } from "../db/tables.ts";
import * as store from "./store.ts";

export type { Engagement } from "./store.ts";

/** Something that was seen of a message. */
export type Seen = {
  readonly messageId: number;
  readonly kind: EngagementKind;
  /** The address as its author wrote it; null when opened. */
  readonly link: string | null;
  readonly happenedAt: Temporal.Instant;
  /** By a scanner, a prefetcher or a privacy proxy. */
  readonly automatic: boolean;
};

/** Who hears of it. */
export type EngagementHeard = {
  /**
   * These were recorded just now, in this very transaction, ordered by Email Campaign. Automatic ones are among them.
   * Whatever rows are locked here, clicks of others wait for: lock few, in the order given.
   */
  readonly onEngagement: (tx: Tx, engagements: readonly store.Engagement[], now: Temporal.Instant) => Promise<void>;
};

/**
 * Records a batch in one transaction. What names no message of ours, or one of an erased person, is left out.
 * @returns what was recorded.
 */
export function record(
  db: Db,
  seen: readonly Seen[],
  { onEngagement }: EngagementHeard,
  now: Temporal.Instant,
): Promise<readonly store.Engagement[]> {
  if (seen.length === 0) return Promise.resolve([]);
  return inTransaction(db, async (tx) => {
    const recorded = await store.insert(tx, seen);
    if (recorded.length > 0) await onEngagement(tx, recorded, now);
    return recorded;
  });
}

/** Forgets what an erased person opened and clicked (L4). */
export async function forgetPerson(tx: Tx, personId: number): Promise<void> {
  await tx.deleteFrom("engagements").where("personId", "=", personId).execute();
}

/** Gives one person's engagements to another. */
export async function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  await tx.updateTable("engagements").set({ personId }).where("personId", "=", formerId).execute();
}
