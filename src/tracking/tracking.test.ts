import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { at, linkKeys, type World, world } from "../../test/world.ts";
import { neighboursOf } from "../neighbours.ts";
import { record, type Seen } from "./tracking.ts";

const START = at("2026-03-02");
const LATER = at("2026-03-02T11:00:00Z");
const LINK = "https://example.com/offer?a=1";
let fresh: FreshDatabase;
let here: World;

beforeAll(async () => {
  fresh = await freshDatabase();
  here = world(fresh.db, fresh.database.batches);
  await here.postalAddress("Example Ltd");
});
afterAll(() => fresh.close());

/** Somebody got a mail. */
async function reader() {
  const campaign = await here.campaign();
  const person = await here.person();
  const emailCampaignId = await here.start(campaign.id, person.id, START);
  await here.delivery().runUntilIdle(START);
  const [message] = await here.messages(emailCampaignId);
  return { campaign, person, emailCampaignId, message: message! };
}

const opened = (messageId: number, more: Partial<Seen> = {}): Seen => ({
  messageId,
  kind: "opened",
  link: null,
  happenedAt: LATER,
  automatic: false,
  ...more,
});
const engagementsOf = (personId: number) =>
  fresh.db.selectFrom("engagements").selectAll().where("personId", "=", personId).orderBy("id").execute();

describe("what is recorded", () => {
  it("says whom and what it is about by the message alone", async () => {
    const { campaign, person, emailCampaignId, message } = await reader();
    const clicked = opened(message.id, { kind: "clicked", link: LINK, automatic: true });
    await record(fresh.db, [opened(message.id), clicked, opened(987_654_321)], LATER);
    const about = {
      messageId: message.id,
      emailCampaignId,
      personId: person.id,
      campaignId: campaign.id,
      stepId: message.stepId,
    };
    expect(await engagementsOf(person.id)).toMatchObject([
      { ...about, kind: "opened", link: null, automatic: false, happenedAt: LATER },
      { ...about, kind: "clicked", link: LINK, automatic: true },
    ]);
  });

  it("moves with a merged person, and goes with an erased one, of whom nothing more is recorded", async () => {
    const hearing = neighboursOf({ keysFor: () => linkKeys } as never);
    const [one, other] = [await reader(), await reader()];
    await record(fresh.db, [opened(one.message.id), opened(other.message.id)], LATER);
    await fresh.db.transaction().execute(async (tx) => {
      const merged = { formerId: other.person.id, personId: one.person.id, stops: [] };
      await hearing.onMerge(tx, merged, LATER);
    });
    expect(await engagementsOf(one.person.id)).toHaveLength(2);
    await fresh.db.transaction().execute((tx) => hearing.onErase(tx, one.person.id, LATER));
    expect(await engagementsOf(one.person.id)).toEqual([]);
    expect(await record(fresh.db, [opened(one.message.id)], LATER)).toEqual([]);
  });
});
