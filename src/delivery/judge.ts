/** Decides what an outcome on the wire means for a message and for its account. Knows no database and no server. */
import { nextAttempt } from "../core/backoff.ts";
import { classifyReply, type SmtpReply } from "../core/bounce.ts";
import type { Outcome, Stage } from "../mail/smtp.ts";
import type { Became } from "./record.ts";

/** What is known of the message before the attempt that ended so. */
export type Attempted = {
  /** How many attempts there were, this one included. */
  readonly attempts: number;
  readonly firstAttemptAt: Temporal.Instant;
  /** The account holds mail whose fate is unknown, instead of sending it again. */
  readonly holdUnknown: boolean;
};

export type Judgement = Became & {
  /** Nothing is wrong with the message: its account cannot send at the moment. */
  readonly trouble?: Trouble;
};

/** `login` waits for a person; `server` may be over in a moment. */
export type Trouble = { readonly kind: "login" | "server"; readonly text: string };

/**
 * What follows from an outcome. Account trouble never fails a message (S17); a permanent refusal fails this message
 * alone, unless it says that the address is dead; what is temporary is tried again until it is too old (E57, E108).
 * @param random from 0 to 1, for the jitter.
 */
export function judge(
  outcome: Exclude<Outcome, { kind: "withdrawn" }>,
  attempted: Attempted,
  random: number,
  now: Temporal.Instant,
): Judgement {
  const base = { reason: null, nextAttemptAt: null, reply: null, stage: null };
  const { attempts, firstAttemptAt } = attempted;

  const later = (reply: SmtpReply | null, stage: Stage, reason: string | null = null): Judgement => {
    const next = nextAttempt(Math.max(attempts, 1), firstAttemptAt, random, now);
    return next === "give-up"
      ? { ...base, state: "refused", reason: "gave-up", reply, stage }
      : { ...base, state: "deferred", reason, nextAttemptAt: next, reply, stage };
  };

  if (outcome.kind === "accepted") return { ...base, state: "accepted", reply: outcome.reply };
  if (outcome.kind === "unknown")
    return attempted.holdUnknown
      ? { ...base, state: "unknown", reason: "in-doubt", stage: "body" }
      : later(null, "body", "in-doubt");

  const { stage, reply, text } = outcome;
  const verdict = reply && classifyReply(reply, stage);
  if (concernsAccount(stage, verdict))
    return {
      ...base,
      state: attempts > 0 ? "deferred" : "planned",
      nextAttemptAt: now,
      trouble: { kind: stage === "auth" && verdict?.kind === "permanent" ? "login" : "server", text },
    };
  if (!verdict || verdict.kind === "temporary") return later(reply, stage);
  return { ...base, state: "refused", reason: verdict.hard ? "hard-bounce" : verdict.about, reply, stage };
}

/**
 * Whether a refusal is about the account. A server that says 421 or 454 to one recipient is slow about that one: taken
 * as trouble of the account, one address could hold up all others.
 */
function concernsAccount(stage: Stage, verdict: ReturnType<typeof classifyReply> | null): boolean {
  if (["connect", "greeting", "ehlo", "starttls", "auth"].includes(stage)) return true;
  return verdict?.about === "account" && (stage === "mail" || verdict.kind === "permanent");
}
