/**
 * `npm run bounces`: how well received mail is recognised, against messages with known verdicts. Ends with 1 when a figure
 * is missed. `--verbose` names what is wrong; `--perturbed` scores the same mails written, folded and wrapped otherwise.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { classifyInbound } from "../src/core/inbound/classify.ts";
import { type Perturbation, PERTURBATIONS } from "./perturb.ts";

type Expected = { recipient: string | null; status: string; replyCode: string; reason: string; hardBounce: boolean };

const words = process.argv.slice(2);
const folder = words.find((word) => !word.startsWith("--")) ?? join(import.meta.dirname, "../../shared/data/bounces");
const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Record<string, Expected[]>;
const files = readdirSync(folder).filter((file) => expected[file]);
const verbose = words.includes("--verbose");

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

type Count = Record<
  "detected" | "recipient" | "status" | "statusOf" | "hard" | "falseHard" | "verdicts" | "soft" | "mistaken",
  number
>;

/** Scores every file, changed first where a perturbation is given. */
async function score(changed?: Perturbation): Promise<{ count: Count; wrong: string[] }> {
  const count: Count = {
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
  for (const file of files) {
    const original = readFileSync(join(folder, file));
    // As latin1 the bytes stay what they are.
    const bytes = changed ? Buffer.from(changed.change(original.toString("latin1")), "latin1") : original;
    const { kind, verdicts } = await classifyInbound(bytes);
    const wanted = expected[file]!;
    const wantedKind = KINDS[wanted[0]!.reason] ?? "bounce";
    if (kind === wantedKind) count.detected += 1;
    else wrong.push(`${file}: ${kind}, not ${wantedKind}`);
    if (kind === "bounce" && ANSWERS.has(wantedKind)) count.mistaken += 1;
    for (const [at, want] of wanted.entries()) {
      // What is encoded within the mail keeps its address.
      const named = [want.recipient, want.recipient && changed?.address?.(want.recipient)].map((one) =>
        one?.toLowerCase(),
      );
      const same = (address: string | null) => address !== null && named.includes(address.toLowerCase());
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
  return { count, wrong };
}

type Figure = { name: string; value: number; unit: string; sense: "at least" | "at most"; limit: number };

function figuresOf(count: Count): Figure[] {
  const share = (part: number, whole: number) => (whole === 0 ? 0 : (100 * part) / whole);
  const least = (name: string, part: number, whole: number, limit: number): Figure => {
    return { name, value: share(part, whole), unit: " %", sense: "at least", limit };
  };
  return [
    least("detection", count.detected, files.length, 99),
    least("recipient", count.recipient, count.verdicts, 98),
    least("4/5 class", count.status, count.statusOf, 98),
    least("hard flag", count.hard, count.verdicts, 98),
    { name: "false hard", value: share(count.falseHard, count.soft), unit: " %", sense: "at most", limit: 1 },
    { name: "answers taken as bounces", value: count.mistaken, unit: "", sense: "at most", limit: 0 },
  ];
}

const isMissed = ({ value, sense, limit }: Figure) => (sense === "at least" ? value < limit : value > limit);
const shown = ({ value, unit }: Figure) => (unit === "" ? String(value) : value.toFixed(2) + unit);

const plain = await score();
if (verbose) print(plain.wrong.join("\n"));
print(`${files.length} messages, ${plain.count.verdicts} verdicts`);
for (const figure of figuresOf(plain.count)) {
  if (isMissed(figure)) process.exitCode = 1;
  print(
    `${figure.name} ${shown(figure)} (${figure.sense} ${figure.limit}${figure.unit})${isMissed(figure) ? " MISSED" : ""}`,
  );
}
if (words.includes("--perturbed"))
  for (const change of PERTURBATIONS) {
    const { count, wrong } = await score(change);
    const figures = figuresOf(count);
    print(
      `${change.name}: ${figures.map((one) => `${one.name} ${shown(one)}${isMissed(one) ? " MISSED" : ""}`).join(", ")}`,
    );
    if (verbose)
      print(
        wrong
          .filter((one) => !plain.wrong.includes(one))
          .map((one) => `  ${one}`)
          .join("\n"),
      );
  }
