/** New Email Campaign: one person, or a group or filter at once. Says on which days the mails leave before anything starts. */
import {
  Alert,
  Anchor,
  Button,
  Card,
  Grid,
  Group,
  List as Bullets,
  SegmentedControl,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { DatePickerInput } from "@mantine/dates";
import { Link, useNavigate } from "@tanstack/react-router";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call, Problem } from "../../api.ts";
import type { PeopleFilter } from "../../../src/people/api.ts";
import { addDays, formatDay, formatNumber, t, today } from "../../i18n.ts";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { JobProgress, useJob } from "../../kit/job-progress.tsx";
import { useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { PeopleFilterFields } from "../../kit/people-filter.tsx";
import { nameLabel, personLabel, Pick, senderLabel } from "../../kit/pick.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { useApi } from "../../queries.ts";
import { useSession } from "../../session.tsx";

type For = "lead" | "contact" | "group" | "filter";

export default function NewEmailCampaign() {
  const [search] = useSearchState();
  const { user } = useSession();
  const navigate = useNavigate();
  const numberOf = (text: string | undefined) => (text && /^\d+$/.test(text) ? Number(text) : null);
  const ids = search["ids"]?.split(",").map(Number).filter(Number.isSafeInteger);
  const given = filterIn(search["filter"]);
  const [campaignId, setCampaignId] = useState(numberOf(search["campaign"]));
  const [startOn, setStartOn] = useState<string>(today());
  const [whom, setWhom] = useState<For>(
    ids || given ? "filter" : search["group"] ? "group" : search["for"] === "contact" ? "contact" : "lead",
  );
  const [personId, setPersonId] = useState(numberOf(search["person"]));
  const [groupId, setGroupId] = useState(numberOf(search["group"]));
  const [filter, setFilter] = useState<PeopleFilter>(ids ? { ids } : (given ?? {}));
  const [senderId, setSenderId] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const [jobId, setJobId] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const job = useJob(jobId);

  const campaign = useApi("GET /campaigns/:id", { params: { id: campaignId ?? 0 }, enabled: campaignId !== null });
  const person = useApi("GET /people/:id", { params: { id: personId ?? 0 }, enabled: personId !== null });
  const group = useApi("GET /email-groups/:id", { params: { id: groupId ?? 0 }, enabled: groupId !== null });
  const senders = useApi("GET /senders", { query: { limit: 200 } });
  const own = senders.data?.data.find(({ userId, disabledAt }) => userId === user.id && !disabledAt);
  const sender = senderId ?? own?.id ?? null;

  const many = whom === "group" || whom === "filter";
  const recipient =
    whom === "group" ? groupId !== null : whom === "filter" ? Object.keys(filter).length > 0 : personId !== null;
  const bulk = {
    campaignId: campaignId ?? 0,
    startOn,
    senderId: sender,
    ...(whom === "group" ? { emailGroupId: groupId } : { filter }),
  };
  const preview = useQuery({
    queryKey: ["POST /email-campaigns/bulk/preview", bulk],
    queryFn: () => call("POST /email-campaigns/bulk/preview", { body: bulk }),
    enabled: many && recipient && campaignId !== null && jobId === null,
  });

  const start = async () => {
    setBusy(true);
    setProblem(null);
    try {
      if (many) {
        const { jobId: started } = await call("POST /email-campaigns/bulk", { body: bulk });
        setJobId(started);
      } else {
        const made = await call("POST /email-campaigns", {
          body: {
            campaignId: campaignId ?? 0,
            emailCampaignFor: whom as "lead" | "contact",
            personId: personId ?? 0,
            startOn,
            senderId: sender,
          },
        });
        tellDone(t("{number} has started.", { number: made.number }), async () => {
          await call("PUT /email-campaigns/:id/cancellation", { params: { id: made.id } });
          tellDone(t("It is cancelled. A mail that left already stays sent."));
        });
        await navigate({ to: `/email-campaigns/${made.id}` });
      }
    } catch (error) {
      if (error instanceof Problem) setProblem(error);
      else tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const faultAt = (pointer: string) => problem?.errors.find((one) => one.pointer === pointer)?.detail;

  if (jobId !== null)
    return (
      <Page title={t("Starting Email Campaigns")} above={[[t("Email Campaigns"), "/email-campaigns"]]}>
        <Card maw={640}>
          <Stack>
            <JobProgress job={job} label={t("Starting “{campaign}”", { campaign: campaign.data?.name ?? "" })} />
            {job?.state === "succeeded" && <Started job={job} jobId={jobId} />}
          </Stack>
        </Card>
      </Page>
    );

  return (
    <Page title={t("New Email Campaign")} above={[[t("Email Campaigns"), "/email-campaigns"]]}>
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Card>
            <form
              onSubmit={(event) => {
                event.preventDefault();
                void start();
              }}
            >
              <Stack>
                {problem && problem.errors.length === 0 && <Failure error={problem} />}
                <Pick
                  route="GET /campaigns"
                  label={t("Campaign")}
                  required
                  labelOf={nameLabel}
                  value={campaignId}
                  chosenLabel={campaign.data?.name}
                  onChange={setCampaignId}
                  error={faultAt("/campaignId")}
                />
                <DatePickerInput
                  label={t("Start Date")}
                  required
                  value={startOn}
                  minDate={today()}
                  onChange={(value) => setStartOn(value ?? today())}
                  error={faultAt("/startOn")}
                />
                <div>
                  <Text size="sm" fw={500} mb={4} id="for">
                    {t("Email Campaign For")}
                  </Text>
                  <SegmentedControl
                    fullWidth
                    aria-labelledby="for"
                    value={whom}
                    onChange={(value) => setWhom(value as For)}
                    data={[
                      { value: "lead", label: t("Lead") },
                      { value: "contact", label: t("Contact") },
                      { value: "group", label: t("Email Group") },
                      { value: "filter", label: t("Filter") },
                    ]}
                  />
                </div>
                {(whom === "lead" || whom === "contact") && (
                  <Pick
                    key={whom}
                    route={whom === "lead" ? "GET /leads" : "GET /contacts"}
                    label={t("Recipient")}
                    placeholder={t("Search name, company or address")}
                    required
                    labelOf={personLabel}
                    value={personId}
                    chosenLabel={person.data ? personLabel(person.data) : undefined}
                    onChange={setPersonId}
                    error={faultAt("/personId")}
                  />
                )}
                {whom === "group" && (
                  <Pick
                    route="GET /email-groups"
                    label={t("Recipients")}
                    placeholder={t("Choose an Email Group")}
                    required
                    labelOf={nameLabel}
                    value={groupId}
                    chosenLabel={group.data?.title}
                    onChange={setGroupId}
                    error={faultAt("/emailGroupId")}
                  />
                )}
                {whom === "filter" && <PeopleFilterFields filter={filter} change={setFilter} />}
                <Pick
                  route="GET /senders"
                  searches={false}
                  label={t("Sender")}
                  description={t("Who the mails come from, and who gets the answers.")}
                  placeholder={t("The email account's own address")}
                  labelOf={senderLabel}
                  value={sender}
                  chosenLabel={own ? senderLabel(own) : undefined}
                  onChange={setSenderId}
                  error={faultAt("/senderId")}
                />
                {many && recipient && campaignId !== null && <Preview preview={preview} />}
                <Group justify="flex-end">
                  <Button
                    type="submit"
                    loading={busy}
                    disabled={campaignId === null || !recipient || (many && (preview.data?.toStart ?? 0) === 0)}
                  >
                    {many && preview.data
                      ? t("{count, plural, one {Start for # person} other {Start for # people}}", {
                          count: preview.data.toStart,
                        })
                      : t("Start")}
                  </Button>
                </Group>
              </Stack>
            </form>
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Card component="section" aria-label={t("When the mails leave")}>
            <Title order={2} size="h3" mb="sm">
              {t("When the mails leave")}
            </Title>
            <Dates campaign={campaign.data} startOn={startOn} />
          </Card>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

/** The filter a list of people hands over in the address; whatever is none is passed over. */
function filterIn(text: string | undefined): PeopleFilter | null {
  if (!text) return null;
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as PeopleFilter) : null;
  } catch {
    return null;
  }
}

function Dates({ campaign, startOn }: { campaign: Answer<"GET /campaigns/:id"> | undefined; startOn: string }) {
  if (!campaign)
    return (
      <Text size="sm" c="dimmed">
        {t("Choose a Campaign to see the dates.")}
      </Text>
    );
  if (campaign.steps.length === 0)
    return (
      <Alert color="orange">
        {t("This Campaign has no mails yet.")}{" "}
        <Anchor component={Link} to={`/campaigns/${campaign.id}/schedule`} size="sm" underline="always">
          {t("Edit the Schedule")}
        </Anchor>
      </Alert>
    );
  return (
    <Bullets spacing="xs" size="sm" type="ordered">
      {campaign.steps.map((step) => (
        <Bullets.Item key={step.id}>
          <b>{formatDay(addDays(startOn, step.sendAfterDays), "weekday")}</b>
          {": "}
          {step.emailTemplate}
          {step.sendAfterDays === 0 && startOn === today() ? ` (${t("at once")})` : ""}
        </Bullets.Item>
      ))}
    </Bullets>
  );
}

function Preview({
  preview,
}: {
  preview: { data?: Answer<"POST /email-campaigns/bulk/preview"> | undefined; isError: boolean; error: unknown };
}) {
  if (preview.isError) return <Failure error={preview.error} />;
  if (!preview.data) return <RowsSkeleton count={2} />;
  const { toStart, leftOut } = preview.data;
  return (
    <Alert
      color={toStart > 0 ? "blue" : "orange"}
      title={t("{count, plural, one {# person will be started} other {# people will be started}}", { count: toStart })}
    >
      <Stack gap={4}>
        {leftOut
          .filter(({ count }) => count > 0)
          .map(({ reason, text, count, examples }) => (
            <Text key={reason} size="sm">
              {t("{count} left out: {text}", { count: formatNumber(count), text })}
              {examples.length > 0 && (
                <Text span c="dimmed" size="xs">
                  {" "}
                  (
                  {examples
                    .slice(0, 3)
                    .map(({ person }) => person)
                    .join(", ")}
                  {count > 3 ? ", …" : ""})
                </Text>
              )}
            </Text>
          ))}
      </Stack>
    </Alert>
  );
}

function Started({ job, jobId }: { job: Answer<"GET /jobs/:id">; jobId: number }) {
  const started = Number(job.result?.["started"] ?? job.done);
  return (
    <Stack gap="sm">
      <Text>
        {t("{count, plural, one {# Email Campaign has started.} other {# Email Campaigns have started.}}", {
          count: started,
        })}
      </Text>
      <Group>
        <Button component={Link} to={`/email-campaigns?batchId=${jobId}`}>
          {t("Show them")}
        </Button>
        <Button variant="default" component={Link} to="/">
          {t("Home")}
        </Button>
      </Group>
    </Stack>
  );
}
