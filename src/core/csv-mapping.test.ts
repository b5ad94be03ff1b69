import { describe, expect, it } from "vitest";
import { flag, keyOf, languageTag, suggestMapping, timeZoneNamed, type DeclaredField } from "./csv-mapping.ts";

const stage: DeclaredField = { key: "deal_stage", label: "Deal Stage", type: "text", choices: null };
const targets = (headings: string[], rows: string[][] = [], declared: DeclaredField[] = []) =>
  suggestMapping(headings, rows, declared).map(({ target }) => target);

describe("which column is what", () => {
  it.each([
    [
      "Index,Account Id,Lead Owner,First Name,Phone 1,Phone 2,Email 1,Email 2,Website,Source,Deal Stage,Notes",
      "ignore,,owner,firstName,phone,mobile,email,furtherEmail,website,source,,notes",
    ],
    ["ID,Person Name,Email Address,Organization Name,Company,Mobile No", "recordId,fullName,email,company,,mobile"],
    ["name,lead_name,email_id,company_name,mobile_no", ",fullName,email,company,mobile"],
    [
      "First Name (first_name), E-MAIL ,State/Province,Do Not Contact,Time Zone",
      "firstName,email,state,doNotContact,timeZone",
    ],
    ["Email,Email", "email,"],
  ])("E130 of %s", (headings, expected) => {
    expect(targets(headings.split(",")).map((target) => target ?? "")).toEqual(expected.split(","));
  });

  it("a declared field takes its column by key or label", () => {
    expect(targets(["dealStage", "Email"], [], [stage])).toEqual(["attribute:deal_stage", "email"]);
  });

  it("a heading is not believed against what stands below it", () => {
    expect(targets(["Status", "Language", "Unsubscribed"], [["Gold customer", "not a tag", "last May"]])).toEqual([
      null,
      null,
      null,
    ]);
    expect(targets(["Status", "Language", "Unsubscribed"], [["open", "de", "no"]])).toEqual([
      "status",
      "language",
      "unsubscribed",
    ]);
  });

  it("without a heading that says so, the column of addresses is the address", () => {
    expect(
      targets(
        ["Wer", "Wohin"],
        [
          ["Ada", "ada@example.test"],
          ["Bo", "bo@example.test"],
        ],
      ),
    ).toEqual([null, "email"]);
  });

  it.each([
    ["Since", ["2020-01-31", "2021-02-28"], "date"],
    ["Size", ["10", "2.5"], "number"],
    ["Customer No", ["10", "11"], "text"],
    ["Size", ["010"], "text"],
    ["Active", ["true", "FALSE"], "boolean"],
    ["Colour", ["red"], "text"],
    ["Empty", [], "text"],
  ])("%s with %j would be declared as %s", (heading, values, type) => {
    const [column] = suggestMapping(
      [heading],
      values.map((value) => [value]),
    );
    expect(column).toMatchObject({ target: null, suggestedType: type });
  });

  it("keys are free, valid and never those of the person", () => {
    const columns = suggestMapping(["Größe!", "größe", "2nd", "__proto__", "constructor", "Kind", ""], []);
    expect(columns.map(({ suggestedKey }) => suggestedKey).slice(0, 6)).toEqual([
      "grosse",
      "grosse_2",
      "field_2nd",
      "proto",
      "field_constructor",
      "field_kind",
    ]);
    expect(keyOf("x".repeat(200))).toMatch(/^[a-z][a-z0-9_]{0,62}$/);
  });
});

describe("what cells say", () => {
  it("yes, no, and neither", () => {
    expect(["1", "Yes", "t", "0", "no", "", "maybe"].map(flag)).toEqual([true, true, true, false, false, false, null]);
  });
  it("languages and time zones in their canonical form, or none", () => {
    expect([languageTag("pt_br"), languageTag("nonsense tag")]).toEqual(["pt-BR", null]);
    expect([timeZoneNamed("europe/berlin"), timeZoneNamed("+02:00"), timeZoneNamed("Mars")]).toEqual([
      "Europe/Berlin",
      null,
      null,
    ]);
  });
});
