/** Goes through the HTML of a mail as a mail program lays it out: elements with their attributes, text with its colours. Judges nothing. */
import { type Colour, colourOf, over } from "../../core/colour.ts";
import { pieces } from "../authoring-markup.ts";

export type Element = {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The block it is in. */
  readonly block: string | null;
  /** For links: what stands between open and close, alternative texts too. */
  words: string;
};
export type Text = {
  readonly words: string;
  readonly colour: Colour;
  /** Null: a picture lies behind it, and nothing can be said. */
  readonly ground: Colour | null;
  readonly isLarge: boolean;
  readonly block: string | null;
};
export type Walked = { readonly elements: readonly Element[]; readonly texts: readonly Text[] };

type Layer = {
  readonly name: string;
  readonly colour: Colour;
  readonly ground: Colour | null;
  readonly size: number;
  readonly isBold: boolean;
  readonly isHidden: boolean;
  readonly block: string | null;
  readonly link: Element | null;
};

const WHITE: Colour = [255, 255, 255, 1];
const BLACK: Colour = [0, 0, 0, 1];
const LINK: Colour = [0, 0, 238, 1];
const VOID = new Set("area base br col embed hr img input link meta source track wbr".split(" "));
const SIZES: Readonly<Record<string, number>> = { h1: 32, h2: 24, h3: 18.7, small: 13 };
/** More is no mail; the walk goes no further. */
const MAX_PIECES = 50_000;

export function walk(html: string): Walked {
  const elements: Element[] = [];
  const texts: Text[] = [];
  const stack: Layer[] = [
    { name: "", colour: BLACK, ground: WHITE, size: 16, isBold: false, isHidden: false, block: null, link: null },
  ];
  for (const { kind, name, text } of pieces(html).slice(0, MAX_PIECES)) {
    const top = stack.at(-1)!;
    if (kind === "open") {
      const attributes = attributesOf(text);
      const layer = layerOf(name, attributes, top);
      const element = { name, attributes, block: layer.block, words: "" };
      elements.push(element);
      if (name === "img" && layer.link) layer.link.words += attributes["alt"] ?? "";
      if (!VOID.has(name) && !text.endsWith("/>")) stack.push(name === "a" ? { ...layer, link: element } : layer);
    } else if (kind === "close") {
      const at = stack.findLastIndex((layer) => layer.name === name);
      if (at > 0) stack.length = at;
    } else if (kind === "text") {
      const words = decoded(text).replaceAll(BLANK, " ").trim();
      if (top.link) top.link.words += words;
      // Cells between columns have no size at all, and give it to nobody who says one.
      if (words && !top.isHidden && top.size >= 2 && top.name !== "title") {
        const { colour, ground, size, isBold, block } = top;
        texts.push({ words, colour, ground, isLarge: size >= 24 || (size >= 18.66 && isBold), block });
      }
    }
  }
  return { elements, texts };
}

function layerOf(name: string, attributes: Readonly<Record<string, string>>, above: Layer): Layer {
  const style = styleOf(attributes["style"] ?? "");
  const block = /(?:^|\s)tdb-([\w-]+)/.exec(attributes["class"] ?? "")?.[1] ?? above.block;
  const hasPicture =
    attributes["background"] !== undefined ||
    /url\(/i.test((style["background"] ?? "") + (style["background-image"] ?? ""));
  const colours = [
    style["background-color"],
    ...(style["background"] ?? "").split(/\s(?![^(]*\))/),
    attributes["bgcolor"],
  ];
  const own = colours.map((one) => (one ? colourOf(one) : null)).find((one) => one !== null);
  const ground = own
    ? own[3] === 1
      ? own
      : above.ground && over(own, above.ground)
    : hasPicture
      ? null
      : above.ground;
  const given = colourOf(style["color"] ?? attributes["color"] ?? "");
  const colour = given ?? (name === "a" ? LINK : above.colour);
  const size = sizeOf(style["font-size"], above.size) ?? SIZES[name] ?? above.size;
  const weight = style["font-weight"];
  const isBold = weight
    ? weight === "bold" || Number(weight) >= 600
    : /^(?:b|strong|th|h[1-6])$/.test(name) || above.isBold;
  const isHidden =
    above.isHidden || style["display"] === "none" || style["visibility"] === "hidden" || style["mso-hide"] === "all";
  return {
    name,
    ground,
    colour: ground ? over(colour, ground) : colour,
    size,
    isBold,
    isHidden,
    block,
    link: above.link,
  };
}

function sizeOf(text: string | undefined, above: number): number | null {
  const [, digits, unit] = /^(\d*\.?\d+)(px|pt|em|rem|%)?/.exec(text ?? "") ?? [];
  if (digits === undefined) return null;
  const value = Number(digits);
  return value * ({ pt: 4 / 3, em: above, rem: 16, "%": above / 100 }[unit ?? "px"] ?? 1);
}

export function styleOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const part of decoded(text).split(/;(?![^(]*\))/)) {
    const at = part.indexOf(":");
    if (at < 0) continue;
    const value = part.slice(at + 1).replace(/!important/i, "");
    found[part.slice(0, at).trim().toLowerCase()] = value.trim().toLowerCase();
  }
  return found;
}

const ATTRIBUTE = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;

function attributesOf(tag: string): Record<string, string> {
  const inside = tag.replace(/^<[^\s/>]+/, "").replace(/\/?>$/, "");
  const found: Record<string, string> = {};
  for (const [, name = "", double, single, bare] of inside.matchAll(ATTRIBUTE))
    found[name.toLowerCase()] ??= decoded(double ?? single ?? bare ?? "");
  return found;
}

/** What takes room, or none, and says nothing. */
const BLANK = /(?:\s|\u00a0|\u00ad|\u034f|\u2007|\u200b|\u200c|\u200d|\ufeff)+|&(?:zwnj|zwj|shy);/g;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: " " };
function decoded(text: string): string {
  return text.replaceAll(
    /&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]+));/gi,
    (all, decimal?: string, hex?: string, name?: string) => {
      if (name) return ENTITIES[name.toLowerCase()] ?? all;
      const code = decimal ? Number(decimal) : Number.parseInt(hex ?? "", 16);
      return code > 0 && code < 0x110000 ? String.fromCodePoint(code) : all;
    },
  );
}
