/** Finds the calendar day of a step: days or business days after the start, or by a date in a person's field. */
import { isBusinessDay, type Opening } from "./opening.ts";
import type { Rules, Step } from "./schedule.ts";
import type { WaitFor } from "./timing.ts";

/** The day of a step. `missing`: it has none, for the field is empty or its date has passed; `on` is when that is settled. */
export type PlannedDay = { readonly on: Temporal.PlainDate; readonly missing: "no-date" | "date-passed" | null };

/** Beyond this many days in a row without a business day the count goes on as if every day were one. */
const MOST_CLOSED_DAYS = 400;

/**
 * The day of a step for a person. With a date to wait for, the days after the start are the earliest day: the date in the
 * field counts from there on, or its next anniversary; a field that is empty is settled on that earliest day.
 */
export function plannedDay(startOn: Temporal.PlainDate, step: Step, rules: Rules): PlannedDay {
  const on = daysAfter(startOn, step, rules);
  const waitFor = step.timing?.waitFor;
  if (!waitFor) return { on, missing: null };
  const date = rules.dates[waitFor.field];
  if (!date) return { on, missing: "no-date" };
  const day = dayByDate(date, waitFor, on);
  return Temporal.PlainDate.compare(day, on) < 0 ? { on: day, missing: "date-passed" } : { on: day, missing: null };
}

function daysAfter(startOn: Temporal.PlainDate, step: Step, rules: Rules): Temporal.PlainDate {
  const counting = step.timing?.counting ?? rules.counting;
  if (counting === "days") return startOn.add({ days: step.sendAfterDays });
  return businessDay(startOn, step.sendAfterDays, {
    window: step.timing?.window ?? rules.window,
    holidays: rules.holidays,
  });
}

/** Business day 0 is the first one on or after the start; the others are counted from it. */
function businessDay(
  startOn: Temporal.PlainDate,
  days: number,
  opening: Pick<Opening, "window" | "holidays">,
): Temporal.PlainDate {
  let on = startOn;
  for (let left = days, closed = 0; ; on = on.add({ days: 1 })) {
    closed = isBusinessDay(on, opening) ? 0 : closed + 1;
    if (closed > 0 && closed <= MOST_CLOSED_DAYS) continue;
    if (left === 0) return on;
    left -= 1;
  }
}

function dayByDate(date: Temporal.PlainDate, { offsetDays, yearly }: WaitFor, notBefore: Temporal.PlainDate) {
  const offset = { days: offsetDays };
  if (!yearly) return date.add(offset);
  // 29 February comes round on the 28th in most years. The offset may lead into the year before or after.
  const first = notBefore.subtract(offset).year;
  const day = date.with({ year: first }).add(offset);
  return Temporal.PlainDate.compare(day, notBefore) >= 0 ? day : date.with({ year: first + 1 }).add(offset);
}
