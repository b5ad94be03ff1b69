/** The SQL of taking messages: the claim with its lease and fence, the facts to send by, the step into DATA. Sends nothing. */
import { sql } from "kysely";
import type { Letter } from "../core/variants.ts";
import { type Db, PREPARED, type Runner } from "../db/database.ts";
import type { Composed } from "../db/tables.ts";
import { composedOf } from "./contents.ts";
import { type Asked, conditionObstacle, obstacle } from "./obstacle.ts";

/** How long a claim holds without being renewed. */
const LEASE_SECONDS = 60;
/** So long after a claim or its renewal a body may be begun: by the time a claim runs out none is on its way to be. */
export const BODY_WITHIN_MS = 45_000;

/** A claim: writes of a worker whose fence is no longer the row's change nothing (R4). */
export type Claim = { readonly id: number; readonly fence: number };

export type Claimer = {
  /** Names this process in the rows it holds. */
  readonly worker: string;
  readonly limit: number;
  /** Accounts that cannot send at the moment; 0 is the one that stands in no table. */
  readonly without: readonly number[];
  /** Whether account 0 is a real server (TIDINGS_SMTP_URL), which needs a postal address. */
  readonly serverByUrl: boolean;
};

/**
 * Takes messages that are due, oldest first. Those of an account that waits, of one whose pause ends by hand, or of a
 * real server while there is no postal address stay where they are. The account is looked up row by row, so that the
 * index is read in order and no further than needed: joined, every message that is due would be read for each claim.
 */
export async function claim(db: Db, { worker, limit, without, serverByUrl }: Claimer, now: Temporal.Instant) {
  const { rows } = await sql<Claim>`${PREPARED}
    with due as (
      select messages.id
      from messages
      where messages.next_attempt_at <= ${now}::timestamptz and (
        select ${maySend({ without, serverByUrl })}
        from email_campaigns left join senders on senders.id = email_campaigns.sender_id ${ACCOUNT}
        where email_campaigns.id = messages.email_campaign_id)
      order by messages.next_attempt_at, messages.id
      limit ${limit}
      for update of messages skip locked
    )
    update messages
    set state = 'claimed', next_attempt_at = null, claimed_by = ${worker},
      claimed_until = ${now}::timestamptz + ${LEASE}, fence = fence + 1
    from due where messages.id = due.id
    returning messages.id, messages.fence`.execute(db);
  return rows;
}

/** How long a claim holds from now on. */
export const LEASE = sql`make_interval(secs => ${sql.lit(LEASE_SECONDS)})`;

/** The first account of a sender, or the default one. */
const ACCOUNT = sql`left join email_accounts as account on account.id =
  coalesce(senders.email_account_id, (select id from email_accounts where is_default))`;

/**
 * Whether one of a sender's accounts can send at the moment: it does not wait, and what a real server needs is there. The
 * others are looked up only where the first one cannot.
 */
function maySend({ without, serverByUrl }: Pick<Claimer, "without" | "serverByUrl">) {
  const able = (account: string) => sql<boolean>`(
    coalesce(${sql.ref(`${account}.id`)}, 0) <> all(${[...without]}::bigint[])
    and not coalesce(${sql.ref(`${account}.resumesByHand`)}, false)
    and (coalesce(${sql.ref(`${account}.kind`)}, ${serverByUrl ? "smtp" : "mailbox"}) = 'mailbox'
      or (select postal_address from workspace) is not null))`;
  return sql<boolean>`(${able("account")} or exists (
    select from sender_email_accounts as more join email_accounts as other on other.id = more.email_account_id
    where more.sender_id = senders.id and ${able("other")}))`;
}

