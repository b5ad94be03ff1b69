/** The built-in mailbox: keeps the exact bytes of what would have been sent. It hands nothing on to anybody. */
import type { Db } from "../db/database.ts";
import { refuse } from "../core/problem.ts";
import { positionOf } from "../http/paging.ts";

export type Mail = {
  /** The message it is; the same one handed over again, after a crash, is kept once. Null: a test mail, or mail to a user. */
  readonly messageId: number | null;
  readonly envelopeFrom: string;
  readonly envelopeTo: string;
  readonly subject: string;
  readonly bytes: Buffer;
};

const COLUMNS = ["id", "messageId", "envelopeFrom as from", "envelopeTo as to", "subject", "receivedAt"] as const;

/** Keeps a mail. Harmless twice. */
export async function keep(db: Db, mail: Mail, now: Temporal.Instant): Promise<void> {
  await db
    .insertInto("mailboxMessages")
    .values({ ...mail, receivedAt: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The mails of the mailbox, newest first. */
export function list(db: Db, filter: { to?: string; cursor?: string; limit: number }) {
  let query = db
    .selectFrom("mailboxMessages")
    .select(COLUMNS)
    .orderBy("id", "desc")
    .limit(filter.limit + 1);
  if (filter.to)
    query = query.where((where) => where(where.fn("lower", ["envelopeTo"]), "=", filter.to!.toLowerCase()));
  if (filter.cursor) query = query.where("id", "<", positionOf(filter.cursor).id);
  return query.execute();
}

/** One mail with its bytes. */
export async function get(db: Db, id: number) {
  const found = await db
    .selectFrom("mailboxMessages")
    .select([...COLUMNS, "bytes"])
    .where("id", "=", id)
    .executeTakeFirst();
  return found ?? refuse("mailbox-message-not-found", `There is no message ${id} in the mailbox.`);
}

/** Empties the mailbox. What was sent stays on the timelines. */
export async function clear(db: Db): Promise<number> {
  const { numDeletedRows } = await db.deleteFrom("mailboxMessages").executeTakeFirst();
  return Number(numDeletedRows);
}

/** Deletes the mails of these messages: their people were erased. */
export async function forget(db: Db, messageIds: readonly number[]): Promise<void> {
  if (messageIds.length > 0)
    await db
      .deleteFrom("mailboxMessages")
      .where((where) => where("messageId", "=", where.fn.any(where.val([...messageIds]))))
      .execute();
}
