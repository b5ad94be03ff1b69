/** Says in plain words, for each step, why it was or was not sent and what comes next; from the facts that decide. */
import type { Status, StopReason } from "./email-campaign.ts";
import { type Facts, decide, dueAt, inOrder, localDay } from "./schedule.ts";

/** What is known of a step's message. */
export type StepMessage = {
  readonly stepId: number;
  readonly state: "planned" | "claimed" | "in_data" | "accepted" | "deferred" | "refused" | "unknown" | "skipped";
  readonly reason: string | null;
  readonly at: Temporal.Instant | null;
  readonly nextAttemptAt: Temporal.Instant | null;
  readonly reply: string | null;
};

export type Explanation = {
  readonly stepId: number;
  readonly code: string;
  readonly text: string;
  /** When it happened, or when it will. */
  readonly at: Temporal.Instant | null;
};

const SKIPPED: Readonly<Record<string, string>> = {
  expired: "Skipped: its day was too long ago when it could have left (see expires after days).",
  "added-after-its-day": "Not for this person: the step was added when its day had already passed.",
  unsubscribed: "Not sent: the person has unsubscribed.",
  "hard-bounce": "Not sent: the address does not exist any more.",
  "soft-bounces": "Not sent: mail to the address came back time after time.",
  complaint: "Not sent: the person reported an email as spam.",
  "do-not-contact": "Not sent: the person is marked Do Not Contact or disabled.",
  manual: "Not sent: the address was suppressed by hand.",
  imported: "Not sent: the address was on an imported list of opt-outs.",
  erased: "Not sent: the person has been erased.",
  "no-address": "Not sent: the person has no email address.",
  "not-a-member": "Not sent: the person is no longer a subscribed member of the Email Group.",
  "skipped-by-hand": "Skipped by hand.",
  cancelled: "Not sent: the Email Campaign was cancelled.",
};

const STOPPED: Readonly<Record<StopReason, string>> = {
  replied: "the person replied",
  bounced: "the address bounced",
  complained: "the person complained",
  converted: "the person was converted",
  cancelled: "it was cancelled",
  erased: "the person was erased",
  "do-not-contact": "the person is not to be contacted",
};

/** One answer a step, in the order the steps are sent. */
export function explain(
  facts: Facts,
  ended: { readonly status: Status; readonly stopReason: StopReason | null; readonly campaignPaused?: boolean },
  messages: readonly StepMessage[],
  now: Temporal.Instant,
): Explanation[] {
  const byStep = new Map(messages.map((message) => [message.stepId, message]));
  const decision = decide(facts, now);
  return inOrder(facts.steps).map((step) => {
    const message = byStep.get(step.id);
    if (message) return { stepId: step.id, ...ofMessage(message) };
    const due = dueAt(facts.startOn, step, facts.rules, facts.createdAt);
    const say = (code: string, text: string, at: Temporal.Instant | null = due) => ({
      stepId: step.id,
      code,
      text,
      at,
    });

    if (ended.status === "Unsubscribed")
      return say("unsubscribed", "Will not be sent: the person has unsubscribed.", null);
    if (ended.status === "Stopped")
      return say("stopped", `Will not be sent: ${STOPPED[ended.stopReason ?? "cancelled"]}.`, null);
    if (ended.status === "Paused") return say("paused", "Waits: the Email Campaign is paused.", null);
    if (ended.campaignPaused && ended.status !== "Completed")
      return say("campaign-paused", "Waits: its Campaign is on hold or frozen.", null);
    const expired = decision.expire.find((entry) => entry.step.id === step.id);
    if (expired) return say(expired.reason, SKIPPED[expired.reason]!);
    if (!due) return say("window-never-opens", "Waits: the sending window never opens.", null);
    if (decision.send.some((entry) => entry.step.id === step.id)) return say("due", "Due now; it leaves next.");
    if (decision.next?.step.id === step.id && facts.waitsUntil && isBefore(due, facts.waitsUntil, facts.rules.timeZone))
      return say("waits-for-return", "Waits until the person is back.", decision.next.dueAt);
    if (decision.next?.step.id === step.id)
      return Temporal.Instant.compare(decision.next.dueAt, due) > 0
        ? say("catching-up", "Waits for its turn: at most one late email a day.", decision.next.dueAt)
        : say("scheduled", "Waits for its day.");
    if (Temporal.Instant.compare(due, now) <= 0)
      return say("waits-for-previous", "Waits until the step before it is done.");
    return say("scheduled", "Waits for its day.");
  });
}

const isBefore = (due: Temporal.Instant, day: Temporal.PlainDate, timeZone: string) =>
  Temporal.PlainDate.compare(localDay(due, timeZone), day) < 0;

const CANNOT_SIGN = "Waits: its sending domain is to be signed (DKIM), and the key cannot be used.";

function ofMessage(message: StepMessage): Omit<Explanation, "stepId"> {
  const { state, reason, at, nextAttemptAt, reply } = message;
  const answered = reply ? ` The server said: ${reply}` : "";
  switch (state) {
    case "accepted":
      return { code: "sent", text: `Sent.${answered}`, at };
    case "skipped":
      return { code: reason ?? "skipped", text: SKIPPED[reason ?? ""] ?? "Skipped.", at };
    case "refused":
      return { code: "failed", text: `Not delivered.${answered}`, at };
    case "deferred":
      return { code: "will-retry", text: `Put off by the server; it is tried again.${answered}`, at: nextAttemptAt };
    case "unknown":
      return { code: "unknown", text: "The connection broke before the server confirmed; it may have arrived.", at };
    case "planned":
      if (reason === "cannot-sign") return { code: reason, text: CANNOT_SIGN, at: nextAttemptAt };
      return reason === "paused"
        ? { code: "paused", text: "Waits: the Email Campaign is paused.", at: null }
        : { code: "to-be-sent", text: "Handed over; it leaves next.", at: nextAttemptAt };
    default:
      return { code: "being-sent", text: "Is being sent at this moment.", at };
  }
}
