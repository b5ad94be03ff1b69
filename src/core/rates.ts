/** How many mails may leave now under limits per second, minute, hour and day. Knows no database: a ledger goes in and comes out. */

/** The most in any period of that length, wherever it begins; null is no limit. */
export type Limits = {
  readonly perSecond: number | null;
  readonly perMinute: number | null;
  readonly perHour: number | null;
  readonly perDay: number | null;
};

/** What has left, as counts by slot of time; a slot is a small part of its window. Kept as JSON. */
export type Ledger = { readonly [Window in keyof Limits]?: readonly Slot[] };
type Slot = readonly [slot: number, count: number];

/** A new account may begin with few mails a day and grow to its daily limit by equal factors. */
export type Ramp = { readonly fromPerDay: number; readonly days: number; readonly startedAt: Temporal.Instant };

export const UNLIMITED: Limits = { perSecond: null, perMinute: null, perHour: null, perDay: null };

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WINDOWS = [
  { name: "perSecond", length: SECOND, slot: SECOND / 10 },
  { name: "perMinute", length: MINUTE, slot: SECOND },
  { name: "perHour", length: HOUR, slot: MINUTE },
  { name: "perDay", length: DAY, slot: HOUR / 2 },
] as const;

/** Whether these limits limit anything. */
export function isLimited(limits: Limits): boolean {
  return WINDOWS.some(({ name }) => limits[name] !== null);
}

/**
 * How many may leave now, and when the next one may if none may. A slot counts until the whole of it is older than its
 * window, so no window, wherever it begins, ever holds more than the limit; what leaves is at most a slot late.
 */
export function room(
  limits: Limits,
  ledger: Ledger,
  now: Temporal.Instant,
): { free: number; freeAt: Temporal.Instant } {
  const at = now.epochMilliseconds;
  let free = Infinity;
  let freeAt = at;
  for (const window of WINDOWS) {
    const limit = limits[window.name];
    if (limit === null) continue;
    const counted = current(ledger[window.name] ?? [], window, at);
    const left = Math.max(0, limit - counted.reduce((sum, [, count]) => sum + count, 0));
    free = Math.min(free, left);
    if (left === 0) freeAt = Math.max(freeAt, endOf(freedBy(counted, limit), window));
  }
  return { free, freeAt: Temporal.Instant.fromEpochMilliseconds(freeAt) };
}

/** The ledger after `count` mails left (or, below zero, did not leave after all) at this moment; what is over is forgotten. */
export function counted(limits: Limits, ledger: Ledger, count: number, now: Temporal.Instant): Ledger {
  const at = now.epochMilliseconds;
  const next: Partial<Record<keyof Limits, Slot[]>> = {};
  for (const window of WINDOWS) {
    if (limits[window.name] === null) continue;
    const slots = new Map(current(ledger[window.name] ?? [], window, at));
    const slot = Math.floor(at / window.slot);
    slots.set(slot, Math.max(0, (slots.get(slot) ?? 0) + count));
    next[window.name] = [...slots].filter(([, many]) => many > 0).sort(([one], [other]) => one - other);
  }
  return next;
}

/** The limits of a day of a ramp: from its start by equal factors up to the limit per day, which must be there. */
export function ramped(limits: Limits, ramp: Ramp | null, now: Temporal.Instant): Limits {
  if (!ramp || limits.perDay === null || limits.perDay <= ramp.fromPerDay) return limits;
  const day = Math.floor((now.epochMilliseconds - ramp.startedAt.epochMilliseconds) / DAY);
  if (day >= ramp.days) return limits;
  const growth = (limits.perDay / ramp.fromPerDay) ** (Math.max(0, day) / ramp.days);
  return { ...limits, perDay: Math.min(limits.perDay, Math.ceil(ramp.fromPerDay * growth)) };
}

/** How much of each limit is used up now, for whoever watches. */
export function used(
  limits: Limits,
  ledger: Ledger,
  now: Temporal.Instant,
): { readonly window: keyof Limits; readonly limit: number; readonly used: number }[] {
  return WINDOWS.flatMap((window) => {
    const limit = limits[window.name];
    if (limit === null) return [];
    const slots = current(ledger[window.name] ?? [], window, now.epochMilliseconds);
    return [{ window: window.name, limit, used: slots.reduce((sum, [, count]) => sum + count, 0) }];
  });
}

/** How long one mail after another takes at the tightest of these limits, in milliseconds; 0 without one. */
export function pace(limits: Limits): number {
  return Math.max(0, ...WINDOWS.map(({ name, length }) => length / (limits[name] ?? Infinity)));
}

type Window = (typeof WINDOWS)[number];

/** The slots that count. One further ahead than a window is from a clock that was wrong. */
function current(slots: readonly Slot[], window: Window, at: number): readonly Slot[] {
  return slots.filter(([slot]) => endOf(slot, window) > at && slot * window.slot <= at + window.length);
}

/** When a slot no longer counts. */
function endOf(slot: number, { length, slot: width }: Window): number {
  return (slot + 1) * width + length;
}

/** The slot whose end makes room: the oldest, or a later one when the limit was lowered meanwhile. */
function freedBy(slots: readonly Slot[], limit: number): number {
  let left = slots.reduce((sum, [, count]) => sum + count, 0);
  for (const [slot, count] of slots) {
    left -= count;
    if (left < limit) return slot;
  }
  return slots.at(-1)?.[0] ?? 0;
}
