import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signReturnPath } from "../core/links.ts";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { at, linkKeys, type World, world } from "../../test/world.ts";
import { startSink } from "../../test/smtp-sink.ts";
import * as conversations from "../conversations/conversations.ts";
import { handleStored, receive } from "./inbound.ts";

const START = at("2026-03-02");
const LATER = at("2026-03-02T12:00:00Z");
let fresh: FreshDatabase;
let here: World;
let count = 0;

beforeAll(async () => {
  fresh = await freshDatabase();
  here = world(fresh.db, fresh.database.batches);
});
afterAll(() => fresh.close());

/** Somebody in a Campaign of several mails, the first of which has left. */
async function underWay(
  campaignId?: number,
  more: { person?: object; senderId?: number } = {},
): Promise<{
  id: number;
  person: { id: number };
  address: string;
  message: { id: number; messageId: string };
  campaignId: number;
}> {
  const campaign = campaignId ?? (await here.campaign([{ day: 0 }, { day: 4 }, { day: 8 }])).id;
  const person = await here.person({ email: `reader${(count += 1)}@example${count}.org`, ...more.person });
  const id = await here.start(campaign, person.id, START, more.senderId ? { senderId: more.senderId } : {});
  await here.delivery().runUntilIdle(START);
  const message = (await here.messages(id))[0]!;
  expect(message.state).toBe("accepted");
  return {
    id,
    person,
    address: person.email!,
    message: { id: message.id, messageId: message.messageId! },
    campaignId: campaign,
  };
}

/** Stores a mail and handles it. */
async function come(lines: readonly string[], { now = LATER, to = null as string | null } = {}) {
  const bytes = new TextEncoder().encode(lines.join("\r\n"));
  const id = await receive(fresh.db, { way: "imap", bytes, envelopeTo: to }, now);
  expect(id).not.toBe("known");
  await handleStored({ db: fresh.db, linkKeys }, now);
  const row = await fresh.db
    .selectFrom("receivedMails")
    .selectAll()
    .where("id", "=", Number(id))
    .executeTakeFirstOrThrow();
  expect(row).toMatchObject({ state: "handled", error: null });
  return row;
}

type Ours = { address: string; message: { id: number; messageId: string } };
let unique = 0;

function bounce(
  { address, message }: Partial<Ours> & Pick<Ours, "message">,
  status: string,
  diagnostic: string,
  action = "failed",
): string[] {
  return [
    "From: Mail Delivery System <MAILER-DAEMON@mx.example.net>",
    "To: us@example.com",
    `Message-ID: <n${(unique += 1)}@mx.example.net>`,
    "Subject: Undelivered Mail Returned to Sender",
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    "",
    "--b",
    "Content-Type: text/plain",
    "",
    "It could not be delivered.",
    "",
    "--b",
    "Content-Type: message/delivery-status",
    "",
    "Reporting-MTA: dns; mx.example.net",
    "",
    `Final-Recipient: rfc822; ${address}`,
    `Action: ${action}`,
    `Status: ${status}`,
    `Diagnostic-Code: smtp; ${diagnostic}`,
    "",
    "--b",
    "Content-Type: text/rfc822-headers",
    "",
    `Message-ID: ${message.messageId}`,
    "",
    "--b--",
    "",
  ];
}

const reply = ({ address, message }: Ours, text = "Yes, let us talk.", ...headers: string[]) => [
  `From: Ana Ruiz <${address}>`,
  "To: us@example.com",
  `Message-ID: <r${(unique += 1)}@example.org>`,
  "Subject: Re: Hello Ana",
  `In-Reply-To: ${message.messageId}`,
  `References: ${message.messageId}`,
  ...headers,
  "",
  text,
  "",
];

/** An account whose mail stays here. */
async function mailboxAccount(): Promise<number> {
  const made = await fresh.db
    .insertInto("emailAccounts")
    .values({
      name: `Mailbox ${(count += 1)}`,
      kind: "mailbox",
      email: "marta@example.com",
      createdAt: START,
      changedAt: START,
    })
    .returning("id")
    .executeTakeFirstOrThrow();
  return made.id;
}

