/** Starts the embedded database in a process of its own, for tests that kill it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

type Said = {
  event: "log" | "ready" | "refused" | "stopped";
  sentence?: string;
  joined?: boolean;
  pid?: number;
  connection?: { host: string; port: number; user: string; database: string };
};

export type EmbeddedProcess = {
  readonly child: ChildProcess;
  /** The next thing of this kind it says; everything before it is passed over. */
  next(...events: Said["event"][]): Promise<Said>;
  /** Ends its input and waits until it is gone. */
  end(): Promise<void>;
  kill(): Promise<void>;
};

type Options = { serves?: boolean; command?: string; root?: string; node?: string; uid?: number; gid?: number };

const OWN_SCRIPT = fileURLToPath(new URL("./fixtures/embedded-process.ts", import.meta.url));

/** @param options.root another checkout to run from; `uid` and `gid` another user to run as. */
export function spawnEmbedded(dataDir: string, options: Options = {}): EmbeddedProcess {
  const { serves = false, command = "tidings test", uid, gid } = options;
  const { root, node = process.execPath } = options;
  const script = root ? join(root, "test/fixtures/embedded-process.ts") : OWN_SCRIPT;
  const child = spawn(node, [script, dataDir, command, serves ? "serves" : ""], {
    stdio: ["pipe", "pipe", "inherit"],
    cwd: "/",
    ...(uid === undefined ? {} : { uid, gid }),
  });
  const gone = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async next(...events) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`It ended before it was ${events.join(" or ")}.`);
        const said = JSON.parse(value) as Said;
        if (events.includes(said.event)) return said;
        if (said.event === "refused") throw new Error(said.sentence);
      }
    },
    async end() {
      child.stdin.end();
      await gone;
    },
    async kill() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
