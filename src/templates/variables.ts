/** What an author can put into a template, in words and with an example. Renders nothing. */
import type { z } from "zod";
import type { Db } from "../db/database.ts";
import { declaredFields } from "../people/people.ts";
import type { emailTemplates } from "./api.ts";

type Shown = z.output<typeof emailTemplates.variables.success.body>["data"][number];
type Row = readonly [name: string, label: string, example: string, description: string];

// Names of a second kind (email_id, company_name, …) work as well and are not offered.
const PERSON: readonly Row[] = [
  ["first_name", "First name", "Ada", "The person's first name."],
  ["last_name", "Last name", "Lovelace", "The person's last name."],
  ["full_name", "Full name", "Ada Lovelace", "Salutation and all parts of the name."],
  ["salutation", "Salutation", "Ms", "How the person is addressed."],
  ["middle_name", "Middle name", "King", "The person's middle name."],
  ["email", "Email address", "ada@example.com", "The address the mail goes to."],
  ["company", "Company", "Analytical Engines Ltd", "Where the person works."],
  ["job_title", "Job title", "Head of Research", "What the person does there."],
  ["phone", "Phone", "+44 20 7946 0000", "The person's phone number."],
  ["mobile", "Mobile", "+44 7700 900000", "The person's mobile number."],
  ["website", "Website", "https://example.com", "The person's website."],
  ["city", "City", "London", "Where the person lives or works."],
  ["state", "State", "England", "State or region."],
  ["country", "Country", "United Kingdom", "The person's country."],
  ["source", "Source", "Trade fair", "Where the person was first heard of."],
  ["status", "Status", "Open", "The person's status."],
  ["owner", "Owner", "Marta Silva", "The colleague who looks after the person."],
  ["language", "Language", "en", "The person's language."],
  ["time_zone", "Time zone", "Europe/London", "The person's time zone."],
  ["notes", "Notes", "Met at the fair", "What colleagues wrote about the person: rarely meant for their eyes."],
];

const SYSTEM: readonly (readonly [group: Shown["group"], type: Shown["type"], ...row: Row])[] = [
  ["sender", "text", "sender_name", "Sender's name", "Marta Silva", "The name the mail comes from."],
  ["sender", "text", "sender_email", "Sender's address", "marta@example.com", "The address the mail comes from."],
  [
    "sender",
    "html",
    "signature",
    "Sender's signature",
    "Marta Silva, Customer Success",
    "The signature of the sender: formatted in the HTML part, plain in the text part.",
  ],
  ["campaign", "text", "campaign_name", "Campaign", "Welcome series", "The name of the Campaign."],
  ["workspace", "text", "workspace_name", "Workspace", "Tidings", "The name of this installation."],
  [
    "workspace",
    "text",
    "postal_address",
    "Postal address",
    "1 Example Street, London",
    "Stands in the footer by itself unless the template places it.",
  ],
  ["workspace", "date", "today", "Today", "December 1, 2026", "The day the mail leaves, in the person's language."],
  [
    "link",
    "url",
    "unsubscribe_url",
    "Unsubscribe link",
    "https://mail.example.com/u/…",
    "The person's own way out. Stands in the footer by itself unless the template places it.",
  ],
];

const EXAMPLES = {
  text: "text",
  number: "42",
  boolean: "true",
  date: "2026-12-01",
  url: "https://example.com",
  choice: "",
};

/** All variables: the person's, the declared fields, and what Tidings adds. */
export async function templateVariables(db: Db): Promise<Shown[]> {
  const fields = await declaredFields(db);
  return [
    ...PERSON.map((row) => shown("person", row[0] === "website" ? "url" : "text", row)),
    ...fields.map(({ key, label, type, choices }) =>
      shown("field", type, [key, label, choices?.[0] ?? EXAMPLES[type], `Your own field “${label}”.`]),
    ),
    ...SYSTEM.map(([group, type, ...row]) => ({ ...shown(group, type, row), system: true })),
  ];
}

/** A person who does not exist, for a mail that shows how it would look. */
export async function examplePerson(db: Db): Promise<Record<string, string>> {
  const all = await templateVariables(db);
  return Object.fromEntries(all.filter(({ system }) => !system).map(({ name, example }) => [name, example]));
}

function shown(group: Shown["group"], type: Shown["type"], [name, label, example, description]: Row): Shown {
  return { name, label, group, type, example, description, insert: `{{ ${name} }}`, system: false };
}
