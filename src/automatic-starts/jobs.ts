/** Facts that start a Campaign, noted by the database in the transaction in which they happen: taken here, missed never. */
import { sql } from "kysely";
import { recordChange } from "../accounts/audit.ts";
import { conditionInWords } from "../core/condition-words.ts";
import type { StartedBy } from "../core/automatic-start.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import { namesIn, startByRule } from "../email-campaigns/email-campaigns.ts";
import * as store from "./store.ts";

const AT_ONCE = 2000;
/** One process at a time: what becomes true of somebody is compared with what was known of them. */
const LOCK = 7_262_026;
const BURST = { hours: 1 };

/** Handles what waits, some thousand in each transaction. @returns how many facts there were. */
export async function handleStarts(db: Db, now: Temporal.Instant): Promise<number> {
  // Most turns find nothing, and take no transaction.
  if (!(await somethingWaits(db))) return 0;
  for (let total = 0; ;) {
    const count = await inTransaction(db, (tx) => handleSome(tx, now));
    total += count;
    if (count < AT_ONCE) return total;
  }
}

async function somethingWaits(db: Db): Promise<boolean> {
  const { rows } = await sql`select from pending_starts where state <> 'asking' limit 1`.execute(db);
  return rows.length > 0;
}

async function handleSome(tx: Tx, now: Temporal.Instant): Promise<number> {
  const { rows } = await sql<{ alone: boolean }>`select pg_try_advisory_xact_lock(${LOCK}) as alone`.execute(tx);
  if (!rows[0]!.alone) return 0;
  const taken = await store.take(tx, AT_ONCE);
  const byRule = Map.groupBy(taken, ({ startRuleId }) => startRuleId);
  for (const rule of await store.rulesById(tx, [...byRule.keys()]))
    if (rule.isOn) await follow(tx, rule, byRule.get(rule.id)!, now);
  return taken.length;
}

/** Starts whom a rule found, or asks first where they are too many. */
async function follow(tx: Tx, rule: store.Rule, facts: readonly store.Taken[], now: Temporal.Instant): Promise<void> {
  const settings = (await store.find(tx, rule.campaignId))!;
  const peopleOf = (state: store.Taken["state"]) =>
    facts.filter((fact) => fact.state === state).map(({ personId }) => personId);
  const met = await store.stillSo(tx, rule, await newOnes(tx, rule, peopleOf("new")));
  const lately = await store.startedSince(tx, rule.campaignId, now.subtract(BURST));
  const tooMany = settings.askAbove !== null && lately + met.length > settings.askAbove;
  if (tooMany && met.length > 0) await store.ask(tx, rule.id, met);
  const ids = [...new Set([...(tooMany ? [] : met), ...(await store.stillSo(tx, rule, peopleOf("agreed")))])];
  if (ids.length === 0) return;
  const outcomes = await startByRule(
    tx,
    ids,
    {
      campaignId: rule.campaignId,
      senderId: settings.senderId,
      emailGroupId: rule.emailGroupId,
      startedBy: await becauseOf(tx, rule),
      again: { rule: settings.again, afterDays: settings.againAfterDays },
    },
    now,
  );
  const refused = outcomes.flatMap(({ personId, reason }) => (reason === null ? [] : [{ personId, reason }]));
  await store.keepRefusals(tx, rule.id, refused, now);
  const started = outcomes.length - refused.length;
  const change = { actor: { name: "automatic start" }, action: "start-many", subjectType: "campaign" } as const;
  if (started > 0)
    await recordChange(tx, { ...change, subjectId: rule.campaignId, after: { rule: rule.id, started } }, now);
}

async function newOnes(tx: Tx, rule: store.Rule, personIds: readonly number[]): Promise<readonly number[]> {
  if (!rule.condition || personIds.length === 0) return personIds;
  return store.newlyMatching(tx, rule.id, rule.condition, personIds);
}

/** In the names of today: a group that is renamed or gone tomorrow was this one. */
async function becauseOf(tx: Tx, rule: store.Rule): Promise<StartedBy> {
  const { kind, condition, emailGroupId } = rule;
  const asked = condition ?? (emailGroupId === null ? null : { group: emailGroupId });
  const names = await namesIn(tx, asked ? [asked] : []);
  const name = condition
    ? conditionInWords(condition, names, { language: "en" })
    : emailGroupId === null
      ? null
      : names.group(emailGroupId);
  const german = condition && { names: { de: conditionInWords(condition, names, { language: "de" }) } };
  return { rule: rule.id, kind, name, ...german };
}
