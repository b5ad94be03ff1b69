/** What the general renderer shows, and that a hostile template costs a second and nothing more. */
import { afterAll, describe, expect, it } from "vitest";
import { composeRendered } from "../core/message.ts";
import { TemplateLimit, parseTemplate, renderTemplate } from "../core/template.ts";
import { checkInSandbox, closeSandbox, renderInSandbox } from "./sandbox.ts";

afterAll(() => closeSandbox());

const render = async (source: string, variables: Record<string, unknown> = {}) =>
  (await renderInSandbox({ subject: "", html: source, text: "" }, variables)).html;

describe("the general renderer", () => {
  it.each([
    ["{% macro li(x) %}<li>{{ x }}</li>{% endmacro %}{{ li('a') }}{{ li('<b>') }}", "<li>a</li><li>&lt;b&gt;</li>"],
    ["{% set x %}block {{ first_name }}{% endset %}{{ x }}", "block Ana"],
    ["{{ doc.get('first_name') }} {{ first_name.upper() }} {{ doc.first_name.startswith('A') }}", "Ana ANA true"],
    ["{% for n in range(3) %}{{ n }}{% endfor %}", "012"],
    ["{{ [3, 1, 2] | sort | join(',') }} {{ 'x' is in 'xyz' }} {{ items[:1] | join }}", "1,2,3 true one"],
    ["{% for key, value in prices.items() %}{{ key }}={{ value }};{% endfor %}", "a=1;b=2;"],
    // The same filters as in the subset, with the same words for what is missing.
    [
      "{{ range(2) | join }}{{ empty | default('x') }}{{ unknown | default('y') }}{{ unknown }}{{ nobody.at.all }}",
      "01xy",
    ],
    [
      "{{ range(1) | join }}{{ 3.7 | round }} {{ '%05.1f' | format(2.25) }} {{ '2026-12-01' | date('%d.%m.') }} {{ 'a b' | urlencode }}",
      "04 002.3 01.12. a%20b",
    ],
    [
      "{{ range(1) | join }}{{ 'one two three' | truncate(length=7, leeway=0) }} {{ unknown is defined }} {{ unknown is none }}",
      "0one... false true",
    ],
    ["{{ range(1) | join }}{{ name }}", "0&lt;&amp;&gt;/&#39;&quot;"],
  ])("renders what goes beyond the subset: %s", async (source, text) => {
    const parsed = parseTemplate(source);
    expect("problems" in parsed && parsed.beyondSubset).toBe(true);
    const variables = {
      first_name: "Ana",
      items: ["one", "two"],
      prices: { a: 1, b: 2 },
      empty: "",
      unknown: null,
      name: "<&>/'\"",
    };
    expect(await render(source, variables)).toBe(text);
  });

  it("E74 escapes values in HTML alone", async () => {
    const rendered = await renderInSandbox({ subject: "{{ x }}", html: "{{ x }}", text: "{{ x }}" }, { x: "<a & b>" });
    expect(rendered).toEqual({ subject: "<a & b>", html: "&lt;a &amp; b&gt;", text: "<a & b>" });
  });

  it("gives a template of the subset the same mail as the fast renderer", async () => {
    const source =
      "{{ first_name | default('you') }} & {{ doc.url }}\n{% for x in items %}{{ loop.index }}. {{ x | title }}\n{% endfor %}{% if size > 2 %}big{% endif %}\n";
    const variables = {
      first_name: "O'Neil <Söhne>",
      url: "https://example.com/a?b=c&d",
      items: ["a b", "<c>"],
      size: 3,
      none: null,
    };
    const parsed = parseTemplate(source);
    if ("problems" in parsed) throw new Error("It is of the subset.");
    const fast = {
      subject: renderTemplate(parsed.template, variables, "none"),
      html: renderTemplate(parsed.template, variables, "html"),
      text: renderTemplate(parsed.template, variables, "none"),
    };
    const general = await renderInSandbox({ subject: source, html: source, text: source }, variables);
    expect(general).toEqual(fast);
    const envelope = {
      messageId: "1@example.com",
      date: Temporal.Instant.from("2026-12-01T09:00:00Z"),
      from: { name: null, address: "a@example.com" },
      to: { name: null, address: "b@example.com" },
      replyTo: null,
      unsubscribeUrl: null,
      unsubscribeMailto: null,
      listId: null,
      boundary: "b1",
    };
    expect(composeRendered(general, envelope).equals(composeRendered(fast, envelope))).toBe(true);
  });

  it("E77 says where a mistake is", async () => {
    expect(await checkInSandbox("{% macro m() %}{% endmacro %}{{ m() }}")).toBeNull();
    expect(await checkInSandbox("a\n{% macro m( %}")).toMatchObject({ line: 2 });
  });
});

