import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clickToken, isSafe, messageKey, openToken, readClick, readOpen } from "./tracking-links.ts";

const [key, former] = ["now", "before"].map((text) => createHash("sha256").update(text).digest());
const keys = [key!, former!];
const DESTINATION = "https://example.com/a?b=1&c=%20#d";

const token = (destination: string, written = null as { versionId: number; link: number } | null, of = keys) =>
  clickToken(messageKey(of, 7), { messageId: 7, destination, written })!;

describe("the address of a link", () => {
  it("says which message, where to, and which link of which version", () => {
    expect(readClick(keys, token(DESTINATION))).toEqual({ messageId: 7, destination: DESTINATION, written: null });
    const written = { versionId: 12, link: 3 };
    expect(readClick(keys, token(DESTINATION, written))).toEqual({ messageId: 7, destination: DESTINATION, written });
  });

  it("is valid under a former secret, and under no other", () => {
    expect(readClick(keys, token(DESTINATION, null, [former!]))).not.toBeNull();
    expect(readClick([key!], token(DESTINATION, null, [former!]))).toBeNull();
  });

  it("leads nowhere once any character of it is another (attack 8)", () => {
    const good = token(DESTINATION, { versionId: 12, link: 3 });
    for (let at = 0; at < good.length; at += 1)
      for (const other of ["A", "b", "0", "-", "_", ".", "/", "%", "\n"]) {
        if (good[at] === other) continue;
        expect(readClick(keys, good.slice(0, at) + other + good.slice(at + 1))).toBeNull();
        expect(readClick(keys, good.slice(0, at) + good.slice(at + 1))).toBeNull();
        expect(readClick(keys, good.slice(0, at) + other + good.slice(at))).toBeNull();
      }
  });

  it("does not serve another message, another destination, or as the address of a picture", () => {
    const [one, , end] = token(DESTINATION).split(".");
    const [, signature] = token("https://example.com/other").split(".");
    expect(readClick(keys, [one, signature, end].join("."))).toBeNull();
    expect(readClick(keys, ["8", token(DESTINATION).split(".")[1], end].join("."))).toBeNull();
    expect(readOpen(keys, token(DESTINATION).split(".").slice(0, 2).join("."))).toBeNull();
    expect(readClick(keys, `${openToken(messageKey(keys, 7), 7)}.${end}`)).toBeNull();
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "//evil.example",
    "/relative",
    "https:evil.example",
    "https://",
    "https:///evil.example",
    "https://user@evil.example/",
    "https://example.com:pass@evil.example/",
    "https://example.com\\@evil.example/",
    "https://example.com/\r\nSet-Cookie: a=b",
    "https://example.com/ b",
    "ftp://example.com/",
    "mailto:ana@example.com",
    `https://example.com/${"a".repeat(2100)}`,
  ])("is never made for %s", (destination) => {
    expect(isSafe(destination)).toBe(false);
    expect(clickToken(messageKey(keys, 7), { messageId: 7, destination, written: null })).toBeNull();
  });

  it("brings back any safe destination to the letter", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.nat(), (destination, messageId) => {
        fc.pre(isSafe(destination));
        const made = clickToken(messageKey(keys, messageId), { messageId, destination, written: null })!;
        expect(readClick(keys, made)).toEqual({ messageId, destination, written: null });
      }),
    );
  });

  it("survives whatever somebody sends", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(readClick(keys, text)).toBeNull();
        expect(readOpen(keys, text)).toBeNull();
      }),
    );
  });
});

describe("the address of a picture", () => {
  it("says which message it was in, and nothing once it was changed", () => {
    const good = openToken(messageKey(keys, 123_456_789), 123_456_789);
    expect(readOpen(keys, good)).toBe(123_456_789);
    for (let at = 0; at < good.length; at += 1)
      expect(readOpen(keys, good.slice(0, at) + good.slice(at + 1))).toBeNull();
  });
});
