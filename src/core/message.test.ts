/** The bytes of a mail: what every program reads from them, and that no value breaks out of its place. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { describe, expect, it } from "vitest";
import { type Content, type Envelope, compileMessage, compose, composeRendered } from "./message.ts";
import { parseTemplate, renderTemplate } from "./template.ts";

const envelope: Envelope = {
  messageId: "<1.abc@example.com>",
  date: Temporal.Instant.from("2026-12-01T09:05:07.5Z"),
  from: { name: "Ana Ruiz", address: "ana@example.com" },
  to: { name: "José Ñandú", address: "jose@example.org" },
  replyTo: { name: null, address: "sales@example.com" },
  unsubscribeUrl: "https://mail.example.com/u/1.2.3.AbCdEfGhIjKlMnOpQrStUvWxYz0",
  unsubscribeMailto: "unsubscribe@example.com?subject=1.2.3",
  listId: { label: "Product introduction", domain: "campaign-7.example.com" },
  boundary: "tidings-0123456789abcdef",
};
const plain: Content = { subject: "Hello", html: "<p>Hello</p>", text: "Hello" };

const lines = (mail: Buffer) => mail.toString("latin1").split("\r\n");
const head = (mail: Buffer) => mail.toString("utf8").split("\r\n\r\n", 1)[0]!;
/** The header lines by lower-case name, unfolded. */
const headers = (mail: Buffer) =>
  head(mail)
    .replaceAll(/\r\n(?=[ \t])/g, "")
    .split("\r\n")
    .map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)] as const);
const header = (mail: Buffer, name: string) =>
  headers(mail)
    .filter(([each]) => each === name)
    .map(([, value]) => value);

/** What must hold for every mail, whatever is in it. */
function sound(mail: Buffer): void {
  const all = mail.toString("latin1");
  expect(all).not.toMatch(/[^\r]\n|\r[^\n]|\0/);
  const names = headers(mail).map(([name]) => name);
  expect(names).toEqual(
    "date from to reply-to subject message-id list-unsubscribe list-unsubscribe-post list-id precedence x-auto-response-suppress mime-version content-type".split(
      " ",
    ),
  );
  for (const line of lines(mail)) {
    // A URL cannot be folded; it stands alone.
    expect(line.length).toBeLessThanOrEqual(/^List-Unsubscribe: <[^ ]*$/.test(line) ? 998 : 76);
    expect(line).not.toMatch(/^\.|^From |[ \t]$/);
  }
  const encodedWords = head(mail).match(/=\?.*?\?=/g) ?? [];
  for (const word of encodedWords) expect(word.length).toBeLessThanOrEqual(75);
  // A boundary is where the structure has one, and nowhere else.
  expect(lines(mail).filter((line) => line.startsWith("--"))).toEqual(
    ["", "", "--"].map((end) => `--${envelope.boundary}${end}`),
  );
}

const normal = (text: string | undefined) => (text ?? "").replaceAll("\r\n", "\n").trimEnd();
// Everything but the control characters that are dropped from a mail (S1), and CR, which becomes a line end.
// oxlint-disable-next-line no-control-regex -- control characters are what is left out
const mailable = (text: string) => text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "").toWellFormed();
const anyText = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 300 }),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc
    .array(
      fc.constantFrom(
        ".",
        "\n",
        "\r\n",
        "\n.\n",
        ".\r\n",
        "From ",
        "--",
        "--tidings-0123456789abcdef",
        "=",
        "=3D",
        " ",
        "\t",
        "ü",
        "😀",
        "x".repeat(75),
        "a b ".repeat(20),
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join("")),
);

