/** What a template may know of a person, under the names templates use. Renders nothing. */
import type { Db } from "../db/database.ts";
import type { Person } from "./people.ts";

/** Each name and where it comes from; the second names are those of the classic system's templates (E71). */
const VARIABLES: Readonly<Record<string, (person: Person) => string | null>> = {
  salutation: (person) => person.salutation,
  first_name: (person) => person.firstName,
  middle_name: (person) => person.middleName,
  last_name: (person) => person.lastName,
  full_name: (person) => person.fullName,
  lead_name: (person) => person.fullName,
  email: (person) => person.email,
  email_id: (person) => person.email,
  company: (person) => person.company,
  company_name: (person) => person.company,
  job_title: (person) => person.jobTitle,
  phone: (person) => person.phone,
  mobile: (person) => person.mobile,
  mobile_no: (person) => person.mobile,
  website: (person) => person.website,
  city: (person) => person.city,
  state: (person) => person.state,
  country: (person) => person.country,
  source: (person) => person.source,
  status: (person) => person.status,
  owner: (person) => person.owner,
  lead_owner: (person) => person.owner,
  language: (person) => person.language,
  time_zone: (person) => person.timeZone,
  notes: (person) => person.notes,
};
const ENTRIES = Object.entries(VARIABLES);

/** Every name a template may use: the person's own and those of the declared fields. */
export async function fieldsForTemplates(db: Db): Promise<string[]> {
  const declared = await db.selectFrom("personFields").select("key").orderBy("key").execute();
  return [...Object.keys(VARIABLES), ...declared.map(({ key }) => key)];
}

/** The person as a template sees them. What is not known is null, so that `default(…)` applies. */
export function templateVariables(person: Person): Record<string, string | number | boolean | null> {
  // A person's own names win: a declared field cannot take them.
  return { ...person.attributes, ...Object.fromEntries(ENTRIES.map(([name, of]) => [name, of(person)])) };
}
