/** Signs in: AUTH PLAIN, LOGIN, XOAUTH2 or OAUTHBEARER. Never called before TLS, except on this machine; never repeats a secret in a text. */
import { TokenFailure } from "./access-tokens.ts";
import type { Capabilities } from "./smtp-message.ts";
import type { Reply } from "./smtp-replies.ts";
import type { CheckedSettings, SmtpAuth } from "./smtp-settings.ts";
import { ask, isLoss, type Wire } from "./smtp-wire.ts";

/** Why nobody was signed in. The reply is 535 for wrong credentials, 454 for "not now" (RFC 4954). */
export type SignInFailure = {
  readonly text: string;
  readonly reply: Reply | null;
  /** There is another token now, and the server has closed the connection: a new one may do. */
  readonly again?: boolean;
};

type Server = Pick<CheckedSettings, "host" | "port"> & { readonly timeoutMs: number };

/** Null once signed in; else why not. An access token that the server refuses is fetched anew and tried once more. */
export async function authenticate(
  wire: Wire,
  auth: SmtpAuth,
  offered: Capabilities,
  server: Server,
): Promise<SignInFailure | null> {
  const mechanisms = (offered.get("AUTH") ?? "").split(/\s+/).filter(Boolean);
  const mechanism = MECHANISMS[kindOf(auth)].find(({ name }) => mechanisms.includes(name));
  if (!mechanism) {
    const found = mechanisms.join(", ") || "none";
    const wanted = MECHANISMS[kindOf(auth)].map(({ name }) => name).join(" or ");
    return { text: `The server offers no way to sign in that we know: ${found}; ${wanted} is needed.`, reply: null };
  }
  const attempt = (secret: string) => exchange(wire, auth.user, mechanism, { ...server, user: auth.user, secret });
  if ("password" in auth) return attempt(auth.password);
  if (typeof auth.accessToken === "string") return attempt(auth.accessToken);
  try {
    const before = await auth.accessToken(false);
    const refused = await attempt(before);
    if (!refused?.reply || refused.reply.code < 500) return refused;
    const fresh = await auth.accessToken(true);
    if (fresh === before) return refused;
    const second = await attempt(fresh);
    return second && second.reply === null ? { ...refused, again: true } : second;
  } catch (error) {
    if (!(error instanceof TokenFailure)) throw error; // a bug
    const { permanent, message: text } = error;
    return { text, reply: permanent ? { code: 535, enhanced: "5.7.8", text: `5.7.8 ${text}` } : null };
  }
}

async function exchange(wire: Wire, user: string, { turns }: Mechanism, given: Given): Promise<SignInFailure | null> {
  let details = "";
  let answer: Reply | null = null;
  for (const turn of turns(given)) {
    const said = await ask(wire, `${turn}\r\n`, given.timeoutMs);
    if (isLoss(said)) {
      // Some close once they have said why; it is a refusal all the same.
      const reply = details === "" ? null : { code: 535, enhanced: "5.7.8", text: `5.7.8${details}` };
      return { text: said.text + details, reply };
    }
    answer = said;
    if (answer.code !== 334) break;
    // With a token, the server says why not in base64 and waits for one more line before its 535.
    if (turns !== plainLogin && details === "")
      details = ` ${Buffer.from(answer.text, "base64").toString("utf8").slice(0, 500)}`;
  }
  if (answer === null || answer.code === 235) return null;
  const text = `The server did not let ${user} in: ${answer.code} ${answer.text}${details}`.trimEnd();
  return { text, reply: answer.code >= 400 ? answer : null };
}

type Given = Server & { readonly user: string; readonly secret: string };
/** What to say, line by line, as long as the server asks on with 334. */
type Mechanism = { readonly name: string; readonly turns: (given: Given) => string[] };

const base64 = (text: string) => Buffer.from(text).toString("base64");
const plainLogin: Mechanism["turns"] = ({ user, secret }) => ["AUTH LOGIN", base64(user), base64(secret)];

/** In the order we like them. */
const MECHANISMS: Readonly<Record<"password" | "token", readonly Mechanism[]>> = {
  password: [
    { name: "PLAIN", turns: ({ user, secret }) => [`AUTH PLAIN ${base64(`\0${user}\0${secret}`)}`] },
    { name: "LOGIN", turns: plainLogin },
  ],
  token: [
    {
      name: "XOAUTH2",
      turns: ({ user, secret }) => [
        `AUTH XOAUTH2 ${base64(`user=${user}\u0001auth=Bearer ${secret}\u0001\u0001`)}`,
        "",
      ],
    },
    {
      // RFC 7628 3.1; the name escaped as RFC 5801 4 has it. A refusal is answered by a lone %x01.
      name: "OAUTHBEARER",
      turns: ({ user, secret, host, port }) => {
        const name = user.replaceAll("=", "=3D").replaceAll(",", "=2C");
        const fields = [`host=${host}`, `port=${port}`, `auth=Bearer ${secret}`].join("\u0001");
        return [`AUTH OAUTHBEARER ${base64(`n,a=${name},\u0001${fields}\u0001\u0001`)}`, base64("\u0001")];
      },
    },
  ],
};

function kindOf(auth: SmtpAuth): "password" | "token" {
  return "password" in auth ? "password" : "token";
}
