/**
 * What an edit does to somebody before, at and past the step it concerns, under each choice: every cell is really lived
 * through, and docs/editing-what-runs.md is the table of what happened. Run with UPDATE_DOCS=1 to write it.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { at, sendUntil, type World, world } from "../../test/world.ts";
import { stepInput } from "../campaigns/api.ts";
import { CHOICES, type Choice } from "../core/schedule-effects.ts";
import { contentOf } from "./content.ts";
import * as publishing from "./publishing.ts";

const FILE = join(import.meta.dirname, "../../docs/editing-what-runs.md");
const BEGAN = at("2026-12-01T10:00:00Z");
const ana = { name: "ana", role: "manager" as const, userId: null };

type Row = ReturnType<typeof contentOf>["steps"][number];
const onlyB = (emailTemplateId: number) => ({
  weight: 0,
  others: [{ letter: "B" as const, emailTemplateId, weight: 1 }],
  winner: null,
});
const NOT_SO = { field: "city", op: "is" as const, value: "Atlantis" };
/** Mails on days 0, 4 and 10; the second is the one that is edited. */
const EDITS: readonly (readonly [name: string, edit: (rows: Row[], otherTemplate: number) => unknown[]])[] = [
  ["nothing", (rows) => rows],
  ["moved 2 days later, to day 6", ([one, two, three]) => [one, { ...two, sendAfterDays: 6 }, three]],
  ["moved 2 days earlier, to day 2", ([one, two, three]) => [one, { ...two, sendAfterDays: 2 }, three]],
  ["moved behind the last, to day 12", ([one, two, three]) => [one, { ...two, sendAfterDays: 12 }, three]],
  ["another time of day, 15:00", ([one, two, three]) => [one, { ...two, timeOfDay: "15:00" }, three]],
  ["removed", ([one, , three]) => [one, three]],
  ["another template", ([one, two, three], emailTemplateId) => [one, { ...two, emailTemplateId }, three]],
  [
    "the other template for everybody, as variant B",
    ([one, two, three], emailTemplateId) => [one, { ...two, variants: onlyB(emailTemplateId) }, three],
  ],
  ["only if a condition is met, and it is not", ([one, two, three]) => [one, { ...two, onlyIf: NOT_SO }, three]],
  ["stop if a condition is met, and it is", ([one, two, three]) => [one, { ...two, stopIf: { not: NOT_SO } }, three]],
  ["a step added on day 3", ([one, two, three]) => [one, { ...two, id: undefined, sendAfterDays: 3 }, two, three]],
  ["a step added on day 14", ([one, two, three]) => [one, two, three, { ...two, id: undefined, sendAfterDays: 14 }]],
];
/** When it is published. `at`: on its day, an hour before it leaves. */
const MOMENTS = [
  ["before (day 1)", at("2026-12-02T10:00:00Z")],
  ["at (day 4, 08:00)", at("2026-12-05T08:00:00Z")],
  ["past (day 5)", at("2026-12-06T10:00:00Z")],
] as const;

let fresh: FreshDatabase;
let small: World;
beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Street");
});
afterAll(() => fresh?.close());

const run = (from: Temporal.Instant, until: Temporal.Instant) => sendUntil(small.delivery(), from, until);

/** The days on which mails left, with the hour where it is not 09:00, and the template where it is the other one. */
async function story(id: number, other: number): Promise<string> {
  const { rows } = await fresh.pool.query<{
    state: string;
    reason: string | null;
    at: Temporal.Instant;
    template: number;
  }>(
    `select state, reason, coalesce(finished_at, planned_at) as at, email_template_id::int as template
     from messages left join content_versions on content_versions.id = content_version_id
     where email_campaign_id = $1 order by 3, messages.id`,
    [id],
  );
  const parts = rows.map(({ state, reason, at: moment, template }) => {
    if (state !== "accepted") return `not sent (${reason})`;
    const hour = moment.toString().slice(11, 13);
    const day = BEGAN.toZonedDateTimeISO("UTC")
      .toPlainDate()
      .until(moment.toZonedDateTimeISO("UTC").toPlainDate()).days;
    return `${day}${hour === "09" || day === 0 ? "" : ` at ${hour}:00`}${template === other ? " (new)" : ""}`;
  });
  const { status } = await small.status(id);
  return `${parts.join(", ")}${status === "Completed" ? "" : `; ${status}`}`;
}

