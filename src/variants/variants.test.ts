/** The winner of variants: counted, decided once, recorded, given to whoever is planned afterwards, chosen and taken back by hand. Real PostgreSQL, the built-in mailbox. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at, type StepText, sendUntil, type World, world } from "../../test/world.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { recordEntry } from "../communications/communications.ts";
import type { Refusal } from "../core/problem.ts";
import { type Letter, variantFor } from "../core/variants.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import * as publishing from "../publishing/publishing.ts";
import { csvOf as engagementsCsv } from "../tracking/listing.ts";
import * as tracking from "../tracking/tracking.ts";
import { choose, csvOf, decideWinners, nextDecisionAt, ofCampaign, takeBack } from "./variants.ts";

const began = at("2026-12-01T10:00:00Z");
const later = at("2026-12-02T10:00:00Z");
const marta = { name: "Marta", role: "manager" as const, userId: null };
const RULE: NonNullable<StepText["winner"]> = {
  by: "clicked",
  afterSent: 20,
  afterDays: null,
  atLeast: 5,
  otherwise: "split",
};
const TRIED: StepText = { day: 0, subject: "A", others: [{ subject: "B" }], winner: RULE };
let fresh: FreshDatabase;
let small: World;
beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Street");
});
afterAll(() => fresh?.close());
beforeEach(() => fresh.db.updateTable("workspace").set({ trackOpens: true, trackClicks: true }).execute());

type Campaign = Awaited<ReturnType<World["campaign"]>>;
async function somebody(campaign: Campaign, letter: Letter) {
  for (;;) {
    const person = await small.person();
    if (variantFor(campaign.steps[0]!, person.id) === letter) return person;
  }
}

/** Sends to so many of each, of whom so many click, open and reply. */
async function tried(
  campaign: Campaign,
  of: Partial<Record<Letter, { people: number; click?: number; open?: number; reply?: number }>>,
  now = began,
) {
  const ids: Partial<Record<Letter, number[]>> = {};
  for (const [letter, { people }] of Object.entries(of) as [Letter, { people: number }][]) {
    ids[letter] = [];
    for (let count = 0; count < people; count += 1)
      ids[letter].push(await small.start(campaign.id, (await somebody(campaign, letter)).id, now));
  }
  await sendUntil(small.delivery(), now, now.add({ hours: 1 }));
  for (const [letter, { click = 0, open = 0, reply = 0 }] of Object.entries(of) as [
    Letter,
    { click?: number; open?: number; reply?: number },
  ][])
    for (const [index, id] of ids[letter]!.entries()) {
      const [message] = await small.messages(id);
      const seen = { messageId: message!.id, happenedAt: now.add({ hours: 1 }), automatic: false };
      if (index < click)
        await tracking.record(fresh.db, [{ ...seen, kind: "clicked", link: "https://example.com/" }], now);
      else if (index < click + open) await tracking.record(fresh.db, [{ ...seen, kind: "opened", link: null }], now);
      else await tracking.record(fresh.db, [{ ...seen, kind: "opened", link: null, automatic: true }], now);
      if (index < reply)
        await fresh.db.transaction().execute((tx) =>
          recordEntry(
            tx,
            {
              personId: message!.personId,
              emailCampaignId: id,
              kind: "reply",
              subject: "Yes",
              detail: { messageId: message!.id },
            },
            now,
          ),
        );
    }
  return ids as Record<Letter, number[]>;
}
const trial = async ({ id }: Campaign, now = later) => (await ofCampaign(fresh.db, id, "en", now))[0]!;
const next = async (campaign: Campaign, letter: Letter, now = later) => {
  const person = await somebody(campaign, letter);
  const id = await small.start(campaign.id, person.id, now);
  await sendUntil(small.delivery(), now, now.add({ hours: 1 }));
  return { id, subject: (await small.mailbox(person.email ?? "")).map(({ subject }) => subject).join() };
};

