/** Variants of a step from the split to the mail: who gets which, what stays, and why she got this one. Real PostgreSQL, the built-in mailbox. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at, type StepText, sendUntil, type World, world } from "../../test/world.ts";
import type { StepInput } from "../campaigns/api.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import * as communications from "../communications/communications.ts";
import type { Refusal } from "../core/problem.ts";
import { variantFor } from "../core/variants.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import * as publishing from "../publishing/publishing.ts";
import * as templates from "../templates/templates.ts";

const began = at("2026-12-01T10:00:00Z");
const TESTED: StepText = { day: 0, subject: "A", others: [{ subject: "B" }, { subject: "C" }] };
let fresh: FreshDatabase;
let small: World;
beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Street");
});
afterAll(() => fresh?.close());

type Campaign = Awaited<ReturnType<World["campaign"]>>;
/** Somebody who gets this variant of a step. */
async function somebody(step: Campaign["steps"][number], letter: string) {
  for (;;) {
    const person = await small.person();
    if (variantFor(step, person.id) === letter) return person;
  }
}
const plan = (now: Temporal.Instant) => small.delivery().planDue(now);
const send = (from: Temporal.Instant, until: Temporal.Instant) => sendUntil(small.delivery(), from, until);
const edited = ({ steps }: Campaign, change: (rows: StepInput[]) => StepInput[]) =>
  change(publishing.contentOf({ steps } as Campaign).steps);
const setSteps = (campaign: Campaign, rows: StepInput[], now: Temporal.Instant) =>
  campaigns.setSteps(fresh.db, campaign.id, rows, actor, null, publishing.afterDirectEdit, now);
const subjects = async (email: string | null) => (await small.mailbox(email ?? "")).map(({ subject }) => subject);
const whyOf = async (id: number, now: Temporal.Instant) =>
  (await emailCampaigns.explain(fresh.db, id, now)).steps.map(({ text }) => text);

