/** The program over PgBouncer in transaction mode, with fewer servers than it asks for connections; LISTEN goes past it. */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type FreshDatabase, freshDatabase } from "../database.ts";
import { type Sink, startSink } from "../smtp-sink.ts";
import { world } from "../world.ts";

const tidings = join(import.meta.dirname, "../../bin/tidings");
const folder = mkdtempSync(join(tmpdir(), "tidings-pgbouncer-"));
/** Of PostgreSQL; each process of ours opens up to 18. */
const SERVERS = 4;
const PEOPLE = 400;

let fresh: FreshDatabase;
let sink: Sink;
let port: number;
let bouncer: ChildProcess;
const started: ChildProcess[] = [];

beforeAll(async () => {
  if (!existsSync("/usr/sbin/pgbouncer")) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
    execFileSync("apt-get", ["update", "-qq"], { env });
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "pgbouncer"], { env });
  }
  fresh = await freshDatabase();
  sink = await startSink();
  port = await freePort();
  chmodSync(folder, 0o777);
  const { host, port: at = 5432, user } = fresh.connection;
  writeFileSync(
    join(folder, "pgbouncer.ini"),
    `[databases]
* = host=${host} port=${at} user=${user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${SERVERS}
max_client_conn = 200
client_login_timeout = 10
server_login_retry = 1
logfile = ${folder}/log
pidfile = ${folder}/pid
`,
  );
  bouncer = await bounce();
});

afterAll(async () => {
  for (const child of [...started, bouncer]) child?.kill("SIGKILL");
  await sink?.close();
  await fresh?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: free } = server.address() as AddressInfo;
  server.close();
  return free;
}

/** It refuses to run as root; whoever runs the database may enter the folder of its socket. */
async function bounce(): Promise<ChildProcess> {
  const { uid } = statSync(fresh.connection.host);
  const user = execFileSync("id", ["-un", String(uid)], { encoding: "utf8" }).trim();
  const asUser = process.getuid?.() === 0 ? ["-u", user] : [];
  const child = spawn("/usr/sbin/pgbouncer", ["-q", ...asUser, join(folder, "pgbouncer.ini")], { stdio: "ignore" });
  await vi.waitFor(() => fetchable(port), { timeout: 10_000, interval: 50 });
  return child;
}

async function fetchable(at: number): Promise<void> {
  const { connect } = await import("node:net");
  const socket = connect(at, "127.0.0.1");
  await once(socket, "connect");
  socket.destroy();
}

const environment = (more: Record<string, string | undefined> = {}) => ({
  PATH: process.env["PATH"],
  DATABASE_URL: `postgresql://tidings@127.0.0.1:${port}/${fresh.connection.database}`,
  TIDINGS_DATABASE_SESSION_URL: fresh.url,
  TIDINGS_DATA_DIR: folder,
  TIDINGS_SECRET: "a secret that only this test uses",
  TIDINGS_DNS_SERVERS: "127.0.0.1:1",
  PORT: "0",
  ...more,
});

async function staying(command: "serve" | "work"): Promise<{ child: ChildProcess; log: () => string }> {
  const child = spawn(tidings, [command, "--json"], { env: environment() });
  started.push(child);
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  await once(createInterface({ input: child.stdout }), "line");
  return { child, log: () => log };
}

const command = (words: readonly string[], more?: Record<string, string | undefined>) =>
  promisify(execFile)(tidings, words, { env: environment(more) }).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      text: error.stdout + error.stderr,
    }),
  );

/** How many mails each address got. */
const counts = () => Map.groupBy(sink.messages, ({ to }) => to);

