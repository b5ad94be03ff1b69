/** Front door: people who answered. A reply opens its conversation again; nothing here judges a mail or sends one. */
import type { Updateable } from "kysely";
import { accountFor, findSender, identityOf, type Vault } from "../accounts/accounts.ts";
import { recordChange } from "../accounts/audit.ts";
import { recordEntry } from "../communications/communications.ts";
import { partsOf, writtenIn } from "../core/inbound/quoted.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { Tables } from "../db/tables.ts";
import { renderedSubject } from "../delivery/delivery.ts";
import { cursorOf } from "../http/paging.ts";
import type { Actor } from "../http/serve.ts";
import * as store from "./store.ts";

export type Reply = {
  readonly personId: number;
  readonly emailCampaignId: number | null;
  /** Where it goes when nobody has it yet. */
  readonly assignTo: number | null;
  readonly receivedMailId: number;
  readonly from: { readonly name: string; readonly address: string } | null;
  readonly subject: string;
  readonly text: string;
  readonly messageIdHeader: string | null;
  readonly references: readonly string[];
};

/** So that the replies of a few minutes come in one mail. */
const NOTIFY_AFTER_SECONDS = 60;
const MOST_SUBJECT = 500;
const MOST_TEXT = 200_000;
const MOST_REFERENCES = 20;

/** Takes up a reply, in the transaction that handles it. @returns the conversation, which is open from now on. */
export async function receiveReply(tx: Tx, reply: Reply, now: Temporal.Instant): Promise<number> {
  const { personId, emailCampaignId } = reply;
  const subject = reply.subject.slice(0, MOST_SUBJECT);
  const notifyAt = now.add({ seconds: NOTIFY_AFTER_SECONDS });
  const known = await store.lockFor(tx, personId, emailCampaignId);
  const id = known?.id ?? (await open(tx, { personId, emailCampaignId, subject, assignedTo: reply.assignTo }, now));
  await tx
    .updateTable("conversations")
    .set((row) => ({
      state: "open" as const,
      doneAt: null,
      doneBy: null,
      lastReceivedAt: now,
      assignedTo: row.fn.coalesce("assignedTo", row.val(reply.assignTo)),
      notifyAt: row.fn.coalesce("notifyAt", row.val(notifyAt)),
    }))
    .where("id", "=", id)
    .execute();
  await store.insertMail(
    tx,
    id,
    {
      receivedMailId: reply.receivedMailId,
      fromName: reply.from?.name || null,
      fromAddress: reply.from?.address ?? null,
      subject,
      text: reply.text.replaceAll("\0", "").slice(0, MOST_TEXT),
      messageIdHeader: reply.messageIdHeader,
      referenceIds: reply.references.slice(-MOST_REFERENCES),
    },
    now,
  );
  return id;
}

async function open(
  tx: Tx,
  made: { personId: number; emailCampaignId: number | null; subject: string; assignedTo: number | null },
  now: Temporal.Instant,
): Promise<number> {
  const row = await tx
    .insertInto("conversations")
    .values({ ...made, openedAt: now, lastReceivedAt: now })
    .onConflict((conflict) =>
      conflict.column("emailCampaignId").where("emailCampaignId", "is not", null).doUpdateSet({ lastReceivedAt: now }),
    )
    .returning("id")
    .executeTakeFirstOrThrow();
  return row.id;
}

/** A page of the inbox. @param asked `assignedTo` as the API has it. */
export async function list(
  db: Db,
  { assignedTo, ...filter }: Omit<store.Filter, "assignedTo"> & { assignedTo?: "me" | "nobody" | number | undefined },
  actor: Pick<Actor, "userId">,
) {
  const whose =
    assignedTo === undefined
      ? {}
      : { assignedTo: assignedTo === "nobody" ? null : assignedTo === "me" ? actor.userId : assignedTo };
  // A key without a user has nothing of its own.
  if (assignedTo === "me" && actor.userId === null) return { data: [], nextCursor: null };
  const rows = await store.list(db, { ...filter, ...whose });
  const data = rows.slice(0, filter.limit);
  const last = data.at(-1);
  const more = rows.length > filter.limit && last;
  return {
    data: data.map(shown),
    nextCursor: more ? cursorOf({ value: last.lastReceivedAt.toString(), id: last.id }) : null,
  };
}

export const counts = store.counts;

export async function get(db: Db, id: number) {
  return shown(await row(db, id));
}

export async function row(db: Db, id: number): Promise<store.Row> {
  return (await store.find(db, id)) ?? refuse("conversation-not-found", `There is no conversation ${id}.`);
}

const PREVIEW = 200;

function shown(one: store.Row) {
  const { id, personId, kind, fullName, email, company, emailCampaignId, number, campaignId, campaign, status } = one;
  const unseen = one.seenAt === null || Temporal.Instant.compare(one.seenAt, one.lastReceivedAt) < 0;
  return {
    id,
    person: { id: personId, kind, name: fullName, email, company },
    emailCampaign:
      emailCampaignId === null
        ? null
        : { id: emailCampaignId, number: number!, campaignId: campaignId!, campaign: campaign!, status: status! },
    subject: one.subject,
    preview: writtenIn(one.latest ?? "")
      .replaceAll(/\s+/g, " ")
      .slice(0, PREVIEW),
    state: one.state,
    assignedTo: one.assignedTo === null ? null : { id: one.assignedTo, name: one.assignee ?? "" },
    unseen,
    openedAt: one.openedAt,
    lastReceivedAt: one.lastReceivedAt,
    lastAnsweredAt: one.lastAnsweredAt,
    doneAt: one.doneAt,
    doneBy: one.doneBy,
  };
}

