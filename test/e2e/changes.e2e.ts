/** Changing a Campaign that runs, in the browser: its timing through the same impact as its mails, versions and the way back, late mails, rests, approval. */
import AxeBuilder from "@axe-core/playwright";
import type { BrowserContext, Page } from "@playwright/test";
import { api, expect, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
let session: Awaited<ReturnType<BrowserContext["storageState"]>> | undefined;
let campaignId = 0;
test.describe.configure({ mode: "serial" });
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());
test.beforeEach(async ({ page }) => {
  if (session) return page.context().addCookies(session.cookies);
  await setUp(program, page);
  session = await page.context().storageState();
  const sample = await api<any>(page.request, program, "POST", "/sample-campaign");
  campaignId = sample.campaign.id;
  await api(page.request, program, "POST", "/email-campaigns/bulk", { campaignId, emailGroupId: sample.emailGroup.id });
  await expect
    .poll(
      async () =>
        (await api<any>(page.request, program, "GET", `/email-campaigns?campaignId=${campaignId}`)).data.length,
    )
    .toBeGreaterThan(3);
  // The first mail has left for all, so that there is a past.
  await expect
    .poll(
      async () => (await api<any>(page.request, program, "GET", `/campaigns/${campaignId}/insights`)).steps[0].sent,
      {
        timeout: 60_000,
      },
    )
    .toBeGreaterThan(3);
});

const to = (page: Page, path = "") => page.goto(`${program.url}/campaigns/${campaignId}${path}`);
const campaign = (page: Page) => api<any>(page.request, program, "GET", `/campaigns/${campaignId}`);

test("a new timing is kept as a draft, its impact says who moves, and it holds once it is published", async ({
  page,
}) => {
  await to(page, "/schedule");
  const card = page.getByRole("region", { name: "When mails may leave" });
  await card.getByRole("button", { name: "Change the timing" }).click();
  await card.getByLabel("Time of day").fill("15:30");
  await card.getByRole("switch", { name: "Evergreen" }).check();
  await expect(page.getByRole("region", { name: "Step 2" }).getByText(/15:30/)).toBeVisible();
  await page.getByRole("button", { name: "Save the Schedule" }).click();
  const dialog = page.getByRole("dialog", { name: "What this changes" });
  await expect(dialog.getByRole("list", { name: "What is different" })).toContainText(
    "Time of day was as for all, becomes 15:30",
  );
  await expect(dialog.getByRole("button", { name: /another day or time: \d/ })).toBeVisible();
  expect((await campaign(page)).timeOfDay, "nothing runs by it yet").toBeNull();
  await dialog.getByRole("combobox", { name: "Only this mail" }).click();
  await page.getByRole("option", { name: /^2\. / }).click();
  const rows = dialog.getByRole("table", { name: "Mails of single people" }).getByRole("row");
  await expect(rows.nth(1).getByRole("cell").nth(1)).toHaveText("2");
  const download = page.waitForEvent("download");
  await dialog.getByRole("link", { name: "Download this list as CSV" }).click();
  expect((await download).suggestedFilename()).toBe(`impact-of-campaign-${campaignId}.csv`);
  await dialog.getByRole("button", { name: "Publish", exact: true }).click();
  await expect(page.getByText("The Schedule is published.")).toBeVisible();
  expect(await campaign(page)).toMatchObject({ timeOfDay: expect.stringContaining("15:30"), evergreen: true });
});

test("a mail added too late is sent by an act of its own, and an earlier version comes back as a draft", async ({
  page,
}) => {
  const { steps } = await campaign(page);
  const rows = steps.map((step: any) => ({
    id: step.id,
    emailTemplateId: step.emailTemplateId,
    sendAfterDays: step.sendAfterDays,
    expiresAfterDays: 0,
  }));
  // On the day of the start, at a time that has gone by.
  const late = { emailTemplateId: steps[0].emailTemplateId, sendAfterDays: 0, timeOfDay: "00:00" };
  await api(page.request, program, "PUT", `/campaigns/${campaignId}/draft`, {
    steps: [...rows, late],
    settings: { evergreen: false },
  });
  await api(page.request, program, "POST", `/campaigns/${campaignId}/draft/publication`, { choice: "everyone" });

  await to(page);
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Send a mail to those it came too late for" }).click();
  const drawer = page.getByRole("dialog", { name: "Send a mail to those it came too late for" });
  await drawer.getByRole("combobox", { name: "Which mail" }).click();
  await page
    .getByRole("option", { name: /^Day 0/ })
    .last()
    .click();
  await expect(drawer.getByText(/people would get it|Nobody|person would get it/)).toBeVisible();
  await drawer.getByRole("button", { name: "Close" }).or(page.locator(".mantine-Drawer-close")).first().click();

  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Versions" }).click();
  const first = page.getByRole("region", { name: "Version 1" });
  await first.getByRole("button", { name: "Compare with now" }).click();
  await expect(first.getByRole("list", { name: "What is different" })).toContainText("Removed:");
  await first.getByRole("button", { name: "Go back to it as a draft" }).click();
  await page.getByRole("button", { name: "Make it the draft" }).click();
  await expect(page).toHaveURL(/\/schedule$/);
  await expect(page.getByText("This is a draft that is not published")).toBeVisible();
  await page.getByRole("button", { name: "See what it changes" }).click();
  await expect(
    page.getByRole("dialog", { name: "What this changes" }).getByRole("list", { name: "What is different" }),
  ).toContainText("Removed:");
  await page.getByRole("button", { name: "Keep as a draft" }).click();
  await page.getByRole("button", { name: "Throw the draft away" }).click();
  await expect(page.getByText("The draft is gone.")).toBeVisible();
});

