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
const KINDS: Readonly<Record<string, string>> = {
  feedback: "complaint",
  vacation: "auto-reply",
  delivered: "delivered",
};
const count = { detected: 0, recipient: 0, status: 0, statusOf: 0, hard: 0, falseHard: 0, verdicts: 0, soft: 0 };
const wrong: string[] = [];
const files = readdirSync(folder).filter((file) => expected[file]);
for (const file of files) {
  const { kind, verdicts } = await classifyInbound(readFileSync(join(folder, file)));
  const wanted = expected[file]!;
  const wantedKind = KINDS[wanted[0]!.reason] ?? "bounce";
  if (kind === wantedKind) count.detected += 1;
  else wrong.push(`${file}: ${kind}, not ${wantedKind}`);
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
const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`;
print(
  [
    `${files.length} messages, ${count.verdicts} verdicts`,
    `detection ${percent(count.detected, files.length)} (at least 99)`,
    `recipient ${percent(count.recipient, count.verdicts)} (at least 98)`,
    `4/5 class ${percent(count.status, count.statusOf)} (at least 98)`,
    `hard flag ${percent(count.hard, count.verdicts)} (at least 98)`,
    `false hard ${percent(count.falseHard, count.soft)} (at most 1)`,
  ].join("\n"),
);
