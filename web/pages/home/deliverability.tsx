/** What became of mails, by recipient domain and over time, and where too much comes back. */
import { Alert, Anchor, Select, Skeleton, Stack, Table, Text, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import { Link } from "@tanstack/react-router";
import { addDays, formatDay, formatNumber, formatShare, t, today } from "../../i18n.ts";
import { ChartCard } from "../../kit/chart-card.tsx";
import { Failure } from "../../kit/failures.tsx";
import { Empty, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { useApi } from "../../queries.ts";

const Areas = lazy(() => import("../../kit/charts.tsx").then(({ Areas: component }) => ({ default: component })));

const SERIES = [
  { name: "accepted", word: () => t("Accepted"), color: "ink.6" },
  { name: "deferred", word: () => t("Put off"), color: "yellow.6" },
  { name: "refused", word: () => t("Refused"), color: "red.7" },
  { name: "bounced", word: () => t("Came back"), color: "orange.6" },
  { name: "complained", word: () => t("Complaints"), color: "grape.6" },
] as const;

export default function Deliverability() {
  const [search, change] = useSearchState();
  const days = Number(search["days"] ?? "30");
  const domain = search["domain"];
  const span = { from: addDays(today(), 1 - days), to: today() };
  const overTime = useApi("GET /deliverability/days", { query: { ...span, ...(domain ? { domain } : {}) } });
  const domains = useApi("GET /deliverability/domains", { query: span });
  const findings = useApi("GET /deliverability/findings");
  const rows = overTime.data?.data ?? [];
  return (
    <Page
      title={t("Deliverability")}
      hint={t("What servers did with mail, and what came back. Counted within a minute; days are days in UTC.")}
      actions={
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
      }
    >
      {(findings.data?.data ?? []).map(({ kind, id, name, level, text }) => (
        <Alert
          key={`${kind}-${id}`}
          color={level === "pause" ? "red" : "orange"}
          icon={<IconAlertTriangle size={18} />}
          title={
            level === "pause"
              ? t("{name} is paused: too much comes back", { name })
              : t("{name}: too much comes back", { name })
          }
        >
          <Text size="sm">{text}</Text>
          <Anchor component={Link} size="sm" to={kind === "account" ? "/settings/email-accounts" : `/campaigns/${id}`}>
            {kind === "account" ? t("Open the email accounts") : t("Open the Campaign")}
          </Anchor>
        </Alert>
      ))}
      {overTime.isError && <Failure error={overTime.error} retry={overTime.refetch} />}
      <ChartCard
        title={domain ? t("Over time: {domain}", { domain }) : t("Over time")}
        hint={t("Accepted is what their servers took; some of it came back later.")}
        head={[t("Day"), t("Accepted"), t("Put off"), t("Refused"), t("Came back"), t("Complaints")]}
        rows={rows
          .filter((one) => one.accepted + one.deferred + one.refused + one.bounced + one.complained > 0)
          .map((one) => [formatDay(one.day), one.accepted, one.deferred, one.refused, one.bounced, one.complained])}
        controls={
          domain && (
            <Anchor component="button" type="button" size="sm" onClick={() => change({ domain: undefined })}>
              {t("All domains")}
            </Anchor>
          )
        }
      >
        <Suspense fallback={<Skeleton height={260} />}>
          <Areas
            data={rows.map((one) => ({ ...one, day: formatDay(one.day, "short") }))}
            x="day"
            series={SERIES.filter(({ name }) => name === "accepted" || rows.some((row) => row[name] > 0)).map(
              ({ word, ...one }) => ({ ...one, label: word() }),
            )}
          />
        </Suspense>
      </ChartCard>
      {domains.data?.data.length === 0 ? (
        <Empty title={t("No mail in these days")}>{t("As soon as mail leaves, its domains stand here.")}</Empty>
      ) : (
        <Stack gap="xs">
          <Text component="h2" fw={650}>
            {t("By recipient domain")}
          </Text>
          <div className="list-scroll" tabIndex={0} role="region" aria-label={t("By recipient domain")}>
            <Table verticalSpacing={8} className="numbers" aria-label={t("By recipient domain")}>
              <Table.Thead>
                <Table.Tr>
                  {[t("Domain"), t("Accepted"), t("Put off"), t("Refused"), t("Came back"), t("Complaints")].map(
                    (one) => (
                      <Table.Th key={one}>{one}</Table.Th>
                    ),
                  )}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {(domains.data?.data ?? []).map((one) => {
                  const all = one.accepted + one.refused;
                  return (
                    <Table.Tr key={one.domain}>
                      <Table.Td>
                        <UnstyledButton className="row-link" onClick={() => change({ domain: one.domain })}>
                          {one.domain}
                        </UnstyledButton>
                      </Table.Td>
                      <Table.Td>{formatNumber(one.accepted)}</Table.Td>
                      <Table.Td>{formatNumber(one.deferred)}</Table.Td>
                      <Figure part={one.refused} whole={all} />
                      <Figure part={one.bounced} whole={all} />
                      <Figure part={one.complained} whole={all} />
                    </Table.Tr>
                  );
                })}
              </Table.Tbody>
            </Table>
          </div>
        </Stack>
      )}
    </Page>
  );
}

function Figure({ part, whole }: { part: number; whole: number }) {
  return (
    <Table.Td>
      {formatNumber(part)}{" "}
      {part > 0 && (
        <Text span size="xs" c="dimmed">
          {formatShare(part, whole)}
        </Text>
      )}
    </Table.Td>
  );
}
