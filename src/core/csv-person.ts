/** Reads one row of a file as a person, by the mapping of its columns: a draft, or what is wrong with it. Writes nothing. */
import { parseAddress } from "./address.ts";
import { unguarded } from "./csv.ts";
import {
  type DeclaredField,
  flag,
  languageTag,
  type PersonColumn,
  personColumns,
  statusNamed,
  type Target,
  timeZoneNamed,
} from "./csv-mapping.ts";
import { fullNameOf, type PersonKind, STATUSES } from "./person.ts";

type Value = string | number | boolean;

/** What a row says of a person. A cell that is empty says nothing: null, never a first choice (E132). */
export type Draft = {
  readonly columns: Record<PersonColumn, string | null>;
  readonly email: string | null;
  readonly emailKey: string | null;
  readonly further: { email: string; key: string }[];
  readonly attributes: Record<string, Value>;
  /** The row names the person, rather than a company or address standing in for the name (E125). */
  readonly named: boolean;
  readonly fullName: string;
  readonly unsubscribed: boolean;
  readonly disabled: boolean | null;
  /** Opens and clicks are never measured. That they are is nothing a row can say. */
  readonly neverMeasured: boolean;
};

const MOST_CHARACTERS = 400;
const MOST_IN_NOTES = 20_000;
const MOST_IN_ATTRIBUTE = 4_000;
const MOST_ADDRESSES = 20;

/** Reads rows of a file whose columns go to `targets`, in the file's order. */
export function personReader(
  kind: PersonKind,
  targets: readonly (Target | null)[],
  fields: readonly DeclaredField[],
): (cells: readonly string[]) => Draft | { readonly problem: string } {
  const byKey = new Map(fields.map((field) => [field.key, field]));
  const attributed = targets.map((target) =>
    target?.startsWith("attribute:") ? byKey.get(target.slice(10)) : undefined,
  );
  return (cells) => {
    const columns = { ...EMPTY };
    const attributes: Record<string, Value> = {};
    const addresses: string[] = [];
    const further: string[] = [];
    let unsubscribed = false;
    let doNotContact = false;
    let disabled: boolean | null = null;
    let neverMeasured = false;
    if (cells.length > targets.length && cells.slice(targets.length).some((cell) => cell.trim() !== ""))
      return { problem: `The row has ${cells.length} cells, the heading ${targets.length}.` };
    for (let index = 0; index < targets.length; index += 1) {
      const target = targets[index];
      const cell = cells[index];
      if (!target || target === "ignore" || target === "recordId" || target === "primaryFlag" || !cell) continue;
      if (cell.includes("\0")) return { problem: "The row holds a NUL character." };
      if (cell.includes("\u{fffd}"))
        return { problem: "The row holds characters that could not be read: is the file's encoding right?" };
      const value = unguarded(cell).trim();
      if (value === "") continue;
      switch (target) {
        case "email":
          addresses.push(...(value.includes(",") || value.includes(";") ? listed(value) : [value]));
          break;
        case "furtherEmail":
          further.push(...listed(value));
          break;
        case "unsubscribed":
        case "doNotContact":
        case "disabled":
        case "neverMeasured": {
          const said = flag(value);
          if (said === null) return { problem: `"${short(value)}" is neither yes nor no.` };
          if (target === "unsubscribed") unsubscribed = said;
          else if (target === "doNotContact") doNotContact = said;
          else if (target === "neverMeasured") neverMeasured = said;
          else disabled = said;
          break;
        }
        case "status": {
          const status = statusNamed(value);
          if (!status || !STATUSES[kind].includes(status))
            return { problem: `"${short(value)}" is not a status of a ${kind}: ${STATUSES[kind].join(", ")}.` };
          columns.status = status;
          break;
        }
        case "language":
          columns.language = languageTag(value);
          if (!columns.language) return { problem: `"${short(value)}" is not a language tag such as de or pt-BR.` };
          break;
        case "timeZone":
          columns.timeZone = timeZoneNamed(value);
          if (!columns.timeZone) return { problem: `"${short(value)}" is not a time zone such as Europe/Lisbon.` };
          break;
        case "notes":
          if (value.length > MOST_IN_NOTES)
            return { problem: `The notes are longer than ${MOST_IN_NOTES} characters.` };
          columns.notes = unguarded(cell);
          break;
        default: {
          const field = attributed[index];
          if (field) {
            const read = attributeOf(value, field);
            if ("problem" in read) return read;
            attributes[field.key] = read.value;
          } else if (isColumn(target)) {
            if (value.length > MOST_CHARACTERS)
              return { problem: `A cell is longer than ${MOST_CHARACTERS} characters: ${target}.` };
            columns[target] = oneLine(value);
          }
        }
      }
    }
    const read: { email: string; key: string }[] = [];
    for (const text of [...addresses, ...further]) {
      const address = parseAddress(text);
      if ("problem" in address) return address;
      if (!read.some(({ key }) => key === address.key)) read.push({ email: address.address, key: address.key });
    }
    if (read.length > MOST_ADDRESSES) return { problem: `The row has more than ${MOST_ADDRESSES} addresses.` };
    const [primary, ...others] = read;
    if (doNotContact) columns.status = "Do Not Contact";
    const email = primary?.email ?? null;
    const fullName = fullNameOf({ ...columns, email });
    if (!fullName) return { problem: "The row names neither a person nor an organisation nor an email address." };
    return {
      columns,
      email,
      emailKey: primary?.key ?? null,
      further: others,
      attributes,
      named: Boolean(columns.firstName ?? columns.fullName ?? columns.lastName),
      fullName,
      unsubscribed,
      disabled,
      neverMeasured,
    };
  };
}

