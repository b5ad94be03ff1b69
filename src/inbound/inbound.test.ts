import { afterAll, beforeAll, expect, it } from "vitest";
import { signReturnPath } from "../core/links.ts";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { linkKeys, world, type World } from "../../test/world.ts";
import { handleStored, receive } from "./inbound.ts";
import type { Received } from "./received.ts";

const SENT = Temporal.Instant.from("2026-03-01T09:00:00Z");
const now = Temporal.Instant.from("2026-03-02T09:00:00Z");

let fresh: FreshDatabase;
let here: World;
let campaignId: number;
const seen: Received[] = [];
const watching = async (_tx: unknown, received: Received) => void seen.push(received);

beforeAll(async () => {
  fresh = await freshDatabase();
  here = world(fresh.db, fresh.database.batches);
  campaignId = (await here.campaign()).id;
});
afterAll(() => fresh.close());

let count = 0;
/** A mail sent to somebody new. */
async function sent() {
  const person = await here.person({ email: `reader${(count += 1)}@example.org` });
  const id = await here.start(campaignId, person.id, SENT, {});
  await here.delivery().runUntilIdle(SENT);
  const [message] = await here.messages(id);
  return { person, address: person.email!, message: message! };
}

const letter = (fields: Record<string, string>, text = "Hello") =>
  new TextEncoder().encode(
    `${Object.entries({ From: "a@example.net", To: "b@example.com", Subject: "Re: Hello", ...fields })
      .map(([name, value]) => `${name}: ${value}`)
      .join("\r\n")}\r\n\r\n${text}\r\n`,
  );

/** Stores a mail and handles it. */
async function got(bytes: Uint8Array, envelopeTo: string | null = null): Promise<Received> {
  seen.length = 0;
  await receive(fresh.db, { way: "upload", bytes, envelopeTo }, now);
  await handleStored({ db: fresh.db, linkKeys, act: watching }, now);
  expect(seen).toHaveLength(1);
  return seen[0]!;
}

const row = async (id: number | "known") =>
  fresh.db.selectFrom("receivedMails").selectAll().where("id", "=", Number(id)).executeTakeFirstOrThrow();

it("a mail is stored before anything follows, and handled once whoever comes first", async () => {
  seen.length = 0;
  const id = await receive(fresh.db, { way: "upload", bytes: letter({ "Message-ID": "<one@example.net>" }) }, now);
  expect(await row(id)).toMatchObject({ state: "stored", kind: null, attempts: 0 });
  const handling = { db: fresh.db, linkKeys, act: watching };
  const counts = await Promise.all([
    handleStored(handling, now),
    handleStored(handling, now),
    handleStored(handling, now),
  ]);
  expect(counts.reduce((sum, one) => sum + one)).toBe(1);
  expect(seen).toHaveLength(1);
  expect(await row(id)).toMatchObject({ state: "handled", kind: "reply", attempts: 1 });
});

it("the same mail by another way is known: what servers add to its head and line ends makes no difference", async () => {
  const bytes = letter({ "Message-ID": "<twice@example.net>" }, "One\r\nTwo");
  const again = new TextEncoder().encode(
    `Received: by elsewhere\n${new TextDecoder().decode(bytes).replaceAll("\r\n", "\n")}\n\n`,
  );
  const both = await Promise.all([
    receive(fresh.db, { way: "upload", bytes }, now),
    receive(fresh.db, { way: "imap", bytes: again }, now),
  ]);
  expect(both.filter((one) => one === "known")).toHaveLength(1);
  const other = letter({ "Message-ID": "<twice@example.net>" }, "Three");
  expect(await receive(fresh.db, { way: "imap", bytes: other }, now)).not.toBe("known");
  await handleStored({ db: fresh.db, linkKeys, act: watching }, now);
});

it("one that cannot be handled is tried twice, set aside with its error, and the rest goes on", async () => {
  const poison = await receive(fresh.db, { way: "upload", bytes: letter({ "Message-ID": "<p@x>" }, "poison") }, now);
  const good = await receive(fresh.db, { way: "upload", bytes: letter({ "Message-ID": "<g@x>" }, "good") }, now);
  const handled: string[] = [];
  const handling = {
    db: fresh.db,
    linkKeys,
    onHandled: (kind: string) => void handled.push(kind),
    act: async (tx: any, received: Received) => {
      await tx.updateTable("workspace").set({ name: received.text.trim() }).execute();
      if (received.text.includes("poison")) throw new Error("It does not agree with me.");
    },
  };
  await handleStored(handling, now);
  expect(await row(good)).toMatchObject({ state: "handled" });
  expect(await row(poison)).toMatchObject({ state: "stored", attempts: 1 });
  await handleStored(handling, now.add({ seconds: 10 }));
  expect(await row(poison)).toMatchObject({ state: "set-aside", error: "Error: It does not agree with me." });
  expect(handled).toEqual(["reply", "set-aside"]);
  // What it did before it failed is undone.
  expect((await fresh.db.selectFrom("workspace").select("name").executeTakeFirstOrThrow()).name).toBe("good");
});

