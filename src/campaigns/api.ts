/** The contract of Campaigns and their Schedules. Data only. */
import { z } from "zod";
import { conditionSchema } from "../core/conditions.ts";
import { LETTERS, MEASURES } from "../core/variants.ts";
import { CLOCKS, COUNTINGS, HOLIDAYS_OF, neverOpens } from "../core/timing.ts";
import {
  contract,
  id,
  idParams,
  instant,
  line,
  listOf,
  NAMED_IN_USE,
  page,
  removalQuery,
  timeOfDay,
} from "../http/contract.ts";

/** How many steps one Schedule may have. */
export const MAX_STEPS = 100;

const days = z.int().min(0, "A step is sent 0 or more days after the start.").max(3650);
const expiresAfterDays = z.int().min(0).max(365);

export const sendingWindow = z
  .object({
    weekdays: z.array(z.int().min(1).max(7)).max(7).describe("ISO weekdays: 1 is Monday, 7 is Sunday."),
    from: timeOfDay,
    to: timeOfDay.describe("Nothing leaves from this time on; 00:00 is the end of the day."),
  })
  .superRefine((window, context) => {
    const message = neverOpens(window, null);
    if (message) context.addIssue({ code: "custom", message });
  });

const gap = z.object({
  amount: z.int().min(0).max(1000),
  unit: z.enum(["hours", "days"]).describe("Days are calendar days, hours are counted to the minute."),
});

/** The longest a date in a field may be away from the mail: a little over two years. */
const MOST_OFFSET_DAYS = 800;

const waitFor = z.object({
  field: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,62}$/, "Name a field by its key: renewal_date.")
    .describe("A field of the type date."),
  offsetDays: z
    .int()
    .min(-MOST_OFFSET_DAYS)
    .max(MOST_OFFSET_DAYS)
    .default(0)
    .describe("Days after the date; negative: before it."),
  yearly: z
    .boolean()
    .default(false)
    .describe("The next time the date comes round, whatever its year: a birthday, a renewal."),
});

export const stepTiming = z.object({
  window: sendingWindow.nullable().default(null).describe("The Campaign's when null."),
  counting: z.enum(COUNTINGS).nullable().default(null).describe("The Campaign's when null."),
  gap: gap.nullable().default(null).describe("The Campaign's when null; an amount of 0: none."),
  waitFor: waitFor
    .nullable()
    .default(null)
    .describe(
      "Wait for a date in a field of the person; `sendAfterDays` is then the earliest day. Empty on that day, or passed before it: the step is skipped with the reason.",
    ),
});

export const campaignTiming = z.object({
  clock: z
    .enum(CLOCKS)
    .default("person")
    .describe("Whose time zone: the person's (the workspace's if unknown), or the workspace's for everybody."),
  window: sendingWindow.nullable().default(null).describe("When mail may leave; always when null."),
  holidays: z
    .enum(HOLIDAYS_OF)
    .default("none")
    .describe("Nothing leaves on public holidays of this country, and on the workspace's own."),
  counting: z
    .enum(COUNTINGS)
    .default("days")
    .describe(
      "How `sendAfterDays` counts. Business days are the window's weekdays (Monday to Friday without one) that are no holiday.",
    ),
  gap: gap.nullable().default(null).describe("The least time after the mail before it."),
  ignoresFrequencyCap: z.boolean().default(false).describe("Its mails are counted, and never held back."),
});

const weight = z.int().min(0).max(100).default(1);

const winnerRule = z
  .object({
    by: z.enum(MEASURES).describe("Opens and clicks count only in mails in which they are measured."),
    afterSent: z.int().min(2).max(10_000_000).nullable().default(null).describe("So many people were sent the step."),
    afterDays: z
      .int()
      .min(1)
      .max(365)
      .nullable()
      .default(null)
      .describe("So many days after its first mail left. With both, both are waited for."),
    atLeast: z.int().min(1).max(1_000_000).default(30).describe("Each variant was sent to so many at least."),
    otherwise: z
      .enum(["split", "A"])
      .default("split")
      .describe("Where no variant is clearly better: as the split has it, or variant A to everybody."),
  })
  .refine(({ afterSent, afterDays }) => afterSent !== null || afterDays !== null, {
    message: "Say after how many people or after how many days a winner is looked for.",
    path: ["afterSent"],
  });

const otherVariant = {
  letter: z.enum(LETTERS).exclude(["A"]).describe("Stays with the variant: what was sent is counted by it."),
  weight,
};

