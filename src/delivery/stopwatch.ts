/** A moment that goes on by itself: what a batch records is when it happened, not when it began. Reads no clock of the wall. */
import { performance } from "node:perf_hooks";

/** The moment given, and as much later as has passed since: a batch may take minutes on a slow server. */
export function stopwatch(now: Temporal.Instant): () => Temporal.Instant {
  const begun = performance.now();
  // Asked several times a mail: within a millisecond it is the same moment.
  let [passedMs, moment] = [0, now];
  return () => {
    const sinceMs = Math.floor(performance.now() - begun);
    if (sinceMs !== passedMs) [passedMs, moment] = [sinceMs, now.add({ milliseconds: sinceMs })];
    return moment;
  };
}
