/** Front door: what starts a Campaign by itself. Starts nobody of whom it was so before the rule. */
import { sql } from "kysely";
import { isDeepStrictEqual } from "node:util";
import { senderFor } from "../accounts/accounts.ts";
import { recordChange } from "../accounts/audit.ts";
import type { Acting } from "../accounts/ownership.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { checkConditions } from "../campaigns/conditions.ts";
import { type Way, WAYS } from "../core/automatic-start.ts";
import { conditionInWords } from "../core/condition-words.ts";
import { type Condition, leavesOf } from "../core/conditions.ts";
import { refuse } from "../core/problem.ts";
import type { Language } from "../core/timing-words.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import { namesIn, NOT_STARTED_TEXT } from "../email-campaigns/email-campaigns.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import type { AutomaticStartInput, RuleInput } from "./api.ts";
import * as store from "./store.ts";

export { handleStarts } from "./jobs.ts";
export { naming } from "./store.ts";

/** How many of those who were left out are shown. */
const SHOWN = 50;

const NEVER_SET = { senderId: null, again: "never", againAfterDays: 0, askAbove: 1000, changedAt: null } as const;

/** The rules of a Campaign, what they did, whom they left out and why. */
export async function get(db: Db, campaignId: number, language: Language = "en") {
  await campaigns.get(db, campaignId);
  const settings = (await store.find(db, campaignId)) ?? NEVER_SET;
  const rules = await store.rulesOf(db, campaignId);
  const counts = await store.countsOf(db, campaignId);
  const names = await namesIn(
    db,
    rules.flatMap(({ condition }) => condition ?? []),
  );
  const refusals = await store.refusalsOf(db, campaignId, SHOWN);
  return {
    ...settings,
    campaignId,
    rules: rules.map(({ isOn, ...rule }) => ({
      ...rule,
      ...counts.get(rule.id)!,
      on: isOn,
      text: rule.condition && conditionInWords(rule.condition, names, { language }),
    })),
    waiting: [...counts.values()].reduce((sum, { waiting }) => sum + waiting, 0),
    leftOut: refusals.map((one) => ({ ...one, text: NOT_STARTED_TEXT[one.reason] ?? one.reason })),
  };
}

/** Sets the rules. They count from this moment: facts that are being written meanwhile are waited for. */
export function save(db: Db, campaignId: number, given: AutomaticStartInput, actor: Acting, now: Temporal.Instant) {
  const input = { ...given, rules: given.rules.map((rule) => ({ ...rule, ways: inOrder(rule.ways) })) };
  return inTransaction(db, async (tx) => {
    await campaigns.lock(tx, campaignId);
    if (input.senderId !== null) await senderFor(tx, { senderId: input.senderId });
    await checkRules(tx, input.rules);
    const before = await store.rulesOf(tx, campaignId);
    const known = new Map(before.map((rule) => [rule.id, rule]));
    for (const [index, { id }] of input.rules.entries())
      if (id !== undefined && !known.has(id))
        refuse("start-rule-not-found", `This Campaign has no rule ${id}.`, `/rules/${index}/id`);
    // What a rule waits for makes it what it is: with another group or condition it is another rule.
    const same = (rule: RuleInput) => {
      const { kind, emailGroupId, condition, ways } = known.get(rule.id ?? 0) ?? {};
      const wanted = { kind: rule.kind, emailGroupId: rule.emailGroupId, condition: rule.condition, ways: rule.ways };
      return isDeepStrictEqual(wanted, { kind, emailGroupId, condition, ways: inOrder(ways ?? null) });
    };
    const kept = input.rules.filter(same);
    const added = new Set(input.rules.filter((rule) => !same(rule)));
    const switched = kept.filter(({ id, on }) => known.get(id!)!.isOn !== on);
    await holdStill(tx, [...added, ...switched]);
    await store.removeRules(
      tx,
      before.filter(({ id }) => !kept.some((rule) => rule.id === id)).map(({ id }) => id),
    );
    await store.saveSettings(tx, campaignId, input, now);
    for (const rule of switched) {
      await store.switchRule(tx, rule.id!, rule.on);
      await begin(tx, rule.id!, rule);
    }
    const order: number[] = [];
    for (const rule of input.rules) {
      const id = added.has(rule) ? await store.insertRule(tx, campaignId, rule, now) : rule.id!;
      if (added.has(rule)) await begin(tx, id, rule);
      order.push(id);
    }
    await store.placeRules(tx, order);
    const after = { ...input, rules: input.rules.map(({ id: _id, ...rule }) => rule) };
    const change = { actor, action: "automatic-start", subjectType: "campaign", subjectId: campaignId, after };
    await recordChange(tx, { ...change, before: { rules: before } }, now);
    return get(tx, campaignId);
  });
}

