/** The SQL of watched mailboxes: who holds one, how it is, and how far its folders have been read. */
import { sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";

/** A mailbox there is: `account:ID`, or `environment`. `changed` differs when its settings do. */
export type Box = {
  readonly mailbox: string;
  readonly emailAccountId: number | null;
  readonly changedAt: Temporal.Instant;
};

/** Makes the rows those of the mailboxes there are. Settings that were mended need not wait for the next try. */
export async function sync(db: Db, boxes: readonly Box[], now: Temporal.Instant): Promise<void> {
  const rows = await db.selectFrom("imapMailboxes").select(["mailbox", "state", "changedAt"]).execute();
  const gone = rows.map(({ mailbox }) => mailbox).filter((name) => !boxes.some(({ mailbox }) => mailbox === name));
  if (gone.length > 0) await db.deleteFrom("imapMailboxes").where("mailbox", "in", gone).execute();
  for (const { mailbox, emailAccountId, changedAt } of boxes) {
    const row = rows.find((one) => one.mailbox === mailbox);
    if (!row)
      await db
        .insertInto("imapMailboxes")
        .values({ mailbox, emailAccountId, changedAt: now })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    else if (row.state === "failed" && Temporal.Instant.compare(row.changedAt, changedAt) < 0)
      await db
        .updateTable("imapMailboxes")
        .set({ nextTryAt: null, failures: 0, changedAt: now })
        .where("mailbox", "=", mailbox)
        .where("state", "=", "failed")
        .execute();
  }
}

/** Holds on to what is held. @returns what still is. */
export async function renew(
  db: Db,
  holder: string,
  until: Temporal.Instant,
  now: Temporal.Instant,
): Promise<ReadonlySet<string>> {
  const rows = await db
    .updateTable("imapMailboxes")
    .set({ claimedUntil: until })
    .where("claimedBy", "=", holder)
    .where("claimedUntil", ">", now)
    .returning("mailbox")
    .execute();
  return new Set(rows.map(({ mailbox }) => mailbox));
}

/** Takes mailboxes that nobody holds and whose time has come. */
export async function claim(
  db: Db,
  holder: string,
  until: Temporal.Instant,
  most: number,
  now: Temporal.Instant,
): Promise<readonly string[]> {
  const { rows } = await sql<{ mailbox: string }>`
    update imap_mailboxes set claimed_by = ${holder}, claimed_until = ${until}::timestamptz, state = 'connecting'
    where mailbox in (
      select mailbox from imap_mailboxes
      where (claimed_until is null or claimed_until <= ${now}::timestamptz)
        and (next_try_at is null or next_try_at <= ${now}::timestamptz)
      order by looked_at nulls first limit ${most} for update skip locked)
    returning mailbox`.execute(db);
  return rows.map(({ mailbox }) => mailbox);
}

/** Whether it is still ours, for as long as the transaction lasts. */
export async function holds(tx: Tx, mailbox: string, holder: string): Promise<boolean> {
  const row = await tx
    .selectFrom("imapMailboxes")
    .select("mailbox")
    .where("mailbox", "=", mailbox)
    .where("claimedBy", "=", holder)
    .forShare()
    .executeTakeFirst();
  return row !== undefined;
}

export async function noteConnected(db: Db, mailbox: string, holder: string, now: Temporal.Instant): Promise<void> {
  await db
    .updateTable("imapMailboxes")
    .set({
      state: "watching",
      trouble: null,
      todo: null,
      failures: 0,
      nextTryAt: null,
      connectedAt: now,
      changedAt: now,
    })
    .where("mailbox", "=", mailbox)
    .where("claimedBy", "=", holder)
    .execute();
}

export async function noteLooked(db: Db, mailbox: string, holder: string, now: Temporal.Instant): Promise<void> {
  await db
    .updateTable("imapMailboxes")
    .set({ lookedAt: now })
    .where("mailbox", "=", mailbox)
    .where("claimedBy", "=", holder)
    .execute();
}

/** Gives it back, with what went wrong if something did. */
export async function release(
  db: Db,
  mailbox: string,
  holder: string,
  failed: { trouble: string; todo: string | null; nextTryAt: Temporal.Instant } | null,
  now: Temporal.Instant,
): Promise<void> {
  await db
    .updateTable("imapMailboxes")
    .set((row) => ({
      claimedBy: null,
      claimedUntil: null,
      changedAt: now,
      ...(failed
        ? { ...failed, state: "failed" as const, failures: sql<number>`${row.ref("failures")} + 1` }
        : { state: "waiting" as const }),
    }))
    .where("mailbox", "=", mailbox)
    .where("claimedBy", "=", holder)
    .execute();
}

export async function failuresOf(db: Db, mailbox: string): Promise<number> {
  const row = await db.selectFrom("imapMailboxes").select("failures").where("mailbox", "=", mailbox).executeTakeFirst();
  return row?.failures ?? 0;
}

export type Cursor = { readonly uidValidity: number; readonly lastUid: number; readonly changedAt: Temporal.Instant };

export async function cursorOf(db: Db, mailbox: string, folder: string): Promise<Cursor | null> {
  const row = await db
    .selectFrom("imapCursors")
    .select(["uidValidity", "lastUid", "changedAt"])
    .where("mailbox", "=", mailbox)
    .where("folder", "=", folder)
    .executeTakeFirst();
  return row ?? null;
}

/** Only ever forward within one UIDVALIDITY. */
export async function advance(
  db: Db,
  { mailbox, folder, uidValidity, lastUid }: { mailbox: string; folder: string; uidValidity: number; lastUid: number },
  now: Temporal.Instant,
): Promise<void> {
  await sql`
    insert into imap_cursors (mailbox, folder, uid_validity, last_uid, changed_at)
    values (${mailbox}, ${folder}, ${uidValidity}, ${lastUid}, ${now}::timestamptz)
    on conflict (mailbox, folder) do update set
      last_uid = case when imap_cursors.uid_validity = excluded.uid_validity
        then greatest(imap_cursors.last_uid, excluded.last_uid) else excluded.last_uid end,
      uid_validity = excluded.uid_validity, changed_at = excluded.changed_at`.execute(db);
}

/** All mailboxes, as they are shown. */
export function list(db: Db) {
  return db
    .selectFrom("imapMailboxes")
    .leftJoin("emailAccounts", "emailAccounts.id", "imapMailboxes.emailAccountId")
    .select([
      "imapMailboxes.mailbox",
      "imapMailboxes.emailAccountId",
      "emailAccounts.name",
      "imapMailboxes.state",
      "imapMailboxes.trouble",
      "imapMailboxes.todo",
      "imapMailboxes.nextTryAt",
      "imapMailboxes.connectedAt",
      "imapMailboxes.lookedAt",
      "imapMailboxes.claimedUntil",
    ])
    .orderBy("imapMailboxes.mailbox")
    .execute();
}