const suppressionsOf = (address: string) =>
  fresh.db
    .selectFrom("suppressions")
    .select(["scope", "reason", "origin"])
    .where("emailKey", "=", address.toLowerCase())
    .where("liftedAt", "is", null)
    .execute();

const timelineOf = (personId: number) =>
  fresh.db.selectFrom("timelineEntries").selectAll().where("personId", "=", personId).orderBy("id").execute();

describe("a mail that came back", () => {
  it("from a dead address suppresses it, and ends whatever runs for its person", async () => {
    const ours = await underWay();
    const other = await here.start((await here.campaign([{ day: 3 }])).id, ours.person.id, START);
    await come(bounce(ours, "5.1.1", "550 5.1.1 User unknown"));
    expect(await suppressionsOf(ours.address)).toMatchObject([
      { scope: "everything", reason: "hard-bounce", origin: `a notice about message ${ours.message.id}` },
    ]);
    expect(await here.status(ours.id)).toMatchObject({ status: "Stopped", stopReason: "bounced" });
    expect(await here.status(other)).toMatchObject({ status: "Stopped", stopReason: "bounced" });
    expect((await here.messages(ours.id))[0]).toMatchObject({ state: "accepted", bounceReason: "user-unknown" });
    expect(await timelineOf(ours.person.id)).toMatchObject([
      { kind: "bounce", detail: { reason: "user-unknown", hard: true, consequence: "suppressed" } },
    ]);
  });

  it("for another recipient than ours does not suppress our person: their mail is passed on to a dead place", async () => {
    const ours = await underWay();
    await come(bounce({ ...ours, address: "elsewhere@example.com" }, "5.1.1", "550 5.1.1 User unknown"));
    expect(await suppressionsOf(ours.address)).toEqual([]);
    expect(await suppressionsOf("elsewhere@example.com")).toEqual([]);
    expect(await here.status(ours.id)).toMatchObject({ status: "In Progress" });
    expect(await timelineOf(ours.person.id)).toMatchObject([
      { kind: "bounce", detail: { elsewhere: true, consequence: "counted" } },
    ]);
  });

  it("that is still being tried changes nothing", async () => {
    const ours = await underWay();
    await come(bounce(ours, "4.4.1", "451 4.4.1 No answer", "delayed"));
    expect((await here.messages(ours.id))[0]).toMatchObject({ bouncedAt: null });
    expect(await timelineOf(ours.person.id)).toEqual([]);
  });

  it("because of a block or a spam filter is not held against the person", async () => {
    const ours = await underWay();
    for (let day = 0; day < 20; day += 2)
      await come(bounce(ours, "5.7.1", `554 5.7.1 Message looks like spam ${day}`), {
        now: LATER.add({ hours: day * 24 }),
      });
    expect(await suppressionsOf(ours.address)).toEqual([]);
  });

  it("with a full mailbox is counted, stops at the limit and says how; lifting it counts anew", async () => {
    const ours = await underWay();
    const full = (day: number) =>
      come(bounce(ours, "5.2.2", `552 5.2.2 Mailbox full ${day}`), { now: LATER.add({ hours: day * 24 }) });
    for (const day of [0, 4, 8]) await full(day);
    expect(await suppressionsOf(ours.address)).toEqual([]);
    expect(await here.status(ours.id)).toMatchObject({ status: "In Progress" });
    await full(12);
    expect(await suppressionsOf(ours.address)).toMatchObject([
      { scope: "everything", reason: "soft-bounces", origin: expect.stringContaining("mailbox-full") },
    ]);
    expect(await here.status(ours.id)).toMatchObject({ status: "Stopped", stopReason: "bounced" });
  });

  it("after a later mail stayed where it was delivered begins at one again", async () => {
    const ours = await underWay();
    const full = (day: number) =>
      come(bounce(ours, "5.2.2", `552 5.2.2 Mailbox full ${day}`), { now: LATER.add({ hours: day * 24 }) });
    for (const day of [0, 1, 2]) await full(day);
    // The second mail arrives on day 4 and stays.
    await here.delivery().runUntilIdle(at("2026-03-06"));
    await full(6);
    const [kept] = await fresh.db.selectFrom("softBounces").selectAll().where("emailKey", "=", ours.address).execute();
    expect(kept!.points).toBe(1);
    expect(await suppressionsOf(ours.address)).toEqual([]);
  });

  it("that says our mail was delivered makes the count forgotten", async () => {
    const ours = await underWay();
    await come(bounce(ours, "5.2.2", "552 5.2.2 Mailbox full"));
    await come(bounce(ours, "2.0.0", "250 ok", "delivered"), { now: LATER.add({ hours: 1 }) });
    expect(await fresh.db.selectFrom("softBounces").selectAll().where("emailKey", "=", ours.address).execute()).toEqual(
      [],
    );
  });

  it("said at once by the server has the same consequences: counted, and stopped at the same limit", async () => {
    const sink = await startSink({ answer: (step) => (step === "RCPT" ? "552 5.2.2 Mailbox full" : undefined) });
    await here.postalAddress("Example Ltd");
    const sender = await here.sender({ emailAccountId: (await here.account(sink.port, { isDefault: false })).id });
    const campaign = await here.campaign([{ day: 0 }, { day: 4 }, { day: 8 }, { day: 12 }, { day: 16 }]);
    const person = await here.person({ email: "full@example.org" });
    const id = await here.start(campaign.id, person.id, START, { senderId: sender.id });
    for (const day of [0, 4, 8, 12, 16]) await here.delivery().runUntilIdle(START.add({ hours: day * 24 }));
    expect((await here.messages(id)).map(({ state }) => state)).toEqual(["refused", "refused", "refused", "refused"]);
    expect(await here.status(id)).toMatchObject({ status: "Stopped", stopReason: "bounced" });
    expect(await suppressionsOf("full@example.org")).toMatchObject([{ reason: "soft-bounces" }]);
    await sink.close();
  });

  it("with a forged return path changes nothing", async () => {
    const ours = await underWay();
    const forged = `${signReturnPath([Buffer.alloc(32)], ours.message.id)}@bounces.example.com`;
    await come(bounce(ours, "5.1.1", "550 5.1.1 User unknown"), { to: forged });
    expect(await suppressionsOf(ours.address)).toEqual([]);
    expect(await here.status(ours.id)).toMatchObject({ status: "In Progress" });
    expect(await timelineOf(ours.person.id)).toEqual([]);
  });

  it("found by its address alone kills no address where true notices come to a return path we sign", async () => {
    const sink = await startSink();
    await here.postalAddress("Example Ltd");
    const account = await here.account(sink.port, { isDefault: false });
    await fresh.db
      .updateTable("emailAccounts")
      .set({ bounceDomain: "bounces.example.com" })
      .where("id", "=", account.id)
      .execute();
    const sender = await here.sender({ emailAccountId: account.id });
    const ours = await underWay(undefined, { senderId: sender.id });
    const unnamed = { address: ours.address, message: { id: 0, messageId: "<unknown@example.com>" } };
    await come(bounce(unnamed, "5.1.1", "550 5.1.1 User unknown"));
    expect(await suppressionsOf(ours.address)).toEqual([]);
    expect(await timelineOf(ours.person.id)).toMatchObject([{ detail: { consequence: "counted" } }]);
    await sink.close();
  });
});

