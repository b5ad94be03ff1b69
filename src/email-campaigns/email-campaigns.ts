/** Front door: Email Campaigns. Their status follows from the transition table; nobody writes one by hand (E34). */
import { sql } from "kysely";
import { senderFor, workspace } from "../accounts/accounts.ts";
import { difference, recordChange } from "../accounts/audit.ts";
import { nameIn, startedInWords } from "../core/automatic-start.ts";
import type { Condition } from "../core/conditions.ts";
import { type Action, type Event, actionsFor, after } from "../core/email-campaign.ts";
import { type StepMessage, explain as explainSteps, findingInWords } from "../core/explain.ts";
import { refuse } from "../core/problem.ts";
import { dueAt, endOn, inOrderFor, localDay, startsAt } from "../core/schedule.ts";
import type { Language, Voice } from "../core/timing-words.ts";
import { type Db, type Tx, inTransaction } from "../db/database.ts";
import type { StopReason } from "../db/tables.ts";
import { refuseIfChanged } from "../http/etag.ts";
import { announce } from "./due.ts";
import { namesIn } from "./condition-names.ts";
import { conditionsOf, factsOf } from "./facts.ts";
import { type Found, findingsOf } from "./findings.ts";
import { ledgerOf } from "./frequency.ts";
import { type Starter, refusePast, start } from "./start.ts";
import * as store from "./store.ts";
import { decidedFor, templatesFor } from "./variants.ts";

export { type Advance, advance, afterResults, claimDue, nextDueAt } from "./due.ts";
export { namesIn } from "./condition-names.ts";
export { conditionInSql } from "./condition-sql.ts";
export { type WithFacts, factsOf, zoneOr } from "./facts.ts";
export { type Found, keepFindings, keepFindingsNow } from "./findings.ts";
export {
  concerned,
  followPublished,
  goOn,
  lookAt,
  reschedule,
  rescheduleRunning,
  restCampaign,
  shift,
  stayWith,
  stopInProgress,
  wakeCampaign,
} from "./following.ts";
export { numbersMeant } from "./numbers.ts";
export { type Capped, type Ledger, ledgerOf, lockForCap } from "./frequency.ts";
export { handleFacts, wakeAsking } from "./pending-facts.ts";
export {
  type ByRule,
  NOT_STARTED_TEXT,
  preview,
  start,
  startByRule,
  startMany,
  type Started,
  type Starter,
} from "./start.ts";
export { list, sortValue } from "./store.ts";

type Reference = string | number;

/** An Email Campaign with each step: when it is due, what became of it and why. */
export async function get(db: Db, reference: Reference, now: Temporal.Instant, language: Language = "en") {
  const row = await store.get(db, reference);
  const { facts, campaignPaused } = await factsWithCap(db, row.id, now);
  const findings = await findingsOf(db, row.id);
  const known = await messagesOf(db, row.id, findings);
  const voice = await voiceOf(db, row, language, [
    ...conditionsOf(facts),
    ...findings.map(({ condition }) => condition),
  ]);
  const explained = new Map(
    explainSteps(facts, { ...row, campaignPaused }, known, now, voice).map((one) => [one.stepId, one]),
  );
  const shown = await templatesFor(db, row.campaignId, row.personId);
  const steps = inOrderFor(facts).map((step) => {
    const message = known.find((candidate) => candidate.stepId === step.id);
    const explanation = explained.get(step.id);
    return {
      stepId: step.id,
      sendAfterDays: step.sendAfterDays,
      ...shown(step, message),
      dueAt: dueAt(facts.startOn, step, facts.rules, facts.createdAt),
      state: message?.state ?? "ahead",
      code: explanation?.code ?? "scheduled",
      reason: explanation?.text ?? "",
      messageId: message?.messageId ?? null,
      sentAt: message?.state === "accepted" ? message.at : null,
    };
  });
  const startedBy = row.startedBy && { ...row.startedBy, name: nameIn(row.startedBy, language) };
  return { ...row, startedBy, timeZone: facts.rules.timeZone, actions: actionsFor(row.status), steps };
}

/** For every step: why it was or was not sent, and what comes next; from the code that decides. */
export async function explain(db: Db, reference: Reference, now: Temporal.Instant, language: Language = "en") {
  const row = await store.get(db, reference);
  const { facts, campaignPaused } = await factsWithCap(db, row.id, now);
  const findings = await findingsOf(db, row.id);
  const voice = await voiceOf(db, row, language, [
    ...conditionsOf(facts),
    ...findings.map(({ condition }) => condition),
  ]);
  const messages = await messagesOf(db, row.id, findings);
  const explained = explainSteps(facts, { ...row, campaignPaused }, messages, now, voice);
  const ending = row.status === "Stopped" ? findings.find(({ asked }) => asked !== "only-if") : undefined;
  const days = new Map(facts.steps.map((step) => [step.id, step.sendAfterDays]));
  const stopped = row.stopReason ? ` (${row.stopReason})` : "";
  return {
    id: row.id,
    number: row.number,
    status: row.status,
    text: `${row.campaign} for ${row.person}, from ${row.startOn.toString()} to ${row.endOn.toString()}: ${row.status}${stopped}.${ending ? findingInWords(ending, voice) : ""}${row.startedBy ? ` ${startedInWords(row.startedBy, localDay(row.createdAt, facts.rules.timeZone), voice.person, language)}` : ""}`,
    steps: explained.map((step) => ({ ...step, sendAfterDays: days.get(step.stepId) ?? 0 })),
  };
}

