/** Every page in both colour schemes, at desk and phone width: nothing axe finds, nothing that scrolls sideways, no errors. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { api, expect, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
test.beforeEach(async () => {
  program = await startProgram();
});
test.afterEach(() => program.stop());
test.describe.configure({ mode: "parallel" });

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
  "/campaigns/1/simulation",
  "/campaigns/1/versions",
  "/forecast",
  "/email-campaigns",
  "/email-campaigns/1",
  "/email-campaigns/new?campaign=1&person=2&for=lead",
  "/email-templates",
  "/email-templates/1",
  "/replies",
  "/deliverability",
  "/communications",
  "/mailbox",
  "/settings/incoming",
  "/settings/brand",
  "/settings/timing",
  "/settings/profile",
  "/settings/workspace",
  "/settings/email-accounts",
  "/settings/senders",
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

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

// Pictures of each step of hundreds would take longer than the looking.
test.use({ trace: "off" });

// Two halves, so that both cores have something to look at.
for (const [half, paths] of [PAGES.filter((_, at) => at % 2 === 0), PAGES.filter((_, at) => at % 2 === 1)].entries())
  test(`every page is clean in light and dark, at the desk and on a phone (${half + 1} of 2)`, async ({
    page,
    quiet,
  }) => {
    test.setTimeout(600_000);
    quiet.allow(/404/);
    quiet.allow(/401/);
    await fill(page);
    const found: string[] = [];
    for (const path of paths) await look(page, path, found);
    await page.context().clearCookies();
    if (half === 0) for (const path of OPEN_PAGES) await look(page, path, found);
    expect(found).toEqual([]);
  });

/** Loads a page once and looks at it four ways. What a scheme changes are colours, what a width changes is the layout. */
async function look(page: Page, path: string, found: string[]): Promise<void> {
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(program.url + path);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible({ timeout: 60_000 });
  await expect(page.locator("[aria-busy=true]")).toHaveCount(0, { timeout: 60_000 });
  await fits(page, `${path}, desk`, found);
  // What mails look like is their author's; without frames there is nothing to put together in a page of its own.
  const axe = () => new AxeBuilder({ page }).exclude("iframe").setLegacyMode();
  tell(`${path}, light`, await axe().withTags(RULES).analyze(), found);
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await expect(page.locator("html[data-mantine-color-scheme=dark]")).toHaveCount(1);
  tell(`${path}, dark`, await axe().withRules(["color-contrast"]).analyze(), found);
  await page.setViewportSize({ width: 375, height: 812 });
  await fits(page, `${path}, phone`, found);
  tell(`${path}, phone`, await axe().withRules(["target-size", "scrollable-region-focusable"]).analyze(), found);
}

/** Nothing scrolls sideways, once the page has settled at its width. */
async function fits(page: Page, where: string, found: string[]): Promise<void> {
  const wide = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  for (let tries = 0; tries < 30 && (await wide()) > 0; tries++) await page.waitForTimeout(100);
  const left = await wide();
  if (left > 0) found.push(`${where}: ${left} px wider than the window`);
}

type Findings = Awaited<ReturnType<AxeBuilder["analyze"]>>;

function tell(where: string, { violations }: Findings, found: string[]): void {
  for (const { id, nodes } of violations)
    for (const { html, failureSummary } of nodes.slice(0, 3))
      found.push(`${where}: ${id}: ${html.slice(0, 160)} ${failureSummary ?? ""}`);
}
