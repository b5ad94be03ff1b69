/** The kinds of blocks: their names, their icons, and what a new one begins with. */
import {
  IconColumns2,
  IconHeading,
  IconLetterT,
  IconMailMinus,
  IconMinus,
  IconPhoto,
  IconPointer,
  IconRepeat,
  IconShare,
  IconSpacingVertical,
} from "@tabler/icons-react";
import type { Block, Leaf } from "../../../../src/core/blocks/document.ts";
import { t } from "../../../i18n.ts";

type Kind = {
  readonly word: () => string;
  readonly icon: typeof IconPhoto;
  readonly make: (id: () => string) => Block;
};

const text = (id: string, words: string): Leaf => ({
  type: "text",
  id,
  content: [{ type: "paragraph", children: words ? [{ text: words }] : [] }],
});

export const KINDS: Readonly<Record<Block["type"], Kind>> = {
  heading: {
    word: () => t("Heading"),
    icon: IconHeading,
    make: (id) => ({ type: "heading", id: id(), level: 2, children: [] }),
  },
  text: { word: () => t("Text"), icon: IconLetterT, make: (id) => text(id(), "") },
  image: {
    word: () => t("Image"),
    icon: IconPhoto,
    make: (id) => ({ type: "image", id: id(), src: "", alt: "" }),
  },
  button: {
    word: () => t("Button"),
    icon: IconPointer,
    make: (id) => ({ type: "button", id: id(), label: [{ text: t("Read more") }], href: "https://" }),
  },
  columns: {
    word: () => t("Columns"),
    icon: IconColumns2,
    make: (id) => ({
      type: "columns",
      id: id(),
      columns: [{ blocks: [text(id(), t("Left"))] }, { blocks: [text(id(), t("Right"))] }],
    }),
  },
  divider: { word: () => t("Line"), icon: IconMinus, make: (id) => ({ type: "divider", id: id() }) },
  spacer: {
    word: () => t("Space"),
    icon: IconSpacingVertical,
    make: (id) => ({ type: "spacer", id: id(), height: 24 }),
  },
  loop: {
    word: () => t("Product list"),
    icon: IconRepeat,
    make: (id) => ({
      type: "loop",
      id: id(),
      over: "products",
      as: "item",
      blocks: [
        {
          type: "columns",
          id: id(),
          columns: [
            {
              width: 35,
              blocks: [
                { type: "image", id: id(), src: "{{ item.image }}", alt: "{{ item.name }}", href: "{{ item.url }}" },
              ],
            },
            {
              blocks: [
                { type: "heading", id: id(), level: 3, spacing: "small", children: [{ variable: "item.name" }] },
                {
                  type: "text",
                  id: id(),
                  spacing: "small",
                  content: [{ type: "paragraph", children: [{ variable: "item.price" }] }],
                },
                {
                  type: "button",
                  id: id(),
                  spacing: "small",
                  look: "outline",
                  label: [{ text: t("Have a look") }],
                  href: "{{ item.url }}",
                },
              ],
            },
          ],
        },
      ],
    }),
  },
  social: {
    word: () => t("Social links"),
    icon: IconShare,
    make: (id) => ({ type: "social", id: id(), links: [{ name: "LinkedIn", href: "https://" }] }),
  },
  footer: {
    word: () => t("Footer"),
    icon: IconMailMinus,
    make: (id) => ({ type: "footer", id: id(), unsubscribeLabel: t("Unsubscribe") }),
  },
};

export const KIND_NAMES = Object.keys(KINDS) as readonly Block["type"][];

export const newId = (): string => crypto.randomUUID().slice(0, 8);
