/** Whether opens and clicks of one person are measured: a choice that can only take away. Measures nothing itself. */
import type { Measuring } from "../core/person.ts";
import { refuse } from "../core/problem.ts";
import type { Tx } from "../db/database.ts";
import type { Person } from "./people.ts";
import { lock, save } from "./store.ts";

type Choice = Pick<Person, "measuring" | "measuringRefusedAt">;

/** What a colleague may make of it; refuses to overrule the person. Nothing where nothing is asked. */
export function askedMeasuring(before: Choice, asked: Measuring | undefined): { measuring?: Measuring } {
  if (asked === undefined) return {};
  if (asked !== "never" && before.measuringRefusedAt)
    refuse(
      "measuring-refused",
      "The person said themselves that their opens and clicks are not to be measured; only they take that back, through the link in a mail.",
      "/measuring",
    );
  return { measuring: asked };
}

/** Of two who are one: never wins, and what either said themselves stays said. */
export function unitedMeasuring(one: Choice, other: Choice): Choice {
  return {
    measuring: one.measuring === "never" ? "never" : other.measuring,
    measuringRefusedAt: one.measuringRefusedAt ?? other.measuringRefusedAt,
  };
}

/**
 * The person says it themself. Harmless twice.
 * @returns whether that is news: another choice than before, or their own where it was a colleague's.
 */
export async function sayMeasuring(
  tx: Tx,
  personId: number,
  measuring: Measuring,
  now: Temporal.Instant,
): Promise<boolean> {
  const before = await lock(tx, personId);
  if (!before || before.erasedAt) return false;
  const refused = measuring === "never";
  if (before.measuring === measuring && (before.measuringRefusedAt !== null) === refused) return false;
  await save(tx, personId, { measuring, measuringRefusedAt: refused ? now : null, changedAt: now });
  return true;
}
