/** Drafts are published whole; those on their way get what was chosen, nobody twice, nobody stranded. Real PostgreSQL, moved clock. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { at, sendUntil, type World, world } from "../../test/world.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { stepInput } from "../campaigns/api.ts";
import type { Refusal } from "../core/problem.ts";
import type { Choice } from "../core/schedule-effects.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { backfill, backfillImpact } from "./backfill.ts";
import { contentOf } from "./content.ts";
import { impactCsv, impactRows } from "./impact.ts";
import * as pauses from "./pauses.ts";
import * as publishing from "./publishing.ts";

const ana = { name: "ana", role: "manager" as const, userId: null };
const ben = { name: "ben", role: "manager" as const, userId: null };
let fresh: FreshDatabase;
let small: World;
beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Street");
});
afterAll(() => fresh?.close());

type Edit = (steps: ReturnType<typeof contentOf>["steps"]) => unknown[];
const DAY = 24;

/** Saves a draft that changes the steps by `edit`. */
async function draft(campaignId: number, edit: Edit, now: Temporal.Instant, settings = {}) {
  const { steps } = contentOf(await campaigns.get(fresh.db, campaignId));
  const content = { steps: edit(steps).map((row) => stepInput.parse(row)), settings };
  return publishing.saveDraft(fresh.db, campaignId, content, ana, null, now);
}
const publish = (campaignId: number, choice: Choice, now: Temporal.Instant, more = {}) =>
  publishing.publish(fresh.db, campaignId, { choice, ...more }, ana, null, now);

const run = (from: Temporal.Instant, until: Temporal.Instant) =>
  sendUntil(small.delivery(), from, until, { again: { hours: 1 } });

/** What became of the steps of one person, in the order of their sending: the day in December, or why not. */
async function story(id: number): Promise<string> {
  const steps = await small.messages(id);
  return steps
    .map((one) => (one.state === "accepted" ? one.finishedAt!.toString().slice(5, 10) : `${one.state}:${one.reason}`))
    .join(" ");
}

/** Somebody started on the 1st in a Campaign of days 0, 4 and 10; the clock stands at `hours` after that. */
async function underWay(hours: number, days = [0, 4, 10]) {
  const began = at("2026-12-01T10:00:00Z");
  const campaign = await small.campaign(days.map((day) => ({ day })));
  const person = await small.person();
  const id = await small.start(campaign.id, person.id, began);
  const now = began.add({ hours });
  await run(began, now);
  return { campaignId: campaign.id, steps: campaign.steps, id, personId: person.id, now };
}

