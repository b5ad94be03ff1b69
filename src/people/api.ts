/** The contract of people: leads and contacts over one row, declared fields, and the filter that names many at once. Data only. */
import { z } from "zod";
import { delimiters } from "../core/csv.ts";
import { RESERVED } from "../core/csv-mapping.ts";
import { CONTACT_STATUSES, LEAD_STATUSES, MEASURING } from "../core/person.ts";
import {
  contract,
  dayInput,
  id,
  idParams,
  instant,
  line,
  listOf,
  NAMED_IN_USE,
  page,
  removalQuery,
} from "../http/contract.ts";

const kinds = ["lead", "contact"] as const;

/** Setting it stops whatever runs for the person; "Converted" does the same for a Lead. */
export const DO_NOT_CONTACT = "Do Not Contact";
const status = z.enum([...new Set([...LEAD_STATUSES, ...CONTACT_STATUSES])]);

const fieldTypes = ["text", "number", "boolean", "date", "url", "choice"] as const;
/** Lower case with underscores, as templates write it. */
export const fieldKey = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, "A key starts with a letter and holds lower-case letters, digits and underscores.")
  .refine((key) => !RESERVED.has(key), "This name is taken: it means something of its own.");

const MAX_ADDRESSES = 20;
const MAX_NOTES = 20_000;
const MAX_ATTRIBUTES = 200;
const MAX_ATTRIBUTE = 4_000;

const text = (most = 200) => line(most).nullable();
const attributeValue = z.union([z.string().max(MAX_ATTRIBUTE), z.number(), z.boolean(), z.null()]);
const attributes = z
  .record(fieldKey, attributeValue)
  .refine((given) => Object.keys(given).length <= MAX_ATTRIBUTES, `At most ${MAX_ATTRIBUTES} attributes.`);

const address = z.object({ email: z.string().max(320), primary: z.boolean().default(false) });

const details = {
  salutation: text(50),
  firstName: text(),
  middleName: text(),
  lastName: text(),
  fullName: text(400).describe("Made of the parts of the name when they are given (E125)."),
  email: z.string().max(320).nullable().describe("The primary address; give this or `addresses`."),
  addresses: z
    .array(address)
    .max(MAX_ADDRESSES)
    .describe("All addresses. One is primary: the one marked, else the first. Two marked are refused (E126)."),
  company: text(),
  jobTitle: text(),
  phone: text(100),
  mobile: text(100),
  website: text(500),
  city: text(),
  state: text(),
  country: text(),
  source: text(),
  status,
  owner: text().describe("Who looks after this person: the name or address of a colleague."),
  language: text(35).describe("BCP 47: de, pt-BR."),
  timeZone: text(64).describe("IANA: Europe/Lisbon."),
  notes: z.string().max(MAX_NOTES).nullable(),
  attributes,
  disabled: z.boolean(),
  measuring: z
    .enum(MEASURING)
    .describe(
      "Opens and clicks: `as-campaign`, or `never`. What the person said themselves only they take back (`measuring-refused`).",
    ),
};

const personInput = z.object(details).partial();
export type PersonInput = z.infer<typeof personInput>;

export const person = z.object({
  id,
  kind: z.enum(kinds),
  salutation: z.string().nullable(),
  firstName: z.string().nullable(),
  middleName: z.string().nullable(),
  lastName: z.string().nullable(),
  fullName: z.string(),
  email: z.string().nullable(),
  addresses: z.array(z.object({ email: z.string(), primary: z.boolean() })),
  company: z.string().nullable(),
  jobTitle: z.string().nullable(),
  phone: z.string().nullable(),
  mobile: z.string().nullable(),
  website: z.string().nullable(),
  city: z.string().nullable(),
  state: z.string().nullable(),
  country: z.string().nullable(),
  source: z.string().nullable(),
  status: z.string(),
  owner: z.string().nullable(),
  ownerId: id.nullable(),
  language: z.string().nullable(),
  timeZone: z.string().nullable(),
  notes: z.string().nullable(),
  attributes: z.record(z.string(), attributeValue),
  optedOut: z
    .enum(["campaigns", "everything"])
    .nullable()
    .describe("The widest suppression of the primary address that is not about one Campaign alone."),
  measuring: z.enum(MEASURING).describe("Opens and clicks: as the Campaign says, or never."),
  measuringRefusedAt: instant
    .nullable()
    .describe("When the person said `never` themselves, through the link in a mail; null: they did not."),
  disabledAt: instant.nullable(),
  erasedAt: instant.nullable(),
  createdAt: instant,
  changedAt: instant,
});

