/** All Email Groups, with how many are subscribed. */
import { Button, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { call, type Row } from "../../api.ts";
import { formatNumber, t } from "../../i18n.ts";
import { showProblem } from "../../kit/form.ts";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { Moment, RecordLink } from "../../kit/words.tsx";
import { useMay } from "../../session.tsx";

const COLUMNS: readonly Column<Row<"GET /email-groups">>[] = [
  {
    key: "title",
    label: t("Name"),
    cell: ({ id, title }) => <RecordLink to={`/email-groups/${id}`}>{title}</RecordLink>,
  },
  { key: "subscribed", label: t("Subscribed"), align: "right", cell: ({ subscribed }) => formatNumber(subscribed) },
  {
    key: "unsubscribed",
    label: t("Unsubscribed"),
    align: "right",
    cell: ({ unsubscribed }) => formatNumber(unsubscribed),
  },
  { key: "description", label: t("What it is for"), cell: ({ description }) => description ?? "" },
  { key: "changedAt", label: t("Changed"), cell: ({ changedAt }) => <Moment at={changedAt} ago />, optional: true },
];

export default function EmailGroups() {
  const may = useMay();
  const [search, change] = useSearchState();
  const add = may("user") && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => change({ new: "yes" })}>
      {t("New Email Group")}
    </Button>
  );
  return (
    <Page
      title={t("Email Groups")}
      hint={t("Lists of people, to start a Campaign for all of them at once.")}
      actions={add}
    >
      <List
        route="GET /email-groups"
        label={t("Email Groups")}
        columns={COLUMNS}
        searchLabel={t("Search groups")}
        empty={
          <Empty title={t("No Email Group yet")} action={add}>
            {t("Put people who belong together into a group: the visitors of a fair, the customers of one product.")}
          </Empty>
        }
      />
      <NewGroup opened={search["new"] === "yes" && may("user")} close={() => change({ new: undefined })} />
    </Page>
  );
}

function NewGroup({ opened, close }: { opened: boolean; close: () => void }) {
  const navigate = useNavigate();
  const form = useForm({ initialValues: { title: "", description: "" } });
  const submit = async ({ title, description }: typeof form.values) => {
    try {
      const made = await call("POST /email-groups", { body: { title, description: description || null } });
      await navigate({ to: `/email-groups/${made.id}` });
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <Modal opened={opened} onClose={close} title={t("New Email Group")}>
      <form onSubmit={form.onSubmit((values) => void submit(values))}>
        <Stack>
          <TextInput label={t("Name")} required data-autofocus {...form.getInputProps("title")} />
          <Textarea
            label={t("What it is for (optional)")}
            autosize
            minRows={2}
            {...form.getInputProps("description")}
          />
          <Group justify="flex-end">
            <Button type="submit">{t("Create")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
