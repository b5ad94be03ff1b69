/** The colours of a mail made of blocks, by day and by night, out of the few its author chose. */
import { contrast, colourOf, mixed, readable } from "../colour.ts";
import type { Design } from "./document.ts";

const SANS = "-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/** What a workspace without a brand kit begins with. */
export const DEFAULT_DESIGN: Design = {
  primary: "#1d4ed8",
  background: "#f1f3f6",
  surface: "#ffffff",
  text: "#1f2933",
  headingFont: SANS,
  bodyFont: SANS,
  cornerRadius: 8,
};

/** Fonts that mail programs have: others are shown as whatever stands behind them. */
export const FONTS: readonly (readonly [label: string, stack: string])[] = [
  ["System", SANS],
  ["Arial", "Arial, Helvetica, sans-serif"],
  ["Verdana", "Verdana, Geneva, sans-serif"],
  ["Trebuchet", "'Trebuchet MS', Helvetica, sans-serif"],
  ["Tahoma", "Tahoma, Verdana, sans-serif"],
  ["Georgia", "Georgia, 'Times New Roman', serif"],
  ["Times", "'Times New Roman', Times, serif"],
  ["Courier", "'Courier New', Courier, monospace"],
];

/** The colours of one scheme. Text and links are made readable on their ground where the author's are not. */
export type Palette = {
  readonly background: string;
  readonly surface: string;
  readonly text: string;
  readonly quiet: string;
  readonly link: string;
  readonly line: string;
  /** Text beneath the mail, on its background. */
  readonly footer: string;
};

export function daylight({ primary, background, surface, text }: Design): Palette {
  const ink = readable(surface, [text]);
  return {
    background,
    surface,
    text: ink,
    quiet: readable(surface, [mixed(ink, surface, 0.35), ink]),
    link: readable(surface, [primary, mixed(primary, "#000000", 0.3), mixed(primary, "#000000", 0.5), ink]),
    line: mixed(ink, surface, 0.8),
    footer: readable(background, [mixed(ink, background, 0.3), ink]),
  };
}

/** For programs that ask for dark mail. Those that invert by themselves are left alone. */
export function night({ primary }: Design): Palette {
  const surface = "#1c2026";
  const background = "#111418";
  const lighter = [0, 0.3, 0.5, 0.7].map((share) => mixed(primary, "#ffffff", share));
  return {
    background,
    surface,
    text: "#e6e8eb",
    quiet: "#a6adb8",
    link: readable(surface, lighter),
    line: "#3a414b",
    footer: "#a6adb8",
  };
}

/** What stands on a coloured ground. */
export const inkOn = (ground: string): string => readable(ground, ["#ffffff", "#1f2933"]);

/** Whether a button of this colour is told from the dark ground; where not it gets a lighter one. */
export const nightButton = (primary: string): string => {
  const ground = colourOf("#1c2026")!;
  const lighter = [0, 0.25, 0.4, 0.55, 0.7].map((share) => mixed(primary, "#ffffff", share));
  return lighter.find((one) => contrast(colourOf(one)!, ground) >= 3) ?? "#ffffff";
};