describe("a winner", () => {
  it("is decided once its numbers are there, recorded with its figures, and goes to whoever is planned afterwards", async () => {
    const campaign = await small.campaign([TRIED]);
    await tried(campaign, { A: { people: 10, click: 1, open: 2 }, B: { people: 9, click: 8 } });
    expect(await decideWinners(fresh.db, later)).toBe(0);
    expect(await trial(campaign)).toMatchObject({
      outcome: "too-early",
      winner: null,
      text: "It is too early for a winner by clicks.",
    });

    const planned = await somebody(campaign, "A");
    const waiting = await small.start(campaign.id, planned.id, later);
    await small.delivery().planDue(later);
    await tried(campaign, { B: { people: 1, click: 1 } });
    expect(await decideWinners(fresh.db, later)).toBe(1);
    expect(await decideWinners(fresh.db, later.add({ hours: 1 }))).toBe(0);
    const found = await trial(campaign);
    expect(found).toMatchObject({ outcome: "won", winner: "B", decidedBy: null, decidedAt: later });
    expect(found.text).toBe("Variant B has won by clicks. Whoever is planned from now on gets it.");
    const decisions = await fresh.db
      .selectFrom("variantDecisions")
      .selectAll()
      .where("stepId", "=", campaign.steps[0]!.id)
      .execute();
    expect(decisions).toMatchObject([{ outcome: "won", winner: "B", rule: RULE }]);
    const counted = Object.fromEntries(decisions[0]!.figures.map((one) => [one.letter, one]));
    expect(counted["A"]).toMatchObject({ sent: 10, opened: 3, clicked: 1 });
    expect(counted["B"]).toMatchObject({ sent: 10, opened: 9, clicked: 9 });
    const { rows } = await fresh.pool.query(
      "select actor, after from audit_entries where action = 'decide-winner' order by id desc limit 1",
    );
    expect(rows).toMatchObject([{ actor: "the rule of its variants", after: { winner: "B" } }]);

    const csv = (await Array.fromAsync(engagementsCsv(fresh.db, { campaignId: campaign.id }))).join("");
    expect(["A", "B"].map((letter) => csv.split("\r\n").filter((line) => line.endsWith(`,${letter}`)).length)).toEqual([
      10, 10,
    ]);

    const one = await next(campaign, "A");
    expect(one.subject).toBe("B");
    expect((await small.mailbox(planned.email ?? "")).map(({ subject }) => subject)).toEqual(["A"]);
    expect((await small.messages(waiting))[0]).toMatchObject({ plannedVariant: "A", variant: "A" });
    const why = await emailCampaigns.explain(fresh.db, one.id, later);
    expect(why.steps[0]!.text).toContain("Variant B, which had won.");
  });

  it("no clear winner: it stays with the split, or everybody gets A, as its author said; and it is said in words", async () => {
    for (const otherwise of ["split", "A"] as const) {
      const campaign = await small.campaign([{ ...TRIED, winner: { ...RULE, otherwise } }]);
      await tried(campaign, { A: { people: 10, click: 4 }, B: { people: 10, click: 5 } });
      expect(await decideWinners(fresh.db, later)).toBe(1);
      const found = await trial(campaign);
      expect(found).toMatchObject({ outcome: "no-clear-winner", winner: otherwise === "A" ? "A" : null });
      expect(found.text).toContain(
        otherwise === "A" ? "Everybody gets variant A from now on." : "It stays with the split.",
      );
      expect((await next(campaign, "B")).subject).toBe(otherwise === "A" ? "A" : "B");
    }
  });

  it("is not looked for by what is not measured, and that is said", async () => {
    await fresh.db.updateTable("workspace").set({ trackOpens: false, trackClicks: false }).execute();
    const campaign = await small.campaign([TRIED]);
    await tried(campaign, { A: { people: 10 }, B: { people: 10 } });
    expect(await decideWinners(fresh.db, later)).toBe(0);
    const found = await trial(campaign);
    expect(found).toMatchObject({
      outcome: "not-measured",
      measured: { opened: false, clicked: false, replied: true },
    });
    expect(found.text).toContain("No winner can be found by clicks: they are not measured in this Campaign.");
  });

  it("by replies, after days, with nothing measured in mails", async () => {
    await fresh.db.updateTable("workspace").set({ trackOpens: false, trackClicks: false }).execute();
    const winner = { ...RULE, by: "replied" as const, afterSent: null, afterDays: 3 };
    const campaign = await small.campaign([{ ...TRIED, winner }, { day: 30 }], null, { stopOnReply: false });
    await tried(campaign, { A: { people: 8, reply: 7 }, B: { people: 8, reply: 1 } });
    const first = (await trial(campaign)).firstSentAt!;
    const over = first.add({ hours: 72 });
    expect(await nextDecisionAt(fresh.db, later, campaign.id)).toEqual(over);
    expect(await decideWinners(fresh.db, over.subtract({ seconds: 1 }), campaign.id)).toBe(0);
    expect(await decideWinners(fresh.db, over, campaign.id)).toBe(1);
    expect(await trial(campaign, over)).toMatchObject({ outcome: "won", winner: "A" });
    expect(await nextDecisionAt(fresh.db, over, campaign.id)).toBeNull();
  });

  it("two processes decide it once", async () => {
    const campaign = await small.campaign([TRIED]);
    await tried(campaign, { A: { people: 10, click: 1 }, B: { people: 10, click: 9 } });
    const both = await Promise.all([0, 1].map(() => decideWinners(fresh.db, later, campaign.id)));
    expect(both[0]! + both[1]!).toBe(1);
  });

  it("is chosen by hand, with a record of who and what there was to see, and taken back", async () => {
    const campaign = await small.campaign([{ ...TRIED, winner: null }]);
    const stepId = campaign.steps[0]!.id;
    await tried(campaign, { A: { people: 3, click: 1 }, B: { people: 2 } });
    expect(await trial(campaign)).toMatchObject({ outcome: "no-rule", winner: null });
    await choose(fresh.db, campaign.id, stepId, "B", marta, later);
    expect(await trial(campaign)).toMatchObject({
      outcome: "chosen",
      winner: "B",
      decidedBy: "Marta",
      text: "Marta chose variant B. Whoever is planned from then on gets it.",
    });
    const given = await next(campaign, "A");
    expect(given.subject).toBe("B");
    await choose(fresh.db, campaign.id, stepId, "A", marta, later);
    expect((await next(campaign, "B")).subject).toBe("A");
    await takeBack(fresh.db, campaign.id, stepId, marta, later);
    expect((await next(campaign, "B")).subject).toBe("B");
    const kept = await fresh.db
      .selectFrom("variantDecisions")
      .selectAll()
      .where("stepId", "=", stepId)
      .orderBy("id")
      .execute();
    expect(kept.map(({ outcome, winner, takenBackBy }) => [outcome, winner, takenBackBy])).toEqual([
      ["chosen", "B", "Marta"],
      ["chosen", "A", "Marta"],
    ]);
    expect(kept[0]!.figures).toMatchObject([
      { letter: "A", sent: 3, clicked: 1 },
      { letter: "B", sent: 2 },
    ]);
    const why = await emailCampaigns.explain(fresh.db, given.id, later);
    expect(why.steps[0]!.text, "what was so when it was planned").toContain("Variant B");
    const code = async (work: Promise<unknown>) => work.catch((error: Refusal) => error.code);
    expect(await code(takeBack(fresh.db, campaign.id, stepId, marta, later))).toBe("winner-not-found");
    expect(await code(choose(fresh.db, campaign.id, stepId, "D", marta, later))).toBe("variant-not-found");
  });

  it("holds for the templates it was about: another template is another trial, counted from nothing, and the way back is the way back", async () => {
    const campaign = await small.campaign([TRIED]);
    await tried(campaign, { A: { people: 10, click: 1 }, B: { people: 10, click: 9 } });
    await decideWinners(fresh.db, later);
    const [row] = publishing.contentOf(campaign).steps;
    const other = await small.template({ subject: "New B" });
    const varied = (emailTemplateId: number) => [
      { ...row!, variants: { ...row!.variants!, others: [{ letter: "B" as const, emailTemplateId, weight: 1 }] } },
    ];
    const set = (steps: ReturnType<typeof varied>) =>
      campaigns.setSteps(fresh.db, campaign.id, steps, actor, null, publishing.afterDirectEdit, later);
    await set(varied(other));
    const found = await trial(campaign);
    expect(found).toMatchObject({ outcome: "too-early", winner: null });
    expect(found.variants.map(({ letter, sent }) => [letter, sent])).toEqual([
      ["A", 10],
      ["B", 0],
    ]);
    expect((await next(campaign, "A")).subject).toBe("A");
    await set(varied(row!.variants!.others[0]!.emailTemplateId));
    expect(await trial(campaign)).toMatchObject({ outcome: "won", winner: "B" });
  });

  it("counts what became of each variant's mails, also as a CSV", async () => {
    const campaign = await small.campaign([{ ...TRIED, winner: null, weight: 3 }, { day: 9 }], null, {
      stopOnReply: false,
    });
    const ids = await tried(campaign, { A: { people: 4, click: 1, open: 2, reply: 2 }, B: { people: 2, open: 1 } });
    await fresh.db
      .transaction()
      .execute((tx) => emailCampaigns.end(tx, { ids: [ids.A[0]!] }, { event: "unsubscribe" }, later));
    // One of each is never measured: nobody knows whether they opened it.
    await fresh.db
      .updateTable("messages")
      .set({ measured: null })
      .where("emailCampaignId", "in", [ids.A.at(-1)!, ids.B.at(-1)!])
      .execute();
    const { variants } = await trial(campaign);
    expect(variants.map(({ opensMeasured, clicksMeasured }) => [opensMeasured, clicksMeasured])).toEqual([
      [3, 3],
      [1, 1],
    ]);
    expect(variants).toMatchObject([
      { letter: "A", share: 75, sent: 4, opened: 3, clicked: 1, replied: 2, unsubscribed: 1, isWinner: false },
      { letter: "B", share: 25, sent: 2, opened: 1, clicked: 0, replied: 0, unsubscribed: 0, isWinner: false },
    ]);
    const csv = await csvOf(fresh.db, campaign.id, "en", later);
    expect(csv.split("\r\n").slice(0, 3)).toEqual([
      expect.stringContaining(
        "Day,Variant,Template,Share,Sent,Opens measured,Clicks measured,Opened,Clicked,Replied,Unsubscribed,Winner,Standing",
      ),
      expect.stringMatching(/^0,A,Template \d+,75 %,4,3,3,3,1,2,1,"",/),
      expect.stringMatching(/^0,B,Template \d+,25 %,2,1,1,1,0,0,0,"",/),
    ]);
  });
});
