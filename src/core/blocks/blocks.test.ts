/** Mails made of blocks: what they become, what is refused and where, and that text never turns into anything but text. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTemplate, renderTemplate } from "../template.ts";
import { DEFAULT_DESIGN, daylight, inkOn, night, nightButton } from "./design.ts";
import { type Block, type Condition, type Inline, allBlocks, readBlocks } from "./document.ts";
import { attribute, lineHtml, testOf, variableTag } from "./inline.ts";
import { blocksToMjml } from "./mjml.ts";
import { colourOf, contrast } from "../colour.ts";

const text = (id: string, words: string, more: object = {}) =>
  ({ type: "text", id, content: [{ type: "paragraph", children: [{ text: words }] }], ...more }) as Block;
const whole = (blocks: readonly unknown[], more: object = {}) =>
  JSON.stringify({ version: 1, design: DEFAULT_DESIGN, blocks, ...more });
function made(blocks: readonly unknown[], how = {}) {
  const read = readBlocks(whole(blocks));
  if ("problems" in read) throw new Error(JSON.stringify(read.problems));
  return blocksToMjml(read.document, how);
}
const rendered = (source: string, values: Record<string, unknown> = {}) => {
  const parsed = parseTemplate(source);
  if ("problems" in parsed) throw new Error(parsed.problems[0]?.message);
  return renderTemplate(parsed.template, values, "html");
};

describe("text", () => {
  const check = (line: readonly Inline[], html: string) => expect(lineHtml(line, "#1d4ed8")).toBe(html);

  it("is marked, linked and broken as its author said", () => {
    check(
      [{ text: "a", bold: true, italic: true }, { break: true }, { text: "b" }],
      "<em><strong>a</strong></em><br>b",
    );
    check(
      [{ text: "x", link: "https://a.example/?a=1&b={{ city }}" }],
      '<a class="tdl" href="https://a.example/?a=1&amp;b={{ city }}" style="color:#1d4ed8;text-decoration:underline">x</a>',
    );
  });

  it("has variables with what stands there when a person has no value", () => {
    check([{ variable: "first_name", default: "there" }], '{{ first_name | default("there") }}');
    expect(variableTag("first_name", 'a "b" \\ c\nd')).toBe('{{ first_name | default("a \\"b\\" \\\\ c d") }}');
    expect(rendered(variableTag("first_name", 'a "b" \\ c'))).toBe("a &quot;b&quot; \\ c");
    check([{ tag: "{{ today | upper }}" }], "{{ today | upper }}");
  });

  it("never becomes markup or a tag, whatever it is and wherever it is cut into runs", () => {
    const letters = fc.constantFrom("{", "}", "%", "#", "-", "<", ">", "&", '"', "'", "a", " ", "endif", "raw");
    const words = fc.array(letters, { maxLength: 12 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.array(words, { maxLength: 4 }), (runs) => {
        const html = rendered(
          lineHtml(
            runs.map((run) => ({ text: run })),
            null,
          ),
        );
        const shown = html.replaceAll(/&(amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity]!);
        expect(html).not.toMatch(/<(?!$)/);
        expect(shown).toBe(runs.join(""));
      }),
      { numRuns: 500 },
    );
  });

  it("keeps tags in addresses and escapes everything else", () => {
    expect(attribute('https://a.example/"{{ x | default("y") }}"<')).toBe(
      'https://a.example/&quot;{{ x | default("y") }}&quot;&lt;',
    );
  });
});
const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };

describe("conditions", () => {
  const holds = (condition: Condition, values: Record<string, unknown>) =>
    rendered(`{% if ${testOf(condition)} %}yes{% endif %}`, values) === "yes";
  it.each<[Condition, Record<string, unknown>, boolean]>([
    [{ variable: "plan", is: "present" }, { plan: "Team" }, true],
    [{ variable: "plan", is: "present" }, { plan: null }, false],
    [{ variable: "plan", is: "absent" }, {}, true],
    [{ variable: "plan", is: "equal", value: "Team" }, { plan: "Team" }, true],
    [{ variable: "plan", is: "equal", value: "Team" }, { plan: null }, false],
    [{ variable: "seats", is: "equal", value: "5" }, { seats: 5 }, true],
    [{ variable: "seats", is: "equal", value: "5" }, { seats: "5" }, true],
    [{ variable: "active", is: "equal", value: "true" }, { active: true }, true],
    [{ variable: "plan", is: "different", value: "Team" }, { plan: null }, true],
    [{ variable: "plan", is: "contains", value: "ea" }, { plan: "Team" }, true],
    [{ variable: "plan", is: "contains", value: "ea" }, {}, false],
    [{ variable: "seats", is: "above", value: "5" }, { seats: 6 }, true],
    [{ variable: "seats", is: "above", value: "5" }, {}, false],
    [{ variable: "seats", is: "below", value: "5" }, { seats: 6 }, false],
    [{ variable: "renews", is: "below", value: "2027-01-01" }, { renews: "2026-05-01" }, true],
    [{ variable: "plan", is: "equal", value: '" or true or "' }, { plan: "Team" }, false],
  ])("%j of %j: %s", (condition, values, expected) => {
    expect(holds(condition, values)).toBe(expected);
  });
});

describe("a document", () => {
  it("becomes MJML of which every line is known by its block", () => {
    const { mjml, lines } = made([
      text("first", "One", { showIf: { variable: "company", is: "present" } }),
      {
        type: "columns",
        id: "cols",
        columns: [{ width: 30, blocks: [text("left", "L")] }, { blocks: [text("right", "R")] }],
      },
      {
        type: "loop",
        id: "each",
        over: "items",
        as: "item",
        blocks: [text("row", "Row")],
        otherwise: [text("none", "None")],
      },
      { type: "footer", id: "foot" },
    ]);
    const rows = mjml.trimEnd().split("\n");
    expect(rows).toHaveLength(lines.length);
    const at = (words: string) => lines[rows.findIndex((row) => row.includes(words))];
    expect([at("{% if company %}"), at(">L<"), at(">R<"), at("{% for item in items %}"), at(">None<")]).toEqual([
      "first",
      "left",
      "right",
      "each",
      "none",
    ]);
    expect(mjml).toContain('<mj-column width="30%"');
    expect(mjml).toContain('<mj-column width="70%"');
    expect(mjml).not.toContain("tdb-");
    expect(made([text("first", "One")], { mark: true }).mjml).toContain("tdb-first");
  });

  it("has its footer beneath the mail, with the way out and the address", () => {
    const { mjml } = made([text("a", "A"), { type: "footer", id: "f", unsubscribeLabel: "Leave {{ us }}" }]);
    expect(mjml.indexOf("</mj-wrapper>")).toBeLessThan(mjml.indexOf("unsubscribe_url"));
    expect(mjml).toContain('Leave {{ "{" }}{ us }}');
    expect(mjml).toContain("{% if postal_address %}");
  });

  it.each<[string, string, string | null, RegExp]>([
    ["is not JSON", "{", null, /not JSON/],
    ["is of a newer version", whole([], { version: 2 }), null, /newer Tidings/],
    ["has a block of an unknown kind", whole([{ type: "video", id: "v" }]), "v", /blocks\.0/],
    ["has an unknown key", whole([text("a", "A", { onclick: "x" })]), "a", /Unrecognized/],
    ["has two blocks of one id", whole([text("a", "A"), text("a", "B")]), "a", /Two blocks/],
    [
      "has columns in columns",
      whole([
        {
          type: "columns",
          id: "c",
          columns: [{ blocks: [{ type: "columns", id: "d", columns: [] }] }, { blocks: [] }],
        },
      ]),
      "d",
      /columns/,
    ],
    ["has a colour that is none", whole([text("a", "A", { background: "red;}" })]), "a", /#1d4ed8/],
    [
      "has a variable that is more than a name",
      whole([text("a", "A", { showIf: { variable: "x %}", is: "present" } })]),
      "a",
      /first_name/,
    ],
    [
      "has a tag that is none",
      whole([{ type: "heading", id: "h", level: 1, children: [{ tag: "{% x %}" }] }]),
      "h",
      /children/,
    ],
  ])("that %s is refused with its block", (_, body, block, message) => {
    const read = readBlocks(body);
    if ("document" in read) throw new Error("It was read.");
    expect(read.problems[0]).toMatchObject({ block });
    expect(read.problems.map((one) => one.message).join("\n")).toMatch(message);
  });

  it("knows the blocks inside others", () => {
    const read = readBlocks(whole([{ type: "loop", id: "l", over: "x", as: "item", blocks: [text("a", "A")] }]));
    expect("document" in read && allBlocks(read.document.blocks).map(({ id }) => id)).toEqual(["l", "a"]);
  });
});

it("a mail can be read by day and by night, whatever colours a brand has", () => {
  const hex = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, "0")}`);
  const on = (front: string, back: string) => contrast(colourOf(front)!, colourOf(back)!);
  fc.assert(
    fc.property(hex, hex, hex, hex, (primary, background, surface, ink) => {
      const design = { ...DEFAULT_DESIGN, primary, background, surface, text: ink };
      for (const palette of [daylight(design), night(design)]) {
        expect(on(palette.text, palette.surface)).toBeGreaterThanOrEqual(4.5);
        expect(on(palette.link, palette.surface)).toBeGreaterThanOrEqual(4.5);
        expect(on(palette.footer, palette.background)).toBeGreaterThanOrEqual(4.5);
      }
      expect(on(inkOn(primary), primary)).toBeGreaterThanOrEqual(4.5);
      expect(on(nightButton(primary), "#1c2026")).toBeGreaterThanOrEqual(3);
    }),
  );
});
