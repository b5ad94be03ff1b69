/** The filters of templates, as Jinja has them; the sandbox uses the same ones. Each asks before it makes long text. */
import type { Budget } from "./template-budget.ts";
import { printf, strftime } from "./template-format.ts";
import { Markup, escapeHtml, isMissing, isRecord, isTrue, itemsOf, member, printed } from "./template-values.ts";

export type Filter = {
  /** The names of its arguments, in their order. */
  readonly parameters: readonly string[];
  readonly apply: (budget: Pick<Budget, "make">, value: unknown, ...given: unknown[]) => unknown;
};

const filter = (parameters: string, apply: Filter["apply"]): Filter => ({
  parameters: parameters === "" ? [] : parameters.split(" "),
  apply,
});

const onText = (change: (text: string) => string) => filter("", (budget, value) => change(textOf(budget, value)));

// Unlike Jinja's, ours replaces the empty text too: a record without a first name holds "" as often as nothing.
const fallback = filter("value boolean", (_, value, instead = "") =>
  isMissing(value) || value === "" || (value instanceof Markup && value.html === "") ? instead : value,
);
const escaped = filter("", (budget, value) => {
  if (value instanceof Markup) return value;
  const text = printed(value);
  budget.make(text.length * 6);
  return new Markup(escapeHtml(text));
});
const size = filter("", (budget, value) => listOf(budget, value).length);

export const FILTERS: Readonly<Record<string, Filter>> = {
  default: fallback,
  d: fallback,
  escape: escaped,
  e: escaped,
  length: size,
  count: size,
  upper: onText((text) => text.toUpperCase()),
  lower: onText((text) => text.toLowerCase()),
  capitalize: onText(capitalized),
  title: onText((text) => text.replace(/[^-\s({[<]+/g, capitalized)),
  string: filter("", (budget, value) => (value instanceof Markup ? value : textOf(budget, value))),
  safe: filter("", (budget, value) => (value instanceof Markup ? value : new Markup(textOf(budget, value)))),
  abs: filter("", (_, value) => (isNumeric(value) ? Math.abs(Number(value)) : undefined)),
  first: filter("", (budget, value) => listOf(budget, value)[0]),
  last: filter("", (budget, value) => listOf(budget, value).at(-1)),
  trim: filter("chars", (budget, value, characters) => trimmed(textOf(budget, value), characters)),
  join: filter("d attribute", (budget, value, separator = "", attribute) => {
    const items = listOf(budget, value).map((item) =>
      printed(attribute === undefined ? item : member(item, attribute)),
    );
    const between = printed(separator);
    budget.make(items.reduce((sum, item) => sum + item.length + between.length, 0));
    return items.join(between);
  }),
  replace: filter("old new count", (budget, value, old, substitute, count) => {
    const [text, from, to] = [textOf(budget, value), printed(old), printed(substitute)];
    const pieces = text.split(from);
    const most = typeof count === "number" && count >= 0 ? Math.trunc(count) : pieces.length - 1;
    const times = Math.min(most, pieces.length - 1);
    budget.make(text.length + times * to.length);
    return (
      pieces.slice(0, times + 1).join(to) +
      pieces
        .slice(times + 1)
        .map((piece) => from + piece)
        .join("")
    );
  }),
  round: filter("precision method", (_, value, precision = 0, method = "common") => {
    const scale = 10 ** Math.max(-15, Math.min(15, Number(precision) || 0));
    const [number, rounding] = [Number(value), ROUNDING[String(method)]];
    if (!isNumeric(value) || !rounding) return undefined;
    const rounded = rounding(number * scale) / scale;
    return Number.isFinite(rounded) ? rounded : number;
  }),
  int: filter("default", (_, value, instead = 0) => (isNumeric(value) ? Math.trunc(Number(value)) : instead)),
  float: filter("default", (_, value, instead = 0) => (isNumeric(value) ? Number(value) : instead)),
  truncate: filter(
    "length killwords end leeway",
    (budget, value, length = 255, killwords = false, end = "...", leeway = 5) => {
      const [characters, most, ending] = [Array.from(textOf(budget, value)), Number(length), printed(end)];
      if (!(characters.length > most + Number(leeway))) return characters.join("");
      const kept = characters.slice(0, Math.max(0, most - Array.from(ending).length)).join("");
      const space = kept.lastIndexOf(" ");
      return (isTrue(killwords) || space === -1 ? kept : kept.slice(0, space)) + ending;
    },
  ),
  urlencode: filter("", (budget, value) => {
    const text = printed(value);
    budget.make(text.length * 9);
    const encoded = encodeURIComponent(text).replaceAll("%2F", "/");
    return encoded.replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  }),
  date: filter("format", (_, value, pattern = "%-d %B %Y") => strftime(printed(value), printed(pattern))),
  format: filter("", (budget, value, ...values) => formatted(budget, printed(value), values)),
};

/** Filters that only the sandbox has. */
export const SANDBOX_FILTERS: ReadonlySet<string> = new Set(
  "attr batch bool chain dictsort groupby indent items lines list map max min pprint reject rejectattr reverse select selectattr slice sort split sum tojson unique".split(
    " ",
  ),
);

/** `"…" | format(…)` and `"…" % …`. */
export function formatted(budget: Pick<Budget, "make">, pattern: string, values: readonly unknown[]): string {
  const printable = values.flatMap((value) => (isRecord(value) ? Object.values(value) : [value]));
  const longest = printable.reduce<number>((most, value) => Math.max(most, printed(value).length), 0);
  // Each directive prints at most one value or its widest field.
  budget.make(pattern.length + (pattern.split("%").length - 1) * (longest + 400));
  return printf(pattern, values, printed);
}

const ROUNDING: Readonly<Record<string, (value: number) => number>> = {
  common: (value) => Math.sign(value) * Math.round(Math.abs(value)),
  ceil: Math.ceil,
  floor: Math.floor,
};

/** The value as text, the work of reading it paid for. */
function textOf(budget: Pick<Budget, "make">, value: unknown): string {
  const text = printed(value);
  budget.make(text.length);
  return text;
}

function listOf(budget: Pick<Budget, "make">, value: unknown): readonly unknown[] {
  const items = itemsOf(value instanceof Markup ? value.html : value);
  budget.make(items.length);
  return items;
}

const isNumeric = (value: unknown) =>
  typeof value === "number" ||
  typeof value === "boolean" ||
  (typeof value === "string" && /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i.test(value));

function capitalized(word: string): string {
  const [first = ""] = word;
  return first.toUpperCase() + word.slice(first.length).toLowerCase();
}

function trimmed(text: string, characters: unknown): string {
  if (isMissing(characters)) return text.trim();
  const set = new Set(printed(characters));
  const all = Array.from(text);
  let [from, to] = [0, all.length];
  while (from < to && set.has(all[from]!)) from++;
  while (to > from && set.has(all[to - 1]!)) to--;
  return all.slice(from, to).join("");
}
