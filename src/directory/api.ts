/** The contract of people as the whole product knows them: one page, one download, deeds over many. Data only. */
import { z } from "zod";
import { undo } from "../email-campaigns/api.ts";
import { contract, day, id, idParams, instant } from "../http/contract.ts";
import { filterSchema, person } from "../people/api.ts";

const nextStep = z.object({
  stepId: id,
  emailTemplate: z.string(),
  sendAfterDays: z.int(),
  dueAt: instant.nullable(),
  text: z.string().describe("What comes next, in words."),
});

const personPage = z.object({
  ...person.shape,
  groups: z.array(
    z.object({
      emailGroupId: id,
      title: z.string(),
      state: z.enum(["subscribed", "unsubscribed"]),
      joinedAt: instant,
      unsubscribedAt: instant.nullable(),
    }),
  ),
  suppressions: z
    .array(
      z.object({
        id,
        email: z.string(),
        scope: z.enum(["campaign", "campaigns", "everything"]),
        campaignId: id.nullable(),
        campaign: z.string().nullable(),
        reason: z.string(),
        origin: z.string().nullable(),
        createdAt: instant,
      }),
    )
    .describe("In force for any of the person's addresses, newest first."),
  running: z
    .array(
      z.object({
        id,
        number: z.string(),
        campaignId: id,
        campaign: z.string(),
        status: z.string(),
        startOn: day,
        endOn: day,
        nextDueAt: instant.nullable(),
        sent: z.int(),
        steps: z.int(),
        next: nextStep.nullable(),
      }),
    )
    .describe("Email Campaigns that are scheduled, in progress or paused; at most 50."),
  emailCampaigns: z.int().describe("How many there were in all."),
  formerIds: z.array(id).describe("Ids of people who were merged into this one."),
  canReceive: z.boolean(),
  whyNot: z.string().nullable().describe("Why the person gets no mail at all, in words."),
});

/** How many people one request may name; a filter has no such limit. */
export const MAX_NAMED = 500;

export const peopleActionInput = z.object({
  action: z.enum(["add-to-group", "remove-from-group", "do-not-contact", "delete"]),
  ids: z.array(id).min(1).max(MAX_NAMED).nullable().default(null),
  filter: filterSchema.nullable().default(null).describe("Everybody the filter means. It is done by a job."),
  emailGroupId: id.nullable().default(null).describe("For the actions about a group."),
});
export type PeopleActionInput = z.output<typeof peopleActionInput>;

const tag = "People";

export const people = contract({
  get: {
    method: "GET",
    path: "/people/:id",
    summary: "One person, Lead or Contact: groups, opt-outs, what runs and what comes next",
    description: "The id of somebody who was merged leads to the person they were merged into.",
    tag,
    access: "viewer",
    params: idParams,
    success: { status: 200, body: personPage },
  },
  export: {
    method: "GET",
    path: "/people/:id/export",
    summary: "Download everything that is kept about a person, as JSON",
    description: "For GDPR articles 15 and 20.",
    tag,
    access: "manager",
    params: idParams,
    produces: "application/json; charset=utf-8",
    success: { status: 200 },
  },
  act: {
    method: "POST",
    path: "/people/bulk-actions",
    summary: "Add many to a group, remove them from it, mark them Do Not Contact, or delete them",
    description:
      "With `ids` it is done when the answer comes. With `filter` the answer names a job; its result is the same. `delete` needs a manager.",
    tag,
    access: "user",
    body: peopleActionInput,
    success: {
      status: 200,
      body: z.object({
        jobId: id.nullable(),
        done: z.int(),
        unchanged: z.int().describe("It was so already."),
        problems: z.array(z.object({ id, code: z.string(), text: z.string() })).describe("The first 500."),
        problemCount: z.int(),
        undo: undo.describe("Null: it cannot be taken back, or nothing was done."),
      }),
    },
  },
});
