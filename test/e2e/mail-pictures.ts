/** `node test/e2e/mail-pictures.ts <folder> [files…]`: mails at 600 and 375 px, light and dark, on one sheet each, with what is wrong. Refuses nothing. */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { chromium } from "@playwright/test";
import config from "../../playwright.config.ts";
import { parseTemplate, renderTemplate } from "../../src/core/template.ts";
import { author, SYSTEM_VARIABLES } from "../../src/templates/authoring.ts";
import { closeSandbox } from "../../src/templates/sandbox.ts";
import { inOurWords, laidOut, SCHEMES, WIDTHS } from "./mail-layout.ts";

const OURS = join(import.meta.dirname, "../mails");
const [folder = "/tmp/mail-pictures", ...given] = process.argv.slice(2);
const files =
  given.length > 0
    ? given
    : readdirSync(OURS)
        .filter((file) => file.includes("."))
        .map((file) => join(OURS, file));

const picture = (colour: string, words: string) =>
  `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="400" height="260"><rect width="400" height="260" fill="${colour}"/><text x="30" y="140" font-size="40" fill="#fff" font-family="sans-serif">${words}</text></svg>`)}`;
const VALUES = {
  first_name: "Ada",
  company: "Analytical Engines",
  unsubscribe_url: "https://mail.example.com/u/1",
  postal_address: "Acme Ltd, 1 Example Street, London",
  website: "https://acme.dev",
  notes: "",
  products: [
    { name: "A lamp", price: "€ 49", url: "https://example.com/1", image: picture("#0f766e", "Lamp") },
    {
      name: "A very comfortable chair",
      price: "€ 190",
      url: "https://example.com/2",
      image: picture("#9a3412", "Chair"),
    },
  ],
};
const known = new Set([...SYSTEM_VARIABLES, ...Object.keys(VALUES)]);
const FORMATS = { ".json": "blocks", ".mjml": "mjml", ".md": "markdown", ".html": "html" } as const;

const say = (line: string) => process.stdout.write(`${line}\n`);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch(config.use?.launchOptions ?? {});
try {
  for (const file of files) {
    const format = FORMATS[extname(file) as keyof typeof FORMATS] ?? "html";
    const body = inOurWords(readFileSync(file, "utf8"));
    const made = await author({ subject: "S", preheader: null, text: null, format, body }, known);
    if ("problems" in made) {
      say(`${basename(file)}: ${made.problems.map(({ message }) => message).join("; ")}`);
      continue;
    }
    const parsed = parseTemplate(made.compiled.html);
    const html = "template" in parsed ? renderTemplate(parsed.template, VALUES, "html") : made.compiled.html;
    const shots: string[] = [];
    const told: string[] = [];
    for (const scheme of SCHEMES)
      for (const width of WIDTHS) {
        const page = await browser.newPage();
        const { tooWide, texts } = await laidOut(page, html, { width, scheme });
        shots.push((await page.screenshot({ fullPage: true })).toString("base64"));
        await page.close();
        if (tooWide > 0) told.push(`${tooWide} px too wide at ${width}`);
        const worst = texts.toSorted((one, other) => one.contrast - other.contrast)[0];
        if (worst && worst.contrast < 4.5 && width === 375)
          told.push(`${scheme}: “${worst.words.slice(0, 20)}” has a contrast of ${worst.contrast.toFixed(1)}`);
      }
    const sheet = await browser.newPage({ viewport: { width: 2040, height: 700 } });
    await sheet.setContent(
      `<body style="margin:8px;background:#888;display:flex;gap:12px;align-items:flex-start">${shots
        .map((shot) => `<img src="data:image/png;base64,${shot}">`)
        .join("")}`,
    );
    await sheet.screenshot({ path: join(folder, `${basename(file)}.png`), fullPage: true });
    await sheet.close();
    say(`${basename(file)}: ${Math.ceil(html.length / 1000)} kB; ${told.join("; ") || "fits and can be read"}`);
  }
} finally {
  await browser.close();
  await closeSandbox();
}
