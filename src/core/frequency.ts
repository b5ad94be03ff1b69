/** Decides when a person who got many mails may get the next one. Knows no database and no clock. */
import type { FrequencyCap } from "./timing.ts";

/** Mails whose leaving is not known yet make us look again after this. */
const PENDING_LOOK_MINUTES = 60;

/**
 * When one more mail may leave, or null for now.
 * @param left when each mail of the last days left, in any order; null: it is on its way and counts as leaving now.
 */
export function freeAt(
  { mails, days }: FrequencyCap,
  left: readonly (Temporal.Instant | null)[],
  now: Temporal.Instant,
): Temporal.Instant | null {
  const span = { hours: 24 * days };
  const since = now.subtract(span);
  const counting = left.filter((at) => at === null || Temporal.Instant.compare(at, since) > 0);
  if (counting.length < mails) return null;
  // Newest first; what is on its way is newer than all. Room comes when the last of the newest `mails` is old enough.
  const newest = counting.toSorted((one, other) => {
    if (one === null || other === null) return Number(other === null) - Number(one === null);
    return Temporal.Instant.compare(other, one);
  });
  const frees = newest[mails - 1];
  return frees ? frees.add(span) : now.add({ minutes: PENDING_LOOK_MINUTES });
}
