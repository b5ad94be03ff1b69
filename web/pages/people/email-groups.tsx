/** All Email Groups, with how many are subscribed. */
import { Button, Modal } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import type { Row } from "../../api.ts";
import { formatNumber, t } from "../../i18n.ts";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { Moment, RecordLink } from "../../kit/words.tsx";
import { useMay } from "../../session.tsx";
import { GroupForm } from "./group-form.tsx";

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
  const navigate = useNavigate();
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
      {may("user") && (
        <Modal opened={search["new"] === "yes"} onClose={() => change({ new: undefined })} title={t("New Email Group")}>
          {search["new"] === "yes" && <GroupForm done={(id) => void navigate({ to: `/email-groups/${id}` })} />}
        </Modal>
      )}
    </Page>
  );
}
