/** Writing a mail out of blocks, by keyboard alone and by dragging; checking it; going on in MJML. */
import AxeBuilder from "@axe-core/playwright";
import type { BrowserContext, Page } from "@playwright/test";
import { api, expect, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
let session: Awaited<ReturnType<BrowserContext["storageState"]>> | undefined;
test.describe.configure({ mode: "default" });
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());
test.beforeEach(async ({ page }) => {
  if (session) return page.context().addCookies(session.cookies);
  await setUp(program, page);
  session = await page.context().storageState();
});

type Template = { id: number; format: string; body: string };
const read = (page: Page, id: number) => api<Template>(page.request, program, "GET", `/email-templates/${id}`);
const blocksOf = async (page: Page, id: number) =>
  (JSON.parse((await read(page, id)).body) as { blocks: Record<string, unknown>[] }).blocks;
const names = (page: Page) =>
  page
    .locator("[data-block-name]")
    .evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")?.split(",")[0] ?? ""));
const saved = async (page: Page) => {
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page).toHaveURL(/\/email-templates\/\d+$/);
  return Number(page.url().split("/").at(-1));
};

test("a mail is written by keyboard alone: insert, type, variable, move, copy, delete, undo", async ({ page }) => {
  await page.goto(`${program.url}/email-templates/new?format=blocks`);
  await page.getByRole("radio", { name: "New: Empty" }).check();
  await page.getByRole("button", { name: "Write in Blocks" }).press("Enter");
  await page.getByRole("textbox", { name: "Name" }).fill("By keyboard");
  await page.getByLabel("Subject").fill("By keyboard");
  await expect.poll(() => names(page)).toEqual(["Footer"]);
  await page.getByRole("button", { name: "Insert a block" }).press("Enter");
  await page.getByRole("menuitem", { name: "Heading", exact: true }).press("Enter");
  const heading = page.getByRole("textbox", { name: "Heading" });
  await heading.focus();
  await page.keyboard.type("Hello {{ first_name }}, you");
  await expect(heading.locator(".variable-chip")).toHaveText("first_name");
  await page.locator('[data-block-name][aria-label^="Heading"]').focus();
  await page.keyboard.press("Insert");
  await page.getByRole("menuitem", { name: "Text", exact: true }).press("Enter");
  await page.getByRole("textbox", { name: "Text", exact: true }).focus();
  await page.keyboard.type("News of the week");
  await expect(page.frameLocator("iframe").first().getByText("News of the week")).toBeVisible();
  await expect.poll(() => names(page)).toEqual(["Heading", "Text", "Footer"]);
  await page.locator('[data-block-name][aria-label^="Text"]').focus();
  await page.keyboard.press("Alt+ArrowUp");
  await expect.poll(() => names(page)).toEqual(["Text", "Heading", "Footer"]);
  await page.keyboard.press("Control+d");
  await expect.poll(() => names(page)).toEqual(["Text", "Text", "Heading", "Footer"]);
  await page.keyboard.press("Delete");
  await expect.poll(() => names(page)).toEqual(["Text", "Heading", "Footer"]);
  await page.locator('[data-block-name][aria-label^="Heading"]').focus();
  await page.keyboard.press("Delete");
  await page.locator('[data-block-name][aria-label^="Text"]').focus();
  await page.keyboard.press("Control+z");
  await expect.poll(() => names(page)).toEqual(["Text", "Heading", "Footer"]);
  const id = await saved(page);
  expect((await blocksOf(page, id)).map(({ type }) => type)).toEqual(["text", "heading", "footer"]);
  expect((await blocksOf(page, id))[1]).toMatchObject({
    children: [{ text: "Hello " }, { variable: "first_name" }, { text: ", you" }],
  });
});

test("blocks are dragged in and about, checked at their place, and become MJML as a copy", async ({ page }) => {
  await page.goto(`${program.url}/email-templates/new?format=blocks`);
  await page.getByRole("button", { name: "Write in Blocks" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("By mouse");
  await page.getByLabel("Subject").fill("By mouse");
  await expect.poll(() => names(page)).toEqual(["Text", "Text", "Button", "Text", "Footer"]);
  const drag = async (from: ReturnType<Page["locator"]>, to: ReturnType<Page["locator"]>) => {
    await from.scrollIntoViewIfNeeded();
    const [start, end] = [await from.boundingBox(), await to.boundingBox()];
    if (!start || !end) throw new Error("It is not on the page.");
    await page.mouse.move(start.x + start.width / 2, start.y + start.height / 2);
    await page.mouse.down();
    await page.mouse.move(start.x + start.width / 2, start.y + start.height / 2 + 12);
    await page.mouse.move(end.x + end.width / 2, end.y + end.height / 2, { steps: 12 });
    await page.mouse.up();
  };
  const card = (kind: string) =>
    page.locator("li.block-card", { has: page.locator(`[data-block-name][aria-label^="${kind}"]`) }).first();
  await drag(card("Button").locator(".block-grip"), card("Text"));
  await expect.poll(() => names(page)).toEqual(["Button", "Text", "Text", "Text", "Footer"]);
  await drag(
    page.getByRole("group", { name: "Blocks to drag into the mail" }).getByRole("button", { name: "Line" }),
    card("Button"),
  );
  await expect.poll(async () => (await names(page)).includes("Line")).toBe(true);
  await page.getByRole("tab", { name: /^Checks/ }).click();
  await page.getByRole("button", { name: /which is no address/ }).click();
  await expect(page.locator('[data-block-name][aria-label^="Button"]')).toHaveAttribute("aria-expanded", "true");
  const id = await saved(page);
  const before = (await read(page, id)).body;
  await page.getByRole("radiogroup", { name: "Format" }).getByText("MJML").click();
  await expect(page.getByText("Your Blocks stays in version 1")).toBeVisible();
  await page.getByRole("radio", { name: "A copy of the blocks as MJML" }).check();
  await page.getByRole("button", { name: "Write in MJML" }).click();
  await expect(page.getByRole("textbox", { name: "Body of the mail" })).toContainText("<mjml");
  expect(await read(page, id)).toMatchObject({ format: "blocks", body: before });
});

for (const colorScheme of ["light", "dark"] as const)
  test(`the editor of blocks is accessible, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.goto(`${program.url}/email-templates/2`);
    await page.locator('[data-block-name][aria-label^="Text"]').first().click();
    await expect(page.getByRole("toolbar", { name: "Formatting" })).toBeVisible();
    await page.getByRole("tab", { name: /^Checks/ }).click();
    await expect(page.getByText("Ask SpamAssassin")).toBeVisible();
    const { violations } = await new AxeBuilder({ page }).exclude("iframe").analyze();
    expect(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`),
    ).toEqual([]);
  });
