/** A mail laid out as mail programs do, at two widths and in two schemes: is it wider than the phone, can it be read. Judges nothing. */
import type { Page } from "@playwright/test";

export const WIDTHS = [600, 375] as const;
export const SCHEMES = ["light", "dark"] as const;

/** The variables of another system that some of the designs are written for, in ours. */
export const inOurWords = (body: string) =>
  body
    .replaceAll(/\{\{\s*FirstName\s*\}\}/g, "{{ first_name }}")
    .replaceAll(/\{\{\s*Company(?:Name)?\s*\}\}/g, "{{ company }}")
    .replaceAll(/\{\{\s*ReferalCode\s*\}\}/g, "{{ website }}");

const PICTURE =
  '<svg xmlns="http://www.w3.org/2000/svg" width="1200" height="700"><rect width="1200" height="700" fill="#cbd5e1"/></svg>';

export type LaidOut = {
  /** How much further than the window it can be scrolled, in px. */
  readonly tooWide: number;
  /** Each text that is seen on a ground of one colour. */
  readonly texts: readonly { readonly words: string; readonly contrast: number; readonly isFooter: boolean }[];
};

/** Every picture from elsewhere is a wide grey one. In the dark the pane of the mail program is, where the mail says nothing. */
export async function laidOut(
  page: Page,
  html: string,
  { width, scheme }: { readonly width: number; readonly scheme: "light" | "dark" },
): Promise<LaidOut> {
  await page.setViewportSize({ width, height: 700 });
  await page.emulateMedia({ colorScheme: scheme });
  await page.route("**", (route) =>
    route.request().resourceType() === "image"
      ? route.fulfill({ contentType: "image/svg+xml", body: PICTURE })
      : route.abort(),
  );
  await page.setContent(html);
  return page.evaluate((dark) => {
    const parts = (text: string) => (text.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (colour: number[]) => {
      const [red = 0, green = 0, blue = 0] = colour.map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const groundOf = (element: Element | null): number[] | null => {
      for (let at = element; at; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (style.backgroundImage !== "none") return null;
        const colour = parts(style.backgroundColor);
        if ((colour[3] ?? 1) === 1 && colour.length >= 3) return colour;
        if ((colour[3] ?? 1) > 0) return null;
      }
      return dark ? [18, 18, 18] : [255, 255, 255];
    };
    const texts = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      const words = node.nodeValue?.trim() ?? "";
      if (!element || !words || !element.checkVisibility() || /^(?:style|script)$/i.test(element.tagName)) continue;
      const style = getComputedStyle(element);
      const ground = groundOf(element);
      if (!ground || Number.parseFloat(style.fontSize) < 2) continue;
      const [light = 0, low = 0] = [luminance(parts(style.color)), luminance(ground)].toSorted((a, b) => b - a);
      const isFooter = element.closest(".tidings-footer") !== null;
      texts.push({ words, contrast: (light + 0.05) / (low + 0.05), isFooter });
    }
    return { tooWide: document.documentElement.scrollWidth - window.innerWidth, texts };
  }, scheme === "dark");
}
