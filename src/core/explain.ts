/** Says in plain words, for each step, why it was or was not sent and what comes next; from the facts that decide. */
import { conditionInWords, type Names } from "./condition-words.ts";
import { holds, leavesOf } from "./conditions.ts";
import type { Status, StopReason } from "./email-campaign.ts";
import { SAID, sentence, SKIPPED, STOPPED } from "./explain-words.ts";
import { project } from "./project.ts";
import {
  type Facts,
  decide,
  dueAfterGap,
  dueAt,
  type Finding,
  inOrderFor,
  knownOf,
  localDay,
  type Step,
} from "./schedule.ts";
import { type Language, momentInWords, movedInWords, type Voice } from "./timing-words.ts";
import { type Letter, sharesOf, type VariantDecision, variantFor } from "./variants.ts";

/** What is known of a step's message. */
export type StepMessage = {
  readonly stepId: number;
  readonly state: "planned" | "claimed" | "in_data" | "accepted" | "deferred" | "refused" | "unknown" | "skipped";
  readonly reason: string | null;
  readonly at: Temporal.Instant | null;
  readonly nextAttemptAt: Temporal.Instant | null;
  readonly reply: string | null;
  /** What its condition was found to say, where it was skipped by one. */
  readonly finding?: Finding | null;
  readonly variant?: MessageVariant | null;
};

/** Which variant of its step a message is, and by what. */
export type MessageVariant = {
  readonly letter: Letter;
  /** Another than the letter: that one was removed before the mail left. */
  readonly planned: Letter;
  /** What had been decided when it was planned; null: the split had it. */
  readonly decided: Pick<VariantDecision, "outcome" | "by"> | null;
};

export type Explanation = {
  readonly stepId: number;
  readonly code: string;
  readonly text: string;
  /** When it happened, or when it will. */
  readonly at: Temporal.Instant | null;
};

/** English, by the zone that is in the facts. */
const NOBODY: Voice = { language: "en", person: "the person", ownClock: true };

/** One answer a step, in the order the steps are sent. */
export function explain(
  facts: Facts,
  ended: {
    readonly status: Status;
    readonly stopReason: StopReason | null;
    readonly campaignPaused?: boolean;
    /** Whose it is: by it variants are drawn. */
    readonly personId?: number;
  },
  messages: readonly StepMessage[],
  now: Temporal.Instant,
  voice: Voice = NOBODY,
): Explanation[] {
  const { rules } = facts;
  const { language } = voice;
  const byStep = new Map(messages.map((message) => [message.stepId, message]));
  const decision = decide(facts, now);
  const ahead = new Map(project(facts, now).map((prospect) => [prospect.stepId, prospect]));
  return inOrderFor(facts).map((step) => {
    const message = byStep.get(step.id);
    if (message) return { stepId: step.id, ...ofMessage(message, voice) };
    const due = dueAt(facts.startOn, step, rules, facts.createdAt);
    const leaves = ahead.get(step.id)?.at ?? due;
    const say = (
      code: keyof typeof SAID,
      at: Temporal.Instant | null = leaves,
      values: Record<string, string> = {},
    ) => {
      const when = at ? whenInWords(facts, step, at, voice, now) : "";
      const text = sentence(SAID[code], language, { when, ...values });
      const variant = variantAhead(step, ended.personId, language);
      return { stepId: step.id, code, text: text + variant + conditionsNow(facts, step, voice), at };
    };
    const over = (code: keyof typeof SAID, values: Record<string, string> = {}) => ({
      stepId: step.id,
      code,
      text: sentence(SAID[code], language, values),
      at: null,
    });

    if (ended.status === "Unsubscribed") return over("unsubscribed");
    if (ended.status === "Stopped")
      return over("stopped", { why: STOPPED[ended.stopReason ?? "cancelled"]![language] });
    if (ended.status === "Paused") return say("paused", null);
    if (ended.campaignPaused && ended.status !== "Completed") return say("campaign-paused", null);
    const expired = decision.expire.find((entry) => entry.step.id === step.id);
    if (expired?.finding) {
      const text = sentence(SAID.unmet, language) + findingInWords(expired.finding, voice);
      return { stepId: step.id, code: "condition", text, at: due };
    }
    if (decision.stop) {
      const text = sentence(SAID.ends, language) + findingInWords(decision.stop, voice);
      return { stepId: step.id, code: "ends", text, at: null };
    }
    if (expired) return { stepId: step.id, code: expired.reason, text: SKIPPED[expired.reason]![language], at: due };
    if (!due) return say("window-never-opens", null);
    if (decision.send.some((entry) => entry.step.id === step.id)) return say("due");
    const { waitFor = null } = step.timing ?? {};
    if (waitFor && !rules.dates[waitFor.field]) return say("waits-for-date", due, { field: waitFor.field });
    if (decision.next?.step.id === step.id)
      return say(whyNext(facts, step, due, decision.next.dueAt), decision.next.dueAt);
    if (Temporal.Instant.compare(due, now) <= 0) return say("waits-for-previous");
    return say("scheduled");
  });
}

