/** What may be done with an Email Campaign that runs, and how it ends, on a real database. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { exampleCampaign, examplePerson } from "../../test/examples.ts";
import { STATUSES, type Status, type StopReason } from "../core/email-campaign.ts";
import type { Refusal } from "../core/problem.ts";
import { inTransaction } from "../db/database.ts";
import { skipByHand } from "../delivery/skip.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { emailCampaigns as api, startInput } from "./api.ts";
import * as emailCampaigns from "./email-campaigns.ts";
import { skipStep } from "./skip.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const later = Temporal.Instant.from("2026-12-03T12:00:00Z");
const actor = { name: "ana@example.com", userId: null };

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh?.close());

async function started(startOn: string | null = null, days = [0, 3]) {
  const campaign = await exampleCampaign(fresh.db, days);
  const personId = await examplePerson(fresh.db);
  const input = startInput.parse({ campaignId: campaign.id, personId, startOn });
  return emailCampaigns.get(fresh.db, await emailCampaigns.start(fresh.db, input, actor, now), now);
}
async function inStatus(status: Status) {
  const made = await started(status === "Scheduled" ? "2026-12-09" : null);
  await fresh.pool.query(
    "update email_campaigns set status = $2, stop_reason = $3, next_due_at = case when $2 in ('Scheduled', 'In Progress') then next_due_at end where id = $1",
    [made.id, status, status === "Stopped" ? "cancelled" : null],
  );
  return made;
}
/** The mail of a step, as the sender leaves it behind. */
function message(
  of: { id: number; personId: number; campaignId: number },
  stepId: number,
  state: string,
  reason: string | null = null,
) {
  return fresh.pool.query(
    `insert into messages (email_campaign_id, step_id, person_id, campaign_id, state, reason, due_at, planned_at, planned_on, finished_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7, '2026-12-01', case when $5 in ('accepted', 'refused', 'skipped') then $7::timestamptz end)`,
    [of.id, stepId, of.personId, of.campaignId, state, reason, now.toString()],
  );
}
const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it was not refused"),
    (error: Refusal) => ({ code: error.code, detail: error.message, at: error.faults[0]?.pointer }),
  );
const shown = (id: number | string, at = later) => emailCampaigns.get(fresh.db, id, at);

describe("pausing", () => {
  it("E48 holds everything back, and resuming looks at once at what became due", async () => {
    const made = await started();
    const paused = await emailCampaigns.pause(fresh.db, made.number, actor, now);
    expect([paused.status, paused.nextDueAt, paused.actions]).toEqual(["Paused", null, ["resume", "cancel"]]);
    const resumed = await emailCampaigns.resume(fresh.db, made.id, actor, later);
    expect([resumed.status, String(resumed.nextDueAt)]).toEqual(["In Progress", String(later)]);
  });

  it("E48 one paused before its start is Scheduled again when resumed before it, and runs when resumed after", async () => {
    for (const [startOn, status] of [
      ["2026-12-09", "Scheduled"],
      ["2026-12-02", "In Progress"],
    ] as const) {
      const made = await started(startOn);
      await emailCampaigns.pause(fresh.db, made.id, actor, now);
      expect((await emailCampaigns.resume(fresh.db, made.id, actor, later)).status).toBe(status);
    }
  });
});

describe("what a status does not allow", () => {
  const acts = {
    pause: (id: number) => emailCampaigns.pause(fresh.db, id, actor, later),
    resume: (id: number) => emailCampaigns.resume(fresh.db, id, actor, later),
    cancel: (id: number) => emailCampaigns.cancel(fresh.db, id, actor, later),
    restart: (id: number) => emailCampaigns.restart(fresh.db, id, null, actor, later),
    move: (id: number) => emailCampaigns.update(fresh.db, id, { startOn: "2026-12-20" }, actor, null, later),
  };

  it.each(STATUSES)("E48 is refused in plain words and changes nothing: %s", async (status) => {
    for (const [name, act] of Object.entries(acts) as [keyof typeof acts, (id: number) => Promise<unknown>][]) {
      const made = await inStatus(status);
      const before = await shown(made.id);
      if (before.actions.includes(name)) {
        await act(made.id);
        continue;
      }
      const { code, detail } = await refusalOf(act(made.id));
      expect([code, detail]).toEqual([expect.stringMatching(/^email-campaign-/), expect.stringContaining(made.number)]);
      expect(await shown(made.id)).toEqual(before);
    }
  });

  it("E43 Unsubscribed is final: nothing may be asked for any more", async () => {
    const made = await inStatus("Unsubscribed");
    expect((await shown(made.id)).actions).toEqual([]);
  });

  it("E34 nothing that is sent to the API can set a status", () => {
    for (const field of ["status", "stopReason", "endOn", "nextDueAt", "number"])
      expect([field, field in api.update.body.shape, field in api.start.body.shape]).toEqual([field, false, false]);
  });
});

