/** What comes back, from real servers: Postfix bounces our mail, Dovecot keeps it and answers for who is away, we fetch it by IMAP. */
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createAccessTokens } from "../../src/accounts/access-tokens.ts";
import { diagnoseReceiving } from "../../src/accounts/diagnose-receiving.ts";
import * as receiving from "../../src/accounts/receiving.ts";
import { systemClock as clock } from "../../src/clock.ts";
import { type Database, openDatabase } from "../../src/db/database.ts";
import { handleStored } from "../../src/inbound/inbound.ts";
import { listMailboxes, startMailboxes } from "../../src/inbound/mailboxes.ts";
import { type FreshDatabase, freshDatabase } from "../database.ts";
import { actor, linkKeys, seal, silent, type World, world } from "../world.ts";
import { DOMAINS, installMailServers, type MailServers, PASSWORD, startMailServers } from "./mail-servers.ts";

const run = promisify(execFile);
const SALES = `sales@${DOMAINS.ours}`;
const BOUNCES = `bounces@${DOMAINS.ours}`;
const STEPS = [{ day: 0 }, { day: 3 }];

let servers: MailServers;
let provider: Server;
let tokenUrl: string;
let fresh: FreshDatabase;
let here: World;
const open: { stop(): Promise<unknown> }[] = [];

beforeAll(async () => {
  await installMailServers();
  provider = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      const given = new URLSearchParams(body);
      const good = given.get("refresh_token") === "refresh" || given.get("token") === "access";
      response
        .writeHead(good ? 200 : 400, { "content-type": "application/json" })
        .end(JSON.stringify(good ? { active: true, username: SALES, access_token: "access", expires_in: 3600 } : {}));
    });
  });
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  const { port } = provider.address() as AddressInfo;
  tokenUrl = `http://127.0.0.1:${port}/token`;
  const people = ["ana", "full", "away", "eva"].map((name) => `${name}@${DOMAINS.people}`);
  servers = await startMailServers([...people, SALES, BOUNCES], { introspectionPort: port });
  fresh = await freshDatabase();
  here = world(fresh.db, fresh.database.batches);
  await here.postalAddress("Example Ltd, 1 Example Street, Lisbon");
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
  const { rows } = await fresh.pool.query("select id from email_accounts where imap_host is not null");
  for (const { id } of rows) await receiving.remove(fresh.db, id, actor, clock());
});
afterAll(async () => {
  provider.close();
  await servers.stop();
  await fresh.close();
});

/** An account that sends by Postfix and fetches a mailbox of Dovecot. */
async function account(edit: receiving.ReceivingInput) {
  const made = await here.account(servers.smtpPort, { email: SALES });
  const imap = {
    imapHost: "127.0.0.1",
    imapPort: servers.imapPort,
    imapSecurity: "none" as const,
    imapPassword: PASSWORD,
  };
  await receiving.update(fresh.db, made.id, { ...imap, imapUser: SALES, ...edit }, seal, actor, null, clock());
  return made.id;
}

/** Watches, over connections of its own, like one process of several. */
function watching(database: Database = own()) {
  const { db } = database;
  const tokens = createAccessTokens({ db, seal });
  const wake = { soon: () => {} };
  const options = { db, seal, tokens, clock, log: silent, imapUrl: undefined, turnMs: 200, pollMs: 500 };
  const mailboxes = startMailboxes({ ...options, onStored: () => wake.soon() });
  open.push(mailboxes);
  return mailboxes;
}

function own(): Database {
  const database = openDatabase(fresh.connection);
  open.push({ stop: () => database.close() });
  return database;
}

/** Sends the first mail of a Campaign to these addresses. */
async function campaign(emailAccountId: number, addresses: readonly string[]) {
  const sender = await here.sender({ emailAccountId });
  const { id } = await here.campaign(STEPS);
  const started = [];
  for (const email of addresses) {
    const person = await here.person({ email });
    started.push({ email, id: await here.start(id, person.id, clock(), { senderId: sender.id }) });
  }
  const delivery = here.delivery();
  await delivery.runUntilIdle(clock());
  await delivery.drain(100);
  return new Map(started.map((one) => [one.email, one.id]));
}

/** Handles what is stored until so many mails of this Campaign have been. */
async function handled(emailCampaignIds: Iterable<number>, count: number) {
  const ids = [...emailCampaignIds];
  for (let turn = 0; turn < 150; turn++) {
    await handleStored({ db: fresh.db, linkKeys, log: silent }, clock());
    const rows = await fresh.db
      .selectFrom("receivedMails")
      .selectAll()
      .where("emailCampaignId", "in", ids)
      .where("state", "=", "handled")
      .orderBy("id")
      .execute();
    if (rows.length >= count) return rows;
    await sleep(100);
  }
  const all = await fresh.db
    .selectFrom("receivedMails")
    .select(["state", "kind", "error", "emailCampaignId"])
    .execute();
  const mailboxes = await listMailboxes(fresh.db, clock());
  throw new Error(`Not handled: ${JSON.stringify({ all, mailboxes }, null, 1)}\n${await servers.logs()}`);
}

