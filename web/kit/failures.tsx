/** What is shown when something went wrong: what happened, what to do. Never a stack trace. */
import { Alert, Button, Group, Stack, Text, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconAlertCircle, IconCheck } from "@tabler/icons-react";
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { Problem } from "../api.ts";
import { t } from "../i18n.ts";

/** The sentence of an error, for people. */
export const sentenceOf = (error: unknown) =>
  error instanceof Problem
    ? error.message
    : t("Something went wrong. Try again; if it stays, tell your administrator.");

/** An error where it happened, with a way to try again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => unknown }) {
  return (
    <Alert color="red" icon={<IconAlertCircle />} title={t("This did not work")} role="alert">
      <Stack gap="sm" align="flex-start">
        <Text size="sm">{sentenceOf(error)}</Text>
        {retry && (
          <Button size="xs" variant="default" onClick={() => void retry()}>
            {t("Try again")}
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** A whole page that failed. */
export function Crash({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  const gone = error instanceof Problem && error.status === 404;
  if (gone) return <NothingHere />;
  return (
    <Stack p="lg" maw={640}>
      <Title order={1}>{t("This page could not be shown")}</Title>
      <Failure
        error={error}
        retry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </Stack>
  );
}

/** The same where no page surrounds it. */
export function NothingAnywhere() {
  return (
    <main>
      <NothingHere />
    </main>
  );
}

export function NothingHere() {
  return (
    <Stack p="lg" maw={640} align="flex-start">
      <Title order={1}>{t("There is nothing here")}</Title>
      <Text>{t("It may have been removed, or the address is not quite right.")}</Text>
      <Group>
        <Button component={Link} to="/">
          {t("Go to the home page")}
        </Button>
      </Group>
    </Stack>
  );
}

/** Says that a deed failed. */
export function tellFailure(error: unknown): void {
  notifications.show({
    color: "red",
    closeButtonProps: { "aria-label": t("Close") },
    icon: <IconAlertCircle size={18} />,
    title: t("This did not work"),
    message: sentenceOf(error),
    autoClose: 10_000,
  });
}

/** Says that a deed is done, with a way back where there is one: it stays long enough to be read, found and reached by keyboard. */
export function tellDone(message: string, undo?: () => unknown): void {
  const id = notifications.show({
    color: "green",
    closeButtonProps: { "aria-label": t("Close") },
    icon: <IconCheck size={18} />,
    autoClose: undo ? 30_000 : 4000,
    message: (
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm">{message}</Text>
        {undo && (
          <Button
            size="compact-sm"
            variant="subtle"
            onClick={() => {
              notifications.hide(id);
              void Promise.resolve(undo()).catch(tellFailure);
            }}
          >
            {t("Undo")}
          </Button>
        )}
      </Group>
    ),
  });
}
