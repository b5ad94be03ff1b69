/** The versions of a template: what each said, what differs between any two, and the way back. */
import { Badge, Button, Card, Group, Select, Skeleton, Stack, Table, Text } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import { type Answer, call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { Moment } from "../../kit/words.tsx";
import { useApi } from "../../queries.ts";

const Difference = lazy(() => import("../../kit/difference.tsx"));

type Template = Answer<"GET /email-templates/:id">;
type Version = Row<"GET /email-templates/:id/versions">;

export function Versions({
  template,
  restored,
  writable,
  unsaved,
}: {
  template: Template;
  restored: (saved: Template) => void;
  writable: boolean;
  /** What is being written would be lost. */
  unsaved: boolean;
}) {
  const found = useApi("GET /email-templates/:id/versions", { params: { id: template.id }, query: { limit: 100 } });
  const [older, setOlder] = useState<string | null>(null);
  const [newer, setNewer] = useState<string | null>(null);
  const [busy, setBusy] = useState<number | null>(null);
  if (found.isError) return <Failure error={found.error} retry={found.refetch} />;
  if (!found.data) return <RowsSkeleton count={4} />;
  const versions = found.data.data;
  const newest = String(versions[0]?.number ?? "");
  const from = versions.find(({ number }) => String(number) === (older ?? String(versions[1]?.number ?? newest)));
  const to = versions.find(({ number }) => String(number) === (newer ?? newest));
  const restore = async (number: number) => {
    setBusy(number);
    try {
      const saved = await call("POST /email-templates/:id/versions/:number/restoration", {
        params: { id: template.id, number },
      });
      restored(saved);
      setOlder(null);
      setNewer(null);
      tellDone(t("Version {number} is back, as a new version.", { number }));
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(null);
    }
  };
  const data = versions.map(({ number }) => ({ value: String(number), label: t("Version {number}", { number }) }));
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("Each save of what a mail says is a version. What was sent keeps the version it was sent from.")}
      </Text>
      {writable && unsaved && versions.length > 1 && (
        <Text size="sm">{t("Save or take back what you are writing before you bring a version back.")}</Text>
      )}
      <Card padding={0}>
        {versions.map(({ number, createdAt, createdBy, subject }, at) => (
          <Group
            key={number}
            justify="space-between"
            wrap="nowrap"
            p="sm"
            style={at > 0 ? { borderTop: "1px solid var(--tidings-line)" } : {}}
          >
            <div style={{ minWidth: 0 }}>
              <Group gap="xs">
                <Text size="sm" fw={550}>
                  {t("Version {number}", { number })}
                </Text>
                {String(number) === newest && <Badge color="green">{t("Current")}</Badge>}
              </Group>
              <Text size="sm" truncate>
                {subject}
              </Text>
              <Text size="xs" c="dimmed">
                {createdBy && `${createdBy} · `}
                <Moment at={createdAt} />
              </Text>
            </div>
            <Group gap={4} wrap="nowrap">
              {versions.length > 1 && (
                <Button
                  size="compact-sm"
                  variant="subtle"
                  aria-label={t("What version {number} changed", { number })}
                  onClick={() => {
                    setNewer(String(number));
                    setOlder(String(versions[at + 1]?.number ?? number));
                  }}
                >
                  {t("What changed")}
                </Button>
              )}
              {writable && String(number) !== newest && (
                <Button
                  size="compact-sm"
                  variant="default"
                  loading={busy === number}
                  disabled={unsaved}
                  aria-label={t("Bring version {number} back", { number })}
                  onClick={() => void restore(number)}
                >
                  {t("Bring it back")}
                </Button>
              )}
            </Group>
          </Group>
        ))}
      </Card>
      {versions.length > 1 && from && to && (
        <>
          <Group grow>
            <Select
              label={t("Before")}
              data={data}
              value={String(from.number)}
              onChange={setOlder}
              allowDeselect={false}
            />
            <Select
              label={t("After")}
              data={data}
              value={String(to.number)}
              onChange={setNewer}
              allowDeselect={false}
            />
          </Group>
          <Around before={from} after={to} />
          {from.body === to.body ? (
            <Text size="sm" c="dimmed">
              {t("The body is the same in both.")}
            </Text>
          ) : (
            <Suspense fallback={<Skeleton height={300} />}>
              <Difference before={from.body} after={to.body} />
            </Suspense>
          )}
        </>
      )}
    </Stack>
  );
}

/** What differs around the body. */
function Around({ before, after }: { before: Version; after: Version }) {
  const rows = (
    [
      [t("Subject"), before.subject, after.subject],
      [t("Preheader"), before.preheader ?? "", after.preheader ?? ""],
      [t("Format"), before.format, after.format],
      [t("Plain text"), before.text ?? "", after.text ?? ""],
    ] as const
  ).filter(([, old, now]) => old !== now);
  if (rows.length === 0) return null;
  return (
    <Table aria-label={t("What differs around the body")} layout="fixed">
      <Table.Thead>
        <Table.Tr>
          <Table.Th w={100}>{t("Part")}</Table.Th>
          <Table.Th>{t("Before")}</Table.Th>
          <Table.Th>{t("After")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map(([label, old, now]) => (
          <Table.Tr key={label}>
            <Table.Th scope="row">{label}</Table.Th>
            <Table.Td style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>{old || "–"}</Table.Td>
            <Table.Td style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>{now || "–"}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
