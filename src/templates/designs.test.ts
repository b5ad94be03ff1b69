/**
 * Designed mails go the whole way: checked, compiled, rendered, as plain text; and what comes out is what came out before.
 * The designs are others' work: of each only digests and counts are kept here. Run with UPDATE_GOLDEN=1 to write them.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { walk } from "./checks/walk.ts";
import { closeSandbox } from "./sandbox.ts";

const folder = join(import.meta.dirname, "../../../shared/data/mjml");
if (!existsSync(folder)) throw new Error(`${folder} is needed for this test: put the shared data beside the checkout.`);
const designs = readdirSync(folder).filter((name) => name.endsWith(".mjml"));
const FILE = join(import.meta.dirname, "../../test/mails/golden/designs.json");

let app: TestApp;
beforeAll(async () => {
  app = await openApp();
  await app.good("PATCH", "/workspace", { postalAddress: "1 Example Street" });
});
afterAll(async () => {
  await app?.close();
  await closeSandbox();
});

/** Some are written for another system's variables. */
const OURS: Readonly<Record<string, string>> = {
  FirstName: "first_name",
  Company: "company",
  CompanyName: "company",
  ReferalCode: "website",
};
const bodyOf = (name: string) => readFileSync(join(folder, name), "utf8");
const withOurs = (body: string) =>
  body.replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (tag, variable: string) =>
    OURS[variable] ? `{{ ${OURS[variable]} }}` : tag,
  );
const inMjml = (name: string, body = withOurs(bodyOf(name))) => ({
  subject: "News for {{ first_name }}",
  preheader: "What is new",
  format: "mjml",
  body,
});
const render = (content: object) =>
  app.good("POST", "/email-templates/preview", {
    ...content,
    variables: { first_name: "Ada", company: "Analytical Engines", website: "https://acme.dev" },
  });

const digest = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);
const inWords = (text: string) => text.match(/[\p{L}\p{N}]+/gu) ?? [];

describe("a designed mail", () => {
  it("with the variables of another system is refused by their names, and not sent with holes", async () => {
    const refused: string[] = [];
    for (const name of designs) {
      const { problems } = await render(inMjml(name, bodyOf(name)));
      if (problems.some(({ code }: { code: string }) => code === "unknown-variable")) refused.push(name);
    }
    expect(refused).toEqual(["reactivation-email.mjml", "referral-email.mjml"]);
  }, 60_000);

  it.each(designs)(
    "%s: every word of it is in its plain text, with one way out and one address in each part",
    async (name) => {
      const { html, text, subject, problems } = await render(inMjml(name));
      expect(problems.filter(({ severity }: { severity: string }) => severity === "error")).toEqual([]);
      expect(subject).toBe("News for Ada");
      const seen = walk(html).texts.flatMap(({ words }) => inWords(words.replaceAll(/&#?\w+;/g, " ")));
      expect(seen.length).toBeGreaterThan(20);
      const said = new Set(inWords(text));
      expect(seen.filter((word) => !said.has(word))).toEqual([]);
      for (const part of [html, text]) {
        expect(part.match(/1 Example Street/g)).toHaveLength(1);
        expect(part).not.toMatch(/\{\{|\{%/);
      }
      expect(html.match(/class="tidings-footer"/g)).toHaveLength(1);
    },
  );

  it("looks and reads as before, and the same is said of it", async () => {
    expect(designs).toHaveLength(13);
    const found: Record<string, object> = {};
    for (const name of designs) {
      const content = inMjml(name);
      const [{ html, text }, again] = [await render(content), await render(content)];
      expect(again.html).toBe(html);
      const { findings } = await app.good("POST", "/email-templates/check", content);
      const codes: Record<string, number> = {};
      // What mail programs support changes with their data, and is not asked where a machine is too busy.
      for (const { severity, code } of findings.filter((one: { code: string }) => !one.code.startsWith("client")))
        codes[`${severity} ${code}`] = (codes[`${severity} ${code}`] ?? 0) + 1;
      const { elements } = walk(html);
      const count = (element: string) => elements.filter((one) => one.name === element).length;
      found[name] = {
        html: digest(html),
        htmlBytes: Buffer.byteLength(html),
        text: digest(text),
        textLines: text.split("\n").length,
        links: count("a"),
        pictures: count("img"),
        findings: codes,
      };
    }
    if (process.env["UPDATE_GOLDEN"]) writeFileSync(FILE, `${JSON.stringify(found, null, 2)}\n`);
    expect(found).toEqual(JSON.parse(readFileSync(FILE, "utf8")));
  }, 60_000);
});
