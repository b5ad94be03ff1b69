/** All Email Campaigns: who is where, and what comes next. A click on a status shows only that. */
import { Button, Group, Progress, Select, Tabs, Text } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconPlus, IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { nameLabel, Pick, senderLabel } from "../../kit/pick.tsx";
import { Day, Moment, PersonLink, RecordLink, StatusBadge, statusWord } from "../../kit/words.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";

type EmailCampaign = Row<"GET /email-campaigns">;
type Action = "pause" | "resume" | "cancel";

const STATUSES = ["Scheduled", "In Progress", "Paused", "Completed", "Unsubscribed", "Stopped"] as const;

export default function EmailCampaigns() {
  const may = useMay();
  const [search, change] = useSearchState();
  const columns: readonly Column<EmailCampaign>[] = [
    {
      key: "number",
      label: t("Number"),
      sort: "id",
      cell: ({ id, number }) => <RecordLink to={`/email-campaigns/${id}`}>{number}</RecordLink>,
    },
    {
      key: "person",
      label: t("Recipient"),
      cell: ({ personId, person, email }) => <PersonLink person={{ id: personId, name: person, email }} />,
    },
    {
      key: "campaign",
      label: t("Campaign"),
      cell: ({ campaignId, campaign }) => <RecordLink to={`/campaigns/${campaignId}`}>{campaign}</RecordLink>,
    },
    {
      key: "status",
      label: t("Status"),
      cell: ({ status, stopReason }) => (
        <StatusBadge status={status} reason={stopReason} onClick={() => change({ status })} />
      ),
    },
    { key: "startOn", label: t("Start"), sort: "startOn", cell: ({ startOn }) => <Day on={startOn} /> },
    { key: "endOn", label: t("End"), cell: ({ endOn }) => <Day on={endOn} />, optional: true },
    { key: "nextDueAt", label: t("Next mail"), sort: "nextDueAt", cell: ({ nextDueAt }) => <Moment at={nextDueAt} /> },
    { key: "changedAt", label: t("Changed"), cell: ({ changedAt }) => <Moment at={changedAt} ago />, optional: true },
    { key: "createdBy", label: t("Started by"), cell: ({ createdBy }) => createdBy ?? "–", optional: true },
  ];
  const add = may("user") && (
    <Button component={Link} to="/email-campaigns/new" leftSection={<IconPlus size={16} />}>
      {t("New Email Campaign")}
    </Button>
  );
  return (
    <Page title={t("Email Campaigns")} hint={t("One person on the way through one Campaign.")} actions={add}>
      <Tabs
        value={search["status"] ?? "all"}
        onChange={(status) => change({ status: status === "all" ? undefined : (status ?? undefined) })}
      >
        <Tabs.List aria-label={t("Status")} style={{ overflowX: "auto", flexWrap: "nowrap" }}>
          <Tabs.Tab value="all">{t("All")}</Tabs.Tab>
          {STATUSES.map((status) => (
            <Tabs.Tab key={status} value={status}>
              {statusWord(status)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      <List
        route="GET /email-campaigns"
        label={t("Email Campaigns")}
        columns={columns}
        filters={[
          "status",
          "campaignId",
          "personId",
          "senderId",
          "batchId",
          "emailGroupId",
          "startFrom",
          "startTo",
          "emailCampaignFor",
        ]}
        searchLabel={t("Search number, name or address")}
        controls={
          <>
            <Pick
              route="GET /campaigns"
              aria-label={t("Campaign")}
              placeholder={t("All Campaigns")}
              labelOf={nameLabel}
              value={search["campaignId"] ? Number(search["campaignId"]) : null}
              chosenLabel={search["campaignId"] ? t("Campaign {id}", { id: search["campaignId"] }) : undefined}
              onChange={(id) => change({ campaignId: id === null ? undefined : String(id) })}
              clearable
              w={180}
            />
            <Pick
              route="GET /senders"
              searches={false}
              aria-label={t("Sender")}
              placeholder={t("All senders")}
              labelOf={senderLabel}
              value={search["senderId"] ? Number(search["senderId"]) : null}
              onChange={(id) => change({ senderId: id === null ? undefined : String(id) })}
              clearable
              w={170}
            />
            <Select
              aria-label={t("For")}
              placeholder={t("Leads and Contacts")}
              data={[
                { value: "lead", label: t("Leads") },
                { value: "contact", label: t("Contacts") },
              ]}
              value={search["emailCampaignFor"] ?? null}
              onChange={(emailCampaignFor) => change({ emailCampaignFor: emailCampaignFor ?? undefined })}
              clearable
              w={170}
            />
          </>
        }
        empty={
          <Empty title={t("Nobody is on the way yet")} action={add}>
            {t(
              "Choose a Campaign and a person, and each mail leaves on its day. A group or a filter starts many at once.",
            )}
          </Empty>
        }
        {...(may("user")
          ? {
              bulk: (chosen: readonly EmailCampaign[], done: () => void) => <BulkActions chosen={chosen} done={done} />,
            }
          : {})}
      />
    </Page>
  );
}

function BulkActions({ chosen, done }: { chosen: readonly EmailCampaign[]; done: () => void }) {
  const act = async (action: Action, ids: number[]) => {
    const answer = await call("POST /email-campaigns/bulk-actions", { body: { action, ids } });
    await queryClient.invalidateQueries();
    done();
    const opposite = action === "pause" ? "resume" : action === "resume" ? "pause" : null;
    tellDone(
      answer.problemCount > 0
        ? t(
            "{done, plural, one {# done} other {# done}}, {problems, plural, one {# could not be} other {# could not be}}: {why}",
            {
              done: answer.done,
              problems: answer.problemCount,
              why: answer.problems[0]?.text ?? "",
            },
          )
        : t("{done, plural, one {# done} other {# done}}.", { done: answer.done }),
      opposite && answer.done > 0 ? () => act(opposite, ids) : undefined,
    );
  };
  const run = (action: Action) =>
    void act(
      action,
      chosen.map(({ id }) => id),
    ).catch(tellFailure);
  const cancel = () =>
    ask({
      title: t("{count, plural, one {Cancel this Email Campaign?} other {Cancel # Email Campaigns?}}", {
        count: chosen.length,
      }),
      text: t("Nothing more is sent to these people from these Campaigns. What was sent stays on their timelines."),
      deed: t("Cancel them"),
      act: () =>
        act(
          "cancel",
          chosen.map(({ id }) => id),
        ),
    });
  return (
    <Group gap="xs">
      <Button size="xs" variant="default" leftSection={<IconPlayerPause size={14} />} onClick={() => run("pause")}>
        {t("Pause")}
      </Button>
      <Button size="xs" variant="default" leftSection={<IconPlayerPlay size={14} />} onClick={() => run("resume")}>
        {t("Resume")}
      </Button>
      <Button size="xs" variant="default" color="red" leftSection={<IconX size={14} />} onClick={cancel}>
        {t("Cancel")}
      </Button>
    </Group>
  );
}

export function StepProgress({ done, total }: { done: number; total: number }) {
  return (
    <div>
      <Text size="xs" className="numbers">
        {t("{done} of {total}", { done, total })}
      </Text>
      <Progress value={total === 0 ? 0 : (done / total) * 100} size="sm" aria-label={t("Progress")} />
    </div>
  );
}
