/**
 * How fast mail leaves: a durable row each, against a loop of stock parts that records nothing, and against a source that
 * composes nothing. All into the same sink, in turn, several rounds, medians. `npm run bench [-- --quick]`.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openDatabase } from "../src/db/database.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";
import { openSecrets } from "../src/secret.ts";
import { cpuOf, runSource, startHelper, startSink, startWorkers, type Took } from "./sending/processes.ts";
import { seed, signing, startAll } from "./sending/seed.ts";

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "50" },
    /** One row of our own with so many mails, for whoever works on it. */
    only: { type: "string" },
    workers: { type: "string", default: "1" },
    /** Rows of more mails are left out. */
    largest: { type: "string", default: "1000000" },
    profile: { type: "string" },
  },
});
const rounds = Number(values.rounds);
const connections = Number(values.connections);
const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const [PORT, FAR_PORT] = [2599, 2598];
const ONE_WAY_MS = 10;
/** As large as the mails of the others. */
const OCTETS = 7000;

type Row = {
  readonly name: string;
  readonly mails: number;
  readonly workers: number;
  readonly dkim?: boolean;
  readonly far?: boolean;
  /** How many mails the stock loop sends in that time; none: it is not asked. */
  readonly stock: number;
};

const quick: Row[] = [
  { name: "plain", mails: 2500, workers: 1, stock: 750 },
  { name: "RSA-2048 DKIM", mails: 2500, workers: 1, dkim: true, stock: 500 },
];
const full: Row[] = [
  { name: "plain", mails: 20_000, workers: 1, stock: 5000 },
  { name: "plain, two workers", mails: 20_000, workers: 2, stock: 0 },
  { name: "RSA-2048 DKIM", mails: 20_000, workers: 1, dkim: true, stock: 5000 },
  { name: "20 ms round trip", mails: 20_000, workers: 1, far: true, stock: 5000 },
  { name: "plain, 100,000", mails: 100_000, workers: 1, stock: 0 },
  { name: "plain, 1,000,000", mails: 1_000_000, workers: 1, stock: 0 },
];
const only: Row[] = [{ name: "ours", mails: Number(values.only), workers: Number(values.workers), stock: 0 }];
const rows = (values.only ? only : values.quick ? quick : full).filter(({ mails }) => mails <= Number(values.largest));

/** Of one side in one round. */
type Measured = {
  readonly rate: number;
  readonly client: number;
  readonly postgres: number;
  readonly sink: number;
  readonly megabytes: number;
};
type Line = { readonly row: Row; readonly ours: Measured; readonly stock?: Measured; readonly source?: Measured };

const key = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "pem", type: "pkcs8" });

