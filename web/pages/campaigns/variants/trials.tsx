/** How the variants of a Campaign's steps do, which one has won, and choosing one. Loaded only where a step has variants. */
import { Anchor, Badge, Button, Card, Group, Stack, Table, Text } from "@mantine/core";
import { IconTrophy } from "@tabler/icons-react";
import { address, type Answer, call } from "../../../api.ts";
import { formatMoment, formatNumber, formatShare, t } from "../../../i18n.ts";
import { ask } from "../../../kit/ask.tsx";
import { tellDone } from "../../../kit/failures.tsx";
import { RecordLink } from "../../../kit/words.tsx";
import { invalidate, useRead } from "../../../queries.ts";
import { useMay } from "../../../session.tsx";

type Trial = Answer<"GET /campaigns/:id/variants">["data"][number];

export default function TrialsCard({ id }: { id: number }) {
  const { data } = useRead("GET /campaigns/:id/variants", { params: { id } });
  if (data.data.length === 0) return null;
  return (
    <Card component="section" aria-label={t("Variants")}>
      <Group justify="space-between" mb="sm">
        <Text component="h2" fw={650}>
          {t("Variants")}
        </Text>
        <Anchor size="sm" href={address("GET /campaigns/:id/variants.csv", { params: { id } })} download>
          {t("Download as CSV")}
        </Anchor>
      </Group>
      <Stack gap="lg">
        {data.data.map((trial) => (
          <OneTrial key={trial.stepId} campaignId={id} trial={trial} />
        ))}
        <Text size="xs" c="dimmed">
          {t("Each person is counted once for a mail. Mails that left in another template count no more.")}
        </Text>
      </Stack>
    </Card>
  );
}

function OneTrial({ campaignId, trial }: { campaignId: number; trial: Trial }) {
  const may = useMay();
  const params = { id: campaignId, stepId: trial.stepId };
  const day = t("Day {day}", { day: trial.sendAfterDays });
  const choose = (variant: Trial["variants"][number]["letter"]) =>
    ask({
      title: t("Variant {letter} for everybody?", { letter: variant }),
      text: t("Whoever is planned from now on gets it. Mails that are planned or sent stay as they are."),
      harmful: false,
      deed: t("Choose variant {letter}", { letter: variant }),
      act: async () => {
        await call("POST /campaigns/:id/steps/:stepId/winner", { params, body: { variant } });
        await invalidate("GET /campaigns/:id/variants");
        tellDone(t("Variant {letter} it is.", { letter: variant }));
      },
    });
  const takeBack = () =>
    ask({
      title: t("Take the winner back?"),
      text: t("It goes on by the split. A rule that has its numbers decides again."),
      deed: t("Take it back"),
      act: async () => {
        await call("DELETE /campaigns/:id/steps/:stepId/winner", { params });
        await invalidate("GET /campaigns/:id/variants");
        tellDone(t("It goes on by the split."));
      },
    });
  return (
    <section aria-label={day}>
      <Group justify="space-between" gap="xs" mb={4}>
        <Text fw={600} size="sm">
          {day}
        </Text>
        {trial.decidedAt && may("user") && (
          <Button size="compact-xs" variant="subtle" onClick={takeBack}>
            {t("Take it back")}
          </Button>
        )}
      </Group>
      <Text size="sm" c={trial.outcome === "not-measured" ? "orange" : undefined} mb="xs">
        {trial.text}
        {trial.decidedAt && ` (${formatMoment(trial.decidedAt)})`}
      </Text>
      <Table.ScrollContainer minWidth={640} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
        <Table aria-label={t("Variants of the mail on day {day}", { day: trial.sendAfterDays })}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("Variant")}</Table.Th>
              <Table.Th ta="right">{t("Share")}</Table.Th>
              <Table.Th ta="right">{t("Sent")}</Table.Th>
              <Table.Th ta="right">{t("Opened")}</Table.Th>
              <Table.Th ta="right">{t("Clicked")}</Table.Th>
              <Table.Th ta="right">{t("Replied")}</Table.Th>
              <Table.Th ta="right">{t("Unsubscribed")}</Table.Th>
              <Table.Td />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {trial.variants.map((one) => (
              <Table.Tr key={one.letter}>
                <Table.Td>
                  <Group gap="xs" wrap="nowrap">
                    <Text size="sm" fw={600}>
                      {one.letter}
                    </Text>
                    <RecordLink to={`/email-templates/${one.emailTemplateId}`}>{one.emailTemplate}</RecordLink>
                    {one.isWinner && (
                      <Badge color="green" variant="light" leftSection={<IconTrophy size={12} aria-hidden />}>
                        {t("Winner")}
                      </Badge>
                    )}
                  </Group>
                </Table.Td>
                <Table.Td ta="right" className="numbers">
                  {one.share} %
                </Table.Td>
                <Figure value={one.sent} />
                <Figure
                  value={trial.measured.opened || one.opensMeasured > 0 ? one.opened : null}
                  whole={one.opensMeasured}
                />
                <Figure
                  value={trial.measured.clicked || one.clicksMeasured > 0 ? one.clicked : null}
                  whole={one.clicksMeasured}
                />
                <Figure value={one.replied} whole={one.sent} />
                <Figure value={one.unsubscribed} whole={one.sent} />
                <Table.Td ta="right">
                  {may("user") && !one.isWinner && (
                    <Button
                      size="compact-xs"
                      variant="light"
                      onClick={() => choose(one.letter)}
                      aria-label={t("Choose variant {letter}", { letter: one.letter })}
                    >
                      {t("Choose")}
                    </Button>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </section>
  );
}

/** Null: it is not measured. */
function Figure({ value, whole = 0 }: { value: number | null; whole?: number }) {
  return (
    <Table.Td ta="right" className="numbers">
      {value === null ? "–" : formatNumber(value)}
      {value !== null && whole > 0 && (
        <Text component="span" size="xs" c="dimmed">
          {" "}
          {formatShare(value, whole)}
        </Text>
      )}
    </Table.Td>
  );
}
