/** From what somebody typed to the mail that leaves: a reply in the person's thread, as text and as simple HTML. Pure but for chance given in. */
import { type Mailbox, composeRendered } from "../core/message.ts";

export type Letter = {
  readonly text: string;
  readonly subject: string;
  readonly from: Mailbox;
  readonly replyTo: Mailbox | null;
  readonly to: Mailbox;
  readonly signature: { readonly text: string | null; readonly html: string | null };
  /** What is answered; null: nothing is quoted. */
  readonly original: { readonly text: string; readonly from: string; readonly at: Temporal.ZonedDateTime } | null;
  /** Message-IDs with their angle brackets: what is answered, and the thread before it. */
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
  readonly messageId: string;
  readonly boundary: string;
  readonly language: string;
};

const MOST_QUOTED_LINES = 200;
const MOST_REFERENCES = 20;
/** What others call a Message-ID goes into our headers only in this form. */
const MESSAGE_ID = /^<[!-;=?-~]{3,500}>$/;

/** The bytes of an answer. RFC 5322 3.6.4: In-Reply-To names the mail, References the thread with it at its end. */
export function letterOf(letter: Letter, now: Temporal.Instant): Buffer {
  const { from, to, replyTo, messageId, boundary, inReplyTo, references } = letter;
  const answered = inReplyTo !== null && MESSAGE_ID.test(inReplyTo) ? inReplyTo : null;
  const thread = [...new Set([...references, ...(answered === null ? [] : [answered])])].filter((id) =>
    MESSAGE_ID.test(id),
  );
  // The first of a thread is what it is known by; of the rest the latest say enough.
  const kept = thread.length > MOST_REFERENCES ? [thread[0]!, ...thread.slice(1 - MOST_REFERENCES)] : thread;
  return composeRendered(
    { subject: answerSubject(letter.subject), text: textOf(letter), html: htmlOf(letter) },
    {
      messageId,
      date: now,
      from,
      to,
      replyTo,
      boundary,
      personal: true,
      unsubscribeUrl: null,
      unsubscribeMailto: null,
      listId: null,
      extra: {
        ...(answered === null ? {} : { "In-Reply-To": answered }),
        ...(kept.length === 0 ? {} : { References: kept.join(" ") }),
      },
    },
  );
}

/** One "Re: ", whatever stood in front in whichever language. */
export function answerSubject(subject: string): string {
  const bare = subject.replace(/^(?:\s*(?:re|aw|antw|sv|vs|rv|odp|ynt|r)\s*(?:\[\d+\])?\s*:)+\s*/i, "").trim();
  return `Re: ${bare}`.trim();
}

function textOf(letter: Letter): string {
  const { text, signature } = letter;
  const quoted = quotedLines(letter).map((line) => (line === "" ? ">" : `> ${line}`));
  // RFC 3676 4.3: dash, dash, space.
  const signed = signature.text ? `\n\n-- \n${signature.text.trim()}` : "";
  return `${text.trim()}${signed}\n${quoted.length > 0 ? `\n${attribution(letter)}\n${quoted.join("\n")}\n` : ""}`;
}

function htmlOf(letter: Letter): string {
  const { text, signature } = letter;
  const paragraphs = text
    .trim()
    .split(/\n[ \t]*\n/)
    .map((paragraph) => `<p>${linked(escaped(paragraph)).replaceAll("\n", "<br>")}</p>`);
  const signed = signature.html ?? (signature.text ? `<p>${escaped(signature.text).replaceAll("\n", "<br>")}</p>` : "");
  const quoted = quotedLines(letter);
  const quote =
    quoted.length > 0
      ? `<p>${escaped(attribution(letter))}</p><blockquote style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">${quoted.map(escaped).join("<br>")}</blockquote>`
      : "";
  return `<!doctype html><html><body>${paragraphs.join("")}${signed}${quote}</body></html>`;
}

function quotedLines({ original }: Letter): string[] {
  return original === null ? [] : original.text.trim().split(/\r?\n/).slice(0, MOST_QUOTED_LINES);
}

function attribution({ original, language }: Letter): string {
  if (original === null) return "";
  const { from, at } = original;
  const german = language.startsWith("de");
  const on = at.toLocaleString(german ? "de" : "en", { dateStyle: "medium", timeStyle: "short" });
  return german ? `Am ${on} schrieb ${from}:` : `On ${on}, ${from} wrote:`;
}

const linked = (html: string) =>
  html.replaceAll(/\bhttps?:\/\/[^\s<]+[^\s<.,;:!?)]/g, (url) => `<a href="${url}">${url}</a>`);
const escaped = (text: string) => text.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
