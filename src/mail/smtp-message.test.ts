import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  endsLine,
  envelope,
  prepare,
  stuffDots,
  type Capabilities,
  type Outgoing,
  type Ready,
} from "./smtp-message.ts";

const plain: Outgoing = {
  from: "ana@example.com",
  to: "bo@example.org",
  data: Buffer.from("Subject: x\r\n\r\nHi\r\n"),
};

function ready(changes: Partial<Outgoing>): Ready {
  const found = prepare({ ...plain, ...changes });
  if (found.kind !== "ready") throw new Error(found.text);
  return found;
}

const offering = (...lines: string[]): Capabilities =>
  new Map(lines.map((line) => [line.split(" ")[0] ?? "", line.split(" ")[1] ?? ""]));

describe("addresses", () => {
  it.each([
    "a@b.c\r\nRCPT TO:<x@y.z>",
    "a@b.c\nDATA",
    "a\0@b.c",
    "a@b.c> SIZE=1",
    "<a@b.c",
    "a b@c.d",
    "a@b@c.d",
    '"a>b"@c.d',
    '"a\r\nb"@c.d',
    "a@",
    "@b.c",
    "a",
    "",
    "a\u2028b@c.d",
    "a@b .c",
    `${"x".repeat(65)}@b.c`,
    `a@${"x".repeat(254)}`,
  ])("S8 S9 attack 23: no command and no nonsense hides in the recipient %j", (to) => {
    expect(prepare({ ...plain, to })).toMatchObject({ kind: "refused", stage: "rcpt", reply: { code: 553 } });
    if (to !== "") expect(prepare({ ...plain, from: to })).toMatchObject({ kind: "refused", stage: "mail" });
  });

  it("whatever the address, a command stays one line and its path one path", () => {
    const spiteful = fc.string({
      unit: fc.constantFrom("a", "@", ".", '"', "\\", "<", ">", " ", "\r", "\n", "ü", "\0"),
    });
    fc.assert(
      fc.property(spiteful, spiteful, (local, domain) => {
        const found = prepare({ ...plain, to: `${local}@${domain}` });
        if (found.kind === "refused") return;
        const commands = envelope(found, offering("SMTPUTF8", "DSN"));
        expect("rcpt" in commands && commands.rcpt).toMatch(/^RCPT TO:<[^<>\r\n\0]+> NOTIFY=FAILURE,DELAY ORCPT=\S+$/);
      }),
      { numRuns: 2_000 },
    );
  });

  it("S9 a quoted local part keeps its @ and its spaces", () => {
    expect(envelope(ready({ to: '"a@x y"@z.org' }), offering())).toMatchObject({ rcpt: 'RCPT TO:<"a@x y"@z.org>' });
  });

  it("the null return path is written as such", () => {
    expect(envelope(ready({ from: "" }), offering())).toMatchObject({ mail: "MAIL FROM:<>" });
  });

  it("S7 an international domain travels in A-labels, without SMTPUTF8", () => {
    expect(envelope(ready({ to: "ana@bücher.example" }), offering())).toEqual({
      mail: "MAIL FROM:<ana@example.com>",
      rcpt: "RCPT TO:<ana@xn--bcher-kva.example>",
    });
  });

  it("S7 a non-ASCII local part goes only to a server that offers SMTPUTF8, and is never rewritten", () => {
    const message = ready({ to: "müller@example.org" });
    expect(envelope(message, offering())).toMatchObject({ stage: "rcpt", reply: { code: 553, enhanced: "5.6.7" } });
    expect(envelope(message, offering("SMTPUTF8"))).toEqual({
      mail: "MAIL FROM:<ana@example.com> SMTPUTF8",
      rcpt: "RCPT TO:<müller@example.org>",
    });
    expect(envelope(ready({ smtpUtf8: true }), offering())).toMatchObject({
      stage: "mail",
      reply: { enhanced: "5.6.7" },
    });
  });
});

