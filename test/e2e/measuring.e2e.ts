/** Measuring is switched for one person: by a colleague on the person's page, and by the person without a script or a session. */
import { accessible, api, expect, mailsTo, type Program, setUp, shot, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());

test("a colleague switches it off and on again; what the person says themselves only they take back", async ({
  page,
  browser,
}) => {
  await setUp(program, page);
  const { request } = page;
  type Made = { id: number };
  const template = await api<Made>(request, program, "POST", "/email-templates", {
    name: "Offer",
    subject: "An offer for {{ first_name }}",
    format: "markdown",
    body: "Hello {{ first_name }},\n\n[have a look](https://example.com/offer).",
  });
  const campaign = await api<Made>(request, program, "POST", "/campaigns", {
    name: "Spring",
    trackOpens: true,
    trackClicks: true,
    steps: [{ emailTemplateId: template.id, sendAfterDays: 0 }],
  });
  const lead = await api<Made>(request, program, "POST", "/leads", { firstName: "Ana", email: "reader@example.org" });
  await page.goto(`${program.url}/people/${lead.id}`);
  const section = page.getByRole("region", { name: "Opens and clicks" });
  const choice = section.getByRole("combobox", { name: "Measure opens and clicks" });
  const never = async () => {
    await choice.click();
    await page.getByRole("option", { name: "Never" }).click();
    await expect(choice).toHaveValue("Never");
  };
  await never();
  // The way back is offered for a while only: it is taken at once.
  const saved = page.getByRole("alert").filter({ hasText: "Saved." });
  await saved.getByRole("button", { name: "Undo" }).click();
  await expect(choice).toHaveValue("As the Campaign says");
  await never();
  const timeline = page.getByRole("region", { name: "Timeline" });
  await expect(timeline.getByText("Never measured from now on").first()).toBeVisible();
  await accessible(page);
  await shot(page, "measuring-person");

  await api(request, program, "POST", "/email-campaigns", {
    campaignId: campaign.id,
    emailCampaignFor: "lead",
    personId: lead.id,
  });
  const mails = () => mailsTo(request, program, "reader@example.org");
  await expect.poll(async () => (await mails()).length, { timeout: 30_000 }).toBe(1);
  type Mail = { html: string };
  const { html } = await api<Mail>(request, program, "GET", `/mailbox/messages/${(await mails())[0].id}`);
  expect(html).toContain('href="https://example.com/offer"');
  expect(html).not.toMatch(/\/[co]\/[0-9a-z]+\./);

  await choice.click();
  await page.getByRole("option", { name: "As the Campaign says" }).click();
  await expect(choice).toHaveValue("As the Campaign says");

  // Anybody's browser.
  const context = await browser.newContext({ javaScriptEnabled: false });
  const theirs = await context.newPage();
  await theirs.goto(/href="(https?:[^"]+\/u\/[^"]+)"/.exec(html)[1]);
  await shot(theirs, "measuring-preferences");
  await theirs.getByRole("button", { name: "Do not note what I open and click" }).click();
  await expect(theirs.getByRole("heading", { name: "We no longer note what you open and click" })).toBeVisible();
  await shot(theirs, "measuring-said");

  await page.reload();
  await expect(section.getByText("Measured: Never")).toBeVisible();
  await expect(section.getByText(/Only they can take it back/)).toBeVisible();
  await expect(choice).toHaveCount(0);
  await timeline
    .getByRole("button", { name: /Never measured from now on/ })
    .first()
    .click();
  await expect(timeline.getByText("the person themselves, by the link in a mail")).toBeVisible();
  await accessible(page);
  await shot(page, "measuring-refused");
  await theirs.getByRole("button", { name: "You may note it again" }).click();
  await page.reload();
  await expect(choice).toHaveValue("As the Campaign says");
  const german = await browser.newContext({ javaScriptEnabled: false, locale: "de-DE" });
  const theirsInGerman = await german.newPage();
  await theirsInGerman.goto(theirs.url());
  await shot(theirsInGerman, "measuring-german");
  await german.close();
  await context.close();
});
