/** Sends answers that are due, one by one, each recorded as in DATA before MAIL FROM. Writes none. */
import { sql } from "kysely";
import type { Account, Vault } from "../accounts/accounts.ts";
import { type Db, inTransaction } from "../db/database.ts";
import { judge } from "../delivery/judge.ts";
import { tokensOf } from "../accounts/access-tokens.ts";
import { relayOf } from "../accounts/relay.ts";
import { originOf } from "../delivery/origin.ts";
import type { Logger } from "../log.ts";
import * as mailbox from "../mail/mailbox.ts";
import { createSmtpPool, type Outcome } from "../mail/smtp.ts";

export type SendingAnswers = {
  readonly db: Db;
  readonly vault: Vault;
  /** What we call ourselves to servers. */
  readonly hostName: string;
  readonly log: Logger;
  readonly random?: () => number;
};

/** A server may take ten minutes after the final dot (RFC 5321 4.5.3.2). */
const LEASE_MINUTES = 15;
const MOST_A_TURN = 100;
/** An account that is paused or in trouble is tried again after this. */
const WAIT_MINUTES = 2;

type Due = {
  readonly id: number;
  readonly fence: number;
  readonly state: "planned" | "in_data" | "deferred";
  readonly senderId: number | null;
  readonly toAddress: string;
  readonly envelopeFrom: string;
  readonly subject: string;
  readonly bytes: Buffer;
  readonly attempts: number;
  readonly firstAttemptAt: Temporal.Instant | null;
};

/** @returns how many were looked at. */
export async function sendAnswers(sending: SendingAnswers, now: Temporal.Instant): Promise<number> {
  for (let count = 0; count < MOST_A_TURN; count += 1) {
    const due = await claim(sending.db, now);
    if (!due) return count;
    await sendOne(sending, due, now);
  }
  return MOST_A_TURN;
}

async function claim(db: Db, now: Temporal.Instant): Promise<Due | undefined> {
  const { rows } = await sql<Due>`
    update answers set claimed_until = ${now.add({ minutes: LEASE_MINUTES })}::timestamptz, fence = fence + 1
    where id = (
      select id from answers
      where next_attempt_at <= ${now}::timestamptz and (claimed_until is null or claimed_until <= ${now}::timestamptz)
        and bytes is not null and to_address is not null
      order by next_attempt_at, id limit 1 for update skip locked)
    returning id, fence, state, sender_id, to_address, envelope_from, subject, bytes, attempts, first_attempt_at`.execute(
    db,
  );
  return rows[0];
}

async function sendOne(sending: SendingAnswers, due: Due, now: Temporal.Instant): Promise<void> {
  const { db, vault, log, random = Math.random } = sending;
  const { account } = await originOf(db, vault, due.senderId);
  const attempted = { firstAttemptAt: due.firstAttemptAt ?? now, holdUnknown: account.holdUnknown };
  // Whoever had it ended within DATA: it may have arrived.
  if (due.state === "in_data") {
    const judged = judge({ kind: "unknown", text: "" }, { ...attempted, attempts: due.attempts }, random(), now);
    return settle(db, due, { ...judged, nextAttemptAt: judged.nextAttemptAt && now }, now);
  }
  if (await isPaused(db, account)) return wait(db, due, account.pausedReason ?? "its email account is paused", now);
  if (account.kind === "mailbox") {
    const { id, toAddress: envelopeTo, envelopeFrom, subject, bytes } = due;
    await inTransaction(db, async (tx) => {
      if (!(await enter(tx, due, now))) return;
      await mailbox.keep(tx, { messageId: null, envelopeFrom, envelopeTo, subject, bytes }, now);
      await settle(
        tx,
        { id, fence: due.fence },
        { state: "accepted", reason: null, reply: null, nextAttemptAt: null },
        now,
      );
    });
    return;
  }
  const outcome = await handOver(sending, account, due, now);
  if (outcome.kind === "withdrawn") return;
  const judged = judge(outcome, { ...attempted, attempts: due.attempts + 1 }, random(), now);
  if (judged.trouble) return wait(db, due, judged.trouble.text, now);
  if (judged.state === "refused")
    log.warn({ answer: due.id, reason: judged.reason }, "an answer could not be delivered");
  await settle(db, due, judged, now);
}

async function handOver(
  { db, vault, hostName }: SendingAnswers,
  account: Account & { kind: "smtp" },
  due: Due,
  now: Temporal.Instant,
): Promise<Outcome> {
  const asked = { name: hostName, tokens: tokensOf(db, vault), at: () => now };
  const pool = createSmtpPool({ ...relayOf(account, asked), connections: 1 });
  try {
    return await pool.send(
      { from: due.envelopeFrom, to: due.toAddress, data: due.bytes, envelopeId: `a${due.id}` },
      { beforeMail: () => enter(db, due, now) },
    );
  } finally {
    await pool.close({ graceMs: 0 });
  }
}

/** Committed before MAIL FROM: a crash after it is known for what it is. */
async function enter(db: Db, { id, fence }: Pick<Due, "id" | "fence">, now: Temporal.Instant): Promise<boolean> {
  const entered = await db
    .updateTable("answers")
    .set((row) => ({
      state: "in_data" as const,
      attempts: sql<number>`attempts + case state when 'in_data' then 0 else 1 end`,
      firstAttemptAt: row.fn.coalesce("firstAttemptAt", row.val(now)),
    }))
    .where("id", "=", id)
    .where("fence", "=", fence)
    .where("bytes", "is not", null)
    .returning("id")
    .executeTakeFirst();
  return entered !== undefined;
}

type Became = Pick<ReturnType<typeof judge>, "state" | "reason" | "nextAttemptAt" | "reply">;
const STATES = ["planned", "in_data", "accepted", "deferred", "refused", "unknown"] as const;
const MOST_OF_A_REPLY = 1000;

async function settle(
  db: Db,
  { id, fence }: Pick<Due, "id" | "fence">,
  { state, reason, nextAttemptAt, reply }: Became,
  now: Temporal.Instant,
): Promise<void> {
  const final = state === "accepted" || state === "refused";
  await db
    .updateTable("answers")
    .set({
      state: STATES.find((one) => one === state) ?? "deferred",
      reason,
      nextAttemptAt,
      claimedUntil: null,
      finishedAt: final ? now : null,
      ...(reply ? { reply: `${reply.code} ${reply.text}`.slice(0, MOST_OF_A_REPLY).replaceAll("\0", "") } : {}),
    })
    .where("id", "=", id)
    .where("fence", "=", fence)
    .execute();
}

/** Nothing is wrong with the answer: its account cannot send at the moment. */
async function wait(db: Db, { id, fence, attempts }: Due, why: string, now: Temporal.Instant): Promise<void> {
  await db
    .updateTable("answers")
    .set({
      state: attempts > 0 ? "deferred" : "planned",
      reason: why.slice(0, MOST_OF_A_REPLY),
      nextAttemptAt: now.add({ minutes: WAIT_MINUTES }),
      claimedUntil: null,
    })
    .where("id", "=", id)
    .where("fence", "=", fence)
    .execute();
}

async function isPaused(db: Db, { id }: Account): Promise<boolean> {
  if (id === null) return false;
  const row = await db.selectFrom("emailAccounts").select("resumesByHand").where("id", "=", id).executeTakeFirst();
  return row?.resumesByHand ?? false;
}
