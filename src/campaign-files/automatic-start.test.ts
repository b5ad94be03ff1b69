/** The rules of automatic start in files: out, planned, applied; again changes nothing, nobody is started unasked. Real PostgreSQL. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at, BEGAN, neighbours, type World, world } from "../../test/world.ts";
import { automaticStartInput } from "../automatic-starts/api.ts";
import * as automaticStarts from "../automatic-starts/automatic-starts.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import type { Condition } from "../core/conditions.ts";
import type { Refusal } from "../core/problem.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import { declare } from "../people/fields.ts";
import { apply, plan, type Wishes } from "./apply.ts";
import { exportFolder } from "./export.ts";
import { readFolder } from "./read.ts";

const NOW = at("2026-12-02T10:00:00Z");
const EVERYONE: Wishes = { choice: "everyone" };
const FILE = "campaigns/welcome.yaml";
let fresh: FreshDatabase;
let small: World;
let folder: string;
let campaignId: number;
let other: number;
let readers: number;
let buyers: number;
let sender: { readonly id: number; readonly email: string };

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  sender = await small.sender();
  folder = await mkdtemp(join(tmpdir(), "tidings-start-files-"));
  await declare(fresh.db, { key: "plan", label: "Plan", type: "text", choices: null }, actor, BEGAN);
  campaignId = (await small.campaign([{ day: 0 }, { day: 3 }], null, { name: "Welcome" })).id;
  other = (await small.campaign([{ day: 0 }], null, { name: "Onboarding “fast”" })).id;
  const group = (title: string) => emailGroups.create(fresh.db, { title }, actor, BEGAN);
  [readers, buyers] = [(await group("Readers & “Friends”")).id, (await group("Buyers")).id];
});
afterAll(async () => {
  await fresh?.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await sql`truncate automatic_starts, start_rules, pending_starts, start_refusals, start_rule_matches`.execute(
    fresh.db,
  );
  await exportFolder(fresh.db, folder);
});

type Rule = { readonly id?: number; readonly on?: boolean } & (
  | { readonly kind: "joined"; readonly emailGroupId: number }
  | { readonly kind: "matches"; readonly condition: Condition }
  | { readonly kind: "created"; readonly ways: readonly string[] }
);
const set = (rules: readonly Rule[], more: object = {}) =>
  automaticStarts.save(fresh.db, campaignId, automaticStartInput.parse({ rules, ...more }), actor, NOW);
const get = () => automaticStarts.get(fresh.db, campaignId);
const text = () => readFile(join(folder, FILE), "utf8");
/** Puts this in the place of what the file says of automatic start; null: nothing. */
const says = async (lines: string | null) => {
  const said = (await text()).replace(/^automaticStart:[^\n]*\n(?: [^\n]*\n)*/m, "");
  await writeFile(join(folder, FILE), said + (lines ?? ""));
};
const planned = async () => plan(fresh.db, await readFolder(folder), EVERYONE, actor, NOW);
const applied = async () => apply(fresh.db, await readFolder(folder), EVERYONE, actor, NOW);
const told = async () => (await planned()).campaigns.map((one) => one.automaticStart);
const handle = () => automaticStarts.handleStarts(fresh.db, NOW);
const begun = async () =>
  (await fresh.db.selectFrom("emailCampaigns").select("personId").orderBy("id").execute()).map(
    ({ personId }) => personId,
  );
const refusal = async () => ((await applied().catch((error: Refusal) => error)) as Refusal).message;
const joins = (ids: readonly number[], group = readers) => emailGroups.addPeople(fresh.db, group, ids, actor, NOW);
const person = async (plan: string | null = null) =>
  (await small.person(plan === null ? {} : { attributes: { plan } })).id;

const joined = (): Rule => ({ kind: "joined", emailGroupId: readers });
const gold: Rule = { kind: "matches", condition: { field: "plan", op: "is", value: "gold" } };

