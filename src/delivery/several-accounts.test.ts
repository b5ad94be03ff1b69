import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { type Sink, type SinkOptions, startSink } from "../../test/smtp-sink.ts";
import { actor, at, seal, type World, world } from "../../test/world.ts";
import * as accounts from "../accounts/email-accounts.ts";
import type { NewSender } from "../accounts/senders.ts";

let fresh: FreshDatabase;
let small: World;
const open: (() => Promise<unknown>)[] = [];
const NOW = at("2026-03-01");

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("Example Ltd, 1 Example Street, Lisbon");
});
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});
afterAll(() => fresh.close());

function deliveryFor() {
  const delivery = small.delivery();
  open.unshift(() => delivery.drain(100));
  return delivery;
}

type How = {
  sinks?: readonly [SinkOptions, SinkOptions];
  first?: Partial<accounts.NewEmailAccount>;
  second?: Partial<accounts.NewEmailAccount>;
  sender?: Partial<NewSender>;
  weight?: number;
  days?: readonly number[];
};

/** A sender with two accounts, each with a server of its own, and so many people in one Campaign. */
async function scene(count: number, how: How = {}) {
  const { sinks = [{}, {}], first, second, sender: more, weight = 1, days = [0] } = how;
  const [one, two] = await Promise.all(sinks.map((options) => startSink(options)));
  open.push(
    () => one!.close(),
    () => two!.close(),
  );
  const [primary, other] = [await small.account(one!.port, first), await small.account(two!.port, second)];
  const sender = await small.sender({
    emailAccountId: primary.id,
    furtherAccounts: [{ emailAccountId: other.id, weight }],
    ...more,
  });
  const campaign = await small.campaign(days.map((day) => ({ day })));
  for (let index = 0; index < count; index++) {
    const person = await small.person({ email: `p${index}.${campaign.id}@example.org` });
    await small.start(campaign.id, person.id, NOW, { senderId: sender.id });
  }
  const messages = () =>
    fresh.db.selectFrom("messages").selectAll().where("campaignId", "=", campaign.id).orderBy("id").execute();
  return { one: one!, two: two!, primary, other, sender, campaign, messages };
}

const to = (sink: Sink) => sink.messages.map((message) => message.to);
const pause = (id: number, paused: boolean, now: Temporal.Instant) =>
  accounts.update(fresh.db, id, { paused }, seal, actor, null, now);

describe("in order", () => {
  it("everything leaves by the first account while it works", async () => {
    const { one, two } = await scene(10);
    await deliveryFor().runUntilIdle(NOW);
    expect([one.messages.length, two.messages.length]).toEqual([10, 0]);
  });

  it("a server that goes away in the middle of a run leaves the rest to the next one: each mail once", async () => {
    let taken = 0;
    const away: SinkOptions = {
      answer: (step) =>
        step === "body" && ++taken > 25
          ? undefined
          : (step === "greeting" || step === "MAIL") && taken >= 25
            ? { close: "rst" }
            : undefined,
    };
    const { one, two, messages } = await scene(60, { sinks: [away, {}] });
    await deliveryFor().runUntilIdle(NOW);
    const arrived = [...to(one), ...to(two)];
    expect(two.messages.length).toBeGreaterThan(20);
    expect(new Set(arrived).size).toBe(60);
    expect(arrived).toHaveLength(60);
    expect((await messages()).every(({ state }) => state === "accepted")).toBe(true);
  });

  it("what an account at its limit cannot take leaves by the next one", async () => {
    const { one, two } = await scene(12, { first: { maxPerDay: 5 } });
    await deliveryFor().runUntilIdle(NOW);
    expect([one.messages.length, two.messages.length]).toEqual([5, 7]);
  });

  it("an account paused by a person is passed over, and has its turn again when it is resumed", async () => {
    const { one, two, primary } = await scene(4, { days: [0, 3] });
    await pause(primary.id, true, NOW);
    await deliveryFor().runUntilIdle(NOW);
    expect([one.messages.length, two.messages.length]).toEqual([0, 4]);
    await pause(primary.id, false, NOW);
    await deliveryFor().runUntilIdle(NOW.add({ hours: 24 * 3 }));
    expect([one.messages.length, two.messages.length]).toEqual([4, 4]);
  });

  it("when none can send, everything waits and nothing fails", async () => {
    const { primary, other, messages } = await scene(3);
    await pause(primary.id, true, NOW);
    await pause(other.id, true, NOW);
    await deliveryFor().runUntilIdle(NOW);
    expect((await messages()).every(({ state }) => state === "planned")).toBe(true);
  });

  it("an account that has to send from its own address does so when it takes over", async () => {
    const { two } = await scene(1, {
      sinks: [{ answer: (step) => (step === "RCPT" ? "450 4.2.0 Later" : undefined) }, {}],
      second: { email: "second@example.net", forceAddress: true },
    });
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    const { rows } = await fresh.pool.query("select id, smtp_port from email_accounts order by id desc limit 2");
    await pause(rows[1].id, true, NOW);
    await delivery.runUntilIdle(NOW.add({ hours: 2 }));
    expect(two.messages).toMatchObject([{ from: "second@example.net" }]);
    expect(two.messages[0]!.data.toString()).toContain("<second@example.net>");
  });
});

