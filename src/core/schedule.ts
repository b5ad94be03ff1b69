/** Decides when each step of an Email Campaign is due and what is to be done now. Knows no database and no clock. */

/** A step of a Campaign's Schedule. `addedAt` is null where it has always been there. */
export type Step = {
  readonly id: number;
  readonly position: number;
  readonly sendAfterDays: number;
  readonly timeOfDay: Temporal.PlainTime | null;
  readonly expiresAfterDays: number | null;
  readonly addedAt: Temporal.Instant | null;
  /** For this person it is due at that moment, whatever its day: it was added too late for them and sent all the same. */
  readonly backfilledAt?: Temporal.Instant | null;
};

/**
 * When mail may leave: ISO weekdays 1 to 7, from (inclusive) to (exclusive) local time of one day, except on holidays.
 * One that closes before it opens never opens.
 */
export type SendingWindow = {
  readonly weekdays: readonly number[];
  readonly from: Temporal.PlainTime;
  readonly to: Temporal.PlainTime;
  readonly holidays: readonly Temporal.PlainDate[];
};

/** What holds for one person: the zone of their calendar, the campaign's time of day, the age at which a step expires. */
export type Rules = {
  readonly timeZone: string;
  readonly timeOfDay: Temporal.PlainTime | null;
  readonly expiresAfterDays: number;
  /** Null: always open. */
  readonly window: SendingWindow | null;
};

/** What became of a step: handed over and not final yet, sent, skipped, or failed for good; `on` its local day. */
export type Resolution = {
  readonly stepId: number;
  readonly state: "pending" | "sent" | "skipped" | "failed";
  readonly on: Temporal.PlainDate;
};

export type Facts = {
  readonly startOn: Temporal.PlainDate;
  readonly createdAt: Temporal.Instant;
  readonly steps: readonly Step[];
  readonly resolutions: readonly Resolution[];
  readonly rules: Rules;
  /** The person is away and back on this day: what is due before waits for it, and grows no older meanwhile. */
  readonly waitsUntil?: Temporal.PlainDate | null;
};

export type ExpiryReason = "expired" | "added-after-its-day";

/** What to do now, and when to look again. */
export type Decision = {
  /** Steps to hand over now; never more than one, because a step waits until the one before it is final. */
  readonly send: readonly { readonly step: Step; readonly dueAt: Temporal.Instant; readonly late: boolean }[];
  readonly expire: readonly { readonly step: Step; readonly dueAt: Temporal.Instant; readonly reason: ExpiryReason }[];
  /** The next step and the earliest moment at which it can leave. */
  readonly next: { readonly step: Step; readonly dueAt: Temporal.Instant } | null;
  /** An earlier step is under way; look again once it is final. */
  readonly waiting: boolean;
  /** Every step is resolved. */
  readonly done: boolean;
};

const DEFAULT_TIME_OF_DAY = Temporal.PlainTime.from("09:00");

/** How far ahead a sending window is searched for an opening before it counts as never open. */
const WINDOW_SEARCH_DAYS = 400;

/** The steps in the order they are sent: by day, then by row (E5). */
export function inOrder(steps: readonly Step[]): Step[] {
  return steps.toSorted((one, other) => one.sendAfterDays - other.sendAfterDays || one.position - other.position);
}

/** The end date: start plus the largest offset, whatever the row order (E20). */
export function endOn(startOn: Temporal.PlainDate, steps: readonly Pick<Step, "sendAfterDays">[]): Temporal.PlainDate {
  return startOn.add({ days: steps.reduce((most, step) => Math.max(most, step.sendAfterDays), 0) });
}

/** The first moment of the start day in the person's zone: Scheduled becomes In Progress (E39, E40). */
export function startsAt(startOn: Temporal.PlainDate, rules: Pick<Rules, "timeZone">): Temporal.Instant {
  return startOn.toZonedDateTime(rules.timeZone).toInstant();
}

/** The calendar day it is for the person. */
export function localDay(at: Temporal.Instant, timeZone: string): Temporal.PlainDate {
  return at.toZonedDateTimeISO(timeZone).toPlainDate();
}

