/** What refusals as a matter of policy say: that an account is not wanted, or one Campaign alone. Knows no database. */

/** One mail that a server took or refused, of one account; refused by policy or not. */
export type PolicyResult = { readonly campaignId: number; readonly refused: boolean };

/** Of so many results at most, and of them so many refused, and at least half. */
const LOOKED_AT = 20;
export const MOST_REFUSED = 5;
/** Other Campaigns of the account pass: so many of their last mails are known, and at most so large a share is refused. */
const OTHERS_LEAST = 10;
const OTHERS_SHARE = 0.1;

/**
 * Whether the account or one Campaign is to be paused, after a mail of that Campaign was refused. Mail of one Campaign
 * refused while others of the same account pass is a matter of what it says or of whom it is sent to.
 * @param results the newest first.
 */
export function verdictOn(results: readonly PolicyResult[], campaignId: number): "account" | "campaign" | null {
  const own = results.filter((result) => result.campaignId === campaignId);
  const others = results.filter((result) => result.campaignId !== campaignId).slice(0, LOOKED_AT);
  const othersPass = others.length >= OTHERS_LEAST && refusedOf(others) <= others.length * OTHERS_SHARE;
  if (othersPass) return isTooMuch(own) ? "campaign" : null;
  return isTooMuch(results) ? "account" : null;
}

function isTooMuch(results: readonly PolicyResult[]): boolean {
  const lately = results.slice(0, LOOKED_AT);
  const refused = refusedOf(lately);
  return refused >= MOST_REFUSED && refused * 2 >= lately.length;
}

const refusedOf = (results: readonly PolicyResult[]) => results.filter(({ refused }) => refused).length;
