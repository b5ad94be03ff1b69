/** Answers a repeated request with the first one's answer (Idempotency-Key). Never runs the same request twice within a day. */
import { createHash } from "node:crypto";
import type { Db } from "../db/database.ts";
import { refuse } from "../core/problem.ts";

/** An answer kept for a day. Its body is sealed: it may hold a key that is shown once. */
export type Kept = { readonly status: number; readonly etag: string | null; readonly body: string };
export type Seal = { encrypt(text: string): string; decrypt(sealed: string): string };

const KEPT_HOURS = 24;
/** A request whose process died holds its key this long; no request of ours runs longer. */
const RUNNING_MINUTES = 10;

/**
 * Takes the key for this request. Returns the kept answer of the first one, or null: go ahead.
 * Refuses while the first still runs, and when the key was used for something else.
 */
export async function claim(
  db: Db,
  request: { caller: string; key: string; content: string },
  seal: Seal,
  now: Temporal.Instant,
): Promise<Kept | null> {
  const { caller, key } = request;
  const requestHash = createHash("sha256").update(request.content).digest();
  const taken = await db
    .insertInto("idempotentRequests")
    .values({ actor: caller, key, requestHash, createdAt: now })
    .onConflict((conflict) =>
      conflict
        .columns(["actor", "key"])
        .doUpdateSet({ requestHash, status: null, body: null, createdAt: now })
        .where((row) =>
          row.or([
            row("idempotentRequests.createdAt", "<=", now.subtract({ hours: KEPT_HOURS })),
            row.and([
              row("idempotentRequests.status", "is", null),
              row("idempotentRequests.createdAt", "<=", now.subtract({ minutes: RUNNING_MINUTES })),
            ]),
          ]),
        ),
    )
    .returning("key")
    .executeTakeFirst();
  if (taken) return null;
  const first = await db
    .selectFrom("idempotentRequests")
    .select(["requestHash", "status", "body"])
    .where("actor", "=", caller)
    .where("key", "=", key)
    .executeTakeFirst();
  if (first && !first.requestHash.equals(requestHash))
    refuse("idempotency-key-reused", "This Idempotency-Key was used for a different request. Use a new one.");
  if (!first || first.status === null)
    return refuse(
      "idempotency-key-running",
      "The first request with this Idempotency-Key is still running. Try again shortly.",
    );
  const { etag, body } = JSON.parse(seal.decrypt(first.body ?? "")) as Omit<Kept, "status">;
  return { status: first.status, etag, body };
}

/** Keeps the answer for whoever repeats the request. */
export async function keep(db: Db, request: { caller: string; key: string }, answer: Kept, seal: Seal): Promise<void> {
  await db
    .updateTable("idempotentRequests")
    .set({ status: answer.status, body: seal.encrypt(JSON.stringify({ etag: answer.etag, body: answer.body })) })
    .where("actor", "=", request.caller)
    .where("key", "=", request.key)
    .execute();
}

/** Frees the key: the request was refused or failed, nothing was done, and it may be tried again. */
export async function release(db: Db, request: { caller: string; key: string }): Promise<void> {
  await db
    .deleteFrom("idempotentRequests")
    .where("actor", "=", request.caller)
    .where("key", "=", request.key)
    .where("status", "is", null)
    .execute();
}

/** Forgets answers older than a day. */
export async function forgetOld(db: Db, now: Temporal.Instant): Promise<void> {
  await db
    .deleteFrom("idempotentRequests")
    .where("createdAt", "<=", now.subtract({ hours: KEPT_HOURS }))
    .execute();
}

/** Checks the header's form; undefined when there is none. */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header !== "string" || !/^[\x21-\x7e]{1,255}$/.test(header))
    refuse("idempotency-key-invalid", "An Idempotency-Key is 1 to 255 printable characters without blanks.");
  return header;
}
