/** The thread that works out public holidays: the library takes half a second and 25 MB to load, and is gone afterwards. */
import { parentPort } from "node:worker_threads";
import Holidays from "date-holidays";

/** `place`: a country, or a country and its state: `DE`, `DE-BY`. */
export type Asked = { readonly place: string; readonly year: number; readonly language: string };
/** Days as ISO dates with their names; null: the place is not known. */
export type Told = readonly (readonly [day: string, name: string])[] | null;

parentPort?.on("message", (asked: readonly Asked[]) => parentPort?.postMessage(asked.map(holidaysOf)));

const HOURS_MS = 3_600_000;

function holidaysOf({ place, year, language }: Asked): Told {
  const [country = "", state] = place.split("-");
  const holidays = state ? new Holidays(country, state) : new Holidays(country);
  if (!isKnown(country, state)) return null;
  const found = holidays.getHolidays(year, language).filter(({ type }) => type === "public");
  return found.flatMap(({ date, start, end, name }) => {
    // The date is the day itself, also where it begins with the evening before. Half days are working days.
    const days = Math.floor((end.getTime() - start.getTime()) / HOURS_MS / 24);
    const first = Temporal.PlainDate.from(date.slice(0, 10));
    return Array.from({ length: days }, (_, after) => [first.add({ days: after }).toString(), name] as const);
  });
}

function isKnown(country: string, state: string | undefined): boolean {
  const all = new Holidays();
  return country in all.getCountries() && (state === undefined || state in (all.getStates(country) ?? {}));
}
