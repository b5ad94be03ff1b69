/** The contract of automatic starts: which rules a Campaign has, whom they kept out, what waits for a yes. Data only. */
import { z } from "zod";
import { START_KINDS, WAYS } from "../core/automatic-start.ts";
import { conditionSchema } from "../core/conditions.ts";
import { contract, id, idParams, instant } from "../http/contract.ts";

/** How many rules one Campaign may have. */
export const MAX_RULES = 20;

const ruleFields = {
  kind: z.enum(START_KINDS).describe("`joined` a group, `matches` a condition from now on, or was `created`."),
  emailGroupId: id.nullable().default(null).describe("For `joined`."),
  condition: conditionSchema
    .nullable()
    .default(null)
    .describe("For `matches`: of a person's fields, groups and other Campaigns."),
  ways: z.array(z.enum(WAYS)).min(1).nullable().default(null).describe("For `created`: by which ways."),
  on: z.boolean().default(true).describe("Off: it starts nobody any more; what it started goes on."),
};

export const ruleInput = z
  .object({ id: id.optional().describe("The rule this is; without it the rule is a new one."), ...ruleFields })
  .superRefine(({ kind, emailGroupId, condition, ways }, context) => {
    const given = { joined: emailGroupId, matches: condition, created: ways };
    if (given[kind] === null) context.addIssue({ code: "custom", message: NEEDED[kind] });
    if (Object.entries(given).some(([name, value]) => name !== kind && value !== null))
      context.addIssue({ code: "custom", message: "A rule waits for one thing: a group, a condition, or creation." });
  });
export type RuleInput = z.output<typeof ruleInput>;

const NEEDED = {
  joined: "Say which Email Group is joined.",
  matches: "Say which condition comes true.",
  created: "Say by which ways people are created: api, import, hand.",
} as const;

/** What holds for all rules of a Campaign. */
export const startSettings = {
  senderId: id.nullable().default(null).describe("The sender of the Campaign's owner when null."),
  again: z
    .enum(["never", "after-end"])
    .default("never")
    .describe("Whether somebody who went through it may begin again, once the last time has ended."),
  againAfterDays: z.int().min(0).max(3650).default(0).describe("… and how many days after it ended."),
  askAbove: z
    .int()
    .min(1)
    .max(10_000_000)
    .nullable()
    .default(1000)
    .describe("More starts than this within an hour wait for a yes; null: they never do."),
};

export const automaticStartInput = z.object({ rules: z.array(ruleInput).max(MAX_RULES), ...startSettings });
export type AutomaticStartInput = z.output<typeof automaticStartInput>;

const automaticStart = z.object({
  campaignId: id,
  rules: z.array(
    z.object({
      id,
      ...ruleFields,
      emailGroup: z.string().nullable(),
      text: z.string().nullable().describe("The condition in words."),
      started: z.int().describe("How many Email Campaigns it started."),
      matching: z.int().describe("Of how many people its condition is true now."),
      waiting: z.int().describe("How many it found wait for a yes."),
    }),
  ),
  ...startSettings,
  waiting: z.int().describe("People who are not started before somebody says yes."),
  leftOut: z
    .array(
      z.object({ ruleId: id, personId: id, person: z.string(), reason: z.string(), text: z.string(), at: instant }),
    )
    .describe("Whom a rule did not start and why, the last 50."),
  changedAt: instant.nullable().describe("Null: nothing was ever set."),
});

const base = { tag: "Campaigns", params: idParams } as const;

export const automaticStarts = contract({
  get: {
    ...base,
    method: "GET",
    path: "/campaigns/:id/automatic-start",
    summary: "What starts a Campaign by itself, whom it left out and why",
    access: "viewer",
    success: { status: 200, body: automaticStart },
  },
  save: {
    ...base,
    method: "PUT",
    path: "/campaigns/:id/automatic-start",
    summary: "Set the rules that start a Campaign by itself, from now on",
    description:
      "Nobody is started who joined, matched or was created before; that is an act of its own, POST /email-campaigns/bulk. A rule left out is removed; what it started goes on.",
    access: "user",
    body: automaticStartInput,
    success: { status: 200, body: automaticStart },
  },
  answer: {
    ...base,
    method: "PUT",
    path: "/campaigns/:id/automatic-start/waiting",
    summary: "Say whether those who wait, because they were too many at once, are started",
    access: "user",
    body: z.object({ start: z.boolean().describe("False: they are forgotten, and nobody of them is started.") }),
    success: { status: 200, body: automaticStart },
  },
});
