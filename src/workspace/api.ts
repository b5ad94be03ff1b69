/** The contract of the workspace: the settings every campaign falls back on. */
import { z } from "zod";
import { design } from "../core/blocks/document.ts";
import { contract, dayInput, instant, line, timeOfDay } from "../http/contract.ts";

const quietHours = z.object({ from: timeOfDay, to: timeOfDay });
const frequencyCap = z.object({ mails: z.int().min(1).max(100), days: z.int().min(1).max(90) });
/** How many days of its own a workspace may name. */
const MOST_OWN_HOLIDAYS = 200;
const ownHoliday = z.object({
  on: dayInput,
  name: line(100),
  yearly: z.boolean().default(false).describe("Every year on this date."),
});

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
  trackOpens: z.boolean(),
  trackClicks: z.boolean(),
  brand: brand.nullable(),
  country: z.string().nullable(),
  ownHolidays: z.array(z.object({ on: z.string(), name: z.string(), yearly: z.boolean() })),
  quietHours: quietHours.nullable(),
  frequencyCap: frequencyCap.nullable(),
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
    trackOpens: z
      .boolean()
      .describe(
        "Whether a picture in each mail tells of opening, in Campaigns that do not say so themselves. Off by default.",
      ),
    trackClicks: z
      .boolean()
      .describe(
        "Whether links in mails are led through us, in Campaigns that do not say so themselves. Off by default.",
      ),
    brand: brand.nullable(),
    country: z
      .string()
      .regex(/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/, "A country is written by its code, with or without a state: DE, DE-BY.")
      .nullable()
      .describe("Whose public holidays Campaigns may keep, for people whose own country is not known."),
    ownHolidays: z
      .array(ownHoliday)
      .max(MOST_OWN_HOLIDAYS, `At most ${MOST_OWN_HOLIDAYS} days.`)
      .describe("Further days on which nothing leaves from Campaigns that keep holidays."),
    quietHours: quietHours
      .refine(({ from, to }) => from !== to, "Quiet hours begin and end at different times.")
      .nullable()
      .describe(
        "Nothing leaves from Campaigns between these times, by the person's own clock. They may go over midnight.",
      ),
    frequencyCap: frequencyCap
      .nullable()
      .describe("At most so many mails to one person in so many times 24 hours, over all Campaigns."),
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
