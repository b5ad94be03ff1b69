/** How many mails a day what runs will bring, against the limits of the email accounts; as a chart and as a table. */
import { Alert, Skeleton, Text } from "@mantine/core";
import { lazy, Suspense } from "react";
import { formatDay, formatNumber, t } from "../../i18n.ts";
import { ChartCard } from "../../kit/chart-card.tsx";
import { Page } from "../../kit/page.tsx";
import { useRead } from "../../queries.ts";

const Areas = lazy(() => import("../../kit/charts.tsx").then(({ Areas: component }) => ({ default: component })));
const COLORS = ["blue.6", "teal.6", "grape.6", "orange.6", "cyan.6", "lime.7"];

export default function ForecastPage() {
  const { data: found } = useRead("GET /forecast", { query: { days: 90 } });
  const shown = found.accounts.flatMap((account, place) =>
    found.days.some(({ accounts }) => (accounts[place] ?? 0) > 0) ? [{ ...account, place }] : [],
  );
  const nameOf = (name: string) => name || t("Without an account");
  const over = found.days.filter((day) => day.over);
  const data = found.days.map(({ day, accounts }) => ({
    day: formatDay(day),
    ...Object.fromEntries(shown.map(({ place }) => [`account${place}`, accounts[place] ?? 0])),
  }));
  const total = found.days.reduce((sum, { mails }) => sum + mails, 0);
  return (
    <Page
      title={t("Forecast")}
      hint={t("What the running Email Campaigns send in the next 90 days, if nobody answers.")}
    >
      {over.length > 0 && (
        <Alert color="orange" title={t("More than an account may send")}>
          {t(
            "{count, plural, one {On one day} other {On # days}} more is due than the limits of an account let through; the rest leaves later. The first is {day}.",
            {
              count: over.length,
              day: formatDay(over[0]!.day),
            },
          )}
        </Alert>
      )}
      <Text size="sm">
        {t("{mails} mails to {people, plural, one {# Email Campaign} other {# Email Campaigns}}.", {
          mails: formatNumber(total),
          people: found.running,
        })}{" "}
        {found.lookedAt < found.running &&
          t("Estimated from {count} of them.", { count: formatNumber(found.lookedAt) })}
      </Text>
      <ChartCard
        title={t("Mails a day")}
        hint={t("By email account")}
        head={[
          t("Day"),
          t("Mails"),
          ...shown.flatMap(({ name }) => [nameOf(name), t("Limit of {name}", { name: nameOf(name) })]),
        ]}
        rows={found.days.map(({ day, mails, accounts }, ahead) => [
          formatDay(day),
          formatNumber(mails),
          ...shown.flatMap(({ place, limits }) => [
            formatNumber(accounts[place] ?? 0),
            limits[ahead] == null ? "–" : formatNumber(limits[ahead]),
          ]),
        ])}
      >
        <Suspense fallback={<Skeleton h={260} />}>
          <Areas
            data={data}
            x="day"
            series={shown.map(({ name, place }, index) => ({
              name: `account${place}`,
              label: nameOf(name),
              color: COLORS[index % COLORS.length]!,
            }))}
          />
        </Suspense>
      </ChartCard>
    </Page>
  );
}
