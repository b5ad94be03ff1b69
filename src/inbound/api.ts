/** The contract of received mail: mailboxes, mails, what was set aside. A secret is answered once, when it is made. */
import { z } from "zod";
import { PROVIDERS } from "../core/inbound/provider-events.ts";
import { contract, id, idParams, instant, line, listOf, page } from "../http/contract.ts";

export const KINDS = ["bounce", "complaint", "auto-reply", "unsubscribe", "reply", "delivered", "other"] as const;
export const WAYS = ["imap", "smtp", "upload", "webhook", "command-line"] as const;

const verdict = z.object({
  recipient: z.string().nullable(),
  status: z.string().nullable().describe("Enhanced status code, 5.1.1."),
  replyCode: z.string().nullable(),
  reason: z.string(),
  hard: z.boolean().describe("The address is dead."),
  delayed: z.boolean().describe("Still being tried: no failure yet."),
});

const receivedMail = z.object({
  id: z.number(),
  way: z.enum(WAYS),
  emailAccountId: z.number().nullable(),
  folder: z.string().nullable(),
  state: z.enum(["stored", "handled", "set-aside"]),
  kind: z.enum(KINDS).nullable().describe("Null until it was handled."),
  verdicts: z.array(verdict),
  from: z.string().nullable(),
  subject: z.string().nullable(),
  personId: z.number().nullable(),
  emailCampaignId: z.number().nullable(),
  messageId: z.number().nullable().describe("The mail of ours it is about; communication `message-ID`."),
  attempts: z.number(),
  error: z.string().nullable(),
  hasSource: z.boolean().describe("Whether its bytes are kept: not of mails that are about nothing of ours."),
  receivedAt: instant,
  handledAt: instant.nullable(),
});

export const receivedMails = contract({
  list: {
    method: "GET",
    path: "/inbound/mails",
    summary: "Received mails and events, newest first",
    tag: "Inbound",
    access: "manager",
    query: z.object({
      ...page,
      state: z.enum(["stored", "handled", "set-aside"]).optional(),
      kind: z.enum(KINDS).optional(),
      personId: id.optional(),
      emailCampaignId: id.optional(),
      messageId: id.optional(),
    }),
    success: { status: 200, body: listOf(receivedMail) },
  },
  get: {
    method: "GET",
    path: "/inbound/mails/:id",
    summary: "One received mail",
    tag: "Inbound",
    access: "viewer",
    params: idParams,
    success: { status: 200, body: receivedMail },
  },
  source: {
    method: "GET",
    path: "/inbound/mails/:id/source",
    summary: "The exact bytes of a received mail",
    tag: "Inbound",
    access: "user",
    params: idParams,
    produces: "message/rfc822",
    success: { status: 200 },
  },
  upload: {
    method: "POST",
    path: "/inbound/mails",
    summary: "Hand in a received mail",
    description:
      "The body is the mail itself, with the content type message/rfc822, at most 30 MB. It is stored, and handled " +
      "within seconds. Handed in again it is known, and nothing follows.",
    tag: "Inbound",
    access: "manager",
    upload: ["message/rfc822", "application/octet-stream", "text/plain"],
    query: z.object({
      envelopeTo: z.string().max(320).optional().describe("To whom it was sent, where its own fields do not tell."),
    }),
    success: {
      status: 202,
      body: z.object({ id: z.number().nullable().describe("Null: known already."), known: z.boolean() }),
    },
  },
  retry: {
    method: "POST",
    path: "/inbound/mails/:id/retry",
    summary: "Handle a mail that was set aside once more",
    tag: "Inbound",
    access: "manager",
    params: idParams,
    success: { status: 200, body: receivedMail },
  },
});

