/** The contract of variants: how they do, step by step, and choosing one. Data only. */
import { z } from "zod";
import { LETTERS, MEASURES } from "../core/variants.ts";
import { contract, id, idParams, instant } from "../http/contract.ts";

const letter = z.enum(LETTERS);
const people = z.int().describe("People, each counted once.");

const variant = z.object({
  letter,
  emailTemplateId: id,
  emailTemplate: z.string(),
  share: z.int().describe("Of a hundred people so many get it by the split."),
  sent: people,
  opensMeasured: people.describe("Of those sent: in how many opening was measured. `opened` is a share of these."),
  clicksMeasured: people.describe("The same for `clicked`."),
  opened: people,
  clicked: people,
  replied: people,
  unsubscribed: people.describe("Left after this mail and before the next."),
  isWinner: z.boolean(),
});

const trial = z.object({
  stepId: id,
  position: z.int(),
  sendAfterDays: z.int(),
  variants: z.array(variant).describe("Of mails that left in the templates the variants have now."),
  firstSentAt: instant.nullable(),
  outcome: z
    .enum(["won", "no-clear-winner", "chosen", "not-measured", "too-early", "too-few", "no-rule"])
    .describe("What was decided, or why nothing is."),
  text: z.string().describe("How it stands, in words."),
  winner: letter.nullable().describe("What everybody gets who is planned from now on; null: as the split has it."),
  decidedAt: instant.nullable(),
  decidedBy: z.string().nullable().describe("Null: by the rule."),
  by: z.enum(MEASURES).nullable().describe("By what a winner is looked for; null: by nothing."),
  measured: z.object({ opened: z.boolean(), clicked: z.boolean(), replied: z.boolean() }),
});

const tag = "Variants";
const stepParams = idParams.extend({ stepId: id });

export const variants = contract({
  ofCampaign: {
    method: "GET",
    path: "/campaigns/:id/variants",
    summary: "The steps of a Campaign that have variants: who got which, how they did, and what was decided",
    tag,
    access: "viewer",
    params: idParams,
    success: { status: 200, body: z.object({ data: z.array(trial) }) },
  },
  csv: {
    method: "GET",
    path: "/campaigns/:id/variants.csv",
    summary: "The same as a CSV",
    tag,
    access: "viewer",
    params: idParams,
    produces: "text/csv; charset=utf-8",
    success: { status: 200 },
  },
  choose: {
    method: "POST",
    path: "/campaigns/:id/steps/:stepId/winner",
    summary: "Choose the variant that everybody gets from now on",
    description: "Whoever is planned already, or was sent one, keeps it. Recorded with what there was to see.",
    tag,
    access: "user",
    params: stepParams,
    body: z.object({ variant: letter }),
    success: { status: 200, body: trial },
  },
  takeBack: {
    method: "DELETE",
    path: "/campaigns/:id/steps/:stepId/winner",
    summary: "Take back what was chosen or decided: it goes on by the split",
    description: "A rule that has its numbers decides again.",
    tag,
    access: "user",
    params: stepParams,
    success: { status: 200, body: trial },
  },
});