/** The variants of a step, by whatever names their templates: an id, or a key in a file. */
export const variantsWith = <Template extends z.ZodRawShape>(template: Template) =>
  z
    .object({
      weight: weight.describe("Of variant A, the step's own template. Weights are shares of their sum; 0: nobody."),
      others: z
        .array(z.object({ ...otherVariant, ...template }))
        .min(1, "A step with variants has at least two: A and another one.")
        .max(LETTERS.length - 1),
      winner: winnerRule.nullable().default(null).describe("Null: it stays with the split until a winner is chosen."),
    })
    .superRefine((variants, context) => {
      const { weight: ofA, others } = variants as { weight: number; others: { letter: string; weight: number }[] };
      for (const [index, { letter }] of others.entries())
        if (others.findIndex((one) => one.letter === letter) !== index)
          context.addIssue({
            code: "custom",
            message: `There are two variants ${letter}.`,
            path: ["others", index, "letter"],
          });
      if (ofA === 0 && others.every((one) => one.weight === 0))
        context.addIssue({
          code: "custom",
          message: "Somebody has to get the mail: one weight at least is above 0.",
          path: ["weight"],
        });
    });

export const stepVariants = variantsWith({ emailTemplateId: id });

export const stepInput = z.object({
  id: id.optional().describe("The step this row is; without it the row is a new step."),
  emailTemplateId: id,
  sendAfterDays: days,
  timeOfDay: timeOfDay.nullable().default(null).describe("Local time of the person; the Campaign's when null."),
  expiresAfterDays: expiresAfterDays.nullable().default(null).describe("Later than this it is skipped."),
  timing: stepTiming.nullable().default(null).describe("Where it differs from the Campaign."),
  onlyIf: conditionSchema
    .nullable()
    .default(null)
    .describe("It leaves only if this is so when it is due and still right before it leaves; else it is skipped."),
  stopIf: conditionSchema
    .nullable()
    .default(null)
    .describe("If this is so when it is due, the Email Campaign ends as Stopped: condition."),
  variants: stepVariants
    .nullable()
    .default(null)
    .describe("Other templates for some of the people; the step's own is variant A. Null: everybody gets that."),
});
type AllOfStep = z.output<typeof stepInput>;
type Optional = "timing" | "onlyIf" | "stopIf" | "variants";
/** What is left out is as it is by default. */
export type StepInput = Omit<AllOfStep, Optional> & Partial<Pick<AllOfStep, Optional>>;

const step = z.object({
  id,
  position: z.int(),
  emailTemplateId: id,
  emailTemplate: z.string(),
  sendAfterDays: z.int(),
  timeOfDay: z.string().nullable(),
  expiresAfterDays: z.int().nullable(),
  timing: stepTiming.nullable(),
  onlyIf: conditionSchema.nullable(),
  stopIf: conditionSchema.nullable(),
  variants: stepVariants.nullable(),
  addedAt: instant,
});

const counts = z.object({
  Scheduled: z.int(),
  "In Progress": z.int(),
  Paused: z.int(),
  Completed: z.int(),
  Unsubscribed: z.int(),
  Stopped: z.int(),
});

const campaign = z.object({
  id,
  name: z.string(),
  description: z.string().nullable(),
  timeOfDay: z.string().nullable(),
  expiresAfterDays: z.int().nullable(),
  evergreen: z.boolean().describe("Who is through with it gets steps that are added at its end."),
  pauseKind: z.enum(["hold", "freeze"]).nullable().describe("Null: it runs."),
  pausedAt: instant.nullable(),
  pausedBy: z.string().nullable(),
  pausedReason: z.string().nullable().describe("Why, where it was not a person who paused it."),
  stopOnReply: z.boolean().describe("Whoever answers gets nothing more of it."),
  stopCompanyOnReply: z.boolean().describe("Nor do colleagues: same company, or a mail domain of its own."),
  waitForReturn: z
    .boolean()
    .describe("Whoever is away gets the next mail when they are back, where the note says when."),
  trackOpens: z
    .boolean()
    .nullable()
    .describe("Whether a picture in each mail tells of opening; null: as the workspace has it."),
  trackClicks: z.boolean().nullable().describe("Whether links are led through us; null: as the workspace has it."),
  timing: campaignTiming.nullable().describe("Null: mail leaves at any time, and days are days."),
  stopIf: conditionSchema.nullable(),
  goal: conditionSchema.nullable(),
  steps: z.array(step),
  /** Email Campaigns by status. */
  emailCampaigns: counts,
  createdBy: z.string().nullable(),
  ownerId: id.nullable().describe("Whose it is: others of the role user only look."),
  createdAt: instant,
  changedAt: instant,
});

