/** One Email Campaign: where it stands, what left and what comes, and why. */
import { Alert, Button, Card, Group, Menu, Modal, SimpleGrid, Stack, Text, Timeline } from "@mantine/core";
import { DatePickerInput } from "@mantine/dates";
import {
  IconCheck,
  IconClock,
  IconDots,
  IconMinus,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconX,
} from "@tabler/icons-react";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import type { StartKind } from "../../../src/core/automatic-start.ts";
import { type Answer, call } from "../../api.ts";
import { t, today } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { CommunicationList } from "../../kit/communication.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { Page } from "../../kit/page.tsx";
import { Pick, senderLabel } from "../../kit/pick.tsx";
import { Day, Moment, PersonLink, RecordLink, StatusBadge } from "../../kit/words.tsx";
import { queryClient, reading, useRead } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { StepProgress } from "./email-campaigns.tsx";

type EmailCampaign = Answer<"GET /email-campaigns/:id">;

export default function EmailCampaignPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data: one } = useRead("GET /email-campaigns/:id", { params: { id } });
  const may = useMay();
  const navigate = useNavigate();
  const [moving, setMoving] = useState(false);
  const can = (action: EmailCampaign["actions"][number]) => may("user") && one.actions.includes(action);

  /** Shows what the server will most likely say, and puts it right when it says otherwise. */
  const act = async (deed: () => Promise<EmailCampaign>, expected?: Partial<EmailCampaign>) => {
    const { queryKey } = reading("GET /email-campaigns/:id", { params: { id } });
    if (expected) queryClient.setQueryData(queryKey, { ...one, ...expected } as EmailCampaign);
    try {
      queryClient.setQueryData(queryKey, await deed());
    } finally {
      await queryClient.invalidateQueries();
    }
  };
  const pause = () => act(() => call("PUT /email-campaigns/:id/pause", { params: { id } }), { status: "Paused" });
  const resume = () => act(() => call("DELETE /email-campaigns/:id/pause", { params: { id } }));
  const run = (deed: () => Promise<void>, message: string, undo?: () => Promise<void>) =>
    void deed()
      .then(() => tellDone(message, undo))
      .catch(tellFailure);
  const cancel = () =>
    ask({
      title: t("Cancel this Email Campaign?"),
      text: t("{person} gets nothing more from “{campaign}”. What was sent stays on the timeline.", one),
      deed: t("Cancel it"),
      act: () => act(() => call("PUT /email-campaigns/:id/cancellation", { params: { id } })),
    });
  const restart = () =>
    ask({
      title: t("Start again from the beginning?"),
      text: t("A new Email Campaign starts today, with the first mail of the Schedule."),
      deed: t("Start again"),
      harmful: false,
      act: async () => {
        const made = await call("POST /email-campaigns/:id/restart", { params: { id }, body: {} });
        await navigate({ to: `/email-campaigns/${made.id}` });
      },
    });
  const skip = (stepId: number) =>
    run(
      () => act(() => call("PUT /email-campaigns/:id/steps/:stepId/skip", { params: { id, stepId } })),
      t("This mail is skipped. Those after it keep their days."),
    );
  const resolved = one.steps.filter(({ state }) => ["accepted", "skipped", "refused"].includes(state)).length;

  return (
    <Page
      title={one.number}
      badge={<StatusBadge status={one.status} reason={one.stopReason} />}
      above={[[t("Email Campaigns"), "/email-campaigns"]]}
      actions={
        <>
          {can("pause") && (
            <Button
              variant="default"
              leftSection={<IconPlayerPause size={16} />}
              onClick={() => run(pause, t("Paused."), resume)}
            >
              {t("Pause")}
            </Button>
          )}
          {can("resume") && (
            <Button leftSection={<IconPlayerPlay size={16} />} onClick={() => run(resume, t("Going on."), pause)}>
              {t("Resume")}
            </Button>
          )}
          {can("restart") && (
            <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={restart}>
              {t("Start again")}
            </Button>
          )}
          {can("cancel") && (
            <Button variant="default" color="red" leftSection={<IconX size={16} />} onClick={cancel}>
              {t("Cancel")}
            </Button>
          )}
          {can("move") && (
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" px="xs" aria-label={t("More")}>
                  <IconDots size={16} />
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => setMoving(true)}>{t("Move the start, change the sender")}</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        </>
      }
    >
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }}>
        <Fact label={t("Recipient")}>
          <PersonLink person={{ id: one.personId, name: one.person, email: one.email }} />
        </Fact>
        <Fact label={t("Campaign")}>
          <RecordLink to={`/campaigns/${one.campaignId}`}>{one.campaign}</RecordLink>
        </Fact>
        <Fact label={t("From start to end")}>
          <Text size="sm">
            <Day on={one.startOn} /> – <Day on={one.endOn} />
          </Text>
          <Text size="xs" c="dimmed">
            {one.timeZone}
          </Text>
          {one.startedBy && (
            <Text size="xs" c="dimmed">
              {BECAUSE[one.startedBy.kind](one.startedBy.name ?? "")}
            </Text>
          )}
        </Fact>
        <Fact label={t("Progress")}>
          <StepProgress done={resolved} total={one.steps.length} />
        </Fact>
      </SimpleGrid>
      <Next one={one} />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Card component="section" aria-label={t("Steps")}>
          <Text component="h2" fw={650} mb="md">
            {t("Steps")}
          </Text>
          <Timeline bulletSize={28} lineWidth={2} active={one.steps.findLastIndex(({ state }) => state !== "ahead")}>
            {one.steps.map((step) => (
              <Timeline.Item
                key={step.stepId}
                bullet={
                  step.state === "accepted" ? (
                    <IconCheck size={16} />
                  ) : step.state === "skipped" || step.state === "refused" ? (
                    <IconMinus size={16} />
                  ) : (
                    <IconClock size={16} />
                  )
                }
                {...(step.state === "accepted"
                  ? { color: "green" }
                  : step.state === "refused"
                    ? { color: "red" }
                    : step.state === "skipped"
                      ? { color: "gray" }
                      : {})}
                title={
                  <Group justify="space-between" gap="xs">
                    <RecordLink to={`/email-templates/${step.emailTemplateId}`}>
                      {t("Day {day}: {template}", { day: step.sendAfterDays, template: step.emailTemplate })}
                      {step.variant && ` (${step.variant})`}
                    </RecordLink>
                    {may("user") &&
                      ["ahead", "planned", "deferred"].includes(step.state) &&
                      one.actions.includes("cancel") && (
                        <Button
                          size="compact-xs"
                          variant="subtle"
                          onClick={() => skip(step.stepId)}
                          aria-label={t("Skip the mail of day {day}", { day: step.sendAfterDays })}
                        >
                          {t("Skip")}
                        </Button>
                      )}
                  </Group>
                }
              >
                <Text size="sm">
                  <Moment at={step.sentAt ?? step.dueAt} />
                </Text>
                <Text size="xs" c="dimmed">
                  {step.reason}
                </Text>
              </Timeline.Item>
            ))}
          </Timeline>
        </Card>
        <Card component="section" aria-label={t("Timeline")}>
          <Text component="h2" fw={650} mb="sm">
            {t("Timeline")}
          </Text>
          <CommunicationList query={{ emailCampaignId: one.id, limit: 50 }} empty={t("Nothing was sent yet.")} />
        </Card>
      </SimpleGrid>
      <Modal opened={moving} onClose={() => setMoving(false)} title={t("Move the start, change the sender")}>
        {moving && <Move one={one} act={act} done={() => setMoving(false)} />}
      </Modal>
    </Page>
  );
}

