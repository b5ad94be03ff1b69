/** The sentences of explanations, in English and German, by their code. Decides nothing. */
import { filled } from "./filled.ts";
import type { Language } from "./timing-words.ts";

type Said = Readonly<Record<Language, string>>;

/** Why a step was skipped, by the reason its message carries. */
export const SKIPPED: Readonly<Record<string, Said>> = {
  expired: {
    en: "Skipped: its day was too long ago when it could have left (see expires after days).",
    de: "Übersprungen: Ihr Tag lag zu lange zurück, als sie hätte hinausgehen können (siehe Verfall in Tagen).",
  },
  "added-after-its-day": {
    en: "Not for this person: the step was added when its day had already passed.",
    de: "Nicht für diese Person: Der Schritt kam hinzu, als sein Tag schon vorbei war.",
  },
  "no-date": {
    en: "Skipped: the field with the date it waits for was empty.",
    de: "Übersprungen: Das Feld mit dem Datum, auf das sie wartet, war leer.",
  },
  "date-passed": {
    en: "Skipped: the date it waits for had passed already.",
    de: "Übersprungen: Das Datum, auf das sie wartet, war schon vorbei.",
  },
  unsubscribed: {
    en: "Not sent: the person has unsubscribed.",
    de: "Nicht gesendet: Die Person hat sich abgemeldet.",
  },
  "hard-bounce": {
    en: "Not sent: the address does not exist any more.",
    de: "Nicht gesendet: Die Adresse gibt es nicht mehr.",
  },
  "soft-bounces": {
    en: "Not sent: mail to the address came back time after time.",
    de: "Nicht gesendet: E-Mails an die Adresse kamen immer wieder zurück.",
  },
  complaint: {
    en: "Not sent: the person reported an email as spam.",
    de: "Nicht gesendet: Die Person hat eine E-Mail als Spam gemeldet.",
  },
  "do-not-contact": {
    en: "Not sent: the person is marked Do Not Contact or disabled.",
    de: "Nicht gesendet: Die Person ist als „Nicht kontaktieren“ markiert oder deaktiviert.",
  },
  manual: {
    en: "Not sent: the address was suppressed by hand.",
    de: "Nicht gesendet: Die Adresse wurde von Hand gesperrt.",
  },
  imported: {
    en: "Not sent: the address was on an imported list of opt-outs.",
    de: "Nicht gesendet: Die Adresse stand auf einer importierten Liste von Abmeldungen.",
  },
  erased: { en: "Not sent: the person has been erased.", de: "Nicht gesendet: Die Person wurde gelöscht." },
  "no-address": {
    en: "Not sent: the person has no email address.",
    de: "Nicht gesendet: Die Person hat keine E-Mail-Adresse.",
  },
  "not-a-member": {
    en: "Not sent: the person is no longer a subscribed member of the Email Group.",
    de: "Nicht gesendet: Die Person ist nicht mehr in der E-Mail-Gruppe angemeldet.",
  },
  condition: {
    en: "Skipped: its condition was not met.",
    de: "Übersprungen: Ihre Bedingung war nicht erfüllt.",
  },
  "stop-if": {
    en: "Not sent: the Campaign ended for this person by a condition.",
    de: "Nicht gesendet: Die Kampagne endete für diese Person durch eine Bedingung.",
  },
  goal: {
    en: "Not sent: the person reached the goal of the Campaign.",
    de: "Nicht gesendet: Die Person hat das Ziel der Kampagne erreicht.",
  },
  "skipped-by-hand": { en: "Skipped by hand.", de: "Von Hand übersprungen." },
  restored: {
    en: "Skipped: it was due when a backup was restored, and may have left before.",
    de: "Übersprungen: Sie war fällig, als eine Sicherung zurückgespielt wurde, und ist vielleicht schon gesendet.",
  },
  cancelled: {
    en: "Not sent: the Email Campaign was cancelled.",
    de: "Nicht gesendet: Die E-Mail-Kampagne wurde abgebrochen.",
  },
};

/** Why an Email Campaign stopped. */
export const STOPPED: Readonly<Record<string, Said>> = {
  replied: { en: "the person replied", de: "die Person hat geantwortet" },
  bounced: { en: "the address bounced", de: "die Adresse ist unzustellbar" },
  complained: { en: "the person complained", de: "die Person hat sich beschwert" },
  converted: { en: "the person was converted", de: "die Person wurde umgewandelt" },
  condition: { en: "a condition that ends it came true", de: "eine Bedingung, die sie beendet, trat ein" },
  cancelled: { en: "it was cancelled", de: "sie wurde abgebrochen" },
  erased: { en: "the person was erased", de: "die Person wurde gelöscht" },
  "do-not-contact": { en: "the person is not to be contacted", de: "die Person soll nicht kontaktiert werden" },
};