it("docs/editing-what-runs.md is what happens, cell by cell", async () => {
  const other = (await small.campaign([{ day: 0, subject: "The other one" }])).steps[0]!.emailTemplateId;
  const cells: { edit: string; moment: number; choice: Choice; id: number; campaignId: number; rows: unknown[] }[] = [];
  for (const [edit, change] of EDITS)
    for (const moment of MOMENTS.keys())
      for (const choice of CHOICES) {
        const campaign = await small.campaign([{ day: 0 }, { day: 4 }, { day: 10 }]);
        const id = await small.start(campaign.id, (await small.person()).id, BEGAN);
        const { steps } = contentOf(campaign);
        cells.push({ edit, moment, choice, id, campaignId: campaign.id, rows: change(steps, other) });
      }
  let now: Temporal.Instant = BEGAN;
  for (const [index, [, moment]] of MOMENTS.entries()) {
    await run(now, moment);
    for (const { campaignId, choice, rows } of cells.filter((cell) => cell.moment === index)) {
      const content = { steps: rows.map((row) => stepInput.parse(row)), settings: {} };
      await publishing.saveDraft(fresh.db, campaignId, content, ana, null, moment);
      await publishing.publish(fresh.db, campaignId, { choice }, ana, null, moment);
    }
    now = moment;
  }
  await run(now, at("2027-01-31"));

  const table: string[] = [];
  for (const [edit] of EDITS)
    for (const [moment, [when]] of MOMENTS.entries()) {
      const told = [];
      for (const choice of CHOICES) {
        const cell = cells.find((one) => one.edit === edit && one.moment === moment && one.choice === choice)!;
        told.push(await story(cell.id, other));
        const { rows } = await fresh.pool.query(
          "select step_id from messages where email_campaign_id = $1 group by 1 having count(*) > 1",
          [cell.id],
        );
        expect(rows, `${edit}, ${when}, ${choice}: nothing twice`).toEqual([]);
        expect(["Completed", "Stopped"], `${edit}, ${when}, ${choice}: nobody is stranded`).toContain(
          (await small.status(cell.id)).status,
        );
      }
      table.push(`| ${edit} | ${when} | ${told.join(" | ")} |`);
    }
  expect(table).toHaveLength(EDITS.length * MOMENTS.length);
  expect((await fresh.db.selectFrom("campaigns").select("id").execute()).length).toBe(cells.length + 1);
  const page = document(table);
  if (process.env["UPDATE_DOCS"]) await writeFile(FILE, page);
  expect(await readFile(FILE, "utf8")).toBe(page);
}, 300_000);

const document = (table: readonly string[]) => `# Editing what runs

A Schedule is edited as a draft and published. Publishing asks what those on their way get: **everyone** the new Schedule for what lies ahead, **new-only** the one they began with, **stop** nothing more. The past is never run again, nobody gets a step twice, and nobody is left waiting for a step that went.

The table is written by \`src/publishing/matrix.test.ts\`, which lives through each of its cells. A Campaign has mails on days 0, 4 and 10 at 09:00; somebody starts on day 0, and the mail of day 4 is edited while they are before it, at it, or past it. The cells tell on which days mails left.

| edit | published | everyone | new-only | stop |
|---|---|---|---|---|
${table.join("\n")}

*(new)*: by the other template. *not sent (condition)*: its condition was not met. *not sent (added-after-its-day)*: the step was added when its day had passed for this person; a backfill sends it all the same. *not sent (expired)*: too late by more than the days after which it expires.
`;
