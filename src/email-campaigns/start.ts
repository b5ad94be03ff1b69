/** Starts Email Campaigns, one or many at once: checks who may be started, numbers them, and never starts anybody twice. */
import type { Acting } from "../accounts/ownership.ts";
import { type RawBuilder, sql } from "kysely";
import { senderFor, workspace } from "../accounts/accounts.ts";
import { recordChange } from "../accounts/audit.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import type { Again, StartedBy } from "../core/automatic-start.ts";
import { localDay, startsAt } from "../core/schedule.ts";
import { refuse, Refusal } from "../core/problem.ts";
import { type Db, type Tx, brokenConstraint, inTransaction } from "../db/database.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import * as people from "../people/people.ts";
import { DO_NOT_CONTACT } from "../people/api.ts";
import { covering, suppressedBy } from "../suppressions/suppressions.ts";
import type { BulkInput, LEFT_OUT, StartInput } from "./api.ts";
import { announce } from "./due.ts";
import { endsOnFor } from "./end-dates.ts";
import * as store from "./store.ts";

export type Starter = Acting;
type LeftOut = (typeof LEFT_OUT)[number];

const LEFT_OUT_TEXT: Readonly<Record<LeftOut, string>> = {
  "no-address": "They have no email address.",
  "opted-out": "They have unsubscribed, or their address is suppressed.",
  "do-not-contact": "They are marked Do Not Contact, or disabled.",
  "already-running": "The Campaign is running for them already.",
};

/** What a start needs to know besides the person. */
type Setting = {
  readonly campaignId: number;
  readonly startOn: Temporal.PlainDate;
  readonly endOn: Temporal.PlainDate;
  readonly senderId: number | null;
  /** The workspace's. */
  readonly timeZone: string;
  /** The Campaign goes by people's own zones where they are known. */
  readonly ownZone: boolean;
};

/**
 * Starts a Campaign for one person. Refuses an empty schedule (E14), a start in the past (E18), a person without address
 * (E21, E22) or who opted out (E23, E27), and a second one while one runs (E25), also when two are started at once (E30).
 */
export function start(
  db: Db,
  input: StartInput & { readonly restartedFromId?: number },
  starter: Starter,
  now: Temporal.Instant,
): Promise<number> {
  return inTransaction(db, async (tx) => {
    const setting = await settle(tx, input, starter, now);
    const person = await people.get(tx, input.personId);
    if (person.kind !== input.emailCampaignFor)
      refuse("person-not-found", `There is no ${nameOf(input.emailCampaignFor)} ${input.personId}.`, "/personId");
    await refuseUnreachable(tx, person, input.campaignId);
    const timeZone = (setting.ownZone ? person.timeZone : null) ?? setting.timeZone;
    const begun = Temporal.Instant.compare(startsAt(setting.startOn, { timeZone }), now) <= 0;
    const number = (await store.takeNumbers(tx, localDay(now, setting.timeZone).year, 1))(0);
    const id = await refusingTwice(person.fullName, () =>
      store.insert(tx, {
        number,
        campaignId: input.campaignId,
        personId: person.id,
        senderId: setting.senderId,
        batchId: null,
        emailGroupId: null,
        restartedFromId: input.restartedFromId ?? null,
        startOn: setting.startOn,
        endOn: setting.endOn,
        status: begun ? "In Progress" : "Scheduled",
        stopReason: null,
        nextDueAt: begun ? now : startsAt(setting.startOn, { timeZone }),
        createdBy: starter.name,
        ownerId: starter.userId ?? null,
        finishedAt: null,
        createdAt: now,
        changedAt: now,
      }),
    );
    await recordChange(
      tx,
      {
        actor: starter,
        action: "start",
        subjectType: "email-campaign",
        subjectId: id,
        after: { number, personId: person.id, campaignId: input.campaignId, startOn: setting.startOn.toString() },
      },
      now,
    );
    await announce(tx);
    return id;
  });
}

