/** Importing people from a CSV file: where columns go, what would happen, how far it is, what came of it. */
import {
  Alert,
  Anchor,
  Button,
  Card,
  Code,
  Group,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Stepper,
  Table,
  Text,
  TextInput,
} from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconFileSpreadsheet } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { address, type Answer, call, type Row, upload } from "../../api.ts";
import { formatNumber, t } from "../../i18n.ts";
import { tellFailure } from "../../kit/failures.tsx";
import { PERSON_TARGETS } from "../../kit/import-targets.ts";
import { type Job, JobProgress, useJob } from "../../kit/job-progress.tsx";
import { useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { Moment, RecordLink } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";

type Suggestion = Answer<"POST /import-suggestions">;
type Taken = { readonly file: File; readonly suggestion: Suggestion };

/** How much of a file is looked at for its columns. */
const HEAD_BYTES = 256 * 1024;
/** The kind of an import among the jobs. */
const IMPORT = "import-people";

const DELIMITERS = [
  { value: ",", word: () => t("Comma") },
  { value: ";", word: () => t("Semicolon") },
  { value: "\t", word: () => t("Tab") },
  { value: "|", word: () => t("Vertical bar") },
] as const;

export default function Import() {
  const [search, change] = useSearchState();
  const [taken, setTaken] = useState<Taken | null>(null);
  const [busy, setBusy] = useState(false);
  // In the address bar, so that a long import is still there when the page is loaded again.
  const jobId = search["job"] && /^\d+$/.test(search["job"]) ? Number(search["job"]) : null;

  const take = async (file: File, delimiter?: string) => {
    setBusy(true);
    try {
      const suggestion = await upload("POST /import-suggestions", file.slice(0, HEAD_BYTES), { query: { delimiter } });
      setTaken({ file, suggestion });
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const restart = () => {
    setTaken(null);
    change({ job: undefined });
  };
  return (
    <Page
      title={t("Import people")}
      hint={t("Sending the same file twice changes nothing; nobody is ever subscribed again by an import.")}
    >
      <Stepper active={jobId !== null ? 2 : taken ? 1 : 0} size="sm" allowNextStepsSelect={false}>
        <Stepper.Step label={t("File")} />
        <Stepper.Step label={t("Columns")} />
        <Stepper.Step label={t("Result")} />
      </Stepper>
      {jobId !== null ? (
        <Running jobId={jobId} name={taken?.file.name ?? null} restart={restart} />
      ) : taken ? (
        <Columns
          key={`${taken.file.name}${taken.suggestion.delimiter}`}
          taken={taken}
          again={(delimiter) => void take(taken.file, delimiter)}
          restart={restart}
        />
      ) : (
        <>
          <Card>
            <Dropzone
              onDrop={([dropped]) => dropped && void take(dropped)}
              loading={busy}
              maxFiles={1}
              multiple={false}
              inputProps={{ "aria-label": t("CSV file") }}
            >
              <Stack align="center" gap="xs" py="xl" style={{ pointerEvents: "none" }}>
                <IconFileSpreadsheet size={40} stroke={1.4} aria-hidden />
                <Text fw={600} ta="center">
                  {t("Drop a CSV file here, or click to choose one")}
                </Text>
                <Text size="sm" c="dimmed" ta="center">
                  {t("With headings in the first line. Encoding and separator are found out by themselves.")}
                </Text>
                <Text size="sm" c="dimmed" ta="center">
                  {t("From a spreadsheet: save it as CSV. It can be tried out before anything is written.")}
                </Text>
              </Stack>
            </Dropzone>
          </Card>
          <Earlier />
        </>
      )}
    </Page>
  );
}

/** Where each column goes and what is asked of the import; tries it out or starts it. */
function Columns({
  taken: { file, suggestion },
  again,
  restart,
}: {
  taken: Taken;
  again: (delimiter: string) => void;
  restart: () => void;
}) {
  const [search, change] = useSearchState();
  const [mapping, setMapping] = useState<Record<string, string>>(() =>
    Object.fromEntries(suggestion.columns.map(({ heading, target }) => [heading, target ?? "ignore"])),
  );
  const [kind, setKind] = useState(search["kind"] === "contact" ? "contact" : "lead");
  const [mode, setMode] = useState("update");
  const [emailGroupId, setEmailGroupId] = useState<number | null>(null);
  const [newGroup, setNewGroup] = useState("");
  const [busy, setBusy] = useState(false);
  const [trialId, setTrialId] = useState<number | null>(null);
  const trial = useJob(trialId);
  const fields = useApi("GET /person-fields", { query: { limit: 500 } });
  const declared = fields.data?.data ?? [];
  const undeclared = suggestion.columns.filter(({ suggestedKey }) => !declared.some(({ key }) => key === suggestedKey));
  const unknown = suggestion.columns.filter(({ heading }) => mapping[heading] === "ignore");
  const targets = [
    { value: "ignore", label: t("Leave out") },
    ...PERSON_TARGETS.map(({ value, label }) => ({ value: value as string, label: label() })),
    ...declared.map(({ key, label }) => ({ value: `attribute:${key}`, label })),
  ];
  /** A column may become a field that is not there yet: its own suggestion stands among what it can go to. */
  const targetsOf = ({ heading, suggestedKey }: Suggestion["columns"][number]) => {
    const value = `attribute:${suggestedKey}`;
    if (targets.some((one) => one.value === value)) return targets;
    return [...targets, { value, label: t("New field “{name}”", { name: heading.trim() || suggestedKey }) }];
  };
  const send = async (dryRun: boolean) => {
    setBusy(true);
    try {
      let group = emailGroupId;
      if (!dryRun && newGroup.trim()) {
        group = (await call("POST /email-groups", { body: { title: newGroup.trim() } })).id;
        // Should the import be refused, the group is there: the next try takes it.
        setEmailGroupId(group);
        setNewGroup("");
      }
      const { jobId } = await upload("POST /imports", file, {
        query: {
          kind,
          mode,
          dryRun,
          delimiter: suggestion.delimiter,
          unknownColumns: "attributes",
          mapping: JSON.stringify(mapping),
          ...(group === null ? {} : { emailGroupId: group }),
        },
      });
      if (dryRun) setTrialId(jobId);
      else change({ job: String(jobId) });
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const set = (changes: Record<string, string>) => {
    setMapping({ ...mapping, ...changes });
    setTrialId(null);
  };
  const goesTo = new Set(Object.values(mapping));
  return (
    <>
      <Card>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <div>
            <Text size="sm" fw={500} mb={4} id="kind">
              {t("They become")}
            </Text>
            <SegmentedControl
              aria-labelledby="kind"
              value={kind}
              onChange={(value) => {
                setKind(value);
                setTrialId(null);
              }}
              data={[
                { value: "lead", label: t("Leads") },
                { value: "contact", label: t("Contacts") },
              ]}
            />
          </div>
          <Select
            label={t("When an address is there already")}
            allowDeselect={false}
            value={mode}
            onChange={(value) => {
              setMode(value ?? "update");
              setTrialId(null);
            }}
            data={[
              { value: "update", label: t("Fill in what the file says") },
              { value: "skip", label: t("Leave it as it is") },
              { value: "create", label: t("Count the row as bad") },
            ]}
          />
          <Pick
            route="GET /email-groups"
            label={t("Add all of them to an Email Group")}
            placeholder={t("None")}
            labelOf={nameLabel}
            clearable
            disabled={newGroup.trim() !== ""}
            value={emailGroupId}
            onChange={setEmailGroupId}
          />
          <TextInput
            label={t("Or to a new group with this name")}
            disabled={emailGroupId !== null}
            value={newGroup}
            maxLength={200}
            onChange={(event) => setNewGroup(event.currentTarget.value)}
          />
          <Select
            label={t("Separator")}
            description={t("Read as {encoding}", { encoding: suggestion.encoding.toUpperCase() })}
            allowDeselect={false}
            value={suggestion.delimiter}
            onChange={(value) => value !== null && value !== suggestion.delimiter && again(value)}
            data={DELIMITERS.map(({ value, word }) => ({ value, label: word() }))}
          />
        </SimpleGrid>
      </Card>
      {!goesTo.has("email") && (
        <Alert color="orange" title={t("No column goes to the email address")}>
          {t("People without an address can be kept, but not written to, and a second import would not know them.")}
        </Alert>
      )}
      <Card padding={0}>
        <div className="list-scroll" tabIndex={0} role="region" aria-label={t("Columns of the file")}>
          <Table aria-label={t("Columns of the file")}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("Column")}</Table.Th>
                <Table.Th>{t("Examples")}</Table.Th>
                <Table.Th>{t("Goes to")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {suggestion.columns.map((column, at) => (
                // oxlint-disable-next-line react/no-array-index-key -- two columns of a file may have one heading
                <Table.Tr key={at}>
                  <Table.Td fw={550}>{column.heading}</Table.Td>
                  <Table.Td>
                    <Text size="xs" c="dimmed" lineClamp={2} maw={280}>
                      {suggestion.sample
                        .map((row) => row[at])
                        .filter(Boolean)
                        .slice(0, 3)
                        .join(" · ")}
                    </Text>
                  </Table.Td>
                  <Table.Td miw={200}>
                    <Select
                      aria-label={t("Where “{heading}” goes", { heading: column.heading })}
                      data={targetsOf(column)}
                      searchable
                      allowDeselect={false}
                      value={mapping[column.heading] ?? "ignore"}
                      onChange={(value) => set({ [column.heading]: value ?? "ignore" })}
                    />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
        <Stack p="md">
          {unknown.length > 0 && undeclared.length > 0 && (
            <Group gap="sm">
              <Text size="sm" c="dimmed">
                {t("{count, plural, one {# column is left out.} other {# columns are left out.}}", {
                  count: unknown.length,
                })}
              </Text>
              <Button
                size="compact-sm"
                variant="subtle"
                onClick={() =>
                  set(
                    Object.fromEntries(
                      unknown.map(({ heading, suggestedKey }) => [heading, `attribute:${suggestedKey}`]),
                    ),
                  )
                }
              >
                {t("Keep them as fields")}
              </Button>
            </Group>
          )}
          {trialId !== null && trial?.state !== "succeeded" && <JobProgress job={trial} label={t("Trying it out")} />}
          {trial?.state === "succeeded" && <Outcome id={trial.id} />}
          <Group justify="space-between">
            <Button variant="subtle" onClick={restart}>
              {t("Another file")}
            </Button>
            <Group>
              <Button variant="default" loading={busy} onClick={() => void send(true)}>
                {t("Try it out first")}
              </Button>
              <Button loading={busy} onClick={() => void send(false)}>
                {t("Import “{name}”", { name: file.name })}
              </Button>
            </Group>
          </Group>
        </Stack>
      </Card>
    </>
  );
}

function Running({ jobId, name, restart }: { jobId: number; name: string | null; restart: () => void }) {
  const [search] = useSearchState();
  const job = useJob(jobId);
  const finished = job?.state === "succeeded" || job?.state === "failed";
  return (
    <Card>
      <Stack>
        <JobProgress job={job} label={name === null ? t("Importing") : t("Importing “{name}”", { name })} />
        {!finished && (
          <Text size="sm" c="dimmed">
            {t("It goes on when you leave this page; you find it under the earlier imports.")}
          </Text>
        )}
        {job?.state === "succeeded" && <Outcome id={job.id} />}
        {finished && (
          <Group>
            {job.state === "succeeded" && (
              <Button
                component={Link}
                to={search["kind"] === "contact" ? "/contacts?sort=-createdAt" : "/leads?sort=-createdAt"}
              >
                {t("Show them")}
              </Button>
            )}
            <Button
              variant="default"
              onClick={() => {
                restart();
                void queryClient.invalidateQueries();
              }}
            >
              {t("Import another file")}
            </Button>
          </Group>
        )}
      </Stack>
    </Card>
  );
}

function Outcome({ id }: { id: number }) {
  const found = useApi("GET /imports/:id", { params: { id } });
  const result = found.data?.result;
  if (!result) return null;
  const figures: [string, number][] = [
    [t("New"), result.created],
    [t("Changed"), result.updated],
    [t("Unchanged"), result.unchanged],
    [t("Passed over"), result.skipped],
    [t("Bad rows"), result.bad],
    ...(result.joined === undefined ? [] : [[t("Joined the group"), result.joined] as [string, number]]),
  ];
  return (
    <Stack>
      <Alert
        color={result.bad > 0 ? "orange" : "green"}
        role="status"
        title={result.dryRun ? t("What would happen") : t("Done")}
      >
        <Group gap="lg">
          {figures.map(([label, value]) => (
            <div key={label}>
              <Text size="xs">{label}</Text>
              <Text fw={650} className="numbers">
                {formatNumber(value)}
              </Text>
            </div>
          ))}
        </Group>
      </Alert>
      {result.bad > 0 && (
        <>
          <Table aria-label={t("Bad rows")} verticalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th w={80}>{t("Line")}</Table.Th>
                <Table.Th>{t("What is wrong")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {result.problems.map(({ line, problem }) => (
                <Table.Tr key={`${line}-${problem}`}>
                  <Table.Td>
                    <Code>{line}</Code>
                  </Table.Td>
                  <Table.Td>{problem}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {result.bad > result.problems.length && (
            <Text size="sm" c="dimmed">
              {t("These are the first {shown} of {total}.", {
                shown: result.problems.length,
                total: formatNumber(result.bad),
              })}
            </Text>
          )}
          <Anchor href={address("GET /imports/:id/bad-rows", { params: { id } })} download size="sm">
            {t("Download the bad rows")}
          </Anchor>
        </>
      )}
    </Stack>
  );
}

const STATES: Readonly<Record<Job["state"], () => string>> = {
  queued: () => t("Waiting"),
  running: () => t("Running"),
  succeeded: () => t("Done"),
  failed: () => t("Failed"),
};

/** The imports of before, trials left out: how each came out, and its bad rows. */
function Earlier() {
  const found = useApi("GET /jobs", { query: { kind: IMPORT, limit: 20 } });
  const jobs = (found.data?.data ?? []).filter(({ result }) => !result?.["dryRun"]);
  if (jobs.length === 0) return null;
  return (
    <Card padding={0} component="section" aria-label={t("Earlier imports")}>
      <Text component="h2" fw={650} p="md" pb={0}>
        {t("Earlier imports")}
      </Text>
      <div className="list-scroll" tabIndex={-1}>
        <Table aria-label={t("Earlier imports")} className="list-table">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("When")}</Table.Th>
              <Table.Th>{t("By")}</Table.Th>
              <Table.Th>{t("State")}</Table.Th>
              <Table.Th>{t("What came of it")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {jobs.map((job) => (
              <Table.Tr key={job.id}>
                <Table.Td data-label={t("When")}>
                  <div>
                    <RecordLink to={`/import?job=${job.id}`}>
                      <Moment at={job.createdAt} />
                    </RecordLink>
                  </div>
                </Table.Td>
                <Table.Td data-label={t("By")}>
                  <div>{job.createdBy ?? ""}</div>
                </Table.Td>
                <Table.Td data-label={t("State")}>
                  <div>{STATES[job.state]()}</div>
                </Table.Td>
                <Table.Td data-label={t("What came of it")} className="numbers">
                  <div>{sumOf(job)}</div>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Card>
  );
}

function sumOf({ state, result, error, done }: Row<"GET /jobs">): string {
  if (state === "failed") return error ?? "";
  if (state !== "succeeded" || !result) return t("{count, plural, one {# row} other {# rows}}", { count: done });
  const count = (name: string) => formatNumber(Number(result[name] ?? 0));
  return t("{created} new, {updated} changed, {bad} bad", {
    created: count("created"),
    updated: count("updated"),
    bad: count("bad"),
  });
}