const UNNAMED: Names = { group: String, campaign: String, step: String, field: (key) => key };

/** Which variant a person is going to get, and why that one. */
function variantAhead(step: Step, personId: number | undefined, language: Language): string {
  if (!step.variants || personId === undefined) return "";
  const { decision = null } = step;
  const letter = variantFor(step, personId, decision?.winner);
  if (decision && decision.winner === letter)
    return variantInWords({ letter, planned: letter, decided: decision }, language);
  const split = sharesOf(step)
    .map(({ letter: one, share }) => `${one} ${share} %`)
    .join(", ");
  const open = step.variants.winner !== null && !decision;
  return sentence(SAID[open ? "variant-until-winner" : "variant-ahead"], language, { letter, split });
}

function variantInWords({ letter, planned, decided }: MessageVariant, language: Language): string {
  if (letter !== planned) return sentence(SAID["variant-gone"], language, { letter, planned });
  const code = decided ? BY_DECISION[decided.outcome] : "variant-split";
  return sentence(SAID[code], language, { letter, who: decided?.by ?? "" });
}

const BY_DECISION = {
  won: "variant-won",
  chosen: "variant-chosen",
  "no-clear-winner": "variant-without-winner",
} as const;

/** What a step asks, and how that stands now. */
function conditionsNow(facts: Facts, { onlyIf, stopIf }: Step, voice: Voice): string {
  const known = knownOf(facts);
  if (!known) return "";
  const { language, person, names = UNNAMED } = voice;
  const said = (code: "only-if" | "stop-if", condition: Step["onlyIf"]) =>
    condition
      ? sentence(SAID[code], language, {
          asked: conditionInWords(condition, names, { language, person }),
          so: SAID[holds(condition, known) ? "so" : "not-so"][language],
        })
      : "";
  return said("only-if", onlyIf) + said("stop-if", stopIf);
}

/** What was asked, and of each thing whether it was so. */
export function findingInWords({ condition, answers }: Finding, voice: Voice): string {
  const { language, person, names = UNNAMED } = voice;
  const found = leavesOf(condition)
    .map((leaf, at) => conditionInWords(answers[at] ? leaf : { not: leaf }, names, { language, person: null }))
    .join(", ");
  return sentence(SAID.found, language, { asked: conditionInWords(condition, names, { language, person }), found });
}

/** Why the step that comes next waits until `leavesAt`. */
function whyNext(facts: Facts, step: Step, due: Temporal.Instant, leavesAt: Temporal.Instant): keyof typeof SAID {
  const { waitsUntil, capFreeAt, rules } = facts;
  if (waitsUntil && isBefore(due, waitsUntil, rules.timeZone)) return "waits-for-return";
  const afterGap = dueAfterGap(facts, step) ?? due;
  if (Temporal.Instant.compare(leavesAt, afterGap) <= 0) return "scheduled";
  return capFreeAt && Temporal.Instant.compare(capFreeAt, afterGap) > 0 ? "frequency-cap" : "catching-up";
}

/** When a step leaves, and in brackets what moved it there. */
function whenInWords(facts: Facts, step: Step, at: Temporal.Instant, voice: Voice, now: Temporal.Instant): string {
  const moved = movedInWords(facts, step, at, voice.language);
  return momentInWords(at, facts.rules.timeZone, voice, now) + (moved ? ` (${moved})` : "");
}

const isBefore = (due: Temporal.Instant, day: Temporal.PlainDate, timeZone: string) =>
  Temporal.PlainDate.compare(localDay(due, timeZone), day) < 0;

function ofMessage(message: StepMessage, voice: Voice): Omit<Explanation, "stepId"> {
  const { state, reason, at, nextAttemptAt, reply, finding, variant } = message;
  const { language } = voice;
  const answered = reply ? sentence(SAID.reply, language, { words: reply }) : "";
  const say = (code: keyof typeof SAID, moment: Temporal.Instant | null) => ({
    code,
    text: sentence(SAID[code], language, { reply: answered }) + (variant ? variantInWords(variant, language) : ""),
    at: moment,
  });
  switch (state) {
    case "accepted":
      return say("sent", at);
    case "skipped":
      return {
        code: reason ?? "skipped",
        text:
          (SKIPPED[reason ?? ""] ?? SAID.skipped)[language] +
          (finding && reason === "condition" ? findingInWords(finding, voice) : ""),
        at,
      };
    case "refused":
      return say("failed", at);
    case "deferred":
      return say(reason === "window-closed" ? "window-closed" : "will-retry", nextAttemptAt);
    case "unknown":
      return say("unknown", at);
    case "planned":
      if (reason === "cannot-sign" || reason === "window-closed") return say(reason, nextAttemptAt);
      return reason === "paused" ? say("paused", null) : say("to-be-sent", nextAttemptAt);
    default:
      return say("being-sent", at);
  }
}
