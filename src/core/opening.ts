/** Says when mail may leave: sending windows, holidays and quiet hours. Knows no schedule, no database and no clock. */

/**
 * When mail may leave: ISO weekdays 1 to 7, from (inclusive) to (exclusive) local time of one day. `to` 00:00 is the end
 * of the day. One that closes before it opens never opens.
 */
export type SendingWindow = {
  readonly weekdays: readonly number[];
  readonly from: Temporal.PlainTime;
  readonly to: Temporal.PlainTime;
};

/** Days on which nothing leaves, as ISO dates, each with its name. */
export type Holidays = { has(day: string): boolean; get(day: string): string | undefined };

/** Hours in which nobody is to be disturbed, by the person's own clock; they may go over midnight. */
export type QuietHours = {
  readonly from: Temporal.PlainTime;
  readonly to: Temporal.PlainTime;
  readonly timeZone: string;
};

/** All that decides whether mail may leave at a moment. Null: no such rule. */
export type Opening = {
  readonly timeZone: string;
  readonly window: SendingWindow | null;
  readonly holidays: Holidays | null;
  readonly quiet: QuietHours | null;
};

/** What keeps mail back at a moment. */
export type ClosedBy = "weekday" | "holiday" | "hours" | "quiet-hours";

const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7] as const;
/** The weekdays that count as business days where no window names them. */
const BUSINESS_WEEKDAYS = [1, 2, 3, 4, 5] as const;

const MIDNIGHT = new Temporal.PlainTime();
const ALL_DAY: SendingWindow = { weekdays: EVERY_DAY, from: MIDNIGHT, to: MIDNIGHT };

/** How far ahead an opening is searched before it counts as never open. */
const SEARCH_DAYS = 400;

/**
 * The moment itself when mail may leave, else the next one at which it may; null when there is none. Where a person's
 * quiet hours cover the whole window, because their clock is another, the window's hours give way, not its days.
 */
export function nextOpening(at: Temporal.Instant, opening: Opening): Temporal.Instant | null {
  const { window, holidays, quiet } = opening;
  if (!window && !holidays && !quiet) return at;
  return search(at, opening) ?? (window && quiet ? search(at, { ...opening, window: wholeDays(window) }) : null);
}

function wholeDays(window: SendingWindow): SendingWindow {
  return opensEver(window) ? { ...window, from: MIDNIGHT, to: MIDNIGHT } : window;
}

/** Whether a window opens at all, whatever the day. */
export function opensEver({ weekdays, from, to }: SendingWindow): boolean {
  return weekdays.length > 0 && (isMidnight(to) || Temporal.PlainTime.compare(from, to) < 0);
}

/** Whether quiet hours cover the whole of a window by one and the same clock. */
export function coveredBy(window: Omit<SendingWindow, "weekdays">, quiet: Omit<QuietHours, "timeZone">): boolean {
  // Where the window opens, and where it is still open when the quiet hours end: nowhere else can it be open first.
  return [window.from, quiet.to].every((time) => !isWithin(window, time) || isQuiet(quiet, time));
}

/** The rule that keeps mail back at this moment, or null when it may leave. */
export function closedBy(at: Temporal.Instant, opening: Opening): ClosedBy | null {
  const { timeZone, window, holidays, quiet } = opening;
  const local = at.toZonedDateTimeISO(timeZone);
  if (window && !window.weekdays.includes(local.dayOfWeek)) return "weekday";
  if (holidays?.has(local.toPlainDate().toString())) return "holiday";
  if (window && !isWithin(window, local.toPlainTime())) return "hours";
  if (quiet && isQuiet(quiet, at.toZonedDateTimeISO(quiet.timeZone).toPlainTime())) return "quiet-hours";
  return null;
}

/** When to look again at mail that may leave at this moment and has not left: not after the opening's end. Null: always open. */
export function openUntil(at: Temporal.Instant, opening: Opening): Temporal.Instant | null {
  const { timeZone, window, holidays, quiet } = opening;
  // As the clock is set back it may show a time at which the window is not open yet, or at which it is still quiet.
  const ends: Temporal.Instant[] = [];
  if (window || holidays) {
    const local = at.toZonedDateTimeISO(timeZone);
    const on = local.toPlainDate();
    const to = window?.to ?? MIDNIGHT;
    const end = isMidnight(to) ? startOf(on.add({ days: 1 }), timeZone) : momentOn(on, to, timeZone, at);
    ends.push(setBack(local, end) ?? end);
  }
  if (quiet) {
    const local = at.toZonedDateTimeISO(quiet.timeZone);
    const on = local.toPlainDate();
    const today = momentOn(on, quiet.from, quiet.timeZone, at);
    const end =
      Temporal.Instant.compare(today, at) > 0 ? today : momentOn(on.add({ days: 1 }), quiet.from, quiet.timeZone, at);
    ends.push(setBack(local, end) ?? end);
  }
  return ends.toSorted(Temporal.Instant.compare)[0] ?? null;
}

