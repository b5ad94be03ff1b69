/** Front door: a Schedule is edited as a draft and published whole, with what it does to those on their way chosen by a person. */
import { sql } from "kysely";
import { workspace } from "../accounts/accounts.ts";
import { recordChange } from "../accounts/audit.ts";
import type { Acting } from "../accounts/ownership.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { refuse } from "../core/problem.ts";
import { differences } from "../core/schedule-diff.ts";
import type { Choice } from "../core/schedule-effects.ts";
import { spread } from "../core/schedule.ts";
import { variantsOf } from "../core/variants.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { refuseIfChanged } from "../http/etag.ts";
import { applied, type Change, compared } from "./compare.ts";
import { type Content, contentOf, contentOfRows } from "./content.ts";
import { add, impactOf, noImpact, told } from "./impact.ts";
import * as store from "./store.ts";

export { applied as applyContent, undone } from "./compare.ts";
export { contentOf } from "./content.ts";
export { versionsOf } from "./store.ts";

type Campaign = Awaited<ReturnType<typeof campaigns.get>>;

/** What is published, the draft if there is one, and what it would change. */
export async function draftOf(db: Db, campaignId: number) {
  const campaign = await campaigns.get(db, campaignId);
  const draft = await store.findDraft(db, campaignId);
  const published = contentOf(campaign);
  const content = (draft?.content as Content | undefined) ?? published;
  return {
    campaignId,
    name: campaign.name,
    published,
    content,
    draft: draft
      ? {
          changedBy: draft.changedBy,
          approvalAskedBy: draft.approvalAskedBy,
          approvalAskedAt: draft.approvalAskedAt,
          approvedBy: draft.approvedBy,
          approvedAt: draft.approvedAt,
          /** Somebody published meanwhile: the draft was begun from another Schedule. */
          outdated: draft.base !== null && differences(draft.base, published).length > 0,
        }
      : null,
    differences: differences(published, content),
    templates: await templatesIn(db, published, content),
    approvalNeeded: await needsApproval(db, campaign),
    changedAt: draft?.changedAt ?? campaign.changedAt,
  };
}

/** The names of the templates that rows name, of whichever side. */
async function templatesIn(db: Db, ...contents: readonly Content[]) {
  const ids = contents.flatMap(({ steps }) =>
    steps.flatMap((step) => variantsOf(step).map(({ emailTemplateId }) => emailTemplateId)),
  );
  const names = await campaigns.namesOfTemplates(db, [...new Set(ids)]);
  return [...names].map(([id, name]) => ({ id, name }));
}

/** One version, what it said, and what putting it back would change. */
export async function versionOf(db: Db, campaignId: number, number: number) {
  const campaign = await campaigns.get(db, campaignId);
  const found =
    (await store.findVersion(db, campaignId, number)) ??
    refuse("version-not-found", `The Campaign “${campaign.name}” has no version ${number}.`);
  const { campaign: row, steps, ...rest } = found;
  const published = contentOf(campaign);
  const content = contentOfRows(row, steps, new Set(campaign.steps.map(({ id }) => id)));
  return {
    ...rest,
    content,
    differences: differences(published, content),
    templates: await templatesIn(db, published, content),
  };
}

const running = ({ emailCampaigns: counts }: Campaign) => counts.Scheduled + counts["In Progress"] + counts.Paused;

/** The workspace asks for a second person, and there are people on their way. */
async function needsApproval(db: Db, campaign: Campaign): Promise<boolean> {
  const { approvalBeforePublishing } = await workspace(db);
  return approvalBeforePublishing && running(campaign) > 0;
}

/**
 * Keeps an edit as the draft. Its steps must be the Campaign's or new, its templates must exist; nothing of what runs
 * changes. Refuses when somebody changed the draft since it was read.
 */
export function saveDraft(
  db: Db,
  campaignId: number,
  content: Content,
  actor: Acting,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const campaign = await locked(tx, campaignId);
    const before = await store.lockDraft(tx, campaignId);
    refuseIfChanged(unchangedSince, before?.changedAt ?? campaign.changedAt);
    const published = contentOf(campaign);
    const whole = { steps: content.steps, settings: { ...published.settings, ...content.settings } };
    // What could not be published is refused now: the change is made and taken back.
    await tried(tx, { campaignId, content: whole, choice: "everyone" }, now);
    await store.saveDraft(tx, campaignId, { content: whole, base: published }, actor.name, now);
    const change = { actor, action: "save-draft", subjectType: "campaign", subjectId: campaignId } as const;
    await recordChange(tx, { ...change, before: before?.content ?? null, after: whole }, now);
    return draftOf(tx, campaignId);
  });
}

