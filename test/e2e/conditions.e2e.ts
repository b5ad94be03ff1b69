/** A step asks something of a person, and the Campaign has a goal, both by the form; saved, read back, and said in words. */
import { AxeBuilder } from "@axe-core/playwright";
import { api, expect, field, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

test("write a condition of a step and a goal by the form, and read them back", async ({ page }) => {
  await setUp(program, page);
  const ask = (method: "GET" | "POST" | "PUT", path: string, body?: object) =>
    api<any>(page.request, program, method, path, body);
  const { campaign, emailGroup } = await ask("POST", "/sample-campaign");
  await ask("POST", "/person-fields", { key: "plan", label: "Plan", type: "choice", choices: ["gold", "silver"] });
  // What has a condition within a condition is shown, and left as it is.
  const nested = { any: [{ group: emailGroup.id }, { all: [{ opened: "any" }, { not: { clicked: "any" } }] }] };
  const before = await ask("GET", `/campaigns/${campaign.id}`);
  await ask("PUT", `/campaigns/${campaign.id}/steps`, {
    steps: before.steps.map((step: any, at: number) => ({
      id: step.id,
      emailTemplateId: step.emailTemplateId,
      sendAfterDays: step.sendAfterDays,
      ...(at === 1 ? { stopIf: nested } : {}),
    })),
  });

  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto(`${program.url}/campaigns/${campaign.id}/schedule`);
  const save = page.getByRole("button", { name: "Save the Schedule" });
  await expect(save).toBeDisabled();
  const step = page.getByRole("region", { name: "Step 2" });
  await expect(step.getByText("(has opened any mail and has not clicked in any mail)", { exact: false })).toBeVisible();
  await step.getByRole("button", { name: "Conditions" }).click();
  const onlyIf = step.getByRole("group", { name: "Only if" });
  await onlyIf.getByRole("button", { name: "Add a condition" }).press("Enter");
  await field(onlyIf, "Whether").click();
  await page.getByRole("option", { name: "is not so" }).click();
  await expect(onlyIf.getByText("has not replied")).toBeVisible();

  // A second one, that is not whole until something is chosen.
  await onlyIf.getByRole("button", { name: "Add a condition" }).click();
  const second = onlyIf.getByRole("group", { name: "Condition 2" });
  await field(second, "What").click();
  await page.getByRole("option", { name: "A field" }).click();
  await expect(onlyIf.getByText("Something is not chosen yet.")).toBeVisible();
  await expect(save).toBeDisabled();
  await field(second, "Field").click();
  await page.getByRole("option", { name: "Plan" }).click();
  await field(second, "One of these values").click();
  await page.getByRole("option", { name: "gold" }).click();
  await page.keyboard.press("Escape");
  await expect(onlyIf.getByText("has not replied and Plan is “gold”")).toBeVisible();
  await field(onlyIf, "What has to be so").click();
  await page.getByRole("option", { name: "any of these" }).click();
  await expect(onlyIf.getByText("has not replied or Plan is “gold”")).toBeVisible();

  const card = page.getByRole("region", { name: "For whom it ends early" });
  await card.getByRole("button", { name: "Change the conditions" }).click();
  const goal = card.getByRole("group", { name: "Goal" });
  await goal.getByRole("button", { name: "Add a condition" }).click();
  await field(goal, "What").click();
  await page.getByRole("option", { name: "Is in an Email Group" }).click();
  await field(goal, "Email Group").click();
  await page.getByRole("option").first().click();
  await expect(goal.getByText(/Goal: is in group “.+”/)).toBeVisible();

  const axe = () => new AxeBuilder({ page }).setLegacyMode();
  expect((await axe().withTags(RULES).analyze()).violations).toEqual([]);
  await page.screenshot({ path: ".vitest/conditions-desk.png", fullPage: true });
  await page.setViewportSize({ width: 375, height: 812 });
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await expect
    .poll(() => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth))
    .toBeLessThanOrEqual(0);
  expect((await axe().withRules(["color-contrast", "target-size"]).analyze()).violations).toEqual([]);
  await page.screenshot({ path: ".vitest/conditions-phone.png", fullPage: true });
  await page.setViewportSize({ width: 1280, height: 800 });

  await save.click();
  await expect(page.getByText("The Schedule is saved.")).toBeVisible();
  const after = await ask("GET", `/campaigns/${campaign.id}`);
  expect(after.steps[1].onlyIf).toEqual({
    any: [{ not: { replied: true } }, { field: "plan", op: "is", value: "gold" }],
  });
  expect(after.steps[1].stopIf).toEqual(nested);
  expect(after.goal).toEqual({ group: emailGroup.id });

  // One is taken away again; what is left stands by itself, in German too.
  await page.evaluate(() => localStorage.setItem("tidings-language", "de"));
  await page.goto(`${program.url}/campaigns/${campaign.id}/schedule`);
  const german = page.getByRole("region", { name: "Schritt 2" });
  await expect(german.getByText("hat nicht geantwortet oder Plan ist „gold“")).toBeVisible();
  await german.getByRole("button", { name: "Bedingungen" }).click();
  const only = german.getByRole("group", { name: "Nur wenn" });
  await expect(only.getByText("hat nicht geantwortet oder Plan ist „gold“")).toBeVisible();
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await page.screenshot({ path: ".vitest/conditions-german.png", fullPage: true });
  await only.getByRole("button", { name: "Bedingung 2 entfernen" }).click();
  await expect(only.getByRole("button", { name: "Bedingung hinzufügen" })).toBeFocused();
  await page.getByRole("button", { name: "Zeitplan speichern" }).click();
  await expect
    .poll(async () => (await ask("GET", `/campaigns/${campaign.id}`)).steps[1].onlyIf)
    .toEqual({ not: { replied: true } });
});
