/** The contract of users, API keys, senders and email accounts. A password or key is taken or shown once, never read back. */
import { z } from "zod";
import { contract, id, idParams, instant, line, listOf, page } from "../http/contract.ts";

export const role = z.enum(["administrator", "manager", "user", "viewer"]);
const email = z.string().trim().min(1).max(320).meta({ format: "email" });
const disabled = z.boolean().describe("A disabled one is kept, and used for nothing new.");

export const user = z.object({
  id: z.number(),
  name: z.string(),
  email: z.string(),
  role,
  disabledAt: instant.nullable(),
  lastSignInAt: instant.nullable(),
  createdAt: instant,
  changedAt: instant,
});

export const apiKey = z.object({
  id: z.number(),
  name: z.string(),
  role,
  scopes: z.array(z.string()).describe("What it may be used for; none: everything its role may."),
  userId: z.number().nullable(),
  prefix: z.string().describe("How the key begins, to tell keys apart."),
  createdAt: instant,
  lastUsedAt: instant.nullable(),
  revokedAt: instant.nullable(),
});

const accountChoice = z
  .enum(["in-order", "rotation"])
  .describe(
    "`in-order`: the first account, the next one when it cannot send. `rotation`: each gets its share of the people; the same person gets mail by the same account as long as it works.",
  );

export const sender = z.object({
  id: z.number(),
  userId: z.number().nullable(),
  name: z.string(),
  email: z.string(),
  replyTo: z.string().nullable(),
  signatureHtml: z.string().nullable(),
  signatureText: z.string().nullable(),
  emailAccountId: z.number().nullable().describe("Null: the default email account."),
  furtherAccounts: z.array(z.object({ emailAccountId: z.number(), weight: z.number() })),
  accountChoice,
  accountWeight: z.number(),
  disabledAt: instant.nullable(),
  createdAt: instant,
  changedAt: instant,
});

const httpsUrl = z.url({ protocol: /^https?$/ }).max(1000);
const secret = z
  .string()
  .min(1)
  .max(20_000)
  .nullable()
  .optional()
  .describe("Write-only. Kept encrypted; never answered.");
const most = z.number().int().min(1).max(100_000_000);
const security = z.enum(["tls", "starttls", "none"]);

const report = z.enum(["failure", "delay", "success", "never"]);

export const emailAccount = z.object({
  id: z.number(),
  name: z.string(),
  email: z.string().nullable(),
  smtpHost: z.string().nullable(),
  smtpPort: z.number().nullable(),
  smtpSecurity: security.nullable(),
  smtpUser: z.string().nullable(),
  hasPassword: z.boolean(),
  connections: z.number(),
  forceAddress: z.boolean(),
  forceName: z.boolean(),
  holdUnknown: z.boolean(),
  isDefault: z.boolean(),
  pausedAt: instant.nullable(),
  pausedReason: z.string().nullable(),
  resumesByHand: z.boolean().describe("Whether the pause lasts until a person ends it."),
  maxPerSecond: z.number().nullable(),
  maxPerMinute: z.number().nullable(),
  maxPerHour: z.number().nullable(),
  maxPerDay: z.number().nullable(),
  rampFromPerDay: z.number().nullable(),
  rampDays: z.number().nullable(),
  rampStartedAt: instant.nullable(),
  smtpAuth: z.enum(["password", "oauth2"]),
  oauthTokenUrl: z.string().nullable(),
  oauthClientId: z.string().nullable(),
  oauthScope: z.string().nullable(),
  hasOauthClientSecret: z.boolean(),
  hasOauthRefreshToken: z.boolean(),
  chunking: z.enum(["auto", "always", "never"]),
  chunkingWindow: z.number(),
  reportsNotify: z.array(report),
  reportsReturn: z.enum(["headers", "full"]),
  createdAt: instant,
  changedAt: instant,
});

/** How fast mail may leave: never more in any such period, over all processes. */
export const limits = z.object({
  maxPerSecond: most.nullable().optional().describe("The most in any second; null: no limit."),
  maxPerMinute: most.nullable().optional().describe("The most in any minute."),
  maxPerHour: most.nullable().optional().describe("The most in any 60 minutes."),
  maxPerDay: most.nullable().optional().describe("The most in any 24 hours."),
});

