/** The mail as it will look, at two widths, in two schemes, for whomever it is shown. */
import {
  Alert,
  Badge,
  Card,
  Code,
  Group,
  SegmentedControl,
  Skeleton,
  Stack,
  Tabs,
  Text,
  UnstyledButton,
} from "@mantine/core";
import { useViewportSize } from "@mantine/hooks";
import { IconCircleCheck } from "@tabler/icons-react";
import { DateInput } from "@mantine/dates";
import { type ReactNode, useState } from "react";
import type { Answer } from "../../api.ts";
import { formatNumber, t } from "../../i18n.ts";
import { Failure } from "../../kit/failures.tsx";
import { MailFrame } from "../../kit/mail-frame.tsx";
import { MailWidth, type MailWidthValue } from "../../kit/mail-width.tsx";
import { PickPerson } from "../../kit/pick-person.tsx";

export type Rendered = Answer<"POST /email-templates/preview">;
export type Place = {
  readonly field: string;
  readonly line: number | null;
  readonly column: number | null;
  readonly block?: string | null | undefined;
};

/** What is wrong with the template, each a way to where it is. */
function Problems({ preview, goTo }: { preview: Rendered; goTo: (place: Place) => void }) {
  return (
    <Stack gap={6}>
      {preview.problems.slice(0, MAX_SHOWN).map((one) => {
        const { severity, text, field, line, column } = one;
        return (
          <UnstyledButton key={`${field}-${text}-${line}-${column}-${one.block ?? ""}`} onClick={() => goTo(one)}>
            <Group gap="xs" wrap="nowrap" align="flex-start">
              <Badge color={severity === "error" ? "red" : "orange"} style={{ flexShrink: 0 }}>
                {severity === "error" ? t("Error") : t("Warning")}
              </Badge>
              <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                {line === null || one.block
                  ? `${fieldWord(field)}: `
                  : `${t("{field}, line {line}", { field: fieldWord(field), line })}: `}
                {text}
              </Text>
            </Group>
          </UnstyledButton>
        );
      })}
      {preview.problems.length > MAX_SHOWN && (
        <Text size="sm">{t("And {count} more.", { count: preview.problems.length - MAX_SHOWN })}</Text>
      )}
    </Stack>
  );
}

const MAX_SHOWN = 12;

function fieldWord(field: string): string {
  if (field === "subject") return t("Subject");
  if (field === "preheader") return t("Preheader");
  return field === "text" ? t("Plain text") : t("Body");
}

