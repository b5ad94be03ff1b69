/** The width a mail is shown in: of a mail program at the desk, or of a phone. */
import { SegmentedControl } from "@mantine/core";
import { t } from "../i18n.ts";

/** In pixels. */
export type MailWidthValue = "600" | "375";

export function MailWidth({ value, change }: { value: MailWidthValue; change: (width: MailWidthValue) => void }) {
  return (
    <SegmentedControl<MailWidthValue>
      size="xs"
      aria-label={t("Width")}
      value={value}
      onChange={change}
      data={[
        { value: "600", label: t("Desktop") },
        { value: "375", label: t("Phone") },
      ]}
    />
  );
}
