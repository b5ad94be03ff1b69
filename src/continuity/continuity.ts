/** Front door: whether mail is held because the database seems to be a restored copy, and a person's answer to that. */
import { recordChange } from "../accounts/audit.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction } from "../db/database.ts";
import { skipDue } from "../delivery/delivery.ts";
import * as store from "./store.ts";

import type { Lifeline } from "./lifeline.ts";

export { BEAT_EVERY_MS, createLifeline, type Lifeline } from "./lifeline.ts";

/** How many of the mails that are due are shown. */
const SHOWN = 100;

/** Whether and why mail is held, with what would leave at once. */
export async function sendingHold(db: Db, now: Temporal.Instant) {
  const { heldAt, heldReason, heldSince } = await store.get(db);
  if (heldAt === null || heldReason === null) return { held: null };
  const { count, first } = await store.dueMail(db, SHOWN, now);
  return { held: { at: heldAt, reason: heldReason, lastAliveAt: heldSince, due: count, first } };
}

/** When a process last said that it is at work; null: never. */
export async function lastAliveAt(db: Db): Promise<Temporal.Instant | null> {
  return (await store.get(db)).aliveAt;
}

/**
 * For commands that send.
 * @throws Refusal `sending-held`, `clock-wrong`
 */
export async function refuseUnlessMayLeave(db: Db, lifeline: Lifeline): Promise<void> {
  if (await lifeline.mayLeave()) return;
  const { heldAt } = await store.get(db);
  if (heldAt !== null)
    refuse(
      "sending-held",
      "Nothing is sent: this database seems to be a restored copy, and what is due may have left before. " +
        "Look at it, then answer with: tidings resume-sending --what-is-due-since keep|skip",
    );
  refuse(
    "clock-wrong",
    "Nothing is sent: the clocks of this machine and of the database differ by more than 20 seconds.",
  );
}

/** `keep`: what is due leaves as after an outage. `skip`: it is resolved as skipped, and what lies ahead goes on. */
export type WhatIsDue = "keep" | "skip";

/**
 * Ends the hold. Skipping is done in parts, each a transaction; broken off it is asked for again.
 * @returns how many steps were skipped.
 * @throws Refusal `sending-not-held`
 */
export async function resumeSending(
  db: Db,
  whatIsDue: WhatIsDue,
  actor: { readonly name: string },
  now: Temporal.Instant,
): Promise<{ skipped: number }> {
  const { heldAt, heldReason } = await store.get(db);
  if (heldAt === null) return refuse("sending-not-held", "Nothing is held: mail leaves when it is due.");
  const skipped = whatIsDue === "skip" ? await skipDue(db, now) : 0;
  await inTransaction(db, async (tx) => {
    await store.release(tx);
    const change = { action: "resume-sending", subjectType: "workspace", subjectId: 1 };
    const [before, after] = [{ held: heldReason }, { held: null, whatIsDue, skipped }];
    await recordChange(tx, { actor, ...change, before, after }, now);
  });
  return { skipped };
}
