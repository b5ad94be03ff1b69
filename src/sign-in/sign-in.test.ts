import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TOTP } from "otpauth";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { newSetupToken } from "../accounts/setup-links.ts";
import * as users from "../accounts/users.ts";
import { createApp, type App } from "../app.ts";
import { silent } from "../../test/world.ts";
import { openSecrets } from "../secret.ts";

const PUBLIC = "http://mail.example.com";
const actor = { name: "test", role: "administrator", userId: null } as const;
const PASSWORD = "a quiet river in may";
let fresh: FreshDatabase;
let app: App;
let now = Temporal.Instant.from("2026-12-01T12:00:00Z");

beforeAll(async () => {
  fresh = await freshDatabase();
  app = createApp({
    config: { publicUrl: PUBLIC, smtpUrl: undefined, dataDir: "" },
    database: fresh.database,
    secrets: openSecrets({ secret: "a secret that only this test uses", dataDir: "" }),
    log: silent,
    clock: () => now,
    migrate: async () => undefined,
  });
});
afterAll(async () => {
  await app.http.close();
  await fresh.close();
});
beforeEach(async () => {
  await fresh.pool.query(
    "truncate users, sessions, user_secrets, sign_in_links, sign_in_attempts, setup_links, senders, api_keys, mailbox_messages cascade",
  );
  now = now.add({ hours: 100 });
});

/* oxlint-disable typescript/no-explicit-any -- answers are looked at, not typed */
type Sent = { body?: object; cookie?: string; headers?: Record<string, string>; ip?: string };
async function ask(method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE", path: string, sent: Sent = {}) {
  const answer = await app.http.inject({
    method,
    url: `/api/v1${path}`,
    remoteAddress: sent.ip ?? "127.0.0.1",
    headers: {
      ...(sent.headers?.["origin"] ? {} : { "sec-fetch-site": "same-origin" }),
      ...(sent.cookie ? { cookie: sent.cookie } : {}),
      ...sent.headers,
    },
    ...(sent.body ? { payload: sent.body } : {}),
  });
  const given = String(answer.headers["set-cookie"] ?? "");
  return {
    status: answer.statusCode,
    code: answer.body.startsWith("{") ? (JSON.parse(answer.body) as { code?: string }).code : undefined,
    body: (answer.body.startsWith("{") ? JSON.parse(answer.body) : {}) as Record<string, any>,
    headers: answer.headers,
    given,
    cookie: given.split(";")[0] ?? "",
  };
}

/** Sets up a new installation and gives the administrator's cookie. */
async function setUp(email = "ana@example.com") {
  const token = await newSetupToken(fresh.db, now);
  const workspace = { name: "Acme", timeZone: "Europe/Lisbon", language: "de" };
  const answer = await ask("PUT", `/setup/${token}`, { body: { name: "Ana", email, password: PASSWORD, workspace } });
  expect(answer.status).toBe(200);
  return { ...answer, token };
}
const signIn = (password = PASSWORD, more: object = {}, sent: Sent = {}) =>
  ask("POST", "/session", { body: { email: "ana@example.com", password, ...more }, ...sent });

