/** Pictures over time: what went out, where people stand, what is due, and Campaigns beside each other. */
import { Button, Group, Select, SimpleGrid, Skeleton, Table, Text, Tooltip } from "@mantine/core";
import { lazy, Suspense } from "react";
import { addDays, formatDay, formatNumber, formatShare, t, today } from "../../i18n.ts";
import { Bars } from "../../kit/bars.tsx";
import { ChartCard } from "../../kit/chart-card.tsx";
import { Failure } from "../../kit/failures.tsx";
import { useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { Link } from "@tanstack/react-router";
import { RecordLink } from "../../kit/words.tsx";
import { useApi } from "../../queries.ts";

const charts = () => import("../../kit/charts.tsx");
const Areas = lazy(() => charts().then(({ Areas: component }) => ({ default: component })));
const Rows = lazy(() => charts().then(({ Rows: component }) => ({ default: component })));

const WAITING = <Skeleton height={260} />;

export default function Insights() {
  const [search, change] = useSearchState();
  const days = Number(search["days"] ?? "30");
  const to = today();
  const query = {
    from: addDays(to, 1 - days),
    to,
    ...(search["campaignId"] ? { campaignId: search["campaignId"] } : {}),
  };
  const sends = useApi("GET /insights/sends", { query });
  const statuses = useApi("GET /insights/statuses", { query });
  const compared = useApi("GET /insights/campaigns");
  return (
    <Page
      title={t("Insights")}
      hint={t("Every chart has its table. Days are days of the workspace's zone.")}
      actions={
        <>
          <Button variant="default" component={Link} to="/forecast">
            {t("Forecast")}
          </Button>
          <Pick
            route="GET /campaigns"
            aria-label={t("Campaign")}
            placeholder={t("All Campaigns")}
            labelOf={nameLabel}
            value={search["campaignId"] ? Number(search["campaignId"]) : null}
            onChange={(id) => change({ campaignId: id === null ? undefined : String(id) })}
            clearable
            w={200}
          />
          <Select
            aria-label={t("Span")}
            data={[
              { value: "7", label: t("7 days") },
              { value: "30", label: t("30 days") },
              { value: "90", label: t("90 days") },
              { value: "365", label: t("A year") },
            ]}
            value={String(days)}
            allowDeselect={false}
            onChange={(value) => change({ days: value ?? undefined })}
            w={120}
          />
        </>
      }
    >
      {sends.isError && <Failure error={sends.error} retry={sends.refetch} />}
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <ChartCard
          title={t("Mails per day")}
          head={[t("Day"), t("Sent"), t("Failed"), t("Skipped"), t("Unsubscribed")]}
          rows={(sends.data?.data ?? []).map((one) => [
            formatDay(one.day),
            one.sent,
            one.failed,
            one.skipped,
            one.unsubscribed,
          ])}
        >
          <Bars
            height={220}
            data={(sends.data?.data ?? []).map(({ day, ...rest }) => ({ day: formatDay(day, "short"), ...rest }))}
            x="day"
            series={[
              { name: "sent", label: t("Sent"), color: "ink.6" },
              { name: "skipped", label: t("Skipped"), color: "gray.5" },
              { name: "failed", label: t("Failed"), color: "orange.6" },
            ]}
          />
        </ChartCard>
        <ChartCard
          title={t("Where people stand")}
          hint={t("Email Campaigns by status at the end of each day")}
          head={[t("Day"), t("Scheduled"), t("In Progress"), t("Completed"), t("Unsubscribed"), t("Stopped")]}
          rows={(statuses.data?.data ?? []).map((one) => [
            formatDay(one.day),
            one.scheduled,
            one.inProgress,
            one.completed,
            one.unsubscribed,
            one.stopped,
          ])}
        >
          <Suspense fallback={WAITING}>
            <Areas
              data={(statuses.data?.data ?? []).map(({ day, ...rest }) => ({ day: formatDay(day, "short"), ...rest }))}
              x="day"
              series={[
                { name: "scheduled", label: t("Scheduled"), color: "blue.5" },
                { name: "inProgress", label: t("In Progress"), color: "orange.5" },
                { name: "completed", label: t("Completed"), color: "teal.6" },
                { name: "unsubscribed", label: t("Unsubscribed"), color: "red.7" },
                { name: "stopped", label: t("Stopped"), color: "gray.5" },
              ]}
            />
          </Suspense>
        </ChartCard>
      </SimpleGrid>
      <Calendar campaignId={search["campaignId"]} />
      <ChartCard
        title={t("Campaigns compared")}
        head={[
          t("Campaign"),
          t("Started"),
          t("Sent"),
          t("Completed"),
          t("Converted"),
          t("Unsubscribed"),
          t("Stopped"),
          t("Failed"),
        ]}
        rows={(compared.data?.data ?? []).map((one) => [
          <RecordLink key="name" to={`/campaigns/${one.id}`}>
            {one.name}
          </RecordLink>,
          formatNumber(one.started),
          formatNumber(one.sent),
          `${formatNumber(one.completed)} (${formatShare(one.completed, one.started)})`,
          `${formatNumber(one.converted)} (${formatShare(one.converted, one.started)})`,
          `${formatNumber(one.unsubscribed)} (${formatShare(one.unsubscribed, one.started)})`,
          formatNumber(one.stopped),
          formatNumber(one.failed),
        ])}
      >
        <Suspense fallback={WAITING}>
          <Rows
            data={(compared.data?.data ?? [])
              .slice(0, 12)
              .map(({ name, started, completed, unsubscribed, stopped }) => ({
                name,
                running: started - completed - unsubscribed - stopped,
                completed,
                unsubscribed,
                stopped,
              }))}
            x="name"
            series={[
              { name: "running", label: t("On the way"), color: "orange.5" },
              { name: "completed", label: t("Completed"), color: "teal.6" },
              { name: "unsubscribed", label: t("Unsubscribed"), color: "red.7" },
              { name: "stopped", label: t("Stopped"), color: "gray.5" },
            ]}
          />
        </Suspense>
      </ChartCard>
    </Page>
  );
}

const WEEKS = 5;

/** What is due, as a calendar of weeks: the fuller the day, the darker, and the number beside it. */
function Calendar({ campaignId }: { campaignId: string | undefined }) {
  const first = today();
  const weekday = (new Date(`${first}T00:00:00Z`).getUTCDay() + 6) % 7;
  const monday = addDays(first, -weekday);
  const last = addDays(monday, WEEKS * 7 - 1);
  const due = useApi("GET /insights/calendar", {
    query: { from: first, to: last, ...(campaignId ? { campaignId } : {}) },
  });
  const rows = due.data?.data ?? [];
  const of = (day: string) => rows.filter((one) => one.day === day);
  const countOf = (day: string) => of(day).reduce((sum, one) => sum + one.due, 0);
  const days = Array.from({ length: WEEKS * 7 }, (_, at) => addDays(monday, at));
  const most = Math.max(1, ...days.map(countOf));
  return (
    <ChartCard
      title={t("What is due")}
      hint={t("Mails of everybody on the way, by the day of the Schedule")}
      head={[t("Day"), t("Campaign"), t("Mails")]}
      rows={rows.map(({ day, campaign, due: count }) => [formatDay(day), campaign, formatNumber(count)])}
    >
      <Table withColumnBorders layout="fixed" verticalSpacing={4} horizontalSpacing={4} highlightOnHover={false}>
        <Table.Tbody>
          {Array.from({ length: WEEKS }, (_, week) => (
            <Table.Tr key={week}>
              {days.slice(week * 7, week * 7 + 7).map((day) => {
                const count = countOf(day);
                const share = count === 0 ? 0 : 10 + Math.round((count / most) * 22);
                return (
                  <Tooltip
                    key={day}
                    disabled={count === 0}
                    multiline
                    label={of(day)
                      .map(({ campaign, due: one }) => `${campaign}: ${formatNumber(one)}`)
                      .join("\n")}
                    style={{ whiteSpace: "pre" }}
                  >
                    <Table.Td
                      style={{
                        background: count
                          ? `color-mix(in srgb, var(--mantine-color-teal-6) ${share}%, transparent)`
                          : undefined,
                      }}
                    >
                      <Group justify="space-between" gap={4}>
                        <Text size="xs">{formatDay(day, "short")}</Text>
                        <Text size="sm" fw={650} className="numbers">
                          {count > 0 ? formatNumber(count) : ""}
                        </Text>
                      </Group>
                    </Table.Td>
                  </Tooltip>
                );
              })}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </ChartCard>
  );
}
