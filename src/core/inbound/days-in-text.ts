/** Finds calendar days in what people write, in many languages. Pure: the day it was written on is an argument. */

export type DayInText = {
  readonly day: Temporal.PlainDate;
  /** Where it stands: from, and up to. */
  readonly at: number;
  readonly end: number;
};

const LANGUAGES = "en de fr es it pt nl pl sv da nb fi cs sk hu ro ru uk tr el".split(" ");
const MOST_DAYS = 50;
/** A day without its year is the one nearest; one this long ago or ahead is another thing (a birthday, a price list). */
const MOST_DAYS_AHEAD = 400;

/** Names of months (1 to 12) and weekdays (1 to 7), long and short, as dates are written and alone. */
const MONTHS = named({ month: "long" }, 12, (at) => Date.UTC(2026, at - 1, 15));
// 2026-06-01 was a Monday.
const WEEKDAYS = named({ weekday: "long" }, 7, (at) => Date.UTC(2026, 5, at));

function named(long: Intl.DateTimeFormatOptions, count: number, instant: (at: number) => number) {
  const names = new Map<string, number>();
  const [field] = Object.keys(long) as ("month" | "weekday")[];
  for (const style of ["long", "short"] as const)
    for (const language of LANGUAGES)
      for (const beside of [{}, { day: "numeric" }] as const) {
        const format = new Intl.DateTimeFormat(language, { ...beside, [field!]: style, timeZone: "UTC" });
        for (let at = 1; at <= count; at += 1) {
          const part = format.formatToParts(instant(at)).find(({ type }) => type === field)!.value;
          const name = part.toLowerCase().replace(/\.$/, "");
          if (/^\p{L}{3,}$/u.test(name) && !names.has(name)) names.set(name, at);
        }
      }
  return names;
}

type Found = { readonly year?: number; readonly month: number; readonly day: number };
type Form = readonly [RegExp, (groups: readonly string[], written: Written) => readonly Found[]];
/** Where the month stands in 5/1: behind the day, before it, or that is open. */
type Written = "day-first" | "month-first" | "either";

const WORD = String.raw`(\p{L}{3,})`;
const FORMS: readonly Form[] = [
  // 2026-01-05, 2026年1月5日, 2026. 1. 5
  [
    /(?<!\d)(20\d\d)\s?[-/.年년]\s?(\d{1,2})\s?[-/.月월]\s?(\d{1,2})(?!\d)\s?[日일号]?/gu,
    ([year, month, day]) => [{ year: Number(year), month: Number(month), day: Number(day) }],
  ],
  [
    /(?<!\d)(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일号]/gu,
    ([month, day]) => [{ month: Number(month), day: Number(day) }],
  ],
  // 5.1.2026, 05/01/26, 5-1-2026
  [
    /(?<!\d)(\d{1,2})(\s?[./-]\s?)(\d{1,2})\2((?:20)?\d\d)(?![\d:])/g,
    ([one, mark, two, year], written) =>
      orders(Number(one), Number(two), mark!.includes(".") ? "day-first" : written).map((found) => ({
        ...found,
        year: (Number(year) % 100) + 2000,
      })),
  ],
  // 5.1. and 5/1; 5.10 alone may be a time.
  [/(?<![\d.])(\d{1,2})\.\s?(\d{1,2})\.(?!\d)/g, ([day, month]) => [{ day: Number(day), month: Number(month) }]],
  [/(?<![\d/])(\d{1,2})\/(\d{1,2})(?![\d/])/g, ([one, two], written) => orders(Number(one), Number(two), written)],
  // 5 January 2026, 5. Januar, 5 de enero de 2026, 1er janvier, 5th of January
  [
    new RegExp(
      String.raw`(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|de|e|º|°|ª|\.|\.?-?го)?[\s-](?:\s?(?:de|of|di|den|do)\s)?${WORD}\.?(?:,?\s(?:de[l]?\s)?(20\d\d))?`,
      "giu",
    ),
    ([day, month, year]) => inWords(month!, day!, year),
  ],
  // January 5th, 2026
  [
    new RegExp(String.raw`${WORD}\.?\s(\d{1,2})(?:st|nd|rd|th)?(?!\d|[:.]\d)(?:,?\s(20\d\d))?`, "giu"),
    ([month, day, year]) => inWords(month!, day!, year),
  ],
];

