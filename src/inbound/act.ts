/** What follows from a received mail: all in the transaction in which it counts as handled. */
import { findSender } from "../accounts/accounts.ts";
import { recordEntry } from "../communications/communications.ts";
import { receiveReply } from "../conversations/conversations.ts";
import { parseAddress } from "../core/address.ts";
import type { InboundKind, Verdict } from "../core/inbound/classify.ts";
import type { Tx } from "../db/database.ts";
import { arrived, bounced, markBounced, markComplained } from "../delivery/delivery.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { leave, leaverOf } from "../unsubscribe/unsubscribe.ts";
import { answeredBy, colleaguesOf, knownPerson, ownAddress, signsReturnPath, type Whom } from "./persons.ts";
import type { About, Received } from "./received.ts";

/** Acts on one received mail, once. Throwing undoes it all; a second failure sets the mail aside. */
export async function act(tx: Tx, received: Received, now: Temporal.Instant): Promise<void> {
  // It carries a return path that looks like ours and is none: whoever made it up decides nothing.
  if (received.forged) return;
  await FOLLOWS[received.kind](tx, received, now);
}

type Follows = (tx: Tx, received: Received, now: Temporal.Instant) => Promise<void>;

const FOLLOWS: Readonly<Record<InboundKind, Follows>> = {
  bounce: cameBack,
  complaint: complained,
  unsubscribe: wantsToLeave,
  reply: answered,
  "auto-reply": isAway,
  delivered: reached,
  other: async () => undefined,
};

/** A notice about several recipients speaks of ours at one place; the others are not people we know. */
async function cameBack(tx: Tx, received: Received, now: Temporal.Instant): Promise<void> {
  const { about, verdicts } = received;
  if (!about?.address) return;
  const address = about.address;
  const own = verdicts.find(({ recipient }) => recipient !== null && isSame(recipient, address));
  const verdict = own ?? verdicts.find(({ recipient }) => recipient === null) ?? verdicts[0];
  if (!verdict || verdict.delayed) return;
  const elsewhere = verdict.recipient !== null && !isSame(verdict.recipient, address);
  // Our recipient has mail passed on, and it is the place it is passed on to that is dead: theirs may not be.
  const hard = verdict.hard && !elsewhere && (await isBelieved(tx, received, about));
  const { messageId, personId, emailCampaignId } = about;
  await markBounced(tx, messageId, verdict.reason, now);
  const origin = `a notice about message ${messageId}`;
  const mail = { messageId, personId, emailCampaignId, address, reason: verdict.reason, hard, origin };
  const consequence = await bounced(tx, mail, now);
  await record(
    tx,
    received,
    about,
    "bounce",
    `Came back: ${verdict.reason}`,
    { ...saidOf(verdict), consequence, elsewhere },
    now,
  );
}

/**
 * Whether a notice may call an address dead. One that we found by the address alone could be written by anybody; where
 * our mail leaves with a return path we sign, a true notice comes back to that.
 */
async function isBelieved(tx: Tx, { way }: Received, { foundBy, emailAccountId }: About): Promise<boolean> {
  return foundBy !== "address" || way === "webhook" || !(await signsReturnPath(tx, emailAccountId));
}

const saidOf = ({ recipient, status, replyCode, reason, hard }: Verdict) => ({
  recipient,
  status,
  replyCode,
  reason,
  hard,
});

/** Whoever reports a mail as spam gets nothing more, of anything, at once. */
async function complained(tx: Tx, received: Received, now: Temporal.Instant): Promise<void> {
  const { about, verdicts } = received;
  // A report on authentication (RFC 6591) says that no person complained.
  if (!about || verdicts.some(({ reason }) => reason === "authentication")) return;
  const { messageId, personId } = about;
  await markComplained(tx, messageId, now);
  const person = await tx.selectFrom("people").select("emailKey").where("id", "=", personId).executeTakeFirst();
  const keys = new Set([person?.emailKey ?? null, keyOf(about.address)].filter((key) => key !== null));
  const origin = `a complaint about message ${messageId}`;
  for (const emailKey of keys)
    await suppress(tx, { emailKey, personId, scope: "everything", reason: "complaint", origin }, now);
  await emailCampaigns.end(tx, { personIds: [personId] }, { event: "stop", reason: "complained" }, now);
  await record(tx, received, about, "complaint", "Reported a mail as spam", {}, now);
}

/** A mail that asks to leave is worth as much as the mail program's button, and has its reach. */
async function wantsToLeave(tx: Tx, received: Received, now: Temporal.Instant): Promise<void> {
  const leaver = received.about && (await leaverOf(tx, received.about));
  if (leaver) await leave(tx, leaver, "campaigns", "mail", now);
}

