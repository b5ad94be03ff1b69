/**
 * How many pictures and links of mails are answered in a second, each once it is recorded, and whether any that was
 * answered is lost when the program is killed. `node bench/track.ts [--seconds 10] [--connections 48]`.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { clickToken, messageKey, openToken } from "../src/core/tracking-links.ts";
import { openDatabase } from "../src/db/database.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";
import { openSecrets } from "../src/secret.ts";
import { cpuOf } from "./sending/processes.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "10" }, connections: { type: "string", default: "48" } },
});
const SECONDS = Number(values.seconds);
const CONNECTIONS = Number(values.connections);
const MAILS = 50_000;
const PORT = 20_000 + (process.pid % 20_000);
const SECRET = "a secret that only this trial uses and nobody else";
const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
/** DESIGN 5. */
const ASKED = { perSecond: 6000, p99Ms: 12 };

const print = (line: string) => void process.stdout.write(`${line}\n`);
const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const folder = mkdtempSync(join(tmpdir(), "tidings-track-"));
const embedded = await startEmbedded({ dataDir: join(folder, "data"), log: () => undefined }, now);
const database = openDatabase(embedded.connection);
const { pool } = database;

async function seed(): Promise<void> {
  await migrate(pool, { log: () => undefined }, now);
  await pool.query(`
    insert into people (kind, full_name, email, email_key, status, created_at, changed_at)
      select 'lead', 'Person ' || n, 'p' || n || '@example.org', 'p' || n || '@example.org', 'Lead', now(), now() from generate_series(1, ${MAILS}) n;
    insert into campaigns (name, created_at, changed_at) values ('Trial', now(), now());
    insert into email_templates (name, created_at, changed_at) values ('Trial', now(), now());
    insert into steps (campaign_id, position, email_template_id, send_after_days, added_at) values (1, 1, 1, 0, now());
    insert into email_campaigns (number, campaign_id, person_id, start_on, end_on, status, created_at, changed_at)
      select 'MAIL-CAMP-2026-' || lpad(n::text, 6, '0'), 1, n, '2026-01-01', '2026-01-01', 'Completed', now(), now() from generate_series(1, ${MAILS}) n;
    insert into messages (email_campaign_id, step_id, person_id, campaign_id, state, due_at, planned_at, planned_on, finished_at, address, attempts)
      select n, 1, n, 1, 'accepted', '2026-01-01', '2026-01-01', '2026-01-01', '2026-01-01', 'p' || n || '@example.org', 1 from generate_series(1, ${MAILS}) n`);
  await pool.query("analyze");
}

const keys = openSecrets({ secret: SECRET, dataDir: folder }).keysFor("links");

/** Two of three are pictures, as in life; a link leads to one of five places. */
function request(nth: number): { bytes: string; about: string } {
  const messageId = ((Math.imul(nth, 2_654_435_761) >>> 0) % MAILS) + 1;
  const key = messageKey(keys, messageId);
  const destination = `https://example.com/offers/${nth % 5}?from=mail`;
  const isOpen = nth % 3 !== 0;
  const path = isOpen
    ? `/o/${openToken(key, messageId)}.gif`
    : `/c/${clickToken(key, { messageId, destination, written: null })}`;
  return {
    bytes: `GET ${path} HTTP/1.1\r\nHost: go.example.com\r\nUser-Agent: ${AGENT}\r\nAccept: */*\r\n\r\n`,
    about: `${messageId} ${isOpen ? "opened" : "clicked"}`,
  };
}

type Loaded = { readonly latencies: number[]; readonly answered: Map<string, number>; failed: number };

/** Each connection asks, waits for the whole answer, and asks again. Ends when told, or when the server is gone. */
function load(requests: readonly ReturnType<typeof request>[], stop: AbortSignal): Promise<Loaded> {
  const loaded: Loaded = { latencies: [], answered: new Map(), failed: 0 };
  let next = 0;
  const one = () =>
    new Promise<void>((done) => {
      const socket = connect(PORT, "127.0.0.1");
      socket.setNoDelay(true);
      let begun = 0;
      let asked = requests[0]!;
      let received = "";
      const ask = () => {
        if (stop.aborted || next >= requests.length) {
          socket.end();
          return;
        }
        asked = requests[next++]!;
        begun = performance.now();
        socket.write(asked.bytes);
      };
      socket.on("connect", ask);
      socket.on("data", (data) => {
        received += data.toString("latin1");
        const head = received.indexOf("\r\n\r\n");
        if (head === -1) return;
        const length = Number(/content-length: (\d+)/i.exec(received)?.[1] ?? 0);
        if (received.length < head + 4 + length) return;
        const status = received.slice(9, 12);
        received = "";
        if (status !== "200" && status !== "302") loaded.failed += 1;
        else loaded.answered.set(asked.about, (loaded.answered.get(asked.about) ?? 0) + 1);
        loaded.latencies.push(performance.now() - begun);
        ask();
      });
      socket.on("error", () => undefined);
      socket.on("close", () => done());
    });
  return Promise.all(Array.from({ length: CONNECTIONS }, one)).then(() => loaded);
}

