import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { createAccessTokens } from "./access-tokens.ts";

let app: TestApp;
let id: number;
let url: string;

const SMTP = { smtpHost: "localhost", smtpPort: 2525, smtpSecurity: "none" };
const IMAP = {
  imapHost: "imap.example.com",
  imapPort: 993,
  imapSecurity: "tls",
  imapUser: "ana",
  imapPassword: "hunter2",
};

beforeAll(async () => {
  app = await openApp();
  id = (await app.good("POST", "/email-accounts", { name: "Sales", email: "sales@example.com", ...SMTP })).id;
  url = `/email-accounts/${id}/receiving`;
});
afterAll(() => app.close());

describe("how mail of an account is fetched", () => {
  it("is set by an administrator, shown without secrets, and kept encrypted", async () => {
    expect((await app.ask("PATCH", url, IMAP, "manager")).status).toBe(403);
    const saved = await app.good("PATCH", url, {
      ...IMAP,
      imapFolders: ["INBOX", "Junk"],
      bounceDomain: "B.Example.com",
    });
    expect(saved).toMatchObject({
      hasImapPassword: true,
      imapFolders: ["INBOX", "Junk"],
      bounceDomain: "b.example.com",
    });
    expect(JSON.stringify(await app.good("GET", url, undefined, "manager"))).not.toContain("hunter2");
    const { rows } = await app.pool.query("select imap_password_encrypted from email_accounts where id = $1", [id]);
    expect(rows[0].imap_password_encrypted).not.toContain("hunter2");
    expect(app.secrets.decrypt(rows[0].imap_password_encrypted)).toBe("hunter2");
    const audit = JSON.stringify(await app.good("GET", "/audit-entries"));
    expect(audit).toContain("imap.example.com");
    expect(audit).not.toContain("hunter2");
  });

  it("a saved secret is never sent to a server it was not given for", async () => {
    expect((await app.ask("PATCH", url, { imapHost: "elsewhere.example" })).body.code).toBe(
      "email-account-password-needed",
    );
    const oauth = { oauthTokenUrl: "https://token.example/t", oauthClientId: "c", oauthRefreshToken: "r1" };
    await app.good("PATCH", url, { imapAuth: "oauth2", ...oauth });
    const moved = await app.ask("PATCH", url, { oauthTokenUrl: "https://thief.example/t" });
    expect(moved.body.code).toBe("email-account-password-needed");
  });

  it.each([
    ["half of the settings", { imapHost: "imap.example.com" }],
    ["a password in the clear", { ...IMAP, imapSecurity: "none" }],
    ["no folder", { ...IMAP, imapFolders: [] }],
    ["OAuth 2 without a token", { ...IMAP, imapAuth: "oauth2" }],
    ["a bounce domain that is none", { bounceDomain: "-x" }],
  ])("refuses %s", async (_what, body) => {
    const other = await app.good("POST", "/email-accounts", { name: JSON.stringify(body), ...SMTP });
    expect((await app.ask("PATCH", `/email-accounts/${other.id}/receiving`, body)).status).toBe(422);
  });

  it("ends, and the password is forgotten", async () => {
    await app.good("PATCH", url, IMAP);
    expect((await app.ask("DELETE", url)).status).toBe(204);
    expect(await app.good("GET", url)).toMatchObject({ imapHost: null, hasImapPassword: false });
  });
});

describe("access tokens", () => {
  const asked: URLSearchParams[] = [];
  let answer: { status: number; body: unknown };
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      asked.push(new URLSearchParams(body));
      response.writeHead(answer.status, { "content-type": "application/json" }).end(JSON.stringify(answer.body));
    });
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const oauthTokenUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
    await app.good("PATCH", url, {
      oauthTokenUrl,
      oauthClientId: "client",
      oauthClientSecret: "client secret",
      oauthRefreshToken: "first",
      oauthScope: "https://mail.example/",
    });
  });
  afterAll(() => server.close());

  it("are asked for with the refresh token, kept until they end, and a new refresh token is kept instead of the old", async () => {
    const tokens = createAccessTokens({ db: app.db, seal: app.secrets });
    const now = app.clock.now;
    answer = { status: 200, body: { access_token: "one", expires_in: 3600, refresh_token: "second" } };
    expect(await Promise.all([tokens.of(id, now), tokens.of(id, now)])).toEqual(["one", "one"]);
    expect(asked).toHaveLength(1);
    expect(Object.fromEntries(asked[0]!)).toEqual({
      grant_type: "refresh_token",
      client_id: "client",
      client_secret: "client secret",
      refresh_token: "first",
      scope: "https://mail.example/",
    });
    answer = { status: 200, body: { access_token: "two", expires_in: 3600 } };
    expect(await tokens.of(id, now.add({ minutes: 58 }))).toBe("one");
    expect(await tokens.of(id, now.add({ minutes: 60 }))).toBe("two");
    expect(asked[1]!.get("refresh_token")).toBe("second");
    tokens.forget(id);
    answer = { status: 200, body: { access_token: "three" } };
    expect(await tokens.of(id, now.add({ minutes: 61 }))).toBe("three");
  });

  it("that are refused say why, without any secret, and whether trying again would help", async () => {
    const tokens = createAccessTokens({ db: app.db, seal: app.secrets });
    answer = { status: 400, body: { error: "invalid_grant", error_description: "Token has been revoked." } };
    await expect(tokens.of(id, app.clock.now)).rejects.toMatchObject({
      permanent: true,
      message: expect.stringContaining("invalid_grant Token has been revoked."),
    });
    answer = { status: 503, body: "later" };
    await expect(tokens.of(id, app.clock.now)).rejects.toMatchObject({ permanent: false });
  });
});
