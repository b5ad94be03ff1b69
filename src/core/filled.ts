/** Puts values into words that have places for them: `{name}`. Knows no words and no language. */

/** Each `{name}` as its value says; one without a value as `missing`, or left as it stands. What is filled in is not looked at again. */
export const filled = (words: string, values: Readonly<Record<string, string>>, missing?: string): string =>
  words.replaceAll(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? missing ?? whole);