/** Somebody wrote. What runs stops where its Campaign says so, and whoever sent it has something to read. */
async function answered(tx: Tx, received: Received, now: Temporal.Instant): Promise<void> {
  const whom = await whomOf(tx, received);
  if (!whom) return;
  const { personId, emailCampaignId } = whom;
  const stopped = await stopOnReply(tx, whom, now);
  const conversationId = await receiveReply(
    tx,
    {
      personId,
      emailCampaignId,
      assignTo: await readerOf(tx, whom),
      receivedMailId: received.id,
      from: received.from,
      subject: received.subject,
      text: received.text,
      messageIdHeader: received.messageIdHeader,
      references: received.references,
    },
    now,
  );
  await record(
    tx,
    received,
    whom,
    "reply",
    received.subject || "Reply",
    { conversationId, text: received.text, stopped },
    now,
  );
}

/** @returns how many Email Campaigns it stopped, those of colleagues included. */
async function stopOnReply(tx: Tx, { personId, emailCampaignId }: Whom, now: Temporal.Instant): Promise<number> {
  const replied = { event: "stop", reason: "replied" } as const;
  const running = await answeredBy(tx, personId);
  const own = await emailCampaigns.end(tx, { ids: running.map(({ id }) => id) }, replied, now);
  const campaign = emailCampaignId === null ? null : await campaignOf(tx, emailCampaignId);
  if (!campaign?.stopCompanyOnReply) return own.length;
  const colleagues = await colleaguesOf(tx, personId, campaign.id);
  const ended = await emailCampaigns.end(tx, { personIds: colleagues, campaignId: campaign.id }, replied, now);
  for (const { id, personId: colleague } of ended)
    await recordEntry(
      tx,
      {
        personId: colleague,
        emailCampaignId: id,
        kind: "status",
        subject: "Stopped: somebody of the same company replied",
        detail: { repliedBy: personId },
      },
      now,
    );
  return own.length + ended.length;
}

function campaignOf(tx: Tx, emailCampaignId: number) {
  return tx
    .selectFrom("emailCampaigns")
    .innerJoin("campaigns", "campaigns.id", "emailCampaigns.campaignId")
    .select(["campaigns.id", "campaigns.stopCompanyOnReply", "campaigns.waitForReturn"])
    .where("emailCampaigns.id", "=", emailCampaignId)
    .executeTakeFirst();
}

/** Whose the conversation is: the sender's user, else the owner of the Email Campaign. */
async function readerOf(tx: Tx, { emailCampaignId }: Whom): Promise<number | null> {
  if (emailCampaignId === null) return null;
  const found = await tx
    .selectFrom("emailCampaigns")
    .select(["senderId", "ownerId"])
    .where("id", "=", emailCampaignId)
    .executeTakeFirst();
  const sender = found?.senderId == null ? undefined : await findSender(tx, found.senderId);
  return sender?.userId ?? found?.ownerId ?? null;
}

/** A note of an absence stops nothing; where the Campaign says so, it waits for the person's return. */
async function isAway(tx: Tx, received: Received, now: Temporal.Instant): Promise<void> {
  const whom = await whomOf(tx, received);
  if (!whom) return;
  const { returnOn } = received;
  const campaign = whom.emailCampaignId === null ? undefined : await campaignOf(tx, whom.emailCampaignId);
  const waits = returnOn !== null && campaign?.waitForReturn === true;
  if (waits) await emailCampaigns.waitUntil(tx, whom.emailCampaignId!, returnOn, now);
  const detail = { text: received.text, returnOn: returnOn?.toString() ?? null, waits };
  await record(tx, received, whom, "auto-reply", received.subject || "Automatic reply", detail, now);
}

async function reached(tx: Tx, { about }: Received): Promise<void> {
  if (about?.address) await arrived(tx, about.address);
}

/** Whom a letter is from: by what it answers, else somebody whose address we know. Never one of our own. */
async function whomOf(tx: Tx, { about, from }: Received): Promise<Whom | null> {
  const key = keyOf(from?.address ?? null);
  if (key !== null && (await ownAddress(tx, key))) return null;
  return about ?? (key === null ? null : await knownPerson(tx, key));
}

function record(
  tx: Tx,
  received: Received,
  { personId, emailCampaignId, messageId }: Whom,
  kind: "bounce" | "complaint" | "reply" | "auto-reply",
  subject: string,
  detail: Record<string, unknown>,
  now: Temporal.Instant,
): Promise<number> {
  const from = received.from?.address ?? null;
  const whole = { ...detail, receivedMailId: received.id, messageId, from };
  return recordEntry(
    tx,
    { personId, emailCampaignId, kind, subject: subject.slice(0, 500), detail: clean(whole) },
    now,
  );
}

const MOST_TEXT = 100_000;

/** jsonb holds no NUL, and a timeline no book. */
const clean = (detail: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(detail).map(([name, value]) => [
      name,
      typeof value === "string" ? value.replaceAll("\0", "").toWellFormed().slice(0, MOST_TEXT) : value,
    ]),
  );

function keyOf(address: string | null): string | null {
  const read = parseAddress(address ?? "");
  return "key" in read ? read.key : null;
}

const isSame = (one: string, other: string) => keyOf(one) !== null && keyOf(one) === keyOf(other);
