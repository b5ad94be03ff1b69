/** Says above every page that mail is held because the database seems to be a restored copy, and takes the answer. Loaded only then. */
import { Alert, Anchor, Button, Group, Modal, Stack, Table, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconHandStop } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type Answer, call } from "./api.ts";
import { formatMoment, formatNumber, t } from "./i18n.ts";
import { tellFailure } from "./kit/failures.tsx";
import { useMay } from "./session.tsx";

type Held = NonNullable<Answer<"GET /sending-hold">["held"]>;

const REASONS: Readonly<Record<Held["reason"], () => string>> = {
  "went-back": () => t("A backup was restored: the data folder has seen a later state of this database."),
  copied: () =>
    t("This is a copy of a database or of a data folder: what was done since it was made is not known here."),
  silent: () => t("Nothing ran for more than three days, and emails came due meanwhile."),
};

export default function HeldBanner({ held }: { held: Held }) {
  const [opened, { open, close }] = useDisclosure(false);
  const may = useMay();
  const answer = useMutation({
    mutationFn: (whatIsDue: "keep" | "skip") => call("PUT /sending-hold/answer", { body: { whatIsDue } }),
    onError: tellFailure,
    onSuccess: close,
  });
  const since = held.lastAliveAt === null ? "–" : formatMoment(held.lastAliveAt);
  return (
    <Alert
      mb="lg"
      color="orange"
      variant="light"
      icon={<IconHandStop aria-hidden />}
      title={t("No email leaves until somebody answers")}
      role="alert"
    >
      <Stack gap="sm">
        <Text size="sm">{REASONS[held.reason]()}</Text>
        <Text size="sm">
          {t(
            "{count, plural, =0 {No email is due now.} one {# email would leave at once, and may have left before.} other {# emails would leave at once, and may have left before.}} The last sign of life was {since}. Who unsubscribed after that is not known here: bring in those addresses first.",
            { count: held.due, since },
          )}
        </Text>
        <Group gap="sm">
          {held.due > 0 && (
            <Button variant="default" size="xs" onClick={open}>
              {t("Show what is due")}
            </Button>
          )}
          {may("administrator") ? (
            <>
              <Button size="xs" loading={answer.isPending} onClick={() => answer.mutate("skip")}>
                {t("Skip what is due, go on with what lies ahead")}
              </Button>
              <Button size="xs" variant="default" loading={answer.isPending} onClick={() => answer.mutate("keep")}>
                {t("Send what is due")}
              </Button>
            </>
          ) : (
            <Text size="sm">{t("An administrator can answer.")}</Text>
          )}
        </Group>
      </Stack>
      <Modal opened={opened} onClose={close} size="xl" title={t("Due in the restored copy")}>
        <Table.ScrollContainer minWidth={480} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("Number")}</Table.Th>
                <Table.Th>{t("Person")}</Table.Th>
                <Table.Th>{t("Campaign")}</Table.Th>
                <Table.Th>{t("Due")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {held.first.map((mail) => (
                <Table.Tr key={mail.emailCampaignId}>
                  <Table.Td>
                    <Anchor component={Link} to={`/email-campaigns/${mail.emailCampaignId}`} onClick={close}>
                      {mail.number}
                    </Anchor>
                  </Table.Td>
                  <Table.Td>{mail.person}</Table.Td>
                  <Table.Td>{mail.campaign}</Table.Td>
                  <Table.Td>{formatMoment(mail.dueAt)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        {held.due > held.first.length && (
          <Text size="sm" mt="sm">
            {t("{shown} of {total}", { shown: formatNumber(held.first.length), total: formatNumber(held.due) })}
          </Text>
        )}
      </Modal>
    </Alert>
  );
}
