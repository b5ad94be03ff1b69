/** Conditions decide when a step is due, again right before MAIL FROM, and as soon as a fact happens. Real PostgreSQL, the built-in mailbox. */
import fc from "fast-check";
import { sql } from "kysely";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at, silent, type World, world } from "../../test/world.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { type Condition, holds, OPERATORS } from "../core/conditions.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { conditionInSql } from "../email-campaigns/condition-sql.ts";
import { conditionsOf } from "../email-campaigns/facts.ts";
import { knownOf } from "../core/schedule.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import * as events from "../events/events.ts";
import { declare } from "../people/fields.ts";
import { contentOf, publishContent } from "../publishing/publishing.ts";
import { planDue } from "./plan.ts";

let fresh: FreshDatabase;
let small: World;
let customers: number;

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Street");
  await small.sender();
  const field = (key: string, type: "text" | "number" | "boolean" | "date") =>
    declare(fresh.db, { key, label: key === "plan" ? "Plan" : key, type, choices: null }, actor, at("2026-01-01"));
  for (const [key, type] of [
    ["plan", "text"],
    ["seats", "number"],
    ["active", "boolean"],
    ["renewal_date", "date"],
  ] as const)
    await field(key, type);
});
beforeEach(async () => {
  customers = (await emailGroups.create(fresh.db, { title: `Customers ${Math.random()}` }, actor, at("2026-01-01"))).id;
});
afterAll(() => fresh?.close());

const plan = (now: Temporal.Instant) => planDue({ db: fresh.db, log: silent, guard: null }, now);
const handle = (now: Temporal.Instant) => emailCampaigns.handleFacts(fresh.db, now);
const join = (personId: number, now: Temporal.Instant) =>
  emailGroups.addPeople(fresh.db, customers, [personId], actor, now);
const leave = (personId: number, now: Temporal.Instant) =>
  emailGroups.removePeople(fresh.db, customers, [personId], actor, now);
const reply = (personId: number, now: Temporal.Instant) =>
  fresh.db
    .insertInto("timelineEntries")
    .values({ personId, emailCampaignId: null, kind: "reply", subject: "Re: Hello", at: now })
    .execute();
async function engage(emailCampaignId: number, stepId: number, kind: "opened" | "clicked", automatic = false) {
  const { personId, campaignId } = await small.status(emailCampaignId);
  await fresh.db
    .insertInto("engagements")
    .values({
      messageId: 0,
      emailCampaignId,
      personId,
      campaignId,
      stepId,
      kind,
      link: kind === "clicked" ? "https://example.com/price" : null,
      happenedAt: at("2026-03-02"),
      automatic,
    })
    .execute();
}
const outcomes = async (id: number) =>
  (await small.messages(id)).map(({ state, reason }) => (reason ? `${state}: ${reason}` : state));

async function started(
  steps: Parameters<World["campaign"]>[0],
  more: Parameters<World["campaign"]>[2] = {},
  input: Parameters<World["person"]>[0] = {},
) {
  const campaign = await small.campaign(steps, null, more);
  const person = await small.person(input);
  const id = await small.start(campaign.id, person.id, at("2026-03-01T10:00:00Z"), { startOn: "2026-03-02" });
  return { campaign, person, id };
}

