/** Tries to read a mailbox with settings that are saved, or not yet. Saves nothing; reads no mail. */
import type { z } from "zod";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import { type Fetcher, requestToken, TokenFailure } from "../mail/access-tokens.ts";
import { diagnoseImap, failedAt, type ImapDiagnosis } from "../mail/imap-diagnosis.ts";
import { checkImapSecurity, type ImapSettings } from "../mail/imap-settings.ts";
import { ImapTrouble } from "../mail/imap.ts";
import { type AccessTokens, createAccessTokens } from "./access-tokens.ts";
import type { receivingDiagnosisInput } from "./api.ts";
import * as receiving from "./receiving.ts";

type Asked = z.output<typeof receivingDiagnosisInput>;

/** A saved secret is never sent to a server it was not given for. */
export async function diagnoseReceiving(
  db: Db,
  { emailAccountId, settings }: Asked,
  { seal, fetcher }: { seal: Seal; fetcher?: Fetcher },
  now: Temporal.Instant,
): Promise<ImapDiagnosis> {
  const saved = emailAccountId === null ? null : await receiving.find(db, emailAccountId);
  const given = settings ?? {};
  if (saved) receiving.refuseMovedSecrets(saved, given);
  const host = given.imapHost ?? saved?.imapHost ?? null;
  const port = given.imapPort ?? saved?.imapPort ?? null;
  const security = given.imapSecurity ?? saved?.imapSecurity ?? null;
  const user = given.imapUser ?? saved?.imapUser ?? null;
  if (host === null || port === null || security === null || user === null)
    return refuse("input-invalid", "Give host, port, security and user, or name a saved account.", "/settings");
  checkImapSecurity(host, security);
  const folders = given.imapFolders ?? saved?.imapFolders ?? ["INBOX"];
  const reach = { host, port, security, folders };
  if ((given.imapAuth ?? saved?.imapAuth ?? "password") === "password") {
    const password = given.imapPassword ?? opened(saved?.imapPasswordEncrypted, seal);
    if (!password) return refuse("input-invalid", "Give the password too.", "/settings/imapPassword");
    return diagnoseImap({ ...reach, auth: { user, password } });
  }
  try {
    const accessToken = await tokenOf(saved, given, { seal, fetcher, db, now });
    return await diagnoseImap({ ...reach, auth: { user, accessToken } });
  } catch (error) {
    if (!(error instanceof TokenFailure)) throw error;
    const todo = "Check the token address, the client and its secret; ask for a new refresh token by signing in again.";
    const untold: ImapSettings = { ...reach, auth: { user, accessToken: "-" } };
    return failedAt(new ImapTrouble("auth", error.message, todo, error.permanent), untold);
  }
}

const opened = (sealed: string | null | undefined, seal: Seal) => (sealed ? seal.decrypt(sealed) : null);

async function tokenOf(
  saved: receiving.Row | null,
  given: NonNullable<Asked["settings"]>,
  { seal, fetcher, db, now }: { seal: Seal; fetcher: Fetcher | undefined; db: Db; now: Temporal.Instant },
): Promise<string> {
  const asked = fetcher ? { fetcher } : {};
  const changed = [given.oauthTokenUrl, given.oauthClientId, given.oauthClientSecret, given.oauthRefreshToken];
  if (saved && changed.every((one) => one === undefined)) {
    // By the way it is done each day, so that a new refresh token is kept.
    const tokens: AccessTokens = createAccessTokens({ db, seal, ...asked });
    return tokens.of(saved.id, now);
  }
  const tokenUrl = given.oauthTokenUrl ?? saved?.oauthTokenUrl;
  const clientId = given.oauthClientId ?? saved?.oauthClientId;
  const refreshToken = given.oauthRefreshToken ?? opened(saved?.oauthRefreshTokenEncrypted, seal);
  if (!tokenUrl || !clientId || !refreshToken)
    return refuse("input-invalid", "OAuth 2 needs the token address, the client and a refresh token.", "/settings");
  const clientSecret =
    given.oauthClientSecret === undefined ? opened(saved?.oauthClientSecretEncrypted, seal) : given.oauthClientSecret;
  const scope = given.oauthScope === undefined ? (saved?.oauthScope ?? null) : given.oauthScope;
  const { accessToken } = await requestToken({ tokenUrl, clientId, clientSecret, refreshToken, scope }, fetcher);
  return accessToken;
}
