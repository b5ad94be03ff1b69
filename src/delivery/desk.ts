/** Where all connections ask: one commit for whoever asks at the same time, results first, then steps into DATA. Sends nothing. */
import { type Db, inOneGo, inTransaction } from "../db/database.ts";
import { enterData, type Entry } from "./claim.ts";
import { conclude, concludePlain, isPlain } from "./conclude.ts";
import { forgetMonths, openMonth } from "./contents.ts";
import { gather } from "./gather.ts";
import { type Entering, enterWithin, hasLimits, type Held } from "./limits.ts";
import type { Result } from "./record.ts";

type Ask = { readonly entering: Entering } | { readonly result: Result };
/** Of a step into DATA; a result has none. */
type Answer = Entry | Held | { readonly failed: unknown } | null;

export type Desk = {
  /** The last look at a message and its step into DATA. Rejects when the database does not answer. */
  enter(message: Entering): Promise<Entry | Held>;
  /** Resolves once the result is written down. */
  settle(result: Result): Promise<void>;
};

/** How many of each share one commit at most. */
const MOST_AT_ONCE = 400;
/** While one batch waits for its commit, connections that are ready meanwhile are the next. */
const SIDE = 2;
/** So many are worth a batch beside another one. */
const WORTHWHILE = 16;

/**
 * A busy connection ends one mail and begins the next at about the same time, and so do the others: written together,
 * both cost half the commits.
 * @param keepTrying for results, which must be written down however long the database is away.
 */
export function createDesk(
  db: Db,
  at: () => Temporal.Instant,
  keepTrying: (work: () => Promise<void>) => Promise<void>,
): Desk {
  const ask = gather<Ask, Answer>(
    async (asks) => {
      const results = asks.flatMap((one) => ("result" in one ? [one.result] : []));
      const entering = asks.flatMap((one) => ("entering" in one ? [one.entering] : []));
      const entries = (await together(results, entering)).values();
      return asks.map((one) => ("result" in one ? null : entries.next().value!));
    },
    MOST_AT_ONCE,
    { side: SIDE, worthwhile: WORTHWHILE },
  );

  async function together(results: readonly Result[], entering: readonly Entering[]): Promise<readonly Answer[]> {
    try {
      if (entering.length > 0) await openMonth(db, at());
      if (results.length === 0) return await enterWithin(db, entering, at());
      if (results.every(isPlain) && !entering.some(hasLimits)) {
        const now = at();
        const [, entries] = await inOneGo(db, (go) => [concludePlain(go, results, now), enterData(go, entering, now)]);
        return entries;
      }
      return await inTransaction(db, async (tx) => {
        await conclude(tx, results, at());
        return enterWithin(tx, entering, at());
      });
    } catch (failed) {
      forgetMonths(db);
      // Nobody may begin a mail now; but what was accepted must be written down.
      if (results.length > 0) await keepTrying(() => inTransaction(db, (tx) => conclude(tx, results, at())));
      return entering.map(() => ({ failed }));
    }
  }

  return {
    async enter(entering) {
      const answer = await ask({ entering });
      if (typeof answer === "object" && answer !== null && "failed" in answer) throw answer.failed;
      return answer!;
    },
    async settle(result) {
      await ask({ result });
    },
  };
}
