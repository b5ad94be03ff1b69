/** The contract of drafts, publishing, pauses and backfills of a Campaign's Schedule. Data only. */
import { z } from "zod";
import { campaignEdit, campaigns, MAX_STEPS, stepInput } from "../campaigns/api.ts";
import { CHOICES, EFFECTS } from "../core/schedule-effects.ts";
import { contract, id, idParams, instant, listOf, page } from "../http/contract.ts";

const choice = z
  .enum(["everyone", "new-only", "stop"])
  .default("everyone")
  .describe(
    "What those on their way get: everyone the new Schedule for what lies ahead; new-only: they stay with the one they began with; stop: those who have begun get nothing more.",
  );

const settings = campaignEdit.omit({ name: true, description: true });
const content = z.object({
  steps: z.array(stepInput).max(MAX_STEPS, `At most ${MAX_STEPS} steps.`),
  settings: settings.default({}),
});

const difference = z.object({
  kind: z.enum(["step-added", "step-removed", "step-changed", "steps-reordered", "setting-changed"]),
  stepId: id.nullable(),
  row: z.int().nullable().describe("From 0: in the draft, or in the published Schedule where the step was removed."),
  field: z.string().nullable(),
  before: z.unknown(),
  after: z.unknown(),
});

const templates = z.array(z.object({ id, name: z.string() })).describe("Those that the rows name.");

const draft = z.object({
  campaignId: id,
  name: z.string(),
  published: z.object({ steps: z.array(stepInput), settings }),
  content: z.object({ steps: z.array(stepInput), settings }).describe("The draft, or what is published without one."),
  draft: z
    .object({
      changedBy: z.string(),
      approvalAskedBy: z.string().nullable(),
      approvalAskedAt: instant.nullable(),
      approvedBy: z.string().nullable(),
      approvedAt: instant.nullable(),
      outdated: z.boolean().describe("Somebody published meanwhile; save the draft again after looking at both."),
    })
    .nullable(),
  differences: z.array(difference),
  templates,
  approvalNeeded: z.boolean(),
  changedAt: instant,
});

const effect = z.enum(EFFECTS);

const reach = {
  ahead: z.int().describe("For so many people it lies ahead."),
  dueNow: z.int().describe("For so many it would leave at once."),
  unmet: z.int().describe("As things stand, its condition is not met by so many: it would be skipped."),
  tooLate: z.int().describe("For so many its day has passed: it would not be sent."),
  sent: z.int().describe("So many have it behind them, or on its way."),
};

const impact = z.object({
  choice: z.enum(CHOICES),
  running: z.int(),
  lookedAt: z.int().describe("All that run."),
  reopened: z.int().describe("Completed ones that would go on."),
  dueNow: z.int().describe("People who would have an email due at this moment."),
  dueNowByChange: z.int().describe("Those of them who would not without the change."),
  confirmationNeeded: z.boolean(),
  burstGuard: z.int(),
  effects: z.object(
    Object.fromEntries(EFFECTS.map((one) => [one, z.int()])) as Record<(typeof EFFECTS)[number], z.ZodInt>,
  ),
  steps: z.array(z.object({ stepId: id.nullable().describe("Null: a new step."), ...reach })),
  removed: z.array(z.object({ stepId: id, sendAfterDays: z.int(), ...reach })),
  days: z.array(z.object({ day: z.string(), before: z.int(), after: z.int() })).describe("Mails a day, the next 120."),
});

const impactRow = z.object({
  emailCampaignId: id,
  number: z.string(),
  personId: id,
  person: z.string(),
  email: z.string().nullable(),
  row: z.int().nullable(),
  stepId: id.nullable(),
  effect,
  beforeAt: instant.nullable(),
  afterAt: instant.nullable(),
  reason: z.string().nullable(),
});

const filter = {
  choice,
  effect: effect.optional(),
  row: z.coerce.number().int().min(0).optional().describe("Only this row of the new Schedule, from 0."),
};

const tag = "Publishing";
const base = { tag, params: idParams } as const;
const campaign = campaigns.get.success.body;

