/** Tells what somebody wrote from what they quote: for the timeline, and so that nobody's words are taken for another's. Pure. */

export type ReplyPart = { readonly kind: "written" | "quoted" | "signature"; readonly text: string };

/** Longer mails are looked at this far; the rest goes with the last part. */
const MOST_LINES = 5000;
const MOST_LINE = 1000;
/** An attribution is folded over this many lines at most, and the fields of a forwarded head stand this close together. */
const FOLDED = 3;
const HEAD_LINES = 8;

/**
 * The parts of a mail's plain text, in order; together they are the text.
 * A mail of which everything would be quoted (a forward without a word) is one written part: nothing to fold.
 */
export function partsOf(text: string): ReplyPart[] {
  const lines = text.split(/(?<=\n)/);
  const kinds = kindsOf(lines.slice(0, MOST_LINES).map((line) => line.slice(0, MOST_LINE).replace(/\r?\n$/, "")));
  if (!kinds.includes("written")) return text === "" ? [] : [{ kind: "written", text }];
  const parts: { kind: ReplyPart["kind"]; lines: string[] }[] = [];
  lines.forEach((line, at) => {
    const last = parts.at(-1);
    const kind = kinds[at] ?? last?.kind ?? "written";
    if (last?.kind === kind) last.lines.push(line);
    else parts.push({ kind, lines: [line] });
  });
  return parts.map(({ kind, lines: own }) => ({ kind, text: own.join("") }));
}

/** Where in the text the quotation begins that goes to its end; its length where there is none. */
export function quotedFrom(text: string): number {
  const parts = partsOf(text);
  const last = parts.at(-1);
  return last?.kind === "quoted" ? text.length - last.text.length : text.length;
}

/** What the writer added, without quotations and signature. */
export function writtenIn(text: string): string {
  return partsOf(text)
    .filter(({ kind }) => kind === "written")
    .map((part) => part.text)
    .join("")
    .trim();
}

function kindsOf(lines: readonly string[]): ReplyPart["kind"][] {
  const kinds: ReplyPart["kind"][] = [];
  let at = 0;
  let signing = false;
  while (at < lines.length) {
    const line = lines[at]!;
    const head = MARKED.test(line) ? 0 : attribution(lines, at);
    if (opensOriginal(lines, at) || (head > 0 && !MARKED.test(next(lines, at + head)))) {
      // From here on there is no mark that says where the quotation ends.
      while (at < lines.length) kinds[at++] = "quoted";
    } else if (head > 0 || MARKED.test(line)) {
      for (const end = at + Math.max(head, 1); at < end;) kinds[at++] = "quoted";
      signing = false;
    } else if (line.trim() === "") {
      kinds[at] = kinds[at - 1] ?? "written";
      at += 1;
    } else {
      signing ||= SIGNATURE.test(line) || (SENT_FROM.test(line) && restIsShort(lines, at));
      kinds[at++] = signing ? "signature" : "written";
    }
  }
  return kinds;
}

const MARKED = /^[ \t]{0,3}>/;
/** RFC 3676 4.3; mail programs drop its trailing space. */
const SIGNATURE = /^--[ \t]?$/;
const SENT_FROM =
  /^(?:sent (?:from|with|using|via)|get outlook for|gesendet (?:von|mit)|von meinem .{1,40}gesendet|envoyé (?:depuis|de|à partir)|enviado (?:desde|do|a partir)|inviat[oa] (?:da|con)|verzonden (?:vanaf|met|via|van)|verstuurd v|wysłan[eoy] z|skickat? från|sendt fra|lähetetty|odesláno|отправлено (?:с|из)|iphoneから送信|从我的|發自我的|发自我的|나의 .{1,20}에서 보냄|.{1,30}(?:'?[td][ae]n|['’]?[dt][ae]n) gönderildi)/i;
/** A line that says with what it was sent stands at the end. */
const restIsShort = (lines: readonly string[], at: number) =>
  lines
    .slice(at + 1, at + 4)
    .every(
      (line, index) =>
        line.trim() === "" ||
        MARKED.test(line) ||
        attribution(lines, at + 1 + index) > 0 ||
        opensOriginal(lines, at + 1 + index),
    );

const next = (lines: readonly string[], at: number) => lines.slice(at, at + 3).find((line) => line.trim() !== "") ?? "";

