/** What a trial of a server found, step by step. Tries nothing. */
import { Card, Group, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconCheck, IconMinus, IconX } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { t } from "../../i18n.ts";

type Tried<Step extends string> = {
  readonly step: Step;
  /** Null: it was not come to. */
  readonly ok: boolean | null;
  readonly text: string;
  readonly hint?: string | null;
  readonly detail?: string | null;
};

/** `words`: what each step is called. `children` stand below. */
export function TrialSteps<Step extends string>({
  steps,
  words,
  children,
}: {
  steps: readonly Tried<Step>[];
  words: Readonly<Record<Step, () => string>>;
  children?: ReactNode;
}) {
  return (
    <Card padding="sm" role="status" aria-label={t("What the trial found")}>
      <Stack gap="sm">
        {steps.map(({ step, ok, text, hint, detail }) => (
          <Group key={step} gap="sm" wrap="nowrap" align="flex-start">
            <ThemeIcon size="sm" radius="xl" color={ok === null ? "gray" : ok ? "green" : "red"} aria-hidden>
              {ok === null ? <IconMinus size={14} /> : ok ? <IconCheck size={14} /> : <IconX size={14} />}
            </ThemeIcon>
            <div>
              <Text size="sm">
                <b>{words[step]()}</b>: {text}
              </Text>
              {hint && <Text size="sm">{hint}</Text>}
              {detail && (
                <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                  {detail}
                </Text>
              )}
            </div>
          </Group>
        ))}
        {children}
      </Stack>
    </Card>
  );
}
