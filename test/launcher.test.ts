import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

/** Says what it was given, and ends with 7 when told to. */
const PROGRAM = `
process.once("SIGTERM", () => process.exit(7));
process.stdout.write(JSON.stringify({ pid: process.pid, node: process.execPath, args: process.argv.slice(2) }));
if (process.argv.includes("wait")) setInterval(() => undefined, 1000);
`;

let folder: string;
/** A package of a workspace: Node does not run TypeScript inside node_modules. */
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidings-launcher-"));
  root = join(folder, "packages", "tidings");
  put("packages/tidings/src/main.ts", PROGRAM);
  put("packages/tidings/package.json", '{ "type": "module" }');
  mkdirSync(join(root, "bin"));
  copyFileSync(join(import.meta.dirname, "../bin/tidings"), join(root, "bin/tidings"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, content: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}

/** Puts a node where npm would: `like` is a program or the text of a script. */
function putNode(path: string, like: string): void {
  const whole = join(folder, path, "node");
  if (!like.startsWith("#!")) {
    mkdirSync(dirname(whole), { recursive: true });
    return symlinkSync(like, whole);
  }
  put(join(path, "node"), like);
  chmodSync(whole, 0o755);
}

const BUNDLED = `node-linux-${process.arch}/bin`;
const script = (version: string) => `#!/bin/sh\necho ${version}\n`;
const run = (program: string, ...args: string[]) =>
  spawnSync(program, args, { encoding: "utf8", cwd: "/", env: { PATH: `${join(folder, "system")}:/usr/bin:/bin` } });

describe("bin/tidings", () => {
  it("runs the Node that npm brought, whatever the system has, with its arguments as they are", () => {
    putNode(`packages/tidings/node_modules/${BUNDLED}`, process.execPath);
    putNode("system", script("v20.19.0"));
    const { stdout } = run(join(root, "bin/tidings"), "key", "create", "--name", "two words");
    expect(JSON.parse(stdout)).toMatchObject({ args: ["key", "create", "--name", "two words"] });
  });

  it("finds it through the link npm makes, and above itself as in a workspace", () => {
    putNode(`node_modules/${BUNDLED}`, process.execPath);
    putNode("system", script("v20.19.0"));
    mkdirSync(join(folder, "node_modules/.bin"));
    symlinkSync("../../packages/tidings/bin/tidings", join(folder, "node_modules/.bin/tidings"));
    const { stdout } = run(join(folder, "node_modules/.bin/tidings"), "serve");
    expect(JSON.parse(stdout)).toMatchObject({ args: ["serve"] });
  });

  it("takes the system's where the brought one does not run", () => {
    putNode(`node_modules/${BUNDLED}`, "#!/bin/sh\nexit 127\n");
    putNode("system", process.execPath);
    expect(JSON.parse(run(join(root, "bin/tidings")).stdout)).toMatchObject({ args: [] });
  });

  it("says what it needs where every Node is too old", () => {
    putNode("system", script("v20.19.0"));
    const { status, stderr } = run(join(root, "bin/tidings"));
    expect(status).toBe(1);
    expect(stderr).toContain("Tidings needs Node 26 or newer. Found: v20.19.0.");
  });

  it("becomes the program: its pid, its signals, its exit code", async () => {
    putNode(`node_modules/${BUNDLED}`, process.execPath);
    const child = spawn(join(root, "bin/tidings"), ["wait"], { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    expect(JSON.parse(said.toString())).toMatchObject({ pid: child.pid });
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([7, null]);
  });

  // Without exec npm's signal ends its shell and nothing else: the program would run on, unheard of.
  it("told through npm, the program hears SIGTERM and npm waits for its end", async () => {
    putNode(`node_modules/${BUNDLED}`, process.execPath);
    put("packages/tidings/package.json", '{ "type": "module", "scripts": { "start": "exec bin/tidings wait" } }');
    const child = spawn("npm", ["start", "--silent"], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    expect(said.toString()).toContain("wait");
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([7, null]);
  });
});