describe("a draft", () => {
  it("changes nothing that runs until it is published, then everybody follows it for what lies ahead", async () => {
    const { campaignId, id, now } = await underWay(5 * DAY);
    await draft(campaignId, (steps) => [steps[0], steps[1], { ...steps[2], sendAfterDays: 7 }], now);
    expect((await campaigns.get(fresh.db, campaignId)).steps.map((step) => step.sendAfterDays)).toEqual([0, 4, 10]);
    const found = await publishing.draftOf(fresh.db, campaignId);
    expect(found.differences).toMatchObject([{ kind: "step-changed", field: "sendAfterDays", before: 10, after: 7 }]);
    await publish(campaignId, "everyone", now);
    await run(now, at("2026-12-31"));
    expect(await story(id)).toBe("12-01 12-05 12-08");
    expect((await small.status(id)).status).toBe("Completed");
    expect((await publishing.draftOf(fresh.db, campaignId)).draft).toBeNull();
  });

  it("of several people is not overwritten unseen, and one that was overtaken is not published", async () => {
    const { campaignId, now } = await underWay(0);
    const mine = await draft(campaignId, (steps) => steps.slice(0, 2), now);
    await draft(campaignId, (steps) => steps.slice(0, 1), now.add({ seconds: 1 }));
    const late = publishing.saveDraft(fresh.db, campaignId, mine.content, ben, mine.changedAt, now);
    expect(await late.catch((error: Refusal) => error.code)).toBe("changed-meanwhile");
    const { steps } = contentOf(await campaigns.get(fresh.db, campaignId));
    await campaigns.setSteps(fresh.db, campaignId, steps.slice(1), ana, null, publishing.afterDirectEdit, now);
    expect(await publish(campaignId, "everyone", now).catch((error: Refusal) => error.code)).toBe("draft-outdated");
    expect((await publishing.draftOf(fresh.db, campaignId)).draft?.outdated).toBe(true);
  });

  it("that could not be published is refused when it is saved, and leaves nothing", async () => {
    const { campaignId, now } = await underWay(0);
    const refused = async (edit: Edit) =>
      draft(campaignId, edit, now).then(
        () => "saved",
        (error: Refusal) => error.code,
      );
    expect(await refused((steps) => [...steps, { id: 999_999, emailTemplateId: 1, sendAfterDays: 1 }])).toBe(
      "step-not-found",
    );
    expect(await refused((steps) => [...steps, { emailTemplateId: 999_999, sendAfterDays: 1 }])).toBe(
      "email-template-not-found",
    );
    expect((await publishing.draftOf(fresh.db, campaignId)).draft).toBeNull();
  });

  it("waits for a second person where the workspace asks for one; an edit withdraws the approval", async () => {
    await fresh.db.updateTable("workspace").set({ approvalBeforePublishing: true }).execute();
    try {
      const { campaignId, now } = await underWay(0);
      const code = (work: Promise<unknown>) =>
        work.then(
          () => "done",
          (error: Refusal) => error.code,
        );
      await draft(campaignId, (steps) => steps.slice(0, 2), now);
      const { steps } = contentOf(await campaigns.get(fresh.db, campaignId));
      expect(
        await code(
          campaigns.setSteps(fresh.db, campaignId, steps.slice(1), ana, null, publishing.afterDirectEdit, now),
        ),
      ).toBe("approval-needed");
      expect(await code(publish(campaignId, "everyone", now))).toBe("approval-needed");
      expect(await code(publishing.approve(fresh.db, campaignId, ben, null, now))).toBe("approval-not-asked");
      await publishing.askApproval(fresh.db, campaignId, ana, null, now);
      expect(await code(publishing.approve(fresh.db, campaignId, ana, null, now))).toBe("approval-by-another");
      await publishing.approve(fresh.db, campaignId, ben, null, now);
      await draft(campaignId, (all) => all.slice(0, 1), now);
      expect(await code(publish(campaignId, "everyone", now))).toBe("approval-needed");
      await publishing.askApproval(fresh.db, campaignId, ana, null, now);
      await publishing.approve(fresh.db, campaignId, ben, null, now);
      expect(await code(publish(campaignId, "everyone", now))).toBe("done");
    } finally {
      await fresh.db.updateTable("workspace").set({ approvalBeforePublishing: false }).execute();
    }
  });
});

