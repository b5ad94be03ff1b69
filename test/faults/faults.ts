/** `npm run faults [-- --short]`: breaks everything that can break while mail leaves, and judges by what arrived. Ends with 1 where an invariant fell. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, release } from "node:os";
import { parseArgs } from "node:util";
import type { Outcome } from "./scene.ts";
import { openServer, type Server } from "./stage.ts";
import { LANES, LONG, SCENES, SHORT } from "./suite.ts";

const { values } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    seed: { type: "string", default: "20261201" },
    mails: { type: "string" },
    kills: { type: "string" },
    only: { type: "string" },
    /** Keeps the table in bench/FAULTS.md. */
    record: { type: "boolean", default: false },
  },
});
const usual = values.short ? SHORT : LONG;
const size = { ...usual, mails: Number(values.mails ?? usual.mails), kills: Number(values.kills ?? usual.kills) };
const seed = Number(values.seed);
const say = (text: string) => void process.stderr.write(`${text}\n`);

const NOTHING = { fault: "-", mails: 0, twice: 0, seconds: 0 };
const lines = new Map<string, string>();
let failed = false;
async function play(name: string, server: Server): Promise<void> {
  say(`${name}, seed ${seed}`);
  const outcome = await SCENES[name]!({ server, size, seed, say }).catch((error: unknown): Outcome => ({
    ...NOTHING,
    broken: [String((error as Error).stack)],
  }));
  if (typeof outcome === "string") {
    say(outcome);
    lines.set(name, `| ${name} | ${outcome} | | | | |`);
    return;
  }
  const { fault, mails, twice, seconds, broken } = outcome;
  for (const one of broken) say(`BROKEN ${name}: ${one}`);
  failed ||= broken.length > 0;
  const verdict = broken.length === 0 ? "hold" : "**broken**";
  lines.set(name, `| ${name} | ${fault} | ${mails} | ${twice} | ${seconds} | ${verdict} |`);
  say(lines.get(name)!);
}

await Promise.all(
  LANES.map(async (lane) => {
    const names = lane.filter((name) => !values.only || values.only === name);
    if (names.length === 0) return;
    const server = await openServer();
    try {
      for (const name of names) await play(name, server);
    } finally {
      await server.close();
    }
  }),
);
const table = [
  "| scene | what was done | mails arrived | of them once more | seconds | invariants |",
  "|---|---|---:|---:|---:|---|",
  ...Object.keys(SCENES).flatMap((name) => lines.get(name) ?? []),
].join("\n");
process.stdout.write(`${table}\n`);
if (values.record) {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const words = process.argv.slice(2).filter((word) => word !== "--record");
  const text = `# What the fault suite saw

${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.version}, commit ${commit}; \`npm run faults -- ${words.join(" ")}\`. The machine did other work besides.

${table}

Invariants: nothing lost; nothing out of order for a person; nothing to whoever had left, beyond what had entered DATA by then; what came once more was recorded as in doubt, had the same bytes and Message-ID, and was no more than kills × connections.
`;
  writeFileSync(new URL("../../bench/FAULTS.md", import.meta.url), text);
}
process.exitCode = failed ? 1 : 0;
