/** Decides when each step of an Email Campaign is due and what is to be done now. Knows no database and no clock. */
import { answersOf, type Condition, holds, type Known } from "./conditions.ts";
import { type Holidays, nextOpening, type Opening, type QuietHours, type SendingWindow } from "./opening.ts";
import { plannedDay } from "./planned-day.ts";
import type { Counting, Gap, StepTiming } from "./timing.ts";
import type { VariantDecision, Variants } from "./variants.ts";

/** A step of a Campaign's Schedule. `addedAt` is null where it has always been there. */
export type Step = {
  readonly id: number;
  readonly position: number;
  readonly sendAfterDays: number;
  readonly timeOfDay: Temporal.PlainTime | null;
  readonly expiresAfterDays: number | null;
  readonly addedAt: Temporal.Instant | null;
  /** What it says for itself where it differs from the Campaign. */
  readonly timing: StepTiming | null;
  /** For this person it is due at that moment, whatever its day: it was added too late for them and sent all the same. */
  readonly backfilledAt?: Temporal.Instant | null;
  /** It leaves only if this is so when it is due; else it is skipped. */
  readonly onlyIf?: Condition | null;
  /** If this is so when it is due, the Email Campaign ends instead. */
  readonly stopIf?: Condition | null;
  /** The templates it goes out in besides its own. */
  readonly variants?: Variants | null;
  /** What was decided about them; null: nothing that holds. */
  readonly decision?: VariantDecision | null;
};

/** What holds for one person: the zone of their calendar, the campaign's time of day, the age at which a step expires. */
export type Rules = {
  readonly timeZone: string;
  readonly timeOfDay: Temporal.PlainTime | null;
  readonly expiresAfterDays: number;
  /** Null: always open. */
  readonly window: SendingWindow | null;
  readonly holidays: Holidays | null;
  readonly quiet: QuietHours | null;
  readonly counting: Counting;
  readonly gap: Gap | null;
  /** The dates in the person's fields that steps wait for; one that is empty is missing. */
  readonly dates: Readonly<Record<string, Temporal.PlainDate>>;
};

/** What became of a step: handed over and not final yet, sent, skipped, or failed for good; when, and its local day. */
export type Resolution = {
  readonly stepId: number;
  readonly state: "pending" | "sent" | "skipped" | "failed";
  readonly at: Temporal.Instant;
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
  /** The person has got as many mails as the workspace allows, until this moment. */
  readonly capFreeAt?: Temporal.Instant | null;
  /** What ends the Email Campaign as soon as it is so: the Campaign's exit, and its goal. */
  readonly endings?: Endings | null;
  /** What is known of the person, where conditions ask for it; without it nothing is asked. */
  readonly known?: Omit<Known, "lastStepId"> | null;
};

export type Endings = { readonly stopIf: Condition | null; readonly goal: Condition | null };

/** A condition that was asked, and whether each thing in it was so. */
export type Finding = { readonly condition: Condition; readonly answers: readonly boolean[] };

export type ExpiryReason = "expired" | "added-after-its-day" | "no-date" | "date-passed" | "condition";

/** The Email Campaign ends: the Campaign's or a step's exit came true (`condition`), or its goal did (`converted`). */
export type Stop = Finding & {
  readonly reason: "condition" | "converted";
  /** Of a step's own exit. */
  readonly stepId: number | null;
};
/** What to do now, and when to look again. */
export type Decision = {
  /** Steps to hand over now; never more than one, because a step waits until the one before it is final. */
  readonly send: readonly { readonly step: Step; readonly dueAt: Temporal.Instant; readonly late: boolean }[];
  readonly expire: readonly {
    readonly step: Step;
    readonly dueAt: Temporal.Instant;
    readonly reason: ExpiryReason;
    readonly finding?: Finding;
  }[];
  /** The next step and the earliest moment at which it can leave. */
  readonly next: { readonly step: Step; readonly dueAt: Temporal.Instant } | null;
  /** An earlier step is under way; look again once it is final. */
  readonly waiting: boolean;
  /** Every step is resolved. */
  readonly done: boolean;
  /** It ends now; nothing else is to be done. */
  readonly stop: Stop | null;
};

const DEFAULT_TIME_OF_DAY = Temporal.PlainTime.from("09:00");
const HAS_ITS_DAY = { missing: null };

/** What holds where nothing is said. */
export const NO_RULES: Rules = {
  timeZone: "UTC",
  timeOfDay: null,
  expiresAfterDays: 7,
  window: null,
  holidays: null,
  quiet: null,
  counting: "days",
  gap: null,
  dates: {},
};

/** The steps by their numbers of days, then by row (E5): the order in which they are sent where nothing else counts. */
export function inOrder(steps: readonly Step[]): Step[] {
  return steps.toSorted((one, other) => one.sendAfterDays - other.sendAfterDays || one.position - other.position);
}