const EMPTY = Object.fromEntries(personColumns.map((column) => [column, null])) as Record<PersonColumn, string | null>;
const COLUMNS: ReadonlySet<string> = new Set(personColumns);

function isColumn(target: Target): target is PersonColumn {
  return COLUMNS.has(target);
}

/** The value of a declared field as text has it, or what is wrong with it. */
export function attributeOf(
  text: string,
  field: Pick<DeclaredField, "label" | "type" | "choices">,
): { readonly value: Value } | { readonly problem: string } {
  const given = text.trim();
  switch (field.type) {
    case "number": {
      const value = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?$/i.test(given) ? Number(given) : Number.NaN;
      return Number.isFinite(value) ? { value } : wrong(field, given, "a number such as 12.5");
    }
    case "boolean": {
      const value = given === "" ? null : flag(given);
      return value === null ? wrong(field, given, "yes or no") : { value };
    }
    case "date":
      return isDay(given) ? { value: given } : wrong(field, given, "a day such as 2026-12-01");
    case "url":
      return URL.canParse(given) && /^https?:/i.test(given) && given.length <= MOST_IN_ATTRIBUTE
        ? { value: given }
        : wrong(field, given, "an address that starts with http:// or https://");
    case "choice": {
      const value = field.choices?.find((choice) => choice.toLowerCase() === given.toLowerCase());
      return value === undefined ? wrong(field, given, `one of: ${(field.choices ?? []).join(", ")}`) : { value };
    }
    default:
      if (given.includes("\0")) return wrong(field, "", "text without NUL characters");
      return given.length <= MOST_IN_ATTRIBUTE
        ? { value: given }
        : { problem: `${field.label} is longer than ${MOST_IN_ATTRIBUTE} characters.` };
  }
}

function wrong(field: { readonly label: string }, given: string, wanted: string): { readonly problem: string } {
  return { problem: `${field.label} is ${wanted}, not "${short(given)}".` };
}

function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false;
  try {
    return Temporal.PlainDate.from(text).toString() === text;
  } catch {
    return false;
  }
}

/** The classic system let an address hold a list (8.4). */
function listed(text: string): string[] {
  return text.split(/[,;\s]+/).filter(Boolean);
}

/** Names and the like are one line: they end up in headers and lists. */
function oneLine(text: string): string {
  return text.replaceAll(BREAKS, " ");
}

// oxlint-disable-next-line no-control-regex -- control characters are what is replaced
const BREAKS = /[\u0000-\u001f\u007f\u2028\u2029]+/g;

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
