/** How fast mail leaves: limits of accounts and recipient domains, exact over all processes, in one commit with the step into DATA. Sends nothing. */
import { sql } from "kysely";
import { counted, type Ledger, type Limits, room } from "../core/rates.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import { type Claim, enterData, type Entry, type Fixed } from "./claim.ts";

/** What a message counts against: an account or a recipient domain, and what that allows at present. */
export type Limited = { readonly key: string; readonly limits: Limits };

/** A limit is reached: the next message may go then. */
export type Held = { readonly held: string; readonly limits: Limits; readonly freeAt: Temporal.Instant };

export type Entering = Claim & Fixed & { readonly within: readonly Limited[] };

/** Whether it counts against any limit. */
export const hasLimits = ({ within }: Entering) => within.length > 0;

/**
 * The step into DATA for as many as the limits allow, in the order given. What is counted and what may leave are one
 * commit, under a lock per ledger: no process can count past another.
 */
export async function enterWithin(
  db: Db,
  messages: readonly Entering[],
  now: Temporal.Instant,
): Promise<(Entry | Held)[]> {
  if (!messages.some(hasLimits)) return enterData(db, messages, now);
  return inTransaction(db, async (tx) => {
    const ledgers = await lock(tx, [...new Set(messages.flatMap(({ within }) => within.map(({ key }) => key)))]);
    const count = ({ key, limits }: Limited, by: number) => {
      ledgers.set(key, counted(limits, ledgers.get(key) ?? {}, by, now));
    };
    const answers = messages.map((message): Held | null => {
      for (const { key, limits } of message.within) {
        const { free, freeAt } = room(limits, ledgers.get(key) ?? {}, now);
        if (free === 0) return { held: key, limits, freeAt };
      }
      for (const one of message.within) count(one, 1);
      return null;
    });
    const entering = messages.filter((_, at) => answers[at] === null);
    const entries = await enterData(tx, entering, now);
    entering.forEach(({ within }, at) => {
      if (entries[at] !== "go") for (const one of within) count(one, -1);
    });
    await write(tx, ledgers);
    const rest = entries.values();
    return answers.map((answer) => answer ?? rest.next().value!);
  });
}

/** Locked in one order everywhere, so that two processes never wait for each other. */
async function lock(tx: Tx, keys: readonly string[]): Promise<Map<string, Ledger>> {
  const sorted = keys.toSorted();
  await sql`insert into rate_ledger (key, counts) select key, '{}' from unnest(${sorted}::text[]) as wanted (key)
    order by key on conflict do nothing`.execute(tx);
  const { rows } = await sql<{ key: string; counts: Ledger }>`
    select key, counts from rate_ledger where key = any(${sorted}::text[]) order by key for update`.execute(tx);
  return new Map(rows.map(({ key, counts }) => [key, counts]));
}

async function write(tx: Tx, ledgers: ReadonlyMap<string, Ledger>): Promise<void> {
  const rows = [...ledgers].map(([key, counts]) => ({ key, counts }));
  await sql`update rate_ledger set counts = written.counts
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as written (key text, counts jsonb)
    where rate_ledger.key = written.key`.execute(tx);
}
