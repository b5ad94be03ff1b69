/** `npm run bounces`: how well received mail is recognised, against messages with known verdicts. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { classifyInbound } from "../src/core/inbound/classify.ts";

type Expected = { recipient: string | null; status: string; replyCode: string; reason: string; hardBounce: boolean };

const folder =
  process.argv.slice(2).find((word) => !word.startsWith("--")) ??
  join(import.meta.dirname, "../../shared/data/bounces");
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Record<string, Expected[]>;
const verbose = process.argv.includes("--verbose");

const print = (text: string) => void process.stdout.write(`${text}\n`);
/** What a file's first verdict is called where it is no bounce; a set of one's own may say the kind itself. */
const KINDS: Readonly<Record<string, string>> = {
  reply: "reply",
  unsubscribe: "unsubscribe",
  other: "other",
  feedback: "complaint",
  vacation: "auto-reply",
  delivered: "delivered",
};
const ANSWERS = new Set(["reply", "auto-reply", "unsubscribe"]);
const count = {
  detected: 0,
  recipient: 0,
  status: 0,
  statusOf: 0,
  hard: 0,
  falseHard: 0,
  verdicts: 0,
  soft: 0,
  mistaken: 0,
};
const wrong: string[] = [];
const files = readdirSync(folder).filter((file) => expected[file]);
for (const file of files) {
  const { kind, verdicts } = await classifyInbound(readFileSync(join(folder, file)));
  const wanted = expected[file]!;
  const wantedKind = KINDS[wanted[0]!.reason] ?? "bounce";
  if (kind === wantedKind) count.detected += 1;
  else wrong.push(`${file}: ${kind}, not ${wantedKind}`);
  if (kind === "bounce" && ANSWERS.has(wantedKind)) count.mistaken += 1;
  for (const [at, want] of wanted.entries()) {
    const same = (address: string | null) => address?.toLowerCase() === want.recipient?.toLowerCase();
    const found = verdicts.find(({ recipient }) => same(recipient)) ?? verdicts[at] ?? verdicts[0];
    count.verdicts += 1;
    if (want.recipient === null || same(found?.recipient ?? null)) count.recipient += 1;
    else wrong.push(`${file}: recipient ${found?.recipient}, not ${want.recipient}`);
    if (want.status) {
      count.statusOf += 1;
      if (found?.status?.[0] === want.status[0]) count.status += 1;
      else wrong.push(`${file}: status ${found?.status} ${found?.replyCode}, not ${want.status} (${want.reason})`);
    }
    if (!want.hardBounce) count.soft += 1;
    if ((found?.hard ?? false) === want.hardBounce) count.hard += 1;
    else {
      if (!want.hardBounce) count.falseHard += 1;
      wrong.push(`${file}: hard ${found?.hard} (${found?.reason}), not ${want.hardBounce} (${want.reason})`);
    }
  }
}
if (verbose) print(wrong.join("\n"));
const share = (part: number, whole: number) => (whole === 0 ? 100 : (100 * part) / whole);
const figures: readonly (readonly [string, number, "at least" | "at most", number])[] = [
  ["detection", share(count.detected, files.length), "at least", 99],
  ["recipient", share(count.recipient, count.verdicts), "at least", 98],
  ["4/5 class", share(count.status, count.statusOf), "at least", 98],
  ["hard flag", share(count.hard, count.verdicts), "at least", 98],
  ["false hard", count.soft === 0 ? 0 : share(count.falseHard, count.soft), "at most", 1],
  ["answers taken as bounces", count.mistaken, "at most", 0],
];
print(`${files.length} messages, ${count.verdicts} verdicts`);
for (const [name, value, sense, limit] of figures) {
  const missed = sense === "at least" ? value < limit : value > limit;
  if (missed || files.length === 0) process.exitCode = 1;
  const unit = limit === 0 ? "" : " %";
  print(
    `${name} ${limit === 0 ? value : value.toFixed(2)}${unit} (${sense} ${limit}${unit})${missed ? " MISSED" : ""}`,
  );
}
