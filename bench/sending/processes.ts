/** Processes of the bench and what they cost: CPU out of /proc, the sink, workers. */
import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What a worker prints when it is done. */
export type Took = { readonly ms: number; readonly cpuMicros: number; readonly sent: number; readonly rss: number };

/** CPU of a process and all it ever had as children, in µs (Linux). */
export function cpuOf(pid: number): number {
  const children = new Map<number, number[]>();
  const used = new Map<number, number>();
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    let text: string;
    try {
      text = readFileSync(`/proc/${name}/stat`, "utf8");
    } catch {
      continue; // it has just ended
    }
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const parent = fields[1]!;
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    // utime and stime, and those of children that were waited for; the clock ticks a hundred times a second.
    used.set(Number(name), (fields[11]! + fields[12]! + fields[13]! + fields[14]!) * 10_000);
  }
  const sum = (of: number): number =>
    (used.get(of) ?? 0) + (children.get(of) ?? []).reduce((total, child) => total + sum(child), 0);
  return sum(pid);
}

/** Postfix's smtp-sink on a port of loopback: takes everything, keeps nothing. */
export async function startSink(port: number): Promise<{ readonly pid: number; stop(): void }> {
  if (!existsSync("/usr/sbin/smtp-sink")) {
    const quiet = { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
    execFileSync("apt-get", ["update", "-qq"], quiet);
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "postfix"], quiet);
  }
  const asRoot = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const child = spawn("/usr/sbin/smtp-sink", [...asRoot, `127.0.0.1:${port}`, "1024"], { stdio: "ignore" });
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (tries > 100) throw new Error("smtp-sink does not answer");
    await sleep(50);
  }
  return { pid: child.pid!, stop: () => void child.kill() };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("data", () => (socket.destroy(), resolve(true)));
    socket.once("error", () => resolve(false));
  });
}

/** Something that listens for as long as the bench runs; say what it says once it does. */
export async function startHelper(file: URL, args: object): Promise<{ stop(): void }> {
  const child = fork(file, [JSON.stringify(args)]);
  await new Promise((resolve, reject) => child.once("message", resolve).once("exit", reject));
  return { stop: () => void child.kill() };
}

/** Postfix's smtp-source: how fast the sink takes mails that nobody has to compose. */
export async function runSource(
  port: number,
  { mails, connections, octets }: { mails: number; connections: number; octets: number },
): Promise<Took> {
  const args = ["-d", "-s", String(connections), "-m", String(mails), "-l", String(octets), `127.0.0.1:${port}`];
  const begun = performance.now();
  const child = spawn("/usr/sbin/smtp-source", args, { stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`smtp-source ended with ${code}`);
  return { ms: performance.now() - begun, cpuMicros: 0, sent: mails, rss: 0 };
}

/** Processes that do the same round as often as they are told, side by side. */
export type Workers = { round(): Promise<Took[]>; stop(): Promise<void> };

/** Starts workers; they are ready when it resolves. */
export async function startWorkers(file: URL, args: readonly object[], node: readonly string[] = []): Promise<Workers> {
  const workers = await Promise.all(
    args.map(async (one) => {
      const child = fork(file, [JSON.stringify(one)], { execArgv: [...node] });
      await new Promise((resolve, reject) => child.once("message", resolve).once("exit", reject));
      return child;
    }),
  );
  return {
    round: () =>
      Promise.all(
        workers.map(async (child) => {
          const { promise, resolve, reject } = Promise.withResolvers<Took>();
          const failed = (code: number | null) => reject(new Error(`a worker ended with ${code}`));
          child.once("message", (message) => resolve(message as Took)).once("exit", failed);
          child.send("go");
          return promise.finally(() => child.off("exit", failed));
        }),
      ),
    async stop() {
      const gone = Promise.all(workers.map((child) => once(child, "exit")));
      for (const child of workers) child.disconnect();
      await gone;
    },
  };
}
