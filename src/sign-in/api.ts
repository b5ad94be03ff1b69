/** The contract of signing in: sessions, passwords, second factors, invitations, the first set-up. Data only. */
import { z } from "zod";
import { contract, id, idParams, instant, line, listOf, page } from "../http/contract.ts";
import { workspaceEdit } from "../workspace/api.ts";

const role = z.enum(["administrator", "manager", "user", "viewer"]);
const email = z.string().trim().min(1, "Must not be empty.").max(320).meta({ format: "email" });
/** One the user has: only as long as anything we take. */
const password = z.string().min(1, "Must not be empty.").max(200, "At most 200 characters.");
/** NIST SP 800-63B: length counts, composition rules do not. */
const newPassword = z.string().min(10, "At least 10 characters.").max(200, "At most 200 characters.");
const language = z.enum(["en", "de"]);
const tokenParams = z.object({ token: z.string().max(100) });
const given = z.record(z.string(), z.unknown()).describe("As the browser's WebAuthn interface gives or takes it.");

const user = z.object({
  id,
  name: z.string(),
  email: z.string(),
  role,
  language: z.string(),
  totp: z.boolean().describe("Whether signing in with the password asks for a code."),
  passkeys: z.int(),
  recoveryCodesLeft: z.int(),
});
const session = z.object({ user, workspace: z.string() });
const answer = { status: 200, body: session } as const;

const tag = "Sign-in";

export const signIn = contract({
  signIn: {
    method: "POST",
    path: "/session",
    summary: "Sign in: sets the session's cookie",
    description:
      "The answer to a wrong address, a wrong password and a locked account is the same. `second-factor-required`: " +
      "send it again with a `code` of the authenticator, or a recovery code.",
    tag,
    access: "public",
    body: z.object({ email, password, code: z.string().trim().max(50).optional() }),
    success: answer,
  },
  read: { method: "GET", path: "/session", summary: "Who is signed in", tag, access: "viewer", success: answer },
  signOut: { method: "DELETE", path: "/session", summary: "Sign out", tag, access: "viewer", success: { status: 204 } },
  changePassword: {
    method: "PUT",
    path: "/session/password",
    summary: "Change one's password; ends all other sessions",
    tag,
    access: "viewer",
    body: z.object({ currentPassword: password, newPassword }),
    success: { status: 204 },
  },
  editUser: {
    method: "PATCH",
    path: "/session/user",
    summary: "Change one's own name or language",
    tag,
    access: "viewer",
    body: z.object({ name: line(), language }).partial(),
    success: answer,
  },
  sessions: {
    method: "GET",
    path: "/sessions",
    summary: "Where one is signed in",
    tag,
    access: "viewer",
    success: {
      status: 200,
      body: z.object({
        data: z.array(
          z.object({
            id,
            current: z.boolean(),
            method: z.string(),
            userAgent: z.string().nullable(),
            ip: z.string().nullable(),
            createdAt: instant,
            lastSeenAt: instant,
          }),
        ),
      }),
    },
  },
  endSession: {
    method: "DELETE",
    path: "/sessions/:id",
    summary: "End one of one's sessions",
    tag,
    access: "viewer",
    params: idParams,
    success: { status: 204 },
  },
  endOthers: {
    method: "DELETE",
    path: "/sessions",
    summary: "End all of one's sessions but this one",
    tag,
    access: "viewer",
    success: { status: 204 },
  },
});

export const totp = contract({
  begin: {
    method: "POST",
    path: "/session/totp",
    summary: "Begin with an authenticator: a secret to scan, not yet asked for",
    tag,
    access: "viewer",
    body: z.object({ password }),
    success: { status: 201, body: z.object({ secret: z.string(), uri: z.string() }) },
  },
  confirm: {
    method: "PUT",
    path: "/session/totp",
    summary: "Confirm with a code; from now on signing in asks for one",
    tag,
    access: "viewer",
    body: z.object({ code: z.string().trim().max(20) }),
    success: {
      status: 200,
      body: z.object({ recoveryCodes: z.array(z.string()).describe("Shown this once; each works once.") }),
    },
  },
  remove: {
    method: "DELETE",
    path: "/session/totp",
    summary: "Do without the authenticator",
    tag,
    access: "viewer",
    body: z.object({ password }),
    success: { status: 204 },
  },
});

