/** Variants of a campaign file on a real database: made, known again when the file is run once more, and taken away with the file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at } from "../../test/world.ts";
import * as templates from "../templates/templates.ts";
import { readCampaignFile } from "./campaign-file.ts";
import { fromFile } from "./from-file.ts";

const folder = mkdtempSync(join(tmpdir(), "tidings-from-file-"));
let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await fresh?.close();
});

async function run(step: string) {
  const path = join(folder, "campaign.yaml");
  writeFileSync(path, `campaign: Tried\nsender: { name: Ana, email: ana@example.com }\nschedule:\n  - ${step}\n`);
  return fromFile(fresh.db, await readCampaignFile(path), actor, async () => undefined, at("2026-12-01"));
}
const varied = (subject: string) =>
  `{ sendAfterDays: 0, subject: Long, body: Hello, onlyIf: 'status is "Open"', variants: { others: [{ letter: B, weight: 9, subject: ${subject}, body: Hi }], winner: { by: replied, afterDays: 4 } } }`;

it("a variant keeps its template while the file has its letter, gets a reworded text, and goes with the file", async () => {
  const [first] = (await run(varied("Short"))).steps;
  expect(first!.variants).toMatchObject({
    weight: 1,
    others: [{ letter: "B", weight: 9 }],
    winner: { by: "replied", afterDays: 4 },
  });
  expect(first!.onlyIf).not.toBeNull();
  const { emailTemplateId } = first!.variants!.others[0]!;
  expect(await templates.get(fresh.db, emailTemplateId)).toMatchObject({
    name: "Tried, day 0, variant B",
    subject: "Short",
  });

  const [again] = (await run(varied("Shorter"))).steps;
  expect([again!.id, again!.variants]).toEqual([first!.id, first!.variants]);
  expect((await templates.get(fresh.db, emailTemplateId)).subject).toBe("Shorter");

  const [without] = (await run("{ sendAfterDays: 0, subject: Long, body: Hello }")).steps;
  expect([without!.id, without!.variants]).toEqual([first!.id, null]);
});

it("what is wrong in a variant is told with its step and letter, and nothing is kept", async () => {
  await expect(run(varied("'{{ nobody }}'").replace("subject: Long", "subject: New"))).rejects.toThrow(
    /^Step 1, variant B: .*nobody/,
  );
});