it("one that ends the process each time is set aside too", async () => {
  const id = await receive(fresh.db, { way: "upload", bytes: letter({ "Message-ID": "<deadly@x>" }) }, now);
  await fresh.db.updateTable("receivedMails").set({ attempts: 4 }).where("id", "=", Number(id)).execute();
  await handleStored({ db: fresh.db, linkKeys, act: watching }, now);
  expect(await row(id)).toMatchObject({ state: "set-aside", error: expect.stringContaining("ended") });
});

it("a return path says which mail came back, in any letter case and behind a plus", async () => {
  const { message, person } = await sent();
  const local = signReturnPath(linkKeys, message.id);
  for (const to of [`${local}@bounces.example.com`, `Marta+${local.toUpperCase()}@Example.com`])
    expect(
      (await got(letter({ "Message-ID": `<${to.length}@x>`, From: "MAILER-DAEMON@x.example" }), to)).about,
    ).toMatchObject({
      messageId: message.id,
      personId: person.id,
      emailCampaignId: message.emailCampaignId,
      foundBy: "return-path",
    });
});

it("a forged return path changes nothing, whatever else the mail says", async () => {
  const { message, address } = await sent();
  const local = signReturnPath([Buffer.alloc(32)], message.id);
  const received = await got(
    letter({ From: address, "In-Reply-To": message.messageId! }, "forged"),
    `${local}@bounces.example.com`,
  );
  expect(received).toMatchObject({ about: null, forged: true });
});

it.each(["In-Reply-To", "References"])("our Message-ID in %s says what is answered", async (field) => {
  const { message } = await sent();
  const received = await got(letter({ [field]: `<other@example.net> ${message.messageId}` }, field));
  expect(received.about).toMatchObject({ messageId: message.id, foundBy: "message-id" });
});

it("our Message-ID in the mail that came back says which one it was", async () => {
  const { message, address } = await sent();
  const notice = `--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; somebody@elsewhere.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 unknown user\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: us@example.com\r\nTo: ${address}\r\nMessage-ID: ${message.messageId}\r\n\r\n--b--`;
  const received = await got(
    letter(
      {
        From: "MAILER-DAEMON@mx.example.org",
        Subject: "Undelivered Mail",
        "Content-Type": 'multipart/report; report-type=delivery-status; boundary="b"',
      },
      notice,
    ),
  );
  expect(received).toMatchObject({
    kind: "bounce",
    about: { messageId: message.id, foundBy: "message-id" },
    verdicts: [{ recipient: "somebody@elsewhere.example", hard: true }],
  });
});

it("the token in the subject of an unsubscribe mail says who wants to leave", async () => {
  const { message } = await sent();
  const { composed } = await fresh.db
    .selectFrom("messageContents")
    .select("composed")
    .where("messageId", "=", message.id)
    .executeTakeFirstOrThrow();
  const { unsubscribeMailto } = composed;
  const subject = decodeURIComponent(unsubscribeMailto!.split("subject=")[1]!);
  const received = await got(letter({ Subject: subject, From: "quite.another@example.net" }));
  expect(received).toMatchObject({
    kind: "unsubscribe",
    about: { messageId: message.id, foundBy: "unsubscribe-token" },
  });
});

it("without any of these the latest mail to the address within thirty days is taken, as a guess", async () => {
  const { message, address } = await sent();
  expect((await got(letter({ From: address.toUpperCase() }, "guess"))).about).toMatchObject({
    messageId: message.id,
    foundBy: "address",
  });
  seen.length = 0;
  const late = now.add({ hours: 24 * 40 });
  await receive(fresh.db, { way: "upload", bytes: letter({ From: address }, "late") }, late);
  await handleStored({ db: fresh.db, linkKeys, act: watching }, late);
  expect(seen[0]!.about).toBeNull();
});

it("what a provider reports is handled like a mail, once", async () => {
  const { message, address } = await sent();
  seen.length = 0;
  const verdict = {
    recipient: address,
    status: "5.1.1",
    replyCode: "550",
    reason: "user-unknown",
    hard: true,
    delayed: false,
  } as const;
  const event = {
    provider: "generic",
    id: "e1",
    kind: "bounce",
    verdicts: [verdict],
    messageId: message.messageId,
    at: null,
    original: {},
  } as const;
  expect(await receive(fresh.db, { way: "webhook", event }, now)).not.toBe("known");
  expect(await receive(fresh.db, { way: "webhook", event }, now)).toBe("known");
  await handleStored({ db: fresh.db, linkKeys, act: watching }, now);
  expect(seen).toMatchObject([{ kind: "bounce", verdicts: [verdict], about: { messageId: message.id } }]);
});
