/** Everything that was ever said to a person and by them, and a place to write down what was said elsewhere. */
import { Button, Card, Group, Select, Stack, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { COMMUNICATION_KINDS, CommunicationList, kindWord } from "../../kit/communication.tsx";
import { tellFailure } from "../../kit/failures.tsx";
import { useSearchState } from "../../kit/list.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";

/** How long the first line of a note may be; what is longer goes into its text. */
const TITLE = 200;

export function Timeline({ personId }: { personId: number }) {
  const may = useMay();
  const [search, change] = useSearchState();
  const kind = search["kind"];
  return (
    <Card component="section" aria-label={t("Timeline")}>
      <Group justify="space-between" mb="sm">
        <Text component="h2" fw={650}>
          {t("Timeline")}
        </Text>
        <Select
          aria-label={t("Show only")}
          placeholder={t("Everything")}
          data={COMMUNICATION_KINDS.map((value) => ({ value, label: kindWord(value) }))}
          value={kind ?? null}
          onChange={(value) => change({ kind: value ?? undefined })}
          clearable
          size="xs"
          w={170}
        />
      </Group>
      {may("user") && <NewNote personId={personId} />}
      <CommunicationList
        query={{ personId, limit: 50, ...(kind ? { kind } : {}) }}
        pages
        {...(search["open"] ? { open: search["open"] } : {})}
        empty={kind ? t("Nothing of this kind.") : t("Nothing yet. What is sent and what comes back stands here.")}
      />
    </Card>
  );
}

function NewNote({ personId }: { personId: number }) {
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const keep = async () => {
    if (!note.trim() || busy) return;
    setBusy(true);
    try {
      await call("POST /communications", { body: { personId, ...noteOf(note) } });
      setNote("");
      await queryClient.invalidateQueries();
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void keep();
      }}
    >
      <Stack gap="xs" mb="sm">
        <Textarea
          aria-label={t("Write a note")}
          placeholder={t("Write a note: what was said on the phone, what to do next")}
          autosize
          minRows={1}
          maxRows={10}
          maxLength={20_000}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void keep();
          }}
        />
        {note.trim() !== "" && (
          <Group justify="space-between">
            <Text size="xs" c="dimmed">
              {t("The first line is its title. Ctrl Enter keeps it.")}
            </Text>
            <Button type="submit" size="xs" loading={busy}>
              {t("Keep the note")}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

/** A note's title is its first line; a long one is shortened there and stands whole in the text. */
function noteOf(note: string): { subject: string; text: string } {
  const [first = "", ...rest] = note.trim().split(/\r?\n/);
  // oxlint-disable-next-line no-control-regex -- a title is a single line, and a paste may hold anything
  const title = first.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ").trim();
  if (title.length <= TITLE) return { subject: title, text: rest.join("\n").trim() };
  return { subject: `${title.slice(0, TITLE - 1)}…`, text: note.trim() };
}
