/** Says in words when a step leaves, by whose clock, and what moved it. Knows no clock of its own. */
import { filled } from "./filled.ts";
import type { Names } from "./condition-words.ts";
import { closedBy } from "./opening.ts";
import { dueAfterGap, dueAt, type Facts, gapOf, openingOf, plannedAt, type Step } from "./schedule.ts";

export type Language = "en" | "de";

/** Whose words they are: the person's first name, and whether the time shown is theirs or the workspace's. */
export type Voice = {
  readonly language: Language;
  readonly person: string;
  readonly ownClock: boolean;
  /** What the numbers in conditions are called; without it they are said as they are. */
  readonly names?: Names;
};

const LOCALES: Readonly<Record<Language, string>> = { en: "en-GB", de: "de-DE" };

/** `Tue 3 Mar, 09:00 in Ana’s time (Lisbon)`; with the year where it is not the present one. */
export function momentInWords(
  at: Temporal.Instant,
  timeZone: string,
  { language, person, ownClock }: Voice,
  now: Temporal.Instant,
): string {
  const local = at.toZonedDateTimeISO(timeZone);
  const sameYear = local.year === now.toZonedDateTimeISO(timeZone).year;
  const time = `${String(local.hour).padStart(2, "0")}:${String(local.minute).padStart(2, "0")}`;
  const place = cityOf(timeZone);
  const clock =
    language === "en"
      ? ownClock
        ? `in ${person}’s time`
        : "in the workspace’s time"
      : ownClock
        ? `nach der Uhr von ${person}`
        : "nach der Uhr des Arbeitsbereichs";
  return `${dayInWords(local.toPlainDate(), language, !sameYear)}, ${time} ${clock} (${place})`;
}

/** `Tue 3 Mar`, `Di., 3. März`. */
function dayInWords(on: Temporal.PlainDate, language: Language, withYear: boolean): string {
  const words = new Intl.DateTimeFormat(LOCALES[language], {
    weekday: "short",
    day: "numeric",
    month: "short",
    ...(withYear ? { year: "numeric" } : {}),
    timeZone: "UTC",
  }).format(on.toZonedDateTime("UTC").epochMilliseconds);
  return language === "en" ? words.replaceAll(",", "") : words;
}

const cityOf = (timeZone: string) => (timeZone.split("/").at(-1) ?? timeZone).replaceAll("_", " ");

const MOVED = {
  weekday: { en: "{day} is no day of the sending window", de: "{day} ist kein Tag des Sendefensters" },
  holiday: { en: "{day} is a holiday ({name})", de: "{day} ist ein Feiertag ({name})" },
  hours: { en: "{day}, {time} is outside the sending window", de: "{day}, {time} liegt außerhalb des Sendefensters" },
  "quiet-hours": { en: "{day}, {time} is in the quiet hours", de: "{day}, {time} liegt in der Ruhezeit" },
  gap: {
    en: "at least {amount} {unit} after the mail before it",
    de: "mindestens {amount} {unit} nach der E-Mail davor",
  },
} as const;

const UNITS = { en: { hours: "hours", days: "days" }, de: { hours: "Stunden", days: "Tage" } } as const;

/** What moved a step from the moment its day and time of day gave it, in words; null when it leaves at that moment. */
export function movedInWords(facts: Facts, step: Step, leaves: Temporal.Instant, language: Language): string | null {
  const { startOn, createdAt, rules } = facts;
  const planned = plannedAt(startOn, step, rules, createdAt);
  if (Temporal.Instant.compare(leaves, planned) <= 0) return null;
  const opening = openingOf(step, rules);
  const closed = closedBy(planned, opening);
  const local = planned.toZonedDateTimeISO(rules.timeZone);
  if (closed) {
    const values: Record<string, string> = {
      day: dayInWords(local.toPlainDate(), language, false),
      time: local.toPlainTime().toString({ smallestUnit: "minute" }),
      name: rules.holidays?.get(local.toPlainDate().toString()) ?? "",
    };
    return filled(MOVED[closed][language], values, "");
  }
  const gap = gapOf(step, rules);
  const [due, afterGap] = [dueAt(startOn, step, rules, createdAt), dueAfterGap(facts, step)];
  if (!gap || !due || !afterGap || Temporal.Instant.compare(afterGap, due) <= 0) return null;
  return filled(MOVED.gap[language], { amount: String(gap.amount), unit: UNITS[language][gap.unit] }, "");
}
