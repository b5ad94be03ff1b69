/** The SQL of automatic starts; writes only its own tables. */
import { type RawBuilder, sql } from "kysely";
import type { StartKind } from "../core/automatic-start.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import type { Condition } from "../core/conditions.ts";
import type { Named, Use } from "../core/uses.ts";
import type { Db, Tx } from "../db/database.ts";
import { conditionInSql } from "../email-campaigns/email-campaigns.ts";
import type { AutomaticStartInput, RuleInput } from "./api.ts";

const RULE = ["id", "campaignId", "kind", "emailGroupId", "condition", "ways", "isOn"] as const;

export type Rule = Awaited<ReturnType<typeof rulesOf>>[number];

export function find(db: Db, campaignId: number) {
  return db.selectFrom("automaticStarts").selectAll().where("campaignId", "=", campaignId).executeTakeFirst();
}

export function rulesOf(db: Db, campaignId: number) {
  return db
    .selectFrom("startRules")
    .select(RULE)
    .where("campaignId", "=", campaignId)
    .orderBy("position")
    .orderBy("id")
    .execute();
}

export function rulesById(db: Db, ids: readonly number[]) {
  return db
    .selectFrom("startRules")
    .select(RULE)
    .where("id", "=", sql<number>`any(${[...ids]}::bigint[])`)
    .orderBy("id")
    .execute();
}

/** Which Campaigns' rules wait for it or ask for it; a Campaign's own do not count, since they go with it. */
export async function naming(tx: Tx, what: Named): Promise<Use[]> {
  const waitsFor = "group" in what ? sql`rule.email_group_id = ${what.group}` : sql`false`;
  const itself = "campaign" in what ? what.campaign : 0;
  const { rows } = await sql<Use>`
    select distinct campaigns.id as campaign_id, campaigns.name as campaign, 'start' as where
    from start_rules as rule join campaigns on campaigns.id = rule.campaign_id
    where (${waitsFor} or ${campaigns.names(sql`rule.condition`, what)}) and campaigns.id <> ${itself}
    order by campaigns.id`.execute(tx);
  return rows;
}

export async function saveSettings(
  tx: Tx,
  campaignId: number,
  { rules: _rules, ...settings }: AutomaticStartInput,
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .insertInto("automaticStarts")
    .values({ campaignId, ...settings, changedAt: now })
    .onConflict((conflict) => conflict.column("campaignId").doUpdateSet({ ...settings, changedAt: now }))
    .execute();
}

export async function insertRule(
  tx: Tx,
  campaignId: number,
  { kind, emailGroupId, condition, ways, on }: RuleInput,
  now: Temporal.Instant,
): Promise<number> {
  const json = condition && JSON.stringify(condition);
  const made = await tx
    .insertInto("startRules")
    .values({ campaignId, kind, emailGroupId, condition: json, ways, isOn: on, createdAt: now })
    .returning("id")
    .executeTakeFirstOrThrow();
  return made.id;
}

/** Rules stand in this order from now on. */
export async function placeRules(tx: Tx, ids: readonly number[]): Promise<void> {
  await sql`
    update start_rules set position = wanted.place - 1
    from unnest(${[...ids]}::bigint[]) with ordinality as wanted (id, place)
    where start_rules.id = wanted.id and start_rules.position <> wanted.place - 1`.execute(tx);
}

/** Switched off, a rule forgets what it has not acted on, and whom it knew. */
export async function switchRule(tx: Tx, id: number, isOn: boolean): Promise<void> {
  await tx.updateTable("startRules").set({ isOn }).where("id", "=", id).execute();
  await tx.deleteFrom("pendingStarts").where("startRuleId", "=", id).execute();
  await tx.deleteFrom("startRuleMatches").where("startRuleId", "=", id).execute();
}

export async function removeRules(tx: Tx, ids: readonly number[]): Promise<void> {
  await tx
    .deleteFrom("startRules")
    .where("id", "=", sql<number>`any(${[...ids]}::bigint[])`)
    .execute();
}

/**
 * Of whom it is true, as a subquery: a condition asks about an Email Campaign, and here is none yet. Its row is one that
 * began before everything.
 */
function peopleOfWhom(condition: Condition, also: RawBuilder<unknown>) {
  return sql`select people.id as person_id, ${conditionInSql(condition)} as so
    from people cross join lateral (
      select null::bigint as id, people.id as person_id, '-infinity'::timestamptz as created_at) as email_campaigns
    where people.erased_at is null and ${also}`;
}

/** Notes of whom a rule's condition is true already. */
export async function noteMatching(tx: Tx, ruleId: number, condition: Condition): Promise<void> {
  await sql`
    insert into start_rule_matches (start_rule_id, person_id)
    select ${ruleId}, person_id from (${peopleOfWhom(condition, sql`true`)}) as asked where so`.execute(tx);
}

/** Looks at these people again. @returns those of whom it has become true. */
export async function newlyMatching(
  tx: Tx,
  ruleId: number,
  condition: Condition,
  personIds: readonly number[],
): Promise<number[]> {
  const { rows } = await sql<{ personId: number }>`
    with asked as materialized (${peopleOfWhom(condition, sql`people.id = any(${[...personIds]}::bigint[])`)}),
    gone as (
      delete from start_rule_matches as known using asked
      where known.start_rule_id = ${ruleId} and known.person_id = asked.person_id and not asked.so
    ), come as (
      insert into start_rule_matches (start_rule_id, person_id)
      select ${ruleId}, person_id from asked where so on conflict do nothing returning person_id
    ) select person_id from come order by 1`.execute(tx);
  return rows.map(({ personId }) => personId);
}