const userInput = z.object({ name: line(), email, role });
const senderInput = z.object({
  userId: id.nullable().optional().describe("Whose own sender this is: the default for what they start."),
  name: line().describe("Shown beside the address."),
  email,
  replyTo: email.nullable().optional(),
  signatureHtml: z.string().max(20_000).nullable().optional(),
  signatureText: z.string().max(20_000).nullable().optional(),
  emailAccountId: id.nullable().optional(),
  furtherAccounts: z
    .array(z.object({ emailAccountId: id, weight: z.int().min(1).max(1000).default(1) }))
    .max(20)
    .optional()
    .describe("Other accounts its mail may leave by, in their order."),
  accountChoice: accountChoice.optional(),
  accountWeight: z.int().min(1).max(1000).optional().describe("The share of `emailAccountId` in rotation."),
});
const emailAccountInput = z.object({
  name: line(),
  email: email
    .nullable()
    .optional()
    .describe("The account's own address: sent from when no sender is chosen or forceAddress is set."),
  smtpHost: z
    .string()
    .trim()
    .max(253)
    .regex(/^[A-Za-z0-9._:-]+$/, "Must be a host name or IP address."),
  smtpPort: z.number().int().min(1).max(65_535),
  smtpSecurity: security,
  smtpUser: z.string().max(500).nullable().optional(),
  smtpPassword: z.string().max(2000).nullable().optional().describe("Write-only. Kept encrypted; never answered."),
  connections: z.number().int().min(1).max(100).optional(),
  forceAddress: z.boolean().optional().describe("Send from the account's address whoever the sender is (E84)."),
  forceName: z.boolean().optional().describe("Show the account's name whoever the sender is (E84)."),
  holdUnknown: z
    .boolean()
    .optional()
    .describe("Hold a mail whose fate is unknown after a lost connection, instead of sending it again."),
  isDefault: z.boolean().optional(),
  ...limits.shape,
  rampFromPerDay: most
    .nullable()
    .optional()
    .describe("A new account begins with this many a day and grows by equal factors to maxPerDay. Null: no ramp."),
  rampDays: z.number().int().min(1).max(365).optional().describe("How many days that takes; 30 unless told."),
  smtpAuth: z
    .enum(["password", "oauth2"])
    .optional()
    .describe("`oauth2` signs in by XOAUTH2 or OAUTHBEARER, with an access token got by the refresh token."),
  oauthTokenUrl: httpsUrl.nullable().optional().describe("Where access tokens are asked for."),
  oauthClientId: line(500).nullable().optional(),
  oauthClientSecret: secret,
  oauthRefreshToken: secret,
  oauthScope: line(2000).nullable().optional(),
  chunking: z
    .enum(["auto", "always", "never"])
    .optional()
    .describe("Bodies by BDAT where the server offers CHUNKING; `auto`: where that saves a round trip."),
  chunkingWindow: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe("So many mails may be without an answer on a connection. After a drop all of them are in doubt."),
  reportsNotify: z
    .array(report)
    .max(3)
    .refine((them) => !them.includes("never") || them.length === 1, "“never” stands alone.")
    .optional()
    .describe("Delivery reports to ask for where the server offers DSN; empty: nothing is said."),
  reportsReturn: z.enum(["headers", "full"]).optional().describe("How much of a mail a report brings back."),
});

/** What a test of an email account found: never a password, always what to do next. */
export const diagnosis = z.object({
  ok: z.boolean(),
  stage: z.string().nullable().describe("Where it failed: connect, tls, greeting, auth, …"),
  detail: z.string(),
});

