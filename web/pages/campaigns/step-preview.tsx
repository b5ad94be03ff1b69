/** One mail of a Campaign as a person would get it, on its day, light beside dark; and a test of it to oneself. */
import { Alert, Button, Group, SegmentedControl, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api.ts";
import { formatDay, t } from "../../i18n.ts";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { MailFrame } from "../../kit/mail-frame.tsx";
import { MailWidth, type MailWidthValue } from "../../kit/mail-width.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { useApi } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import type { StepVariants } from "./variants/rows.ts";

type Moment = Answer<"POST /campaigns/:id/timing/preview">["steps"][number];

export default function StepPreview({
  emailTemplateId: ofStep,
  variants,
  campaignName,
  personId,
  moment,
}: {
  emailTemplateId: number;
  variants: StepVariants | null;
  campaignName: string;
  personId: number | null;
  /** When it would leave; null while that is not known. */
  moment: Moment | null;
}) {
  const may = useMay();
  const [letter, setLetter] = useState("A");
  const choices = [
    { letter: "A", emailTemplateId: ofStep },
    ...(variants?.others ?? []).flatMap((one) =>
      one.emailTemplateId === null ? [] : [{ letter: one.letter, emailTemplateId: one.emailTemplateId }],
    ),
  ];
  const { emailTemplateId } = choices.find((one) => one.letter === letter) ?? choices[0]!;
  const [width, setWidth] = useState<MailWidthValue>(() => (window.innerWidth < 600 ? "375" : "600"));
  const [busy, setBusy] = useState(false);
  const template = useApi("GET /email-templates/:id", { params: { id: emailTemplateId } });
  const on = moment?.on ?? null;
  const preview = useQuery({
    queryKey: ["step preview", template.data?.versionId, personId, on],
    enabled: template.data !== undefined,
    queryFn: () => {
      const { subject, preheader, format, body, text } = template.data!;
      return call("POST /email-templates/preview", {
        body: { subject, preheader, format, body, text, personId, campaignName, on },
      });
    },
  });
  const test = async () => {
    setBusy(true);
    try {
      const { to, ok, reply } = await call("POST /email-templates/test-send", { body: { emailTemplateId, personId } });
      if (ok) tellDone(t("Sent to {to}.", { to }));
      else tellFailure(new Error(reply ?? t("The mail did not leave")));
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  if (template.isError || preview.isError) return <Failure error={template.error ?? preview.error} />;
  if (!preview.data) return <RowsSkeleton />;
  const { subject, preheader, html, missing } = preview.data;
  return (
    <Stack>
      {moment && (
        <Alert color={moment.at ? "blue" : "orange"} p="xs">
          <Text size="sm">
            {moment.at
              ? t("Leaves {when}", { when: moment.text })
              : t("{why} It would be {day}.", { why: moment.text, day: formatDay(moment.on) })}
          </Text>
        </Alert>
      )}
      {choices.length > 1 && (
        <SegmentedControl
          aria-label={t("Which variant")}
          value={letter}
          onChange={setLetter}
          data={choices.map((one) => ({ value: one.letter, label: t("Variant {letter}", { letter: one.letter }) }))}
        />
      )}
      <Group justify="space-between">
        <MailWidth value={width} change={setWidth} />
        {may("user") && (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconSend size={14} />}
            loading={busy}
            onClick={() => void test()}
          >
            {t("Send this mail to me as a test")}
          </Button>
        )}
      </Group>
      <div>
        <Text fw={600} style={{ overflowWrap: "anywhere" }}>
          {subject}
        </Text>
        {preheader && (
          <Text size="sm" c="dimmed">
            {preheader}
          </Text>
        )}
      </div>
      <SimpleGrid spacing="xs" cols={{ base: 1, sm: 2 }}>
        {(["light", "dark"] as const).map((scheme) => (
          <div key={scheme} style={{ minWidth: 0 }}>
            <MailFrame
              html={html}
              title={
                scheme === "dark"
                  ? t("The mail “{subject}”, dark", { subject })
                  : t("The mail “{subject}”", { subject })
              }
              width={Number(width)}
              scheme={scheme}
              remote
            />
          </div>
        ))}
      </SimpleGrid>
      {missing.length > 0 && (
        <Text size="xs" c="dimmed">
          {personId === null
            ? t("Filled in for each person: {names}.", { names: missing.join(", ") })
            : t("No value here for: {names}.", { names: missing.join(", ") })}
        </Text>
      )}
    </Stack>
  );
}