/** What holds for everybody who is started: the Campaign with its Schedule, the days, the sender. */
async function settle(
  db: Db,
  input: Pick<StartInput, "campaignId" | "startOn" | "senderId">,
  starter: Starter,
  now: Temporal.Instant,
): Promise<Setting> {
  const campaign = await campaigns.find(db, input.campaignId);
  if (!campaign) return refuse("campaign-not-found", `There is no Campaign ${input.campaignId}.`, "/campaignId");
  const steps = await campaigns.stepsOf(db, [campaign.id]);
  if (steps.length === 0)
    refuse(
      "campaign-without-schedule",
      `Please set up the Schedule of the Campaign “${campaign.name}” first.`,
      "/campaignId",
    );
  const { timeZone } = await workspace(db);
  const today = localDay(now, timeZone);
  const startOn = input.startOn === null ? today : Temporal.PlainDate.from(input.startOn);
  refusePast(startOn, today);
  const sender = await senderFor(db, { senderId: input.senderId, userId: starter.userId ?? null });
  const endsOn = await endsOnFor(db, campaign, steps, startOn);
  const ownZone = campaign.timing?.clock !== "workspace";
  return { campaignId: campaign.id, startOn, endOn: endsOn, senderId: sender?.id ?? null, timeZone, ownZone };
}

/** A start lies today or ahead, in the workspace's calendar (E18, E19). */
export function refusePast(startOn: Temporal.PlainDate, today: Temporal.PlainDate): void {
  if (Temporal.PlainDate.compare(startOn, today) < 0)
    refuse("start-in-the-past", `The start date cannot be before today, ${today.toString()}.`, "/startOn");
}

async function refuseUnreachable(tx: Tx, person: people.Person, campaignId: number): Promise<void> {
  const { fullName } = person;
  if (person.erasedAt) refuse("person-erased", "This person has been erased.", "/personId");
  if (!person.emailKey)
    refuse("person-without-address", `${fullName} has no primary email address. Please set one first.`, "/personId");
  if (person.disabledAt || person.status === DO_NOT_CONTACT)
    refuse("person-not-to-contact", `${fullName} is marked Do Not Contact, or disabled.`, "/personId");
  const suppression = await covering(tx, person.emailKey, campaignId);
  if (suppression)
    refuse(
      "person-opted-out",
      suppression.reason === "unsubscribed"
        ? `${fullName} has unsubscribed. Only they can come back, by the link in a mail they got.`
        : `The address of ${fullName} is suppressed (${suppression.reason}).`,
      "/personId",
    );
}

async function refusingTwice<Result>(name: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    if (brokenConstraint(error) === "email_campaigns_one_running")
      return refuse("email-campaign-exists", `This Campaign is running for ${name} already.`, "/personId");
    throw error;
  }
}

const nameOf = (kind: "lead" | "contact") => (kind === "lead" ? "Lead" : "Contact");

// many at once ---------------------------------------------------------------------------------------------------------

/** How many people one statement starts; between two, progress is shown. */
const CHUNK = 2000;
const EXAMPLES = 5;

/** Who is meant: subscribed members of a group (E65), or whom the filter finds; not both, not nobody. */
async function meant(db: Db, input: BulkInput) {
  if ((input.emailGroupId === null) === (input.filter === null))
    refuse("recipients-unclear", "Say either an Email Group or a filter of people.", "/filter");
  if (input.emailGroupId !== null) await emailGroups.get(db, input.emailGroupId);
  const filter = input.filter ?? { emailGroupId: input.emailGroupId! };
  return people.matching(db, filter);
}

const reason = (campaignId: number) => sql<LeftOut | null>`case
  when people.email_key is null then 'no-address'
  when people.disabled_at is not null or people.status = ${DO_NOT_CONTACT} then 'do-not-contact'
  when ${suppressedBy(sql.ref("people.email_key"), campaignId)} is not null then 'opted-out'
  when exists (select from email_campaigns running where running.campaign_id = ${campaignId}
    and running.person_id = people.id and running.status in ('Scheduled', 'In Progress', 'Paused')) then 'already-running'
  end`;

/** Says who would be started and who left out, and why; writes nothing. Refuses what a start would refuse. */
export async function preview(db: Db, input: BulkInput, starter: Starter, now: Temporal.Instant) {
  await settle(db, input, starter, now);
  const { rows } = await sql<{
    reason: LeftOut | null;
    count: number;
    examples: { personId: number; person: string }[];
  }>`
    select reason, count(*)::int as count,
      coalesce(jsonb_agg(jsonb_build_object('personId', id, 'person', full_name)) filter (where nth <= ${EXAMPLES}), '[]') as examples
    from (
      select id, full_name, reason, row_number() over (partition by reason order by id) as nth
      from (select people.id, people.full_name, ${reason(input.campaignId)} as reason
        from people where people.id in (${await meant(db, input)})) judged
    ) numbered
    group by reason order by count desc`.execute(db);
  const toStart = rows.find((row) => row.reason === null)?.count ?? 0;
  const leftOut = rows.flatMap((row) =>
    row.reason === null
      ? []
      : [{ reason: row.reason, text: LEFT_OUT_TEXT[row.reason], count: row.count, examples: row.examples }],
  );
  return { toStart, leftOut };
}

