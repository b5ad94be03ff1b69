import { expect, it } from "vitest";
import { choosePrimary, fullNameOf, requireFullName, splitName } from "./person.ts";

it("E125 a full name is salutation, first, middle and last name; else what was given; else company; else the address", () => {
  expect(
    fullNameOf({ salutation: "Ms", firstName: "Ada", middleName: "B.", lastName: "Beispiel", fullName: "X" }),
  ).toBe("Ms Ada B. Beispiel");
  expect(fullNameOf({ firstName: "Ada" })).toBe("Ada");
  expect(fullNameOf({ fullName: "Ada  Beispiel", company: "Beispiel GmbH" })).toBe("Ada Beispiel");
  expect(fullNameOf({ company: "Beispiel GmbH", email: "ada@example.com" })).toBe("Beispiel GmbH");
  expect(fullNameOf({ email: "ada.b@example.com" })).toBe("ada.b");
  expect(fullNameOf({ firstName: "  " })).toBeNull();
});

it("E125 a person of whom nothing is known is refused", () => {
  expect(() => requireFullName({ salutation: "Ms" })).toThrow("A person needs a name");
});

it("E125 a full name given alone is split into its parts", () => {
  expect(splitName("Ada Maria Beispiel")).toEqual({ firstName: "Ada", middleName: "Maria", lastName: "Beispiel" });
  expect(splitName("Ada")).toEqual({ firstName: "Ada", middleName: null, lastName: null });
});

it("E126 the marked address is primary, a single one by itself, two marked ones are refused", () => {
  const one = { email: "a@example.com", primary: false };
  const other = { email: "b@example.com", primary: true };
  expect(choosePrimary([one, other])).toEqual({ primary: other, assumed: false });
  expect(choosePrimary([one])).toEqual({ primary: one, assumed: false });
  expect(choosePrimary([])).toEqual({ primary: null, assumed: false });
  expect(() => choosePrimary([other, other])).toThrow("Only one email address");
});

it("E127 of several addresses none of which is marked the first is primary, and it says so", () => {
  const entries = [
    { email: "a@example.com", primary: false },
    { email: "b@example.com", primary: false },
  ];
  expect(choosePrimary(entries)).toEqual({ primary: entries[0], assumed: true });
});