const details = {
  name: line(),
  description: z.string().max(5000).nullable(),
  timeOfDay: timeOfDay.nullable(),
  expiresAfterDays: expiresAfterDays.nullable(),
  evergreen: z.boolean(),
  stopOnReply: z.boolean(),
  stopCompanyOnReply: z.boolean(),
  waitForReturn: z.boolean(),
  trackOpens: z.boolean().nullable(),
  trackClicks: z.boolean().nullable(),
  timing: campaignTiming.nullable(),
  stopIf: conditionSchema
    .nullable()
    .describe("As soon as this is so of somebody, their Email Campaign ends as Stopped: condition."),
  goal: conditionSchema
    .nullable()
    .describe("What the Campaign is for: as soon as this is so, the Email Campaign ends as Stopped: converted."),
};

const steps = z.array(stepInput).max(MAX_STEPS, `At most ${MAX_STEPS} steps.`);

export const campaignInput = z.object({
  ...details,
  description: details.description.default(null),
  timeOfDay: details.timeOfDay.default(null),
  expiresAfterDays: details.expiresAfterDays.default(null),
  evergreen: details.evergreen.default(false),
  stopOnReply: details.stopOnReply.default(true),
  stopCompanyOnReply: details.stopCompanyOnReply.default(false),
  waitForReturn: details.waitForReturn.default(false),
  trackOpens: details.trackOpens.default(null),
  trackClicks: details.trackClicks.default(null),
  timing: details.timing.default(null),
  stopIf: details.stopIf.default(null),
  goal: details.goal.default(null),
  steps: steps.default([]),
});
type AllInput = z.output<typeof campaignInput>;
/** What is left out is as the table has it by default. */
export type CampaignInput = Pick<AllInput, "name" | "description" | "timeOfDay" | "expiresAfterDays"> &
  Partial<Omit<AllInput, "steps">> & { steps: StepInput[] };
export const campaignEdit = z.object(details).partial();
export type CampaignEdit = z.output<typeof campaignEdit>;

const tag = "Campaigns";

export const campaigns = contract({
  list: {
    method: "GET",
    path: "/campaigns",
    summary: "List Campaigns with their Schedules and how many Email Campaigns each has",
    tag,
    access: "viewer",
    query: z.object({ ...page, q: z.string().max(200).optional() }),
    success: { status: 200, body: listOf(campaign) },
  },
  get: {
    method: "GET",
    path: "/campaigns/:id",
    summary: "Get a Campaign",
    tag,
    access: "viewer",
    params: idParams,
    success: { status: 200, body: campaign },
  },
  create: {
    method: "POST",
    path: "/campaigns",
    summary: "Create a Campaign, with or without its Schedule",
    tag,
    access: "user",
    body: campaignInput,
    success: { status: 201, body: campaign },
  },
  update: {
    method: "PATCH",
    path: "/campaigns/:id",
    summary: "Rename a Campaign or change its settings",
    tag,
    access: "user",
    params: idParams,
    body: campaignEdit,
    success: { status: 200, body: campaign },
  },
  remove: {
    method: "DELETE",
    path: "/campaigns/:id",
    summary: "Delete a Campaign without Email Campaigns",
    description: NAMED_IN_USE,
    tag,
    access: "manager",
    params: idParams,
    query: removalQuery,
    success: { status: 204 },
  },
  setSteps: {
    method: "PUT",
    path: "/campaigns/:id/steps",
    summary: "Replace the Schedule",
    description:
      "Rows with an id keep it, rows without become new steps, steps left out are removed. Running Email Campaigns follow: what lies ahead is sent by the new Schedule, the past is never run again.",
    tag,
    access: "user",
    params: idParams,
    body: z.object({ steps }),
    success: { status: 200, body: campaign },
  },
});

const made = z.object({ id, name: z.string() });

export const sampleCampaign = contract({
  load: {
    method: "POST",
    path: "/sample-campaign",
    summary: "Load the sample: three templates, a Campaign, an Email Group with five Leads, a sender if there is none",
    description: "In the workspace's language, English or German. Loaded twice it changes nothing. Nobody is started.",
    tag: "Sample",
    access: "user",
    success: {
      status: 200,
      body: z.object({
        created: z.boolean().describe("False: it was there already."),
        campaign: made,
        emailTemplates: z.array(made),
        emailGroup: made,
        people: z.array(made),
        sender: made.nullable().describe("Null: there was one already, and it is used."),
      }),
    },
  },
  remove: {
    method: "DELETE",
    path: "/sample-campaign",
    summary: "Remove the sample again; what something else uses stays",
    tag: "Sample",
    access: "user",
    success: {
      status: 200,
      body: z.object({
        removed: z.int(),
        kept: z.array(z.object({ kind: z.string(), ...made.shape, reason: z.string() })),
      }),
    },
  },
});
