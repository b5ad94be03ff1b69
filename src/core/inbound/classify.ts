/** Says what a received mail is: a bounce, a complaint, an auto-reply, a wish to leave, or a reply. Pure; acts on nothing. */
import { addressIn, fieldsOf, readMail, type ReceivedMail } from "./mail.ts";
import { ownWords, readNotice } from "./notice.ts";
import { isDead, type Reason, reasonOf } from "./reason.ts";
import { complainants, readDeliveryStatus, type Recipient, replyCodeIn, statusIn } from "./report.ts";

export type InboundKind = "bounce" | "complaint" | "auto-reply" | "unsubscribe" | "reply" | "delivered" | "other";

/** What a mail says about one recipient. */
export type Verdict = {
  readonly recipient: string | null;
  /** Enhanced status code; made of the class alone (`5.0.0`) where none was said. Null: no matter of delivery. */
  readonly status: string | null;
  readonly replyCode: string | null;
  readonly reason: Reason | "complaint" | "delivered" | "away";
  /** The address is dead. */
  readonly hard: boolean;
  /** It is still being tried: no failure yet. */
  readonly delayed: boolean;
};

export type Inbound = { readonly kind: InboundKind; readonly verdicts: readonly Verdict[] };

/** RFC 3464, RFC 5965, RFC 3834, RFC 8098, and the many notices that follow none of them. */
export async function classifyInbound(bytes: Uint8Array): Promise<Inbound> {
  const mail = await readMail(bytes);
  const inner = mail.originals[0];
  // A gateway's notice about a notice: what counts lies within.
  if (
    inner &&
    inner.length < bytes.length &&
    REPORT_WITHIN.test(inner.slice(0, 5000)) &&
    looksLikeNotice(mail) &&
    mail.reports.length === 0
  ) {
    const within = await classifyInbound(new TextEncoder().encode(inner));
    if (within.kind === "bounce") return within;
  }
  return (
    fromAmazon(mail) ??
    complaint(mail) ??
    delivery(mail) ??
    receipt(mail) ??
    byApple(mail) ??
    automatic(mail) ??
    notice(mail) ??
    personal(mail)
  );
}

const REPORT_WITHIN = /^Content-Type:\s*multipart\/report/im;

const header = (mail: ReceivedMail, name: string) => mail.headers.get(name)?.[0] ?? "";
const report = (mail: ReceivedMail, type: string) =>
  mail.reports.filter((one) => one.type.endsWith(type)).map(({ text }) => text);

function complaint(mail: ReceivedMail): Inbound | null {
  const feedback = report(mail, "feedback-report").join("\n\n");
  const plainly = /^Feedback-Type:\s*\w/im.test(mail.text) && mail.originals.length > 0 ? mail.text : "";
  const written = feedback || plainly;
  const byHotmail =
    written === "" && /staff@hotmail\.com/i.test(mail.from?.address ?? "") && /complaint/i.test(mail.subject);
  if (written === "" && !byHotmail) return null;
  // A report on authentication (RFC 6591) says that no person complained; `reason` keeps the two apart.
  const type = /^Feedback-Type:\s*([\w-]+)/im.exec(written)?.[1]?.toLowerCase() ?? "abuse";
  if (type === "not-spam") return { kind: "other", verdicts: [] };
  const people = complainants(
    `${written}\n${header(mail, "x-hmxmroriginalrecipient") ? `Original-Rcpt-To: ${header(mail, "x-hmxmroriginalrecipient")}` : ""}`,
    mail.originals.join("\n\n"),
  );
  const verdicts = (people.length > 0 ? people : [null]).map((recipient) => ({
    recipient,
    status: null,
    replyCode: null,
    reason: type === "auth-failure" ? ("authentication" as const) : ("complaint" as const),
    hard: false,
    delayed: false,
  }));
  return { kind: "complaint", verdicts };
}

function delivery(mail: ReceivedMail): Inbound | null {
  const entries = report(mail, "delivery-status").flatMap(readDeliveryStatus);
  const inText = entries.length === 0 && /^Final-Recipient\s*:/im.test(mail.text) ? readDeliveryStatus(mail.text) : [];
  const recipients = merged([...entries, ...inText]);
  if (recipients.length === 0) return null;
  const said = ownWords(mail.text);
  const failed = recipients.filter(({ action }) => !DELIVERED.test(action ?? "failed"));
  if (failed.length === 0)
    return {
      kind: "delivered",
      verdicts: recipients.map(({ recipient, status }) => ({
        recipient,
        status: status ?? "2.0.0",
        replyCode: null,
        reason: "delivered",
        hard: false,
        delayed: false,
      })),
    };
  const named = failed.map((one) => ({ ...one, recipient: one.recipient ?? fallbackRecipient(mail) }));
  return {
    kind: "bounce",
    verdicts: named.map((one) => verdictOf(one, about(said, one, named), mail.subject)),
  };
}

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
            diagnostic: `${known.diagnostic} ${one.diagnostic}`.trim(),
          }
        : one,
    );
  }
  return [...found.values()];
}

