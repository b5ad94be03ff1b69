/** One Campaign: its Schedule as a line of days, how far people got, and the way to start somebody. */
import {
  ActionIcon,
  Anchor,
  Badge,
  Button,
  Card,
  Drawer,
  Group,
  Menu,
  ScrollArea,
  Select,
  SimpleGrid,
  Skeleton,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
  Tooltip,
  UnstyledButton,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import {
  IconCalendarEvent,
  IconDots,
  IconFlag,
  IconHistory,
  IconMail,
  IconMailForward,
  IconPlayerPause,
  IconPlayerPlay,
  IconPlus,
  IconSend,
  IconSettings,
  IconSnowflake,
  IconTrash,
} from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { address, type Answer, call } from "../../api.ts";
import { formatNumber, formatShare, t } from "../../i18n.ts";
import { ask, deleteNamed } from "../../kit/ask.tsx";
import { ChartCard } from "../../kit/chart-card.tsx";
import { CommunicationList } from "../../kit/communication.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { Page } from "../../kit/page.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { Day, statusWord } from "../../kit/words.tsx";
import { invalidate, useApi, useRead } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { STATUS_COLORS } from "../../theme.ts";

const AutomaticStartCard = lazy(() => import("./automatic-start.tsx"));
const Backfill = lazy(() => import("./backfill.tsx"));
const Rows = lazy(() => import("../../kit/charts.tsx").then(({ Rows: component }) => ({ default: component })));

type Campaign = Answer<"GET /campaigns/:id">;
const TrialsCard = lazy(() => import("./variants/trials.tsx"));
const EngagementCard = lazy(() => import("./engagement.tsx"));

type Insights = Answer<"GET /campaigns/:id/insights">;

export default function CampaignPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data: campaign } = useRead("GET /campaigns/:id", { params: { id } });
  const { data: insights } = useRead("GET /campaigns/:id/insights", { params: { id } });
  const { data: engagement } = useRead("GET /campaigns/:id/engagement", { params: { id } });
  // Without a goal nobody converts but Leads whose status says so.
  const countsGoal = campaign.goal !== null || insights.converted > 0;
  const may = useMay();
  const navigate = useNavigate();
  const [settings, { open, close }] = useDisclosure(false);
  const [late, { open: openLate, close: closeLate }] = useDisclosure(false);
  const start = `/email-campaigns/new?campaign=${id}`;
  const remove = () =>
    ask({
      title: t("Delete “{name}”?", { name: campaign.name }),
      text: t("The Campaign and its Schedule go for good. One that somebody went through cannot be deleted."),
      deed: t("Delete"),
      act: () =>
        deleteNamed(
          (force) => call("DELETE /campaigns/:id", { params: { id }, query: { force: String(force) } }),
          async () => {
            tellDone(t("The Campaign is deleted."));
            await navigate({ to: "/campaigns" });
          },
        ),
    });
  const test = async () => {
    try {
      const { mails, to } = await call("POST /campaigns/:id/test-send", { params: { id }, body: {} });
      tellDone(t("{count, plural, one {# test mail} other {# test mails}} sent to {to}.", { count: mails.length, to }));
    } catch (error) {
      tellFailure(error);
    }
  };
  const rest = async (kind: "hold" | "freeze" | null) => {
    try {
      if (kind) await call("PUT /campaigns/:id/pause", { params: { id }, body: { kind } });
      else await call("DELETE /campaigns/:id/pause", { params: { id } });
      await invalidate("GET /campaigns/:id", "GET /campaigns");
      tellDone(kind ? t("Nothing of this Campaign leaves until it is resumed.") : t("The Campaign goes on."));
    } catch (error) {
      tellFailure(error);
    }
  };
  return (
    <Page
      title={campaign.name}
      badge={
        campaign.pauseKind && (
          <Badge color="orange" variant="light">
            {campaign.pauseKind === "hold" ? t("On hold") : t("Frozen")}
          </Badge>
        )
      }
      hint={
        campaign.pausedReason ? (
          <>
            {campaign.description}
            <Text component="span" display="block" size="sm" fw={550}>
              {campaign.pausedReason}
            </Text>
          </>
        ) : (
          campaign.description
        )
      }
      above={[[t("Campaigns"), "/campaigns"]]}
      actions={
        may("user") && (
          <>
            <Button
              component={Link}
              to={`/campaigns/${id}/schedule`}
              variant="default"
              leftSection={<IconCalendarEvent size={16} />}
            >
              {t("Edit the Schedule")}
            </Button>
            <Button component={Link} to={start} leftSection={<IconPlus size={16} />}>
              {t("New Email Campaign")}
            </Button>
            <Menu position="bottom-end">
              <Menu.Target>
                <ActionIcon size="lg" variant="default" aria-label={t("More")}>
                  <IconDots size={18} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item leftSection={<IconSettings size={16} />} onClick={open}>
                  {t("Settings")}
                </Menu.Item>
                <Menu.Item leftSection={<IconSend size={16} />} onClick={() => void test()}>
                  {t("Send all mails to me as a test")}
                </Menu.Item>
                <Menu.Item
                  leftSection={<IconPlayerPlay size={16} />}
                  component={Link}
                  to={`/campaigns/${id}/simulation`}
                >
                  {t("Simulate")}
                </Menu.Item>
                <Menu.Item leftSection={<IconHistory size={16} />} component={Link} to={`/campaigns/${id}/versions`}>
                  {t("Versions")}
                </Menu.Item>
                {campaign.steps.length > 0 && (
                  <Menu.Item leftSection={<IconMailForward size={16} />} onClick={openLate}>
                    {t("Send a mail to those it came too late for")}
                  </Menu.Item>
                )}
                {campaign.pauseKind ? (
                  <Menu.Item leftSection={<IconPlayerPlay size={16} />} onClick={() => void rest(null)}>
                    {t("Resume")}
                  </Menu.Item>
                ) : (
                  <>
                    <Menu.Item leftSection={<IconPlayerPause size={16} />} onClick={() => void rest("hold")}>
                      {t("Hold: late mails expire")}
                    </Menu.Item>
                    <Menu.Item leftSection={<IconSnowflake size={16} />} onClick={() => void rest("freeze")}>
                      {t("Freeze: everything is later")}
                    </Menu.Item>
                  </>
                )}
                {may("manager") && (
                  <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={remove}>
                    {t("Delete")}
                  </Menu.Item>
                )}
              </Menu.Dropdown>
            </Menu>
          </>
        )
      }
    >
      <SimpleGrid cols={{ base: 1, sm: countsGoal ? 2 : 3, lg: countsGoal ? 4 : 3 }}>
        <Card padding="md" component="section" aria-label={t("Email Campaigns")}>
          <Group justify="space-between" align="flex-start">
            <UnstyledButton component={Link} to={`/email-campaigns?campaignId=${id}`}>
              <Text size="sm" c="dimmed">
                {t("Email Campaigns")}
              </Text>
              <Text fz={28} fw={650} className="numbers" lh={1.2}>
                {formatNumber(insights.started)}
              </Text>
            </UnstyledButton>
            {may("user") && (
              <Tooltip label={t("New Email Campaign for this Campaign")}>
                <ActionIcon
                  component={Link}
                  to={start}
                  variant="light"
                  color="ink"
                  size="lg"
                  aria-label={t("New Email Campaign for this Campaign")}
                >
                  <IconPlus size={20} />
                </ActionIcon>
              </Tooltip>
            )}
          </Group>
        </Card>
        <Share label={t("Completed")} part={insights.completed} whole={insights.started} />
        {countsGoal && <Share label={t("Converted")} part={insights.converted} whole={insights.started} />}
        <Share label={t("Unsubscribed")} part={insights.unsubscribed} whole={insights.started} />
      </SimpleGrid>
      <ScheduleLine campaign={campaign} insights={insights} countsGoal={countsGoal} />
      <Suspense fallback={<Skeleton height={90} />}>
        <AutomaticStartCard id={id} />
      </Suspense>
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Funnel id={id} insights={insights} countsGoal={countsGoal} />
        <Statuses id={id} insights={insights} />
      </SimpleGrid>
      {campaign.steps.some(({ variants }) => variants) && (
        <Suspense fallback={<RowsSkeleton count={3} />}>
          <TrialsCard id={campaign.id} />
        </Suspense>
      )}
      {(engagement.measures.opens ||
        engagement.measures.clicks ||
        engagement.steps.some((step) => step.opensMeasured + step.clicksMeasured > 0)) && (
        <Suspense fallback={<RowsSkeleton count={3} />}>
          <EngagementCard id={campaign.id} engagement={engagement} />
        </Suspense>
      )}
      <Card component="section" aria-label={t("Lately in this Campaign")}>
        <Text component="h2" fw={650} mb="sm">
          {t("Lately in this Campaign")}
        </Text>
        <CommunicationList query={{ campaignId: id, limit: 8 }} empty={t("Nothing was sent yet.")} />
      </Card>
      <Drawer opened={settings} onClose={close} position="right" title={t("Settings of the Campaign")}>
        {settings && <Settings campaign={campaign} done={close} />}
      </Drawer>
      <Drawer opened={late} onClose={closeLate} position="right" title={t("Send a mail to those it came too late for")}>
        {late && (
          <Suspense fallback={<Skeleton height={200} />}>
            <Backfill campaign={campaign} done={closeLate} />
          </Suspense>
        )}
      </Drawer>
    </Page>
  );
}

