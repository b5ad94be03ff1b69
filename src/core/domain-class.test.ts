import { describe, expect, it } from "vitest";
import { DOMAIN_CLASSES, domainClass } from "./domain-class.ts";

describe("the class of a recipient's domain", () => {
  it.each([
    ["gmail.com", "gmail"],
    ["GoogleMail.com", "gmail"],
    ["hotmail.co.uk", "microsoft"],
    ["outlook.com", "microsoft"],
    ["live.com.au", "microsoft"],
    ["yahoo.com.br", "yahoo"],
    ["aol.com", "yahoo"],
    ["gmx.net", "gmx"],
    ["web.de", "gmx"],
    ["me.com", "apple"],
    ["example.org", "other"],
    ["hotmail.example.com", "other"],
    ["mail.yahoo.example.com", "other"],
    ["live", "other"],
    ["constructor", "other"],
    ["", "other"],
  ])("%s is %s", (domain, wanted) => {
    expect(domainClass(domain)).toBe(wanted);
    expect(DOMAIN_CLASSES).toContain(domainClass(domain));
  });

  it("there are few classes, however many domains there are", () => {
    expect(DOMAIN_CLASSES.length).toBeLessThanOrEqual(20);
  });
});