const specific = (status: string | null) => status !== null && !/^[245]\.0\.0$/.test(status);

/** What the readable part says about a recipient, up to the next one; with one recipient, all of it. */
function about(said: string, { recipient }: Recipient, all: readonly Recipient[]): string {
  if (all.length === 1) return said;
  const at = said.indexOf(recipient ?? "\0");
  if (at < 0) return "";
  const ends = all
    .filter((one) => one.recipient !== null && one.recipient !== recipient)
    .map((one) => said.indexOf(one.recipient!, at))
    .filter((end) => end > 0);
  return said.slice(at, Math.min(at + 600, ...ends));
}

/** The leave button of Apple Mail writes for the person, and says that a machine did. */
function byApple(mail: ReceivedMail): Inbound | null {
  if (!/Apple Mail sent this email to unsubscribe/i.test(mail.text)) return null;
  return { kind: "unsubscribe", verdicts: [] };
}

/** Amazon SES tells of deliveries, bounces and complaints as JSON, which SNS can send by mail. */
function fromAmazon(mail: ReceivedMail): Inbound | null {
  const text = mail.text.trim();
  if (!text.startsWith("{") || !text.slice(0, 500).includes('"notificationType"')) return null;
  const kind = /"notificationType"\s*:\s*"(\w+)"/.exec(text)?.[1];
  const json = text.split(/\n-- ?\n/)[0]!.replaceAll(/\n\s*/g, "");
  const values = (name: string) =>
    [...json.matchAll(new RegExp(`"${name}"\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)"`, "g"))].map(([, value]) => value!);
  const listed = (name: string) =>
    /"([^"@]+@[^"@]+)"/.exec(new RegExp(`"${name}"\\s*:\\s*\\[([^\\]]*)\\]`).exec(json)?.[1] ?? "")?.[1] ?? null;
  const recipients = values("emailAddress");
  if (kind === "Bounce") {
    const [statuses, diagnostics] = [values("status"), values("diagnosticCode")];
    const verdicts = recipients.map((recipient, at) =>
      verdictOf(
        { recipient, action: "failed", status: statusIn(statuses[at] ?? ""), diagnostic: diagnostics[at] ?? "" },
        "",
        "",
      ),
    );
    return { kind: "bounce", verdicts };
  }
  const rest = { status: null, replyCode: null, hard: false, delayed: false };
  if (kind === "Complaint")
    return {
      kind: "complaint",
      verdicts: recipients.map((recipient) => ({ ...rest, recipient, reason: "complaint" })),
    };
  if (kind === "Delivery") {
    const status = statusIn(values("smtpResponse")[0] ?? "") ?? "2.0.0";
    return {
      kind: "delivered",
      verdicts: [{ ...rest, status, recipient: listed("recipients") ?? listed("destination"), reason: "delivered" }],
    };
  }
  return null;
}

/** RFC 8098: that it was shown, or deleted unread; nothing about whether it arrived. */
function receipt(mail: ReceivedMail): Inbound | null {
  return report(mail, "disposition-notification").length > 0 ? { kind: "other", verdicts: [] } : null;
}

