/** The main job as somebody at a command line does it: a file, a CSV, a server; again, and later. The real program. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RunResult } from "../../src/cli/run-campaign.ts";
import { type Sink, startSink } from "../smtp-sink.ts";

const root = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "tidings-run-"));
const file = join(folder, "campaign.yaml");
const people = join(folder, "leads.csv");
let sink: Sink;

type Ended = { code: number; out: string; err: string };

function tidings(...args: string[]): Promise<Ended> {
  const env = { ...process.env, TIDINGS_DATA_DIR: join(folder, "data"), DATABASE_URL: undefined };
  return new Promise((resolve) => {
    execFile(join(root, "bin", "tidings"), args, { cwd: folder, env }, (error, out, err) =>
      resolve({ code: typeof error?.code === "number" ? error.code : error ? 1 : 0, out, err }),
    );
  });
}

async function run(now: string, ...more: string[]): Promise<RunResult> {
  const { code, out, err } = await tidings("run", file, "--people", people, ...more, "--now", now, "--json");
  expect(code, err + out).toBe(0);
  return JSON.parse(out) as RunResult;
}

beforeAll(async () => {
  sink = await startSink();
  cpSync(join(root, "docs", "examples"), folder, { recursive: true });
});

afterAll(async () => {
  await sink.close();
  rmSync(folder, { recursive: true, force: true });
});

it("without a server the mail of the example lands in the mailbox, and can be read there", async () => {
  const first = await run("2026-12-01T09:00Z");
  expect(first).toMatchObject({ started: 3, sent: 3, import: { read: 3, bad: 0 }, next: { count: 3 }, problems: [] });
  const { out } = await tidings("mailbox", "list", "--json");
  const { data } = JSON.parse(out) as { data: { id: number; subject: string }[] };
  expect(data.map((mail) => mail.subject).toSorted()).toEqual(["Welcome, Ada", "Welcome, Bo", "Welcome, friend"]);
  const shown = await tidings("mailbox", "show", String(data[0]!.id));
  expect(shown.out).toContain("Example Ltd, 1 Example Street, Lisbon");
  expect(shown.out).toMatch(/Unsubscribe: http:\/\/localhost:3000\/u\/\S+/);
});

it("E53 the same run again starts nobody twice and sends nothing more", async () => {
  expect(await run("2026-12-01T09:00Z")).toMatchObject({
    started: 0,
    sent: 0,
    leftOut: { "started-before": 3 },
    import: { created: 0, updated: 0, unchanged: 3 },
  });
});

it("E49 a later run sends what has become due, by the server named", async () => {
  const server = ["--smtp", `smtp://127.0.0.1:${sink.port}`];
  expect((await run("2026-12-05T08:59Z", ...server)).sent).toBe(0);
  expect((await run("2026-12-05T09:00Z", ...server)).sent).toBe(3);
  expect(sink.messages.map((mail) => mail.to).toSorted()).toEqual([
    "ada@example.com",
    "bo@example.com",
    "office@example.org",
  ]);
  expect(sink.messages[0]!.data.toString()).toContain("Subject: Three things worth trying first");
});

it("E9 an edited file reaches those on their way: a new step, a reworded one, and newcomers from their own start", async () => {
  const edited = readFileSync(file, "utf8")
    .replace("Shall we talk?", "Shall we talk soon?")
    .concat('  - sendAfterDays: 12\n    subject: "One more thing"\n    body: Bye\n');
  writeFileSync(file, edited);
  writeFileSync(people, `${readFileSync(people, "utf8")}Cy,Nova,Nova Ltd,cy@example.com,Spain\n`);
  const newcomer = await run("2026-12-06T10:00Z");
  expect(newcomer).toMatchObject({ started: 1, sent: 1 });
  expect(newcomer.steps).toHaveLength(4);
  const later = await run("2026-12-11T09:00Z");
  expect(later.steps.map((step) => step.sentNow)).toEqual([0, 1, 3, 0]);
  expect(sink.messages.at(-1)!.data.toString()).toMatch(/Subject: (?:Shall we talk soon\?|Three things)/);
  expect(await run("2026-12-13T09:00Z")).toMatchObject({ sent: 3, statuses: { Completed: 3, "In Progress": 1 } });
});

it("says for each step why it was sent and what comes next", async () => {
  const { out } = await tidings("campaign", "explain", "MAIL-CAMP-2026-00004", "--json");
  const told = JSON.parse(out) as { status: string; steps: { code: string }[] };
  expect(told.status).toBe("In Progress");
  expect(told.steps[0]!.code).toBe("sent");
});

it("a wrong file, CSV or server is refused with one sentence that says where, and nothing is sent", async () => {
  const before = sink.messages.length;
  const bad = join(folder, "bad.yaml");
  writeFileSync(bad, readFileSync(file, "utf8").replace("{{ first_name | default('friend') }}", "{{ first_nam }}"));
  const unknown = await tidings("run", bad, "--people", people);
  expect(unknown.code).toBe(1);
  expect(unknown.err).toMatch(/Step 1.*first_nam.*first_name/);
  writeFileSync(bad, "campaign: X\nschedule:\n  - sendAfterDays: -1\n    subject: y\n    body: z\n");
  const negative = await tidings("run", bad);
  expect([negative.code, negative.err]).toEqual([1, expect.stringContaining("bad.yaml")]);
  const missing = await tidings("run", file, "--people", join(folder, "none.csv"));
  expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("cannot be read")]);
  const server = await tidings("run", file, "--smtp", "http://example.com");
  expect([server.code, server.err]).toEqual([1, expect.stringContaining("smtp://")]);
  expect(sink.messages).toHaveLength(before);
});

it("when no server takes the mail, it waits, the run says so, and the next one sends it", async () => {
  const before = sink.messages.length;
  const nobody = await tidings("run", file, "--smtp", "smtp://127.0.0.1:1", "--now", "2026-12-16T10:00Z", "--json");
  const told = JSON.parse(nobody.out) as RunResult;
  expect([nobody.code, told.sent, told.problems.length]).toEqual([1, 0, 1]);
  const now = "2026-12-16T10:05Z";
  const server = `smtp://127.0.0.1:${sink.port}`;
  const { out } = await tidings("run", file, "--smtp", server, "--now", now, "--json");
  expect((JSON.parse(out) as RunResult).sent).toBe(1);
  expect(sink.messages).toHaveLength(before + 1);
});
