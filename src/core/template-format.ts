/** Writes numbers, texts and dates in a given form: printf and strftime as templates know them. Knows no locale, no clock. */
import { member } from "./template-values.ts";

const PRINTF = /%(?:\((\w+)\))?([-+ 0#]*)(\d*)(?:\.(\d*))?([sdifFeEgGxXr%])/g;
/** A wider field is a mistake or an attack. */
const MAX_WIDTH = 200;

/** `%s`, `%d`, `%05.2f`, `%(name)s` … as in Python; what is missing prints as nothing, a non-number as 0. */
export function printf(pattern: string, values: readonly unknown[], print: (value: unknown) => string): string {
  let next = 0;
  const named = values.at(-1);
  return pattern.replace(
    PRINTF,
    (_, name: string | undefined, flags: string, width: string, digits: string | undefined, kind: string) => {
      if (kind === "%") return "%";
      const value = name === undefined ? values[next++] : member(named, name);
      const precision = digits === undefined ? undefined : Math.min(Number(digits), 20);
      const text =
        kind === "s" || kind === "r"
          ? print(value).slice(0, precision)
          : number(kind, Number(value) || 0, flags, precision);
      const room = Math.min(Number(width), MAX_WIDTH);
      if (flags.includes("-")) return text.padEnd(room);
      if (!flags.includes("0") || kind === "s") return text.padStart(room);
      const sign = /^[-+ ]/.test(text) ? text[0]! : "";
      return sign + text.slice(sign.length).padStart(room - sign.length, "0");
    },
  );
}

function number(kind: string, value: number, flags: string, precision = 6): string {
  const size = Math.abs(value);
  const sign = value < 0 ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  const written: Record<string, () => string> = {
    d: () => Math.trunc(size).toFixed(0),
    f: () => size.toFixed(precision),
    e: () => size.toExponential(precision).replace(/e([-+])(\d)$/, "e$10$2"),
    g: () => String(Number(size.toPrecision(precision || 1))),
    x: () => Math.trunc(size).toString(16),
  };
  const text = written[kind === "i" ? "d" : kind.toLowerCase()]!();
  return sign + (kind === "X" || kind === "E" ? text.toUpperCase() : text);
}

const MONTHS = "January February March April May June July August September October November December".split(" ");
const WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split(" ");
const DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?))?/;

/**
 * A calendar day or a local time, given as ISO 8601, in the form of a strftime pattern (`%d.%m.%Y`); what is no date
 * stays as it is. An offset or a zone at its end is not applied: the day written is the day shown.
 */
export function strftime(text: string, pattern: string): string {
  const [, day, time] = DATE.exec(text) ?? [];
  if (!day) return text;
  let at: Temporal.PlainDateTime;
  try {
    at = Temporal.PlainDateTime.from(`${day}T${time ?? "00:00"}`);
  } catch {
    return text;
  }
  return pattern.replace(/%(-?)([a-zA-Z%])/g, (directive, bare: string, letter: string) => {
    const written = DIRECTIVES[letter]?.(at);
    if (written === undefined) return directive;
    return bare ? written.replace(/^0+(?=\d)/, "") : written;
  });
}

const two = (value: number) => String(value).padStart(2, "0");
const DIRECTIVES: Readonly<Record<string, (at: Temporal.PlainDateTime) => string>> = {
  "%": () => "%",
  Y: (at) => String(at.year).padStart(4, "0"),
  y: (at) => two(at.year % 100),
  m: (at) => two(at.month),
  B: (at) => MONTHS[at.month - 1]!,
  b: (at) => MONTHS[at.month - 1]!.slice(0, 3),
  d: (at) => two(at.day),
  e: (at) => String(at.day).padStart(2),
  j: (at) => String(at.dayOfYear).padStart(3, "0"),
  A: (at) => WEEKDAYS[at.dayOfWeek - 1]!,
  a: (at) => WEEKDAYS[at.dayOfWeek - 1]!.slice(0, 3),
  H: (at) => two(at.hour),
  I: (at) => two(at.hour % 12 || 12),
  M: (at) => two(at.minute),
  S: (at) => two(at.second),
  p: (at) => (at.hour < 12 ? "AM" : "PM"),
};
