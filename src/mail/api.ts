/** The contract of the built-in mailbox. Data only. */
import { z } from "zod";
import { contract, idParams, instant, listOf, page } from "../http/contract.ts";

const message = z.object({
  id: z.number(),
  communicationId: z.string().nullable().describe("The same mail on the timelines: `message-12`."),
  from: z.string().describe("The sender of the envelope."),
  to: z.string().describe("The one recipient of the envelope."),
  subject: z.string(),
  receivedAt: instant,
});

export const mailbox = contract({
  list: {
    method: "GET",
    path: "/mailbox/messages",
    summary: "What would have been sent, newest first",
    description: "Without an SMTP server every mail lands here.",
    tag: "Mailbox",
    access: "viewer",
    query: z.object({ ...page, to: z.string().max(320).optional().describe("To this address, in any letter case.") }),
    success: { status: 200, body: listOf(message) },
  },
  get: {
    method: "GET",
    path: "/mailbox/messages/:id",
    summary: "One mail of the mailbox",
    tag: "Mailbox",
    access: "viewer",
    params: idParams,
    success: {
      status: 200,
      body: message.extend({
        headers: z.array(z.object({ name: z.string(), value: z.string() })),
        text: z.string().nullable(),
        html: z.string().nullable(),
      }),
    },
  },
  eml: {
    method: "GET",
    path: "/mailbox/messages/:id/eml",
    summary: "The exact bytes of one mail",
    tag: "Mailbox",
    access: "viewer",
    params: idParams,
    produces: "message/rfc822",
    success: { status: 200 },
  },
  clear: {
    method: "DELETE",
    path: "/mailbox/messages",
    summary: "Empty the mailbox",
    tag: "Mailbox",
    access: "manager",
    success: { status: 204 },
  },
});
