/** A change of a Schedule is published over people on their way: the impact is read, applied, and the dates are new; then simulated. */
import { api, expect, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());

test("publish a change to a running Campaign, see the new dates, simulate it, look ahead", async ({ page }) => {
  await setUp(program, page);
  const ask = (method: "GET" | "POST", path: string, body?: object) =>
    api<any>(page.request, program, method, path, body);
  const sample = await ask("POST", "/sample-campaign");
  const campaignId = sample.campaign.id;
  const started = await ask("POST", "/email-campaigns/bulk", { campaignId, emailGroupId: sample.emailGroup.id });
  expect(started.jobId).toBeGreaterThan(0);
  await expect
    .poll(async () => (await ask("GET", `/email-campaigns?campaignId=${campaignId}`)).data.length)
    .toBeGreaterThan(3);

  await page.goto(`${program.url}/campaigns/${campaignId}/schedule`);
  const step = page.getByRole("region", { name: "Step 2" });
  await step.getByRole("textbox", { name: "Send after (days)" }).fill("9");
  await page.getByRole("button", { name: "Save the Schedule" }).click();
  const dialog = page.getByRole("dialog", { name: "What this changes" });
  await expect(dialog.getByText(/people are on the way/)).toBeVisible();
  await expect(dialog.getByRole("button", { name: /another day or time: \d/ })).toBeVisible();
  await expect(dialog.getByRole("table", { name: "Mails of single people" })).toBeVisible();
  await page.screenshot({ path: `.vitest/publish.png` });
  await dialog.getByRole("radio", { name: "Stop those in progress" }).check();
  await expect(dialog.getByRole("button", { name: /stopped: \d/ })).toBeVisible();
  await dialog.getByRole("radio", { name: "Everyone, for what lies ahead" }).check();
  await dialog.getByRole("button", { name: "Publish", exact: true }).click();
  await expect(page.getByText("The Schedule is published.")).toBeVisible();
  await expect(page.getByText("Day 9")).toBeVisible({ timeout: 60_000 });
  const one = (await ask("GET", `/email-campaigns?campaignId=${campaignId}`)).data[0];
  const { steps } = await ask("GET", `/email-campaigns/${one.id}`);
  const days = (from: string, to: string) => Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);
  const moved = steps.find(({ sendAfterDays }: { sendAfterDays: number }) => sendAfterDays === 9);
  expect(days(one.startOn, moved.dueAt.slice(0, 10))).toBe(9);

  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Simulate" }).click();
  await page.getByRole("button", { name: "Simulate" }).click();
  await expect(page.getByRole("region", { name: "Calendar" })).toBeVisible();
  await page.getByRole("button", { name: "Play" }).click();
  await page.getByRole("button", { name: "Hold on" }).click();
  await page
    .getByTitle(/: [1-9]\d* mails?$/)
    .first()
    .click();
  await expect(page.getByRole("region", { name: "Film" }).getByText("sent").first()).toBeVisible();
  await page.screenshot({ path: `.vitest/simulation.png`, fullPage: true });

  await page.goto(`${program.url}/forecast`);
  await expect(page.getByRole("heading", { level: 1, name: "Forecast" })).toBeVisible();
  await page.getByText("Table", { exact: true }).click();
  await expect(page.getByRole("table", { name: "Mails a day" })).toBeVisible();
  await page.screenshot({ path: `.vitest/forecast.png` });
});
