/** Two paths with one meaning: the compiled message of a designed mail and the general renderer give the same bytes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { compileMessage, compose, composeRendered } from "../core/message.ts";
import { author } from "./authoring.ts";
import { trackedBytes } from "../delivery/tracked.ts";
import { partsOf } from "../mail/parts.ts";
import { closeSandbox, renderInSandbox } from "./sandbox.ts";
import type { ContentVersion } from "./templates.ts";

const folder = join(import.meta.dirname, "../../../shared/data/mjml");
if (!existsSync(folder)) throw new Error(`${folder} is needed for this test: put the shared data beside the checkout.`);
const designs = readdirSync(folder).filter((name) => name.endsWith(".mjml"));

afterAll(() => closeSandbox());

const KNOWN = new Set([
  "first_name",
  "company",
  "score",
  "items",
  "url",
  "unsubscribe_url",
  "postal_address",
  "FirstName",
  "Company",
  "ReferalCode",
  "CompanyName",
]);
/** What authors write into text: values, defaults, filters, conditions, loops. */
const SLOTS = [
  "{{ first_name }}",
  "{{ doc.company | default('your company') }}",
  "{{ first_name | upper }} & {{ company | lower }}",
  "{% if score > 3 %}Score {{ score }}{% elif company %}{{ company }}{% else %}—{% endif %}",
  "{% for item in items %}{{ loop.index }}. {{ item }}{% if not loop.last %}, {% endif %}{% endfor %}",
  "{{ url }}",
  "{{ first_name | truncate(12) }}",
];

/** The design with a slot at the start of each text, taken in turn from a place on. */
function withSlots(mjml: string, from: number): string {
  let nth = from;
  const body = mjml.indexOf("<mj-body");
  return (
    mjml.slice(0, body) +
    mjml.slice(body).replaceAll(/<mj-text(?:\s[^>]*[^/])?>/g, (open) => `${open}${SLOTS[nth++ % SLOTS.length]} `)
  );
}

const word = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "O'Brien <b>",
    "Müller & Söhne",
    "日本語のとても長い名前",
    "=20=\t ",
    ".",
    "a".repeat(200),
    "🎉",
    "\r\n.\r\n",
  ),
);
const people = fc.record({
  first_name: fc.option(word),
  company: fc.option(word),
  score: fc.option(fc.oneof(fc.integer({ min: -9, max: 9 }), fc.double({ noNaN: true, min: -1e6, max: 1e6 }))),
  items: fc.array(word, { maxLength: 4 }),
  url: fc.webUrl({ withQueryParameters: true }),
  FirstName: word,
  Company: word,
  unsubscribe_url: fc.constant("https://mail.example.com/u/token"),
  postal_address: fc.constant("Example Ltd\n1 Example Street"),
});

const envelope = {
  messageId: "1.0123@example.com",
  date: Temporal.Instant.from("2026-12-01T09:00:00Z"),
  from: { name: "Ana", address: "a@example.com" },
  to: { name: null, address: "b@example.com" },
  replyTo: null,
  unsubscribeUrl: "https://mail.example.com/u/token",
  unsubscribeMailto: null,
  listId: null,
  boundary: "tidings-0123",
};

describe("a designed mail", () => {
  it("there are designs to try", () => expect(designs.length).toBeGreaterThan(10));

  it.each(designs)("%s is of the subset, and both paths give the same bytes for anybody", async (name) => {
    const body = withSlots(readFileSync(join(folder, name), "utf8"), name.length);
    const subject = "{{ first_name | default('Hello') }}: {{ company }}";
    const made = await author({ format: "mjml", subject, preheader: "{{ company }}", body, text: null }, KNOWN);
    if ("problems" in made) throw new Error(JSON.stringify(made.problems));
    expect(made.compiled.general).toBe(false);
    const content = { subject: made.compiled.subject, html: made.compiled.html, text: made.compiled.text };
    const compiled = compileMessage(content);
    await fc.assert(
      fc.asyncProperty(people, async (values) => {
        const fast = compose(compiled, values, envelope);
        const general = composeRendered(await renderInSandbox(content, values), envelope);
        expect(fast.toString("latin1")).toBe(general.toString("latin1"));
      }),
      { numRuns: 12 },
    );
  });

  it.each(designs)("%s gives the same bytes by both paths when opening and clicks are measured", async (name) => {
    const links =
      '<a href="https://example.com/for?a=1&amp;who={{ first_name }}">you</a> <a href="https://example.com/?a=1&amp;b=2">all</a>';
    const section = `<mj-section><mj-column><mj-text>${links}</mj-text></mj-column></mj-section></mj-body>`;
    const body = withSlots(readFileSync(join(folder, name), "utf8"), name.length).replace("</mj-body>", section);
    const made = await author({ format: "mjml", subject: "{{ company }}", preheader: null, body, text: null }, KNOWN);
    if ("problems" in made) throw new Error(JSON.stringify(made.problems));
    const { subject, html, text } = made.compiled;
    const version = { id: 5, compiledSubject: subject, compiledHtml: html, compiledText: text, general: false };
    const tracking = { base: "https://go.example.com", opens: true, clicks: true, key: "0123456789abcdef" };
    await fc.assert(
      fc.asyncProperty(people, async (values) => {
        const bytes = (general: boolean) =>
          trackedBytes({ ...version, general } as ContentVersion, { messageId: 7, tracking }, values, envelope);
        const fast = await bytes(false);
        expect(fast.toString("latin1")).toBe((await bytes(true)).toString("latin1"));
        // Read, and not looked for in what was sent: there a dot at the beginning of a line is written as =2E.
        const { html: shown } = partsOf(fast);
        expect(shown).toMatch(/href="https:\/\/go\.example\.com\/c\/7\./);
        expect(shown).not.toContain("tdgk");
      }),
      { numRuns: 6 },
    );
  });
});
