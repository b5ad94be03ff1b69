/** Message-IDs of ours: each begins with the id of its message, so that it is unique and found without an index. Knows no chance. */

/**
 * @param chance makes it impossible to guess (S3); lower-case hexadecimal.
 * @param domain of the sender's address.
 */
export function messageIdFor(id: number, chance: string, domain: string): string {
  return `<${id.toString(36)}.${chance}@${domain}>`;
}

/** The message a Message-ID may be of; null when it cannot be one of ours. Whoever uses it compares the whole. */
export function idInMessageId(messageId: string): number | null {
  const [, id] = /^<?([\da-z]{1,11})\.[\da-f]{24}@/.exec(messageId.trim()) ?? [];
  const number = id === undefined ? Number.NaN : Number.parseInt(id, 36);
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}
