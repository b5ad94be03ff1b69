/** What a template means, what is refused, and what it may use up. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TemplateLimit, parseTemplate, renderTemplate, unknownVariables } from "./template.ts";

const ana = {
  first_name: "Ana",
  company: "Smith & Sons <Ltd>",
  city: "",
  phone: null,
  amount: 1234.5,
  items: ["a", "b"],
};

function shown(source: string, variables: Record<string, unknown> = ana, escape: "html" | "none" = "none"): string {
  const parsed = parseTemplate(source);
  if ("problems" in parsed) throw new Error(parsed.problems[0]?.message);
  return renderTemplate(parsed.template, variables, escape);
}

function problem(source: string) {
  const parsed = parseTemplate(source);
  if ("template" in parsed) throw new Error("There is no problem.");
  return { ...parsed.problems[0]!, beyondSubset: parsed.beyondSubset };
}

describe("what a template shows", () => {
  it.each([
    ["{{ doc.first_name }} is {{ first_name }}", "Ana is Ana"],
    ["{{ doc['first_name'] }}", "Ana"],
    ["{{ doc.doc }}{{ doc.nothing.at.all }}", ""],
  ])("E71 the record is `doc` and the top level alike: %s", (source, text) => {
    expect(shown(source)).toBe(text);
  });

  it("E74 values are escaped in HTML, and not in a subject or plain text", () => {
    const name = { name: `<b>"O'Neil" & co</b>` };
    expect(shown("<i>{{ name }}</i>", name, "html")).toBe("<i>&lt;b&gt;&quot;O&#39;Neil&quot; &amp; co&lt;/b&gt;</i>");
    expect(shown("<i>{{ name }}</i>", name, "none")).toBe(`<i>${name.name}</i>`);
    expect(shown("{{ name | safe }} {{ name | e | e }}", { name: "<" }, "html")).toBe("< &lt;");
  });

  it.each([
    ["Hello {{ first_name | default('friend') }}", "Hello Ana"],
    ["{{ nobody | default('friend') }}", "friend"],
    ["{{ phone | default('friend') }}", "friend"],
    ["{{ city | default('your town') }}", "your town"],
    ["{{ city or 'your town' }}", "your town"],
    ["[{{ nobody }}{{ phone }}]", "[]"],
  ])("E75 what is missing prints as nothing or as its default, never with braces: %s", (source, text) => {
    expect(shown(source)).toBe(text);
  });

  it.each(["Intro to Node.js", "templates/welcome.html", "../../etc/passwd.txt", "{% raw %}{{ x }}{% endraw %}.md"])(
    "E76 a subject that looks like a file name is text: %s",
    (source) => {
      expect(shown(source)).toBe(source.replaceAll(/\{% (?:end)?raw %\}/g, ""));
    },
  );

  it.each([
    ["{{ 'x' if amount > 1000 else 'y' }}", "x"],
    ["{{ 1 + 2 ~ 3 }}", ""],
    ["{{ 1 + 2 * 3 - 4 // 3 }} {{ -7 % 3 }} {{ 6 / 4 }} {{ 6 / 3 }} {{ 1 / 0 }}", "6 2 1.5 2 "],
    ["{{ amount | round }} {{ 2.345 | round(1) }} {{ '7 km' | int }} {{ '7.9' | int }}", "1235 2.3 0 7"],
    ["{{ '%.2f' % amount }} {{ '%s has %05d' | format('Ana', 42) }} {{ '%d%%' % 20 }}", "1234.50 Ana has 00042 20%"],
    ["{{ 'hello wORLD-wide' | title }} {{ 'hELLO' | capitalize }}", "Hello World-Wide Hello"],
    ["{{ items | join(', ') }} {{ items | first }} {{ items | last }} {{ items | length }}", "a, b a b 2"],
    [
      "{{ '2026-12-01' | date }} {{ '2026-12-01T08:05:00Z' | date('%a %-d.%m.%y %I:%M %p') }}",
      "1 December 2026 Tue 1.12.26 08:05 AM",
    ],
    ["{{ 'not a date' | date('%Y') }}", "not a date"],
    ["{{ 'a b/ü&c' | urlencode }}", "a%20b/%C3%BC%26c"],
    [
      "{{ 'The quick brown fox jumps' | truncate(12) }} {{ 'abcdefghijkl' | truncate(length=5, killwords=true, leeway=0) }}",
      "The... ab...",
    ],
    ["{{ 'aXbXc' | replace('X', '-') }} {{ 'aXbXc' | replace('X', '-', 1) }}", "a-b-c a-bXc"],
    ["{{ 'Ana' in 'Anastasia' and 'z' not in items }}", "true"],
    ["{% if nobody is defined %}1{% elif phone is none %}2{% else %}3{% endif %}", "2"],
    [
      "{% for item in items %}{{ loop.index }}/{{ loop.length }}:{{ item }}{{ ',' if not loop.last }}{% endfor %}",
      "1/2:a,2/2:b",
    ],
    ["{% for item in nobody %}x{% else %}none{% endfor %}", "none"],
    ["{% for n in [1, 2, 3] if n > 1 %}{{ n }}{% endfor %}", "23"],
    ["{% set x = 1 %}{% for n in [2] %}{% set x = n %}{% endfor %}{{ x }}", "1"],
    ["a {#- note -#} b {%- if true -%} c {% endif -%} \n d", "abc d"],
    ["{{ items }}", "a, b"],
  ])("renders %s", (source, text) => {
    expect(shown(source)).toBe(text);
  });

  it("what a person's data says is never read as a template (attack 1)", () => {
    expect(shown("{{ name }}", { name: "{{7*7}}{% for x in y %}" })).toBe("{{7*7}}{% for x in y %}");
  });

  it("data of any kind renders, and never throws", () => {
    const parsed = parseTemplate(
      "{{ x }}{{ x.y }}{{ x[0] }}{{ x | upper | length }}{{ x + 1 }}{{ x ~ x }}{% for y in x %}{{ y }}{% endfor %}",
    );
    if ("problems" in parsed) throw new Error("It parses.");
    fc.assert(
      fc.property(fc.jsonValue(), (x) => {
        expect(renderTemplate(parsed.template, { x }, "html")).not.toMatch(/\[object|undefined|null,/);
      }),
      { numRuns: 300 },
    );
  });
});

describe("what is refused", () => {
  it.each([
    ["Hi {{ first_name", 1, 4, "unclosed-tag"],
    ["line\n{% if x %}\nmore", 2, 1, "unclosed-block"],
    ["{% endif %}", 1, 1, "unexpected-tag"],
    ["{{ first name }}", 1, 10, "syntax"],
    ["a\nb {{ x | uper }}", 2, 10, "unknown-filter"],
    ["{{ “x” }}", 1, 4, "unexpected-character"],
    ["{{ x | default(&quot;y&quot;) }}", 1, 16, "unexpected-character"],
    ["{% wen x %}", 1, 1, "unknown-tag"],
    ["{% include 'other.html' %}", 1, 1, "no-files"],
    ["{{ }}", 1, 4, "syntax"],
  ])("E77 a mistake is found with line and column: %s", (source, line, column, code) => {
    expect(problem(source)).toMatchObject({ line, column, code, beyondSubset: false });
  });

  it.each([
    "{{ doc.__class__ }}",
    "{{ doc['__proto__'] }}",
    "{{ ''.constructor }}",
    "{{ doc.constructor.constructor('return process')() }}",
    "{{ __proto__ }}",
    "{{ doc.__init__.__globals__ }}",
    "{% macro m() %}{{ doc.__class__ }}{% endmacro %}",
  ])("E78 no template reaches the program through a name: %s", (source) => {
    expect(problem(source)).toMatchObject({ code: "forbidden-name", beyondSubset: false });
  });

  it("E78 a name made while rendering reaches no further than a record's own fields (attack 1)", () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"])
      expect(shown(`{{ doc['${name.slice(0, 3)}' ~ '${name.slice(3)}'] }}`)).toBe("");
    expect(shown("{{ process }}{{ globalThis }}{{ env.PATH }}{{ toString }}{{ valueOf }}")).toBe("");
  });

  it.each([
    "{% for n in range(3) %}{{ n }}{% endfor %}",
    "{{ doc.get('first_name') }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}",
    "{% set x %}block{% endset %}",
    "{{ items | sort | join }}",
    "{{ items[:1] }}",
    "{% for a, b in pairs %}{% endfor %}",
  ])("good Jinja beyond the subset is told from a mistake: %s", (source) => {
    expect(problem(source)).toMatchObject({ code: "beyond-subset", beyondSubset: true });
  });

  it("E75 a name nobody knows is found at its place, with the one that was meant", () => {
    const source =
      "Hello {{ doc.frist_name }},\n{{ nickname | default('you') }}{% for x in xs %}{{ x }}{{ loop.index }}{% endfor %}";
    const parsed = parseTemplate(source);
    if ("problems" in parsed) throw new Error("It parses.");
    expect(unknownVariables(parsed.template, new Set(["first_name", "xs"]))).toEqual([
      {
        line: 1,
        column: 10,
        code: "unknown-variable",
        message: "There is no field “frist_name”. Did you mean “first_name”?",
      },
      { line: 2, column: 4, code: "unknown-variable-with-default", message: "There is no field “nickname”." },
    ]);
  });

  it("the variables of a template for the sandbox are known too", () => {
    const parsed = parseTemplate(
      "{% macro row(a) %}{{ a.name }}{{ colour }}{% endmacro %}{{ row(item) }}{{ doc.get('x') }}",
    );
    if ("template" in parsed) throw new Error("It goes beyond.");
    expect(parsed.variables.map(({ path }) => path)).toEqual(["colour", "item", "doc"]);
  });
});

describe("what a template may use up (attack 2)", () => {
  const many = { l: Array.from({ length: 1000 }, () => "x") };
  it.each([
    ["a loop in a loop", "{% for a in l %}{% for b in l %}{% endfor %}{% endfor %}"],
    ["a text that doubles", `{% set s = 'xxxxxxxxxx' %}${"{% set s = s ~ s %}".repeat(40)}`],
    ["a text that is repeated", "{{ 'x' * 1000000000 }}"],
    [
      "a text that grows by replacing",
      `{{ 'xxxxxxxxxx' | replace('x', 'xxxxxxxxxxxxxxxxxxxx')${" | replace('x', 'xxxxxxxxxxxxxxxxxxxx')".repeat(10)} }}`,
    ],
    ["more than 1 MB of output", `{% for a in l %}${"y".repeat(2000)}{% endfor %}`],
    ["a list of one long text", `{% set s = 'xxxxxxxxxx' * 50000 %}{% set l = [${"s,".repeat(200)}] %}{{ l }}`],
    ["a large body in a loop", `{% for a in l %}${"{% if a == 'y' %}{% endif %}".repeat(2000)}{% endfor %}`],
    ["a wide number", "{{ '%1000000000d' * 300000 }}"],
    ["a search through long text", `{% set s = 'x' * 900000 %}{% for a in l %}{{ 'y' in s }}{% endfor %}`],
  ])("%s ends within a second, with a sentence", (_, source) => {
    const before = performance.now();
    expect(() => shown(source, many)).toThrow(TemplateLimit);
    expect(performance.now() - before).toBeLessThan(1000);
  });

  it.each([
    ["blocks", "{% if x %}".repeat(30) + "{% endif %}".repeat(30), "too-deep"],
    ["brackets", `{{ ${"(".repeat(5000)}1${")".repeat(5000)} }}`, "tag-too-long"],
    ["brackets", `{{ ${"(".repeat(100)}1${")".repeat(100)} }}`, "syntax"],
    ["operators", `{{ 1${" + 1".repeat(100_000)} }}`, "tag-too-long"],
    ["signs", `{{ ${"not ".repeat(200)}x }}`, "syntax"],
  ])("a tower of %s is refused at save", (_, source, code) => {
    expect(problem(source)).toMatchObject({ code, beyondSubset: false });
  });

  it("any text is a template or a problem, never a crash", () => {
    const piece = fc.constantFrom(
      ..."{{ }} {% %} {# #} if for in endif endfor else set raw endraw x doc . [ ] ( ) | ' \" \\ \n 1 2.5 + - * ~ , = == not is and or default".split(
        " ",
      ),
      " ",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 40 }), (pieces) => {
        const parsed = parseTemplate(pieces.join(pieces.length % 2 ? "" : " "));
        if ("template" in parsed) expect(typeof renderTemplate(parsed.template, { x: [1] }, "html")).toBe("string");
        else expect(parsed.problems[0]!.line).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });
});