describe("the first set-up", () => {
  it("of two people who use the link at once, one gets in; a newer link makes an older one useless", async () => {
    const old = await newSetupToken(fresh.db, now);
    const token = await newSetupToken(fresh.db, now);
    expect((await ask("GET", `/setup/${old}`)).status).toBe(404);
    const answers = await Promise.all(
      ["x", "y"].map((who) =>
        ask("PUT", `/setup/${token}`, {
          body: {
            name: who,
            email: `${who}@example.com`,
            password: PASSWORD,
            workspace: { name: "A", timeZone: "UTC" },
          },
        }),
      ),
    );
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 404]);
  });

  it("makes the administrator, the workspace and a sender, signs in, and works once", async () => {
    const { cookie, given, token, body } = await setUp();
    expect(given).toMatch(/^tidings_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    expect(body).toMatchObject({ user: { name: "Ana", role: "administrator", language: "de" }, workspace: "Acme" });
    expect((await ask("GET", "/session", { cookie })).body).toMatchObject({ user: { email: "ana@example.com" } });
    expect((await ask("GET", "/workspace", { cookie })).body).toMatchObject({ timeZone: "Europe/Lisbon" });
    expect((await ask("GET", "/senders", { cookie })).body["data"]).toMatchObject([{ email: "ana@example.com" }]);
    expect((await ask("GET", `/setup/${token}`)).status).toBe(404);
    const again = await ask("PUT", `/setup/${token}`, {
      body: { name: "Eve", email: "eve@example.com", password: PASSWORD, workspace: { name: "X", timeZone: "UTC" } },
    });
    expect(again.code).toBe("setup-link-not-found");
  });

  it("takes no password everybody tries first, and none below ten characters", async () => {
    const token = await newSetupToken(fresh.db, now);
    for (const password of ["password123", "aaaaaaaaaaaa", "ana@example.com", "short"]) {
      const body = { name: "Ana", email: "ana@example.com", password, workspace: { name: "A", timeZone: "UTC" } };
      expect((await ask("PUT", `/setup/${token}`, { body })).status, password).toBe(422);
    }
    expect((await ask("GET", `/setup/${token}`)).status).toBe(200);
  });
});