describe("the choice", () => {
  it("new-only: who is on their way stays with what they began with, template and all; who starts later does not", async () => {
    const { campaignId, id, now, steps } = await underWay(1 * DAY);
    const other = await small.campaign([{ day: 0, subject: "Another subject" }]);
    await draft(
      campaignId,
      (all) => [all[0], { ...(all[1] as object), sendAfterDays: 2, emailTemplateId: other.steps[0]!.emailTemplateId }],
      now,
    );
    await publish(campaignId, "new-only", now);
    const newcomer = await small.start(campaignId, (await small.person()).id, now);
    await run(now, at("2026-12-31"));
    expect(await story(id)).toBe("12-01 12-05 12-11");
    expect(await story(newcomer)).toBe("12-02 12-04");
    const templates = await fresh.db
      .selectFrom("messages")
      .innerJoin("contentVersions", "contentVersions.id", "messages.contentVersionId")
      .select(["messages.emailCampaignId", "contentVersions.emailTemplateId"])
      .where("messages.stepId", "=", steps[1]!.id)
      .orderBy("messages.id")
      .execute();
    expect(templates.toSorted((a, b) => a.emailCampaignId - b.emailCampaignId)).toEqual([
      { emailCampaignId: id, emailTemplateId: steps[1]!.emailTemplateId },
      { emailCampaignId: newcomer, emailTemplateId: other.steps[0]!.emailTemplateId },
    ]);
    expect([(await small.status(id)).status, (await small.status(newcomer)).status]).toEqual([
      "Completed",
      "Completed",
    ]);
    const [latest, first] = await publishing.versionsOf(fresh.db, campaignId);
    expect([latest?.choice, first?.choice, first?.following]).toEqual(["new-only", null, 0]);
  });

  it("new-only and then everyone: who stayed behind follows again, and gets nothing twice", async () => {
    const { campaignId, id, now } = await underWay(1 * DAY);
    await draft(campaignId, (all) => [all[0], { ...(all[1] as object), sendAfterDays: 2 }], now);
    await publish(campaignId, "new-only", now);
    await draft(campaignId, (all) => [...all, { ...(all[1] as object), id: undefined, sendAfterDays: 6 }], now);
    await publish(campaignId, "everyone", now);
    await run(now, at("2026-12-31"));
    expect(await story(id)).toBe("12-01 12-03 12-07");
    expect((await small.status(id)).scheduleVersionId).toBeNull();
  });

  it("stop: who has begun gets nothing more, whoever is still to begin gets the new one", async () => {
    const { campaignId, id, now } = await underWay(1 * DAY);
    const waiting = await small.start(campaignId, (await small.person()).id, now, { startOn: "2026-12-10" });
    await draft(campaignId, (all) => [all[0], { ...(all[1] as object), sendAfterDays: 1 }], now);
    const { impact } = await publish(campaignId, "stop", now);
    expect(impact.effects).toMatchObject({ stopped: 2, moved: 1, removed: 1, unchanged: 1 });
    await run(now, at("2026-12-31"));
    expect([await story(id), (await small.status(id)).stopReason]).toEqual(["12-01", "cancelled"]);
    expect(await story(waiting)).toBe("12-10 12-11");
  });
});

describe("a version", () => {
  it("tells what it said and how it differs from now, and going back to it is a draft that sends nobody anything twice", async () => {
    const { campaignId, id, now, steps } = await underWay(5 * DAY);
    await draft(campaignId, (all) => [all[0], { ...(all[2] as object), sendAfterDays: 8 }], now, {
      timeOfDay: "11:00",
      evergreen: true,
    });
    await publish(campaignId, "everyone", now);
    expect((await publishing.versionsOf(fresh.db, campaignId)).map(({ number, choice }) => [number, choice])).toEqual([
      [2, "everyone"],
      [1, null],
    ]);
    const first = await publishing.versionOf(fresh.db, campaignId, 1);
    expect(first.content.steps.map((row) => [row.id, row.sendAfterDays])).toEqual([
      [steps[0]!.id, 0],
      // It was removed since: it comes back as a new one.
      [undefined, 4],
      [steps[2]!.id, 10],
    ]);
    expect(first.differences).toMatchObject([
      { kind: "step-added", row: 1 },
      { kind: "step-changed", field: "sendAfterDays", before: 8, after: 10 },
      { kind: "setting-changed", field: "timeOfDay", after: null },
      { kind: "setting-changed", field: "evergreen", before: true, after: false },
    ]);
    expect(first.templates.map((one) => one.id).toSorted((a, b) => a - b)).toEqual(
      steps.map((step) => step.emailTemplateId),
    );
    expect((await publishing.versionOf(fresh.db, campaignId, 2)).differences).toEqual([]);
    await publishing.saveDraft(fresh.db, campaignId, first.content, ana, null, now);
    await publish(campaignId, "everyone", now);
    await run(now, at("2026-12-31"));
    expect(await story(id)).toBe("12-01 12-05 skipped:added-after-its-day 12-11");
    expect(await publishing.versionOf(fresh.db, campaignId, 9).catch((error: Refusal) => error.code)).toBe(
      "version-not-found",
    );
  });
});

