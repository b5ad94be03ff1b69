/** One conversation: all that was written on either side, whose it is, and the answer. */
import { Alert, Anchor, Badge, Button, Card, Checkbox, Group, Select, Stack, Text, Textarea } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconCheck, IconMail, IconRefresh, IconSend } from "@tabler/icons-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { type Answer, call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { CommunicationDetail } from "../../kit/communication-detail.tsx";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { ReplyParts } from "../../kit/reply-parts.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { Moment, RecordLink, StatusBadge } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { useMay } from "../../session.tsx";

const ReceivedMail = lazy(() => import("../../kit/received-mail.tsx"));

type Whole = Answer<"GET /conversations/:id">;
type Item = Whole["items"][number];

export function Thread({ id, next }: { id: string; next: () => void }) {
  const may = useMay();
  const found = useApi("GET /conversations/:id", { params: { id } });
  const one = found.data && String(found.data.id) === id ? found.data : undefined;
  const unseen = one?.unseen === true && may("user");
  useEffect(() => {
    if (!unseen) return;
    void call("PUT /conversations/:id/seen", { params: { id } }).then(() => queryClient.invalidateQueries());
  }, [unseen, id]);
  const finish = async () => {
    try {
      await call("PUT /conversations/:id/done", { params: { id } });
      next();
      await queryClient.invalidateQueries();
      tellDone(t("Done."));
    } catch (error) {
      tellFailure(error);
    }
  };
  useHotkeys([["e", () => one?.state === "open" && may("user") && void finish()]]);
  if (found.isError) return <Failure error={found.error} retry={found.refetch} />;
  if (!one) return <RowsSkeleton />;
  const reopen = () =>
    void call("DELETE /conversations/:id/done", { params: { id } })
      .then(() => queryClient.invalidateQueries())
      .catch(tellFailure);
  return (
    <Card component="section" aria-label={t("The conversation")}>
      <Stack gap="md">
        <Group justify="space-between" align="flex-start" gap="sm">
          <div style={{ minWidth: 0, flex: "1 1 240px" }}>
            <Text component="h2" fw={650} size="lg" style={{ overflowWrap: "anywhere" }}>
              {one.subject}
            </Text>
            <Group gap={6}>
              <RecordLink to={`/people/${one.person.id}`}>{one.person.name}</RecordLink>
              {one.person.company && (
                <Text size="sm" c="dimmed">
                  {one.person.company}
                </Text>
              )}
              {one.emailCampaign && (
                <>
                  <RecordLink to={`/email-campaigns/${one.emailCampaign.id}`}>{one.emailCampaign.campaign}</RecordLink>
                  <StatusBadge status={one.emailCampaign.status} />
                </>
              )}
            </Group>
          </div>
          {may("user") && (
            <Group gap="xs">
              <Assignment conversation={one} />
              {one.state === "open" ? (
                <Button
                  variant="default"
                  leftSection={<IconCheck size={16} />}
                  onClick={() => void finish()}
                  aria-keyshortcuts="e"
                  title={t("Shortcut: E")}
                >
                  {t("Done")}
                </Button>
              ) : (
                <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={reopen}>
                  {t("Open it again")}
                </Button>
              )}
            </Group>
          )}
        </Group>
        <Stack gap="sm" component="ol" style={{ listStyle: "none", margin: 0, padding: 0 }}>
          {one.items.map((item) => (
            <li key={`${item.kind}-${item.id}`}>
              <ItemCard item={item} conversation={one} />
            </li>
          ))}
        </Stack>
        {may("user") && <AnswerForm conversation={one} next={next} />}
      </Stack>
    </Card>
  );
}

function Assignment({ conversation }: { conversation: Whole }) {
  const users = useApi("GET /conversation-assignees");
  const known = users.data?.data ?? [];
  // Whose it is stands there before the others are known, and after they have left.
  const own = conversation.assignedTo;
  const choices = own && !known.some(({ id }) => id === own.id) ? [own, ...known] : known;
  return (
    <Select
      aria-label={t("Whose it is")}
      placeholder={t("Nobody’s")}
      data={choices.map(({ id, name }) => ({ value: String(id), label: name }))}
      value={own ? String(own.id) : null}
      clearable
      w={170}
      onChange={(userId) =>
        void call("PUT /conversations/:id/assignment", {
          params: { id: conversation.id },
          body: { userId: userId === null ? null : Number(userId) },
        })
          .then(() => queryClient.invalidateQueries())
          .catch(tellFailure)
      }
    />
  );
}

const ANSWER_STATES: Readonly<Record<NonNullable<Item["state"]>, { color: string; word: () => string }>> = {
  planned: { color: "blue", word: () => t("Sending") },
  in_data: { color: "blue", word: () => t("Sending") },
  accepted: { color: "green", word: () => t("Sent") },
  deferred: { color: "yellow", word: () => t("Waiting to try again") },
  refused: { color: "red", word: () => t("Refused") },
  unknown: { color: "orange", word: () => t("In doubt") },
};