/** The steps in the order they are sent to this person: by their days, which a date in a field may move, then by row. */
export function inOrderFor({ startOn, steps, rules }: Pick<Facts, "startOn" | "steps" | "rules">): Step[] {
  if (steps.every(({ timing }) => !timing?.waitFor && !timing?.counting)) return inOrder(steps);
  const days = new Map(steps.map((step) => [step.id, plannedDay(startOn, step, rules).on]));
  return inOrder(steps).toSorted((one, other) => Temporal.PlainDate.compare(days.get(one.id)!, days.get(other.id)!));
}

/**
 * The end date: the day of the last step, whatever the row order (E20). Steps that wait for a date in a field count with
 * the days they wait at least.
 */
export function endOn(
  startOn: Temporal.PlainDate,
  steps: readonly Step[],
  rules: Pick<Rules, "counting" | "window" | "holidays"> = NO_RULES,
): Temporal.PlainDate {
  const days = steps.map((step) => lastDay(startOn, step, rules));
  return days.reduce((last, day) => (Temporal.PlainDate.compare(day, last) > 0 ? day : last), startOn);
}

function lastDay(startOn: Temporal.PlainDate, step: Step, rules: Pick<Rules, "counting" | "window" | "holidays">) {
  const timing = step.timing && { ...step.timing, waitFor: null };
  return plannedDay(startOn, { ...step, timing }, { ...NO_RULES, ...rules }).on;
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
  return nextOpening(plannedAt(startOn, step, rules, createdAt), openingOf(step, rules));
}

/** The same before window, holidays and quiet hours have their say. */
export function plannedAt(
  startOn: Temporal.PlainDate,
  step: Step,
  rules: Rules,
  createdAt: Temporal.Instant,
): Temporal.Instant {
  if (step.backfilledAt) return step.backfilledAt;
  const { on } = plannedDay(startOn, step, rules);
  const madeOnItsDay = step.sendAfterDays === 0 && on.equals(startOn) && on.equals(localDay(createdAt, rules.timeZone));
  return madeOnItsDay && !step.timing?.waitFor ? createdAt : atTimeOfDay(on, step, rules);
}

/** What decides whether this step may leave at a moment: its own window before the Campaign's. */
export function openingOf(step: Step, rules: Rules): Opening {
  const window = step.timing?.window;
  return window ? { ...rules, window } : rules;
}

/** The least time after the mail before it, a step's own before the Campaign's; null: none. */
export function gapOf(step: Step, rules: Rules): Gap | null {
  const gap = step.timing?.gap ?? rules.gap;
  return gap && gap.amount > 0 ? gap : null;
}

function atTimeOfDay(on: Temporal.PlainDate, step: Step, rules: Rules): Temporal.Instant {
  const plainTime = step.timeOfDay ?? rules.timeOfDay ?? DEFAULT_TIME_OF_DAY;
  // "compatible", the default: a gap moves forward, a doubled time is the earlier one; a day that was left out
  // altogether (Apia, 30 December 2011) becomes the same time of the next day.
  return on.toZonedDateTime({ timeZone: rules.timeZone, plainTime }).toInstant();
}

/** {@link dueAt}, and not before the gap to the mail before it has passed. */
export function dueAfterGap(facts: Facts, step: Step): Temporal.Instant | null {
  const { startOn, createdAt, rules } = facts;
  const due = dueAt(startOn, step, rules, createdAt);
  const gap = due && gapOf(step, rules);
  if (!gap) return due;
  const last = lastSent(facts, step);
  if (!last) return due;
  const passed =
    gap.unit === "hours"
      ? last.at.add({ hours: gap.amount })
      : atTimeOfDay(last.on.add({ days: gap.amount }), step, rules);
  return Temporal.Instant.compare(passed, due) <= 0 ? due : nextOpening(passed, openingOf(step, rules));
}

function lastSent({ resolutions }: Facts, step: Step): Resolution | null {
  return latest(resolutions.filter(({ state, stepId }) => state === "sent" && stepId !== step.id));
}

function latest(resolutions: readonly Resolution[]): Resolution | null {
  let last: Resolution | null = null;
  for (const one of resolutions) if (!last || Temporal.Instant.compare(one.at, last.at) > 0) last = one;
  return last;
}

/**
 * What to do with an Email Campaign now. Steps leave strictly in order, each when the one before it is final. Steps
 * planned for one day leave on one day; late ones catch up, at most one a day, until they expire (E49 to E54).
 */
