/** What whoever signs in wants to know first: what went out, what is due, what needs attention. */
import { Anchor, Badge, Button, Card, Group, SimpleGrid, Stack, Text, ThemeIcon, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconInfoCircle, IconPlus } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { Answer } from "../../api.ts";
import { formatDay, formatNumber, t } from "../../i18n.ts";
import { Bars } from "../../kit/bars.tsx";
import { ChartCard } from "../../kit/chart-card.tsx";
import { CommunicationList } from "../../kit/communication.tsx";
import { Page } from "../../kit/page.tsx";
import { useRead } from "../../queries.ts";
import { useMay, useSession } from "../../session.tsx";
import { STATUS_COLORS } from "../../theme.ts";
import { statusWord } from "../../kit/words.tsx";

type Home = Answer<"GET /home">;

export default function HomePage() {
  const { data: home } = useRead("GET /home");
  const { user } = useSession();
  const may = useMay();
  return (
    <Page
      title={t("Good to see you, {name}", { name: user.name.split(" ")[0] ?? "" })}
      hint={formatDay(home.today, "weekday")}
      actions={
        may("user") && (
          <Button component={Link} to="/email-campaigns/new" leftSection={<IconPlus size={16} />}>
            {t("New Email Campaign")}
          </Button>
        )
      }
    >
      <SimpleGrid cols={{ base: 2, md: 4 }}>
        <Figure label={t("Sent today")} value={home.sentToday} to="/communications?kind=email&deliveryStatus=sent" />
        <Figure label={t("Due today")} value={home.dueToday} to="/insights" />
        <Figure label={t("Due in 7 days")} value={home.dueThisWeek} to="/insights" />
        <Figure
          label={t("People on their way")}
          value={home.emailCampaigns.inProgress + home.emailCampaigns.scheduled}
          to="/email-campaigns?status=In+Progress"
        />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <ChartCard
          title={t("Mails per day")}
          hint={t("The last two weeks")}
          head={[t("Day"), t("Sent"), t("Failed")]}
          rows={home.sent.map(({ day, sent, failed }) => [formatDay(day), formatNumber(sent), formatNumber(failed)])}
        >
          <Bars
            data={home.sent.map(({ day, ...rest }) => ({ day: formatDay(day, "short"), ...rest }))}
            x="day"
            series={[
              { name: "sent", label: t("Sent"), color: "ink.6" },
              { name: "failed", label: t("Failed"), color: "orange.6" },
            ]}
          />
        </ChartCard>
        <ChartCard
          title={t("What is due")}
          hint={t("The next seven days, as things stand")}
          head={[t("Day"), t("Mails")]}
          rows={home.upcoming.map(({ day, due }) => [formatDay(day), formatNumber(due)])}
        >
          <Bars
            data={home.upcoming.map(({ day, due }) => ({ day: formatDay(day, "short"), due }))}
            x="day"
            series={[{ name: "due", label: t("Due"), color: "teal.6" }]}
          />
        </ChartCard>
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Attention items={home.attention} />
        <Card component="section" aria-label={t("Email Campaigns by status")}>
          <Text component="h2" fw={650} mb="md">
            {t("Email Campaigns")}
          </Text>
          <Stack gap={8}>
            {(
              [
                ["Scheduled", home.emailCampaigns.scheduled],
                ["In Progress", home.emailCampaigns.inProgress],
                ["Paused", home.emailCampaigns.paused],
                ["Completed", home.emailCampaigns.completed],
                ["Unsubscribed", home.emailCampaigns.unsubscribed],
                ["Stopped", home.emailCampaigns.stopped],
              ] as const
            ).map(([status, count]) => (
              <UnstyledButton
                key={status}
                component={Link}
                to={`/email-campaigns?status=${encodeURIComponent(status)}`}
              >
                <Group justify="space-between">
                  <Badge color={STATUS_COLORS[status] ?? "gray"}>{statusWord(status)}</Badge>
                  <Text className="numbers" size="sm">
                    {formatNumber(count)}
                  </Text>
                </Group>
              </UnstyledButton>
            ))}
          </Stack>
        </Card>
      </SimpleGrid>
      <Card component="section" aria-label={t("Lately")}>
        <Group justify="space-between" mb="sm">
          <Text component="h2" fw={650}>
            {t("Lately")}
          </Text>
          <Anchor component={Link} to="/communications" size="sm">
            {t("All communications")}
          </Anchor>
        </Group>
        <CommunicationList
          query={{ limit: 8 }}
          empty={t("Nothing yet. What is sent and what comes back stands here.")}
        />
      </Card>
    </Page>
  );
}

function Figure({ label, value, to }: { label: string; value: number; to: string }) {
  return (
    <Card component={Link} to={to} padding="md" style={{ color: "inherit", textDecoration: "none" }}>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz={28} fw={650} className="numbers" lh={1.2}>
        {formatNumber(value)}
      </Text>
    </Card>
  );
}

const ADVICE: Readonly<
  Record<Home["attention"][number]["code"], { to: string; serious: boolean; words: (count: number) => string }>
> = {
  "account-in-trouble": {
    to: "/settings/email-accounts",
    serious: true,
    words: () => t("An email account cannot send"),
  },
  "mail-in-doubt": {
    to: "/communications?kind=email&deliveryStatus=sending",
    serious: true,
    words: (count) =>
      t("{count, plural, one {One mail is in doubt: did it arrive?} other {# mails are in doubt: did they arrive?}}", {
        count,
      }),
  },
  "mail-refused": {
    to: "/communications?kind=email&deliveryStatus=error",
    serious: true,
    words: (count) =>
      t("{count, plural, one {One mail was refused this week} other {# mails were refused this week}}", { count }),
  },
  "mail-late": {
    to: "/email-campaigns?sort=nextDueAt",
    serious: true,
    words: (count) =>
      t("{count, plural, one {One mail is late by over an hour} other {# mails are late by over an hour}}", { count }),
  },
  "bad-rows": {
    to: "/import",
    serious: false,
    words: (count) =>
      t("{count, plural, one {One row of an import was bad} other {# rows of imports were bad}}", { count }),
  },
  "no-email-account": {
    to: "/settings/email-accounts",
    serious: false,
    words: () => t("No email account yet: mail stays in the built-in mailbox"),
  },
  "no-postal-address": {
    to: "/settings/workspace",
    serious: false,
    words: () => t("Your postal address is missing: real mail needs it"),
  },
};

function Attention({ items }: { items: Home["attention"] }) {
  return (
    <Card component="section" aria-label={t("Needs attention")}>
      <Text component="h2" fw={650} mb="md">
        {t("Needs attention")}
      </Text>
      {items.length === 0 ? (
        <Group gap="sm">
          <ThemeIcon color="green" variant="light">
            <IconCheck size={18} />
          </ThemeIcon>
          <Text size="sm">{t("Nothing. All is well.")}</Text>
        </Group>
      ) : (
        <Stack gap="sm">
          {items.map(({ code, count, text }) => {
            const { to, serious, words } = ADVICE[code];
            return (
              <Group key={code} gap="sm" wrap="nowrap" align="flex-start">
                <ThemeIcon color={serious ? "orange" : "gray"} variant="light">
                  {serious ? <IconAlertTriangle size={18} /> : <IconInfoCircle size={18} />}
                </ThemeIcon>
                <div>
                  <Anchor component={Link} to={to} size="sm">
                    {words(count)}
                  </Anchor>
                  {text && (
                    <Text size="xs" c="dimmed">
                      {text}
                    </Text>
                  )}
                </div>
              </Group>
            );
          })}
        </Stack>
      )}
    </Card>
  );
}
