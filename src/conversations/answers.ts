/** Answers: stored with their exact bytes before they leave. Hands nothing to a server itself. */
import { randomBytes, randomUUID } from "node:crypto";
import { senderFor, type Vault, workspace } from "../accounts/accounts.ts";
import { recordChange } from "../accounts/audit.ts";
import { parseAddress } from "../core/address.ts";
import { writtenIn } from "../core/inbound/quoted.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { SuppressionReason } from "../db/tables.ts";
import { originOf } from "../delivery/origin.ts";
import type { Signer } from "../domains/domains.ts";
import type { Actor } from "../http/serve.ts";
import { covering } from "../suppressions/suppressions.ts";
import * as conversations from "./conversations.ts";
import { answerSubject, letterOf } from "./letter.ts";
import * as store from "./store.ts";

export type Answering = { readonly db: Db; readonly vault: Vault; readonly signer: Signer };

/** Whoever left all campaigns and writes to us may be answered; these may not. */
const NEVER: Partial<Record<SuppressionReason, string>> = {
  complaint: "The person reported a mail as spam, so nothing more is sent to the address.",
  erased: "The person was erased.",
  "do-not-contact": "The person is marked Do Not Contact.",
  "hard-bounce": "The address is dead: mail to it came back.",
};

/** Stores an answer; it leaves by itself. Refuses where nobody is there to get it or to send it. */
export function write(
  { db, vault, signer }: Answering,
  conversationId: number,
  { text, done }: { text: string; done: boolean },
  actor: Actor,
  now: Temporal.Instant,
): Promise<void> {
  return inTransaction(db, async (tx) => {
    const conversation = await conversations.row(tx, conversationId);
    const mails = await store.mailsOf(tx, conversationId);
    const last = mails.at(-1);
    const to = await recipientOf(tx, last?.fromAddress ?? conversation.email, conversation.campaignId);
    const senderId =
      conversation.senderId ?? (await senderFor(tx, actor.userId === null ? {} : { userId: actor.userId }))?.id ?? null;
    const { sender, account, identity } = await originOf(tx, vault, senderId);
    if (!identity)
      refuse("answer-without-sender", "Neither a sender nor the email account gives an address to answer from.");
    const settings = await workspace(tx);
    const domain = identity.from.address.slice(identity.from.address.lastIndexOf("@") + 1);
    const sent = conversation.emailCampaignId === null ? [] : await sentIds(tx, conversation.emailCampaignId);
    const messageId = `<${randomUUID()}@${domain}>`;
    const subject = last?.subject || conversation.subject;
    const unsigned = letterOf(
      {
        text,
        subject,
        ...identity,
        to: { name: last?.fromName ?? null, address: to },
        signature: { text: sender?.signatureText ?? null, html: sender?.signatureHtml ?? null },
        original: last
          ? {
              text: writtenIn(last.text),
              from: last.fromName ?? to,
              at: last.receivedAt.toZonedDateTimeISO(settings.timeZone),
            }
          : null,
        inReplyTo: last?.messageIdHeader ?? null,
        // Ours first, so that the next reply is known by it whatever the person's program keeps of the thread.
        references: [...sent, ...(last?.referenceIds ?? [])],
        messageId,
        boundary: `tidings-${randomBytes(12).toString("hex")}`,
        language: settings.language,
      },
      now,
    );
    const bytes = await signer.signed(unsigned, identity.from.address, now);
    const made = await tx
      .insertInto("answers")
      .values({
        conversationId,
        writtenBy: actor.name,
        userId: actor.userId,
        senderId,
        toAddress: to,
        subject: answerSubject(subject),
        text,
        messageIdHeader: messageId,
        bytes,
        envelopeFrom: account.email ?? identity.from.address,
        nextAttemptAt: now,
        createdAt: now,
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    await tx
      .updateTable("conversations")
      .set({
        lastAnsweredAt: now,
        seenAt: now,
        notifyAt: null,
        ...(conversation.assignedTo === null && actor.userId !== null ? { assignedTo: actor.userId } : {}),
      })
      .where("id", "=", conversationId)
      .execute();
    const { personId, emailCampaignId } = conversation;
    const told = { conversationId, answerId: made.id, subject: answerSubject(subject), text, by: actor.name };
    await conversations.recordAnswer(tx, { personId, emailCampaignId, ...told }, now);
    // Without what it says: the log outlives an erasure.
    await recordChange(tx, { actor, action: "answer", subjectType: "conversation", subjectId: conversationId }, now);
    if (done) await conversations.finish(tx, conversationId, actor, now);
  });
}

/** `arrived`: it counts as sent. `send-again`: it leaves once more, the same to the byte. @returns the conversation. */
export function resolve(
  db: Db,
  id: number,
  decision: "arrived" | "send-again",
  actor: Actor,
  now: Temporal.Instant,
): Promise<number> {
  return inTransaction(db, async (tx) => {
    const resolved = await tx
      .updateTable("answers")
      .set(
        decision === "arrived"
          ? { state: "accepted", reason: null, finishedAt: now }
          : { state: "deferred", nextAttemptAt: now },
      )
      .where("id", "=", id)
      .where("state", "=", "unknown")
      .returning("conversationId")
      .executeTakeFirst();
    if (!resolved) return refuse("email-not-in-doubt", "This answer is not in doubt; there is nothing to decide.");
    await recordChange(tx, { actor, action: decision, subjectType: "answer", subjectId: id }, now);
    return resolved.conversationId;
  });
}

async function recipientOf(tx: Tx, address: string | null, campaignId: number | null): Promise<string> {
  const read = parseAddress(address ?? "");
  if (!("key" in read)) return refuse("answer-without-recipient", "There is no address to answer to.");
  const suppression = await covering(tx, read.key, campaignId);
  const never = suppression?.scope === "everything" ? NEVER[suppression.reason] : undefined;
  return never ? refuse("answer-suppressed", never) : read.address;
}

async function sentIds(tx: Tx, emailCampaignId: number): Promise<string[]> {
  const rows = await tx
    .selectFrom("messages")
    .select("messageId")
    .where("emailCampaignId", "=", emailCampaignId)
    .where("state", "=", "accepted")
    .orderBy("id", "desc")
    .limit(3)
    .execute();
  return rows.flatMap(({ messageId }) => messageId ?? []).reverse();
}
