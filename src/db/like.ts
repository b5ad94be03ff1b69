/** Patterns for LIKE that mean a text as it was typed, `%` and `_` included. */
const literally = (text: string) => text.replaceAll(/[\\%_]/g, String.raw`\$&`);

/** What contains the text. */
export const containing = (text: string): string => `%${literally(text)}%`;

/** What begins with the text. */
export const beginningWith = (text: string): string => `${literally(text)}%`;