describe("a mail in doubt", () => {
  it("is never moved: it waits for its account, and goes by it again with the same bytes", async () => {
    let down = false;
    let bodies = 0;
    const breaking: SinkOptions = {
      answer: (step) => {
        if (step === "body" && ++bodies === 1) return { close: "fin" };
        return down && step === "greeting" ? { close: "rst" } : undefined;
      },
    };
    const { one, two, messages, primary } = await scene(1, { sinks: [breaking, {}] });
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    expect(await messages()).toMatchObject([{ state: "deferred", reason: "in-doubt", emailAccountId: primary.id }]);
    down = true;
    // Everything else goes by the other one meanwhile.
    for (let hours = 1; hours < 5; hours++) await delivery.runUntilIdle(NOW.add({ hours }));
    expect([one.messages.length, two.messages.length]).toEqual([1, 0]);
    await pause(primary.id, true, NOW);
    await delivery.runUntilIdle(NOW.add({ hours: 6 }));
    expect(two.messages).toEqual([]);
    down = false;
    await pause(primary.id, false, NOW);
    await delivery.runUntilIdle(NOW.add({ hours: 8 }));
    expect(two.messages).toEqual([]);
    expect(one.messages).toHaveLength(2);
    expect(one.messages[1]!.data.equals(one.messages[0]!.data)).toBe(true);
    expect(await messages()).toMatchObject([{ state: "accepted", emailAccountId: primary.id }]);
  });
});

describe("in rotation", () => {
  const rotation = { accountChoice: "rotation" } as const;

  it("each account gets its share, and a person gets every mail by the same one", async () => {
    const { one, two } = await scene(60, { sender: rotation, weight: 2, days: [0, 2] });
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    const [first, second] = [new Set(to(one)), new Set(to(two))];
    expect(first.size + second.size).toBe(60);
    expect(first.size).toBeGreaterThan(8);
    expect(second.size).toBeGreaterThan(first.size);
    await delivery.runUntilIdle(NOW.add({ hours: 48 }));
    expect([new Set(to(one)), new Set(to(two))]).toEqual([first, second]);
    expect(one.messages.length + two.messages.length).toBe(120);
  });

  it("people of an account that cannot send go by the other, and come back to it afterwards", async () => {
    const { one, two, other } = await scene(20, { sender: rotation, days: [0, 2, 4] });
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    const second = new Set(to(two));
    expect(second.size).toBeGreaterThan(2);
    await pause(other.id, true, NOW);
    await delivery.runUntilIdle(NOW.add({ hours: 48 }));
    expect(two.messages.length).toBe(second.size);
    expect(one.messages.length + two.messages.length).toBe(40);
    await pause(other.id, false, NOW);
    await delivery.runUntilIdle(NOW.add({ hours: 96 }));
    expect(to(two).slice(second.size).toSorted()).toEqual([...second].toSorted());
  });
});