describe("a step with variants", () => {
  it("everybody gets the variant the split has for them, recorded as planned and as sent, and again after a restart", async () => {
    const campaign = await small.campaign([TESTED]);
    const [step] = campaign.steps;
    const people = [];
    for (let count = 0; count < 24; count += 1) people.push(await small.person());
    const ids = [];
    for (const { id } of people) ids.push(await small.start(campaign.id, id, began));
    await send(began, at("2026-12-02"));
    const letters = people.map(({ id }) => variantFor(step!, id));
    expect(new Set(letters).size).toBe(3);
    for (const [index, person] of people.entries()) {
      expect(await subjects(person.email)).toEqual([letters[index]]);
      const [message] = await small.messages(ids[index]!);
      expect([message!.plannedVariant, message!.variant]).toEqual([letters[index], letters[index]]);
    }
    const again = await emailCampaigns.restart(fresh.db, ids[0]!, null, actor, at("2026-12-09"));
    await send(at("2026-12-09"), at("2026-12-10"));
    expect(await subjects(people[0]!.email)).toEqual([letters[0], letters[0]]);
    expect(again).not.toBe(ids[0]);
  });

  it("a plain step records no variant", async () => {
    const campaign = await small.campaign([{ day: 0 }]);
    const id = await small.start(campaign.id, (await small.person()).id, began);
    await send(began, at("2026-12-02"));
    expect(await small.messages(id)).toMatchObject([{ plannedVariant: null, variant: null, state: "accepted" }]);
  });

  it("what is planned stays what it is, whatever the weights are by the time it leaves; the next person goes by the new ones", async () => {
    const campaign = await small.campaign([TESTED]);
    const planned = await somebody(campaign.steps[0]!, "B");
    const later = await somebody(campaign.steps[0]!, "B");
    const id = await small.start(campaign.id, planned.id, began);
    await plan(began);
    const onlyC = edited(campaign, ([row]) => [
      {
        ...row!,
        variants: {
          weight: 0,
          others: row!.variants!.others.map((one) => ({ ...one, weight: one.letter === "C" ? 1 : 0 })),
          winner: null,
        },
      },
    ]);
    await setSteps(campaign, onlyC, began);
    await small.start(campaign.id, later.id, began);
    await send(began, at("2026-12-02"));
    expect(await subjects(planned.email)).toEqual(["B"]);
    expect(await subjects(later.email)).toEqual(["C"]);
    expect((await small.messages(id))[0]).toMatchObject({ plannedVariant: "B", variant: "B" });
  });

  it("a variant that is removed before its mail left: A leaves instead, and both are said", async () => {
    const campaign = await small.campaign([TESTED]);
    const person = await somebody(campaign.steps[0]!, "C");
    const id = await small.start(campaign.id, person.id, began);
    await plan(began);
    const without = edited(campaign, ([row]) => [
      {
        ...row!,
        variants: { ...row!.variants!, others: row!.variants!.others.filter(({ letter }) => letter === "B") },
      },
    ]);
    await setSteps(campaign, without, began);
    await send(began, at("2026-12-02"));
    expect(await subjects(person.email)).toEqual(["A"]);
    expect((await small.messages(id))[0]).toMatchObject({ plannedVariant: "C", variant: "A" });
    expect((await whyOf(id, at("2026-12-02")))[0]).toContain(
      "Variant A: variant C, as which it was planned, was removed before it left.",
    );
  });

  it("explanations, the steps of a person and the timeline say which one and why, before it leaves and after", async () => {
    const campaign = await small.campaign([
      { ...TESTED, weight: 2 },
      { ...TESTED, day: 3 },
    ]);
    const [first, second] = campaign.steps;
    const person = await somebody(first!, "B");
    const id = await small.start(campaign.id, person.id, began);
    const letter = variantFor(second!, person.id);
    expect(await whyOf(id, began)).toEqual([
      expect.stringContaining("Variant B, as the split has it (A 50 %, B 25 %, C 25 %)."),
      expect.stringContaining(`Variant ${letter}, as the split has it (A 33 %, B 33 %, C 33 %).`),
    ]);
    await send(began, at("2026-12-02"));
    expect((await whyOf(id, at("2026-12-02")))[0]).toMatch(/^Sent\..* Variant B, by the split\.$/);
    const { steps } = await emailCampaigns.get(fresh.db, id, at("2026-12-02"));
    expect(steps.map((one) => [one.variant, one.emailTemplateId])).toEqual([
      ["B", first!.variants!.others[0]!.emailTemplateId],
      [
        letter,
        letter === "A" ? second!.emailTemplateId : second!.variants!.others[letter === "B" ? 0 : 1]!.emailTemplateId,
      ],
    ]);
    const { data } = await communications.list(fresh.db, { emailCampaignId: id, limit: 10 });
    expect(data).toMatchObject([
      { subject: "B", variant: "B", template: { id: first!.variants!.others[0]!.emailTemplateId } },
    ]);
    const german = await emailCampaigns.explain(fresh.db, id, at("2026-12-02"), "de");
    expect(german.steps[0]!.text).toContain("Variante B, nach der Aufteilung.");
  });

  it("whoever stays with an older version keeps its variants; who follows gets the new ones", async () => {
    const campaign = await small.campaign([TESTED]);
    const stays = await somebody(campaign.steps[0]!, "B");
    const id = await small.start(campaign.id, stays.id, began, { startOn: "2026-12-05" });
    const other = await small.template({ subject: "B of today" });
    const steps = edited(campaign, ([row]) => [
      {
        ...row!,
        variants: {
          ...row!.variants!,
          others: row!.variants!.others.map((one) => (one.letter === "B" ? { ...one, emailTemplateId: other } : one)),
        },
      },
    ]) as Parameters<typeof publishing.saveDraft>[2]["steps"];
    const { differences } = await publishing.saveDraft(
      fresh.db,
      campaign.id,
      { steps, settings: {} },
      actor,
      null,
      began,
    );
    expect(differences).toMatchObject([{ kind: "step-changed", field: "variants" }]);
    await publishing.publish(fresh.db, campaign.id, { choice: "new-only" }, actor, null, began);
    const follows = await somebody(campaign.steps[0]!, "B");
    await small.start(campaign.id, follows.id, began, { startOn: "2026-12-05" });
    await send(began, at("2026-12-06"));
    expect(await subjects(stays.email)).toEqual(["B"]);
    expect(await subjects(follows.email)).toEqual(["B of today"]);
    expect(await small.status(id)).toMatchObject({ status: "Completed" });
    const versions = await publishing.versionsOf(fresh.db, campaign.id);
    const before = await publishing.versionOf(fresh.db, campaign.id, versions.at(-1)!.number);
    expect(before.content.steps[0]!.variants).toEqual(campaign.steps[0]!.variants);
  });

  it("the impact of an edit is that of each person's variant: who would get another template, and who the same", async () => {
    const campaign = await small.campaign([{ ...TESTED, day: 4 }]);
    for (const letter of ["A", "B", "B", "C"])
      await small.start(campaign.id, (await somebody(campaign.steps[0]!, letter)).id, began);
    const other = await small.template({ subject: "Another B" });
    const steps = edited(campaign, ([row]) => [
      {
        ...row!,
        variants: {
          ...row!.variants!,
          others: row!.variants!.others.map((one) => (one.letter === "B" ? { ...one, emailTemplateId: other } : one)),
        },
      },
    ]) as Parameters<typeof publishing.saveDraft>[2]["steps"];
    await publishing.saveDraft(fresh.db, campaign.id, { steps, settings: {} }, actor, null, began);
    const { effects } = await publishing.impact(fresh.db, campaign.id, { choice: "everyone" }, began);
    expect(effects).toMatchObject({ "other-template": 2, unchanged: 2 });
    const draft = await publishing.draftOf(fresh.db, campaign.id);
    expect(draft.templates.map(({ id }) => id)).toContain(other);
  });

  it("a template that a variant uses cannot be deleted, and a variant cannot name one that is not there", async () => {
    const campaign = await small.campaign([TESTED]);
    const used = campaign.steps[0]!.variants!.others[1]!.emailTemplateId;
    const refused = await templates.remove(fresh.db, used, actor, began).catch((error: Refusal) => error.code);
    expect(refused).toBe("email-template-in-use");
    const nowhere = edited(campaign, ([row]) => [
      { ...row!, variants: { ...row!.variants!, others: [{ letter: "B", emailTemplateId: 999_999, weight: 1 }] } },
    ]);
    const problem = (await setSteps(campaign, nowhere, began).catch((error: Refusal) => error)) as Refusal;
    expect([problem.code, problem.faults[0]?.pointer]).toEqual([
      "email-template-not-found",
      "/steps/0/variants/others/0/emailTemplateId",
    ]);
  });
});