describe("a complaint", () => {
  it("suppresses everything at once, for the address it went to and the one the person has now, and stops all", async () => {
    const ours = await underWay();
    const other = await here.start((await here.campaign([{ day: 3 }])).id, ours.person.id, START);
    await here.change(ours.person.id, { email: `new-${ours.address}` }, LATER);
    await come([
      "From: staff@provider.example",
      "To: us@example.com",
      "Subject: complaint",
      'Content-Type: multipart/report; report-type=feedback-report; boundary="b"',
      "",
      "--b",
      "Content-Type: message/feedback-report",
      "",
      "Feedback-Type: abuse",
      "User-Agent: x/1",
      "Version: 1",
      "",
      "--b",
      "Content-Type: message/rfc822",
      "",
      `Message-ID: ${ours.message.messageId}`,
      "Subject: Hello",
      "",
      "Hello",
      "--b--",
      "",
    ]);
    for (const address of [ours.address, `new-${ours.address}`])
      expect(await suppressionsOf(address)).toMatchObject([{ scope: "everything", reason: "complaint" }]);
    expect(await here.status(ours.id)).toMatchObject({ status: "Stopped", stopReason: "complained" });
    expect(await here.status(other)).toMatchObject({ status: "Stopped", stopReason: "complained" });
    expect((await here.messages(ours.id))[0]!.complainedAt).not.toBeNull();
  });
});

