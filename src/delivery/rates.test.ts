import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { type Sink, type SinkOptions, startSink } from "../../test/smtp-sink.ts";
import { actor, at, seal, type World, world } from "../../test/world.ts";
import * as accounts from "../accounts/email-accounts.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { resume } from "../publishing/pauses.ts";
import * as recipientDomains from "./recipient-domains.ts";

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

/** People at these domains in one Campaign, all due now, and the server they are sent by. */
async function scene(
  domains: readonly string[],
  { sink: options = {}, account = {} }: { sink?: SinkOptions; account?: Partial<accounts.NewEmailAccount> } = {},
) {
  const sink: Sink = await startSink(options);
  open.push(() => sink.close());
  const made = await small.account(sink.port, account);
  const sender = await small.sender({ emailAccountId: made.id });
  const campaign = await small.campaign([{ day: 0 }]);
  for (const [index, domain] of domains.entries()) {
    const person = await small.person({ email: `p${index}.${campaign.id}@${domain}` });
    await small.start(campaign.id, person.id, NOW, { senderId: sender.id });
  }
  const messages = () =>
    fresh.db.selectFrom("messages").selectAll().where("campaignId", "=", campaign.id).orderBy("id").execute();
  return { sink, account: made, sender, campaign, messages };
}

const repeat = (count: number, domain: string) => Array.from({ length: count }, () => domain);

describe("limits of an email account", () => {
  it("two processes together send no more than its limit; the rest leaves in its turn, once", async () => {
    const { sink, messages } = await scene(repeat(30, "hour.example"), { account: { maxPerHour: 12, maxPerDay: 25 } });
    const both = [deliveryFor(), deliveryFor()];
    const run = (now: Temporal.Instant) => Promise.all(both.map((one) => one.runUntilIdle(now)));
    await run(NOW);
    expect(sink.messages).toHaveLength(12);
    const waiting = (await messages()).filter(({ state }) => state !== "accepted");
    expect(waiting).toHaveLength(18);
    expect(waiting.every(({ state, attempts }) => state === "planned" && attempts === 0)).toBe(true);
    await run(NOW.add({ minutes: 59 }));
    expect(sink.messages).toHaveLength(12);
    await run(NOW.add({ minutes: 62 }));
    expect(sink.messages).toHaveLength(24);
    await run(NOW.add({ hours: 3 }));
    expect(sink.messages).toHaveLength(25);
    await run(NOW.add({ hours: 25 }));
    expect(sink.messages).toHaveLength(30);
    expect(new Set(sink.messages.map(({ to }) => to)).size).toBe(30);
  });

  it("an account at its limit holds up no other", async () => {
    const slow = await scene(repeat(8, "slow.example"), { account: { maxPerDay: 3 } });
    const quick = await scene(repeat(8, "quick.example"));
    await deliveryFor().runUntilIdle(NOW);
    expect([slow.sink.messages.length, quick.sink.messages.length]).toEqual([3, 8]);
  });

  it("a new account begins with few and grows day by day", async () => {
    const { sink, account } = await scene(repeat(40, "ramp.example"));
    const ramp = { maxPerDay: 32, rampFromPerDay: 2, rampDays: 4 };
    await accounts.update(fresh.db, account.id, ramp, seal, actor, null, NOW);
    const delivery = deliveryFor();
    const total: number[] = [];
    for (let day = 0; day < 4; day += 1) {
      await delivery.runUntilIdle(NOW.add({ hours: 25 * day }));
      total.push(sink.messages.length);
    }
    expect(total).toEqual([2, 6, 14, 30]);
  });

  it("a ramp needs a limit to lead to", async () => {
    const { account } = await scene([]);
    const edit = accounts.update(fresh.db, account.id, { rampFromPerDay: 5 }, seal, actor, null, NOW);
    await expect(edit).rejects.toMatchObject({ code: "ramp-without-limit" });
  });
});