/** Rows over one database: of so many people, and at the same distance from the sink. Signing comes last: it stays. */
async function measure(group: readonly Row[]): Promise<Line[]> {
  const [{ mails, far: isFar }] = group as readonly [Row, ...Row[]];
  const folder = mkdtempSync(join(tmpdir(), "tidings-bench-"));
  const dataDir = join(folder, "data");
  const embedded = await startEmbedded({ dataDir, log: () => undefined }, now);
  const database = openDatabase(embedded.connection);
  const sink = await startSink(PORT);
  const far = isFar
    ? await startHelper(new URL("sending/delay.ts", import.meta.url), {
        port: FAR_PORT,
        to: PORT,
        oneWayMs: ONE_WAY_MS,
      })
    : undefined;
  const port = far ? FAR_PORT : PORT;
  try {
    await migrate(database.pool, { log: () => undefined }, now);
    const secrets = openSecrets({ secret: "a secret that only the bench uses", dataDir });
    const seeded = await seed(database, secrets, { people: mails, port, connections }, now);
    const { rows: settings } = await database.pool.query("select current_setting('data_directory') as dir");
    const postmaster = Number(readFileSync(join(settings[0].dir, "postmaster.pid"), "utf8").split("\n")[0]);

    const timed = async (count: number, work: () => Promise<readonly Took[]>): Promise<Measured> => {
      const before = [cpuOf(postmaster), cpuOf(sink.pid)] as const;
      const took = await work();
      const ms = Math.max(...took.map((one) => one.ms));
      return {
        rate: (count / ms) * 1000,
        client: took.reduce((sum, one) => sum + one.cpuMicros, 0) / count,
        postgres: (cpuOf(postmaster) - before[0]) / count,
        sink: (cpuOf(sink.pid) - before[1]) / count,
        megabytes: Math.max(...took.map((one) => one.rss)),
      };
    };
    const lines: Line[] = [];
    for (const row of group) {
      if (row.dkim) await signing(database, secrets, now);
      const worker = { connection: embedded.connection, now: now.toString(), dataDir };
      const profiling = values.profile ? ["--cpu-prof", `--cpu-prof-dir=${values.profile}`] : [];
      const ourWorkers = await startWorkers(
        new URL("sending/ours.ts", import.meta.url),
        Array.from({ length: row.workers }, () => worker),
        ["--min-semi-space-size=16", "--max-semi-space-size=16", ...profiling], // as bin/tidings has it
      );
      const stockWorkers = await startWorkers(
        new URL("sending/stock.ts", import.meta.url),
        (row.stock > 0 ? cpus() : []).map((_, at, { length }) => ({
          port,
          first: 1 + (at * row.stock) / length,
          mails: row.stock / length,
          connections: Math.ceil(connections / length),
          key: row.dkim ? key : null,
        })),
      );
      const ours = async () => {
        await startAll(database, seeded, now);
        const measured = await timed(row.mails, () => ourWorkers.round());
        const { rows: states } = await database.pool.query("select state, count(*)::int from messages group by 1");
        if (states.length !== 1 || states[0].state !== "accepted" || states[0].count !== row.mails)
          throw new Error(`Not all was sent: ${JSON.stringify(states)}`);
        return measured;
      };
      const stock = () => timed(row.stock, () => stockWorkers.round());
      const source = () =>
        timed(row.mails, async () => [await runSource(port, { mails: row.mails, connections, octets: OCTETS })]);

      const results: { ours: Measured[]; stock: Measured[]; source: Measured[] } = { ours: [], stock: [], source: [] };
      const times = row.mails >= 1_000_000 ? 1 : rounds;
      for (let round = 0; round < times; round += 1) {
        results.ours.push(await ours());
        if (row.stock > 0) results.stock.push(await stock());
        if (row.stock > 0 && !row.dkim) results.source.push(await source());
      }
      await Promise.all([ourWorkers.stop(), stockWorkers.stop()]);
      lines.push({
        row,
        ours: middle(results.ours),
        ...(results.stock.length > 0 && { stock: middle(results.stock) }),
        ...(results.source.length > 0 && { source: middle(results.source) }),
      });
    }
    return lines;
  } finally {
    far?.stop();
    sink.stop();
    await database.close();
    await embedded.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function middle(all: readonly Measured[]): Measured {
  const median = (of: (one: Measured) => number) => all.map(of).toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;
  return {
    rate: median((one) => one.rate),
    client: median((one) => one.client),
    postgres: median((one) => one.postgres),
    sink: median((one) => one.sink),
    megabytes: median((one) => one.megabytes),
  };
}

type Budget = { readonly what: string; readonly reached: number; readonly asked: string; readonly met: boolean };

function budget(lines: readonly Line[]): Budget[] {
  const plain = lines.find(({ row }) => row.name === "plain");
  const signed = lines.find(({ row }) => row.dkim);
  const atLeast = (what: string, reached: number, least: number): Budget => ({
    what,
    reached,
    asked: `>= ${least}`,
    met: reached >= least,
  });
  const atMost = (what: string, reached: number, most: number): Budget => ({
    what,
    reached,
    asked: `<= ${most}`,
    met: reached <= most,
  });
  return [
    ...(plain?.stock
      ? [
          atLeast("ours / stock", plain.ours.rate / plain.stock.rate, 6),
          atLeast("mails/s", plain.ours.rate, 5000),
          atMost("CPU of the worker, µs a mail", plain.ours.client, 200),
          atMost("memory, MB", plain.ours.megabytes, 300),
        ]
      : []),
    ...(signed?.stock ? [atLeast("ours / stock, both with DKIM", signed.ours.rate / signed.stock.rate, 2.5)] : []),
  ];
}

const shown = (value: number) => value.toLocaleString("en", { maximumFractionDigits: value < 20 ? 2 : 0 });
const cells = (of: readonly string[]) => `| ${of.join(" | ")} |`;
const sideOf = (name: string, one: Measured | undefined, row: Row): string[] =>
  one
    ? [
        cells([
          row.name,
          name,
          shown(one.rate),
          one.client ? shown(one.client) : "",
          name === "ours" ? shown(one.postgres) : "",
          shown(one.sink),
          one.megabytes ? shown(one.megabytes) : "",
        ]),
      ]
    : [];

const lines: Line[] = [];
const print = (text: string) => process.stdout.write(`${text}\n`);
const head = [
  cells(["row", "side", "mails/s", "client µs/mail", "PostgreSQL µs/mail", "sink µs/mail", "MB"]),
  cells(["---", "---", "---:", "---:", "---:", "---:", "---:"]),
];
const table: string[] = [];
const groups = Map.groupBy(rows, ({ mails, far }) => `${mails} ${far ?? false}`);
for (const group of groups.values())
  for (const line of await measure(group)) {
    lines.push(line);
    const { row } = line;
    const ours = `ours${row.workers > 1 ? `, ${row.workers} workers` : ""}`;
    const more = [
      ...sideOf(ours, line.ours, row),
      ...sideOf("stock", line.stock, row),
      ...sideOf("smtp-source", line.source, row),
    ];
    table.push(...more);
    for (const one of more) print(one);
  }
const met = budget(lines);
const budgetTable = [
  cells(["budget", "reached", "asked", ""]),
  cells(["---", "---:", "---:", "---"]),
  ...met.map((one) => cells([one.what, shown(one.reached), one.asked, one.met ? "met" : "**missed**"])),
];
if (!values.quick && !values.only) {
  const results = [
    "# How fast mail leaves",
    "",
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.version}; \`npm run bench\`, ${rounds} rounds in turn, medians (one round for a million).`,
    "",
    ...head,
    ...table,
    "",
    ...budgetTable,
    "",
    `Ours: claim, render, compose, SMTP, record, a durable row for every mail, into PostgreSQL on the same machine; ${connections} connections. Stock: nunjucks and a nodemailer pool in one process a core, nothing recorded. smtp-source: mails of the same size that nobody composes. All into Postfix's smtp-sink on the same machine, which costs CPU too.`,
    "",
  ];
  writeFileSync(new URL("RESULTS.md", import.meta.url), results.join("\n"));
}
print(met.map((one) => `${one.what} ${shown(one.reached)} (${one.asked}${one.met ? "" : ", MISSED"})`).join("; "));
if (met.some((one) => !one.met)) process.exitCode = 1;
