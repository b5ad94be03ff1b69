/** Everything sent and received, newest first; each opened in a drawer. */
import { Anchor, Drawer, Select, Text } from "@mantine/core";
import type { Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { DeliveryBadge, deliveryWord, kindWord, reasonWord, titleOf } from "../../kit/communication.tsx";
import { CommunicationDetail } from "../../kit/communication-detail.tsx";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { Moment } from "../../kit/words.tsx";

type Communication = Row<"GET /communications">;
const KINDS = [
  "email",
  "unsubscribed",
  "resubscribed",
  "note",
  "status",
  "bounce",
  "complaint",
  "reply",
  "answer",
  "auto-reply",
  "converted",
  "suppressed",
  "event",
  "measuring",
] as const;
const DELIVERIES = ["sending", "sent", "deferred", "error", "bounced", "suppressed"] as const;

export default function Communications() {
  const [search, change] = useSearchState();
  const columns: readonly Column<Communication>[] = [
    {
      key: "subject",
      label: t("Subject"),
      cell: ({ id, kind, subject, detail }) => (
        <Anchor component="button" type="button" size="sm" ta="left" fw={550} onClick={() => change({ open: id })}>
          {titleOf({ kind, subject, detail }) || kindWord(kind)}
        </Anchor>
      ),
    },
    { key: "kind", label: t("Kind"), cell: ({ kind }) => kindWord(kind) },
    { key: "to", label: t("To"), cell: ({ to }) => <Text size="sm">{to}</Text> },
    {
      key: "deliveryStatus",
      label: t("Delivery"),
      cell: ({ deliveryStatus }) => <DeliveryBadge status={deliveryStatus} />,
    },
    { key: "reason", label: t("Why"), cell: ({ reason }) => (reason ? reasonWord(reason) : ""), optional: true },
    { key: "at", label: t("At"), cell: ({ at }) => <Moment at={at} /> },
  ];
  return (
    <Page title={t("Communications")} hint={t("What was sent and what came back, for everybody.")}>
      <List
        route="GET /communications"
        label={t("Communications")}
        columns={columns}
        filters={["kind", "deliveryStatus", "campaignId", "personId"]}
        controls={
          <>
            <Select
              aria-label={t("Kind")}
              placeholder={t("Any kind")}
              data={KINDS.map((value) => ({ value, label: kindWord(value) }))}
              value={search["kind"] ?? null}
              onChange={(kind) => change({ kind: kind ?? undefined })}
              clearable
              w={160}
            />
            <Select
              aria-label={t("Delivery")}
              placeholder={t("Any delivery")}
              data={DELIVERIES.map((value) => ({ value, label: deliveryWord(value) }))}
              value={search["deliveryStatus"] ?? null}
              onChange={(deliveryStatus) => change({ deliveryStatus: deliveryStatus ?? undefined })}
              clearable
              w={170}
            />
            <Pick
              route="GET /campaigns"
              aria-label={t("Campaign")}
              placeholder={t("All Campaigns")}
              labelOf={nameLabel}
              value={search["campaignId"] ? Number(search["campaignId"]) : null}
              onChange={(id) => change({ campaignId: id === null ? undefined : String(id) })}
              clearable
              w={180}
            />
          </>
        }
        empty={
          <Empty title={t("Nothing yet")}>{t("As soon as a mail leaves or somebody answers, it stands here.")}</Empty>
        }
      />
      <Drawer
        opened={search["open"] !== undefined}
        onClose={() => change({ open: undefined })}
        position="right"
        size="lg"
        title={t("Communication")}
      >
        {search["open"] && <CommunicationDetail id={search["open"]} />}
      </Drawer>
    </Page>
  );
}
