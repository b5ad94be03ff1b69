/** `npm run screenshots`: pictures of every page, light and dark, desk and phone, into docs/screenshots. Checks nothing. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Page } from "@playwright/test";
import config from "../../playwright.config.ts";
import { api, finished, setUp, startProgram } from "./program.ts";

const FOLDER = join(import.meta.dirname, "../../docs/screenshots");
const PAGES: readonly (readonly [name: string, path: string])[] = [
  ["home", "/"],
  ["welcome", "/welcome"],
  ["insights", "/insights"],
  ["leads", "/leads"],
  ["person", "/people/1"],
  ["import", "/import"],
  ["duplicates", "/duplicates"],
  ["email-groups", "/email-groups"],
  ["email-group", "/email-groups/1"],
  ["suppressions", "/suppressions"],
  ["campaigns", "/campaigns"],
  ["campaign", "/campaigns/1"],
  ["schedule", "/campaigns/1/schedule"],
  ["email-campaigns", "/email-campaigns"],
  ["email-campaign", "/email-campaigns/1"],
  ["new-email-campaign", "/email-campaigns/new?campaign=1&person=2&for=lead"],
  ["email-templates", "/email-templates"],
  ["email-template", "/email-templates/1"],
  ["communications", "/communications"],
  ["mailbox", "/mailbox"],
  ["profile", "/settings/profile"],
  ["workspace", "/settings/workspace"],
  ["email-accounts", "/settings/email-accounts"],
  ["senders", "/settings/senders"],
  ["fields", "/settings/fields"],
  ["users", "/settings/users"],
  ["api-keys", "/settings/api-keys"],
  ["audit", "/settings/audit"],
];

const program = await startProgram();
const browser = await chromium.launch(config.use?.launchOptions ?? {});
try {
  mkdirSync(FOLDER, { recursive: true });
  const first = await browser.newPage();
  await setUp(program, first);
  await fill(first);
  const storageState = await first.context().storageState();
  for (const colorScheme of ["light", "dark"] as const)
    for (const [device, viewport] of [
      ["desktop", { width: 1280, height: 800 }],
      ["phone", { width: 375, height: 812 }],
    ] as const) {
      const context = await browser.newContext({
        colorScheme,
        viewport,
        storageState,
        locale: "en-GB",
        reducedMotion: "reduce",
      });
      const page = await context.newPage();
      for (const [name, path] of PAGES) {
        await page.goto(program.url + path);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await page.waitForFunction(() => document.querySelector("[aria-busy=true]") === null);
        await page.waitForTimeout(400);
        await page.screenshot({ path: join(FOLDER, `${name}-${colorScheme}-${device}.png`) });
      }
      await context.close();
    }
} finally {
  await browser.close();
  await program.stop();
}

/** Enough of a life to be looked at: the sample, forty people on their way, some who left. */
async function fill(page: Page): Promise<void> {
  const { request } = page;
  await api(request, program, "POST", "/sample-campaign");
  const names = "Ada Bao Cyd Dora Emil Femi Gwen Hugo Ines Juri Kaya Lars Mina Nils Olga Pia Rui Sven Tara Udo".split(
    " ",
  );
  const rows = names.flatMap((name, at) => [
    `${name},Moreno,${name.toLowerCase()}@engines.example.com,Engines Ltd,fair`,
    `${name},Okafor,${name.toLowerCase()}${at}@ships.example.com,Ships & Sons,website`,
  ]);
  const { jobId } = await api<{ jobId: number }>(
    request,
    program,
    "POST",
    "/imports?kind=lead",
    `First Name,Last Name,Email,Company,Source\n${rows.join("\n")}\n`,
  );
  await finished(request, program, jobId);
  const started = await api<{ jobId: number }>(request, program, "POST", "/email-campaigns/bulk", {
    campaignId: 1,
    filter: { source: ["fair", "website"] },
  });
  await finished(request, program, started.jobId);
  await api(request, program, "POST", "/email-campaigns", { campaignId: 1, personId: 1 });
  for (const id of [4, 9]) await api(request, program, "PUT", `/email-campaigns/${id}/pause`);
  await api(request, program, "PUT", "/email-campaigns/6/cancellation");
  await api(request, program, "POST", "/suppressions", { email: "gone@example.com", origin: "asked on the phone" });
  await api(request, program, "POST", "/communications", { personId: 1, subject: "Called: wants a demo in May" });
  await page.waitForTimeout(4000);
}