export type Started = { readonly started: number; readonly leftOut: Partial<Record<LeftOut, number>> };

/**
 * Starts everybody who is meant and may be, in statements of {@link CHUNK}; each commits by itself, so that a crash loses
 * nothing and a second run starts the rest. Refuses when nobody is meant (E24).
 * @param batchId the same in all of them; those of the batch that stand already count as started.
 */
export async function startMany(
  db: Db,
  input: BulkInput,
  batchId: number | null,
  starter: Starter,
  now: Temporal.Instant,
  onProgress: (done: number, total: number) => Promise<void> | void = () => undefined,
): Promise<Started> {
  const setting = await settle(db, input, starter, now);
  const { rows: all } = await sql<{ id: number }>`
    select people.id from people where people.id in (${await meant(db, input)}) order by people.id`.execute(db);
  if (all.length === 0)
    refuse(
      "nobody-to-start",
      input.emailGroupId === null ? "The filter finds nobody." : "This Email Group has no subscribed members.",
      input.emailGroupId === null ? "/filter" : "/emailGroupId",
    );
  const leftOut: Partial<Record<LeftOut, number>> = {};
  let started = 0;
  for (let from = 0; from < all.length; from += CHUNK) {
    const ids = all.slice(from, from + CHUNK).map((row) => row.id);
    const { emailGroupId } = input;
    const outcomes = await inTransaction(db, (tx) =>
      startChunk(tx, ids, setting, { emailGroupId, batchId, reason: reason(input.campaignId) }, starter, now),
    );
    for (const { reason: why } of outcomes)
      if (why === null) started += 1;
      else leftOut[why] = (leftOut[why] ?? 0) + 1;
    await onProgress(Math.min(from + CHUNK, all.length), all.length);
  }
  await inTransaction(db, async (tx) => {
    await recordChange(
      tx,
      {
        actor: starter,
        action: "start-many",
        subjectType: "campaign",
        subjectId: setting.campaignId,
        after: { batchId, started, leftOut },
      },
      now,
    );
    await announce(tx);
  });
  return { started, leftOut };
}

const zoneOf = ({ ownZone, timeZone }: Setting) =>
  sql`coalesce(case when ${ownZone}::boolean then people.time_zone end, ${timeZone})`;

/** What the Email Campaigns of one chunk have in common besides their setting. */
type Chunk<Reason extends string> = {
  readonly emailGroupId: number | null;
  readonly batchId: number | null;
  readonly startedBy?: StartedBy;
  /** Why a person of `people` is left out; null: they are started. */
  readonly reason: RawBuilder<Reason | null>;
};