describe("signing in", () => {
  it("a wrong password, an unknown address and a disabled user get the same answer", async () => {
    await setUp();
    await users.create(fresh.db, { name: "Bo", email: "bo@example.com", role: "user" }, actor, now);
    const wrong = await signIn("not the password");
    const unknown = await ask("POST", "/session", { body: { email: "nobody@example.com", password: PASSWORD } });
    const without = await ask("POST", "/session", { body: { email: "bo@example.com", password: PASSWORD } });
    for (const answer of [wrong, unknown, without]) {
      expect(answer.status).toBe(401);
      expect(answer.body).toEqual(wrong.body);
      expect(answer.given).toBe("");
    }
    expect((await signIn()).status).toBe(200);
  });

  it("ten failures lock the account without saying so, and it opens again by itself", async () => {
    await setUp();
    for (let at = 0; at < 10; at++) await signIn("not the password", {}, { ip: `10.0.0.${at}` });
    expect((await signIn()).code).toBe("sign-in-failed");
    now = now.add({ minutes: 16 });
    expect((await signIn()).status).toBe(200);
  });

  it("one address may try thirty times in ten minutes, over all accounts", async () => {
    await setUp();
    for (let at = 0; at < 30; at++)
      await ask("POST", "/session", { body: { email: `a${at}@example.com`, password: "guess guess" }, ip: "10.1.1.1" });
    const refused = await signIn(PASSWORD, {}, { ip: "10.1.1.1" });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await signIn(PASSWORD, {}, { ip: "10.1.1.2" })).status).toBe(200);
  });

  it("a session somebody else planted is not taken over: signing in always makes a new one", async () => {
    const { cookie } = await setUp();
    const next = await signIn(PASSWORD, {}, { cookie });
    expect(next.cookie).not.toBe(cookie);
    expect((await ask("GET", "/session", { cookie })).status).toBe(401);
  });

  it("a page of another site can neither sign in nor act with the cookie", async () => {
    const { cookie } = await setUp();
    const foreign = { "sec-fetch-site": "cross-site" };
    expect((await signIn(PASSWORD, {}, { headers: foreign })).status).toBe(403);
    expect((await ask("DELETE", "/session", { cookie, headers: foreign })).status).toBe(403);
    expect((await ask("DELETE", "/session", { cookie, headers: { "sec-fetch-site": "same-site" } })).status).toBe(403);
    // A browser that sends no Fetch Metadata sends Origin.
    const old = (origin: string) => ({ origin, host: "mail.example.com" });
    expect(
      (await ask("PATCH", "/workspace", { cookie, body: { name: "B" }, headers: old("http://evil.example") })).status,
    ).toBe(403);
    expect((await ask("PATCH", "/workspace", { cookie, body: { name: "B" }, headers: old(PUBLIC) })).status).toBe(200);
  });

  it("sessions end by signing out, by fourteen idle days, and all others by a new password", async () => {
    const { cookie } = await setUp();
    const other = await signIn();
    const sessions = (await ask("GET", "/sessions", { cookie })).body["data"] as { current: boolean }[];
    expect(sessions.filter(({ current }) => current)).toHaveLength(1);
    expect(sessions).toHaveLength(2);
    const body = { currentPassword: PASSWORD, newPassword: "another quiet river" };
    expect(
      (await ask("PUT", "/session/password", { cookie, body: { ...body, currentPassword: "wrong wrong" } })).status,
    ).toBe(422);
    expect((await ask("GET", "/session", { cookie: other.cookie })).status).toBe(200);
    expect((await ask("PUT", "/session/password", { cookie, body })).status).toBe(204);
    expect((await ask("GET", "/session", { cookie: other.cookie })).status).toBe(401);
    expect((await ask("GET", "/session", { cookie })).status).toBe(200);
    expect((await signIn()).status).toBe(401);
    now = now.add({ hours: 15 * 24 });
    expect((await ask("GET", "/session", { cookie })).status).toBe(401);
    const last = await signIn("another quiet river");
    expect((await ask("DELETE", "/session", { cookie: last.cookie })).status).toBe(204);
    expect((await ask("GET", "/session", { cookie: last.cookie })).status).toBe(401);
  });

  it("another role or a disabled user ends the sessions at once", async () => {
    const { cookie } = await setUp();
    const made = await ask("POST", "/invitations", {
      cookie,
      body: { name: "Bo", email: "bo@example.com", role: "manager" },
    });
    const token = String(made.body["url"]).split("/").at(-1);
    const bo = await ask("PUT", `/invitations/by-token/${token}`, { body: { name: "Bo", password: PASSWORD } });
    const id = (bo.body["user"] as { id: number }).id;
    expect((await ask("GET", "/session", { cookie: bo.cookie })).status).toBe(200);
    await ask("PATCH", `/users/${id}`, { cookie, body: { role: "viewer" } });
    expect((await ask("GET", "/session", { cookie: bo.cookie })).status).toBe(401);
    const again = await ask("POST", "/session", { body: { email: "bo@example.com", password: PASSWORD } });
    expect(again.status).toBe(200);
    await ask("PATCH", `/users/${id}`, { cookie, body: { disabled: true } });
    expect((await ask("GET", "/session", { cookie: again.cookie })).status).toBe(401);
  });

  it("nobody makes themselves an administrator by their own profile or an invitation", async () => {
    const { cookie } = await setUp();
    expect((await ask("PATCH", "/session/user", { cookie, body: { name: "A", role: "administrator" } })).status).toBe(
      422,
    );
    const made = await ask("POST", "/invitations", {
      cookie,
      body: { name: "Bo", email: "bo@example.com", role: "viewer" },
    });
    const token = String(made.body["url"]).split("/").at(-1);
    const body = { name: "Bo", password: PASSWORD, role: "administrator" };
    expect((await ask("PUT", `/invitations/by-token/${token}`, { body })).status).toBe(422);
    const bo = await ask("PUT", `/invitations/by-token/${token}`, { body: { name: "Bo", password: PASSWORD } });
    expect(bo.body).toMatchObject({ user: { role: "viewer" } });
    expect(
      (await ask("PUT", `/invitations/by-token/${token}`, { body: { name: "Bo", password: PASSWORD } })).status,
    ).toBe(404);
  });
});