/**
 * The moment a step is due: its day at its time of day in the person's zone, moved to the next opening of the window.
 * A local time that daylight saving leaves out moves forward; one that comes twice is taken at the first.
 * Day 0 of an Email Campaign made on its start day is due at once (E51).
 * @returns null when the window never opens.
 */
export function dueAt(
  startOn: Temporal.PlainDate,
  step: Step,
  rules: Rules,
  createdAt: Temporal.Instant,
): Temporal.Instant | null {
  if (step.backfilledAt) return nextOpening(step.backfilledAt, rules);
  const madeOnItsDay = step.sendAfterDays === 0 && startOn.equals(localDay(createdAt, rules.timeZone));
  const planned = madeOnItsDay ? createdAt : atTimeOfDay(startOn.add({ days: step.sendAfterDays }), step, rules);
  return nextOpening(planned, rules);
}

function atTimeOfDay(on: Temporal.PlainDate, step: Step, rules: Rules): Temporal.Instant {
  const plainTime = step.timeOfDay ?? rules.timeOfDay ?? DEFAULT_TIME_OF_DAY;
  // "compatible", the default: a gap moves forward, a doubled time is the earlier one; a day that was left out
  // altogether (Apia, 30 December 2011) becomes the same time of the next day.
  return on.toZonedDateTime({ timeZone: rules.timeZone, plainTime }).toInstant();
}

/** The moment itself when the window is open, else its next opening; null when it never opens. */
function nextOpening(at: Temporal.Instant, rules: Pick<Rules, "timeZone" | "window">): Temporal.Instant | null {
  const { window, timeZone } = rules;
  if (!window) return at;
  const local = at.toZonedDateTimeISO(timeZone);
  if (isOpenAt(window, local)) return at;
  for (let ahead = 0; ahead <= WINDOW_SEARCH_DAYS; ahead += 1) {
    const on = local.toPlainDate().add({ days: ahead });
    if (!isOpenOn(window, on)) continue;
    const opening = on.toZonedDateTime({ timeZone, plainTime: window.from });
    // Where the clock or the calendar jumps, an opening can land behind the close or on a day that is closed.
    if (Temporal.ZonedDateTime.compare(opening, local) >= 0 && isOpenAt(window, opening)) return opening.toInstant();
  }
  return null;
}

function isOpenAt(window: SendingWindow, local: Temporal.ZonedDateTime): boolean {
  return isOpenOn(window, local.toPlainDate()) && isWithin(window, local.toPlainTime());
}

function isOpenOn(window: SendingWindow, on: Temporal.PlainDate): boolean {
  return window.weekdays.includes(on.dayOfWeek) && !window.holidays.some((holiday) => holiday.equals(on));
}

function isWithin(window: SendingWindow, time: Temporal.PlainTime): boolean {
  return Temporal.PlainTime.compare(time, window.from) >= 0 && Temporal.PlainTime.compare(time, window.to) < 0;
}

/**
 * What to do with an Email Campaign now. Steps leave strictly in order, each when the one before it is final. Steps
 * planned for one day leave on one day; late ones catch up, at most one a day, until they expire (E49 to E54).
 */
export function decide(facts: Facts, now: Temporal.Instant): Decision {
  const { rules, startOn, createdAt } = facts;
  const resolved = new Map(facts.resolutions.map((resolution) => [resolution.stepId, resolution]));
  const today = localDay(now, rules.timeZone);
  const expire: Decision["expire"][number][] = [];
  const nothing = { send: [], waiting: false, done: false };

  for (const step of inOrder(facts.steps)) {
    const resolution = resolved.get(step.id);
    if (resolution?.state === "pending") return { ...nothing, expire, next: null, waiting: true };
    if (resolution) continue;

    const planned = dueAt(startOn, step, rules, createdAt);
    const due = planned && afterReturn(facts, step, planned);
    // A window that never opens holds the step back; whoever opens it wakes the Email Campaign.
    if (!due) return { ...nothing, expire, next: null };
    const reason = hasExpired(facts, step, due, now);
    if (reason) {
      expire.push({ step, dueAt: due, reason });
      continue;
    }
    const earliest = earliestMoment(facts, step, due);
    const leavesAt = earliest && nextOpening(later(earliest, due), rules);
    if (!leavesAt) return { ...nothing, expire, next: null };
    if (Temporal.Instant.compare(leavesAt, now) > 0) return { ...nothing, expire, next: { step, dueAt: leavesAt } };
    const open = nextOpening(now, rules);
    if (!open) return { ...nothing, expire, next: null };
    if (Temporal.Instant.compare(open, now) > 0) return { ...nothing, expire, next: { step, dueAt: open } };
    const late = Temporal.PlainDate.compare(localDay(due, rules.timeZone), today) < 0;
    return { ...nothing, expire, send: [{ step, dueAt: due, late }], next: null };
  }
  return { ...nothing, expire, next: null, done: true };
}

