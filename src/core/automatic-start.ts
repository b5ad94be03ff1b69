/** Automatic start as data and in words: what starts a Campaign by itself, and how often for one person. Starts nobody. */
import { filled } from "./filled.ts";
import type { Language } from "./timing-words.ts";

/** What a rule waits for: a group is joined, a condition comes true, somebody is created. */
export const START_KINDS = ["joined", "matches", "created"] as const;
export type StartKind = (typeof START_KINDS)[number];

/** How people come to be here. */
export const WAYS = ["api", "import", "hand"] as const;
export type Way = (typeof WAYS)[number];

/** What is said of an Email Campaign that a rule started, in the names of that day. */
export type StartedBy = {
  readonly rule: number;
  readonly kind: StartKind;
  /** The group, or the condition in English. */
  readonly name: string | null;
  /** The condition in the other languages; none: of a group, or of a release that knew English alone. */
  readonly names?: Readonly<Partial<Record<Language, string>>>;
};

/** The group, or the condition in words. */
export const nameIn = ({ name, names }: StartedBy, language: Language): string | null => names?.[language] ?? name;

/** Whether somebody may go through a Campaign again, and how many days after the end of the last time at the earliest. */
export type Again = { readonly rule: "never" | "after-end"; readonly afterDays: number };

/** In braces stands what is filled in. */
const BECAUSE: Readonly<Record<Language, Readonly<Record<StartKind, string>>>> = {
  en: {
    joined: "Started by itself on {day} because {person} joined “{name}”.",
    matches: "Started by itself on {day} because this became true of {person}: {name}.",
    created: "Started by itself on {day} because {person} was created.",
  },
  de: {
    joined: "Von selbst begonnen am {day}, weil {person} zu „{name}“ kam.",
    matches: "Von selbst begonnen am {day}, weil auf {person} jetzt zutrifft: {name}.",
    created: "Von selbst begonnen am {day}, weil {person} angelegt wurde.",
  },
};

/** `Started by itself on 2026-03-02 because Ana joined “Newsletter readers”.` */
export function startedInWords(
  startedBy: StartedBy,
  day: Temporal.PlainDate,
  person: string,
  language: Language,
): string {
  const name = nameIn(startedBy, language) ?? "";
  return filled(BECAUSE[language][startedBy.kind], { day: day.toString(), person, name });
}