describe("cancelling and restarting", () => {
  it("E48 cancelling stops it for good, with the reason", async () => {
    const made = await started();
    const cancelled = await emailCampaigns.cancel(fresh.db, made.id, actor, later);
    expect([cancelled.status, cancelled.stopReason, cancelled.nextDueAt, String(cancelled.finishedAt)]).toEqual([
      "Stopped",
      "cancelled",
      null,
      String(later),
    ]);
  });

  it("E48 a restart is a new Email Campaign from the first step on; the old one stays as it was", async () => {
    const made = await started();
    await emailCampaigns.cancel(fresh.db, made.id, actor, now);
    const again = await emailCampaigns.restart(fresh.db, made.id, "2026-12-10", actor, later);
    expect([again.restartedFromId, again.status, String(again.startOn)]).toEqual([made.id, "Scheduled", "2026-12-10"]);
    expect(again.number).not.toBe(made.number);
    expect((await shown(made.id)).status).toBe("Stopped");
    expect((await refusalOf(emailCampaigns.restart(fresh.db, made.id, null, actor, later))).code).toBe(
      "email-campaign-exists",
    );
  });

  it("E27 a restart is refused for whoever has opted out meanwhile", async () => {
    const made = await inStatus("Completed");
    await inTransaction(fresh.db, (tx) =>
      suppress(
        tx,
        { emailKey: made.email!, scope: "campaign", campaignId: made.campaignId, reason: "unsubscribed" },
        now,
      ),
    );
    expect((await refusalOf(emailCampaigns.restart(fresh.db, made.id, null, actor, later))).code).toBe(
      "person-opted-out",
    );
  });
});

describe("editing", () => {
  it("E19 the start can be moved to today or ahead, the end follows (E20), and the status with it", async () => {
    const made = await started("2026-12-09");
    const moved = await emailCampaigns.update(fresh.db, made.id, { startOn: "2026-12-20" }, actor, null, later);
    expect([String(moved.startOn), String(moved.endOn), moved.status]).toEqual([
      "2026-12-20",
      "2026-12-23",
      "Scheduled",
    ]);
  });

  it("E19 the start cannot be moved to a past day, nor once the first mail was handed over", async () => {
    const made = await started("2026-12-09");
    expect(
      await refusalOf(emailCampaigns.update(fresh.db, made.id, { startOn: "2026-12-02" }, actor, null, later)),
    ).toMatchObject({ code: "start-in-the-past", at: "/startOn" });
    const begun = await started();
    await message(begun, begun.steps[0]!.stepId, "planned");
    const { code } = await refusalOf(
      emailCampaigns.update(fresh.db, begun.id, { startOn: "2026-12-20" }, actor, null, later),
    );
    expect(code).toBe("email-campaign-begun");
  });

  it("E19 after the start everything but the start can be edited; the same start is no move", async () => {
    const made = await started();
    await message(made, made.steps[0]!.stepId, "accepted");
    const saved = await emailCampaigns.update(
      fresh.db,
      made.id,
      { startOn: "2026-12-01", senderId: null },
      actor,
      null,
      later,
    );
    expect([saved.status, String(saved.startOn)]).toEqual(["In Progress", "2026-12-01"]);
  });

  it("an edit of what somebody else changed meanwhile is refused", async () => {
    const made = await started("2026-12-09");
    await emailCampaigns.update(fresh.db, made.id, { startOn: "2026-12-10" }, actor, made.changedAt, later);
    const mine = emailCampaigns.update(fresh.db, made.id, { startOn: "2026-12-11" }, actor, made.changedAt, later);
    expect((await refusalOf(mine)).code).toBe("changed-meanwhile");
  });

  it("E29 saving what is there already changes nothing", async () => {
    const made = await started("2026-12-09");
    const saved = await emailCampaigns.update(fresh.db, made.id, { startOn: "2026-12-09" }, actor, null, later);
    expect(saved).toEqual(await shown(made.id, later));
    expect(String(saved.changedAt)).toBe(String(made.changedAt));
    expect(await actionsOf(made.id)).toEqual(["start"]);
  });

  it("E35 every change is kept: who, what, before, after", async () => {
    const made = await started("2026-12-09");
    await emailCampaigns.update(fresh.db, made.id, { startOn: "2026-12-10" }, actor, null, later);
    await emailCampaigns.pause(fresh.db, made.id, actor, later);
    await emailCampaigns.resume(fresh.db, made.id, actor, later);
    await emailCampaigns.cancel(fresh.db, made.id, actor, later);
    expect(await actionsOf(made.id)).toEqual(["start", "update", "pause", "resume", "cancel"]);
    const { rows } = await fresh.pool.query(
      "select actor, before, after from audit_entries where subject_type = 'email-campaign' and subject_id = $1 and action in ('update', 'cancel') order by id",
      [String(made.id)],
    );
    expect(rows).toMatchObject([
      { actor: actor.name, before: { startOn: "2026-12-09" }, after: { startOn: "2026-12-10" } },
      { actor: actor.name, before: { status: "Scheduled" }, after: { status: "Stopped" } },
    ]);
  });
});

