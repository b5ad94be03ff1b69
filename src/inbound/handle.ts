/** Handles what is stored, each once: recognised, found, acted on, in one transaction. What fails twice is set aside. */
import { parseAddress } from "../core/address.ts";
import { classifyInbound, type Inbound } from "../core/inbound/classify.ts";
import { readMail, type ReceivedMail } from "../core/inbound/mail.ts";
import { returnOn } from "../core/inbound/return-on.ts";
import type { Db, Tx } from "../db/database.ts";
import { isDatabaseLoss } from "../http/problems.ts";
import type { Logger } from "../log.ts";
import { act } from "./act.ts";
import { correlate, correlateEvent, type Found } from "./correlate.ts";
import { knownPerson } from "./persons.ts";
import type { Received } from "./received.ts";
import * as store from "./store.ts";

export type Handling = {
  readonly db: Db;
  /** Keys of links and return paths, the current one first. */
  readonly linkKeys: readonly Uint8Array[];
  readonly log?: Pick<Logger, "warn">;
  /** Called for each one that was handled, with its kind, or set aside. */
  readonly onHandled?: (kind: Inbound["kind"] | "set-aside") => void;
  /** Another than the usual consequence, for tests. */
  readonly act?: typeof act;
};

/** Long enough for the largest mail; whoever ends within it leaves the mail to others. */
const LEASE_SECONDS = 60;
const MOST_FAILURES = 2;
/** A process may end for reasons of its own while it handles a mail; a mail that ends it each time is set aside. */
const MOST_CLAIMS = 4;
const RETRY_SECONDS = 5;
const MOST_A_TURN = 500;
const MOST_ERROR = 2000;

/** Handles what is stored now. @returns how many were handled or set aside. */
export async function handleStored(handling: Handling, now: Temporal.Instant): Promise<number> {
  let done = 0;
  while (done < MOST_A_TURN) {
    const claimed = await store.claim(handling.db, LEASE_SECONDS, now);
    if (!claimed) break;
    if (await handleOne(handling, claimed, now)) done += 1;
  }
  return done;
}

async function handleOne(handling: Handling, claimed: store.Claimed, now: Temporal.Instant): Promise<boolean> {
  const { db, log, onHandled } = handling;
  if (claimed.attempts > MOST_CLAIMS) {
    await setAside(handling, claimed, "Every process that handled it ended while it did.");
    return true;
  }
  try {
    const kind = await db.transaction().execute((tx) => handle(handling, tx, claimed, now));
    if (kind) onHandled?.(kind);
    return kind !== null;
  } catch (error) {
    // The database went away: no fault of the mail. Its claim lapses.
    if (isDatabaseLoss(error)) throw error;
    const text = (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, MOST_ERROR);
    log?.warn({ err: error, receivedMail: claimed.id }, "a received mail could not be handled");
    if (claimed.attempts >= MOST_FAILURES) {
      await setAside(handling, claimed, text);
      return true;
    }
    const claimedUntil = now.add({ seconds: RETRY_SECONDS });
    await store.markFailed(db, claimed, { state: "stored", error: text, claimedUntil });
    return false;
  }
}

async function setAside({ db, onHandled }: Handling, claimed: store.Claimed, error: string): Promise<void> {
  await store.markFailed(db, claimed, { state: "set-aside", error, claimedUntil: null });
  onHandled?.("set-aside");
}

async function handle(
  { linkKeys, act: follow = act }: Handling,
  tx: Tx,
  claimed: store.Claimed,
  now: Temporal.Instant,
): Promise<Inbound["kind"] | null> {
  const row = await store.lock(tx, claimed);
  if (!row) return null;
  const received = await read(tx, linkKeys, row);
  await follow(tx, received, now);
  await store.markHandled(tx, row.id, received, received.about ?? (await writer(tx, received)), now);
  return received.kind;
}

/** Somebody we know who wrote of their own accord. */
async function writer(tx: Tx, { from }: Received) {
  const parsed = parseAddress(from?.address ?? "");
  return "key" in parsed ? knownPerson(tx, parsed.key) : null;
}

/** From the stored row to what it means. */
async function read(tx: Tx, linkKeys: readonly Uint8Array[], row: store.Stored): Promise<Received> {
  if (row.event) {
    const found = await correlateEvent(tx, row.event, row.receivedAt);
    return { ...NO_LETTER, ...common(row, { kind: row.event.kind, verdicts: row.event.verdicts }, found) };
  }
  if (!row.raw) return { ...NO_LETTER, ...common(row, { kind: "other", verdicts: [] }, NOTHING) };
  const mail = await readMail(row.raw);
  const inbound = await classifyInbound(row.raw, mail);
  const found = await correlate(tx, linkKeys, { mail, inbound, ...row });
  const writtenOn = row.receivedAt.toZonedDateTimeISO("UTC").toPlainDate();
  const back = inbound.kind === "auto-reply" ? returnOn(mail.text, writtenOn) : null;
  return { ...common(row, inbound, found), ...letter(mail), returnOn: back };
}

const NOTHING: Found = { about: null, forged: false };
const NO_LETTER = {
  from: null,
  subject: "",
  text: "",
  html: null,
  messageIdHeader: null,
  inReplyTo: null,
  references: [],
  returnOn: null,
  date: null,
};

function common(row: store.Stored, { kind, verdicts }: Inbound, { about, forged }: Found) {
  const { id, way, receivedAt } = row;
  return {
    id,
    way,
    receivedAt,
    kind,
    verdicts,
    about,
    forged,
    emailAccountId: row.emailAccountId ?? about?.emailAccountId ?? null,
  };
}

function letter(mail: ReceivedMail) {
  const header = (name: string) => mail.headers.get(name)?.[0] ?? "";
  const ids = (text: string) => text.slice(0, 10_000).match(/<[^<>\s]{3,500}>/g) ?? [];
  const { from, subject, text, html } = mail;
  return {
    from,
    subject,
    text,
    html,
    messageIdHeader: ids(header("message-id"))[0] ?? null,
    inReplyTo: ids(header("in-reply-to"))[0] ?? null,
    references: ids(header("references")),
    date: instantIn(header("date")),
  };
}

function instantIn(text: string): Temporal.Instant | null {
  const ms = Date.parse(text);
  return Number.isFinite(ms) ? Temporal.Instant.fromEpochMilliseconds(ms) : null;
}