async function tried(tx: Tx, change: Change, now: Temporal.Instant): Promise<void> {
  await sql`savepoint before_trying`.execute(tx);
  await applied(tx, change, now);
  await sql`rollback to savepoint before_trying`.execute(tx);
}

async function locked(tx: Tx, campaignId: number): Promise<Campaign> {
  await campaigns.lock(tx, campaignId);
  return campaigns.get(tx, campaignId);
}

async function lockedDraft(tx: Tx, campaignId: number): Promise<store.DraftRow> {
  return (
    (await store.lockDraft(tx, campaignId)) ??
    refuse("draft-not-found", "There is no draft of this Campaign: nothing was changed since it was published.")
  );
}

/** Throws the draft away. */
export function discardDraft(db: Db, campaignId: number, actor: Acting, now: Temporal.Instant): Promise<void> {
  return inTransaction(db, async (tx) => {
    await locked(tx, campaignId);
    const { content } = await lockedDraft(tx, campaignId);
    await store.discardDraft(tx, campaignId);
    const change = { actor, action: "discard-draft", subjectType: "campaign", subjectId: campaignId } as const;
    await recordChange(tx, { ...change, before: content }, now);
  });
}

/** Asks for a second person's approval of the draft as it is now. */
export function askApproval(
  db: Db,
  campaignId: number,
  actor: Acting,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    await locked(tx, campaignId);
    refuseIfChanged(unchangedSince, (await lockedDraft(tx, campaignId)).changedAt);
    const marks = { approvalAskedBy: actor.name, approvalAskedById: actor.userId ?? null, approvalAskedAt: now };
    await store.markDraft(tx, campaignId, { ...marks, approvedBy: null, approvedAt: null }, now);
    await recordChange(tx, { actor, action: "ask-approval", subjectType: "campaign", subjectId: campaignId }, now);
    return draftOf(tx, campaignId);
  });
}

/** Approves the draft as it is now; nobody approves what they asked for themselves. */
export function approve(
  db: Db,
  campaignId: number,
  actor: Acting,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    await locked(tx, campaignId);
    const draft = await lockedDraft(tx, campaignId);
    refuseIfChanged(unchangedSince, draft.changedAt);
    if (!draft.approvalAskedAt) refuse("approval-not-asked", "Nobody asked for an approval of this draft.");
    if (draft.approvalAskedBy === actor.name || draft.changedBy === actor.name)
      refuse("approval-by-another", "Somebody else has to approve what you asked for or wrote.");
    await store.markDraft(tx, campaignId, { approvedBy: actor.name, approvedAt: now }, now);
    const change = { actor, action: "approve", subjectType: "campaign", subjectId: campaignId } as const;
    await recordChange(tx, { ...change, after: draft.content }, now);
    return draftOf(tx, campaignId);
  });
}

/** What publishing the draft, or this content instead of it, would do. */
export async function impact(
  db: Db,
  campaignId: number,
  { content, choice }: { readonly content?: Content; readonly choice: Choice },
  now: Temporal.Instant,
) {
  const change = await changeOf(db, campaignId, choice, content);
  const campaign = await campaigns.get(db, campaignId);
  const { burstGuard } = await workspace(db);
  const found = told(await impactOf(db, change, now), change, campaign.steps);
  return { ...found, confirmationNeeded: found.dueNowByChange > burstGuard, burstGuard };
}

/** The change that publishing the draft would make; content that is given stands in for the draft. */
export async function changeOf(db: Db, campaignId: number, choice: Choice, content?: Content): Promise<Change> {
  const found = content ?? ((await store.findDraft(db, campaignId))?.content as Content | undefined);
  const published = contentOf(await campaigns.get(db, campaignId));
  if (!found) return { campaignId, content: published, choice };
  return {
    campaignId,
    content: { steps: found.steps, settings: { ...published.settings, ...found.settings } },
    choice,
  };
}

export type Publication = {
  readonly choice: Choice;
  /** How many mails that leave at once were agreed to; asked for above the burst guard. */
  readonly confirmedDueNow?: number | null | undefined;
  /** Spreads what would leave at once: so many an hour. */
  readonly perHour?: number | null | undefined;
};

/**
 * Publishes the draft in one transaction: the Schedule changes, those on their way follow as chosen, and both stand or
 * neither. The past is never run again, and nobody is left waiting for a step that went.
 */