describe("the second factor", () => {
  it("is asked for once confirmed; a code works once; a recovery code once; the password takes it away", async () => {
    const { cookie } = await setUp();
    expect((await ask("POST", "/session/totp", { cookie, body: { password: "wrong wrong" } })).status).toBe(422);
    const begun = await ask("POST", "/session/totp", { cookie, body: { password: PASSWORD } });
    const codeAt = (at: Temporal.Instant) =>
      new TOTP({ secret: begun.body["secret"] }).generate({ timestamp: at.epochMilliseconds });
    expect((await signIn()).status).toBe(200);
    expect((await ask("PUT", "/session/totp", { cookie, body: { code: "000000" } })).code).toBe("code-wrong");
    const confirmed = await ask("PUT", "/session/totp", { cookie, body: { code: codeAt(now) } });
    const codes = confirmed.body["recoveryCodes"] as string[];
    expect(codes).toHaveLength(10);

    expect((await signIn()).code).toBe("second-factor-required");
    expect((await signIn("not the password", { code: codeAt(now) })).code).toBe("sign-in-failed");
    expect((await signIn(PASSWORD, { code: codeAt(now) })).code).toBe("sign-in-failed"); // used by the confirmation
    now = now.add({ seconds: 60 });
    expect((await signIn(PASSWORD, { code: codeAt(now) })).status).toBe(200);
    expect((await signIn(PASSWORD, { code: codeAt(now) })).code).toBe("sign-in-failed");
    expect((await signIn(PASSWORD, { code: codes[0] })).status).toBe(200);
    expect((await signIn(PASSWORD, { code: codes[0] })).code).toBe("sign-in-failed");

    const { rows } = await fresh.pool.query<{ kept: string }>("select totp_secret_encrypted as kept from user_secrets");
    expect(rows[0]?.kept).not.toContain(begun.body["secret"]);
    expect((await ask("DELETE", "/session/totp", { cookie, body: { password: PASSWORD } })).status).toBe(204);
    expect((await signIn()).status).toBe(200);
  });
});

describe("a new password by mail", () => {
  const mails = async () =>
    (await fresh.pool.query<{ to: string; bytes: Buffer }>("select envelope_to as to, bytes from mailbox_messages"))
      .rows;

  it("is answered the same for any address, and the link works once and ends all sessions", async () => {
    const { cookie } = await setUp();
    const known = await ask("POST", "/password-resets", {
      body: { email: "ANA@example.com" },
      headers: { host: "evil.example" },
    });
    const unknown = await ask("POST", "/password-resets", { body: { email: "nobody@example.com" } });
    expect([known.status, known.body]).toEqual([unknown.status, unknown.body]);
    await expect.poll(async () => (await mails()).length).toBe(1);
    const text = (await mails())[0]!.bytes.toString("utf8").replaceAll("=\r\n", "");
    // The address comes from the configuration, whatever Host said.
    const token = /http:\/\/mail\.example\.com\/new-password\/([\w-]{43})/.exec(text)?.[1];
    expect(text).not.toContain("evil.example");
    expect((await ask("PUT", `/password-resets/${token}`, { body: { password: "another quiet river" } })).status).toBe(
      204,
    );
    expect((await ask("GET", "/session", { cookie })).status).toBe(401);
    expect((await signIn("another quiet river")).status).toBe(200);
    expect((await ask("PUT", `/password-resets/${token}`, { body: { password: "a third quiet river" } })).status).toBe(
      404,
    );
  });

  it("comes at most three times an hour, and the link is good for one", async () => {
    await setUp();
    for (let at = 0; at < 6; at++)
      await ask("POST", "/password-resets", { body: { email: "ana@example.com" }, ip: `10.2.0.${at}` });
    await expect.poll(async () => (await mails()).length).toBe(3);
    const { rows } = await fresh.pool.query<{ open: string }>("select count(*) as open from sign_in_links");
    expect(Number(rows[0]?.open)).toBe(1);
    const texts = (await mails()).map(({ bytes }) => bytes.toString("utf8").replaceAll("=\r\n", ""));
    const tokens = texts.map((text) => /new-password\/([\w-]{43})/.exec(text)?.[1]);
    now = now.add({ minutes: 61 });
    for (const token of tokens)
      expect(
        (await ask("PUT", `/password-resets/${token}`, { body: { password: "another quiet river" } })).status,
      ).toBe(404);
  });
});