/** "On Monday, Ana wrote:": how many lines of it stand here, folded ones too; 0 if none. */
function attribution(lines: readonly string[], at: number): number {
  if (lines[at]!.trim() === "") return 0;
  for (let count = 1; count <= FOLDED; count += 1) {
    const last = lines[at + count - 1]?.trim() ?? "";
    if (last === "") return 0;
    // A line before the last says when or who, too, and ends no sentence.
    if (count > 1 && !/[\d@<]/.test(lines[at]!)) return 0;
    if (/[.!?]\s*$/.test(last)) return 0;
    if (!/[:：]\s*(?:-{2,})?$/.test(last)) continue;
    const whole = lines
      .slice(at, at + count)
      .join(" ")
      .trim();
    if (!ATTRIBUTES.some((one) => one.test(whole))) return 0;
    if (NAMED.test(whole)) return count;
    // Without marks below, a sentence of the writer's own could look the same: then a day and a time must stand there.
    const dated = MARKED.test(next(lines, at + count))
      ? /\d/.test(whole)
      : TIME.test(whole) && whole.match(/\d+/g)!.length > 3;
    return dated ? count : 0;
  }
  return 0;
}

const NAMED = /<\s*[^<>\s]+@[^<>\s]+>|\(\s*[^()\s]+@[^()\s]+\)|\[mailto:/;
const TIME = /(?<!\d)\d{1,2}[:.]\d{2}(?!\d)/;
/** By the verb of writing, whatever order a language puts it in; or by date and address alone. */
const ATTRIBUTES: readonly RegExp[] = [
  /(?<!\p{L})(?:wrote|writes|schrieb|schreef|geschreven|écrit|escribió|escribio|escreveu|scritto|scrive|skrev|kirjoitti|napsal[ai]?|napísal[ai]?|napisał[ai]?|pisze|írta|scris|yazdı|yazmış)(?!\p{L})/iu,
  /(?:написал|пишет|писал|написав|пише|έγραψε|写道|寫道|のメッセージ|書きました|wrote|작성|썼습니다|님이 쓴|כתב|كتب)/iu,
  /^(?=.*\d{4})(?=.*\d{1,2}[:.]\d{2}).*<[^<>\s]+@[^<>\s]+>\s*[:：]$/u,
];

/** "-----Original Message-----", or the head of a mail in words. */
function opensOriginal(lines: readonly string[], at: number): boolean {
  const line = lines[at]!.trim();
  if (line === "") return false;
  if (line.length < 150 && /^[-_]{2}/.test(line) && /[-_]{2}$/.test(line) && ORIGINAL.test(line)) return true;
  if (/^begin forwarded message:?$/i.test(line)) return true;
  const start = /^[_-]{10,}$/.test(line) ? at + 1 : at;
  return headStands(lines, start);
}

const ORIGINAL =
  /original|ursprünglich|origine|originale|oorspronkelijk|oryginaln|opprinnelig|oprindelig|alkuperäinen|původní|pôvodn|исходн|оригинал|元のメッセージ|原始邮件|原始郵件|원본|özgün|orijinal|eredeti|forward|weitergeleitet|transféré|réacheminé|reenviad|encaminhad|inoltrat|doorgestuurd|przekazan|vidarebefordra|videresend|välitetty|přeposlan|пересл|пересыл|転送|转发|轉寄|전달|iletilen|reply message|antwort nachricht/i;

/** What the fields of a mail's head are called where mail programs write them as text. */
const FIELDS: Readonly<Record<"from" | "when" | "to" | "subject", RegExp>> = {
  from: field(
    "from|von|de|da|van|od|från|fra|lähettäjä|от|від|από|差出人|送信者|发件人|寄件者|寄件人|보낸 ?사람|kimden|gönderen|feladó|expéditeur",
  ),
  when: field(
    "sent|date|gesendet|datum|envoyé|enviado(?: el)?|fecha|enviada(?: em)?|data|inviato|verzonden|wysłano|skickat|sendt|dato|lähetetty|päivämäärä|päiväys|odesláno|дата|отправлено|送信日時|日付|日時|发送时间|日期|寄件日期|傳送時間|보낸 ?날짜|날짜|gönderme tarihi|gönderildi|tarih|elküldve|dátum",
  ),
  to: field(
    "to|an|à|a|para|aan|do|till|til|vastaanottaja|komu|кому|宛先|收件人|收件者|받는 ?사람|kime|alıcı|címzett|cc|kopie|kopia|kopi|copie",
  ),
  subject: field(
    "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|temat|ämne|emne|aihe|předmět|тема|件名|主题|主旨|제목|konu|tárgy",
  ),
};

function field(names: string): RegExp {
  return new RegExp(`^\\s*\\*?(?:${names})\\s?\\*?\\s?[:：]\\*?\\s*\\S`, "iu");
}

function headStands(lines: readonly string[], at: number): boolean {
  const near = lines.slice(at, at + HEAD_LINES).filter((line) => line.trim() !== "");
  if (near.length === 0 || !(FIELDS.from.test(near[0]!) || FIELDS.when.test(near[0]!))) return false;
  const named = Object.values(FIELDS).filter((one) => near.some((line) => one.test(line)));
  return named.length >= 3;
}
