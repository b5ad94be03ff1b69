/** Lives through the days of a Campaign on a copy with a virtual clock: who would get which mail when. Sends nothing, keeps nothing. */
import { sql } from "kysely";
import * as campaigns from "../campaigns/campaigns.ts";
import { type Answers, answersTo, type Deed } from "../core/answers.ts";
import { type Condition, leavesOf, needsOf } from "../core/conditions.ts";
import { refuse } from "../core/problem.ts";
import { localDay } from "../core/schedule.ts";
import type { Letter } from "../core/variants.ts";
import type { Db, Tx } from "../db/database.ts";
import { type Rehearsed, rehearse } from "../delivery/delivery.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import type { Logger } from "../log.ts";
import { decideWinners, nextDecisionAt } from "../variants/variants.ts";
import { copyRows, onCopy } from "./copy.ts";

/** Somebody who is not there. */
export type MadeUp = { readonly name: string; readonly timeZone?: string | null };

export type Simulation = {
  /** Real people by their ids; they are copied, nothing happens to them. */
  readonly personIds: readonly number[];
  readonly madeUp: readonly MadeUp[];
  /** The day they start on; today when null. */
  readonly startOn: string | null;
  readonly days: number;
  readonly answers: Answers;
};

export type SimulatedMail = {
  readonly person: number;
  readonly stepId: number;
  /** Of a step with variants. */
  readonly variant: Letter | null;
  readonly at: Temporal.Instant;
  /** The person's own day. */
  readonly on: string;
  readonly outcome: "sent" | "skipped" | "failed";
  readonly reason: string | null;
};
export type SimulatedAnswer = {
  readonly person: number;
  readonly stepId: number;
  readonly at: Temporal.Instant;
  readonly does: Deed;
};

export type Simulated = {
  readonly campaign: { readonly id: number; readonly name: string };
  readonly from: Temporal.Instant;
  readonly until: Temporal.Instant;
  readonly steps: readonly {
    readonly stepId: number;
    readonly sendAfterDays: number;
    readonly emailTemplate: string;
  }[];
  /** Mails and answers name them by their place in this list. */
  readonly people: readonly {
    readonly personId: number | null;
    readonly name: string;
    readonly timeZone: string;
    readonly status: string | null;
    readonly stopReason: string | null;
    readonly finishedAt: Temporal.Instant | null;
  }[];
  readonly leftOut: Readonly<Record<string, number>>;
  readonly mails: readonly SimulatedMail[];
  readonly answers: readonly SimulatedAnswer[];
};

const SIMULATOR = { name: "simulation" };

/**
 * Simulates a Campaign.
 * @param prepare makes in the copy what is to be simulated: a draft, a file; answers with the Campaign's id.
 */
export function simulate(
  { db, log }: { readonly db: Db; readonly log: Logger },
  asked: Simulation,
  prepare: (tx: Tx) => Promise<number>,
  now: Temporal.Instant,
): Promise<Simulated> {
  return onCopy(db, async (tx) => {
    const campaignId = await prepare(tx);
    const campaign = await campaigns.get(tx, campaignId);
    const conditions = conditionsOf(campaign);
    const ids = await populate(tx, asked, now);
    await copyOtherCampaigns(tx, campaignId, asked.personIds, conditions);
    await copyEvents(tx, asked.personIds, conditions);
    const { leftOut } = await startAll(tx, campaignId, asked, ids, now);
    await sql`analyze people, email_campaigns, steps, campaigns`.execute(tx);
    const until = now.add({ hours: 24 * asked.days });
    const decides = campaign.steps.some(({ variants }) => variants?.winner);
    const deeds = { stopsOnReply: campaign.stopOnReply, links: linksIn(conditions), campaignId, decides };
    const answers = await live(tx, log, asked.answers, ids, { from: now, until, deeds });
    return {
      campaign: { id: campaignId, name: campaign.name },
      from: now,
      until,
      steps: campaign.steps.map(({ id, sendAfterDays, emailTemplate }) => ({
        stepId: id,
        sendAfterDays,
        emailTemplate,
      })),
      leftOut,
      ...(await outcome(tx, campaignId, asked, ids)),
      answers,
    };
  });
}

