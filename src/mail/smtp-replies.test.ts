import fc from "fast-check";
import { expect, it } from "vitest";
import { createReplyReader, type Reply } from "./smtp-replies.ts";

/** Reads pieces and returns what was understood: replies, then the complaint, if any. */
function read(...pieces: (string | Buffer)[]): (Reply | string)[] {
  const found: (Reply | string)[] = [];
  const reader = createReplyReader(
    (reply) => found.push(reply),
    (text) => found.push(text),
  );
  for (const piece of pieces) reader.feed(Buffer.from(piece));
  return found;
}

it("S14 the whole reply is kept, with its enhanced code", () => {
  expect(read("550-5.1.1 No such user\r\n550 5.1.1 here\r\n")).toEqual([
    { code: 550, enhanced: "5.1.1", text: "5.1.1 No such user\n5.1.1 here" },
  ]);
});

it("an enhanced code of another class than the reply is only text", () => {
  expect(read("250 5.1.1 odd\r\n250 2.0.0\r\n250 1.2.3.4 is you\r\n")).toMatchObject([
    { enhanced: null },
    { enhanced: "2.0.0" },
    { enhanced: null },
  ]);
});

it("replies mean the same however the network cuts them", () => {
  const whole = Buffer.from("220-hello\r\n220 there\r\n250\r\n354 go\n535 5.7.8 falsch, müde\r\n");
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length)), (cuts) => {
      const edges = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
      const pieces = edges.slice(1).map((edge, at) => whole.subarray(edges[at], edge));
      expect(read(...pieces)).toEqual(read(whole));
      expect(read(whole)).toHaveLength(4);
    }),
  );
});

it("UTF-8 is read as such, and control characters cannot forge a line of a log", () => {
  expect(read("550 müde\u0007\0\x1b[2J\r\n")).toMatchObject([{ text: "müde\uFFFD\uFFFD\uFFFD[2J" }]);
});

it("what is no reply is said so, once, and nothing after it is believed", () => {
  for (const garbage of ["HTTP/1.1 400 Bad Request\r\n", "\r\n", "25 0\r\n", "650 no\r\n", "250_ok\r\n"]) {
    expect(read(`${garbage}250 ok\r\n`, "250 ok\r\n")).toEqual([expect.stringContaining("not SMTP")]);
  }
  expect(read("250-a\r\n550 b\r\n")).toEqual([expect.stringContaining("changes its code")]);
});

it("an answer without an end is cut off, in one line or in many", () => {
  expect(read("250 ", "x".repeat(20_000))).toEqual([expect.stringContaining("does not end")]);
  expect(read("250-x\r\n".repeat(9_000))).toEqual([expect.stringContaining("does not end")]);
});
