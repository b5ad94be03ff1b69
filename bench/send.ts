import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openDatabase } from "../src/db/database.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";
import { openSecrets } from "../src/secret.ts";
import { cpuOf, runWorkers, startSink } from "./sending/processes.ts";
import { seed, startAll } from "./sending/seed.ts";

const { values } = parseArgs({
  options: {
    mails: { type: "string", default: "10000" },
    rounds: { type: "string", default: "3" },
    workers: { type: "string", default: "1" },
    connections: { type: "string", default: "20" },
    profile: { type: "boolean", default: false },
  },
});
const mails = Number(values.mails);
const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const folder = mkdtempSync(join(tmpdir(), "tidings-bench-"));
const dataDir = join(folder, "data");
const embedded = await startEmbedded({ dataDir, log: () => undefined }, now);
const database = openDatabase(embedded.connection);
const sink = await startSink(2599);
try {
  await migrate(database.pool, { log: () => undefined }, now);
  const secrets = openSecrets({ secret: "a secret that only the bench uses", dataDir });
  const seeded = await seed(
    database,
    secrets,
    { people: mails, port: 2599, connections: Number(values.connections) },
    now,
  );
  const { rows } = await database.pool.query(
    "select pg_postmaster_start_time(), current_setting('data_directory') as dir",
  );
  const postmaster = Number(readFileSync(join(rows[0].dir, "postmaster.pid"), "utf8").split("\n")[0]);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    await startAll(database, seeded, now);
    const [pg, si] = [cpuOf(postmaster), cpuOf(sink.pid)];
    const took = await runWorkers(
      new URL("sending/ours.ts", import.meta.url),
      Array.from({ length: Number(values.workers) }, () => ({
        connection: embedded.connection,
        now: now.toString(),
        dataDir,
      })),
      values.profile ? ["--cpu-prof", "--cpu-prof-dir=/tmp/prof"] : [],
    );
    const ms = Math.max(...took.map((one) => one.ms));
    const left = await database.pool.query("select state, count(*)::int from messages group by 1");
    const node = took.reduce((s, o) => s + o.cpuMicros, 0);
    process.stdout.write(
      `${Math.round((mails / ms) * 1000)} mails/s; CPU us a mail: node ${Math.round(node / mails)}, postgres ${Math.round((cpuOf(postmaster) - pg) / mails)}, sink ${Math.round((cpuOf(sink.pid) - si) / mails)}; ${Math.round(took[0]!.rss)} MB ${JSON.stringify(left.rows)}\n`,
    );
  }
} finally {
  sink.stop();
  await database.close();
  await embedded.stop();
  rmSync(folder, { recursive: true, force: true });
}