describe("the impact", () => {
  it("is told before, mail by mail, and is what then happens", async () => {
    const { campaignId, id, now, steps } = await underWay(5 * DAY);
    await draft(
      campaignId,
      (all) => [
        all[0],
        { ...(all[1] as object), timeOfDay: "11:00" },
        { ...(all[2] as object), sendAfterDays: 3 },
        { ...(all[2] as object), id: undefined, sendAfterDays: 20 },
      ],
      now,
    );
    const told = await publishing.impact(fresh.db, campaignId, { choice: "everyone" }, now);
    expect(told).toMatchObject({ running: 1, dueNow: 1, dueNowByChange: 1, confirmationNeeded: false });
    expect(told.effects).toMatchObject({ "due-now": 1, added: 1 });
    const change = await publishing.changeOf(fresh.db, campaignId, "everyone");
    const { data } = await impactRows(fresh.db, change, { limit: 50 }, now);
    expect(
      data.map(({ row, effect, beforeAt, afterAt }) => [
        row,
        effect,
        beforeAt?.toString().slice(5, 10),
        afterAt?.toString().slice(5, 10),
      ]),
    ).toEqual([
      [2, "due-now", "12-11", "12-06"],
      [3, "added", undefined, "12-21"],
    ]);
    const csv = await impactCsv(fresh.db, change, { effect: "added" }, { of: ({ row }) => `row ${row}` }, now);
    expect(csv.trim().split("\n")).toHaveLength(2);
    expect(csv).toContain("row 3");
    await publish(campaignId, "everyone", now);
    await run(now, at("2026-12-31"));
    expect(await story(id)).toBe("12-01 12-05 12-06 12-21");
    expect(steps).toHaveLength(3);
  });

  it("asks before more leaves at once than the burst guard lets through, and spreads it when told to", async () => {
    await fresh.db.updateTable("workspace").set({ burstGuard: 2 }).execute();
    try {
      const { campaignId, now } = await underWay(3 * DAY);
      const ids = [];
      for (let count = 0; count < 3; count += 1)
        ids.push(await small.start(campaignId, (await small.person()).id, now, { startOn: "2026-12-04" }));
      await run(now, now);
      const later = now.add({ hours: 30 });
      await run(now, later);
      await draft(
        campaignId,
        (all) => [all[0], { ...(all[1] as object), sendAfterDays: 1, timeOfDay: "10:00" }, all[2]],
        later,
      );
      const refused = await publish(campaignId, "everyone", later).catch((error: Refusal) => error);
      expect(refused).toMatchObject({ code: "burst-not-confirmed" });
      const told = await publishing.impact(fresh.db, campaignId, { choice: "everyone" }, later);
      expect(told).toMatchObject({ dueNowByChange: 3, confirmationNeeded: true, burstGuard: 2 });
      await publish(campaignId, "everyone", later, { confirmedDueNow: 3, perHour: 1 });
      const moments = [];
      for (const one of ids) moments.push((await small.status(one)).nextDueAt?.since(later).total("hours"));
      expect(new Set(moments)).toEqual(new Set([0, 1, 2]));
    } finally {
      await fresh.db.updateTable("workspace").set({ burstGuard: 1000 }).execute();
    }
  });
});