async function startChunk<Reason extends string>(
  tx: Tx,
  ids: readonly number[],
  setting: Setting,
  { emailGroupId, batchId, startedBy, reason: why }: Chunk<Reason>,
  starter: Starter,
  now: Temporal.Instant,
): Promise<{ personId: number; reason: Reason | "already-running" | null }[]> {
  const { rows: zones } = await sql<{ timeZone: string }>`
    select distinct ${zoneOf(setting)} as time_zone
    from people where id = any(${[...ids]}::bigint[])`.execute(tx);
  const starts = zones.map(({ timeZone }) => ({
    time_zone: timeZone,
    starts_at: startsAt(setting.startOn, { timeZone }).toString(),
  }));
  const year = localDay(now, setting.timeZone).year;
  const series = `MAIL-CAMP-${year}-`;
  const { rows } = await sql<{ personId: number; reason: Reason | "already-running" | null }>`
    with judged as materialized (
      select people.id, ${zoneOf(setting)} as time_zone,
        case when exists (select from email_campaigns mine where mine.campaign_id = ${setting.campaignId}
            and mine.person_id = people.id and mine.batch_id = ${batchId}::bigint) then 'started'
          else ${why} end as reason
      from people where people.id = any(${[...ids]}::bigint[])
    ), eligible as (
      select judged.id, starts.starts_at, row_number() over (order by judged.id) as nth
      from judged join jsonb_to_recordset(${JSON.stringify(starts)}::jsonb) as starts (time_zone text, starts_at timestamptz)
        on starts.time_zone = judged.time_zone
      where judged.reason is null
    ), numbers as (
      insert into number_series as series (series, last_number)
      select ${series}, count(*) from eligible having count(*) > 0
      on conflict (series) do update set last_number = series.last_number + excluded.last_number
      returning last_number - (select count(*) from eligible) as before
    ), inserted as (
      insert into email_campaigns (number, campaign_id, person_id, sender_id, batch_id, email_group_id, start_on, end_on,
        status, next_due_at, started_by, created_by, owner_id, created_at, changed_at)
      select ${series} || lpad((before + nth)::text, greatest(5, length((before + nth)::text)), '0'),
        ${setting.campaignId}, id, ${setting.senderId}::bigint, ${batchId}::bigint, ${emailGroupId}::bigint,
        ${setting.startOn}::date, ${setting.endOn}::date,
        case when starts_at <= ${now}::timestamptz then 'In Progress' else 'Scheduled' end,
        greatest(starts_at, ${now}::timestamptz), ${startedBy ? JSON.stringify(startedBy) : null}::jsonb, ${starter.name}, ${starter.userId ?? null}::bigint, ${now}::timestamptz, ${now}::timestamptz
      from eligible cross join numbers
      on conflict (campaign_id, person_id) where status in ('Scheduled', 'In Progress', 'Paused') do nothing
      returning person_id
    )
    select judged.id as person_id, case when judged.reason = 'started' then null
        when judged.reason is null and inserted.person_id is null then 'already-running' else judged.reason end as reason
    from judged left join inserted on inserted.person_id = judged.id`.execute(tx);
  return rows;
}

// by a rule ------------------------------------------------------------------------------------------------------------

/** Why a rule starts somebody not; what is not in this table is the code of a refusal that concerns everybody. */
export const NOT_STARTED_TEXT: Readonly<Record<string, string>> = {
  ...LEFT_OUT_TEXT,
  "had-before": "They were in the Campaign before, and nobody begins it twice.",
  "too-soon": "They were in the Campaign before, and it ended too short a time ago.",
  "campaign-without-schedule": "The Campaign has no Schedule.",
};

export type ByRule = {
  readonly campaignId: number;
  readonly senderId: number | null;
  readonly emailGroupId: number | null;
  readonly startedBy: StartedBy;
  readonly again: Again;
};

/**
 * Starts whom a rule found, in the caller's transaction and in one statement: never somebody for whom the Campaign runs,
 * nor whom the rule of re-entry keeps out.
 * @returns for each the reason why not; null: started.
 */
export async function startByRule(
  tx: Tx,
  personIds: readonly number[],
  rule: ByRule,
  now: Temporal.Instant,
): Promise<{ personId: number; reason: string | null }[]> {
  const campaign = (await campaigns.find(tx, rule.campaignId))!;
  const starter = { name: "automatic start", userId: campaign.ownerId };
  const input = { campaignId: campaign.id, startOn: null, senderId: rule.senderId };
  const setting = await settle(tx, input, starter, now).catch((error: unknown) => {
    if (error instanceof Refusal) return error.code;
    throw error;
  });
  if (typeof setting === "string") return personIds.map((personId) => ({ personId, reason: setting }));
  const outcomes = await startChunk(
    tx,
    personIds,
    setting,
    { ...rule, batchId: null, reason: reasonOfRule(rule, setting.timeZone, now) },
    starter,
    now,
  );
  if (outcomes.some(({ reason: why }) => why === null)) await announce(tx);
  return outcomes;
}

function reasonOfRule(
  { campaignId, again }: ByRule,
  timeZone: string,
  now: Temporal.Instant,
): RawBuilder<string | null> {
  if (again.rule === "after-end" && again.afterDays === 0) return reason(campaignId);
  const before = sql`select from email_campaigns as former
    where former.campaign_id = ${campaignId} and former.person_id = people.id`;
  const ended = localDay(now, timeZone).subtract({ days: again.afterDays });
  const keptOut =
    again.rule === "never"
      ? sql`when exists (${before}) then 'had-before'`
      : sql`when exists (${before}
          and (coalesce(former.finished_at, former.changed_at) at time zone ${timeZone})::date > ${ended}::date) then 'too-soon'`;
  return sql<string | null>`coalesce(${reason(campaignId)}, case ${keptOut} end)`;
}
