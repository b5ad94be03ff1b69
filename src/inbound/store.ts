/** The SQL of received mails. A row is written once when it comes, and once when it has been handled. */
import { sql } from "kysely";
import type { Inbound } from "../core/inbound/classify.ts";
import type { Db, Tx } from "../db/database.ts";
import type { InboundWay } from "../db/tables.ts";
import type { Whom } from "./persons.ts";

export type NewRow = {
  readonly way: InboundWay;
  readonly emailAccountId: number | null;
  readonly dedupeKey: string;
  readonly folder: string | null;
  readonly uidValidity: number | null;
  readonly uid: number | null;
  readonly envelopeFrom: string | null;
  readonly envelopeTo: string | null;
  readonly raw: Buffer | null;
  readonly event: string | null;
};

export async function insert(db: Db, row: NewRow, now: Temporal.Instant): Promise<number | "known"> {
  const made = await db
    .insertInto("receivedMails")
    .values({ ...row, receivedAt: now })
    .onConflict((conflict) => conflict.column("dedupeKey").doNothing())
    .returning("id")
    .executeTakeFirst();
  return made?.id ?? "known";
}

export type Claimed = { readonly id: number; readonly attempts: number };

/** Takes the oldest mail nobody handles. Committed before it is handled, so that one that ends the process is counted. */
export async function claim(db: Db, leaseSeconds: number, now: Temporal.Instant): Promise<Claimed | null> {
  const { rows } = await sql<Claimed>`
    update received_mails set attempts = attempts + 1, claimed_until = ${now.add({ seconds: leaseSeconds })}::timestamptz
    where id = (
      select id from received_mails
      where state = 'stored' and (claimed_until is null or claimed_until <= ${now}::timestamptz)
      order by id limit 1 for update skip locked)
    returning id, attempts`.execute(db);
  return rows[0] ?? null;
}

/** The row for as long as it is handled; null when another one has it, or it has been handled. */
export async function lock(tx: Tx, { id, attempts }: Claimed) {
  const row = await tx
    .selectFrom("receivedMails")
    .select(["id", "way", "emailAccountId", "envelopeFrom", "envelopeTo", "raw", "event", "receivedAt"])
    .where("id", "=", id)
    .where("attempts", "=", attempts)
    .where("state", "=", "stored")
    .forUpdate()
    .executeTakeFirst();
  return row ?? null;
}

export type Stored = NonNullable<Awaited<ReturnType<typeof lock>>>;

/** Reports may show what is wrong with our mail even where they name none. */
const KEPT_ANYHOW: ReadonlySet<Inbound["kind"]> = new Set(["bounce", "complaint"]);

export async function markHandled(
  tx: Tx,
  id: number,
  { kind, verdicts }: Inbound,
  about: Whom | null,
  now: Temporal.Instant,
): Promise<void> {
  // A mailbox holds more than answers to us. What is about nothing of ours is not ours to keep.
  const stranger = about === null && !KEPT_ANYHOW.has(kind);
  await tx
    .updateTable("receivedMails")
    .set({
      ...(stranger ? { raw: null, event: null, envelopeFrom: null, envelopeTo: null } : {}),
      state: "handled",
      claimedUntil: null,
      error: null,
      handledAt: now,
      kind,
      verdict: JSON.stringify(verdicts),
      personId: about?.personId ?? null,
      emailCampaignId: about?.emailCampaignId ?? null,
      messageId: about?.messageId ?? null,
    })
    .where("id", "=", id)
    .execute();
}

/** What went wrong, and whether it is tried again. */
export async function markFailed(
  db: Db,
  { id, attempts }: Claimed,
  to: {
    readonly state: "stored" | "set-aside";
    readonly error: string;
    readonly claimedUntil: Temporal.Instant | null;
  },
): Promise<void> {
  await db
    .updateTable("receivedMails")
    .set(to)
    .where("id", "=", id)
    .where("attempts", "=", attempts)
    .where("state", "=", "stored")
    .execute();
}

export async function forgetPerson(tx: Tx, personId: number): Promise<void> {
  await tx
    .updateTable("receivedMails")
    .set({ raw: null, event: null, verdict: null, envelopeFrom: null, envelopeTo: null })
    .where("personId", "=", personId)
    .execute();
}

export async function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  await tx.updateTable("receivedMails").set({ personId }).where("personId", "=", formerId).execute();
}

/** Gives one that was set aside another chance. @returns whether it was. */
export async function unsetAside(tx: Tx, id: number): Promise<boolean> {
  const row = await tx
    .updateTable("receivedMails")
    .set({ state: "stored", attempts: 0, error: null, claimedUntil: null })
    .where("id", "=", id)
    .where("state", "=", "set-aside")
    .returning("id")
    .executeTakeFirst();
  return row !== undefined;
}

/** How many wait, how many were set aside, since when, and how the mailboxes are. */
export async function waiting(db: Db) {
  const { rows } = await sql<{
    stored: number;
    setAside: number;
    oldest: Temporal.Instant | null;
    watching: number;
    failed: number;
  }>`
    select (select count(*) from received_mails where state = 'stored') as stored,
      (select min(received_at) from received_mails where state = 'stored') as oldest,
      (select count(*) from received_mails where state = 'set-aside') as set_aside,
      (select count(*) from imap_mailboxes where state = 'watching') as watching,
      (select count(*) from imap_mailboxes where state = 'failed') as failed`.execute(db);
  return rows[0]!;
}
