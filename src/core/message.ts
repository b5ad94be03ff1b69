/** Composes one mail: headers and both parts as the bytes that follow DATA. Same input, same bytes; sends nothing. */
import { header, headerText, mailDate, mailbox, oneLine, phrase, quotedPrintable } from "./mime.ts";
import { type Template, parseTemplate, renderTemplate } from "./template.ts";

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

export type CompiledMessage = { readonly subject: Template; readonly html: Template; readonly text: Template };

/** Prepares a content version for {@link compose}; only for templates of the subset (`general` is false). */
export function compileMessage(content: Content): CompiledMessage {
  return { subject: parsed(content.subject), html: parsed(content.html), text: parsed(content.text) };
}

function parsed(source: string): Template {
  const result = parseTemplate(source);
  if ("template" in result) return result.template;
  throw new Error(`A content version does not parse: ${result.problems[0]?.message}`);
}

/** Renders all three parts for one person; values are escaped in the HTML alone (E74). */
export function renderContent(compiled: CompiledMessage, variables: Readonly<Record<string, unknown>>): Content {
  return {
    subject: renderTemplate(compiled.subject, variables, "none"),
    html: renderTemplate(compiled.html, variables, "html"),
    text: renderTemplate(compiled.text, variables, "none"),
  };
}

/** Renders and composes a mail: RFC 5322, CRLF, ready for DATA, no line begins with a dot. */
export function compose(
  compiled: CompiledMessage,
  variables: Readonly<Record<string, unknown>>,
  envelope: Envelope,
): Buffer {
  return composeRendered(renderContent(compiled, variables), envelope);
}

/** Composes what is rendered already (the sandbox does): the same bytes as {@link compose} for the same text. */
export function composeRendered(rendered: Content, envelope: Envelope): Buffer {
  const { boundary } = envelope;
  if (!/^[A-Za-z0-9_=-]{8,70}$/.test(boundary)) throw new Error("A boundary is 8 to 70 letters, digits, _ = or -.");
  const part = (type: string, text: string) =>
    `--${boundary}\r\nContent-Type: ${type}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n` +
    `${quotedPrintable(text)}\r\n`;
  const body = `${part("text/plain", rendered.text)}${part("text/html", rendered.html)}--${boundary}--\r\n`;
  return Buffer.from(`${headers(rendered.subject, envelope)}\r\n${body}`, "utf8");
}

function headers(subject: string, envelope: Envelope): string {
  const { from, to, replyTo, listId } = envelope;
  const lines = [
    header("Date", mailDate(envelope.date)),
    header("From", mailbox(checked(from))),
    header("To", mailbox(checked(to))),
    replyTo ? header("Reply-To", mailbox(checked(replyTo))) : "",
    header("Subject", headerText(subject)),
    header("Message-ID", `<${token(envelope.messageId.replaceAll(/^<|>$/g, ""))}>`),
    unsubscribe(envelope),
    listId ? header("List-Id", listIdOf(listId)) : "",
    // RFC 3834, S35: vacation programs stay silent towards lists and bulk mail.
    header("Precedence", "bulk"),
    header("X-Auto-Response-Suppress", "All"),
    ...Object.entries(envelope.extra ?? {}).map(([name, value]) => header(headerName(name), headerText(value))),
    "MIME-Version: 1.0\r\n",
    `Content-Type: multipart/alternative;\r\n boundary="${envelope.boundary}"\r\n`,
  ];
  return lines.join("");
}

/** RFC 2369 and 8058: the page and the address to leave by, and that one POST is enough. One line each, unfolded, so
 * that every signer and reader takes them alike. */
function unsubscribe({ unsubscribeUrl, unsubscribeMailto }: Envelope): string {
  const mailto =
    unsubscribeMailto && (/^mailto:/i.test(unsubscribeMailto) ? unsubscribeMailto : `mailto:${unsubscribeMailto}`);
  const ways = [unsubscribeUrl, mailto].filter((way) => way !== null).map((way) => `<${token(way)}>`);
  if (ways.length === 0) return "";
  const oneClick = unsubscribeUrl ? "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" : "";
  return `List-Unsubscribe: ${ways.join(",\r\n ")}\r\n${oneClick}`;
}

/** RFC 2919: a phrase and an identifier that stays the same for the Campaign. */
function listIdOf({ label, domain }: { label: string; domain: string }): string {
  const identifier =
    label
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, 60) || "list";
  return `${phrase(oneLine(label))} <${identifier}.${token(domain)}>`;
}

/** What stands between angle brackets has neither blanks nor brackets; anything else is a mistake of ours. */
function token(text: string): string {
  if (/[\s<>]/.test(text) || text !== oneLine(text)) throw new Error("A header would be broken by its value.");
  return text;
}

function checked(box: Mailbox): Mailbox {
  if (!/^[^\s<>,;]+@[^\s<>,;@]+$|^"[^\r\n"]+"@[^\s<>,;@]+$/.test(box.address) || box.address !== oneLine(box.address))
    throw new Error("A mail cannot be composed for something that is no address.");
  return box;
}

function headerName(name: string): string {
  if (!/^[A-Za-z0-9-]{1,60}$/.test(name)) throw new Error("A header's name is letters, digits and dashes.");
  return name;
}
