/** The variants of a step as they are edited: a template may still be missing. Asks nothing of the server. */
import type { Answer } from "../../../api.ts";

type Kept = NonNullable<Answer<"GET /campaigns/:id">["steps"][number]["variants"]>;
export type Measure = NonNullable<Kept["winner"]>["by"];
export type Others = readonly {
  readonly letter: Kept["others"][number]["letter"];
  readonly emailTemplateId: number | null;
  readonly emailTemplate: string;
  readonly weight: number;
}[];
export type StepVariants = {
  readonly weight: number;
  readonly others: Others;
  readonly winner: Kept["winner"];
};

/** Besides A, the step's own template. */
export const LETTERS = ["B", "C", "D", "E"] as const;

/** One more, by the first letter that is free. */
export function withLetter(others: Others): Others {
  const letter = LETTERS.find((one) => others.every((other) => other.letter !== one));
  return letter ? [...others, { letter, emailTemplateId: null, emailTemplate: "", weight: 1 }] : others;
}

/** As they are edited; a template goes by its name. */
export function editable(
  variants: Kept | null | undefined,
  nameOf: (emailTemplateId: number) => string,
): StepVariants | null {
  return variants
    ? { ...variants, others: variants.others.map((one) => ({ ...one, emailTemplate: nameOf(one.emailTemplateId) })) }
    : null;
}

/** As the server takes them. */
export function bare(variants: StepVariants | null): Kept | null {
  return (
    variants && {
      weight: variants.weight,
      others: variants.others.map(({ letter, emailTemplateId, weight }) => ({
        letter,
        emailTemplateId: emailTemplateId ?? 0,
        weight,
      })),
      winner: variants.winner,
    }
  );
}

/** Whether something is still to be said before it can be saved. */
export const isOpen = (variants: StepVariants | null): boolean =>
  variants !== null &&
  (variants.others.some(({ emailTemplateId }) => emailTemplateId === null) ||
    [variants, ...variants.others].every(({ weight }) => weight === 0) ||
    (variants.winner !== null && variants.winner.afterSent === null && variants.winner.afterDays === null));
