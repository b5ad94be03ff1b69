/** What becomes of an author's words: the mail in both parts, with every tag where it was, or a mistake with its place. */
import { afterAll, describe, expect, it } from "vitest";
import { DEFAULT_DESIGN } from "../core/blocks/design.ts";
import { parseTemplate, renderTemplate } from "../core/template.ts";
import { type Draft, SYSTEM_VARIABLES, author } from "./authoring.ts";
import { closeSandbox } from "./sandbox.ts";

afterAll(() => closeSandbox());

const known = new Set([...SYSTEM_VARIABLES, "first_name", "items", "company", "url"]);
const ana = {
  first_name: "Ana <b>",
  items: [
    { name: "one", price: 1 },
    { name: "two", price: 2 },
  ],
  url: "https://example.com/?a=1&b=2",
  unsubscribe_url: "https://mail.example.com/u/1",
  postal_address: "1 Example Street",
};
const draft = (more: Partial<Draft>): Draft => ({
  subject: "Hi",
  preheader: null,
  format: "html",
  body: "",
  text: null,
  ...more,
});

async function compiled(more: Partial<Draft>) {
  const result = await author(draft(more), known);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.compiled;
}

async function problems(more: Partial<Draft>) {
  const result = await author(draft(more), known);
  if ("compiled" in result) throw new Error("There is no problem.");
  return result.problems;
}

/** Both parts as Ana gets them. */
async function mail(more: Partial<Draft>) {
  const { html, text } = await compiled(more);
  const shown = (source: string, escape: "html" | "none") => {
    const parsed = parseTemplate(source);
    if ("problems" in parsed) throw new Error(parsed.problems[0]?.message);
    return renderTemplate(parsed.template, ana, escape);
  };
  return { html: shown(html, "html"), text: shown(text, "none") };
}

const mjml = (inside: string, head = "") =>
  `<mjml><mj-head>${head}</mj-head><mj-body><mj-section><mj-column>${inside}</mj-column></mj-section></mj-body></mjml>`;

describe("blocks", () => {
  const paragraph = (id: string, ...children: object[]) => ({
    type: "text",
    id,
    content: [{ type: "paragraph", children }],
  });
  const blocks = (...all: object[]) => ({
    format: "blocks" as const,
    body: JSON.stringify({ version: 1, design: DEFAULT_DESIGN, blocks: all }, null, 2),
  });

  it("become a mail in both parts, with loops, conditions and defaults for each person", async () => {
    const { html, text } = await mail(
      blocks(
        {
          type: "heading",
          id: "h",
          level: 1,
          children: [{ text: "Hello " }, { variable: "first_name", default: "there" }],
        },
        { ...paragraph("company", { text: "For companies" }), showIf: { variable: "company", is: "present" } },
        {
          type: "loop",
          id: "each",
          over: "items",
          as: "item",
          blocks: [paragraph("row", { variable: "item.name" }, { text: " at " }, { variable: "item.price" })],
        },
        {
          type: "columns",
          id: "two",
          columns: [
            { blocks: [paragraph("left", { text: "Left" })] },
            { blocks: [{ type: "button", id: "go", label: [{ text: "Go" }], href: "{{ url }}" }] },
          ],
        },
        { type: "footer", id: "foot" },
      ),
    );
    expect(html).toMatch(/<h1[^>]*>Hello Ana &lt;b&gt;<\/h1>/);
    expect(html).not.toContain("For companies");
    expect(html.indexOf("one at 1")).toBeLessThan(html.indexOf("two at 2"));
    expect(html).toContain('href="https://example.com/?a=1&amp;b=2"');
    expect(html.match(/unsubscribe|https:\/\/mail.example.com\/u\/1/gi)!.length).toBeGreaterThan(0);
    expect(html.match(/https:\/\/mail.example.com\/u\/1/g)).toHaveLength(1);
    expect(text).toContain("Hello Ana <b>");
    expect(text).toMatch(/one at 1\s+two at 2\s+Left\s+Go \(https:\/\/example.com\/\?a=1&b=2\)/);
    expect(text).toContain("1 Example Street");
  });

  it("tell a mistake at its block, and at the block's line in the JSON", async () => {
    const given = blocks(paragraph("fine", { text: "x" }), paragraph("typo", { variable: "frist_name" }));
    const [found] = await problems(given);
    expect(found).toMatchObject({ field: "body", code: "unknown-variable", block: "typo" });
    expect(given.body.split("\n")[found!.line - 1]).toContain('"typo"');
    expect((await problems({ format: "blocks", body: "{" }))[0]).toMatchObject({ code: "json", block: null, line: 1 });
    expect((await problems({ ...blocks(paragraph("a", { text: "x" })), subject: "{{ nobody }}" }))[0]).toMatchObject({
      field: "subject",
      line: 1,
    });
  });
});

