/** The contract of what the numbers say: home, sends, statuses, calendar, funnels, comparison, search. Data only. */
import { z } from "zod";
import { contract, day, dayInput, id, idParams } from "../http/contract.ts";

const tag = "Insights";
const base = { method: "GET", tag, access: "viewer" } as const;
const span = { from: dayInput.optional().describe("30 days back when left out."), to: dayInput.optional() };
const of = z.object({ ...span, campaignId: id.optional() });
const rows = <Row extends z.ZodType>(row: Row) => ({ status: 200, body: z.object({ data: z.array(row) }) }) as const;

const counts = {
  scheduled: z.int(),
  inProgress: z.int(),
  paused: z.int(),
  completed: z.int(),
  unsubscribed: z.int(),
  stopped: z.int(),
};

export const attentionCodes = [
  "no-email-account",
  "account-in-trouble",
  "no-postal-address",
  "mail-in-doubt",
  "mail-refused",
  "mail-late",
  "bad-rows",
] as const;

export const SEARCHED = ["lead", "contact", "campaign", "email-campaign", "email-group", "email-template"] as const;

export const insights = contract({
  home: {
    ...base,
    path: "/home",
    summary: "What went out, what is due, what needs attention",
    description: "Days are days in the workspace's zone.",
    success: {
      status: 200,
      body: z.object({
        today: day,
        sentToday: z.int(),
        dueToday: z.int(),
        dueThisWeek: z.int(),
        emailCampaigns: z.object(counts),
        sent: z.array(z.object({ day, sent: z.int(), failed: z.int() })).describe("The last 14 days."),
        upcoming: z.array(z.object({ day, due: z.int() })).describe("The next 7 days, today first."),
        attention: z.array(
          z.object({
            code: z.enum(attentionCodes),
            count: z.int(),
            text: z.string().nullable().describe("What exactly, where there is more to say."),
          }),
        ),
      }),
    },
  },
  sends: {
    ...base,
    path: "/insights/sends",
    summary: "Mails by day",
    query: of,
    success: rows(z.object({ day, sent: z.int(), failed: z.int(), skipped: z.int(), unsubscribed: z.int() })),
  },
  statuses: {
    ...base,
    path: "/insights/statuses",
    summary: "Email Campaigns by status at the end of each day",
    description: "A paused one counts as what it was: a pause leaves no trace of its days.",
    query: of,
    success: rows(
      z.object({
        day,
        scheduled: z.int(),
        inProgress: z.int(),
        completed: z.int(),
        unsubscribed: z.int(),
        stopped: z.int(),
      }),
    ),
  },
  calendar: {
    ...base,
    path: "/insights/calendar",
    summary: "How many mails are due on which day, by Campaign",
    query: of,
    success: rows(z.object({ day, campaignId: id, campaign: z.string(), due: z.int() })),
  },
  campaigns: {
    ...base,
    path: "/insights/campaigns",
    summary: "Campaigns compared",
    success: rows(
      z.object({
        id,
        name: z.string(),
        started: z.int(),
        sent: z.int(),
        completed: z.int(),
        unsubscribed: z.int(),
        stopped: z.int(),
        converted: z.int(),
        failed: z.int(),
      }),
    ),
  },
  campaign: {
    ...base,
    path: "/campaigns/:id/insights",
    summary: "How far people got in a Campaign, step by step",
    params: idParams,
    success: {
      status: 200,
      body: z.object({
        started: z.int(),
        ...counts,
        converted: z
          .int()
          .describe("Reached the goal, or became a Converted Lead. They are among `stopped`, or left later."),
        convertedBeforeMail: z.int().describe("Of these, before the first mail."),
        firstStart: day.nullable(),
        lastStart: day.nullable(),
        steps: z.array(
          z.object({
            stepId: id,
            position: z.int(),
            sendAfterDays: z.int(),
            emailTemplate: z.string(),
            sent: z.int(),
            waiting: z.int().describe("Planned, on their way, or ahead of somebody who is still on the way."),
            skipped: z.int(),
            failed: z.int(),
            unsubscribed: z.int().describe("Left after this step's mail and before the next."),
            converted: z.int().describe("Converted after this step's mail and before the next."),
          }),
        ),
      }),
    },
  },
  campaignCsv: {
    ...base,
    path: "/campaigns/:id/insights.csv",
    summary: "How far people got in a Campaign, step by step, as a CSV",
    params: idParams,
    produces: "text/csv; charset=utf-8",
    success: { status: 200 },
  },
  search: {
    ...base,
    path: "/search",
    summary: "People, Campaigns, groups and templates by a part of their name, address or number",
    query: z.object({ q: z.string().trim().min(1).max(200) }),
    success: rows(z.object({ kind: z.enum(SEARCHED), id, label: z.string(), detail: z.string().nullable() })),
  },
  events: {
    ...base,
    path: "/events",
    summary: "Says when something changed, so that what is shown can be read again",
    description:
      "Server-sent events named `change`, each with a topic: email-campaigns, messages, people, suppressions, " +
      "campaigns, conversations, jobs. At most one a topic and second.",
    produces: "text/event-stream",
    success: { status: 200 },
  },
});

export type Home = z.output<typeof insights.home.success.body>;
