/** Front door: which addresses get nothing more. Checked by key, so letter case never matters (E98); it never deletes, it lifts. */
import { createHmac } from "node:crypto";
import { type Expression, sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import type { SuppressionReason, SuppressionScope } from "../db/tables.ts";
import { forgetSoftBounces } from "./soft-bounces.ts";

export type Suppression = {
  readonly id: number;
  readonly scope: SuppressionScope;
  readonly campaignId: number | null;
  readonly reason: SuppressionReason;
  readonly createdAt: Temporal.Instant;
};

export type NewSuppression = {
  /** The address as `core/address` keys it. */
  readonly emailKey: string;
  readonly personId?: number | null;
  readonly scope: SuppressionScope;
  /** Required with scope `campaign`, absent with the others. */
  readonly campaignId?: number | null;
  readonly reason: SuppressionReason;
  /** Where it came from: a link in message 7, a colleague, a file. */
  readonly origin?: string | null;
};

/**
 * Suppresses an address. Harmless twice (E90).
 * @returns the id, or null when the same suppression is in force already.
 */
export async function suppress(tx: Tx, what: NewSuppression, now: Temporal.Instant): Promise<number | null> {
  const made = await tx
    .insertInto("suppressions")
    .values({
      emailKey: what.emailKey,
      emailHash: null,
      scope: what.scope,
      campaignId: what.scope === "campaign" ? (what.campaignId ?? null) : null,
      reason: what.reason,
      origin: what.origin ?? null,
      personId: what.personId ?? null,
      createdAt: now,
      liftedAt: null,
      liftedBy: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .executeTakeFirst();
  return made?.id ?? null;
}

/** Suppresses many addresses at once, for one reason. @returns how many were not suppressed so before. */
export async function suppressAll(
  tx: Tx,
  emailKeys: readonly string[],
  what: Pick<NewSuppression, "reason" | "origin">,
  now: Temporal.Instant,
): Promise<number> {
  if (emailKeys.length === 0) return 0;
  const made = await sql<{ made: number }>`
    with made as (
      insert into suppressions (email_key, scope, reason, origin, person_id, created_at)
      select distinct on (given.key) given.key, 'everything', ${what.reason}, ${what.origin ?? null}, people.id, ${now}::timestamptz
      from unnest(${emailKeys}::text[]) as given (key) left join people on people.email_key = given.key
      on conflict do nothing
      returning 1
    ) select count(*)::int as made from made`.execute(tx);
  return made.rows[0]?.made ?? 0;
}

/** Which suppressions to lift: all parts given must hold. */
export type Lifted = {
  readonly scope?: SuppressionScope;
  readonly campaignId?: number;
  readonly reasons: readonly SuppressionReason[];
};

/**
 * Lifts suppressions of an address. Only the person's own act may name the reason `unsubscribed`.
 * @returns how many were lifted.
 */
export async function lift(
  tx: Tx,
  emailKey: string,
  which: Lifted,
  by: string,
  now: Temporal.Instant,
): Promise<number> {
  let query = tx
    .updateTable("suppressions")
    .set({ liftedAt: now, liftedBy: by })
    .where("emailKey", "=", emailKey)
    .where("liftedAt", "is", null)
    .where("reason", "in", which.reasons);
  if (which.scope) query = query.where("scope", "=", which.scope);
  if (which.campaignId !== undefined) query = query.where("campaignId", "=", which.campaignId);
  return Number((await query.executeTakeFirst()).numUpdatedRows);
}

/** The suppression that keeps a mail of this Campaign from this address, the widest first; null when there is none (E101). */
export async function covering(db: Db, emailKey: string, campaignId: number | null): Promise<Suppression | null> {
  const found = await db
    .selectFrom("suppressions")
    .select(["id", "scope", "campaignId", "reason", "createdAt"])
    .where("emailKey", "=", emailKey)
    .where("liftedAt", "is", null)
    .where((where) => where.or([where("scope", "<>", "campaign"), where("campaignId", "=", campaignId)]))
    .orderBy(widestFirst)
    .orderBy("id")
    .executeTakeFirst();
  return found ?? null;
}

const widestFirst = sql`array_position(array['everything', 'campaigns', 'campaign'], scope)`;

/**
 * SQL for many at once: the reason of the suppression that covers the address, or null. Give it references:
 * `suppressedBy(sql.ref("people.email_key"), sql.ref("messages.campaign_id"))`.
 */
export function suppressedBy(emailKey: Expression<unknown>, campaignId: Expression<unknown> | number | null) {
  return sql<SuppressionReason | null>`(
    select covering.reason from suppressions covering
    where covering.lifted_at is null and covering.email_key = ${emailKey}
      and (covering.scope <> 'campaign' or covering.campaign_id = ${campaignId})
    order by array_position(array['everything', 'campaigns', 'campaign'], covering.scope), covering.id limit 1)`;
}

/** Keys of the hashes by which erased addresses are known: the current one first, then those of former secrets. */
export type ErasureKeys = readonly Buffer[];

/** What an erased address may be remembered by, one hash a key: without a key nobody can tell from it who it was. */
export function erasedHashesOf(keys: ErasureKeys, emailKey: string): Buffer[] {
  return keys.map((key) => createHmac("sha256", key).update(emailKey).digest());
}

/**
 * Remembers the addresses of an erased person by keyed hash alone: the key goes from every suppression of theirs, the effect stays.
 * An address that comes back is found again by {@link restoreErased}.
 */
export async function forget(
  tx: Tx,
  personId: number,
  emailKeys: readonly string[],
  keys: ErasureKeys,
  now: Temporal.Instant,
): Promise<void> {
  // An address the person had before is known here alone.
  const former = await tx
    .selectFrom("suppressions")
    .select("emailKey")
    .where("personId", "=", personId)
    .where("emailKey", "is not", null)
    .execute();
  await forgetSoftBounces(tx, emailKeys);
  for (const emailKey of new Set([...emailKeys, ...former.flatMap((row) => row.emailKey ?? [])])) {
    const [emailHash] = erasedHashesOf(keys, emailKey);
    if (!emailHash) throw new Error("No key to remember an erased address by.");
    await tx
      .updateTable("suppressions")
      .set({ emailKey: null, emailHash, personId: null, origin: null })
      .where("emailKey", "=", emailKey)
      .execute();
    await tx
      .insertInto("suppressions")
      .values({
        emailKey: null,
        emailHash,
        scope: "everything",
        campaignId: null,
        reason: "erased",
        origin: null,
        personId: null,
        createdAt: now,
        liftedAt: null,
        liftedBy: null,
      })
      .execute();
  }
}

/** The hashes of erased addresses, base64; an import asks once and compares row by row. */
export async function erasedHashes(db: Db): Promise<ReadonlySet<string>> {
  const rows = await db
    .selectFrom("suppressions")
    .select("emailHash")
    .distinct()
    .where("liftedAt", "is", null)
    .where("emailHash", "is not", null)
    .execute();
  return new Set(rows.flatMap(({ emailHash }) => (emailHash ? [emailHash.toString("base64")] : [])));
}

/** An address that was erased and comes back stays suppressed: by its key again, from the hash that was kept (L4). */
export async function restoreErased(
  tx: Tx,
  emailKeys: readonly string[],
  keys: ErasureKeys,
  now: Temporal.Instant,
): Promise<void> {
  const byHash = new Map(
    emailKeys.flatMap((key) => erasedHashesOf(keys, key).map((hash) => [hash.toString("base64"), key] as const)),
  );
  if (byHash.size === 0) return;
  const found = await tx
    .selectFrom("suppressions")
    .select("emailHash")
    .distinct()
    .where("liftedAt", "is", null)
    .where(
      "emailHash",
      "in",
      [...byHash.keys()].map((hash) => Buffer.from(hash, "base64")),
    )
    .execute();
  const again = found.flatMap(({ emailHash }) => byHash.get(emailHash?.toString("base64") ?? "") ?? []);
  await suppressAll(tx, again, { reason: "erased", origin: "the address was erased and came back" }, now);
}

/**
 * A person's new address inherits what the person asked for under the old one; a bounce stays with the old address.
 */
export async function carryOver(
  tx: Tx,
  fromKey: string,
  toKey: string,
  personId: number,
  now: Temporal.Instant,
): Promise<void> {
  await sql`
    insert into suppressions (email_key, scope, campaign_id, reason, origin, person_id, created_at)
    select ${toKey}, scope, campaign_id, reason, 'carried over from the address before', ${personId}, ${now}::timestamptz
    from suppressions
    where email_key = ${fromKey} and lifted_at is null and reason not in ('hard-bounce', 'soft-bounces')
    on conflict do nothing`.execute(tx);
}

/**
 * All addresses of a person who was two share what was asked for by any of them; a bounce stays with its address.
 * @param formerId whose suppressions become those of `personId`.
 */
export async function unite(
  tx: Tx,
  emailKeys: readonly string[],
  formerId: number,
  personId: number,
  now: Temporal.Instant,
): Promise<void> {
  await tx.updateTable("suppressions").set({ personId }).where("personId", "=", formerId).execute();
  await sql`
    insert into suppressions (email_key, scope, campaign_id, reason, origin, person_id, created_at)
    select given.key, scope, campaign_id, reason, 'asked for by another address of the person', ${personId}, ${now}::timestamptz
    from suppressions cross join unnest(${[...emailKeys]}::text[]) as given (key)
    where email_key = any(${[...emailKeys]}::text[]) and given.key <> email_key and lifted_at is null
      and reason not in ('hard-bounce', 'soft-bounces')
    on conflict do nothing`.execute(tx);
}
