/** The contract of deliverability: what became of mails by recipient domain, and what the guards found. Data only. */
import { z } from "zod";
import { contract, day, dayInput, id, instant } from "../http/contract.ts";

const counts = {
  accepted: z.int().describe("Taken by the server."),
  deferred: z.int().describe("Put off; counted for each attempt."),
  refused: z.int().describe("Refused for good by the server."),
  bounced: z.int().describe("Taken, and sent back later."),
  complained: z.int().describe("Reported as spam."),
};
const span = { from: dayInput.optional().describe("30 days back when left out."), to: dayInput.optional() };
const tag = "Deliverability";

export const deliverability = contract({
  domains: {
    method: "GET",
    path: "/deliverability/domains",
    summary: "What became of mails by recipient domain, the largest first",
    tag,
    access: "viewer",
    query: z.object({ ...span, limit: z.coerce.number().int().min(1).max(500).default(50) }),
    success: { status: 200, body: z.object({ data: z.array(z.object({ domain: z.string(), ...counts })) }) },
  },
  days: {
    method: "GET",
    path: "/deliverability/days",
    summary: "What became of mails day by day (UTC), of all domains or of one",
    tag,
    access: "viewer",
    query: z.object({ ...span, domain: z.string().max(253).optional() }),
    success: { status: 200, body: z.object({ data: z.array(z.object({ day, ...counts })) }) },
  },
  findings: {
    method: "GET",
    path: "/deliverability/findings",
    summary: "Accounts and Campaigns of which too much comes back",
    description: "Warned at 2 % bounces or 0.1 % complaints within 7 days, paused at 5 % or 0.3 %.",
    tag,
    access: "viewer",
    success: {
      status: 200,
      body: z.object({
        data: z.array(
          z.object({
            kind: z.enum(["account", "campaign"]),
            id,
            name: z.string(),
            level: z.enum(["warn", "pause"]),
            about: z.enum(["bounced", "complained"]),
            text: z.string(),
            foundAt: instant,
          }),
        ),
      }),
    },
  },
});
