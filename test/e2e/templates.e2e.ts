/** Writing templates and setting up a sending domain, as an author and an administrator do it. */
import type { BrowserContext, Page } from "@playwright/test";
import { api, expect, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
let session: Awaited<ReturnType<BrowserContext["storageState"]>> | undefined;
test.describe.configure({ mode: "serial" });
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());
test.beforeEach(async ({ page }) => {
  if (session) return page.context().addCookies(session.cookies);
  await setUp(program, page);
  session = await page.context().storageState();
});

type Template = { id: number; body: string; subject: string; versionNumber: number };
const read = (page: Page, id: number) => api<Template>(page.request, program, "GET", `/email-templates/${id}`);

test("a variable completes while it is typed, mistakes lead to their place, and Control S saves from the code editor", async ({
  page,
}) => {
  await page.goto(`${program.url}/email-templates/new`);
  await page.getByRole("textbox", { name: "Name" }).fill("Hello");
  await page.getByLabel("Subject").fill("Hello there");
  const body = page.getByRole("textbox", { name: "Body of the mail" });
  await body.click();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("First line\nHi {{ nonsense }}");
  await page.getByRole("button", { name: /Body, line 2.*nonsense/ }).click();
  await expect(body).toBeFocused();
  await page.keyboard.press("Control+a");
  await page.keyboard.type("Hi {{comp");
  // The editor takes no choice in the first moment of a list, lest somebody chooses what they have not seen.
  await expect(async () => {
    await page.getByRole("option", { name: /^company/ }).click({ timeout: 1000 });
    await expect(body).toHaveText("Hi {{ company }}", { timeout: 1000 });
  }).toPass();
  await page.keyboard.press("Control+s");
  await expect(page).toHaveURL(/\/email-templates\/\d+$/);
  const id = Number(page.url().split("/").at(-1));
  expect((await read(page, id)).body.trim()).toBe("Hi {{ company }}");
});

test("what somebody else saved meanwhile is overwritten only when the author says so, and stays as a version", async ({
  page,
  quiet,
}) => {
  quiet.allow(/412/);
  const made = await api<Template>(page.request, program, "POST", "/email-templates", {
    name: "Shared",
    subject: "First",
    body: "One",
  });
  await page.goto(`${program.url}/email-templates/${made.id}`);
  await page.getByLabel("Subject").fill("Mine");
  await api(page.request, program, "PATCH", `/email-templates/${made.id}`, { subject: "Theirs" });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByText("Somebody else saved this template while you were writing")).toBeVisible();
  expect((await read(page, made.id)).subject).toBe("Theirs");
  await page.getByRole("button", { name: "Save mine as the newest" }).click();
  await expect(page.getByText("Saved as version 3.")).toBeVisible();
  expect((await read(page, made.id)).subject).toBe("Mine");
  await page.getByRole("button", { name: "Versions" }).click();
  await page.getByRole("button", { name: "Bring version 2 back" }).click();
  await expect(page.getByText("Version 2 is back, as a new version.")).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(page.getByLabel("Subject")).toHaveValue("Theirs");
});

test("a preview is laid out for the width it names however narrow the window, and answers in the scheme it names", async ({
  page,
}) => {
  const made = await api<Template>(page.request, program, "POST", "/email-templates", {
    name: "Wide",
    subject: "Wide",
    format: "html",
    body:
      "<style>.narrow{display:none}@media(max-width:500px){.wide{display:none!important}.narrow{display:block!important}}" +
      ".night{display:none}@media (prefers-color-scheme: dark){.night{display:block!important}}</style>" +
      '<p class="wide">laid out wide</p><p class="narrow">laid out narrow</p><p class="night">by night</p>' +
      '<a href="{{ unsubscribe_url }}">Unsubscribe</a>',
  });
  await page.setViewportSize({ width: 375, height: 812 });
  await page.goto(`${program.url}/email-templates/${made.id}`);
  const mail = page.frameLocator('iframe[title="Preview of the mail"]');
  await expect(mail.getByText("laid out wide")).toBeVisible();
  await expect(mail.getByText("by night")).toBeHidden();
  await page.getByRole("radiogroup", { name: "Width" }).getByText("Phone").click();
  await expect(mail.getByText("laid out narrow")).toBeVisible();
  await page.getByRole("radiogroup", { name: "Colours of the mail program" }).getByText("Dark").click();
  await expect(mail.getByText("by night")).toBeVisible();
});

test("leaving an unsaved template asks first, and a new sending domain shows the records to publish", async ({
  page,
}) => {
  await page.goto(`${program.url}/email-templates/new`);
  await page.getByRole("textbox", { name: "Name" }).fill("Not yet");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Keep writing" }).click();
  await expect(page.getByRole("textbox", { name: "Name" })).toHaveValue("Not yet");
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Leave without saving" }).click();
  await page.getByRole("tab", { name: "Sending domains" }).click();
  await page.getByRole("button", { name: "New sending domain" }).first().click();
  await page.getByRole("textbox", { name: "Domain" }).fill("acme.example");
  await page.getByLabel("Selector (optional)").fill("tidings");
  await page.getByRole("button", { name: "Add the domain" }).click();
  const records = page.getByRole("region", { name: "Records to publish" });
  await expect(records.getByText("tidings._domainkey.acme.example")).toBeVisible();
  await expect(records.getByText(/^v=DKIM1; k=rsa; p=/)).toBeVisible();
  await expect(records.getByText("_dmarc.acme.example", { exact: true })).toBeVisible();
});
