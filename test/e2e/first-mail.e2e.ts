/** From the first start to the first mail read, and the manual's way through: by role and label, as a person would. */
import { expect, field, PASSWORD, type Program, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());
test.describe.configure({ mode: "serial" });

test("from the set-up link to the first mail read in the mailbox, and the unsubscribe link ends it", async ({
  page,
  quiet,
}) => {
  await page.goto(program.setupUrl);
  await page.getByRole("textbox", { name: "Your name" }).fill("Ana Ruiz");
  await page.getByRole("textbox", { name: "Email address" }).fill("ana@example.com");
  await page
    .getByLabel(/^Password/)
    .first()
    .fill("short");
  await page.getByRole("button", { name: "Next" }).click();
  await expect(page.getByText("At least 10 characters.", { exact: true })).toBeVisible();
  await page.locator("input[autocomplete=new-password]").fill(PASSWORD);
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByRole("textbox", { name: "Name of your organisation" }).fill("Acme");
  await page.getByRole("textbox", { name: "Postal address" }).fill("1 Example Street, Lisbon");
  await page.getByRole("button", { name: "Finish" }).click();

  await expect(page.getByRole("heading", { name: "Ready in two steps" })).toBeVisible();
  await page.getByRole("button", { name: "Load the sample campaign" }).click();
  await expect(page.getByRole("heading", { level: 1, name: /Welcome/ })).toBeVisible();

  // The plus beside the count opens New Email Campaign with the Campaign filled in.
  await page.getByRole("link", { name: "New Email Campaign for this Campaign" }).click();
  await expect(page.getByRole("heading", { name: "New Email Campaign" })).toBeVisible();
  await expect(field(page, "Campaign")).toHaveValue(/Welcome/);
  const recipient = field(page, "Recipient");
  await recipient.fill("a");
  await page.getByRole("option").first().click();
  await expect(page.getByRole("region", { name: "When the mails leave" }).getByText("at once")).toBeVisible();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await expect(page.getByRole("heading", { name: /MAIL-CAMP-\d{4}-00001/ })).toBeVisible();
  await expect(page.getByText("In Progress").first()).toBeVisible();

  await page.getByRole("link", { name: "Mailbox" }).click();
  const mail = page.getByRole("region", { name: "The opened mail" });
  await expect(mail).toBeVisible();
  const frame = page.frameLocator("iframe");
  await expect(frame.getByText("1 Example Street", { exact: false }).first()).toBeVisible();
  await expect(page.locator("iframe").first()).toHaveAttribute("sandbox", "");

  // As a recipient would: the link in the mail, then the one button.
  const link = await frame.locator('a[href*="/u/"]').first().getAttribute("href");
  const visitor = await page.context().newPage();
  await visitor.goto(link ?? "");
  await visitor.getByRole("button").first().click();
  await expect(visitor.getByRole("heading").first()).toBeVisible();
  await visitor.close();

  await page.getByRole("link", { name: "Email Campaigns" }).click();
  await expect(page.getByRole("table", { name: "Email Campaigns" }).getByText("Unsubscribed")).toBeVisible();
  // A click on a badge filters, and the address bar keeps it.
  await page.getByRole("button", { name: "Show only Unsubscribed" }).click();
  await expect(page).toHaveURL(/status=Unsubscribed/);
  await expect(page.getByRole("tab", { name: "Unsubscribed" })).toHaveAttribute("aria-selected", "true");
  quiet.allow(/favicon/);
});

test("a Campaign from nothing: template, Schedule, Lead, start, pause with undo, timeline", async ({ page, quiet }) => {
  quiet.allow(/401/);
  await page.goto(program.url);
  await page.getByRole("textbox", { name: "Email address" }).fill("ana@example.com");
  await page.locator("input[type=password]").fill("not the password");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("not right");
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Good to see you, Ana" })).toBeVisible();

  // 1 the template
  await page.getByRole("link", { name: "Email Templates" }).click();
  await page.getByRole("link", { name: "New Email Template" }).click();
  await page.getByRole("button", { name: "Keep writing in Markdown" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Hello");
  await page.getByRole("textbox", { name: "Subject" }).fill("Hello {{ first_name }}");
  await page.getByRole("textbox", { name: "Body of the mail" }).click();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("Good to have you, {{ first_name }}.");
  await expect(page.frameLocator("iframe").getByText("Good to have you", { exact: false })).toBeVisible();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Hello" })).toBeVisible();

  // 2 and 3 the Campaign and its Schedule
  await page.getByRole("link", { name: "Campaigns", exact: true }).click();
  await page.getByRole("button", { name: "New Campaign" }).click();
  await page.getByRole("dialog").getByRole("textbox", { name: "Name" }).fill("Onboarding");
  await page.getByRole("button", { name: "Next: the Schedule" }).click();
  await page.getByRole("button", { name: "Add the first mail" }).click();
  const template = (at: number) =>
    page.getByRole("region", { name: `Step ${at}` }).getByPlaceholder("Choose a template");
  await template(1).click();
  await page.getByRole("option", { name: "Hello" }).click();
  await page.getByRole("button", { name: "Add a mail" }).click();
  await template(2).click();
  await page.getByRole("option", { name: "Hello" }).click();
  await page.getByRole("button", { name: "Save the Schedule" }).click();
  await expect(page.getByRole("heading", { name: "Onboarding" })).toBeVisible();
  await expect(page.getByText("Day 3")).toBeVisible();

  // 4 the Lead
  await page.getByRole("link", { name: "Leads" }).click();
  await page.getByRole("button", { name: "New Lead" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "First name" }).fill("Zoe");
  await dialog.getByRole("textbox", { name: "Email address" }).fill("not an address");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await dialog.getByRole("textbox", { name: "Email address" }).fill("zoe@example.com");
  await dialog.getByRole("button", { name: "Create", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Zoe" })).toBeVisible();

  // 5 the start, from the person
  await page.getByRole("link", { name: "Start a Campaign" }).click();
  await field(page, "Campaign").fill("Onb");
  await page.getByRole("option", { name: "Onboarding" }).click();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await expect(page.getByRole("heading", { name: /MAIL-CAMP/ })).toBeVisible();

  // 6 pause, and undo
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByRole("button", { name: "Resume" })).toBeVisible();
  await page.getByRole("alert").filter({ hasText: "Paused." }).getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Pause" })).toBeVisible();

  // 7 the timeline, opened in place
  const timeline = page.getByRole("region", { name: "Timeline" });
  await timeline.getByRole("button", { name: /Hello Zoe/ }).click();
  await expect(timeline.locator("iframe")).toBeVisible();
  await expect(page.frameLocator("iframe").first().getByText("Good to have you, Zoe.", { exact: false })).toBeVisible();
  quiet.allow(/422/);
});

test("the command palette finds people and pages by keyboard", async ({ page }) => {
  await page.goto(`${program.url}/sign-in`);
  await page.getByRole("textbox", { name: "Email address" }).fill("ana@example.com");
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
  await page.keyboard.press("Control+K");
  await expect(page.getByRole("dialog").getByRole("textbox")).toBeFocused();
  await page.keyboard.type("Zoe");
  const hit = page.getByRole("dialog").locator("[data-selected]").filter({ hasText: "zoe@example.com" });
  await expect(hit).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/people\/\d+/);
});