export const users = contract({
  list: {
    method: "GET",
    path: "/users",
    summary: "Who may use this installation",
    tag: "Users",
    access: "administrator",
    query: z.object(page),
    success: { status: 200, body: listOf(user) },
  },
  get: {
    method: "GET",
    path: "/users/:id",
    summary: "One user",
    tag: "Users",
    access: "administrator",
    params: idParams,
    success: { status: 200, body: user },
  },
  create: {
    method: "POST",
    path: "/users",
    summary: "Add a user",
    tag: "Users",
    access: "administrator",
    body: userInput,
    success: { status: 201, body: user },
  },
  update: {
    method: "PATCH",
    path: "/users/:id",
    summary: "Change a user's name, role, or disable them",
    tag: "Users",
    access: "administrator",
    params: idParams,
    body: userInput.omit({ email: true }).extend({ disabled }).partial(),
    success: { status: 200, body: user },
  },
});

export const apiKeys = contract({
  list: {
    method: "GET",
    path: "/api-keys",
    summary: "API keys, without the keys themselves",
    tag: "API keys",
    access: "administrator",
    query: z.object(page),
    success: { status: 200, body: listOf(apiKey) },
  },
  create: {
    method: "POST",
    path: "/api-keys",
    summary: "Make an API key",
    description: "The key is in this answer and nowhere else.",
    tag: "API keys",
    access: "administrator",
    body: z.object({
      name: line(),
      role,
      userId: id.nullable().optional().describe("Whom the key acts for."),
      scopes: z
        .array(
          z
            .string()
            .regex(/^[a-z-]{1,40}:(?:read|write)$/, "A scope is written as leads:read or email-campaigns:write."),
        )
        .max(100)
        .default([])
        .describe("Only these resources, as they stand in the address: `leads:read`, `email-campaigns:write`."),
    }),
    success: { status: 201, body: apiKey.extend({ key: z.string() }) },
  },
  revoke: {
    method: "DELETE",
    path: "/api-keys/:id",
    summary: "Revoke an API key",
    tag: "API keys",
    access: "administrator",
    params: idParams,
    success: { status: 204 },
  },
});

export const senders = contract({
  list: {
    method: "GET",
    path: "/senders",
    summary: "Who mails can come from",
    tag: "Senders",
    access: "viewer",
    query: z.object({ ...page, userId: id.optional() }),
    success: { status: 200, body: listOf(sender) },
  },
  get: {
    method: "GET",
    path: "/senders/:id",
    summary: "One sender",
    tag: "Senders",
    access: "viewer",
    params: idParams,
    success: { status: 200, body: sender },
  },
  create: {
    method: "POST",
    path: "/senders",
    summary: "Add a sender",
    tag: "Senders",
    access: "manager",
    body: senderInput,
    success: { status: 201, body: sender },
  },
  update: {
    method: "PATCH",
    path: "/senders/:id",
    summary: "Change or disable a sender",
    tag: "Senders",
    access: "manager",
    params: idParams,
    body: senderInput.extend({ disabled }).partial(),
    success: { status: 200, body: sender },
  },
  remove: {
    method: "DELETE",
    path: "/senders/:id",
    summary: "Delete a sender nothing was sent from",
    tag: "Senders",
    access: "manager",
    params: idParams,
    success: { status: 204 },
  },
});

export const emailAccounts = contract({
  list: {
    method: "GET",
    path: "/email-accounts",
    summary: "SMTP servers mails leave by",
    tag: "Email accounts",
    access: "manager",
    query: z.object(page),
    success: { status: 200, body: listOf(emailAccount) },
  },
  get: {
    method: "GET",
    path: "/email-accounts/:id",
    summary: "One email account",
    tag: "Email accounts",
    access: "manager",
    params: idParams,
    success: { status: 200, body: emailAccount },
  },
  create: {
    method: "POST",
    path: "/email-accounts",
    summary: "Add an email account",
    description: "The first one is the default.",
    tag: "Email accounts",
    access: "administrator",
    body: emailAccountInput,
    success: { status: 201, body: emailAccount },
  },
  update: {
    method: "PATCH",
    path: "/email-accounts/:id",
    summary: "Change, pause or resume an email account",
    tag: "Email accounts",
    access: "administrator",
    params: idParams,
    body: emailAccountInput.extend({ paused: z.boolean() }).partial(),
    success: { status: 200, body: emailAccount },
  },
  remove: {
    method: "DELETE",
    path: "/email-accounts/:id",
    summary: "Delete an email account nothing uses",
    tag: "Email accounts",
    access: "administrator",
    params: idParams,
    success: { status: 204 },
  },
  test: {
    method: "POST",
    path: "/email-accounts/:id/test",
    summary: "Try to reach the server and sign in, without sending anything",
    tag: "Email accounts",
    access: "administrator",
    params: idParams,
    success: { status: 200, body: diagnosis },
  },
});