describe("only if", () => {
  it("who does not meet it is skipped with the reason, and the next step keeps its day", async () => {
    const { person, id } = await started([
      { day: 0 },
      { day: 3, onlyIf: { all: [{ not: { replied: true } }, { field: "plan", op: "is", value: "gold" }] } },
      { day: 5 },
    ]);
    await small.change(person.id, { attributes: { plan: "Gold" } }, at("2026-03-01T11:00:00Z"));
    const delivery = small.delivery();
    await delivery.runUntilIdle(at("2026-03-02"));
    await reply(person.id, at("2026-03-04"));

    const before = await emailCampaigns.explain(fresh.db, id, at("2026-03-04T12:00:00Z"));
    expect(before.steps[1]!.text).toContain(
      "Only if Ana has not replied and their Plan is “gold”; as things stand, that is not so.",
    );
    await delivery.runUntilIdle(at("2026-03-05T09:00:00Z"));
    expect(await outcomes(id)).toEqual(["accepted", "skipped: condition"]);
    expect((await small.status(id)).nextDueAt).toEqual(at("2026-03-07T09:00:00Z"));
    const after = await emailCampaigns.explain(fresh.db, id, at("2026-03-05T12:00:00Z"), "de");
    expect(after.steps[1]!.text).toBe(
      "Übersprungen: Ihre Bedingung war nicht erfüllt. Gefragt: Ana hat nicht geantwortet und Plan ist „gold“. Gefunden: hat geantwortet, Plan ist „gold“.",
    );
    await delivery.runUntilIdle(at("2026-03-07T09:00:00Z"));
    expect(await outcomes(id)).toEqual(["accepted", "skipped: condition", "accepted"]);
    expect((await small.status(id)).status).toBe("Completed");
  });

  it("what comes true between planning and MAIL FROM holds the mail back", async () => {
    const { person, id } = await started([{ day: 0, onlyIf: { group: customers } }, { day: 1 }]);
    await join(person.id, at("2026-03-01T12:00:00Z"));
    await plan(at("2026-03-02"));
    expect(await outcomes(id)).toEqual(["planned"]);
    await leave(person.id, at("2026-03-02T09:00:01Z"));
    await small.delivery().runUntilIdle(at("2026-03-02T09:00:02Z"));
    expect(await outcomes(id)).toEqual(["skipped: condition"]);
    expect(await small.mailbox(person.email!)).toEqual([]);
    const { steps } = await emailCampaigns.explain(fresh.db, id, at("2026-03-02T10:00:00Z"));
    expect(steps[0]!.text).toMatch(/Asked: Ana is in group “Customers .*”\. Found: is not in group/);
    await small.delivery().runUntilIdle(at("2026-03-03T09:00:00Z"));
    expect(await outcomes(id)).toEqual(["skipped: condition", "accepted"]);
  });

  it("opened and clicked are known of the mail before; what a scanner did is not", async () => {
    const steps = [
      { day: 0 },
      { day: 1, onlyIf: { opened: "before" } as const },
      { day: 2, onlyIf: { clicked: "any", link: "https://example.com/price" } as const },
      { day: 3, onlyIf: { not: { opened: "before" } } as const },
    ];
    const real = await started(steps);
    const scanned = await started(steps);
    const delivery = small.delivery();
    await delivery.runUntilIdle(at("2026-03-02"));
    const first = (of: typeof real) => of.campaign.steps[0]!.id;
    await engage(real.id, first(real), "clicked");
    await engage(scanned.id, first(scanned), "clicked", true);
    for (const day of [3, 4, 5]) await delivery.runUntilIdle(at(`2026-03-0${day}`));
    expect(await outcomes(real.id)).toEqual(["accepted", "accepted", "accepted", "accepted"]);
    expect(await outcomes(scanned.id)).toEqual(["accepted", "skipped: condition", "skipped: condition", "accepted"]);
  });

  it("another Campaign of the person is asked for", async () => {
    const other = await small.campaign();
    const { person, id } = await started([
      { day: 0, onlyIf: { finished: other.id } },
      { day: 1, onlyIf: { not: { campaign: other.id, statuses: ["In Progress", "Scheduled"] } } },
    ]);
    await small.start(other.id, person.id, at("2026-03-01T10:00:00Z"));
    await plan(at("2026-03-02"));
    await plan(at("2026-03-03"));
    expect(await outcomes(id)).toEqual(["skipped: condition", "skipped: condition"]);
  });
});

