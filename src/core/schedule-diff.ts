/** What an edit of a Schedule changes, as data: which step, which field, from what to what. Knows no words. */

/** A Schedule as it is edited: rows with their fields, and the settings beside them. */
export type Content = {
  readonly steps: readonly Readonly<Record<string, unknown>>[];
  readonly settings: Readonly<Record<string, unknown>>;
};

export type Difference = {
  readonly kind: "step-added" | "step-removed" | "step-changed" | "steps-reordered" | "setting-changed";
  /** Null: a new step, or none. */
  readonly stepId: number | null;
  /** The place of the row in the edited Schedule, or in the published one where it was removed; from 0. */
  readonly row: number | null;
  readonly field: string | null;
  readonly before: unknown;
  readonly after: unknown;
};

/** What `after` does to `before`; nothing where they mean the same. */
export function differences(before: Content, after: Content): Difference[] {
  const found: Difference[] = [];
  const nothing = { stepId: null, row: null, field: null, before: null, after: null };
  const known = new Map(before.steps.map((step, row) => [step.id, { step, row }]));
  const kept: unknown[] = [];
  for (const [row, step] of after.steps.entries()) {
    const old = step.id === undefined || step.id === null ? undefined : known.get(step.id);
    if (!old) {
      found.push({ ...nothing, kind: "step-added", row, after: step });
      continue;
    }
    kept.push(step.id);
    for (const field of changedFields(old.step, step))
      found.push({
        kind: "step-changed",
        stepId: Number(step.id),
        row,
        field,
        before: old.step[field] ?? null,
        after: step[field] ?? null,
      });
  }
  for (const [id, { step, row }] of known)
    if (!kept.includes(id)) found.push({ ...nothing, kind: "step-removed", stepId: Number(id), row, before: step });
  const order = before.steps.map(({ id }) => id).filter((id) => kept.includes(id));
  if (!same(order, kept)) found.push({ ...nothing, kind: "steps-reordered", before: order, after: kept });
  for (const field of changedFields(before.settings, after.settings))
    found.push({
      ...nothing,
      kind: "setting-changed",
      field,
      before: before.settings[field] ?? null,
      after: after.settings[field] ?? null,
    });
  return found;
}

function changedFields(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): string[] {
  const fields = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...fields].filter((field) => field !== "id" && !same(one[field] ?? null, other[field] ?? null));
}

/** By content; 09:00 is 09:00:00. */
function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

function plain(value: unknown): unknown {
  if (typeof value === "string") return /^\d\d:\d\d$/.test(value) ? `${value}:00` : value;
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, plain(inner)]),
  );
}