const oneOrMore = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(100);

/** Which people are meant: every given part must hold. Without any part: everybody who is not erased. */
export const filterSchema = z.object({
  kind: z.enum(kinds).optional(),
  q: z.string().trim().min(1).max(200).optional().describe("Found in the name, the company or the address."),
  status: oneOrMore(status).optional(),
  source: oneOrMore(z.string().max(200)).optional(),
  owner: oneOrMore(z.string().max(200)).optional(),
  company: oneOrMore(z.string().max(200)).optional(),
  country: oneOrMore(z.string().max(200)).optional(),
  emailGroupId: id.optional().describe("Subscribed members of this Email Group."),
  createdFrom: instantOrDay().optional().describe("Created at this moment or day, or later."),
  createdBefore: instantOrDay().optional().describe("Created before this moment or day."),
  attributes: z.record(fieldKey, z.string().max(MAX_ATTRIBUTE)).optional(),
  ids: z.array(id).max(10_000).optional(),
});
export type PeopleFilter = z.infer<typeof filterSchema>;

function instantOrDay() {
  return z.union([
    dayInput,
    z.string().refine((given) => {
      try {
        Temporal.Instant.from(given);
        return true;
      } catch {
        return false;
      }
    }, "Written as 2026-12-01 or 2026-12-01T09:00:00Z."),
  ]);
}

const sortable = ["id", "fullName", "email", "company", "status", "createdAt", "changedAt"] as const;
export type Sort = (typeof sortable)[number] | `-${(typeof sortable)[number]}`;
const sortBy = z
  .enum(sortable.flatMap((column) => [column, `-${column}`] as Sort[]))
  .default("id")
  .describe("A column, with a minus for descending.");

const { kind: _kind, attributes: _attributes, ids: _ids, ...filters } = filterSchema.shape;
/** `attributes.<key>=value` filters by a declared field; any other unknown parameter is refused. */
const listQuery = z.object({ ...filters, ...page, sort: sortBy }).catchall(z.string().max(MAX_ATTRIBUTE));
const exportQuery = z.object(filters).catchall(z.string().max(MAX_ATTRIBUTE));

function resource(path: "/leads" | "/contacts", one: "Lead" | "Contact") {
  const tag = `${one}s`;
  return contract({
    list: {
      method: "GET",
      path,
      summary: `List ${tag.toLowerCase()}`,
      description: "Further filters: `attributes.<key>=<value>` for each declared field.",
      tag,
      access: "viewer",
      query: listQuery,
      success: { status: 200, body: listOf(person) },
    },
    export: {
      method: "GET",
      path: `${path}/export`,
      summary: `Download ${tag.toLowerCase()} as CSV`,
      description:
        "Cells that a spreadsheet would run as a formula start with an apostrophe; an import takes it off again.",
      tag,
      access: "manager",
      query: exportQuery,
      produces: "text/csv; charset=utf-8",
      success: { status: 200 },
    },
    read: {
      method: "GET",
      path: `${path}/:id`,
      summary: `Read one ${one}`,
      tag,
      access: "viewer",
      params: idParams,
      success: { status: 200, body: person },
    },
    create: {
      method: "POST",
      path,
      summary: `Create a ${one}`,
      tag,
      access: "user",
      body: personInput,
      success: { status: 201, body: person },
    },
    update: {
      method: "PATCH",
      path: `${path}/:id`,
      summary: `Change a ${one}`,
      description: "What is left out stays; null clears. Attributes are merged: null removes one.",
      tag,
      access: "user",
      params: idParams,
      body: personInput,
      success: { status: 200, body: person },
    },
    remove: {
      method: "DELETE",
      path: `${path}/:id`,
      summary: `Delete a ${one} that no Email Campaign names`,
      tag,
      access: "manager",
      params: idParams,
      success: { status: 204 },
    },
    erase: {
      method: "PUT",
      path: `${path}/:id/erasure`,
      summary: `Erase a ${one}: what identifies the person goes for good, the opt-out stays as a keyed hash`,
      tag,
      access: "manager",
      params: idParams,
      success: { status: 200, body: person },
    },
  });
}

export const leads = resource("/leads", "Lead");
export const contacts = resource("/contacts", "Contact");

export const conversion = contract({
  convert: {
    method: "PUT",
    path: "/leads/:id/conversion",
    summary: "Convert a Lead to a Contact",
    description:
      "Address, timeline and running Email Campaigns stay. (Setting a Lead's status to Converted is what stops them.)",
    tag: "Leads",
    access: "user",
    params: idParams,
    success: { status: 200, body: person },
  },
});

