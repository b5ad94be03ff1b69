/** A Campaign lived through before it runs: every mail on a calendar, or day by day as a film. Nothing is sent. */
import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Card,
  Group,
  NumberInput,
  SimpleGrid,
  Slider,
  Stack,
  Text,
} from "@mantine/core";
import { DatePickerInput } from "@mantine/dates";
import { IconPlayerPause, IconPlayerPlay, IconPlayerSkipBack } from "@tabler/icons-react";
import { useParams } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { type Answer, call } from "../../api.ts";
import { addDays, formatDay, formatNumber, t, today } from "../../i18n.ts";
import { tellFailure } from "../../kit/failures.tsx";
import { Page } from "../../kit/page.tsx";
import { useRead } from "../../queries.ts";
import { asked, type Named, NamedAnswers, SOMEBODY, type Whom, WhomFields } from "./simulated-people.tsx";

type Simulated = Answer<"POST /campaigns/:id/simulation">;
const SECOND = 1000;

export default function SimulationPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data: campaign } = useRead("GET /campaigns/:id", { params: { id } });
  const [whom, setWhom] = useState<Whom>(SOMEBODY);
  const [named, setNamed] = useState<readonly Named[]>([]);
  const [afterHours, setAfterHours] = useState(5);
  const [startOn, setStartOn] = useState(today());
  const [days, setDays] = useState(90);
  const [shares, setShares] = useState({ open: 40, click: 10, reply: 5, bounce: 2, unsubscribe: 1 });
  const [busy, setBusy] = useState(false);
  const [found, setFound] = useState<Simulated | null>(null);
  const people = asked(whom);
  // Whom a group or a filter means is known once they were simulated.
  const names =
    whom.kind === "made-up" || whom.kind === "chosen"
      ? (people?.madeUp ?? whom.chosen).map(({ name }) => name)
      : (found?.people ?? []).map(({ name }) => name);
  const run = async () => {
    setBusy(true);
    try {
      setFound(
        await call("POST /campaigns/:id/simulation", {
          params: { id },
          body: {
            ...people,
            startOn,
            days,
            answers: {
              afterHours,
              named: named.filter(({ person }) => person < names.length),
              shares: Object.fromEntries(Object.entries(shares).map(([deed, percent]) => [deed, percent / 100])),
            },
          },
        }),
      );
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const percent = (deed: keyof typeof shares, label: string) => (
    <NumberInput
      key={deed}
      label={label}
      suffix=" %"
      min={0}
      max={100}
      value={shares[deed]}
      onChange={(value) => setShares({ ...shares, [deed]: Number(value) || 0 })}
    />
  );
  return (
    <Page
      title={t("Simulation of “{name}”", { name: campaign.name })}
      hint={t(
        "The draft where there is one. By the code that sends, with a clock of its own: nothing is sent or kept.",
      )}
      above={[
        [t("Campaigns"), "/campaigns"],
        [campaign.name, `/campaigns/${id}`],
      ]}
    >
      <Card component="section" aria-label={t("What is simulated")}>
        <WhomFields
          whom={whom}
          change={(changed) => {
            setWhom(changed);
            if (changed.kind !== whom.kind) setFound(null);
          }}
        />
        <SimpleGrid cols={{ base: 1, xs: 2, sm: 4 }} mt="md">
          <DatePickerInput
            label={t("They start on")}
            value={startOn}
            onChange={(value) => setStartOn(value ?? today())}
          />
          <NumberInput
            label={t("Days")}
            min={1}
            max={365}
            value={days}
            onChange={(value) => setDays(Number(value) || 1)}
          />
          {percent("open", t("Open a mail"))}
          {percent("reply", t("Reply to a mail"))}
          {percent("bounce", t("Do not exist"))}
          {percent("unsubscribe", t("Unsubscribe from it"))}
          {percent("click", t("Click in a mail"))}
          <NumberInput
            label={t("They take (hours)")}
            min={0}
            max={10_000}
            value={afterHours}
            onChange={(value) => setAfterHours(Number(value) || 0)}
          />
        </SimpleGrid>
        <Text fw={550} size="sm" mt="md" mb={4}>
          {t("Single answers")}
        </Text>
        <NamedAnswers named={named} change={setNamed} names={names} />
        <Group mt="md">
          <Button onClick={() => void run()} loading={busy} disabled={people === null}>
            {t("Simulate")}
          </Button>
        </Group>
      </Card>
      {found && <Film found={found} />}
    </Page>
  );
}

type Day = { readonly day: string; sent: number; skipped: number; failed: number; answers: number };

function daysOf({ mails, answers, from, until }: Simulated): Day[] {
  const all = new Map<string, Day>();
  const of = (day: string) => {
    const known = all.get(day) ?? { day, sent: 0, skipped: 0, failed: 0, answers: 0 };
    all.set(day, known);
    return known;
  };
  for (let day = from.slice(0, 10); day <= until.slice(0, 10); day = addDays(day, 1)) of(day);
  for (const { on, outcome } of mails) of(on)[outcome] += 1;
  for (const { at } of answers) of(at.slice(0, 10)).answers += 1;
  return [...all.values()].toSorted((one, other) => (one.day < other.day ? -1 : 1));
}

const DEEDS: Readonly<Record<Simulated["answers"][number]["does"], () => string>> = {
  open: () => t("opens"),
  click: () => t("clicks"),
  reply: () => t("replies"),
  unsubscribe: () => t("unsubscribes"),
  bounce: () => t("does not exist"),
};

function Film({ found }: { found: Simulated }) {
  const days = useMemo(() => daysOf(found), [found]);
  const [at, setAt] = useState(0);
  const [plays, setPlays] = useState(false);
  useEffect(() => {
    if (!plays) return undefined;
    // Who asked their machine for less motion gets a slow change of pages, not a run.
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const timer = setInterval(
      () =>
        setAt((before) => {
          if (before >= days.length - 1) setPlays(false);
          return Math.min(before + 1, days.length - 1);
        }),
      calm ? 2 * SECOND : SECOND / 3,
    );
    return () => clearInterval(timer);
  }, [plays, days.length]);
  const most = Math.max(1, ...days.map(({ sent }) => sent));
  const day = days[Math.min(at, days.length - 1)];
  const stepOf = new Map(found.steps.map((step) => [step.stepId, step]));
  const mails = found.mails.filter(({ on }) => on === day?.day);
  const answers = found.answers.filter((answer) => answer.at.slice(0, 10) === day?.day);
  const leftOut = found.people.filter(({ status }) => status === null).length;
  const sent = found.mails.filter(({ outcome }) => outcome === "sent").length;
  return (
    <>
      <Alert color="blue" title={t("{count, plural, one {# mail is sent} other {# mails are sent}}", { count: sent })}>
        {t(
          "{people, plural, one {To one person} other {To # people}}; {answers, plural, one {one answer} other {# answers}}.",
          {
            people: found.people.length,
            answers: found.answers.length,
          },
        )}
        {found.meant > found.people.length && (
          <Text size="sm">
            {t("{count} people were meant; the first {most} were simulated.", {
              count: formatNumber(found.meant),
              most: formatNumber(found.people.length),
            })}
          </Text>
        )}
        {leftOut > 0 && (
          <Text size="sm">
            {t(
              "{count, plural, one {One person is left out at the start: nothing may be sent to them.} other {# people are left out at the start: nothing may be sent to them.}}",
              {
                count: leftOut,
              },
            )}
          </Text>
        )}
      </Alert>
      <Card component="section" aria-label={t("Calendar")}>
        <Text component="h2" fw={650} mb="sm">
          {t("Calendar")}
        </Text>
        <div style={{ display: "grid", gridTemplateColumns: "repeat(auto-fill, minmax(64px, 1fr))", gap: 4 }}>
          {days.map((one, index) => (
            <Button
              key={one.day}
              variant={index === at ? "filled" : one.sent > 0 ? "light" : "subtle"}
              color={index === at ? undefined : one.sent > 0 ? "ink" : "gray"}
              h={52}
              px={4}
              title={t("{day}: {count, plural, one {# mail} other {# mails}}", {
                day: formatDay(one.day),
                count: one.sent,
              })}
              aria-pressed={index === at}
              onClick={() => {
                setPlays(false);
                setAt(index);
              }}
            >
              <Stack gap={0} align="center">
                <Text size="xs">{formatDay(one.day, "short")}</Text>
                <Text size="sm" fw={one.sent === most ? 700 : 500} className="numbers">
                  {one.sent > 0 ? formatNumber(one.sent) : "·"}
                </Text>
              </Stack>
            </Button>
          ))}
        </div>
      </Card>
      <Card component="section" aria-label={t("Film")}>
        <Group mb="md">
          <ActionIcon size="lg" variant="default" aria-label={t("To the first day")} onClick={() => setAt(0)}>
            <IconPlayerSkipBack size={18} />
          </ActionIcon>
          <ActionIcon
            size="lg"
            variant="filled"
            aria-label={plays ? t("Hold on") : t("Play")}
            onClick={() => setPlays(!plays)}
          >
            {plays ? <IconPlayerPause size={18} /> : <IconPlayerPlay size={18} />}
          </ActionIcon>
          <Slider
            flex={1}
            aria-label={t("Day of the simulation")}
            thumbLabel={t("Day of the simulation")}
            min={0}
            max={Math.max(1, days.length - 1)}
            value={at}
            onChange={setAt}
            label={null}
          />
        </Group>
        <Text component="h2" fw={650} aria-live="polite">
          {day ? formatDay(day.day, "weekday") : ""}
        </Text>
        <Stack gap={4} mt="xs">
          {mails.slice(0, 30).map((mail, index) => (
            <Group key={`mail-${index}`} gap="xs">
              <Badge
                variant="light"
                color={mail.outcome === "sent" ? "green" : mail.outcome === "failed" ? "red" : "gray"}
              >
                {mail.outcome === "sent" ? t("sent") : mail.outcome === "failed" ? t("failed") : t("skipped")}
              </Badge>
              <Text size="sm">
                {found.people[mail.person]?.name}: {stepOf.get(mail.stepId)?.emailTemplate}
                {mail.variant && ` (${mail.variant})`}
              </Text>
            </Group>
          ))}
          {mails.length > 30 && <Text size="sm">{t("and {count} more", { count: mails.length - 30 })}</Text>}
          {answers.slice(0, 20).map((answer, index) => (
            <Text key={`answer-${index}`} size="sm" c="dimmed">
              {found.people[answer.person]?.name} {DEEDS[answer.does]()}
            </Text>
          ))}
          {mails.length + answers.length === 0 && (
            <Text size="sm" c="dimmed">
              {t("Nothing happens on this day.")}
            </Text>
          )}
        </Stack>
      </Card>
    </>
  );
}
