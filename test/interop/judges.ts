/** Other people's programs as judges of mails in files: each is started once for all of them. None asks the network anything. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
// The distribution's own, which sees the distribution's packages.
const PYTHON = "/usr/bin/python3";
const TOOLS: Readonly<Record<string, string>> = {
  "python3-dkim": "/usr/bin/dkimverify",
  "python3-nacl": "/usr/lib/python3/dist-packages/nacl/__init__.py",
  opendkim: "/usr/sbin/opendkim",
  spamassassin: "/usr/bin/spamassassin",
};
const MOST_OUTPUT = 500_000_000;

/** Installs what is missing, as root. */
export async function installJudges(): Promise<void> {
  const missing = Object.keys(TOOLS).filter((name) => !existsSync(TOOLS[name]!));
  if (missing.length === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run("apt-get", ["update", "-qq"], { env });
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], { env });
}

/** What Python's email package reads in a mail, and what dkimpy says of each of its signatures. */
export type PythonReads = {
  readonly verified: readonly boolean[];
  readonly defects: readonly string[];
  readonly types: readonly string[];
  readonly subject: string;
  readonly from: string;
  readonly to: { readonly name: string; readonly address: string };
  readonly text: string;
  readonly html: string;
};

/** @param records the DNS records of the signatures by name. */
export async function readByPython(
  folder: string,
  records: Readonly<Record<string, string>>,
  paths: readonly string[],
): Promise<PythonReads[]> {
  const known = join(folder, "records.json");
  writeFileSync(known, JSON.stringify(records));
  // A command line has an end; a folder of mails may be longer.
  const list = join(folder, "paths.json");
  writeFileSync(list, JSON.stringify(paths));
  const { stdout } = await run(PYTHON, [join(import.meta.dirname, "verify.py"), known, list], {
    maxBuffer: MOST_OUTPUT,
  });
  return JSON.parse(stdout);
}

/** What OpenDKIM says of each file: one line, in the order of the files. */
export async function openDkim(
  folder: string,
  records: Readonly<Record<string, string>>,
  paths: readonly string[],
): Promise<string[]> {
  const keys = join(folder, "keys.txt");
  writeFileSync(
    keys,
    Object.entries(records)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(""),
  );
  const settings = join(folder, "opendkim.conf");
  writeFileSync(settings, `Mode v\nTestPublicKeys ${keys}\nSocket local:${join(folder, "socket")}\n`);
  // It answers by its exit code too: a mail that fails is no failure of the run.
  const { stdout, stderr } = await run("/usr/sbin/opendkim", ["-x", settings, "-t", paths.join(",")], {
    maxBuffer: MOST_OUTPUT,
  }).catch((error: { stdout: string; stderr: string }) => error);
  const lines = `${stdout}${stderr}`.split("\n");
  return paths.map((path) => lines.find((line) => line.includes(`${path}: `)) ?? "");
}

export type SpamVerdict = { readonly score: number; readonly rules: readonly string[] };

/** SpamAssassin's own rules, without what it would ask of others; one run for all files, in their order. */
export async function spamAssassin(folder: string, paths: readonly string[]): Promise<SpamVerdict[]> {
  const home = join(folder, "spamassassin");
  mkdirSync(home, { recursive: true });
  const mbox = paths.map((path) => {
    const mail = readFileSync(path, "latin1")
      .replaceAll("\r\n", "\n")
      .replaceAll(/^From /gm, ">From ");
    return `From somebody@example.com Mon Nov 23 09:05:07 2026\n${mail}\n`;
  });
  const box = join(folder, "box.mbox");
  writeFileSync(box, mbox.join(""), "latin1");
  const { stdout } = await run("/usr/bin/spamassassin", ["-L", "--cf", "use_bayes 0", "--mbox", box], {
    env: { ...process.env, HOME: home },
    maxBuffer: MOST_OUTPUT,
  });
  return [...stdout.matchAll(/^X-Spam-Status: \w+, score=(-?[\d.]+)[^]*?tests=([^]*?)\s+autolearn/gm)].map(
    ([, score, rules = ""]) => ({ score: Number(score), rules: rules.split(/[,\s]+/) }),
  );
}