/** Real people are copied with what stands in their way; made-up ones get addresses nobody has. @returns ids, real ones first. */
async function populate(tx: Tx, { personIds, madeUp }: Simulation, now: Temporal.Instant): Promise<number[]> {
  await copyRows(tx, "people", sql`id = any(${[...personIds]}::bigint[])`);
  await copyRows(tx, "suppressions", sql`email_key in (select email_key from pg_temp.people)`);
  await copyRows(tx, "email_group_members", sql`person_id in (select id from pg_temp.people)`);
  const { rows: real } = await sql<{ id: number }>`select id from people`.execute(tx);
  const found = new Set(real.map(({ id }) => id));
  for (const [index, id] of personIds.entries())
    if (!found.has(id)) refuse("person-not-found", `There is no person ${id}.`, `/personIds/${index}`);
  const rows = madeUp.map(({ name, timeZone }, index) => ({
    full_name: name,
    first_name: name.split(" ")[0],
    email: `person${index + 1}@simulated.invalid`,
    time_zone: timeZone ?? null,
  }));
  const { rows: made } = await sql<{ id: number }>`
    insert into people (kind, full_name, first_name, email, email_key, status, time_zone, created_at, changed_at)
    select 'lead', full_name, first_name, email, email, 'Lead', time_zone, ${now}::timestamptz, ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (full_name text, first_name text, email text, time_zone text)
    returning id`.execute(tx);
  return [...personIds, ...made.map(({ id }) => id)];
}

async function startAll(
  tx: Tx,
  campaignId: number,
  { startOn }: Simulation,
  ids: readonly number[],
  now: Temporal.Instant,
) {
  if (ids.length === 0) refuse("nobody-to-start", "Choose at least one person, or make some up.", "/people");
  const title = "Simulated people";
  const { rows } = await sql<{ id: number }>`
    insert into email_groups (title, created_at, changed_at)
    values (${`${title} ${now.epochMilliseconds}`}, ${now}::timestamptz, ${now}::timestamptz) returning id`.execute(tx);
  const emailGroupId = rows[0]!.id;
  await sql`
    insert into email_group_members (email_group_id, person_id, joined_at)
    select ${emailGroupId}, person_id, ${now}::timestamptz from unnest(${[...ids]}::bigint[]) as person_id`.execute(tx);
  await sql`analyze people, email_group_members`.execute(tx);
  const input = { campaignId, emailGroupId, filter: null, startOn, senderId: null };
  return emailCampaigns.startMany(tx, input, null, SIMULATOR, now);
}

type Campaign = Awaited<ReturnType<typeof campaigns.get>>;

const conditionsOf = ({ stopIf, goal, steps }: Campaign) =>
  [stopIf, goal, ...steps.flatMap((step) => [step.onlyIf, step.stopIf])].filter((one) => one !== null);

/** Where real people are in Campaigns that conditions ask for: as it is now, and nothing of it goes on. */
async function copyOtherCampaigns(
  tx: Tx,
  campaignId: number,
  personIds: readonly number[],
  conditions: readonly Condition[],
): Promise<void> {
  const others = needsOf(conditions).campaigns.filter((id) => id !== campaignId);
  if (others.length === 0 || personIds.length === 0) return;
  await copyRows(
    tx,
    "email_campaigns",
    sql`person_id = any(${[...personIds]}::bigint[]) and campaign_id = any(${[...others]}::bigint[])`,
  );
  await sql`update email_campaigns set next_due_at = null, number = 'copied ' || number`.execute(tx);
}

/** What real people did until now; nobody in a simulation does more. */
async function copyEvents(tx: Tx, personIds: readonly number[], conditions: readonly Condition[]): Promise<void> {
  const { events } = needsOf(conditions);
  if (events.length === 0 || personIds.length === 0) return;
  await copyRows(
    tx,
    "events",
    sql`person_id = any(${[...personIds]}::bigint[]) and name = any(${[...events]}::text[])`,
  );
}