describe("Markdown", () => {
  it("becomes a whole, readable document and plain text, with its tags as they were", async () => {
    const { html, text } = await mail({
      format: "markdown",
      body: 'Dear *{{ doc.first_name }}*,\n\nsnake_case_words and {{ "a_b_c" }} "quoted" [here]({{ url }}) <i>\n\nhttps://example.com/x_y_z\n',
    });
    expect(html).toMatch(/^<!doctype html>/i);
    expect(html).toContain("<em>Ana &lt;b&gt;</em>");
    expect(html).toContain('snake_case_words and a_b_c "quoted" <a href="https://example.com/?a=1&amp;b=2"');
    expect(html).toContain("&lt;i&gt;");
    expect(html).toContain('<a href="https://example.com/x_y_z"');
    expect(text).toContain(
      'Dear Ana <b>,\n\nsnake_case_words and a_b_c "quoted" here (https://example.com/?a=1&b=2) <i>',
    );
  });

  it("repeats items of a list, not the list, and makes no paragraphs of blocks", async () => {
    const { html, text } = await mail({
      format: "markdown",
      body: "Before\n\n{% for item in doc.items %}\n- **{{ item.name }}** {{ item.price }}\n{% endfor %}\n\n{% if company %}\nYes\n{% else %}\nNo\n{% endif %}\nAfter",
    });
    expect(html.match(/<ul/g)).toHaveLength(1);
    expect(html.match(/<li>/g)).toHaveLength(2);
    expect(html).not.toContain("<p></p>");
    expect(text).toContain("Before\n * one 1\n * two 2\n\nNo\n\nAfter");
  });

  it("leaves comparisons and quotes in tags alone", async () => {
    const { text } = await mail({
      format: "markdown",
      body: "{% if 1 < 2 and 'a' != \"b\" %}yes{% endif %} & `{{ first_name }}`",
    });
    expect(text).toContain("yes & Ana <b>");
  });
});

