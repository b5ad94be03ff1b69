/** What an author says about the timing of a Campaign and its steps, read from how it is kept. Decides nothing. */
import { coveredBy, opensEver, type QuietHours, type SendingWindow } from "./opening.ts";

/** How the days of a step are counted: every day, or the weekdays of the window that are no holiday. */
export const COUNTINGS = ["days", "business-days"] as const;
export type Counting = (typeof COUNTINGS)[number];

/** By whose clock: the person's own (the workspace's where it is not known), or the workspace's for everybody. */
export const CLOCKS = ["person", "workspace"] as const;
/** Whose public holidays: nobody's, those of the workspace's country, or of the person's (the workspace's where unknown). */
export const HOLIDAYS_OF = ["none", "workspace", "person"] as const;

/** The least time since the mail before it. Days are calendar days, hours are counted to the minute. */
export type Gap = { readonly amount: number; readonly unit: "hours" | "days" };

/** A date in a person's field that a step waits for: so many days after it (before it when negative). */
export type WaitFor = {
  /** The key of a declared field of the type date. */
  readonly field: string;
  readonly offsetDays: number;
  /** The next time the date comes round, whatever its year. */
  readonly yearly: boolean;
};

/** A sending window as it is kept and given: ISO weekdays 1 to 7, times `HH:MM`; `to` 00:00 is the end of the day. */
export type WindowText = { readonly weekdays: readonly number[]; readonly from: string; readonly to: string };

/** What holds for a whole Campaign. Null where it is as it always was. */
export type CampaignTiming = {
  readonly clock: (typeof CLOCKS)[number];
  readonly window: WindowText | null;
  readonly holidays: (typeof HOLIDAYS_OF)[number];
  readonly counting: Counting;
  readonly gap: Gap | null;
  readonly ignoresFrequencyCap: boolean;
};

/** What one step says for itself; null: as the Campaign has it. */
export type StepTimingText = {
  readonly window: WindowText | null;
  readonly counting: Counting | null;
  readonly gap: Gap | null;
  readonly waitFor: WaitFor | null;
};

/** The same, read. */
export type StepTiming = Omit<StepTimingText, "window"> & { readonly window: SendingWindow | null };

/** At most so many mails to one person in so many days of 24 hours, over everything that is sent in bulk. */
export type FrequencyCap = { readonly mails: number; readonly days: number };

/** Quiet hours as they are kept: times `HH:MM`. */
export type QuietText = { readonly from: string; readonly to: string };

/** A day of the workspace on which nothing leaves from Campaigns that keep holidays. */
export type OwnHoliday = { readonly on: string; readonly name: string; readonly yearly: boolean };

/** A Campaign whose author said nothing about its timing. */
export const PLAIN_TIMING: CampaignTiming = {
  clock: "person",
  window: null,
  holidays: "none",
  counting: "days",
  gap: null,
  ignoresFrequencyCap: false,
};

export function windowOf(text: WindowText): SendingWindow {
  return { weekdays: text.weekdays, from: Temporal.PlainTime.from(text.from), to: Temporal.PlainTime.from(text.to) };
}

export function quietHoursOf(text: QuietText, timeZone: string): QuietHours {
  return { from: Temporal.PlainTime.from(text.from), to: Temporal.PlainTime.from(text.to), timeZone };
}

export function stepTimingOf(text: StepTimingText): StepTiming {
  return { ...text, window: text.window && windowOf(text.window) };
}

/** Why a window never lets anything out, in words for its author; null when it does. */
export function neverOpens(text: WindowText, quiet: QuietText | null): string | null {
  const window = windowOf(text);
  if (window.weekdays.length === 0) return "A sending window needs at least one weekday.";
  if (!opensEver(window))
    return `A sending window opens before it closes; ${text.from} to ${text.to} never opens. Write 00:00 for the end of the day.`;
  if (quiet && coveredBy(window, quietHoursOf(quiet, "UTC")))
    return `The quiet hours of the workspace, ${quiet.from} to ${quiet.to}, cover this whole sending window.`;
  return null;
}