function Share({ label, part, whole }: { label: string; part: number; whole: number }) {
  return (
    <Card padding="md">
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Group gap="xs" align="baseline">
        <Text fz={28} fw={650} className="numbers" lh={1.2}>
          {formatNumber(part)}
        </Text>
        <Text size="sm" c="dimmed">
          {formatShare(part, whole)}
        </Text>
      </Group>
    </Card>
  );
}

function ScheduleLine({
  campaign,
  insights,
  countsGoal,
}: {
  campaign: Campaign;
  insights: Insights;
  countsGoal: boolean;
}) {
  return (
    <Card component="section" aria-label={t("Schedule")}>
      <Text component="h2" fw={650} mb="md">
        {t("Schedule")}
      </Text>
      {campaign.steps.length === 0 ? (
        <Group>
          <Text size="sm" c="dimmed">
            {t("There are no mails in it yet.")}
          </Text>
          <Button component={Link} to={`/campaigns/${campaign.id}/schedule`} size="xs">
            {t("Add the first mail")}
          </Button>
        </Group>
      ) : (
        <ScrollArea type="auto" viewportProps={{ tabIndex: 0 }}>
          <Group
            wrap="nowrap"
            gap={0}
            align="stretch"
            pb="xs"
            component="ol"
            style={{ listStyle: "none", margin: 0, padding: 0 }}
          >
            {campaign.steps.map((step, at) => {
              const figures = insights.steps.find(({ stepId }) => stepId === step.id);
              return (
                <li key={step.id} style={{ minWidth: 200, flex: 1, paddingRight: 16 }}>
                  <Group gap={0} wrap="nowrap" mb={8}>
                    <Badge variant="filled" radius="xl">
                      {t("Day {day}", { day: step.sendAfterDays })}
                    </Badge>
                    {at < campaign.steps.length - 1 && (
                      <div
                        style={{
                          flex: 1,
                          height: 2,
                          marginLeft: 8,
                          marginRight: -8,
                          background: "var(--tidings-line)",
                        }}
                      />
                    )}
                  </Group>
                  <Text
                    size="sm"
                    fw={550}
                    component={Link}
                    to={`/email-templates/${step.emailTemplateId}`}
                    className="row-link"
                  >
                    {step.emailTemplate}
                  </Text>
                  {step.variants && (
                    <Text size="xs" c="dimmed">
                      {t("{count} variants", { count: step.variants.others.length + 1 })}
                    </Text>
                  )}
                  <Text size="xs" c="dimmed">
                    {t("at {time}", {
                      time: (step.timeOfDay ?? campaign.timeOfDay ?? "").slice(0, 5) || t("the usual time"),
                    })}
                  </Text>
                  {figures && (
                    <Group gap={6} mt={4}>
                      <IconMail size={14} aria-hidden />
                      <Text size="xs" className="numbers">
                        {t("{sent} sent, {waiting} to come", {
                          sent: formatNumber(figures.sent),
                          waiting: formatNumber(figures.waiting),
                        })}
                      </Text>
                    </Group>
                  )}
                  {figures && countsGoal && (
                    <Group gap={6} mt={4}>
                      <IconFlag size={14} aria-hidden />
                      <Text size="xs" className="numbers">
                        {t("{count} converted after it", { count: formatNumber(figures.converted) })}
                      </Text>
                    </Group>
                  )}
                </li>
              );
            })}
          </Group>
        </ScrollArea>
      )}
    </Card>
  );
}

