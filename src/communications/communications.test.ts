import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink } from "../../test/smtp-sink.ts";
import { at, linkKeys, seal, type World, world } from "../../test/world.ts";
import { type Delivery, forgetPerson as forgetMessages } from "../delivery/delivery.ts";
import { openServer, type Server } from "../http/server.ts";
import { routes as mailboxRoutes } from "../mail/routes.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { find, leave } from "../unsubscribe/unsubscribe.ts";
import { sign } from "../core/links.ts";
import { forgetPerson } from "./communications.ts";
import { routes } from "./routes.ts";

let fresh: FreshDatabase;
let small: World;
let server: Server;
let delivery: Delivery;
const NOW = at("2026-03-01");
const actor = { name: "ana@example.com", role: "manager" as const, userId: null };

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  delivery = small.delivery();
  server = openServer({
    db: fresh.db,
    clock: () => NOW.add({ hours: 1 }),
    authenticate: async () => ({ actor, identity: "test" }),
    seal,
  });
  routes(server.serve, { db: fresh.db });
  mailboxRoutes(server.serve, { db: fresh.db });
  await server.http.ready();
});
afterAll(async () => {
  await delivery.drain();
  await server.http.close();
  await fresh.close();
});

async function ask(method: "GET" | "POST" | "DELETE", url: string, body?: object) {
  const answer = await server.http.inject({ method, url: `/api/v1${url}`, ...(body ? { payload: body } : {}) });
  const json = String(answer.headers["content-type"]).includes("json");
  return {
    status: answer.statusCode,
    body: json ? answer.json() : undefined,
    raw: answer.rawPayload,
    headers: answer.headers,
  };
}

async function sent(days: readonly number[] = [0]) {
  const campaign = await small.campaign(days.map((day) => ({ day })));
  const person = await small.person();
  const id = await small.start(campaign.id, person.id, NOW);
  await delivery.runUntilIdle(NOW);
  const messages = await small.messages(id);
  return { campaign, person, id, message: messages[0]! };
}

