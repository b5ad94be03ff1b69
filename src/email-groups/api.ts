/** The contract of Email Groups and their members. Data only. */
import { z } from "zod";
import { contract, id, idParams, instant, line, listOf, NAMED_IN_USE, page, removalQuery } from "../http/contract.ts";
import { filterSchema } from "../people/api.ts";

const emailGroup = z.object({
  id,
  title: z.string(),
  description: z.string().nullable(),
  ownerId: id.nullable(),
  subscribed: z.number().describe("Members who are subscribed."),
  unsubscribed: z.number().describe("Members who have unsubscribed; never counted as subscribed."),
  createdAt: instant,
  changedAt: instant,
});

const groupInput = z.object({ title: line(), description: z.string().max(5_000).nullable().default(null) });

const member = z.object({
  personId: id,
  kind: z.enum(["lead", "contact"]),
  fullName: z.string(),
  email: z.string().nullable(),
  joinedAt: instant,
  unsubscribedAt: instant.nullable(),
});

/** How many addresses one request may name. */
export const MAX_ADDRESSES = 10_000;

export const additionInput = z
  .object({
    personIds: z.array(id).min(1).max(MAX_ADDRESSES),
    addresses: z
      .string()
      .min(1)
      .max(2_000_000)
      .describe("Addresses apart by commas, semicolons or line breaks. Unknown ones become Leads."),
    filter: filterSchema.describe("Everybody the filter means."),
  })
  .partial();

const addition = z.object({
  added: z.number(),
  alreadyMembers: z.number(),
  createdLeads: z.number(),
  optedOut: z
    .array(z.object({ personId: id, email: z.string().nullable(), why: z.string() }))
    .describe("Who will get no mail through this group, and why; the first 1,000."),
  optedOutCount: z.number(),
  bad: z.array(z.object({ text: z.string(), problem: z.string() })),
});

const membership = z.object({ id, personId: id });

export const emailGroups = contract({
  list: {
    method: "GET",
    path: "/email-groups",
    summary: "List Email Groups",
    tag: "Email Groups",
    access: "viewer",
    query: z.object({ ...page, q: z.string().trim().min(1).max(200).optional() }),
    success: { status: 200, body: listOf(emailGroup) },
  },
  read: {
    method: "GET",
    path: "/email-groups/:id",
    summary: "Read an Email Group",
    tag: "Email Groups",
    access: "viewer",
    params: idParams,
    success: { status: 200, body: emailGroup },
  },
  create: {
    method: "POST",
    path: "/email-groups",
    summary: "Create an Email Group",
    tag: "Email Groups",
    access: "user",
    body: groupInput,
    success: { status: 201, body: emailGroup },
  },
  update: {
    method: "PATCH",
    path: "/email-groups/:id",
    summary: "Change an Email Group",
    tag: "Email Groups",
    access: "user",
    params: idParams,
    body: z.object({ title: line(), description: z.string().max(5_000).nullable() }).partial(),
    success: { status: 200, body: emailGroup },
  },
  remove: {
    method: "DELETE",
    path: "/email-groups/:id",
    summary: "Delete an Email Group that no running Email Campaign was started for",
    description: NAMED_IN_USE,
    tag: "Email Groups",
    access: "manager",
    params: idParams,
    query: removalQuery,
    success: { status: 204 },
  },
  members: {
    method: "GET",
    path: "/email-groups/:id/members",
    summary: "List the members of an Email Group",
    tag: "Email Groups",
    access: "viewer",
    params: idParams,
    query: z.object({ ...page, state: z.enum(["subscribed", "unsubscribed"]).optional() }),
    success: { status: 200, body: z.object({ data: z.array(member), nextCursor: z.string().nullable() }) },
  },
  addMembers: {
    method: "POST",
    path: "/email-groups/:id/members",
    summary: "Add members",
    description: "By id, by address or by filter. A member who unsubscribed stays so, and the answer says it.",
    tag: "Email Groups",
    access: "user",
    params: idParams,
    body: additionInput,
    success: { status: 200, body: addition },
  },
  removeMember: {
    method: "DELETE",
    path: "/email-groups/:id/members/:personId",
    summary: "Remove a member",
    tag: "Email Groups",
    access: "user",
    params: membership,
    success: { status: 204 },
  },
  unsubscribeMember: {
    method: "PUT",
    path: "/email-groups/:id/members/:personId/unsubscription",
    summary: "Unsubscribe a member from this group",
    tag: "Email Groups",
    access: "user",
    params: membership,
    success: { status: 200, body: member },
  },
  resubscribeMember: {
    method: "PUT",
    path: "/email-groups/:id/members/:personId/subscription",
    summary: "Subscribe a member again who asked for it",
    description: "Say how the person asked: it stands in the audit log. It lifts no suppression.",
    tag: "Email Groups",
    access: "manager",
    params: membership,
    body: z.object({ consent: line(500) }),
    success: { status: 200, body: member },
  },
});
