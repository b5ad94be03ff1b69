import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "tidings-inbound-"));
afterAll(() => rmSync(folder, { recursive: true }));
const root = join(import.meta.dirname, "../..");

/** Runs the command as a process of its own, with no database to be found. */
async function classify(...files: string[]) {
  const env = { PATH: process.env["PATH"], HOME: folder, DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
  const run = promisify(execFile)(join(root, "bin/tidings"), ["inbound", "classify", "--json", ...files], { env });
  return run.then(
    (done) => ({ ...done, code: 0 }),
    (failed: { stdout: string; stderr: string; code: number }) => failed,
  );
}

it("one JSON line a file, without a database; a file that cannot be read is told of beside them", async () => {
  const [bounce, reply] = [join(folder, "bounce.eml"), join(folder, "reply.eml")];
  writeFileSync(
    bounce,
    "From: MAILER-DAEMON@mx.example.net\nTo: marta@example.com\nSubject: failure notice\n\nCould not be delivered.\n\n<ana@example.org>:\n550 5.1.1 No such user\n",
  );
  writeFileSync(reply, "From: Ana <ana@example.org>\nTo: marta@example.com\nSubject: Re: Hello\n\nYes.\n");
  const { stdout, stderr, code } = await classify(bounce, join(folder, "none.eml"), folder, reply);
  expect(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    {
      file: bounce,
      kind: "bounce",
      verdicts: [
        { recipient: "ana@example.org", status: "5.1.1", replyCode: "550", reason: "user-unknown", hard: true },
      ],
    },
    { file: reply, kind: "reply", verdicts: [] },
  ]);
  expect(stderr).toMatch(/none\.eml cannot be read/);
  expect(stderr).not.toMatch(/\bat .*\.ts:/);
  expect(stderr.trim().split("\n")).toHaveLength(2);
  expect(code).toBe(1);
});
