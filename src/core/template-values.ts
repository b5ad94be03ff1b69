/** What values mean in a template: how they print, compare and are reached into. Never runs a value's own code. */
import { MAX_OUTPUT, TemplateLimit } from "./template-budget.ts";

/** Text that is HTML already (`safe`, `escape`) and is not escaped again. */
export class Markup {
  readonly html: string;

  constructor(html: string) {
    this.html = html;
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return /[&<>"']/.test(text) ? text.replace(/[&<>"']/g, (character) => ESCAPES[character]!) : text;
}

/**
 * A value as text. What is missing prints as nothing, a list with commas, a record as nothing. Line breaks become LF
 * and half a surrogate pair a replacement character, so that two values side by side never make a new character.
 */
export function printed(value: unknown): string {
  if (typeof value === "string") return UNEVEN.test(value) ? even(value) : value;
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "";
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (value instanceof Markup) return even(value.html);
  return Array.isArray(value) ? printedList(value) : "";
}

function printedList(items: readonly unknown[]): string {
  let text = "";
  for (const [index, item] of items.entries()) {
    text += (index ? ", " : "") + printed(item);
    // One long text many times in a list: stopped before it is made.
    if (text.length > MAX_OUTPUT) throw new TemplateLimit("The template prints a list of more than 1 MB.");
  }
  return text;
}

const UNEVEN = /[\r\ud800-\udfff]/;
const even = (text: string) => text.toWellFormed().replace(/\r\n?/g, "\n");

/** Jinja's truth: nothing, 0, the empty text, list and record are false. */
export function isTrue(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return Boolean(value);
  if (value instanceof Markup) return value.html !== "";
  return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0;
}

/** Unknown and empty fields are alike missing: a null counts as not defined. */
export const isMissing = (value: unknown) => value === undefined || value === null;

export function isEqual(left: unknown, right: unknown): boolean {
  const [a, b] = [plain(left), plain(right)];
  if (isMissing(a)) return isMissing(b);
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, index) => isEqual(item, b[index]));
  return a === b;
}

/** Negative, 0 or positive; NaN (every comparison false) where the two have no order, as a text and a number. */
export function order(left: unknown, right: unknown): number {
  const [a, b] = [plain(left), plain(right)];
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  return Number.NaN;
}

export function contains(container: unknown, item: unknown): boolean {
  const within = container instanceof Markup ? container.html : container;
  if (typeof within === "string") return typeof item === "string" && within.includes(item);
  if (Array.isArray(within)) return within.some((each) => isEqual(each, item));
  return isRecord(within) && typeof item === "string" && Object.hasOwn(within, item);
}

/** A member of a record, an item of a list, a character of a text. Own properties only (E78, attack 1). */
export function member(of: unknown, key: unknown): unknown {
  if (isRecord(of)) return typeof key === "string" && !isForbidden(key) && Object.hasOwn(of, key) ? of[key] : undefined;
  const items = of instanceof Markup ? of.html : of;
  if (typeof key !== "number" || !(typeof items === "string" || Array.isArray(items))) return undefined;
  return items.at(key);
}

/** Names that lead from a value to the program around it, in JavaScript or in Python. */
export const isForbidden = (name: string) => name.startsWith("__") || name === "constructor" || name === "prototype";

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Markup);

/** What a loop goes through: items, characters, or the names of a record. */
export function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return Array.from(value);
  return isRecord(value) ? Object.keys(value) : [];
}

/** As in Python, true is 1 and false is 0 among numbers. */
function plain(value: unknown): unknown {
  if (typeof value === "boolean") return Number(value);
  return value instanceof Markup ? value.html : value;
}
