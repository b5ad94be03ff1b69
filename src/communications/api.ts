/** The contract of communications: what stands on a timeline. Data only. */
import { z } from "zod";
import { LETTERS } from "../core/variants.ts";
import { contract, id, instant, line, listOf, page } from "../http/contract.ts";

export const kinds = [
  "email",
  "unsubscribed",
  "resubscribed",
  "note",
  "status",
  "bounce",
  "complaint",
  "reply",
  "answer",
  "auto-reply",
  "converted",
  "suppressed",
  "opened",
  "clicked",
  "event",
  "measuring",
] as const;

export const deliveryStatuses = ["sending", "sent", "deferred", "error", "bounced", "suppressed"] as const;

const communicationId = z
  .string()
  .regex(/^(?:message|entry)-[1-9]\d{0,15}$/, "An id is written as message-123 or entry-45.");

export const communication = z.object({
  id: z.string().describe("`message-123` is an email, `entry-45` anything else."),
  kind: z.enum(kinds),
  personId: id,
  emailCampaignId: id.nullable(),
  campaignId: id.nullable(),
  stepId: id.nullable(),
  at: instant.describe("When it came to stand here; an email when it was handed over for sending."),
  subject: z.string(),
  template: z.object({ id, name: z.string() }).nullable(),
  variant: z.enum(LETTERS).nullable().describe("Of an email: which variant of its step; null where it has none."),
  to: z.string().nullable().describe("The address an email went to; null before and after erasure."),
  deliveryStatus: z
    .enum(deliveryStatuses)
    .nullable()
    .describe(
      "Of an email (E104). `suppressed`: it was not sent, and `reason` says why (E70). `bounced`: it was, and came back.",
    ),
  reason: z.string().nullable(),
  sentAt: instant.nullable(),
  attempts: z.number().nullable(),
  nextAttemptAt: instant.nullable(),
  reply: z.string().nullable().describe("What the server said last, with its code."),
  detail: z
    .record(z.string(), z.unknown())
    .describe(
      "Of what was opened or clicked: `messageId`, `link` as its author wrote it, `automatic` (a scanner, prefetcher or privacy proxy), `times` so far. Of an event: `happenedAt`, `properties`.",
    ),
});

const params = z.object({ id: communicationId });

export const communications = contract({
  list: {
    method: "GET",
    path: "/communications",
    summary: "What was sent and what happened, newest first",
    tag: "Communications",
    access: "viewer",
    query: z.object({
      ...page,
      personId: id.optional(),
      emailCampaignId: id.optional(),
      campaignId: id.optional(),
      kind: z.enum(kinds).optional(),
      deliveryStatus: z.enum(deliveryStatuses).optional(),
    }),
    success: { status: 200, body: listOf(communication) },
  },
  get: {
    method: "GET",
    path: "/communications/:id",
    summary: "One communication, an email with what it said",
    tag: "Communications",
    access: "viewer",
    params,
    success: {
      status: 200,
      body: communication.extend({
        messageId: z.string().nullable().describe("The Message-ID of an email."),
        text: z.string().nullable(),
        html: z.string().nullable(),
      }),
    },
  },
  eml: {
    method: "GET",
    path: "/communications/:id/eml",
    summary: "The exact bytes of an email as it was sent",
    tag: "Communications",
    access: "viewer",
    params,
    produces: "message/rfc822",
    success: { status: 200 },
  },
  resolve: {
    method: "PUT",
    path: "/communications/:id/resolution",
    summary: "Decide about an email that may or may not have arrived",
    description:
      "Where an email account holds mail whose fate is unknown, because the connection broke before the server " +
      "confirmed it: it counts as sent, or leaves once more, the same to the byte.",
    tag: "Communications",
    access: "manager",
    params,
    body: z.object({ decision: z.enum(["arrived", "send-again"]) }),
    success: { status: 200, body: communication },
  },
  note: {
    method: "POST",
    path: "/communications",
    summary: "Write a note on a timeline",
    tag: "Communications",
    access: "user",
    body: z.object({
      personId: id,
      emailCampaignId: id.nullable().default(null),
      subject: line(),
      text: z.string().max(20_000).default(""),
    }),
    success: { status: 201, body: communication },
  },
});
