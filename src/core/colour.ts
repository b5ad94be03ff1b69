/** Colours as mails write them, and how well one can be read on another (WCAG 2.2, 1.4.3). Knows no mail. */

/** Red, green, blue from 0 to 255, opacity from 0 to 1. */
export type Colour = readonly [red: number, green: number, blue: number, alpha: number];

const NAMED: Readonly<Record<string, string>> = {
  black: "#000000",
  silver: "#c0c0c0",
  gray: "#808080",
  grey: "#808080",
  white: "#ffffff",
  maroon: "#800000",
  red: "#ff0000",
  purple: "#800080",
  fuchsia: "#ff00ff",
  magenta: "#ff00ff",
  green: "#008000",
  lime: "#00ff00",
  olive: "#808000",
  yellow: "#ffff00",
  navy: "#000080",
  blue: "#0000ff",
  teal: "#008080",
  aqua: "#00ffff",
  cyan: "#00ffff",
  orange: "#ffa500",
  pink: "#ffc0cb",
  brown: "#a52a2a",
  gold: "#ffd700",
  tomato: "#ff6347",
  darkgray: "#a9a9a9",
  darkgrey: "#a9a9a9",
  lightgray: "#d3d3d3",
  lightgrey: "#d3d3d3",
  dimgray: "#696969",
  dimgrey: "#696969",
  whitesmoke: "#f5f5f5",
  slategray: "#708090",
  darkblue: "#00008b",
  darkgreen: "#006400",
  darkred: "#8b0000",
  crimson: "#dc143c",
  indigo: "#4b0082",
  steelblue: "#4682b4",
  royalblue: "#4169e1",
};

/** Reads a CSS colour; null for what is none, or depends on its surroundings (`inherit`, `currentColor`). */
export function colourOf(text: string): Colour | null {
  const given = text.trim().toLowerCase();
  if (given === "transparent") return [0, 0, 0, 0];
  const hex = NAMED[given] ?? given;
  const digits = /^#([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/.exec(hex)?.[1];
  if (digits) {
    const wide = digits.length < 6 ? digits.replaceAll(/./g, "$&$&") : digits;
    const [red, green, blue, alpha = 255] = (wide.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16));
    return [red!, green!, blue!, alpha / 255];
  }
  const parts = /^rgba?\(([^)]*)\)$/
    .exec(given)?.[1]
    ?.split(/[\s,/]+/)
    .filter(Boolean);
  if (!parts || parts.length < 3) return null;
  const [red, green, blue, alpha = 1] = parts.map((part, at) => {
    const share = part.endsWith("%") ? Number.parseFloat(part) / 100 : null;
    return at === 3 ? (share ?? Number(part)) : share === null ? Number(part) : share * 255;
  });
  return [red, green, blue, alpha].some((part) => !Number.isFinite(part)) ? null : [red!, green!, blue!, alpha];
}

/** A colour with some transparency, laid on another. */
export function over(front: Colour, back: Colour): Colour {
  const [red, green, blue] = [0, 1, 2].map((at) => front[at]! * front[3] + back[at]! * (1 - front[3]));
  return [red!, green!, blue!, 1];
}

/** From 1 (the same) to 21 (black on white); the standard asks 4.5 of text, 3 of large text. */
export function contrast(one: Colour, other: Colour): number {
  const [light, dark] = [luminance(one), luminance(other)].toSorted((left, right) => right - left);
  return (light! + 0.05) / (dark! + 0.05);
}

function luminance(colour: Colour): number {
  const [red, green, blue] = colour.slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

/** `#rrggbb`. */
export const hexOf = (colour: Colour): string =>
  `#${colour
    .slice(0, 3)
    .map((part) => Math.round(part).toString(16).padStart(2, "0"))
    .join("")}`;

/** A share of the way from one colour to another. */
export function mixed(from: string, to: string, share: number): string {
  const [one, other] = [colourOf(from)!, colourOf(to)!];
  return hexOf([0, 1, 2, 3].map((at) => one[at]! + (other[at]! - one[at]!) * share) as unknown as Colour);
}

/** The first of some colours that can be read on a ground; else black or white, whichever is read better. */
export function readable(ground: string, wanted: readonly string[], least = 4.5): string {
  const on = (text: string) => contrast(colourOf(text)!, colourOf(ground)!);
  return wanted.find((text) => on(text) >= least) ?? (on("#ffffff") >= on("#000000") ? "#ffffff" : "#000000");
}
