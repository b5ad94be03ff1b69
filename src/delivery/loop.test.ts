import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink } from "../../test/smtp-sink.ts";
import { at, silent, type World, world } from "../../test/world.ts";
import { startLoop } from "./loop.ts";
import { stopwatch } from "./stopwatch.ts";

let fresh: FreshDatabase;
let small: World;

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("Example Ltd");
});
afterAll(() => fresh.close());

describe("the loop", () => {
  it("sends what is started at once, each step after the one before, and through a loss of the database", async () => {
    const sink = await startSink();
    const sender = await small.sender({ emailAccountId: (await small.account(sink.port)).id });
    const campaign = await small.campaign([{ day: 0 }, { day: 0 }]);
    const clock = stopwatch(at("2026-03-01"));
    const loop = startLoop({ delivery: small.delivery(), sessions: fresh.pool, clock, log: silent });

    const first = await small.person();
    const firstId = await small.start(campaign.id, first.id, clock(), { senderId: sender.id });
    await sink.waitFor(2);
    expect(sink.messages.map(({ to }) => to)).toEqual([first.email, first.email]);

    await fresh.pool
      .query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
      )
      .catch(() => undefined);
    // A connection of the pool may not have heard of its end yet.
    const second = await small.person().catch(() => small.person());
    await small.start(campaign.id, second.id, clock(), { senderId: sender.id });
    await sink.waitFor(4, 20_000);
    await loop.stop();
    expect((await small.status(firstId)).status).toBe("Completed");
    await sink.close();
  });

  it("many at once: every step once and in order, whatever planning and sending do at the same time", async () => {
    const sink = await startSink();
    const sender = await small.sender({ emailAccountId: (await small.account(sink.port)).id });
    const campaign = await small.campaign([
      { day: 0, subject: "1" },
      { day: 0, subject: "2" },
      { day: 0, subject: "3" },
    ]);
    const clock = stopwatch(at("2026-03-02"));
    const people = [];
    for (let count = 0; count < 60; count += 1) people.push(await small.person());
    const loops = [1, 2].map(() => startLoop({ delivery: small.delivery(), sessions: fresh.pool, clock, log: silent }));
    for (const person of people) await small.start(campaign.id, person.id, clock(), { senderId: sender.id });
    await sink.waitFor(180, 40_000);
    await Promise.all(loops.map((loop) => loop.stop()));
    const subjects = new Map(people.map(({ email }) => [email!, [] as string[]]));
    for (const { to, data } of sink.messages)
      subjects.get(to)!.push(/^Subject: (.+)$/m.exec(data.toString())![1]!.trim());
    for (const each of subjects.values()) expect(each).toEqual(["1", "2", "3"]);
    await sink.close();
  });
});
