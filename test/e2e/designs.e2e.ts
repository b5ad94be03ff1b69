/**
 * Designed mails through the editor: opened, saved again and not rewritten; then laid out at two widths and in two schemes,
 * where nothing is wider than the phone and the dark takes nothing away. Hostile ones too, of which less is asked.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inOurWords, type LaidOut, laidOut, SCHEMES, WIDTHS } from "./mail-layout.ts";
import { api, expect, type Program, setUp, startProgram, test } from "./program.ts";

const folder = join(import.meta.dirname, "../../../shared/data/mjml");
if (!existsSync(folder)) throw new Error(`${folder} is needed for this test: put the shared data beside the checkout.`);
const designs = readdirSync(folder).filter((name) => name.endsWith(".mjml"));
const ours = join(import.meta.dirname, "../mails");

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());

const VALUES = { first_name: "Ada", company: "Analytical Engines", website: "https://acme.dev" };
/** A contrast below it is the author's own, and is told by the checks; the dark may not make it worse. */
const LEAST = 4.5;

test("designed mails go through the editor unchanged, fit a phone, and can be read in the dark", async ({
  page,
  browser,
  quiet,
}) => {
  test.setTimeout(600_000);
  expect(designs).toHaveLength(13);
  await setUp(program, page);
  // The pictures of designs are elsewhere, and nobody elsewhere is asked.
  quiet.allow(/Failed to load resource|Content Security Policy|Mixed Content/);
  await page.route(
    ({ origin }) => origin !== program.url,
    (route) => route.abort(),
  );
  const mails = [
    ...designs.map((name) => ({
      name,
      format: "mjml",
      hostile: false,
      body: inOurWords(readFileSync(join(folder, name), "utf8")),
    })),
    ...(["hostile.mjml", "hostile.html", "hostile-blocks.json", "every-block.json", "letter.md"] as const).map(
      (name) => ({
        name,
        format: ({ mjml: "mjml", html: "html", json: "blocks", md: "markdown" } as const)[
          name.split(".").at(-1) as "md"
        ],
        hostile: name.startsWith("hostile"),
        body: readFileSync(join(ours, name), "utf8"),
      }),
    ),
  ];
  await api(page.request, program, "POST", "/person-fields", { key: "products", label: "Products", type: "text" });
  const pane = await browser.newPage();
  for (const { name, format, body, hostile } of mails) {
    const made = await api<{ id: number }>(page.request, program, "POST", "/email-templates", {
      name,
      subject: "First",
      format,
      body,
    });
    await page.goto(`${program.url}/email-templates/${made.id}`);
    await page.getByLabel("Subject").fill("Second");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect(page.getByText("Saved as version 2.")).toBeVisible();
    const saved = await api<{ body: string; subject: string }>(
      page.request,
      program,
      "GET",
      `/email-templates/${made.id}`,
    );
    expect(saved.subject).toBe("Second");
    expect(saved.body, `${name} is what its author wrote`).toBe(body);

    const content = { subject: "S", format, body, variables: VALUES };
    const { html } = await api<{ html: string }>(page.request, program, "POST", "/email-templates/preview", content);
    for (const width of WIDTHS) {
      const looks: LaidOut[] = [];
      for (const scheme of SCHEMES) looks.push(await laidOut(pane, html, { width, scheme }));
      for (const [index, { tooWide, texts }] of looks.entries()) {
        const where = `${name} at ${width}, ${SCHEMES[index]}`;
        if (!hostile) expect(tooWide, where).toBeLessThanOrEqual(0);
        for (const { words, contrast, isFooter } of texts)
          if (isFooter) expect(contrast, `${where}: ${words}`).toBeGreaterThanOrEqual(LEAST);
      }
      const [light, dark] = looks;
      expect(
        dark.texts.map(({ words }) => words),
        name,
      ).toEqual(light.texts.map(({ words }) => words));
      const worse = light.texts.filter(
        ({ contrast }, at) => dark.texts[at].contrast < Math.min(LEAST, contrast) - 0.01,
      );
      expect(
        worse.map(({ words }) => words),
        `${name} at ${width}: in the dark`,
      ).toEqual([]);
    }
  }
  await pane.close();
});
