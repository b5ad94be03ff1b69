/** Says what a received mail is: a bounce, a complaint, an auto-reply, a wish to leave, or a reply. Pure; acts on nothing. */
import { fromAmazon } from "./amazon.ts";
import { isAutomatic } from "./automatic.ts";
import { complaintIn } from "./complaint.ts";
import { wantsToLeave } from "./leaving.ts";
import { addressIn, fieldsOf, headerOf, readMail, type ReceivedMail, reportsOf } from "./mail.ts";
import { introduction, ownWords, readNotice } from "./notice.ts";
import { readDeliveryStatus, type Recipient, statusIn } from "./report.ts";
import { isByMachine, looksLikeNotice } from "./signs.ts";
import { mild, specific, type Verdict, verdictOf } from "./verdict.ts";

export type { Verdict } from "./verdict.ts";

export type InboundKind = "bounce" | "complaint" | "auto-reply" | "unsubscribe" | "reply" | "delivered" | "other";

export type Inbound = { readonly kind: InboundKind; readonly verdicts: readonly Verdict[] };

/** A notice within a notice within a notice: further in, nothing is looked for. */
const MOST_WITHIN = 3;

/**
 * RFC 3464, RFC 5965, RFC 3834, RFC 8098, and the many notices that follow none of them.
 * @param read the mail as {@link readMail} gave it, where that was done before.
 */
export async function classifyInbound(bytes: Uint8Array, read?: ReceivedMail): Promise<Inbound> {
  return classify(read ?? (await readMail(bytes)), bytes.length, MOST_WITHIN);
}

async function classify(mail: ReceivedMail, size: number, depth: number): Promise<Inbound> {
  const amazon = fromAmazon(mail.text);
  if (amazon) return amazon;
  const complaint = complaintIn(mail);
  if (complaint === "not-spam") return { kind: "other", verdicts: [] };
  if (complaint) return { kind: "complaint", verdicts: complaint };
  return (
    (await passedOn(mail, size, depth)) ??
    delivery(mail) ??
    receipt(mail) ??
    byApple(mail) ??
    notice(mail) ??
    automatic(mail) ??
    personal(mail)
  );
}

/** A gateway's notice about a notice, or one that somebody forwarded without a word: what counts lies within. */
async function passedOn(mail: ReceivedMail, size: number, depth: number): Promise<Inbound | null> {
  const inner = mail.originals[0];
  if (!inner || depth === 0 || mail.reports.length > 0 || inner.length >= size) return null;
  if (!/^Content-Type:\s*multipart\/report/im.test(inner.slice(0, HEAD)) && !looksLikeNotice(mail) && !isForward(mail))
    return null;
  if (mail.headers.has("in-reply-to") && !looksLikeNotice(mail)) return null;
  const within = await classify(await readMail(new TextEncoder().encode(inner)), inner.length, depth - 1);
  if (within.kind === "bounce" || within.kind === "complaint") return within;
  return isForward(mail) && within.kind !== "reply" && within.kind !== "other" ? within : null;
}

const HEAD = 5000;
const isForward = ({ subject, text }: ReceivedMail) =>
  /^\s*(?:fwd?|wg|tr|rv|i|enc|doorst|vb|vl|ynt|转发|轉寄|転送|전달)\s*[:：]/i.test(subject) && text.trim().length < 300;

function delivery(mail: ReceivedMail): Inbound | null {
  const entries = reportsOf(mail, "delivery-status").flatMap(readDeliveryStatus);
  const inText = entries.length === 0 && REPORT_AS_TEXT.test(mail.text) ? readDeliveryStatus(mail.text) : [];
  const recipients = merged([...entries, ...inText]);
  if (recipients.length === 0) return null;
  const said = ownWords(mail.text);
  const failed = recipients.filter(({ action }) => !DELIVERED.test(action ?? "failed"));
  if (failed.length === 0)
    return {
      kind: "delivered",
      verdicts: recipients.map(({ recipient, status }) => mild(recipient, "delivered", status ?? "2.0.0")),
    };
  const named = failed.map((one) => ({ ...one, recipient: one.recipient ?? fallbackRecipient(mail) }));
  const about = wordsAbout(said, named);
  return { kind: "bounce", verdicts: named.map((one, at) => verdictOf(one, about[at]!, mail.subject)) };
}

const REPORT_AS_TEXT = /^Final-Recipient[ \t]*:/im;
const DELIVERED = /^(?:delivered|relayed|expanded|deliverable)$/;

