/** Who changed what, and when. */
import { Code, Select, Text } from "@mantine/core";
import type { Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { Moment } from "../../kit/words.tsx";

type Entry = Row<"GET /audit-entries">;
const SUBJECTS = [
  "api-key",
  "campaign",
  "email-account",
  "email-campaign",
  "email-group",
  "email-template",
  "invitation",
  "person",
  "sender",
  "suppression",
  "user",
  "workspace",
];

const shown = (fields: Entry["before"]) =>
  fields
    ? Object.entries(fields).map(
        ([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
      )
    : [];

export default function Audit() {
  const [search, change] = useSearchState();
  const columns: readonly Column<Entry>[] = [
    { key: "at", label: t("At"), cell: ({ at }) => <Moment at={at} /> },
    { key: "actor", label: t("Who"), cell: ({ actor }) => actor },
    {
      key: "what",
      label: t("What"),
      cell: ({ action, subjectType, subjectId }) => `${action} ${subjectType} ${subjectId}`,
    },
    { key: "before", label: t("Before"), cell: ({ before }) => <Fields lines={shown(before)} /> },
    { key: "after", label: t("After"), cell: ({ after }) => <Fields lines={shown(after)} /> },
  ];
  return (
    <SettingsPage
      title={t("Audit log")}
      hint={t("Every change: who made it, what it was before and after. It cannot be altered.")}
    >
      <List
        route="GET /audit-entries"
        label={t("Audit log")}
        columns={columns}
        filters={["actor", "subjectType", "subjectId", "action"]}
        controls={
          <Select
            aria-label={t("Subject")}
            placeholder={t("Any subject")}
            data={SUBJECTS}
            value={search["subjectType"] ?? null}
            onChange={(subjectType) => change({ subjectType: subjectType ?? undefined })}
            clearable
            w={180}
          />
        }
        empty={<Empty title={t("Nothing yet")}>{t("Every change is written down here.")}</Empty>}
      />
    </SettingsPage>
  );
}

function Fields({ lines }: { lines: readonly string[] }) {
  if (lines.length === 0) return <Text c="dimmed">–</Text>;
  return (
    <Code
      block
      fz={11}
      style={{ maxWidth: 320, maxHeight: 120, overflow: "auto", whiteSpace: "pre-wrap" }}
      tabIndex={0}
    >
      {lines.join("\n")}
    </Code>
  );
}
