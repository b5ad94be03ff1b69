/** The contract of suppressions: addresses that get nothing more, why, and how far it reaches. Data only. */
import { z } from "zod";
import { contract, id, idParams, instant, listOf, page } from "../http/contract.ts";

const scopes = ["campaign", "campaigns", "everything"] as const;
const reasons = [
  "unsubscribed",
  "hard-bounce",
  "soft-bounces",
  "complaint",
  "do-not-contact",
  "manual",
  "imported",
  "erased",
] as const;

const suppression = z.object({
  id,
  email: z.string().nullable().describe("The address as it is compared; null once the person is erased."),
  scope: z.enum(scopes),
  campaignId: id.nullable(),
  reason: z.enum(reasons),
  origin: z.string().nullable(),
  personId: id.nullable(),
  createdAt: instant,
  liftedAt: instant.nullable(),
  liftedBy: z.string().nullable(),
});

export const suppressions = contract({
  list: {
    method: "GET",
    path: "/suppressions",
    summary: "List suppressed addresses",
    tag: "Suppressions",
    access: "viewer",
    query: z.object({
      ...page,
      email: z.string().max(320).optional().describe("This address, in any letter case."),
      scope: z.enum(scopes).optional(),
      reason: z.enum(reasons).optional(),
      campaignId: id.optional(),
      lifted: z.stringbool().default(false).describe("Those that were lifted, instead of those in force."),
      sort: z.enum(["id", "-id"]).default("-id"),
    }),
    success: { status: 200, body: listOf(suppression) },
  },
  create: {
    method: "POST",
    path: "/suppressions",
    summary: "Suppress an address by hand",
    tag: "Suppressions",
    access: "user",
    body: z.object({
      email: z.string().max(320),
      scope: z.enum(scopes).default("everything"),
      campaignId: id.nullable().default(null),
      origin: z.string().trim().max(500).nullable().default(null).describe("Where this comes from, in your words."),
    }),
    success: { status: 201, body: suppression },
  },
  remove: {
    method: "DELETE",
    path: "/suppressions/:id",
    summary: "Lift a suppression made by hand, by an import or by a bounce",
    description:
      "What a person asked for (unsubscribed, complaint) only the person takes back, through the link in a mail; " +
      "Do Not Contact is lifted by changing the status; an erasure is for good.",
    tag: "Suppressions",
    access: "manager",
    params: idParams,
    success: { status: 204 },
  },
});
