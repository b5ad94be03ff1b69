/** Signing in to SMTP by OAuth 2: settings, the token of a service on loopback, and what becomes of mail when it gives none. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { type Sink, startSink } from "../../test/smtp-sink.ts";
import { at, silent, type World, world } from "../../test/world.ts";
import { createDelivery } from "../delivery/delivery.ts";

let app: TestApp;
let sink: Sink;
const asked: URLSearchParams[] = [];
let answer: { status: number; body: Record<string, unknown> } = { status: 200, body: {} };
const service = createServer((request, response) => {
  let body = "";
  request.on("data", (bytes) => (body += bytes));
  request.on("end", () => {
    asked.push(new URLSearchParams(body));
    response.writeHead(answer.status, { "content-type": "application/json" }).end(JSON.stringify(answer.body));
  });
});
/** The tokens the mail server takes. */
const good = new Set<string>();

beforeAll(async () => {
  app = await openApp();
  service.listen(0, "127.0.0.1");
  await once(service, "listening");
  let bad = false;
  sink = await startSink({
    capabilities: ["AUTH XOAUTH2"],
    answer: (step, line) => {
      const said = Buffer.from(line.split(" ")[2] ?? "", "base64").toString();
      if (step === "AUTH") bad = ![...good].some((token) => said.includes(`Bearer ${token}\u0001`));
      if (!bad) return undefined;
      if (step === "AUTH") return `334 ${Buffer.from('{"status":"400"}').toString("base64")}`;
      return step === "auth-turn" ? "535 5.7.3 Authentication unsuccessful" : undefined;
    },
  });
});
afterAll(async () => {
  await app.close();
  await sink.close();
  service.close();
});

const settings = () => ({
  name: "Tenant",
  email: "ana@example.com",
  smtpHost: "127.0.0.1",
  smtpPort: sink.port,
  smtpSecurity: "none",
  smtpUser: "ana@example.com",
  smtpAuth: "oauth2",
  oauthTokenUrl: `http://127.0.0.1:${(service.address() as AddressInfo).port}/token`,
  oauthClientId: "client-1",
  oauthClientSecret: "client-secret-1",
  oauthRefreshToken: "refresh-1",
  oauthScope: "https://outlook.office.com/SMTP.Send offline_access",
});

describe("an email account with OAuth 2", () => {
  let id: number;

  it("is whole or refused; its secrets go in, are kept encrypted, and never come out", async () => {
    const { oauthRefreshToken: _, ...half } = settings();
    expect((await app.ask("POST", "/email-accounts", half)).body).toMatchObject({
      code: "input-invalid",
      detail: expect.stringContaining("refresh token"),
    });
    const made = await app.good("POST", "/email-accounts", settings());
    id = made.id;
    expect(made).toMatchObject({ smtpAuth: "oauth2", hasOauthClientSecret: true, hasOauthRefreshToken: true });
    const all = JSON.stringify([
      made,
      await app.good("GET", "/email-accounts"),
      await app.good("GET", "/audit-entries"),
    ]);
    expect(all).not.toMatch(/refresh-1|client-secret-1/);
    const { rows } = await app.pool.query("select * from email_accounts where id = $1", [id]);
    expect(JSON.stringify(rows)).not.toMatch(/refresh-1|client-secret-1/);
    expect(app.secrets.decrypt(rows[0].oauth_refresh_token_encrypted)).toBe("refresh-1");
  });

  it("its secrets are never sent to another token address than they were given for", async () => {
    const moved = await app.ask("PATCH", `/email-accounts/${id}`, { oauthTokenUrl: "https://thief.example/token" });
    expect(moved.body.code).toBe("email-account-password-needed");
  });

  it("presets of Google and Microsoft say where tokens are got, and with which scope", async () => {
    const { data } = await app.good("GET", "/email-account-presets");
    const oauth = Object.fromEntries(data.map((one: { key: string; oauth: unknown }) => [one.key, one.oauth]));
    expect(oauth.gmail).toMatchObject({
      tokenUrl: "https://oauth2.googleapis.com/token",
      scope: "https://mail.google.com/",
    });
    expect(oauth["microsoft-365"]).toMatchObject({ scope: expect.stringContaining("SMTP.Send") });
    expect(oauth.sendgrid).toBeNull();
  });

  it("is tried with a token, and the diagnosis goes through with one too", async () => {
    good.add("token-1");
    answer = { status: 200, body: { access_token: "token-1", expires_in: 3600 } };
    expect(await app.good("POST", `/email-accounts/${id}/test`)).toMatchObject({
      ok: true,
      detail: expect.stringContaining("access token"),
    });
    expect(Object.fromEntries(asked.at(-1)!)).toEqual({
      grant_type: "refresh_token",
      client_id: "client-1",
      client_secret: "client-secret-1",
      refresh_token: "refresh-1",
      scope: "https://outlook.office.com/SMTP.Send offline_access",
    });
    const { steps } = await app.good("POST", "/email-accounts/diagnosis", { emailAccountId: id });
    expect(steps.find((one: { step: string }) => one.step === "auth")).toMatchObject({ ok: true });
  });

  it("settings that are not saved yet are tried with what was typed", async () => {
    const { steps } = await app.good("POST", "/email-accounts/diagnosis", {
      settings: { ...settings(), name: undefined, oauthRefreshToken: "refresh-typed" },
    });
    expect(steps.find((one: { step: string }) => one.step === "auth")).toMatchObject({ ok: true });
    expect(asked.at(-1)!.get("refresh_token")).toBe("refresh-typed");
  });
});

