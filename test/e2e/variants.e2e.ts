/** Variants in the browser: added to a mail, previewed, published, sent to their shares, and a winner chosen and taken back. */
import { accessible, api, expect, type Program, setUp, shot, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());

test("a mail gets a second variant with a rule, everybody gets one, and a winner is chosen by hand and taken back", async ({
  page,
}) => {
  await setUp(program, page);
  const ask = <Answer = any>(method: string, path: string, body?: unknown) =>
    api<Answer>(page.request, program, method as "GET", path, body as never);
  const sample = await ask("POST", "/sample-campaign");
  const id = sample.campaign.id as number;
  await page.goto(`${program.url}/campaigns/${id}/schedule`);
  const step = page.getByRole("region", { name: "Step 1" });
  await step.getByRole("button", { name: "Variants" }).click();
  await step.getByRole("button", { name: "Add a variant" }).click();
  const save = page.getByRole("button", { name: "Save the Schedule" });
  await expect(save, "a template is missing").toBeDisabled();
  const variant = step.getByRole("group", { name: "Variant B" });
  await variant.getByRole("combobox", { name: "Email Template" }).click();
  await page.getByRole("option").nth(1).click();
  const chosen = await variant.getByRole("combobox", { name: "Email Template" }).inputValue();
  await expect(variant.getByLabel("Weight (50 %)")).toBeVisible();
  await step.getByRole("combobox", { name: "The winner is the variant with the most" }).click();
  await page.getByRole("option", { name: "clicks" }).click();
  await expect(step.getByText("Clicks are not measured in this Campaign")).toBeVisible();
  await step.getByLabel("and each variant to at least").fill("2");
  await accessible(page);
  await shot(page, "variants-schedule");

  await step.getByRole("button", { name: "Preview of step 1" }).click();
  const dialog = page.getByRole("dialog", { name: "What it looks like" });
  await dialog.getByText("Variant B", { exact: true }).click();
  await expect(dialog.locator("iframe").first()).toBeVisible();
  await page.keyboard.press("Escape");

  await save.click();
  await expect(page).toHaveURL(new RegExp(`/campaigns/${id}$`));
  const made = await ask("GET", `/campaigns/${id}`);
  expect(made.steps[0].variants).toMatchObject({
    weight: 1,
    others: [{ letter: "B", weight: 1 }],
    winner: { by: "clicked", afterSent: 200, atLeast: 2, otherwise: "split" },
  });

  await ask("POST", "/email-campaigns/bulk", { campaignId: id, emailGroupId: sample.emailGroup.id });
  const trial = async () => (await ask("GET", `/campaigns/${id}/variants`)).data[0];
  await expect
    .poll(async () => (await trial()).variants.reduce((sum: number, one: any) => sum + one.sent, 0), {
      timeout: 60_000,
    })
    .toBe(5);
  await page.reload();
  const card = page.getByRole("region", { name: "Variants", exact: true });
  await expect(card.getByText("No winner can be found by clicks")).toBeVisible();
  const rows = card.getByRole("table", { name: "Variants of the mail on day 0" }).getByRole("row");
  await expect(rows).toHaveCount(3);
  await expect(rows.nth(2)).toContainText(chosen);
  await rows.nth(2).getByRole("button", { name: "Choose variant B" }).click();
  await page.getByRole("button", { name: "Choose variant B" }).last().click();
  await expect(card.getByText(/chose variant B/)).toBeVisible();
  await expect(rows.nth(2)).toContainText("Winner");
  await accessible(page);
  await shot(page, "variants-campaign");
  await page.setViewportSize({ width: 390, height: 900 });
  await expect
    .poll(() => page.evaluate(() => document.documentElement.scrollWidth), "it fits on a phone")
    .toBeLessThanOrEqual(390);
  await page.setViewportSize({ width: 1280, height: 900 });
  const download = page.waitForEvent("download");
  await card.getByRole("link", { name: "Download as CSV" }).click();
  expect((await download).suggestedFilename()).toBe(`variants-of-campaign-${id}.csv`);
  await card.getByRole("button", { name: "Take it back" }).click();
  await page.getByRole("button", { name: "Take it back" }).last().click();
  await expect(card.getByText("No winner can be found by clicks")).toBeVisible();
  expect((await trial()).winner).toBeNull();

  const [one] = (await ask("GET", `/email-campaigns?campaignId=${id}`)).data;
  const got = (await ask("GET", `/email-campaigns/${one.id}`)).steps[0];
  await page.goto(`${program.url}/email-campaigns/${one.id}`);
  await expect(page.getByText(`Variant ${got.variant}, by the split.`)).toBeVisible();
});
