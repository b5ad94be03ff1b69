import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseTemplate, renderTemplate } from "./template.ts";
import { linksIn, signPersonal, slotsOf, trackedHtml, type Tracking, withoutTracking } from "./tracked-content.ts";
import { messageKey, readClick, readOpen } from "./tracking-links.ts";

const keys = [createHash("sha256").update("links").digest()];
const SECRET = "0123456789abcdef";
const base = "https://go.example.com";
const tracking: Tracking = { base, opens: true, clicks: true, key: messageKey(keys, 7) };

/** As a person reads it. */
function sent(html: string, variables: Record<string, unknown> = {}, which: Partial<Tracking> = {}): string {
  const how = { ...tracking, ...which };
  const made = trackedHtml(html, how, SECRET);
  const parsed = parseTemplate(made.html);
  if (!("template" in parsed)) throw new Error(JSON.stringify(parsed.problems));
  const rendered = renderTemplate(parsed.template, { ...variables, ...slotsOf(made, how, 7) }, "html");
  return signPersonal(rendered, made, how, { messageId: 7, versionId: 5 }, SECRET);
}

/** Where the links lead that are led through us. */
const ledTo = (mail: string) =>
  [...mail.matchAll(/https:\/\/go\.example\.com\/c\/([\w.-]+)/g)].map(([, token]) => readClick(keys, token!));

describe("links", () => {
  it("are led through us to where they led before, whatever their quotes and their place", () => {
    const mail = sent(
      `<p><A class=x HREF="https://example.com/?a=1&amp;b=2">one</A> <a\nhref='http://example.org/x y'>bad</a>
<a href=https://example.net/three>three</a><area href="https://example.com/map"></p>`,
    );
    expect(ledTo(mail).map((one) => one?.destination)).toEqual([
      "https://example.com/?a=1&b=2",
      "https://example.net/three",
      "https://example.com/map",
    ]);
    expect(mail).toContain("href='http://example.org/x y'");
  });

  it.each([
    '<a href="mailto:ana@example.com">m</a>',
    '<a href="tel:+351210000000">t</a>',
    '<a href="#top">up</a>',
    '<a href="{{ unsubscribe_url }}">leave</a>',
    '<a href="{{ website }}">theirs</a>',
    '<a href="https://{{ host }}/a">theirs</a>',
    '<a href="https://example.com{{ rest }}">might be another host</a>',
    '<a href="https://example.com/a" data-no-track>by choice</a>',
    '<a data-no-track="" href="https://example.com/a">by choice</a>',
    '<a href="https://go.example.com/u/x">leave</a>',
    '<a href="https://user:pass@example.com/">secret</a>',
    '<a href="javascript:alert(1)">no</a>',
    '<link href="https://example.com/style.css"><abbr href="https://example.com/">x</abbr>',
    "{% raw %}<a href='https://example.com/'>{{ x }}</a>{% endraw %}",
    "{# <a href='https://example.com/'>x</a> #}",
    "<p>https://example.com/ in text</p><a href='https://example.com/",
  ])("%s stays as it is", (html) => {
    expect(trackedHtml(html, { ...tracking, opens: false }, SECRET)).toEqual({ html, links: [] });
  });

  it("with values in them are signed for each person, and counted as their author wrote them", () => {
    const html =
      '{% for item in items %}<a href="https://shop.example/{{ item }}?e={{ email }}&amp;x=1">b</a>{% endfor %}';
    const mail = sent(html, { items: ["a", "b&c"], email: "o'neil+1@example.com" }, { opens: false });
    const written = { versionId: 5, link: 0 };
    expect(ledTo(mail)).toEqual([
      { messageId: 7, destination: "https://shop.example/a?e=o'neil+1@example.com&x=1", written },
      { messageId: 7, destination: "https://shop.example/b&c?e=o'neil+1@example.com&x=1", written },
    ]);
    expect(mail).not.toContain("tdgk");
    expect(linksIn(html)).toEqual(["https://shop.example/{{ item }}?e={{ email }}&x=1"]);
  });

  it.each(["Müller & Söhne", "日本語", "🎉", "O'Brien <b>", "50 %", "a+b@example.com"])(
    "with the value %s in them are measured, and lead where they led before",
    (value) => {
      const [click] = ledTo(sent('<a href="https://example.com/for?a=1&amp;who={{ v }}">b</a>', { v: value }));
      expect(click?.destination).toBe(`https://example.com/for?a=1&who=${value.replaceAll(" ", "%20")}`);
    },
  );

  it("with a value that is no part of an address are left alone, and values that look like ours are text", () => {
    const html = '<a href="https://shop.example/{{ a }}">b</a> {{ b }}';
    const mail = sent(html, { a: "x y\r\nz", b: 'tdgk0:https://evil.example/tdgk; <a href="https://evil.example">' });
    expect(ledTo(mail)).toEqual([]);
    expect(mail).toContain('<a href="https://shop.example/x y');
    expect(mail).toContain("tdgk0:");
  });

  it("stay as they are where clicks are not measured", () => {
    const html = '<body><a href="https://example.com/">x</a></body>';
    const mail = sent(html, {}, { clicks: false });
    expect(mail).toContain('<a href="https://example.com/">x</a>');
    expect(mail).toContain("/o/");
  });
});

describe("a mail that is shown to whoever sent it", () => {
  it("has its author's links and no picture, so that looking at it counts for nobody", () => {
    const html =
      '<body><a href="https://example.com/?a=1&amp;b=2">x</a> <a href="https://example.com/for?n={{ n }}">y</a></body>';
    expect(withoutTracking(sent(html, { n: '<"' }))).toBe(
      '<body><a href="https://example.com/?a=1&amp;b=2">x</a> <a href="https://example.com/for?n=&lt;&quot;">y</a></body>',
    );
    const other = '<img src="https://example.com/o/a.gif"> <a href="https://example.com/c/d">z</a>';
    expect(withoutTracking(other)).toBe(other);
  });
});

describe("the picture", () => {
  it("stands at the end of the body, once, and says which message it is in", () => {
    const mail = sent("<html><body><p>{{ '</body>' }}</p></body></html>");
    const [, token] = /<img src="https:\/\/go\.example\.com\/o\/([^"]+)\.gif"[^>]*><\/body><\/html>$/.exec(mail) ?? [];
    expect(readOpen(keys, token ?? "")).toBe(7);
    expect(sent("<p>no body</p>")).toMatch(/<\/p><img [^>]*>$/);
  });

  it("is not there where opens are not measured", () => {
    const html = "<body>x</body>";
    expect(sent(html, {}, { opens: false })).toBe(html);
  });
});