const STILL: Readonly<Record<StartKind, (rule: Rule) => RawBuilder<boolean>>> = {
  joined: ({ emailGroupId }) => sql`exists (select from email_group_members as member
    where member.email_group_id = ${emailGroupId} and member.person_id = people.id and member.unsubscribed_at is null)`,
  matches: ({ id }) => sql`exists (select from start_rule_matches as known
    where known.start_rule_id = ${id} and known.person_id = people.id)`,
  created: () => sql`true`,
};

/** Those of whom it is still so, when their turn comes. */
export async function stillSo(tx: Tx, rule: Rule, personIds: readonly number[]): Promise<number[]> {
  if (personIds.length === 0) return [];
  const { rows } = await sql<{ id: number }>`
    select id from people where id = any(${[...new Set(personIds)]}::bigint[]) and ${STILL[rule.kind](rule)}
    order by id`.execute(tx);
  return rows.map(({ id }) => id);
}

export type Taken = { startRuleId: number; personId: number; state: "new" | "agreed" };

/** Takes facts that nobody is asked about; they are gone when the transaction commits, and back when it does not. */
export async function take(tx: Tx, limit: number): Promise<Taken[]> {
  const { rows } = await sql<Taken>`
    with taken as (
      select id from pending_starts where state <> 'asking' order by id limit ${limit} for update skip locked
    )
    delete from pending_starts using taken where pending_starts.id = taken.id
    returning start_rule_id, person_id, state`.execute(tx);
  return rows;
}

/** These wait until somebody says yes. */
export async function ask(tx: Tx, ruleId: number, personIds: readonly number[]): Promise<void> {
  await sql`
    insert into pending_starts (start_rule_id, person_id, state)
    select ${ruleId}, wanted, 'asking' from unnest(${[...personIds]}::bigint[]) as wanted
    where not exists (select from pending_starts as known
      where known.start_rule_id = ${ruleId} and known.state = 'asking' and known.person_id = wanted)`.execute(tx);
}

export async function answer(tx: Tx, campaignId: number, start: boolean): Promise<number> {
  const ofCampaign = sql`start_rule_id in (select id from start_rules where campaign_id = ${campaignId}) and state = 'asking'`;
  const { numAffectedRows } = start
    ? await sql`update pending_starts set state = 'agreed' where ${ofCampaign}`.execute(tx)
    : await sql`delete from pending_starts where ${ofCampaign}`.execute(tx);
  return Number(numAffectedRows ?? 0);
}

/** How many a Campaign's rules have started since then. */
export async function startedSince(tx: Tx, campaignId: number, since: Temporal.Instant): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from email_campaigns
    where campaign_id = ${campaignId} and started_by is not null and created_at > ${since}::timestamptz`.execute(tx);
  return rows[0]!.count;
}

/** Keeps why these were not started, the last reason of each. */
export async function keepRefusals(
  tx: Tx,
  ruleId: number,
  refused: readonly { personId: number; reason: string }[],
  now: Temporal.Instant,
): Promise<void> {
  if (refused.length === 0) return;
  await sql`
    insert into start_refusals (start_rule_id, person_id, reason, refused_at)
    select ${ruleId}, "personId", reason, ${now}::timestamptz
    from jsonb_to_recordset(${JSON.stringify(refused)}::jsonb) as one ("personId" bigint, reason text)
    on conflict (start_rule_id, person_id) do update set reason = excluded.reason, refused_at = excluded.refused_at`.execute(
    tx,
  );
}

/** What there is to say of each rule, and of the Campaign's whole. */
export async function countsOf(db: Db, campaignId: number) {
  const { rows } = await sql<{
    id: number;
    emailGroup: string | null;
    started: number;
    matching: number;
    waiting: number;
  }>`
    select rule.id, email_groups.title as email_group,
      (select count(*)::int from email_campaigns where campaign_id = ${campaignId} and started_by is not null
        and (started_by ->> 'rule')::bigint = rule.id) as started,
      (select count(*)::int from start_rule_matches where start_rule_id = rule.id) as matching,
      (select count(*)::int from pending_starts where start_rule_id = rule.id and state = 'asking') as waiting
    from start_rules as rule left join email_groups on email_groups.id = rule.email_group_id
    where rule.campaign_id = ${campaignId}`.execute(db);
  return new Map(rows.map((row) => [row.id, row]));
}

export function refusalsOf(db: Db, campaignId: number, limit: number) {
  return db
    .selectFrom("startRefusals")
    .innerJoin("startRules", "startRules.id", "startRefusals.startRuleId")
    .innerJoin("people", "people.id", "startRefusals.personId")
    .select([
      "startRefusals.startRuleId as ruleId",
      "startRefusals.personId",
      "people.fullName as person",
      "startRefusals.reason",
      "startRefusals.refusedAt as at",
    ])
    .where("startRules.campaignId", "=", campaignId)
    .orderBy("startRefusals.refusedAt", "desc")
    .orderBy("startRefusals.personId")
    .limit(limit)
    .execute();
}