const receivingInput = z.object({
  imapHost: z
    .string()
    .trim()
    .max(253)
    .regex(/^[A-Za-z0-9._:-]+$/, "Must be a host name or IP address.")
    .optional(),
  imapPort: z.number().int().min(1).max(65_535).optional(),
  imapSecurity: security.optional(),
  imapAuth: z.enum(["password", "oauth2"]).optional(),
  imapUser: line(500).optional(),
  imapPassword: secret,
  imapFolders: z
    .array(line(500))
    .min(1)
    .max(20)
    .optional()
    .describe("The first one is listened to, the others are looked into every minute. INBOX unless given."),
  oauthTokenUrl: httpsUrl.nullable().optional().describe("Where access tokens are asked for."),
  oauthClientId: line(500).nullable().optional(),
  oauthClientSecret: secret,
  oauthRefreshToken: secret,
  oauthScope: line(2000).nullable().optional(),
  bounceDomain: z
    .string()
    .trim()
    .toLowerCase()
    .max(190)
    .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/, "Must be a domain.")
    .nullable()
    .optional()
    .describe("Every mail leaves with an address of its own at this domain, to which it bounces."),
  plusAddressing: z
    .boolean()
    .optional()
    .describe("Bounces go to the account's own address with a plus and a token. bounceDomain goes first."),
});

const receivingSettings = z.object({
  emailAccountId: z.number(),
  imapHost: z.string().nullable().describe("Null: the account's mail is not fetched."),
  imapPort: z.number().nullable(),
  imapSecurity: security.nullable(),
  imapAuth: z.enum(["password", "oauth2"]),
  imapUser: z.string().nullable(),
  hasImapPassword: z.boolean(),
  imapFolders: z.array(z.string()),
  oauthTokenUrl: z.string().nullable(),
  oauthClientId: z.string().nullable(),
  hasOauthClientSecret: z.boolean(),
  hasOauthRefreshToken: z.boolean(),
  oauthScope: z.string().nullable(),
  bounceDomain: z.string().nullable(),
  plusAddressing: z.boolean(),
  changedAt: instant,
});

export const RECEIVING_STEPS = ["dns", "connect", "tls", "auth", "folders"] as const;

export const receivingDiagnosisInput = z.object({
  emailAccountId: id.nullable().default(null).describe("A saved account; what `settings` say goes first."),
  settings: receivingInput.omit({ bounceDomain: true, plusAddressing: true }).nullable().default(null),
});

export const receiving = contract({
  diagnose: {
    method: "POST",
    path: "/email-accounts/receiving-diagnosis",
    summary: "Try to read a mailbox step by step, and say at each failure what to do",
    description: "Nothing is saved and no mail is read. At most 20 in ten minutes.",
    tag: "Email accounts",
    access: "administrator",
    body: receivingDiagnosisInput,
    success: {
      status: 200,
      body: z.object({
        ok: z.boolean(),
        steps: z.array(
          z.object({
            step: z.enum(RECEIVING_STEPS),
            ok: z.boolean().nullable().describe("Null: not tried, because a step before failed."),
            text: z.string(),
            hint: z.string().nullable().describe("What to do about it."),
          }),
        ),
        folders: z.array(z.string()).describe("Folders of the mailbox, where it could be opened."),
        idle: z
          .boolean()
          .nullable()
          .describe("Whether the server announces new mail; else it is looked for every minute."),
      }),
    },
  },
  get: {
    method: "GET",
    path: "/email-accounts/:id/receiving",
    summary: "How mail of an email account is fetched, and where its bounces go",
    tag: "Email accounts",
    access: "manager",
    params: idParams,
    success: { status: 200, body: receivingSettings },
  },
  update: {
    method: "PATCH",
    path: "/email-accounts/:id/receiving",
    summary: "Set how mail is fetched, and where bounces go",
    description: "What is left out stays. Fetching begins within seconds.",
    tag: "Email accounts",
    access: "administrator",
    params: idParams,
    body: receivingInput,
    success: { status: 200, body: receivingSettings },
  },
  remove: {
    method: "DELETE",
    path: "/email-accounts/:id/receiving",
    summary: "Fetch no mail of this account any more",
    tag: "Email accounts",
    access: "administrator",
    params: idParams,
    success: { status: 204 },
  },
});