export function decide(facts: Facts, now: Temporal.Instant): Decision {
  const { rules, startOn } = facts;
  const resolved = new Map(facts.resolutions.map((resolution) => [resolution.stepId, resolution]));
  const expire: Decision["expire"][number][] = [];
  const nothing = { send: [], waiting: false, done: false, stop: null };
  const ending = endingOf(facts);
  if (ending) return { ...nothing, expire, next: null, stop: ending };

  for (const step of inOrderFor(facts)) {
    const resolution = resolved.get(step.id);
    if (resolution?.state === "pending") return { ...nothing, expire, next: null, waiting: true };
    if (resolution) continue;

    const planned = dueAfterGap(facts, step);
    const due = planned && afterReturn(facts, step, planned);
    // A window that never opens holds the step back; whoever opens it wakes the Email Campaign.
    if (!due) return { ...nothing, expire, next: null };
    const { missing } = step.timing?.waitFor ? plannedDay(startOn, step, rules) : HAS_ITS_DAY;
    if (missing === "no-date" && Temporal.Instant.compare(now, due) < 0)
      return { ...nothing, expire, next: { step, dueAt: due } };
    const reason = missing ?? hasExpired(facts, step, due, now);
    if (reason) {
      expire.push({ step, dueAt: due, reason });
      continue;
    }
    const opening = openingOf(step, rules);
    const leavesAt = nextOpening(earliestMoment(facts, step, due), opening);
    if (!leavesAt) return { ...nothing, expire, next: null };
    if (Temporal.Instant.compare(leavesAt, now) > 0) return { ...nothing, expire, next: { step, dueAt: leavesAt } };
    const open = nextOpening(now, opening);
    if (!open) return { ...nothing, expire, next: null };
    if (Temporal.Instant.compare(open, now) > 0) return { ...nothing, expire, next: { step, dueAt: open } };
    const stop = findingOf(facts, step.stopIf, true);
    if (stop) return { ...nothing, expire, next: null, stop: { ...stop, reason: "condition", stepId: step.id } };
    const finding = findingOf(facts, step.onlyIf, false);
    if (finding) {
      expire.push({ step, dueAt: due, reason: "condition", finding });
      continue;
    }
    const late =
      Temporal.Instant.compare(due, now) < 0 &&
      Temporal.PlainDate.compare(localDay(due, rules.timeZone), localDay(now, rules.timeZone)) < 0;
    return { ...nothing, expire, send: [{ step, dueAt: due, late }], next: null };
  }
  return { ...nothing, expire, next: null, done: true };
}

/** What ends the whole, whatever is due. Reaching the goal counts before leaving on the way. */
function endingOf(facts: Facts): Stop | null {
  const goal = findingOf(facts, facts.endings?.goal, true);
  if (goal) return { ...goal, reason: "converted", stepId: null };
  const exit = findingOf(facts, facts.endings?.stopIf, true);
  return exit && { ...exit, reason: "condition", stepId: null };
}

/** What was found, where a condition is asked and it turns out so (or not so, where that is what counts). */
export function findingOf(facts: Facts, condition: Condition | null | undefined, so: boolean): Finding | null {
  if (!condition) return null;
  const known = knownOf(facts);
  if (!known || holds(condition, known) !== so) return null;
  return { condition, answers: answersOf(condition, known).map((one) => one.so) };
}

/** What is known, with the mail the person got last; null where nobody looked. */
export function knownOf(facts: Facts): Known | null {
  if (!facts.known) return null;
  return {
    ...facts.known,
    lastStepId: latest(facts.resolutions.filter(({ state }) => state === "sent"))?.stepId ?? null,
  };
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
  if (days === 0)
    return Temporal.PlainDate.compare(localDay(now, rules.timeZone), localDay(due, rules.timeZone)) > 0
      ? "expired"
      : null;
  return Temporal.Instant.compare(now, due.add({ hours: 24 * days })) > 0 ? "expired" : null;
}

/**
 * The earliest moment the steps before it and the frequency cap allow: at once after one that was planned for the same
 * day and left on that day, else not before the day after the last one that left.
 */
function earliestMoment(facts: Facts, step: Step, due: Temporal.Instant): Temporal.Instant {
  const { timeZone } = facts.rules;
  const plannedOn = localDay(due, timeZone);
  let earliest = facts.capFreeAt ? later(due, facts.capFreeAt) : due;
  for (const before of facts.resolutions) {
    if (before.state !== "sent" || before.stepId === step.id) continue;
    if (before.on.equals(plannedOn) && leftOnItsDay(facts, before, step)) continue;
    const dayAfter = before.on.add({ days: 1 }).toZonedDateTime(timeZone).toInstant();
    earliest = later(earliest, dayAfter);
  }
  return earliest;
}

/** Whether an earlier step of the same day left on the very day it was planned for, so that the next may join it. */
function leftOnItsDay(facts: Facts, before: Resolution, step: Step): boolean {
  const { startOn, rules, createdAt } = facts;
  const other = facts.steps.find((candidate) => candidate.id === before.stepId);
  if (!other || !plannedDay(startOn, other, rules).on.equals(plannedDay(startOn, step, rules).on)) return false;
  const due = dueAt(startOn, other, rules, createdAt);
  return due !== null && localDay(due, rules.timeZone).equals(before.on);
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
  const resolution: Resolution = { stepId: step.id, state: "sent", at: now, on: localDay(now, facts.rules.timeZone) };
  const { send, next } = decide({ ...facts, resolutions: [...facts.resolutions, resolution] }, now);
  return send.length > 0 ? now : (next?.dueAt ?? null);
}