/** What may be taken from either side when two people are merged. */
export const MERGED_FIELDS = [
  "salutation",
  "firstName",
  "middleName",
  "lastName",
  "fullName",
  "email",
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

export const mergeInput = z.object({
  otherId: id.describe("Who goes: everything of theirs moves to this person."),
  keep: z
    .partialRecord(z.enum(MERGED_FIELDS), z.enum(["this", "other"]))
    .default({})
    .describe("From which side a field comes. Left out: this person's value, and the other's where this one has none."),
});
export type MergeInput = z.output<typeof mergeInput>;

const side = z.object({ id, kind: z.enum(kinds), fullName: z.string(), email: z.string().nullable() });
const mergePreview = z.object({
  survivor: side,
  other: side,
  fields: z.array(
    z.object({
      field: z.enum(MERGED_FIELDS),
      this: z.string().nullable(),
      other: z.string().nullable(),
      result: z.string().nullable(),
      differs: z.boolean().describe("Both have a value, and not the same one: somebody should choose."),
    }),
  ),
  attributes: z.record(z.string(), attributeValue).describe("As they will be: the other's where this one has none."),
  addresses: z.array(z.object({ email: z.string(), primary: z.boolean() })),
  moves: z.object({
    emailCampaigns: z.int(),
    messages: z.int(),
    timelineEntries: z.int(),
    emailGroups: z.int(),
    suppressions: z.int(),
  }),
  stops: z
    .array(z.object({ id, number: z.string(), campaign: z.string(), continues: z.string() }))
    .describe("Running Email Campaigns that end, because an older one of the same Campaign goes on."),
  warnings: z.array(z.string()).describe("What follows and cannot be chosen: opt-outs of either side hold."),
});

const duplicatePair = z.object({
  reason: z.enum(["same-address", "same-name-and-company", "same-name-and-domain"]),
  text: z.string(),
  one: side.extend({ company: z.string().nullable(), createdAt: instant }).describe("The older record."),
  other: side.extend({ company: z.string().nullable(), createdAt: instant }),
});

export const merges = contract({
  duplicates: {
    method: "GET",
    path: "/people/duplicates",
    summary: "Pairs of people who are probably one",
    description:
      "Addresses that differ by +tag, or by dots at Gmail; equal names with the same company or mail domain. A page looks " +
      "at a bounded number of people, newest first, so it may be short or empty and still have a next one.",
    tag: "People",
    access: "viewer",
    query: z.object({ ...page, personId: id.optional().describe("Only duplicates of this person.") }),
    success: { status: 200, body: listOf(duplicatePair) },
  },
  preview: {
    method: "POST",
    path: "/people/:id/merges/preview",
    summary: "Say what a merge would do; changes nothing",
    tag: "People",
    access: "user",
    params: idParams,
    body: mergeInput,
    success: { status: 200, body: mergePreview },
  },
  merge: {
    method: "POST",
    path: "/people/:id/merges",
    summary: "Merge another person into this one, for good",
    description:
      "Email Campaigns, emails, timeline, memberships and opt-outs move. The other's addresses stay as further ones: links " +
      "in mail sent to them work, and an opt-out by them counts. The other's id leads to this person from now on.",
    tag: "People",
    access: "manager",
    params: idParams,
    body: mergeInput,
    success: { status: 200, body: person },
  },
});

const personField = z.object({
  id,
  key: z.string(),
  label: z.string(),
  type: z.enum(fieldTypes),
  choices: z.array(z.string()).nullable(),
  createdAt: instant,
});
const fieldInput = z.object({
  key: fieldKey,
  label: line(),
  type: z.enum(fieldTypes).default("text"),
  choices: z.array(line()).min(1).max(500).nullable().default(null),
});
export type FieldInput = z.infer<typeof fieldInput>;

export const personFields = contract({
  list: {
    method: "GET",
    path: "/person-fields",
    summary: "List the declared fields of people",
    tag: "People fields",
    access: "viewer",
    query: z.object(page),
    success: { status: 200, body: listOf(personField) },
  },
  create: {
    method: "POST",
    path: "/person-fields",
    summary: "Declare a field",
    tag: "People fields",
    access: "manager",
    body: fieldInput,
    success: { status: 201, body: personField },
  },
  update: {
    method: "PATCH",
    path: "/person-fields/:id",
    summary: "Change a field's label or choices",
    tag: "People fields",
    access: "manager",
    params: idParams,
    body: fieldInput.pick({ label: true, choices: true }).partial(),
    success: { status: 200, body: personField },
  },
  remove: {
    method: "DELETE",
    path: "/person-fields/:id",
    summary: "Remove a field that nobody has a value for",
    description: NAMED_IN_USE,
    tag: "People fields",
    access: "manager",
    params: idParams,
    query: removalQuery,
    success: { status: 204 },
  },
});

const target = z
  .string()
  .regex(
    /^(?:attribute:[a-z][a-z0-9_]{0,62}|[a-zA-Z]{1,30})$/,
    "A column goes to a field such as firstName, email, furtherEmail, unsubscribed, or attribute:key, or ignore.",
  );
const columnsOfFile = z.array(z.object({ heading: z.string(), target: z.string().nullable() }));
const uploadTypes = ["text/csv", "application/csv", "text/plain", "application/octet-stream"] as const;

export const importInput = z.object({
  kind: z.enum(kinds).default("lead"),
  mode: z
    .enum(["create", "update", "skip"])
    .default("update")
    .describe("What an address that is there already means: the row is bad, fills in what it says, or is passed over."),
  dryRun: z.stringbool().default(false).describe("Count what would happen and write nothing."),
  unknownColumns: z
    .enum(["attributes", "ignore"])
    .default("ignore")
    .describe("`attributes` declares a field for each column nobody knows."),
  delimiter: z.enum(delimiters).optional().describe("Guessed when left out."),
  emailGroupId: id
    .optional()
    .describe(
      "Everybody whose address stands in a good row joins this Email Group, new or known; who left it stays out.",
    ),
  mapping: z
    .string()
    .max(100_000)
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue({ code: "custom", message: "Is not valid JSON." });
        return z.NEVER;
      }
    })
    .pipe(z.record(z.string().max(300), target))
    .optional()
    .describe('Where columns go, as JSON: {"E-Mail privat":"email"}. Others go where their headings suggest.'),
});