describe("stop if", () => {
  it("ends the Email Campaign as soon as it comes true, long before the next step", async () => {
    const { person, id } = await started([{ day: 0 }, { day: 30 }], { stopIf: { group: customers } });
    await small.delivery().runUntilIdle(at("2026-03-02"));
    await join(person.id, at("2026-03-03T08:00:00Z"));
    expect(await handle(at("2026-03-03T08:00:01Z"))).toBeGreaterThan(0);
    await plan(at("2026-03-03T08:00:02Z"));
    expect(await small.status(id)).toMatchObject({ status: "Stopped", stopReason: "condition", nextDueAt: null });
    const { text, steps } = await emailCampaigns.explain(fresh.db, id, at("2026-03-03T09:00:00Z"));
    expect(text).toMatch(/Stopped \(condition\)\. Asked: Ana is in group “Customers/);
    expect(steps[1]!.text).toBe("Will not be sent: a condition that ends it came true.");
  });

  it.each([
    [
      "a changed field",
      { field: "plan", op: "is", value: "gold" },
      (_id: number, person: number) => small.change(person, { attributes: { plan: "gold" } }, at("2026-03-03")),
    ],
    ["a reply", { replied: true }, (_id: number, person: number) => reply(person, at("2026-03-03"))],
    [
      "an opening",
      { opened: "any" },
      async (id: number) => engage(id, (await small.messages(id))[0]!.stepId, "opened"),
    ],
  ] as const)("%s is heard of whichever way it comes", async (_name, stopIf, happens) => {
    const { person, id } = await started([{ day: 0 }, { day: 30 }], { stopIf });
    await small.delivery().runUntilIdle(at("2026-03-02"));
    await happens(id, person.id);
    await handle(at("2026-03-03T08:00:01Z"));
    await plan(at("2026-03-03T08:00:02Z"));
    expect((await small.status(id)).stopReason).toBe("condition");
  });

  it("another Campaign that is finished is heard of", async () => {
    const other = await small.campaign();
    const { person, id } = await started([{ day: 0 }, { day: 30 }], { stopIf: { finished: other.id } });
    await small.delivery().runUntilIdle(at("2026-03-02"));
    await small.start(other.id, person.id, at("2026-03-02T10:00:00Z"));
    await small.delivery().runUntilIdle(at("2026-03-02T10:00:00Z"));
    await handle(at("2026-03-02T10:00:01Z"));
    await plan(at("2026-03-02T10:00:02Z"));
    expect((await small.status(id)).stopReason).toBe("condition");
  });

  it("a mail that is planned already does not leave, and the goal counts as converted", async () => {
    const goal: Condition = { field: "plan", op: "set" };
    const { person, id } = await started([{ day: 0 }], { goal });
    await plan(at("2026-03-02"));
    await small.change(person.id, { attributes: { plan: "gold" } }, at("2026-03-02T09:00:01Z"));
    await small.delivery().runUntilIdle(at("2026-03-02T09:00:02Z"));
    expect(await outcomes(id)).toEqual(["skipped: goal"]);
    expect(await small.status(id)).toMatchObject({ status: "Stopped", stopReason: "converted" });
  });

  it("an event ends it before the mail that is planned already, and one that came too early does not", async () => {
    const happened = (personId: number, now: Temporal.Instant) =>
      events.record(
        fresh.db,
        { person: personId, name: "purchased", at: null, externalId: null, properties: {} },
        actor,
        now,
      );
    const { person, id } = await started([{ day: 0 }, { day: 1 }], {
      goal: { event: "purchased", times: 2, since: "start" },
    });
    await plan(at("2026-03-02"));
    await happened(person.id, at("2026-03-01T09:59:59Z"));
    await happened(person.id, at("2026-03-02T09:00:01Z"));
    await small.delivery().runUntilIdle(at("2026-03-02T09:00:02Z"));
    expect(await outcomes(id)).toEqual(["accepted"]);
    await plan(at("2026-03-03"));
    expect(await outcomes(id)).toEqual(["accepted", "planned"]);
    await happened(person.id, at("2026-03-03T09:00:01Z"));
    await small.delivery().runUntilIdle(at("2026-03-03T09:00:02Z"));
    expect(await outcomes(id)).toEqual(["accepted", "skipped: goal"]);
    expect(await small.status(id)).toMatchObject({ status: "Stopped", stopReason: "converted" });
  });

  it("a step's own is asked when the step is due, and not before", async () => {
    const { person, id } = await started([{ day: 0 }, { day: 3, stopIf: { group: customers } }, { day: 5 }]);
    await join(person.id, at("2026-03-01T12:00:00Z"));
    await small.delivery().runUntilIdle(at("2026-03-02"));
    expect((await small.status(id)).status).toBe("In Progress");
    await small.delivery().runUntilIdle(at("2026-03-05"));
    expect(await small.status(id)).toMatchObject({ status: "Stopped", stopReason: "condition" });
    expect(await outcomes(id)).toEqual(["accepted"]);
  });

  it("without a Campaign that asks, no fact is noted", async () => {
    const other = await freshDatabase();
    try {
      const theirs = world(other.db);
      const person = await theirs.person();
      await theirs.change(person.id, { company: "Example" }, at("2026-03-02"));
      expect(await emailCampaigns.handleFacts(other.db, at("2026-03-02"))).toBe(0);
    } finally {
      await other.close();
    }
  });
});