describe("recipient domains", () => {
  it("a domain's limit counts over all accounts and holds up no other domain", async () => {
    await recipientDomains.create(fresh.db, { domain: "Big.Example", maxPerMinute: 4 }, actor, NOW);
    const one = await scene([...repeat(6, "big.example"), ...repeat(3, "small.example")]);
    const two = await scene(repeat(6, "big.example"));
    const delivery = deliveryFor();
    const big = () => [...one.sink.messages, ...two.sink.messages].filter(({ to }) => to.endsWith("@big.example"));
    await delivery.runUntilIdle(NOW);
    expect(big()).toHaveLength(4);
    expect(one.sink.messages.filter(({ to }) => to.endsWith("@small.example"))).toHaveLength(3);
    await delivery.runUntilIdle(NOW.add({ seconds: 62 }));
    expect(big().length).toBeLessThanOrEqual(8);
    for (let minutes = 2; minutes < 20; minutes += 1) await delivery.runUntilIdle(NOW.add({ minutes, seconds: 5 }));
    expect(big()).toHaveLength(12);
  });

  it("one that says 421 rests alone, and gets its mail later; the account goes on", async () => {
    let patient = false;
    const { sink, account, messages } = await scene([...repeat(3, "busy.example"), ...repeat(3, "idle.example")], {
      sink: {
        answer: (step, argument) =>
          step === "RCPT" && argument.includes("@busy.example") && !patient
            ? "421 4.7.0 Too many, slow down"
            : undefined,
      },
    });
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    expect(sink.messages.map(({ to }) => to.split("@")[1])).toEqual(repeat(3, "idle.example"));
    expect((await accounts.get(fresh.db, account.id)).pausedAt).toBeNull();
    const row = (await recipientDomains.list(fresh.db, { limit: 100 })).find(
      ({ domain }) => domain === "busy.example",
    )!;
    expect(row.restsReason).toContain("slow down");
    expect(Temporal.Instant.compare(row.restsUntil!, NOW)).toBe(1);

    patient = true;
    for (const minutes of [20, 45, 90, 180]) await delivery.runUntilIdle(NOW.add({ minutes }));
    expect((await messages()).every(({ state }) => state === "accepted")).toBe(true);
  });

  it("its limits are changed and taken away, and a name that is none is refused", async () => {
    const { id } = await recipientDomains.create(fresh.db, { domain: "bücher.example", maxPerDay: 4 }, actor, NOW);
    expect(await recipientDomains.update(fresh.db, id, { maxPerDay: null, rests: false }, actor, NOW)).toMatchObject({
      domain: "xn--bcher-kva.example",
      maxPerDay: null,
    });
    await recipientDomains.remove(fresh.db, id, actor, NOW);
    await expect(recipientDomains.remove(fresh.db, id, actor, NOW)).rejects.toMatchObject({
      code: "recipient-domain-not-found",
    });
    await expect(recipientDomains.create(fresh.db, { domain: "no domain" }, actor, NOW)).rejects.toMatchObject({
      code: "domain-invalid",
    });
  });
});

describe("refusals as a matter of policy", () => {
  it("pause the account in plain words until a person resumes it, and suppress nobody", async () => {
    let blocked = true;
    const { sink, account, messages } = await scene(repeat(40, "policy.example"), {
      account: { connections: 1 },
      sink: {
        pipelining: false,
        answer: (step) => (step === "RCPT" && blocked ? "550 5.7.1 Blocked: poor reputation" : undefined),
      },
    });
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    const states = (await messages()).map(({ state }) => state);
    const refused = states.filter((state) => state === "refused").length;
    expect(refused).toBeGreaterThanOrEqual(5);
    expect(refused).toBeLessThan(15);
    expect(states.filter((state) => state === "planned").length).toBe(40 - refused);
    expect(await accounts.get(fresh.db, account.id)).toMatchObject({
      resumesByHand: true,
      pausedReason: expect.stringContaining("550 5.7.1 Blocked: poor reputation"),
    });
    const suppressed = await fresh.db.selectFrom("suppressions").select("id").execute();
    expect(suppressed).toEqual([]);

    blocked = false;
    await delivery.runUntilIdle(NOW.add({ hours: 5 }));
    expect(sink.messages).toHaveLength(0);
    await accounts.update(fresh.db, account.id, { paused: false }, seal, actor, null, NOW.add({ hours: 6 }));
    await delivery.runUntilIdle(NOW.add({ hours: 6 }));
    expect(sink.messages).toHaveLength(40 - refused);
  });

  it("of one Campaign's mail alone put that Campaign on hold, counted over two processes; the others of the account go on", async () => {
    let blocked = true;
    const good = await scene(repeat(30, "fine.example"), {
      sink: {
        pipelining: false,
        answer: (step, line) =>
          step === "RCPT" && blocked && line.includes("@content.example") ? "554 5.7.1 Looks like spam" : undefined,
      },
    });
    await deliveryFor().runUntilIdle(NOW);
    expect(good.sink.messages).toHaveLength(30);

    const campaign = await small.campaign([{ day: 0 }]);
    for (let index = 0; index < 40; index++) {
      const person = await small.person({ email: `c${index}@content.example` });
      await small.start(campaign.id, person.id, NOW, { senderId: good.sender.id });
    }
    // Each process sees fewer refusals than it takes.
    const both = [deliveryFor(), deliveryFor()];
    for (let turn = 0; turn < 12; turn++) {
      await both[turn % 2]!.planDue(NOW, 1);
      await both[turn % 2]!.sendDue(NOW);
    }
    const states = async () =>
      (await fresh.db.selectFrom("messages").select("state").where("campaignId", "=", campaign.id).execute()).map(
        ({ state }) => state,
      );
    const refused = (await states()).filter((state) => state === "refused").length;
    expect(refused).toBe(5);
    const held = await campaigns.get(fresh.db, campaign.id);
    expect(held).toMatchObject({ pauseKind: "hold", pausedBy: "the guard of refusals" });
    expect(held.pausedReason).toMatch(/refuse the mail of this Campaign.*554 5\.7\.1 Looks like spam/);
    expect(await accounts.get(fresh.db, good.account.id)).toMatchObject({ pausedAt: null, resumesByHand: false });
    expect(await fresh.db.selectFrom("suppressions").select("id").execute()).toEqual([]);

    blocked = false;
    await both[0]!.runUntilIdle(NOW.add({ hours: 1 }));
    expect(good.sink.messages).toHaveLength(30);
    await resume(fresh.db, campaign.id, actor, NOW.add({ hours: 2 }));
    expect(await campaigns.get(fresh.db, campaign.id)).toMatchObject({ pauseKind: null, pausedReason: null });
    await both[0]!.runUntilIdle(NOW.add({ hours: 2 }), { burstGuard: false });
    expect(good.sink.messages).toHaveLength(30 + 40 - refused);
  });
});
