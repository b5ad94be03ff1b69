/** The contract of the workspace: the settings every campaign falls back on. */
import { z } from "zod";
import { design } from "../core/blocks/document.ts";
import { contract, instant, line, timeOfDay } from "../http/contract.ts";

const brand = design
  .extend({
    logo: z
      .object({ src: z.url({ protocol: /^https?$/ }).max(2000), alt: z.string().trim().min(1).max(500) })
      .nullable(),
  })
  .describe("The look that mails made of blocks begin with.");

export const workspace = z.object({
  name: z.string(),
  timeZone: z.string(),
  language: z.string(),
  postalAddress: z.string().nullable(),
  timeOfDay,
  expiresAfterDays: z.number(),
  burstGuard: z.number(),
  keepContentsMonths: z.number().nullable(),
  approvalBeforePublishing: z.boolean(),
  brand: brand.nullable(),
  setUpAt: instant.nullable(),
  changedAt: instant.nullable(),
});

export const workspaceEdit = z
  .object({
    name: line(),
    timeZone: z
      .string()
      .max(100)
      .refine(isTimeZone, "There is no such time zone. They are written as Europe/Lisbon.")
      .describe("Used for people whose own is not known."),
    language: z.string().regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, "A language is written as en or pt-BR."),
    postalAddress: z
      .string()
      .trim()
      .min(1)
      .max(500)
      .nullable()
      .describe("Stands in the footer of every mail. Real mail needs one."),
    timeOfDay: timeOfDay.describe("When steps are due that say no time of their own."),
    expiresAfterDays: z.number().int().min(0).max(365).describe("A step this late is skipped."),
    burstGuard: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .describe("How many late mails of a campaign may leave within an hour."),
    keepContentsMonths: z
      .number()
      .int()
      .min(3)
      .max(1200)
      .nullable()
      .describe("For how many whole months sent mail can be shown byte for byte; null: for ever."),
    approvalBeforePublishing: z
      .boolean()
      .describe("A change of a Schedule that people are on their way through is approved by a second person."),
    brand: brand.nullable(),
  })
  .partial();

export const settings = contract({
  get: {
    method: "GET",
    path: "/workspace",
    summary: "The settings of this installation",
    tag: "Workspace",
    access: "viewer",
    success: { status: 200, body: workspace },
  },
  update: {
    method: "PATCH",
    path: "/workspace",
    summary: "Change the settings of this installation",
    tag: "Workspace",
    access: "administrator",
    body: workspaceEdit,
    success: { status: 200, body: workspace },
  },
});

/** Whether this is a zone of the time zone database; offsets such as +02:00 know no summer and are none. */
export function isTimeZone(name: string): boolean {
  if (/^[+-]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
