/** Recognises the wish to get nothing more: the mail a List-Unsubscribe makes, or a person's own words for it. Pure. */
import type { ReceivedMail } from "./mail.ts";
import { writtenIn } from "./quoted.ts";

/** Words that are a wish to leave when they are all that is said. */
const WORDS = [
  String.raw`un-?subscribe(?: me)?|remove(?: me)?|opt[- ]?out|stop(?: all)?|take me off|cancel(?: my)? subscription`,
  "(?:bitte )?(?:abmelden|abbestellen|austragen|abmeldung|newsletter abbestellen)|(?:bitte )?(?:mich )?(?:austragen|abmelden|löschen|streichen)",
  "(?:me )?désabonner|désabonnement|(?:me )?désinscrire|désinscription|désinscrivez[- ]moi|stop pub",
  "(?:darse? de )?baja|darme de baja|cancelar (?:la )?suscripción|desuscribir(?:me)?|dar de baja",
  "disiscriv(?:i|imi|ersi|etemi)|cancella(?:mi|zione|temi)|annulla iscrizione",
  "descadastrar|cancelar (?:a )?(?:inscrição|subscrição|assinatura)|remover|descadastre-me",
  "uitschrijven|afmelden|(?:mij )?uitschrijven aub",
  "wypisz(?: mnie)?|wypisać|rezygnuję|rezygnacja|anuluj subskrypcję",
  "avregistrera(?: mig)?|avprenumerera|avsluta prenumeration(?:en)?|avanmäl(?: mig)?",
  "afmeld(?: mig)?|meld(?: meg)? av|avmeld(?:e)?|frameld(?: mig)?",
  "peruuta(?: tilaus)?|poista(?: minut)?(?: listalta)?|lopeta tilaus",
  "odhlásit(?: se)?|odhlaste mě|zrušit odběr|odhlášení",
  "отписаться|отпишите(?: меня)?|отписка|отказ от рассылки",
  "配信停止(?:希望|してください|をお願いします)?|(?:登録|購読)解除(?:希望|してください)?|配信不要|退会",
  "退[订訂]|取消(?:订阅|訂閱)|不要再发|请?勿扰",
  "수신 ?거부|구독 ?(?:취소|해지)|수신 ?취소",
  "aboneli(?:ğ|k)(?:imi|ten|ğimi)?(?: iptal(?: et)?| çık(?:mak|ar)?)?|listeden çık(?:ar)?(?:ın)?",
  "leiratkozás|leiratkozom|dezabonare|odhlásiť(?: sa)?|διαγραφή|відписатися",
];
const ALL = new RegExp(
  String.raw`^(?:please|pls|bitte|svp|merci de|por favor|per favore|prego|graag|prosím|proszę|vänligen|пожалуйста|请|請|lütfen)?[\s,]*(?:${WORDS.join("|")})(?:[\s,]*(?:please|pls|bitte|svp|s'il vous plaît|por favor|per favore|aub|a\.u\.b\.|alstublieft|prosím|proszę|tack|пожалуйста|lütfen|thanks?|thank you|danke|merci|gracias|grazie|bedankt))*$`,
  "iu",
);
/** Said within a short text, to us: one of these alone is no wish ("how do people unsubscribe?"). */
const ASKS =
  /\bun-?subscribe (?:me|us|my|this)\b|\b(?:remove|delete) (?:me|us|my (?:e-?mail|address|name))\b|\btake (?:me|us) off\b|\b(?:want|wish|like|need) to (?:unsubscribe|opt out|be (?:removed|taken off))|\bstop (?:sending|e-?mailing|writing|contacting|mailing)(?: me| us)?\b|\bno (?:longer|more) (?:wish to receive|want to receive|e-?mails|mails)|\bdo not (?:send|e-?mail|contact|write to) (?:me|us)\b|(?:tragen|melden|nehmen|streichen|löschen) sie (?:mich|uns|meine)\b|\bich möchte (?:mich abmelden|keine (?:weiteren )?(?:mails?|e-?mails?|newsletter|nachrichten))|keine (?:weiteren|werbe-?)\s?(?:e-?mails?|mails?|nachrichten)|(?:désinscri|désabonn)(?:re|er|vez|ez)[- ]?(?:moi|nous)?|ne (?:plus|souhaite plus|veux plus)[^\n.]{0,20}recevoir|(?:retirez|supprimez|enlevez)[- ]moi|no (?:quiero|deseo) recibir|d(?:en|é|a)(?:me|nos) de baja|elimin(?:en|e|ar)me|non (?:voglio|desidero) (?:più )?ricevere|(?:cancella|rimuov)(?:temi|etemi|imi|ete|ere)|não (?:quero|desejo) (?:mais )?receber|(?:schrijf|haal|verwijder) (?:me|mij|ons)\b[^\n.]{0,20}(?:uit|af|van|lijst)|geen (?:mails?|e-?mails?|berichten) meer|(?:wypisz|usuń) (?:mnie|mój)|nie (?:chcę|życzę)[^\n.]{0,30}(?:otrzymywać|wiadomości)|ta bort mig|vill inte (?:ha|få) (?:fler|mer)|fjern mig|fjern meg|en halua[^\n.]{0,30}(?:posti|viestej)|nechci (?:dostávat|již)|(?:удалите|исключите|уберите) (?:меня|мой|наш)|не (?:присылайте|пишите|хочу получать)|配信を(?:停止|止め)|送(?:ら|って)(?:ない|こない)で|不要再(?:给我|發|发|联系)|그만 보내|보내지 ?마/iu;
const NEGATED = /\b(?:don'?t|do not|nicht|ne|no|not)\s+(?:un-?subscribe|remove me|abmelden|désabonner|desuscribir)/i;
const FOR_NOW = /\b(?:until|before|bis|avant|jusqu|hasta|fino|tot)\b/i;
const MOST_WORDS = 300;

/** Whether somebody wants to get nothing more, and says nothing else. */
export function wantsToLeave(mail: ReceivedMail): boolean {
  const written = writtenIn(mail.text);
  const subject = mail.subject.replace(/^(?:\s*(?:re|aw|fwd?|wg|sv|tr|odp)\s*[:：])+/i, "");
  // The token stands in the subject, as the link in our mail wrote it.
  if (isAll(subject.replace(/\s+[0-9a-z.]{1,40}\.[\w-]{27}\s*$/, ""))) return true;
  if (written === "" || written.length > MOST_WORDS || NEGATED.test(written)) return false;
  return isAll(written) || isAll(firstParagraph(written)) || (ASKS.test(written) && !FOR_NOW.test(written));
}

function isAll(text: string): boolean {
  const plain = text.replaceAll(/[\s\u00a0]+/g, " ").replaceAll(/^["'«„“([\s]+|["'»“”)\].!,;:。！\s]+$/g, "");
  return plain.length > 0 && plain.length <= 80 && ALL.test(plain);
}

/** What stands below is a name and a greeting. */
const firstParagraph = (text: string) =>
  text.split(/\n\s*\n|\n(?=(?:regards|thanks|gruß|grüße|mfg|cordialement|saludos)\b)/i)[0]!;
