/** What a provider reports by webhook, whichever provider it is. Data only. */
import type { InboundKind, Verdict } from "./classify.ts";

export type InboundEvent = {
  readonly provider: string;
  /** The provider's own name of this event; it makes a repeated one known. */
  readonly id: string;
  readonly kind: InboundKind;
  readonly verdicts: readonly Verdict[];
  /** Our Message-ID with its angle brackets, where the provider tells. */
  readonly messageId: string | null;
  /** When it happened, ISO 8601. */
  readonly at: string | null;
  /** The event as it was reported. */
  readonly original: unknown;
};
