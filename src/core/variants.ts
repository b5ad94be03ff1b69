/** Which variant of a step a person gets: an even split that is the same on every machine and at every time. Knows no database. */

/** A is the step's own template; the others follow. */
export const LETTERS = ["A", "B", "C", "D", "E"] as const;
export type Letter = (typeof LETTERS)[number];

/** What a winner is judged by. */
export const MEASURES = ["opened", "clicked", "replied"] as const;
export type Measure = (typeof MEASURES)[number];

/** When a winner is looked for, and by what. */
export type WinnerRule = {
  readonly by: Measure;
  /** So many people were sent the step; null: however many. */
  readonly afterSent: number | null;
  /** So many times 24 hours after the first of its mails left; null: however long. With both, both are waited for. */
  readonly afterDays: number | null;
  /** Each variant was sent to so many at least. */
  readonly atLeast: number;
  /** What is sent where no variant is clearly better: as the split has it, or variant A to everybody. */
  readonly otherwise: "split" | "A";
};

export type OtherVariant = {
  readonly letter: Exclude<Letter, "A">;
  readonly emailTemplateId: number;
  readonly weight: number;
};

/** The variants of a step besides its own template. Weights are shares of their sum; 0: nobody gets it. */
export type Variants = {
  /** Of variant A. */
  readonly weight: number;
  readonly others: readonly OtherVariant[];
  readonly winner: WinnerRule | null;
};

/** What was decided about the variants of a step: by its rule, or by hand. Holds for the very templates it was about. */
export type VariantDecision = {
  readonly outcome: "won" | "no-clear-winner" | "chosen";
  /** Null: it stays with the split. */
  readonly winner: Letter | null;
  /** The template of each variant when it was decided. */
  readonly templates: Readonly<Partial<Record<Letter, number>>>;
  readonly at: Temporal.Instant;
  /** Null: by the rule. */
  readonly by: string | null;
};

/** What became of the mails of one variant: people, each counted once. */
export type VariantFigures = {
  readonly letter: Letter;
  readonly sent: number;
  /** Of those, in how many opening was measured. */
  readonly opensMeasured: number;
  readonly clicksMeasured: number;
  /** Where that was measured; a click in such a mail is an opening, too. */
  readonly opened: number;
  readonly clicked: number;
  readonly replied: number;
  readonly unsubscribed: number;
};

type Weighed = { readonly variants?: Variants | null };
type Varied = Weighed & { readonly emailTemplateId: number };

/** The weight and the template of each variant, A first; one alone where a step has no others. */
export function variantsOf({ emailTemplateId, variants }: Varied) {
  return [{ letter: "A" as Letter, emailTemplateId, weight: variants?.weight ?? 1 }, ...(variants?.others ?? [])];
}

const weightsOf = ({ variants }: Weighed): readonly { readonly letter: Letter; readonly weight: number }[] => [
  { letter: "A", weight: variants?.weight ?? 1 },
  ...(variants?.others ?? []),
];

/**
 * The variant a person gets of a step. Each variant draws a number from step, person and its own letter, the higher its
 * weight the lower; the lowest has it (weighted rendezvous hashing). So a weight that goes up only draws people to its
 * variant, one that goes down only sends people away from it, and nobody changes between two others.
 */
export function variantFor(
  step: Weighed & { readonly id: number },
  personId: number,
  winner: Letter | null = null,
): Letter {
  const all = weightsOf(step);
  if (winner !== null && all.some(({ letter }) => letter === winner)) return winner;
  let best: Letter = "A";
  let lowest = Number.POSITIVE_INFINITY;
  for (const { letter, weight } of all) {
    const drawn = weight > 0 ? -Math.log(fraction(step.id, personId, letter)) / weight : Number.POSITIVE_INFINITY;
    if (drawn >= lowest) continue;
    lowest = drawn;
    best = letter;
  }
  return best;
}

/** The template of a variant; that of A where the variant is gone. */
export function templateOf(step: Varied, letter: Letter): number {
  return variantsOf(step).find((one) => one.letter === letter)?.emailTemplateId ?? step.emailTemplateId;
}

/** The templates by their letters, as a decision keeps them. */
export function templatesOf(step: Varied): Partial<Record<Letter, number>> {
  return Object.fromEntries(variantsOf(step).map(({ letter, emailTemplateId }) => [letter, emailTemplateId]));
}

/** Whether a decision is about the variants as they are: with other templates or other letters another trial begins. */
export function holdsFor(decision: Pick<VariantDecision, "templates">, step: Varied): boolean {
  const present = templatesOf(step);
  return (
    Boolean(step.variants) && LETTERS.every((letter) => (decision.templates[letter] ?? 0) === (present[letter] ?? 0))
  );
}

/** The share of each variant in whole hundredths, as authors read it. */
export function sharesOf(step: Weighed): { readonly letter: Letter; readonly share: number }[] {
  const all = weightsOf(step);
  const sum = all.reduce((total, { weight }) => total + weight, 0);
  return all.map(({ letter, weight }) => ({ letter, share: sum === 0 ? 0 : Math.round((100 * weight) / sum) }));
}

/**
 * A number between 0 and 1, neither of them, evenly spread and always the same for the same input: two rounds of a
 * 32-bit mix (the finaliser of MurmurHash3) over the halves of both numbers make 52 bits.
 */
function fraction(stepId: number, personId: number, letter: Letter): number {
  const parts = [...halves(stepId), ...halves(personId), letter.codePointAt(0)!];
  let [high, low] = [0x9e3779b9, 0x85ebca6b];
  for (const part of parts) {
    high = mixed(high ^ part);
    low = mixed(low + Math.imul(part, 0xc2b2ae35) + high);
  }
  return (((high >>> 6) * 2 ** 26 + (low >>> 6)) * 2 + 1) / 2 ** 53;
}

const halves = (number: number) => [number >>> 0, Math.floor(number / 2 ** 32) >>> 0];

function mixed(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