export function Preview({
  preview,
  error,
  goTo,
  personId,
  choose,
  on,
  setOn,
  checks,
  findings,
}: {
  preview: Rendered | undefined;
  error: unknown;
  goTo: (place: Place) => void;
  personId: number | null;
  choose: (id: number | null) => void;
  /** The day the mail would leave. */
  on: string | null;
  setOn: (day: string | null) => void;
  checks: ReactNode;
  /** How many checks found something that matters. */
  findings: number;
}) {
  const [width, setWidth] = useState<MailWidthValue>("600");
  const [scheme, setScheme] = useState<"light" | "dark" | "both">("light");
  const { height: window } = useViewportSize();
  const height = Math.max(420, window - 380);
  const broken = preview?.problems.some(({ severity }) => severity === "error") ?? false;
  return (
    <Card component="section" aria-label={t("Preview")} pos="sticky" top={72}>
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <Group gap="xs">
            <MailWidth value={width} change={setWidth} />
            <SegmentedControl
              size="xs"
              aria-label={t("Colours of the mail program")}
              value={scheme}
              onChange={setScheme}
              data={[
                { value: "light", label: t("Light") },
                { value: "dark", label: t("Dark") },
                { value: "both", label: t("Both schemes") },
              ]}
            />
          </Group>
          <PickPerson
            aria-label={t("Shown for")}
            placeholder={t("For anybody")}
            value={personId}
            onChange={choose}
            size="xs"
            miw={160}
            flex={1}
            maw={260}
          />
          <DateInput
            aria-label={t("As of which day")}
            placeholder={t("Today")}
            value={on}
            onChange={setOn}
            clearable
            size="xs"
            w={130}
          />
        </Group>
        {preview ? (
          <>
            <div>
              <Text fw={600} style={{ overflowWrap: "anywhere" }}>
                {preview.subject || "–"}
              </Text>
              {preview.preheader && (
                <Text size="sm" c="dimmed">
                  {preview.preheader}
                </Text>
              )}
            </div>
            {!broken && preview.problems.length > 0 && (
              <Alert color="orange" role="status" p="xs">
                <Problems preview={preview} goTo={goTo} />
              </Alert>
            )}
            <Tabs defaultValue="html" keepMounted={false}>
              <Tabs.List>
                <Tabs.Tab value="html">{t("As it looks")}</Tabs.Tab>
                <Tabs.Tab value="text">{t("Plain text")}</Tabs.Tab>
                <Tabs.Tab
                  value="checks"
                  rightSection={
                    findings > 0 ? (
                      <Badge size="sm" color="orange" variant="light">
                        {findings}
                      </Badge>
                    ) : undefined
                  }
                >
                  {t("Checks")}
                </Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="html" pt="sm">
                {broken ? (
                  <Alert color="red" role="status" title={t("There is nothing to show yet")}>
                    <Stack gap="sm">
                      <Text size="sm">{t("This has to be put right first. Click to get to its place.")}</Text>
                      <Problems preview={preview} goTo={goTo} />
                    </Stack>
                  </Alert>
                ) : (
                  <Group gap="xs" grow align="flex-start" wrap="nowrap">
                    {(scheme === "both" ? (["light", "dark"] as const) : [scheme]).map((one) => (
                      <div key={one} style={{ minWidth: 0 }}>
                        <MailFrame
                          html={preview.html}
                          title={
                            scheme === "both" && one === "dark"
                              ? t("Preview of the mail, dark")
                              : t("Preview of the mail")
                          }
                          width={Number(width)}
                          height={height}
                          scheme={one}
                          remote
                        />
                      </div>
                    ))}
                  </Group>
                )}
              </Tabs.Panel>
              <Tabs.Panel value="text" pt="sm">
                <Code block style={{ whiteSpace: "pre-wrap", maxHeight: height, overflow: "auto" }} tabIndex={0}>
                  {preview.text}
                </Code>
              </Tabs.Panel>
              <Tabs.Panel value="checks" pt="sm">
                <div
                  style={{ maxHeight: height, overflow: "auto" }}
                  tabIndex={0}
                  role="region"
                  aria-label={t("Checks")}
                >
                  {checks}
                </div>
              </Tabs.Panel>
            </Tabs>
            {preview.problems.length === 0 && (
              <Group gap={6} role="status">
                <IconCircleCheck size={16} color="var(--mantine-color-green-filled)" aria-hidden />
                <Text size="xs" c="dimmed">
                  {t("No mistakes found.")}
                </Text>
              </Group>
            )}
            {!broken && (
              <Text size="xs" c={preview.sizeBytes > CLIPPED_BYTES ? "red" : "dimmed"}>
                {t("{size} kB of HTML; Gmail clips at 102 kB.", {
                  size: formatNumber(Math.ceil(preview.sizeBytes / 1000)),
                })}
              </Text>
            )}
            {preview.missing.length > 0 && (
              <Text size="xs" c="dimmed">
                {personId === null
                  ? t("Filled in for each person: {names}.", { names: preview.missing.join(", ") })
                  : t("No value here for: {names}.", { names: preview.missing.join(", ") })}
              </Text>
            )}
          </>
        ) : error ? (
          <Failure error={error} />
        ) : (
          <Skeleton height={560} />
        )}
      </Stack>
    </Card>
  );
}

const CLIPPED_BYTES = 102_000;
