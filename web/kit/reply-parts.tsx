/** What somebody wrote, with what they quote and their signature folded away. */
import { Button, Text } from "@mantine/core";
import { IconDots } from "@tabler/icons-react";
import { useState } from "react";
import { t } from "../i18n.ts";

type Part = { readonly kind: "written" | "quoted" | "signature"; readonly text: string };

export function ReplyParts({ parts }: { parts: readonly Part[] }) {
  const [open, setOpen] = useState(false);
  const folds = parts.some(({ kind }) => kind !== "written");
  return (
    <div>
      {parts
        .filter(({ kind }) => open || kind === "written")
        .map(({ kind, text }, at) => (
          <Text
            // oxlint-disable-next-line react/no-array-index-key -- parts have no other name, and never move
            key={at}
            size="sm"
            {...(kind === "written" ? {} : { c: "dimmed" })}
            {...(kind === "quoted"
              ? { pl: "sm", style: { ...WRAP, borderLeft: "2px solid var(--tidings-line)" } }
              : { style: WRAP })}
          >
            {text.trim()}
          </Text>
        ))}
      {folds && (
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          mt={6}
          leftSection={<IconDots size={14} />}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? t("Fold what is quoted") : t("Show what is quoted")}
        </Button>
      )}
    </div>
  );
}

const WRAP = { whiteSpace: "pre-wrap", overflowWrap: "anywhere" } as const;
