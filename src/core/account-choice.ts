/** In which order the email accounts of a sender are tried for a person. The same person gets the same order, as long as the accounts stay. */

/** `in-order`: the first, and the next one only when it cannot send. `rotation`: each gets its share of the people. */
export type AccountChoice = "in-order" | "rotation";

/**
 * The accounts in the order in which they are tried.
 *
 * In rotation each account draws a number from its id and the person's, and the best draw goes first (rendezvous
 * hashing with weights): shares follow the weights, nothing has to be remembered, and an account that is added or taken
 * away moves those people only whom it wins or loses.
 */
export function inTurn<Account extends { readonly id: number | null; readonly weight: number }>(
  accounts: readonly Account[],
  choice: AccountChoice,
  personId: number,
): Account[] {
  if (choice === "in-order" || accounts.length < 2) return [...accounts];
  return accounts
    .map((account) => ({ account, score: -Math.log(draw(personId, account.id ?? 0)) / account.weight }))
    .sort((one, other) => one.score - other.score)
    .map(({ account }) => account);
}

/** From 0 to 1, without its ends: well mixed bits of two numbers (the finalizer of MurmurHash3). */
function draw(personId: number, accountId: number): number {
  let bits = 0x9e3779b9;
  for (const number of [personId % 2 ** 32, Math.floor(personId / 2 ** 32), accountId % 2 ** 32]) {
    bits = mixed(bits ^ mixed(number | 0));
  }
  return ((bits >>> 0) + 0.5) / 2 ** 32;
}

function mixed(bits: number): number {
  let mix = (bits + 0x9e3779b9) | 0;
  mix = Math.imul(mix ^ (mix >>> 16), 0x85ebca6b);
  mix = Math.imul(mix ^ (mix >>> 13), 0xc2b2ae35);
  return mix ^ (mix >>> 16);
}
