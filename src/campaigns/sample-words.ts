/** The words of the sample campaign in English and German. Its layout stands in sample/*.mjml. */

type Mail = {
  readonly name: string;
  readonly subject: string;
  readonly preheader: string;
  readonly words: Readonly<Record<string, string>>;
};
export type SampleWords = {
  readonly campaign: string;
  readonly campaignDescription: string;
  readonly group: string;
  readonly groupDescription: string;
  readonly source: string;
  readonly mails: Readonly<Record<"welcome" | "tips" | "feedback", Mail>>;
};

const EN: SampleWords = {
  campaign: "Welcome series",
  campaignDescription: "A sample: a welcome at once, tips after three days, a question after a week.",
  group: "Sample people",
  groupDescription: "Five Leads who do not exist. Their addresses at example.com reach nobody.",
  source: "Sample",
  mails: {
    welcome: {
      name: "Welcome",
      subject: "Welcome, {{ first_name | default('and hello') }}!",
      preheader: "Good to have you. Here is what happens next.",
      words: {
        lang: "en",
        title: "Welcome",
        headline: "Welcome aboard{% if first_name %}, {{ first_name }}{% endif %}.",
        hello: "Hello {{ first_name | default('there') }},",
        intro:
          "thank you for joining us. We send little, and only what is worth your time: this mail today, a few tips in three days, and one short question after a week.",
        next: "{% if company %}Many at {{ company }} start with the same first step.{% else %}Most people start with the same first step.{% endif %} It takes two minutes.",
        button: "Take the first step",
        day0: "Today",
        mail0: "Welcome",
        day3: "Day 3",
        mail3: "Three tips",
        day7: "Day 7",
        mail7: "Your view",
        regards: "Kind regards",
        unsubscribe: "Unsubscribe",
      },
    },
    tips: {
      name: "Tips",
      subject: "Three tips for your first week",
      preheader: "Small habits that make the difference.",
      words: {
        lang: "en",
        title: "Three tips",
        headline: "Three tips for your first week",
        hello: "Hello {{ first_name | default('there') }},",
        intro:
          "you have been with us for three days. These are the things people tell us they wish they had known earlier:",
        tip1: "Start small",
        tip1Text: "One goal, one week. What works is easy to make bigger.",
        tip2: "Write it down",
        tip2Text: "A note of two lines a day shows on Friday what has changed.",
        tip3: "Ask early",
        tip3Text: "Just answer this mail. A person reads it, and answers.",
        button: "See more tips",
        regards: "Kind regards",
        unsubscribe: "Unsubscribe",
      },
    },
    feedback: {
      name: "Feedback",
      subject: "How was your first week{% if first_name %}, {{ first_name }}{% endif %}?",
      preheader: "One click is enough. We read every answer.",
      words: {
        lang: "en",
        title: "How was your first week?",
        headline: "How was your first week?",
        hello: "Hello {{ first_name | default('there') }},",
        intro: "a week is over, and we would like to know how it went. One click is enough: it opens an answer to us.",
        good: "Very well",
        goodSubject: "My%20first%20week%3A%20very%20well",
        fair: "It could be better",
        fairSubject: "My%20first%20week%3A%20could%20be%20better",
        poor: "Not well at all",
        poorSubject: "My%20first%20week%3A%20not%20well",
        outro: "Whatever you choose: write a sentence with it if you like. That helps us most.",
        regards: "Thank you",
        unsubscribe: "Unsubscribe",
      },
    },
  },
};

