/** The contract of test mails to an address of one's own, and of limits for recipient domains. Data only. */
import { z } from "zod";
import { limits } from "../accounts/api.ts";
import { LETTERS } from "../core/variants.ts";
import { contract, id, idParams, instant, listOf, page } from "../http/contract.ts";
import { previewInput } from "../templates/api.ts";

const address = z.string().trim().min(1).max(320).meta({ format: "email" });
const whom = {
  to: address.nullable().default(null).describe("The caller's own address when null."),
  senderId: id.nullable().default(null).describe("The caller's own sender when null."),
  personId: id.nullable().default(null).describe("Whose values to fill in; made-up ones when null."),
};

const { subject, preheader, format, body, text, variables } = previewInput.shape;
export const testSendInput = z.object({
  ...whom,
  emailTemplateId: id.nullable().default(null).describe("A saved template; or give `content`."),
  content: z.object({ subject, preheader, format, body, text }).nullable().default(null),
  variables,
});
export const campaignTestSendInput = z.object(whom);

const sent = z.object({
  subject: z.string(),
  ok: z.boolean(),
  /** As the SMTP client tells it. */
  outcome: z.enum(["accepted", "refused", "unknown"]),
  stage: z.string().nullable().describe("Where it was refused: connect, auth, mail, rcpt, data, body."),
  reply: z.string().nullable().describe("What the server said."),
  messageId: z.string(),
});
const result = {
  to: z.string(),
  from: z.string(),
  account: z.string().describe("The email account, or Mailbox for the built-in one."),
  mailbox: z.boolean().describe("It went to the built-in mailbox: see /mailbox/messages."),
};

export const testSends = contract({
  template: {
    method: "POST",
    path: "/email-templates/test-send",
    summary: "Send a template to oneself, at once",
    description:
      "The subject begins with [Test]; the unsubscribe link does nothing. It stands on no timeline. At most 60 test mails in ten " +
      "minutes for each caller.",
    tag: "Email Templates",
    access: "user",
    body: testSendInput,
    success: { status: 200, body: z.object({ ...result, ...sent.shape }) },
  },
  campaign: {
    method: "POST",
    path: "/campaigns/:id/test-send",
    summary: "Send every step of a Campaign to oneself, at once and in order, in each of its variants",
    tag: "Campaigns",
    access: "user",
    params: idParams,
    body: campaignTestSendInput,
    success: {
      status: 200,
      body: z.object({
        ...result,
        mails: z.array(
          sent.extend({
            stepId: id,
            sendAfterDays: z.int(),
            variant: z.enum(LETTERS).nullable().describe("Of a step with variants; its subject begins with [Test B]."),
          }),
        ),
      }),
    },
  },
});

const recipientDomain = z.object({
  id: z.number(),
  domain: z.string(),
  maxPerSecond: z.number().nullable(),
  maxPerMinute: z.number().nullable(),
  maxPerHour: z.number().nullable(),
  maxPerDay: z.number().nullable(),
  restsUntil: instant.nullable().describe("Its servers asked us to slow down: nothing leaves for it before."),
  restsReason: z.string().nullable().describe("What they said."),
  createdAt: instant,
  changedAt: instant,
});
const recipientDomainInput = z.object({ domain: z.string().trim().min(1).max(253), ...limits.shape });
const tag = "Recipient domains";

export const recipientDomains = contract({
  list: {
    method: "GET",
    path: "/recipient-domains",
    summary: "Domains that get mail more slowly than others",
    description: "Limited by a person, over all email accounts; or at rest because their servers asked for patience.",
    tag,
    access: "manager",
    query: z.object(page),
    success: { status: 200, body: listOf(recipientDomain) },
  },
  create: {
    method: "POST",
    path: "/recipient-domains",
    summary: "Limit what leaves for a domain",
    tag,
    access: "administrator",
    body: recipientDomainInput,
    success: { status: 201, body: recipientDomain },
  },
  update: {
    method: "PATCH",
    path: "/recipient-domains/:id",
    summary: "Change its limits, or end its rest",
    tag,
    access: "administrator",
    params: idParams,
    body: limits.extend({ rests: z.literal(false).describe("Ends its rest at once.") }).partial(),
    success: { status: 200, body: recipientDomain },
  },
  remove: {
    method: "DELETE",
    path: "/recipient-domains/:id",
    summary: "Send to it like to any other",
    tag,
    access: "administrator",
    params: idParams,
    success: { status: 204 },
  },
});