test("a Campaign is held, frozen and resumed; a mail is previewed for somebody on its day", async ({ page }) => {
  await to(page);
  for (const [kind, badge] of [
    ["Hold: late mails expire", "On hold"],
    ["Freeze: everything is later", "Frozen"],
  ] as const) {
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: kind }).click();
    await expect(page.getByText(badge, { exact: true })).toBeVisible();
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Resume" }).click();
    await expect(page.getByText(badge, { exact: true })).toBeHidden();
  }
  await to(page, "/schedule");
  await page.getByRole("combobox", { name: "Somebody it would be" }).click();
  await page.getByRole("option").first().click();
  await page.getByRole("button", { name: "Preview of step 2" }).click();
  const dialog = page.getByRole("dialog", { name: "What it looks like" });
  await expect(dialog.getByText(/^Leaves /)).toBeVisible();
  await expect(dialog.locator("iframe")).toHaveCount(2);
  await dialog.getByRole("button", { name: "Send this mail to me as a test" }).click();
  await expect(page.getByText("Sent to ana@example.com.")).toBeVisible();
});

test("where the workspace asks for a second person, nothing is published before they approved", async ({
  page,
  quiet,
}) => {
  quiet.allow(/4\d\d/);
  await api(page.request, program, "PATCH", "/workspace", { approvalBeforePublishing: true });
  await to(page, "/schedule");
  await page.getByRole("region", { name: "Step 2" }).getByRole("textbox", { name: "Send after (days)" }).fill("11");
  await page.getByRole("button", { name: "Save the Schedule" }).click();
  const dialog = page.getByRole("dialog", { name: "What this changes" });
  await expect(dialog.getByText("A second person has to approve this")).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Publish", exact: true })).toBeDisabled();
  await dialog.getByRole("button", { name: "Ask for approval" }).click();
  await expect(dialog.getByText(/asked for approval\./)).toBeVisible();
  await dialog.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText("Somebody else has to approve what you asked for or wrote.")).toBeVisible();
  await api(page.request, program, "PATCH", "/workspace", { approvalBeforePublishing: false });
});

for (const [name, language, colorScheme, width] of [
  ["English, light, desktop", "en", "light", 1280],
  ["German, dark, phone", "de", "dark", 375],
] as const)
  test(`these pages are accessible and nothing is wider than the window: ${name}`, async ({ page }) => {
    test.setTimeout(240_000);
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 812 });
    await page.addInitScript((chosen) => {
      if (window.top === window.self) localStorage.setItem("tidings-language", chosen);
    }, language);
    const words = {
      en: [
        "Save the Schedule",
        "Compare with now",
        "Change the timing",
        "Simulate",
        "See what it changes",
        "What this changes",
        "Preview of step 1",
      ],
      de: [
        "Zeitplan speichern",
        "Mit jetzt vergleichen",
        "Zeiten ändern",
        "Simulieren",
        "Ansehen, was er ändert",
        "Was sich dadurch ändert",
        "Vorschau von Schritt 1",
      ],
    }[language];
    const [, compare, change, simulate, see, title, preview] = words as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const looks = async (what: string) => {
      await page.waitForTimeout(400);
      await page.screenshot({ path: `.vitest/changes-${language}-${what}.png`, fullPage: true });
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
        what,
      ).toBeLessThanOrEqual(0);
      const { violations } = await new AxeBuilder({ page }).exclude("iframe").analyze();
      expect(
        violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`),
        what,
      ).toEqual([]);
    };
    await to(page, "/schedule");
    await page.getByRole("button", { name: change }).click();
    await looks("schedule");
    await page.getByRole("button", { name: preview }).click();
    await expect(page.locator("iframe")).toHaveCount(2);
    const cut = () =>
      page
        .locator("iframe")
        .evaluateAll((frames) =>
          frames.filter(
            (one) => one.getBoundingClientRect().right > one.parentElement!.getBoundingClientRect().right + 1,
          ),
        );
    await expect.poll(async () => (await cut()).length, "the whole width of a mail is seen").toBe(0);
    await looks("preview");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: see }).click();
    await expect(page.getByRole("dialog", { name: title }).getByRole("table")).toBeVisible();
    await looks("publish");
    await to(page, "/versions");
    await page.getByRole("button", { name: compare }).last().click();
    await expect(page.getByRole("list").last()).toBeVisible();
    await looks("versions");
    await to(page, "/simulation");
    await page.getByRole("button", { name: simulate, exact: true }).click();
    await expect(page.getByRole("slider")).toBeVisible();
    await looks("simulation");
  });