const DE: SampleWords = {
  campaign: "Willkommensreihe",
  campaignDescription: "Ein Beispiel: sofort ein Willkommen, nach drei Tagen Tipps, nach einer Woche eine Frage.",
  group: "Beispielpersonen",
  groupDescription: "Fünf Leads, die es nicht gibt. Ihre Adressen bei example.com erreichen niemanden.",
  source: "Beispiel",
  mails: {
    welcome: {
      name: "Willkommen",
      subject: "Willkommen{% if first_name %}, {{ first_name }}{% endif %}!",
      preheader: "Schön, dass Sie da sind. So geht es weiter.",
      words: {
        lang: "de",
        title: "Willkommen",
        headline: "Herzlich willkommen{% if first_name %}, {{ first_name }}{% endif %}.",
        hello: "Guten Tag{% if full_name %} {{ full_name }}{% endif %},",
        intro:
          "danke, dass Sie dabei sind. Wir schreiben wenig und nur, was Ihre Zeit wert ist: heute diese Mail, in drei Tagen ein paar Tipps und nach einer Woche eine kurze Frage.",
        next: "{% if company %}Viele bei {{ company }} beginnen mit demselben ersten Schritt.{% else %}Die meisten beginnen mit demselben ersten Schritt.{% endif %} Er dauert zwei Minuten.",
        button: "Zum ersten Schritt",
        day0: "Heute",
        mail0: "Hallo!",
        day3: "Tag 3",
        mail3: "Drei Tipps",
        day7: "Tag 7",
        mail7: "Eine Frage",
        regards: "Herzliche Grüße",
        unsubscribe: "Abmelden",
      },
    },
    tips: {
      name: "Tipps",
      subject: "Drei Tipps für Ihre erste Woche",
      preheader: "Kleine Gewohnheiten, die viel ausmachen.",
      words: {
        lang: "de",
        title: "Drei Tipps",
        headline: "Drei Tipps für Ihre erste Woche",
        hello: "Guten Tag{% if full_name %} {{ full_name }}{% endif %},",
        intro: "seit drei Tagen sind Sie dabei. Das hätten andere gern früher gewusst:",
        tip1: "Klein anfangen",
        tip1Text: "Ein Ziel, eine Woche. Was gelingt, lässt sich leicht ausbauen.",
        tip2: "Aufschreiben",
        tip2Text: "Zwei Zeilen am Tag zeigen am Freitag, was sich verändert hat.",
        tip3: "Früh fragen",
        tip3Text: "Antworten Sie einfach auf diese Mail. Ein Mensch liest und antwortet.",
        button: "Mehr Tipps ansehen",
        regards: "Herzliche Grüße",
        unsubscribe: "Abmelden",
      },
    },
    feedback: {
      name: "Rückmeldung",
      subject: "Wie war Ihre erste Woche?",
      preheader: "Ein Klick genügt. Wir lesen jede Antwort.",
      words: {
        lang: "de",
        title: "Wie war Ihre erste Woche?",
        headline: "Wie war Ihre erste Woche?",
        hello: "Guten Tag{% if full_name %} {{ full_name }}{% endif %},",
        intro:
          "eine Woche ist vorbei, und wir wüssten gern, wie es war. Ein Klick genügt: Er öffnet eine Antwort an uns.",
        good: "Sehr gut",
        goodSubject: "Meine%20erste%20Woche%3A%20sehr%20gut",
        fair: "Es geht besser",
        fairSubject: "Meine%20erste%20Woche%3A%20es%20geht%20besser",
        poor: "Gar nicht gut",
        poorSubject: "Meine%20erste%20Woche%3A%20gar%20nicht%20gut",
        outro: "Schreiben Sie gern einen Satz dazu. Das hilft uns am meisten.",
        regards: "Vielen Dank",
        unsubscribe: "Abmelden",
      },
    },
  },
};

/** German for German workspaces, English for all others. */
export function wordsFor(language: string): SampleWords {
  return /^de\b/i.test(language) ? DE : EN;
}

/** Who do not exist, at addresses nobody can have (RFC 2606). */
export const SAMPLE_PEOPLE = [
  { firstName: "Ada", lastName: "Lovelace", email: "ada@example.com", company: "Analytical Engines", city: "London" },
  { firstName: "Konrad", lastName: "Zuse", email: "konrad@example.com", company: "Z1 Rechenwerke", city: "Berlin" },
  { firstName: "Grace", lastName: "Hopper", email: "grace@example.com", company: "Compiler Works", city: "New York" },
  { firstName: "Hedy", lastName: "Lamarr", email: "hedy@example.com", company: "Frequency Hop", city: "Vienna" },
  { firstName: "Alan", lastName: "Turing", email: "alan@example.com", company: "Bombe & Sons", city: "Manchester" },
] as const;
