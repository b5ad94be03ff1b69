import fc from "fast-check";
import { expect, it } from "vitest";
import { maskAddress, parseAddress } from "./address.ts";

const good: [given: string, address: string, key: string][] = [
  ["ada@example.com", "ada@example.com", "ada@example.com"],
  ["  Ada.Beispiel@Example.COM ", "Ada.Beispiel@example.com", "ada.beispiel@example.com"],
  ["a+tag@sub.example.co.uk", "a+tag@sub.example.co.uk", "a+tag@sub.example.co.uk"],
  ["grün@bücher.example", "grün@xn--bcher-kva.example", "grün@xn--bcher-kva.example"],
  ['"a@x"@example.com', '"a@x"@example.com', '"a@x"@example.com'],
  ['"ada"@example.com', "ada@example.com", "ada@example.com"],
  ['"A\\da b"@example.com', '"Ada b"@example.com', '"ada b"@example.com'],
  ["o'hara@example.com", "o'hara@example.com", "o'hara@example.com"],
];
const bad = [
  "",
  "ada",
  "@example.com",
  "ada@",
  "ada@localhost",
  "a..b@example.com",
  ".a@example.com",
  "ada@exa mple.com",
  "ada@-example.com",
  "ada@192.168.0.1",
  "a@example.com, b@example.com",
  "Ada <ada@example.com>",
  "ada@example.com\r\nBcc: all@example.com",
  "ada\u2028@example.com",
  "ada@example.com/path",
  "ada@example.com?subject=x",
  "ada@example.com#x",
  "ada@example.com\\x",
  "ada@ex%61mple.com",
  "ada@example.com\uff0fx",
  "ada@example.com:25",
  "ada@[127.0.0.1]",
  "ada@exa\u00admple.com",
  "a\u00a0da@example.com",
  "a\u202eda@example.com",
  "a\ud800da@example.com",
  `${"a".repeat(65)}@example.com`,
  `a@${"b".repeat(64)}.com`,
  `a@${"abcdefgh.".repeat(30)}com`,
];

it("E69 an address is compared in lower case throughout, its domain as A-label", () => {
  for (const [given, address, key] of good) expect(parseAddress(given)).toMatchObject({ address, key });
});

it("S7, S8 what is no single address within its limits is refused in plain words", () => {
  for (const given of bad) expect(parseAddress(given), given).toHaveProperty("problem");
});

it("E98 letter case never makes another key", () => {
  fc.assert(
    fc.property(fc.emailAddress(), (given) => {
      const [one, other] = [parseAddress(given), parseAddress(given.toUpperCase())];
      if ("key" in one && "key" in other) expect(one.key).toBe(other.key);
    }),
  );
});

it("S9 the domain is what stands behind the last @, so a quoted one never leads mail astray", () => {
  expect(parseAddress('"victim@inside.example"@outside.example')).toMatchObject({
    address: '"victim@inside.example"@outside.example',
  });
});

it("a megabyte of address is refused at once", () => {
  const started = performance.now();
  expect(parseAddress(`${"a@".repeat(500_000)}example.com`)).toHaveProperty("problem");
  expect(performance.now() - started).toBeLessThan(100);
});

it("what was read once reads the same again, and so does its key", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "B", "ü", ".", '"', "\\", " ", "@", "+", "İ"), maxLength: 12 });
  fc.assert(
    fc.property(
      fc.oneof(
        fc.emailAddress(),
        text.map((local) => `${local}@Example.com`),
      ),
      (given) => {
        const read = parseAddress(given);
        if ("problem" in read) return;
        expect(parseAddress(read.address)).toEqual(read);
        expect(parseAddress(read.key)).toMatchObject({ key: read.key });
      },
    ),
  );
});

it("garbage never throws and no accepted address has a control character", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (garbage) => {
      const read = parseAddress(`${garbage}@example.com`);
      // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
      if ("address" in read) expect(read.address).not.toMatch(/[\u0000-\u001f\u007f]/);
    }),
  );
});

it("tells a function's address and one that needs SMTPUTF8", () => {
  expect(parseAddress("info@example.com")).toMatchObject({ isRole: true, needsSmtpUtf8: false });
  expect(parseAddress("grün@example.com")).toMatchObject({ isRole: false, needsSmtpUtf8: true });
});

it("an address in a log shows its domain and its first letter", () => {
  expect(maskAddress("ada@example.com")).toBe("a…@example.com");
});