async function started() {
  const { host, user, database: name } = embedded.connection as { host: string; user: string; database: string };
  const server = spawn(process.execPath, ["src/main.ts", "serve", "--no-sending"], {
    cwd: join(import.meta.dirname, ".."),
    env: {
      ...process.env,
      PORT: String(PORT),
      DATABASE_URL: `postgresql://${user}@/${name}?host=${encodeURIComponent(host)}`,
      TIDINGS_DATA_DIR: folder,
      TIDINGS_SECRET: SECRET,
      LOG_LEVEL: "error",
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  for (let tries = 0; tries < 300; tries += 1) {
    const ready = await fetch(`http://127.0.0.1:${PORT}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return server;
    await sleep(100);
  }
  throw new Error("The program does not answer.");
}

async function recorded(): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ about: string; count: string }>(
    "select message_id || ' ' || kind as about, count(*) from engagements group by 1",
  );
  return new Map(rows.map(({ about, count }) => [about, Number(count)]));
}

const total = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((sum, one) => sum + one, 0);
const at = (sorted: readonly number[], part: number) => sorted[Math.floor(sorted.length * part)] ?? Number.NaN;

try {
  await seed();
  const requests = Array.from({ length: SECONDS * 20_000 }, (_, nth) => request(nth));
  let server = await started();
  await load(requests.slice(0, 5000), AbortSignal.timeout(3000));
  await pool.query("truncate engagements; delete from timeline_entries");
  const cpu = () => [cpuOf(server.pid!), cpuOf(embedded.pid!)] as const;
  const [programBefore, postgresBefore] = cpu();
  const begun = performance.now();
  const { latencies, answered, failed } = await load(requests.slice(5000), AbortSignal.timeout(SECONDS * 1000));
  const seconds = (performance.now() - begun) / 1000;
  const [programAfter, postgresAfter] = cpu();
  const perSecond = latencies.length / seconds;
  const sorted = latencies.toSorted((one, other) => one - other);
  const kept = total(await recorded());

  await pool.query("truncate engagements; delete from timeline_entries");
  let lost = 0;
  const KILLS = 5;
  let answeredBeforeKills = 0;
  const before = new Map<string, number>();
  for (let kill = 0; kill < KILLS; kill += 1) {
    const running = load(requests.slice(kill * 20_000), AbortSignal.timeout(10_000));
    await sleep(700 + kill * 130);
    server.kill("SIGKILL");
    const { answered: told } = await running;
    for (const [about, count] of told) before.set(about, (before.get(about) ?? 0) + count);
    server = await started();
  }
  const after = await recorded();
  for (const [about, count] of before) lost += Math.max(0, count - (after.get(about) ?? 0));
  answeredBeforeKills = total(before);
  server.kill("SIGTERM");

  const verdict = (good: boolean) => (good ? "reached" : "**missed**");
  const p99 = at(sorted, 0.99);
  const lines = [
    "# How fast opens and clicks are recorded",
    "",
    `${cpus().length} × ${cpus()[0]?.model ?? "?"}, Linux ${release()}, Node ${process.version}; load before the end ${loadavg()[0]!.toFixed(1)}; \`node bench/track.ts --seconds ${SECONDS} --connections ${CONNECTIONS}\`. Client, program and PostgreSQL share the machine. Two of three requests are pictures, each answered after the commit of its batch.`,
    "",
    "| | reached | asked | |",
    "| --- | ---: | ---: | --- |",
    `| requests a second | ${Math.round(perSecond).toLocaleString("en")} | >= ${ASKED.perSecond.toLocaleString("en")} | ${verdict(perSecond >= ASKED.perSecond)} |`,
    `| p50, ms | ${at(sorted, 0.5).toFixed(1)} | | |`,
    `| p99, ms | ${p99.toFixed(1)} | <= ${ASKED.p99Ms} | ${verdict(p99 <= ASKED.p99Ms)} |`,
    `| CPU of the program and of PostgreSQL, µs a request | ${Math.round((programAfter - programBefore) / latencies.length)}, ${Math.round((postgresAfter - postgresBefore) / latencies.length)} | | |`,
    `| answered ${total(answered).toLocaleString("en")}, not answered well ${failed}, recorded | ${kept.toLocaleString("en")} | all | ${verdict(kept >= total(answered))} |`,
    `| lost of ${answeredBeforeKills.toLocaleString("en")} answered before ${KILLS} kill -9 | ${lost} | 0 | ${verdict(lost === 0)} |`,
    "",
  ];
  writeFileSync(join(import.meta.dirname, "RESULTS-track.md"), lines.join("\n"));
  print(lines.join("\n"));
} finally {
  await database.close();
  await embedded.stop();
  rmSync(folder, { recursive: true, force: true });
}
