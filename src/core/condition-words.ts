/** A condition as a sentence, in English and German, and the English one read back: so it stands in files. Decides nothing. */
import { filled } from "./filled.ts";
import type { Condition, Leaf, Operator, Which } from "./conditions.ts";
import type { Status } from "./email-campaign.ts";
import type { Language } from "./timing-words.ts";

/** What the numbers in a condition are called. */
export type Names = {
  readonly group: (id: number) => string;
  readonly campaign: (id: number) => string;
  /** A step by the name of its mail, or by its key in a file. */
  readonly step: (id: number) => string;
  readonly field: (key: string) => string;
};

/** How a thing is said when it is so, and when it is not. In braces stands what is filled in. */
type Phrase = { readonly so: string; readonly not: string };

type Phrases = {
  readonly replied: Phrase;
  readonly group: Phrase;
  readonly opened: Phrase;
  readonly clicked: Phrase;
  readonly clickedLink: Phrase;
  readonly campaign: Phrase;
  readonly finished: Phrase;
  readonly event: Phrase;
  /** How often and since when, behind the event. */
  readonly once: string;
  readonly times: string;
  readonly sinceStart: string;
  readonly oneOf: Phrase;
  readonly fields: Readonly<Record<Operator, Phrase>>;
  readonly which: Readonly<Record<"any" | "before" | "step", string>>;
  readonly and: string;
  readonly or: string;
  readonly not: string;
  /** Whose field it is: of the person who is named, or named already. */
  readonly owned: string;
  readonly ownedBefore: string;
  readonly quotes: readonly [string, string];
  readonly yes: string;
  readonly no: string;
};

/** The English ones are the language of files: whoever changes them changes what {@link parseCondition} reads. */
const PHRASES: Readonly<Record<Language, Phrases>> = {
  en: {
    replied: { so: "has replied", not: "has not replied" },
    group: { so: "is in group {name}", not: "is not in group {name}" },
    opened: { so: "has opened {which}", not: "has not opened {which}" },
    clicked: { so: "has clicked in {which}", not: "has not clicked in {which}" },
    clickedLink: { so: "has clicked {link} in {which}", not: "has not clicked {link} in {which}" },
    campaign: {
      so: "is in Campaign {name} with status {statuses}",
      not: "is not in Campaign {name} with status {statuses}",
    },
    finished: { so: "has finished Campaign {name}", not: "has not finished Campaign {name}" },
    event: { so: "has had the event {name}", not: "has not had the event {name}" },
    once: " at least once",
    times: " at least {times} times",
    sinceStart: " since the start",
    oneOf: { so: "{field} is one of {values}", not: "{field} is not one of {values}" },
    fields: {
      is: { so: "{field} is {value}", not: "{field} is not {value}" },
      contains: { so: "{field} contains {value}", not: "{field} does not contain {value}" },
      "starts-with": { so: "{field} starts with {value}", not: "{field} does not start with {value}" },
      "at-least": { so: "{field} is at least {value}", not: "{field} is not at least {value}" },
      "at-most": { so: "{field} is at most {value}", not: "{field} is not at most {value}" },
      "more-than": { so: "{field} is more than {value}", not: "{field} is not more than {value}" },
      "less-than": { so: "{field} is less than {value}", not: "{field} is not less than {value}" },
      set: { so: "{field} is filled in", not: "{field} is not filled in" },
    },
    which: { any: "any mail", before: "the mail before", step: "the mail {name}" },
    and: "and",
    or: "or",
    not: "not",
    owned: "{person}’s {field}",
    ownedBefore: "their {field}",
    quotes: ["“", "”"],
    yes: "yes",
    no: "no",
  },
  de: {
    replied: { so: "hat geantwortet", not: "hat nicht geantwortet" },
    group: { so: "ist in der Gruppe {name}", not: "ist nicht in der Gruppe {name}" },
    opened: { so: "hat {which} geöffnet", not: "hat {which} nicht geöffnet" },
    clicked: { so: "hat in {which} geklickt", not: "hat in {which} nicht geklickt" },
    clickedLink: { so: "hat in {which} {link} angeklickt", not: "hat in {which} {link} nicht angeklickt" },
    campaign: {
      so: "ist in der Kampagne {name} mit dem Status {statuses}",
      not: "ist nicht in der Kampagne {name} mit dem Status {statuses}",
    },
    finished: { so: "hat die Kampagne {name} abgeschlossen", not: "hat die Kampagne {name} nicht abgeschlossen" },
    event: { so: "hatte das Ereignis {name}", not: "hatte nicht das Ereignis {name}" },
    once: " mindestens einmal",
    times: " mindestens {times}-mal",
    sinceStart: " seit dem Beginn",
    oneOf: { so: "{field} ist eines von {values}", not: "{field} ist keines von {values}" },
    fields: {
      is: { so: "{field} ist {value}", not: "{field} ist nicht {value}" },
      contains: { so: "{field} enthält {value}", not: "{field} enthält nicht {value}" },
      "starts-with": { so: "{field} beginnt mit {value}", not: "{field} beginnt nicht mit {value}" },
      "at-least": { so: "{field} ist mindestens {value}", not: "{field} ist nicht mindestens {value}" },
      "at-most": { so: "{field} ist höchstens {value}", not: "{field} ist nicht höchstens {value}" },
      "more-than": { so: "{field} ist mehr als {value}", not: "{field} ist nicht mehr als {value}" },
      "less-than": { so: "{field} ist weniger als {value}", not: "{field} ist nicht weniger als {value}" },
      set: { so: "{field} ist ausgefüllt", not: "{field} ist nicht ausgefüllt" },
    },
    which: { any: "irgendeiner E-Mail", before: "der E-Mail davor", step: "der E-Mail {name}" },
    and: "und",
    or: "oder",
    not: "nicht",
    owned: "{field} von {person}",
    ownedBefore: "{field}",
    quotes: ["„", "“"],
    yes: "ja",
    no: "nein",
  },
};

