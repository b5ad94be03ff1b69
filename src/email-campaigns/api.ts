/** The contract of Email Campaigns: one person, one Campaign, from a start date. Data only. */
import { z } from "zod";
import { campaignTiming, MAX_STEPS, stepInput } from "../campaigns/api.ts";
import { START_KINDS } from "../core/automatic-start.ts";
import { STATUSES, STOP_REASONS } from "../core/email-campaign.ts";
import { LETTERS } from "../core/variants.ts";
import { contract, day, dayInput, id, idParams, instant, listOf, page, timeOfDay } from "../http/contract.ts";
import { filterSchema } from "../people/api.ts";

const emailCampaignFor = z.enum(["lead", "contact"]);

/** Why somebody is left out of a bulk start. */
export const LEFT_OUT = ["no-address", "opted-out", "do-not-contact", "already-running"] as const;

const emailCampaign = z.object({
  id,
  number: z.string(),
  campaignId: id,
  campaign: z.string(),
  emailCampaignFor,
  personId: id,
  person: z.string(),
  email: z.string().nullable(),
  senderId: id.nullable(),
  batchId: id.nullable(),
  emailGroupId: id.nullable(),
  restartedFromId: id.nullable(),
  startOn: day,
  endOn: day,
  status: z.enum(STATUSES),
  stopReason: z.enum(STOP_REASONS).nullable(),
  nextDueAt: instant.nullable(),
  startedBy: z
    .object({ rule: id, kind: z.enum(START_KINDS), name: z.string().nullable() })
    .nullable()
    .describe("The rule of the Campaign that started it; null: somebody did."),
  createdBy: z.string().nullable(),
  ownerId: id.nullable(),
  createdAt: instant,
  changedAt: instant,
  finishedAt: instant.nullable(),
});

const stepOfOne = z.object({
  stepId: id,
  sendAfterDays: z.int(),
  emailTemplateId: id,
  emailTemplate: z.string(),
  variant: z.enum(LETTERS).nullable().describe("Which one they got or are going to get; null: the step has none."),
  dueAt: instant.nullable(),
  /** As a message has it, or `ahead` while there is none. */
  state: z.string(),
  code: z.string(),
  reason: z.string(),
  messageId: id.nullable(),
  sentAt: instant.nullable(),
});

const emailCampaignDetail = z.object({
  ...emailCampaign.shape,
  timeZone: z.string(),
  actions: z.array(z.enum(["pause", "resume", "cancel", "restart", "move"])),
  steps: z.array(stepOfOne),
});

const explanation = z.object({
  id,
  number: z.string(),
  status: z.enum(STATUSES),
  text: z.string(),
  steps: z.array(
    z.object({ stepId: id, sendAfterDays: z.int(), code: z.string(), text: z.string(), at: instant.nullable() }),
  ),
});

const startDate = dayInput.nullable().default(null).describe("Today when null.");
const senderId = id.nullable().default(null).describe("The caller's own sender when null.");

export const startInput = z.object({
  campaignId: id,
  emailCampaignFor: emailCampaignFor.default("lead").describe("What the recipient is; checked."),
  personId: id,
  startOn: startDate,
  senderId,
});
export type StartInput = z.output<typeof startInput>;

export const bulkInput = z.object({
  campaignId: id,
  emailGroupId: id.nullable().default(null).describe("All subscribed members of this Email Group."),
  filter: filterSchema.nullable().default(null).describe("All people this filter means; `ids` names them."),
  startOn: startDate,
  senderId,
});
export type BulkInput = z.output<typeof bulkInput>;

const bulkPreview = z.object({
  toStart: z.int(),
  leftOut: z.array(
    z.object({
      reason: z.enum(LEFT_OUT),
      text: z.string(),
      count: z.int(),
      examples: z.array(z.object({ personId: id, person: z.string() })),
    }),
  ),
});

const ref = z.object({ id: z.string().max(40).describe("The id or the number, MAIL-CAMP-2026-00001.") });
const tag = "Email Campaigns";
const base = { tag, params: ref } as const;
const answer = { status: 200, body: emailCampaignDetail } as const;

const SORTS = ["id", "-id", "startOn", "-startOn", "nextDueAt"] as const;

const listQuery = z.object({
  ...page,
  status: z.enum(STATUSES).optional(),
  campaignId: id.optional(),
  personId: id.optional(),
  senderId: id.optional(),
  batchId: id.optional(),
  emailGroupId: id.optional(),
  emailCampaignFor: emailCampaignFor.optional(),
  startFrom: dayInput.optional(),
  startTo: dayInput.optional(),
  q: z.string().max(200).optional().describe("Part of the number, the person's name or the address."),
  sort: z.enum(SORTS).default("-id"),
});

