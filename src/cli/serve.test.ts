import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { world } from "../../test/world.ts";
import * as domains from "../domains/domains.ts";

const tidings = join(import.meta.dirname, "../../bin/tidings");
const started: ChildProcess[] = [];
let fresh: FreshDatabase;
let dataDir: string;

beforeAll(async () => {
  fresh = await freshDatabase();
  dataDir = mkdtempSync(join(tmpdir(), "tidings-serve-"));
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});
afterAll(async () => {
  await fresh.close();
  rmSync(dataDir, { recursive: true });
});

const environment = (more: Record<string, string> = {}) => ({
  PATH: process.env["PATH"],
  DATABASE_URL: fresh.url,
  TIDINGS_DATA_DIR: dataDir,
  PORT: "0",
  // Nobody listens there: no test asks the world.
  TIDINGS_DNS_SERVERS: "127.0.0.1:1",
  ...more,
});

type Started = { child: ChildProcess; log: () => string; ended: Promise<unknown[]> };

function start(more?: Record<string, string>, ...options: string[]): Started & { firstLine: Promise<string> } {
  const child = spawn(tidings, ["serve", "--json", ...options], { env: environment(more) });
  started.push(child);
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const firstLine = once(createInterface({ input: child.stdout }), "line").then(([line]) => String(line));
  return { child, log: () => log, ended: once(child, "exit"), firstLine };
}

async function serving(more?: Record<string, string>) {
  const running = start(more);
  const { address, setupUrl } = JSON.parse(await running.firstLine) as { address: string; setupUrl: string | null };
  return { ...running, address, setupUrl };
}

const command = async (...words: string[]) => {
  try {
    const { stdout } = await promisify(execFile)(tidings, words, { env: environment() });
    return { code: 0, stdout, stderr: "" };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
};

/** Asks again until the answer has this status. */
async function answers(url: string, status: number, headers: Record<string, string> = {}): Promise<string> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await fetch(url, { headers }).catch(() => null);
    if (answer?.status === status) return answer.text();
    await sleep(50);
  }
  throw new Error(`${url} never answered ${status}`);
}

