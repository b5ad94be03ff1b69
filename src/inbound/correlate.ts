/** Finds the mail of ours that a received one is about: by what we signed, by our Message-ID, else by address and time. */
import { sql } from "kysely";
import { parseAddress } from "../core/address.ts";
import type { Inbound } from "../core/inbound/classify.ts";
import type { InboundEvent } from "../core/inbound/event.ts";
import type { ReceivedMail } from "../core/inbound/mail.ts";
import { referencesOf } from "../core/inbound/references.ts";
import { verify, verifyReturnPath } from "../core/links.ts";
import { idInMessageId } from "../core/message-id.ts";
import type { Tx } from "../db/database.ts";
import type { About, FoundBy } from "./received.ts";

/** `forged`: it carries something of the form we sign, which we did not; then nothing is guessed either. */
export type Found = { readonly about: About | null; readonly forged: boolean };

/** Notices come within days, at most (RFC 5321 4.5.4.1); people answer for weeks. */
const GUESS_DAYS = 30;

type Mail = {
  readonly mail: ReceivedMail;
  readonly inbound: Inbound;
  readonly envelopeTo: string | null;
  readonly receivedAt: Temporal.Instant;
};

export async function correlate(
  tx: Tx,
  linkKeys: readonly Uint8Array[],
  { mail, inbound, envelopeTo, receivedAt }: Mail,
): Promise<Found> {
  const { sentTo, messageIds, tokens } = referencesOf(mail, envelopeTo);
  const returned = sentTo.map((address) => verifyReturnPath(linkKeys, address.slice(0, address.lastIndexOf("@"))));
  const ours = returned.find((one) => typeof one === "number");
  if (ours !== undefined) {
    const about = await byId(tx, ours, "return-path");
    if (about) return { about, forged: false };
  }
  const forged = returned.includes("forged");
  for (const token of tokens) {
    const claim = verify(linkKeys, "unsubscribe", token);
    const about = claim && (await byId(tx, claim.messageId, "unsubscribe-token"));
    if (about) return { about, forged: false };
  }
  if (forged) return { about: null, forged };
  const named = await byMessageId(tx, messageIds);
  if (named) return { about: named, forged };
  const addresses = inbound.verdicts.flatMap(({ recipient }) => recipient ?? []);
  const guesses = addresses.length > 0 ? addresses : WRITTEN_BY_A_PERSON.has(inbound.kind) ? [mail.from?.address] : [];
  return { about: await byAddress(tx, guesses, receivedAt), forged };
}

/** The kinds whose sender is the one we wrote to. */
const WRITTEN_BY_A_PERSON: ReadonlySet<Inbound["kind"]> = new Set(["reply", "auto-reply", "unsubscribe"]);

/** A provider's event: its webhook is signed, so that an address is enough where no Message-ID is told. */
export async function correlateEvent(tx: Tx, event: InboundEvent, receivedAt: Temporal.Instant): Promise<Found> {
  const named = event.messageId === null ? null : await byMessageId(tx, [event.messageId]);
  const addresses = event.verdicts.flatMap(({ recipient }) => recipient ?? []);
  return { about: named ?? (await byAddress(tx, addresses, receivedAt)), forged: false };
}

const query = (tx: Tx) =>
  tx
    .selectFrom("messages")
    .select([
      "messages.id as messageId",
      "messages.emailCampaignId",
      "messages.campaignId",
      "messages.personId",
      "messages.emailAccountId",
      "messages.address",
    ]);

async function byId(tx: Tx, id: number, foundBy: FoundBy): Promise<About | null> {
  const row = await query(tx).where("messages.id", "=", id).executeTakeFirst();
  return row ? { ...row, foundBy } : null;
}

/** The first of them that is ours: the nearest. */
async function byMessageId(tx: Tx, messageIds: readonly string[]): Promise<About | null> {
  const ids = messageIds.flatMap((one) => idInMessageId(one) ?? []);
  if (ids.length === 0) return null;
  const rows = await query(tx).select("messages.messageId as header").where("messages.id", "in", ids).execute();
  const found = messageIds.flatMap((id) => rows.filter(({ header }) => header === id))[0];
  if (!found) return null;
  const { header: _header, ...about } = found;
  return { ...about, foundBy: "message-id" };
}

/** The latest mail that went to one of the addresses lately. */
async function byAddress(
  tx: Tx,
  addresses: readonly (string | undefined)[],
  receivedAt: Temporal.Instant,
): Promise<About | null> {
  const keys = addresses.flatMap((address) => {
    const parsed = parseAddress(address ?? "");
    return "key" in parsed ? [parsed.key] : [];
  });
  if (keys.length === 0) return null;
  const { rows } = await sql<{ id: number }>`
    select id from people where email_key = any(${keys}::text[])
    union select person_id from person_addresses where email_key = any(${keys}::text[])`.execute(tx);
  if (rows.length === 0) return null;
  const row = await query(tx)
    .where(
      "messages.personId",
      "in",
      rows.map(({ id }) => id),
    )
    .where("messages.firstAttemptAt", ">", receivedAt.subtract({ hours: 24 * GUESS_DAYS }))
    .where("messages.firstAttemptAt", "<=", receivedAt)
    .orderBy("messages.firstAttemptAt", "desc")
    .orderBy("messages.id", "desc")
    .limit(1)
    .executeTakeFirst();
  return row ? { ...row, foundBy: "address" } : null;
}