function ItemCard({ item, conversation }: { item: Item; conversation: Whole }) {
  const [original, setOriginal] = useState(false);
  const theirs = item.kind === "received";
  const name = item.from?.name ?? item.from?.address ?? t("Erased");
  const resolve = (decision: "arrived" | "send-again") =>
    void call("PUT /answers/:id/resolution", { params: { id: item.id }, body: { decision } })
      .then(() => queryClient.invalidateQueries())
      .catch(tellFailure);
  return (
    <Card
      padding="sm"
      bg={theirs ? "var(--mantine-primary-color-light)" : "var(--tidings-surface)"}
      ml={{ base: 0, sm: theirs ? 0 : "xl" }}
      mr={{ base: 0, sm: theirs ? "xl" : 0 }}
    >
      <Group justify="space-between" mb={6} gap="xs">
        <Text size="sm" fw={600} style={{ overflowWrap: "anywhere" }}>
          {name}
          {theirs && item.from?.address && item.from.name && (
            <Text span size="xs" c="dimmed">
              {" "}
              {item.from.address}
            </Text>
          )}
        </Text>
        <Group gap="xs">
          {item.state && <Badge color={ANSWER_STATES[item.state].color}>{ANSWER_STATES[item.state].word()}</Badge>}
          <Text size="xs" c="dimmed">
            <Moment at={item.at} ago />
          </Text>
        </Group>
      </Group>
      {item.kind === "sent" ? (
        <>
          <Group gap="xs">
            <IconMail size={16} aria-hidden />
            <Text size="sm">{item.subject}</Text>
            <Anchor
              component="button"
              type="button"
              size="xs"
              onClick={() => setOriginal(!original)}
              aria-expanded={original}
            >
              {original ? t("Fold it") : t("Show the mail")}
            </Anchor>
          </Group>
          {original && item.communicationId && <CommunicationDetail id={item.communicationId} />}
        </>
      ) : (
        <ReplyParts parts={item.parts} />
      )}
      {item.state === "unknown" && (
        <Alert color="orange" p="xs" mt="xs" title={t("Did this mail arrive?")}>
          <Group>
            <Button size="xs" onClick={() => resolve("arrived")}>
              {t("It arrived")}
            </Button>
            <Button size="xs" variant="default" onClick={() => resolve("send-again")}>
              {t("Send it once more")}
            </Button>
          </Group>
        </Alert>
      )}
      {(item.reply ?? item.reason) && item.state !== "accepted" && item.state !== "unknown" && (
        <Text size="xs" c="dimmed" mt={4} style={{ overflowWrap: "anywhere" }}>
          {item.reply ?? item.reason}
        </Text>
      )}
      {theirs && item.receivedMailId !== null && conversation.person && (
        <>
          <Anchor
            component="button"
            type="button"
            size="xs"
            mt={6}
            ta="left"
            display="block"
            onClick={() => setOriginal(!original)}
            aria-expanded={original}
          >
            {original ? t("Fold the original") : t("Show the original")}
          </Anchor>
          {original && (
            <Suspense fallback={<RowsSkeleton count={3} />}>
              <ReceivedMail id={item.receivedMailId} subject={item.subject} />
            </Suspense>
          )}
        </>
      )}
    </Card>
  );
}

function AnswerForm({ conversation, next }: { conversation: Whole; next: () => void }) {
  const [text, setText] = useState("");
  const [done, setDone] = useState(true);
  const [busy, setBusy] = useState(false);
  const { answersFrom, answersTo } = conversation;
  const send = async () => {
    if (!text.trim() || busy) return;
    setBusy(true);
    try {
      await call("POST /conversations/:id/answers", { params: { id: conversation.id }, body: { text, done } });
      setText("");
      tellDone(t("The answer is on its way."));
      if (done) next();
      await queryClient.invalidateQueries();
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  if (answersTo === null)
    return (
      <Text size="sm" c="dimmed">
        {t("There is no address to answer to.")}
      </Text>
    );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <Stack gap="xs">
        <Textarea
          label={t("Answer {name}", { name: conversation.person.name })}
          description={
            answersFrom
              ? t("From {from} to {to}", { from: answersFrom.name ?? answersFrom.address, to: answersTo })
              : answersTo
          }
          autosize
          minRows={3}
          maxRows={16}
          maxLength={100_000}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send();
          }}
        />
        <Group justify="space-between">
          <Checkbox
            label={t("Done with it")}
            checked={done}
            onChange={(event) => setDone(event.currentTarget.checked)}
          />
          <Button type="submit" loading={busy} disabled={!text.trim()} leftSection={<IconSend size={16} />}>
            {t("Send the answer")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