describe("the running program", () => {
  it("O2 says where it is, is ready, and ends with 0 when told to", async () => {
    const { child, address, ended } = await serving();
    expect(await answers(`${address}/readyz`, 200)).toContain("ready");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  it("O2 `work` is watched at a port of its own, and serves nothing else there", async () => {
    const child = spawn(tidings, ["work", "--json"], { env: environment({ TIDINGS_WORK_PORT: "0" }) });
    started.push(child);
    const [line] = await once(createInterface({ input: child.stdout }), "line");
    const { address } = JSON.parse(String(line)) as { address: string };
    expect(await answers(`${address}/healthz`, 200)).toContain("alive");
    expect(await answers(`${address}/readyz`, 200)).toContain("ready");
    await answers(`${address}/metrics`, 401);
    const made = await command("key", "create", "--name", "watch", "--role", "viewer", "--json");
    const { key } = JSON.parse(made.stdout) as { key: string };
    const metrics = await answers(`${address}/metrics`, 200, { authorization: `Bearer ${key}` });
    expect(metrics).toContain("tidings_messages_total");
    expect(metrics).toContain("process_cpu_seconds_total");
    for (const path of ["/", "/api/v1/workspace"]) await answers(`${address}${path}`, 404);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("a restored copy can be looked at before anything leaves", async () => {
    const copy = await freshDatabase();
    try {
      const small = world(copy.db);
      const campaign = await small.campaign([{ day: 0 }]);
      const { id: person } = await small.person();
      const id = await small.start(campaign.id, person, Temporal.Now.instant().subtract({ minutes: 5 }));
      const there = { DATABASE_URL: copy.url };
      const quiet = start(there, "--no-sending");
      await quiet.firstLine;
      await sleep(2000);
      expect(await small.messages(id)).toEqual([]);
      quiet.child.kill("SIGTERM");
      expect(await quiet.ended).toEqual([0, null]);

      const usual = start(there);
      await usual.firstLine;
      for (let tries = 0; tries < 100 && (await small.messages(id))[0]?.state !== "accepted"; tries += 1)
        await sleep(100);
      expect(await small.messages(id)).toMatchObject([{ state: "accepted" }]);
      usual.child.kill("SIGTERM");
      await usual.ended;
    } finally {
      await copy.close();
    }
  });

  it("prints a set-up link at each start until one is used, the former no longer working", async () => {
    const first = await serving();
    first.child.kill("SIGTERM");
    await first.ended;
    const second = await serving();
    const token = (url: string | null) => url?.split("/setup/")[1] ?? "";
    expect(token(first.setupUrl)).not.toBe(token(second.setupUrl));
    const api = (url: string | null) => `${second.address}/api/v1/setup/${token(url)}`;
    expect((await fetch(api(first.setupUrl))).status).toBe(404);
    expect((await fetch(api(second.setupUrl))).status).toBe(200);
    const person = { name: "Ada", email: "ada@example.com", password: "a quiet river in may" };
    const done = await fetch(api(second.setupUrl), {
      method: "PUT",
      headers: { "content-type": "application/json", origin: second.address },
      body: JSON.stringify({ ...person, workspace: { name: "Engines", timeZone: "UTC" } }),
    });
    expect(done.status).toBe(200);
    second.child.kill("SIGTERM");
    await second.ended;
    const third = await serving();
    expect(third.setupUrl).toBeNull();
    expect(first.log() + second.log() + third.log()).not.toContain(token(second.setupUrl));
  });

  it("O1 lives through the loss of its database's connections, and says so meanwhile", async () => {
    const { address, child, ended } = await serving();
    await fresh.away(async () => {
      await answers(`${address}/readyz`, 503);
      expect((await fetch(`${address}/healthz`)).status).toBe(200);
      const headers = { authorization: `Bearer tdg_${"a".repeat(43)}` };
      const away = await fetch(`${address}/api/v1/workspace`, { headers });
      expect([away.status, ((await away.json()) as { code: string }).code]).toEqual([503, "database-unavailable"]);
    });
    await answers(`${address}/readyz`, 200);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  it("O1 starts without its database, waits for it, and ends when told to", async () => {
    const { child, log, ended } = start({ DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none", PORT: "0" });
    while (!log().includes("trying again")) await once(child.stderr!, "data");
    const port = /Server listening at (http:\/\/[^"]+)/.exec(log())?.[1] ?? "";
    expect((await fetch(`${port}/healthz`)).status).toBe(200);
    expect((await fetch(`${port}/readyz`)).status).toBe(503);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  it("that cannot start says why in one sentence, and ends", async () => {
    await fresh.pool.query("update schema_migrations set checksum = 'x' || checksum");
    const { code, stderr } = await command("serve");
    await fresh.pool.query("update schema_migrations set checksum = substr(checksum, 2)");
    expect([code, stderr.trim().split("\n").at(-1)]).toEqual([
      1,
      expect.stringContaining("An applied migration is never edited"),
    ]);
  });

  it("a port in use is said in one sentence", async () => {
    const { address } = await serving();
    const { code, stderr, stdout } = await command("serve", "--port", new URL(address).port);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr.trim().split("\n").at(-1)).toMatch(/^Port \d+ is in use by another program/);
  });
});

describe("commands", () => {
  it("E128 make keys that work, list them without the key, and revoke them", async () => {
    const made = JSON.parse((await command("key", "create", "--name", "CI", "--role", "admin", "--json")).stdout) as {
      id: number;
      key: string;
      role: string;
    };
    expect(made.role).toBe("administrator");
    const { address } = await serving();
    const ask = async () =>
      (await fetch(`${address}/api/v1/users`, { headers: { authorization: `Bearer ${made.key}` } })).status;
    expect(await ask()).toBe(200);
    expect((await command("key", "list")).stdout).not.toContain(made.key);
    expect((await command("key", "revoke", String(made.id))).code).toBe(0);
    expect(await ask()).toBe(401);
  });

  it("say what is wrong in one plain sentence, or as JSON, and end with 1", async () => {
    const text = await command("user", "create", "--name", "X", "--email", "nobody");
    expect([text.code, text.stdout, text.stderr.trim().split("\n").length]).toEqual([1, "", 1]);
    const json = await command("user", "create", "--name", "X", "--email", "x@example.com", "--role", "king", "--json");
    expect([json.code, JSON.parse(json.stdout)]).toMatchObject([1, { error: { code: "role-invalid" } }]);
    expect((await command("no-such-command")).code).toBe(1);
    expect((await command("key", "revoke", "99999", "--json")).stdout).toContain("api-key-not-found");
  });

  it("the doctor looks at everything and fails only for what is broken", async () => {
    const { code, stdout } = await command("doctor", "--json");
    const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: { check: string; result: string }[] };
    expect([code, ok]).toEqual([0, true]);
    expect(checks.map(({ check }) => check)).toEqual([
      "Node.js",
      "data folder",
      "secret",
      "database",
      "database sessions",
      "migrations",
      "public address",
      "postal address",
      "sender",
      "email account",
      "what waits",
      "several accounts",
      "recipient domains",
      "sending domains",
      "room on disk",
      "clock",
      "sending",
      "mail that is due",
      "received mail",
      "jobs",
    ]);
  });

  it("the doctor tells what DNS says of each sending domain, and what nobody answered", async () => {
    const domain = { domain: "shop.example", mode: "sign" as const, algorithms: ["ed25519-sha256" as const] };
    const seal = { encrypt: (text: string) => text, decrypt: (text: string) => text };
    const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
    const { id } = await domains.create(fresh.db, domain, seal, { name: "test" }, now);
    const { stdout } = await command("doctor", "--json");
    const { checks } = JSON.parse(stdout) as { checks: { check: string; result: string; detail: string }[] };
    const found = checks.find(({ check }) => check === "sending domains");
    expect(found?.result).toBe("look");
    for (const kind of ["DKIM", "SPF", "DMARC", "MX"]) expect(found?.detail).toContain(`shop.example ${kind}: `);
    expect(found?.detail).toMatch(/did not say/);
    const kept = await domains.get(fresh.db, id);
    expect(kept.checks.find(({ check }) => check === "spf")).toMatchObject({ ok: null });
  });

  it("every command explains itself", async () => {
    for (const words of [[], ["serve"], ["work"], ["migrate"], ["key"], ["key", "create"], ["user"], ["doctor"]]) {
      const { code, stdout } = await command(...words, "--help");
      expect([words, code, stdout.startsWith("Usage: tidings")]).toEqual([words, 0, true]);
    }
  });
});
