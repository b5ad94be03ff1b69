/** Beginnings for a mail made of blocks: a page that is not empty is changed sooner than one that is. */
import type { Block, BlocksDocument, Design } from "../../../../src/core/blocks/document.ts";
import { DEFAULT_DESIGN } from "../../../../src/core/blocks/design.ts";
import type { Answer } from "../../../api.ts";
import { language, t } from "../../../i18n.ts";
import { KINDS, newId } from "./kinds.tsx";

export type Brand = Answer<"GET /workspace">["brand"];

const heading = (words: string, level: 1 | 2 = 1): Block => ({
  type: "heading",
  id: newId(),
  level,
  children: [{ text: words }],
});
const text = (words: string): Block => ({
  type: "text",
  id: newId(),
  content: words.split("\n").map((line) => ({ type: "paragraph", children: [{ text: line }] })),
});
const greeting = (): Block => ({
  type: "text",
  id: newId(),
  content: [
    {
      type: "paragraph",
      children: [{ text: `${t("Hello")} ` }, { variable: "first_name", default: t("there") }, { text: "," }],
    },
  ],
});
const logo = (brand: Brand): Block[] =>
  brand?.logo
    ? [{ type: "image", id: newId(), src: brand.logo.src, alt: brand.logo.alt, width: 25, align: "left" }]
    : [];
const make = (kind: Block["type"]) => KINDS[kind].make(newId);

export const STARTERS: readonly {
  readonly name: string;
  readonly word: () => string;
  readonly blocks: (brand: Brand) => Block[];
}[] = [
  {
    name: "letter",
    word: () => t("Letter"),
    blocks: (brand) => [
      ...logo(brand),
      greeting(),
      text(t("Say in two or three sentences why you write.")),
      make("button"),
      text(t("Kind regards")),
      make("footer"),
    ],
  },
  {
    name: "newsletter",
    word: () => t("Newsletter"),
    blocks: (brand) => [
      ...logo(brand),
      heading(t("What is new this month")),
      greeting(),
      text(t("Say in two or three sentences why you write.")),
      make("button"),
      make("divider"),
      make("columns"),
      make("social"),
      make("footer"),
    ],
  },
  {
    name: "products",
    word: () => t("Product list"),
    blocks: (brand) => [...logo(brand), heading(t("Picked for you")), greeting(), make("loop"), make("footer")],
  },
  { name: "empty", word: () => t("Empty"), blocks: () => [make("footer")] },
];

/** The look of the brand kit as a document carries it. */
export function designOf(brand: Brand): Design {
  if (!brand) return DEFAULT_DESIGN;
  const { logo: _logo, ...design } = brand;
  return design;
}

export function startWith(name: string, brand: Brand): string {
  const { blocks } = STARTERS.find((one) => one.name === name) ?? STARTERS[0]!;
  const document: BlocksDocument = { version: 1, language: language(), design: designOf(brand), blocks: blocks(brand) };
  return written(document);
}

export const written = (document: BlocksDocument): string => JSON.stringify(document, null, 2);
