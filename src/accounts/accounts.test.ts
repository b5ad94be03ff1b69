import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { openSecrets } from "../secret.ts";
import { accountFor, accountOfUrl, identityOf, senderFor } from "./accounts.ts";
import * as emailAccounts from "./email-accounts.ts";
import * as senders from "./senders.ts";
import * as users from "./users.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const actor = { name: "command line", role: "administrator", userId: null } as const;
const seal = openSecrets({ secret: "a secret that only this test uses", dataDir: "" });
const relay = { name: "Relay", smtpHost: "smtp.example.com", smtpPort: 587, smtpSecurity: "starttls" } as const;
const ana = { name: "Ana Ruiz", email: "ana@example.com" };

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.close());
beforeEach(() => fresh.pool.query("delete from senders; delete from email_accounts; delete from users"));

const newUser = () => users.create(fresh.db, { name: "Ana", email: "ana@example.com", role: "manager" }, actor, now);

describe("who sends", () => {
  it("E31 the sender is the caller's own unless another is chosen, and is optional", async () => {
    const user = await newUser();
    expect(await senderFor(fresh.db, { userId: user.id })).toBeNull();
    expect(await senderFor(fresh.db, {})).toBeNull();
    const own = await senders.create(fresh.db, { ...ana, userId: user.id }, actor, now);
    const other = await senders.create(fresh.db, { name: "Bo", email: "bo@example.com" }, actor, now);
    expect(await senderFor(fresh.db, { userId: user.id })).toMatchObject({ id: own.id });
    expect(await senderFor(fresh.db, { senderId: other.id, userId: user.id })).toMatchObject({ id: other.id });
    await expect(senderFor(fresh.db, { senderId: 999_999 })).rejects.toMatchObject({ code: "sender-not-found" });
  });

  it("E32 a sender that is disabled, or whose user is, is refused", async () => {
    const user = await newUser();
    const keeper = { name: "K", email: "k@example.com", role: "administrator" } as const;
    await users.create(fresh.db, keeper, actor, now);
    const sender = await senders.create(fresh.db, { ...ana, userId: user.id }, actor, now);
    await users.update(fresh.db, user.id, { disabled: true }, actor, null, now);
    await expect(senderFor(fresh.db, { senderId: sender.id })).rejects.toMatchObject({ code: "sender-disabled" });
    await users.update(fresh.db, user.id, { disabled: false }, actor, null, now);
    await senders.update(fresh.db, sender.id, { disabled: true }, actor, null, now);
    await expect(senderFor(fresh.db, { senderId: sender.id })).rejects.toMatchObject({ code: "sender-disabled" });
    // One's own disabled sender is no default; nothing was chosen, so nothing is refused.
    expect(await senderFor(fresh.db, { userId: user.id })).toBeNull();
  });

  it("E32 a sender without an account is refused where there are accounts and none is the default", async () => {
    const sender = await senders.create(fresh.db, ana, actor, now);
    expect(await senderFor(fresh.db, { senderId: sender.id })).toMatchObject({ id: sender.id });
    const account = await emailAccounts.create(fresh.db, { ...relay, isDefault: false }, seal, actor, now);
    await expect(senderFor(fresh.db, { senderId: sender.id })).rejects.toMatchObject({
      code: "sender-without-account",
    });
    await senders.update(fresh.db, sender.id, { emailAccountId: account.id }, actor, null, now);
    expect(await senderFor(fresh.db, { senderId: sender.id })).toMatchObject({ emailAccountId: account.id });
  });
});

describe("where mails leave", () => {
  it("the sender's own account, else the default one, else TIDINGS_SMTP_URL, else the mailbox", async () => {
    const smtpUrl = "smtps://u:p%40ss@relay.example.com";
    expect(await accountFor(fresh.db, null, { seal })).toMatchObject({ id: null, kind: "mailbox" });
    expect(await accountFor(fresh.db, null, { seal, smtpUrl })).toMatchObject({
      id: null,
      kind: "smtp",
      host: "relay.example.com",
      port: 465,
      security: "tls",
      user: "u",
      password: "p@ss",
    });
    const standard = await emailAccounts.create(fresh.db, { ...relay, smtpPassword: "hunter2" }, seal, actor, now);
    const own = await emailAccounts.create(fresh.db, { ...relay, name: "Own" }, seal, actor, now);
    expect(standard.isDefault).toBe(true);
    expect(await accountFor(fresh.db, null, { seal, smtpUrl })).toMatchObject({ id: standard.id, password: "hunter2" });
    expect(await accountFor(fresh.db, { emailAccountId: own.id }, { seal })).toMatchObject({
      id: own.id,
      password: null,
    });
  });

  it("an SMTP URL that is none, or that would send without TLS over the network, is refused", () => {
    expect(accountOfUrl("smtp://127.0.0.1:1025")).toMatchObject({ security: "none", port: 1025 });
    expect(accountOfUrl("smtp://relay.example.com")).toMatchObject({ security: "starttls", port: 587 });
    expect(accountOfUrl("smtp://[::1]:25")).toMatchObject({ host: "::1", security: "none" });
    for (const url of ["http://x", "nonsense", "smtp://", "smtp://relay.example.com?sicherheit=none"])
      expect(() => accountOfUrl(url)).toThrow(expect.objectContaining({ code: "smtp-url-invalid" }));
    expect(() => accountOfUrl("smtp://relay.example.com?security=none")).toThrow(
      expect.objectContaining({ code: "smtp-settings-invalid" }),
    );
  });
});

describe("From and Reply-To", () => {
  const mailbox = accountOfUrl("smtp://127.0.0.1");
  const account = { ...mailbox, name: "Example Ltd", email: "news@example.com" };
  const sender = { ...ana, replyTo: null };

  it("E81 From is the sender, or without one the account", () => {
    expect(identityOf(sender, account)).toEqual({
      from: { name: "Ana Ruiz", address: "ana@example.com" },
      replyTo: null,
    });
    expect(identityOf(null, account)).toEqual({
      from: { name: "Example Ltd", address: "news@example.com" },
      replyTo: null,
    });
    expect(identityOf(null, mailbox)).toBeNull();
  });

  it("E84 an account may force its own address, its own name, or both", () => {
    expect(identityOf(sender, { ...account, forceAddress: true })).toEqual({
      from: { name: "Ana Ruiz", address: "news@example.com" },
      replyTo: { name: null, address: "ana@example.com" },
    });
    expect(identityOf(sender, { ...account, forceName: true })?.from).toEqual({
      name: "Example Ltd",
      address: "ana@example.com",
    });
    expect(identityOf(sender, { ...account, forceAddress: true, forceName: true })?.from).toEqual({
      name: "Example Ltd",
      address: "news@example.com",
    });
  });

  it("E83 answers reach the sender whatever From says, unless the sender wants them elsewhere", () => {
    const elsewhere = { ...sender, replyTo: "sales@example.com" };
    expect(identityOf(elsewhere, { ...account, forceAddress: true })?.replyTo?.address).toBe("sales@example.com");
  });
});