const smtpSettings = emailAccountInput
  .pick({
    email: true,
    smtpHost: true,
    smtpPort: true,
    smtpSecurity: true,
    smtpUser: true,
    smtpPassword: true,
    smtpAuth: true,
    oauthTokenUrl: true,
    oauthClientId: true,
    oauthClientSecret: true,
    oauthRefreshToken: true,
    oauthScope: true,
  })
  .describe("Settings that need not be saved yet.");

export const DIAGNOSIS_STEPS = ["dns", "connect", "greeting", "tls", "auth", "mail"] as const;

export const diagnosisInput = z.object({
  emailAccountId: id.nullable().default(null).describe("A saved account; what `settings` say goes first."),
  settings: smtpSettings.partial().nullable().default(null),
  testMailTo: email.nullable().default(null).describe("Also send a short test mail to this address."),
});

const preset = z.object({
  key: z.string(),
  name: z.string(),
  host: z.string().describe("May hold a placeholder in braces, as in email-smtp.{region}.amazonaws.com."),
  port: z.int(),
  security,
  user: z.string().describe("What the user name is, in words or literally."),
  oauth: z
    .object({ tokenUrl: z.string(), scope: z.string().nullable(), note: z.string() })
    .nullable()
    .describe("Where the service gives access tokens, and how to get a refresh token; null: it takes passwords."),
  notes: z.array(z.string()),
});

export const emailAccountDeeds = contract({
  diagnose: {
    method: "POST",
    path: "/email-accounts/diagnosis",
    summary: "Try settings step by step, and say at each failure what to do",
    description: "Nothing is saved. With `testMailTo` one mail is sent; else none. At most 20 in ten minutes.",
    tag: "Email accounts",
    access: "administrator",
    body: diagnosisInput,
    success: {
      status: 200,
      body: z.object({
        ok: z.boolean(),
        steps: z.array(
          z.object({
            step: z.enum(DIAGNOSIS_STEPS),
            ok: z.boolean().nullable().describe("Null: not tried, because a step before failed or nobody asked."),
            text: z.string(),
            detail: z.string().nullable().describe("What the server or the network said."),
            ms: z.int().nullable(),
            hint: z.string().nullable().describe("What to do about it."),
          }),
        ),
        certificate: z
          .object({
            subject: z.string(),
            names: z.array(z.string()),
            issuer: z.string(),
            validFrom: instant,
            validTo: instant,
            protocol: z.string(),
          })
          .nullable(),
      }),
    },
  },
  presets: {
    method: "GET",
    path: "/email-account-presets",
    summary: "Settings of well-known mail services",
    tag: "Email accounts",
    access: "viewer",
    query: z.object({ fields: page.fields }),
    success: { status: 200, body: listOf(preset) },
  },
});

const auditEntry = z.object({
  id,
  at: instant,
  actor: z.string(),
  action: z.string(),
  subjectType: z.string(),
  subjectId: z.string(),
  before: z.record(z.string(), z.unknown()).nullable(),
  after: z.record(z.string(), z.unknown()).nullable(),
});

export const audit = contract({
  list: {
    method: "GET",
    path: "/audit-entries",
    summary: "Who changed what, newest first",
    tag: "Audit",
    access: "manager",
    query: z.object({
      ...page,
      actor: z.string().max(320).optional(),
      subjectType: z.string().max(100).optional(),
      subjectId: z.string().max(100).optional(),
      action: z.string().max(100).optional(),
      from: instant.optional().describe("At this moment or later."),
      to: instant.optional().describe("Before this moment."),
    }),
    success: { status: 200, body: listOf(auditEntry) },
  },
});