describe("a reply", () => {
  it("E62 stops the Email Campaign, stands on the timeline and opens a conversation for the sender's user", async () => {
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
    const sender = await here.sender({ userId: user.id, emailAccountId: await mailboxAccount() });
    const ours = await underWay(undefined, { senderId: sender.id });
    await come(reply(ours, "Yes, call me.\r\n\r\nOn 2 March 2026, Marta wrote:\r\n> Dear Ana"));
    expect(await here.status(ours.id)).toMatchObject({ status: "Stopped", stopReason: "replied", nextDueAt: null });
    expect(await timelineOf(ours.person.id)).toMatchObject([
      { kind: "reply", subject: "Re: Hello Ana", emailCampaignId: ours.id, detail: { stopped: 1, from: ours.address } },
    ]);
    const { data } = await conversations.list(fresh.db, { limit: 10, assignedTo: user.id }, { userId: user.id });
    expect(data).toMatchObject([
      {
        person: { id: ours.person.id },
        emailCampaign: { id: ours.id, status: "Stopped" },
        preview: "Yes, call me.",
        state: "open",
        unseen: true,
      },
    ]);
    expect(await conversations.counts(fresh.db, user.id)).toMatchObject({ mine: 1, unseen: 1 });
    // Nothing more leaves.
    await here.delivery().runUntilIdle(at("2026-03-20"));
    expect(await here.messages(ours.id)).toHaveLength(1);
  });

  it("where its Campaign says so stops nothing", async () => {
    const campaign = await here.campaign([{ day: 0 }, { day: 4 }]);
    await fresh.db.updateTable("campaigns").set({ stopOnReply: false }).where("id", "=", campaign.id).execute();
    const ours = await underWay(campaign.id);
    await come(reply(ours));
    expect(await here.status(ours.id)).toMatchObject({ status: "In Progress" });
    expect(await timelineOf(ours.person.id)).toMatchObject([{ kind: "reply", detail: { stopped: 0 } }]);
  });

  it("stops colleagues too where its Campaign says so: same company or mail domain, never a provider for everybody", async () => {
    const campaign = await here.campaign([{ day: 0 }, { day: 4 }]);
    await fresh.db.updateTable("campaigns").set({ stopCompanyOnReply: true }).where("id", "=", campaign.id).execute();
    const person = (email: string, company: string | null = null) =>
      underWay(campaign.id, { person: { email, company } });
    const ours = await person("ana@acme.example", "Acme Ltd");
    const sameDomain = await person("bo@acme.example");
    const sameCompany = await person("cy@gmail.com", "  ACME  ltd ");
    const stranger = await person("dee@other.example", "Other");
    await come(reply(ours));
    expect(await here.status(sameDomain.id)).toMatchObject({ status: "Stopped", stopReason: "replied" });
    expect(await here.status(sameCompany.id)).toMatchObject({ status: "Stopped", stopReason: "replied" });
    expect(await here.status(stranger.id)).toMatchObject({ status: "In Progress" });
    expect(await timelineOf(sameDomain.person.id)).toMatchObject([
      { kind: "status", subject: "Stopped: somebody of the same company replied" },
    ]);
    const free = await person("eve@gmail.com");
    const alsoFree = await person("fay@gmail.com");
    await come(reply(free));
    expect(await here.status(alsoFree.id)).toMatchObject({ status: "In Progress" });
  });

  it("opens a conversation that was done", async () => {
    const ours = await underWay();
    await come(reply(ours, "First"));
    const { data } = await conversations.list(fresh.db, { limit: 1, personId: ours.person.id }, { userId: null });
    const { id } = data[0]!;
    const actor = { name: "test", role: "manager" as const, userId: null };
    await conversations.finish(fresh.db, id, actor, LATER);
    expect(await conversations.get(fresh.db, id)).toMatchObject({ state: "done", unseen: false });
    await come(reply(ours, "Second"), { now: LATER.add({ hours: 2 }) });
    expect(await conversations.get(fresh.db, id)).toMatchObject({ state: "open", unseen: true, preview: "Second" });
  });

  it("from one of our own addresses is none", async () => {
    const sender = await here.sender();
    const ours = await underWay();
    await come(reply({ ...ours, address: sender.email }));
    expect(await here.status(ours.id)).toMatchObject({ status: "In Progress" });
    expect(await timelineOf(ours.person.id)).toEqual([]);
  });

  it("from somebody we know who was never written to stands on their timeline", async () => {
    const person = await here.person({ email: "known@example.org" });
    await come(reply({ address: "Known@Example.org", message: { id: 0, messageId: "<none@example.com>" } }));
    expect(await timelineOf(person.id)).toMatchObject([{ kind: "reply", emailCampaignId: null }]);
  });
});