const status = async (id: number) => (await here.status(id)).status;

/** How many mails a mailbox holds: what our own count must not exceed. */
const swaks = (to: string, fields: Record<string, string>, body: string, from = `ana@${DOMAINS.people}`) =>
  run("swaks", [
    `--server=127.0.0.1:${servers.smtpPort}`,
    `--from=${from}`,
    `--to=${to}`,
    `--body=${body}`,
    ...Object.entries(fields).flatMap(([name, value]) => ["--header", `${name}: ${value}`]),
  ]);

describe("what real servers send back", () => {
  it("an unknown user, a server that never has time and a full mailbox come back, and one address is dead", async () => {
    const id = await account({ bounceDomain: DOMAINS.bounces, imapUser: BOUNCES });
    watching();
    const [nobody, full, busy] = [`nobody@${DOMAINS.people}`, `full@${DOMAINS.people}`, `ada@${DOMAINS.busy}`];
    const started = await campaign(id, [nobody, full, busy]);
    const rows = await handled(started.values(), 3);
    const of = (email: string) => rows.find((row) => row.emailCampaignId === started.get(email));
    expect(rows).toHaveLength(3);
    expect(rows.every(({ kind }) => kind === "bounce")).toBe(true);
    expect(of(nobody)?.verdict).toMatchObject([
      { recipient: nobody, status: "5.1.1", hard: true, reason: "user-unknown" },
    ]);
    expect(of(full)?.verdict).toMatchObject([{ recipient: full, hard: false, reason: "mailbox-full" }]);
    expect(of(busy)?.verdict).toMatchObject([{ recipient: busy, status: expect.stringMatching(/^4/), hard: false }]);
    const { rows: dead } = await fresh.pool.query("select email_key, reason from suppressions where lifted_at is null");
    expect(dead).toEqual([{ email_key: nobody, reason: "hard-bounce" }]);
    expect(await here.status(started.get(nobody)!)).toMatchObject({ status: "Stopped", stopReason: "bounced" });
    expect([await status(started.get(full)!), await status(started.get(busy)!)]).toEqual([
      "In Progress",
      "In Progress",
    ]);
  });

  it("whoever is away answers by a machine, and the campaign goes on", async () => {
    const id = await account({ bounceDomain: DOMAINS.bounces, imapUser: BOUNCES });
    watching();
    const away = `away@${DOMAINS.people}`;
    const started = await campaign(id, [away]);
    expect(await handled(started.values(), 1)).toMatchObject([{ kind: "auto-reply" }]);
    expect(await status(started.get(away)!)).toBe("In Progress");
  });

  it("a person's answer is a reply to the very mail, and stops the campaign", async () => {
    const id = await account({ plusAddressing: true });
    watching();
    const ana = `ana@${DOMAINS.people}`;
    const started = await campaign(id, [ana]);
    const [message] = await here.messages(started.get(ana)!);
    await swaks(SALES, { Subject: "Re: Hello", "In-Reply-To": message!.messageId! }, "Thank you, call me on Monday.");
    const [row] = await handled(started.values(), 1);
    expect(row).toMatchObject({ kind: "reply", messageId: message!.id, personId: message!.personId, folder: "INBOX" });
    expect(await here.status(started.get(ana)!)).toMatchObject({ status: "Stopped", stopReason: "replied" });
  });

  it("what was written to people is not what the mailbox owner's own mails are kept for: strangers' mails leave no bytes", async () => {
    await account({});
    watching();
    const { rows } = await fresh.pool.query("select coalesce(max(id), 0) as last from received_mails");
    const lunch = () =>
      fresh.db.selectFrom("receivedMails").selectAll().where("id", ">", rows[0].last).executeTakeFirst();
    await swaks(
      SALES,
      { Subject: "Lunch?", "Message-ID": "<lunch@stranger.test>" },
      "At noon.",
      "friend@stranger.test",
    );
    for (let turn = 0; turn < 100 && (await lunch())?.state !== "handled"; turn++) {
      await handleStored({ db: fresh.db, linkKeys }, clock());
      await sleep(100);
    }
    expect(await lunch()).toMatchObject({ kind: "reply", personId: null, raw: null });
  });
});

