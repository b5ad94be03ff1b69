/** Publishing a draft: what it does to those on their way, told before; the choice; the question before a burst. */
import {
  Alert,
  Anchor,
  Badge,
  Button,
  Checkbox,
  Group,
  NumberInput,
  Radio,
  Select,
  Stack,
  Table,
  Text,
} from "@mantine/core";
import { useState } from "react";
import { address, type Answer, call, Problem } from "../../api.ts";
import { formatMoment, formatNumber, t } from "../../i18n.ts";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { invalidate, useApi } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { Differences } from "./differences.tsx";

type Choice = "everyone" | "new-only" | "stop";
type Impact = Answer<"POST /campaigns/:id/draft/impact">;
type Effect = keyof Impact["effects"];

const CHOICES: readonly (readonly [Choice, () => string, () => string])[] = [
  [
    "everyone",
    () => t("Everyone, for what lies ahead"),
    () => t("Whoever is on the way follows the new Schedule from now on. What was sent is not sent again."),
  ],
  [
    "new-only",
    () => t("New Email Campaigns only"),
    () => t("Whoever is on the way stays with the Schedule they began with."),
  ],
  [
    "stop",
    () => t("Stop those in progress"),
    () => t("Whoever has begun gets nothing more. Others follow the new one."),
  ],
];

/** A choice as a list of versions tells it. */
export const choiceWord = (choice: Choice): string => CHOICES.find(([value]) => value === choice)?.[1]() ?? choice;

const EFFECTS: Readonly<Record<Effect, () => string>> = {
  "due-now": () => t("leaves at once"),
  added: () => t("added"),
  moved: () => t("another day or time"),
  "other-template": () => t("another template"),
  removed: () => t("removed"),
  "too-late": () => t("too late, not sent"),
  unmet: () => t("condition not met as things stand"),
  stopped: () => t("stopped"),
  unchanged: () => t("as before"),
};
const COLORS: Partial<Record<Effect, string>> = {
  "due-now": "orange",
  removed: "red",
  "too-late": "red",
  unmet: "grape",
  stopped: "red",
};

/** Inside a dialog; `done` once it is published. */
export function Publishing({ id, close, done }: { id: string; close: () => void; done: () => Promise<void> }) {
  const may = useMay();
  const draft = useApi("GET /campaigns/:id/draft", { params: { id } });
  const [choice, setChoice] = useState<Choice>("everyone");
  const [impact, setImpact] = useState<{ of: Choice; answer: Impact } | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [asked, setAsked] = useState<Choice | null>(null);
  const [agreed, setAgreed] = useState(false);
  const [perHour, setPerHour] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  if (asked !== choice) {
    setAsked(choice);
    void call("POST /campaigns/:id/draft/impact", { params: { id }, body: { choice } })
      .then((answer) => setImpact({ of: choice, answer }))
      .catch(setFailure);
  }
  const found = impact?.of === choice ? impact.answer : null;
  const waits = draft.data?.approvalNeeded && !draft.data.draft?.approvedAt;

  const act = async (work: () => Promise<unknown>, told: string) => {
    setBusy(true);
    try {
      await work();
      tellDone(told);
    } catch (error) {
      tellFailure(error);
      if (error instanceof Problem && error.code === "burst-not-confirmed") setAsked(null);
    } finally {
      setBusy(false);
      await draft.refetch();
    }
  };
  const publish = () =>
    act(async () => {
      await call("POST /campaigns/:id/draft/publication", {
        params: { id },
        body: { choice, confirmedDueNow: agreed ? (found?.dueNowByChange ?? null) : null, perHour },
      });
      await invalidate(
        "GET /campaigns/:id",
        "GET /campaigns",
        "GET /campaigns/:id/draft",
        "GET /campaigns/:id/insights",
        "GET /campaigns/:id/versions",
        "GET /email-campaigns/:id",
      );
      await done();
    }, t("The Schedule is published."));
  const askApproval = () =>
    act(() => call("POST /campaigns/:id/draft/approval-request", { params: { id } }), t("Approval is asked for."));
  const approve = () => act(() => call("PUT /campaigns/:id/draft/approval", { params: { id } }), t("Approved."));

  return (
    <Stack>
      {draft.data && <Differences differences={draft.data.differences} templates={draft.data.templates} />}
      <Radio.Group
        label={t("Who follows the new Schedule?")}
        value={choice}
        onChange={(value) => setChoice(value as Choice)}
      >
        <Stack gap="xs" mt="xs">
          {CHOICES.map(([value, label, description]) => (
            <Radio key={value} value={value} label={label()} description={description()} />
          ))}
        </Stack>
      </Radio.Group>
      {failure ? (
        <Failure error={failure} />
      ) : found ? (
        <Told
          id={id}
          choice={choice}
          impact={found}
          mails={(draft.data?.content.steps ?? []).map(({ sendAfterDays, emailTemplateId }) => ({
            day: sendAfterDays,
            name: draft.data?.templates.find(({ id: one }) => one === emailTemplateId)?.name ?? "–",
          }))}
        />
      ) : (
        <RowsSkeleton />
      )}
      {found && found.dueNowByChange > 0 && (
        <NumberInput
          label={t("Spread what leaves at once")}
          description={t("So many an hour; empty: as the burst guard lets them through.")}
          min={1}
          value={perHour ?? ""}
          onChange={(value) => setPerHour(Number(value) || null)}
          maw={280}
        />
      )}
      {found?.confirmationNeeded && (
        <Checkbox
          checked={agreed}
          onChange={(event) => setAgreed(event.currentTarget.checked)}
          label={t("Yes, {count, plural, one {# mail} other {# mails}} may leave at once", {
            count: found.dueNowByChange,
          })}
        />
      )}
      {waits && (
        <Alert color="blue" title={t("A second person has to approve this")}>
          {draft.data?.draft?.approvalAskedBy
            ? t("{name} asked for approval.", { name: draft.data.draft.approvalAskedBy })
            : t("Ask for approval; a manager looks at it here.")}
          <Group mt="xs">
            <Button size="xs" variant="default" loading={busy} onClick={() => void askApproval()}>
              {t("Ask for approval")}
            </Button>
            {may("manager") && draft.data?.draft?.approvalAskedBy && (
              <Button size="xs" loading={busy} onClick={() => void approve()}>
                {t("Approve")}
              </Button>
            )}
          </Group>
        </Alert>
      )}
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          {t("Keep as a draft")}
        </Button>
        <Button
          loading={busy}
          disabled={!found || waits || (found.confirmationNeeded && !agreed)}
          onClick={() => void publish()}
        >
          {t("Publish")}
        </Button>
      </Group>
    </Stack>
  );
}