describe("the file", () => {
  it("says what starts a Campaign in names and words, and an empty list where nothing does", async () => {
    expect(await text()).toContain("automaticStart:\n  rules: []\n");
    const asked = { all: [{ finished: other }, { not: { group: buyers } }, { event: "signed up", times: 2 }] };
    await set(
      [joined(), { kind: "matches", condition: asked }, { kind: "created", ways: ["import", "api"], on: false }],
      { senderId: sender.id, again: "after-end", againAfterDays: 30, askAbove: null },
    );
    await exportFolder(fresh.db, folder);
    expect(await text()).toContain(`automaticStart:
  sender: ${sender.email}
  again: after-end
  againAfterDays: 30
  askAbove: null
  rules:
    - joined: Readers & “Friends”
    - matches: has finished Campaign “Onboarding \\“fast\\”” and is not in group “Buyers” and has had the event “signed up” at least 2 times
    - created:
        - api
        - import
      on: false
`);
    expect((await planned()).campaigns).toEqual([]);
  });

  it("that does not speak of rules leaves them; with an empty list it removes them; again changes nothing", async () => {
    await set([joined()], { askAbove: 7 });
    await says(null);
    expect((await applied()).campaigns).toEqual([]);
    expect((await get()).rules).toMatchObject([{ kind: "joined", emailGroupId: readers }]);

    await says("automaticStart:\n  rules: []\n");
    expect((await applied()).campaigns).toMatchObject([
      {
        change: "update",
        differences: [],
        automaticStart: {
          rules: [{ change: "removed", rule: { joined: "Readers & “Friends”" } }],
          settings: [{ field: "askAbove", before: 7, after: 1000 }],
        },
      },
    ]);
    expect(await get()).toMatchObject({ rules: [], askAbove: 1000 });
    expect((await applied()).campaigns).toEqual([]);
  });

  it("is planned without a change, and tells what comes, goes and is switched, and of how many it is so already", async () => {
    const members = [await person(), await person("gold")];
    await joins(members, buyers);
    const before = await set([joined(), gold, { kind: "created", ways: ["hand"] }]);
    await says(`automaticStart:
  rules:
    - matches: plan is "Gold"
    - created: [hand]
      on: false
    - matches: plan is "gold"
      on: false
    - joined: buyers
`);
    expect(await told()).toEqual([
      {
        rules: [
          { change: "removed", rule: { joined: "Readers & “Friends”", on: true }, alreadySo: null, forgotten: 0 },
          { change: "added", rule: { matches: "plan is “Gold”", on: true }, alreadySo: 1, forgotten: 0 },
          { change: "switched-off", rule: { created: ["hand"], on: false }, alreadySo: null, forgotten: 0 },
          { change: "switched-off", rule: { matches: "plan is “gold”", on: false }, alreadySo: null, forgotten: 0 },
          { change: "added", rule: { joined: "Buyers", on: true }, alreadySo: 2, forgotten: 0 },
        ],
        reordered: true,
        settings: [],
      },
    ]);
    expect((await get()).rules).toEqual(before.rules);
    await applied();
    const { rules } = await get();
    expect(rules.map(({ id }) => id)).toEqual([
      expect.any(Number),
      before.rules[2]!.id,
      before.rules[1]!.id,
      expect.any(Number),
    ]);
    expect(await told()).toEqual([]);
  });

  it("is made whole or not at all, and its mistakes are told with file and line", async () => {
    await set([gold]);
    const rules = async (lines: string) => {
      await says(`automaticStart:\n  rules:\n${lines}`);
      return refusal();
    };
    const where = "^campaigns/welcome\\.yaml(?:: |, )line \\d+: ";
    expect(await rules("    - joined: Nobody\n")).toMatch(new RegExp(`${where}There is no Email Group “Nobody”\\.$`));
    expect(await rules('    - matches: colour is "red"\n')).toMatch(
      new RegExp(`${where}There is no field “colour”\\.$`),
    );
    expect(await rules("    - matches: has opened any mail\n")).toMatch(
      new RegExp(`${where}Nobody has had a mail of this Campaign`),
    );
    expect(await rules("    - matches: has finished\n")).toMatch(
      new RegExp(`${where}automaticStart\\.rules\\.0\\.matches: At character`),
    );
    expect(await rules("    - joined: Buyers\n      created: [api]\n")).toMatch(/line \d+: .*waits for one thing/);
    expect(await rules("    - on: true\n")).toMatch(/line \d+: .*waits for one thing/);
    await says("automaticStart:\n  sender: nobody@example.org\n  rules: []\n");
    expect(await refusal()).toMatch(new RegExp(`${where}There is no sender nobody@example\\.org\\.$`));
    await says("automaticStart: {}\n");
    expect(await refusal()).toMatch(/line \d+: automaticStart\.rules/);
    // One Campaign's mistake leaves the other as it was, too.
    await says("automaticStart:\n  rules: []\n");
    const file = join(folder, "campaigns/onboarding-fast.yaml");
    const before = await readFile(file, "utf8");
    await writeFile(file, before.replace("rules: []", "rules:\n    - joined: Nobody"));
    expect(await refusal()).toContain("campaigns/onboarding-fast.yaml");
    expect((await get()).rules).toHaveLength(1);
    await writeFile(file, before);
  });

  it("names a Campaign that comes with the same folder", async () => {
    const file = join(folder, "campaigns/new.yaml");
    const rules = 'automaticStart:\n  rules:\n    - matches: has finished Campaign "New"\n';
    await writeFile(file, "key: new\ncampaign: New\nschedule: []\n");
    await says(rules);
    await applied();
    const made = (await campaigns.findByName(fresh.db, "New"))!;
    expect((await get()).rules).toMatchObject([{ condition: { finished: made.id } }]);
    await campaigns.remove(fresh.db, made.id, neighbours, actor, NOW);
    await rm(file);
  });
});