/** What is said besides; what stands in braces is filled in. */
export const SAID = {
  unsubscribed: {
    en: "Will not be sent: the person has unsubscribed.",
    de: "Wird nicht gesendet: Die Person hat sich abgemeldet.",
  },
  stopped: { en: "Will not be sent: {why}.", de: "Wird nicht gesendet: {why}." },
  paused: { en: "Waits: the Email Campaign is paused.", de: "Wartet: Die E-Mail-Kampagne ist angehalten." },
  "campaign-paused": {
    en: "Waits: its Campaign is on hold or frozen.",
    de: "Wartet: Ihre Kampagne ist angehalten oder eingefroren.",
  },
  "window-never-opens": {
    en: "Waits: the sending window never opens.",
    de: "Wartet: Das Sendefenster öffnet nie.",
  },
  due: { en: "Due now; it leaves next.", de: "Jetzt fällig; sie geht als Nächstes hinaus." },
  "waits-for-return": {
    en: "Waits until the person is back: {when}.",
    de: "Wartet, bis die Person zurück ist: {when}.",
  },
  "frequency-cap": {
    en: "Waits: the person has got as many mails as the workspace allows. It leaves {when} at the earliest.",
    de: "Wartet: Die Person hat so viele E-Mails bekommen, wie der Arbeitsbereich erlaubt. Frühestens {when}.",
  },
  "catching-up": {
    en: "Waits for its turn, at most one late email a day: {when}.",
    de: "Wartet, bis sie an der Reihe ist, höchstens eine verspätete E-Mail am Tag: {when}.",
  },
  scheduled: { en: "Waits for its day: {when}.", de: "Wartet auf ihren Tag: {when}." },
  "waits-for-date": {
    en: "Waits for the date in the field “{field}”, which is empty. If it still is then, the step is skipped: {when}.",
    de: "Wartet auf das Datum im Feld „{field}“, das leer ist. Ist es das dann noch, wird der Schritt übersprungen: {when}.",
  },
  "waits-for-previous": {
    en: "Waits until the step before it is done.",
    de: "Wartet, bis der Schritt davor erledigt ist.",
  },
  sent: { en: "Sent.{reply}", de: "Gesendet.{reply}" },
  skipped: { en: "Skipped.", de: "Übersprungen." },
  failed: { en: "Not delivered.{reply}", de: "Nicht zugestellt.{reply}" },
  "will-retry": {
    en: "Put off by the server; it is tried again.{reply}",
    de: "Vom Server vertagt; es wird noch einmal versucht.{reply}",
  },
  unknown: {
    en: "The connection broke before the server confirmed; it may have arrived.",
    de: "Die Verbindung riss ab, bevor der Server bestätigte; sie kann angekommen sein.",
  },
  "cannot-sign": {
    en: "Waits: its sending domain is to be signed (DKIM), and the key cannot be used.",
    de: "Wartet: Ihre Absender-Domain soll signiert werden (DKIM), und der Schlüssel ist nicht brauchbar.",
  },
  "window-closed": {
    en: "Waits for the next opening: the window closed before its turn came.",
    de: "Wartet auf die nächste Öffnung: Das Fenster schloss, bevor sie an der Reihe war.",
  },
  "to-be-sent": { en: "Handed over; it leaves next.", de: "Übergeben; sie geht als Nächstes hinaus." },
  "being-sent": { en: "Is being sent at this moment.", de: "Wird in diesem Augenblick gesendet." },
  "only-if": {
    en: " Only if {asked}; as things stand, that is {so}.",
    de: " Nur, wenn gilt: {asked}; das ist zurzeit {so}.",
  },
  "stop-if": {
    en: " It ends instead if {asked}; as things stand, that is {so}.",
    de: " Stattdessen endet sie, wenn gilt: {asked}; das ist zurzeit {so}.",
  },
  so: { en: "so", de: "so" },
  "not-so": { en: "not so", de: "nicht so" },
  found: { en: " Asked: {asked}. Found: {found}.", de: " Gefragt: {asked}. Gefunden: {found}." },
  unmet: {
    en: "Due now, and about to be skipped: its condition is not met.",
    de: "Jetzt fällig und gleich übersprungen: Ihre Bedingung ist nicht erfüllt.",
  },
  ends: {
    en: "Will not be sent: the Campaign ends for this person now.",
    de: "Wird nicht gesendet: Die Kampagne endet jetzt für diese Person.",
  },
  "variant-ahead": {
    en: " Variant {letter}, as the split has it ({split}).",
    de: " Variante {letter}, so will es die Aufteilung ({split}).",
  },
  "variant-until-winner": {
    en: " Variant {letter}, as the split has it ({split}), unless a winner is decided before.",
    de: " Variante {letter}, so will es die Aufteilung ({split}), sofern nicht vorher eine Gewinnerin feststeht.",
  },
  "variant-split": { en: " Variant {letter}, by the split.", de: " Variante {letter}, nach der Aufteilung." },
  "variant-won": {
    en: " Variant {letter}, which had won.",
    de: " Variante {letter}, die gewonnen hatte.",
  },
  "variant-chosen": {
    en: " Variant {letter}, which {who} had chosen.",
    de: " Variante {letter}, die {who} gewählt hatte.",
  },
  "variant-without-winner": {
    en: " Variant {letter}: no variant was clearly better.",
    de: " Variante {letter}: Keine Variante war deutlich besser.",
  },
  "variant-gone": {
    en: " Variant {letter}: variant {planned}, as which it was planned, was removed before it left.",
    de: " Variante {letter}: Variante {planned}, als die sie geplant war, wurde vorher entfernt.",
  },
  reply: { en: " The server said: {words}", de: " Der Server sagte: {words}" },
} as const satisfies Record<string, Said>;

/** A sentence in a language, filled in. */
export function sentence(said: Said, language: Language, values: Readonly<Record<string, string>> = {}): string {
  return filled(said[language], values, "");
}
