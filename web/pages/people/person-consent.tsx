/** What a person may be sent and what runs for them: Email Campaigns, groups, consent and suppressions. */
import { ActionIcon, Badge, Button, Card, Group, Modal, Progress, Stack, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { type ReactNode, useState } from "react";
import { type Answer, call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { actOnPeople } from "../../kit/people-deeds.ts";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { mayBeLifted, scopeWord, suppressionReason } from "../../kit/suppression-words.ts";
import { Day, Moment, RecordLink, StatusBadge } from "../../kit/words.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { SuppressForm } from "./suppress.tsx";

type Person = Answer<"GET /people/:id">;

export function Section({ title, action, children }: { title: string; action?: ReactNode; children: ReactNode }) {
  return (
    <Card component="section" aria-label={title} padding="md">
      <Group justify="space-between" mb="xs" wrap="nowrap">
        <Text component="h2" fw={650}>
          {title}
        </Text>
        {action}
      </Group>
      {children}
    </Card>
  );
}

export function Running({ person }: { person: Person }) {
  return (
    <Section title={t("Running Email Campaigns")}>
      {person.running.length === 0 ? (
        <Text size="sm" c="dimmed">
          {person.emailCampaigns > 0
            ? t("None at the moment; {count} in all.", { count: person.emailCampaigns })
            : t("None yet.")}
        </Text>
      ) : (
        <Stack gap="md">
          {person.running.map((one) => (
            <div key={one.id}>
              <Group justify="space-between" wrap="nowrap" fz="sm">
                <RecordLink to={`/email-campaigns/${one.id}`}>{one.campaign}</RecordLink>
                <StatusBadge status={one.status} />
              </Group>
              <Progress
                value={one.steps === 0 ? 0 : (one.sent / one.steps) * 100}
                size="xs"
                my={6}
                aria-label={t("{sent} of {steps} sent", { sent: one.sent, steps: one.steps })}
              />
              <Text size="xs" c="dimmed">
                {t("{sent} of {steps} sent, from", { sent: one.sent, steps: one.steps })}{" "}
                <Day on={one.startOn} style="short" />
              </Text>
              {one.next && (
                <Text size="sm">
                  {t("Next: {template}", { template: one.next.emailTemplate })}
                  {one.next.dueAt && (
                    <>
                      {", "}
                      <Moment at={one.next.dueAt} />
                    </>
                  )}
                </Text>
              )}
            </div>
          ))}
        </Stack>
      )}
      {person.emailCampaigns > person.running.length && (
        <Text size="sm" mt="sm">
          <RecordLink to={`/email-campaigns?personId=${person.id}`}>{t("All of them, ended ones too")}</RecordLink>
        </Text>
      )}
    </Section>
  );
}

export function Groups({ person }: { person: Person }) {
  const may = useMay();
  const add = async (id: number) => {
    await call("POST /email-groups/:id/members", { params: { id }, body: { personIds: [person.id] } });
    await queryClient.invalidateQueries();
  };
  const remove = ({ emailGroupId, title, state }: Person["groups"][number]) => {
    const act = () =>
      actOnPeople(
        { action: "remove-from-group", emailGroupId },
        [person.id],
        t("Removed from {group}.", { group: title }),
      );
    if (state === "subscribed") return void act().catch(tellFailure);
    return ask({
      title: t("Forget that {name} unsubscribed from “{group}”?", { name: person.fullName, group: title }),
      text: t("Who is removed and added again later is subscribed. As a member who unsubscribed they get nothing."),
      deed: t("Remove"),
      act,
    });
  };
  return (
    <Section title={t("Email Groups")}>
      <Stack gap="xs">
        {person.groups.map((one) => (
          <Group key={one.emailGroupId} justify="space-between" wrap="nowrap" fz="sm">
            <RecordLink to={`/email-groups/${one.emailGroupId}`}>{one.title}</RecordLink>
            <Group gap={4} wrap="nowrap">
              <Badge color={one.state === "subscribed" ? "green" : "red"}>
                {one.state === "subscribed" ? t("Subscribed") : t("Unsubscribed")}
              </Badge>
              {may("user") && (
                <ActionIcon
                  size="sm"
                  aria-label={t("Remove from {group}", { group: one.title })}
                  onClick={() => remove(one)}
                >
                  <IconX size={14} />
                </ActionIcon>
              )}
            </Group>
          </Group>
        ))}
        {may("user") ? (
          <Pick
            route="GET /email-groups"
            aria-label={t("Add to a group")}
            placeholder={t("Add to a group")}
            labelOf={nameLabel}
            size="xs"
            value={null}
            onChange={(id) => {
              if (id !== null) void add(id).catch(tellFailure);
            }}
          />
        ) : (
          person.groups.length === 0 && (
            <Text size="sm" c="dimmed">
              {t("In no group.")}
            </Text>
          )
        )}
      </Stack>
    </Section>
  );
}

export function Consent({ person }: { person: Person }) {
  const may = useMay();
  const [suppressing, setSuppressing] = useState(false);
  const addresses = person.addresses.map(({ email }) => email);
  const lift = (id: number) =>
    ask({
      title: t("Lift this suppression?"),
      text: t("Mail may go to this address again. What the person asked for themselves cannot be lifted here."),
      deed: t("Lift it"),
      harmful: false,
      act: async () => {
        await call("DELETE /suppressions/:id", { params: { id } });
        await queryClient.invalidateQueries();
        tellDone(t("Lifted."));
      },
    });
  return (
    <Section
      title={t("Consent and suppressions")}
      action={
        may("user") &&
        addresses.length > 0 && (
          <Button size="compact-xs" variant="subtle" color="red" onClick={() => setSuppressing(true)}>
            {t("Suppress")}
          </Button>
        )
      }
    >
      {person.suppressions.length === 0 ? (
        <Text size="sm" c="dimmed">
          {person.canReceive ? t("None. Mail may be sent.") : t("None.")}
        </Text>
      ) : (
        <Stack gap="xs">
          {person.suppressions.map((one) => (
            <Group key={one.id} justify="space-between" wrap="nowrap" align="flex-start">
              <div style={{ minWidth: 0 }}>
                <Text size="sm">
                  {scopeWord(one.scope)}
                  {one.campaign ? `: ${one.campaign}` : ""} · {suppressionReason(one.reason)}
                </Text>
                <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                  {[one.email, one.origin].filter(Boolean).join(" · ")} · <Moment at={one.createdAt} ago />
                </Text>
                {["unsubscribed", "complaint", "do-not-contact"].includes(one.reason) && (
                  <Text size="xs" c="dimmed">
                    {one.reason === "do-not-contact"
                      ? t("It ends when the status changes.")
                      : t("Only they can take it back, by the link in a mail.")}
                  </Text>
                )}
              </div>
              {may("manager") && mayBeLifted(one.reason) && (
                <Button size="compact-xs" variant="subtle" onClick={() => lift(one.id)}>
                  {t("Lift")}
                </Button>
              )}
            </Group>
          ))}
        </Stack>
      )}
      <Modal opened={suppressing} onClose={() => setSuppressing(false)} title={t("Suppress an address")}>
        {suppressing && <SuppressForm addresses={addresses} done={() => setSuppressing(false)} />}
      </Modal>
    </Section>
  );
}
