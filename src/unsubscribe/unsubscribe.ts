/** Front door: by the signed link in a mail a person leaves, comes back, or says whether they are measured. Nobody else can. */
import { recordEntry, recordMeasuring } from "../communications/communications.ts";
import { maskAddress, parseAddress } from "../core/address.ts";
import { verify } from "../core/links.ts";
import type { Measuring } from "../core/person.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { currentId, sayMeasuring } from "../people/people.ts";
import { covering, lift, suppress } from "../suppressions/suppressions.ts";

export const SCOPES = ["campaign", "campaigns", "everything"] as const;
export type Scope = (typeof SCOPES)[number];

/** Whom a link is about. */
export type Leaver = {
  readonly personId: number;
  readonly emailCampaignId: number;
  readonly messageId: number;
  readonly campaignId: number;
  readonly campaignName: string;
  /** Masked; null once the person is erased. */
  readonly address: string | null;
  /** What the addresses are compared by: the one the mail went to, and the person's now. */
  readonly emailKeys: readonly string[];
  /** The widest scope the person has left already. */
  readonly leftScope: Scope | null;
  /** Whether what they open and click is measured. */
  readonly measuring: Measuring;
};

/** Reads a link; null unless we signed it for this very message (E87, E96). Changes nothing. */
export async function find(db: Db, linkKeys: readonly Uint8Array[], token: string): Promise<Leaver | null> {
  const claim = verify(linkKeys, "unsubscribe", token);
  return claim && leaverOf(db, claim);
}

/** Whom a mail of ours went to; null where there is no such mail. Whoever calls has made sure who asks. */
export async function leaverOf(
  db: Db,
  claim: Pick<Leaver, "emailCampaignId" | "personId" | "messageId">,
): Promise<Leaver | null> {
  const row = await db
    .selectFrom("messages")
    .innerJoin("people", "people.id", "messages.personId")
    .innerJoin("campaigns", "campaigns.id", "messages.campaignId")
    .select([
      "messages.personId",
      "messages.address",
      "people.email",
      "people.measuring",
      "messages.campaignId",
      "campaigns.name as campaignName",
    ])
    .where("messages.id", "=", claim.messageId)
    .where("messages.emailCampaignId", "=", claim.emailCampaignId)
    .executeTakeFirst();
  // Whoever was merged into another since is that other.
  if (!row || (row.personId !== claim.personId && row.personId !== (await currentId(db, claim.personId)))) return null;
  const { campaignId, campaignName, personId, measuring } = row;
  const addresses = [row.address, row.email].filter((address) => address !== null);
  const emailKeys = [...new Set(addresses.flatMap(keyOf))];
  const shown = addresses[0];
  return {
    ...claim,
    personId,
    campaignId,
    campaignName,
    address: shown === undefined ? null : maskAddress(shown),
    emailKeys,
    leftScope: await leftScopeOf(db, emailKeys, campaignId),
    measuring,
  };
}

/**
 * The person leaves. In one transaction: the addresses are suppressed, what runs ends, and the timeline says so. Harmless
 * twice (E90). Memberships of Email Groups stay as they are: the suppression alone decides (E95).
 * @param by `one-click`: the mail program's own button (RFC 8058); `page`: the form; `mail`: an email that asks for it.
 */
export function leave(
  db: Db,
  leaver: Leaver,
  scope: Scope,
  by: "one-click" | "page" | "mail",
  now: Temporal.Instant,
): Promise<void> {
  return inTransaction(db, async (tx) => {
    const { personId, campaignId } = leaver;
    const made = await suppressAll(tx, leaver, scope, by, now);
    const ending = { event: "unsubscribe" } as const;
    // This one even when it was finished already (E92); of the others, those that run.
    const own = await emailCampaigns.end(tx, { ids: [leaver.emailCampaignId], finished: true }, ending, now);
    const reach = { personIds: [personId], ...(scope === "campaign" ? { campaignId } : {}) };
    const others = await emailCampaigns.end(tx, reach, ending, now);
    if (made + own.length + others.length === 0) return;
    await recordEntry(
      tx,
      {
        personId,
        emailCampaignId: leaver.emailCampaignId,
        kind: "unsubscribed",
        subject: SUBJECT[scope](leaver.campaignName),
        detail: { scope, by, messageId: leaver.messageId },
      },
      now,
    );
  });
}

/**
 * The person comes back by their own act: what they asked for through a link is lifted. An Email Campaign that ended
 * stays ended; whether another one begins is for the sender to decide (E26, E27).
 */
export function returnAgain(db: Db, leaver: Leaver, now: Temporal.Instant): Promise<void> {
  return inTransaction(db, async (tx) => {
    let lifted = 0;
    for (const emailKey of leaver.emailKeys) {
      for (const scope of SCOPES) {
        const which = { scope, reasons: ["unsubscribed"] as const };
        const where = scope === "campaign" ? { ...which, campaignId: leaver.campaignId } : which;
        lifted += await lift(tx, emailKey, where, "the person, by the link in an email", now);
      }
    }
    if (lifted === 0) return;
    await recordEntry(
      tx,
      {
        personId: leaver.personId,
        emailCampaignId: leaver.emailCampaignId,
        kind: "resubscribed",
        subject: "Wants to receive emails again",
        detail: { messageId: leaver.messageId },
      },
      now,
    );
  });
}

/** The person says whether what they open and click is measured. Harmless twice. */
export function choose(db: Db, leaver: Leaver, measuring: Measuring, now: Temporal.Instant): Promise<void> {
  return inTransaction(db, async (tx) => {
    const { personId, emailCampaignId } = leaver;
    if (await sayMeasuring(tx, personId, measuring, now))
      await recordMeasuring(tx, { personId, emailCampaignId, measuring, by: null }, now);
  });
}

const SUBJECT: Readonly<Record<Scope, (campaign: string) => string>> = {
  campaign: (campaign) => `Left this conversation: ${campaign}`,
  campaigns: () => "Left this conversation and all other campaigns",
  everything: () => "Left this conversation and wants no email at all",
};

async function suppressAll(
  tx: Tx,
  leaver: Leaver,
  scope: Scope,
  by: "one-click" | "page" | "mail",
  now: Temporal.Instant,
): Promise<number> {
  let made = 0;
  for (const emailKey of leaver.emailKeys) {
    const { personId, campaignId, messageId } = leaver;
    const origin = by === "mail" ? `an email about message ${messageId}` : `the link in message ${messageId}`;
    const id = await suppress(tx, { emailKey, personId, scope, campaignId, reason: "unsubscribed", origin }, now);
    if (id !== null) made += 1;
  }
  return made;
}

async function leftScopeOf(db: Db, emailKeys: readonly string[], campaignId: number): Promise<Scope | null> {
  for (const emailKey of emailKeys) {
    const found = await covering(db, emailKey, campaignId);
    if (found?.reason === "unsubscribed") return found.scope;
  }
  return null;
}

function keyOf(address: string): string[] {
  const parsed = parseAddress(address);
  return "key" in parsed ? [parsed.key] : [];
}
