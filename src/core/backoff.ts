/** Decides when a delivery that was put off is tried again (RFC 5321 4.5.4.1). Draws no random number itself. */

/** Minutes between attempts; the last one repeats. */
const DELAYS_MINUTES = [15, 30, 60, 120, 240] as const;
/** RFC 5321 4.5.4.1: give up after four to five days. */
const GIVE_UP_AFTER_HOURS = 5 * 24;

/**
 * When to try again, or "give-up".
 * @param attempts how many there have been, at least 1.
 * @param random from 0 to 1: spreads by ±20 %, so that a restart does not retry every deferred message at once.
 */
export function nextAttempt(
  attempts: number,
  firstAt: Temporal.Instant,
  random: number,
  now: Temporal.Instant,
): Temporal.Instant | "give-up" {
  const minutes = DELAYS_MINUTES[Math.min(attempts, DELAYS_MINUTES.length) - 1] ?? DELAYS_MINUTES[0];
  const next = now.add({ seconds: Math.round(minutes * 60 * (0.8 + 0.4 * random)) });
  return Temporal.Instant.compare(next, firstAt.add({ hours: GIVE_UP_AFTER_HOURS })) > 0 ? "give-up" : next;
}