describe("each mail is handled once", () => {
  it("with two processes, when one of them ends, after a restart, and when UIDs are made anew", async () => {
    const eva = `eva@${DOMAINS.people}`;
    const id = await account({ imapFolders: ["INBOX", "Junk"] });
    await servers.doveadm("mailbox", "create", "-u", SALES, "Junk").catch(() => undefined);
    const first = watching();
    const second = watching();
    const started = await campaign(id, [eva]);
    const [message] = await here.messages(started.get(eva)!);
    let sent = 0;
    const answer = (text: string) =>
      swaks(
        SALES,
        { Subject: "Re: Hello", "In-Reply-To": message!.messageId!, "Message-ID": `<eva-${(sent += 1)}@x>` },
        text,
      );
    const count = async () => (await handled(started.values(), sent)).length;

    await Promise.all(Array.from({ length: 10 }, (_, index) => answer(`Answer ${index}`)));
    expect(await count()).toBe(10);

    await first.stop();
    await answer("to whoever is left");
    expect(await count()).toBe(11);

    await second.stop();
    await answer("while nobody looks");
    watching();
    expect(await count()).toBe(12);

    await servers.doveadm("mailbox", "update", "--uid-validity", "987654", "-u", SALES, "INBOX");
    await servers.doveadm("kick", SALES).catch(() => undefined);
    await answer("after the UIDs changed");
    expect(await count()).toBe(13);
    const cursor = () =>
      fresh.db
        .selectFrom("imapCursors")
        .selectAll()
        .where("mailbox", "=", `account:${id}`)
        .where("folder", "=", "INBOX")
        .executeTakeFirst();
    expect((await cursor())?.uidValidity).toBe(987654);

    await servers.doveadm("move", "-u", SALES, "Junk", "mailbox", "INBOX", "header", "Message-ID", "<eva-1@x>");
    await answer("and some lie in another folder too");
    expect(await count()).toBe(14);
    // Long enough for every folder to have been looked into again.
    await sleep(1500);
    expect(await count()).toBe(14);
    const { rows } = await fresh.pool.query("select count(*)::int as n from received_mails where attempts > 1");
    expect(rows[0].n).toBe(0);
  });
});

describe("a mailbox that cannot be read", () => {
  it("says what is wrong and what to do, and is read once it is mended", async () => {
    const id = await account({ imapPassword: "wrong" });
    watching();
    const mine = async () =>
      (await listMailboxes(fresh.db, clock())).find(({ emailAccountId }) => emailAccountId === id);
    const becomes = async (state: string) => {
      for (let turn = 0; turn < 150 && (await mine())?.state !== state; turn++) await sleep(100);
      return mine();
    };
    expect(await becomes("failed")).toMatchObject({
      trouble: expect.stringContaining("did not let"),
      todo: expect.stringContaining("password"),
    });
    await receiving.update(fresh.db, id, { imapPassword: PASSWORD }, seal, actor, null, clock());
    expect(await becomes("watching")).toMatchObject({ trouble: null });
    await receiving.update(fresh.db, id, { imapFolders: ["Nowhere"] }, seal, actor, null, clock());
    expect(await becomes("failed")).toMatchObject({ trouble: expect.stringContaining("Nowhere") });
  });

  it("is tried step by step, with a password and by OAuth 2", async () => {
    const id = await account({});
    const diagnose = (settings: receiving.ReceivingInput | null) =>
      diagnoseReceiving(fresh.db, { emailAccountId: id, settings }, { seal }, clock());
    expect(await diagnose(null)).toMatchObject({ ok: true, idle: true, folders: expect.arrayContaining(["INBOX"]) });
    const wrong = await diagnose({ imapPassword: "wrong" });
    expect(wrong.steps.map(({ step, ok }) => [step, ok])).toEqual([
      ["dns", true],
      ["connect", true],
      ["tls", true],
      ["auth", false],
      ["folders", null],
    ]);
    expect((await diagnose({ imapFolders: ["Nowhere"] })).steps.at(-1)).toMatchObject({ ok: false });
    const oauth = {
      imapAuth: "oauth2",
      oauthTokenUrl: tokenUrl,
      oauthClientId: "c",
      oauthRefreshToken: "refresh",
    } as const;
    expect(await diagnose(oauth)).toMatchObject({ ok: true });
    expect(await diagnose({ ...oauth, oauthRefreshToken: "revoked" })).toMatchObject({ ok: false });
    await receiving.update(fresh.db, id, oauth, seal, actor, null, clock());
    watching();
    const state = async () =>
      (await listMailboxes(fresh.db, clock())).find(({ emailAccountId }) => emailAccountId === id)?.state;
    for (let turn = 0; turn < 100 && (await state()) !== "watching"; turn++) await sleep(100);
    expect(await state()).toBe("watching");
  });
});