/** The facts of one, with the moment until which the frequency cap holds its next mail. */
async function factsWithCap(db: Db, id: number, now: Temporal.Instant) {
  const known = (await factsOf(db, [id]))[0]!;
  const capFreeAt = (await ledgerOf(db, [known], now)).freeAt(known);
  return { ...known, facts: { ...known.facts, capFreeAt } };
}

/** Whose time is spoken of, and in which language. */
async function voiceOf(
  db: Db,
  { id, person }: store.EmailCampaignRow,
  language: Language,
  conditions: readonly Condition[],
): Promise<Voice> {
  const { rows } = await sql<{ firstName: string | null; ownClock: boolean }>`
    select people.first_name,
      people.time_zone is not null and campaigns.timing ->> 'clock' is distinct from 'workspace' as own_clock
    from email_campaigns
      join people on people.id = email_campaigns.person_id
      join campaigns on campaigns.id = email_campaigns.campaign_id
    where email_campaigns.id = ${id}`.execute(db);
  const names = await namesIn(db, conditions);
  return { language, person: rows[0]?.firstName ?? person, ownClock: rows[0]?.ownClock ?? false, names };
}

async function messagesOf(
  db: Db,
  id: number,
  findings: readonly Found[],
): Promise<(StepMessage & { messageId: number })[]> {
  const rows = await db
    .selectFrom("messages")
    .select(["id", "stepId", "state", "reason", "plannedAt", "finishedAt", "nextAttemptAt", "replyCode", "replyText"])
    .select(["plannedVariant", "variant"])
    .where("emailCampaignId", "=", id)
    .execute();
  const decided = await decidedFor(db, rows);
  return rows.map((row) => ({
    messageId: row.id,
    stepId: row.stepId,
    state: row.state,
    reason: row.reason,
    at: row.finishedAt ?? row.plannedAt,
    nextAttemptAt: row.nextAttemptAt,
    reply: row.replyCode === null ? null : `${row.replyCode} ${row.replyText ?? ""}`.trim(),
    finding: findings.find(({ stepId, asked }) => stepId === row.stepId && asked === "only-if") ?? null,
    variant: row.plannedVariant && {
      letter: row.variant ?? row.plannedVariant,
      planned: row.plannedVariant,
      decided: decided.get(row.id) ?? null,
    },
  }));
}

/** Holds everything back until it is resumed; a mail under way to the server is not called back. */
export function pause(db: Db, reference: Reference, actor: Starter, now: Temporal.Instant) {
  return change(db, reference, "pause", actor, now, () => ({ nextDueAt: null }));
}

/** Goes on where it was; what became due meanwhile catches up, at most one email a day. */
export function resume(db: Db, reference: Reference, actor: Starter, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const { facts } = (await factsOf(tx, [(await store.lock(tx, reference)).id]))[0]!;
    const ahead = Temporal.Instant.compare(startsAt(facts.startOn, facts.rules), now) > 0;
    return change(tx, reference, ahead ? "resume-ahead" : "resume", actor, now, () => ({ nextDueAt: now }));
  });
}

/** Ends it for good; what was sent stays on the record. */
export function cancel(db: Db, reference: Reference, actor: Starter, now: Temporal.Instant) {
  return change(db, reference, "cancel", actor, now, () => ({
    nextDueAt: null,
    stopReason: "cancelled",
    finishedAt: now,
  }));
}

async function change(
  db: Db,
  reference: Reference,
  event: Event,
  actor: Starter,
  now: Temporal.Instant,
  also: () => Parameters<typeof store.save>[2],
) {
  return inTransaction(db, async (tx) => {
    const found = await store.lock(tx, reference);
    const status = after(found.status, event) ?? refuseEvent(found.number, found.status, event);
    await store.save(tx, found.id, { status, ...also() }, now);
    await recordChange(
      tx,
      {
        actor,
        action: event === "resume-ahead" ? "resume" : event,
        subjectType: "email-campaign",
        subjectId: found.id,
        before: { status: found.status },
        after: { status },
      },
      now,
    );
    await announce(tx);
    return get(tx, found.id, now);
  });
}