describe("over PgBouncer in transaction mode", () => {
  it("people are imported, started and written to from the command line, each once", async () => {
    const people = join(folder, "people.csv");
    const rows = Array.from({ length: PEOPLE }, (_, index) => `Ana,Ruiz,p${index}@example.org`);
    writeFileSync(people, `First Name,Last Name,Email\n${rows.join("\n")}\n`);
    const campaign = join(folder, "campaign.yaml");
    writeFileSync(
      campaign,
      "campaign: Pooled\nsender: { name: Ana, email: ana@example.com }\npostalAddress: 1 Example Street\n" +
        "schedule:\n  - sendAfterDays: 0\n    subject: Hello {{ first_name }}\n    body: Hello {{ first_name }}\n",
    );
    const smtp = `smtp://127.0.0.1:${sink.port}?connections=4`;
    const { code, text } = await command(["run", campaign, "--people", people, "--smtp", smtp, "--json"]);
    expect([code, text]).toEqual([0, expect.any(String)]);
    expect([sink.messages.length, counts().size]).toEqual([PEOPLE, PEOPLE]);
  });

  it("several processes share it; what is started leaves within a moment, and a restart of the pooler loses nothing", async () => {
    const processes = [await staying("serve"), await staying("work"), await staying("work")];
    const small = world(fresh.db, fresh.database.batches);
    const account = await fresh.db.selectFrom("emailAccounts").select("id").executeTakeFirstOrThrow();
    const { id: senderId } = await small.sender({ emailAccountId: account.id });
    const campaign = await small.campaign([{ day: 0 }]);
    // By now all of them rest: the next turn by the clock alone is seconds away.
    await sleep(3000);
    const before = sink.messages.length;
    const { id: first } = await small.person({ email: "first@example.net" });
    const beganMs = performance.now();
    await small.start(campaign.id, first, Temporal.Now.instant(), { senderId });
    await vi.waitFor(() => expect(sink.messages.length).toBe(before + 1), { timeout: 10_000, interval: 20 });
    expect(performance.now() - beganMs).toBeLessThan(2500);

    for (let count = 0; count < PEOPLE; count += 1) {
      const { id } = await small.person({ email: `r${count}@example.net` });
      await small.start(campaign.id, id, Temporal.Now.instant(), { senderId });
      if (count !== PEOPLE / 2) continue;
      bouncer.kill("SIGKILL");
      await once(bouncer, "exit");
      bouncer = await bounce();
    }
    await vi.waitFor(() => expect(counts().size).toBe(2 * PEOPLE + 1), { timeout: 110_000, interval: 200 });
    for (const { child } of processes) child.kill("SIGTERM");
    expect(await Promise.all(processes.map(({ child }) => once(child, "exit")))).toEqual(
      processes.map(() => [0, null]),
    );
    const states = await fresh.db.selectFrom("messages").select("state").distinct().execute();
    expect(states).toEqual([{ state: "accepted" }]);
    const doubt = await fresh.db
      .selectFrom("deliveryAttempts")
      .select("messageId")
      .where("outcome", "=", "unknown")
      .execute();
    expect(sink.messages.length - counts().size).toBeLessThanOrEqual(doubt.length);
  });

  it("says what is missing where nobody told where the database is", async () => {
    for (const words of [["serve"], ["doctor"]]) {
      const { code, text } = await command(words, { TIDINGS_DATABASE_SESSION_URL: undefined });
      expect([words, code, text]).toEqual([words, 1, expect.stringMatching(/Set TIDINGS_DATABASE_SESSION_URL to/)]);
    }
  });

  it("the doctor hears what is announced, and notices a session that is none", async () => {
    const good = await command(["doctor", "--json"]);
    const finding = (text: string) =>
      (JSON.parse(text) as { checks: { check: string; result: string; detail: string }[] }).checks.find(
        ({ check }) => check === "database sessions",
      );
    expect(finding(good.text)).toMatchObject({ result: "good" });
    const pooled = environment().DATABASE_URL;
    const bad = await command(["doctor", "--json"], { TIDINGS_DATABASE_SESSION_URL: pooled });
    expect([bad.code, finding(bad.text)?.result]).toEqual([1, "bad"]);
    expect(finding(bad.text)?.detail).toMatch(/TIDINGS_DATABASE_SESSION_URL/);
  });
});