function Funnel({ id, insights, countsGoal }: { id: string; insights: Insights; countsGoal: boolean }) {
  const data = insights.steps.map(
    ({ position, sendAfterDays, emailTemplate, sent, waiting, skipped, failed, unsubscribed, converted }) => ({
      step: `${position}. ${emailTemplate}`,
      sendAfterDays,
      sent,
      waiting,
      skipped,
      failed,
      unsubscribed,
      converted,
    }),
  );
  return (
    <ChartCard
      title={t("Step by step")}
      hint={t("How many got each mail, wait for it, or never will")}
      head={[
        t("Step"),
        t("Sent"),
        t("To come"),
        t("Skipped"),
        t("Failed"),
        t("Unsubscribed after it"),
        ...(countsGoal ? [t("Converted after it")] : []),
      ]}
      rows={[
        ...(insights.convertedBeforeMail > 0
          ? [[t("Before the first mail"), "", "", "", "", "", insights.convertedBeforeMail]]
          : []),
        ...data.map(({ step, sent, waiting, skipped, failed, unsubscribed, converted }) => [
          step,
          sent,
          waiting,
          skipped,
          failed,
          unsubscribed,
          ...(countsGoal ? [converted] : []),
        ]),
      ]}
      controls={
        <Anchor
          size="xs"
          href={address("GET /campaigns/:id/insights.csv", { params: { id } })}
          download
          aria-label={t("Download these numbers as CSV")}
        >
          CSV
        </Anchor>
      }
    >
      <Suspense fallback={<Skeleton height={220} />}>
        <Rows
          data={data}
          x="step"
          series={[
            { name: "sent", label: t("Sent"), color: "ink.6" },
            { name: "waiting", label: t("To come"), color: "teal.5" },
            { name: "skipped", label: t("Skipped"), color: "gray.5" },
            { name: "failed", label: t("Failed"), color: "orange.6" },
            ...(countsGoal ? [{ name: "converted", label: t("Converted after it"), color: "green.7" }] : []),
          ]}
        />
      </Suspense>
    </ChartCard>
  );
}

