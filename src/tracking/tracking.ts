/** Front door: who opened which mail and clicked which link. Records what happened; never changes a status by itself. */
import { recordEngagements } from "../communications/communications.ts";
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

/**
 * Records a batch in one transaction; conditions that ask for it hear of it by `pending_facts`. What names no message of ours, or one of a person who is erased or never
 * measured, is left out.
 * @returns what was recorded.
 */
export function record(db: Db, seen: readonly Seen[], now: Temporal.Instant): Promise<readonly store.Engagement[]> {
  if (seen.length === 0) return Promise.resolve([]);
  return inTransaction(db, async (tx) => {
    const inserted = await store.insert(tx, seen);
    if (inserted.length === 0) return [];
    const clicked = inserted.filter(({ kind }) => kind === "clicked");
    const scanned = new Map(
      (clicked.length > 0 ? await store.markScans(tx, clicked) : []).map((one) => [one.id, one] as const),
    );
    const recorded = inserted.map((one) => scanned.get(one.id) ?? one);
    // Clicks recorded before are no longer the person's: they stand under another entry.
    await recordEngagements(tx, [...recorded, ...scanned.values()], now);
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
