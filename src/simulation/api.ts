/** The contract of simulations and of the forecast. Data only. */
import { z } from "zod";
import { DEEDS } from "../core/answers.ts";
import { LETTERS } from "../core/variants.ts";
import { filterSchema } from "../people/api.ts";
import { contract, dayInput, id, idParams, instant, line } from "../http/contract.ts";

/** How many people the API simulates; the command line takes more. */
export const MAX_SIMULATED = 2000;

const share = z.number().min(0).max(1).optional();
const deed = z.enum(DEEDS);

export const answersInput = z.object({
  shares: z
    .object(Object.fromEntries(DEEDS.map((one) => [one, share])) as Record<(typeof DEEDS)[number], typeof share>)
    .default({})
    .describe("Which share of mails is answered so, from 0 to 1."),
  afterHours: z.number().int().min(0).max(10_000).default(5),
  seed: z.int().default(1).describe("The same seed gives the same answers."),
  named: z
    .array(
      z.object({
        person: z.int().min(0).describe("Their place in the list of people, from 0: real ones first."),
        mail: z.int().min(0).describe("Their first mail is 0."),
        does: deed,
        afterHours: z.number().int().min(0).max(10_000).default(0),
      }),
    )
    .max(MAX_SIMULATED)
    .default([]),
});

const simulationInput = z.object({
  personIds: z.array(id).max(MAX_SIMULATED).default([]),
  emailGroupId: id.nullable().default(null).describe("… and the subscribed members of this Email Group."),
  filter: filterSchema.nullable().default(null).describe("… and those a filter finds."),
  madeUp: z
    .array(z.object({ name: line(), timeZone: z.string().max(100).nullable().default(null) }))
    .max(MAX_SIMULATED)
    .default([])
    .describe("People who are not there."),
  startOn: dayInput.nullable().default(null).describe("Today when null."),
  days: z.int().min(1).max(1000).default(90),
  answers: answersInput.prefault({}),
  of: z.enum(["draft", "published"]).default("draft").describe("The draft where there is one."),
});

const simulated = z.object({
  campaign: z.object({ id, name: z.string() }),
  from: instant,
  until: instant,
  meant: z
    .int()
    .describe(`Real people that were asked for; of more than ${MAX_SIMULATED} in all, the first are simulated.`),
  steps: z.array(z.object({ stepId: id, sendAfterDays: z.int(), emailTemplate: z.string() })),
  people: z.array(
    z.object({
      personId: id.nullable(),
      name: z.string(),
      timeZone: z.string(),
      status: z.string().nullable().describe("Null: they were left out at the start."),
      stopReason: z.string().nullable(),
      finishedAt: instant.nullable(),
    }),
  ),
  leftOut: z.record(z.string(), z.int()),
  mails: z.array(
    z.object({
      person: z.int().describe("The place in `people`."),
      stepId: id,
      variant: z.enum(LETTERS).nullable().describe("Null: the step has none."),
      at: instant,
      on: z.string(),
      outcome: z.enum(["sent", "skipped", "failed"]),
      reason: z.string().nullable(),
    }),
  ),
  answers: z.array(z.object({ person: z.int(), stepId: id, at: instant, does: deed })),
});

export const simulations = contract({
  simulate: {
    method: "POST",
    path: "/campaigns/:id/simulation",
    summary: "Live through a Campaign with a virtual clock: every mail with its date; nothing is sent or kept",
    tag: "Simulation",
    access: "viewer",
    params: idParams,
    body: simulationInput.refine(
      ({ personIds, madeUp }) => personIds.length + madeUp.length <= MAX_SIMULATED,
      `At most ${MAX_SIMULATED} people.`,
    ),
    success: { status: 200, body: simulated },
  },
  forecast: {
    method: "GET",
    path: "/forecast",
    summary: "How many mails a day the running Email Campaigns bring, against the limits of the email accounts",
    tag: "Simulation",
    access: "viewer",
    query: z.object({ days: z.coerce.number().int().min(1).max(365).default(90), campaignId: id.optional() }),
    success: {
      status: 200,
      body: z.object({
        from: z.string(),
        running: z.int(),
        lookedAt: z.int().describe("Fewer than run: these stand for all, and the numbers are estimated."),
        days: z.array(z.object({ day: z.string(), mails: z.int(), accounts: z.array(z.int()), over: z.boolean() })),
        accounts: z
          .array(z.object({ id: id.nullable(), name: z.string(), limits: z.array(z.int().nullable()) }))
          .describe("In the order of the counts of each day; `limits` a day, null: none."),
        never: z.int().describe("Mails whose window never opens."),
      }),
    },
  },
});
