/** All Campaigns: their Schedules at a glance, and who is in them. */
import { Badge, Button, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { showProblem } from "../../kit/form.ts";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { Moment, RecordLink, statusWord } from "../../kit/words.tsx";
import { useMay } from "../../session.tsx";
import { STATUS_COLORS } from "../../theme.ts";

type Campaign = Row<"GET /campaigns">;

const COLUMNS: readonly Column<Campaign>[] = [
  { key: "name", label: t("Name"), cell: ({ id, name }) => <RecordLink to={`/campaigns/${id}`}>{name}</RecordLink> },
  {
    key: "steps",
    label: t("Schedule"),
    cell: ({ steps }) =>
      steps.length === 0
        ? t("No steps yet")
        : t("{count, plural, one {# mail} other {# mails}}, day {days}", {
            count: steps.length,
            days: steps.map(({ sendAfterDays }) => sendAfterDays).join(", "),
          }),
  },
  {
    key: "emailCampaigns",
    label: t("Email Campaigns"),
    cell: ({ id, emailCampaigns }) => (
      <Group gap={4}>
        {Object.entries(emailCampaigns)
          .filter(([, count]) => count > 0)
          .map(([status, count]) => (
            <Badge
              key={status}
              color={STATUS_COLORS[status] ?? "gray"}
              component={Link}
              to={`/email-campaigns?campaignId=${id}&status=${encodeURIComponent(status)}`}
              style={{ cursor: "pointer" }}
            >
              {statusWord(status)} {count}
            </Badge>
          ))}
      </Group>
    ),
  },
  { key: "changedAt", label: t("Changed"), cell: ({ changedAt }) => <Moment at={changedAt} ago /> },
  { key: "createdBy", label: t("Made by"), optional: true, cell: ({ createdBy }) => createdBy ?? "–" },
];

export default function Campaigns() {
  const may = useMay();
  const [search, change] = useSearchState();
  const open = () => change({ new: "yes" });
  const add = may("user") && (
    <Button leftSection={<IconPlus size={16} />} onClick={open}>
      {t("New Campaign")}
    </Button>
  );
  return (
    <Page
      title={t("Campaigns")}
      hint={t("A Campaign is a Schedule of emails. People go through it one by one, each from their own start date.")}
      actions={add}
    >
      <List
        route="GET /campaigns"
        label={t("Campaigns")}
        columns={COLUMNS}
        searchLabel={t("Search Campaigns")}
        empty={
          <Empty title={t("No Campaign yet")} action={add}>
            {t(
              "Give it a name, then say which mail leaves after how many days. A series of three is a good start: day 0, 3 and 7.",
            )}
          </Empty>
        }
      />
      <NewCampaign opened={search["new"] === "yes" && may("user")} close={() => change({ new: undefined })} />
    </Page>
  );
}

function NewCampaign({ opened, close }: { opened: boolean; close: () => void }) {
  const navigate = useNavigate();
  const form = useForm({ initialValues: { name: "", description: "" } });
  const submit = async ({ name, description }: typeof form.values) => {
    try {
      const made = await call("POST /campaigns", { body: { name, description: description || null } });
      await navigate({ to: `/campaigns/${made.id}/schedule` });
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <Modal opened={opened} onClose={close} title={t("New Campaign")}>
      <form onSubmit={form.onSubmit((values) => void submit(values))}>
        <Stack>
          <TextInput
            label={t("Name")}
            placeholder={t("Welcome series")}
            required
            data-autofocus
            {...form.getInputProps("name")}
          />
          <Textarea
            label={t("What it is for (optional)")}
            autosize
            minRows={2}
            {...form.getInputProps("description")}
          />
          <Group justify="flex-end">
            <Button type="submit">{t("Next: the Schedule")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