const importResult = z.object({
  read: z.number(),
  created: z.number(),
  updated: z.number(),
  unchanged: z.number(),
  skipped: z.number(),
  bad: z.number(),
  encoding: z.string(),
  delimiter: z.string(),
  columns: columnsOfFile,
  problems: z.array(z.object({ line: z.number(), problem: z.string() })),
  dryRun: z.boolean(),
  joined: z.number().optional().describe("How many joined the Email Group, where one was asked for."),
});

export const imports = contract({
  create: {
    method: "POST",
    path: "/imports",
    summary: "Import people from a CSV file",
    description:
      "The body is the file: UTF-8, UTF-16 or Windows-1252; comma, semicolon, tab or |. Whole batches are written as it " +
      "goes; sending the same file again changes nothing and finishes what was cut short. Nobody is ever re-subscribed.",
    tag: "Imports",
    access: "manager",
    query: importInput,
    upload: uploadTypes,
    success: { status: 202, body: z.object({ jobId: z.number().describe("Ask GET /jobs/:id or GET /imports/:id.") }) },
  },
  suggest: {
    method: "POST",
    path: "/import-suggestions",
    summary: "What an import would make of a file: send the file or its beginning",
    tag: "Imports",
    access: "manager",
    query: importInput.pick({ delimiter: true }),
    upload: uploadTypes,
    success: {
      status: 200,
      body: z.object({
        encoding: z.string(),
        delimiter: z.string(),
        columns: z.array(
          z.object({
            heading: z.string(),
            target: z.string().nullable(),
            suggestedKey: z.string(),
            suggestedType: z.enum(fieldTypes),
          }),
        ),
        sample: z.array(z.array(z.string())),
      }),
    },
  },
  read: {
    method: "GET",
    path: "/imports/:id",
    summary: "An import and what came of it",
    tag: "Imports",
    access: "viewer",
    params: idParams,
    success: {
      status: 200,
      body: z.object({
        id,
        state: z.enum(["queued", "running", "succeeded", "failed"]),
        done: z.number().describe("Rows done."),
        result: importResult.nullable(),
        error: z.string().nullable(),
        createdAt: instant,
        finishedAt: instant.nullable(),
      }),
    },
  },
  badRows: {
    method: "GET",
    path: "/imports/:id/bad-rows",
    summary: "The bad rows of an import as CSV, each with its line and what is wrong",
    description: "Kept for 30 days.",
    tag: "Imports",
    access: "manager",
    params: idParams,
    produces: "text/csv; charset=utf-8",
    success: { status: 200 },
  },
});