/** The German accusative, for what is opened. */
const OPENED_DE = { any: "irgendeine E-Mail", before: "die E-Mail davor", step: "die E-Mail {name}" } as const;

const STATUS_DE: Readonly<Record<Status, string>> = {
  Scheduled: "Geplant",
  "In Progress": "Läuft",
  Paused: "Angehalten",
  Completed: "Abgeschlossen",
  Unsubscribed: "Abgemeldet",
  Stopped: "Gestoppt",
};

export type Saying = {
  readonly language: Language;
  /** The person it is about, where one is named. */
  readonly person?: string | null;
};

/** `Ana has not replied and is in group “Customers”`. Without a person as it stands in a file. */
export function conditionInWords(condition: Condition, names: Names, { language, person = null }: Saying): string {
  const phrases = PHRASES[language];
  let named = person === null;
  const whose = (field: string) => {
    if (person === null) return field;
    if (named) return filled(phrases.ownedBefore, { field });
    named = true;
    return filled(phrases.owned, { field, person });
  };
  const who = (text: string) => {
    if (named) return text;
    named = true;
    return `${person} ${text}`;
  };
  const said = (one: Condition): string => {
    if ("all" in one) return one.all.map((part) => within(part)).join(` ${phrases.and} `);
    if ("any" in one) return one.any.map((part) => within(part)).join(` ${phrases.or} `);
    if (!("not" in one)) return leafInWords(one, true, { phrases, language, names, who, whose });
    const { not } = one;
    if ("all" in not || "any" in not || "not" in not) return `${phrases.not} (${said(not)})`;
    return leafInWords(not, false, { phrases, language, names, who, whose });
  };
  const within = (one: Condition) => ("all" in one || "any" in one ? `(${said(one)})` : said(one));
  return said(plain(condition));
}

/** Without brackets around a single thing. */
function plain(condition: Condition): Condition {
  if ("all" in condition)
    return condition.all.length === 1 ? plain(condition.all[0]!) : { all: condition.all.map(plain) };
  if ("any" in condition)
    return condition.any.length === 1 ? plain(condition.any[0]!) : { any: condition.any.map(plain) };
  return "not" in condition ? { not: plain(condition.not) } : condition;
}

type Sayer = {
  readonly phrases: Phrases;
  readonly language: Language;
  readonly names: Names;
  readonly who: (text: string) => string;
  readonly whose: (field: string) => string;
};

/** One thing, as it is or as it is not. */
function leafInWords(leaf: Leaf, so: boolean, { phrases, language, names, who, whose }: Sayer): string {
  const pick = (phrase: Phrase) => (so ? phrase.so : phrase.not);
  const quoted = (text: string) => quote(text, phrases.quotes);
  if ("field" in leaf) {
    const field = whose(names.field(leaf.field));
    const { value = null } = leaf;
    if (Array.isArray(value))
      return filled(pick(phrases.oneOf), { field, values: (value as string[]).map(quoted).join(", ") });
    const text =
      typeof value === "string"
        ? quoted(value)
        : typeof value === "boolean"
          ? value
            ? phrases.yes
            : phrases.no
          : String(value);
    return filled(pick(phrases.fields[leaf.op]), { field, value: text });
  }
  const whichOf = (which: Which, forms: Phrases["which"]) =>
    typeof which === "number" ? filled(forms.step, { name: quoted(names.step(which)) }) : forms[which];
  if ("replied" in leaf) return who(pick(phrases.replied));
  if ("group" in leaf) return who(filled(pick(phrases.group), { name: quoted(names.group(leaf.group)) }));
  if ("opened" in leaf) {
    const forms = language === "de" ? OPENED_DE : phrases.which;
    return who(filled(pick(phrases.opened), { which: whichOf(leaf.opened, forms) }));
  }
  if ("clicked" in leaf) {
    const which = whichOf(leaf.clicked, phrases.which);
    return leaf.link
      ? who(filled(pick(phrases.clickedLink), { which, link: quoted(leaf.link) }))
      : who(filled(pick(phrases.clicked), { which }));
  }
  if ("campaign" in leaf) {
    const statuses = leaf.statuses.map((status) => quoted(language === "de" ? STATUS_DE[status] : status)).join(", ");
    return who(filled(pick(phrases.campaign), { name: quoted(names.campaign(leaf.campaign)), statuses }));
  }
  if ("finished" in leaf) return who(filled(pick(phrases.finished), { name: quoted(names.campaign(leaf.finished)) }));
  const { times = null, since = null } = leaf;
  const often = times === null ? "" : times === 1 ? phrases.once : filled(phrases.times, { times: String(times) });
  return who(filled(pick(phrases.event), { name: quoted(leaf.event) }) + often + (since ? phrases.sinceStart : ""));
}

/** Inside quotation marks a backslash stands before what would end them. */
function quote(text: string, [open, close]: readonly [string, string]): string {
  return open + text.replaceAll(/[\\"“”]/g, (mark) => `\\${mark}`) + close;
}
