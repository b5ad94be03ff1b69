/** Reads from an out-of-office note when its writer is back. Pure; where nothing is said plainly, it does not guess. */
import { daysIn, type DayInText } from "./days-in-text.ts";
import { writtenIn } from "./quoted.ts";

const MOST_TEXT = 4000;
/** How far from a day the words stand that say what it is. */
const BEFORE = 70;
const AFTER = 50;

/**
 * The first day on which somebody is there again: the day named with "back on", else the day after "until".
 * @param on the day the note was written.
 * @returns null where it says none, or one that has passed.
 */
export function returnOn(text: string, on: Temporal.PlainDate): Temporal.PlainDate | null {
  const said = writtenIn(text.slice(0, 4 * MOST_TEXT))
    .slice(0, MOST_TEXT)
    .normalize("NFKC")
    .replaceAll(/[^\S\n]+/g, " ")
    .replaceAll("’", "'");
  const days = daysIn(said, on);
  const roles = days.map((day, at) => ({ day: day.day, role: roleOf(said, day, days[at - 1], days[at + 1]) }));
  const back = roles.filter(({ role }) => role === "back").map(({ day }) => day);
  const until = roles.filter(({ role }) => role === "until").map(({ day }) => day.add({ days: 1 }));
  const ahead = (all: readonly Temporal.PlainDate[]) =>
    all
      .filter((day) => Temporal.PlainDate.compare(day, on) >= 0)
      .sort(Temporal.PlainDate.compare)
      .at(-1) ?? null;
  return ahead(back) ?? (back.length > 0 ? null : ahead(until));
}

function roleOf(text: string, day: DayInText, previous?: DayInText, next?: DayInText): "back" | "until" | null {
  const before = text
    .slice(Math.max(previous?.end ?? 0, day.at - BEFORE), day.at)
    .split(SENTENCE)
    .at(-1)!;
  const after = text.slice(day.end, Math.min(next?.at ?? text.length, day.end + AFTER)).split(SENTENCE)[0]!;
  if (BACK_AFTER.test(after)) return "back";
  if (UNTIL_AFTER.test(after)) return "until";
  if (BACK.test(before) && !AWAY_SINCE.test(before)) return "back";
  if (FROM.test(before) && BACK.test(after)) return "back";
  if (UNTIL.test(before)) return "until";
  if (BACK.test(after.slice(0, 16)) && !/\b(?:and|und|y|e|en|et|og|och|i|ja|a)\b/i.test(after.slice(0, 16)))
    return "back";
  return (previous !== undefined || /\d\.?\s*\S{0,4}\s*$/.test(before)) && TO.test(before) ? "until" : null;
}

const SENTENCE = /\n\s*\n|[!?。！？]|\.\s+(?=\p{Lu})|\.$/u;

/** Being there again, in a word or its beginning. */
const BACK = new RegExp(
  [
    String.raw`\b(?:back|return|again|resum)`,
    "wieder|zurück|rückkehr",
    "retour|reprend|de nouveau",
    "vuelv|volver|vuelta|regres|retorn|reincorpor|de nuevo",
    "ritorn|rientr|torner|di nuovo",
    String.raw`\bvolt|de novo`,
    String.raw`\bterug|\bweer\b`,
    "wrac|wróc|powr[óo]t|ponownie",
    "tillbaka|åter|igen",
    "tilbage|tilbake|igjen",
    "takaisin|palaan|paluu|palaa|jälleen",
    "zpět|vrát|návrat|opět|znovu",
    "верн|возвра|снова|выйду|выхожу|приступ",
    "вернус|повер",
    "vissza",
  ].join("|"),
  "iu",
);
/** Where the verb stands behind the day. */
const BACK_AFTER =
  /^(?:\([^)]*\))?\s*(?:\S{0,12}\s?)?(?:より|から|に|以降|に?は)?[^。まで至]{0,12}(?:出社|復帰|戻り|戻る|再開|出勤し|回来|回來|返回|恢复|恢復|上班|복귀|출근|돌아)|^\S{0,8}(?:\s\S{1,12}){0,4}\s?(?:dönece|döneri|dönüş|geri dön|iş başı|ofiste olaca|görevimin başında)/iu;
const UNTIL_AFTER =
  /^\s?(?:\([^)]*\))?\s?(?:\S{1,6}曜日?)?\s?(?:まで|까지|为止|為止|之前|asti\b|saakka\b|\S{0,3}\s?(?:tarihine\s)?kadar)/iu;
/** Right before the day, but for its weekday and articles. */
const BETWEEN = String.raw`[\s:]*(?:(?:and|und|en|og|och|ja|et|y|e)\s(?:including|einschließlich|med|compris)\s*)?(?:(?:einschließlich|inklusive|einschl\.|inkl\.|včetně|włącznie|och med|og med|en met|including)\s*)?(?:(?:the|dem|den|zum|el|il|le|la|o|ao|dia|am|del?|on|d\.)\s+)*(?:\p{L}{2,13}[.,]*\s*)?(?:\(?\p{L}{2,4}\.?\)?,?\s*)?(?:(?:the|dem|den|der|el|il|le|d\.)\s+)?$`;
const UNTIL = new RegExp(
  String.raw`(?:\b(?:until|till?|through|thru|up to|bis|jusqu'(?:au|à)|hasta|fino (?:al?|all')|at[eé]|tot|t/m|till?|t\.?o\.?m\.?|do|asti)|(?<!\p{L})(?:até|до|по|включительно до)|[至到])${BETWEEN}`,
  "iu",
);
const FROM = new RegExp(
  String.raw`(?:\b(?:from|on|as of|starting|ab|dès|a partir del?|a partire dal?|dal?|vanaf|od|from|fra|från|op|desde)|(?<!\p{L})(?:à partir du|с|på|am|ab dem))${BETWEEN}`,
  "iu",
);
/** Joins the two days of a span. */
const TO = new RegExp(String.raw`(?:[-–—~〜～]|(?<!\p{L})(?:to|au|al|a|ao|à|aan|and|und|и|do))${BETWEEN}`, "iu");
/** "Since my return": not the day of it. */
const AWAY_SINCE = /\b(?:upon|nach|après|after|bei) (?:my|meiner|mon) /i;
