/** A received mail as the rest sees it, whichever way it came: what it is, what it says, and which mail of ours it is about. */
import type { Inbound } from "../core/inbound/classify.ts";
import type { InboundWay } from "../db/tables.ts";

/** How a mail of ours was found; the last one is a guess, the others cannot be made up by a stranger. */
export type FoundBy = "return-path" | "unsubscribe-token" | "message-id" | "address";

export type About = {
  /** Ours: the row in `messages`. */
  readonly messageId: number;
  readonly emailCampaignId: number;
  readonly campaignId: number;
  readonly personId: number;
  readonly emailAccountId: number | null;
  /** The address that mail went to; null once its person is erased. */
  readonly address: string | null;
  readonly foundBy: FoundBy;
};

export type Received = Inbound & {
  readonly id: number;
  readonly way: InboundWay;
  /** The account whose mailbox it came to, else the one our mail left by. */
  readonly emailAccountId: number | null;
  readonly about: About | null;
  /** It carries a return path that looks like ours and is none: nothing of it is believed. */
  readonly forged: boolean;
  readonly from: { readonly name: string; readonly address: string } | null;
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
  /** Its own Message-ID with the angle brackets. */
  readonly messageIdHeader: string | null;
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
  /** Out of office: the first day on which its writer is there again, where the note says so. */
  readonly returnOn: Temporal.PlainDate | null;
  /** What its Date says. */
  readonly date: Temporal.Instant | null;
  readonly receivedAt: Temporal.Instant;
};