describe("parameters", () => {
  it("S18 delivery reports are asked for where offered, with our identifier and the recipient in xtext", () => {
    const message = ready({ to: "bo+news=1@example.org", envelopeId: "ä+=1 2" });
    expect(envelope(message, offering("DSN"))).toEqual({
      mail: "MAIL FROM:<ana@example.com> RET=HDRS ENVID=+C3+A4+2B+3D1+202",
      rcpt: "RCPT TO:<bo+news=1@example.org> NOTIFY=FAILURE,DELAY ORCPT=rfc822;bo+2Bnews+3D1@example.org",
    });
    expect(envelope(ready({ envelopeId: "x".repeat(101) }), offering("DSN"))).toMatchObject({
      mail: "MAIL FROM:<ana@example.com> RET=HDRS",
    });
  });

  it("which reports are asked for is a setting; nothing is asked where none are wanted", () => {
    const message = ready({ envelopeId: "m1" });
    const asked = (...notify: ("failure" | "delay" | "success" | "never")[]) =>
      envelope(message, offering("DSN"), { notify, return: "full" });
    expect(asked("success", "failure")).toEqual({
      mail: "MAIL FROM:<ana@example.com> RET=FULL ENVID=m1",
      rcpt: "RCPT TO:<bo@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bo@example.org",
    });
    expect(asked("never")).toMatchObject({ rcpt: expect.stringContaining(" NOTIFY=NEVER ") });
    expect(asked()).toEqual({ mail: "MAIL FROM:<ana@example.com>", rcpt: "RCPT TO:<bo@example.org>" });
  });

  it("a recipient beyond ASCII is named in a report as RFC 6533 writes it", () => {
    expect(envelope(ready({ to: "mü+l=l@example.org" }), offering("DSN", "SMTPUTF8"))).toMatchObject({
      rcpt: "RCPT TO:<mü+l=l@example.org> NOTIFY=FAILURE,DELAY ORCPT=utf-8;mü\\x{2B}l\\x{3D}l@example.org",
    });
  });

  it("what needs SMTPUTF8 is named where it is refused for it", () => {
    const why = (changes: Partial<Outgoing>) => (envelope(ready(changes), offering()) as { text: string }).text;
    expect(why({ to: "mü@b.org" })).toContain("mü@b.org needs SMTPUTF8");
    expect(why({ from: "mü@a.org" })).toContain("mü@a.org needs SMTPUTF8");
    expect(why({ smtpUtf8: true })).toContain("it needs SMTPUTF8");
  });

  it("a message larger than the server takes is refused before it is sent", () => {
    expect(envelope(ready({}), offering("SIZE 10"))).toMatchObject({
      stage: "mail",
      reply: { code: 552, enhanced: "5.3.4" },
    });
    for (const unlimited of ["SIZE 0", "SIZE", "SIZE 18"]) {
      expect(envelope(ready({}), offering(unlimited))).toMatchObject({ mail: expect.stringMatching(/ SIZE=18$/) });
    }
  });

  it("8-bit content is announced, and kept from a server that does not take it", () => {
    const message = ready({ data: Buffer.from("Subject: x\r\n\r\nmüde\r\n") });
    expect(envelope(message, offering("8BITMIME"))).toMatchObject({ mail: expect.stringContaining(" BODY=8BITMIME") });
    expect(envelope(message, offering())).toMatchObject({ kind: "refused", reply: { enhanced: "5.6.3" } });
  });
});

describe("bytes", () => {
  it.each(["a\nb", "a\rb", "a\n.\nb", "a\r.\rb", "\n.\r\n", "a\r\r\n", "a\r", "\r\n.\n", "a\0b", "\n"])(
    "S10 attack 24: %j could end the message elsewhere than we do, and does not leave",
    (text) => {
      expect(prepare({ ...plain, data: Buffer.from(text) })).toMatchObject({
        kind: "refused",
        stage: "body",
        reply: { code: 554, enhanced: "5.6.0" },
      });
    },
  );

  it("S10 a line that a server may break does not leave; one that just fits does", () => {
    const line = (octets: number) => Buffer.from(`a\r\n${"x".repeat(octets)}\r\nb`);
    expect(prepare({ ...plain, data: line(998) }).kind).toBe("ready");
    for (const data of [line(999), Buffer.from("x".repeat(999))])
      expect(prepare({ ...plain, data })).toMatchObject({ reply: { code: 554 }, text: expect.stringContaining("998") });
  });

  it("S10 whatever the bytes, what leaves has no bare CR, bare LF or NUL", () => {
    const bytes = fc.string({ unit: fc.constantFrom("\r\n", "\r", "\n", "\0", ".", "a"), maxLength: 12 });
    fc.assert(
      fc.property(bytes, (text) => {
        const sound = !/\r(?!\n)|(?<!\r)\n|\0/.test(text);
        expect(prepare({ ...plain, data: Buffer.from(text) }).kind).toBe(sound ? "ready" : "refused");
      }),
      { numRuns: 3_000 },
    );
  });

  it("S10 stuffed dots come out as they went in, and no line of the message is the final dot", () => {
    const line = fc.string({ unit: fc.constantFrom(".", "a", " ") });
    fc.assert(
      fc.property(fc.array(line), fc.boolean(), (lines, ended) => {
        const text = lines.join("\r\n") + (ended ? "\r\n" : "");
        const stuffed = Buffer.from(stuffDots(Buffer.from(text))).toString();
        expect(stuffed.split("\r\n")).not.toContain(".");
        expect(stuffed.replace(/(^|\n)\./g, "$1")).toBe(text);
      }),
      { numRuns: 1_000 },
    );
  });

  it("a message without a dot at a line's start is not copied", () => {
    expect(stuffDots(plain.data)).toBe(plain.data);
  });

  it("the final dot stands at the start of a line", () => {
    expect([endsLine(Buffer.from("a\r\n")), endsLine(Buffer.from("")), endsLine(Buffer.from("a"))]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