describe("nobody is started unasked", () => {
  it("a rule that comes or is switched on by a file counts from then; too many wait, and a yes starts them", async () => {
    const before = [await person(), await person(), await person("bronze"), await person("bronze")];
    await joins(before);
    await says(`automaticStart:
  askAbove: 2
  rules:
    - joined: readers & “friends”
    - matches: plan is "bronze"
`);
    await applied();
    await handle();
    expect(await begun()).toEqual([]);

    const later = [await person(), await person(), await person()];
    await joins(later);
    await handle();
    expect([await begun(), (await get()).waiting]).toEqual([[], 3]);
    // Applied again, or with a higher number, nobody of them is let go.
    expect((await applied()).campaigns).toEqual([]);
    await says((await text()).match(/automaticStart[^]*/)![0].replace("askAbove: 2", "askAbove: 500"));
    await applied();
    await handle();
    expect([await begun(), (await get()).waiting]).toEqual([[], 3]);

    const env = { PATH: process.env["PATH"], HOME: folder, DATABASE_URL: fresh.url };
    const tidings = async (...words: string[]) =>
      (await promisify(execFile)(join(import.meta.dirname, "../../bin/tidings"), words, { env, cwd: folder })).stdout;
    expect(await tidings("campaign", "waiting", String(campaignId))).toBe("Waiting for a yes: 3.\n");
    expect(JSON.parse(await tidings("campaign", "waiting", String(campaignId), "--start", "--json"))).toEqual({
      campaignId,
      people: 3,
      waiting: 0,
    });
    await handle();
    expect((await begun()).toSorted((one, two) => one - two)).toEqual(later);

    await says('automaticStart:\n  rules:\n    - matches: plan is "bronze"\n      on: false\n');
    expect(await tidings("plan", folder)).toBe(`Campaign welcome would be updated.
  starts by itself: askAbove: 500 → 1000
  starts by itself: - when somebody joins “Readers & “Friends””
  starts by itself: switched off: when this becomes true of somebody: plan is “bronze”
`);
    await tidings("apply", folder);
    const off = await person("bronze");
    await says('automaticStart:\n  rules:\n    - matches: plan is "bronze"\n');
    expect(await tidings("plan", folder)).toContain(
      "switched on: when this becomes true of somebody: plan is “bronze”; not the 3 of whom it is so already",
    );
    await applied();
    await handle();
    expect(await begun()).not.toContain(off);
  });

  it("what applying makes true of somebody was so before its rules", async () => {
    const id = await small.start(other, await person(), NOW);
    const file = join(folder, "campaigns/onboarding-fast.yaml");
    const before = await readFile(file, "utf8");
    await says(
      'automaticStart:\n  rules:\n    - matches: is in Campaign "Onboarding “fast”" with status "Stopped"\n'.replace(
        "“fast”",
        "\\“fast\\”",
      ),
    );
    await writeFile(file, before.replace("sendAfterDays: 0", "sendAfterDays: 4"));
    await apply(fresh.db, await readFolder(folder), { choice: "stop" }, actor, NOW);
    const { status } = await fresh.db
      .selectFrom("emailCampaigns")
      .select("status")
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    const count = (await begun()).length;
    await handle();
    expect([status, (await begun()).length]).toEqual(["Stopped", count]);
    await writeFile(file, before);
    await applied();
  });
});

