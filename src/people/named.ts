/** Asks before something goes that is still named elsewhere. Knows nothing of who names it: that is handed in. */
import { refuse } from "../core/problem.ts";
import type { Language } from "../core/timing-words.ts";
import { type Named, stillNamedInWords, type Use, useInWords } from "../core/uses.ts";
import type { Tx } from "../db/database.ts";
import { languageOf } from "../http/language.ts";

/** How something is deleted: `force` although it is named; `language` of what is said. */
export type Removal = {
  /** Where rules of automatic start and conditions name it. */
  readonly namedBy: (tx: Tx, what: Named) => Promise<readonly Use[]>;
  readonly force?: boolean;
  readonly language?: Language;
};

/** What a request asks for. */
export const removalOf = (
  { namedBy }: Pick<Removal, "namedBy">,
  request: Parameters<typeof languageOf>[0],
  { force = false }: { readonly force?: boolean } = {},
): Removal => ({ namedBy, force, language: languageOf(request) });

/** @throws Refusal `named-in-use`, unless `force`, with each place as a fault: `/campaigns/7`. */
export async function refuseNamed(
  tx: Tx,
  what: Named,
  name: string,
  { namedBy, force = false, language = "en" }: Removal,
): Promise<void> {
  if (force) return;
  const uses = await namedBy(tx, what);
  if (uses.length === 0) return;
  const faults = uses.map((use) => ({ pointer: `/campaigns/${use.campaignId}`, detail: useInWords(use, language) }));
  refuse("named-in-use", stillNamedInWords(name, uses, language), faults);
}