/** The ways by which people are created, each once and always in the same order: they mean the same in any. */
export const inOrder = (ways: readonly Way[] | null) => ways && WAYS.filter((way) => ways.includes(way));

/** Starts those who wait for a yes, a moment later; or forgets them. */
export function answer(db: Db, campaignId: number, start: boolean, actor: Acting, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    await campaigns.lock(tx, campaignId);
    const people = await store.answer(tx, campaignId, start);
    const action = start ? "start-waiting" : "discard-waiting";
    await recordChange(tx, { actor, action, subjectType: "campaign", subjectId: campaignId, after: { people } }, now);
    return get(tx, campaignId);
  });
}

async function checkRules(tx: Tx, rules: readonly RuleInput[]): Promise<void> {
  for (const [index, { emailGroupId, condition }] of rules.entries()) {
    const pointer = `/rules/${index}/condition`;
    if (emailGroupId !== null) await emailGroups.get(tx, emailGroupId);
    await checkConditions(tx, [{ condition, pointer, ofStep: false }], []);
    const leaves = condition ? leavesOf(condition) : [];
    if (leaves.some((leaf) => "opened" in leaf || "clicked" in leaf || "replied" in leaf))
      refuse(
        "condition-invalid",
        "Nobody has had a mail of this Campaign before it starts: ask for fields, groups, events or other Campaigns.",
        pointer,
      );
    if (leaves.some((leaf) => "event" in leaf && leaf.since === "start"))
      refuse(
        "condition-invalid",
        "Before it starts nothing happened since its start: ask for the event at any time.",
        pointer,
      );
  }
}

/** Tables whose facts a condition asks for. */
const ASKED: readonly (readonly [(leaf: ReturnType<typeof leavesOf>[number]) => boolean, string])[] = [
  [() => true, "people"],
  [(leaf) => "group" in leaf, "email_group_members"],
  [(leaf) => "event" in leaf, "events"],
  [(leaf) => "campaign" in leaf || "finished" in leaf, "email_campaigns"],
];
const LONGEST_WAIT = "10s";

/**
 * A rule must see each fact that commits after it, and count as known each that committed before: nobody writes while
 * it looks around. Only conditions look around; a group or a creation is a fact of its own.
 */
async function holdStill(tx: Tx, rules: readonly RuleInput[]): Promise<void> {
  const asked = rules.flatMap(({ condition, on }) => (condition && on ? leavesOf(condition) : []));
  const tables = ASKED.filter(([asks]) => asked.some(asks)).map(([, table]) => table);
  if (tables.length === 0) return;
  await sql`set local lock_timeout = ${sql.lit(LONGEST_WAIT)}`.execute(tx);
  try {
    await sql`lock table ${sql.join(tables.map((table) => sql.table(table)))} in share mode`.execute(tx);
  } catch (error) {
    // Too long waited for, or somebody waits for us as well.
    if (["55P03", "40P01"].includes((error as { code?: string }).code ?? ""))
      refuse(
        "automatic-start-conflict",
        "Something long is being written, such as an import. Try again when it is done.",
      );
    throw error;
  }
}

async function begin(
  tx: Tx,
  id: number,
  { condition, on }: { condition: Condition | null; on: boolean },
): Promise<void> {
  if (on && condition) await store.noteMatching(tx, id, condition);
}
