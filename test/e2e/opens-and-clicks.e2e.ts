/** Measuring is turned on, a mail is read in the mailbox, its link clicked; timeline and Campaign show it. */
import { api, expect, mailsTo, type Program, setUp, startProgram, test } from "./program.ts";

// A browser nobody looks at says so, and would be told apart.
test.use({
  userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
});

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());

test("a mail is opened and its link clicked, and timeline and Campaign tell it", async ({ page, quiet }) => {
  // Before somebody asks for pictures, none is loaded.
  quiet.allow(/Loading the image .*\/o\/.* violates/);
  await setUp(program, page);
  const request = page.request;
  await page.goto(`${program.url}/settings/workspace`);
  // The input of a switch is covered by what draws it.
  await page.getByRole("switch", { name: "Measure opening" }).check({ force: true });
  await page.getByRole("switch", { name: "Measure clicks" }).check({ force: true });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();

  const link = `${program.url}/sign-in?from=mail`;
  type Made = { id: number };
  const template = await api<Made>(request, program, "POST", "/email-templates", {
    name: "Offer",
    subject: "An offer for {{ first_name }}",
    format: "markdown",
    body: `Hello {{ first_name }},\n\n[have a look](${link}).`,
  });
  const campaign = await api<Made>(request, program, "POST", "/campaigns", {
    name: "Spring",
    steps: [{ emailTemplateId: template.id, sendAfterDays: 0 }],
  });
  const lead = await api<Made>(request, program, "POST", "/leads", { firstName: "Ana", email: "reader@example.org" });
  await api(request, program, "POST", "/email-campaigns", {
    campaignId: campaign.id,
    emailCampaignFor: "lead",
    personId: lead.id,
  });
  const mails = () => mailsTo(request, program, "reader@example.org");
  await expect.poll(async () => (await mails()).length, { timeout: 30_000 }).toBe(1);

  // Read as the person reads it.
  await page.goto(`${program.url}/mailbox`);
  await page.getByText("An offer for Ana").first().click();
  await page.waitForTimeout(1100);
  await page.getByRole("button", { name: "Load pictures" }).click();
  const href = await page
    .frameLocator("iframe.mail-frame")
    .getByRole("link", { name: "have a look" })
    .getAttribute("href");
  expect(href).toContain("/c/");
  await page.goto(href!);
  await expect(page).toHaveURL(/from=mail/);

  await page.goto(`${program.url}/people/${lead.id}`);
  const timeline = page.getByRole("region", { name: "Timeline" });
  await expect(timeline.getByText(`Clicked ${link}`)).toBeVisible();
  await expect(timeline.getByText("Opened an email")).toBeVisible();
  await page.screenshot({ path: ".vitest/opens-timeline.png" });
  // Whoever sent it sees their own link, and their looking counts for nobody.
  await timeline.getByRole("button", { name: /An offer for Ana/ }).click();
  await expect(timeline.frameLocator("iframe.mail-frame").getByRole("link", { name: "have a look" })).toHaveAttribute(
    "href",
    link,
  );

  await page.goto(`${program.url}/campaigns/${campaign.id}`);
  const card = page.getByRole("region", { name: "Opens and clicks" });
  await expect(card.getByText(link)).toBeVisible();
  await expect(card.getByRole("row", { name: /Day 0: Offer 1 1 100% 1 100%/ })).toBeVisible();
  // Somebody who is never measured is sent the mail, and no share is of them.
  const other = { firstName: "Bo", email: "other@example.org", measuring: "never" };
  const never = await api<Made>(request, program, "POST", "/leads", other);
  await api(request, program, "POST", "/email-campaigns", {
    campaignId: campaign.id,
    emailCampaignFor: "lead",
    personId: never.id,
  });
  const theirs = () => mailsTo(request, program, "other@example.org");
  await expect.poll(async () => (await theirs()).length, { timeout: 30_000 }).toBe(1);
  await page.reload();
  await expect(card.getByRole("row", { name: /Day 0: Offer 2 1 100% of 1 1 100% of 1 100%/ })).toBeVisible();
  await card.scrollIntoViewIfNeeded();
  await page.screenshot({ path: ".vitest/opens-campaign.png", fullPage: true });
  await page.setViewportSize({ width: 390, height: 800 });
  await page.emulateMedia({ colorScheme: "dark" });
  await card.screenshot({ path: ".vitest/opens-phone.png" });
});
