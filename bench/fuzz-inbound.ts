/**
 * `npm run fuzz:inbound -- --seconds 600 --seed 1 [folder]`: mutated mails through everything that reads received mail.
 * Ends with 1, and keeps the mail, when one throws, breaks what is promised, or takes longer than a second.
 */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { broken, chance, mutated, SEEDS } from "./mutate.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string", default: "1" } },
});
const MOST_MS = 1000;
const untilMs = performance.now() + Number(values.seconds) * 1000;
const random = chance(Number(values.seed));
const seeds: Buffer[] = SEEDS.map((text) => Buffer.from(text, "utf8"));
for (const folder of positionals)
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".eml")))
    seeds.push(readFileSync(join(folder, file)));

const keep = mkdtempSync(join(tmpdir(), "tidings-fuzz-"));
const count = { mails: 0, bytes: 0, failures: 0, slowestMs: 0 };
const kinds: Record<string, number> = {};

const timed = async (bytes: Uint8Array) => {
  const began = process.cpuUsage();
  const result = await broken(bytes);
  const { user, system } = process.cpuUsage(began);
  return { ...result, ms: (user + system) / 1000 };
};

while (performance.now() < untilMs) {
  const bytes = mutated(random, seeds);
  let { problem, kind, ms } = await timed(bytes);
  // The machine has other things to do, too: only what is slow again is slow.
  if (ms > MOST_MS) ms = Math.min(ms, (await timed(bytes)).ms);
  if (ms > MOST_MS) problem ??= `it took ${Math.round(ms)} ms`;
  count.mails += 1;
  count.bytes += bytes.length;
  count.slowestMs = Math.max(count.slowestMs, ms);
  kinds[kind ?? "none"] = (kinds[kind ?? "none"] ?? 0) + 1;
  if (problem === null) continue;
  count.failures += 1;
  const file = join(keep, `${count.failures}.eml`);
  writeFileSync(file, bytes);
  process.stdout.write(`${file}: ${problem}\n`);
  process.exitCode = 1;
  if (count.failures >= 20) break;
}
const rss = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(
  `${count.mails} mails of ${Math.round(count.bytes / Math.max(1, count.mails))} bytes on average, ${count.failures} failures, slowest ${Math.round(count.slowestMs)} ms, at most ${rss} MB\n${JSON.stringify(kinds)}\n`,
);
