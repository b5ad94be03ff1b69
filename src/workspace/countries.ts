/** Which country somebody means who wrote its code or its name, in one of some languages. */

const LANGUAGES = ["en", "de", "fr", "es", "pt", "it", "nl", "pl", "sv", "da", "nb", "fi", "cs", "tr"];

/** What people write that is neither code nor official name. */
const ALSO: Readonly<Record<string, string>> = {
  uk: "GB",
  england: "GB",
  scotland: "GB",
  wales: "GB",
  "great britain": "GB",
  usa: "US",
  "u.s.": "US",
  "u.s.a.": "US",
  "united states of america": "US",
  "the netherlands": "NL",
  holland: "NL",
  brd: "DE",
  "czech republic": "CZ",
  turkey: "TR",
};

let names: ReadonlyMap<string, string> | undefined;

/** The ISO 3166 code of what stands in a country field, or null: `de`, `Germany`, `Deutschland`, `Allemagne` are DE. */
export function countryCode(text: string): string | null {
  const written = text.trim().toLowerCase();
  if (written === "") return null;
  names ??= allNames();
  return ALSO[written] ?? names.get(written) ?? null;
}

function allNames(): Map<string, string> {
  const letters = Array.from({ length: 26 }, (_, index) => String.fromCharCode(65 + index));
  const codes = letters.flatMap((one) => letters.map((other) => one + other)).filter(isCountry);
  const found = new Map(codes.map((code) => [code.toLowerCase(), code]));
  for (const language of LANGUAGES) {
    const inLanguage = new Intl.DisplayNames([language], { type: "region" });
    for (const code of codes) found.set(inLanguage.of(code)!.toLowerCase(), code);
  }
  return found;
}

const GROUPS = ["EU", "UN", "EZ", "ZZ"];
const english = new Intl.DisplayNames(["en"], { type: "region", fallback: "none" });

/** Not a group of countries, and not one whose code was withdrawn. */
function isCountry(code: string): boolean {
  if (GROUPS.includes(code) || english.of(code) === undefined) return false;
  return Intl.getCanonicalLocales(`und-${code}`)[0] === `und-${code}`;
}