describe("whose a row is", () => {
  it("a user changes their own and nobody's, a manager everybody's; all see all", async () => {
    const { cookie } = await setUp();
    const enter = async (name: string, role: string) => {
      const email = `${name}@example.com`;
      const made = await ask("POST", "/invitations", { cookie, body: { name, email, role } });
      const token = String(made.body["url"]).split("/").at(-1);
      return (await ask("PUT", `/invitations/by-token/${token}`, { body: { name, password: PASSWORD } })).cookie;
    };
    const [bo, cy, max] = [await enter("bo", "user"), await enter("cy", "user"), await enter("max", "manager")];
    const template = await ask("POST", "/email-templates", {
      cookie: bo,
      body: { name: "Hi", subject: "Hi", body: "Hi" },
    });
    const steps = [{ emailTemplateId: template.body["id"], sendAfterDays: 9 }];
    const campaign = await ask("POST", "/campaigns", { cookie: bo, body: { name: "Bo's", steps } });
    const lead = await ask("POST", "/leads", { cookie: bo, body: { email: "ada@example.com" } });
    const started = await ask("POST", "/email-campaigns", {
      cookie: bo,
      body: { campaignId: campaign.body["id"], personId: lead.body["id"] },
    });
    const group = await ask("POST", "/email-groups", { cookie: bo, body: { title: "Bo's" } });
    const deeds = [
      ["PATCH", `/campaigns/${campaign.body["id"]}`, { description: "x" }],
      ["PUT", `/campaigns/${campaign.body["id"]}/steps`, { steps: [] }],
      ["PATCH", `/email-templates/${template.body["id"]}`, { name: "Ho" }],
      ["PATCH", `/email-groups/${group.body["id"]}`, { description: "x" }],
      ["PUT", `/email-campaigns/${started.body["id"]}/pause`, undefined],
    ] as const;
    for (const [method, path, body] of deeds) {
      const refused = await ask(method, path, { cookie: cy, ...(body ? { body } : {}) });
      expect([refused.status, refused.body["detail"]], path).toEqual([
        403,
        "This belongs to bo. Ask them, or a manager.",
      ]);
      expect((await ask("GET", path.replace(/\/(?:steps|pause)$/, ""), { cookie: cy })).status).toBe(200);
    }
    expect((await ask("GET", `/email-campaigns/${started.body["id"]}`, { cookie: cy })).body).toMatchObject({
      status: "In Progress",
    });
    // Nobody's: made by a key without a user, or on the command line.
    expect((await ask("PATCH", `/leads/${lead.body["id"]}`, { cookie: cy, body: { company: "Engines" } })).status).toBe(
      200,
    );
    for (const [method, path, body] of [...deeds].reverse())
      expect((await ask(method, path, { cookie: max, ...(body ? { body } : {}) })).status, path).toBe(200);
    expect((await ask("DELETE", `/email-campaigns/${started.body["id"]}/pause`, { cookie: bo })).status).toBe(200);
  });

  it("E35 the audit log says who changed what, and shows it to managers alone", async () => {
    const { cookie } = await setUp();
    await ask("PATCH", "/workspace", { cookie, body: { name: "Beta" } });
    const log = await ask("GET", "/audit-entries?subjectType=workspace", { cookie });
    expect(log.body["data"][0]).toMatchObject({
      actor: "ana@example.com",
      action: "update",
      before: { name: "Acme" },
      after: { name: "Beta" },
    });
    expect(JSON.stringify((await ask("GET", "/audit-entries", { cookie })).body)).not.toContain("argon2");
  });
});

describe("a key with scopes", () => {
  it("is good for these resources alone, whatever its role; one without scopes for all its role may", async () => {
    const { cookie } = await setUp();
    const keyOf = async (scopes: string[]) =>
      String((await ask("POST", "/api-keys", { cookie, body: { name: "k", role: "manager", scopes } })).body["key"]);
    const narrow = { authorization: `Bearer ${await keyOf(["leads:read"])}` };
    expect((await ask("GET", "/leads", { headers: narrow })).status).toBe(200);
    expect((await ask("POST", "/leads", { headers: narrow, body: { email: "x@example.com" } })).status).toBe(403);
    expect((await ask("GET", "/contacts", { headers: narrow })).body["detail"]).toBe(
      "This key is not for contacts:read. It is for leads:read.",
    );
    const wide = { authorization: `Bearer ${await keyOf([])}` };
    expect((await ask("POST", "/leads", { headers: wide, body: { email: "x@example.com" } })).status).toBe(201);
    expect(
      (await ask("POST", "/api-keys", { cookie, body: { name: "k", role: "user", scopes: ["everything"] } })).status,
    ).toBe(422);
  });
});
