/** Judges what a mail server answered while a message was being handed over. By meaning: a 5xx is not a dead address. */

export type SmtpReply = { readonly code: number; readonly enhanced: string | null; readonly text: string };
export type ReplyAbout = "address" | "mailbox-full" | "policy" | "content" | "account" | "other";

/** `hard`: the address is dead and gets nothing more. `account`: not about this message; it waits. */
export type ReplyVerdict = {
  readonly kind: "temporary" | "permanent";
  readonly about: ReplyAbout;
  readonly hard: boolean;
};

/** RFC 3463 subject.detail (without the class) to what it is about. */
const BY_DETAIL: Readonly<Record<string, ReplyAbout>> = {
  "1.1": "address",
  "1.2": "address",
  "1.3": "address",
  "1.6": "address",
  "1.10": "address",
  "2.1": "address",
  "2.2": "mailbox-full",
  "2.3": "content",
  "3.4": "content",
  "6.0": "content",
  "6.1": "content",
  "6.3": "content",
  "7.8": "account",
  "7.0": "policy",
  "7.1": "policy",
};

/** Addresses a reply repeats: how they are spelled says nothing. */
const ADDRESSES = /[^\s<>]*@[^\s<>]*/g;
/** Replies are read this far. */
const MAX_TEXT = 1000;
/** Us, not the recipient. Postfix keeps its verdict on the sender until RCPT (smtpd_delay_reject). */
const SENDER =
  /\bsender\b|\b(?:mail|envelope)[ -]?from\b|\bfrom address\b|\breturn[ -]?path\b|\byour (?:account|domain)\b/i;
const POLICY =
  /\b(?:spam|receiving mail (?:at a rate|too quickly)|block(?:ed|list)|black ?list|deny|denied|reputation|policy|dmarc|spf|dkim|unsolicited|rate limit|greylist|graylist|relay(?:ing)? (?:access )?(?:denied|not permitted)|not authori[sz]ed)/i;
const FULL = /\b(?:mailbox (?:is )?full|over ?quota|quota exceeded|insufficient (?:system )?storage|out of storage)/i;
const UNKNOWN_ADDRESS =
  /\b(?:user|recipient|mailbox|address|account|alias)\b[^.]{0,40}\b(?:unknown|not (?:found|exist|available|listed)|does(?:n'?t| not) exist|invalid|disabled|inactive|rejected: undeliverable)|\b(?:no such|unknown|invalid|nonexistent) (?:user|recipient|mailbox|address|account|local)|no mailbox (?:here )?by that name|\b(?:user|recipient) (?:doesn'?t|does not) have an? (?:\S+ )?account/i;

/**
 * What a reply other than 2xx and 3xx means.
 * @param stage where it came: before MAIL FROM it is about the account, not about the message.
 */
export function classifyReply(
  reply: SmtpReply,
  stage: "connect" | "greeting" | "ehlo" | "starttls" | "auth" | "mail" | "rcpt" | "data" | "body",
): ReplyVerdict {
  const kind = reply.code >= 500 ? "permanent" : "temporary";
  const about = aboutOf(reply, stage);
  return { kind, about, hard: kind === "permanent" && about === "address" && stage !== "mail" };
}

function aboutOf(reply: SmtpReply, stage: string): ReplyAbout {
  if (["connect", "greeting", "ehlo", "starttls", "auth"].includes(stage)) return "account";
  if ([421, 454, 530, 534, 535, 538].includes(reply.code)) return "account";
  // Words before numbers: servers put "5.1.1" on a blocked sender, never "user unknown".
  const text = reply.text.slice(0, MAX_TEXT).replaceAll(ADDRESSES, "");
  if (FULL.test(text)) return "mailbox-full";
  const detail = reply.enhanced?.slice(2);
  const byDetail = detail === undefined ? undefined : BY_DETAIL[detail];
  // Held against the recipient, a mistake in our own sender would suppress everybody it writes to.
  if (SENDER.test(text)) return byDetail === "account" ? "account" : "policy";
  if (UNKNOWN_ADDRESS.test(text) && stage === "rcpt") return "address";
  if (POLICY.test(text) || detail?.startsWith("7.")) return byDetail === "account" ? "account" : "policy";
  return byDetail ?? "other";
}
