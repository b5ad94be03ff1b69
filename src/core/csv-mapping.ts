/** Decides which column of a file is what of a person, from its headings and first rows. Reads no files and maps no rows. */
import { parseAddress } from "./address.ts";
import { CONTACT_STATUSES, LEAD_STATUSES } from "./person.ts";

/** What a column can be of a person. */
export const personColumns = [
  "salutation",
  "firstName",
  "middleName",
  "lastName",
  "fullName",
  "company",
  "jobTitle",
  "phone",
  "mobile",
  "website",
  "city",
  "state",
  "country",
  "source",
  "status",
  "owner",
  "language",
  "timeZone",
  "notes",
] as const;
export type PersonColumn = (typeof personColumns)[number];

/**
 * Where a column goes: a field of the person, the address mail goes to, a further address, a flag, the record's name in
 * the system the file is from (tells continued rows), a declared field as `attribute:<key>`, or nowhere.
 */
export type Target =
  | PersonColumn
  | "email"
  | "furtherEmail"
  | "primaryFlag"
  | "unsubscribed"
  | "doNotContact"
  | "disabled"
  | "neverMeasured"
  | "recordId"
  | "ignore"
  | `attribute:${string}`;

type FieldType = "text" | "number" | "boolean" | "date" | "url" | "choice";
export type DeclaredField = {
  readonly key: string;
  readonly label: string;
  readonly type: FieldType;
  readonly choices: readonly string[] | null;
};

/** A column of the file. `target` is null when nobody knows what it is; `suggestedKey` is what it would be called. */
export type MappedColumn = {
  readonly heading: string;
  readonly target: Target | null;
  readonly suggestedKey: string;
  readonly suggestedType: FieldType;
};

/**
 * Headings by target, best first: labels and field names of address books, of sales systems, and of the classic system
 * in all its versions. Lower case, with blanks for underscores and punctuation.
 */
const HEADINGS: readonly (readonly [Target, readonly string[]])[] = [
  ["salutation", ["salutation", "prefix", "honorific"]],
  ["firstName", ["first name", "firstname", "given name", "forename"]],
  ["middleName", ["middle name", "middlename", "additional name"]],
  ["lastName", ["last name", "lastname", "surname", "family name"]],
  ["fullName", ["full name", "fullname", "lead name", "person name", "contact name", "display name", "name"]],
  [
    "email",
    [
      "email 1",
      "email1",
      "primary email",
      "email",
      "email address",
      "email id",
      "e mail",
      "e mail 1",
      "e mail address",
      "mail",
      "work email",
      "email 1 value",
    ],
  ],
  [
    "company",
    [
      "company name",
      "organization name",
      "organisation name",
      "organization",
      "organisation",
      "account name",
      "company",
      "employer",
    ],
  ],
  ["jobTitle", ["job title", "jobtitle", "designation", "position", "title"]],
  ["phone", ["phone 1", "phone1", "phone", "phone no", "phone number", "telephone", "tel", "work phone"]],
  ["mobile", ["mobile no", "mobile", "mobile phone", "mobile number", "cell phone", "cell", "phone 2", "phone2"]],
  ["website", ["website", "web site", "homepage", "web page", "url"]],
  ["city", ["city", "town"]],
  ["state", ["state", "state province", "province", "region"]],
  ["country", ["country"]],
  ["source", ["lead source", "utm source", "source"]],
  ["status", ["lead status", "status"]],
  ["owner", ["lead owner", "contact owner", "account owner", "assigned to", "owner"]],
  ["language", ["language", "print language", "locale"]],
  ["timeZone", ["time zone", "timezone"]],
  ["notes", ["notes", "note", "comments", "comment", "remarks"]],
  ["unsubscribed", ["unsubscribed", "opted out", "opt out", "email opt out", "unsubscribe"]],
  ["doNotContact", ["do not contact", "do not email", "dnc"]],
  ["disabled", ["disabled"]],
  ["neverMeasured", ["never measured", "do not track", "dnt", "no tracking"]],
  ["recordId", ["id"]],
];
const FLAGS: ReadonlySet<Target> = new Set(["unsubscribed", "doNotContact", "disabled", "neverMeasured"]);
/** Row numbers and separators of known exports. */
const NOWHERE = ["index", "sr", "sr no", "row", "#", "", "column name", "tidings id"];
const FURTHER_ADDRESS =
  /^(?:e ?mail ?[2-9]|e ?mail ?[2-9] value|(?:secondary|other|alternate|further) e ?mail(?:s| address(?:es)?)?)$/;

/** Suggests where each column goes. Nothing is mapped twice: the best heading wins, the others stay unknown. */
export function suggestMapping(
  headings: readonly string[],
  sampleRows: readonly (readonly string[])[],
  declared: readonly DeclaredField[] = [],
): MappedColumn[] {
  const targets: (Target | null)[] = headings.map((heading): Target | null => {
    const names = namesOf(heading);
    if (NOWHERE.includes(names[0] ?? "")) return "ignore";
    if (names.some((name) => FURTHER_ADDRESS.test(name))) return "furtherEmail";
    if (names[0] === "is primary") return "primaryFlag";
    const field = declared.find(({ key, label }) => names.includes(plain(key)) || names.includes(plain(label)));
    return field ? `attribute:${field.key}` : null;
  });

  for (const [target, known] of HEADINGS) {
    let best: { index: number; rank: number } | undefined;
    headings.forEach((heading, index) => {
      if (targets[index] !== null) return;
      const rank = Math.min(...namesOf(heading).map((name) => (known.includes(name) ? known.indexOf(name) : Infinity)));
      if (rank < (best?.rank ?? Infinity) && fits(target, valuesOf(sampleRows, index))) best = { index, rank };
    });
    if (best) targets[best.index] = target;
  }

  if (!targets.includes("email")) {
    // No heading says so: the column that holds nothing but addresses.
    const index = headings.findIndex((_heading, column) => {
      const values = valuesOf(sampleRows, column);
      return targets[column] === null && values.length > 0 && values.every((value) => "key" in parseAddress(value));
    });
    if (index >= 0) targets[index] = "email";
  }

  const taken = new Set(declared.map(({ key }) => key));
  return headings.map((heading, index) => ({
    heading,
    target: targets[index] ?? null,
    suggestedKey: freeKey(heading, targets[index] === null ? taken : new Set()),
    suggestedType: guessType(heading, valuesOf(sampleRows, index)),
  }));
}

