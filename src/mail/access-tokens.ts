/** Asks a provider for an access token with a refresh token: one POST (RFC 6749, section 6). Keeps nothing, repeats no secret. */
import { z } from "zod";
import { isLoopback } from "./smtp-settings.ts";

export type TokenSettings = {
  readonly tokenUrl: string;
  readonly clientId: string;
  /** Null for a public client. */
  readonly clientSecret: string | null;
  readonly refreshToken: string;
  readonly scope: string | null;
};

export type Token = {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  /** A provider may hand out a new one and forget the old. */
  readonly refreshToken: string | null;
};

/** How a server is asked; another one in tests. */
export type Fetcher = (url: string, init: RequestInit) => Promise<Response>;

/** `permanent`: the token or the client is refused, and trying again would not help. */
export class TokenFailure extends Error {
  override readonly name = "TokenFailure";
  readonly permanent: boolean;
  constructor(text: string, permanent: boolean) {
    super(text);
    this.permanent = permanent;
  }
}

const TIMEOUT_MS = 20_000;
const MOST_ANSWER = 100_000;
const USUAL_SECONDS = 3600;

const answered = z.object({
  access_token: z.string().min(1).max(20_000),
  expires_in: z.coerce.number().int().positive().optional().catch(undefined),
  refresh_token: z.string().min(1).max(20_000).optional(),
});
const refused = z.object({ error: z.string(), error_description: z.string().optional() });

/** @throws TokenFailure with a sentence for the person who set it up. */
export async function requestToken(settings: TokenSettings, fetcher: Fetcher = fetch): Promise<Token> {
  const { tokenUrl, clientId, clientSecret, refreshToken, scope } = settings;
  if (!mayAsk(tokenUrl)) throw new TokenFailure("The token address has to begin with https://.", true);
  const body = new URLSearchParams({ grant_type: "refresh_token", client_id: clientId, refresh_token: refreshToken });
  if (clientSecret !== null) body.set("client_secret", clientSecret);
  if (scope !== null) body.set("scope", scope);
  let status: number;
  let json: unknown;
  try {
    const answer = await fetcher(tokenUrl, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      body: body.toString(),
      // A redirect would take the secret elsewhere.
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    status = answer.status;
    const text = await answer.text();
    json = text.length <= MOST_ANSWER ? parsed(text) : null;
  } catch {
    throw new TokenFailure(`${new URL(tokenUrl).host} did not answer when asked for an access token.`, false);
  }
  const good = answered.safeParse(json);
  if (status === 200 && good.success) {
    const { access_token: accessToken, expires_in: expiresInSeconds = USUAL_SECONDS, refresh_token } = good.data;
    return { accessToken, expiresInSeconds, refreshToken: refresh_token ?? null };
  }
  const why = refused.safeParse(json);
  const said = why.success ? `${why.data.error} ${(why.data.error_description ?? "").slice(0, 300)}`.trim() : status;
  const permanent = status >= 400 && status < 500 && status !== 408 && status !== 429;
  throw new TokenFailure(`${new URL(tokenUrl).host} gave no access token: ${said}`, permanent);
}

function mayAsk(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname } = new URL(address);
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname.replace(/^\[|\]$/g, "")));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
