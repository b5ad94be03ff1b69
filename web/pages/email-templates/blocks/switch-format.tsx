/** Another format for a template: says what becomes of what is written, and rewrites nothing by itself. */
import { Alert, Button, Group, Modal, Radio, Skeleton, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { readableBlocks } from "./to-mjml.ts";
import { t } from "../../../i18n.ts";
import { useApi } from "../../../queries.ts";
import { STARTERS, startWith } from "./starters.ts";

export type Format = "blocks" | "mjml" | "html" | "markdown";
const FORMAT_WORDS: Readonly<Record<Format, () => string>> = {
  blocks: () => t("Blocks"),
  markdown: () => "Markdown",
  mjml: () => "MJML",
  html: () => "HTML",
};

type Choice = { readonly value: string; readonly label: string; readonly hint?: string; readonly body: () => string };

export default function SwitchFormat({
  to,
  from,
  body,
  before,
  saved,
  isNew,
  templateId,
  close,
  take,
}: {
  to: Format | null;
  from: Format;
  body: string;
  /** What was written in this format in this window before. */
  before: string | undefined;
  /** The version in which what is written now is kept; null where it is not saved. */
  saved: number | null;
  /** Nothing was written yet. */
  isNew: boolean;
  templateId: number | null;
  close: () => void;
  take: (format: Format, body: string) => void;
}) {
  return (
    <Modal
      opened={to !== null}
      onClose={close}
      title={to ? t("Write in {format}", { format: FORMAT_WORDS[to]() }) : ""}
    >
      {to && <Choices {...{ to, from, body, before, saved, isNew, templateId, close, take }} />}
    </Modal>
  );
}

function Choices({
  to,
  from,
  body,
  before,
  saved,
  isNew,
  templateId,
  close,
  take,
}: Omit<Parameters<typeof SwitchFormat>[0], "to"> & { to: Format }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const { data: workspace } = useApi("GET /workspace");
  const versions = useApi("GET /email-templates/:id/versions", {
    params: { id: templateId ?? 0 },
    query: { limit: 50 },
    enabled: templateId !== null,
  });
  if (!workspace || (templateId !== null && !versions.data)) return <Skeleton height={160} />;
  const earlier = versions.data?.data.find(({ format }) => format === to);
  const choices: Choice[] = [
    ...(before === undefined
      ? []
      : [
          {
            value: "before",
            label: t("What you wrote in {format} a moment ago", { format: FORMAT_WORDS[to]() }),
            body: () => before,
          },
        ]),
    ...(earlier
      ? [
          {
            value: "earlier",
            label: t("The {format} of version {number}", { format: FORMAT_WORDS[to](), number: earlier.number }),
            body: () => earlier.body,
          },
        ]
      : []),
    ...(from === "blocks" && to === "mjml"
      ? [
          {
            value: "copy",
            label: t("A copy of the blocks as MJML"),
            hint: t("One way: the MJML can be changed freely, and does not become blocks again."),
            body: () => readableBlocks(body),
          },
        ]
      : []),
    ...(from !== "blocks" && to !== "blocks"
      ? [
          {
            value: "same",
            label: t("The same text, as it stands"),
            hint: t("Nothing in it is changed; it is only read as {format} from now on.", {
              format: FORMAT_WORDS[to](),
            }),
            body: () => body,
          },
        ]
      : []),
    ...(to === "blocks"
      ? STARTERS.map(({ name, word }) => ({
          value: `start-${name}`,
          label: t("New: {name}", { name: word() }),
          body: () => startWith(name, workspace.brand),
        }))
      : [{ value: "empty", label: t("Nothing"), body: () => "" }]),
  ];
  const value = chosen ?? choices[0]?.value ?? "";
  return (
    <Stack>
      {!isNew && (
        <Alert color="gray" p="xs">
          <Text size="sm">
            {saved === null
              ? t(
                  "Your {format} is not saved. It stays in this window: come back to it here until you leave the page.",
                  {
                    format: FORMAT_WORDS[from](),
                  },
                )
              : t("Your {format} stays in version {number}, and can be brought back from there.", {
                  format: FORMAT_WORDS[from](),
                  number: saved,
                })}
          </Text>
        </Alert>
      )}
      <Radio.Group label={t("Begin with")} value={value} onChange={setChosen}>
        <Stack gap="xs" mt="xs">
          {choices.map((one) => (
            <Radio key={one.value} value={one.value} label={one.label} description={one.hint} />
          ))}
        </Stack>
      </Radio.Group>
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={close}>
          {t("Keep writing in {format}", { format: FORMAT_WORDS[from]() })}
        </Button>
        <Button
          onClick={() => {
            const found = choices.find((one) => one.value === value);
            if (found) take(to, found.body());
          }}
          data-autofocus
        >
          {t("Write in {format}", { format: FORMAT_WORDS[to]() })}
        </Button>
      </Group>
    </Stack>
  );
}