describe("a version somebody stays with", () => {
  it("keeps its conditions, when a step is due and right before MAIL FROM", async () => {
    const { campaign, person, id } = await started([{ day: 0, onlyIf: { group: customers } }, { day: 2 }]);
    const content = contentOf(await campaigns.get(fresh.db, campaign.id));
    const steps = content.steps.map((step) => ({ ...step, onlyIf: null }));
    await fresh.db
      .transaction()
      .execute((tx) =>
        publishContent(
          tx,
          { campaignId: campaign.id, content: { ...content, steps }, choice: "new-only" },
          {},
          actor,
          at("2026-03-01T11:00:00Z"),
        ),
      );
    await join(person.id, at("2026-03-01T12:00:00Z"));
    await plan(at("2026-03-02"));
    expect(await outcomes(id)).toEqual(["planned"]);
    await leave(person.id, at("2026-03-02T09:00:01Z"));
    await small.delivery().runUntilIdle(at("2026-03-02T09:00:02Z"));
    expect(await outcomes(id)).toEqual(["skipped: condition"]);
  });

  it("what publishing a condition does is told before", async () => {
    const { campaign, id } = await started([{ day: 0 }, { day: 2 }]);
    const content = contentOf(await campaigns.get(fresh.db, campaign.id));
    const steps = content.steps.map((step) => ({ ...step, onlyIf: { group: customers } }));
    const change = { campaignId: campaign.id, content: { ...content, steps }, choice: "everyone" as const };
    const { impact } = await fresh.db
      .transaction()
      .execute((tx) => publishContent(tx, change, {}, actor, at("2026-03-01T11:00:00Z")));
    expect(impact.effects.unmet).toBe(2);
    expect(impact.steps.map(({ unmet }) => unmet)).toEqual([1, 1]);
    await plan(at("2026-03-02"));
    expect(await outcomes(id)).toEqual(["skipped: condition"]);
  });
});

describe("many", () => {
  it("planning 2,000 takes as many statements as planning 20; who asks nothing pays nothing", async () => {
    const count = async (onlyIf: Condition | null, people: number) => {
      const campaign = await small.campaign([{ day: 0, onlyIf }]);
      await fresh.db.updateTable("emailCampaigns").set({ nextDueAt: null }).execute();
      await sql`
        with made as (
          insert into people (kind, full_name, email, email_key, status, created_at, changed_at)
          select 'lead', 'Person', lower(${campaign.name}) || n || '@example.org', lower(${campaign.name}) || n || '@example.org', 'Lead', now(), now()
          from generate_series(1, ${people}) as n returning id)
        insert into email_campaigns (number, campaign_id, person_id, start_on, end_on, status, next_due_at, created_at, changed_at)
        select ${campaign.name} || id, ${campaign.id}, id, '2026-04-01', '2026-04-01', 'In Progress', '2026-04-01T09:00Z', '2026-03-31T00:00Z', '2026-03-31T00:00Z' from made`.execute(
        fresh.db,
      );
      const spy = vi.spyOn(pg.Client.prototype, "query");
      try {
        const planned = await planDue({ db: fresh.db, log: silent, guard: null }, at("2026-04-01"), 2000);
        expect(planned.looked).toBe(people);
        return spy.mock.calls.length;
      } finally {
        spy.mockRestore();
      }
    };
    const asked: Condition = {
      all: [
        { not: { replied: true } },
        { not: { group: customers } },
        { not: { opened: "any" } },
        { not: { field: "plan", op: "set" } },
      ],
    };
    const plain = await count(null, 20);
    expect(await count(null, 2000)).toBe(plain);
    const few = await count(asked, 20);
    expect(await count(asked, 2000)).toBe(few);
    expect(few - plain).toBeLessThanOrEqual(4);
  });
});

