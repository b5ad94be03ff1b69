/** What a template may know of a person, under the names templates use. Renders nothing. */
import type { Db } from "../db/database.ts";
import type { Person } from "./people.ts";

/** Each name and where it comes from; the second names are those of the classic system's templates (E71). */
const VARIABLES = {
  salutation: "salutation",
  first_name: "firstName",
  middle_name: "middleName",
  last_name: "lastName",
  full_name: "fullName",
  lead_name: "fullName",
  email: "email",
  email_id: "email",
  company: "company",
  company_name: "company",
  job_title: "jobTitle",
  phone: "phone",
  mobile: "mobile",
  mobile_no: "mobile",
  website: "website",
  city: "city",
  state: "state",
  country: "country",
  source: "source",
  status: "status",
  owner: "owner",
  lead_owner: "owner",
  language: "language",
  time_zone: "timeZone",
  notes: "notes",
} as const satisfies Readonly<Record<string, keyof Person>>;
const ENTRIES = Object.entries(VARIABLES);

/** Every name a template may use: the person's own and those of the declared fields. */
export async function fieldsForTemplates(db: Db): Promise<string[]> {
  const declared = await db.selectFrom("personFields").select("key").orderBy("key").execute();
  return [...Object.keys(VARIABLES), ...declared.map(({ key }) => key)];
}

/** The person as a template sees them. What is not known is null, so that `default(…)` applies. */
export function templateVariables(person: Person): Record<string, string | number | boolean | null> {
  // A person's own names win: a declared field cannot take them.
  return { ...person.attributes, ...Object.fromEntries(ENTRIES.map(([name, column]) => [name, person[column]])) };
}

/** One of {@link templateVariables}; undefined where there is none of that name. */
export function templateVariable(person: Person, name: string): string | number | boolean | null | undefined {
  const column = columnOf(name);
  if (column) return person[column];
  return Object.hasOwn(person.attributes, name) ? person.attributes[name] : undefined;
}

/** The column that holds a variable; undefined where it is a declared field, or none of a person's. */
export const columnOf = (variable: string): (typeof VARIABLES)[keyof typeof VARIABLES] | undefined =>
  Object.hasOwn(VARIABLES, variable) ? VARIABLES[variable as keyof typeof VARIABLES] : undefined;
