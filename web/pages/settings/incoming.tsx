/** How mail comes in: the mailboxes that are watched, what came, and what could not be handled. */
import { Alert, Anchor, Badge, Button, Card, FileButton, Group, Select, Stack, Text } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { address, call, type Row, sendMail } from "../../api.ts";
import { t } from "../../i18n.ts";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { Moment, RecordLink } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { Webhooks } from "./webhooks.tsx";

type Mail = Row<"GET /inbound/mails">;

const KINDS: Readonly<Record<NonNullable<Mail["kind"]>, () => string>> = {
  bounce: () => t("Bounce"),
  complaint: () => t("Complaint"),
  "auto-reply": () => t("Automatic reply"),
  unsubscribe: () => t("Wish to leave"),
  reply: () => t("Reply"),
  delivered: () => t("Delivered"),
  other: () => t("Something else"),
};

const STATES: Readonly<Record<Mail["state"], { color: string; word: () => string }>> = {
  stored: { color: "blue", word: () => t("Waits") },
  handled: { color: "green", word: () => t("Handled") },
  "set-aside": { color: "red", word: () => t("Set aside") },
};

export default function Incoming() {
  const may = useMay();
  const [search, change] = useSearchState();
  const retry = (id: number) =>
    void call("POST /inbound/mails/:id/retry", { params: { id } })
      .then(async () => {
        await queryClient.invalidateQueries();
        tellDone(t("It is tried again within seconds."));
      })
      .catch(tellFailure);
  const take = (file: File | null) => {
    if (!file) return;
    void sendMail(file)
      .then(async ({ known }) => {
        await queryClient.invalidateQueries();
        tellDone(known ? t("This mail was here already.") : t("Taken. It is handled within seconds."));
      })
      .catch(tellFailure);
  };
  const columns: readonly Column<Mail>[] = [
    {
      key: "subject",
      label: t("Subject"),
      cell: ({ subject, from, error }) => (
        <>
          <Text size="sm" fw={550} lineClamp={1}>
            {subject ?? t("(no subject)")}
          </Text>
          <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {error ?? from}
          </Text>
        </>
      ),
    },
    {
      key: "state",
      label: t("State"),
      cell: ({ state }) => <Badge color={STATES[state].color}>{STATES[state].word()}</Badge>,
    },
    { key: "kind", label: t("Kind"), cell: ({ kind }) => (kind ? KINDS[kind]() : "") },
    {
      key: "personId",
      label: t("Person"),
      cell: ({ personId }) => personId && <RecordLink to={`/people/${personId}`}>{t("Open the person")}</RecordLink>,
    },
    { key: "receivedAt", label: t("At"), cell: ({ receivedAt }) => <Moment at={receivedAt} /> },
    {
      key: "actions",
      label: "",
      align: "right",
      cell: ({ id, state, hasSource }) => (
        <Group gap={4} justify="flex-end">
          {state === "set-aside" && (
            <Button size="compact-xs" variant="subtle" onClick={() => retry(id)}>
              {t("Try again")}
            </Button>
          )}
          {hasSource && (
            <Anchor size="xs" href={address("GET /inbound/mails/:id/source", { params: { id } })} download>
              {t("Download (.eml)")}
            </Anchor>
          )}
        </Group>
      ),
    },
  ];
  return (
    <SettingsPage
      title={t("Incoming mail")}
      hint={t(
        "Bounces, complaints and replies come in by the mailboxes of email accounts. Each is stored first and handled once.",
      )}
      actions={
        <FileButton onChange={take} accept="message/rfc822,.eml">
          {(props) => (
            <Button {...props} variant="default" leftSection={<IconUpload size={16} />}>
              {t("Hand in a mail (.eml)")}
            </Button>
          )}
        </FileButton>
      }
    >
      <Stack>
        <Mailboxes />
        {may("administrator") && <Webhooks />}
        <List
          route="GET /inbound/mails"
          label={t("Incoming mail")}
          columns={columns}
          filters={["state", "kind"]}
          controls={
            <>
              <Select
                aria-label={t("State")}
                placeholder={t("Any state")}
                data={Object.entries(STATES).map(([value, { word }]) => ({ value, label: word() }))}
                value={search["state"] ?? null}
                onChange={(state) => change({ state: state ?? undefined })}
                clearable
                w={160}
              />
              <Select
                aria-label={t("Kind")}
                placeholder={t("Any kind")}
                data={Object.entries(KINDS).map(([value, word]) => ({ value, label: word() }))}
                value={search["kind"] ?? null}
                onChange={(kind) => change({ kind: kind ?? undefined })}
                clearable
                w={180}
              />
            </>
          }
          empty={
            <Empty title={t("Nothing has come in yet")}>{t("Whatever comes back to an account stands here.")}</Empty>
          }
        />
      </Stack>
    </SettingsPage>
  );
}

const MAILBOX_STATES: Readonly<Record<string, { color: string; word: () => string }>> = {
  waiting: { color: "gray", word: () => t("Waits") },
  connecting: { color: "blue", word: () => t("Connecting") },
  watching: { color: "green", word: () => t("Watching") },
  failed: { color: "red", word: () => t("Trouble") },
};

function Mailboxes() {
  const found = useApi("GET /inbound/mailboxes");
  if (found.isError) return <Failure error={found.error} retry={found.refetch} />;
  if (!found.data) return <RowsSkeleton count={2} />;
  if (found.data.data.length === 0)
    return (
      <Alert color="gray">
        {t("No mailbox is watched, so bounces and replies are not seen. Give an email account its IMAP server.")}{" "}
        <Anchor component={Link} to="/settings/email-accounts" size="sm" underline="always">
          {t("Email accounts")}
        </Anchor>
      </Alert>
    );
  return (
    <Card padding="md" component="section" aria-label={t("Mailboxes")}>
      <Text component="h2" fw={650} mb="sm">
        {t("Mailboxes")}
      </Text>
      <Stack gap="sm">
        {found.data.data.map(({ mailbox, name, state, trouble, todo, lookedAt }) => (
          <Group key={mailbox} gap="sm" align="flex-start">
            <Badge color={MAILBOX_STATES[state]?.color ?? "gray"}>{MAILBOX_STATES[state]?.word() ?? state}</Badge>
            <div style={{ flex: 1, minWidth: 200 }}>
              <Text size="sm" fw={550}>
                {name}
              </Text>
              {trouble && <Text size="sm">{trouble}</Text>}
              {todo && (
                <Text size="sm" c="dimmed">
                  {todo}
                </Text>
              )}
              {lookedAt && (
                <Text size="xs" c="dimmed">
                  {t("Last read")} <Moment at={lookedAt} ago />
                </Text>
              )}
            </div>
          </Group>
        ))}
      </Stack>
    </Card>
  );
}
