import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink } from "../../test/smtp-sink.ts";
import { actor, at, type World, world } from "../../test/world.ts";
import { readings } from "./measure.ts";
import * as recipientDomains from "./recipient-domains.ts";

let fresh: FreshDatabase;
let small: World;
beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Street");
});
afterAll(() => fresh.close());

const LIMITS = { maxPerSecond: null, maxPerMinute: null, maxPerHour: null, maxPerDay: null };

/** What is read at this moment, each as `name{label=value}`. */
async function measured(now: Temporal.Instant): Promise<Record<string, number>> {
  const found = await readings(fresh.db, now);
  return Object.fromEntries(
    found.map(({ name, labels = {}, value }) => [
      `${name}{${Object.entries(labels)
        .map(([key, label]) => `${key}=${label}`)
        .join(",")}}`,
      value,
    ]),
  );
}

describe("what delivery measures", () => {
  it("O5 counts what is due, claimed, in DATA, held and paused, and says since when", async () => {
    const now = at("2026-02-02");
    const campaign = await small.campaign([{ day: 0 }]);
    const started: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      const { id } = await small.person();
      started.push(await small.start(campaign.id, id, now));
    }
    expect(await measured(now.add({ minutes: 7 }))).toMatchObject({
      "tidings_email_campaigns_due{}": 8,
      "tidings_oldest_due_seconds{}": 420,
      "tidings_messages{state=due}": 0,
      "tidings_workers{}": 0,
    });
    await small.delivery().planDue(now);
    const become = async (index: number, row: object) => {
      const set = { nextAttemptAt: null, ...row };
      await fresh.db.updateTable("messages").set(set).where("emailCampaignId", "=", started[index]!).execute();
    };
    await become(0, { state: "claimed", claimedBy: "one", claimedUntil: now.subtract({ seconds: 90 }) });
    await become(1, { state: "in_data", claimedBy: "one", claimedUntil: now.add({ seconds: 30 }) });
    await become(2, { state: "in_data", claimedBy: "two", claimedUntil: now.add({ seconds: 30 }) });
    await become(3, { state: "unknown", reason: "in-doubt" });
    await become(4, { state: "deferred", reason: "in-doubt", nextAttemptAt: now.add({ hours: 1 }) });
    await become(5, { state: "planned", reason: "paused" });
    expect(await measured(now)).toMatchObject({
      "tidings_email_campaigns_due{}": 0,
      "tidings_oldest_due_seconds{}": 0,
      "tidings_messages{state=due}": 2,
      "tidings_messages{state=claimed}": 1,
      "tidings_messages{state=in_data}": 2,
      "tidings_messages{state=unknown}": 1,
      "tidings_messages{state=in_doubt}": 1,
      "tidings_messages{state=paused}": 1,
      "tidings_workers{}": 2,
      "tidings_claims_overdue{}": 1,
      "tidings_oldest_overdue_claim_seconds{}": 90,
    });
    await fresh.pool.query("delete from messages");
  });

  it("tells how much of each limit is used up, of domains by class", async () => {
    const now = at("2026-02-03");
    const sink = await startSink({});
    const account = await small.account(sink.port, { maxPerHour: 100, maxPerDay: 1000, email: "us@example.com" });
    const { id: senderId } = await small.sender({ emailAccountId: account.id });
    for (const [domain, maxPerMinute] of [
      ["gmail.com", 50],
      ["one.example", 10],
      ["two.example", 4],
    ] as const)
      await recipientDomains.create(fresh.db, { domain, ...LIMITS, maxPerMinute }, actor, now);
    await recipientDomains.rest(fresh.db, { domain: "hotmail.com", until: now.add({ hours: 1 }), reason: "421" }, now);
    const campaign = await small.campaign([{ day: 0 }]);
    for (const domain of ["gmail.com", "one.example", "two.example"]) {
      const { id } = await small.person({ email: `ana@${domain}` });
      await small.start(campaign.id, id, now, { senderId });
    }
    const delivery = small.delivery();
    await delivery.runUntilIdle(now);
    await delivery.drain();
    await sink.close();
    expect(sink.messages).toHaveLength(3);
    const found = await measured(now.add({ seconds: 1 }));
    expect(found).toMatchObject({
      [`tidings_rate_limit{of=account:${account.id},window=hour}`]: 100,
      [`tidings_rate_used{of=account:${account.id},window=hour}`]: 3,
      [`tidings_rate_used{of=account:${account.id},window=day}`]: 3,
      "tidings_rate_limit{of=domain:gmail,window=minute}": 50,
      "tidings_rate_used{of=domain:gmail,window=minute}": 1,
      // Of the other two, the one that is fuller.
      "tidings_rate_limit{of=domain:other,window=minute}": 4,
      "tidings_recipient_domains_resting{domain=microsoft}": 1,
      "tidings_recipient_domains_resting{domain=other}": 0,
      "tidings_email_accounts{state=working}": 1,
    });
    expect(JSON.stringify(found)).not.toMatch(/one\.example|two\.example|hotmail/);
  });

  it("counts attempts by how they ended and by class of the recipient's domain", async () => {
    const now = at("2026-02-04");
    const verdicts: Record<string, "refuse" | "defer" | "accept"> = { "yahoo.fr": "refuse", "gmail.com": "defer" };
    const sink = await startSink({ recipient: (to) => verdicts[to.split("@")[1]!] ?? "accept" });
    const account = await small.account(sink.port, { email: "us@example.com" });
    const { id: senderId } = await small.sender({ emailAccountId: account.id });
    const campaign = await small.campaign([{ day: 0 }]);
    const addresses = [
      "a@yahoo.fr",
      "b@gmail.com",
      "c@gmail.com",
      "d@shop.example",
      "e@cafe.example",
      "f@gone.example",
    ];
    for (const email of addresses) {
      const { id } = await small.person({ email });
      await small.start(campaign.id, id, now, { senderId });
    }
    const metrics = new Registry();
    const delivery = small.delivery({ metrics });
    await delivery.planDue(now);
    await fresh.pool.query(
      "insert into suppressions (email_key, scope, reason, created_at) values ('f@gone.example', 'everything', 'manual', now())",
    );
    await delivery.runUntilIdle(now);
    await delivery.drain();
    await sink.close();
    const text = await metrics.metrics();
    const value = (series: string) =>
      Number(
        text
          .split("\n")
          .find((line) => line.startsWith(series))
          ?.split(" ")[1],
      );
    expect(value('tidings_deliveries_total{outcome="refused",domain="yahoo"}')).toBe(1);
    expect(value('tidings_deliveries_total{outcome="deferred",domain="gmail"}')).toBe(2);
    expect(value('tidings_deliveries_total{outcome="accepted",domain="other"}')).toBe(2);
    expect(value('tidings_deliveries_total{outcome="unknown",domain="other"}')).toBe(0);
    expect(value('tidings_withheld_total{reason="manual"}')).toBe(1);
    expect(value("tidings_relay_seconds_count")).toBe(5);
    expect(text).not.toContain("@");
  });
});
