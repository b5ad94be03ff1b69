/** A moment that goes on by itself: what a batch records is when it happened, not when it began. Reads no clock of the wall. */
import { performance } from "node:perf_hooks";

/** The moment given, and as much later as has passed since: a batch may take minutes on a slow server. */
export function stopwatch(now: Temporal.Instant): () => Temporal.Instant {
  const begun = performance.now();
  return () => now.add({ milliseconds: Math.floor(performance.now() - begun) });
}
