/** The workers under test: real processes of the program, killed, stopped and started again. Knows which claims are whose. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const root = join(import.meta.dirname, "../..");
const WATCH = join(import.meta.dirname, "watch.ts");

export type Worker = {
  readonly child: ChildProcess;
  /** The name it claims under, once it has said so. */
  readonly id: () => string | undefined;
  /** Resolves when it works, or has ended. */
  readonly ready: Promise<unknown>;
  readonly log: () => string;
};

export type Environment = Readonly<Record<string, string>>;

type How = {
  readonly reached?: (point: string) => void;
  /** The folder of another version of the program, to run that one. */
  readonly program?: string;
  /** Its sending part alone. */
  readonly lean?: boolean;
  /** The network namespace it runs in. */
  readonly host?: string;
};

export function startWorker(
  environment: Environment,
  { reached, program = root, lean = false, host }: How = {},
): Worker {
  const what = lean ? [join(import.meta.dirname, "worker.ts")] : [join(program, "src/main.ts"), "work"];
  const node = [process.execPath, "--import", WATCH, ...what];
  // It becomes the program: the process id is the worker's own.
  const [first, ...words] = host === undefined ? node : ["ip", "netns", "exec", host, ...node];
  const child = spawn(first!, words, {
    env: {
      PATH: process.env["PATH"],
      LOG_LEVEL: "warn",
      // Hundreds of starts of the same program.
      NODE_COMPILE_CACHE: join(tmpdir(), "tidings-compiled"),
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let id: string | undefined;
  let log = "";
  child.on("message", (message: { worker?: string; reached?: string }) => {
    if (message.worker) id = message.worker;
    if (message.reached) reached?.(message.reached);
  });
  child.on("error", () => undefined);
  child.stderr?.on("data", (text: Buffer) => (log = (log + text.toString()).slice(-4000)));
  const ready = Promise.race([once(child.stdout!, "data"), once(child, "exit")]);
  return { child, id: () => id, ready, log: () => log };
}

export const isAlive = ({ child }: Worker) => child.exitCode === null && child.signalCode === null;

/** @returns whether it lived. */
export async function kill(worker: Worker): Promise<boolean> {
  if (!isAlive(worker)) return false;
  const exit = once(worker.child, "exit");
  worker.child.kill("SIGKILL");
  await exit;
  return worker.child.signalCode === "SIGKILL";
}

/** Asks it to end once it works, and waits; @returns its exit code, null where a signal ended it. */
export async function drain(worker: Worker): Promise<number | null> {
  await worker.ready;
  if (!isAlive(worker)) return worker.child.exitCode;
  const exit = once(worker.child, "exit");
  worker.child.kill("SIGTERM");
  await exit;
  return worker.child.exitCode;
}

/** Which of these processes holds the connection that comes from a port of this machine. */
export function ownerOf(port: number, workers: readonly Worker[]): Worker | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const line = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((text) => text.trim().split(/\s+/))
    .find(([, local]) => local?.endsWith(`:${hex}`) && local.startsWith("0100007F"));
  const wanted = `socket:[${line?.[9]}]`;
  return workers.filter(isAlive).find(({ child }) => {
    try {
      const folder = `/proc/${child.pid}/fd`;
      return readdirSync(folder).some((name) => linkOf(join(folder, name)) === wanted);
    } catch {
      return false;
    }
  });
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // Closed meanwhile.
  }
}
