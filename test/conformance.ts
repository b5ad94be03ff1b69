/**
 * Prints every line E1 to E132 with the test that covers it: holds, or waiting with the reason; exits 1 on anything else.
 * A test covers a line when its title names the number. `--reports` reads the reports the suites just wrote; without it
 * the tests that name a number are run now.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { lines, mayWait, partly } from "./conformance-lines.ts";

type Report = {
  testResults: { name: string; assertionResults: { title: string; fullName: string; status: string }[] }[];
};
type Covering = { where: string; title: string; passed: boolean };

const root = join(import.meta.dirname, "..");
const projects = ["unit", "integration", "scenarios"];
const reportOf = (project: string) => join(root, ".vitest", `${project}.json`);

const { values: options } = parseArgs({ options: { reports: { type: "boolean" }, json: { type: "boolean" } } });
if (!options.reports) for (const project of projects) run(project);
const covered = coverage();
const rows = lines.map((text, index) => judge(index + 1, text, covered.get(index + 1) ?? []));
print(rows);

function run(project: string): void {
  const vitest = join(root, "node_modules", ".bin", "vitest");
  const args = ["run", "--project", project, "-t", "\\bE\\d+", "--reporter=json", `--outputFile=${reportOf(project)}`];
  process.stderr.write(`running the ${project} tests that name a line…\n`);
  spawnSync(vitest, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
}

function coverage(): Map<number, Covering[]> {
  const found = new Map<number, Covering[]>();
  for (const project of projects) {
    if (!existsSync(reportOf(project))) throw new Error(`No report of the ${project} tests: run npm test first.`);
    const report = JSON.parse(readFileSync(reportOf(project), "utf8")) as Report;
    for (const file of report.testResults)
      for (const test of file.assertionResults) {
        if (test.status === "skipped" || test.status === "pending" || test.status === "todo") continue;
        const where = relative(root, file.name);
        for (const number of numbersIn(test.fullName))
          found.set(number, [
            ...(found.get(number) ?? []),
            { where, title: test.title, passed: test.status === "passed" },
          ]);
      }
  }
  return found;
}

/** `E25, E30` names two lines, `E39–E41` three. */
function numbersIn(title: string): Set<number> {
  const numbers = new Set<number>();
  for (const [, from, to] of title.matchAll(/\bE(\d{1,3})(?:\s*[–-]\s*E(\d{1,3}))?\b/g))
    for (let number = Number(from); number <= Number(to ?? from); number += 1) numbers.add(number);
  return numbers;
}

function judge(number: number, text: string, tests: Covering[]) {
  const failed = tests.find((test) => !test.passed);
  const passed = tests.find((test) => test.passed);
  const waitsFor = mayWait[number];
  if (failed) return { number, text, verdict: "fail", because: `${failed.where}: ${failed.title}` };
  if (passed && !(waitsFor && partly.has(number)))
    return { number, text, verdict: "holds", because: `${passed.where}: ${passed.title}` };
  if (waitsFor) return { number, text, verdict: "waiting", because: waitsFor };
  return { number, text, verdict: "fail", because: "no test names it" };
}

function print(judged: ReturnType<typeof judge>[]): void {
  const count = (verdict: string) => judged.filter((row) => row.verdict === verdict).length;
  if (options.json) process.stdout.write(`${JSON.stringify(judged)}\n`);
  else
    for (const row of judged)
      process.stdout.write(`E${row.number} ${row.verdict}: ${row.text}\n      ${row.because}\n`);
  process.stdout.write(`${count("holds")} hold, ${count("waiting")} waiting, ${count("fail")} fail\n`);
  process.exitCode = count("fail") > 0 ? 1 : 0;
}
