/**
 * `npm run hosts`: workers on two hosts over one PostgreSQL. How fast one, two and four of them are, and what becomes of
 * mail when a host is cut off and a worker is killed in the middle. Needs root; the table is bench/HOSTS.md.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { until } from "../faults/chance.ts";
import { type Outcome, scene, through } from "../faults/scene.ts";
import { CONNECTIONS, openServer, openStage, STEPS } from "../faults/stage.ts";
import { drain, kill, startWorker, type Worker } from "../faults/workers.ts";
import { type Host, openHosts, RELAY_PORT } from "./network.ts";

const { values } = parseArgs({
  options: { people: { type: "string", default: "2000" }, record: { type: "boolean", default: false } },
});
const people = Number(values.people);
const say = (text: string) => void process.stderr.write(`${text}\n`);
/** A lease of 60 seconds, and every 15 somebody looks. */
const RECOVERED_WITHIN_S = 75;

if (process.getuid?.() !== 0) {
  say("This needs root, to make network namespaces.");
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), "tidings-hosts-"));
const network = await openHosts(2);
process.once("exit", () => network.close());
const rules = join(folder, "hba.conf");
writeFileSync(rules, "local all all trust\nhost all all 10.213.0.0/16 trust\n", { mode: 0o644 });
execFileSync("chmod", ["0755", folder]);
const server = await openServer(undefined, { listen_addresses: "*", hba_file: rules });
const lines: string[] = [];
let failed = false;

function report(name: string, { fault, mails, twice, broken }: Outcome, more: string): void {
  for (const one of broken) say(`BROKEN ${name}: ${one}`);
  failed ||= broken.length > 0;
  lines.push(`| ${name} | ${fault} | ${mails} | ${twice} | ${more} | ${broken.length === 0 ? "hold" : "**broken**"} |`);
  say(lines.at(-1)!);
}

const stageOf = (relay: object) =>
  openStage(server, people, {
    relay,
    waits: true,
    proxied: async (port) => {
      network.relay(port);
      return RELAY_PORT;
    },
  });
type Stage = Awaited<ReturnType<typeof stageOf>>;

function workerOn(host: Host, stage: Stage, at: number): Worker {
  const { user, database } = stage.connection;
  const url = `postgresql://${user}@${host.us}:5432/${database}`;
  return startWorker(stage.environment(at, { DATABASE_URL: url }), { host: host.name });
}

async function speed(count: number): Promise<void> {
  const stage = await stageOf({});
  const workers: Worker[] = [];
  let rate = 0;
  const outcome = await scene(stage, workers, async () => {
    for (let at = 0; at < count; at += 1) workers.push(workerOn(network.hosts[at % 2]!, stage, at));
    await Promise.all(workers.map(({ ready }) => ready));
    const began = performance.now();
    await stage.begin();
    await until("all mails", () => stage.mails.length >= people * STEPS, 300_000);
    rate = Math.round((people * STEPS * 1000) / (performance.now() - began));
    await through(stage);
    return {
      fault: `${count} ${count === 1 ? "worker" : "workers"} on ${count === 1 ? "1 host" : "2 hosts"}`,
      mostTwice: 0,
    };
  });
  report("speed", outcome, `${rate} mails/s`);
}

async function cutAndKilled(): Promise<void> {
  const [one, other] = network.hosts as [Host, Host];
  const stage = await stageOf({ recipient: () => "slow", slowMs: 100 });
  const workers: Worker[] = [];
  let recoveredS = 0;
  const outcome = await scene(stage, workers, async () => {
    for (const [at, host] of [one, one, other, other].entries()) workers.push(workerOn(host, stage, at));
    await Promise.all(workers.map(({ ready }) => ready));
    await stage.begin();
    await until("mail leaves", () => stage.mails.length > people / 2, 120_000);
    // The host that has mail in its hands is cut off; on the other one a worker is killed.
    const on = (host: Host) => workers.filter((_, at) => (at < 2 ? one : other) === host);
    const idsOn = (host: Host) => on(host).flatMap((worker) => worker.id() ?? []);
    const first = (await stage.held(idsOn(one))) > (await stage.held(idsOn(other)));
    const [cut, spared] = first ? [one, other] : [other, one];
    const ids = [
      ...idsOn(cut),
      ...on(spared)
        .slice(0, 1)
        .flatMap((worker) => worker.id() ?? []),
    ];
    cut.pull();
    const began = performance.now();
    await kill(on(spared)[0]!);
    const held = await stage.held(ids);
    await until("their leases are taken over", async () => (await stage.held(ids)) === 0, 120_000);
    recoveredS = Math.round((performance.now() - began) / 1000);
    stage.relay.slowMs = 5;
    await through(stage);
    cut.plug();
    // They come back to a database in which nothing is theirs any more.
    await Promise.all(on(cut).map((worker) => drain(worker)));
    return {
      fault: `a host with two workers that hold ${held} mails cut off, one of two on the other killed`,
      mostTwice: 3 * CONNECTIONS,
      broken: [
        ...(recoveredS > RECOVERED_WITHIN_S ? [`leases were taken over after ${recoveredS} s`] : []),
        ...(held === 0 ? ["nobody held anything, so nothing was seen"] : []),
      ],
    };
  });
  report("cut off", outcome, `leases recovered in ${recoveredS} s`);
}

try {
  for (const count of [1, 2, 4]) await speed(count);
  await cutAndKilled();
} finally {
  await server.close();
  network.close();
  rmSync(folder, { recursive: true, force: true });
}
const table = [
  "| scene | what was done | mails arrived | of them once more | seen | invariants |",
  "|---|---|---:|---:|---|---|",
  ...lines,
].join("\n");
process.stdout.write(`${table}\n`);
if (values.record) {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const text = `# Workers on several hosts

${new Date().toISOString().slice(0, 10)}, two network namespaces on ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.version}, commit ${commit}; \`npm run hosts -- --people ${people}\`. Workers, PostgreSQL, the relay and a forwarder on each side share these cores, and the machine did other work besides: the speeds say how the workers share, not how fast they are (see RESULTS.md for that).

${table}

Invariants: those of FAULTS.md. A lease lasts 60 seconds and is looked for every 15, so what a host held is taken over within 75.
`;
  writeFileSync(new URL("../../bench/HOSTS.md", import.meta.url), text);
}
process.exitCode = failed ? 1 : 0;