function orders(one: number, two: number, written: Written): Found[] {
  const dayFirst = { day: one, month: two };
  const monthFirst = { day: two, month: one };
  if (one > 12) return [dayFirst];
  if (two > 12) return [monthFirst];
  return { "day-first": [dayFirst], "month-first": [monthFirst], either: [dayFirst, monthFirst] }[written];
}

/** East Asia writes the month first, America too; in English only another day of the same text tells. */
function writtenHow(text: string): Written {
  if (/[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]/.test(text)) return "month-first";
  if (!/\b(?:the|will|office|i'?m|am)\b/i.test(text)) return "day-first";
  for (const [, one, two] of text.matchAll(/(?<!\d)(\d{1,2})\/(\d{1,2})(?!\d)/g)) {
    if (Number(one) > 12) return "day-first";
    if (Number(two) > 12) return "month-first";
  }
  return "either";
}

function inWords(name: string, day: string, year: string | undefined): Found[] {
  const month = MONTHS.get(name.toLowerCase());
  if (month === undefined) return [];
  return [{ month, day: Number(day), ...(year === undefined ? {} : { year: Number(year) }) }];
}

/**
 * The days a text names, in the order in which they stand. A day without a year is the nearest to `on`.
 * Where 3/4 could be read both ways, it is the later one: who waits for somebody's return then waits long enough.
 */
export function daysIn(text: string, on: Temporal.PlainDate): DayInText[] {
  const written = writtenHow(text);
  const found: DayInText[] = [];
  const free = (at: number, end: number) => found.every((one) => end <= one.at || at >= one.end);
  for (const [form, read] of FORMS)
    for (const match of text.matchAll(form)) {
      const [at, end] = [match.index, match.index + match[0].length];
      if (found.length >= MOST_DAYS) break;
      if (!free(at, end)) continue;
      const days = read(match.slice(1), written).flatMap((one) => dated(one, on) ?? []);
      const day = days.sort(Temporal.PlainDate.compare).at(-1);
      if (day) found.push({ day, at, end });
    }
  for (const { at, end, weekday } of weekdaysIn(text))
    // "Monday, 5 January" is one day.
    if (free(at, end) && found.every((one) => one.at < end || one.at - end > 8)) {
      const ahead = (weekday - on.dayOfWeek + 6) % 7;
      found.push({ day: on.add({ days: ahead + 1 }), at, end });
    }
  return found.sort((one, other) => one.at - other.at);
}

function* weekdaysIn(text: string) {
  for (const match of text.matchAll(/\p{L}{4,}/gu)) {
    const weekday = WEEKDAYS.get(match[0].toLowerCase());
    if (weekday !== undefined) yield { at: match.index, end: match.index + match[0].length, weekday };
  }
  for (const match of text.matchAll(
    /([月火水木金土日])曜日?|(?:星期|周|週|礼拜)([一二三四五六日天])|([월화수목금토일])요일/gu,
  )) {
    const [, ja, zh, ko] = match;
    const weekday =
      Math.max(
        "月火水木金土日".indexOf(ja ?? "?"),
        "一二三四五六日".indexOf(zh === "天" ? "日" : (zh ?? "?")),
        "월화수목금토일".indexOf(ko ?? "?"),
      ) + 1;
    yield { at: match.index, end: match.index + match[0].length, weekday };
  }
}

function dated({ year, month, day }: Found, on: Temporal.PlainDate): Temporal.PlainDate | null {
  const years = year === undefined ? [on.year - 1, on.year, on.year + 1] : [year];
  const days = years.flatMap((one) => {
    try {
      return [Temporal.PlainDate.from({ year: one, month, day }, { overflow: "reject" })];
    } catch {
      return [];
    }
  });
  const away = (one: Temporal.PlainDate) => Math.abs(on.until(one).days);
  const nearest = days.sort((one, other) => away(one) - away(other))[0];
  return nearest && away(nearest) <= MOST_DAYS_AHEAD ? nearest : null;
}
