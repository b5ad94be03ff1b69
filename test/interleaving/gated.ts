/** A database whose every statement waits for its turn. Real connections, real SQL; a killed actor's transactions are rolled back. */
import { CamelCasePlugin, Kysely, PostgresDialect } from "kysely";
import type pg from "pg";
import type { Db } from "../../src/db/database.ts";
import type { Tables } from "../../src/db/tables.ts";
import type { Actor, Turnstile } from "./turnstile.ts";

export function gatedDatabase(pool: pg.Pool, turnstile: Turnstile, actor: Actor): Db {
  const gate = {
    async connect() {
      const client = await pool.connect();
      if (!actor.alive) {
        client.release();
        return new Promise(() => undefined);
      }
      actor.connections.add(client);
      // One connection does what it is sent in that order, whether or not the answers are waited for.
      let behind: Promise<unknown> | undefined;
      const inOrder = <Result>(work: () => Promise<Result>): Promise<Result> => {
        const mine = behind ? behind.then(work) : work();
        const over: Promise<unknown> = mine
          .catch(() => undefined)
          .finally(() => {
            if (behind === over) behind = undefined;
          });
        behind = over;
        return mine;
      };
      const query = (text: string, values: unknown[]) => {
        const pid = (client as unknown as { processID: number }).processID;
        const ask = async () => {
          if (/^begin/i.test(text)) actor.open.add(client);
          const result = await client.query(text, values);
          if (/^(?:commit|rollback)$/i.test(text)) actor.open.delete(client);
          return result;
        };
        // Who only looks changes nothing for anybody, and what is seen may be old in any case.
        if (isLook(text) && actor.alive) return turnstile.look(actor, () => client.query(text, values));
        return turnstile.ask(actor, labelOf(text), ask, pid);
      };
      return {
        query: (text: string, values: unknown[]) => inOrder(() => query(text, values)),
        release: () => {
          if (actor.connections.delete(client)) client.release();
        },
      };
    },
    end: () => Promise.resolve(),
  };
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: gate as never }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
}

/**
 * What the server does with the connections of a process that is gone: transactions are rolled back at once, but for a
 * statement that waits for a lock, which is done first when its turn comes.
 */
export async function hangUp(actor: Actor, turnstile: Turnstile): Promise<void> {
  for (const client of actor.connections) {
    const { processID: pid } = client as unknown as { processID: number };
    const gone = actor.open.has(client) || turnstile.isUnderWay(pid) ? client.query("rollback") : Promise.resolve();
    const over = gone.then(() => client.release());
    if (turnstile.isUnderWay(pid)) turnstile.follow(pid, over);
    else await over;
  }
  actor.connections.clear();
  actor.open.clear();
}

/** Reads nothing that is decided by; the facts a mail is sent by wait for their turn as well. */
function isLook(text: string): boolean {
  return (
    /^\s*(?:\/\* prepared \*\/)?\s*select/.test(text) &&
    !/for (?:no key )?update|for share|as in_doubt|as obstacle/.test(text)
  );
}

/** A statement in a few words, the same at every run. */
function labelOf(text: string): string {
  const known = LABELS.find(([pattern]) => pattern.test(text));
  return known?.[1] ?? text.replace(/\s+/g, " ").slice(0, 60);
}

const LABELS: readonly (readonly [RegExp, string])[] = [
  [/insert into messages \(email_campaign_id/, "PLAN"],
  [/set state = 'claimed'/, "CLAIM"],
  [/as in_doubt\s+from messages left join/, "RECOVER"],
  [/set state = 'in_data'/, "ENTER"],
  [/insert into delivery_attempts[\s\S]*select id, email_campaign_id, person_id from written/, "RECORD"],
  [/update email_campaigns\s+set status = next\.status/, "ADVANCE"],
  [/set claimed_until = /, "RENEW"],
  [/with concerned as/, "AFTER RESULTS"],
];
