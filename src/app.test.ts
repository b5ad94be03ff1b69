import { tmpdir } from "node:os";
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../test/database.ts";
import { startSink } from "../test/smtp-sink.ts";
import * as keys from "./accounts/keys.ts";
import * as users from "./accounts/users.ts";
import { type App, createApp } from "./app.ts";
import type { Role } from "./db/tables.ts";
import { openLog } from "./log.ts";
import { openSecrets } from "./secret.ts";

const noon = Temporal.Instant.from("2026-12-01T12:00:00Z");
const COMMAND_LINE = { name: "command line", role: "administrator" } as const;
const secrets = openSecrets({ secret: "a secret that only this test uses", dataDir: "" });

let fresh: FreshDatabase;
let app: App;
let now = noon;
let logged = "";
const tokens = {} as Record<Role, string>;

beforeAll(async () => {
  fresh = await freshDatabase();
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged += chunk.toString();
      done();
    },
  });
  app = createApp({
    config: { publicUrl: "https://tidings.example", smtpUrl: undefined, dataDir: tmpdir() },
    database: fresh.database,
    secrets,
    log: openLog({ readable: false, level: "debug" }, out),
    clock: () => now,
    migrate: async () => undefined,
  });
  await app.start();
  for (const role of ["administrator", "manager", "user", "viewer"] as const)
    tokens[role] = (await keys.create(fresh.db, { name: role, role }, COMMAND_LINE, noon)).key;
});

afterAll(async () => {
  await app.stop();
  await fresh.close();
});

type Answer = { status: number; headers: Record<string, unknown>; body: any; text: string };

async function ask(
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE",
  url: string,
  body?: unknown,
  { as = tokens.administrator, ...headers }: { as?: string | null; [header: string]: string | null | undefined } = {},
): Promise<Answer> {
  const answer = await app.http.inject({
    method,
    url: url.startsWith("/setup") || url === "/" || url.endsWith("z") || url === "/metrics" ? url : `/api/v1${url}`,
    headers: { ...(as === null ? {} : { authorization: `Bearer ${as}` }), ...headers },
    ...(body === undefined ? {} : { payload: body as object }),
  });
  const json = (answer.headers["content-type"] ?? "").includes("json");
  return { status: answer.statusCode, headers: answer.headers, body: json ? answer.json() : null, text: answer.body };
}

let serial = 0;
const newSender = () => ({ name: "Ana Ruiz", email: `ana${++serial}@example.com` });
const newAccount = () => ({
  name: `Relay ${++serial}`,
  smtpHost: "smtp.example.com",
  smtpPort: 587,
  smtpSecurity: "starttls",
});

describe("who may call", () => {
  it("E128 a request without a key, or with one that is not valid, is answered 401", async () => {
    for (const as of [null, "tdg_wrong", `tdg_${"a".repeat(43)}`, `${tokens.viewer}x`]) {
      const { status, body, headers } = await ask("GET", "/workspace", undefined, { as });
      expect([status, body.code]).toEqual([401, "unauthenticated"]);
      expect(headers["www-authenticate"]).toContain("Bearer");
    }
  });

  it("E128 a role below what an endpoint needs is answered 403, and one that suffices is let through", async () => {
    expect((await ask("PATCH", "/workspace", { name: "X" }, { as: tokens.manager })).status).toBe(403);
    expect((await ask("POST", "/senders", newSender(), { as: tokens.user })).status).toBe(403);
    expect((await ask("GET", "/email-accounts", undefined, { as: tokens.viewer })).status).toBe(403);
    expect((await ask("POST", "/senders", newSender(), { as: tokens.manager })).status).toBe(201);
    expect((await ask("GET", "/senders", undefined, { as: tokens.viewer })).status).toBe(200);
  });

  it("a revoked key, and the key of a disabled user, stop working at once", async () => {
    const made = await ask("POST", "/api-keys", { name: "CI", role: "viewer" });
    expect((await ask("GET", "/senders", undefined, { as: made.body.key })).status).toBe(200);
    expect((await ask("DELETE", `/api-keys/${made.body.id}`)).status).toBe(204);
    expect((await ask("DELETE", `/api-keys/${made.body.id}`)).status).toBe(204);
    expect((await ask("GET", "/senders", undefined, { as: made.body.key })).status).toBe(401);

    const user = await ask("POST", "/users", { name: "Bo", email: "bo@example.com", role: "manager" });
    const own = await ask("POST", "/api-keys", { name: "Bo's", role: "manager", userId: user.body.id });
    await ask("PATCH", `/users/${user.body.id}`, { role: "viewer" });
    expect((await ask("POST", "/senders", newSender(), { as: own.body.key })).status).toBe(403);
    await ask("PATCH", `/users/${user.body.id}`, { disabled: true });
    expect((await ask("GET", "/senders", undefined, { as: own.body.key })).status).toBe(401);
  });

  it("a key is stored as a hash, shown once, and never in a list", async () => {
    const { body } = await ask("POST", "/api-keys", { name: "Once", role: "viewer" });
    expect(body.key).toMatch(/^tdg_[\w-]{43}$/);
    const listed = await ask("GET", "/api-keys");
    expect(listed.text).not.toContain(body.key);
    expect(listed.text).toContain(body.prefix);
    const { rows } = await fresh.pool.query("select row_to_json(api_keys)::text as text from api_keys");
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.map((row) => row.text).join()).not.toContain(body.key.slice(12));
  });

  it("the last administrator can neither be demoted nor disabled", async () => {
    const only = await users.create(
      fresh.db,
      { name: "Ada", email: "ada@example.com", role: "administrator" },
      COMMAND_LINE,
      now,
    );
    for (const edit of [{ role: "user" }, { disabled: true }]) {
      expect((await ask("PATCH", `/users/${only.id}`, edit)).body.code).toBe("last-administrator");
    }
  });
});