export function publish(
  db: Db,
  campaignId: number,
  publication: Publication,
  actor: Acting,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const campaign = await locked(tx, campaignId);
    const draft = await lockedDraft(tx, campaignId);
    refuseIfChanged(unchangedSince, draft.changedAt);
    if (differences(draft.base, contentOf(campaign)).length > 0)
      refuse(
        "draft-outdated",
        "Somebody changed the published Schedule since this draft was begun. Look at both, and save the draft again.",
      );
    if ((await needsApproval(tx, campaign)) && !draft.approvedAt)
      refuse("approval-needed", "This workspace asks for a second person's approval before a change is published.");
    return publishContent(
      tx,
      { campaignId, content: draft.content as Content, choice: publication.choice },
      publication,
      actor,
      now,
    );
  });
}

/** Publishes content without a draft, in the caller's transaction. */
export async function publishContent(
  tx: Tx,
  change: Change,
  { confirmedDueNow, perHour }: Omit<Publication, "choice">,
  actor: Acting,
  now: Temporal.Instant,
) {
  const { campaignId, content, choice } = change;
  const campaign = await locked(tx, campaignId);
  const published = campaign.steps;
  const total = noImpact(content.steps.length);
  const dueNow: number[] = [];
  const evergreen: { id: number; row: number }[] = [];
  for await (const some of compared(tx, change, now))
    for (const one of some) {
      add(total, one);
      if (one.mails.some((mail) => mail.effect === "due-now" && !mail.evergreen) && one.status !== "Paused")
        dueNow.push(one.id);
      for (const mail of one.mails) if (mail.evergreen) evergreen.push({ id: one.id, row: mail.row! });
    }
  const { burstGuard } = await workspace(tx);
  if (total.dueNowByChange > burstGuard && (confirmedDueNow ?? 0) < total.dueNowByChange)
    refuse(
      "burst-not-confirmed",
      `This makes ${total.dueNowByChange} mails due at once, more than the ${burstGuard} of the burst guard. Confirm the number, and spread them if that is too many.`,
      "/confirmedDueNow",
    );
  const before = await store.keepVersion(tx, campaignId, { publishedBy: actor.name, choice: null }, now);
  const after = await applied(tx, change, now, actor);
  const following = await FOLLOW[choice](tx, campaignId, before, now);
  await store.keepVersion(tx, campaignId, { publishedBy: actor.name, choice }, now);
  if (perHour && choice !== "new-only")
    await emailCampaigns.lookAt(
      tx,
      dueNow.map((id, index) => ({ id, at: spread(index, perHour, now) })),
    );
  const backfills = evergreen.map(({ id, row }, index) => ({
    emailCampaignId: id,
    stepId: after.steps[row]!.id,
    dueAt: spread(index, perHour ?? burstGuard, now),
  }));
  await store.addBackfills(tx, backfills, actor.name, now);
  await emailCampaigns.goOn(
    tx,
    backfills.map(({ emailCampaignId, dueAt }) => ({ id: emailCampaignId, at: dueAt })),
  );
  await store.discardDraft(tx, campaignId);
  const found = told(total, change, published);
  const { steps: _steps, removed: _removed, days: _days, ...totals } = found;
  await recordChange(
    tx,
    { actor, action: "publish", subjectType: "campaign", subjectId: campaignId, after: { ...totals, ...following } },
    now,
  );
  const burst = { confirmationNeeded: total.dueNowByChange > burstGuard, burstGuard };
  return { campaign: await campaigns.get(tx, campaignId), impact: { ...found, ...burst } };
}

type Follow = (tx: Tx, campaignId: number, before: number, now: Temporal.Instant) => Promise<object>;

/** What each choice does to those on their way. */
const FOLLOW: Readonly<Record<Choice, Follow>> = {
  everyone: async (tx, campaignId, _before, now) => {
    await emailCampaigns.followPublished(tx, campaignId);
    await emailCampaigns.reschedule(tx, campaignId, now);
    return {};
  },
  "new-only": async (tx, campaignId, before) => ({
    stay: await emailCampaigns.stayWith(tx, campaignId, before),
    scheduleVersionId: before,
  }),
  stop: async (tx, campaignId, _before, now) => {
    const stopped = await emailCampaigns.stopInProgress(tx, campaignId, now);
    await emailCampaigns.followPublished(tx, campaignId);
    await emailCampaigns.rescheduleRunning(tx, campaignId, now);
    return { stopped: stopped.length };
  },
};

/** What follows a direct edit: everybody who follows what is published goes by it, unless a second person has to see it. */
export async function afterDirectEdit(tx: Tx, campaignId: number, now: Temporal.Instant): Promise<void> {
  if (await needsApproval(tx, await campaigns.get(tx, campaignId)))
    refuse("approval-needed", "People are on their way: save the change as a draft and ask for approval.");
  await emailCampaigns.reschedule(tx, campaignId, now);
}