/** The key of a heading: "Deal Stage" and "dealStage" are both `deal_stage`. */
export function keyOf(heading: string): string {
  const key = heading
    .replaceAll("ß", "ss")
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/(?<=[a-z\d])(?=[A-Z])/g, "_")
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/g, "_")
    .replaceAll(/^_+|_+$/g, "")
    .slice(0, 60)
    .replace(/_+$/, "");
  if (key === "" || RESERVED.has(key)) return `field_${key}`.replace(/_$/, "");
  return /^[a-z]/.test(key) ? key : `field_${key}`;
}

/** Names a template reads from the person itself, and those every object has: no declared field may take them. */
export const RESERVED: ReadonlySet<string> = new Set(
  (
    "constructor prototype doc id kind name first_name middle_name last_name full_name lead_name salutation email email_id " +
    "company company_name job_title phone mobile mobile_no website city state country source status owner lead_owner language time_zone notes unsubscribe_url"
  ).split(" "),
);

/** The names a heading goes by: itself, and for `Label (field_name)` the name and the label alone (8.3 of the classic system). */
function namesOf(heading: string): string[] {
  const parts = /^(.*?)\s*\(([^()]*)\)\s*$/.exec(heading);
  const all = parts ? [heading, parts[2] ?? "", parts[1] ?? ""] : [heading];
  const names = [...new Set(all.map(plain))];
  return parts && plain(parts[1] ?? "") === "is primary" ? ["is primary"] : names;
}

function plain(name: string): string {
  return name
    .replaceAll("\u{feff}", "")
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ")
    .toLowerCase()
    .replaceAll(/[\s_\-./:~*]+/g, " ")
    .trim();
}

function valuesOf(rows: readonly (readonly string[])[], column: number): string[] {
  return rows.flatMap((row) => row[column]?.trim() || []);
}

/** Whether the first rows agree with what the heading says. */
function fits(target: Target, values: readonly string[]): boolean {
  if (target === "status") return values.every((value) => statusNamed(value) !== null);
  if (target === "language") return values.every((value) => languageTag(value) !== null);
  if (target === "timeZone") return values.every((value) => timeZoneNamed(value) !== null);
  if (FLAGS.has(target)) return values.every((value) => flag(value) !== null);
  return true;
}

function freeKey(heading: string, taken: Set<string>): string {
  const key = keyOf(heading);
  let free = key;
  for (let count = 2; taken.has(free); count += 1) free = `${key}_${count}`;
  taken.add(free);
  return free;
}

/** Numbers that are names: never to be calculated with, and their zeros at the front matter. */
const NUMBERS_AS_NAMES = /\b(?:id|no|nr|number|code|zip|postcode|postal|phone|fax|mobile|tel|iban|vat|tax)\b/;

function guessType(heading: string, values: readonly string[]): FieldType {
  if (values.length === 0) return "text";
  if (values.every((value) => /^\d{4}-\d\d-\d\d$/.test(value))) return "date";
  if (values.every((value) => /^(?:true|false)$/i.test(value))) return "boolean";
  const numeric = values.every((value) => /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?$/.test(value));
  return numeric && !NUMBERS_AS_NAMES.test(plain(heading)) ? "number" : "text";
}

/** The status of this name in any letter case; null when there is none. */
export function statusNamed(text: string): string | null {
  const wanted = text.trim().toLowerCase();
  return [...LEAD_STATUSES, ...CONTACT_STATUSES].find((status) => status.toLowerCase() === wanted) ?? null;
}

/** The canonical BCP 47 tag; null when it is not one. Underscores, as in `pt_BR`, are read as hyphens. */
export function languageTag(text: string): string | null {
  try {
    return Intl.getCanonicalLocales(text.trim().replaceAll("_", "-"))[0] ?? null;
  } catch {
    return null;
  }
}

/** The IANA time zone of this name as it is written canonically; null when there is none. */
export function timeZoneNamed(text: string): string | null {
  try {
    const zone = new Intl.DateTimeFormat("en", { timeZone: text.trim() }).resolvedOptions().timeZone;
    // An offset such as +02:00 knows no summer time: not a place where a person lives.
    return /^[+-]/.test(zone) ? null : zone;
  } catch {
    return null;
  }
}

/** A yes or no as files write it; null when it is neither. Empty is no. */
export function flag(text: string): boolean | null {
  const word = text.trim().toLowerCase();
  if (["1", "true", "t", "yes", "y", "x"].includes(word)) return true;
  if (["", "0", "false", "f", "no", "n"].includes(word)) return false;
  return null;
}
