/** What an author is told of a mail while writing it: on real templates, on hostile ones, and on each fault alone. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../../test/app.ts";
import { DEFAULT_DESIGN } from "../../core/blocks/design.ts";
import { closeSandbox } from "../sandbox.ts";
import { clientSupport } from "./clients.ts";
import { looksOf, OWN_LINK } from "./looks.ts";
import { spamVerdict, verdictOf } from "./spam.ts";

let app: TestApp;
beforeAll(async () => {
  app = await openApp();
  await app.good("PATCH", "/workspace", { postalAddress: "1 Example Street" });
  await app.good("POST", "/person-fields", { key: "products", label: "Products", type: "text" });
});
afterAll(async () => {
  await app?.close();
  await closeSandbox();
});

const out = `<a href="${OWN_LINK}">Unsubscribe</a>`;
const codes = (html: string, more: object = {}, weights = new Map<string, number>()) =>
  looksOf(
    {
      subject: "News",
      preheader: "What is new",
      text: "Enough words for a plain text part.",
      html: html + out,
      ...more,
    },
    weights,
  )
    .map(({ code }) => code)
    .toSorted();
const check = (input: object) =>
  app.good("POST", "/email-templates/check", { subject: "News", preheader: "What is new", ...input });

describe("a mail as it looks", () => {
  it.each<[string, string, string[]]>([
    ["nothing is wrong", '<p>Hello, this is news. <a href="https://tidings.dev/a?b=1&amp;c=2">Read</a></p>', []],
    ["a link without an address", "<a href=''>x</a>", ["link-empty"]],
    ["a link to #", '<a href="#">x</a>', ["link-placeholder"]],
    ["a place in the mail is no fault", '<a href="#more">x</a>', []],
    ["an example's address", '<a href="https://www.example.com/x">x</a>', ["link-placeholder"]],
    ["an address without a scheme", '<a href="www.acme.dev">x</a>', ["link-relative"]],
    ["a path", '<a href="/offer">x</a>', ["link-relative"]],
    ["no address at all", '<a href="https://acme .dev">x</a>', ["link-invalid"]],
    ["a scheme alone", '<a href="https://">x</a>', ["link-invalid"]],
    ["no encryption", '<a href="http://acme.dev">x</a>', ["link-insecure"]],
    ["a script", '<a href="javascript:alert(1)">x</a>', ["link-refused"]],
    ["a script in disguise", '<a href="&#106;avascript:alert(1)">x</a>', ["link-refused"]],
    ["a bare address of a machine", '<a href="https://192.168.1.5/x">x</a>', ["link-host"]],
    ["a mail to nobody", '<a href="mailto:">x</a>', ["link-invalid"]],
    [
      "a link without words",
      '<a href="https://acme.dev"><img src="https://acme.dev/a.png" alt=""></a>',
      ["link-nameless"],
    ],
    [
      "a link of a picture with words",
      '<a href="https://acme.dev"><img src="https://acme.dev/a.png" alt="Acme"></a> and enough other words',
      [],
    ],
    ["a picture without words", '<p>Enough words beside it</p><img src="https://acme.dev/a.png">', ["image-alt"]],
    ["a pixel needs none", '<p>Enough words beside it</p><img width="1" height="1" src="https://acme.dev/a.gif">', []],
    ["a picture from nowhere", '<p>Enough words beside it</p><img alt="x" src="a.png">', ["image-relative"]],
    ["a drawing", '<p>Enough words beside it</p><img alt="x" src="https://acme.dev/a.svg">', ["image-svg"]],
    [
      "a picture inside the mail",
      '<p>Enough words beside it</p><img alt="x" src="data:image/png;base64,AAAA">',
      ["image-embedded"],
    ],
    ["grey on grey", '<p style="color:#999;background-color:#eee">Hello</p>', ["contrast"]],
    ["large grey on white is fine", '<h1 style="color:#777;font-size:28px">Hello</h1>', []],
    ["half see-through text", '<p style="color:rgba(0,0,0,.4)">Hello</p>', ["contrast"]],
    [
      "the ground is that of the table around",
      '<table bgcolor="#000080"><tr><td><font color="#00008b">Hello</font></td></tr></table>',
      ["contrast"],
    ],
    ["on a picture nothing can be said", '<td style="background:url(x.png)"><p style="color:#eee">Hello</p></td>', []],
    ["what is hidden is read by nobody", '<div style="display:none;color:#fff">Hello</div>', []],
    ["a fixed width", '<table width="900"><tr><td>Hello</td></tr></table>', ["wide"]],
    ["a width that gives way", '<div style="width:900px;max-width:100%">Hello</div>', []],
    ["a form", "<form><input></form>", ["element-refused", "element-refused"]],
    ["pictures alone", '<img alt="" src="https://acme.dev/a.png">', ["only-images"]],
  ])("%s", (_, html, expected) => {
    const body =
      /only|picture|drawing/.test(expected.join()) || html.includes("<img")
        ? html
        : `${html}<p>Enough words to be a mail.</p>`;
    expect(
      codes(body.replace("Unsubscribe", "")).filter((code) => code !== "only-images" || expected.includes(code)),
    ).toEqual(expected);
  });

  it("tells of subject, preheader, plain text, size and the way out", () => {
    const subject = (text: string) => codes("<p>Hello</p>", { subject: text });
    expect(subject("a".repeat(61))).toEqual(["subject-long"]);
    expect(subject("👩‍👩‍👧‍👦".repeat(20))).toEqual([]);
    expect(subject("BUY THIS NOW")).toEqual(["subject-shouts"]);
    expect(subject("Really!!!")).toEqual(["subject-shouts"]);
    expect(subject("Re: your order")).toEqual(["subject-pretends"]);
    expect(codes("<p>x</p>", { preheader: null })).toEqual(["preheader-missing"]);
    expect(codes("<p>x</p>", { preheader: "News" })).toEqual(["preheader-repeats"]);
    expect(codes("<p>x</p>", { text: "" })).toEqual(["text-missing"]);
    expect(codes(`<p>${"x".repeat(103_000)}</p>`)).toEqual(["clipped"]);
    expect(
      looksOf({ subject: "s", preheader: "p", text: "x".repeat(30), html: "<p>x</p>" }).map(({ code }) => code),
    ).toEqual(["unsubscribe-missing"]);
  });

  it("weighs the pictures whose weight is known", () => {
    const url = (at: number) => `https://m.dev/i/${at}.png`;
    const html = [1, 2, 3].map((at) => `<img alt="x" src="${url(at)}">`).join("");
    const weights = new Map([1, 2, 3].map((at) => [url(at), at === 1 ? 290_000 : 400_000]));
    expect(codes(`<p>Enough words to be a mail.</p>${html}`, {}, weights)).toEqual([
      "image-heavy",
      "image-heavy",
      "images-heavy",
    ]);
  });

  it("is looked at soon, however hostile", () => {
    const started = performance.now();
    codes("<a href='".repeat(20_000));
    codes(`<p style="${"color:red;(".repeat(20_000)}">x</p>`);
    codes(`<p ${"a=".repeat(50_000)}>x</p>`);
    codes("<div>".repeat(20_000) + "x");
    codes("&#x".repeat(50_000));
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe("mail programs", () => {
  it("that do not support what a mail uses are named", async () => {
    const found = await clientSupport('<div style="display:grid;position:absolute">x</div><form></form>');
    const grid = found.find(({ text }) => /display.*grid|grid/i.test(text));
    expect(grid?.clients).toEqual(expect.arrayContaining(["Outlook (Windows)"]));
    expect(grid?.text).toContain("not supported by");
    expect(await clientSupport("<p>x</p>")).toEqual([]);
  });
});

describe("SpamAssassin", () => {
  const fake =
    "Content analysis details:   (5.6 points, 5.0 required)\n\n pts rule name              description\n---- ----\n-0.0 NO_RELAYS  Informational\n 2.8 DRUG_ED_CAPS           BODY: Mentions an E.D. drug\n                            of some kind\n 0.0 LOTS_OF_MONEY          Huge\n";
  it("is read: the score, and the rules that cost points", () => {
    expect(verdictOf(fake)).toEqual({
      score: 5.6,
      required: 5,
      rules: [{ name: "DRUG_ED_CAPS", score: 2.8, text: "BODY: Mentions an E.D. drug of some kind" }],
    });
    expect(verdictOf("nothing of the kind")).toBeNull();
  });

  it("says nothing where it is not installed", async () => {
    expect(await spamVerdict(Buffer.from("x"), "no-such-command-here")).toBeNull();
  });

  it("judges a whole mail where it is installed", async () => {
    execFileSync(
      "sh",
      [
        "-c",
        "command -v spamassassin || (apt-get update -qq && apt-get install -y -qq --no-install-recommends spamassassin)",
      ],
      { stdio: "ignore" },
    );
    const { spam } = await check({
      subject: "VIAGRA!!! make money fast",
      body: "Buy VIAGRA now. Dear friend, one million dollars.",
      spam: true,
    });
    expect(spam.required).toBe(5);
    expect(spam.rules.map(({ name }: { name: string }) => name)).toContain("DRUG_ED_CAPS");
    expect((await check({ body: "Hello" })).spam).toBeNull();
  });
});

describe("a check over the API", () => {
  it("leads to the line of the source, or to the block", async () => {
    const markdown = await check({ body: "Hello\n\nA [link](http://acme.dev/x) here, and words enough." });
    expect(markdown.findings).toContainEqual(
      expect.objectContaining({ code: "link-insecure", line: 3, column: 10, block: null }),
    );
    const body = JSON.stringify(
      {
        version: 1,
        design: DEFAULT_DESIGN,
        blocks: [
          { type: "image", id: "pic", src: "https://acme.dev/a.png", alt: "" },
          {
            type: "columns",
            id: "cols",
            columns: [
              { blocks: [] },
              { blocks: [{ type: "button", id: "go", label: [{ text: "Go" }], href: "https://" }] },
            ],
          },
        ],
      },
      null,
      2,
    );
    const { findings } = await check({ format: "blocks", body });
    expect(findings).toContainEqual(expect.objectContaining({ code: "image-alt", block: "pic" }));
    const link = findings.find(({ code }: { code: string }) => code === "link-invalid");
    expect(link).toMatchObject({ block: "go", severity: "error" });
    expect(body.split("\n")[link.line - 1]).toContain('"go"');
  });

  it("says what a save would refuse, alone", async () => {
    const { findings } = await check({ body: "Hi {{ frist_name }}" });
    expect(findings).toMatchObject([{ code: "unknown-variable", severity: "error", line: 1 }]);
  });

  it("counts and names the people who lack a value, in a group, in a Campaign, or found by a filter", async () => {
    await app.good("POST", "/person-fields", { key: "plan", label: "Plan", type: "text" });
    const make = (email: string, more: object = {}) => app.good("POST", "/leads", { email, source: "fair", ...more });
    const [ada, bob] = [
      await make("ada@x.dev", { firstName: "Ada", attributes: { plan: "Team" } }),
      await make("bob@x.dev", { company: "Bob Ltd" }),
    ];
    await make("else@x.dev", { source: "web" });
    const template = await app.good("POST", "/email-templates", { name: "T", subject: "S", body: "B" });
    const campaign = await app.good("POST", "/campaigns", {
      name: "C",
      steps: [{ emailTemplateId: template.id, sendAfterDays: 0 }],
    });
    await app.good("POST", "/email-campaigns", { campaignId: campaign.id, personId: bob.id, startOn: "2026-12-24" });
    const group = await app.good("POST", "/email-groups", { title: "G" });
    await app.good("POST", `/email-groups/${group.id}/members`, { personIds: [ada.id] });
    const input = { body: '{{ first_name | default("you") }} {{ plan }} {{ company }}' };
    const byFilter = await check({ ...input, filter: { source: ["fair"] } });
    expect(byFilter.people.of).toBe(2);
    const named = [{ id: bob.id, fullName: expect.any(String), email: "bob@x.dev" }];
    expect(byFilter.people.lacking).toHaveLength(3);
    expect(byFilter.people.lacking).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ variable: "company", count: 1, hasDefault: false }),
        { variable: "first_name", count: 1, hasDefault: true, people: named },
        { variable: "plan", count: 1, hasDefault: false, people: named },
      ]),
    );
    expect((await check({ ...input, campaignId: campaign.id })).people).toMatchObject({
      of: 1,
      lacking: expect.arrayContaining([expect.objectContaining({ variable: "plan" })]),
    });
    expect((await check({ ...input, emailGroupId: group.id })).people).toMatchObject({
      of: 1,
      lacking: [{ variable: "company", count: 1 }],
    });
    expect((await check(input)).people).toBeNull();
  });

  it("shows a mail as of another day", async () => {
    const shown = await app.good("POST", "/email-templates/preview", {
      subject: "S",
      body: "{{ today }}",
      on: "2027-02-03",
    });
    expect(shown.text).toContain("2027-02-03");
  });
});

describe("golden mails", () => {
  const folder = join(import.meta.dirname, "../../../test/mails");
  const formats: Readonly<Record<string, string>> = {
    ".json": "blocks",
    ".mjml": "mjml",
    ".md": "markdown",
    ".html": "html",
  };
  const files = readdirSync(folder).filter((file) => formats[extname(file)]);

  it.each(files)("%s: what is said of it, and its plain text", async (file) => {
    expect(files.length).toBeGreaterThan(4);
    const content = {
      subject: "News",
      preheader: "What is new",
      format: formats[extname(file)],
      body: readFileSync(join(folder, file), "utf8"),
    };
    const { findings } = await check(content);
    const { text } = await app.good("POST", "/email-templates/preview", {
      ...content,
      variables: { first_name: "Ada" },
    });
    const said = findings.map(
      ({ severity, code, line, block, text: words }: Record<string, string>) =>
        `${severity} ${code}${block ? ` in ${block}` : line ? ` in line ${line}` : ""}: ${words}`,
    );
    const made = `${said.join("\n")}\n\n${text}`;
    const golden = join(folder, "golden", `${file}.txt`);
    if (process.env["UPDATE_GOLDEN"]) writeFileSync(golden, made);
    expect(made).toBe(readFileSync(golden, "utf8"));
  });
});
