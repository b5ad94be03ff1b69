/** The words of the public page of preferences, in every language it speaks. */
import type { Measuring } from "../core/person.ts";

export type Words = {
  readonly language: string;
  readonly title: string;
  readonly intro: (address: string, campaign: string) => string;
  readonly legend: string;
  readonly scopes: Readonly<Record<"campaign" | "campaigns" | "everything", (campaign: string) => string>>;
  readonly leave: string;
  readonly doneTitle: string;
  readonly done: Readonly<Record<"campaign" | "campaigns" | "everything", (campaign: string) => string>>;
  readonly already: Readonly<Record<"campaign" | "campaigns" | "everything", (campaign: string) => string>>;
  readonly backIntro: string;
  readonly back: string;
  readonly backTitle: string;
  readonly backDone: string;
  /** How it is, with what the other choice would change. */
  readonly measuring: Readonly<Record<Measuring, string>>;
  /** The button that makes it so. */
  readonly measure: Readonly<Record<Measuring, string>>;
  /** What is said once it is so. */
  readonly measured: Readonly<Record<Measuring, { readonly title: string; readonly done: string }>>;
  readonly wrongTitle: string;
  readonly wrong: string;
  readonly choose: string;
  readonly closing: string;
};

const english: Words = {
  language: "en",
  title: "Unsubscribe",
  intro: (address, campaign) => `You get these emails at ${address} because of “${campaign}”.`,
  legend: "What do you no longer want to receive?",
  scopes: {
    campaign: (campaign) => `Emails of “${campaign}”`,
    campaigns: () => "Emails of this and every other campaign",
    everything: () => "Any email at all from us",
  },
  leave: "Unsubscribe",
  doneTitle: "You are unsubscribed",
  done: {
    campaign: (campaign) => `You will get no more emails of “${campaign}”.`,
    campaigns: () => "You will get no more emails of any campaign.",
    everything: () => "You will get no more emails from us.",
  },
  already: {
    campaign: (campaign) => `You are already unsubscribed from “${campaign}”.`,
    campaigns: () => "You are already unsubscribed from all campaigns.",
    everything: () => "You are already unsubscribed from all our emails.",
  },
  backIntro: "Was this a mistake?",
  back: "Receive emails again",
  backTitle: "Welcome back",
  backDone: "You may get emails from us again. What was stopped does not start again by itself.",
  measuring: {
    "as-campaign":
      "We may note when you open our emails and which of their links you click. You can switch that off without unsubscribing.",
    never: "We do not note what you open or click.",
  },
  measure: {
    "as-campaign": "You may note it again",
    never: "Do not note what I open and click",
  },
  measured: {
    "as-campaign": {
      title: "Thank you",
      done: "We may note again when you open our emails and which of their links you click.",
    },
    never: {
      title: "We no longer note what you open and click",
      done: "Emails we send you from now on hold nothing that could tell us. In earlier ones it is no longer noted either; their links work as before.",
    },
  },
  wrongTitle: "This link does not work",
  wrong: "It is incomplete or has been changed. Nothing has happened. Please use the link in the email as it is.",
  choose: "Please choose one of these.",
  closing: "You can close this page.",
};

const german: Words = {
  language: "de",
  title: "Abmelden",
  intro: (address, campaign) => `Sie erhalten diese E-Mails an ${address} wegen „${campaign}“.`,
  legend: "Was möchten Sie nicht mehr erhalten?",
  scopes: {
    campaign: (campaign) => `E-Mails zu „${campaign}“`,
    campaigns: () => "E-Mails zu dieser und allen anderen Kampagnen",
    everything: () => "Überhaupt keine E-Mails mehr von uns",
  },
  leave: "Abmelden",
  doneTitle: "Sie sind abgemeldet",
  done: {
    campaign: (campaign) => `Sie erhalten keine E-Mails mehr zu „${campaign}“.`,
    campaigns: () => "Sie erhalten keine E-Mails mehr zu unseren Kampagnen.",
    everything: () => "Sie erhalten keine E-Mails mehr von uns.",
  },
  already: {
    campaign: (campaign) => `Sie sind von „${campaign}“ bereits abgemeldet.`,
    campaigns: () => "Sie sind von allen Kampagnen bereits abgemeldet.",
    everything: () => "Sie sind von allen unseren E-Mails bereits abgemeldet.",
  },
  backIntro: "War das ein Versehen?",
  back: "Wieder E-Mails erhalten",
  backTitle: "Willkommen zurück",
  backDone: "Sie können wieder E-Mails von uns erhalten. Was beendet wurde, beginnt nicht von selbst neu.",
  measuring: {
    "as-campaign":
      "Wir können festhalten, wann Sie unsere E-Mails öffnen und welche Links Sie darin anklicken. Das können Sie abschalten, ohne sich abzumelden.",
    never: "Wir halten nicht fest, was Sie öffnen oder anklicken.",
  },
  measure: {
    "as-campaign": "Darf wieder festgehalten werden",
    never: "Nicht festhalten, was ich öffne und anklicke",
  },
  measured: {
    "as-campaign": {
      title: "Vielen Dank",
      done: "Wir dürfen wieder festhalten, wann Sie unsere E-Mails öffnen und welche Links Sie darin anklicken.",
    },
    never: {
      title: "Wir halten nicht mehr fest, was Sie öffnen und anklicken",
      done: "E-Mails, die wir Ihnen ab jetzt senden, enthalten nichts, was es uns verraten könnte. Auch in früheren wird es nicht mehr festgehalten; deren Links funktionieren wie bisher.",
    },
  },
  wrongTitle: "Dieser Link funktioniert nicht",
  wrong:
    "Er ist unvollständig oder wurde verändert. Es ist nichts geschehen. Bitte verwenden Sie den Link so, wie er in der E-Mail steht.",
  choose: "Bitte wählen Sie eines davon.",
  closing: "Sie können diese Seite schließen.",
};

const LANGUAGES: Readonly<Record<string, Words>> = { en: english, de: german };

/** The words for a browser's Accept-Language: the language it likes best of those there are, else English. */
export function wordsFor(acceptLanguage: string | undefined): Words {
  const wanted = (acceptLanguage ?? "")
    .slice(0, 200)
    .split(",")
    .map((part) => {
      const [tag = "", ...parameters] = part.trim().split(";");
      const quality = parameters.map((parameter) => /^\s*q=([\d.]+)$/.exec(parameter)?.[1]).find(Boolean);
      return { language: tag.toLowerCase().split("-")[0] ?? "", quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((one, other) => other.quality - one.quality);
  return wanted.map(({ language }) => LANGUAGES[language]).find(Boolean) ?? english;
}
