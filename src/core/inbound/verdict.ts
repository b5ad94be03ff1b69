/** The verdict on one recipient: from what its server said to what that means. Knows no message format. */
import { isDead, type Reason, reasonOf } from "./reason.ts";
import { type Recipient, replyCodeIn, statusIn } from "./report.ts";

/** What a mail says about one recipient. */
export type Verdict = {
  readonly recipient: string | null;
  /** Enhanced status code; made of the class alone (`5.0.0`) where none was said. Null: no matter of delivery. */
  readonly status: string | null;
  readonly replyCode: string | null;
  readonly reason: Reason | "complaint" | "delivered" | "away" | "unsubscribe";
  /** The address is dead. */
  readonly hard: boolean;
  /** It is still being tried: no failure yet. */
  readonly delayed: boolean;
};

/** A verdict that is no matter of delivery, or of one that went well. */
export function mild(recipient: string | null, reason: Verdict["reason"], status: string | null = null): Verdict {
  return { recipient, status, replyCode: null, reason, hard: false, delayed: false };
}

/** What the server said about the recipient goes first, then what the notice says around it. */
export function verdictOf(
  { recipient, action, status, diagnostic }: Recipient,
  said: string,
  subject: string,
): Verdict {
  const quoted = statusIn(diagnostic);
  const around = statusIn(said.replaceAll(OWN_VERDICT, ""));
  const code = [quoted, status, around].find(specific) ?? quoted ?? status ?? around;
  const replyCode = replyCodeIn(diagnostic) ?? replyCodeIn(said);
  const delayed = action === "delayed";
  const reason = reasonFor(code, diagnostic, said, delayed);
  const givenUp = /retry timeout exceeded/i.test(diagnostic) ? "4" : null;
  const word = code?.[0] ?? givenUp ?? replyCode?.[0] ?? (delayed || /^warning|delay/i.test(subject) ? "4" : "5");
  return {
    recipient,
    status: code ?? `${word}.0.0`,
    replyCode,
    reason,
    hard: isDead(reason) && !delayed && !onlyFiltered(reason, code, `${diagnostic}\n${said}`.slice(0, MOST_SAID)),
    delayed,
  };
}

/** What sendmail concludes for itself, below what the other server said. */
const OWN_VERDICT = /^5\d\d 5\.1\.1 <.*/gm;
const MOST_SAID = 20_000;

export const specific = (status: string | null) => status !== null && !/^[245]\.0\.0$/.test(status);

function reasonFor(code: string | null, diagnostic: string, said: string, delayed: boolean): Reason {
  let reason = reasonOf(code, diagnostic);
  if (reason === "undefined" || (VAGUE.has(reason) && !specific(code))) {
    const wider = reasonOf(code, `${diagnostic} ${said}`);
    if (wider !== "undefined") reason = wider;
  }
  if (delayed && (VAGUE.has(reason) || reason === "undefined")) return "expired";
  // A notice that contradicts itself is no proof that an address is dead.
  if (isDead(reason) && FULL.has(reasonOf(null, said))) return reasonOf(null, said);
  return reason;
}

const VAGUE: ReadonlySet<Reason> = new Set(["system", "rejected", "undefined", "policy", "content"]);
const FULL: ReadonlySet<Reason> = new Set(["mailbox-full", "system-full"]);

/**
 * Whether "user unknown" is no word on the mailbox. A filter says it too: after the whole mail was taken, or where a
 * relayed reply names no reason of its own (X.1.1) and was not given to RCPT. A passing failure to find a host proves
 * nothing, and a word that sums up, without the reply it is about, little.
 */
function onlyFiltered(reason: Reason, code: string | null, words: string): boolean {
  if (reason === "host-unknown" || reason === "not-accepting") return code?.[0] === "4";
  if (reason !== "user-unknown") return false;
  const text = words.replaceAll(/[ \t]*\n[ \t]+/g, " ");
  if (AT_RCPT.test(text)) return false;
  if (AFTER_DATA.test(text)) return true;
  if (/^[45]\.(?:1\.\d+|4\.1)$/.test(code ?? "")) return false;
  if (AT_DATA.test(text)) return true;
  if (replyCodeIn(text) !== null) return !NAMED.test(text);
  return code === null && !SPEAKS_OF_ITS_OWN.test(text.replaceAll(SUMMARY, ""));
}

/** Answers to RCPT, in the words of many servers. With pipelining the answer to DATA tells: there was nobody left. */
const AT_RCPT =
  /(?<!needs? |expected |issue |command: |before )\bRCPT(?:_TO)?\b(?! ?\((?:recipient|to)\)| first| command (?:first|expected|\[data\])| needed)|mail\.local: unknown user|does not like recipient|\b55\d .{0,40}user doesn'?t have an? \S+ account|mailbox unavailable \(-|<<< 55\d (?:5\.5\.1 )?(?:error: )?no valid recipients/i;
const AFTER_DATA = /end of data|for text command|\(data\)|after data\b|end-of-(?:data|message)|dot command/i;
/** A transcript: with pipelining the answer to RCPT stands here too. */
const AT_DATA = />>> DATA/;
/** Postfix, and who speaks like it, names the recipient with a colon when it refuses RCPT; at DATA it names the command. */
const NAMED = /(?:^|[\s;])55\d:? (?:5\.[013-7]\.\d+ )?<[^<>\s]{1,320}@[^<>\s]{1,255}>:\s/;
const SUMMARY = /\buser unknown\b|\brecipient not found\b/gi;
const SPEAKS_OF_ITS_OWN =
  /unknown|no (?:such|valid|mailbox|account)|(?:not|n'?t|never) (?:be )?(?:listed|recogni[sz]ed|found|exist|have|known|valid|here|our|in)\b|invalid|incorrect|check (?:if|that|the)|directory|does ?n[o']t|non-?exist|unrout/i;