it("what SQL says right before MAIL FROM is what was decided by, whatever is asked of whomever", async () => {
  const other = await small.campaign();
  const groups = [customers, (await emailGroups.create(fresh.db, { title: "Second" }, actor, at("2026-01-01"))).id];
  const text = fc.constantFrom("gold", "Gold", "go", "2026-03-01", "2026-10-01", "5", "true", "", " x%_");
  const value = fc.oneof(text, fc.integer({ min: 3, max: 6 }), fc.boolean(), fc.constant(4.5));
  const field = fc.record({
    field: fc.constantFrom("plan", "seats", "active", "renewal_date", "status", "company"),
    op: fc.constantFrom(...OPERATORS),
    value: fc.oneof(value, fc.array(text, { minLength: 1, maxLength: 2 })),
  });
  const which = fc.constantFrom<("any" | "before" | "first")[]>("any", "before", "first");
  const leaf = fc.oneof(
    { arbitrary: field, weight: 5 },
    fc.constantFrom(...groups).map((group) => ({ group })),
    fc.constant({ replied: true } as const),
    fc.constant({ finished: other.id }),
    fc.constant({ campaign: other.id, statuses: ["In Progress", "Stopped"] }),
    which.map((opened) => ({ opened })),
    fc.record(
      {
        event: fc.constantFrom("purchased", "visited"),
        times: fc.integer({ min: 1, max: 4 }),
        since: fc.constant("start"),
      },
      { requiredKeys: ["event"] },
    ),
    fc.record({
      clicked: which,
      link: fc.constantFrom("https://example.com/price", "https://example.com/other", null),
    }),
  );
  const { condition } = fc.letrec<{ condition: object }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 2, depthSize: "small" },
      leaf,
      fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((all) => ({ all })),
      fc.array(tie("condition"), { minLength: 1, maxLength: 3 }).map((any) => ({ any })),
      tie("condition").map((not) => ({ not })),
    ),
  }));

  const campaign = await small.campaign([{ day: 0 }, { day: 1 }]);
  const [first, second] = campaign.steps.map((step) => step.id);
  const ids: number[] = [];
  const everybody: Record<string, string | number | boolean>[] = [
    {},
    { plan: "Gold", seats: 5, active: true },
    { plan: "2026-03-01", renewal_date: "2026-03-01", seats: 4.5, active: false },
  ];
  for (const [nth, attributes] of everybody.entries()) {
    const person = await small.person({ attributes, ...(nth === 1 ? { company: "Gold & Co", status: "Open" } : {}) });
    const id = await small.start(campaign.id, person.id, at("2026-03-01T10:00:00Z"));
    ids.push(id);
    await fresh.db.updateTable("emailCampaigns").set({ nextDueAt: null }).where("id", "=", id).execute();
    if (nth === 0) continue;
    await fresh.db
      .insertInto("messages")
      .values({
        emailCampaignId: id,
        stepId: nth === 1 ? first! : second!,
        personId: person.id,
        campaignId: campaign.id,
        state: "accepted",
        dueAt: at("2026-03-01"),
        plannedAt: at("2026-03-01"),
        plannedOn: Temporal.PlainDate.from("2026-03-01"),
        finishedAt: at("2026-03-01"),
        contentVersionId: null,
        emailAccountId: null,
        address: null,
        messageId: null,
        nextAttemptAt: null,
        claimedBy: null,
        claimedUntil: null,
        firstAttemptAt: null,
        replyCode: null,
        replyEnhanced: null,
        replyText: null,
        reason: null,
        openUntil: null,
        bouncedAt: null,
        bounceReason: null,
        complainedAt: null,
      })
      .execute();
    const told = (name: string, day: string) => ({
      person: person.id,
      name,
      at: day,
      externalId: null,
      properties: {},
    });
    const days = ["2026-02-01T00:00:00Z", "2026-03-01T10:00:00Z", ...(nth === 2 ? ["2026-03-02T00:00:00Z"] : [])];
    const all = [...days.map((day) => told("purchased", day)), told("visited", days[0]!)];
    expect((await events.recordMany(fresh.db, all, actor, at("2026-03-03"))).problems).toEqual([]);
    await engage(id, first!, "opened");
    if (nth === 2) await engage(id, second!, "clicked");
    await emailGroups.addPeople(fresh.db, groups[nth - 1]!, [person.id], actor, at("2026-03-01"));
    await reply(person.id, nth === 1 ? at("2026-02-01") : at("2026-03-02"));
    const running = await small.start(other.id, person.id, at("2026-03-01T10:00:00Z"));
    if (nth === 2)
      await fresh.db
        .updateTable("emailCampaigns")
        .set({ status: "Completed", nextDueAt: null })
        .where("id", "=", running)
        .execute();
  }

  let differences = 0;
  await fc.assert(
    fc.asyncProperty(condition, async (drawn) => {
      const asked = JSON.parse(JSON.stringify(drawn).replaceAll('"first"', String(first))) as Condition;
      await fresh.db
        .updateTable("campaigns")
        .set({ stopIf: JSON.stringify(asked) })
        .where("id", "=", campaign.id)
        .execute();
      const { rows } = await sql<{ id: number; so: boolean }>`
        select email_campaigns.id, ${conditionInSql(asked)} as so from email_campaigns join people on people.id = person_id
        where email_campaigns.id = any(${ids}::bigint[]) order by 1`.execute(fresh.db);
      const decided = (await emailCampaigns.factsOf(fresh.db, ids)).map(({ id, facts }) => {
        expect(conditionsOf(facts)).toHaveLength(1);
        return { id, so: holds(asked, knownOf(facts)!) };
      });
      expect(rows).toEqual(decided);
      differences += new Set(rows.map(({ so }) => so)).size - 1;
    }),
    { numRuns: 400 },
  );
  // That they agree would mean little if everybody were always the same.
  expect(differences).toBeGreaterThan(100);
});
