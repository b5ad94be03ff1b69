/** What still names an Email Group, a field or a Campaign that is about to go, in words. Finds nothing itself. */
import { filled } from "./filled.ts";
import type { Language } from "./timing-words.ts";

/** What is named: a group or a Campaign by its number, a field by its key. */
export type Named = { readonly group: number } | { readonly field: string } | { readonly campaign: number };

/** Where a Campaign names it. */
export type Use = {
  readonly campaignId: number;
  readonly campaign: string;
  readonly where: "start" | "step" | "exit" | "goal";
};

type Words = Readonly<Record<Use["where"] | "still" | "after" | "more", string>>;
const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    start: "what starts “{campaign}” by itself",
    step: "a mail of “{campaign}”",
    exit: "what ends “{campaign}”",
    goal: "the goal of “{campaign}”",
    more: "{count} more",
    still: "“{name}” is still named by {uses}.",
    after:
      "When it is deleted all the same, rules that wait for it go with it, and what conditions ask of it is not so any more.",
  },
  de: {
    start: "was „{campaign}“ von selbst beginnen lässt",
    step: "eine E-Mail von „{campaign}“",
    exit: "was „{campaign}“ beendet",
    goal: "das Ziel von „{campaign}“",
    more: "{count} weitere",
    still: "„{name}“ wird noch genannt. Hier: {uses}.",
    after:
      "Wird es trotzdem gelöscht, gehen Regeln, die darauf warten, mit, und was Bedingungen danach fragen, trifft nicht mehr zu.",
  },
};

/** So many are named. */
const MOST = 5;

/** `“Readers” is still named by what starts “Welcome” by itself, a mail of “News”. When it is deleted all the same, …` */
export function stillNamedInWords(name: string, uses: readonly Use[], language: Language): string {
  const words = WORDS[language];
  const said = uses.slice(0, MOST).map((use) => useInWords(use, language));
  if (uses.length > MOST) said.push(filled(words.more, { count: String(uses.length - MOST) }));
  return `${filled(words.still, { name, uses: said.join(", ") })} ${words.after}`;
}

/** `a mail of “News”`. */
export const useInWords = ({ where, campaign }: Use, language: Language): string =>
  filled(WORDS[language][where], { campaign });
