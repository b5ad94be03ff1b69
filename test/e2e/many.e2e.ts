/** Many at once: an import with bad rows, a bulk start of ten thousand with its bar, and what the roles may do. */
import type { Page } from "@playwright/test";
import { api, expect, field, finished, PASSWORD, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());
test.describe.configure({ mode: "serial" });

async function signIn(page: Page, email: string): Promise<void> {
  await page.goto(`${program.url}/sign-in`);
  await page.getByRole("textbox", { name: "Email address" }).fill(email);
  await page.locator("input[type=password]").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
}

test("an import shows where columns go, tries it out, and gives the bad rows back", async ({ page }) => {
  await setUp(program, page);
  await page.goto(`${program.url}/import`);
  const csv =
    "First Name;E-Mail;Firma;Shoe size\nAda;ada@example.com;Engines;38\nBob;not an address;Ships;44\nCyd;cyd@example.com;;\n";
  await page
    .getByLabel("CSV file")
    .setInputFiles({ name: "leads.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  const table = page.getByRole("table", { name: "Columns of the file" });
  await expect(table.getByRole("row", { name: /E-Mail/ })).toContainText("ada@example.com");
  await page.getByRole("button", { name: "Try it out first" }).click();
  await expect(page.getByText("What would happen")).toBeVisible();
  await expect(page.getByRole("table", { name: "Bad rows" })).toContainText("3");
  await page
    .getByRole("button", { name: /^Import/ })
    .last()
    .click();
  await expect(page.getByRole("link", { name: "Download the bad rows" })).toBeVisible();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download the bad rows" }).click(),
  ]);
  const text = await (await download.createReadStream()).toArray();
  expect(Buffer.concat(text as Buffer[]).toString()).toContain("not an address");
  await page.getByRole("link", { name: "Show them" }).click();
  await expect(page.getByRole("table", { name: "Leads" })).toContainText("ada@example.com");
});

test("ten thousand leads start with a bar that follows, and stand in the list", async ({ page }) => {
  await signIn(page, "ana@example.com");
  const rows = Array.from({ length: 10_000 }, (_, at) => `Person ${at},p${at}@example.com,crowd`);
  const { jobId } = await api<{ jobId: number }>(
    page.request,
    program,
    "POST",
    "/imports?kind=lead",
    `Full Name,Email,Source\n${rows.join("\n")}\n`,
  );
  await finished(page.request, program, jobId);
  const template = await api<{ id: number }>(page.request, program, "POST", "/email-templates", {
    name: "Hello",
    subject: "Hello {{ first_name }}",
    body: "Good to have you.",
  });
  const campaign = await api<{ id: number }>(page.request, program, "POST", "/campaigns", {
    name: "Crowd",
    steps: [{ emailTemplateId: template.id, sendAfterDays: 30 }],
  });
  await page.goto(`${program.url}/email-campaigns/new?campaign=${campaign.id}`);
  await page.getByText("Filter", { exact: true }).click();
  await field(page, "Source").fill("crowd");
  await page.keyboard.press("Enter");
  await expect(
    page.getByText("10000 people will be started").or(page.getByText("10,000 people will be started")),
  ).toBeVisible();
  await page.getByRole("button", { name: /Start for 10/ }).click();
  await expect(page.getByRole("progressbar")).toBeVisible();
  await expect(page.getByText(/10,?000 Email Campaigns have started/)).toBeVisible({ timeout: 60_000 });
  await page.getByRole("link", { name: "Show them" }).click();
  await expect(page.getByRole("table", { name: "Email Campaigns" }).getByRole("row")).toHaveCount(51);
  await page.getByRole("button", { name: "Show more" }).scrollIntoViewIfNeeded();
  await expect(page.getByRole("table", { name: "Email Campaigns" }).getByRole("row")).toHaveCount(101);
});

test("a list is downloaded whole and with its filters, and no cell runs as a formula", async ({ page }) => {
  await signIn(page, "ana@example.com");
  await api(page.request, program, "POST", "/email-groups", { title: "=1+1" });
  await page.goto(`${program.url}/email-groups`);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download as CSV" }).click(),
  ]);
  const text = Buffer.concat((await (await download.createReadStream()).toArray()) as Buffer[]).toString();
  expect(text).toContain("'=1+1");
  expect(text).not.toMatch(/(?:^|,)=1/m);
});

test("a passkey that was added signs in without the password", async ({ page, quiet }) => {
  quiet.allow(/401/);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  await signIn(page, "ana@example.com");
  await page.goto(`${program.url}/settings/profile`);
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await expect(page.getByText("The passkey is kept.", { exact: false })).toBeVisible();
  await page.getByRole("button", { name: /Your account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await expect(page.getByRole("heading", { name: /Good to see you/ })).toBeVisible();
});

test("what a role may not do is not offered, and refused when asked for all the same", async ({
  page,
  browser,
  quiet,
}) => {
  quiet.allow(/403/);
  await signIn(page, "ana@example.com");
  await page.goto(`${program.url}/settings/users`);
  await page.getByRole("button", { name: "Invite somebody" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "Name" }).fill("Vic Viewer");
  await dialog.getByRole("textbox", { name: "Email address" }).fill("vic@example.com");
  await field(dialog, "Role").click();
  await page.getByRole("option", { name: /^Viewer/ }).click();
  await dialog.getByRole("button", { name: "Invite" }).click();
  const link = await dialog.getByRole("textbox", { name: "Link" }).inputValue();

  const other = await browser.newContext({ baseURL: program.url });
  const vic = await other.newPage();
  await vic.goto(link);
  await vic.locator("input[autocomplete=new-password]").fill(PASSWORD);
  await vic.getByRole("button", { name: "Accept the invitation" }).click();
  await expect(vic.getByRole("heading", { name: "Good to see you, Vic" })).toBeVisible();
  await vic.goto(`${program.url}/leads`);
  await expect(vic.getByRole("table", { name: "Leads" })).toBeVisible();
  await expect(vic.getByRole("button", { name: "New Lead" })).toHaveCount(0);
  await expect(vic.getByRole("link", { name: "Import" })).toHaveCount(0);
  await vic.goto(`${program.url}/settings/profile`);
  await expect(vic.getByRole("tab", { name: "Users" })).toHaveCount(0);
  const answer = await vic.request.post(`${program.url}/api/v1/leads`, {
    headers: { origin: program.url },
    data: { email: "x@example.com" },
  });
  expect(answer.status()).toBe(403);
  await other.close();
});
