/** The audit log: who changed what, and when (E35). Append-only; never holds a password, a token or a key. */
import { refuse } from "../core/problem.ts";
import type { Db, Tx } from "../db/database.ts";
import { positionOf } from "../http/paging.ts";
import { type Acting, refuseUnlessOwn } from "./ownership.ts";

/** One change. `before` and `after` hold the fields that changed; null where there was or is nothing. */
export type Change = {
  readonly actor: Acting;
  /** A verb in the domain's words: `create`, `update`, `pause`, `revoke`. */
  readonly action: string;
  /** Kebab-case, as in the URL but singular: `email-campaign`. */
  readonly subjectType: string;
  readonly subjectId: string | number;
  readonly before?: object | null;
  readonly after?: object | null;
};

/** Writes one change in the transaction that makes it, so that neither stands without the other. */
export function recordChange(tx: Tx, change: Change, now: Temporal.Instant): Promise<void> {
  return recordChanges(tx, [change], now);
}

/**
 * Writes some hundred changes at once. A change of what belongs to somebody else is refused here, and with it the
 * transaction: nothing that is written down escapes the rule.
 */
export async function recordChanges(tx: Tx, changes: readonly Change[], now: Temporal.Instant): Promise<void> {
  if (changes.length === 0) return;
  // A test mail changes nothing: whoever may look at a template may send it to themselves.
  await refuseUnlessOwn(
    tx,
    changes.filter(({ action }) => action !== "test-send"),
  );
  await tx
    .insertInto("auditEntries")
    .values(
      changes.map((change) => ({
        at: now,
        actor: change.actor.name,
        action: change.action,
        subjectType: change.subjectType,
        subjectId: String(change.subjectId),
        before: written(change.before),
        after: written(change.after),
      })),
    )
    .execute();
}

export type AuditFilter = {
  readonly limit: number;
  readonly cursor?: string | undefined;
  readonly actor?: string | undefined;
  readonly subjectType?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly action?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
};

/** What was changed, newest first. */
export function listChanges(db: Db, { limit, cursor, from, to, ...filter }: AuditFilter) {
  let query = db
    .selectFrom("auditEntries")
    .select(["id", "at", "actor", "action", "subjectType", "subjectId", "before", "after"])
    .orderBy("id", "desc")
    .limit(limit + 1);
  for (const column of ["actor", "subjectType", "subjectId", "action"] as const) {
    const value = filter[column];
    if (value !== undefined) query = query.where(column, "=", value);
  }
  if (from !== undefined) query = query.where("at", ">=", momentOf(from, "/from"));
  if (to !== undefined) query = query.where("at", "<", momentOf(to, "/to"));
  if (cursor !== undefined) query = query.where("id", "<", positionOf(cursor).id);
  return query.execute();
}

function momentOf(text: string, pointer: string): Temporal.Instant {
  try {
    return Temporal.Instant.from(text);
  } catch {
    return refuse("moment-invalid", "A moment is written as 2026-12-01T09:00:00Z.", pointer);
  }
}

/** The fields of `after` that differ from `before`, as a pair for {@link recordChange}; null when nothing does. */
export function difference<Row extends object>(
  before: Row,
  after: Partial<Row>,
): { before: Partial<Row>; after: Partial<Row> } | null {
  const keys = (Object.keys(after) as (keyof Row)[]).filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
  if (keys.length === 0) return null;
  const pick = (row: Partial<Row>) => Object.fromEntries(keys.map((key) => [key, row[key] ?? null])) as Partial<Row>;
  return { before: pick(before), after: pick(after) };
}

function written(value: object | null | undefined): string | null {
  return value == null ? null : JSON.stringify(value);
}
