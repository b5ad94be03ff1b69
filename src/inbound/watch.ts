/** Watches one mailbox while it is held: reads what is new in its folders, then listens for more. Marks and moves nothing in it. */
import type { ImapFlow } from "imapflow";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import type { ImapSettings } from "../mail/imap-settings.ts";
import { ImapTrouble, openImap, troubleOf } from "../mail/imap.ts";
import { receive } from "./inbound.ts";
import * as store from "./mailbox-store.ts";

export type Watched = {
  readonly db: Db;
  readonly mailbox: string;
  readonly emailAccountId: number | null;
  readonly holder: string;
  readonly settings: ImapSettings;
  readonly clock: Clock;
  /** Something was stored. */
  readonly onStored: () => void;
  readonly pollMs?: number;
};

/** Folders that are not listened to are looked into this often, and all of them where the server announces nothing. */
const POLL_MS = 60_000;
/** How far back a mailbox is read the first time; what it holds from before is none of ours. */
const FIRST_LOOK_DAYS = 7;
/** When UIDs were made anew: clocks differ, and INTERNALDATE is compared by days (RFC 3501, 6.4.4). */
const AGAIN_DAYS = 2;
/** More of a mail is not kept: recognising looks at less. */
const MOST_BYTES = 10 * 1024 * 1024;

/** Ends when `signal` does. @throws ImapTrouble when the mailbox cannot be read, or not any more. */
export async function watch(watched: Watched, signal: AbortSignal): Promise<void> {
  const { db, mailbox, holder, settings, clock, pollMs = POLL_MS } = watched;
  const client = await openImap(settings);
  const news = newsOf(client, signal);
  try {
    await store.noteConnected(db, mailbox, holder, clock());
    while (!signal.aborted) {
      news.seen();
      // The first one last: it stays open, and is what the server tells about.
      for (const folder of [...settings.folders].reverse()) await readFolder(watched, client, folder, signal);
      await store.noteLooked(db, mailbox, holder, clock());
      if (signal.aborted) break;
      const idling = client.idle().catch(() => undefined);
      await news.wait(pollMs);
      if (signal.aborted) break;
      // Any further command ends IDLE; a server without it polls by itself in the meantime.
      await client.noop();
      await idling;
    }
  } catch (error) {
    if (!signal.aborted) throw troubleOf(error, settings);
  } finally {
    client.close();
  }
}

/** What the server announces, and the end of the connection. */
function newsOf(client: ImapFlow, signal: AbortSignal) {
  let some = false;
  let wake = () => {};
  const tell = () => {
    some = true;
    wake();
  };
  client.on("exists", tell);
  client.on("close", tell);
  signal.addEventListener("abort", tell, { once: true });
  return {
    seen: () => void (some = false),
    async wait(ms: number): Promise<void> {
      if (some || !client.usable) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, ms);
      await promise;
      clearTimeout(timer);
    },
  };
}

async function readFolder(watched: Watched, client: ImapFlow, folder: string, signal: AbortSignal): Promise<void> {
  const { db, mailbox, clock } = watched;
  let lock;
  try {
    lock = await client.getMailboxLock(folder, { readOnly: true });
  } catch (error) {
    if (!client.usable) throw error;
    throw new ImapTrouble(
      "folders",
      `The folder ${folder} cannot be opened.`,
      "Check how it is spelt, and whether it still exists.",
      true,
    );
  }
  try {
    if (client.mailbox === false) return;
    const uidValidity = Number(client.mailbox.uidValidity);
    const newest = client.mailbox.uidNext - 1;
    const cursor = await store.cursorOf(db, mailbox, folder);
    const known = cursor?.uidValidity === uidValidity ? cursor : null;
    const uids = known
      ? // `n:*` names the last mail even when its UID is smaller (RFC 3501, 6.4.8).
        await found(client, { uid: `${known.lastUid + 1}:*` }, (uid) => uid > known.lastUid)
      : await found(client, { since: sinceWhen(cursor, clock()) }, () => true);
    for (const uid of uids) {
      if (signal.aborted) return;
      await readMail(watched, client, { folder, uidValidity, uid });
    }
    const lastUid = Math.max(known?.lastUid ?? 0, uids.at(-1) ?? 0, known ? 0 : newest);
    // Also when nothing was new: the moment says how far back to read should UIDs be made anew.
    await store.advance(db, { mailbox, folder, uidValidity, lastUid }, clock());
  } finally {
    lock.release();
  }
}

async function found(
  client: ImapFlow,
  query: Parameters<ImapFlow["search"]>[0],
  isNew: (uid: number) => boolean,
): Promise<number[]> {
  const uids = await client.search(query, { uid: true });
  return (uids || []).filter(isNew).sort((a, b) => a - b);
}

/** All that may have come since we looked last: UIDs were made anew, and a mail that is known is not stored again. */
function sinceWhen(cursor: store.Cursor | null, now: Temporal.Instant): Date {
  const since = cursor
    ? cursor.changedAt.subtract({ hours: 24 * AGAIN_DAYS })
    : now.subtract({ hours: 24 * FIRST_LOOK_DAYS });
  return new Date(since.epochMilliseconds);
}

/** The mail and how far we are, in one commit: a mail is neither lost nor fetched for ever. */
async function readMail(
  { db, mailbox, holder, emailAccountId, clock, onStored }: Watched,
  client: ImapFlow,
  place: { folder: string; uidValidity: number; uid: number },
): Promise<void> {
  const query = { uid: true, source: { start: 0, maxLength: MOST_BYTES } };
  const got = await client.fetchOne(String(place.uid), query, { uid: true });
  // Expunged meanwhile.
  if (!got || !got.source) return;
  const { source: bytes } = got;
  const stored = await db.transaction().execute(async (tx) => {
    if (!(await store.holds(tx, mailbox, holder)))
      throw new ImapTrouble(
        "connect",
        "Another process reads this mailbox now.",
        "Nothing: this is as it should be.",
        false,
      );
    const id = await receive(tx, { way: "imap", bytes, emailAccountId, place }, clock());
    await store.advance(tx, { mailbox, ...place, lastUid: place.uid }, clock());
    return id;
  });
  if (stored !== "known") onStored();
}
