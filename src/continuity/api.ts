/** The contract of holding mail back in a database that seems to be a restored copy. Data only. */
import { z } from "zod";
import { contract, instant } from "../http/contract.ts";

const dueMail = z.object({
  emailCampaignId: z.number(),
  number: z.string(),
  personId: z.number(),
  person: z.string(),
  campaign: z.string(),
  dueAt: instant,
});

const held = z.object({
  at: instant,
  reason: z
    .enum(["went-back", "copied", "silent"])
    .describe(
      "went-back: the data folder saw a later state of this database. copied: this is a copy of a database or of a data folder. " +
        "silent: nothing ran for more than three days, and mail came due meanwhile.",
    ),
  lastAliveAt: instant.nullable().describe("When a process last lived in this database, before it was held."),
  due: z.number().describe("How many Email Campaigns would send at once."),
  first: z.array(dueMail).describe("The first hundred of them, the longest due first."),
});

const tag = "Workspace";

export const sendingHold = contract({
  get: {
    method: "GET",
    path: "/sending-hold",
    summary: "Whether mail is held because the database seems to be a restored copy",
    tag,
    access: "viewer",
    success: { status: 200, body: z.object({ held: held.nullable() }) },
  },
  end: {
    method: "PUT",
    path: "/sending-hold/answer",
    summary: "End the hold: mail leaves again",
    description:
      "keep: what is due leaves, as after an outage. skip: what is due by now is resolved as skipped, reason `restored`, and what " +
      "lies ahead goes on.",
    tag,
    access: "administrator",
    body: z.object({ whatIsDue: z.enum(["keep", "skip"]) }),
    success: { status: 200, body: z.object({ skipped: z.number() }) },
  },
});
