/** A campaign written as a YAML file: what is read from it, and that every mistake is named with its place. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { Refusal } from "../core/problem.ts";
import { readCampaignFile } from "./campaign-file.ts";

const folder = mkdtempSync(join(tmpdir(), "tidings-campaign-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, "campaign.yaml");
const head = "campaign: Welcome\nsender: { name: Ana, email: ana@example.com }\n";
function read(source: string) {
  writeFileSync(file, source);
  return readCampaignFile(file);
}
const withSteps = (...steps: string[]) =>
  read(`${head}schedule:\n${steps.map((step) => `  - { ${step} }\n`).join("")}`);
const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it was not refused"),
    (error: Refusal) => ({ code: error.code, detail: error.message, faults: error.faults }),
  );

it("the example of the manual is read as it stands", async () => {
  cpSync(join(import.meta.dirname, "..", "..", "docs", "examples"), folder, { recursive: true });
  const example = await readCampaignFile(file);
  expect([example.campaign, example.for, example.startDate, String(example.timeOfDay)]).toEqual([
    "Product introduction",
    "lead",
    "today",
    "09:00:00",
  ]);
  expect(example.sender).toEqual({ name: "Ana Ruiz", email: "ana@example.com", replyTo: "sales@example.com" });
  expect(example.steps.map(({ sendAfterDays }) => sendAfterDays)).toEqual([0, 4, 10]);
  expect(example.steps[2]?.content).toMatchObject({ subject: "Shall we talk?", format: "markdown", text: null });
});

it("what is not said is left open: Leads, today, no time, no limit", async () => {
  expect(await withSteps("sendAfterDays: 0, subject: Hi, body: Hello")).toEqual({
    campaign: "Welcome",
    sender: { name: "Ana", email: "ana@example.com" },
    for: "lead",
    startDate: "today",
    timeOfDay: null,
    steps: [
      {
        sendAfterDays: 0,
        timeOfDay: null,
        expiresAfterDays: null,
        timing: null,
        onlyIf: null,
        stopIf: null,
        content: { subject: "Hi", preheader: null, format: "markdown", body: "Hello", text: null },
        variants: null,
      },
    ],
  });
});

it("E1 a campaign without a name, or with an empty one, is refused", async () => {
  for (const source of ["sender: { name: Ana, email: a@example.com }\n", head.replace("Welcome", '" "')]) {
    const { code, faults } = await refusalOf(
      read(`${source}schedule: [{ sendAfterDays: 0, subject: Hi, body: Hello }]\n`),
    );
    expect([code, faults.map(({ pointer }) => pointer)]).toEqual(["campaign-file-invalid", ["/campaign"]]);
  }
});

it.each([
  ["E3", "sendAfterDays: -1, subject: Hi, body: Hello", "sendAfterDays"],
  ["E2", "sendAfterDays: 1.5, subject: Hi, body: Hello", "sendAfterDays"],
  ["E2", "sendAfterDays: '1', subject: Hi, body: Hello", "sendAfterDays"],
  ["E2", "subject: Hi, body: Hello", "sendAfterDays"],
  ["E2", "sendAfterDays: 1, body: Hello", "subject"],
])("%s a row is refused with its place and line: %s", async (_, row, field) => {
  const { code, detail, faults } = await refusalOf(withSteps("sendAfterDays: 0, subject: Hi, body: Hello", row));
  expect([code, faults.map(({ pointer }) => pointer)]).toEqual(["campaign-file-invalid", [`/schedule/1/${field}`]]);
  expect(detail).toContain(`campaign.yaml: schedule.1.${field}: `);
});

it("timing is said as in the API, and a window that never opens is refused with its line", async () => {
  const timed = (from: string) =>
    read(
      `${head}timing:\n  window: { weekdays: [1, 2, 3, 4, 5], from: "${from}", to: "17:00" }\n  counting: business-days\nschedule:\n  - sendAfterDays: 3\n    subject: Hi\n    body: Hello\n    timing: { gap: { amount: 2, unit: days }, waitFor: { field: renewal_date, offsetDays: -7, yearly: true } }\n`,
    );
  const { timing, steps } = await timed("09:00");
  expect(timing).toEqual({
    clock: "person",
    window: { weekdays: [1, 2, 3, 4, 5], from: "09:00", to: "17:00" },
    holidays: "none",
    counting: "business-days",
    gap: null,
    ignoresFrequencyCap: false,
  });
  expect(steps[0]?.timing).toEqual({
    window: null,
    counting: null,
    gap: { amount: 2, unit: "days" },
    waitFor: { field: "renewal_date", offsetDays: -7, yearly: true },
  });
  const { faults } = await refusalOf(timed("18:00"));
  expect(faults).toMatchObject([{ pointer: "/timing/window", detail: expect.stringContaining("line 4: A sending") }]);
});

it("E3 the line of the wrong value is named", async () => {
  const { faults } = await refusalOf(
    read(`${head}schedule:\n  - subject: Hi\n    body: Hello\n    sendAfterDays: -3\n`),
  );
  expect(faults[0]?.detail).toMatch(/^line 6: /);
});

it("E14 a campaign file without steps is refused, for it is there to be run", async () => {
  for (const schedule of ["schedule: []\n", ""]) {
    const { faults } = await refusalOf(read(head + schedule));
    expect(faults.map(({ pointer }) => pointer)).toEqual(["/schedule"]);
  }
});

it("all mistakes are named at once, and an unknown key is one", async () => {
  const { faults } = await refusalOf(
    read(
      `${head}colour: red\nfor: nobody\nstartDate: 2026-02-30\ntimeOfDay: "25:00"\ntimeZone: Mars/Olympus\nschedule:\n  - { sendAfterDays: 0, subject: Hi, body: Hello, delay: 3 }\n`,
    ),
  );
  expect(faults.map(({ pointer }) => pointer).toSorted()).toEqual([
    "",
    "/for",
    "/schedule/0",
    "/startDate",
    "/timeOfDay",
    "/timeZone",
  ]);
  const said = faults.map(({ detail }) => detail).join("\n");
  expect(said).toContain("colour");
  expect(said).toContain("delay");
});

it("what is no YAML is refused with line and column", async () => {
  const { code, detail } = await refusalOf(read('campaign: Welcome\nsender: { name: "Ana\n'));
  expect(code).toBe("campaign-file-invalid");
  expect(detail).toMatch(/^campaign\.yaml, line \d+, column \d+: /);
});

it("a file that is not there, is empty or is a list is refused", async () => {
  expect((await refusalOf(readCampaignFile(join(folder, "none.yaml")))).code).toBe("campaign-file-missing");
  for (const source of ["", "- a\n- b\n", "just words\n"])
    expect((await refusalOf(read(source))).code).toBe("campaign-file-invalid");
});

it("aliases that multiply without end, or name nothing, are refused", async () => {
  const bomb = ["a: &a [x, x, x, x, x, x, x, x, x]"];
  for (const [one, before] of ["ba", "cb", "dc", "ed", "fe"].map((pair) => pair.split("")))
    bomb.push(`${one}: &${one} [${Array.from({ length: 9 }, () => `*${before}`).join(", ")}]`);
  const began = performance.now();
  expect((await refusalOf(read(`${head}${bomb.join("\n")}\n`))).code).toBe("campaign-file-invalid");
  expect(performance.now() - began).toBeLessThan(1000);
  expect((await refusalOf(read(`${head}schedule: *nowhere\n`))).code).toBe("campaign-file-invalid");
});

it("E72 a body stands in the file or beside it, and its ending says the format unless the step does", async () => {
  for (const [name, format] of [
    ["a.md", "markdown"],
    ["b.html", "html"],
    ["c.HTM", "html"],
    ["d.mjml", "mjml"],
    ["e.txt", "markdown"],
  ]) {
    writeFileSync(join(folder, name!), `content of ${name}`);
    const { steps } = await withSteps(`sendAfterDays: 0, subject: Hi, bodyFile: ${name}`);
    expect(steps[0]?.content).toMatchObject({ format, body: `content of ${name}` });
  }
  const { steps } = await withSteps("sendAfterDays: 0, subject: Hi, bodyFile: a.md, format: html");
  expect(steps[0]?.content.format).toBe("html");
});

it("E76 a subject or body that looks like a file name is text", async () => {
  writeFileSync(join(folder, "Node.js"), "the content of a file");
  const { steps } = await withSteps("sendAfterDays: 0, subject: Intro to Node.js, body: Node.js");
  expect(steps[0]?.content).toMatchObject({ subject: "Intro to Node.js", body: "Node.js" });
});

it("E80 the author's plain text stands in the file or beside it", async () => {
  writeFileSync(join(folder, "plain.txt"), "Plainly said");
  const { steps } = await withSteps(
    "sendAfterDays: 0, subject: Hi, body: Hello, textFile: plain.txt",
    "sendAfterDays: 1, subject: Hi, body: Hello, text: Said here",
  );
  expect(steps.map(({ content }) => content.text)).toEqual(["Plainly said", "Said here"]);
});

it("a step with two bodies, none, or a file that is not there is refused with its place", async () => {
  for (const [row, pointer, said] of [
    ["body: Hello, bodyFile: a.md", "/schedule/1", "Step 2"],
    ["preheader: Hello", "/schedule/1", "Step 2"],
    ["bodyFile: none.md", "/schedule/1/bodyFile", "none.md"],
    ["body: Hello, textFile: none.txt", "/schedule/1/textFile", "none.txt"],
  ]) {
    const first = "sendAfterDays: 0, subject: Hi, body: Hello";
    const { code, detail, faults } = await refusalOf(withSteps(first, `sendAfterDays: 1, subject: Hi, ${row}`));
    expect([code, faults.map((fault) => fault.pointer)]).toEqual(["campaign-file-invalid", [pointer]]);
    expect(detail).toContain(said);
  }
});

it("variants have texts of their own, from files beside it, and a mistake in one is told with its letter", async () => {
  writeFileSync(join(folder, "short.html"), "<p>Short</p>");
  const step = (other: string) =>
    withSteps(`sendAfterDays: 0, subject: Hi, body: Hello, variants: { weight: 3, others: [{ ${other} }] }`);
  const { steps } = await step("letter: B, subject: Ho, bodyFile: short.html");
  expect(steps[0]!.variants).toEqual({
    weight: 3,
    winner: null,
    others: [
      {
        letter: "B",
        weight: 1,
        content: { subject: "Ho", preheader: null, format: "html", body: "<p>Short</p>", text: null },
      },
    ],
  });
  const { detail } = await refusalOf(step("letter: B, subject: Ho, bodyFile: gone.html"));
  expect(detail).toBe("Step 1, variant B: the file gone.html cannot be read.");
  expect((await refusalOf(step("letter: B, subject: Ho"))).detail).toContain("variant B needs either body or bodyFile");
  expect((await refusalOf(step("letter: A, subject: Ho, body: x"))).faults[0]!.pointer).toBe(
    "/schedule/0/variants/others/0/letter",
  );
});
