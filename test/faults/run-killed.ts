/** `tidings run` and the database inside it are killed while it imports, plans and sends; the same command is given again, and later. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/db/database.ts";
import { startEmbedded } from "../../src/db/embedded.ts";
import { startSink } from "../smtp-sink.ts";
import { maybe, randomFrom } from "./chance.ts";
import { arrivals, judge } from "./invariants.ts";
import type { Outcome } from "./scene.ts";
import { CONNECTIONS } from "./stage.ts";
import { root } from "./workers.ts";

const BEGAN = Temporal.Instant.from("2026-12-01T09:00:00Z");

type Wanted = { readonly people: number; readonly days: readonly number[]; readonly killsADay: number };

export async function runKilled({ people, days, killsADay }: Wanted, seed: number): Promise<Outcome> {
  const began = performance.now();
  const random = randomFrom(seed);
  const folder = mkdtempSync(join(tmpdir(), "tidings-killed-"));
  const dataDir = join(folder, "data");
  const record = arrivals();
  const sink = await startSink({ recipient: () => "slow", slowMs: 30 });
  record.listen(sink);
  write(folder, people, days);
  const counts = { program: 0, database: 0 };
  const broken: string[] = [];

  const start = (now: Temporal.Instant) =>
    run(
      folder,
      `run campaign.yaml --people leads.csv --json --now ${now.toString()}`.split(" "),
      `smtp://127.0.0.1:${sink.port}?connections=${CONNECTIONS}`,
    );

  /** Runs it and kills it, or its database, while it starts, imports or plans, or once some mails are there. */
  async function killed(now: Temporal.Instant): Promise<void> {
    const { child } = start(now);
    const from = record.mails.length;
    // So that mail of this day is left for each of its kills.
    const most = 1 + (random() * people * 1.2) / killsADay;
    const early = random() < 0.3;
    await maybe(
      () => child.exitCode !== null || record.mails.length - from >= most,
      early ? 500 + random() * 2500 : 15_000,
    );
    const database = random() < 0.3 ? postmasterOf(dataDir) : null;
    if (child.exitCode !== null) return;
    process.kill(database ?? child.pid!, "SIGKILL");
    counts[database === null ? "program" : "database"] += 1;
    // A program whose database was killed starts it again and goes on: it is stopped too, so that the next run is its own.
    if (database !== null) await maybe(() => child.exitCode !== null, 1000 + random() * 1000);
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    }
  }

  try {
    for (const day of days) {
      let now = BEGAN.add({ hours: 24 * day });
      for (let count = 0; count < killsADay; count += 1) {
        await killed(now);
        // A claim of a dead process lapses after a minute.
        now = now.add({ minutes: 2 });
      }
      const { child, output } = start(now);
      await once(child, "exit");
      if (child.exitCode !== 0) broken.push(`the last run of day ${day} ended with ${child.exitCode}: ${output()}`);
    }
    const embedded = await startEmbedded({ dataDir, log: () => undefined }, Temporal.Now.instant());
    const database = openDatabase(embedded.connection);
    try {
      const total = counts.program + counts.database;
      const expected = { mostTwice: total * CONNECTIONS, left: new Map(), people, steps: days.length };
      const verdict = await judge(database, record.mails, expected);
      if (total < days.length * killsADay * 0.8) broken.push(`only ${total} kills were done`);
      const fault = `tidings run killed ×${total} (${counts.program} the program, ${counts.database} its database)`;
      const seconds = Math.round((performance.now() - began) / 1000);
      return { ...verdict, fault, seconds, broken: [...verdict.broken, ...broken] };
    } finally {
      await database.close();
      await embedded.stop();
    }
  } finally {
    await sink.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function write(folder: string, people: number, days: readonly number[]): void {
  const steps = days.map(
    (day, at) =>
      `  - sendAfterDays: ${day}\n    subject: "Step ${at + 1}, {{ first_name }}"\n    body: Hello {{ first_name }}`,
  );
  writeFileSync(
    join(folder, "campaign.yaml"),
    `campaign: Killed\nsender: { name: Ana, email: ana@example.com }\npostalAddress: 1 Example Street\nstartDate: ${BEGAN.toString().slice(0, 10)}\nschedule:\n${steps.join("\n")}\n`,
  );
  const leads = Array.from({ length: people }, (_, at) => `Person,N${at},person${at}@example.org`);
  writeFileSync(join(folder, "leads.csv"), `First Name,Last Name,Email\n${leads.join("\n")}\n`);
}

function run(folder: string, words: readonly string[], smtp: string): { child: ChildProcess; output: () => string } {
  const child = spawn(join(root, "bin", "tidings"), [...words, "--smtp", smtp], {
    cwd: folder,
    env: { ...process.env, TIDINGS_DATA_DIR: join(folder, "data"), DATABASE_URL: undefined },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => (output += text.toString()));
  return { child, output: () => output };
}

/** The postmaster's process id, wherever the cluster lies in the data folder; null before it runs. */
function postmasterOf(dataDir: string): number | null {
  const base = join(dataDir, "postgres");
  if (!existsSync(base)) return null;
  const found = readdirSync(base, { recursive: true, encoding: "utf8" }).find((path) =>
    path.endsWith("postmaster.pid"),
  );
  const pid = found ? Number(readFileSync(join(base, found), "utf8").split("\n")[0]) : Number.NaN;
  return Number.isInteger(pid) ? pid : null;
}
