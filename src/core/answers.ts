/** How made-up people answer mail: shares that give the same answers for the same seed, and answers named one by one. Rolls no dice. */

export const DEEDS = ["bounce", "unsubscribe", "reply", "click", "open"] as const;
export type Deed = (typeof DEEDS)[number];

/** Which share of mails is answered how, from 0 to 1, and after how many hours. */
export type Answers = {
  readonly shares: Readonly<Partial<Record<Deed, number>>>;
  readonly afterHours: number;
  /** Another seed gives other answers. */
  readonly seed: number;
  /** What single people do about single mails, whatever the shares say. `person` and `mail` count from 0. */
  readonly named: readonly {
    readonly person: number;
    readonly mail: number;
    readonly does: Deed;
    readonly afterHours: number;
  }[];
};

/** What one person does about one mail. A mail that bounces is not opened. */
export function answersTo(
  answers: Answers,
  person: number,
  mail: number,
): { readonly does: Deed; readonly afterHours: number }[] {
  const named = answers.named.filter((one) => one.person === person && one.mail === mail);
  if (named.length > 0) return named.map(({ does, afterHours }) => ({ does, afterHours }));
  const done = DEEDS.filter((deed) => fraction(answers.seed, person, mail, deed) < (answers.shares[deed] ?? 0));
  if (done.includes("bounce")) return [{ does: "bounce", afterHours: 0 }];
  return done.map((does) => ({ does, afterHours: answers.afterHours }));
}

/** A number from 0 to 1, evenly spread, always the same for the same input (FNV-1a, then a mix of the bits). */
function fraction(seed: number, person: number, mail: number, deed: Deed): number {
  let hash = 0x811c9dc5;
  for (const character of `${seed} ${person} ${mail} ${deed}`) {
    hash ^= character.codePointAt(0)!;
    hash = Math.imul(hash, 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x7feb352d);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x846ca68b);
  hash ^= hash >>> 16;
  return (hash >>> 0) / 2 ** 32;
}
