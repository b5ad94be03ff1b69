/** For whom the Campaign ends early, in a line each, and the form behind a button. The form comes when it is asked for. */
import { Button, Card, Group, Text } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import type { Condition } from "../../../src/core/conditions.ts";
import { t } from "../../i18n.ts";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import type { Mail } from "./conditions/words.tsx";
import type { ScheduleSettings } from "./timing.tsx";

const EndingFields = lazy(() => import("./conditions/of-campaign.tsx"));
const InWords = lazy(() => import("./conditions/words.tsx"));

export function EndingsCard({
  campaignId,
  mails,
  settings,
  onChange,
}: {
  campaignId: string;
  mails: readonly Mail[];
  settings: ScheduleSettings;
  onChange: (settings: ScheduleSettings) => void;
}) {
  const [open, setOpen] = useState(false);
  const { stopIf, goal } = settings;
  return (
    <Card padding="md" component="section" aria-label={t("For whom it ends early")} maw={760}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Text fw={600}>{t("For whom it ends early")}</Text>
          {!open && <ConditionLine label={t("Stop if")} condition={stopIf} mails={mails} />}
          {!open && <ConditionLine label={t("Goal")} condition={goal} mails={mails} />}
          {stopIf === null && goal === null && (
            <Text size="sm" c="dimmed">
              {t("No condition ends it.")}
            </Text>
          )}
        </div>
        <Button variant="default" aria-expanded={open} onClick={() => setOpen(!open)} style={{ flexShrink: 0 }}>
          {open ? t("Close") : t("Change the conditions")}
        </Button>
      </Group>
      {open && (
        <Suspense fallback={<RowsSkeleton count={2} />}>
          <EndingFields
            campaignId={campaignId}
            mails={mails}
            value={{ stopIf, goal }}
            onChange={(changes) => onChange({ ...settings, ...changes })}
          />
        </Suspense>
      )}
    </Card>
  );
}

/** What is asked, where something is. */
export function ConditionLine({
  label,
  condition,
  mails,
}: {
  label: string;
  condition: Condition | null;
  mails: readonly Mail[];
}) {
  if (condition === null) return null;
  return (
    <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
      {label}:{" "}
      <Suspense fallback="…">
        <InWords condition={condition} mails={mails} />
      </Suspense>
    </Text>
  );
}
