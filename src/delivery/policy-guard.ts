/** Notices when servers refuse an account's mail as a matter of policy: going on would make its name worse. Holds the last results only. */

/** Of the last results of an account, and of them so many refused before it is paused. */
const LOOKED_AT = 20;
const MOST_REFUSED = 5;

export function createPolicyGuard() {
  const lately = new Map<number, boolean[]>();
  return {
    /** @returns whether the account is to be paused: at least five, and half, of its last twenty were refused so. */
    concluded(account: number, refusedByPolicy: boolean): boolean {
      const results = [...(lately.get(account) ?? []), refusedByPolicy].slice(-LOOKED_AT);
      lately.set(account, results);
      const refused = results.filter(Boolean).length;
      if (!refusedByPolicy || refused < MOST_REFUSED || refused * 2 < results.length) return false;
      lately.delete(account);
      return true;
    },
  };
}
