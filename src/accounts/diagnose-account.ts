/** Tries an email account that is saved, or settings that are not yet. Saves nothing; sends one mail if asked to. */
import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { composeRendered } from "../core/message.ts";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import { requestToken } from "../mail/access-tokens.ts";
import { diagnose, type SmtpDiagnosis } from "../mail/smtp-diagnosis.ts";
import type { Outgoing } from "../mail/smtp.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { accountFor } from "./accounts.ts";
import { addressOf } from "./addresses.ts";
import type { diagnosisInput } from "./api.ts";
import * as emailAccounts from "./email-accounts.ts";
import { signInOf } from "./relay.ts";

type Asked = z.output<typeof diagnosisInput>;
type Settings = {
  readonly host: string;
  readonly port: number;
  readonly security: "tls" | "starttls" | "none";
  readonly user: string | null;
  readonly password: string | null;
  readonly auth: "password" | "oauth2";
  readonly email: string | null;
};

/** Puts the DKIM signatures of its domain in front of a mail, as campaigns have them; refuses where it cannot. */
export type Signed = (mail: Buffer, from: string, now: Temporal.Instant) => Promise<Buffer>;

/** What each step found; a saved password is never sent to a server it was not given for. */
export async function diagnoseAccount(
  db: Db,
  { emailAccountId, settings: given, testMailTo }: Asked,
  {
    seal,
    tokens,
    hostName,
    actor,
    signed,
  }: { seal: Seal; tokens: AccessTokens; hostName: string; actor: { readonly userId: number | null }; signed: Signed },
  now: Temporal.Instant,
): Promise<SmtpDiagnosis> {
  const { host, port, security, email, ...signIn } = await settingsOf(db, emailAccountId, given, seal);
  const { user } = signIn;
  if (user && signIn.auth === "password" && !signIn.password)
    return refuse("input-invalid", "Give the password too.", "/settings/smtpPassword");
  const auth = signInOf({ ...signIn, id: emailAccountId ?? 0 }, givenToken(given) ?? tokens, () => now);
  const to = testMailTo === null ? null : addressOf(testMailTo, "/testMailTo").email;
  const from = email ?? (user?.includes("@") ? user : null) ?? (to && (await ownAddress(db, actor.userId))) ?? to;
  const mail = to && from ? testMail({ from, to, host }, now) : null;
  const sealed = mail && { ...mail, data: await signed(mail.data, mail.from, now) };
  return diagnose({ host, port, security, auth, name: hostName, connections: 1 }, sealed, now);
}

async function settingsOf(db: Db, id: number | null, given: Asked["settings"], seal: Seal): Promise<Settings> {
  if (id === null) {
    const { smtpHost: host, smtpPort: port, smtpSecurity: security } = given ?? {};
    if (!host || !port || !security)
      return refuse("input-invalid", "Give host, port and security, or name a saved account.", "/settings");
    const {
      smtpUser: user = null,
      smtpPassword: password = null,
      smtpAuth: auth = "password",
      email = null,
    } = given ?? {};
    if (auth === "oauth2" && !givenToken(given))
      return refuse(
        "input-invalid",
        "OAuth 2 needs the token address, the client and a refresh token.",
        "/settings/oauthRefreshToken",
      );
    return { host, port, security, user, password, auth, email };
  }
  await emailAccounts.get(db, id);
  const saved = await accountFor(db, { emailAccountId: id }, { seal });
  if (saved.kind !== "smtp")
    return refuse("input-invalid", "This is the built-in mailbox: there is no server to reach.");
  const host = given?.smtpHost ?? saved.host;
  // Whoever may try an account must not have its password sent elsewhere.
  if (host !== saved.host && saved.password !== null && given?.smtpPassword === undefined)
    return refuse(
      "email-account-password-needed",
      "Give the password again when the server changes.",
      "/settings/smtpPassword",
    );
  return {
    host,
    port: given?.smtpPort ?? saved.port,
    security: given?.smtpSecurity ?? saved.security,
    user: given?.smtpUser === undefined ? saved.user : given.smtpUser,
    password: given?.smtpPassword === undefined ? saved.password : given.smtpPassword,
    auth: given?.smtpAuth ?? saved.auth,
    email: given?.email === undefined ? saved.email : given.email,
  };
}

/** A token got with what was typed and is not saved; null: the saved ones count. */
function givenToken(given: Asked["settings"]): Pick<AccessTokens, "of" | "forget"> | null {
  const { oauthTokenUrl: tokenUrl, oauthClientId: clientId, oauthRefreshToken: refreshToken } = given ?? {};
  if (!tokenUrl || !clientId || !refreshToken) return null;
  const { oauthClientSecret: clientSecret = null, oauthScope: scope = null } = given ?? {};
  return {
    of: async () => (await requestToken({ tokenUrl, clientId, clientSecret, refreshToken, scope })).accessToken,
    forget: () => undefined,
  };
}

async function ownAddress(db: Db, userId: number | null): Promise<string | null> {
  if (userId === null) return null;
  const user = await db.selectFrom("users").select("email").where("id", "=", userId).executeTakeFirst();
  return user?.email ?? null;
}

function testMail(
  { from, to, host }: { from: string; to: string; host: string },
  now: Temporal.Instant,
): Outgoing & { data: Buffer } {
  const token = randomBytes(12).toString("hex");
  const text = `This mail was sent by Tidings through ${host} to try an email account. Nothing else follows.`;
  const data = composeRendered(
    { subject: "[Test] This email account works", text: `${text}\n`, html: `<p>${text}</p>\n` },
    {
      messageId: `<test.${token}@${from.split("@").at(-1)}>`,
      date: now,
      from: { name: "Tidings", address: from },
      to: { name: null, address: to },
      replyTo: null,
      unsubscribeUrl: null,
      unsubscribeMailto: null,
      listId: null,
      boundary: `tidings-${token}`,
    },
  );
  return { from, to, data };
}
