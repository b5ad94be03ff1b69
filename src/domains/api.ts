/** The contract of sending domains. A private key is never answered. */
import { z } from "zod";
import { contract, id, idParams, instant, line, listOf, page } from "../http/contract.ts";

const mode = z
  .enum(["sign", "relay-signs", "off"])
  .describe("sign: mail of the domain leaves signed or not at all. relay-signs: the server we hand mail to signs.");
const algorithm = z.enum(["rsa-sha256", "ed25519-sha256"]);
const algorithms = z
  .array(algorithm)
  .max(2)
  .refine((given) => new Set(given).size === given.length, "Each kind once.");
const selector = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,50}[A-Za-z0-9])?$/, "Letters, digits and hyphens.")
  .optional()
  .describe("Unless given, the day says it. With two keys, r and e are added.");

export const sendingDomainKey = z.object({
  id: z.number(),
  selector: z.string(),
  algorithm,
  state: z.enum(["new", "signing", "retired"]),
  publishedAt: instant.nullable().describe("Since when checks have seen the record, with this key in it."),
  createdAt: instant,
});

export const dnsRecord = z.object({
  purpose: z.enum(["dkim", "dmarc"]),
  keyId: z.number().nullable(),
  type: z.literal("TXT"),
  name: z.string(),
  value: z.string(),
  strings: z.array(z.string()).describe("The value cut into strings of at most 255 octets."),
  zone: z.string().describe("As a line of a zone file."),
});

export const domainCheck = z.object({
  check: z.enum(["dkim", "spf", "dmarc", "alignment", "mx", "ptr"]),
  ok: z.boolean().nullable().describe("Null: nothing can be said, or it does not apply."),
  found: z.string().nullable(),
  text: z.string(),
  todo: z.string().nullable(),
});

export const sendingDomain = z.object({
  id: z.number(),
  domain: z.string(),
  mode,
  keys: z.array(sendingDomainKey),
  records: z.array(dnsRecord).describe("What to publish."),
  checkedAt: instant.nullable(),
  checks: z.array(domainCheck),
  createdAt: instant,
  changedAt: instant,
});

const keyParams = z.object({ id, keyId: id });

export const sendingDomains = contract({
  list: {
    method: "GET",
    path: "/sending-domains",
    summary: "Domains mail is sent from, with their DKIM keys",
    tag: "Sending domains",
    access: "manager",
    query: z.object(page),
    success: { status: 200, body: listOf(sendingDomain) },
  },
  get: {
    method: "GET",
    path: "/sending-domains/:id",
    summary: "One sending domain",
    tag: "Sending domains",
    access: "manager",
    params: idParams,
    success: { status: 200, body: sendingDomain },
  },
  create: {
    method: "POST",
    path: "/sending-domains",
    summary: "Add a sending domain",
    description: "Its keys are made here: rsa-sha256 with 2048 bits unless algorithms say otherwise.",
    tag: "Sending domains",
    access: "administrator",
    body: z.object({ domain: line(253), mode: mode.default("sign"), algorithms: algorithms.optional(), selector }),
    success: { status: 201, body: sendingDomain },
  },
  update: {
    method: "PATCH",
    path: "/sending-domains/:id",
    summary: "Change who signs mail of a domain",
    tag: "Sending domains",
    access: "administrator",
    params: idParams,
    body: z.object({ mode: mode.optional() }),
    success: { status: 200, body: sendingDomain },
  },
  remove: {
    method: "DELETE",
    path: "/sending-domains/:id",
    summary: "Delete a sending domain and its keys",
    description: "Its mail leaves unsigned from then on.",
    tag: "Sending domains",
    access: "administrator",
    params: idParams,
    success: { status: 204 },
  },
  addKeys: {
    method: "POST",
    path: "/sending-domains/:id/keys",
    summary: "Make new keys, to sign with once their records are published",
    tag: "Sending domains",
    access: "administrator",
    params: idParams,
    body: z.object({ algorithms: algorithms.min(1), selector }),
    success: { status: 201, body: sendingDomain },
  },
  signWith: {
    method: "PUT",
    path: "/sending-domains/:id/keys/:keyId/signing",
    summary: "Sign with this key from now on",
    description: "The key of its kind that signed so far is retired and kept.",
    tag: "Sending domains",
    access: "administrator",
    params: keyParams,
    query: z.object({
      unpublished: z
        .enum(["true", "false"])
        .optional()
        .describe("true: even though the last check did not see its record."),
    }),
    success: { status: 200, body: sendingDomain },
  },
  removeKey: {
    method: "DELETE",
    path: "/sending-domains/:id/keys/:keyId",
    summary: "Delete a key",
    description: "Withdraw its record a week later at the earliest: mail signed with it may still be on its way.",
    tag: "Sending domains",
    access: "administrator",
    params: keyParams,
    success: { status: 204 },
  },
  check: {
    method: "POST",
    path: "/sending-domains/:id/check",
    summary: "Ask DNS for DKIM, SPF, DMARC, alignment, MX and PTR",
    tag: "Sending domains",
    access: "manager",
    params: idParams,
    success: { status: 200, body: sendingDomain },
  },
});
