/** The real program for end-to-end tests: started as a user would, in a folder of its own. Tests share nothing. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { type APIRequestContext, expect, type Locator, type Page, test as base } from "@playwright/test";

const ROOT = join(import.meta.dirname, "../..");
export const PASSWORD = "a quiet river in may";

export type Program = {
  readonly url: string;
  readonly setupUrl: string;
  stop(): Promise<void>;
};

/** In a folder of its own that goes with it, or in one that is given and stays; `more` are further words of the command. */
export async function startProgram(given?: { data: string; more?: readonly string[] }): Promise<Program> {
  const data = given?.data ?? mkdtempSync(join(tmpdir(), "tidings-e2e-"));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const child = spawn(join(ROOT, "bin/tidings"), ["serve", ...(given?.more ?? [])], {
    cwd: ROOT,
    env: {
      ...process.env,
      PORT: String(port),
      TIDINGS_DATA_DIR: data,
      TIDINGS_PUBLIC_URL: url,
      LOG_LEVEL: "warn",
      DATABASE_URL: "",
      TIDINGS_SMTP_URL: "",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  const setupUrl = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      // It is set up once; later it says where it is and nothing more.
      const found = /http:\/\/\S+\/setup\/\S+/.exec(said)?.[0];
      if (found || (given && /^Tidings \S+ is at /m.test(said))) resolve(found ?? "");
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", () => reject(new Error(`It ended before it was ready: ${said}`)));
  });
  return {
    url,
    setupUrl: setupUrl.replace(/^http:\/\/[^/]+/, url),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      if (!given) rmSync(data, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

/** Sets an installation up over the API and gives the administrator's session to a page. */
export async function setUp(program: Program, page: Page, language: "en" | "de" = "en"): Promise<void> {
  const token = program.setupUrl.split("/").at(-1);
  const answer = await page.request.put(`${program.url}/api/v1/setup/${token}`, {
    headers: { origin: program.url },
    data: {
      name: "Ana Ruiz",
      email: "ana@example.com",
      password: PASSWORD,
      workspace: { name: "Acme", timeZone: "Europe/Lisbon", language, postalAddress: "1 Example Street" },
    },
  });
  expect(answer.status()).toBe(200);
}

/** Calls the API with a page's session. */
export async function api<Body = Record<string, never>>(
  request: APIRequestContext,
  program: Program,
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: object | string,
): Promise<Body> {
  const answer = await request.fetch(`${program.url}/api/v1${path}`, {
    method,
    headers: { origin: program.url, ...(typeof body === "string" ? { "content-type": "text/csv" } : {}) },
    ...(body === undefined ? {} : { data: body }),
  });
  expect(answer.ok(), `${method} ${path}: ${await answer.text()}`).toBe(true);
  return (answer.status() === 204 ? {} : await answer.json()) as Body;
}

/** A field by its label, whether it is typed into or chosen from. */
export function field(page: Page | Locator, name: string | RegExp): Locator {
  return page.getByRole("textbox", { name }).or(page.getByRole("combobox", { name })).first();
}

/** Pictures of a page as it is, light and dark, desktop and phone, where `SHOTS` names a folder for them. */
export async function shot(page: Page, name: string): Promise<void> {
  const folder = process.env["SHOTS"];
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const)
    for (const [device, width] of [
      ["desktop", 1280],
      ["phone", 390],
    ] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${device}.png`), fullPage: true });
    }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
}

/** Nothing on the page breaks a rule of axe. */
export async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
}

/** Mails the built-in mailbox holds for an address. */
export async function mailsTo(request: APIRequestContext, program: Program, address: string) {
  const path = `/mailbox/messages?to=${encodeURIComponent(address)}`;
  return (await api<{ data: { id: number }[] }>(request, program, "GET", path)).data;
}

/** Waits until a job is done. */
export async function finished(request: APIRequestContext, program: Program, jobId: number): Promise<void> {
  await expect
    .poll(async () => (await api<{ state: string }>(request, program, "GET", `/jobs/${jobId}`)).state, {
      timeout: 60_000,
    })
    .toBe("succeeded");
}

/** A test whose page must not write errors into the console. Refusals that a test provokes are named by it. */
export const test = base.extend<{ quiet: { allow(pattern: RegExp): void } }>({
  quiet: [
    async ({ page }, use) => {
      // Looking into a sandboxed frame is itself a script that is refused there.
      const allowed: RegExp[] = [/^Blocked script execution in .* because the document's frame is sandboxed/];
      const errors: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") errors.push(`${message.text()} ${message.location().url}`);
      });
      page.on("pageerror", (error) => errors.push(error.message));
      await use({ allow: (pattern) => void allowed.push(pattern) });
      expect(errors.filter((text) => !allowed.some((pattern) => pattern.test(text)))).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect } from "@playwright/test";
