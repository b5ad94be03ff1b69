/** Every page in both colour schemes, at desk and phone width: nothing axe finds, nothing that scrolls sideways, no errors. */
import { AxeBuilder } from "@axe-core/playwright";
import type { BrowserContext, Page } from "@playwright/test";
import { api, expect, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());
test.describe.configure({ mode: "serial" });

const PAGES = [
  "/",
  "/welcome",
  "/insights",
  "/leads",
  "/leads?new=yes",
  "/contacts",
  "/people/1",
  "/import",
  "/duplicates",
  "/email-groups",
  "/email-groups/1",
  "/suppressions",
  "/campaigns",
  "/campaigns/1",
  "/campaigns/1/schedule",
  "/email-campaigns",
  "/email-campaigns/1",
  "/email-campaigns/new?campaign=1&person=2&for=lead",
  "/email-templates",
  "/email-templates/1",
  "/communications",
  "/mailbox",
  "/settings/profile",
  "/settings/workspace",
  "/settings/email-accounts",
  "/settings/senders",
  "/settings/sending-domains",
  "/settings/recipient-domains",
  "/settings/sending-domains",
  "/settings/recipient-domains",
  "/settings/sending-domains?open=1",
  "/settings/fields",
  "/settings/users",
  "/settings/api-keys",
  "/settings/audit",
  "/nothing-here",
] as const;
const OPEN_PAGES = ["/sign-in", "/forgotten-password", "/new-password/abc"] as const;

async function fill(page: Page): Promise<void> {
  await setUp(program, page);
  await api(page.request, program, "POST", "/sample-campaign");
  for (const personId of [1, 2, 3])
    await api(page.request, program, "POST", "/email-campaigns", { campaignId: 1, personId });
  await api(page.request, program, "POST", "/suppressions", { email: "gone@example.com" });
  await api(page.request, program, "POST", "/sending-domains", { domain: "example.com" });
  await api(page.request, program, "POST", "/person-fields", { key: "plan", label: "Plan" });
  await expect
    .poll(async () => (await api<{ data: unknown[] }>(page.request, program, "GET", "/mailbox/messages")).data.length)
    .toBe(3);
}

let filled: Awaited<ReturnType<BrowserContext["storageState"]>> | undefined;

for (const scheme of ["light", "dark"] as const)
  for (const [device, viewport] of [
    ["desk", { width: 1280, height: 800 }],
    ["phone", { width: 375, height: 812 }],
  ] as const)
    test(`every page is clean in ${scheme} at the ${device}`, async ({ page, quiet }) => {
      test.setTimeout(240_000);
      quiet.allow(/404/);
      quiet.allow(/401/);
      if (filled) await page.context().addCookies(filled.cookies);
      else {
        await fill(page);
        filled = await page.context().storageState();
      }
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await page.setViewportSize(viewport);
      const found: string[] = [];
      const look = async (path: string) => {
        await page.goto(program.url + path);
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await expect(page.locator("[aria-busy=true]")).toHaveCount(0);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        if (wide > 0) found.push(`${path}: ${wide} px wider than the window`);
        // What axe looks at is the same at both widths; it takes its time.
        if (device === "phone") return;
        const { violations } = await new AxeBuilder({ page })
          .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
          // What mails look like is their author's.
          .exclude("iframe")
          .analyze();
        for (const { id, nodes } of violations)
          found.push(
            ...nodes
              .slice(0, 3)
              .map(({ html, failureSummary }) => `${path}: ${id}: ${html.slice(0, 160)} ${failureSummary ?? ""}`),
          );
      };
      for (const path of PAGES) await look(path);
      await page.context().clearCookies();
      for (const path of OPEN_PAGES) await look(path);
      expect(found).toEqual([]);
    });
