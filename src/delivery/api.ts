/** The contract of test mails: one template, or a whole Campaign at once, to an address of one's own. Data only. */
import { z } from "zod";
import { contract, id, idParams } from "../http/contract.ts";
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
    summary: "Send every step of a Campaign to oneself, at once and in order",
    tag: "Campaigns",
    access: "user",
    params: idParams,
    body: campaignTestSendInput,
    success: {
      status: 200,
      body: z.object({ ...result, mails: z.array(sent.extend({ stepId: id, sendAfterDays: z.int() })) }),
    },
  },
});
