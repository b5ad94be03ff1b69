/** The versions of a Schedule that were published: what each said, what differs from now, and the way back to it as a draft. */
import { Badge, Button, Card, Group, Stack, Text } from "@mantine/core";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { type Answer, call } from "../../api.ts";
import { formatMoment, t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { Failure, tellDone } from "../../kit/failures.tsx";
import { Empty } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { invalidate, useApi, useRead } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { Differences } from "./differences.tsx";
import { choiceWord } from "./publish.tsx";

type Version = Answer<"GET /campaigns/:id/versions">["data"][number];

export default function VersionsPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data: campaign } = useRead("GET /campaigns/:id", { params: { id } });
  const { data: versions } = useRead("GET /campaigns/:id/versions", { params: { id } });
  const [open, setOpen] = useState<number | null>(null);
  return (
    <Page
      title={t("Versions of “{name}”", { name: campaign.name })}
      hint={t("Each Schedule that was published. None is ever changed; going back to one makes a draft of it.")}
      above={[
        [t("Campaigns"), "/campaigns"],
        [campaign.name, `/campaigns/${id}`],
      ]}
    >
      {versions.data.length === 0 ? (
        <Empty title={t("Nothing was published yet")}>
          {t("A version is kept whenever a change of the Schedule is published.")}
        </Empty>
      ) : (
        <Stack gap="sm" component="ol" style={{ listStyle: "none", margin: 0, padding: 0 }}>
          {versions.data.map((version, at) => (
            <li key={version.number}>
              <One
                campaignId={id}
                version={version}
                isNow={at === 0}
                opened={open === version.number}
                toggle={() => setOpen(open === version.number ? null : version.number)}
              />
            </li>
          ))}
        </Stack>
      )}
    </Page>
  );
}

function One({
  campaignId,
  version,
  isNow,
  opened,
  toggle,
}: {
  campaignId: string;
  version: Version;
  isNow: boolean;
  opened: boolean;
  toggle: () => void;
}) {
  const { number, publishedAt, publishedBy, choice, steps, following } = version;
  return (
    <Card padding="md" component="section" aria-label={t("Version {number}", { number })}>
      <Group justify="space-between" gap="xs" align="flex-start">
        <div>
          <Group gap="xs">
            <Text fw={600}>{t("Version {number}", { number })}</Text>
            {isNow && <Badge variant="light">{t("The newest")}</Badge>}
            {following > 0 && (
              <Badge variant="light" color="gray">
                {t("{count, plural, one {# person stays with it} other {# people stay with it}}", { count: following })}
              </Badge>
            )}
          </Group>
          <Text size="sm" c="dimmed">
            {t("{when} by {name}; {count, plural, one {# mail} other {# mails}}", {
              when: formatMoment(publishedAt),
              name: publishedBy,
              count: steps,
            })}
            {choice && ` · ${choiceWord(choice)}`}
          </Text>
        </div>
        <Button variant="default" size="compact-sm" aria-expanded={opened} onClick={toggle}>
          {t("Compare with now")}
        </Button>
      </Group>
      {opened && <Compared campaignId={campaignId} number={number} />}
    </Card>
  );
}

function Compared({ campaignId, number }: { campaignId: string; number: number }) {
  const may = useMay();
  const navigate = useNavigate();
  const version = useApi("GET /campaigns/:id/versions/:number", { params: { id: campaignId, number } });
  const draft = useApi("GET /campaigns/:id/draft", { params: { id: campaignId } });
  if (version.isError) return <Failure error={version.error} />;
  if (!version.data || !draft.data) return <RowsSkeleton />;
  const { content, differences, templates } = version.data;
  const { draft: kept, changedAt } = draft.data;
  const back = async () => {
    await call("PUT /campaigns/:id/draft", { params: { id: campaignId }, body: content, ifMatch: `"${changedAt}"` });
    await invalidate("GET /campaigns/:id/draft");
    tellDone(t("Version {number} is the draft now. Nothing runs by it until it is published.", { number }));
    await navigate({ to: `/campaigns/${campaignId}/schedule` });
  };
  const asked = () =>
    ask({
      title: t("Go back to version {number} as a draft?", { number }),
      text: kept
        ? t("There is a draft already, by {name}: it is replaced.", { name: kept.changedBy })
        : t("Nothing runs by it until it is published; its impact is shown before."),
      deed: t("Make it the draft"),
      harmful: kept !== null,
      act: back,
    });
  return (
    <Stack gap="sm" mt="sm">
      {differences.length > 0 && (
        <Text size="sm" fw={550}>
          {t("{count, plural, one {Going back would change one thing} other {Going back would change # things}}", {
            count: differences.length,
          })}
        </Text>
      )}
      <Differences differences={differences} templates={templates} />
      {may("user") && differences.length > 0 && (
        <Group>
          <Button size="compact-sm" onClick={asked}>
            {t("Go back to it as a draft")}
          </Button>
          <Text size="xs" c="dimmed">
            {t("{count, plural, one {# mail} other {# mails}} in it", { count: content.steps.length })}
          </Text>
        </Group>
      )}
    </Stack>
  );
}