export const inboundMailboxes = contract({
  list: {
    method: "GET",
    path: "/inbound/mailboxes",
    summary: "The mailboxes that are watched, and how each is",
    tag: "Inbound",
    access: "manager",
    success: {
      status: 200,
      body: z.object({
        data: z.array(
          z.object({
            mailbox: z.string().describe("account:ID, or environment (TIDINGS_IMAP_URL)."),
            emailAccountId: z.number().nullable(),
            name: z.string(),
            state: z.enum(["waiting", "connecting", "watching", "failed"]),
            trouble: z.string().nullable().describe("What is wrong."),
            todo: z.string().nullable().describe("What to do about it."),
            nextTryAt: instant.nullable(),
            connectedAt: instant.nullable(),
            lookedAt: instant.nullable().describe("When all folders had been read to their end."),
          }),
        ),
        nextCursor: z.null(),
      }),
    },
  },
});

const provider = z.enum(PROVIDERS);

const webhook = z.object({
  id: z.number(),
  name: z.string(),
  provider,
  address: z.string().describe("What the provider is to call. With postmark, brevo and mailjet add user and password."),
  topic: z.string().nullable(),
  confirmedAt: instant.nullable().describe("Amazon SES: when the subscription was confirmed."),
  lastEventAt: instant.nullable(),
  lastRefusedAt: instant.nullable(),
  lastRefusal: z.string().nullable().describe("Why the last call was refused."),
  createdAt: instant,
  changedAt: instant,
});
const madeWebhook = webhook.extend({
  secret: z.string().nullable().describe("Shown once. Null where it was given, or there is none."),
  addressWithSecret: z
    .string()
    .nullable()
    .describe("Shown once: the address with user and password, as postmark, brevo and mailjet take it."),
});
const givenSecret = z
  .string()
  .trim()
  .min(16, "At least 16 characters.")
  .max(2000)
  .optional()
  .describe(
    "sendgrid: its verification key. mailgun: its webhook signing key. Otherwise one is made unless given. amazon-ses has none.",
  );

export const inboundWebhooks = contract({
  list: {
    method: "GET",
    path: "/inbound/webhooks",
    summary: "Addresses at which providers report bounces and complaints",
    tag: "Inbound",
    access: "administrator",
    query: z.object(page),
    success: { status: 200, body: listOf(webhook) },
  },
  create: {
    method: "POST",
    path: "/inbound/webhooks",
    summary: "Make an address at which a provider may report",
    tag: "Inbound",
    access: "administrator",
    body: z.object({
      name: line(),
      provider,
      topic: z
        .string()
        .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}(?:\.fifo)?$/, "Must be the ARN of an SNS topic.")
        .optional()
        .describe("amazon-ses: the one topic that is listened to."),
      secret: givenSecret,
    }),
    success: { status: 201, body: madeWebhook },
  },
  rotate: {
    method: "POST",
    path: "/inbound/webhooks/:id/secret",
    summary: "Change the secret of a webhook",
    description: "The one before is accepted for 24 hours more.",
    tag: "Inbound",
    access: "administrator",
    params: idParams,
    body: z.object({ secret: givenSecret }),
    success: { status: 200, body: madeWebhook },
  },
  remove: {
    method: "DELETE",
    path: "/inbound/webhooks/:id",
    summary: "Listen to a provider no more",
    tag: "Inbound",
    access: "administrator",
    params: idParams,
    success: { status: 204 },
  },
  call: {
    method: "POST",
    path: "/inbound/hooks/:key",
    summary: "What a provider calls",
    description:
      "Signed as each provider does. Generic: `Tidings-Signature: t=SECONDS,v1=HEX`, an HMAC-SHA-256 of `SECONDS.BODY` " +
      "under the secret, over one event or `{ events: [ … ] }`: `{ id, kind: bounce|complaint|delivered|unsubscribe, " +
      "recipient, messageId, status, diagnostic, hard, at }`. A repeated event is known, and nothing follows.",
    tag: "Inbound",
    access: "public",
    params: z.object({ key: z.string().max(100) }),
    upload: ["application/json", "text/plain", "application/octet-stream"],
    success: { status: 200, body: z.object({ stored: z.number(), known: z.number() }) },
  },
});
