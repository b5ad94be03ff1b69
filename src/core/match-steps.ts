/** Finds again, in an edited schedule without ids, the steps that were there before. Never changes a step. */

/** What tells one step from another when the author gave no id. */
export type StepTraits = { readonly sendAfterDays: number; readonly subject: string };

/**
 * Pairs the wanted rows with the existing steps, so that an edit keeps what was sent: first rows with the same day and
 * subject, then the same subject (the day was moved), then the same day (the subject was reworded).
 * @returns for each wanted row the id of the existing step, or null for a new one. No id is used twice.
 */
export function matchSteps(
  existing: readonly (StepTraits & { readonly id: number })[],
  wanted: readonly StepTraits[],
): (number | null)[] {
  const free = new Map(existing.map((step) => [step.id, step]));
  const matched: (number | null)[] = wanted.map(() => null);
  const alike = [
    (one: StepTraits, other: StepTraits) => one.sendAfterDays === other.sendAfterDays && one.subject === other.subject,
    (one: StepTraits, other: StepTraits) => one.subject === other.subject,
    (one: StepTraits, other: StepTraits) => one.sendAfterDays === other.sendAfterDays,
  ];
  for (const isAlike of alike)
    for (const [index, row] of wanted.entries()) {
      if (matched[index] !== null) continue;
      const step = [...free.values()].find((candidate) => isAlike(candidate, row));
      if (!step) continue;
      matched[index] = step.id;
      free.delete(step.id);
    }
  return matched;
}