const passkey = z.object({ id, name: z.string(), createdAt: instant, lastUsedAt: instant.nullable() });

export const passkeys = contract({
  list: {
    method: "GET",
    path: "/session/passkeys",
    summary: "One's passkeys",
    tag,
    access: "viewer",
    success: { status: 200, body: z.object({ data: z.array(passkey) }) },
  },
  options: {
    method: "POST",
    path: "/session/passkeys/options",
    summary: "What the browser is to be asked for a new passkey",
    tag,
    access: "viewer",
    success: { status: 201, body: given },
  },
  add: {
    method: "POST",
    path: "/session/passkeys",
    summary: "Keep a new passkey",
    tag,
    access: "viewer",
    body: z.object({ name: line(100), response: given }),
    success: { status: 201, body: passkey },
  },
  remove: {
    method: "DELETE",
    path: "/session/passkeys/:id",
    summary: "Remove a passkey",
    tag,
    access: "viewer",
    params: idParams,
    success: { status: 204 },
  },
  challenge: {
    method: "POST",
    path: "/passkey-challenges",
    summary: "What the browser is to be asked to sign in with a passkey",
    tag,
    access: "public",
    success: { status: 201, body: given },
  },
  signIn: {
    method: "POST",
    path: "/session/passkey",
    summary: "Sign in with a passkey: sets the session's cookie",
    tag,
    access: "public",
    body: z.object({ response: given }),
    success: answer,
  },
});

export const passwordResets = contract({
  ask: {
    method: "POST",
    path: "/password-resets",
    summary: "Ask for a link to a new password",
    description: "Answers the same whether the address is known or not.",
    tag,
    access: "public",
    body: z.object({ email }),
    success: { status: 202, body: z.object({ detail: z.string() }) },
  },
  redeem: {
    method: "PUT",
    path: "/password-resets/:token",
    summary: "Choose a new password with a link; ends all sessions",
    tag,
    access: "public",
    params: tokenParams,
    body: z.object({ password: newPassword }),
    success: { status: 204 },
  },
});

const invitation = z.object({
  id,
  email: z.string(),
  name: z.string(),
  role,
  createdBy: z.string().nullable(),
  createdAt: instant,
  expiresAt: instant,
});

export const invitations = contract({
  list: {
    method: "GET",
    path: "/invitations",
    summary: "Invitations nobody has accepted yet",
    tag: "Users",
    access: "administrator",
    query: z.object(page),
    success: { status: 200, body: listOf(invitation) },
  },
  create: {
    method: "POST",
    path: "/invitations",
    summary: "Invite a colleague",
    description: "The link is mailed, and in this answer for handing it over oneself. It is good for 7 days.",
    tag: "Users",
    access: "administrator",
    body: z.object({ name: line(), email, role }),
    success: { status: 201, body: invitation.extend({ url: z.string() }) },
  },
  remove: {
    method: "DELETE",
    path: "/invitations/:id",
    summary: "Take an invitation back",
    tag: "Users",
    access: "administrator",
    params: idParams,
    success: { status: 204 },
  },
  look: {
    method: "GET",
    path: "/invitations/by-token/:token",
    summary: "What an invitation says",
    tag,
    access: "public",
    params: tokenParams,
    success: { status: 200, body: z.object({ email: z.string(), name: z.string(), role, workspace: z.string() }) },
  },
  accept: {
    method: "PUT",
    path: "/invitations/by-token/:token",
    summary: "Accept an invitation: makes the user and signs in",
    tag,
    access: "public",
    params: tokenParams,
    body: z.object({ name: line(), password: newPassword, language: language.default("en") }),
    success: answer,
  },
});

export const setup = contract({
  look: {
    method: "GET",
    path: "/setup/:token",
    summary: "Whether a set-up link still works",
    tag,
    access: "public",
    params: tokenParams,
    success: { status: 200, body: z.object({ valid: z.literal(true) }) },
  },
  finish: {
    method: "PUT",
    path: "/setup/:token",
    summary: "Set Tidings up: the first administrator and the workspace; signs in",
    tag,
    access: "public",
    params: tokenParams,
    body: z.object({
      name: line(),
      email,
      password: newPassword,
      workspace: z.object({
        name: line(),
        timeZone: workspaceEdit.shape.timeZone.unwrap(),
        language: language.default("en"),
        postalAddress: z.string().trim().max(500).optional(),
      }),
    }),
    success: answer,
  },
});