describe("HTML", () => {
  const table =
    '<style>td { color: red } @media (max-width: 400px) { td { color: blue } }</style><table><tr><th>Name</th></tr>{% for item in items %}<tr class="row" {% if item.price > 1 %}bgcolor="{{ item.price }}"{% endif %} id=a><td title="{% if 1 > 0 %}a>b{% endif %}"><a href="{{ url }}&c={{ item.name }}">{{ item.name }}</a></td></tr>{% endfor %}</table>';

  it("keeps loops in tables and blocks among attributes while its styles are inlined", async () => {
    const { html, text } = await mail({ body: table });
    const rows = [...html.matchAll(/<tr[^>]*class="row"[^>]*>/g)].map(([row]) => row);
    expect(rows).toHaveLength(2);
    expect(rows[0]).not.toContain("bgcolor");
    expect(rows[1]).toContain('bgcolor="2"');
    expect(html.match(/<td title="a>b" style="color: ?red;?">/g)).toHaveLength(2);
    expect(html).toContain('href="https://example.com/?a=1&amp;b=2&amp;c=one"');
    expect(html).toMatch(/@media[^{]*\{\s*td \{ color: blue \}/);
    expect(text).toContain("Name\none (https://example.com/?a=1&b=2&c=one)\ntwo (https://example.com/?a=1&b=2&c=two)");
  });

  it("stays the author's document when it is a whole one without styles", async () => {
    const body =
      '<!DOCTYPE html>\n<html><head><title>T</title></head><body class="{{ first_name }}">\n<p>Hi</p>\n</body></html>';
    const { html } = await compiled({ body });
    expect(html.replace(/<div class="tidings-footer"[^]*?(?:<\/div>){3}\n/, "")).toBe(body);
  });

  it("loads nothing: a linked style sheet is left to the reader's program", async () => {
    const { html } = await compiled({
      body: '<link rel="stylesheet" href="http://127.0.0.1:1/x.css"><style>p{color:red}</style><p>x</p>',
    });
    expect(html).toContain('href="http://127.0.0.1:1/x.css"');
  });
});

describe("MJML", () => {
  it("keeps tags in text, attributes and between components, and loads no fonts", async () => {
    const { html, text } = await mail({
      format: "mjml",
      body: `<mjml><mj-body>\n{% if first_name %}<mj-section><mj-column><mj-text font-family="Roboto">Hi {{ first_name }}{% if 1 < 2 %}!{% endif %}</mj-text>
        {% for item in items %}<mj-text>{{ item.name }}</mj-text>{% endfor %}
        <mj-table>{% for item in items %}<tr><td>{{ item.price }}</td></tr>{% endfor %}</mj-table>
        <mj-button href="{{ url }}" background-color="{{ company }}">Go</mj-button></mj-column></mj-section>{% endif %}\n</mj-body></mjml>`,
    });
    expect(html).toContain("Hi Ana &lt;b&gt;!");
    expect(html).toContain('href="https://example.com/?a=1&amp;b=2"');
    expect(html).not.toMatch(/fonts\.googleapis|tdg[bv]\d|\{%/);
    expect(text).toMatch(/Hi Ana <b>!\none\ntwo\n+1\n2\n+Go \(https:\/\/example\.com\/\?a=1&b=2\)/);
  });

  it("a tag where MJML keeps no text is found, with its place", async () => {
    const body = "<mjml><mj-body><mj-section>\n  {{ first_name }}<mj-column></mj-column></mj-section></mj-body></mjml>";
    expect(await problems({ format: "mjml", body })).toMatchObject([
      { field: "body", line: 2, column: 3, code: "mjml" },
    ]);
  });

  it.each([
    ["an element there is not", mjml("<mj-foo></mj-foo>")],
    ["an element in the wrong place", "<mjml><mj-body><mj-text>x</mj-text></mj-body></mjml>"],
    ["a file to include", mjml('<mj-include path="/etc/passwd" />')],
    ["no MJML at all", "<p>Hi</p>"],
  ])("%s is refused", async (_, body) => {
    expect(await problems({ format: "mjml", body })).toMatchObject([{ field: "body", code: "mjml" }]);
  });

  it("an attribute that makes no sense is a warning", async () => {
    const { warnings } = await compiled({ format: "mjml", body: mjml('<mj-text color="no such">x</mj-text>') });
    expect(warnings).toMatchObject([{ code: "mjml", line: 1 }]);
  });
});

describe("plain text", () => {
  it("E80 is the author's own where there is one, else derived with the same links and without what is hidden (S6)", async () => {
    const body =
      '<div style="display:none">Hidden</div><h1>Title</h1><p><a href="{{ url }}">Link</a> <img src="x.png" alt="Picture"></p>';
    expect((await mail({ body, text: "Mine, {{ first_name }}." })).text).toMatch(/^Mine, Ana <b>\./);
    const derived = (await mail({ body, preheader: "Beside the subject" })).text;
    expect(derived).toMatch(/^Title\n\nLink \(https:\/\/example\.com\/\?a=1&b=2\) Picture/);
    expect(derived).not.toMatch(/Hidden|Beside/);
    expect(
      (await mail({ format: "mjml", body: mjml("<mj-text>Hi</mj-text>", "<mj-preview>Hidden</mj-preview>") })).text,
    ).not.toContain("Hidden");
  });
});

describe("what every mail has", () => {
  const footers = async (more: Partial<Draft>) => {
    const { html, text } = await mail(more);
    const count = (part: string) => [
      part.split(ana.unsubscribe_url).length - 1,
      part.split(ana.postal_address).length - 1,
    ];
    return [count(html), count(text)];
  };
  it.each([
    ["nothing", "<p>Hi</p>", null],
    ["the link", '<a href="{{ unsubscribe_url }}">Leave</a>', null],
    ["the address", "<p>{{ postal_address }}</p>", null],
    ["both", '<p>{{ doc.postal_address }} <a href="{{ doc.unsubscribe_url }}">Leave</a></p>', null],
    ["both, but not in its own plain text", '{{ postal_address }}<a href="{{ unsubscribe_url }}">Leave</a>', "Short."],
    ["the link in its plain text alone", "<p>Hi</p>", "Leave: {{ unsubscribe_url }}"],
  ])("E88 the way out and the address once in each part, when the author wrote %s", async (_, body, text) => {
    expect(await footers({ body, text })).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it("E88 a footer stands in MJML and Markdown too, inside the document", async () => {
    expect(await footers({ format: "markdown", body: "Hi" })).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(await footers({ format: "mjml", body: mjml("<mj-text>Hi</mj-text>") })).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect((await mail({ format: "markdown", body: "Hi" })).html).toMatch(/Unsubscribe<\/a>(?:<\/div>){3}\s*<\/body>/);
  });

  it("the footer can be read on whatever ground the mail has", async () => {
    const footerOf = async (body: string) =>
      /tidings-footer"><div style="([^"]*)"><div[^>]*color:(#\w+)/.exec((await mail({ body })).html);
    const on = (style: string) => footerOf(`<html><body ${style}><p>Hi</p></body></html>`);
    expect((await on('style="background-color: #173831"'))?.slice(1)).toEqual(["background-color:#173831", "#d1d5db"]);
    expect((await on('bgcolor="black"'))?.slice(1)).toEqual(["background-color:#000000", "#d1d5db"]);
    expect((await on('style="background:url(x.png)"'))?.slice(1)).toEqual(["background-color:#ffffff", "#52606d"]);
    expect((await on('style="background-color:{{ company }}"'))?.slice(1)).toEqual([
      "background-color:#ffffff",
      "#52606d",
    ]);
  });

  it("MJML that says no ground gets a white one, or its texts would stand dark on a dark pane", async () => {
    const bodyOf = async (head: string) =>
      /<body[^>]*>/.exec((await mail({ format: "mjml", body: mjml("<mj-text>Hi</mj-text>", head) })).html)?.[0];
    expect(await bodyOf("")).toContain("background-color:#ffffff");
    expect(await bodyOf('<mj-attributes><mj-body background-color="#123456" /></mj-attributes>')).toContain("#123456");
    for (const css of ["body { background: #123456 }", "@media (prefers-color-scheme: dark) { .x { color: red } }"])
      expect(await bodyOf(`<mj-style>${css}</mj-style>`)).not.toContain("#ffffff");
  });

  it("braces that are written as text stay text in every format and part", async () => {
    const written = "&#123;&#123; first_name }} and &#123;% if x %} and &#123;{{ company | default('us') }}";
    const told = "{{ first_name }} and {% if x %} and {us";
    for (const format of ["html", "markdown", "mjml"] as const) {
      const body =
        format === "mjml"
          ? mjml(`<mj-text>${written}</mj-text>`)
          : `${format === "html" ? "<style>p{color:red}</style>" : ""}${written}`;
      const made = await mail({ format, body });
      expect(made.text).toContain(told);
      expect(made.html.replaceAll("&#123;", "{")).toContain(told);
    }
  });

  it("a preheader comes first in the body, hidden and escaped", async () => {
    const { html } = await mail({ format: "markdown", body: "Hi", preheader: "5 < 6 & {{ first_name }}" });
    expect(html).toMatch(/<body[^>]*><div style="display:none[^>]*>5 &lt; 6 &amp; Ana &lt;b&gt;<\/div>/);
  });
});

describe("mistakes and limits", () => {
  it("E75 E77 every mistake is told at once, with field, line and column", async () => {
    expect(
      await problems({ subject: "{{ frist_name }}", preheader: "{% if %}", body: "a\n{{ nobody }}", text: "{{ x" }),
    ).toMatchObject([
      {
        field: "subject",
        line: 1,
        column: 4,
        code: "unknown-variable",
        message: expect.stringContaining("first_name"),
      },
      { field: "preheader", line: 1, code: "syntax" },
      { field: "body", line: 2, column: 4, code: "unknown-variable" },
      { field: "text", line: 1, column: 1, code: "unclosed-tag" },
    ]);
  });

  it("E77 a mistake beyond the subset is found too, and what is right there is marked for the sandbox", async () => {
    expect(await problems({ body: "{% macro m(a %}{% endmacro %}" })).toMatchObject([{ field: "body", line: 1 }]);
    const made = await compiled({
      format: "markdown",
      body: "{% for n in range(3) %}{{ n }}{{ company }}{% endfor %}",
    });
    expect(made).toMatchObject({ general: true, variables: ["company", "postal_address", "unsubscribe_url"] });
    expect((await compiled({ body: "Hi" })).general).toBe(false);
  });

  it("E75 an unknown name with a default is a warning, and those of the system are known", async () => {
    const body = `{{ nickname | default('you') }} ${SYSTEM_VARIABLES.map((name) => `{{ ${name} }}`).join("")}`;
    expect((await compiled({ body })).warnings).toMatchObject([{ code: "unknown-variable-with-default", line: 1 }]);
  });

  it("a mail that programs would cut off is warned of", async () => {
    const { warnings } = await compiled({ body: `<p>${"word ".repeat(21_000)}</p>` });
    expect(warnings.map(({ code }) => code)).toEqual(["clipped"]);
  });

  it.each([
    ["elements without end", "<div>".repeat(150_000)],
    ["elements deep in each other", `<style>b{color:red}</style>${"<b>".repeat(5000)}x${"</b>".repeat(5000)}`],
    ["tags that never end", '<a "'.repeat(200_000)],
    ["comments that never end", "<!--".repeat(200_000)],
    ["blanks", `<pre>${" ".repeat(500_000)}x</pre>`],
    ["variables", "{{ first_name }}".repeat(50_000)],
  ])("a body of %s is answered, soon (attack 2)", async (_, body) => {
    const before = performance.now();
    const result = await author(draft({ body }), known);
    expect("compiled" in result || result.problems.length > 0).toBe(true);
    expect(performance.now() - before).toBeLessThan(5000);
  });
});