describe("communications", () => {
  it("E103 E104 E106 every mail stands on the Email Campaign's and the person's timeline, each with a status of its own", async () => {
    const { campaign, person, id, message } = await sent();
    const expected = {
      id: `message-${message.id}`,
      kind: "email",
      personId: person.id,
      emailCampaignId: id,
      campaignId: campaign.id,
      subject: "Hello Ana",
      to: person.email,
      deliveryStatus: "sent",
    };
    for (const filter of [`personId=${person.id}`, `emailCampaignId=${id}`, `campaignId=${campaign.id}`]) {
      const { body } = await ask("GET", `/communications?${filter}`);
      expect(body.data).toMatchObject([expected]);
    }
  });

  it("E104 a mail on its way is sending, one the server puts off is deferred, one it refuses is an error", async () => {
    const sink = await startSink({ recipient: (to) => (to.startsWith("later") ? "defer" : "refuse") });
    await small.postalAddress("Example Ltd");
    const sender = await small.sender({ emailAccountId: (await small.account(sink.port, { isDefault: false })).id });
    const campaign = await small.campaign();
    const ids: number[] = [];
    for (const email of ["later@example.org", "never@example.org"])
      ids.push(await small.start(campaign.id, (await small.person({ email })).id, NOW, { senderId: sender.id }));
    await delivery.planDue(NOW);
    const statuses = async () =>
      Promise.all(ids.map(async (id) => (await ask("GET", `/communications?emailCampaignId=${id}`)).body.data[0]));
    expect(await statuses()).toMatchObject([
      { deliveryStatus: "sending" },
      { deliveryStatus: "sending", sentAt: null },
    ]);
    await delivery.sendDue(NOW);
    expect(await statuses()).toMatchObject([
      { deliveryStatus: "deferred", reply: expect.stringContaining("450"), nextAttemptAt: expect.any(String) },
      { deliveryStatus: "error", reason: "hard-bounce", reply: expect.stringContaining("No such user") },
    ]);
    await sink.close();
  });

  it("E70 a mail withheld because of an opt-out shows as suppressed, with the reason; an expired one is no communication", async () => {
    const campaign = await small.campaign([{ day: 0, expiresAfterDays: 1 }, { day: 3 }]);
    const person = await small.person();
    const id = await small.start(campaign.id, person.id, NOW, { startOn: "2026-03-02" });
    await fresh.db
      .transaction()
      .execute((tx) => suppress(tx, { emailKey: person.emailKey!, scope: "everything", reason: "unsubscribed" }, NOW));
    await delivery.runUntilIdle(at("2026-03-05T10:00:00Z"));
    expect(await small.messages(id)).toMatchObject([{ reason: "expired" }, { reason: "unsubscribed" }]);
    const { body } = await ask("GET", `/communications?emailCampaignId=${id}`);
    expect(body.data).toMatchObject([{ deliveryStatus: "suppressed", reason: "unsubscribed", sentAt: null }]);
  });

  it("E58 where nothing was planned there is no communication", async () => {
    const campaign = await small.campaign([{ day: 3 }]);
    const id = await small.start(campaign.id, (await small.person()).id, NOW);
    await delivery.runUntilIdle(NOW);
    expect((await ask("GET", `/communications?emailCampaignId=${id}`)).body.data).toEqual([]);
  });

  it("the exact bytes are shown for ever: after the template was edited and the person renamed and moved", async () => {
    const { campaign, person, message } = await sent();
    const [kept] = await small.mailbox(person.email!);
    await small.version(campaign.steps[0]!.emailTemplateId, {
      subject: "Edited",
      html: "<p>Edited</p>",
      text: "Edited",
    });
    await small.change(person.id, { firstName: "Zoe", email: "zoe@example.org" }, NOW);
    await fresh.db.updateTable("campaigns").set({ name: "Renamed" }).where("id", "=", campaign.id).execute();
    const { raw, headers } = await ask("GET", `/communications/message-${message.id}/eml`);
    expect(raw.equals(kept!.bytes)).toBe(true);
    expect(headers["content-type"]).toContain("message/rfc822");
    const { body } = await ask("GET", `/communications/message-${message.id}`);
    expect(body).toMatchObject({ subject: "Hello Ana", messageId: message.messageId });
    expect(body.text).toContain("Dear Ana");
    expect(body.html).toContain("<p>Dear Ana</p>");
  });

  it("E100 an unsubscribe stands on the timeline, newest first, beside the mail", async () => {
    const { person, id, message } = await sent([0, 4]);
    const token = sign(linkKeys, "unsubscribe", { emailCampaignId: id, personId: person.id, messageId: message.id });
    const leaver = await find(fresh.db, linkKeys, token);
    await leave(fresh.db, leaver!, "campaign", "page", NOW.add({ hours: 1 }));
    const { body } = await ask("GET", `/communications?personId=${person.id}`);
    expect(body.data.map(({ kind }: { kind: string }) => kind)).toEqual(["unsubscribed", "email"]);
    expect(body.data[0].subject).toMatch(/^Left this conversation/);
  });

  it("pages through mails and entries together, each once", async () => {
    const { person } = await sent([0, 0, 0]);
    for (let count = 0; count < 4; count += 1) {
      const { status } = await ask("POST", "/communications", {
        personId: person.id,
        subject: `Note ${count}`,
        text: "…",
      });
      expect(status).toBe(201);
    }
    const ids: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const { body } = await ask(
        "GET",
        `/communications?personId=${person.id}&limit=2${cursor ? `&cursor=${cursor}` : ""}`,
      );
      ids.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.nextCursor;
    }
    expect(ids).toHaveLength(7);
    expect(new Set(ids).size).toBe(7);
    const notes = await ask("GET", `/communications?personId=${person.id}&kind=note`);
    expect(notes.body.data).toHaveLength(4);
    expect(notes.body.data[0]).toMatchObject({ subject: "Note 3", detail: { text: "…", by: actor.name } });
  });

  it("refuses a note for nobody, and bytes of what is no email", async () => {
    expect((await ask("POST", "/communications", { personId: 999_999, subject: "x" })).status).toBe(404);
    const { person } = await sent();
    const note = await ask("POST", "/communications", { personId: person.id, subject: "x" });
    expect((await ask("GET", `/communications/${note.body.id}/eml`)).status).toBe(404);
    expect((await ask("GET", "/communications/message-999999")).status).toBe(404);
    expect((await ask("GET", "/communications/nonsense")).status).toBe(422);
    expect((await ask("GET", "/communications?cursor=bm9wZQ")).status).toBe(422);
  });

  it("L4 of an erased person it keeps that mail was sent, and nothing of what it said", async () => {
    const { person, message } = await sent();
    await ask("POST", "/communications", { personId: person.id, subject: "Called Ana", text: "secret" });
    await fresh.db.transaction().execute(async (tx) => {
      await forgetMessages(tx, person.id);
      await forgetPerson(tx, person.id);
    });
    const { body } = await ask("GET", `/communications?personId=${person.id}`);
    expect(body.data).toMatchObject([
      { kind: "note", subject: "Erased", detail: {} },
      { kind: "email", deliveryStatus: "sent", to: null },
    ]);
    expect(JSON.stringify(body)).not.toContain("Ana");
    expect((await ask("GET", `/communications/message-${message.id}/eml`)).status).toBe(404);
    expect(await small.mailbox(person.email!)).toEqual([]);
  });
});

describe("the mailbox over HTTP", () => {
  it("lists, shows and hands out what it holds, and can be emptied", async () => {
    const { person, message } = await sent();
    const { body } = await ask("GET", `/mailbox/messages?to=${person.email!.toUpperCase()}`);
    expect(body.data).toMatchObject([
      { to: person.email, subject: "Hello Ana", communicationId: `message-${message.id}` },
    ]);
    const [{ id }] = body.data;
    const one = await ask("GET", `/mailbox/messages/${id}`);
    expect(one.body.text).toContain("Dear Ana");
    expect(one.body.headers.map(({ name }: { name: string }) => name)).toContain("Message-ID");
    const eml = await ask("GET", `/mailbox/messages/${id}/eml`);
    expect(eml.raw.equals((await small.mailbox(person.email!))[0]!.bytes)).toBe(true);
    expect((await ask("DELETE", "/mailbox/messages")).status).toBe(204);
    expect((await ask("GET", "/mailbox/messages")).body.data).toEqual([]);
    expect((await ask("GET", `/mailbox/messages/${id}`)).status).toBe(404);
    expect((await ask("GET", `/communications/message-${message.id}`)).body.deliveryStatus).toBe("sent");
  });
});
