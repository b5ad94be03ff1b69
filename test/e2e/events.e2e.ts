/** A goal that is an event, written by the form; a program tells of it, the Campaign ends as converted, and the timeline says so. */
import { AxeBuilder } from "@axe-core/playwright";
import { api, expect, field, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

test("write a goal that is an event, tell of it, and find it on the person's timeline", async ({ page }) => {
  await setUp(program, page);
  const ask = (method: "GET" | "POST" | "PUT", path: string, body?: object) =>
    api<any>(page.request, program, method, path, body);
  const { campaign } = await ask("POST", "/sample-campaign");
  const [ana, ben] = [
    await ask("POST", "/leads", { firstName: "Ana", lastName: "Lopes", email: "ana@example.org" }),
    await ask("POST", "/leads", { firstName: "Ben", lastName: "Costa", email: "ben@example.org" }),
  ];
  await ask("POST", "/events", { person: ben.id, name: "visited: pricing" });

  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.goto(`${program.url}/campaigns/${campaign.id}/schedule`);
  const card = page.getByRole("region", { name: "For whom it ends early" });
  await card.getByRole("button", { name: "Change the conditions" }).click();
  const goal = card.getByRole("group", { name: "Goal" });
  await goal.getByRole("button", { name: "Add a condition" }).click();
  await field(goal, "What").click();
  await page.getByRole("option", { name: "Had an event" }).click();
  await expect(goal.getByText("Something is not chosen yet.")).toBeVisible();
  // What was told is offered; what was not can be named all the same.
  await field(goal, "Event").click();
  await expect(page.getByRole("option", { name: "visited: pricing" })).toBeVisible();
  await field(goal, "Event").fill("Purchased");
  await field(goal, "At least how often").fill("2");
  await page.keyboard.press("Escape");
  await expect(goal.getByText("Goal: has had the event “purchased” at least 2 times since the start")).toBeVisible();

  const axe = () => new AxeBuilder({ page }).setLegacyMode();
  expect((await axe().withTags(RULES).analyze()).violations).toEqual([]);
  await card.scrollIntoViewIfNeeded();
  await page.screenshot({ path: ".vitest/events-goal.png" });
  await page.setViewportSize({ width: 375, height: 812 });
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await expect
    .poll(() => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth))
    .toBeLessThanOrEqual(0);
  await card.scrollIntoViewIfNeeded();
  await page.screenshot({ path: ".vitest/events-goal-phone.png" });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByRole("button", { name: "Save the Schedule" }).click();
  await expect(page.getByText("The Schedule is saved.")).toBeVisible();

  const started = await ask("POST", "/email-campaigns", { campaignId: campaign.id, personId: ana.id });
  const order = (externalId: string) => ({
    person: "ana@example.org",
    name: "purchased",
    externalId,
    properties: { product: "Tidings for Teams", amount: 49.5, first: externalId === "1" },
  });
  // The first mail leaves, and only then it happens.
  await expect
    .poll(
      async () =>
        (await ask("GET", `/communications?emailCampaignId=${started.id}&kind=email`)).data[0]?.deliveryStatus,
      { timeout: 60_000 },
    )
    .toBe("sent");
  await ask("POST", "/events", order("1"));
  await ask("POST", "/events", order("1"));
  await ask("POST", "/events/batch", { events: [order("2")] });
  await expect
    .poll(async () => {
      const { status, stopReason } = await ask("GET", `/email-campaigns/${started.id}`);
      return `${status}: ${stopReason}`;
    })
    .toBe("Stopped: converted");

  await page.goto(`${program.url}/people/${ana.id}`);
  const entries = page.getByRole("button", { name: /^purchased/ });
  await expect(entries).toHaveCount(2);
  await entries.last().click();
  await expect(page.getByText("Tidings for Teams")).toBeVisible();
  expect((await axe().withRules(["color-contrast", "target-size"]).analyze()).violations).toEqual([]);
  await page.screenshot({ path: ".vitest/events-person-dark.png", fullPage: true });

  // The Campaign says how many converted, and after which mail.
  await page.goto(`${program.url}/campaigns/${campaign.id}`);
  await expect(page.getByText("1 converted after it")).toBeVisible();
  const steps = page.getByRole("region", { name: "Step by step" });
  await steps.getByText("Table").click();
  await expect(steps.getByRole("row").nth(1).getByRole("cell").last()).toHaveText("1");
  await expect(steps.getByRole("columnheader").last()).toHaveText("Converted after it");
  expect(
    (await axe().withRules(["color-contrast", "target-size", "label-content-name-mismatch"]).analyze()).violations,
  ).toEqual([]);
  await page.screenshot({ path: ".vitest/events-campaign-dark.png", fullPage: true });
  const saved = page.waitForEvent("download");
  await steps.getByRole("link", { name: "Download these numbers as CSV" }).click();
  expect((await saved).suggestedFilename()).toBe(`campaign-${campaign.id}.csv`);
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize({ width: 375, height: 812 });
  await expect
    .poll(() => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth))
    .toBeLessThanOrEqual(0);
  await page.screenshot({ path: ".vitest/events-campaign-phone.png", fullPage: true });
  await page.setViewportSize({ width: 1280, height: 800 });

  await page.evaluate(() => localStorage.setItem("tidings-language", "de"));
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.goto(`${program.url}/campaigns/${campaign.id}/schedule`);
  await expect(
    page.getByText("hatte das Ereignis „purchased“ mindestens 2-mal seit dem Beginn", { exact: false }).first(),
  ).toBeVisible();
  const german = page.getByRole("region", { name: "Für wen sie früher endet" });
  await german.getByRole("button").first().click();
  await german.scrollIntoViewIfNeeded();
  await page.screenshot({ path: ".vitest/events-goal-german.png" });
});