export const publishing = contract({
  draft: {
    ...base,
    method: "GET",
    path: "/campaigns/:id/draft",
    summary: "The draft of a Schedule, what is published, and the difference",
    access: "viewer",
    success: { status: 200, body: draft },
  },
  saveDraft: {
    ...base,
    method: "PUT",
    path: "/campaigns/:id/draft",
    summary: "Keep an edit of the Schedule as the draft; nothing that runs changes",
    description: "Send the ETag of what you read as If-Match: then nobody's edit is overwritten.",
    access: "user",
    body: content,
    success: { status: 200, body: draft },
  },
  discardDraft: {
    ...base,
    method: "DELETE",
    path: "/campaigns/:id/draft",
    summary: "Throw the draft away",
    access: "user",
    success: { status: 204 },
  },
  impact: {
    ...base,
    method: "POST",
    path: "/campaigns/:id/draft/impact",
    summary: "Say what publishing the draft would do; changes nothing",
    access: "viewer",
    body: z.object({ choice }).prefault({}),
    success: { status: 200, body: impact },
  },
  impactRows: {
    ...base,
    method: "GET",
    path: "/campaigns/:id/draft/impact/mails",
    summary: "Mail by mail: who gets what and when, before and after publishing the draft",
    access: "viewer",
    query: z.object({ ...page, ...filter }),
    success: { status: 200, body: listOf(impactRow) },
  },
  impactCsv: {
    ...base,
    method: "GET",
    path: "/campaigns/:id/draft/impact/mails.csv",
    summary: "The same as a CSV",
    access: "viewer",
    query: z.object(filter),
    produces: "text/csv; charset=utf-8",
    success: { status: 200 },
  },
  publish: {
    ...base,
    method: "POST",
    path: "/campaigns/:id/draft/publication",
    summary: "Publish the draft",
    description:
      "Refused with `burst-not-confirmed` when it makes more mails due at once than the burst guard and `confirmedDueNow` does not name that number; with `draft-outdated` when somebody published meanwhile; with `approval-needed` when the workspace asks for a second person.",
    access: "user",
    body: z
      .object({
        choice,
        confirmedDueNow: z.int().min(0).nullable().default(null),
        perHour: z.int().min(1).nullable().default(null).describe("Spreads what would leave at once: so many an hour."),
      })
      .prefault({}),
    success: { status: 200, body: z.object({ campaign, impact }) },
  },
  askApproval: {
    ...base,
    method: "POST",
    path: "/campaigns/:id/draft/approval-request",
    summary: "Ask for a second person's approval of the draft as it is now",
    access: "user",
    success: { status: 200, body: draft },
  },
  approve: {
    ...base,
    method: "PUT",
    path: "/campaigns/:id/draft/approval",
    summary: "Approve the draft as it is now; by somebody else than who asked or wrote",
    access: "manager",
    success: { status: 200, body: draft },
  },
  versions: {
    ...base,
    method: "GET",
    path: "/campaigns/:id/versions",
    summary: "The published versions of a Schedule, the newest first, and how many follow an older one",
    access: "viewer",
    success: {
      status: 200,
      body: z.object({
        data: z.array(
          z.object({
            id,
            number: z.int(),
            publishedAt: instant,
            publishedBy: z.string(),
            choice: z.enum(CHOICES).nullable(),
            steps: z.int(),
            following: z.int().describe("Running Email Campaigns that stay with it."),
          }),
        ),
      }),
    },
  },
  version: {
    tag,
    method: "GET",
    path: "/campaigns/:id/versions/:number",
    summary: "One published version: what it said, and what of it is different from what is published now",
    description:
      "`content` can be saved as a draft: steps that were removed since stand in it without an id, as new ones. `differences` lead from what is published now to it.",
    params: idParams.extend({ number: z.coerce.number().int().positive().max(2_147_483_647) }),
    access: "viewer",
    success: {
      status: 200,
      body: z.object({
        number: z.int(),
        publishedAt: instant,
        publishedBy: z.string(),
        choice: z.enum(CHOICES).nullable(),
        content: z.object({ steps: z.array(stepInput), settings }),
        differences: z.array(difference),
        templates,
      }),
    },
  },
  pause: {
    ...base,
    method: "PUT",
    path: "/campaigns/:id/pause",
    summary: "Hold or freeze a Campaign",
    description:
      "Nothing leaves until it is resumed. On hold, time goes on and late steps expire; frozen, its clock stops and everything is later by the days it took.",
    access: "user",
    body: z.object({ kind: z.enum(["hold", "freeze"]) }),
    success: { status: 200, body: campaign },
  },
  resume: {
    ...base,
    method: "DELETE",
    path: "/campaigns/:id/pause",
    summary: "Let a Campaign go on",
    access: "user",
    success: { status: 200, body: campaign },
  },
});

const stepParams = idParams.extend({ stepId: id });
const perHour = z.int().min(1).nullable().default(null).describe("So many an hour; as the burst guard says when null.");

export const backfills = contract({
  impact: {
    tag,
    method: "POST",
    path: "/campaigns/:id/steps/:stepId/backfill/impact",
    summary: "Say who would get a step that was added when its day had passed for them; changes nothing",
    params: stepParams,
    access: "viewer",
    body: z.object({ perHour }).prefault({}),
    success: {
      status: 200,
      body: z.object({
        people: z.int(),
        leftOut: z.int().describe("Past the step too, and not to be written to."),
        days: z.array(z.object({ day: z.string(), count: z.int() })),
        examples: z.array(
          z.object({ emailCampaignId: id, number: z.string(), personId: id, person: z.string(), at: instant }),
        ),
      }),
    },
  },
  send: {
    tag,
    method: "POST",
    path: "/campaigns/:id/steps/:stepId/backfill",
    summary: "Send the step to those it came too late for",
    params: stepParams,
    access: "user",
    body: z.object({ perHour, confirmed: z.int().min(0).describe("How many people that are, as the impact says.") }),
    success: { status: 200, body: z.object({ people: z.int() }) },
  },
});

export const impacts = contract({
  schedule: {
    method: "POST",
    path: "/campaigns/:id/impact",
    summary: "Say what a new Schedule would do to those who are on their way; changes nothing",
    description: "As the impact of a draft, for content that is not kept.",
    tag: "Campaigns",
    access: "viewer",
    params: idParams,
    body: content.extend({ choice }),
    success: { status: 200, body: impact },
  },
});
