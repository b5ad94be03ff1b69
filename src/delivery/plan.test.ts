import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at, BEGAN, neighbours, silent, type World, world } from "../../test/world.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { createBurstGuard } from "./burst-guard.ts";
import { planDue } from "./plan.ts";

let fresh: FreshDatabase;
let small: World;

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
});
afterAll(() => fresh.close());

const plan = (now: Temporal.Instant) => planDue({ db: fresh.db, log: silent, guard: null }, now);

/** Every message of an Email Campaign as it would be after sending it: accepted at `now`. */
async function accept(emailCampaignId: number, now: Temporal.Instant): Promise<void> {
  await fresh.db
    .updateTable("messages")
    .set({ state: "accepted", finishedAt: now, nextAttemptAt: null })
    .where("emailCampaignId", "=", emailCampaignId)
    .where("state", "=", "planned")
    .execute();
  await fresh.db.transaction().execute((tx) => emailCampaigns.afterResults(tx, [emailCampaignId], now));
}

describe("planning", () => {
  it("E49 E52 a step is planned on its day at its time, not before, and its Email Campaign is then In Progress", async () => {
    const campaign = await small.campaign([{ day: 0 }, { day: 4 }]);
    const person = await small.person();
    const id = await small.start(campaign.id, person.id, at("2026-03-01"), { startOn: "2026-03-02" });
    expect((await small.status(id)).status).toBe("Scheduled");

    await plan(at("2026-03-02T08:59:59Z"));
    expect((await small.status(id)).status).toBe("In Progress");
    expect(await small.messages(id)).toEqual([]);

    await plan(at("2026-03-02T09:00:00Z"));
    const [first] = await small.messages(id);
    expect(first).toMatchObject({ state: "planned", stepId: campaign.steps[0]!.id, reason: null });
    await accept(id, at("2026-03-02T09:01:00Z"));

    await plan(at("2026-03-06T08:59:59Z"));
    expect(await small.messages(id)).toHaveLength(1);
    await plan(at("2026-03-06T09:00:00Z"));
    expect(await small.messages(id)).toHaveLength(2);
    await accept(id, at("2026-03-06T09:01:00Z"));
    expect((await small.status(id)).status).toBe("Completed");
  });

  it("E51 day 0 of an Email Campaign made today is planned at once, whatever the time of day", async () => {
    const campaign = await small.campaign();
    const person = await small.person();
    const id = await small.start(campaign.id, person.id, at("2026-03-01T17:30:00Z"));
    await plan(at("2026-03-01T17:30:00Z"));
    expect(await small.messages(id)).toMatchObject([{ state: "planned" }]);
  });

  it("E53 a second tick on the same day plans nothing more", async () => {
    const campaign = await small.campaign();
    const id = await small.start(campaign.id, (await small.person()).id, at("2026-03-01"));
    await plan(at("2026-03-01"));
    await plan(at("2026-03-01T12:00:00Z"));
    expect(await small.messages(id)).toHaveLength(1);
  });

  it("E54 two steps with the same template on the same day are two mails", async () => {
    const campaign = await small.campaign([{ day: 0 }, { day: 0 }]);
    await fresh.db
      .updateTable("steps")
      .set({ emailTemplateId: campaign.steps[0]!.emailTemplateId })
      .where("campaignId", "=", campaign.id)
      .execute();
    const id = await small.start(campaign.id, (await small.person()).id, at("2026-03-01"));
    await plan(at("2026-03-01T09:00:00Z"));
    await accept(id, at("2026-03-01T09:00:01Z"));
    await plan(at("2026-03-01T09:00:02Z"));
    expect((await small.messages(id)).map((message) => message.stepId)).toEqual(campaign.steps.map((step) => step.id));
  });

  it("E55 four ticks at once plan every step once", async () => {
    const campaign = await small.campaign();
    const ids: number[] = [];
    for (let count = 0; count < 40; count += 1)
      ids.push(await small.start(campaign.id, (await small.person()).id, at("2026-03-01")));
    const counts = await Promise.all([1, 2, 3, 4].map(() => plan(at("2026-03-01"))));
    expect(counts.reduce((sum, { planned }) => sum + planned, 0)).toBe(40);
    for (const id of ids) expect(await small.messages(id)).toHaveLength(1);
  });

  it("E50 steps of missed days catch up one a day, and what is too old is skipped as expired", async () => {
    const campaign = await small.campaign([{ day: 0, expiresAfterDays: 2 }, { day: 1 }, { day: 2 }]);
    const id = await small.start(campaign.id, (await small.person()).id, at("2026-03-01"), { startOn: "2026-03-02" });
    await plan(at("2026-03-06T09:00:00Z"));
    expect(await small.messages(id)).toMatchObject([
      { state: "skipped", reason: "expired", stepId: campaign.steps[0]!.id },
      { state: "planned", stepId: campaign.steps[1]!.id },
    ]);
    await accept(id, at("2026-03-06T09:01:00Z"));
    await plan(at("2026-03-06T23:00:00Z"));
    expect(await small.messages(id)).toHaveLength(2);
    await plan(at("2026-03-07T00:00:00Z"));
    expect(await small.messages(id)).toHaveLength(3);
  });

  it("E59 the message and the Email Campaign it moves on stand or fall together", async () => {
    const campaign = await small.campaign();
    const id = await small.start(campaign.id, (await small.person()).id, at("2026-03-01"));
    const before = await small.status(id);
    const undone = fresh.db.transaction().execute(async (tx) => {
      await planDue({ db: tx, log: silent, guard: null }, at("2026-03-01"));
      throw new Error("the machine stopped");
    });
    await expect(undone).rejects.toThrow("the machine stopped");
    expect(await small.messages(id)).toEqual([]);
    expect(await small.status(id)).toEqual(before);
    await plan(at("2026-03-01"));
    expect(await small.messages(id)).toHaveLength(1);
  });

  it("E56 E58 an Email Campaign that cannot be planned does not stop the others, and is tried again later", async () => {
    const campaign = await small.campaign();
    const broken = await small.start(campaign.id, (await small.person()).id, at("2026-03-01"));
    const sound = await small.start(campaign.id, (await small.person()).id, at("2026-03-01"));
    await fresh.pool.query(`
      create function fail_for_one() returns trigger language plpgsql as $$
      begin if new.email_campaign_id = ${broken} then raise exception 'broken'; end if; return new; end $$;
      create trigger fail_for_one before insert on messages for each row execute function fail_for_one();`);
    await plan(at("2026-03-01"));
    await fresh.pool.query("drop trigger fail_for_one on messages");
    expect(await small.messages(broken)).toEqual([]);
    expect(await small.messages(sound)).toHaveLength(1);
    expect((await small.status(broken)).nextDueAt).toEqual(at("2026-03-01T09:15:00Z"));
    await plan(at("2026-03-01T09:15:00Z"));
    expect(await small.messages(broken)).toHaveLength(1);
  });

  it("E63 E64 E70 nothing is planned for a person who opted out meanwhile: the step is skipped, the Email Campaign ends", async () => {
    const campaign = await small.campaign([{ day: 0 }, { day: 1 }]);
    const person = await small.person();
    const id = await small.start(campaign.id, person.id, at("2026-03-01"), { startOn: "2026-03-02" });
    await fresh.db
      .transaction()
      .execute((tx) =>
        suppress(tx, { emailKey: person.emailKey!, scope: "everything", reason: "unsubscribed" }, BEGAN),
      );
    await plan(at("2026-03-02T09:00:00Z"));
    expect(await small.messages(id)).toMatchObject([{ state: "skipped", reason: "unsubscribed" }]);
    expect(await small.status(id)).toMatchObject({ status: "Unsubscribed", nextDueAt: null });
  });

  it.each([
    ["hard-bounce", "Stopped", "bounced"],
    ["complaint", "Stopped", "complained"],
    ["imported", "Unsubscribed", null],
  ] as const)("E64 an address suppressed for %s ends its Email Campaign as %s", async (reason, status, stopReason) => {
    const campaign = await small.campaign();
    const person = await small.person();
    const id = await small.start(campaign.id, person.id, at("2026-03-01"), { startOn: "2026-03-02" });
    await fresh.db
      .transaction()
      .execute((tx) => suppress(tx, { emailKey: person.emailKey!, scope: "everything", reason }, BEGAN));
    await plan(at("2026-03-02T09:00:00Z"));
    expect(await small.messages(id)).toMatchObject([{ state: "skipped", reason }]);
    expect(await small.status(id)).toMatchObject({ status, stopReason });
  });

  it("E62 a person marked Do Not Contact gets nothing more", async () => {
    const campaign = await small.campaign();
    const person = await small.person();
    const id = await small.start(campaign.id, person.id, at("2026-03-01"), { startOn: "2026-03-02" });
    await fresh.db.updateTable("people").set({ status: "Do Not Contact" }).where("id", "=", person.id).execute();
    await plan(at("2026-03-02T09:00:00Z"));
    expect(await small.messages(id)).toMatchObject([{ state: "skipped", reason: "do-not-contact" }]);
    expect(await small.status(id)).toMatchObject({ status: "Stopped", stopReason: "do-not-contact" });
  });

  it("E65 E67 membership is read when a step is due: who left the Email Group is skipped, step by step", async () => {
    const campaign = await small.campaign([{ day: 0 }, { day: 1 }]);
    const [stays, leaves] = [await small.person(), await small.person()];
    const group = await emailGroups.create(fresh.db, { title: "Newcomers" }, actor, BEGAN);
    await emailGroups.addMembers(fresh.db, group.id, { personIds: [stays.id, leaves.id] }, actor, neighbours, BEGAN);
    const ids = [];
    for (const person of [stays, leaves]) ids.push(await small.start(campaign.id, person.id, at("2026-03-01")));
    await fresh.db.updateTable("emailCampaigns").set({ emailGroupId: group.id }).where("id", "in", ids).execute();
    await fresh.db
      .transaction()
      .execute((tx) => emailGroups.unsubscribeMember(tx, group.id, leaves.id, at("2026-03-01")));
    await plan(at("2026-03-01"));
    expect(await small.messages(ids[0]!)).toMatchObject([{ state: "planned" }]);
    expect(await small.messages(ids[1]!)).toMatchObject([{ state: "skipped", reason: "not-a-member" }]);
    expect(await small.status(ids[1]!)).toMatchObject({ status: "In Progress" });
  });

  it("what an outage made due in bulk leaves in slices of an hour; what is on time is never held back", async () => {
    await fresh.db.updateTable("workspace").set({ burstGuard: 3 }).execute();
    const campaign = await small.campaign();
    const ids: number[] = [];
    for (let count = 0; count < 8; count += 1)
      ids.push(await small.start(campaign.id, (await small.person()).id, at("2026-03-01"), { startOn: "2026-03-02" }));
    const guard = createBurstGuard();
    const tick = (now: Temporal.Instant) => planDue({ db: fresh.db, log: silent, guard }, now);
    const planned = async () => {
      const rows = await fresh.db.selectFrom("messages").select("id").where("emailCampaignId", "in", ids).execute();
      return rows.length;
    };
    await tick(at("2026-03-02T15:00:00Z"));
    expect(await planned()).toBe(3);
    await tick(at("2026-03-02T15:30:00Z"));
    expect(await planned()).toBe(3);
    const punctual = await small.start(campaign.id, (await small.person()).id, at("2026-03-02T15:31:00Z"));
    await tick(at("2026-03-02T15:31:00Z"));
    expect(await small.messages(punctual)).toHaveLength(1);
    await tick(at("2026-03-02T16:00:00Z"));
    expect(await planned()).toBe(6);
    await tick(at("2026-03-02T17:00:00Z"));
    expect(await planned()).toBe(8);
    await fresh.db.updateTable("workspace").set({ burstGuard: 1000 }).execute();
  });
});