/** Which of these senders can send at the moment; null is an Email Campaign without one. */
export async function ableSenders(
  db: Db,
  senderIds: ReadonlySet<number | null>,
  claimer: Pick<Claimer, "without" | "serverByUrl">,
): Promise<Set<number | null>> {
  const { rows } = await sql<{ id: number | null }>`
    select wanted.id
    from unnest(${[...senderIds]}::bigint[]) as wanted (id) left join senders on senders.id = wanted.id ${ACCOUNT}
    where ${maySend(claimer)}`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/** A claim under way. Written so that no index answers it: these rows are found by their ids. */
export const HELD = sql`array_position(array['claimed', 'in_data'], messages.state) is not null`;

const joined = sql`join messages on messages.id = wanted.id
  join email_campaigns on email_campaigns.id = messages.email_campaign_id
  join people on people.id = messages.person_id`;

/** SQL: what is measured in a mail that leaves now: what its Campaign says, unless its person is never measured (L5). */
export const MEASURES = {
  opens: sql<boolean>`(people.measuring <> 'never' and coalesce(campaigns.track_opens, workspace.track_opens))`,
  clicks: sql<boolean>`(people.measuring <> 'never' and coalesce(campaigns.track_clicks, workspace.track_clicks))`,
};

/** A claimed message with what is needed to send it. What is fixed at the first attempt is null before. */
export type Due = Claim & {
  readonly emailCampaignId: number;
  readonly personId: number;
  readonly campaignId: number;
  readonly campaignName: string;
  readonly senderId: number | null;
  readonly dueAt: Temporal.Instant;
  readonly attempts: number;
  readonly firstAttemptAt: Temporal.Instant | null;
  /** Fixed at the first attempt; before it the template's present one. */
  readonly contentVersionId: number;
  /** Of a step with variants: the one it was planned as, or A where that is gone. Fixed at the first attempt, too. */
  readonly variant: Letter | null;
  readonly address: string | null;
  readonly messageId: string | null;
  readonly composed: Composed | null;
  /** The person's address now. */
  readonly email: string | null;
  /** An attempt ended without an answer: the mail may be there already, so its bytes must not change. */
  readonly inDoubt: boolean;
  /** The account it was last tried by. */
  readonly emailAccountId: number | null;
  /** What is measured in it. */
  readonly trackOpens: boolean;
  readonly trackClicks: boolean;
  /** Why it must not leave, or null; `expired` when it waited longer than its step allows. */
  readonly obstacle: string | null;
  /** The conditions its step and its Campaign ask; null: none. */
  readonly asked: Asked | null;
};

/** The facts of claimed messages, suppression and status as of this statement. */
export async function load(db: Db, claims: readonly Claim[], now: Temporal.Instant): Promise<Due[]> {
  const { rows } = await sql<Due>`${PREPARED}
    select messages.id, messages.fence, messages.email_campaign_id, messages.person_id, messages.campaign_id,
      campaigns.name as campaign_name, email_campaigns.sender_id, messages.due_at, messages.attempts,
      messages.first_attempt_at, messages.address, messages.message_id, messages.email_account_id, people.email,
      case when messages.attempts > 0 then ${composedOf} end as composed,
      coalesce(messages.content_version_id, email_templates.current_version_id) as content_version_id,
      coalesce(messages.variant, case when messages.planned_variant > 'A' and of_variant.email_template_id is null
        then 'A' else messages.planned_variant end) as variant,
      ${MEASURES.opens} as track_opens, ${MEASURES.clicks} as track_clicks,
      messages.attempts > 0 and exists (
        select from delivery_attempts where delivery_attempts.message_id = messages.id
          and delivery_attempts.outcome = 'unknown' offset 0) as in_doubt,
      coalesce(${obstacle}, case
        when messages.attempts = 0 and ${now}::timestamptz > messages.due_at + make_interval(hours => 24 *
          coalesce(steps.expires_after_days, campaigns.expires_after_days, workspace.expires_after_days))
        then 'expired' end) as obstacle,
      case when email_campaigns.schedule_version_id is not null or steps.only_if is not null or steps.stop_if is not null
          or campaigns.stop_if is not null or campaigns.goal is not null
        then nullif(jsonb_strip_nulls(case when email_campaigns.schedule_version_id is null
          then jsonb_build_object('onlyIf', steps.only_if, 'stepStopIf', steps.stop_if,
            'stopIf', campaigns.stop_if, 'goal', campaigns.goal)
          else conditions_in_version(email_campaigns.schedule_version_id, steps.id) end), '{}')::text end as asked
    from unnest(${claims.map(({ id }) => id)}::bigint[]) as wanted (id)
      ${joined}
      join steps on steps.id = messages.step_id
      left join lateral (select case when messages.planned_variant > 'A' then
        case when email_campaigns.schedule_version_id is null
          then template_of_variant(steps.variants, messages.planned_variant)
          else template_of_variant_in_version(email_campaigns.schedule_version_id, steps.id, messages.planned_variant)
          end end as email_template_id) as of_variant on true
      join email_templates on email_templates.id = coalesce(of_variant.email_template_id,
        case when email_campaigns.schedule_version_id is null then steps.email_template_id
        else coalesce(template_in_version(email_campaigns.schedule_version_id, steps.id), steps.email_template_id) end)
      join campaigns on campaigns.id = messages.campaign_id
      cross join workspace
    order by messages.id`.execute(db);
  return rows;
}

/** What is fixed when a message is handed over for the first time. */
export type Fixed = {
  readonly contentVersionId: number;
  readonly variant: Letter | null;
  readonly emailAccountId: number | null;
  readonly address: string;
  readonly messageId: string;
  readonly composed: Composed;
  readonly asked: Asked | null;
};

/** Whether a message may go now: `go`, or why not; `lost` when the claim is no longer ours. */
export type Entry = "go" | "lost" | { readonly obstacle: string };

/**
 * The last look before MAIL FROM, and the record that DATA may follow, in one statement: whoever unsubscribed before it
 * gets nothing, and a crash after it is known for what it is. Why a message may not go is asked only of those that may not.
 */
export async function enterData(
  db: Runner,
  messages: readonly (Claim & Fixed)[],
  now: Temporal.Instant,
): Promise<Entry[]> {
  if (messages.length === 0) return [];
  const conditions = conditionsIn(messages);
  // With conditions the text is another each time: nothing to prepare.
  const { rows } = await sql<{ id: number }>`${conditions ? sql`` : PREPARED}
    with wanted as (
      select * from rows from (
        jsonb_to_recordset(${JSON.stringify(messages.map(rowOf))}::jsonb) as (id bigint, fence bigint,
          content_version_id bigint, email_account_id bigint, address text, message_id text, variant text),
        string_to_table(${messages.map(({ composed }) => JSON.stringify(composed)).join(BETWEEN)}, ${sql.lit(BETWEEN)})
      ) as wanted (id, fence, content_version_id, email_account_id, address, message_id, variant, composed)
    ), entered as (
      update messages
      set state = 'in_data', attempts = attempts + case messages.state when 'claimed' then 1 else 0 end,
        first_attempt_at = coalesce(first_attempt_at, ${now}::timestamptz),
        content_version_id = wanted.content_version_id, email_account_id = wanted.email_account_id,
        address = wanted.address, message_id = wanted.message_id, variant = wanted.variant
      from wanted, email_campaigns, people
      where messages.id = wanted.id and messages.fence = wanted.fence and ${HELD}
        and messages.claimed_until > ${now}::timestamptz
        and email_campaigns.id = messages.email_campaign_id and people.id = messages.person_id
        and ${obstacle} is null ${conditions ? sql`and ${conditions} is null` : sql``}
      returning messages.id, messages.first_attempt_at, wanted.composed
    ), kept as (
      insert into message_contents (message_id, made_on, composed)
      select id, (first_attempt_at at time zone 'UTC')::date, composed::json from entered
      on conflict (message_id, made_on) do update set composed = excluded.composed
    )
    select id from entered`.execute(db);
  const entered = new Set(rows.map(({ id }) => id));
  const others = messages.filter(({ id }) => !entered.has(id));
  const obstacles = others.length > 0 ? await obstaclesOfMessages(db, others) : new Map<number, string>();
  return messages.map(({ id }) => {
    const found = obstacles.get(id);
    return entered.has(id) ? "go" : found === undefined ? "lost" : { obstacle: found };
  });
}

/** SQL: which condition stands in the way of a message, for those of these that have any; undefined: none has. */
function conditionsIn(messages: readonly (Claim & { readonly asked: Asked | null })[]) {
  const asking = messages.filter(({ asked }) => asked !== null);
  if (asking.length === 0) return undefined;
  const cases = [...Map.groupBy(asking, ({ asked }) => asked!)].map(
    ([asked, some]) =>
      sql`when messages.id = any(${some.map(({ id }) => id)}::bigint[]) then ${conditionObstacle(asked)}`,
  );
  return sql<string | null>`case ${sql.join(cases, sql` `)} end`;
}

/** Between JSON texts in one parameter, which costs the database less than JSON in JSON; none of them can contain it. */
const BETWEEN = "\u0001";

function rowOf({ id, fence, contentVersionId, variant, emailAccountId, address, messageId }: Claim & Fixed) {
  return {
    id,
    fence,
    content_version_id: contentVersionId,
    email_account_id: emailAccountId,
    address,
    message_id: messageId,
    ...(variant && { variant }),
  };
}

async function obstaclesOfMessages(
  db: Runner,
  messages: readonly (Claim & { readonly asked: Asked | null })[],
): Promise<Map<number, string>> {
  const conditions = conditionsIn(messages) ?? sql`null`;
  const { rows } = await sql<{ id: number; obstacle: string | null }>`
    select messages.id, coalesce(${obstacle}, ${conditions}) as obstacle
    from unnest(${messages.map(({ id }) => id)}::bigint[]) as wanted (id) ${joined}`.execute(db);
  return new Map(rows.flatMap((row) => (row.obstacle === null ? [] : [[row.id, row.obstacle] as const])));
}

/** Keeps the claims of messages that are still under way. @returns those that are still ours. */
export async function renew(db: Db, claims: readonly Claim[], now: Temporal.Instant): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`${PREPARED}
    update messages set claimed_until = ${now}::timestamptz + ${LEASE}
    from unnest(${claims.map(({ id }) => id)}::bigint[], ${claims.map(({ fence }) => fence)}::bigint[]) as held (id, fence)
    where messages.id = held.id and messages.fence = held.fence and ${HELD}
    returning messages.id`.execute(db);
  return rows.map(({ id }) => id);
}