export const emailCampaigns = contract({
  list: {
    method: "GET",
    path: "/email-campaigns",
    summary: "List Email Campaigns",
    tag,
    access: "viewer",
    query: listQuery,
    success: { status: 200, body: listOf(emailCampaign) },
  },
  get: {
    ...base,
    method: "GET",
    path: "/email-campaigns/:id",
    summary: "Get an Email Campaign with each step and when it is due",
    access: "viewer",
    success: answer,
  },
  start: {
    method: "POST",
    path: "/email-campaigns",
    summary: "Start a Campaign for a Lead or Contact",
    tag,
    access: "user",
    body: startInput,
    success: { status: 201, body: emailCampaignDetail },
  },
  preview: {
    method: "POST",
    path: "/email-campaigns/bulk/preview",
    summary: "Say who would be started and who left out, and why; starts nobody",
    tag,
    access: "user",
    body: bulkInput,
    success: { status: 200, body: bulkPreview },
  },
  startMany: {
    method: "POST",
    path: "/email-campaigns/bulk",
    summary: "Start a Campaign for an Email Group or everybody a filter means",
    description:
      "Answers with a job; its progress is at /jobs/:id and /jobs/:id/events, and `batchId` is the job's id.",
    tag,
    access: "user",
    body: bulkInput,
    success: { status: 202, body: z.object({ jobId: id }) },
  },
  update: {
    ...base,
    method: "PATCH",
    path: "/email-campaigns/:id",
    summary: "Move the start before anything was sent, or change the sender",
    access: "user",
    body: z.object({ startOn: dayInput, senderId: id.nullable() }).partial(),
    success: answer,
  },
  pause: {
    ...base,
    method: "PUT",
    path: "/email-campaigns/:id/pause",
    summary: "Pause",
    access: "user",
    success: answer,
  },
  resume: {
    ...base,
    method: "DELETE",
    path: "/email-campaigns/:id/pause",
    summary: "Resume: what became due meanwhile catches up, one email a day",
    access: "user",
    success: answer,
  },
  cancel: {
    ...base,
    method: "PUT",
    path: "/email-campaigns/:id/cancellation",
    summary: "Cancel: nothing more is sent",
    access: "user",
    success: answer,
  },
  restart: {
    ...base,
    method: "POST",
    path: "/email-campaigns/:id/restart",
    summary: "Start again from the beginning, as a new Email Campaign",
    access: "user",
    body: z.object({ startOn: startDate }).default({ startOn: null }),
    success: { status: 201, body: emailCampaignDetail },
  },
  skipStep: {
    ...base,
    method: "PUT",
    path: "/email-campaigns/:id/steps/:stepId/skip",
    summary: "Skip a step that has not left; those after it keep their days",
    params: ref.extend({ stepId: id }),
    access: "user",
    success: answer,
  },
  explain: {
    ...base,
    method: "GET",
    path: "/email-campaigns/:id/explain",
    summary: "Say for each step why it was or was not sent, and what comes next",
    access: "viewer",
    success: { status: 200, body: explanation },
  },
});

/** How many Email Campaigns one request may name; a filter has no such limit. */
export const MAX_NAMED = 500;

export const bulkActionInput = z.object({
  action: z.enum(["pause", "resume", "cancel"]),
  ids: z.array(id).min(1).max(MAX_NAMED).nullable().default(null),
  filter: listQuery
    .pick({
      status: true,
      campaignId: true,
      personId: true,
      senderId: true,
      batchId: true,
      emailGroupId: true,
      emailCampaignFor: true,
      startFrom: true,
      startTo: true,
      q: true,
    })
    .nullable()
    .default(null)
    .describe("As in the list. It is done by a job."),
});
export type BulkActionInput = z.output<typeof bulkActionInput>;

/** A request that takes a deed back, as far as it can be. */
export const undo = z.object({ method: z.string(), path: z.string(), body: z.json() }).nullable();

export const bulkActions = contract({
  act: {
    method: "POST",
    path: "/email-campaigns/bulk-actions",
    summary: "Pause, resume or cancel many at once",
    description:
      "With `ids` it is done when the answer comes. With `filter` the answer names a job; its result is the same.",
    tag,
    access: "user",
    body: bulkActionInput,
    success: {
      status: 200,
      body: z.object({
        jobId: id.nullable(),
        done: z.int(),
        problems: z.array(z.object({ id, code: z.string(), text: z.string() })).describe("The first 500."),
        problemCount: z.int(),
        undo: undo.describe("Null: it cannot be taken back, or nothing was done."),
      }),
    },
  },
});

const timingPreviewInput = z.object({
  startOn: dayInput,
  personId: id.nullable().default(null).describe("Null: somebody in the workspace's time zone without any dates."),
  steps: z.array(stepInput).max(MAX_STEPS).optional().describe("A Schedule that is not saved yet."),
  timing: campaignTiming.nullable().optional().describe("The Campaign's timing, if it is not saved yet."),
  timeOfDay: timeOfDay.nullable().optional().describe("… and its time of day; null: the workspace's."),
  expiresAfterDays: z.int().min(0).max(365).nullable().optional(),
});
export type TimingPreviewInput = z.output<typeof timingPreviewInput>;

export const timing = contract({
  preview: {
    method: "POST",
    path: "/campaigns/:id/timing/preview",
    summary: "Say when each step would leave for a person who starts on a day; starts nobody",
    description: "The words are English or German, by Accept-Language.",
    tag: "Campaigns",
    access: "viewer",
    params: idParams,
    body: timingPreviewInput,
    success: {
      status: 200,
      body: z.object({
        timeZone: z.string().describe("The zone of the calendar that is gone by."),
        steps: z.array(
          z.object({
            stepId: id.nullable().describe("Null: a new step."),
            at: instant.nullable().describe("Null: it is not sent."),
            on: z.string().describe("The person's day of it, or what that would be where it is not sent."),
            code: z.string().describe("`leaves`, `never`, or why it is skipped."),
            text: z.string(),
            moved: z.string().nullable().describe("What moved it from its day and time of day."),
          }),
        ),
      }),
    },
  },
});
