/** A server's replies, read from the bytes as they come. Never believes more than a bounded amount of them. */

/** A complete reply: `text` is all lines without their codes, the enhanced code (RFC 3463) still in it. */
export type Reply = { code: number; enhanced: string | null; text: string };
