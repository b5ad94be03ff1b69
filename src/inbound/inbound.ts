/** Front door: what comes back. Each mail and event is stored first and handled once; one that cannot be handled is set aside. */
import { createHash } from "node:crypto";
import { recordChange } from "../accounts/audit.ts";
import type { InboundEvent } from "../core/inbound/event.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { InboundWay } from "../db/tables.ts";
import type { Actor } from "../http/serve.ts";
import * as store from "./store.ts";

export { handleStored, type Handling } from "./handle.ts";

export type Incoming = {
  readonly way: InboundWay;
  readonly emailAccountId?: number | null;
  readonly envelopeFrom?: string | null;
  readonly envelopeTo?: string | null;
  /** Where in a mailbox it lies. */
  readonly place?: { readonly folder: string; readonly uidValidity: number; readonly uid: number };
} & ({ readonly bytes: Uint8Array } | { readonly event: InboundEvent });

/**
 * Stores what came in; nothing follows from it yet. Once this has answered, it is ours to handle.
 * @returns its id, or `known` when the same mail or event has come before, whichever way.
 */
export function receive(db: Db, incoming: Incoming, now: Temporal.Instant): Promise<number | "known"> {
  return store.insert(
    db,
    {
      way: incoming.way,
      emailAccountId: incoming.emailAccountId ?? null,
      dedupeKey: "bytes" in incoming ? mailKey(incoming.bytes) : eventKey(incoming.event),
      folder: incoming.place?.folder ?? null,
      uidValidity: incoming.place?.uidValidity ?? null,
      uid: incoming.place?.uid ?? null,
      envelopeFrom: incoming.envelopeFrom ?? null,
      envelopeTo: incoming.envelopeTo ?? null,
      raw: "bytes" in incoming ? Buffer.from(incoming.bytes) : null,
      event: "event" in incoming ? JSON.stringify(incoming.event) : null,
    },
    now,
  );
}

/** One that was set aside is handled again. */
export function retry(db: Db, id: number, actor: Pick<Actor, "name">, now: Temporal.Instant): Promise<void> {
  return inTransaction(db, async (tx) => {
    if (!(await store.unsetAside(tx, id)))
      refuse("received-mail-not-found", `There is no received mail ${id} that was set aside.`);
    await recordChange(tx, { actor, action: "retry", subjectType: "received-mail", subjectId: id }, now);
  });
}

/** Forgets what an erased person wrote and what was said of their address; that something came stays (L4). */
export function forgetPerson(tx: Tx, personId: number): Promise<void> {
  return store.forgetPerson(tx, personId);
}

/** Gives one person's received mails to another. */
export function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  return store.movePerson(tx, formerId, personId);
}

/**
 * The same for the same mail on whichever way: servers on the way add to its head, so that of the head only the
 * Message-ID counts. Without one, the whole mail does.
 */
function mailKey(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = ["\r\n\r\n", "\n\n"].map((gap) => buffer.indexOf(gap)).filter((index) => index >= 0);
  const end = at.length > 0 ? Math.min(...at) : buffer.length;
  const head = buffer.subarray(0, end).toString("latin1");
  const id = /^Message-ID:\s*(<[^<>\s]{3,500}>)/im.exec(head)?.[1];
  const hash = createHash("sha256").update(id === undefined ? "mail\0" : `mail\0${id}\0`);
  // Line ends differ between ways, and so does what follows the last line.
  const body = (id === undefined ? buffer : buffer.subarray(end)).toString("latin1").replaceAll("\r\n", "\n").trimEnd();
  return hash.update(body).digest("hex");
}

function eventKey({ provider, id }: InboundEvent): string {
  return createHash("sha256").update(`event\0${provider}\0${id}`).digest("hex");
}
