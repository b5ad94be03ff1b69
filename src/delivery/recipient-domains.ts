/** Recipient domains that get less mail than all others: limited by a person, or at rest because their servers asked for it. */
import { sql } from "kysely";
import type { z } from "zod";
import { limitsOf } from "../accounts/accounts.ts";
import { difference, recordChange } from "../accounts/audit.ts";
import { parseAddress } from "../core/address.ts";
import { refuse } from "../core/problem.ts";
import { isLimited, type Limits } from "../core/rates.ts";
import { brokenConstraint, type Db, inTransaction } from "../db/database.ts";
import { positionOf } from "../http/paging.ts";
import type { Actor } from "../http/serve.ts";
import type { recipientDomains as api } from "./api.ts";

export type RecipientDomain = { readonly limits: Limits; readonly restsUntil: Temporal.Instant | null };

/** Those that are limited or rest at present, by name; of all others as much may leave as the accounts allow. */
export async function slower(db: Db, now: Temporal.Instant): Promise<ReadonlyMap<string, RecipientDomain>> {
  const rows = await db.selectFrom("recipientDomains").selectAll().execute();
  const known = rows.map((row) => {
    const rests = row.restsUntil !== null && Temporal.Instant.compare(row.restsUntil, now) > 0;
    return [row.domain, { limits: limitsOf(row), restsUntil: rests ? row.restsUntil : null }] as const;
  });
  return new Map(known.filter(([, { limits, restsUntil }]) => restsUntil !== null || isLimited(limits)));
}

/** The domain rests at least until then; every process reads it before its next batch. */
export async function rest(
  db: Db,
  { domain, until, reason }: { domain: string; until: Temporal.Instant; reason: string },
  now: Temporal.Instant,
): Promise<void> {
  await sql`insert into recipient_domains (domain, rests_until, rests_reason, created_at, changed_at)
    values (${domain}, ${until}::timestamptz, ${reason}, ${now}::timestamptz, ${now}::timestamptz)
    on conflict (domain) do update
    set rests_until = greatest(recipient_domains.rests_until, excluded.rests_until),
      rests_reason = excluded.rests_reason`.execute(db);
}

export function list(db: Db, { limit, cursor }: { limit: number; cursor?: string }) {
  let query = db
    .selectFrom("recipientDomains")
    .selectAll()
    .orderBy("id")
    .limit(limit + 1);
  if (cursor) query = query.where("id", ">", positionOf(cursor).id);
  return query.execute();
}

export async function create(
  db: Db,
  { domain, ...limits }: z.output<typeof api.create.body>,
  actor: Pick<Actor, "name">,
  now: Temporal.Instant,
) {
  const address = parseAddress(`someone@${domain}`);
  if ("problem" in address) return refuse("domain-invalid", `“${domain}” is no domain mail can go to.`, "/domain");
  return inTransaction(db, async (tx) => {
    try {
      const made = await tx
        .insertInto("recipientDomains")
        .values({
          domain: address.key.slice(address.key.lastIndexOf("@") + 1),
          ...limits,
          createdAt: now,
          changedAt: now,
        })
        .returningAll()
        .executeTakeFirstOrThrow();
      await recordChange(tx, { actor, action: "create", ...SUBJECT, subjectId: made.id, after: made }, now);
      return made;
    } catch (error) {
      if (brokenConstraint(error) === "recipient_domains_unique")
        return refuse("recipient-domain-exists", "This domain is here already. Change its limits.", "/domain");
      throw error;
    }
  });
}

export async function update(
  db: Db,
  id: number,
  { rests, ...limits }: z.output<typeof api.update.body>,
  actor: Pick<Actor, "name">,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const found = await tx
      .selectFrom("recipientDomains")
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (!found) return refuse("recipient-domain-not-found", `There is no recipient domain ${id}.`);
    const saved = await tx
      .updateTable("recipientDomains")
      .set({ ...limits, ...(rests === false ? { restsUntil: null, restsReason: null } : {}), changedAt: now })
      .where("id", "=", id)
      .returningAll()
      .executeTakeFirstOrThrow();
    const changes = difference(found, { ...saved, changedAt: found.changedAt });
    if (changes) await recordChange(tx, { actor, action: "update", ...SUBJECT, subjectId: id, ...changes }, now);
    return saved;
  });
}

/** Its mail leaves as fast as the accounts allow again. */
export async function remove(db: Db, id: number, actor: Pick<Actor, "name">, now: Temporal.Instant): Promise<void> {
  await inTransaction(db, async (tx) => {
    const found = await tx.deleteFrom("recipientDomains").where("id", "=", id).returningAll().executeTakeFirst();
    if (!found) refuse("recipient-domain-not-found", `There is no recipient domain ${id}.`);
    await recordChange(tx, { actor, action: "delete", ...SUBJECT, subjectId: id, before: found }, now);
  });
}

const SUBJECT = { subjectType: "recipient-domain" } as const;
