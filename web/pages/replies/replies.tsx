/** The inbox of replies: who answered, what they wrote, and an answer to it. */
import {
  Alert,
  Badge,
  Button,
  Card,
  Grid,
  Group,
  Kbd,
  SegmentedControl,
  Stack,
  Text,
  UnstyledButton,
} from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconArrowLeft } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { Failure } from "../../kit/failures.tsx";
import { Empty, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { Moment } from "../../kit/words.tsx";
import { useApi } from "../../queries.ts";
import { Thread } from "./thread.tsx";

type Conversation = Row<"GET /conversations">;

const QUERIES: Readonly<Record<string, object>> = {
  open: { state: "open" },
  me: { state: "open", assignedTo: "me" },
  nobody: { state: "open", assignedTo: "nobody" },
  done: { state: "done" },
};

export default function Replies() {
  const [search, change] = useSearchState();
  const counts = useApi("GET /conversation-counts");
  const shown = search["assigned"] ?? search["show"] ?? "open";
  const query = QUERIES[shown] ?? QUERIES["open"]!;
  const found = useInfiniteQuery({
    queryKey: ["GET /conversations", {}, query, "pages"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      call("GET /conversations", {
        query: { ...query, limit: 30, ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      }),
    getNextPageParam: (last) => last.nextCursor,
  });
  const rows = found.data?.pages.flatMap(({ data }) => data) ?? [];
  // On a phone there is room for one: the list, or the conversation that was chosen.
  const chosen = search["open"] !== undefined;
  const opened = search["open"] ?? (rows[0] ? String(rows[0].id) : undefined);
  const at = rows.findIndex(({ id }) => String(id) === opened);
  const go = (step: number) => {
    const next = rows[at + step];
    if (next) change({ open: String(next.id) });
  };
  useHotkeys([
    ["j", () => go(1)],
    ["k", () => go(-1)],
  ]);
  return (
    <Page
      title={t("Replies")}
      hint={
        <Text size="sm" c="dimmed" visibleFrom="sm">
          {t("Who answered a mail. Its Email Campaign has stopped, where its Campaign says so.")} <Kbd size="xs">J</Kbd>{" "}
          <Kbd size="xs">K</Kbd> {t("go to the next and the one before.")}
        </Text>
      }
      actions={
        <SegmentedControl
          aria-label={t("Which conversations")}
          value={shown}
          onChange={(show) => change({ show, assigned: undefined, open: undefined })}
          data={[
            { value: "open", label: counts.data ? t("Open ({count})", { count: counts.data.open }) : t("Open") },
            { value: "me", label: counts.data ? t("Mine ({count})", { count: counts.data.mine }) : t("Mine") },
            { value: "nobody", label: t("Nobody’s") },
            { value: "done", label: t("Done") },
          ]}
        />
      }
    >
      {found.isError ? (
        <Failure error={found.error} retry={found.refetch} />
      ) : !found.data ? (
        <RowsSkeleton />
      ) : rows.length === 0 && !chosen ? (
        <Nothing shown={shown} />
      ) : (
        <Grid gap="md">
          <Grid.Col span={{ base: 12, md: 4 }} {...(chosen ? { visibleFrom: "md" } : {})}>
            <Card padding={0} component="nav" aria-label={t("Conversations")}>
              <div className="conversation-list" tabIndex={0}>
                {rows.map((one) => (
                  <ConversationLine
                    key={one.id}
                    conversation={one}
                    current={String(one.id) === opened}
                    open={() => change({ open: String(one.id) })}
                  />
                ))}
                {rows.length === 0 && (
                  <Text p="md" size="sm" c="dimmed">
                    {t("Nothing here.")}
                  </Text>
                )}
                {found.hasNextPage && (
                  <Button
                    fullWidth
                    variant="subtle"
                    size="xs"
                    loading={found.isFetchingNextPage}
                    onClick={() => void found.fetchNextPage()}
                  >
                    {t("Show more")}
                  </Button>
                )}
              </div>
            </Card>
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
              {t("All replies")}
            </Button>
            {opened && (
              <Thread key={opened} id={opened} next={() => (rows[at + 1] ? go(1) : change({ open: undefined }))} />
            )}
          </Grid.Col>
        </Grid>
      )}
    </Page>
  );
}

function Nothing({ shown }: { shown: string }) {
  if (shown !== "open")
    return <Alert color="gray">{shown === "done" ? t("Nothing is done yet.") : t("Nothing here.")}</Alert>;
  return (
    <Empty title={t("Nobody has answered yet")}>
      {t("Answers appear here as soon as they come in: by the mailbox of an email account, or by a webhook.")}
    </Empty>
  );
}

function ConversationLine({
  conversation: { person, subject, preview, unseen, lastReceivedAt, assignedTo },
  current,
  open,
}: {
  conversation: Conversation;
  current: boolean;
  open: () => void;
}) {
  return (
    <UnstyledButton
      w="100%"
      p="sm"
      onClick={open}
      aria-current={current ? "true" : undefined}
      bg={current ? "var(--mantine-primary-color-light)" : undefined}
      style={{ borderBottom: "1px solid var(--tidings-line)" }}
    >
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm" fw={unseen ? 700 : 550} truncate>
          {person.name}
        </Text>
        <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
          <Moment at={lastReceivedAt} ago />
        </Text>
      </Group>
      <Text size="sm" truncate>
        {subject}
      </Text>
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="xs" c="dimmed" truncate>
          {preview}
        </Text>
        <Stack gap={0} style={{ flexShrink: 0 }}>
          {unseen ? (
            <Badge size="xs">{t("New")}</Badge>
          ) : (
            <Text size="xs" c="dimmed">
              {assignedTo?.name}
            </Text>
          )}
        </Stack>
      </Group>
    </UnstyledButton>
  );
}