function Told({
  id,
  choice,
  impact,
  mails,
}: {
  id: string;
  choice: Choice;
  impact: Impact;
  /** The rows of the draft. */
  mails: readonly { readonly day: number; readonly name: string }[];
}) {
  const shown = (Object.keys(EFFECTS) as Effect[]).filter((effect) => impact.effects[effect] > 0);
  const [effect, setEffect] = useState<Effect | null>(null);
  const [mail, setMail] = useState<number | null>(null);
  const filter = { choice, ...(effect ? { effect } : {}), ...(mail === null ? {} : { row: mail }) };
  const rows = useApi("GET /campaigns/:id/draft/impact/mails", { params: { id }, query: { ...filter, limit: 8 } });
  return (
    <Stack gap="xs">
      <Text size="sm">
        {t("{count, plural, one {One person is} other {# people are}} on the way through this Campaign.", {
          count: impact.running,
        })}{" "}
        {impact.reopened > 0 &&
          t("{count, plural, one {One who was through goes on.} other {# who were through go on.}}", {
            count: impact.reopened,
          })}
      </Text>
      {impact.dueNowByChange > 0 && (
        <Alert
          color="orange"
          title={t("{count, plural, one {One person would get a mail} other {# people would get a mail}} at once", {
            count: impact.dueNowByChange,
          })}
        >
          {t("Its day has come already for them. They get one mail a day until they have caught up.")}
        </Alert>
      )}
      <Group gap="xs" role="group" aria-label={t("Mails by what becomes of them")}>
        {shown.map((one) => (
          <Button
            key={one}
            size="compact-sm"
            variant={effect === one ? "filled" : "default"}
            aria-pressed={effect === one}
            onClick={() => setEffect(effect === one ? null : one)}
          >
            {EFFECTS[one]()}: {formatNumber(impact.effects[one])}
          </Button>
        ))}
      </Group>
      {mails.length > 1 && (
        <Select
          label={t("Only this mail")}
          placeholder={t("All mails")}
          clearable
          data={mails.map(({ day, name }, at) => ({
            value: String(at),
            label: `${at + 1}. ${t("“{name}” on day {day}", { name, day })}`,
          }))}
          value={mail === null ? null : String(mail)}
          onChange={(value) => setMail(value === null ? null : Number(value))}
          maw={420}
        />
      )}
      {rows.data?.data.length === 0 && (
        <Text size="sm" c="dimmed">
          {t("Nobody.")}
        </Text>
      )}
      {rows.data && rows.data.data.length > 0 && (
        <Table.ScrollContainer minWidth={480} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
          <Table verticalSpacing={4} aria-label={t("Mails of single people")}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("Person")}</Table.Th>
                <Table.Th>{t("Mail")}</Table.Th>
                <Table.Th>{t("Effect")}</Table.Th>
                <Table.Th>{t("Before")}</Table.Th>
                <Table.Th>{t("After")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.data.data.slice(0, 8).map((row, at) => (
                <Table.Tr key={`${row.emailCampaignId}-${at}`}>
                  <Table.Td>{row.person}</Table.Td>
                  <Table.Td>{row.row === null ? "–" : row.row + 1}</Table.Td>
                  <Table.Td>
                    <Badge variant="light" color={COLORS[row.effect] ?? "gray"}>
                      {EFFECTS[row.effect]()}
                    </Badge>
                  </Table.Td>
                  <Table.Td>{row.beforeAt ? formatMoment(row.beforeAt) : "–"}</Table.Td>
                  <Table.Td>{row.afterAt ? formatMoment(row.afterAt) : "–"}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <Anchor
        size="sm"
        href={address("GET /campaigns/:id/draft/impact/mails.csv", {
          params: { id },
          query: filter,
        })}
        download
      >
        {effect || mail !== null ? t("Download this list as CSV") : t("Download the whole list as CSV")}
      </Anchor>
    </Stack>
  );
}
