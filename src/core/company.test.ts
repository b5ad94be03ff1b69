import { expect, it } from "vitest";
import { companyDomain, companyKey, FREEMAIL } from "./company.ts";

it("a company is the same whatever its letter case and spaces", () => {
  expect(companyKey("  Acme   GmbH ")).toBe(companyKey("acme gmbh"));
  expect(companyKey("   ")).toBeNull();
  expect(companyKey(null)).toBeNull();
});

it("a domain says who are colleagues, unless anybody may have an address there", () => {
  expect(companyDomain("ana@acme.example")).toBe("acme.example");
  for (const domain of ["gmail.com", "gmx.de", "web.de", "yahoo.co.uk"])
    expect(companyDomain(`ana@${domain}`)).toBeNull();
  expect(companyDomain(null)).toBeNull();
});

it("every provider is written as a domain, once", () => {
  expect(FREEMAIL.size).toBeGreaterThan(100);
  for (const domain of FREEMAIL) expect(domain).toMatch(/^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/);
});
