/** Sends what is being written to oneself, saved or not. */
import { Alert, Anchor, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type Answer, call, type Sent } from "../../api.ts";
import { t } from "../../i18n.ts";
import { Failure } from "../../kit/failures.tsx";
import { PickPerson } from "../../kit/pick-person.tsx";
import { Pick, senderLabel } from "../../kit/pick.tsx";
import { useSession } from "../../session.tsx";

export type Content = NonNullable<NonNullable<Sent<"POST /email-templates/test-send">["body"]>["content"]>;

export function TestSend({
  content,
  personId: first,
  done,
}: {
  content: Content;
  personId: number | null;
  done: () => void;
}) {
  const { user } = useSession();
  const [to, setTo] = useState(user.email);
  const [senderId, setSenderId] = useState<number | null>(null);
  const [personId, setPersonId] = useState(first);
  const [busy, setBusy] = useState(false);
  const [answer, setAnswer] = useState<Answer<"POST /email-templates/test-send"> | null>(null);
  const [error, setError] = useState<unknown>(null);
  const send = async () => {
    setBusy(true);
    setAnswer(null);
    setError(null);
    try {
      setAnswer(
        await call("POST /email-templates/test-send", { body: { content, personId, to: to.trim() || null, senderId } }),
      );
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <Stack>
        <Text size="sm" c="dimmed">
          {t(
            "What you see now is sent, saved or not. It stands on no timeline, and its unsubscribe link does nothing.",
          )}
        </Text>
        <TextInput
          label={t("To")}
          type="email"
          required
          value={to}
          onChange={(event) => setTo(event.currentTarget.value)}
          data-autofocus
        />
        <Pick
          route="GET /senders"
          searches={false}
          label={t("Sender")}
          placeholder={t("Yourself")}
          labelOf={senderLabel}
          value={senderId}
          onChange={setSenderId}
          clearable
        />
        <PickPerson
          label={t("Filled in for")}
          placeholder={t("Somebody made up")}
          value={personId}
          onChange={setPersonId}
        />
        {Boolean(error) && <Failure error={error} />}
        {answer && <Outcome answer={answer} />}
        <Group justify="flex-end">
          {answer?.ok && (
            <Button variant="default" onClick={done}>
              {t("Close")}
            </Button>
          )}
          <Button type="submit" loading={busy}>
            {answer?.ok ? t("Send it again") : t("Send the test")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Outcome({
  answer: { ok, mailbox, to, account, reply, outcome },
}: {
  answer: Answer<"POST /email-templates/test-send">;
}) {
  if (!ok)
    return (
      <Alert color="red" role="alert" title={t("The mail did not leave")}>
        {t("{account} said: {reply}", { account, reply: reply ?? outcome })}
      </Alert>
    );
  return (
    <Alert color="green" role="status" title={mailbox ? t("It is in the mailbox here.") : t("Sent to {to}.", { to })}>
      {mailbox && (
        <Anchor component={Link} to="/mailbox" search={{ to } as never} size="sm" underline="always">
          {t("Open the mailbox")}
        </Anchor>
      )}
    </Alert>
  );
}
