/** How often one caller may do something that costs others: counted in memory, for each process by itself. */
import { refuse } from "../core/problem.ts";

export type RateLimit = (caller: string, count: number, now: Temporal.Instant) => void;

/** Callers beyond this many are forgotten, the longest silent first. */
const MOST_CALLERS = 10_000;

/** Refuses `too-many-requests` once a caller has done something `most` times within so many minutes. */
export function createRateLimit({ most, minutes }: { most: number; minutes: number }): RateLimit {
  const done = new Map<string, number[]>();
  return (caller, count, now) => {
    const since = now.epochMilliseconds - minutes * 60_000;
    const recent = (done.get(caller) ?? []).filter((at) => at > since);
    if (recent.length + count > most)
      refuse("too-many-requests", `At most ${most} within ${minutes} minutes. Wait a little, then try again.`);
    done.delete(caller);
    done.set(caller, [...recent, ...Array.from({ length: count }, () => now.epochMilliseconds)]);
    if (done.size > MOST_CALLERS) done.delete(done.keys().next().value!);
  };
}