describe("what a caller sends", () => {
  it("an unknown field is refused wherever it stands, and nothing is written (attack 16)", async () => {
    const sender = newSender();
    const { status, headers, body } = await ask("POST", "/senders", { ...sender, id: 1, isAdmin: true });
    expect(status).toBe(422);
    expect(headers["content-type"]).toContain("application/problem+json");
    expect(body).toMatchObject({ code: "input-invalid", status: 422, type: "urn:tidings:problem:input-invalid" });
    expect(body.errors.map((fault: { pointer: string }) => fault.pointer).sort()).toEqual(["/id", "/isAdmin"]);
    expect((await ask("GET", "/senders?limit=500")).text).not.toContain(sender.email);
  });

  it("every fault is named with a JSON pointer and a plain sentence", async () => {
    const { body } = await ask("POST", "/email-accounts", {
      ...newAccount(),
      name: "",
      smtpPort: "x",
      smtpSecurity: "ssl",
    });
    expect(body.errors).toEqual([
      { pointer: "/name", detail: "Must not be empty." },
      { pointer: "/smtpPort", detail: "Must be a number." },
      { pointer: "/smtpSecurity", detail: 'Must be one of "tls", "starttls", "none".' },
    ]);
  });

  it("E34 what only the program may set is refused as input", async () => {
    const { status, body } = await ask("PATCH", "/workspace", { setUpAt: "2026-01-01T00:00:00Z" });
    expect([status, body.errors[0].pointer]).toEqual([422, "/setUpAt"]);
  });

  it("an unknown query parameter is refused rather than ignored", async () => {
    expect((await ask("GET", "/jobs?stat=failed")).body.errors[0].pointer).toBe("/stat");
  });

  it("broken JSON, forbidden properties, wrong types, too much and wrong methods are problem documents", async () => {
    const json = { "content-type": "application/json" };
    const cases: [Answer, number, string][] = [
      [await ask("POST", "/senders", "{", json), 400, "json-invalid"],
      [await ask("POST", "/senders", '{"__proto__":{"role":"administrator"}}', json), 400, "json-invalid"],
      [await ask("POST", "/senders", '{"constructor":{"prototype":{"x":1}}}', json), 400, "json-invalid"],
      [await ask("POST", "/senders", "<a/>", { "content-type": "text/xml" }), 415, "unsupported-media-type"],
      [
        await ask("POST", "/senders", "name=x", { "content-type": "application/x-www-form-urlencoded" }),
        415,
        "unsupported-media-type",
      ],
      [await ask("POST", "/senders", `{"name":"${"x".repeat(5_000_000)}"}`, json), 413, "body-too-large"],
      [await ask("PUT", "/senders/1"), 405, "method-not-allowed"],
      [await ask("GET", "/no-such-thing"), 404, "not-found"],
      [await ask("GET", "/senders/999999"), 404, "sender-not-found"],
      [await ask("GET", "/senders/%zz"), 400, "request-invalid"],
    ];
    for (const [answer, status, code] of cases) {
      expect([answer.status, answer.body.code]).toEqual([status, code]);
      expect(answer.headers["content-type"]).toContain("application/problem+json");
    }
    expect(({} as { role?: string }).role).toBeUndefined();
  });

  it("no answer holds a stack, a query or a path when something breaks (attack 42)", async () => {
    await fresh.pool.query("alter table senders rename to senders_away");
    const { status, body, text } = await ask("GET", "/senders");
    await fresh.pool.query("alter table senders_away rename to senders");
    expect([status, body.code]).toEqual([500, "internal"]);
    expect(text).not.toMatch(/select|relation|senders|\.ts|node_modules|at /i);
    expect(logged).toContain("senders");
    expect(logged).toContain("requestId");
  });

  it("every answer forbids sniffing, framing and caching", async () => {
    for (const url of ["/workspace", "/nothing", "/"]) {
      const { headers } = await ask("GET", url);
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cache-control": "no-store",
        "strict-transport-security": "max-age=31536000",
      });
      expect(headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

describe("repeating and editing", () => {
  it("a repeated POST with the same Idempotency-Key gets the same answer and makes nothing twice", async () => {
    const sender = newSender();
    const first = await ask("POST", "/senders", sender, { "idempotency-key": "k1" });
    const second = await ask("POST", "/senders", sender, { "idempotency-key": "k1" });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.text).toBe(first.text);
    expect([first.headers["idempotent-replayed"], second.headers["idempotent-replayed"]]).toEqual([undefined, "true"]);
    expect(second.headers.etag).toBe(first.headers.etag);
  });

  it("an Idempotency-Key used for something else is refused, and belongs to its caller alone", async () => {
    await ask("POST", "/senders", newSender(), { "idempotency-key": "k2" });
    const other = await ask("POST", "/senders", newSender(), { "idempotency-key": "k2" });
    expect([other.status, other.body.code]).toEqual([422, "idempotency-key-reused"]);
    expect((await ask("POST", "/senders", newSender(), { "idempotency-key": "k2", as: tokens.manager })).status).toBe(
      201,
    );
    expect((await ask("POST", "/senders", newSender(), { "idempotency-key": "x".repeat(256) })).status).toBe(422);
  });

  it("of two equal requests at once one runs, and the other gets its answer or is told to wait", async () => {
    const sender = newSender();
    const answers = await Promise.all(
      [1, 2, 3].map(() => ask("POST", "/senders", sender, { "idempotency-key": "k3" })),
    );
    expect(answers.map(({ status }) => status).filter((status) => status !== 409)).toContain(201);
    expect(answers.every(({ status }) => status === 201 || status === 409)).toBe(true);
    const { rows } = await fresh.pool.query("select 1 from senders where email = $1", [sender.email]);
    expect(rows).toHaveLength(1);
  });

  it("a refused request may be tried again with its key, and after a day the key is free", async () => {
    const sender = newSender();
    expect(
      (await ask("POST", "/senders", { ...sender, emailAccountId: 999_999 }, { "idempotency-key": "k4" })).status,
    ).toBe(404);
    expect((await ask("POST", "/senders", sender, { "idempotency-key": "k4" })).status).toBe(201);
    now = noon.add({ hours: 25 });
    expect((await ask("POST", "/senders", newSender(), { "idempotency-key": "k4" })).status).toBe(201);
    now = noon;
  });

  it("a kept answer that holds a key is not readable in the database", async () => {
    const { body } = await ask("POST", "/api-keys", { name: "Kept", role: "viewer" }, { "idempotency-key": "k5" });
    const { rows } = await fresh.pool.query("select body from idempotent_requests where key = 'k5'");
    expect(rows[0].body.length).toBeGreaterThan(0);
    expect(rows[0].body).not.toContain(body.key);
  });

  it("an edit with the ETag of an older state is refused with 412", async () => {
    const made = await ask("POST", "/senders", newSender());
    const url = `/senders/${made.body.id}`;
    const { headers } = await ask("GET", url);
    const etag = String(headers.etag);
    expect((await ask("GET", url, undefined, { "if-none-match": etag })).status).toBe(304);
    now = noon.add({ minutes: 1 });
    expect((await ask("PATCH", url, { name: "B" }, { "if-match": etag })).status).toBe(200);
    const stale = await ask("PATCH", url, { name: "C" }, { "if-match": etag });
    expect([stale.status, stale.body.code]).toEqual([412, "changed-meanwhile"]);
    expect((await ask("PATCH", url, { name: "C" }, { "if-match": '"nonsense"' })).status).toBe(412);
    expect((await ask("PATCH", url, { name: "D" })).body.name).toBe("D");
    now = noon;
  });

  it("a caller may choose fields, of one and of many", async () => {
    const made = await ask("POST", "/senders", newSender());
    expect((await ask("GET", `/senders/${made.body.id}?fields=id,email`)).body).toEqual({
      id: made.body.id,
      email: made.body.email,
    });
    const many = await ask("GET", "/senders?fields=id&limit=2");
    expect(many.body.data.map(Object.keys)).toEqual([["id"], ["id"]]);
    expect((await ask("GET", "/senders?fields=emailKey")).status).toBe(422);
  });

  it("a list is read page by page, each row once", async () => {
    const seen: number[] = [];
    let cursor = "";
    do {
      const { body } = await ask("GET", `/senders?limit=3${cursor}`);
      seen.push(...body.data.map((row: { id: number }) => row.id));
      cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : "";
    } while (cursor);
    const { rows } = await fresh.pool.query("select id from senders order by id");
    expect(seen).toEqual(rows.map((row) => row.id));
    expect((await ask("GET", "/senders?cursor=bm9wZQ")).body.code).toBe("cursor-invalid");
  });
});

describe("email accounts and senders", () => {
  it("a password goes in and never comes out, by no answer and not in plain from the database (attack 37)", async () => {
    const made = await ask("POST", "/email-accounts", {
      ...newAccount(),
      smtpUser: "u",
      smtpPassword: "hunter2-canary",
    });
    expect(made.body.hasPassword).toBe(true);
    const texts = [
      made.text,
      (await ask("GET", `/email-accounts/${made.body.id}`)).text,
      (await ask("GET", "/email-accounts")).text,
    ];
    const { rows } = await fresh.pool.query(
      "select row_to_json(email_accounts)::text as text from email_accounts union all select row_to_json(audit_entries)::text from audit_entries",
    );
    for (const text of [...texts, ...rows.map((row) => row.text), logged]) expect(text).not.toContain("hunter2-canary");
  });

  it("an account's password is not sent to another server than it was given for", async () => {
    const made = await ask("POST", "/email-accounts", { ...newAccount(), smtpPassword: "p" });
    const moved = await ask("PATCH", `/email-accounts/${made.body.id}`, { smtpHost: "evil.example" });
    expect(moved.body.code).toBe("email-account-password-needed");
  });

  it("mail leaves this machine with TLS only", async () => {
    const { body } = await ask("POST", "/email-accounts", { ...newAccount(), smtpSecurity: "none" });
    expect(body.code).toBe("email-account-insecure");
    expect(
      (await ask("POST", "/email-accounts", { ...newAccount(), smtpHost: "127.0.0.1", smtpSecurity: "none" })).status,
    ).toBe(201);
  });

  it("trying an account tells what its server said, and where it stopped", async () => {
    const sink = await startSink();
    const local = { smtpHost: "127.0.0.1", smtpPort: sink.port, smtpSecurity: "none" };
    const { body: good } = await ask("POST", "/email-accounts", { ...newAccount(), ...local });
    expect((await ask("POST", `/email-accounts/${good.id}/test`)).body).toMatchObject({ ok: true, stage: null });
    expect(sink.messages).toEqual([]);
    await sink.close();
    const closed = await ask("POST", `/email-accounts/${good.id}/test`);
    expect(closed.body).toMatchObject({ ok: false, stage: "connect" });
    expect(closed.body.detail.length).toBeGreaterThan(10);
    expect((await ask("POST", `/email-accounts/${good.id}/test`, undefined, { as: tokens.manager })).status).toBe(403);
  });

  it("one account is the default, whoever becomes it", async () => {
    const made = await ask("POST", "/email-accounts", { ...newAccount(), isDefault: true });
    const { rows } = await fresh.pool.query("select id from email_accounts where is_default");
    expect(rows).toEqual([{ id: made.body.id }]);
  });

  it("names that would break a header, and addresses that are none, are refused", async () => {
    expect((await ask("POST", "/senders", { name: "A\r\nBcc: x@y.example", email: "a@example.com" })).status).toBe(422);
    const bad = await ask("POST", "/senders", { name: "A", email: "a@b@c" });
    expect([bad.status, bad.body.errors[0].pointer]).toEqual([422, "/email"]);
    const sender = newSender();
    await ask("POST", "/senders", sender);
    expect((await ask("POST", "/senders", { ...sender, email: sender.email.toUpperCase() })).status).toBe(409);
  });
});

/** The routes below /api/v1 as `get /users/{id}`, read from the router's own drawing of itself. */
function routesOf(tree: string): string[] {
  const above: string[] = [];
  return tree
    .split("\n")
    .flatMap((line) => {
      const [, indent = "", path = "", methods = ""] = /^([│ ]*)[├└]── (\S*) ?(?:\((.*)\))?$/.exec(line) ?? [];
      const depth = indent.length / 4;
      above.splice(depth, above.length, path);
      const whole = above.join("");
      if (!whole.startsWith("/api/v1/")) return [];
      const described = whole.slice("/api/v1".length).replace(/:(\w+)/g, "{$1}");
      return methods
        .split(", ")
        .filter((method) => method !== "" && method !== "HEAD")
        .map((method) => `${method.toLowerCase()} ${described}`);
    })
    .sort();
}

describe("the description and the state", () => {
  it("the OpenAPI document holds every route, and every reference in it leads somewhere", async () => {
    const { status, body } = await ask("GET", "/openapi.json", undefined, { as: null });
    expect([status, body.openapi]).toEqual([200, "3.1.0"]);
    const described = Object.entries(body.paths as Record<string, object>)
      .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
      .sort();
    const served = routesOf(app.http.printRoutes({ commonPrefix: false }));
    expect(described.length).toBeGreaterThan(20);
    expect(described).toEqual(served);
    const references = [...JSON.stringify(body).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path ?? "");
    expect(references.length).toBeGreaterThan(0);
    for (const path of references) {
      const target = path.split("/").reduce<any>((part, name) => part?.[name], body) as unknown;
      expect([path, typeof target]).toEqual([path, "object"]);
    }
    const ids = Object.values(body.paths as Record<string, Record<string, { operationId: string }>>).flatMap(
      (methods) => Object.values(methods).map((operation) => operation.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(body.components.securitySchemes.apiKey).toMatchObject({ type: "http", scheme: "bearer" });
  });

  it("O1 it is alive and ready without a key, and measured with one, without data", async () => {
    expect((await ask("GET", "/healthz", undefined, { as: null })).body).toEqual({ status: "alive" });
    expect((await ask("GET", "/readyz", undefined, { as: null })).body).toEqual({ status: "ready" });
    expect((await ask("GET", "/metrics", undefined, { as: null })).status).toBe(401);
    const { text } = await ask("GET", "/metrics", undefined, { as: tokens.viewer });
    expect(text).toContain("tidings_http_request_duration_seconds");
    expect(text).not.toContain("@example.com");
  });

  it("the front page speaks to people and to programs", async () => {
    const page = await ask("GET", "/", undefined, { as: null, accept: "text/html" });
    expect(page.text).toMatch(/<title>Tidings|npm run web/);
    expect((await ask("GET", "/", undefined, { as: null, accept: "application/json" })).body.name).toBe("Tidings");
  });

  it("E35 every change is written down with who made it", async () => {
    const made = await ask("POST", "/senders", newSender(), { as: tokens.manager });
    await ask("PATCH", `/senders/${made.body.id}`, { name: "Changed" }, { as: tokens.manager });
    const { rows } = await fresh.pool.query(
      "select actor, action, before, after from audit_entries where subject_type = 'sender' and subject_id = $1 order by id",
      [String(made.body.id)],
    );
    expect(rows.map((row) => [row.actor, row.action])).toEqual([
      ['key "manager"', "create"],
      ['key "manager"', "update"],
    ]);
    expect([rows[1].before, rows[1].after]).toEqual([{ name: "Ana Ruiz" }, { name: "Changed" }]);
  });
});
