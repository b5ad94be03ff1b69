/** What sent mail is made of: shown for as long as it is kept, given up by the month, never while a mail may leave again. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink } from "../../test/smtp-sink.ts";
import { at, type World, world } from "../../test/world.ts";
import { openMonth } from "./contents.ts";
import { bytesOf, discardOldContents } from "./delivery.ts";

let fresh: FreshDatabase;
let small: World;

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("Example Ltd, 1 Example Street, Lisbon");
});
afterAll(() => fresh.close());

/** One mail by the mailbox on that day. @returns the message's id. */
async function sentOn(day: string): Promise<number> {
  const campaign = await small.campaign();
  const id = await small.start(campaign.id, (await small.person()).id, at(day));
  const delivery = small.delivery();
  await delivery.runUntilIdle(at(day));
  await delivery.drain(0);
  return (await small.messages(id))[0]!.id;
}

const keep = (keepContentsMonths: number | null) =>
  fresh.db.updateTable("workspace").set({ keepContentsMonths }).execute();

it("sent mail can be shown byte for byte for ever, unless the workspace keeps it for so many months", async () => {
  const [january, march] = [await sentOn("2026-01-31"), await sentOn("2026-03-01")];
  await keep(null);
  expect(await discardOldContents(fresh.db, at("2036-01-01"))).toEqual([]);
  expect(await bytesOf(fresh.db, january)).not.toBeNull();

  await keep(3);
  expect(await discardOldContents(fresh.db, at("2026-04-30"))).toEqual([]);
  expect(await discardOldContents(fresh.db, at("2026-05-01"))).toEqual(["message_contents_2026_01"]);
  expect(await bytesOf(fresh.db, january)).toBeNull();
  expect(await bytesOf(fresh.db, march)).not.toBeNull();
  const row = await fresh.db.selectFrom("messages").selectAll().where("id", "=", january).executeTakeFirstOrThrow();
  expect(row).toMatchObject({ state: "accepted", outcome: "accepted" });
});

it("a month that was given up can be written to again: a clock that was set back loses no mail", async () => {
  expect(await bytesOf(fresh.db, await sentOn("2026-01-15"))).not.toBeNull();
});

const monthsMade = async () => {
  const { rows } = await fresh.pool.query<{ name: string }>(
    "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'message_contents'::regclass",
  );
  return rows.map(({ name }) => name);
};

it("a month whose making was rolled back is not taken for made: its first mail leaves", async () => {
  const rolledBack = fresh.db.transaction().execute(async (tx) => {
    await openMonth(tx, at("2026-06-01"));
    throw new Error("rolled back");
  });
  await expect(rolledBack).rejects.toThrow("rolled back");
  expect(await monthsMade()).not.toContain("message_contents_2026_06");
  expect(await bytesOf(fresh.db, await sentOn("2026-06-15"))).not.toBeNull();
  expect(await monthsMade()).toContain("message_contents_2026_06");
});

it("a month that is gone while a process believes in it is made anew, and no mail of it is lost or sent twice", async () => {
  await sentOn("2026-07-01");
  // As when the database went back to a state from before the month.
  await fresh.pool.query("drop table message_contents_2026_07");
  const sink = await startSink();
  try {
    const account = await small.account(sink.port);
    const sender = await small.sender({ emailAccountId: account.id });
    const campaign = await small.campaign([{ day: 0 }, { day: 0, subject: "Again" }]);
    const person = await small.person();
    const id = await small.start(campaign.id, person.id, at("2026-07-02"), { senderId: sender.id });
    const delivery = small.delivery();
    await delivery.runUntilIdle(at("2026-07-02"));
    await delivery.drain(0);
    expect((await small.messages(id)).map(({ state, attempts }) => [state, attempts])).toEqual([
      ["accepted", 1],
      ["accepted", 1],
    ]);
    expect(sink.messages).toHaveLength(2);
  } finally {
    await sink.close();
  }
});

it("a month with a mail in doubt is kept: it may have to leave again with the same bytes", async () => {
  const sink = await startSink({ recipient: () => "drop-body" });
  try {
    const account = await small.account(sink.port, { holdUnknown: true });
    const sender = await small.sender({ emailAccountId: account.id });
    const campaign = await small.campaign();
    const id = await small.start(campaign.id, (await small.person()).id, at("2026-02-10"), { senderId: sender.id });
    const delivery = small.delivery();
    await delivery.runUntilIdle(at("2026-02-10"));
    await delivery.drain(0);
    expect((await small.messages(id))[0]).toMatchObject({ state: "unknown", reason: "in-doubt", outcome: null });
    await keep(3);
    expect(await discardOldContents(fresh.db, at("2027-01-01"))).not.toContain("message_contents_2026_02");
    expect(await bytesOf(fresh.db, (await small.messages(id))[0]!.id)).not.toBeNull();
  } finally {
    await sink.close();
  }
});

it("a mail on its way touches no index but when it is planned and when it is done", async () => {
  const { rows } = await fresh.pool.query<{ name: string; definition: string }>(
    "select indexname as name, indexdef as definition from pg_indexes where tablename = 'messages'",
  );
  expect(rows.length).toBeGreaterThan(5);
  // An index that names one of these, in its columns or its condition, would cost every mail an entry in every index.
  expect(
    rows.filter(({ definition }) => /\b(?:state|attempts|address|message_id|first_attempt_at)\b/.test(definition)),
  ).toEqual([]);
});
