/** Sends a mail that was added too late for some people to them all the same: an act of its own, with its impact before it. */
import { Alert, Button, Checkbox, Group, NumberInput, Select, Stack, Table, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api.ts";
import { formatDay, formatMoment, formatNumber, t } from "../../i18n.ts";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { invalidate } from "../../queries.ts";

type Campaign = Answer<"GET /campaigns/:id">;
type Impact = Answer<"POST /campaigns/:id/steps/:stepId/backfill/impact">;

/** Inside a drawer; `done` once it is asked for. */
export default function Backfill({ campaign, done }: { campaign: Campaign; done: () => void }) {
  const [stepId, setStepId] = useState<number | null>(null);
  const [perHour, setPerHour] = useState<number | null>(null);
  const [asked] = useDebouncedValue(perHour, 300);
  const [agreed, setAgreed] = useState(false);
  const [busy, setBusy] = useState(false);
  const id = campaign.id;
  const impact = useQuery({
    queryKey: ["backfill impact", id, stepId, asked],
    enabled: stepId !== null,
    queryFn: () =>
      call("POST /campaigns/:id/steps/:stepId/backfill/impact", {
        params: { id, stepId: stepId! },
        body: { perHour: asked },
      }),
  });
  const found = stepId === null ? undefined : impact.data;
  const send = async (confirmed: number) => {
    setBusy(true);
    try {
      const { people } = await call("POST /campaigns/:id/steps/:stepId/backfill", {
        params: { id, stepId: stepId! },
        body: { perHour, confirmed },
      });
      await invalidate("GET /campaigns/:id", "GET /campaigns/:id/insights", "GET /email-campaigns/:id");
      tellDone(t("{count, plural, one {One person gets it} other {# people get it}}.", { count: people }));
      done();
    } catch (error) {
      tellFailure(error);
      await impact.refetch();
    } finally {
      setBusy(false);
    }
  };
  return (
    <Stack>
      <Text size="sm">
        {t(
          "A mail that was added, or moved, when its day had passed for somebody is not sent to them by itself. Here you send it all the same, once to each; what they got is not sent again.",
        )}
      </Text>
      <Select
        label={t("Which mail")}
        placeholder={t("Choose a mail")}
        data={campaign.steps.map((step) => ({
          value: String(step.id),
          label: t("Day {day}", { day: step.sendAfterDays }) + `: ${step.emailTemplate}`,
        }))}
        value={stepId === null ? null : String(stepId)}
        onChange={(value) => {
          setStepId(value === null ? null : Number(value));
          setAgreed(false);
        }}
      />
      <NumberInput
        label={t("How many an hour")}
        description={t("Empty: as the burst guard lets them through.")}
        min={1}
        value={perHour ?? ""}
        onChange={(value) => setPerHour(Number(value) || null)}
      />
      {impact.isError ? (
        <Failure error={impact.error} />
      ) : stepId !== null && !found ? (
        <RowsSkeleton />
      ) : (
        found && <Told impact={found} />
      )}
      {found && found.people > 0 && (
        <>
          <Checkbox
            checked={agreed}
            onChange={(event) => setAgreed(event.currentTarget.checked)}
            label={t("Yes, send it to {count, plural, one {# person} other {# people}}", { count: found.people })}
          />
          <Group justify="flex-end">
            <Button loading={busy} disabled={!agreed} onClick={() => void send(found.people)}>
              {t("Send it to them")}
            </Button>
          </Group>
        </>
      )}
    </Stack>
  );
}

function Told({ impact: { people, leftOut, days, examples } }: { impact: Impact }) {
  return (
    <Stack gap="xs" aria-live="polite">
      <Alert
        color={people > 0 ? "orange" : "gray"}
        title={t("{count, plural, one {One person would get it} other {# people would get it}}", { count: people })}
      >
        {leftOut > 0 &&
          t(
            "{count, plural, one {One more is past it and may not be written to.} other {# more are past it and may not be written to.}}",
            {
              count: leftOut,
            },
          )}{" "}
        {days
          .slice(0, 5)
          .map(({ day, count }) => `${formatDay(day)}: ${formatNumber(count)}`)
          .join(" · ")}
      </Alert>
      {examples.length > 0 && (
        <Table verticalSpacing={4} aria-label={t("Some of them")}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("Person")}</Table.Th>
              <Table.Th>{t("When")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {examples.slice(0, 8).map((one) => (
              <Table.Tr key={one.emailCampaignId}>
                <Table.Td style={{ overflowWrap: "anywhere" }}>{one.person}</Table.Td>
                <Table.Td>{formatMoment(one.at)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Stack>
  );
}