describe("mail of such an account", () => {
  const NOW = at("2026-12-02T20:00:00Z");
  let small: World;
  let count = 0;
  beforeAll(() => void (small = world(app.db)));

  /** One person in a Campaign of two days, sent by the account. */
  async function scene() {
    await small.postalAddress("Example Ltd, 1 Example Street, Lisbon");
    const { id } = await app.good("POST", "/email-accounts", {
      ...settings(),
      name: `Tenant ${(count += 1)}`,
    });
    const sender = await small.sender({ emailAccountId: id });
    const campaign = await small.campaign([{ day: 0 }, { day: 1 }]);
    const person = await small.person({ email: `p${id}@example.org` });
    await small.start(campaign.id, person.id, NOW, { senderId: sender.id });
    const delivery = createDelivery({
      db: app.db,
      vault: { seal: app.secrets },
      publicUrl: "http://mail.example.com",
      linkKeys: [Buffer.alloc(32)],
      log: silent,
      random: () => 0.5,
    });
    const messages = () =>
      app.db.selectFrom("messages").selectAll().where("campaignId", "=", campaign.id).orderBy("id").execute();
    const account = () => app.db.selectFrom("emailAccounts").selectAll().where("id", "=", id).executeTakeFirstOrThrow();
    return { delivery, messages, account, id };
  }

  it("a token that has ended is got anew before the next mail; a rotated refresh token is kept", async () => {
    const { delivery, messages, account } = await scene();
    good.add("first").add("second");
    answer = { status: 200, body: { access_token: "first", expires_in: 3600, refresh_token: "refresh-2" } };
    await delivery.runUntilIdle(NOW);
    expect((await messages())[0]).toMatchObject({ state: "accepted" });
    expect(app.secrets.decrypt((await account()).oauthRefreshTokenEncrypted!)).toBe("refresh-2");
    const before = asked.length;
    answer = { status: 200, body: { access_token: "second", expires_in: 3600 } };
    await delivery.runUntilIdle(NOW.add({ hours: 25 }));
    await delivery.drain(100);
    expect((await messages())[1]).toMatchObject({ state: "accepted" });
    expect(asked.slice(before).every((form) => form.get("refresh_token") === "refresh-2")).toBe(true);
  });

  it("a refused refresh is the account's trouble, with what to do; the mail waits, and leaves once it is mended", async () => {
    const { delivery, messages, account, id } = await scene();
    answer = { status: 400, body: { error: "invalid_grant", error_description: "Token has been expired or revoked." } };
    await delivery.runUntilIdle(NOW);
    expect((await messages())[0]).toMatchObject({ state: "planned", attempts: 0 });
    const { pausedReason } = await account();
    expect(pausedReason).toMatch(/invalid_grant.*revoked.*make a new one/i);
    expect(pausedReason).not.toMatch(/refresh-1|client-secret/);
    good.add("third");
    answer = { status: 200, body: { access_token: "third", expires_in: 3600 } };
    await app.good("PATCH", `/email-accounts/${id}`, { oauthRefreshToken: "refresh-3" });
    await app.db
      .updateTable("emailAccounts")
      .set({ changedAt: NOW.add({ minutes: 1 }) })
      .where("id", "=", id)
      .execute();
    await delivery.runUntilIdle(NOW.add({ minutes: 2 }));
    await delivery.drain(100);
    expect((await messages())[0]).toMatchObject({ state: "accepted" });
    expect((await account()).pausedReason).toBeNull();
  });

  it("a token service that does not answer is trouble that passes", async () => {
    const { delivery, messages, account } = await scene();
    answer = { status: 503, body: {} };
    await delivery.runUntilIdle(NOW);
    expect((await messages())[0]).toMatchObject({ state: "planned", attempts: 0 });
    expect((await account()).pausedReason).toContain("gave no access token: 503");
    good.add("fourth");
    answer = { status: 200, body: { access_token: "fourth", expires_in: 3600 } };
    await delivery.runUntilIdle(NOW.add({ minutes: 1 }));
    await delivery.drain(100);
    expect((await messages())[0]).toMatchObject({ state: "accepted" });
  });
});
