import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { silent, world } from "../../test/world.ts";
import { createLifeline, resumeSending } from "../continuity/continuity.ts";
import type { Context } from "./context.ts";
import { RUNNING } from "./doctor-running.ts";

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.close());

/** What a check says at this moment. */
function look(check: string, now = Temporal.Now.instant()) {
  const context = { config: { dataDir: tmpdir() }, database: fresh.database, clock: () => now };
  return RUNNING[check]!(context as unknown as Context);
}

describe("the doctor, of an installation at work", () => {
  it("tells a wrong clock", async () => {
    expect((await look("clock", Temporal.Now.instant()))[0]).toBe("good");
    expect(await look("clock", Temporal.Now.instant().subtract({ minutes: 2 }))).toEqual([
      "bad",
      expect.stringMatching(/^It is 1[12]\d seconds off .* NTP/),
    ]);
  });

  it("tells whether somebody is at work, and that mail is held", async () => {
    expect(await look("sending")).toEqual(["look", expect.stringContaining("Start tidings serve")]);
    const clock = () => Temporal.Now.instant();
    const dataDir = `${tmpdir()}/tidings-doctor-${process.pid}`;
    await createLifeline({ db: fresh.db, dataDir, clock, log: silent, machineClock: false }).beat();
    expect((await look("sending"))[0]).toBe("good");
    expect((await look("sending", clock().add({ minutes: 5 })))[0]).toBe("look");
    await fresh.pool.query("update continuity set held_at = now(), held_reason = 'copied'");
    expect(await look("sending")).toEqual(["bad", expect.stringContaining("tidings resume-sending")]);
    await resumeSending(fresh.db, "keep", { name: "test" }, clock());
    expect((await look("sending"))[0]).toBe("good");
  });

  it("tells mail that is late and claims nobody takes over", async () => {
    const small = world(fresh.db, fresh.database.batches);
    const now = Temporal.Now.instant();
    expect((await look("mail that is due"))[0]).toBe("good");
    const campaign = await small.campaign([{ day: 0 }]);
    const { id } = await small.person();
    const started = await small.start(campaign.id, id, now.subtract({ minutes: 20 }));
    expect(await look("mail that is due", now)).toEqual(["look", expect.stringMatching(/due for 20 minutes/)]);
    await small.delivery().planDue(now);
    const claim = { state: "claimed", nextAttemptAt: null, claimedUntil: now.subtract({ minutes: 3 }) } as const;
    await fresh.db.updateTable("messages").set(claim).where("emailCampaignId", "=", started).execute();
    expect(await look("mail that is due", now)).toEqual(["look", expect.stringMatching(/A worker died/)]);
  });

  it("tells received mail that could not be handled, and mailboxes that fail", async () => {
    expect((await look("received mail"))[0]).toBe("good");
    await fresh.pool.query(
      "insert into received_mails (way, dedupe_key, raw, received_at, state) values ('upload', 'x', 'x', now(), 'set-aside')",
    );
    expect(await look("received mail")).toEqual(["look", expect.stringContaining("1 received mails")]);
  });

  it("tells jobs that do not begin, and the room that is left", async () => {
    const now = Temporal.Now.instant();
    expect((await look("jobs", now))[0]).toBe("good");
    await fresh.db
      .insertInto("jobs")
      .values({
        kind: "import",
        state: "queued",
        input: "{}",
        createdBy: "test",
        createdAt: now.subtract({ hours: 1 }),
      })
      .execute();
    expect(await look("jobs", now)).toEqual(["look", expect.stringMatching(/60 minutes/)]);
    expect((await look("room on disk"))[1]).toMatch(/\d+ % of the disk/);
  });
});
