/** How an account's server is reached and signed in to, for whoever sends by it. Connects to nobody; repeats no secret. */
import { TokenFailure } from "../mail/access-tokens.ts";
import type { SmtpAuth, SmtpSettings } from "../mail/smtp-settings.ts";
import type { AccessTokens } from "./access-tokens.ts";
import type { Account } from "./accounts.ts";

type Relay = Extract<Account, { kind: "smtp" }>;
export type SignIn = Pick<Relay, "id" | "user" | "password" | "auth">;

/**
 * The settings of the SMTP client.
 * @param name what we call ourselves to the server.
 * @param at the present moment, when a token is needed.
 */
export function relayOf(
  account: Relay,
  { name, tokens, at }: { readonly name: string; readonly tokens: AccessTokens; readonly at: () => Temporal.Instant },
): SmtpSettings {
  const { host, port, security, connections, chunking, chunkingWindow, reports } = account;
  const auth = signInOf(account, tokens, at);
  return { host, port, security, auth, name, connections, chunking, chunkingWindow, reports };
}

/** Null: nobody signs in. */
export function signInOf(
  { id, user, password, auth }: SignIn,
  tokens: Pick<AccessTokens, "of" | "forget">,
  at: () => Temporal.Instant,
): SmtpAuth | null {
  if (user === null || user === "") return null;
  if (auth === "password" || id === null) return password === null ? null : { user, password };
  return {
    user,
    async accessToken(refused) {
      if (refused) tokens.forget(id);
      try {
        return await tokens.of(id, at());
      } catch (error) {
        if (error instanceof TokenFailure && error.permanent) throw new TokenFailure(advised(error.message), true);
        throw error;
      }
    },
  };
}

/** What to do where a service will give no token any more (RFC 6749 5.2). */
const ADVICE: readonly [RegExp, string][] = [
  [/invalid_grant/, "The refresh token has ended or was withdrawn: make a new one and give it to the email account."],
  [/invalid_client|unauthorized_client/, "Check the client's id and secret; a secret may have reached its last day."],
  [/invalid_scope/, "Check the scope: it has to allow sending by SMTP."],
];

function advised(text: string): string {
  const advice = ADVICE.find(([said]) => said.test(text))?.[1] ?? "Check the account's settings for OAuth 2.";
  return `${text}. ${advice}`.replace("..", ".");
}
