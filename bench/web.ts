/** Lighthouse on three pages with 10,000 Leads, and what the first load weighs. Prints; exits 1 below the budget. */
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { chromium } from "@playwright/test";
import lighthouse from "lighthouse";
import config from "../playwright.config.ts";
import { api, finished, setUp, startProgram } from "../test/e2e/program.ts";

const LEAST = 95;
const MOST_KB = 350;
const CATEGORIES = ["performance", "accessibility", "best-practices"] as const;
const PORT = 9333;

const program = await startProgram();
const { executablePath, args = [] } = config.use?.launchOptions ?? {};
const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "tidings-lighthouse-")), {
  ...(executablePath ? { executablePath } : {}),
  args: [...args, `--remote-debugging-port=${PORT}`],
});
let missed = false;
try {
  const page = await context.newPage();
  await setUp(program, page);
  await api(page.request, program, "POST", "/sample-campaign");
  const rows = Array.from({ length: 10_000 }, (_, at) => `Person ${at},p${at}@example.com,Company ${at % 100}`);
  const { jobId } = await api<{ jobId: number }>(
    page.request,
    program,
    "POST",
    "/imports?kind=lead",
    `Full Name,Email,Company\n${rows.join("\n")}\n`,
  );
  await finished(page.request, program, jobId);

  const loaded = new Set<string>();
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith("/assets/")) loaded.add(pathname.slice("/assets/".length));
  });
  await page.goto(program.url);
  await page.getByRole("heading", { level: 1 }).waitFor();
  const assets = join(import.meta.dirname, "../dist/web/assets");
  const known = new Set(readdirSync(assets));
  const weight = [...loaded]
    .filter((file) => known.has(file))
    .reduce((sum, file) => {
      const bytes = readFileSync(join(assets, file));
      return sum + (file.endsWith(".woff2") ? bytes.length : gzipSync(bytes).length);
    }, 0);
  const kb = Math.round(weight / 1000);
  missed ||= kb > MOST_KB;
  print(`First load of Home, gzipped: ${kb} kB (at most ${MOST_KB})`);

  for (const [name, path] of [
    ["Home", "/"],
    ["Leads (10,000)", "/leads"],
    ["A Campaign", "/campaigns/1"],
  ] as const) {
    const result = await lighthouse(
      program.url + path,
      { port: PORT, onlyCategories: [...CATEGORIES], disableStorageReset: true, logLevel: "error" },
      {
        extends: "lighthouse:default",
        settings: {
          formFactor: "desktop",
          screenEmulation: { mobile: false, width: 1350, height: 940, deviceScaleFactor: 1, disabled: false },
          // A desk in an office: Lighthouse's own figures for it.
          throttling: {
            rttMs: 40,
            throughputKbps: 10_240,
            cpuSlowdownMultiplier: 1,
            requestLatencyMs: 0,
            downloadThroughputKbps: 0,
            uploadThroughputKbps: 0,
          },
        },
      },
    );
    const scores = CATEGORIES.map((category) => Math.round((result?.lhr.categories[category]?.score ?? 0) * 100));
    missed ||= scores.some((score) => score < LEAST);
    print(`${name}: ${CATEGORIES.map((category, at) => `${category} ${scores[at]}`).join(", ")} (at least ${LEAST})`);
    for (const audit of Object.values(result?.lhr.audits ?? {}))
      if (audit.score !== null && audit.score < 0.9 && audit.scoreDisplayMode !== "informative")
        print(`   ${audit.id}: ${audit.displayValue ?? audit.title}`);
  }
} finally {
  await context.close();
  await program.stop();
}
process.exitCode = missed ? 1 : 0;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