/** Everything that was written on either side, oldest first, and who an answer would come from. */
export async function thread(db: Db, vault: Vault, id: number) {
  const found = await row(db, id);
  const [sent, mails, answers, sender] = await Promise.all([
    found.emailCampaignId === null ? [] : store.sentIn(db, found.emailCampaignId),
    store.mailsOf(db, id),
    store.answersOf(db, id),
    found.senderId === null ? null : findSender(db, found.senderId),
  ]);
  const identity = identityOf(sender ?? null, await accountFor(db, sender ?? null, vault));
  const none = { parts: [], communicationId: null, receivedMailId: null, state: null, reason: null, reply: null };
  const items = [
    ...(await Promise.all(
      sent.map(async ({ id: messageId, at, subject, address, from, contentVersionId, variables }) => ({
        ...none,
        kind: "sent" as const,
        id: messageId,
        at,
        from,
        to: address,
        subject: (variables && (await renderedSubject(db, contentVersionId, variables))) ?? subject,
        communicationId: `message-${messageId}`,
      })),
    )),
    ...mails.map(({ id: mailId, receivedAt, fromName, fromAddress, subject, text, receivedMailId }) => ({
      ...none,
      kind: "received" as const,
      id: mailId,
      at: receivedAt,
      from: { name: fromName, address: fromAddress },
      to: null,
      subject,
      parts: partsOf(text),
      receivedMailId,
    })),
    ...answers.map(({ id: answerId, createdAt, writtenBy, toAddress, subject, text, state, reason, reply }) => ({
      ...none,
      kind: "answer" as const,
      id: answerId,
      at: createdAt,
      from: { name: writtenBy, address: null },
      to: toAddress,
      subject,
      parts: text === "" ? [] : [{ kind: "written" as const, text }],
      state,
      reason,
      reply,
    })),
  ].sort((one, other) => Temporal.Instant.compare(one.at, other.at));
  return {
    ...shown(found),
    items,
    answersFrom: identity?.from ?? null,
    answersTo: mails.at(-1)?.fromAddress ?? found.email,
  };
}

/** Somebody has looked at it. */
export async function see(db: Db, id: number, now: Temporal.Instant): Promise<void> {
  await row(db, id);
  await db.updateTable("conversations").set({ seenAt: now, notifyAt: null }).where("id", "=", id).execute();
}

export function assign(db: Db, id: number, userId: number | null, actor: Actor, now: Temporal.Instant) {
  return changed(db, id, actor, "assign", now, async (tx) => {
    if (userId !== null) {
      const user = await tx
        .selectFrom("users")
        .select("id")
        .where("id", "=", userId)
        .where("disabledAt", "is", null)
        .executeTakeFirst();
      if (!user) refuse("user-not-found", `There is no active user ${userId}.`, "/userId");
    }
    return { assignedTo: userId };
  });
}

/** It is done until the person writes again. */
export function finish(db: Db, id: number, actor: Actor, now: Temporal.Instant) {
  return changed(db, id, actor, "finish", now, async () => ({
    state: "done" as const,
    doneAt: now,
    doneBy: actor.name,
    seenAt: now,
    notifyAt: null,
  }));
}

export function reopen(db: Db, id: number, actor: Actor, now: Temporal.Instant) {
  return changed(db, id, actor, "reopen", now, async () => ({ state: "open" as const, doneAt: null, doneBy: null }));
}

type Change = Updateable<Tables["conversations"]>;

function changed(
  db: Db,
  id: number,
  actor: Actor,
  action: string,
  now: Temporal.Instant,
  how: (tx: Tx) => Promise<Change>,
) {
  return inTransaction(db, async (tx) => {
    const before = await row(tx, id);
    await tx
      .updateTable("conversations")
      .set(await how(tx))
      .where("id", "=", id)
      .execute();
    const after = await row(tx, id);
    const told = ({ state, assignedTo }: store.Row) => ({ state, assignedTo });
    await recordChange(
      tx,
      { actor, action, subjectType: "conversation", subjectId: id, before: told(before), after: told(after) },
      now,
    );
    return shown(after);
  });
}

/** Who a conversation can be given to. */
export function assignees(db: Db) {
  return db
    .selectFrom("users")
    .select(["id", "name"])
    .where("disabledAt", "is", null)
    .orderBy("name")
    .limit(500)
    .execute();
}

export const forgetPerson = store.forgetPerson;
export const movePerson = store.movePerson;

/** That an answer was written stands on the timeline, in the transaction that stores it. */
export function recordAnswer(
  tx: Tx,
  answer: {
    personId: number;
    emailCampaignId: number | null;
    conversationId: number;
    answerId: number;
    subject: string;
    text: string;
    by: string;
  },
  now: Temporal.Instant,
): Promise<number> {
  const { personId, emailCampaignId, subject, ...detail } = answer;
  return recordEntry(tx, { personId, emailCampaignId, kind: "answer", subject, detail }, now);
}
