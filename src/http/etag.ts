/** Conditional requests: a row's `changedAt` as its ETag (RFC 9110, section 8.8.3). Decides no conflict itself. */
import { refuse } from "../core/problem.ts";

/** The ETag of an answer that carries `changedAt`; undefined for all others. */
export function etagOf(answer: unknown): string | undefined {
  if (answer === null || typeof answer !== "object" || !("changedAt" in answer)) return undefined;
  const changedAt = answer.changedAt;
  return changedAt instanceof Temporal.Instant || typeof changedAt === "string" ? `"${String(changedAt)}"` : undefined;
}

/** The moment an If-Match header names; null when there is none or it takes any. A tag that is not ours never matches. */
export function unchangedSince(header: string | undefined): Temporal.Instant | null {
  if (header === undefined || header.trim() === "*") return null;
  const tag = /^"([^"]+)"$/.exec(header.trim())?.[1];
  try {
    return Temporal.Instant.from(tag ?? "");
  } catch {
    return refuse("precondition-failed", "If-Match does not hold an ETag of ours. Read the record again, then repeat.");
  }
}

/** Refuses an edit of a row that somebody changed since the caller read it. Call it on the locked row. */
export function refuseIfChanged(unchangedSince: Temporal.Instant | null, changedAt: Temporal.Instant): void {
  if (unchangedSince && !unchangedSince.equals(changedAt))
    refuse("changed-meanwhile", "Somebody changed this since you read it. Read it again, then repeat your edit.");
}

/** Whether If-None-Match names this tag, so that the caller's copy is still good. */
export function isFresh(header: string | undefined, etag: string): boolean {
  return header !== undefined && header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}
