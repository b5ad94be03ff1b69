import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink, type Sink } from "../../test/smtp-sink.ts";
import { actor, at, seal, silent, type World, world } from "../../test/world.ts";
import * as accounts from "../accounts/email-accounts.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { markBounced, markComplained } from "../delivery/delivery.ts";
import { resume } from "../publishing/pauses.ts";
import { guards } from "./guards.ts";
import * as store from "./store.ts";
import { tally } from "./tally.ts";

const START = at("2026-03-02");
const LATER = START.add({ minutes: 5 });
let fresh: FreshDatabase;
let here: World;
let sink: Sink;

beforeAll(async () => {
  fresh = await freshDatabase();
  here = world(fresh.db, fresh.database.batches);
  sink = await startSink({
    recipient: (to) => (to.startsWith("bad") ? "refuse" : to.startsWith("slow") ? "defer" : "accept"),
  });
  await here.postalAddress("Example Ltd");
});
afterAll(async () => {
  await sink.close();
  await fresh.close();
});

let count = 0;
/** A Campaign by an account of its own, sent to people at a domain. */
async function sentTo(names: readonly string[], domain: string, now = START) {
  const account = await here.account(sink.port, { isDefault: false });
  const sender = await here.sender({ emailAccountId: account.id });
  const campaign = await here.campaign();
  for (const name of names) {
    const person = await here.person({ email: `${name}${(count += 1)}@${domain}` });
    await here.start(campaign.id, person.id, now, { senderId: sender.id });
  }
  await here.delivery().runUntilIdle(now);
  const messages = await fresh.db.selectFrom("messages").selectAll().where("campaignId", "=", campaign.id).execute();
  return { account, campaign, messages };
}

const many = (name: string, length: number) => Array.from({ length }, () => name);
const inTx = (work: (tx: any) => Promise<void>) => fresh.db.transaction().execute(work);
const findings = async () =>
  (await store.findings(fresh.db)).map(({ kind, id, level, about }) => ({ kind, id, level, about }));
const span = { from: Temporal.PlainDate.from("2026-03-01"), to: Temporal.PlainDate.from("2026-03-03") };

describe("what became of mails", () => {
  it("is counted by recipient domain and day, each once, however often and by how many it is counted", async () => {
    const { messages } = await sentTo(["good", "good", "good", "bad", "slow"], "One.example");
    const accepted = messages.filter(({ state }) => state === "accepted");
    await inTx(async (tx) => {
      await markBounced(tx, accepted[0]!.id, "mailbox-full", START.add({ minutes: 1 }));
      await markComplained(tx, accepted[1]!.id, START.add({ minutes: 2 }));
    });
    await Promise.all([tally(fresh.db, LATER), tally(fresh.db, LATER), tally(fresh.db, LATER)]);
    await tally(fresh.db, LATER.add({ minutes: 1 }));
    const expected = { accepted: 3, deferred: 1, refused: 1, bounced: 1, complained: 1 };
    expect(await store.domains(fresh.db, span, 10)).toContainEqual({ domain: "one.example", ...expected });
    expect(await store.days(fresh.db, span, "ONE.example")).toMatchObject([
      { accepted: 0 },
      { day: Temporal.PlainDate.from("2026-03-02"), ...expected },
      { accepted: 0 },
    ]);
  });
});

describe("the guards", () => {
  it("pause an account and a Campaign at 5 % bounces, say why, and count anew once somebody has resumed them", async () => {
    const { account, campaign } = await sentTo(
      [...many("good", 94), ...many("bad", 6)],
      "two.example",
      LATER.add({ minutes: 30 }),
    );
    const found = LATER.add({ minutes: 40 });
    await tally(fresh.db, found);
    expect(await guards({ db: fresh.db, log: silent }, found)).toBe(2);
    expect(await findings()).toEqual(
      expect.arrayContaining([
        { kind: "account", id: account.id, level: "pause", about: "bounced" },
        { kind: "campaign", id: campaign.id, level: "pause", about: "bounced" },
      ]),
    );
    const paused = await accounts.get(fresh.db, account.id);
    expect(paused).toMatchObject({ resumesByHand: true });
    expect(paused.pausedReason).toBe("6.0 % of 100 mails came back within 7 days. Find out why, then resume it.");
    expect(await campaigns.get(fresh.db, campaign.id)).toMatchObject({
      pauseKind: "hold",
      pausedBy: "the guard of bounces and complaints",
    });
    expect(await guards({ db: fresh.db, log: silent }, found)).toBe(0);
    // Somebody mends it and goes on: the same bounces pause nothing again.
    const resumed = found.add({ hours: 2 });
    await accounts.update(fresh.db, account.id, { paused: false }, seal, actor, null, resumed);
    await resume(fresh.db, campaign.id, actor, resumed);
    expect(await guards({ db: fresh.db, log: silent }, resumed)).toBe(0);
    expect(await accounts.get(fresh.db, account.id)).toMatchObject({ pausedAt: null });
    expect(await findings()).not.toContainEqual(expect.objectContaining({ kind: "account", id: account.id }));
  });

  it("pause at three complaints of a hundred, warn at one, and leave a few mails alone", async () => {
    const now = at("2026-04-01");
    const angry = await sentTo(many("good", 100), "three.example", now);
    const one = await sentTo(many("good", 100), "four.example", now);
    const few = await sentTo(["bad", "bad", "good"], "five.example", now);
    await inTx(async (tx) => {
      for (const { id } of angry.messages.slice(0, 3)) await markComplained(tx, id, now.add({ minutes: 1 }));
      await markComplained(tx, one.messages[0]!.id, now.add({ minutes: 1 }));
    });
    await tally(fresh.db, now.add({ minutes: 10 }));
    await guards({ db: fresh.db, log: silent }, now.add({ minutes: 10 }));
    expect(await findings()).toEqual(
      expect.arrayContaining([
        { kind: "account", id: angry.account.id, level: "pause", about: "complained" },
        { kind: "account", id: one.account.id, level: "warn", about: "complained" },
      ]),
    );
    expect(await findings()).not.toContainEqual(expect.objectContaining({ id: few.campaign.id, kind: "campaign" }));
    expect(await accounts.get(fresh.db, one.account.id)).toMatchObject({ pausedAt: null });
    // A week later nothing of it counts.
    const later = now.add({ hours: 24 * 8 });
    await guards({ db: fresh.db, log: silent }, later);
    expect(await findings()).not.toContainEqual(expect.objectContaining({ id: one.account.id, kind: "account" }));
  });
});