function refuseEvent(number: string, status: store.EmailCampaignRow["status"], event: Event | Action): never {
  const verbs: Partial<Record<Event | Action, string>> = {
    pause: "paused",
    resume: "resumed",
    cancel: "cancelled",
    move: "moved",
    restart: "restarted",
  };
  return refuse("email-campaign-not-active", `${number} is ${status}, so it cannot be ${verbs[event] ?? event}.`);
}

/** Moves the start, to today or later and only while nothing was sent (E19), or changes the sender of what lies ahead. */
export function update(
  db: Db,
  reference: Reference,
  edit: { startOn?: string; senderId?: number | null },
  actor: Starter,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const found = await store.lock(tx, reference);
    refuseIfChanged(unchangedSince, found.changedAt);
    const startOn = edit.startOn === undefined ? found.startOn : Temporal.PlainDate.from(edit.startOn);
    const senderId =
      edit.senderId === undefined || edit.senderId === found.senderId
        ? found.senderId
        : ((await senderFor(tx, { senderId: edit.senderId }))?.id ?? null);
    const changes = difference({ startOn: found.startOn, senderId: found.senderId }, { startOn, senderId });
    if (!changes) return get(tx, found.id, now);
    const moves = startOn.equals(found.startOn) ? {} : await movedTo(tx, found, startOn, now);
    await store.save(tx, found.id, { ...moves, senderId }, now);
    await recordChange(
      tx,
      { actor, action: "update", subjectType: "email-campaign", subjectId: found.id, ...changes },
      now,
    );
    await announce(tx);
    return get(tx, found.id, now);
  });
}

async function movedTo(tx: Tx, found: store.EmailCampaignRow, startOn: Temporal.PlainDate, now: Temporal.Instant) {
  const status = after(found.status, "move") ?? refuseEvent(found.number, found.status, "move");
  if (await store.hasMessages(tx, found.id))
    refuse("email-campaign-begun", "The first email has left; the start cannot be moved any more.", "/startOn");
  refusePast(startOn, localDay(now, (await workspace(tx)).timeZone));
  const { facts } = (await factsOf(tx, [found.id]))[0]!;
  return { status, startOn, endOn: endOn(startOn, facts.steps, facts.rules), nextDueAt: now };
}

/** Starts again from the beginning as a new Email Campaign; not after an opt-out, which only the person takes back (E27). */
export function restart(db: Db, reference: Reference, startOn: string | null, actor: Starter, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const found = await store.lock(tx, reference);
    if (!actionsFor(found.status).includes("restart")) refuseEvent(found.number, found.status, "restart");
    const { campaignId, personId, senderId, emailCampaignFor } = found;
    const input = { campaignId, personId, senderId, emailCampaignFor, startOn, restartedFromId: found.id };
    return get(tx, await start(tx, input, actor, now), now);
  });
}

/** Why Email Campaigns end by themselves: the person opted out, or something stops them. */
export type Ending = { readonly event: "unsubscribe" } | { readonly event: "stop"; readonly reason: StopReason };

/**
 * Ends all that is concerned, in the caller's transaction. What is planned but not handed over never leaves: the sender
 * looks at the status before each mail.
 * @returns what was ended; nothing when neither people nor ids are named.
 */
export function end(tx: Tx, concerned: store.Concerned, ending: Ending, now: Temporal.Instant) {
  return store.end(tx, concerned, ending.event, ending.event === "stop" ? ending.reason : null, now);
}

/** The person is away: no further step leaves before that day. A later day counts, an earlier one changes nothing. */
export async function waitUntil(tx: Tx, id: number, on: Temporal.PlainDate, now: Temporal.Instant): Promise<void> {
  await store.waitUntil(tx, id, on, now);
  await announce(tx);
}

/** What waits for these people is looked at again: their calendar is another. */
export async function wakePeople(tx: Tx, personIds: readonly number[], now: Temporal.Instant): Promise<void> {
  await store.wakePeople(tx, personIds, now);
  await announce(tx);
}

/** The same where a date in a field or the person's country has a say. */
export async function wakeWaiting(tx: Tx, personIds: readonly number[], now: Temporal.Instant): Promise<void> {
  if (await store.wakeWaiting(tx, personIds, now)) await announce(tx);
}

/** After the workspace's calendar changed: whatever runs is looked at again, in one statement. */
export async function wakeAll(tx: Tx, now: Temporal.Instant): Promise<void> {
  await store.wakeAll(tx, now);
  await announce(tx);
}

/** Gives one person's Email Campaigns to another; those named stop first, as cancelled: the other has them already. */
export async function movePerson(
  tx: Tx,
  { formerId, personId, stops }: { formerId: number; personId: number; stops: readonly number[] },
  now: Temporal.Instant,
): Promise<void> {
  await end(tx, { ids: stops }, { event: "stop", reason: "cancelled" }, now);
  await store.movePerson(tx, formerId, personId);
  await wakePeople(tx, [personId], now);
}