describe("hostile templates in the general renderer (attacks 1 and 2)", () => {
  const seven = (inside: string) =>
    Array.from({ length: 7 }).reduce<string>(
      (body, _, at) => `{% for a${at} in range(100) %}${body}{% endfor %}`,
      inside,
    );
  it.each([
    ["a loop of a thousand million", "{% for i in range(1000000000) %}{% endfor %}"],
    ["loops in loops", seven("{{ a0 }}")],
    ["loops in loops without output", seven("")],
    [
      "a text that doubles",
      "{% set ns = namespace(s='xxxxxxxxxx') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s | length }}",
    ],
    [
      "a list that doubles",
      "{% set ns = namespace(l=[1, 2]) %}{% for i in range(40) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}",
    ],
    ["a repeated text", "{{ ('x' * 1000000000) | length }}"],
    ["a macro that calls itself", "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(1) }}"],
    ["output of 100 MB", "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}"],
    [
      "replacing without end",
      "{% set ns = namespace(s='x') %}{% for i in range(30) %}{% set ns.s = ns.s | replace('x', 'xxxxxxxxxxxx') %}{% endfor %}{{ ns.s }}",
    ],
  ])("%s ends within about a second with a sentence, and the next mail renders", async (_, source) => {
    await render("{{ range(1) | join }}");
    const before = performance.now();
    await expect(render(source)).rejects.toThrow(TemplateLimit);
    expect(performance.now() - before).toBeLessThan(1500);
    expect(await render("{{ range(2) | join }}")).toBe("01");
  });

  it("memory is bounded while it lasts, and given back afterwards", async () => {
    await render("{{ range(1) | join }}");
    const before = process.memoryUsage.rss();
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 5);
    const bomb =
      "{% set ns = namespace(s='xxxxxxxxxx') %}{% for i in range(40) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}";
    for (let round = 0; round < 5; round++) await expect(render(bomb)).rejects.toThrow(TemplateLimit);
    clearInterval(watch);
    await closeSandbox();
    const megabytes = (bytes: number) => Math.round((bytes - before) / 1024 / 1024);
    expect(megabytes(most)).toBeLessThan(250);
    expect(megabytes(process.memoryUsage.rss())).toBeLessThan(150);
  });

  it.each([
    "{{ doc['constructor'] }}",
    "{{ doc | attr('__class__') }}",
    "{{ ''['__proto__'] }}",
    "{{ process }}{{ env }}{{ environ }}{{ globalThis }}{{ require }}{{ self }}",
    "{{ ''.__class__ }}",
  ])("E78 nothing of the program is in reach, even past the check at save: %s", async (source) => {
    expect(await render(source, { doc: {} }).catch((error: unknown) => String(error))).toMatch(/^$|cannot be rendered/);
  });

  it("what a person's data says is never read as a template", async () => {
    expect(await render("{{ range(1) | join }}{{ name }}", { name: "{{7*7}}{% include 'x' %}" })).toBe(
      "0{{7*7}}{% include &#39;x&#39; %}",
    );
  });

  it("E76 there are no files: a name of one is text, and an include finds none", async () => {
    expect(await render("{{ range(1) | join }}/etc/passwd.txt")).toBe("0/etc/passwd.txt");
    await expect(render("{% include '/etc/passwd' %}")).rejects.toThrow(TemplateLimit);
  });

  it("mails that wait behind a hostile one are rendered all the same", async () => {
    const hostile = render(seven("")).catch((error: unknown) => error);
    const good = await Promise.all(Array.from({ length: 20 }, (_, n) => render("{{ range(1) | join }}{{ n }}", { n })));
    expect(good).toEqual(Array.from({ length: 20 }, (_, n) => `0${n}`));
    expect(await hostile).toBeInstanceOf(TemplateLimit);
  });
});
