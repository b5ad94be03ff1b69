/** The built-in mailbox: what would have been sent, as its recipients would read it. */
import {
  Alert,
  Anchor,
  Button,
  Card,
  Grid,
  Group,
  ScrollArea,
  Stack,
  Text,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconArrowLeft, IconInfoCircle, IconSearch, IconTrash } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { address, call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { MailBody } from "../../kit/communication-detail.tsx";
import { Failure, tellDone } from "../../kit/failures.tsx";
import { Empty, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { useMay } from "../../session.tsx";

export default function Mailbox() {
  const may = useMay();
  const [search, change] = useSearchState();
  const found = useApi("GET /mailbox/messages", {
    query: { limit: 100, ...(search["to"] ? { to: search["to"] } : {}) },
  });
  const messages = found.data?.data ?? [];
  // On a phone there is room for one: the list, or the mail that was chosen.
  const chosen = search["open"] !== undefined;
  const opened = search["open"] ?? (messages[0] ? String(messages[0].id) : undefined);
  const find = useDebouncedCallback((to: string) => change({ to, open: undefined }), 300);
  const empty = () =>
    ask({
      title: t("Empty the mailbox?"),
      text: t("The mails here go. The timelines keep what was sent."),
      deed: t("Empty it"),
      act: async () => {
        await call("DELETE /mailbox/messages");
        await queryClient.invalidateQueries();
        change({ open: undefined });
        tellDone(t("The mailbox is empty."));
      },
    });
  return (
    <Page
      title={t("Mailbox")}
      actions={
        may("manager") &&
        messages.length > 0 && (
          <Button variant="default" leftSection={<IconTrash size={16} />} onClick={empty}>
            {t("Empty it")}
          </Button>
        )
      }
    >
      <Alert color="gray" icon={<IconInfoCircle size={18} />}>
        {t("Without an email account mail does not leave: it lands here, exactly as it would have been sent.")}{" "}
        {may("administrator") && (
          <Anchor component={Link} to="/settings/email-accounts" size="sm" underline="always">
            {t("Connect an email account")}
          </Anchor>
        )}
      </Alert>
      {found.isError ? (
        <Failure error={found.error} retry={found.refetch} />
      ) : !found.data ? (
        <RowsSkeleton />
      ) : messages.length === 0 && !search["to"] ? (
        <Empty title={t("No mail yet")}>{t("Start an Email Campaign: its mails appear here on their day.")}</Empty>
      ) : (
        <Grid gap="md">
          <Grid.Col span={{ base: 12, md: 4 }} {...(chosen ? { visibleFrom: "md" } : {})}>
            <Stack gap="xs">
              <TextInput
                aria-label={t("Only to this address")}
                placeholder={t("Only to this address")}
                leftSection={<IconSearch size={16} />}
                defaultValue={search["to"] ?? ""}
                onChange={(event) => find(event.currentTarget.value.trim())}
              />
              <Card padding={0}>
                <ScrollArea.Autosize mah={620} viewportProps={{ tabIndex: 0 }}>
                  {messages.map((one) => (
                    <UnstyledButton
                      key={one.id}
                      w="100%"
                      p="sm"
                      onClick={() => change({ open: String(one.id) })}
                      aria-current={String(one.id) === opened ? "true" : undefined}
                      bg={String(one.id) === opened ? "var(--mantine-primary-color-light)" : undefined}
                      style={{ borderBottom: "1px solid var(--tidings-line)" }}
                    >
                      <Text size="sm" fw={550} truncate>
                        {one.subject}
                      </Text>
                      <Group justify="space-between" wrap="nowrap" gap="xs">
                        <Text size="xs" c="dimmed" truncate>
                          {one.to}
                        </Text>
                        <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
                          <Moment at={one.receivedAt} ago />
                        </Text>
                      </Group>
                    </UnstyledButton>
                  ))}
                  {messages.length === 0 && (
                    <Text p="md" size="sm" c="dimmed">
                      {t("Nothing matches these filters.")}
                    </Text>
                  )}
                </ScrollArea.Autosize>
              </Card>
              {found.data.nextCursor && (
                <Text size="xs" c="dimmed">
                  {t("The newest 100 are shown. Older ones are found by their address.")}
                </Text>
              )}
            </Stack>
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 8 }} {...(chosen ? {} : { visibleFrom: "md" })}>
            <Button
              hiddenFrom="md"
              variant="subtle"
              size="compact-sm"
              mb="xs"
              leftSection={<IconArrowLeft size={16} />}
              onClick={() => change({ open: undefined })}
            >
              {t("All mails")}
            </Button>
            {opened && <Opened id={opened} />}
          </Grid.Col>
        </Grid>
      )}
    </Page>
  );
}

function Opened({ id }: { id: string }) {
  const found = useApi("GET /mailbox/messages/:id", { params: { id } });
  const mail = found.data;
  if (found.isError) return <Failure error={found.error} />;
  if (!mail) return <RowsSkeleton />;
  return (
    <Card component="section" aria-label={t("The opened mail")}>
      <Stack gap="xs">
        <Text component="h2" fw={650} size="lg">
          {mail.subject}
        </Text>
        <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {t("From {from} to {to}", { from: mail.from, to: mail.to })} · <Moment at={mail.receivedAt} />
        </Text>
        <MailBody
          html={mail.html ?? ""}
          text={mail.text ?? ""}
          subject={mail.subject}
          headers={mail.headers}
          eml={address("GET /mailbox/messages/:id/eml", { params: { id } })}
          height={560}
        />
      </Stack>
    </Card>
  );
}
