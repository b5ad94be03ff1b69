/** Weighs whether a mail that carries no report is a notice of failure: no sign is proof, several are. Pure. */
import { isAwaySubject } from "./automatic.ts";
import { headerOf, type ReceivedMail } from "./mail.ts";
import { statusIn } from "./report.ts";

type Sign = readonly [weight: number, shows: (mail: ReceivedMail) => boolean];

/** A notice weighs this much, and at least one word in it speaks of a failure. */
const ENOUGH = 4;
const MOST_TEXT = 3000;
const beginning = (mail: ReceivedMail) => mail.text.slice(0, MOST_TEXT);

/** Programs that deliver mail, by their usual names. */
const DAEMON =
  /^(?:"?mailer[-_ ]?daemon|post_?master\b|mail(?:er)?[-_ ]?(?:delivery|system|robot|daemon|admin)|(?:e-?mail|mail) deliver|system administrator|microsoft exchange|internet mail|delivery (?:sub)?system)/i;
/** Who also writes other things. */
const PERHAPS =
  /^(?:[\w.+-]+-(?:admin|owner|request|bounces?)@|administrator\b|no-?reply|delivery|mail[-_ ]?|bounces?\b)/i;

/** What the subject of a notice says. */
const FAILED =
  /undeliver|delivery (?:status|fail|problem|notification|has failed|error|report)|deliver(?:y|ed)? .{0,30}(?:fail|delay)|returned (?:mail|to sender)|return(?:ing|ed) message|fail(?:ure|ed)\b.{0,30}(?:notice|mail|delivery|message)|(?:mail|message|delivery|email).{0,30}\b(?:fail|error|reject|bounce|could not|not delivered|undelivered|system error)|could not (?:be )?(?:send|sent|deliver)|can'?t be delivered|non.?deliver|unzustellbar|not delivered|mail error|user unknown|unknown (?:user|address)|nondeliverable|bounced|mailfehler|échec|fehlgeschlagen|nicht zugestellt|zustell(?:ung|bar)|no (?:se )?(?:pudo|entregad)|non remis|non distribu|retour à l'expéditeur|non consegnat|mancat[ao] (?:recapito|consegna)|não (?:foi )?entregue|devolvid|falha na entrega|niet (?:afgeleverd|bezorgd)|onbestelbaar|niedostarcz|zwrot|kunde inte levereras|ikke leveret|kunne ikke leveres|ei voitu toimittaa|nedoručiteln|エラー|届|配信(?:不能|できません)|不达|退信|退訊|无法投递|배달 ?실패|전송 ?실패|반송|недостав|ошибк|не (?:было )?доставлено|iletilemedi|kézbesíthetetlen|delivery to.*(?:fail|delay)|warning: (?:could not|message)|message status - undeliverable|rejected|did not reach|delivery errors?|no valid recipients|invalid user address|unable to deliver|(?:are )?not (?:a )?member|duplicated message-id/i;
/** What a server writes, and hardly anybody else. */
const SERVER_SAID =
  /\b(?:[45]\d\d)[ -](?:#?[45]\.\d\.\d{1,3}|<|user|mailbox|recipient|requested action|no such|unknown|sorry|message)|[\s(#][45]\.\d\.\d{1,3}[\s):;]|\bsmtp (?:error|server)|\b(?:in reply to|after|end of) (?:rcpt|data|mail from)|remote (?:mail )?(?:host|server)/i;
const COULD_NOT =
  /(?:could|can) ?not (?:be )?(?:deliver|send|sent)|couldn'?t be delivered|unable to deliver|(?:was|were) not delivered|undeliverable|delivery .{0,30}failed|(?:permanent|fatal) (?:error|failure)|following (?:address|recipient)|did not reach|has been rejected|returned? (?:to (?:you|sender)|mail)|nicht zugestellt|konnte .{0,60}nicht .{0,30}(?:zugestellt|ausgeliefert)|n'a pas pu être|no se pudo|non è stato possibile|não foi possível|kon niet worden|配信できません|届けられません|送信できません|无法(?:投递|送达)|전달할 수 없|не удалось доставить|не доставлено/i;
const ANSWERS = /^\s*(?:re|aw|antw|sv|vs|odp|rv|rif|res|ynt|fwd?|wg|tr)\s*[:：]/i;

const failedBySubject = ({ subject }: ReceivedMail) => FAILED.test(subject);
const failedByText = (mail: ReceivedMail) => COULD_NOT.test(beginning(mail)) || FAILED.test(beginning(mail));
const failedByServer = (mail: ReceivedMail) => SERVER_SAID.test(beginning(mail)) || statusIn(beginning(mail)) !== null;

const SIGNS: readonly Sign[] = [
  [6, ({ headers }) => headers.has("x-failed-recipients")],
  [3, byDaemon],
  [1, ({ from }) => from !== null && (PERHAPS.test(from.address) || PERHAPS.test(from.name))],
  [1, (mail) => /^\s*<>/.test(headerOf(mail, "return-path"))],
  [2, failedBySubject],
  [1, failedByText],
  [1, failedByServer],
  [1, ({ originals }) => originals.length > 0],
  // People write such words, too, when they speak about them.
  [-3, (mail) => ANSWERS.test(mail.subject) && !byDaemon(mail)],
  [-4, ({ subject }) => isAwaySubject(subject)],
  [-1, (mail) => mail.headers.has("in-reply-to") && !byDaemon(mail)],
  [-2, ({ headers }) => headers.has("list-unsubscribe")],
];

function byDaemon({ from }: ReceivedMail): boolean {
  return from === null || DAEMON.test(from.address) || DAEMON.test(from.name);
}

/** Sent by a program, whatever it says: nobody's answer. */
export const isByMachine = (mail: ReceivedMail): boolean =>
  byDaemon(mail) ||
  /^\s*<>/.test(headerOf(mail, "return-path")) ||
  /^(?:no|do-?not)[-_.]?reply\b/i.test(mail.from?.address ?? "");

/** What speaks for a notice of failure, and against it. */
const weigh = (mail: ReceivedMail): number =>
  SIGNS.reduce((sum, [weight, shows]) => sum + (shows(mail) ? weight : 0), 0);

export const looksLikeNotice = (mail: ReceivedMail): boolean =>
  weigh(mail) >= ENOUGH &&
  (mail.headers.has("x-failed-recipients") || failedBySubject(mail) || failedByText(mail) || failedByServer(mail));