/** Whether a day is one of business: a weekday of the window (Monday to Friday without one) and no holiday. */
export function isBusinessDay(on: Temporal.PlainDate, { window, holidays }: Pick<Opening, "window" | "holidays">) {
  const weekdays: readonly number[] = window && window.weekdays.length > 0 ? window.weekdays : BUSINESS_WEEKDAYS;
  return weekdays.includes(on.dayOfWeek) && !holidays?.has(on.toString());
}

function search(from: Temporal.Instant, opening: Opening): Temporal.Instant | null {
  const last = from.add({ hours: 24 * SEARCH_DAYS });
  let at = from;
  // Each rule moves the moment on to where it is open itself; where all of them leave it, all are open.
  while (Temporal.Instant.compare(at, last) <= 0) {
    const open = opening.window || opening.holidays ? nextInWindow(at, opening) : at;
    if (!open) return null;
    const calm = opening.quiet ? afterQuiet(open, opening.quiet) : open;
    if (calm.equals(open)) return open;
    at = calm;
  }
  return null;
}

function nextInWindow(at: Temporal.Instant, { timeZone, holidays, ...opening }: Opening): Temporal.Instant | null {
  const window = opening.window ?? ALL_DAY;
  const local = at.toZonedDateTimeISO(timeZone);
  const isOpenOn = (on: Temporal.PlainDate) => window.weekdays.includes(on.dayOfWeek) && !holidays?.has(on.toString());
  const isOpen = (moment: Temporal.ZonedDateTime) =>
    isOpenOn(moment.toPlainDate()) && isWithin(window, moment.toPlainTime());
  if (isOpen(local)) return at;
  const today = local.toPlainDate();
  for (let ahead = 0; ahead <= SEARCH_DAYS; ahead += 1) {
    const on = today.add({ days: ahead });
    if (!isOpenOn(on)) continue;
    const opens = momentOn(on, window.from, timeZone, at);
    // Where the clock or the calendar jumps, an opening can land behind the close or on a day that is closed.
    if (Temporal.Instant.compare(opens, at) < 0 || !isOpen(opens.toZonedDateTimeISO(timeZone))) continue;
    const back = setBack(local, opens);
    return back && isOpen(back.toZonedDateTimeISO(timeZone)) ? back : opens;
  }
  return null;
}

function afterQuiet(at: Temporal.Instant, quiet: QuietHours): Temporal.Instant {
  const local = at.toZonedDateTimeISO(quiet.timeZone);
  const time = local.toPlainTime();
  if (!isQuiet(quiet, time)) return at;
  const endsToday = Temporal.PlainTime.compare(time, quiet.to) < 0;
  const on = endsToday ? local.toPlainDate() : local.toPlainDate().add({ days: 1 });
  const ends = momentOn(on, quiet.to, quiet.timeZone, at);
  const back = setBack(local, ends);
  return back && !isQuiet(quiet, back.toZonedDateTimeISO(quiet.timeZone).toPlainTime()) ? back : ends;
}

/** The moment at which the clock is set back before `end`, and shows once more what it has shown; null: it is not. */
function setBack(local: Temporal.ZonedDateTime, end: Temporal.Instant): Temporal.Instant | null {
  if (end.toZonedDateTimeISO(local.timeZoneId).offsetNanoseconds >= local.offsetNanoseconds) return null;
  return local.getTimeZoneTransition("next")!.toInstant();
}

/**
 * A local time of a day: one that is left out is the moment the clock is set past it, since from then it shows a later
 * one; one that comes twice is the first, or the second where the first lies before `notBefore`.
 */
function momentOn(
  on: Temporal.PlainDate,
  plainTime: Temporal.PlainTime,
  timeZone: string,
  notBefore: Temporal.Instant,
): Temporal.Instant {
  const wanted = on.toPlainDateTime(plainTime);
  const first = wanted.toZonedDateTime(timeZone);
  if (!first.toPlainDateTime().equals(wanted))
    return wanted.toZonedDateTime(timeZone, { disambiguation: "earlier" }).getTimeZoneTransition("next")!.toInstant();
  if (Temporal.Instant.compare(first.toInstant(), notBefore) >= 0) return first.toInstant();
  return wanted.toZonedDateTime(timeZone, { disambiguation: "later" }).toInstant();
}

const startOf = (on: Temporal.PlainDate, timeZone: string) => on.toZonedDateTime(timeZone).toInstant();

const isMidnight = (time: Temporal.PlainTime) => Temporal.PlainTime.compare(time, MIDNIGHT) === 0;

function isWithin({ from, to }: Omit<SendingWindow, "weekdays">, time: Temporal.PlainTime): boolean {
  return Temporal.PlainTime.compare(time, from) >= 0 && (isMidnight(to) || Temporal.PlainTime.compare(time, to) < 0);
}

function isQuiet({ from, to }: Omit<QuietHours, "timeZone">, time: Temporal.PlainTime): boolean {
  const [begun, ended] = [Temporal.PlainTime.compare(time, from) >= 0, Temporal.PlainTime.compare(time, to) >= 0];
  return Temporal.PlainTime.compare(from, to) <= 0 ? begun && !ended : begun || !ended;
}
