/** Says what lies ahead of an Email Campaign when nothing comes between: each step with its moment, by the code that decides. */
import type { Holidays } from "./opening.ts";
import { type ExpiryReason, type Facts, type Resolution, type Step, decide, inOrderFor, localDay } from "./schedule.ts";

/**
 * What becomes of a step. `behind`: sent, skipped or failed already. `unmet`, `stopped`: as things stand now its condition
 * is not met, or the Email Campaign ends before it. `never`: the window never opens for it.
 */
export type Prospect = {
  readonly stepId: number;
  readonly outcome: "behind" | "under-way" | "due-now" | "ahead" | "too-late" | "unmet" | "stopped" | "never";
  /** When it leaves; null where it does not. */
  readonly at: Temporal.Instant | null;
  /** The person's day of it, as ISO text. */
  readonly on: string | null;
  readonly reason: ExpiryReason | null;
};

/** A decision resolves a step, or moves time on to one that can be sent. */
const MOST_DECISIONS_A_STEP = 4;

/**
 * Follows the decisions from now on, taking each mail as sent at the moment it is due. One answer a step, in the order
 * they are sent.
 */
export function project(facts: Facts, now: Temporal.Instant): Prospect[] {
  const { timeZone } = facts.rules;
  const found = new Map<number, Prospect>();
  let resolutions: Resolution[] = facts.resolutions.map((resolution) =>
    resolution.state === "pending"
      ? { ...resolution, state: "sent", at: now, on: localDay(now, timeZone) }
      : resolution,
  );
  for (const { stepId, state } of facts.resolutions)
    found.set(stepId, {
      stepId,
      outcome: state === "pending" ? "under-way" : "behind",
      at: state === "pending" ? now : null,
      on: state === "pending" ? localDay(now, timeZone).toString() : null,
      reason: null,
    });
  let at = now;
  for (let turn = 0; turn < MOST_DECISIONS_A_STEP * (facts.steps.length + 1); turn += 1) {
    const { send, expire, next, done, stop } = decide({ ...facts, resolutions }, at);
    const on = localDay(at, timeZone);
    for (const { step, reason } of expire) {
      found.set(step.id, {
        stepId: step.id,
        outcome: reason === "condition" ? "unmet" : "too-late",
        at: null,
        on: null,
        reason,
      });
      resolutions = [...resolutions, { stepId: step.id, state: "skipped", at, on }];
    }
    for (const { step } of send) {
      const outcome = Temporal.Instant.compare(at, now) <= 0 ? "due-now" : "ahead";
      found.set(step.id, { stepId: step.id, outcome, at, on: on.toString(), reason: null });
      resolutions = [...resolutions, { stepId: step.id, state: "sent", at, on }];
    }
    if (done) break;
    if (stop) {
      for (const { id: stepId } of facts.steps)
        if (!found.has(stepId)) found.set(stepId, { stepId, outcome: "stopped", at: null, on: null, reason: null });
      break;
    }
    if (send.length > 0) continue;
    if (!next) {
      if (expire.length === 0) break;
      continue;
    }
    at = next.dueAt;
  }
  const never = { outcome: "never", at: null, on: null, reason: null } as const;
  return inOrderFor(facts).map(({ id }) => found.get(id) ?? { stepId: id, ...never });
}

/**
 * {@link project} that remembers: people who were started together have the same facts until something happens to one
 * of them. Holds for one moment and as long as it is kept.
 * @param most how many different facts are remembered.
 */
export function projector(now: Temporal.Instant, most = 20_000): (facts: Facts) => readonly Prospect[] {
  const known = new Map<string, readonly Prospect[]>();
  // Steps are the same objects for all of a Campaign, in lists of their own; holidays for all of a country.
  const numbers = new Map<Step | Holidays, number>();
  const numberOf = (one: Step | Holidays) => {
    const number = numbers.get(one) ?? numbers.size;
    numbers.set(one, number);
    return number;
  };
  return (facts) => {
    const { holidays } = facts.rules;
    const rules = { ...facts.rules, holidays: holidays && numberOf(holidays) };
    const resolutions = goesByGaps(facts) ? facts.resolutions : facts.resolutions.map((one) => ({ ...one, at: null }));
    const key = JSON.stringify({ ...facts, steps: facts.steps.map(numberOf), rules, resolutions });
    const before = known.get(key);
    if (before) return before;
    const found = project(facts, now);
    if (known.size >= most) known.clear();
    known.set(key, found);
    return found;
  };
}

/** Only where a gap is to be kept does the moment count at which a mail left; else its day does. */
const goesByGaps = ({ rules, steps }: Facts) => rules.gap !== null || steps.some(({ timing }) => timing?.gap);
