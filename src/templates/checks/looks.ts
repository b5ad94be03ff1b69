/** What can be said of a mail by looking at it: links, pictures, contrast, subject, size. Asks nobody and reads no network. */
import { contrast, hexOf } from "../../core/colour.ts";
import type { Finding } from "./finding.ts";
import { styleOf, type Element, type Walked, walk } from "./walk.ts";

export type Mail = {
  readonly subject: string;
  readonly preheader: string | null;
  readonly html: string;
  readonly text: string;
};

/** Stands for every address that each mail has of its own; `invalid` can never be anybody's (RFC 2606). */
export const OWN_LINK = "https://tidings.invalid/u/own";

/** Gmail shows the first 102 kB of a mail. */
const CLIPPED_BYTES = 102_000;
const LONG_SUBJECT = 60;
const LONG_PREHEADER = 140;
const LITTLE_TEXT = 20;
const HEAVY_IMAGE_BYTES = 300_000;
const HEAVY_IMAGES_BYTES = 1_000_000;
const MAX_OF_A_KIND = 10;

/** @param weights the bytes of pictures by their address, where known. */
export function looksOf(mail: Mail, weights: ReadonlyMap<string, number> = new Map()): Finding[] {
  const walked = walk(mail.html);
  return [
    ...subjectOf(mail),
    ...linksOf(walked),
    ...picturesOf(walked, weights),
    ...widthOf(walked),
    ...contrastOf(walked),
    ...partsOf(mail, walked),
  ];
}

function subjectOf({ subject, preheader }: Mail): Finding[] {
  const found: Finding[] = [];
  const say = (code: string, severity: Finding["severity"], text: string, field: Finding["field"] = "subject") =>
    void found.push({ code, severity, text, field });
  const letters = subject.replaceAll(/[^\p{L}]/gu, "");
  const length = [...new Intl.Segmenter().segment(subject)].length;
  if (subject.trim() === "") say("subject-empty", "warning", "The subject is empty for this person.");
  if (length > LONG_SUBJECT)
    say(
      "subject-long",
      "warning",
      `The subject has ${length} characters; phones show about 40, and most programs ${LONG_SUBJECT}.`,
    );
  if (letters.length > 8 && letters === letters.toUpperCase() && letters !== letters.toLowerCase())
    say(
      "subject-shouts",
      "warning",
      "The subject is written in capitals: spam filters and readers take that for shouting.",
    );
  if (/[!?]{3,}/.test(subject))
    say("subject-shouts", "warning", "The subject has three or more exclamation or question marks in a row.");
  if (/^\s*(?:re|aw|fwd?|wg)\s*:/i.test(subject))
    say(
      "subject-pretends",
      "warning",
      "The subject begins like an answer. Whoever never wrote to you will feel deceived.",
    );
  if (!preheader?.trim())
    say(
      "preheader-missing",
      "hint",
      "Without a preheader, mail programs show the first words of the body beside the subject.",
      "preheader",
    );
  else if (preheader.length > LONG_PREHEADER)
    say("preheader-long", "hint", `The preheader has ${preheader.length} characters; about 90 are shown.`, "preheader");
  else if (preheader.trim() === subject.trim())
    say("preheader-repeats", "hint", "The preheader says the same as the subject.", "preheader");
  return found;
}

const PLACEHOLDER =
  /(?:^|\.)(?:example\.(?:com|org|net)|example|test|invalid|localhost)$|your-?(?:domain|site|company)|lorem|^(?:xxx+|todo)\./i;

