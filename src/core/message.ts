/** Composes one mail: headers and both parts as the bytes that follow DATA. Same input, same bytes; sends nothing. */

export type Mailbox = { readonly name: string | null; readonly address: string };

/** What is said about one mail besides its content. */
export type Envelope = {
  /** With or without its angle brackets. */
  readonly messageId: string;
  readonly date: Temporal.Instant;
  readonly from: Mailbox;
  readonly to: Mailbox;
  /** Null: replies go to `from`. */
  readonly replyTo: Mailbox | null;
  readonly unsubscribeUrl: string | null;
  /** An address, without `mailto:`, or a whole mailto: URL. */
  readonly unsubscribeMailto: string | null;
  readonly listId: { readonly label: string; readonly domain: string } | null;
  readonly boundary: string;
  /** Further headers by name; none of those above. */
  readonly extra?: Readonly<Record<string, string>>;
};

/** Subject, HTML and plain text: as templates, or as rendered for one person. */
export type Content = { readonly subject: string; readonly html: string; readonly text: string };

export type CompiledMessage = { readonly content: Content };

/** Prepares a content version for {@link compose}; only for templates of the subset (`general` is false). */
export function compileMessage(_content: Content): CompiledMessage {
  throw new Error("not yet");
}

/** Renders and composes a mail in one pass: RFC 5322, CRLF, ready for DATA, no line begins with a dot. */
export function compose(
  _compiled: CompiledMessage,
  _variables: Readonly<Record<string, unknown>>,
  _envelope: Envelope,
): Buffer {
  throw new Error("not yet");
}

/** Composes what is rendered already (the sandbox does): the same bytes as {@link compose} for the same text. */
export function composeRendered(_rendered: Content, _envelope: Envelope): Buffer {
  throw new Error("not yet");
}