/** Whoever clicks in a simulation clicks every link a condition asks for. */
function linksIn(conditions: readonly Condition[]): string[] {
  const asked = conditions.flatMap(leavesOf).flatMap((leaf) => ("clicked" in leaf && leaf.link ? leaf.link : []));
  return asked.length > 0 ? [...new Set(asked)] : [SOME_LINK];
}

const SOME_LINK = "https://simulated.invalid/";

type Deeds = {
  readonly stopsOnReply: boolean;
  readonly links: readonly string[];
  readonly campaignId: number;
  /** A step has variants and looks for a winner. */
  readonly decides: boolean;
};

/** What somebody is going to do about a mail. */
type Waiting = SimulatedAnswer & { readonly emailCampaignId: number; readonly messageId: number };

/** From one moment at which something happens to the next. */
async function live(
  tx: Tx,
  log: Logger,
  answers: Answers,
  ids: readonly number[],
  { from, until, deeds }: { readonly from: Temporal.Instant; readonly until: Temporal.Instant; readonly deeds: Deeds },
): Promise<SimulatedAnswer[]> {
  const places = new Map(ids.map((id, place) => [id, place]));
  const mailsOf = new Map<number, number>();
  const done: SimulatedAnswer[] = [];
  let waiting: Waiting[] = [];
  let now = from;
  while (Temporal.Instant.compare(now, until) <= 0) {
    const moment = now;
    const come = waiting.filter(({ at }) => Temporal.Instant.compare(at, moment) <= 0);
    if (come.length > 0) {
      waiting = waiting.filter(({ at }) => Temporal.Instant.compare(at, moment) > 0);
      await act(tx, come, deeds, moment);
      done.push(...come.map(({ emailCampaignId: _id, messageId: _message, ...answer }) => answer));
    }
    const answered = new Map<number, ReturnType<typeof answersTo>>();
    const answerOf = (mail: Rehearsed) => {
      const known = answered.get(mail.id);
      if (known) return known;
      const nth = mailsOf.get(mail.personId) ?? 0;
      mailsOf.set(mail.personId, nth + 1);
      const found = answersTo(answers, places.get(mail.personId) ?? 0, nth);
      answered.set(mail.id, found);
      return found;
    };
    const isDead = (mail: Rehearsed) => answerOf(mail).some(({ does }) => does === "bounce");
    for (const mail of await rehearse(tx, log, isDead, moment)) {
      const { emailCampaignId, stepId, personId } = mail;
      for (const { does, afterHours } of answerOf(mail)) {
        const answer = { person: places.get(personId) ?? 0, stepId, at: moment.add({ hours: afterHours }), does };
        if (does === "bounce") done.push(answer);
        else waiting.push({ ...answer, emailCampaignId, messageId: mail.id });
      }
    }
    if (deeds.decides) await decideWinners(tx, moment, deeds.campaignId);
    const next = await nextMoment(tx, waiting, deeds, moment);
    if (!next) break;
    now = Temporal.Instant.compare(next, moment) > 0 ? next : moment.add({ seconds: 1 });
  }
  return done.toSorted((one, other) => Temporal.Instant.compare(one.at, other.at));
}

async function nextMoment(
  tx: Tx,
  waiting: readonly Waiting[],
  { decides, campaignId }: Deeds,
  now: Temporal.Instant,
): Promise<Temporal.Instant | null> {
  const due = await emailCampaigns.nextDueAt(tx);
  const { rows } = await sql<{ at: Temporal.Instant | null }>`
    select min(next_attempt_at) as at from messages where next_attempt_at is not null`.execute(tx);
  const decided = decides ? await nextDecisionAt(tx, now, campaignId) : null;
  let first = due;
  for (const at of [rows[0]?.at ?? null, decided, ...waiting.map((one) => one.at)])
    if (at && (!first || Temporal.Instant.compare(at, first) < 0)) first = at;
  return first;
}

/**
 * What an answer does for real: leaving ends what runs, a reply does where the Campaign says so, and openings, clicks and
 * replies are facts that conditions ask for.
 */