describe("an automatic reply", () => {
  const away = "I am out of office until 20 March 2026 and back on 23 March 2026.";

  it("is noted and stops nothing", async () => {
    const ours = await underWay();
    await come(reply(ours, away, "Auto-Submitted: auto-replied"));
    expect(await here.status(ours.id)).toMatchObject({ status: "In Progress", waitsUntil: null });
    expect(await timelineOf(ours.person.id)).toMatchObject([
      { kind: "auto-reply", detail: { returnOn: "2026-03-23", waits: false } },
    ]);
    expect((await conversations.list(fresh.db, { limit: 1, personId: ours.person.id }, { userId: null })).data).toEqual(
      [],
    );
  });

  it("where its Campaign says so holds the next mail until the return, and nothing expires meanwhile", async () => {
    const campaign = await here.campaign([{ day: 0 }, { day: 4, expiresAfterDays: 2 }]);
    await fresh.db.updateTable("campaigns").set({ waitForReturn: true }).where("id", "=", campaign.id).execute();
    const ours = await underWay(campaign.id);
    await come(reply(ours, away, "Auto-Submitted: auto-replied"));
    await here.delivery().runUntilIdle(at("2026-03-22T18:00:00Z"));
    expect(await here.messages(ours.id)).toHaveLength(1);
    expect(await here.status(ours.id)).toMatchObject({ nextDueAt: at("2026-03-23T09:00:00Z") });
    await here.delivery().runUntilIdle(at("2026-03-23T09:00:00Z"));
    expect((await here.messages(ours.id)).map(({ state }) => state)).toEqual(["accepted", "accepted"]);
  });
});

describe("a mail that asks to leave", () => {
  it("is worth as much as the button of a mail program", async () => {
    const ours = await underWay();
    const { composed } = await fresh.db
      .selectFrom("messageContents")
      .select("composed")
      .where("messageId", "=", ours.message.id)
      .executeTakeFirstOrThrow();
    const subject = decodeURIComponent(composed.unsubscribeMailto!.split("subject=")[1]!);
    await come([`From: ${ours.address}`, "To: us@example.com", `Subject: ${subject}`, "", ""]);
    expect(await suppressionsOf(ours.address)).toMatchObject([{ scope: "campaigns", reason: "unsubscribed" }]);
    expect(await here.status(ours.id)).toMatchObject({ status: "Unsubscribed" });
    expect(await timelineOf(ours.person.id)).toMatchObject([{ kind: "unsubscribed", detail: { by: "mail" } }]);
  });
});
