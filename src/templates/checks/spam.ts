/** What SpamAssassin says of a mail, where it is installed. Local rules alone: it asks no network. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type SpamVerdict = {
  readonly score: number;
  readonly required: number;
  readonly rules: readonly { readonly name: string; readonly score: number; readonly text: string }[];
};

const TIME_LIMIT_MS = 20_000;
const MAX_ANSWER = 2_000_000;

/** Null where it is not installed, or does not answer in time. One at a time: each is a Perl of its own. */
export function spamVerdict(mail: Buffer, command = "spamassassin"): Promise<SpamVerdict | null> {
  const next = queue.then(() => ask(mail, command));
  queue = next.catch(() => null);
  return next;
}
let queue: Promise<unknown> = Promise.resolve();

async function ask(mail: Buffer, command: string): Promise<SpamVerdict | null> {
  // It writes preferences into its home: one that is thrown away.
  const home = await mkdtemp(join(tmpdir(), "tidings-spam-"));
  try {
    const said = await new Promise<string | null>((resolve) => {
      const child = spawn(command, ["-L", "-t"], {
        env: { HOME: home, PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" },
        stdio: ["pipe", "pipe", "ignore"],
        timeout: TIME_LIMIT_MS,
        killSignal: "SIGKILL",
      });
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (part: string) => {
        if (text.length < MAX_ANSWER) text += part;
      });
      child.on("error", () => resolve(null));
      child.on("close", (code) => resolve(code === 0 ? text : null));
      child.stdin.on("error", () => undefined);
      child.stdin.end(mail);
    });
    return said === null ? null : verdictOf(said);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Reads the report at the end of what `spamassassin -t` prints. */
export function verdictOf(said: string): SpamVerdict | null {
  const report = said.slice(said.lastIndexOf("Content analysis details:"));
  const [, score, required] = /\((-?[\d.]+) points, ([\d.]+) required\)/.exec(report) ?? [];
  if (score === undefined) return null;
  const rules = [...report.matchAll(/^ *(-?\d+\.\d+) ([A-Z][A-Z0-9_]+) +(.*(?:\n {20,}\S.*)*)/gm)].map(
    ([, points, name = "", text = ""]) => ({ name, score: Number(points), text: text.replaceAll(/\s+/g, " ").trim() }),
  );
  return { score: Number(score), required: Number(required), rules: rules.filter((rule) => rule.score > 0) };
}