/** What its Campaign started by itself for. */
const BECAUSE: Readonly<Record<StartKind, (name: string) => string>> = {
  joined: (name) => t("Started by itself: they joined “{name}”", { name }),
  matches: (name) => t("Started by itself, since this became true: {name}", { name }),
  created: () => t("Started by itself: they were created"),
};

function Next({ one }: { one: EmailCampaign }) {
  const next = one.steps.find(({ state }) => ["ahead", "planned", "deferred"].includes(state));
  if (!next || !["Scheduled", "In Progress", "Paused"].includes(one.status)) return null;
  return (
    <Alert color="gray" title={t("What comes next")}>
      {one.status === "Paused" ? (
        t("Nothing leaves until it is resumed.")
      ) : (
        <>
          {t("Day {day}: {template}", { day: next.sendAfterDays, template: next.emailTemplate })},{" "}
          <Moment at={next.dueAt} />
        </>
      )}
    </Alert>
  );
}

function Fact({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <Card padding="md">
      <Text size="xs" c="dimmed" mb={4}>
        {label}
      </Text>
      {children}
    </Card>
  );
}

function Move({
  one,
  act,
  done,
}: {
  one: EmailCampaign;
  act: (deed: () => Promise<EmailCampaign>) => Promise<void>;
  done: () => void;
}) {
  const [startOn, setStartOn] = useState<string>(one.startOn);
  const [senderId, setSenderId] = useState<number | null>(one.senderId);
  const save = async () => {
    try {
      await act(() => call("PATCH /email-campaigns/:id", { params: { id: one.id }, body: { startOn, senderId } }));
      done();
      tellDone(t("Saved."));
    } catch (error) {
      tellFailure(error);
    }
  };
  return (
    <Stack>
      <DatePickerInput
        label={t("Start Date")}
        value={startOn}
        minDate={today()}
        onChange={(value) => setStartOn(value ?? one.startOn)}
      />
      <Pick
        route="GET /senders"
        searches={false}
        label={t("Sender")}
        labelOf={senderLabel}
        value={senderId}
        onChange={setSenderId}
        clearable
      />
      <Group justify="flex-end">
        <Button onClick={() => void save()}>{t("Save")}</Button>
      </Group>
    </Stack>
  );
}
