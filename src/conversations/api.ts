/** The contract of conversations: people who answered, what was written on either side, and what we write back. Data only. */
import { z } from "zod";
import { contract, id, idParams, instant, listOf, page } from "../http/contract.ts";

export const STATES = ["open", "done"] as const;

const user = z.object({ id, name: z.string() });

const conversation = z.object({
  id,
  person: z.object({
    id,
    kind: z.enum(["lead", "contact"]),
    name: z.string(),
    email: z.string().nullable(),
    company: z.string().nullable(),
  }),
  emailCampaign: z
    .object({ id, number: z.string(), campaignId: id, campaign: z.string(), status: z.string() })
    .nullable()
    .describe("Null: the person wrote without being in one."),
  subject: z.string(),
  preview: z.string().describe("How the latest reply begins, without what it quotes."),
  state: z.enum(STATES),
  assignedTo: user.nullable(),
  unseen: z.boolean().describe("Nobody has looked at the latest reply yet."),
  openedAt: instant,
  lastReceivedAt: instant,
  lastAnsweredAt: instant.nullable(),
  doneAt: instant.nullable(),
  doneBy: z.string().nullable(),
});

const part = z.object({ kind: z.enum(["written", "quoted", "signature"]), text: z.string() });

const item = z.object({
  kind: z.enum(["sent", "received", "answer"]),
  id: z.number().describe("Of the message, the received mail or the answer."),
  at: instant,
  from: z.object({ name: z.string().nullable(), address: z.string().nullable() }).nullable(),
  to: z.string().nullable(),
  subject: z.string(),
  parts: z
    .array(part)
    .describe("A reply in pieces: what was written, what it quotes, the signature. Empty for `sent`."),
  communicationId: z.string().nullable().describe("Of what we sent by the Schedule: `message-123`."),
  receivedMailId: id.nullable().describe("The mail as it came, under /received-mails."),
  state: z
    .enum(["planned", "in_data", "accepted", "deferred", "refused", "unknown"])
    .nullable()
    .describe("Of an answer: where it stands."),
  reason: z.string().nullable(),
  reply: z.string().nullable().describe("What the server said to an answer."),
});

const whole = conversation.extend({
  items: z.array(item).describe("Oldest first."),
  answersFrom: z
    .object({ name: z.string().nullable(), address: z.string() })
    .nullable()
    .describe("Who an answer comes from; null: nobody has an address."),
  answersTo: z.string().nullable(),
});

const tag = "Conversations";

export const conversations = contract({
  list: {
    method: "GET",
    path: "/conversations",
    summary: "The inbox of replies, the latest first",
    tag,
    access: "viewer",
    query: z.object({
      ...page,
      state: z.enum(STATES).optional(),
      assignedTo: z
        .union([z.enum(["me", "nobody"]), id])
        .optional()
        .describe("`me`, `nobody`, or a user."),
      personId: id.optional(),
      campaignId: id.optional(),
    }),
    success: { status: 200, body: listOf(conversation) },
  },
  counts: {
    method: "GET",
    path: "/conversation-counts",
    summary: "How many conversations are open, the caller's, and not looked at yet",
    tag,
    access: "viewer",
    success: {
      status: 200,
      body: z.object({
        open: z.int(),
        mine: z.int(),
        unseen: z.int().describe("Open, not looked at, and the caller's or nobody's."),
      }),
    },
  },
  get: {
    method: "GET",
    path: "/conversations/:id",
    summary: "A conversation with all that was written on either side",
    tag,
    access: "viewer",
    params: idParams,
    success: { status: 200, body: whole },
  },
  see: {
    method: "PUT",
    path: "/conversations/:id/seen",
    summary: "Somebody has looked at it",
    tag,
    access: "user",
    params: idParams,
    success: { status: 204 },
  },
  assign: {
    method: "PUT",
    path: "/conversations/:id/assignment",
    summary: "Give it to a colleague, or to nobody",
    tag,
    access: "user",
    params: idParams,
    body: z.object({ userId: id.nullable() }),
    success: { status: 200, body: conversation },
  },
  finish: {
    method: "PUT",
    path: "/conversations/:id/done",
    summary: "It is done; the next reply opens it again",
    tag,
    access: "user",
    params: idParams,
    success: { status: 200, body: conversation },
  },
  reopen: {
    method: "DELETE",
    path: "/conversations/:id/done",
    summary: "Open it again",
    tag,
    access: "user",
    params: idParams,
    success: { status: 200, body: conversation },
  },
  answer: {
    method: "POST",
    path: "/conversations/:id/answers",
    summary: "Answer the person",
    description:
      "Leaves by the account and with the address of the Email Campaign's sender, with the headers that keep it in the " +
      "person's thread. It is stored before it leaves and tried again like every mail.",
    tag,
    access: "user",
    params: idParams,
    body: z.object({
      text: z.string().trim().min(1, "An answer says something.").max(100_000),
      done: z.boolean().default(false).describe("The conversation is done with it."),
    }),
    success: { status: 201, body: whole },
  },
  resolveAnswer: {
    method: "PUT",
    path: "/answers/:id/resolution",
    summary: "Decide about an answer that may or may not have arrived",
    tag,
    access: "user",
    params: idParams,
    body: z.object({ decision: z.enum(["arrived", "send-again"]) }),
    success: { status: 200, body: whole },
  },
  assignees: {
    method: "GET",
    path: "/conversation-assignees",
    summary: "Who a conversation can be given to",
    tag,
    access: "viewer",
    success: { status: 200, body: z.object({ data: z.array(user) }) },
  },
});
