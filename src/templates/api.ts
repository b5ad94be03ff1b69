/** The contract of email templates: what an author gives, what a version holds. Data only. */
import { z } from "zod";
import { savedContent } from "../core/blocks/document.ts";
import { filterSchema } from "../people/api.ts";
import { contract, dayInput, id, idParams, instant, line, listOf, page } from "../http/contract.ts";

export const formats = ["html", "mjml", "markdown", "blocks"] as const;

/** Beyond this a mail is clipped or refused on its way; 1 MB is the limit of what a template may make. */
const MAX_BODY = 1_000_000;

const content = {
  subject: line(998),
  preheader: z.string().max(500).nullable().default(null).describe("What a mail program shows beside the subject."),
  format: z.enum(formats).default("markdown"),
  body: z.string().max(MAX_BODY),
  text: z.string().max(MAX_BODY).nullable().default(null).describe("Plain text; derived from the body when absent."),
};

export const templateInput = z.object({ name: line(), ...content });
export type TemplateInput = z.output<typeof templateInput>;
const templateEdit = z
  .object({
    name: line(),
    subject: content.subject,
    preheader: z.string().max(500).nullable(),
    format: z.enum(formats),
    body: content.body,
    text: z.string().max(MAX_BODY).nullable(),
  })
  .partial();
export type TemplateEdit = z.output<typeof templateEdit>;

const problem = z.object({
  field: z.string(),
  line: z.int(),
  column: z.int(),
  code: z.string(),
  message: z.string(),
  block: z.string().nullish().describe("The id of the block it is in, where the body is made of blocks."),
});

const shown = {
  subject: z.string(),
  preheader: z.string().nullable(),
  format: z.enum(formats),
  body: z.string(),
  text: z.string().nullable(),
  variables: z.array(z.string()),
};

const emailTemplate = z.object({
  id,
  name: z.string(),
  ownerId: id.nullable(),
  versionId: id,
  versionNumber: z.int(),
  ...shown,
  createdAt: instant,
  changedAt: instant,
});

const contentVersion = z.object({
  id,
  emailTemplateId: id,
  number: z.int(),
  ...shown,
  createdBy: z.string().nullable(),
  createdAt: instant,
});

const rendered = z.object({
  subject: z.string(),
  preheader: z.string().nullable(),
  html: z.string(),
  text: z.string(),
  warnings: z.array(problem),
  problems: z
    .array(
      z.object({
        severity: z.enum(["error", "warning"]),
        text: z.string(),
        code: z.string(),
        field: z.string(),
        line: z.int().nullable(),
        column: z.int().nullable(),
        block: z.string().nullish().describe("The id of the block it is in."),
      }),
    )
    .describe("With an error a save is refused, and nothing is rendered: subject, html and text are empty."),
  usedVariables: z.array(z.string()),
  missing: z.array(z.string()).describe("Variables the template uses and this person has no value for."),
  sizeBytes: z.int().describe("Of the HTML part. Gmail clips it at 102,000."),
});

const versionDetail = z.object({
  ...contentVersion.shape,
  plainText: z.string().describe("The text part as it is sent: own or derived, with its variables."),
  current: z.boolean(),
});

const templateVariable = z.object({
  name: z.string(),
  label: z.string(),
  group: z.enum(["person", "field", "sender", "campaign", "workspace", "link"]),
  type: z.enum(["text", "number", "boolean", "date", "url", "choice", "html"]),
  example: z.string(),
  description: z.string(),
  insert: z.string().describe("What to put into the template."),
  system: z.boolean().describe("Given by Tidings, not by the person."),
});

/** A version's number counts from 1 within its template. */
const versionParams = idParams.extend({ number: z.coerce.number().int().positive().max(2_147_483_647) });

export const previewInput = z.object({
  ...content,
  personId: id.nullable().default(null),
  senderId: id.nullable().default(null).describe("Whose name and signature to show."),
  campaignName: line().nullable().default(null),
  on: dayInput.nullable().default(null).describe("The day it would leave; today when null."),
  variables: z.record(z.string(), z.json()).default({}),
});

export const checkInput = z.object({
  ...content,
  personId: id.nullable().default(null).describe("For whom it is filled in; somebody made up when null."),
  senderId: id.nullable().default(null),
  campaignId: id.nullable().default(null).describe("Look for people lacking a value among those on their way in it."),
  emailGroupId: id.nullable().default(null).describe("… or among the members of a group."),
  filter: filterSchema.nullable().default(null).describe("… or among the people a filter finds."),
  spam: z.boolean().default(false).describe("Ask SpamAssassin too, where it is installed: takes a second or more."),
});

