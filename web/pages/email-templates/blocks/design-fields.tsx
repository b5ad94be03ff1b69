/** Colours, fonts and corners of a mail made of blocks: the same fields for a document and for the brand kit. */
import { ColorInput, NumberInput, Select, SimpleGrid } from "@mantine/core";
import type { Design } from "../../../../src/core/blocks/document.ts";
import { FONTS } from "../../../../src/core/blocks/design.ts";
import { t } from "../../../i18n.ts";

export function DesignFields({
  design,
  set,
  disabled = false,
}: {
  design: Design;
  set: (changes: Partial<Design>) => void;
  disabled?: boolean;
}) {
  const colours = [
    ["primary", t("Buttons and links")],
    ["text", t("Text colour")],
    ["surface", t("Behind the text")],
    ["background", t("Around the mail")],
  ] as const;
  const fonts = [
    ["headingFont", t("Font of headings")],
    ["bodyFont", t("Font of text")],
  ] as const;
  const stacks = (now: string) =>
    FONTS.some(([, stack]) => stack === now) ? FONTS : [...FONTS, [now.split(",")[0] ?? now, now] as const];
  return (
    <SimpleGrid cols={{ base: 1, xs: 2 }} spacing="sm">
      {colours.map(([key, label]) => (
        <ColorInput
          eyeDropperButtonProps={{ "aria-label": t("Take a colour from the screen") }}
          key={key}
          label={label}
          value={design[key]}
          disabled={disabled}
          onChange={(colour) => /^#[0-9a-f]{6}$/i.test(colour) && set({ [key]: colour })}
        />
      ))}
      {fonts.map(([key, label]) => (
        <Select
          key={key}
          label={label}
          data={stacks(design[key]).map(([name, stack]) => ({ value: stack, label: name }))}
          value={design[key]}
          allowDeselect={false}
          disabled={disabled}
          onChange={(stack) => stack && set({ [key]: stack })}
        />
      ))}
      <NumberInput
        label={t("Rounding of corners")}
        min={0}
        max={40}
        value={design.cornerRadius}
        disabled={disabled}
        onChange={(radius) =>
          typeof radius === "number" && radius >= 0 && radius <= 40 && set({ cornerRadius: Math.round(radius) })
        }
      />
    </SimpleGrid>
  );
}