/** What is wrong with one address, if anything. */
function addressFault(address: string, what: string): Pick<Finding, "code" | "severity" | "text"> | null {
  const given = address.trim();
  const named = `“${given.length > 80 ? `${given.slice(0, 80)}…` : given}”`;
  if (given === "")
    return { code: "link-empty", severity: "warning", text: `${what} leads nowhere: its address is empty.` };
  if (given.startsWith("#"))
    return given === "#"
      ? { code: "link-placeholder", severity: "warning", text: `${what} leads to “#”: put its address in.` }
      : null;
  const scheme = /^([a-z][a-z\d+.-]*):/i.exec(given)?.[1]?.toLowerCase();
  if (scheme === undefined)
    return {
      code: "link-relative",
      severity: "error",
      text: `${what} leads to ${named}. In a mail an address begins with https://.`,
    };
  if (["javascript", "vbscript", "data", "file", "blob"].includes(scheme))
    return {
      code: "link-refused",
      severity: "error",
      text: `${what} has an address with “${scheme}:”, which mail programs refuse.`,
    };
  if (scheme === "mailto")
    return /^mailto:[^@\s]+@[^@\s]+/i.test(given)
      ? null
      : { code: "link-invalid", severity: "warning", text: `${what} writes to ${named}, which is no email address.` };
  if (scheme !== "http" && scheme !== "https") return null;
  if (!URL.canParse(given) || /\s/.test(given) || !/^https?:\/\/[^/]/i.test(given))
    return { code: "link-invalid", severity: "error", text: `${what} leads to ${named}, which is no address.` };
  const { hostname } = new URL(given);
  if (PLACEHOLDER.test(hostname))
    return {
      code: "link-placeholder",
      severity: "warning",
      text: `${what} leads to ${named}, which looks like a placeholder.`,
    };
  if (!hostname.includes(".") || /^[\d.]+$|^\[/.test(hostname))
    return {
      code: "link-host",
      severity: "warning",
      text: `${what} leads to ${named}: a host without a public name is taken for spam.`,
    };
  if (scheme === "http")
    return {
      code: "link-insecure",
      severity: "hint",
      text: `${what} leads to ${named} without encryption. Use https://.`,
    };
  return null;
}

function linksOf({ elements }: Walked): Finding[] {
  return distinct(
    elements
      .filter(({ name }) => name === "a" || name === "area")
      .flatMap(({ attributes, block, words }): Finding[] => {
        const { href, name, id } = attributes;
        if (href === undefined) return name !== undefined || id !== undefined ? [] : [];
        if (href === OWN_LINK) return [];
        const fault = addressFault(href, words ? `The link “${short(words)}”` : "A link");
        const nameless: Finding[] =
          words.trim() === ""
            ? [
                {
                  code: "link-nameless",
                  severity: "warning",
                  text: `The link to “${short(href)}” has neither text nor a picture with words.`,
                  field: "body",
                  quote: href,
                  block,
                },
              ]
            : [];
        return [...(fault ? [{ ...fault, field: "body" as const, quote: href, block }] : []), ...nameless];
      }),
  );
}

function picturesOf({ elements }: Walked, weights: ReadonlyMap<string, number>): Finding[] {
  const images = elements.filter(({ name }) => name === "img");
  const found = images.flatMap(({ attributes, block }): Finding[] => {
    const { src = "", alt } = attributes;
    const say = (code: string, severity: Finding["severity"], text: string): Finding => ({
      code,
      severity,
      text,
      field: "body",
      quote: src,
      block,
    });
    const named = short(src.split("/").at(-1) || src);
    const weight = weights.get(src) ?? (src.startsWith("data:") ? Math.round(src.length * 0.75) : 0);
    const fault = src.startsWith("data:") ? null : addressFault(src, "A picture");
    return [
      ...(alt === undefined && !isPixel(attributes)
        ? [
            say(
              "image-alt",
              "warning",
              `The picture “${named}” has no alternative text: without pictures nobody knows what it shows.`,
            ),
          ]
        : []),
      ...(src.startsWith("data:")
        ? [
            say(
              "image-embedded",
              "warning",
              "A picture is written into the mail itself; Gmail and Outlook do not show it.",
            ),
          ]
        : []),
      ...(fault ? [say(fault.code.replace("link", "image"), fault.severity, fault.text)] : []),
      ...(/\.svg(?:$|[?#])/i.test(src)
        ? [say("image-svg", "warning", `The picture “${named}” is SVG, which most mail programs do not show.`)]
        : []),
      ...(weight > HEAVY_IMAGE_BYTES
        ? [
            say(
              "image-heavy",
              "warning",
              `The picture “${named}” has ${Math.round(weight / 1000)} kB: on a phone that takes long.`,
            ),
          ]
        : []),
    ];
  });
  const all = images.reduce((sum, { attributes }) => sum + (weights.get(attributes["src"] ?? "") ?? 0), 0);
  if (all > HEAVY_IMAGES_BYTES)
    found.push({
      code: "images-heavy",
      severity: "warning",
      text: `All pictures together have ${Math.round(all / 1000)} kB.`,
      field: "body",
    });
  return distinct(found);
}

const isPixel = ({ width, height }: Element["attributes"]) => Number(width) <= 1 && Number(height) <= 1;

/** Beyond what a mail program gives a mail beside its list, and any phone. */
const MOST_WIDTH = 700;

/** What is laid out at a fixed width is cut off on a phone, or everything is shown too small to read. */
function widthOf({ elements }: Walked): Finding[] {
  return distinct(
    elements.flatMap(({ name, attributes, block }): Finding[] => {
      if (!/^(?:img|table|td|div)$/.test(name)) return [];
      const style = styleOf(attributes["style"] ?? "");
      const said = style["width"] ?? attributes["width"] ?? "";
      const width = /^\d+(?:px)?$/.test(said) ? Number.parseInt(said, 10) : 0;
      if (width <= MOST_WIDTH || (style["max-width"] ?? "none") !== "none") return [];
      const text = `Something is ${width} px wide on every screen; a phone has about 375. Give it a max-width of 100%.`;
      return [{ code: "wide", severity: "warning", text, field: "body", quote: said, block }];
    }),
    ({ text, block }) => `${text} ${block}`,
  );
}

function contrastOf({ texts }: Walked): Finding[] {
  return distinct(
    texts.flatMap(({ words, colour, ground, isLarge, block }): Finding[] => {
      if (!ground) return [];
      const ratio = contrast(colour, ground);
      if (ratio >= (isLarge ? 3 : 4.5)) return [];
      const [front, back] = [hexOf(colour), hexOf(ground)];
      return [
        {
          code: "contrast",
          severity: "warning",
          text: `“${short(words)}” is hard to read: ${front} on ${back} has a contrast of ${ratio.toFixed(1)}; ${isLarge ? "3" : "4.5"} is the least.`,
          field: "body",
          quote: words.slice(0, 30),
          block,
        },
      ];
    }),
    ({ text, block }) => `${text.replace(/^“.*?”/, "")} ${block}`,
  );
}

function partsOf({ html, text }: Mail, { texts, elements }: Walked): Finding[] {
  const found: Finding[] = [];
  const say = (code: string, severity: Finding["severity"], words: string, field: Finding["field"] = "body") =>
    void found.push({ code, severity, text: words, field });
  const bytes = Buffer.byteLength(html);
  if (bytes > CLIPPED_BYTES)
    say(
      "clipped",
      "warning",
      `The HTML has ${Math.ceil(bytes / 1000)} kB for this person; Gmail cuts mails off at 102 kB, the unsubscribe link with it.`,
    );
  const words = texts.reduce((sum, one) => sum + one.words.length, 0);
  if (words < LITTLE_TEXT && elements.some(({ name }) => name === "img"))
    say(
      "only-images",
      "warning",
      "The mail is made of pictures: whoever does not load them sees nothing, and spam filters dislike it.",
    );
  if (text.trim().length < LITTLE_TEXT)
    say("text-missing", "warning", "The plain text part is empty or nearly so. Write one.", "text");
  if (!elements.some(({ name, attributes }) => name === "a" && attributes["href"] === OWN_LINK))
    say("unsubscribe-missing", "error", "This person sees no unsubscribe link.");
  for (const name of new Set(elements.map((one) => one.name).filter((one) => FORBIDDEN.has(one))))
    say("element-refused", "warning", `Mail programs remove <${name}>.`);
  return found;
}
const FORBIDDEN = new Set([
  "script",
  "iframe",
  "form",
  "input",
  "object",
  "embed",
  "video",
  "audio",
  "canvas",
  "select",
  "textarea",
]);

const short = (text: string) => (text.length > 50 ? `${text.slice(0, 50)}…` : text);

/** The same once, and not more of a kind than anybody reads. */
function distinct(
  found: readonly Finding[],
  keyOf = ({ code, text, block }: Finding) => `${code} ${text} ${block}`,
): Finding[] {
  const seen = new Map(found.toReversed().map((one) => [keyOf(one), one]));
  const counts = new Map<string, number>();
  return [...seen.values()].toReversed().filter(({ code }) => {
    counts.set(code, (counts.get(code) ?? 0) + 1);
    return counts.get(code)! <= MAX_OF_A_KIND;
  });
}