const checked = z.object({
  findings: z.array(
    z.object({
      code: z.string(),
      severity: z.enum(["error", "warning", "hint"]),
      text: z.string(),
      field: z.string(),
      line: z.int().nullable(),
      column: z.int().nullable(),
      block: z.string().nullable(),
      clients: z.array(z.string()).describe("The mail programs it is about."),
    }),
  ),
  sizeBytes: z.int().describe("Of the HTML part, filled in."),
  people: z
    .object({
      of: z.int(),
      lacking: z.array(
        z.object({
          variable: z.string(),
          count: z.int(),
          hasDefault: z.boolean().describe("The template says what stands there instead."),
          people: z
            .array(z.object({ id, fullName: z.string(), email: z.string().nullable() }))
            .describe("The first 20."),
        }),
      ),
    })
    .nullable()
    .describe("Null when nobody was asked about."),
  spam: z
    .object({
      score: z.number(),
      required: z.number(),
      rules: z.array(z.object({ name: z.string(), score: z.number(), text: z.string() })),
    })
    .nullable()
    .describe("Null when not asked for, or SpamAssassin is not installed."),
});

const tag = "Email Templates";

export const emailTemplates = contract({
  list: {
    method: "GET",
    path: "/email-templates",
    summary: "List email templates",
    tag,
    access: "viewer",
    query: z.object({ ...page, q: z.string().max(200).optional() }),
    success: { status: 200, body: listOf(emailTemplate) },
  },
  get: {
    method: "GET",
    path: "/email-templates/:id",
    summary: "Get an email template with its current content",
    tag,
    access: "viewer",
    params: idParams,
    success: { status: 200, body: emailTemplate },
  },
  create: {
    method: "POST",
    path: "/email-templates",
    summary: "Create an email template",
    description: "Mistakes and unknown variables are refused with field, line and column.",
    tag,
    access: "user",
    body: templateInput,
    success: { status: 201, body: emailTemplate },
  },
  update: {
    method: "PATCH",
    path: "/email-templates/:id",
    summary: "Change an email template; changed content becomes a new version",
    tag,
    access: "user",
    params: idParams,
    body: templateEdit,
    success: { status: 200, body: emailTemplate },
  },
  remove: {
    method: "DELETE",
    path: "/email-templates/:id",
    summary: "Delete an email template that no step uses and nothing was sent from",
    tag,
    access: "manager",
    params: idParams,
    success: { status: 204 },
  },
  versions: {
    method: "GET",
    path: "/email-templates/:id/versions",
    summary: "List the versions of a template, newest first",
    tag,
    access: "viewer",
    params: idParams,
    query: z.object(page),
    success: { status: 200, body: listOf(contentVersion) },
  },
  version: {
    method: "GET",
    path: "/email-templates/:id/versions/:number",
    summary: "One version, with the plain text that is sent",
    tag,
    access: "viewer",
    params: versionParams,
    success: { status: 200, body: versionDetail },
  },
  restore: {
    method: "POST",
    path: "/email-templates/:id/versions/:number/restoration",
    summary: "Make an earlier version the newest: its content becomes a new version",
    tag,
    access: "user",
    params: versionParams,
    success: { status: 200, body: emailTemplate },
  },
  variables: {
    method: "GET",
    path: "/template-variables",
    summary: "What an author can put into a template, declared fields included",
    tag,
    access: "viewer",
    query: z.object({ fields: page.fields }),
    success: { status: 200, body: listOf(templateVariable) },
  },
  check: {
    method: "POST",
    path: "/email-templates/check",
    summary: "Everything that can be said of a mail before it is sent; saves nothing and asks no network",
    description:
      "What a save would refuse; links, pictures, contrast, size, subject and preheader, the way out, mail programs that do not " +
      "support what it uses, people without a value for a variable. Each finding names its line or block.",
    tag,
    access: "viewer",
    body: checkInput,
    success: { status: 200, body: checked },
  },
  preview: {
    method: "POST",
    path: "/email-templates/preview",
    summary: "Show what a mail would look like, for a person or for given values; saves nothing",
    tag,
    access: "viewer",
    body: previewInput,
    success: { status: 200, body: rendered },
  },
});

const savedBlock = z.object({
  id,
  name: z.string(),
  blocks: savedContent,
  createdBy: z.string().nullable(),
  createdAt: instant,
  changedAt: instant,
});
const savedBlockInput = z.object({ name: line(), blocks: savedContent });

export const savedBlocks = contract({
  list: {
    method: "GET",
    path: "/saved-blocks",
    summary: "List saved blocks by name",
    description: "Whoever puts one into a mail gets a copy: changing a saved block changes no mail.",
    tag,
    access: "viewer",
    query: z.object({ fields: page.fields }),
    success: { status: 200, body: listOf(savedBlock) },
  },
  create: {
    method: "POST",
    path: "/saved-blocks",
    summary: "Keep blocks under a name",
    tag,
    access: "user",
    body: savedBlockInput,
    success: { status: 201, body: savedBlock },
  },
  update: {
    method: "PATCH",
    path: "/saved-blocks/:id",
    summary: "Change a saved block",
    tag,
    access: "user",
    params: idParams,
    body: savedBlockInput.partial(),
    success: { status: 200, body: savedBlock },
  },
  remove: {
    method: "DELETE",
    path: "/saved-blocks/:id",
    summary: "Delete a saved block; mails that hold a copy stay as they are",
    tag,
    access: "user",
    params: idParams,
    success: { status: 204 },
  },
});
