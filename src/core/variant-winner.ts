/** Decides whether the variants of a step have a winner, and says it in words. Knows no database. */
import { filled } from "./filled.ts";
import { type Letter, type Measure, type VariantFigures, type WinnerRule } from "./variants.ts";

type Language = "en" | "de";
type Said = Readonly<Record<Language, string>>;

export type Verdict =
  | { readonly kind: "waits"; readonly why: "not-measured" | "too-early" | "too-few" }
  | { readonly kind: "won"; readonly winner: Letter }
  | { readonly kind: "no-clear-winner"; readonly winner: "A" | null };

/**
 * How much better than each other one a variant has to be: 1.645 standard errors, so that of a hundred variants that are
 * no better than another at most five would be taken for it (one-sided test of two proportions, pooled variance).
 */
const CLEARLY = 1.645;

/** What is known of a step's trial. */
export type Trial = {
  readonly rule: WinnerRule;
  /** Of the variants that somebody can get. */
  readonly figures: readonly VariantFigures[];
  readonly firstSentAt: Temporal.Instant | null;
  /** Whether what the rule goes by is measured at all. */
  readonly measured: boolean;
};

/** Whether there is a winner now; `waits` where it is too early to say. */
export function judge({ rule, figures, firstSentAt, measured }: Trial, now: Temporal.Instant): Verdict {
  if (!measured) return { kind: "waits", why: "not-measured" };
  const sent = figures.reduce((sum, one) => sum + one.sent, 0);
  const early =
    !firstSentAt ||
    (rule.afterSent !== null && sent < rule.afterSent) ||
    (rule.afterDays !== null && Temporal.Instant.compare(now, firstSentAt.add({ hours: 24 * rule.afterDays })) < 0);
  if (early) return { kind: "waits", why: "too-early" };
  if (figures.length < 2 || figures.some((one) => basisOf(one, rule.by) < rule.atLeast))
    return { kind: "waits", why: "too-few" };
  const [best, ...others] = figures.toSorted((one, other) => shareOf(other, rule.by) - shareOf(one, rule.by));
  if (others.every((other) => clearlyBetter(best!, other, rule.by))) return { kind: "won", winner: best!.letter };
  return { kind: "no-clear-winner", winner: rule.otherwise === "A" ? "A" : null };
}

/** Of how many mails a measure is a share: those in which it was measured. */
const BASES = { opened: "opensMeasured", clicked: "clicksMeasured", replied: "sent" } as const;
const basisOf = (figures: VariantFigures, by: Measure) => figures[BASES[by]];

const shareOf = (figures: VariantFigures, by: Measure) =>
  basisOf(figures, by) === 0 ? 0 : figures[by] / basisOf(figures, by);

function clearlyBetter(one: VariantFigures, other: VariantFigures, by: Measure): boolean {
  const [n, m] = [basisOf(one, by), basisOf(other, by)];
  const pooled = (one[by] + other[by]) / (n + m);
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m));
  return error > 0 && (shareOf(one, by) - shareOf(other, by)) / error >= CLEARLY;
}

/** How a trial stands, as its author reads it. */
export type Standing = {
  readonly outcome: "won" | "no-clear-winner" | "chosen" | "not-measured" | "too-early" | "too-few" | "no-rule";
  readonly winner: Letter | null;
  readonly by: string | null;
  readonly measure: Measure | null;
  readonly atLeast: number | null;
};

const STANDINGS: Readonly<Record<Standing["outcome"], Said>> = {
  won: {
    en: "Variant {winner} has won by {measure}. Whoever is planned from now on gets it.",
    de: "Variante {winner} hat nach {measure} gewonnen. Wer ab jetzt eingeplant wird, bekommt sie.",
  },
  "no-clear-winner": {
    en: "No clear winner: no variant is better than each other one beyond chance. {after}",
    de: "Keine klare Gewinnerin: Keine Variante ist über den Zufall hinaus besser als jede andere. {after}",
  },
  chosen: {
    en: "{by} chose variant {winner}. Whoever is planned from then on gets it.",
    de: "{by} hat Variante {winner} gewählt. Wer seitdem eingeplant wird, bekommt sie.",
  },
  "not-measured": {
    en: "No winner can be found by {measure}: they are not measured in this Campaign. Measure them, or choose by hand.",
    de: "Nach {measure} lässt sich keine Gewinnerin finden: Das wird in dieser Kampagne nicht gemessen. Messen Sie es, oder wählen Sie von Hand.",
  },
  "too-early": {
    en: "It is too early for a winner by {measure}.",
    de: "Für eine Gewinnerin nach {measure} ist es zu früh.",
  },
  "too-few": {
    en: "Too few to tell: each variant has to be sent to {atLeast} people at least.",
    de: "Zu wenige für ein Urteil: Jede Variante muss an mindestens {atLeast} Personen gegangen sein.",
  },
  "no-rule": {
    en: "It stays with the split until somebody chooses a winner.",
    de: "Es bleibt bei der Aufteilung, bis jemand eine Gewinnerin wählt.",
  },
};
const THEN = {
  split: { en: "It stays with the split.", de: "Es bleibt bei der Aufteilung." },
  A: { en: "Everybody gets variant A from now on.", de: "Ab jetzt bekommen alle Variante A." },
} as const;
const BY: Readonly<Record<Measure, Said>> = {
  opened: { en: "opens", de: "Öffnungen" },
  clicked: { en: "clicks", de: "Klicks" },
  replied: { en: "replies", de: "Antworten" },
};

/** How a trial stands, in a sentence. */
export function standingInWords({ outcome, winner, by, measure, atLeast }: Standing, language: Language): string {
  const values = {
    winner: winner ?? "",
    by: by ?? "",
    measure: measure ? BY[measure][language] : "",
    atLeast: String(atLeast ?? ""),
    after: THEN[winner === "A" ? "A" : "split"][language],
  };
  return filled(STANDINGS[outcome][language], values, "");
}

/** What is counted of a variant of which nothing left yet. */
export const noFigures = (letter: Letter): VariantFigures => ({
  letter,
  sent: 0,
  opensMeasured: 0,
  clicksMeasured: 0,
  opened: 0,
  clicked: 0,
  replied: 0,
  unsubscribed: 0,
});
