/** The whole application on a database of its own, asked as a browser would ask it; its clock is set by hand. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import * as keys from "../src/accounts/keys.ts";
import * as users from "../src/accounts/users.ts";
import { type AppOptions, createApp } from "../src/app.ts";
import type { Role } from "../src/db/tables.ts";
import { openSecrets } from "../src/secret.ts";
import { freshDatabase } from "./database.ts";

const COMMAND_LINE = { name: "command line", role: "administrator" } as const;

type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
export type Answer = { readonly status: number; readonly body: any; readonly text: string; readonly headers: any };
export type TestApp = Awaited<ReturnType<typeof openApp>>;

type Opening = Pick<AppOptions, "resolver" | "fetcher"> & { readonly s3Url?: string; readonly now?: Temporal.Instant };

/** Opens it at noon on 1 December 2026 unless said; `close` it in `afterAll`. Each role has a user `<role>@example.com`. */
export async function openApp({ now, ...more }: Opening = {}) {
  const fresh = await freshDatabase();
  const clock = { now: now ?? Temporal.Instant.from("2026-12-01T12:00:00Z") };
  const dataDir = mkdtempSync(join(tmpdir(), "tidings-test-"));
  const secrets = openSecrets({ secret: "a secret that only these tests use", dataDir: "" });
  const app = createApp({
    config: { publicUrl: "https://tidings.example", smtpUrl: undefined, dataDir, s3Url: more.s3Url },
    database: fresh.database,
    secrets,
    log: pino({ level: "silent" }),
    clock: () => clock.now,
    migrate: async () => undefined,
    ...more,
  });
  await app.start();
  const tokens = {} as Record<Role, string>;
  for (const role of ["administrator", "manager", "user", "viewer"] as const) {
    const user = await users.create(
      fresh.db,
      { name: role, email: `${role}@example.com`, role },
      COMMAND_LINE,
      clock.now,
    );
    tokens[role] = (await keys.create(fresh.db, { name: role, role, userId: user.id }, COMMAND_LINE, clock.now)).key;
  }

  /** Asks; `as` is a role, administrator unless said. */
  async function ask(
    method: Method,
    url: string,
    body?: unknown,
    as: Role = "administrator",
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const answer = await app.http.inject({
      method,
      url: url.startsWith("/u/") ? url : `/api/v1${url}`,
      headers: { ...headers, authorization: `Bearer ${tokens[as]}` },
      ...(body === undefined ? {} : { payload: body as object }),
    });
    const json = (answer.headers["content-type"] ?? "").includes("json");
    return {
      status: answer.statusCode,
      body: json ? answer.json() : null,
      text: answer.body,
      headers: answer.headers,
    };
  }

  /** Asks and expects it to succeed. */
  async function good(method: Method, url: string, body?: unknown, as?: Role): Promise<any> {
    const answer = await ask(method, url, body, as);
    if (answer.status >= 300) throw new Error(`${method} ${url}: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  return {
    db: fresh.db,
    pool: fresh.pool,
    clock,
    secrets,
    ask,
    good,
    /** For a program of its own. */
    url: fresh.url,
    inject: app.http.inject.bind(app.http),
    metrics: async () =>
      (await app.http.inject({ url: "/metrics", headers: { authorization: `Bearer ${tokens.viewer}` } })).body,
    /** Hands in a received mail; `as` is a role, manager unless said. */
    async mail(url: string, bytes: string | Buffer, as: Role = "manager"): Promise<Answer> {
      const answer = await app.http.inject({
        method: "POST",
        url: `/api/v1${url}`,
        headers: { authorization: `Bearer ${tokens[as]}`, "content-type": "message/rfc822" },
        payload: bytes,
      });
      return { status: answer.statusCode, body: answer.json(), text: answer.body, headers: answer.headers };
    },
    /** Sends a file, as a manager. */
    async upload(url: string, csv: string): Promise<any> {
      const answer = await app.http.inject({
        method: "POST",
        url: `/api/v1${url}`,
        headers: { authorization: `Bearer ${tokens.manager}`, "content-type": "text/csv" },
        payload: csv,
      });
      return answer.json();
    },
    /** Sends bytes to the API; `as` is a role. */
    async send(url: string, bytes: Buffer, type: string, as: Role = "user"): Promise<Answer> {
      const answer = await app.http.inject({
        method: "POST",
        url: `/api/v1${url}`,
        headers: { authorization: `Bearer ${tokens[as]}`, "content-type": type },
        payload: bytes,
      });
      return { status: answer.statusCode, body: answer.json(), text: answer.body, headers: answer.headers };
    },
    /** A page or picture that needs no key. */
    async page(url: string, headers: Record<string, string> = {}) {
      const answer = await app.http.inject({ method: "GET", url, headers });
      return { status: answer.statusCode, bytes: answer.rawPayload, headers: answer.headers as Record<string, string> };
    },
    /** A person leaves everything by the page of the link in a mail. */
    async leave(token: string): Promise<void> {
      const answer = await app.http.inject({
        method: "POST",
        url: `/u/${token}`,
        headers: { "content-type": "application/x-www-form-urlencoded" },
        payload: "scope=everything",
      });
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${answer.body}`);
    },
    /** Does something while the database lets nobody in. */
    away: fresh.away,
    /** The result of a job, once it has ended. */
    async result(jobId: number): Promise<any> {
      for (let turn = 0; turn < 400; turn++) {
        const job = await good("GET", `/jobs/${jobId}`);
        if (job.state === "failed") throw new Error(job.error);
        if (job.state === "succeeded") return job.result;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      throw new Error(`Job ${jobId} does not end.`);
    },
    async close() {
      await app.stop();
      await fresh.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
