/** For whom the Campaign ends before its last mail, and what it is for. A part of the draft: saves nothing. */
import { Stack, Text } from "@mantine/core";
import type { Condition } from "../../../../src/core/conditions.ts";
import { t } from "../../../i18n.ts";
import { ConditionBuilder } from "./builder.tsx";
import { useLinks } from "./links.ts";
import type { Mail } from "./words.tsx";

type Endings = { readonly stopIf: Condition | null; readonly goal: Condition | null };

export default function EndingFields({
  campaignId,
  mails,
  value,
  onChange,
}: {
  campaignId: string;
  mails: readonly Mail[];
  value: Endings;
  onChange: (changes: Partial<Endings>) => void;
}) {
  const around = { ofStep: false, mails, links: useLinks(campaignId) };
  return (
    <Stack gap="md" mt="md">
      <Text size="sm" c="dimmed">
        {t("This is saved with the Schedule, and its effect is shown before.")}
      </Text>
      <ConditionBuilder
        {...around}
        label={t("Stop if")}
        hint={t("As soon as this is so of somebody, nothing more of it leaves to them.")}
        value={value.stopIf}
        onChange={(stopIf) => onChange({ stopIf })}
      />
      <ConditionBuilder
        {...around}
        label={t("Goal")}
        hint={t("What the Campaign is for. Whoever reaches it gets nothing more of it, and counts as converted.")}
        value={value.goal}
        onChange={(goal) => onChange({ goal })}
      />
    </Stack>
  );
}
