/** Composes one mail: headers and both parts as the bytes that follow DATA. Same input, same bytes; sends nothing. */
import { EncodedBody, type EncodedText, encodedText, quotedPrintable } from "./mime-body.ts";
import { folded, listIdHeader, mailboxHeader, textHeader, urlsHeader } from "./mime-headers.ts";
import { type Template, type Writer, parseTemplate, renderer, shownValue, textRenderer } from "./template.ts";

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
  /** Written by one person to another: nothing keeps an absence note from answering it, and nothing calls it bulk. */
  readonly personal?: boolean;
  /** Further headers by name; none of those above. */
  readonly extra?: Readonly<Record<string, string>>;
};

/** Subject, HTML and plain text: as templates, or as rendered for one person. */
export type Content = { readonly subject: string; readonly html: string; readonly text: string };

type Variables = Readonly<Record<string, unknown>>;

/** A content version ready for many mails: its own text encoded already, its variables as slots. */
export type CompiledMessage = {
  readonly subject: (variables: Variables) => string;
  readonly html: (variables: Variables) => string;
  readonly text: (variables: Variables) => string;
};

/** Prepares a content version for {@link compose}; only templates of the subset (`general` is false). */
export function compileMessage({ subject, html, text }: Content): CompiledMessage {
  return {
    subject: textRenderer(parsed(subject), "none"),
    html: encoder(parsed(html), true),
    text: encoder(parsed(text), false),
  };
}

/**
 * Renders and composes a mail in one pass: RFC 5322 with CRLF, ready for DATA; no line begins with a dot, so there is
 * nothing to stuff. The bytes are a function of the arguments, so a second attempt sends the same mail.
 * Throws TemplateLimit where rendering does.
 */
export function compose(compiled: CompiledMessage, variables: Variables, envelope: Envelope): Buffer {
  return assembled(envelope, compiled.subject(variables), compiled.text(variables), compiled.html(variables));
}

/** Composes what is rendered already (the sandbox does): the same bytes as {@link compose} for the same text. */
export function composeRendered({ subject, html, text }: Content, envelope: Envelope): Buffer {
  return assembled(envelope, subject, quotedPrintable(text), quotedPrintable(html));
}

function assembled(envelope: Envelope, subject: string, text: string, html: string): Buffer {
  const { boundary } = envelope;
  if (!/^[\w.+-]{1,69}$/.test(boundary)) throw new Error(`Not a boundary: ${JSON.stringify(boundary)}`);
  // RFC 2046 5.1.4: the plainest first. Each part's last line end belongs to the boundary after it.
  return Buffer.from(
    `${headers(envelope, subject)}Content-Type: multipart/alternative;\r\n boundary="${boundary}"\r\n\r\n` +
      `--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\n${QUOTED}${text}\r\n` +
      `--${boundary}\r\nContent-Type: text/html; charset=utf-8\r\n${QUOTED}${html}\r\n--${boundary}--\r\n`,
    "utf8",
  );
}

const QUOTED = "Content-Transfer-Encoding: quoted-printable\r\n\r\n";

function headers(envelope: Envelope, subject: string): string {
  const { from, to, replyTo, unsubscribeUrl, unsubscribeMailto, listId, extra } = envelope;
  const messageId = envelope.messageId.replace(/^<(.*)>$/s, "$1");
  if (!/^[!-;=?A-~]+@[\w.-]+$/.test(messageId)) throw new Error(`Not a Message-ID: ${JSON.stringify(messageId)}`);
  let all =
    `Date: ${dateOf(envelope.date)}\r\n` +
    mailboxHeader("From", from) +
    mailboxHeader("To", to) +
    mailboxHeader("Reply-To", replyTo ?? from) +
    textHeader("Subject", subject) +
    folded("Message-ID", [`<${messageId}>`]);
  const leave = [unsubscribeUrl, unsubscribeMailto && mailto(unsubscribeMailto)].filter((url): url is string => !!url);
  if (leave.length > 0) all += urlsHeader("List-Unsubscribe", leave);
  // RFC 8058: one click beside the link; receivers act on it when the link is https and DKIM covers both headers.
  if (unsubscribeUrl) all += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
  if (listId) all += listIdHeader(listId);
  // S35: so that no vacation responder answers a campaign.
  if (!envelope.personal) all += "Precedence: bulk\r\nX-Auto-Response-Suppress: All\r\n";
  for (const [name, value] of Object.entries(extra ?? {})) all += further(name, value);
  return `${all}MIME-Version: 1.0\r\n`;
}

const mailto = (given: string) => (given.startsWith("mailto:") ? given : `mailto:${given}`);

/** RFC 5322 3.6: these stand once, and are set above. */
const OURS =
  /^(?:date|from|sender|to|cc|bcc|reply-to|subject|message-id|list-.*|precedence|x-auto-response-suppress|mime-version|content-.*|dkim-signature|return-path|received)$/i;

function further(name: string, value: string): string {
  if (!/^[A-Za-z][A-Za-z\d-]{0,59}$/.test(name) || OURS.test(name))
    throw new Error(`Not a header to add: ${JSON.stringify(name)}`);
  // RFC 5322 3.6.4: structured, so that a long Message-ID must not become an encoded word.
  return MESSAGE_IDS.test(value) ? folded(name, value.split(" ")) : textHeader(name, value);
}

const MESSAGE_IDS = /^<[!-;=?-~]{3,500}>(?: <[!-;=?-~]{3,500}>)*$/;

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/** Thousands of mails leave within one second: its line is written once. */
let written = { second: Number.NaN, date: "" };

/** RFC 5322 3.3, in UTC. */
function dateOf(instant: Temporal.Instant): string {
  const second = Math.floor(instant.epochMilliseconds / 1000);
  if (second === written.second) return written.date;
  const at = instant.toZonedDateTimeISO("UTC");
  const [hour, minute, seconds] = [at.hour, at.minute, at.second].map((part) => String(part).padStart(2, "0"));
  const day = `${WEEKDAYS[at.dayOfWeek - 1]}, ${at.day} ${MONTHS[at.month - 1]} ${at.year}`;
  written = { second, date: `${day} ${hour}:${minute}:${seconds} +0000` };
  return written.date;
}

function parsed(source: string): Template {
  const read = parseTemplate(source);
  if ("template" in read) return read.template;
  throw new Error(`Not a template of the subset: ${read.problems[0]?.message}`);
}

function encoder(template: Template, html: boolean): (variables: Variables) => string {
  const render = renderer(template, encodedText);
  return (variables) => {
    const writer = new EncodingWriter(html);
    render(variables, writer);
    return writer.body.end();
  };
}

class EncodingWriter implements Writer<EncodedText> {
  readonly body = new EncodedBody();
  readonly #html: boolean;

  constructor(html: boolean) {
    this.#html = html;
  }

  text(chunk: EncodedText): void {
    this.body.addEncoded(chunk);
  }

  value(value: unknown): number {
    const text = shownValue(value, this.#html);
    this.body.add(text);
    return text.length;
  }
}
