/**
 * The program and its database are killed fifty times while 10,000 leads go through five steps: nothing is lost, nothing
 * is sent before it was recorded, and only a mail whose DATA was under way may arrive twice, with the same bytes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openDatabase } from "../../src/db/database.ts";
import { startEmbedded } from "../../src/db/embedded.ts";
import { type Sink, startSink } from "../smtp-sink.ts";

const root = join(import.meta.dirname, "..", "..");
const leads = join(root, "..", "shared", "data", "people", "leads-10000.csv");
const DAYS = [0, 3, 7, 14, 21];
const KILLS_A_DAY = 10;
const PEOPLE = 10_000;
const CONNECTIONS = 20;

const folder = mkdtempSync(join(tmpdir(), "tidings-kill-"));
const dataDir = join(folder, "data");
const campaign = join(folder, "campaign.yaml");
let sink: Sink;

/** Small, and the same at every run with the same seed: mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const random = randomFrom(20261201);

beforeAll(async () => {
  expect(existsSync(leads), `${leads} is needed for this test`).toBe(true);
  sink = await startSink();
  const steps = DAYS.map(
    (day) => `  - sendAfterDays: ${day}\n    subject: "Day ${day}, {{ first_name }}"\n    body: Hello {{ first_name }}`,
  );
  writeFileSync(
    campaign,
    `campaign: Killed\nsender: { name: Ana, email: ana@example.com }\npostalAddress: 1 Example Street\nstartDate: 2026-12-01\nschedule:\n${steps.join("\n")}\n`,
  );
});

afterAll(async () => {
  await sink.close();
  rmSync(folder, { recursive: true, force: true });
});

function run(now: Temporal.Instant, imports: boolean): { child: ChildProcess; output: () => string } {
  const args = [
    "run",
    campaign,
    ...(imports ? ["--people", leads] : []),
    "--smtp",
    `smtp://127.0.0.1:${sink.port}?connections=${CONNECTIONS}`,
  ];
  const child = spawn(join(root, "bin", "tidings"), [...args, "--json", "--now", now.toString()], {
    cwd: folder,
    env: { ...process.env, TIDINGS_DATA_DIR: dataDir, DATABASE_URL: undefined },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => (output += text.toString()));
  return { child, output: () => output };
}

/** The postmaster's process id, wherever the cluster lies in the data folder; null before it runs. */
function postmaster(): number | null {
  const base = join(dataDir, "postgres");
  if (!existsSync(base)) return null;
  const found = readdirSync(base, { recursive: true, encoding: "utf8" }).find((path) =>
    path.endsWith("postmaster.pid"),
  );
  const pid = found ? Number(readFileSync(join(base, found), "utf8").split("\n")[0]) : Number.NaN;
  return Number.isInteger(pid) ? pid : null;
}

/** Waits until so many further mails have come, or for a while: some kills are to hit start-up, import and planning. */
async function aMoment(child: ChildProcess, mostMs = 8000): Promise<void> {
  const early = random() < 0.3;
  const mails = 1 + Math.floor(random() * 400);
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), early ? 200 + random() * 2000 : mostMs);
  let seen = 0;
  const enough = new Promise<void>((resolve) => {
    const forget = sink.onMessage(() => {
      seen += 1;
      if (seen < mails || early) return;
      forget();
      resolve();
    });
  });
  const given = new Promise<void>((resolve) => timeout.signal.addEventListener("abort", () => resolve()));
  await Promise.race([enough, given, once(child, "exit")]);
  clearTimeout(timer);
}

let kills = 0;

/** Runs the program and kills it, or its database, at some moment. */
async function killed(now: Temporal.Instant): Promise<void> {
  const { child } = run(now, random() < 0.4);
  await aMoment(child);
  if (child.exitCode !== null) return;
  const database = random() < 0.3 ? postmaster() : null;
  try {
    process.kill(database ?? child.pid!, "SIGKILL");
    kills += 1;
  } catch {
    // It had just ended by itself; that is no kill.
  }
  // A program whose database was killed starts it again and goes on: it is stopped too, so that the next run is its own.
  if (database !== null && child.exitCode === null) {
    await aMoment(child, 2000);
    child.kill("SIGKILL");
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

it("R3, E55, E57, E59, E109 fifty kills lose nothing and double nothing but what was in doubt", async () => {
  for (const day of DAYS) {
    let now = Temporal.Instant.from("2026-12-01T09:00:00Z").add({ hours: 24 * day });
    for (let count = 0; count < KILLS_A_DAY; count += 1) {
      await killed(now);
      // A claim of a dead process lapses after a minute.
      now = now.add({ minutes: 2 });
    }
    const { child, output } = run(now, true);
    await once(child, "exit");
    expect(child.exitCode, output()).toBe(0);
  }
  expect(kills).toBeGreaterThanOrEqual(45);

  const embedded = await startEmbedded({ dataDir, log: () => undefined }, Temporal.Now.instant());
  const database = openDatabase(embedded.connection);
  try {
    const { rows } = await sql<{ messageId: string; state: string; inDoubt: boolean; address: string }>`
      select message_id, state, address, exists (
        select from delivery_attempts where delivery_attempts.message_id = messages.id and outcome = 'unknown') as in_doubt
      from messages`.execute(database.db);
    const recorded = new Map(rows.map((row) => [row.messageId, row]));
    const arrived = Map.groupBy(
      sink.messages,
      (mail) => /^Message-ID:\s*(<[^>]+>)/im.exec(mail.data.toString("latin1"))?.[1],
    );

    expect(rows).toHaveLength(PEOPLE * DAYS.length);
    expect(rows.filter((row) => row.state !== "accepted")).toEqual([]);
    expect(rows.filter((row) => !arrived.has(row.messageId)).map((row) => row.address)).toEqual([]);
    expect([...arrived.keys()].filter((id) => id === undefined || !recorded.has(id))).toEqual([]);

    const twice = [...arrived].filter(([, mails]) => mails.length > 1);
    expect(twice.filter(([id]) => !recorded.get(id!)?.inDoubt)).toEqual([]);
    for (const [, mails] of twice) for (const mail of mails) expect(mail.data.equals(mails[0]!.data)).toBe(true);
    expect(twice.length).toBeLessThanOrEqual(kills * CONNECTIONS);

    const perPerson = new Set(
      sink.messages.map((mail) => `${mail.to} ${/^Subject: (Day \d+)/m.exec(mail.data.toString("latin1"))?.[1]}`),
    );
    expect(perPerson.size).toBe(PEOPLE * DAYS.length);
    process.stderr.write(`${kills} kills, ${sink.messages.length} mails, ${twice.length} arrived twice\n`);
  } finally {
    await database.close();
    await embedded.stop();
  }
});
