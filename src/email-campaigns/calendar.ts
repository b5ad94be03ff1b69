/** Reads what authors said about timing into the rules by which one person's mail leaves. Costs nothing where nothing was said. */
import { sql } from "kysely";
import { workspace } from "../accounts/accounts.ts";
import type { Holidays, SendingWindow } from "../core/opening.ts";
import type { Rules, Step } from "../core/schedule.ts";
import {
  type CampaignTiming,
  type FrequencyCap,
  PLAIN_TIMING,
  type QuietText,
  quietHoursOf,
  windowOf,
} from "../core/timing.ts";
import type { Db } from "../db/database.ts";
import { countryCode } from "../workspace/countries.ts";
import { publicHolidays, withOwnHolidays } from "../workspace/holidays.ts";

/** What of an Email Campaign its calendar follows from. Settings are JSON as text: read once, however many rows share them. */
export type CalendarRow = {
  readonly personId: number;
  readonly startOn: Temporal.PlainDate;
  readonly nextDueAt: Temporal.Instant | null;
  /** The person's zone, else the workspace's. */
  readonly timeZone: string;
  readonly workspaceZone: string;
  readonly campaignTiming: string | null;
  readonly quietHours: string | null;
  readonly frequencyCap: string | null;
};

export type Calendar = Pick<Rules, "timeZone" | "window" | "holidays" | "quiet" | "counting" | "gap" | "dates">;

/** The calendar of a row, and the cap it is held by. */
export type Calendars = {
  of(row: CalendarRow): Calendar;
  cap(row: CalendarRow): FrequencyCap | null;
};

type ReadTiming = CampaignTiming & { readonly opens: SendingWindow | null };
const PLAIN: ReadTiming = { ...PLAIN_TIMING, opens: null };
const NO_DATES: Record<string, Temporal.PlainDate> = {};

/**
 * The calendars of these rows. People are asked for their country and their dates only where a Campaign or one of its
 * `steps` goes by them.
 */
export async function calendarsOf(
  db: Db,
  rows: readonly CalendarRow[],
  steps: readonly Pick<Step, "sendAfterDays" | "timing">[],
): Promise<Calendars> {
  const timings = new Map<string, ReadTiming>();
  for (const text of new Set(rows.map(({ campaignTiming }) => campaignTiming))) if (text) timings.set(text, read(text));
  const timingOf = (row: CalendarRow) => (row.campaignTiming ? timings.get(row.campaignTiming)! : PLAIN);
  const first = rows[0];
  // The workspace's are the same in every row.
  const quiet = first?.quietHours ? (JSON.parse(first.quietHours) as QuietText) : null;
  const capped = first?.frequencyCap ? (JSON.parse(first.frequencyCap) as FrequencyCap) : null;

  const fields = [...new Set(steps.flatMap(({ timing }) => timing?.waitFor?.field ?? []))];
  const kept = rows.filter((row) => timingOf(row).holidays !== "none");
  const people =
    fields.length > 0 || kept.some((row) => timingOf(row).holidays === "person")
      ? await traitsOf(db, rows, fields)
      : NO_TRAITS;
  const holidays = kept.length > 0 ? await holidaysOf(db, kept, people, steps) : null;

  return {
    of(row) {
      const timing = timingOf(row);
      return {
        timeZone: timing.clock === "workspace" ? row.workspaceZone : row.timeZone,
        window: timing.opens,
        holidays: timing.holidays === "none" ? null : holidays!(timing.holidays, row.personId),
        quiet: quiet && quietHoursOf(quiet, row.timeZone),
        counting: timing.counting,
        gap: timing.gap,
        dates: people.get(row.personId)?.dates ?? NO_DATES,
      };
    },
    cap: (row) => (capped && !timingOf(row).ignoresFrequencyCap ? capped : null),
  };
}

function read(text: string): ReadTiming {
  const timing = { ...PLAIN_TIMING, ...(JSON.parse(text) as Partial<CampaignTiming>) };
  return { ...timing, opens: timing.window && windowOf(timing.window) };
}

type Traits = { readonly country: string | null; readonly dates: Record<string, Temporal.PlainDate> };
const NO_TRAITS: ReadonlyMap<number, Traits> = new Map();

async function traitsOf(db: Db, rows: readonly CalendarRow[], fields: readonly string[]): Promise<Map<number, Traits>> {
  const ids = [...new Set(rows.map(({ personId }) => personId))];
  const { rows: found } = await sql<{ id: number; country: string | null; held: Record<string, string> | null }>`
    select id, country, (
      select jsonb_object_agg(key, value) from jsonb_each_text(attributes) where key = any(${[...fields]}::text[])) as held
    from people where id = any(${ids}::bigint[])`.execute(db);
  return new Map(
    found.map(({ id, country, held }) => [
      id,
      { country: country === null ? null : countryCode(country), dates: datesOf(held ?? {}) },
    ]),
  );
}

/** What is no date, because its field was another kind once, is missing. */
function datesOf(held: Readonly<Record<string, string | null>>): Record<string, Temporal.PlainDate> {
  return Object.fromEntries(
    Object.entries(held).flatMap(([key, text]) => {
      try {
        return text === null ? [] : [[key, Temporal.PlainDate.from(text)]];
      } catch {
        return [];
      }
    }),
  );
}

/** Business days take about one and a half days each, and holidays some more. */
const DAYS_A_YEAR = 210;

/** The calendar of holidays for a person, by whose they are. */
async function holidaysOf(
  db: Db,
  rows: readonly CalendarRow[],
  people: ReadonlyMap<number, Traits>,
  steps: readonly Pick<Step, "sendAfterDays" | "timing">[],
) {
  const { country: home, ownHolidays, language } = await workspace(db);
  const years = rows.flatMap(({ startOn, nextDueAt, personId }) => [
    startOn.year,
    ...(nextDueAt ? [nextDueAt.toZonedDateTimeISO("UTC").year] : []),
    ...Object.values(people.get(personId)?.dates ?? NO_DATES).map(({ year }) => year),
  ]);
  const longest = steps.reduce((most, { sendAfterDays }) => Math.max(most, sendAfterDays), 0);
  const from = rows.reduce((least, { startOn }) => Math.min(least, startOn.year), Infinity);
  const last = years.reduce((most, year) => Math.max(most, year), from);
  const span = { from, to: Math.min(last + Math.ceil(longest / DAYS_A_YEAR) + 2, from + MOST_YEARS) };
  const places = new Set([...people.values()].flatMap(({ country }) => country ?? []));
  if (home) places.add(home);
  const found = await publicHolidays([...places], span, language.slice(0, 2));
  const calendars = new Map<string | null, Holidays | null>([[null, withOwnHolidays(null, ownHolidays)]]);
  for (const [place, days] of found) calendars.set(place, withOwnHolidays(days, ownHolidays));
  return (whose: "workspace" | "person", personId: number) => {
    const country = whose === "person" ? people.get(personId)?.country : null;
    return calendars.get(samePlace(country, home) ?? null) ?? null;
  };
}

/** How many years of holidays are looked at; beyond it every day counts as a working one. */
const MOST_YEARS = 40;

/** The person's country, or the workspace's; where they are the same, with the state the workspace names. */
function samePlace(country: string | null | undefined, home: string | null): string | null {
  return country && country !== home?.slice(0, 2) ? country : home;
}
