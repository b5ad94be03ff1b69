/** Signs in: AUTH PLAIN, LOGIN or XOAUTH2. Never called before TLS, except on this machine; never repeats a secret in a text. */
import type { Capabilities } from "./smtp-message.ts";
import type { Reply } from "./smtp-replies.ts";
import type { SmtpSettings } from "./smtp-settings.ts";
import { ask, isLoss, type Loss, type Wire } from "./smtp-wire.ts";

/** Null once signed in; else why not. The reply is 535 for wrong credentials, 454 for "not now" (RFC 4954). */
export async function authenticate(
  wire: Wire,
  auth: NonNullable<SmtpSettings["auth"]>,
  offered: Capabilities,
  timeoutMs: number,
): Promise<{ text: string; reply: Reply | null } | null> {
  const mechanisms = (offered.get("AUTH") ?? "").split(/\s+/).filter(Boolean);
  const turns = turnsOf(auth, mechanisms);
  if (turns === null) {
    const found = mechanisms.join(", ") || "none";
    const wanted = "accessToken" in auth ? "XOAUTH2" : "PLAIN or LOGIN";
    return { text: `The server offers no way to sign in that we know: ${found}; ${wanted} is needed.`, reply: null };
  }
  let details = "";
  let answer: Reply | Loss = { how: "ended", text: "" };
  for (const turn of turns) {
    answer = await ask(wire, `${turn}\r\n`, timeoutMs);
    if (isLoss(answer)) return { text: answer.text, reply: null };
    if (answer.code !== 334) break;
    // XOAUTH2 says why in base64 and waits for an empty line before its 535.
    if ("accessToken" in auth) details = ` ${Buffer.from(answer.text, "base64").toString("utf8").slice(0, 500)}`;
  }
  if (isLoss(answer) || answer.code === 235) return null;
  const text = `The server did not let ${auth.user} in: ${answer.code} ${answer.text}${details}`;
  return { text, reply: answer.code >= 400 ? answer : null };
}

/** What to say, line by line, as long as the server asks on with 334. */
function turnsOf(auth: NonNullable<SmtpSettings["auth"]>, mechanisms: readonly string[]): string[] | null {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  if ("accessToken" in auth) {
    if (!mechanisms.includes("XOAUTH2")) return null;
    return [`AUTH XOAUTH2 ${base64(`user=${auth.user}\u0001auth=Bearer ${auth.accessToken}\u0001\u0001`)}`, ""];
  }
  if (mechanisms.includes("PLAIN")) return [`AUTH PLAIN ${base64(`\0${auth.user}\0${auth.password}`)}`];
  if (mechanisms.includes("LOGIN")) return ["AUTH LOGIN", base64(auth.user), base64(auth.password)];
  return null;
}