/** The moment at which a step is due for somebody who was away on its day. */
function afterReturn({ waitsUntil, rules }: Facts, step: Step, due: Temporal.Instant): Temporal.Instant {
  return waitsUntil ? later(due, atTimeOfDay(waitsUntil, step, rules)) : due;
}

function hasExpired(
  { rules, createdAt }: Facts,
  step: Step,
  due: Temporal.Instant,
  now: Temporal.Instant,
): ExpiryReason | null {
  // The past is never run again: a step that was added once its moment had gone is not for this person. What was there
  // before they were is theirs, even where their day began before the workspace's.
  if (step.addedAt && Temporal.Instant.compare(step.addedAt, later(due, createdAt)) > 0) return "added-after-its-day";
  const days = step.expiresAfterDays ?? rules.expiresAfterDays;
  // 0 days: on its own day or never. Counted from the moment, it would be too late at once.
  if (days === 0) return localDay(now, rules.timeZone).equals(localDay(due, rules.timeZone)) ? null : "expired";
  return Temporal.Instant.compare(now, due.add({ hours: 24 * days })) > 0 ? "expired" : null;
}

/**
 * The earliest moment the steps before it allow: at once after one that was planned for the same day and left on that
 * day, else not before the day after the last one that left.
 */
function earliestMoment(facts: Facts, step: Step, due: Temporal.Instant): Temporal.Instant {
  const { timeZone } = facts.rules;
  const plannedOn = localDay(due, timeZone);
  let earliest = due;
  for (const before of facts.resolutions) {
    if (before.state !== "sent" || before.stepId === step.id) continue;
    if (leftOnItsDay(facts, before, step) && before.on.equals(plannedOn)) continue;
    const dayAfter = before.on.add({ days: 1 }).toZonedDateTime(timeZone).toInstant();
    earliest = later(earliest, dayAfter);
  }
  return earliest;
}

/** Whether an earlier step of the same offset left on the very day it was planned for, so that the next may join it. */
function leftOnItsDay(facts: Facts, before: Resolution, step: Step): boolean {
  const other = facts.steps.find((candidate) => candidate.id === before.stepId);
  if (other?.sendAfterDays !== step.sendAfterDays) return false;
  const due = dueAt(facts.startOn, other, facts.rules, facts.createdAt);
  return due !== null && localDay(due, facts.rules.timeZone).equals(before.on);
}

const later = (one: Temporal.Instant, other: Temporal.Instant) =>
  Temporal.Instant.compare(one, other) >= 0 ? one : other;

/** The length of one slice of the burst guard. */
export const SLICE_HOURS = 1;

/**
 * When the mail at `index` of those that an outage, an edit or a resume made due at once may leave: the first `guard` at
 * once, then as many in each hour that follows.
 */
export function spread(index: number, guard: number, now: Temporal.Instant): Temporal.Instant {
  return now.add({ hours: SLICE_HOURS * Math.floor(index / guard) });
}

/**
 * What follows once `step` has been handed over, taking it as sent today: the moment to look again. Null: nothing follows.
 * If the step is still under way by then, {@link decide} answers `waiting`.
 */
export function nextAfter(facts: Facts, step: Step, now: Temporal.Instant): Temporal.Instant | null {
  const resolution: Resolution = { stepId: step.id, state: "sent", on: localDay(now, facts.rules.timeZone) };
  const { send, next } = decide({ ...facts, resolutions: [...facts.resolutions, resolution] }, now);
  return send.length > 0 ? now : (next?.dueAt ?? null);
}