function Statuses({ id, insights }: { id: string; insights: Insights }) {
  const rows = [
    ["Scheduled", insights.scheduled],
    ["In Progress", insights.inProgress],
    ["Paused", insights.paused],
    ["Completed", insights.completed],
    ["Unsubscribed", insights.unsubscribed],
    ["Stopped", insights.stopped],
  ] as const;
  return (
    <Card component="section" aria-label={t("Where people are")}>
      <Text component="h2" fw={650} mb="md">
        {t("Where people are")}
      </Text>
      <Stack gap={8}>
        {rows.map(([status, count]) => (
          <UnstyledButton
            key={status}
            component={Link}
            to={`/email-campaigns?campaignId=${id}&status=${encodeURIComponent(status)}`}
          >
            <Group justify="space-between">
              <Badge color={STATUS_COLORS[status] ?? "gray"}>{statusWord(status)}</Badge>
              <Text size="sm" className="numbers">
                {formatNumber(count)}
              </Text>
            </Group>
          </UnstyledButton>
        ))}
        {insights.firstStart && (
          <Text size="xs" c="dimmed">
            {t("Starts from")} <Day on={insights.firstStart} /> {t("to")} <Day on={insights.lastStart} />
          </Text>
        )}
      </Stack>
    </Card>
  );
}

type TrackingChoice = "workspace" | "yes" | "no";
const TRACKING: Readonly<Record<TrackingChoice, boolean | null>> = { workspace: null, yes: true, no: false };
const asChoice = (tracks: boolean | null): TrackingChoice => (tracks === null ? "workspace" : tracks ? "yes" : "no");
const trackingChoices = (workspace: boolean | undefined) => [
  { value: "workspace", label: workspace ? t("As the workspace: yes") : t("As the workspace: no") },
  { value: "yes", label: t("Yes") },
  { value: "no", label: t("No") },
];

function Settings({ campaign, done }: { campaign: Campaign; done: () => void }) {
  const form = useForm({
    initialValues: {
      name: campaign.name,
      description: campaign.description ?? "",
      stopOnReply: campaign.stopOnReply,
      stopCompanyOnReply: campaign.stopCompanyOnReply,
      waitForReturn: campaign.waitForReturn,
      trackOpens: asChoice(campaign.trackOpens),
      trackClicks: asChoice(campaign.trackClicks),
    },
  });
  const workspace = useApi("GET /workspace");
  const submit = async ({ name, description, trackOpens, trackClicks, ...onReply }: typeof form.values) => {
    try {
      await call("PATCH /campaigns/:id", {
        params: { id: campaign.id },
        body: {
          name,
          description: description || null,
          trackOpens: TRACKING[trackOpens],
          trackClicks: TRACKING[trackClicks],
          ...onReply,
        },
      });
      tellDone(t("Saved."));
      done();
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <TextInput label={t("Name")} required {...form.getInputProps("name")} />
        <Textarea label={t("What it is for (optional)")} autosize minRows={2} {...form.getInputProps("description")} />
        <Switch
          label={t("Stop for whoever replies")}
          description={t("An automatic reply is none.")}
          {...form.getInputProps("stopOnReply", { type: "checkbox" })}
        />
        <Switch
          label={t("And for their colleagues")}
          description={t("Of the same company, or with an address at the same company’s domain.")}
          disabled={!form.values.stopOnReply}
          {...form.getInputProps("stopCompanyOnReply", { type: "checkbox" })}
        />
        <Switch
          label={t("Wait for whoever is away")}
          description={t("Where an out-of-office note says when they are back, the next mail leaves then.")}
          {...form.getInputProps("waitForReturn", { type: "checkbox" })}
        />
        <Select
          label={t("Measure opening")}
          description={t("By a tiny picture in each mail.")}
          allowDeselect={false}
          data={trackingChoices(workspace.data?.trackOpens)}
          {...form.getInputProps("trackOpens")}
        />
        <Select
          label={t("Measure clicks")}
          description={t("By leading links through Tidings. Mails on their way stay as they are.")}
          allowDeselect={false}
          data={trackingChoices(workspace.data?.trackClicks)}
          {...form.getInputProps("trackClicks")}
        />
        <Group justify="flex-end">
          <Button type="submit">{t("Save")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