async function actionsOf(id: number): Promise<string[]> {
  const { rows } = await fresh.pool.query<{ action: string }>(
    "select action from audit_entries where subject_type = 'email-campaign' and subject_id = $1 order by id",
    [String(id)],
  );
  return rows.map(({ action }) => action);
}

describe("skipping a step", () => {
  const skip = (id: number, stepId: number, at = later) =>
    skipStep(fresh.db, id, stepId, skipByHand, actor, at).then(() => shown(id, at));

  it("E48 one that lies ahead is resolved as skipped by hand, and the others keep their days", async () => {
    const made = await started();
    const [first, second] = made.steps;
    const skipped = await skip(made.id, first!.stepId, now);
    expect(skipped.steps.map(({ state, code }) => [state, code])).toEqual([
      ["skipped", "skipped-by-hand"],
      ["ahead", "scheduled"],
    ]);
    expect(skipped.steps[1]?.dueAt).toEqual(second?.dueAt);
    expect([skipped.status, String(skipped.nextDueAt)]).toEqual(["In Progress", String(now)]);
    expect(await actionsOf(made.id)).toEqual(["start", "skip-step"]);
  });

  it("E48 one whose mail waits to be sent or tried again is skipped too", async () => {
    for (const state of ["planned", "deferred"]) {
      const made = await started();
      await message(made, made.steps[0]!.stepId, state);
      expect((await skip(made.id, made.steps[0]!.stepId)).steps[0]?.code).toBe("skipped-by-hand");
    }
  });

  it("E48 one that has left, is leaving, or is none is refused, and so is any of what is over", async () => {
    for (const state of ["claimed", "in_data", "accepted", "refused", "skipped", "unknown"]) {
      const made = await started();
      await message(made, made.steps[0]!.stepId, state);
      expect((await refusalOf(skip(made.id, made.steps[0]!.stepId))).code).toBe("step-not-active");
      expect((await shown(made.id)).steps[0]?.state).toBe(state);
    }
    const made = await started();
    expect((await refusalOf(skip(made.id, (await started()).steps[0]!.stepId))).code).toBe("step-not-found");
    const over = await inStatus("Stopped");
    expect((await refusalOf(skip(over.id, over.steps[0]!.stepId))).code).toBe("email-campaign-not-active");
  });

  it("E48 a paused one stays asleep", async () => {
    const made = await inStatus("Paused");
    const skipped = await skip(made.id, made.steps[0]!.stepId);
    expect([skipped.status, skipped.nextDueAt]).toEqual(["Paused", null]);
  });

  it("E48 a message that somebody records at this moment is not waited for", async () => {
    const made = await started();
    const stepId = made.steps[0]!.stepId;
    await message(made, stepId, "planned");
    await inTransaction(fresh.db, async (tx) => {
      await tx.selectFrom("messages").select("id").where("stepId", "=", stepId).forUpdate().execute();
      expect((await refusalOf(skip(made.id, stepId))).code).toBe("step-not-active");
    });
  });
});

