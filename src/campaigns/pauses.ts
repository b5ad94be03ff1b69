/** The pauses of a whole Campaign: on hold or frozen. Says nothing of what runs; who calls it wakes that. */
import type { Acting } from "../accounts/ownership.ts";
import { recordChange } from "../accounts/audit.ts";
import { refuse } from "../core/problem.ts";
import type { Tx } from "../db/database.ts";
import * as store from "./store.ts";

/** `hold`: nothing leaves, and time goes on. `freeze`: the clock stops. */
export type PauseKind = "hold" | "freeze";

/**
 * Pauses it, or turns one kind of pause into the other from now on.
 * @param reason why, where no person did it.
 */
export async function pause(
  tx: Tx,
  id: number,
  kind: PauseKind,
  actor: Acting,
  now: Temporal.Instant,
  reason: string | null = null,
): Promise<void> {
  const found = await locked(tx, id);
  if (found.pauseKind === kind) refuse("campaign-already-paused-conflict", `This Campaign is ${WORDS[kind]} already.`);
  if (found.pauseKind === "freeze")
    refuse("campaign-already-paused-conflict", "This Campaign is frozen. Resume it first, so that its clock goes on.");
  await store.savePause(tx, id, { pauseKind: kind, pausedAt: now, pausedBy: actor.name, pausedReason: reason });
  const change = { actor, action: kind, subjectType: "campaign", subjectId: id } as const;
  await recordChange(tx, { ...change, before: { pauseKind: found.pauseKind }, after: { pauseKind: kind } }, now);
}

/** Ends the pause. @returns what kind it was and since when. */
export async function resume(tx: Tx, id: number, actor: Acting, now: Temporal.Instant) {
  const { pauseKind, pausedAt } = await locked(tx, id);
  if (!pauseKind || !pausedAt) return refuse("campaign-not-active", "This Campaign is neither on hold nor frozen.");
  await store.savePause(tx, id, {
    pauseKind: null,
    pausedAt: null,
    pausedBy: null,
    pausedReason: null,
    resumedAt: now,
  });
  const change = { actor, action: "resume", subjectType: "campaign", subjectId: id } as const;
  await recordChange(tx, { ...change, before: { pauseKind, pausedAt }, after: { pauseKind: null } }, now);
  return { pauseKind, pausedAt };
}

const WORDS: Readonly<Record<PauseKind, string>> = { hold: "on hold", freeze: "frozen" };

async function locked(tx: Tx, id: number) {
  return (await store.lock(tx, id)) ?? refuse("campaign-not-found", `There is no Campaign ${id}.`);
}
