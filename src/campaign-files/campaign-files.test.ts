/** Campaigns as files: out, changed, planned, applied; again changes nothing, names may change, errors name file and line. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at, BEGAN, type World, world } from "../../test/world.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import type { Refusal } from "../core/problem.ts";
import * as templates from "../templates/templates.ts";
import { apply, plan, type Wishes } from "./apply.ts";
import { exportFolder } from "./export.ts";
import { readFolder } from "./read.ts";

const now = at("2026-12-02T10:00:00Z");
const EVERYONE: Wishes = { choice: "everyone" };
let fresh: FreshDatabase;
let small: World;
let folder: string;
beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  folder = await mkdtemp(join(tmpdir(), "tidings-files-"));
});
afterAll(async () => {
  await fresh?.close();
  await rm(folder, { recursive: true, force: true });
});

const edit = async (file: string, change: (text: string) => string) =>
  writeFile(join(folder, file), change(await readFile(join(folder, file), "utf8")));
const planned = async (wishes = EVERYONE) => plan(fresh.db, await readFolder(folder), wishes, actor, now);
const applied = async (wishes = EVERYONE) => apply(fresh.db, await readFolder(folder), wishes, actor, now);
const steps = async (id: number) =>
  (await campaigns.get(fresh.db, id)).steps.map((step) => [step.id, step.sendAfterDays, String(step.timeOfDay ?? "")]);

it("goes out, is planned with its impact, applied, and is the same afterwards", async () => {
  const body = "Dear {{ first_name }}\n\n[Leave]({{ unsubscribe_url }})\n";
  const content = { subject: "Hello", preheader: null, format: "markdown" as const, body, text: null };
  const template = await templates.create(fresh.db, { name: "Wélcome!", ...content }, actor, BEGAN);
  const rows = [0, 4].map((sendAfterDays) => ({
    emailTemplateId: template.id,
    sendAfterDays,
    timeOfDay: null,
    expiresAfterDays: null,
  }));
  const details = { description: "First steps", timeOfDay: "10:00", expiresAfterDays: null, steps: rows };
  const made = await campaigns.create(fresh.db, { name: "Product introduction", ...details }, actor, BEGAN);
  const person = await small.person();
  await small.start(made.id, person.id, at("2026-12-01T10:00:00Z"));
  await exportFolder(fresh.db, folder);
  expect((await readdir(join(folder, "templates"))).toSorted()).toEqual(["welcome.md", "welcome.yaml"]);
  expect(await planned()).toEqual({ templates: [], campaigns: [], notInFolder: [] });

  await edit("campaigns/product-introduction.yaml", (text) =>
    text
      .replace("campaign: Product introduction", "campaign: Introduction")
      .replace("sendAfterDays: 4", 'sendAfterDays: 6\n    timeOfDay: "15:00"'),
  );
  await edit("templates/welcome.md", (text) => `${text}\nBye\n`);
  await edit("templates/welcome.yaml", (text) => text.replace("name: Wélcome!", "name: Greeting"));
  const before = await steps(made.id);
  const told = await planned();
  expect(told.templates).toEqual([{ key: "welcome", name: "Greeting", change: "update" }]);
  expect(told.campaigns).toMatchObject([{ key: "product-introduction", name: "Introduction", change: "update" }]);
  expect(told.campaigns[0]?.impact).toMatchObject({ running: 1, effects: { moved: 1 } });
  expect(await steps(made.id)).toEqual(before);

  expect(await applied()).toEqual(told);
  expect(await steps(made.id)).toEqual([before[0], [before[1]![0], 6, "15:00:00"]]);
  expect((await campaigns.get(fresh.db, made.id)).name).toBe("Introduction");
  expect((await templates.get(fresh.db, template.id)).name).toBe("Greeting");
  expect(await applied()).toEqual({ templates: [], campaigns: [], notInFolder: [] });
});

it("makes what is not there yet; a step keeps its id by its key whatever happens to its row", async () => {
  await writeFile(
    join(folder, "templates/new.yaml"),
    "key: new\nname: New one\nsubject: News\nformat: html\nbodyFile: new.html\n",
  );
  await writeFile(join(folder, "templates/new.html"), '<p>Hi</p><a href="{{ unsubscribe_url }}">Leave</a>');
  const file = (rows: string) =>
    writeFile(join(folder, "campaigns/other.yaml"), `key: other\ncampaign: Other\nschedule:\n${rows}`);
  const row = (key: string, day: number) => `  - key: ${key}\n    template: new\n    sendAfterDays: ${day}\n`;
  await file(row("one", 0) + row("two", 3));
  expect((await applied()).campaigns.map(({ key, change }) => [key, change])).toEqual([["other", "create"]]);
  const found = (await campaigns.findByName(fresh.db, "Other"))!;
  const [one, two] = await steps(found.id);
  await file(row("two", 1) + row("three", 2) + row("one", 5));
  await applied();
  const after = await steps(found.id);
  expect(after.map(([id, day]) => [id, day])).toEqual([
    [two![0], 1],
    [expect.any(Number), 2],
    [one![0], 5],
  ]);
  await rm(join(folder, "campaigns/other.yaml"));
  expect((await planned()).notInFolder).toEqual(["other (Other)"]);
});

it("conditions stand there in words, name what is there, and come back the same", async () => {
  const group = await emailGroups.create(fresh.db, { title: "Kunden & “Freunde”" }, actor, BEGAN);
  const written = `key: asking
campaign: Asking
stopIf: is in group "kunden & \\"Freunde\\""
goal: company is filled in or has finished Campaign "Asked" or has had the event "Purchased" at least 2 times since the start
schedule:
  - key: first
    template: new
    sendAfterDays: 0
  - key: second
    template: new
    sendAfterDays: 3
    onlyIf: has not replied and has clicked in the mail "first" and (status is one of "Lead", "Open" or country is "PT")
    stopIf: has not opened the mail before
`;
  await writeFile(join(folder, "campaigns/asking.yaml"), written.replaceAll('\\"Freunde\\"', "\\“Freunde\\”"));
  await writeFile(join(folder, "campaigns/asked.yaml"), "key: asked\ncampaign: Asked\nschedule: []\n");
  const { campaigns: changed } = await applied();
  expect(changed.map(({ key, change }) => [key, change])).toEqual([
    ["asked", "create"],
    ["asking", "create"],
  ]);
  const id = async (name: string) => (await campaigns.findByName(fresh.db, name))!.id;
  const made = await campaigns.get(fresh.db, await id("Asking"));
  expect(made.stopIf).toEqual({ group: group.id });
  expect(made.goal).toEqual({
    any: [
      { field: "company", op: "set" },
      { finished: await id("Asked") },
      { event: "purchased", times: 2, since: "start" },
    ],
  });
  expect(made.steps[1]!.onlyIf).toEqual({
    all: [
      { not: { replied: true } },
      { clicked: made.steps[0]!.id },
      {
        any: [
          { field: "status", op: "is", value: ["Lead", "Open"] },
          { field: "country", op: "is", value: "PT" },
        ],
      },
    ],
  });
  expect(made.steps[1]!.stopIf).toEqual({ not: { opened: "before" } });
  await exportFolder(fresh.db, folder);
  expect(await readFile(join(folder, "campaigns/asking.yaml"), "utf8")).toContain(
    "onlyIf: has not replied and has clicked in the mail “first” and (status is one of “Lead”, “Open” or country is “PT”)",
  );
  expect((await applied()).campaigns).toEqual([]);

  await edit("campaigns/asking.yaml", (text) => text.replace("has not opened the mail before", "has opened nothing"));
  const refused = (await applied().catch((error: Refusal) => error)) as Refusal;
  expect(refused.message).toMatch(
    /campaigns\/asking\.yaml: line \d+: schedule\.1\.stopIf: At character \d+: expected “any mail”/,
  );
  await rm(join(folder, "campaigns/asking.yaml"));
  await rm(join(folder, "campaigns/asked.yaml"));
});

it("variants and their rule stand there by the keys of their templates, and come back the same", async () => {
  const file = "campaigns/varied.yaml";
  await writeFile(
    join(folder, file),
    `key: varied
campaign: Varied
schedule:
  - key: first
    template: new
    sendAfterDays: 0
    variants:
      weight: 2
      others:
        - letter: B
          template: welcome
        - letter: C
          template: new
          weight: 3
      winner:
        by: replied
        afterDays: 4
`,
  );
  expect((await applied()).campaigns).toMatchObject([{ key: "varied", change: "create" }]);
  const made = await campaigns.get(fresh.db, (await campaigns.findByName(fresh.db, "Varied"))!.id);
  const [welcome, other] = await Promise.all(
    ["Greeting", "New one"].map(async (name) => (await templates.findByName(fresh.db, name))!.id),
  );
  expect(made.steps[0]!.variants).toEqual({
    weight: 2,
    others: [
      { letter: "B", emailTemplateId: welcome, weight: 1 },
      { letter: "C", emailTemplateId: other, weight: 3 },
    ],
    winner: { by: "replied", afterSent: null, afterDays: 4, atLeast: 30, otherwise: "split" },
  });
  await exportFolder(fresh.db, folder);
  expect(await readFile(join(folder, file), "utf8")).toContain("template: welcome");
  expect((await applied()).campaigns).toEqual([]);
  expect(made.steps[0]!.variants).toEqual((await campaigns.get(fresh.db, made.id)).steps[0]!.variants);

  const refusal = async () => ((await readFolder(folder).catch((error: Refusal) => error)) as Refusal).message;
  await edit(file, (text) => text.replace("template: welcome", "template: nowhere"));
  expect(await refusal()).toMatch(/varied\.yaml, line \d+: There is no template “nowhere” in templates\//);
  await edit(file, (text) => text.replace("template: nowhere", "template: welcome").replace("letter: C", "letter: B"));
  expect(await refusal()).toMatch(/varied\.yaml, line \d+: .*There are two variants B/);
  await rm(join(folder, file));
});

it("tells every mistake with its file and line, and changes nothing", async () => {
  await edit("campaigns/product-introduction.yaml", (text) =>
    text.replace("sendAfterDays: 6", "sendAfterDays: -6").replace("template: welcome", "template: nowhere"),
  );
  await writeFile(
    join(folder, "templates/new.yaml"),
    "key: new\nname: New one\nsubject: News\nformat: html\nbodyFile: gone.html\nbogus: 1\n",
  );
  const refused = (await readFolder(folder).catch((error: Refusal) => error)) as Refusal;
  expect(refused.code).toBe("campaign-files-invalid");
  expect(refused.faults.map(({ detail }) => detail).join("\n")).toMatch(
    /product-introduction\.yaml, line \d+: schedule\.1\.sendAfterDays/,
  );
  expect(refused.message).toContain("templates/new.yaml");
});

it("a template that does not compile is refused with its file, and nothing is half-done", async () => {
  await rm(join(folder, "campaigns/product-introduction.yaml"));
  await writeFile(
    join(folder, "templates/new.yaml"),
    "key: new\nname: Renamed\nsubject: News\nformat: html\nbodyFile: new.html\n",
  );
  await writeFile(join(folder, "templates/new.html"), "<p>{{ broken</p>");
  const refused = (await applied().catch((error: Refusal) => error)) as Refusal;
  expect(refused.message).toContain("templates/new.yaml");
  expect(await templates.findByName(fresh.db, "Renamed")).toBeUndefined();
});