/** Who sends notices of failure. */
const DAEMON =
  /^(?:"?mailer-?daemon|post_?master|[\w.-]+-(?:admin|owner|request|bounces)@|mail(?:er)?[-_ ]?(?:delivery|system|robot|daemon|admin)|mail delivery|system administrator|microsoft exchange|(?:email|mail) delivery|administrator|internet mail|no-?reply|delivery)/i;
const FAILURE =
  /undeliver|delivery (?:status|fail|problem|notification|has failed|error|report)|deliver(?:y|ed)? .{0,30}(?:fail|delay)|returned (?:mail|to sender)|return(?:ing|ed) message|fail(?:ure|ed)\b.{0,30}(?:notice|mail|delivery|message)|(?:mail|message|delivery|email).{0,30}\b(?:fail|error|reject|bounce|could not|not delivered|undelivered|system error)|could not (?:be )?(?:send|sent|deliver)|can'?t be delivered|non.?deliver|unzustellbar|not delivered|mail error|user unknown|unknown (?:user|address)|nondeliverable|bounced|mailfehler|retour|échec|fehlgeschlagen|no (?:se )?(?:pudo|entregad)|non remis|non consegnat|エラー|届|不达|退信|退訊|недостав|ошибк|сообщение не доставлено|delivery to.*(?:fail|delay)|warning: (?:could not|message)|message status - undeliverable|rejected|did not reach|delivery errors?|no valid recipients|invalid user address|unable to deliver|not a member of this|duplicated message-id/i;
const AWAY =
  /\bout of (?:the )?office\b|\bauto(?:matic|mated)?[- ]?(?:reply|response|antwort|svar|risposta|respuesta)|\bautoreply\b|\baway (?:from|on)\b|\bvacation\b|on (?:annual |parental |maternity |sick )?(?:leave|holiday)|abwesenheit|automatische antwort|abwesend|nicht im (?:büro|haus)|absence|réponse automatique|absent du bureau|fuera de (?:la )?oficina|respuesta automática|fuori sede|risposta automatica|fora do escritório|resposta automática|afwezig|automatisch antwoord|autosvar|frånvaro|fravær|poissa|nieobecno|automatyczna odpowied|mimo kancelář|автоматический ответ|автоответ|вне офиса|отсутств|自動返信|自动(?:回复|答复)|不在|자동 ?(?:회신|응답)|otomatik yanıt|irodán kívül|automaattinen/i;

function looksLikeNotice(mail: ReceivedMail): boolean {
  const from = mail.from;
  const daemon =
    from === null || DAEMON.test(from.address) || DAEMON.test(from.name) || /<>/.test(header(mail, "return-path"));
  if (mail.headers.has("x-failed-recipients")) return true;
  if (daemon && (FAILURE.test(mail.subject) || FAILURE.test(mail.text.slice(0, 3000)))) return true;
  return FAILURE.test(mail.subject) && (mail.originals.length > 0 || statusIn(mail.text.slice(0, 5000)) !== null);
}

/** RFC 3834 and the habits of those who do not know it. */
function automatic(mail: ReceivedMail): Inbound | null {
  const submitted = header(mail, "auto-submitted").toLowerCase();
  const precedence = header(mail, "precedence").toLowerCase();
  const says =
    submitted.startsWith("auto-replied") ||
    submitted.startsWith("auto-generated (vacation") ||
    mail.headers.has("x-autoreply") ||
    mail.headers.has("x-autorespond") ||
    mail.headers.has("x-autoresponder") ||
    /auto_reply|auto-reply/.test(precedence) ||
    (/^(?:OOF|All|AutoReply)/.test(header(mail, "x-auto-response-suppress")) && AWAY.test(mail.subject)) ||
    header(mail, "x-ms-exchange-generated-message-source").toLowerCase().includes("mailbox rules agent") ||
    mail.headers.has("x-ms-exchange-inbox-rules-loop") ||
    (AWAY.test(mail.subject) && !/^(?:re|aw|sv|odp|fwd?|wg)\s*:/i.test(mail.subject)) ||
    /^auto\s*:/i.test(mail.subject) ||
    (AWAY.test(mail.subject) && submitted !== "" && submitted !== "no");
  if (!says) return null;
  if (mail.headers.has("x-failed-recipients") || (looksLikeNotice(mail) && !AWAY.test(mail.subject))) return null;
  const from = mail.from?.address ?? null;
  const verdict = { status: null, replyCode: null, reason: "away" as const, hard: false, delayed: false };
  return { kind: "auto-reply", verdicts: [{ recipient: from || null, ...verdict }] };
}

function notice(mail: ReceivedMail): Inbound | null {
  if (!looksLikeNotice(mail)) return null;
  const listed = header(mail, "x-failed-recipients");
  const fromHeader = listed
    .split(",")
    .map(addressIn)
    .filter((address) => address !== null);
  const own = [...mail.to, mail.from?.address ?? ""].filter(Boolean);
  const others = readNotice(mail.text, own);
  // Somebody may have written to an address of their own.
  const read = others.length > 0 ? others : readNotice(mail.text, []);
  const said = ownWords(mail.text);
  const recipients: Recipient[] =
    fromHeader.length > 0
      ? fromHeader.map((recipient) => {
          const known = read.find((one) => one.recipient?.toLowerCase() === recipient.toLowerCase());
          return known ?? { recipient, action: null, status: statusIn(said), diagnostic: said };
        })
      : read;
  const fallback =
    recipients.length > 0
      ? recipients
      : [{ recipient: fallbackRecipient(mail), action: null, status: statusIn(said), diagnostic: said }];
  if (fallback[0]!.recipient === null) return null;
  return {
    kind: "bounce",
    verdicts: fallback.map((one) => verdictOf(one, recipients.length > 1 ? "" : said, mail.subject)),
  };
}

/** Whom the mail that came back was for. */
function fallbackRecipient(mail: ReceivedMail): string | null {
  for (const original of [...mail.originals, mail.text]) {
    const to = /^(?:To|X-Original-To|Delivered-To|X-Envelope-To)\s*:\s*(.*@.*)$/im.exec(original);
    const address = to && addressIn(to[1]!);
    if (address && !mail.to.includes(address)) return address;
  }
  const first = mail.originals[0];
  return first ? addressIn(fieldsOf(first.split(/\r?\n\r?\n/)[0] ?? "").get("to") ?? "") : null;
}

/** The verdict on one recipient: what its server said first, then what the notice says around it. */
function verdictOf({ recipient, action, status, diagnostic }: Recipient, said: string, subject: string): Verdict {
  const quoted = statusIn(diagnostic);
  const around = statusIn(said.replaceAll(OWN_VERDICT, ""));
  const code = specific(quoted)
    ? quoted
    : specific(status)
      ? status
      : specific(around)
        ? around
        : (quoted ?? status ?? around);
  const replyCode = replyCodeIn(diagnostic) ?? replyCodeIn(said);
  let reason = reasonOf(code, diagnostic);
  if (reason === "undefined" || (VAGUE.has(reason) && !specific(code))) {
    const wider = reasonOf(code, `${diagnostic} ${said}`);
    if (wider !== "undefined") reason = wider;
  }
  const delayed = action === "delayed";
  if (delayed && (VAGUE.has(reason) || reason === "undefined")) reason = "expired";
  const givenUp = /retry timeout exceeded/i.test(diagnostic) ? "4" : null;
  const word = code?.[0] ?? givenUp ?? replyCode?.[0] ?? (delayed || /^warning|delay/i.test(subject) ? "4" : "5");
  return {
    recipient,
    status: code ?? `${word}.0.0`,
    replyCode,
    reason,
    hard: isDead(reason) && !delayed && !onlyFiltered(reason, code, `${diagnostic} ${said}`),
    delayed,
  };
}

/**
 * Whether "user unknown" is no word on the mailbox. A filter says it too: after the whole mail was taken, or where a
 * relayed reply names no reason of its own (X.1.1) and was not given to RCPT. A passing failure to find a host proves
 * nothing.
 */
function onlyFiltered(reason: Reason, code: string | null, text: string): boolean {
  if (reason === "host-unknown" || reason === "not-accepting") return code?.[0] === "4";
  if (reason !== "user-unknown" || AT_RCPT.test(text)) return false;
  if (AFTER_DATA.test(text)) return true;
  if (/^[45]\.(?:1\.\d+|4\.1)$/.test(code ?? "")) return false;
  return AT_DATA.test(text) || replyCodeIn(text) !== null;
}

/** What sendmail concludes for itself, below what the other server said. */
const OWN_VERDICT = /^5\d\d 5\.1\.1 <.*/gm;
const AT_RCPT =
  />>> RCPT|RCPT\s+TO|RCPT_TO|mail\.local: unknown user|RCPT command|:RCPT |user doesn'?t have an? \S+ account|mailbox unavailable \(-/i;
const AFTER_DATA = /end of data|for text command|\(data\)|after data\b/i;
/** A transcript: with pipelining the answer to RCPT stands here too. */
const AT_DATA = />>> DATA/;

const VAGUE: ReadonlySet<Reason> = new Set(["system", "rejected", "undefined", "policy", "content"]);

/** A wish to leave by mail (RFC 2369), or a person who answers. */
function personal(mail: ReceivedMail): Inbound {
  const words = `${mail.subject}\n${mail.text.trim().slice(0, 200)}`;
  if (
    /^\s*(?:re:\s*)?(?:unsubscribe|remove me|opt[- ]?out|abmelden|désabonner|désinscrire|darse de baja|stop)\b/im.test(
      words.slice(0, 120),
    )
  )
    return { kind: "unsubscribe", verdicts: [] };
  const machine = /^(?:auto-generated|auto-notified)/i.test(header(mail, "auto-submitted"));
  const bulk = /^(?:bulk|list|junk)$/i.test(header(mail, "precedence")) || mail.headers.has("list-id");
  if (machine || bulk || mail.from === null) return { kind: "other", verdicts: [] };
  return { kind: "reply", verdicts: [] };
}