describe("ending by itself", () => {
  const end = (concerned: Parameters<typeof emailCampaigns.end>[1], ending: emailCampaigns.Ending) =>
    inTransaction(fresh.db, (tx) => emailCampaigns.end(tx, concerned, ending, later));

  it.each(["Scheduled", "In Progress", "Paused"] as const)(
    "E92 an opt-out ends what is %s as Unsubscribed",
    async (status) => {
      const made = await inStatus(status);
      const ended = await end({ personIds: [made.personId], campaignId: made.campaignId }, { event: "unsubscribe" });
      expect(ended.map(({ id }) => id)).toEqual([made.id]);
      const after = await shown(made.id);
      expect([after.status, after.nextDueAt, String(after.finishedAt)]).toEqual(["Unsubscribed", null, String(later)]);
    },
  );

  it("E94, E96 an opt-out from one Campaign leaves the person's other one and everybody else alone", async () => {
    const made = await started();
    const other = await exampleCampaign(fresh.db, [0]);
    const input = startInput.parse({ campaignId: other.id, personId: made.personId });
    const otherId = await emailCampaigns.start(fresh.db, input, actor, now);
    const neighbour = startInput.parse({ campaignId: made.campaignId, personId: await examplePerson(fresh.db) });
    const neighbourId = await emailCampaigns.start(fresh.db, neighbour, actor, now);
    await end({ personIds: [made.personId], campaignId: made.campaignId }, { event: "unsubscribe" });
    expect([(await shown(made.id)).status, (await shown(otherId)).status, (await shown(neighbourId)).status]).toEqual([
      "Unsubscribed",
      "In Progress",
      "In Progress",
    ]);
    await end({ personIds: [made.personId], campaignId: null }, { event: "unsubscribe" });
    expect((await shown(otherId)).status).toBe("Unsubscribed");
  });

  it("E90 ending twice is harmless, and what is finished stays as it ended", async () => {
    const made = await started();
    const done = await inStatus("Completed");
    const stop = { event: "stop", reason: "do-not-contact" } as const;
    expect(await end({ personIds: [made.personId, done.personId] }, stop)).toHaveLength(1);
    expect(await end({ personIds: [made.personId, done.personId] }, stop)).toEqual([]);
    expect((await shown(done.id)).status).toBe("Completed");
  });

  it("E43 who opted out is not stopped for another reason afterwards", async () => {
    const made = await inStatus("Unsubscribed");
    expect(await end({ personIds: [made.personId], finished: true }, { event: "stop", reason: "bounced" })).toEqual([]);
    expect((await shown(made.id)).status).toBe("Unsubscribed");
  });

  it.each(["replied", "bounced", "complained", "converted", "erased", "do-not-contact"] satisfies StopReason[])(
    "E62 %s stops it, with the reason",
    async (reason) => {
      const made = await started();
      await end({ ids: [made.id] }, { event: "stop", reason });
      const stopped = await shown(made.id);
      expect([stopped.status, stopped.stopReason, stopped.nextDueAt]).toEqual(["Stopped", reason, null]);
    },
  );

  it("nobody named is nobody ended", async () => {
    const made = await started();
    expect(await end({}, { event: "unsubscribe" })).toEqual([]);
    expect(await end({ personIds: [] }, { event: "unsubscribe" })).toEqual([]);
    expect((await shown(made.id)).status).toBe("In Progress");
  });
});

describe("what is shown", () => {
  it("says of each step when it is due, what became of it and why", async () => {
    const made = await started(null, [0, 1, 2, 3, 4]);
    const [first, second, third] = made.steps.map(({ stepId }) => stepId) as [number, number, number];
    await message(made, first, "accepted");
    await message(made, second, "skipped", "expired");
    await message(made, third, "deferred");
    const { steps } = await shown(made.id, now);
    expect(steps.map(({ state, code }) => [state, code])).toEqual([
      ["accepted", "sent"],
      ["skipped", "expired"],
      ["deferred", "will-retry"],
      ["ahead", "scheduled"],
      ["ahead", "scheduled"],
    ]);
    expect(steps.map(({ sentAt }) => sentAt && String(sentAt))).toEqual([String(now), null, null, null, null]);
    const explained = await emailCampaigns.explain(fresh.db, made.number, now);
    expect(explained.steps.map(({ code }) => code)).toEqual(steps.map(({ code }) => code));
    expect(explained.text).toContain("In Progress");
  });

  it("a step that was removed after it was sent is still shown", async () => {
    const made = await started();
    const [first, second] = made.steps.map(({ stepId }) => stepId) as [number, number];
    await message(made, first, "accepted");
    await fresh.pool.query("update steps set removed_at = now() where id = $1", [first]);
    const { steps } = await shown(made.id);
    expect(steps.map(({ stepId, state }) => [stepId, state])).toEqual([
      [first, "accepted"],
      [second, "ahead"],
    ]);
  });
});
