/** The contract of opens and clicks: how many, of which mail and link, and each by itself. Data only. */
import { z } from "zod";
import { contract, id, idParams, instant, listOf, page } from "../http/contract.ts";

export const engagementKinds = ["opened", "clicked"] as const;

const engagement = z.object({
  id,
  kind: z.enum(engagementKinds),
  personId: id,
  person: z.string(),
  email: z.string().nullable(),
  campaignId: id.nullable(),
  emailCampaignId: id.nullable(),
  stepId: id.nullable(),
  messageId: id,
  link: z.string().nullable().describe("As its author wrote it, with variables and no values; null when opened."),
  happenedAt: instant,
  automatic: z.boolean().describe("By a scanner, a prefetcher or a privacy proxy: it tells nothing of the person."),
});

const filter = {
  kind: z.enum(engagementKinds).optional(),
  automatic: z.stringbool().optional().describe("Of machines alone, or of people alone."),
};

const people = z.int().describe("Mails, each counted once: one person is sent a step once.");
const share = z.number().nullable();
const tag = "Opens and clicks";
const base = { method: "GET", tag, access: "viewer" } as const;

export const tracking = contract({
  ofCampaign: {
    ...base,
    path: "/campaigns/:id/engagement",
    summary: "How many opened the mails of a Campaign and clicked in them, by step and link",
    description:
      "Whom a machine opened for alone is counted apart. Shares are of the mails in which it was measured, not of all that were sent.",
    params: idParams,
    success: {
      status: 200,
      body: z.object({
        measures: z.object({ opens: z.boolean(), clicks: z.boolean() }).describe("In mails that leave now."),
        steps: z.array(
          z.object({
            stepId: id,
            position: z.int(),
            sendAfterDays: z.int(),
            emailTemplate: z.string(),
            sent: z.int(),
            opensMeasured: people.describe("Of those sent: in how many opening was measured."),
            clicksMeasured: people.describe("Of those sent: in how many clicks were measured."),
            opened: people.describe("Of those in which opening was measured. A click is an opening, too."),
            openedShare: share.describe("`opened` of `opensMeasured`, 0 to 1."),
            clicked: people,
            clickedShare: share.describe("`clicked` of `clicksMeasured`, 0 to 1."),
            clickedOfOpened: share.describe("Click-to-open, 0 to 1, where both were measured."),
            automaticOnly: z.int().describe("Mails that machines alone opened or clicked in."),
            links: z.array(z.object({ link: z.string(), people, clicks: z.int(), automatic: z.int() })),
          }),
        ),
      }),
    },
  },
  list: {
    ...base,
    path: "/engagements",
    summary: "What was opened and clicked, newest first",
    query: z.object({ ...page, ...filter, campaignId: id.optional(), personId: id.optional(), stepId: id.optional() }),
    success: { status: 200, body: listOf(engagement) },
  },
  csv: {
    ...base,
    path: "/campaigns/:id/engagements.csv",
    summary: "What was opened and clicked in a Campaign, as a CSV",
    access: "user",
    params: idParams,
    query: z.object(filter),
    produces: "text/csv; charset=utf-8",
    success: { status: 200 },
  },
});

export type EngagementRow = z.output<typeof engagement>;
