/** What a caller may fix: a refusal with a stable code, a plain sentence and the place it is about. Knows no HTTP. */

/** One thing that is wrong, and where: `pointer` is a JSON pointer into the input (RFC 6901). */
export type Fault = { readonly pointer: string; readonly detail: string; readonly code?: string };

/** Thrown by {@link refuse}. `code` is stable and kebab-case; `detail` says what happened and what to do. */
export class Refusal extends Error {
  readonly code: string;
  readonly faults: readonly Fault[];

  constructor(code: string, detail: string, faults: readonly Fault[] = []) {
    super(detail);
    this.name = "Refusal";
    this.code = code;
    this.faults = faults;
  }
}

/**
 * Refuses what was asked, for a reason the caller can mend. Nothing is half-done: inside a transaction it rolls back.
 * @param at a JSON pointer to the input at fault, or several faults.
 */
export function refuse(code: string, detail: string, at?: string | readonly Fault[]): never {
  const faults = typeof at === "string" ? [{ pointer: at, detail }] : (at ?? []);
  throw new Refusal(code, detail, faults);
}
