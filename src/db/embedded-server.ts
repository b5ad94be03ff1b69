/** Makes a cluster and runs one PostgreSQL server on it, tied to this process. Assumes that we own the folder. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { refuse } from "../core/problem.ts";
import { type Binaries, CHILD_ENVIRONMENT, CHILD_FOLDER } from "./embedded-binaries.ts";
import type { Place } from "./embedded-place.ts";

export type Settings = Readonly<Record<string, string>>;

export type Server = {
  readonly pid: number;
  /** Settles when the server has ended, however it ended. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
};

export const NAME = "tidings";
export const PORT = 5432;

const POLL_MS = 10;
/** A server that replays its log after a crash is busy; one that has not answered after this hangs. */
const START_LIMIT_MS = 300_000;
/** A fast shutdown writes one checkpoint; after this we end it the way a crash would, which loses nothing. */
const STOP_LIMIT_MS = 60_000;
const LOG_BYTES = 10_000_000;

const SETTINGS: Settings = {
  listen_addresses: "",
  port: String(PORT),
  unix_socket_permissions: "0700",
  cluster_name: NAME,
  max_connections: "60",
  shared_buffers: totalmem() >= 4 * 2 ** 30 ? "256MB" : "128MB",
  max_wal_size: "2GB",
  wal_compression: "on",
  synchronous_commit: "on",
  random_page_cost: "1.1",
  // Compiling a query costs more than it saves on queries of a few milliseconds.
  jit: "off",
  log_checkpoints: "off",
  log_line_prefix: "%m [%p] ",
};

/**
 * Ties the server to us: the pipe on descriptor 3 ends when this process does, by kill -9 too, and then the watcher asks
 * for a fast shutdown. POSIX sh, so that no machine lacks it.
 */
const TIED = `
"$@" </dev/null 3<&- &
server=$!
( while read -r line <&3; do :; done; kill -INT "$server" ) &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill -9 "$watcher"
exit "$status"`;

/** Makes the cluster where there is none: whole or not at all, with a database and a user of our name in it. */
export function makeCluster({ base, cluster, credentials }: Place, { initdb, postgres, major }: Binaries): void {
  if (existsSync(cluster)) return checkMajor(cluster, major);
  const half = join(base, "cluster.half");
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { mode: 0o700 });
  if (credentials.uid !== undefined) chownSync(half, credentials.uid, credentials.gid ?? credentials.uid);
  const run = (program: string, args: readonly string[], input = "") => {
    const options = { ...credentials, cwd: CHILD_FOLDER, env: CHILD_ENVIRONMENT, input, encoding: "utf8" as const };
    const { error, status, stderr } = spawnSync(program, args, options);
    if (error || status !== 0) {
      const unknownUser = stderr?.includes("could not look up effective user ID");
      refuse(
        "database-not-made",
        `The database could not be made in ${base}: ${error?.message ?? stderr.trim()}. ` +
          (unknownUser ? "Give this user a line in /etc/passwd, or set DATABASE_URL." : "Is the disk full?"),
      );
    }
  };
  const locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"];
  run(initdb, ["-D", half, "-U", NAME, "--auth=trust", "--no-instructions", ...locale]);
  run(postgres, ["--single", "-D", half, "postgres"], `create database ${NAME}\n`);
  renameSync(half, cluster);
}

function checkMajor(cluster: string, major: number): void {
  const made = readFileSync(join(cluster, "PG_VERSION"), "utf8").trim();
  if (made === String(major)) return;
  refuse(
    "database-of-another-version",
    `The database in ${cluster} was made by PostgreSQL ${made}, and this release brings ${major}. ` +
      "Start the former release, export, and import into a new data folder.",
  );
}

/**
 * Starts the server and waits until it answers. Whatever still runs on this cluster belonged to a killed process, since
 * we own the folder now: it is ended first.
 */
export async function launch(
  place: Place,
  binaries: Binaries,
  socketFolder: string,
  settings: Settings,
  log: (sentence: string) => void,
): Promise<Server> {
  await endOrphans(place.cluster, log);
  const all = { ...SETTINGS, unix_socket_directories: socketFolder, ...settings };
  const args = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const logPath = join(place.base, "postgres.log");
  const output = openLog(logPath);
  const child = spawn("/bin/sh", ["-c", TIED, "sh", binaries.postgres, "-D", place.cluster, ...args], {
    ...place.credentials,
    cwd: CHILD_FOLDER,
    env: CHILD_ENVIRONMENT,
    // A session of its own: Ctrl-C in the terminal is ours to answer, the server ends after the last transaction.
    detached: true,
    stdio: ["ignore", output, output, "pipe"],
  });
  closeSync(output);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const pid = await untilReady(place.cluster, child, ended, logPath);
  return { pid, ended, stop: () => stop(child, pid, ended) };
}

async function untilReady(
  cluster: string,
  child: ChildProcess,
  ended: Promise<void>,
  logPath: string,
): Promise<number> {
  const over = ended.then(() => true);
  const limit = performance.now() + START_LIMIT_MS;
  do {
    const { pid, status } = readPidFile(cluster) ?? {};
    if (pid !== undefined && status === "ready") return pid;
  } while (performance.now() < limit && !(await Promise.race([over, wait(POLL_MS, false)])));
  child.stdio[3]?.destroy();
  const last = readFileSync(logPath, "utf8").trimEnd().split("\n").slice(-4).join("\n");
  throw new Error(`PostgreSQL did not start. The end of ${logPath}:\n${last}`);
}

/** As pg_ctl does: line 1 is the pid, line 8 says `ready`. Nobody else can have written it: {@link endOrphans} removed it. */
function readPidFile(cluster: string): { pid: number; status: string } | undefined {
  try {
    const lines = readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n");
    return { pid: Number(lines[0]), status: lines[7]?.trim() ?? "" };
  } catch {
    return undefined;
  }
}

async function stop(child: ChildProcess, pid: number, ended: Promise<void>): Promise<void> {
  child.stdio[3]?.destroy();
  const timer = setTimeout(() => signal(pid, "SIGQUIT"), STOP_LIMIT_MS);
  await ended;
  clearTimeout(timer);
}

async function endOrphans(cluster: string, log: (sentence: string) => void): Promise<void> {
  const postmaster = readPidFile(cluster)?.pid;
  const began = performance.now();
  let orphans = processesIn(cluster);
  if (orphans.length > 0) log("A database server outlived the process that ran it; it is being stopped first.");
  while (orphans.length > 0) {
    const spent = performance.now() - began;
    if (spent > 2 * STOP_LIMIT_MS) throw new Error(`Processes ${orphans.join(", ")} still use ${cluster}.`);
    // Without its postmaster the others have nothing to finish. The log is replayed at the next start.
    const headless = postmaster === undefined || !orphans.includes(postmaster);
    if (headless || spent > STOP_LIMIT_MS) for (const pid of orphans) signal(pid, "SIGQUIT");
    else signal(postmaster, "SIGINT");
    await wait(POLL_MS);
    orphans = processesIn(cluster);
  }
  // Left by a kill. Its pid may be some other program's by now, and PostgreSQL would take that for a server.
  rmSync(join(cluster, "postmaster.pid"), { force: true });
}

/** A server and all its processes stand in their cluster's folder; that tells them from a program with a reused pid. */
function processesIn(cluster: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === cluster;
      } catch {
        return false; // Ended meanwhile, or another user's.
      }
    })
    .map(Number);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function openLog(path: string): number {
  if (existsSync(path) && statSync(path).size > LOG_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, "a", 0o600);
}
