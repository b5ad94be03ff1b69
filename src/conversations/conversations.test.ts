import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink, type Sink } from "../../test/smtp-sink.ts";
import { at, linkKeys, PUBLIC_URL, seal, silent, type World, world } from "../../test/world.ts";
import { createSigner } from "../domains/domains.ts";
import { openServer, type Server } from "../http/server.ts";
import { handleStored, receive } from "../inbound/inbound.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { answerSubject, letterOf } from "./letter.ts";
import { notifyReplies } from "./notify.ts";
import { routes } from "./routes.ts";
import { sendAnswers } from "./send-answers.ts";

const START = at("2026-03-02");
const REPLIED = at("2026-03-02T12:00:00Z");
const NOW = at("2026-03-02T13:00:00Z");
let fresh: FreshDatabase;
let here: World;
let server: Server;
let sink: Sink;
let now = NOW;
let userId: number;
let senderId: number;
let count = 0;
const misbehaving = new Map<string, string>();

beforeAll(async () => {
  fresh = await freshDatabase();
  here = world(fresh.db, fresh.database.batches);
  sink = await startSink({
    answer: (step, argument) => (step === "RCPT" ? misbehaving.get(/<([^>]*)>/.exec(argument)?.[1] ?? "") : undefined),
  });
  await here.postalAddress("Example Ltd");
  const user = await fresh.db
    .insertInto("users")
    .values({
      name: "Marta Silva",
      email: "marta@example.com",
      emailKey: "marta@example.com",
      role: "user",
      disabledAt: null,
      lastSignInAt: null,
      createdAt: START,
      changedAt: START,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  userId = user.id;
  const account = await here.account(sink.port, { email: "sales@example.com" });
  const sender = await here.sender({ userId, emailAccountId: account.id, email: "marta.silva@example.com" });
  senderId = sender.id;
  server = openServer({
    db: fresh.db,
    clock: () => now,
    authenticate: async () => ({
      actor: { name: "marta@example.com", role: "user" as const, userId },
      identity: "test",
    }),
    seal,
  });
  const vault = { seal };
  routes(server.serve, { db: fresh.db, vault, signer: createSigner({ db: fresh.db, seal }) });
  await server.http.ready();
});
afterAll(async () => {
  await server.http.close();
  await sink.close();
  await fresh.close();
});

async function ask(method: "GET" | "POST" | "PUT" | "DELETE", url: string, body?: object) {
  const answer = await server.http.inject({ method, url: `/api/v1${url}`, ...(body ? { payload: body } : {}) });
  return { status: answer.statusCode, body: answer.body === "" ? undefined : answer.json() };
}

/** Somebody who was written to and has answered. */
async function replied(text = "Yes, call me.\r\n\r\nOn 2 March, Marta wrote:\r\n> Dear Ana") {
  const campaign = await here.campaign([{ day: 0 }, { day: 4 }]);
  const person = await here.person({ email: `reader${(count += 1)}@example.org` });
  const emailCampaignId = await here.start(campaign.id, person.id, START, { senderId });
  await here.delivery().runUntilIdle(START);
  const message = (await here.messages(emailCampaignId))[0]!;
  await write(person.email!, message.messageId!, text);
  const { body } = await ask("GET", `/conversations?personId=${person.id}`);
  return { person, emailCampaignId, message, conversation: body.data[0] };
}

async function write(from: string, messageId: string, text: string, id = `<r${(count += 1)}@mail.example.org>`) {
  const bytes = new TextEncoder().encode(
    `From: Ana Ruiz <${from}>\r\nTo: us@example.com\r\nMessage-ID: ${id}\r\nSubject: AW: Hello Ana\r\nIn-Reply-To: ${messageId}\r\nReferences: ${messageId}\r\n\r\n${text}\r\n`,
  );
  await receive(fresh.db, { way: "imap", bytes }, REPLIED);
  await handleStored({ db: fresh.db, linkKeys }, REPLIED);
  return id;
}

const sending = () => ({ db: fresh.db, vault: { seal }, hostName: "mail.example.com", log: silent, random: () => 0.5 });
const lastTo = (to: string) => sink.messages.findLast((one) => one.to === to);

describe("the inbox", () => {
  it("shows who answered, what they wrote without what they quote, and counts what nobody has seen", async () => {
    const before = (await ask("GET", "/conversation-counts")).body;
    const { conversation, person } = await replied();
    expect(conversation).toMatchObject({
      person: { id: person.id, name: "Ana Ruiz" },
      preview: "Yes, call me.",
      subject: "AW: Hello Ana",
      state: "open",
      unseen: true,
      assignedTo: { id: userId, name: "Marta Silva" },
    });
    const counts = (await ask("GET", "/conversation-counts")).body;
    expect(counts).toEqual({ open: before.open + 1, mine: before.mine + 1, unseen: before.unseen + 1 });
    expect((await ask("PUT", `/conversations/${conversation.id}/seen`)).status).toBe(204);
    expect((await ask("GET", "/conversation-counts")).body.unseen).toBe(before.unseen);
    const { body: thread } = await ask("GET", `/conversations/${conversation.id}`);
    expect(thread.items.map(({ kind }: { kind: string }) => kind)).toEqual(["sent", "received"]);
    expect(thread.items[1].parts.map(({ kind }: { kind: string }) => kind)).toEqual(["written", "quoted"]);
    expect(thread).toMatchObject({ answersFrom: { address: "marta.silva@example.com" }, answersTo: person.email });
  });

  it("is split into open and done, mine and nobody's, page by page", async () => {
    const [one, two] = [await replied(), await replied()];
    expect((await ask("PUT", `/conversations/${one.conversation.id}/done`)).body).toMatchObject({
      state: "done",
      doneBy: "marta@example.com",
    });
    const ids = async (query: string) =>
      (await ask("GET", `/conversations?${query}`)).body.data.map(({ id }: { id: number }) => id);
    expect(await ids("state=done")).toContain(one.conversation.id);
    expect(await ids("state=open&assignedTo=me")).toContain(two.conversation.id);
    expect(await ids("state=open")).not.toContain(one.conversation.id);
    await ask("PUT", `/conversations/${two.conversation.id}/assignment`, { userId: null });
    expect(await ids("assignedTo=nobody")).toEqual([two.conversation.id]);
    expect(await ids("state=open&assignedTo=me")).not.toContain(two.conversation.id);
    expect((await ask("PUT", `/conversations/${two.conversation.id}/assignment`, { userId: 999 })).status).toBe(404);
    expect((await ask("DELETE", `/conversations/${one.conversation.id}/done`)).body).toMatchObject({ state: "open" });
    const seen: number[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const { body } = await ask("GET", `/conversations?limit=1${cursor ? `&cursor=${cursor}` : ""}`);
      seen.push(...body.data.map(({ id }: { id: number }) => id));
      cursor = body.nextCursor;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining([one.conversation.id, two.conversation.id]));
  });
});

describe("an answer", () => {
  it("is stored, leaves by the sender's account in the person's thread, and stands on the timeline", async () => {
    const { conversation, person, message } = await replied();
    const id = await write(person.email!, message.messageId!, "And tomorrow?");
    const asked = await ask("POST", `/conversations/${conversation.id}/answers`, {
      text: "Tomorrow at ten.\n\nSee https://example.com/map.",
      done: true,
    });
    expect(asked.status).toBe(201);
    expect(asked.body).toMatchObject({ state: "done", unseen: false });
    expect(asked.body.items.at(-1)).toMatchObject({ kind: "answer", state: "planned", to: person.email });
    expect(lastTo(person.email!)!.data.toString()).toContain("Hello Ana");
    await sendAnswers(sending(), now);
    const mail = lastTo(person.email!)!;
    const text = mail.data.toString();
    expect(mail.from).toBe("sales@example.com");
    expect(text).toContain("From: Marta Silva <marta.silva@example.com>");
    expect(text).toContain("Subject: Re: Hello Ana");
    expect(text).toContain(`In-Reply-To: ${id}`);
    const references = /^References:((?:\r\n[ \t]|[^\r\n])+)/m.exec(text)![1]!.trim().split(/\s+/);
    expect(references[0]).toBe(message.messageId);
    expect(references.at(-1)).toBe(id);
    expect(text).not.toMatch(/^Precedence: bulk/m);
    expect(text).not.toMatch(/^List-Unsubscribe/m);
    expect(text).toContain("> And tomorrow?");
    const { body } = await ask("GET", `/conversations/${conversation.id}`);
    expect(body.items.at(-1)).toMatchObject({ kind: "answer", state: "accepted" });
    const entries = await fresh.db
      .selectFrom("timelineEntries")
      .selectAll()
      .where("personId", "=", person.id)
      .where("kind", "=", "answer")
      .execute();
    expect(entries).toMatchObject([{ subject: "Re: Hello Ana", detail: { by: "marta@example.com" } }]);
    // Once: nothing is left to send.
    expect(await sendAnswers(sending(), now.add({ hours: 1 }))).toBe(0);
  });

  it("to which the person replies again comes back to the same conversation", async () => {
    const { conversation, person } = await replied();
    await ask("POST", `/conversations/${conversation.id}/answers`, { text: "Tomorrow?", done: true });
    await sendAnswers(sending(), now);
    const answer = lastTo(person.email!)!.data.toString();
    const id = /^Message-ID: (<[^>]+>)/im.exec(answer)![1]!;
    const references = /^References:((?:\r\n[ \t]|[^\r\n])+)/m.exec(answer)![1]!.trim().replaceAll(/\s+/g, " ");
    const bytes = `From: ${person.email}\r\nTo: x@example.com\r\nMessage-ID: <again${(count += 1)}@example.org>\r\nSubject: Re: Hello Ana\r\nIn-Reply-To: ${id}\r\nReferences: ${references} ${id}\r\n\r\nFine.\r\n`;
    await receive(fresh.db, { way: "imap", bytes: new TextEncoder().encode(bytes) }, NOW);
    await handleStored({ db: fresh.db, linkKeys }, NOW.add({ minutes: 5 }));
    const { body } = await ask("GET", `/conversations?personId=${person.id}`);
    expect(body.data).toMatchObject([{ id: conversation.id, state: "open", preview: "Fine.", unseen: true }]);
  });

  it("the server puts off is tried again with the same bytes; one it refuses says so", async () => {
    const { conversation, person } = await replied();
    misbehaving.set(person.email!, "450 4.2.0 Greylisted");
    await ask("POST", `/conversations/${conversation.id}/answers`, { text: "Tomorrow?" });
    await sendAnswers(sending(), now);
    const item = async () => (await ask("GET", `/conversations/${conversation.id}`)).body.items.at(-1);
    expect(await item()).toMatchObject({ state: "deferred", reply: expect.stringContaining("Greylisted") });
    misbehaving.set(person.email!, "550 5.1.1 User unknown");
    await sendAnswers(sending(), now.add({ hours: 1 }));
    expect(await item()).toMatchObject({ state: "refused", reply: expect.stringContaining("User unknown") });
    misbehaving.delete(person.email!);
    expect(await sendAnswers(sending(), now.add({ hours: 9 }))).toBe(0);
  });

  it("whose process ended within DATA leaves again with the same bytes, or is held where the account says so", async () => {
    const { conversation, person } = await replied();
    await ask("POST", `/conversations/${conversation.id}/answers`, { text: "Tomorrow?" });
    await fresh.db
      .updateTable("answers")
      .set({ state: "in_data", attempts: 1, firstAttemptAt: now, claimedUntil: now })
      .where("conversationId", "=", conversation.id)
      .execute();
    await fresh.db.updateTable("emailAccounts").set({ holdUnknown: true }).execute();
    await sendAnswers(sending(), now);
    const item = async () => (await ask("GET", `/conversations/${conversation.id}`)).body.items.at(-1);
    expect(await item()).toMatchObject({ state: "unknown" });
    const { id } = await item();
    const [kept] = await fresh.db.selectFrom("answers").select("bytes").where("id", "=", id).execute();
    await ask("PUT", `/answers/${id}/resolution`, { decision: "send-again" });
    await sendAnswers(sending(), now);
    expect(await item()).toMatchObject({ state: "accepted" });
    expect(lastTo(person.email!)!.data.equals(kept!.bytes!)).toBe(true);
    expect((await ask("PUT", `/answers/${id}/resolution`, { decision: "arrived" })).status).toBe(422);
    await fresh.db.updateTable("emailAccounts").set({ holdUnknown: false }).execute();
  });

  it("waits while its account is paused by hand", async () => {
    const { conversation } = await replied();
    await fresh.db
      .updateTable("emailAccounts")
      .set({ resumesByHand: true, pausedAt: now, pausedReason: "x" })
      .execute();
    await ask("POST", `/conversations/${conversation.id}/answers`, { text: "Tomorrow?" });
    await sendAnswers(sending(), now);
    const item = async () => (await ask("GET", `/conversations/${conversation.id}`)).body.items.at(-1);
    expect(await item()).toMatchObject({ state: "planned" });
    await fresh.db
      .updateTable("emailAccounts")
      .set({ resumesByHand: false, pausedAt: null, pausedReason: null })
      .execute();
    await sendAnswers(sending(), now.add({ minutes: 10 }));
    expect(await item()).toMatchObject({ state: "accepted" });
  });

  it("is refused to whoever complained, and to a conversation that is not there", async () => {
    const { conversation, person } = await replied();
    const what = { emailKey: person.email!, scope: "everything", reason: "complaint" } as const;
    await fresh.db.transaction().execute((tx) => suppress(tx, what, now));
    const asked = await ask("POST", `/conversations/${conversation.id}/answers`, { text: "Sorry!" });
    expect(asked).toMatchObject({ status: 422, body: { code: "answer-suppressed" } });
    expect((await ask("POST", "/conversations/999999/answers", { text: "x" })).status).toBe(404);
    expect((await ask("POST", `/conversations/${conversation.id}/answers`, { text: "  " })).status).toBe(422);
  });
});

describe("users are told by mail", () => {
  it("once for the replies of a minute, where an account can send it; not of what they have seen", async () => {
    const told: { to: string; subject: string }[] = [];
    const notifying = {
      db: fresh.db,
      vault: { seal },
      publicUrl: PUBLIC_URL,
      mail: async (to: { address: string }, { subject }: { subject: string }) => {
        told.push({ to: to.address, subject });
        return true;
      },
    };
    await fresh.db.updateTable("conversations").set({ notifyAt: null }).execute();
    const [one, two, three] = [await replied(), await replied(), await replied()];
    await ask("PUT", `/conversations/${three.conversation.id}/seen`);
    expect(await notifyReplies(notifying, REPLIED)).toBe(0);
    expect(await notifyReplies(notifying, REPLIED.add({ minutes: 2 }))).toBe(1);
    expect(told).toEqual([{ to: "marta@example.com", subject: "2 people have answered" }]);
    expect(await notifyReplies(notifying, REPLIED.add({ minutes: 20 }))).toBe(0);
    void [one, two];
  });
});

describe("the letter", () => {
  it("has one Re:, whatever stood in front", () => {
    for (const subject of ["Hello", "Re: Hello", "AW: Re: Hello", "SV: aw: Hello", "Re[2]: Hello"])
      expect(answerSubject(subject)).toBe("Re: Hello");
    expect(answerSubject("Reality")).toBe("Re: Reality");
  });

  it("keeps a thread together however long its ids and many its mails are, and takes no header from others", () => {
    const long = `<${"x".repeat(180)}@example.org>`;
    const references = Array.from({ length: 60 }, (_, at) => `<${at}@example.org>`);
    const text = letterOf(
      {
        text: "Hello <b>\n\nhttps://example.com/a?b=c&d",
        subject: "Hello\r\nBcc: x@example.org",
        from: { name: "Marta", address: "marta@example.com" },
        replyTo: null,
        to: { name: null, address: "ana@example.org" },
        signature: { text: null, html: null },
        original: null,
        inReplyTo: long,
        references: [...references, "<bad id@x>\r\nBcc: y"],
        messageId: "<1@example.com>",
        boundary: "tidings-1",
        language: "en",
      },
      NOW,
    ).toString();
    expect(text).not.toMatch(/^Bcc/m);
    expect(text).toContain(`In-Reply-To: ${long}\r\n`);
    const kept = /^References:((?:\r\n[ \t]|[^\r\n])+)/m.exec(text)![1]!.trim().split(/\s+/);
    expect(kept).toHaveLength(20);
    expect(kept[0]).toBe("<0@example.org>");
    expect(kept.at(-1)).toBe(long);
    expect(text).toContain("&#60;b&#62;");
  });
});