async function act(tx: Tx, come: readonly Waiting[], { stopsOnReply, links }: Deeds, now: Temporal.Instant) {
  const idsOf = (deed: Deed) => come.filter(({ does }) => does === deed).map((one) => one.emailCampaignId);
  await emailCampaigns.end(tx, { ids: idsOf("unsubscribe") }, { event: "unsubscribe" }, now);
  const replied = idsOf("reply");
  if (stopsOnReply) await emailCampaigns.end(tx, { ids: replied }, { event: "stop", reason: "replied" }, now);
  await sql`
    insert into timeline_entries (person_id, email_campaign_id, kind, subject, at)
    select person_id, id, 'reply', 'Simulated', ${now}::timestamptz from email_campaigns
    where id = any(${replied}::bigint[])`.execute(tx);
  type Seen = { message_id: number; kind: "opened" | "clicked"; link: string | null };
  const seen = come.flatMap(({ does, messageId }): Seen[] =>
    does === "open"
      ? [{ message_id: messageId, kind: "opened", link: null }]
      : does === "click"
        ? links.map((link) => ({ message_id: messageId, kind: "clicked", link }))
        : [],
  );
  if (seen.length > 0)
    await sql`
      insert into engagements (message_id, email_campaign_id, person_id, campaign_id, step_id, kind, link, happened_at)
      select messages.id, messages.email_campaign_id, messages.person_id, messages.campaign_id, messages.step_id,
        seen.kind, seen.link, ${now}::timestamptz
      from jsonb_to_recordset(${JSON.stringify(seen)}::jsonb) as seen (message_id bigint, kind text, link text)
        join messages on messages.id = seen.message_id`.execute(tx);
  const { rows } = await sql<{ personId: number }>`
    select person_id from email_campaigns
    where id = any(${come.map((one) => one.emailCampaignId)}::bigint[])`.execute(tx);
  await emailCampaigns.wakeAsking(
    tx,
    rows.map(({ personId }) => personId),
    now,
  );
}

async function outcome(tx: Tx, campaignId: number, { personIds }: Simulation, ids: readonly number[]) {
  const places = new Map(ids.map((id, place) => [id, place]));
  const { rows: found } = await sql<{
    id: number;
    name: string;
    timeZone: string;
    status: string | null;
    stopReason: string | null;
    finishedAt: Temporal.Instant | null;
  }>`
    select people.id, people.full_name as name, coalesce(people.time_zone, workspace.time_zone) as time_zone,
      ec.status, ec.stop_reason, ec.finished_at
    from people cross join workspace left join email_campaigns ec
        on ec.person_id = people.id and ec.campaign_id = ${campaignId}`.execute(tx);
  const byId = new Map(found.map((row) => [row.id, row]));
  const zones = new Map(found.map((row) => [row.id, emailCampaigns.zoneOr(row.timeZone)]));
  const { rows } = await sql<{
    personId: number;
    stepId: number;
    variant: Letter | null;
    state: string;
    reason: string | null;
    at: Temporal.Instant;
  }>`
    select person_id, step_id, planned_variant as variant, state, reason, coalesce(finished_at, planned_at) as at
    from messages where state in ('accepted', 'refused', 'skipped') order by at, id`.execute(tx);
  const days = new Map<string, string>();
  const dayOf = (at: Temporal.Instant, zone: string) => {
    const key = `${at.epochMilliseconds} ${zone}`;
    const known = days.get(key) ?? localDay(at, zone).toString();
    days.set(key, known);
    return known;
  };
  const real = new Set(personIds);
  return {
    people: ids.map((id) => {
      const { id: _id, ...row } = byId.get(id)!;
      return { personId: real.has(id) ? id : null, ...row };
    }),
    mails: rows.map(({ personId, stepId, variant, state, reason, at }): SimulatedMail => ({
      person: places.get(personId)!,
      stepId,
      variant,
      at,
      on: dayOf(at, zones.get(personId) ?? "UTC"),
      outcome: OUTCOMES[state]!,
      reason,
    })),
  };
}

const OUTCOMES: Readonly<Record<string, SimulatedMail["outcome"]>> = {
  accepted: "sent",
  skipped: "skipped",
  refused: "failed",
};