describe("a step that came too late", () => {
  it("is sent to those past it by an act of its own, once, after the mail of that day", async () => {
    const { campaignId, id, now } = await underWay(5 * DAY);
    await draft(campaignId, (all) => [...all, { ...(all[1] as object), id: undefined, sendAfterDays: 2 }], now);
    const { campaign } = await publish(campaignId, "everyone", now);
    await run(now, now.add({ hours: 1 }));
    expect(await story(id)).toBe("12-01 12-05 skipped:added-after-its-day");
    const added = campaign.steps.at(-1)!.id;
    const told = await backfillImpact(fresh.db, campaignId, added, null, now);
    expect(told).toMatchObject({ people: 1, leftOut: 0, days: [{ day: "2026-12-06", count: 1 }] });
    const act = () => backfill(fresh.db, campaignId, added, { perHour: null, confirmed: 1 }, ana, now);
    expect([await act(), await act()]).toEqual([1, 0]);
    await run(now, at("2026-12-31"));
    expect(await story(id)).toBe("12-01 12-05 12-06 12-11");
    expect((await small.status(id)).status).toBe("Completed");
  });

  it("reaches who is through with an evergreen Campaign when it is added at its end, and nobody otherwise", async () => {
    for (const evergreen of [false, true]) {
      const { campaignId, id, now } = await underWay(20 * DAY);
      expect((await small.status(id)).status).toBe("Completed");
      await draft(campaignId, (all) => [...all, { ...(all[1] as object), id: undefined, sendAfterDays: 12 }], now, {
        evergreen,
      });
      const { impact } = await publish(campaignId, "everyone", now);
      expect(impact.reopened).toBe(evergreen ? 1 : 0);
      await run(now, at("2027-01-31"));
      expect(await story(id)).toBe(evergreen ? "12-01 12-05 12-11 12-21" : "12-01 12-05 12-11");
      expect((await small.status(id)).status).toBe("Completed");
    }
  });
});

describe("a Campaign's pause", () => {
  it("hold: nothing leaves, time goes on, and what is too late expires", async () => {
    const { campaignId, id, now } = await underWay(2 * DAY);
    await pauses.pause(fresh.db, campaignId, "hold", ana, now);
    await run(now, at("2026-12-13"));
    expect(await story(id)).toBe("12-01");
    await pauses.resume(fresh.db, campaignId, ana, at("2026-12-13T10:00:00Z"));
    await run(at("2026-12-13T10:00:00Z"), at("2026-12-31"));
    expect(await story(id)).toBe("12-01 skipped:expired 12-13");
  });

  it("freeze: the clock stops, and everything is later by the days it took", async () => {
    const { campaignId, id, now } = await underWay(2 * DAY);
    const ahead = await small.start(campaignId, (await small.person()).id, now, { startOn: "2026-12-20" });
    const within = await small.start(campaignId, (await small.person()).id, now, { startOn: "2026-12-05" });
    await pauses.pause(fresh.db, campaignId, "freeze", ana, now);
    await run(now, at("2026-12-13"));
    await pauses.resume(fresh.db, campaignId, ana, at("2026-12-13T08:00:00Z"));
    await run(at("2026-12-13T08:00:00Z"), at("2027-01-31"));
    expect(await story(id)).toBe("12-01 12-15 12-21");
    expect(await story(ahead)).toBe("12-20 12-24 12-30");
    expect(await story(within)).toBe("12-13 12-17 12-23");
    expect((await small.status(id)).endOn.toString()).toBe("2026-12-21");
  });

  it("a mail that was planned when it began waits with the rest", async () => {
    const { campaignId, id, now } = await underWay(2 * DAY);
    const delivery = small.delivery();
    await delivery.planDue(at("2026-12-05T09:00:00Z"));
    await pauses.pause(fresh.db, campaignId, "hold", ana, at("2026-12-05T09:00:01Z"));
    await delivery.sendDue(at("2026-12-05T09:00:02Z"));
    expect(await story(id)).toBe("12-01 planned:paused");
    await pauses.resume(fresh.db, campaignId, ana, at("2026-12-06T09:00:00Z"));
    await run(at("2026-12-06T09:00:00Z"), at("2026-12-31"));
    expect(await story(id)).toBe("12-01 12-06 12-11");
    expect(now).toBeDefined();
    await delivery.drain();
  });
});

it("explains what waits because its Campaign is paused", async () => {
  const { campaignId, id, now } = await underWay(2 * DAY);
  await pauses.pause(fresh.db, campaignId, "freeze", ana, now);
  const { steps } = await emailCampaigns.explain(fresh.db, id, now);
  expect(steps.map(({ code }) => code)).toEqual(["sent", "campaign-paused", "campaign-paused"]);
});
