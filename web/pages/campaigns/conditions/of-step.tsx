/** What a step asks before its mail leaves, and what ends the Email Campaign when it is due. A part of the draft: saves nothing. */
import { Stack } from "@mantine/core";
import type { Condition } from "../../../../src/core/conditions.ts";
import { t } from "../../../i18n.ts";
import { ConditionBuilder } from "./builder.tsx";
import { useLinks } from "./links.ts";
import type { Mail } from "./words.tsx";

export type StepConditions = { readonly onlyIf: Condition | null; readonly stopIf: Condition | null };

export default function StepConditionFields({
  campaignId,
  mails,
  value,
  onChange,
}: {
  campaignId: string;
  mails: readonly Mail[];
  value: StepConditions;
  onChange: (changes: Partial<StepConditions>) => void;
}) {
  const around = { ofStep: true, mails, links: useLinks(campaignId) };
  return (
    <Stack gap="md">
      <ConditionBuilder
        {...around}
        label={t("Only if")}
        hint={t(
          "Asked when the mail is due and right before it leaves. Else it is skipped, and the next one keeps its day.",
        )}
        value={value.onlyIf}
        onChange={(onlyIf) => onChange({ onlyIf })}
      />
      <ConditionBuilder
        {...around}
        label={t("Stop if")}
        hint={t("Asked when the mail is due. The Campaign then ends for the person, and nothing more leaves.")}
        value={value.stopIf}
        onChange={(stopIf) => onChange({ stopIf })}
      />
    </Stack>
  );
}