describe("a mail", () => {
  it("E82 S2 S21 S26 S35 E85 has each header once, with a From that shows a name", () => {
    const mail = composeRendered(plain, envelope);
    sound(mail);
    expect(Object.fromEntries(headers(mail))).toMatchObject({
      date: "Tue, 1 Dec 2026 09:05:07 +0000",
      from: "Ana Ruiz <ana@example.com>",
      "reply-to": "sales@example.com",
      "message-id": "<1.abc@example.com>",
      "list-unsubscribe": `<${envelope.unsubscribeUrl}>, <mailto:${envelope.unsubscribeMailto}>`,
      "list-unsubscribe-post": "List-Unsubscribe=One-Click",
      "list-id": "Product introduction <campaign-7.example.com>",
      precedence: "bulk",
      "x-auto-response-suppress": "All",
      "mime-version": "1.0",
    });
  });

  it("S5 E80 has the plain text first, then the HTML, both readable by others", async () => {
    const content = { subject: "Grüße – 50 % off", html: "<p>Grüße &amp; 😀</p>\n", text: "Grüße\n\n.\nFrom me\n" };
    const mail = composeRendered(content, envelope);
    expect(mail.toString("latin1").indexOf("text/plain")).toBeLessThan(mail.toString("latin1").indexOf("text/html"));
    const read = await PostalMime.parse(mail);
    expect(read.subject).toBe(content.subject);
    expect(read.from).toMatchObject({ name: "Ana Ruiz", address: "ana@example.com" });
    expect(read.to?.[0]).toMatchObject({ name: "José Ñandú", address: "jose@example.org" });
    expect([normal(read.text), normal(read.html)]).toEqual([normal(content.text), normal(content.html)]);
  });

  it("S1 S4 S5 S10 any text arrives as it was written, in lines every relay takes", async () => {
    await fc.assert(
      fc.asyncProperty(anyText, anyText, anyText, async (subject, html, text) => {
        const mail = composeRendered({ subject, html, text }, envelope);
        sound(mail);
        const read = await PostalMime.parse(mail);
        const written = (part: string) => normal(mailable(part.replaceAll(/\r\n?/g, "\n")));
        expect(normal(read.text)).toBe(written(text));
        expect(normal(read.html)).toBe(written(html));
        const oneLine = subject
          .toWellFormed()
          // oxlint-disable-next-line no-control-regex -- what is neutralised in a header
          .replaceAll(/[\u0000- \u007f-\u009f\u2028\u2029]+/g, " ")
          .trim();
        expect((read.subject ?? "").trim()).toBe(oneLine);
      }),
      { numRuns: 500 },
    );
  });

  it("S4 a subject of any length is folded between characters, never inside one", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("ü", "😀", "x", " ", "é", "=", "?", "_", "漢"), maxLength: 200 }),
        (subject) => {
          const mail = composeRendered({ ...plain, subject }, envelope);
          sound(mail);
          for (const [, coding, word] of head(mail).matchAll(/=\?UTF-8\?([QB])\?(.*?)\?=/g)) {
            const octets =
              coding === "B"
                ? Buffer.from(word!, "base64")
                : Buffer.from(
                    word!
                      .replaceAll("_", " ")
                      .replaceAll(/=(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
                    "latin1",
                  );
            expect(() => new TextDecoder("utf-8", { fatal: true }).decode(octets)).not.toThrow();
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it("the same content and envelope give the same bytes, so that a retry is the same mail", () => {
    const compiled = compileMessage({ subject: "Hi {{ name }}", html: "<p>{{ name }}</p>", text: "{{ name }}" });
    const first = compose(compiled, { name: "Ana" }, envelope);
    compose(compiled, { name: "Bob" }, { ...envelope, date: Temporal.Instant.from("2027-01-01T00:00:00Z") });
    expect(compose(compiled, { name: "Ana" }, envelope).equals(first)).toBe(true);
  });

  it("compiled slots and rendered text give the same bytes, wherever lines break", () => {
    const piece = fc.oneof(
      anyText.map((text) => text.replaceAll("{", "(")),
      fc.constantFrom("{{ a }}", "{{ b }}", "{% if a %}\n{% endif %}", "{% for c in l %}{{ c }}\n{% endfor %}"),
    );
    const source = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(
        source,
        fc.record({ a: anyText, b: anyText, l: fc.array(anyText, { maxLength: 3 }) }),
        (template, variables) => {
          const content = { subject: template, html: template, text: template };
          const parsed = parseTemplate(template);
          if ("problems" in parsed) throw new Error(parsed.problems[0]?.message);
          const rendered = {
            subject: renderTemplate(parsed.template, variables, "none"),
            html: renderTemplate(parsed.template, variables, "html"),
            text: renderTemplate(parsed.template, variables, "none"),
          };
          const composed = compose(compileMessage(content), variables, envelope);
          expect(composed.toString("utf8")).toBe(composeRendered(rendered, envelope).toString("utf8"));
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each(["simple", "long"])("is as it was read in review: %s.eml", (name) => {
    const golden = readFileSync(join(import.meta.dirname, "golden", `${name}.eml`), "utf8");
    const made =
      name === "simple"
        ? composeRendered({ subject: "Welcome, Ana", html: "<p>Hello Ana</p>\n", text: "Hello Ana\n" }, envelope)
        : long();
    expect(made.toString("utf8")).toBe(golden);
  });
});

function long(): Buffer {
  const compiled = compileMessage({
    subject:
      "{{ first_name }}, your {{ things | join(', ') }} – ready for the new season and for whatever comes after it",
    html: '<!doctype html>\n<p style="margin:0">Dear {{ first_name }} of {{ company }},</p>\n{% for thing in things %}<li>{{ thing }}</li>\n{% endfor %}<a href="{{ unsubscribe_url }}">Unsubscribe</a>\n',
    text: "Dear {{ first_name }} of {{ company }},\n\n.hidden\nFrom now on:\n--\n{% for thing in things %}* {{ thing }}\n{% endfor %}\n{{ unsubscribe_url }}\n",
  });
  const variables = {
    first_name: "Zoë",
    company: "Smith & Sons <Großhandel> Import, Export und Vertriebsgesellschaft mit beschränkter Haftung",
    things: ["bücher", "CDs", "= signs"],
    unsubscribe_url: envelope.unsubscribeUrl,
  };
  return compose(compiled, variables, {
    ...envelope,
    from: { name: 'Dr. Ruiz, "Ana"', address: "ana.maria.ruiz.de.la.vega@mail.long-company-name.example.com" },
    to: {
      name: "Zoë Brontë-Świętosława Wiśniewska, Leiterin der Abteilung für Öffentlichkeitsarbeit",
      address: "zoe@example.org",
    },
    replyTo: null,
  });
}

describe("values that attack (22)", () => {
  const attacks = [
    "\r\nBcc: x@evil.example",
    "\nX: y",
    "\rX: y",
    "a\0b",
    "a\u2028Bcc: x",
    "a\u2029b",
    "a\u0085Bcc: x",
    "\r\n\r\n<script>",
    "=?UTF-8?Q?=0D=0ABcc:_x?=",
    '" <x@evil.example>, "',
    "\\",
    "x".repeat(2000),
    "\ud83d",
    "\u001b[31m",
  ];
  it.each(attacks)("no name, subject or label adds a header: %j", async (attack) => {
    const mail = composeRendered(
      { ...plain, subject: `S${attack}` },
      {
        ...envelope,
        from: { name: attack, address: "ana@example.com" },
        to: { name: `To ${attack}`, address: "jose@example.org" },
        replyTo: { name: attack, address: "sales@example.com" },
        listId: { label: attack, domain: `c7.example.com${attack}` },
        unsubscribeUrl: `https://mail.example.com/u/${attack.slice(0, 500)}`,
        unsubscribeMailto: `leave@example.com${attack.slice(0, 500)}`,
      },
    );
    expect(headers(mail).map(([name]) => name)).toHaveLength(13);
    expect(head(mail)).not.toMatch(/^(?:bcc|x):/im);
    expect(lines(mail).every((line) => line.length <= 998)).toBe(true);
    const read = await PostalMime.parse(mail);
    expect(read.from?.address).toBe("ana@example.com");
    expect(read.to?.map(({ address }) => address)).toEqual(["jose@example.org"]);
    expect(read.replyTo?.map(({ address }) => address)).toEqual(["sales@example.com"]);
    expect(read.cc ?? read.bcc).toBeUndefined();
  });

  it("any value in a further header stays on its line, and none replaces a header of ours", () => {
    fc.assert(
      fc.property(anyText, (value) => {
        const mail = composeRendered(plain, { ...envelope, extra: { "Feedback-ID": value } });
        expect(
          headers(mail)
            .map(([name]) => name)
            .filter((name) => name !== "feedback-id"),
        ).toHaveLength(13);
        expect(header(mail, "feedback-id")).toHaveLength(1);
      }),
    );
    for (const name of ["Bcc", "from", "List-Unsubscribe", "Content-Type", "X\r\nBcc", "X Y", ""])
      expect(() => composeRendered(plain, { ...envelope, extra: { [name]: "x" } })).toThrow(/Not a header/);
  });

  it.each([
    "a@b@c.example",
    "a b@c.example",
    "a@c.example>",
    "<a@c.example>",
    "a@c.example\r\nBcc: x",
    "a,b@c.example",
    "a@c.exa\u2028mple",
    "",
    "@c.example",
  ])("S8 what is no address gets into no header: %j", (address) => {
    expect(() => composeRendered(plain, { ...envelope, to: { name: null, address } })).toThrow(/Not an address/);
  });

  it("a boundary or Message-ID that would break the mail is refused", () => {
    for (const boundary of ["", 'a"b', "a\r\nb", "a b"])
      expect(() => composeRendered(plain, { ...envelope, boundary })).toThrow(/Not a boundary/);
    for (const messageId of ["x", "<a b@c>", "a@b>\r\nBcc: x", "<a@b><c@d>"])
      expect(() => composeRendered(plain, { ...envelope, messageId })).toThrow(/Not a Message-ID/);
  });

  it("without a way to leave there is no List-Unsubscribe, and a local part that is not ASCII is written as UTF-8", () => {
    const mail = composeRendered(plain, {
      ...envelope,
      unsubscribeUrl: null,
      unsubscribeMailto: null,
      listId: null,
      to: { name: null, address: "jürgen@example.org" },
    });
    expect(header(mail, "list-unsubscribe")).toEqual([]);
    expect(header(mail, "list-unsubscribe-post")).toEqual([]);
    expect(header(mail, "to")).toEqual(["jürgen@example.org"]);
  });
});