describe("round trip", () => {
  const leaf = (): fc.Arbitrary<Condition> =>
    fc.oneof(
      fc.constantFrom("gold", "Silver", "a “b” \\ c").map((value) => ({ field: "plan", op: "is" as const, value })),
      fc.constant({ field: "city", op: "set" as const }),
      fc.constantFrom("readers", "buyers").map((which) => ({ group: which === "readers" ? readers : buyers })),
      fc.constant(0).map(() => ({ finished: other })),
      fc.integer({ min: 1, max: 4 }).map((times) => ({ event: "signed up", times })),
    );
  const condition = () =>
    fc.oneof(
      leaf(),
      leaf().map((one) => ({ not: one })),
      fc.tuple(leaf(), leaf(), leaf()).map(([one, two, three]) => ({ any: [one, { all: [two, { not: three }] }] })),
    );
  const rule = (): fc.Arbitrary<Rule> =>
    fc
      .tuple(
        fc.oneof(
          fc.constantFrom("readers", "buyers").map((which) => ({
            kind: "joined" as const,
            emailGroupId: which === "readers" ? readers : buyers,
          })),
          condition().map((asked) => ({ kind: "matches" as const, condition: asked })),
          fc
            .subarray(["hand", "api", "import"], { minLength: 1 })
            .chain((ways) => fc.shuffledSubarray(ways, { minLength: ways.length }))
            .map((ways) => ({ kind: "created" as const, ways })),
        ),
        fc.boolean(),
      )
      .map(([what, on]) => ({ ...what, on }));
  const state = () =>
    fc.record({
      rules: fc.array(rule(), { maxLength: 5 }),
      settings: fc.record({
        senderId: fc.boolean().map((named) => (named ? sender.id : null)),
        again: fc.constantFrom("never", "after-end"),
        againAfterDays: fc.integer({ min: 0, max: 40 }),
        askAbove: fc.option(fc.integer({ min: 1, max: 2000 })),
      }),
    });

  it("of any rules onto any others gives the same file, and applied again changes nothing", async () => {
    await fc.assert(
      fc.asyncProperty(state(), state(), async (wanted, before) => {
        await set(wanted.rules, wanted.settings);
        await exportFolder(fresh.db, folder);
        const file = await text();
        await set(before.rules, before.settings);
        await applied();
        expect((await planned()).campaigns).toEqual([]);
        await exportFolder(fresh.db, folder);
        expect(await text()).toBe(file);
      }),
      { numRuns: 40 },
    );
  }, 180_000);
});