/** One entry for each address; what several blocks say of it goes together. */
function merged(recipients: readonly Recipient[]): Recipient[] {
  const found = new Map<string, Recipient>();
  for (const one of recipients) {
    const key = one.recipient?.toLowerCase() ?? "";
    const known = found.get(key);
    found.set(
      key,
      known
        ? {
            ...known,
            status: specific(known.status) ? known.status : (one.status ?? known.status),
            diagnostic: `${known.diagnostic} ${one.diagnostic}`.trim().slice(0, MOST_DIAGNOSTIC),
          }
        : one,
    );
  }
  return [...found.values()];
}

const MOST_DIAGNOSTIC = 8000;

/** What the readable part says about each recipient, up to the next one; with one recipient, all of it. */
function wordsAbout(said: string, all: readonly Recipient[]): string[] {
  if (all.length === 1) return [said];
  const at = all.map(({ recipient }) => (recipient === null ? -1 : said.indexOf(recipient)));
  const begins = [...new Set(at)].filter((begin) => begin >= 0).sort((one, other) => one - other);
  return at.map((begin) => {
    if (begin < 0) return "";
    const end = begins[begins.indexOf(begin) + 1] ?? said.length;
    return said.slice(begin, Math.min(begin + MOST_ABOUT, end));
  });
}

const MOST_ABOUT = 600;

/** RFC 8098: that it was shown, or deleted unread; nothing about whether it arrived. */
function receipt(mail: ReceivedMail): Inbound | null {
  return reportsOf(mail, "disposition-notification").length > 0 ? { kind: "other", verdicts: [] } : null;
}

/** The leave button of Apple Mail writes for the person, and says that a machine did. */
function byApple(mail: ReceivedMail): Inbound | null {
  const says =
    mail.headers.has("x-apple-unsubscribe") || /Apple Mail sent this email to\s+unsubscribe/i.test(mail.text);
  return says ? leaving(mail) : null;
}

function notice(mail: ReceivedMail): Inbound | null {
  if (!looksLikeNotice(mail)) return null;
  const listed = failedRecipients(mail);
  const own = [...mail.to, mail.from?.address ?? ""].filter(Boolean);
  const said = ownWords(mail.text);
  const others = readNotice(said, own);
  // Somebody may have written to an address of their own.
  const read = others.length > 0 ? others : readNotice(said, []);
  const whole = (recipient: string | null) => ({ recipient, action: null, status: statusIn(said), diagnostic: said });
  const byAddress = new Map(read.map((one) => [one.recipient?.toLowerCase(), one]));
  const recipients: Recipient[] =
    listed.length > 0 ? listed.map((address) => byAddress.get(address.toLowerCase()) ?? whole(address)) : read;
  if (recipients.length > 0) {
    const about =
      recipients.length === 1
        ? said
        : introduction(
            said,
            recipients.map((one) => one.recipient),
          );
    return { kind: "bounce", verdicts: recipients.map((one) => verdictOf(one, about, mail.subject)) };
  }
  // Whom it is about may still be told by the mail it answers.
  return { kind: "bounce", verdicts: [verdictOf(whole(fallbackRecipient(mail)), said, mail.subject)] };
}

const failedRecipients = (mail: ReceivedMail) =>
  headerOf(mail, "x-failed-recipients")
    .split(",")
    .slice(0, 100)
    .flatMap((one) => addressIn(one) ?? []);

/** Whom the mail that came back was for. */
function fallbackRecipient(mail: ReceivedMail): string | null {
  const [listed] = failedRecipients(mail);
  if (listed) return listed;
  for (const original of [...mail.originals, mail.text]) {
    const to = /^(?:To|X-Original-To|Delivered-To|X-Envelope-To)[ \t]*:[ \t]*(.*@.*)$/im.exec(original);
    const address = to && addressIn(to[1]!);
    if (address && !mail.to.includes(address)) return address;
  }
  const first = mail.originals[0];
  return first ? addressIn(fieldsOf(first.split(/\r?\n\r?\n/, 1)[0]!).get("to") ?? "") : null;
}

function automatic(mail: ReceivedMail): Inbound | null {
  if (!isAutomatic(mail)) return null;
  return { kind: "auto-reply", verdicts: [mild(addressIn(mail.from?.address ?? ""), "away")] };
}

const leaving = (mail: ReceivedMail): Inbound => ({
  kind: "unsubscribe",
  verdicts: [mild(addressIn(mail.from?.address ?? ""), "unsubscribe")],
});

/** A wish to leave by mail (RFC 2369), or a person who answers. */
function personal(mail: ReceivedMail): Inbound {
  const machine = /^(?:auto-generated|auto-notified)/i.test(headerOf(mail, "auto-submitted"));
  const bulk = /^(?:bulk|list|junk)$/i.test(headerOf(mail, "precedence").trim()) || mail.headers.has("list-id");
  if (machine || bulk || isByMachine(mail)) return { kind: "other", verdicts: [] };
  return wantsToLeave(mail) ? leaving(mail) : { kind: "reply", verdicts: [] };
}
