/** Facts that may make a condition true, noted by the database in the transaction in which they happen: taken here, missed never. */
import { sql } from "kysely";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import { announce } from "./due.ts";

const AT_ONCE = 2000;

/** Takes whom it waits for; what is taken is gone when the transaction commits, and back when it does not. */
async function takeFacts(tx: Tx): Promise<number[]> {
  const { rows } = await sql<{ personId: number }>`
    with taken as (
      select id from pending_facts order by id limit ${AT_ONCE} for update skip locked
    )
    delete from pending_facts using taken where pending_facts.id = taken.id
    returning pending_facts.person_id`.execute(tx);
  return rows.map(({ personId }) => personId);
}

/** Has whoever a condition of their Campaign may concern now looked at again at once. @returns how many. */
export async function wakeAsking(tx: Tx, personIds: readonly number[], now: Temporal.Instant): Promise<number> {
  const { rows } = await sql<{ id: number }>`
    with asking as (
      select id from email_campaigns
      where person_id = any(${[...new Set(personIds)]}::bigint[]) and status in ('Scheduled', 'In Progress')
        and (schedule_version_id is not null
          or campaign_id = any(array(select id from campaigns where stop_if is not null or goal is not null)))
      order by id for update
    )
    update email_campaigns set next_due_at = ${now}::timestamptz
    from asking where email_campaigns.id = asking.id
    returning email_campaigns.id`.execute(tx);
  if (rows.length > 0) await announce(tx);
  return rows.length;
}

/** Handles what waits, some thousand in each transaction. @returns how many facts there were. */
export async function handleFacts(db: Db, now: Temporal.Instant): Promise<number> {
  for (let total = 0; ;) {
    const count = await inTransaction(db, async (tx) => {
      const facts = await takeFacts(tx);
      if (facts.length === 0) return 0;
      await wakeAsking(tx, facts, now);
      return facts.length;
    });
    total += count;
    if (count < AT_ONCE) return total;
  }
}
