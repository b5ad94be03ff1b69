/** Who may read measurements: whoever holds an API key, as everywhere, and also while the database that knows it is away. */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { Refusal } from "../core/problem.ts";
import type { Caller } from "./serve.ts";

export type MayMeasure = (headers: IncomingHttpHeaders) => Promise<boolean>;

/** As a scope of keys is written everywhere. */
const SCOPE = "metrics:read";
/** A database that says nothing is one that is away. */
const LONGEST_WAIT_MS = 1000;
/** Nobody has so many good keys for this. */
const MOST_KEPT = 100;

/**
 * Asks for a key at each request. A key that was good the last time it could be looked up is believed while the database
 * does not answer: just then somebody wants to know why.
 */
export function createMeasuringKeys(
  authenticate: (headers: Pick<IncomingHttpHeaders, "authorization">) => Promise<Caller | null>,
): MayMeasure {
  const good = new Set<string>();
  return async ({ authorization }) => {
    if (authorization === undefined) return false;
    const digest = createHash("sha256").update(authorization).digest("base64");
    try {
      const late = sleep(LONGEST_WAIT_MS, undefined, { ref: false }).then(() => Promise.reject(new Error("late")));
      const caller = await Promise.race([authenticate({ authorization }), late]);
      const { scopes = [] } = caller ?? {};
      const may = caller !== null && (scopes.length === 0 || scopes.includes(SCOPE));
      if (!may) good.delete(digest);
      else if (good.size < MOST_KEPT) good.add(digest);
      return may;
    } catch (error) {
      if (!(error instanceof Refusal)) return good.has(digest);
      good.delete(digest);
      return false;
    }
  };
}
