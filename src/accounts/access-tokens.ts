/** Access tokens of email accounts that sign in by OAuth 2: asked for when needed, kept in memory alone, never logged. */
import type { Db } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import { type Fetcher, requestToken, type Token, TokenFailure } from "../mail/access-tokens.ts";

export type AccessTokens = {
  /**
   * A token that is good for a minute at least, for fetching and sending alike.
   * @throws TokenFailure when there is none to be had.
   */
  of(emailAccountId: number, now: Temporal.Instant): Promise<string>;
  /** The server did not take the token: the next one is asked for anew. */
  forget(emailAccountId: number): void;
};

/** Those of the program, where it keeps them; else some of one's own. */
export function tokensOf(db: Db, vault: { readonly seal: Seal; readonly tokens?: AccessTokens }): AccessTokens {
  return vault.tokens ?? createAccessTokens({ db, seal: vault.seal });
}

const LEAST_SECONDS = 60;

type Kept = { readonly token: Promise<Token>; readonly settings: string; until: Temporal.Instant };

export function createAccessTokens({
  db,
  seal,
  fetcher,
}: {
  readonly db: Db;
  readonly seal: Seal;
  readonly fetcher?: Fetcher;
}): AccessTokens {
  const kept = new Map<number, Kept>();

  async function ask(id: number, row: Row): Promise<Token> {
    const open = (sealed: string | null) => (sealed === null ? null : seal.decrypt(sealed));
    const token = await requestToken(
      {
        tokenUrl: row.oauthTokenUrl ?? "",
        clientId: row.oauthClientId ?? "",
        clientSecret: open(row.oauthClientSecretEncrypted),
        refreshToken: open(row.oauthRefreshTokenEncrypted) ?? "",
        scope: row.oauthScope,
      },
      fetcher,
    );
    if (token.refreshToken !== null)
      // Only in place of the one it was given for: a person may have set another meanwhile.
      await db
        .updateTable("emailAccounts")
        .set({ oauthRefreshTokenEncrypted: seal.encrypt(token.refreshToken) })
        .where("id", "=", id)
        .where("oauthRefreshTokenEncrypted", "=", row.oauthRefreshTokenEncrypted)
        .execute();
    return token;
  }

  return {
    async of(id, now) {
      const row = await find(db, id);
      if (!row || row.oauthTokenUrl === null || row.oauthClientId === null || row.oauthRefreshTokenEncrypted === null)
        throw new TokenFailure("The email account has no settings for OAuth 2.", true);
      // Not the refresh token: a provider may change it with every answer.
      const settings = row.changedAt.toString();
      const known = kept.get(id);
      if (known?.settings === settings && Temporal.Instant.compare(known.until, now) > 0)
        return (await known.token).accessToken;
      const token = ask(id, row);
      const asked: Kept = { token, settings, until: now.add({ seconds: LEAST_SECONDS }) };
      kept.set(id, asked);
      try {
        const { accessToken, expiresInSeconds } = await token;
        asked.until = now.add({ seconds: Math.max(expiresInSeconds - LEAST_SECONDS, 1) });
        return accessToken;
      } catch (error) {
        if (kept.get(id) === asked) kept.delete(id);
        throw error;
      }
    },
    forget: (id) => void kept.delete(id),
  };
}

type Row = NonNullable<Awaited<ReturnType<typeof find>>>;

const find = (db: Db, id: number) =>
  db
    .selectFrom("emailAccounts")
    .select([
      "oauthTokenUrl",
      "oauthClientId",
      "oauthClientSecretEncrypted",
      "oauthRefreshTokenEncrypted",
      "oauthScope",
      "changedAt",
    ])
    .where("id", "=", id)
    .executeTakeFirst();
