/** What people got of late, for the frequency cap: read, and counted up while a batch is planned. Writes nothing. */
import { sql } from "kysely";
import { freeAt } from "../core/frequency.ts";
import type { FrequencyCap } from "../core/timing.ts";
import type { Db, Tx } from "../db/database.ts";

/** Somebody a cap holds for; null: none does. */
export type Capped = { readonly personId: number; readonly cap: FrequencyCap | null };

/** How much people have got, as of one moment. */
export type Ledger = {
  /** When one more may leave to them; null: now. */
  freeAt(of: Capped): Temporal.Instant | null;
  /** One more is on its way to them. */
  add(personId: number): void;
};

const ALWAYS_FREE: Ledger = { freeAt: () => null, add: () => undefined };

/** The ledger of these people. Without a cap it asks the database nothing. */
export async function ledgerOf(db: Db, people: readonly Capped[], now: Temporal.Instant): Promise<Ledger> {
  const capped = people.filter(({ cap }) => cap !== null);
  if (capped.length === 0) return ALWAYS_FREE;
  const days = Math.max(...capped.map(({ cap }) => cap!.days));
  const ids = [...new Set(capped.map(({ personId }) => personId))];
  const { rows } = await sql<{ personId: number; at: Temporal.Instant | null }>`
    select person_id, case state when 'accepted' then finished_at end as at from messages
    where person_id = any(${ids}::bigint[]) and (
      state in ('planned', 'claimed', 'in_data', 'deferred', 'unknown')
      or (state = 'accepted' and finished_at > ${now.subtract({ hours: 24 * days })}::timestamptz))`.execute(db);
  const left = Map.groupBy(rows, ({ personId }) => personId);
  const known = new Map(ids.map((id) => [id, (left.get(id) ?? []).map(({ at }) => at)]));
  return {
    freeAt: ({ personId, cap }) => cap && freeAt(cap, known.get(personId) ?? [], now),
    add: (personId) => known.get(personId)?.push(null),
  };
}

/**
 * Locks these people, so that no other planner counts them at the same time; nobody is waited for. What is planned for
 * them must be counted after this and written in the same transaction.
 * @returns those that are locked; the others are being planned for, or changed, at this moment.
 */
export async function lockForCap(tx: Tx, personIds: readonly number[]): Promise<ReadonlySet<number>> {
  // `no key`: rows that refer to a person, as messages do, may still be inserted.
  const { rows } = await sql<{ id: number }>`
    select id from people where id = any(${[...new Set(personIds)]}::bigint[])
    order by id for no key update skip locked`.execute(tx);
  return new Set(rows.map(({ id }) => id));
}
