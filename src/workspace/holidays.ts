/** Public holidays by country and year, as plain days; worked out in a thread of its own at the first need, then kept. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Holidays } from "../core/opening.ts";
import type { OwnHoliday } from "../core/timing.ts";
import type { Asked, Told } from "./holidays-worker.ts";

/** Loading takes half a second, a year of the slowest country a fifth of one. */
const TIME_LIMIT_MS = 30_000;
/** The thread with the library in it ends when nobody has asked for so long. */
const IDLE_MS = 10_000;
/** Years that are kept: some 200 countries for a few years. */
const MOST_KEPT = 2000;

type Years = ReadonlyMap<string, string>;
const kept = new Map<string, Promise<Years | null>>();
let worker: Worker | null = null;
let idle: NodeJS.Timeout | undefined;
let queue: Promise<unknown> = Promise.resolve();

/** The years for which holidays are wanted, both inclusive. */
export type Span = { readonly from: number; readonly to: number };

/**
 * The public holidays of places in these years, by place. One that is not known has none. Where they cannot be worked
 * out at all there are none either: a broken calendar must not stop everybody's mail.
 */
export async function publicHolidays(
  places: readonly string[],
  { from, to }: Span,
  language = "en",
): Promise<ReadonlyMap<string, Holidays>> {
  const years = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const wanted = places.flatMap((place) => years.map((year) => ({ place, year, language })));
  const missing = wanted.filter((one) => !kept.has(keyOf(one)));
  if (missing.length > 0) askFor(missing);
  const found = await Promise.all(wanted.map((one) => kept.get(keyOf(one)) ?? Promise.resolve(null)));
  return new Map(
    places.map((place, at) => [place, joined(found.slice(at * years.length, (at + 1) * years.length), from)]),
  );
}

/** Whether the holidays of a place are known: `DE`, `DE-BY`. */
export async function hasHolidays(place: string, year: number): Promise<boolean> {
  const asked = { place, year, language: "en" };
  if (!kept.has(keyOf(asked))) askFor([asked]);
  return (await kept.get(keyOf(asked))) !== null;
}

/** Holidays with days of the workspace's own among them; those win, for their names are the workspace's. */
export function withOwnHolidays(holidays: Holidays | null, own: readonly OwnHoliday[]): Holidays | null {
  if (own.length === 0) return holidays;
  const once = new Map(own.filter(({ yearly }) => !yearly).map(({ on, name }) => [on, name]));
  const yearly = new Map(own.filter((one) => one.yearly).map(({ on, name }) => [on.slice(5), name]));
  const get = (day: string) => once.get(day) ?? yearly.get(day.slice(5)) ?? holidays?.get(day);
  return { get, has: (day) => get(day) !== undefined };
}

const keyOf = ({ place, year, language }: Asked) => `${place} ${year} ${language}`;

/** The years of one place as one calendar. Its size is that of the years asked for. */
function joined(found: readonly (Years | null | undefined)[], from: number): Holidays {
  const of = (day: string) => found[Number(day.slice(0, 4)) - from];
  return { has: (day) => of(day)?.has(day) ?? false, get: (day) => of(day)?.get(day) };
}

function askFor(asked: readonly Asked[]): void {
  if (kept.size > MOST_KEPT) kept.clear();
  const answer = queue.then(() => ask(asked));
  queue = answer.catch(() => undefined);
  for (const [at, one] of asked.entries())
    kept.set(
      keyOf(one),
      answer.then(
        (told) => (told[at] ? new Map(told[at]) : null),
        () => {
          kept.delete(keyOf(one));
          return new Map();
        },
      ),
    );
}

async function ask(asked: readonly Asked[]): Promise<readonly Told[]> {
  clearTimeout(idle);
  worker ??= newWorker();
  const current = worker;
  // It holds the process open while somebody waits for it, and no longer.
  current.ref();
  try {
    const answered = once(current, "message", { signal: AbortSignal.timeout(TIME_LIMIT_MS) });
    current.postMessage(asked);
    const [told] = (await answered) as [readonly Told[]];
    idle = setTimeout(close, IDLE_MS).unref();
    return told;
  } catch (error) {
    close();
    throw error;
  } finally {
    current.unref();
  }
}

function close(): void {
  void worker?.terminate();
  worker = null;
}

function newWorker(): Worker {
  const made = new Worker(new URL("holidays-worker.ts", import.meta.url), { env: {}, execArgv: [] });
  made.on("error", () => undefined);
  made.once("exit", () => {
    if (worker === made) worker = null;
  });
  return made;
}
