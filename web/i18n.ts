/** Words, numbers and dates in the reader's language. English is the source; German is locales/de.json. */
import { setupI18n } from "@lingui/core";
import { compileMessage } from "@lingui/message-utils/compileMessage";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const i18n = setupI18n();
i18n.setMessagesCompiler(compileMessage);
i18n.loadAndActivate({ locale: "en", messages: {} });

const CHOSEN = "tidings-language";

/** Loads the language to use: the one chosen here, else the browser's. Called once, before the first paint. */
export async function loadLanguage(): Promise<Language> {
  const wanted = chosenLanguage() ?? (navigator.language.startsWith("de") ? "de" : "en");
  if (wanted !== "en") {
    const { default: messages } = await import("./locales/de.json");
    i18n.loadAndActivate({ locale: wanted, messages });
  }
  document.documentElement.lang = wanted;
  return wanted;
}

/** Remembers a language in this browser and starts the application again in it. */
export function chooseLanguage(language: Language): void {
  if (language === i18n.locale) return;
  localStorage.setItem(CHOSEN, language);
  location.reload();
}

/** The language in use. */
export const language = (): Language => i18n.locale as Language;

function chosenLanguage(): Language | null {
  const kept = localStorage.getItem(CHOSEN);
  return kept !== null && kept in LANGUAGES ? (kept as Language) : null;
}

/**
 * A sentence in the reader's language. The English sentence is its own name; ICU plurals and values are allowed:
 * `t("{count, plural, one {# person} other {# people}}", { count })`. Give it a literal, so that the catalogues can be checked.
 */
export function t(message: string, values?: Record<string, unknown>): string {
  return i18n._(message, values as Record<string, string>);
}

/** The locale dates and numbers are written in: the browser's own flavour of the language in use. */
function locale(): string {
  return navigator.languages.find((one) => one.startsWith(i18n.locale)) ?? i18n.locale;
}

export const formatNumber = (value: number) => new Intl.NumberFormat(locale()).format(value);

/** A share as a percentage; a dash when there is nothing to share. */
export const formatShare = (part: number, whole: number) =>
  whole === 0
    ? "–"
    : new Intl.NumberFormat(locale(), { style: "percent", maximumFractionDigits: 1 }).format(part / whole);

/** A calendar day such as `2026-12-01`, in words; it belongs to no zone. */
export function formatDay(day: string, style: "medium" | "short" | "weekday" = "medium"): string {
  const options: Intl.DateTimeFormatOptions =
    style === "weekday"
      ? { weekday: "short", day: "numeric", month: "short" }
      : style === "short"
        ? { day: "numeric", month: "short" }
        : { dateStyle: "medium" };
  return new Intl.DateTimeFormat(locale(), { ...options, timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}

/** A moment in the reader's own zone. */
export function formatMoment(at: string, style: "medium" | "time" | "full" = "medium"): string {
  const options: Intl.DateTimeFormatOptions =
    style === "time"
      ? { timeStyle: "short" }
      : style === "full"
        ? { dateStyle: "full", timeStyle: "long" }
        : { dateStyle: "medium", timeStyle: "short" };
  return new Intl.DateTimeFormat(locale(), options).format(new Date(at));
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** How long ago, or how far ahead: "3 hours ago", "in 2 days". */
export function formatAgo(at: string, now = Date.now()): string {
  const seconds = Math.round((new Date(at).getTime() - now) / 1000);
  const [unit, size] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(Math.round(seconds / size), unit);
}

/** Today in the reader's zone, as `2026-12-01`. */
export function today(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** A calendar day so many days later. */
export function addDays(day: string, days: number): string {
  const date = new Date(`${day}T00:00:00Z`);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}
