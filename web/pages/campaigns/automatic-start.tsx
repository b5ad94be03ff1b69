/** What starts a Campaign by itself: its rules in a line each, who waits for a yes, who was left out. The form comes when it is asked for. */
import { Alert, Badge, Button, Card, Collapse, Drawer, Group, List, Skeleton, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { type Answer, call } from "../../api.ts";
import { formatNumber, t } from "../../i18n.ts";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { Day } from "../../kit/words.tsx";
import { useRead } from "../../queries.ts";
import { useMay } from "../../session.tsx";

const Form = lazy(() => import("./automatic-start-form.tsx"));

export type AutomaticStart = Answer<"GET /campaigns/:id/automatic-start">;
type Rule = AutomaticStart["rules"][number];

export const WAY_WORDS = {
  api: () => t("over the API"),
  import: () => t("by import"),
  hand: () => t("by hand"),
} as const;

const REASON_WORDS: Readonly<Record<string, () => string>> = {
  "no-address": () => t("They have no email address."),
  "opted-out": () => t("They have unsubscribed, or their address is suppressed."),
  "do-not-contact": () => t("They are marked Do Not Contact, or disabled."),
  "already-running": () => t("The Campaign is running for them already."),
  "had-before": () => t("They were in the Campaign before, and nobody begins it twice."),
  "too-soon": () => t("They were in the Campaign before, and it ended too short a time ago."),
  "campaign-without-schedule": () => t("The Campaign has no Schedule."),
};

function ruleInWords({ kind, emailGroup, text, ways }: Rule): string {
  if (kind === "joined") return t("When somebody joins “{group}”", { group: emailGroup ?? "" });
  if (kind === "matches") return t("When this becomes true of somebody: {condition}", { condition: text ?? "" });
  return t("When somebody is created {ways}", { ways: (ways ?? []).map((way) => WAY_WORDS[way]()).join(", ") });
}

export default function AutomaticStartCard({ id }: { id: string }) {
  const { data } = useRead("GET /campaigns/:id/automatic-start", { params: { id } });
  const may = useMay();
  const [editing, { open, close }] = useDisclosure(false);
  const [showing, { toggle }] = useDisclosure(false);
  const answer = useMutation({
    mutationFn: (start: boolean) =>
      call("PUT /campaigns/:id/automatic-start/waiting", { params: { id }, body: { start } }),
    onSuccess: (_, start) => tellDone(start ? t("They are started now.") : t("They are not started by this any more.")),
    onError: tellFailure,
  });
  const title = t("Starts by itself");
  return (
    <Card component="section" aria-label={title}>
      <Group justify="space-between" align="flex-start">
        <div style={{ flex: "1 1 300px", minWidth: 0 }}>
          <Text component="h2" fw={650}>
            {title}
          </Text>
          {data.rules.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t("Nobody is started unless somebody does it.")}
            </Text>
          ) : (
            <List size="sm" mt={4} listStyleType="none" style={{ overflowWrap: "anywhere" }}>
              {data.rules.map((rule) => (
                <List.Item key={rule.id}>
                  {ruleInWords(rule)}{" "}
                  <Text span size="sm" c="dimmed">
                    {t("{count, plural, =0 {nobody was started yet} one {# started} other {# started}}", {
                      count: rule.started,
                    })}
                  </Text>
                  {!rule.on && (
                    <Badge ml={6} size="sm" variant="light" color="gray">
                      {t("Off")}
                    </Badge>
                  )}
                </List.Item>
              ))}
            </List>
          )}
        </div>
        {may("user") && (
          <Button variant="default" onClick={open} style={{ flexShrink: 0 }}>
            {t("Change the rules")}
          </Button>
        )}
      </Group>
      {data.waiting > 0 && (
        <Alert
          mt="sm"
          color="orange"
          title={t("{count, plural, one {# person waits} other {# people wait}} for your yes", { count: data.waiting })}
        >
          <Text size="sm" mb="xs">
            {t("More than {limit} within an hour: were they meant to be started?", {
              limit: formatNumber(data.askAbove ?? 0),
            })}
          </Text>
          {may("user") && (
            <Group gap="xs">
              <Button size="xs" loading={answer.isPending} onClick={() => answer.mutate(true)}>
                {t("Start them")}
              </Button>
              <Button size="xs" variant="default" onClick={() => answer.mutate(false)} disabled={answer.isPending}>
                {t("Do not start them")}
              </Button>
            </Group>
          )}
        </Alert>
      )}
      {data.leftOut.length > 0 && (
        <>
          <Button
            mt="sm"
            size="compact-sm"
            variant="subtle"
            aria-expanded={showing}
            onClick={toggle}
            style={{ alignSelf: "flex-start" }}
          >
            {t("Who was left out, and why")}
          </Button>
          <Collapse expanded={showing}>
            <List size="sm" mt="xs" listStyleType="none">
              {data.leftOut.map((one) => (
                <List.Item key={`${one.ruleId} ${one.personId}`}>
                  <Day on={one.at.slice(0, 10)} />{" "}
                  <Text span size="sm" component={Link} to={`/people/${one.personId}`} className="row-link">
                    {one.person}
                  </Text>
                  : {REASON_WORDS[one.reason]?.() ?? one.text}
                </List.Item>
              ))}
            </List>
          </Collapse>
        </>
      )}
      <Drawer opened={editing} onClose={close} position="right" size="lg" title={title}>
        {editing && (
          <Suspense fallback={<Skeleton height={300} />}>
            <Form value={data} done={close} />
          </Suspense>
        )}
      </Drawer>
    </Card>
  );
}
