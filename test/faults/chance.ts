/** Chance that can be had again, and waiting for what must come. Knows nothing of mail. */
import { setTimeout as sleep } from "node:timers/promises";

/** Small, and the same at every run with the same seed: mulberry32. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The same things in another order. */
export function shuffled<One>(all: readonly One[], random: () => number): One[] {
  const rest = [...all];
  return all.map(() => rest.splice(Math.floor(random() * rest.length), 1)[0]!);
}

/** Asks again and again until it holds. @throws Error after `timeoutMs`, with what was waited for. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs: number): Promise<void> {
  const limit = performance.now() + timeoutMs;
  for (;;) {
    try {
      if (await holds()) return;
    } catch {
      // The database may be away at the moment.
    }
    if (performance.now() > limit) throw new Error(`${what}: not within ${Math.round(timeoutMs / 1000)} s.`);
    await sleep(100);
  }
}

/** The same, where it is no fault when it does not come. @returns whether it came. */
export function maybe(holds: () => Promise<boolean> | boolean, timeoutMs: number): Promise<boolean> {
  return until("", holds, timeoutMs).then(
    () => true,
    () => false,
  );
}
