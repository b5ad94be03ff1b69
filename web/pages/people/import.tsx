/** Importing people from a CSV file: where columns go, what would happen, how far it is, what came of it. */
import {
  Alert,
  Anchor,
  Button,
  Card,
  Code,
  Group,
  Select,
  SegmentedControl,
  SimpleGrid,
  Stack,
  Stepper,
  Table,
  Text,
} from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconFileSpreadsheet } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { address, type Answer, upload } from "../../api.ts";
import { formatNumber, t } from "../../i18n.ts";
import { tellFailure } from "../../kit/failures.tsx";
import { JobProgress, useJob } from "../../kit/job-progress.tsx";
import { useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { useApi } from "../../queries.ts";
import { PERSON_TARGETS } from "../../kit/import-targets.ts";

type Suggestion = Answer<"POST /import-suggestions">;

const HEAD_BYTES = 256 * 1024;

export default function Import() {
  const [search] = useSearchState();
  const [file, setFile] = useState<File | null>(null);
  const [suggestion, setSuggestion] = useState<Suggestion | null>(null);
  const [mapping, setMapping] = useState<Record<string, string>>({});
  const [kind, setKind] = useState(search["kind"] === "contact" ? "contact" : "lead");
  const [mode, setMode] = useState("update");
  const [busy, setBusy] = useState(false);
  const [jobId, setJobId] = useState<number | null>(null);
  const [trialId, setTrialId] = useState<number | null>(null);
  const job = useJob(jobId);
  const trial = useJob(trialId);
  const fields = useApi("GET /person-fields", { query: { limit: 500 } });
  const step = jobId !== null ? 2 : suggestion ? 1 : 0;

  const take = async (taken: File) => {
    setBusy(true);
    try {
      const found = await upload("POST /import-suggestions", taken.slice(0, HEAD_BYTES));
      setFile(taken);
      setSuggestion(found);
      setMapping(Object.fromEntries(found.columns.map(({ heading, target }) => [heading, target ?? "ignore"])));
      setTrialId(null);
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const send = async (dryRun: boolean) => {
    if (!file) return;
    setBusy(true);
    try {
      const { jobId: started } = await upload("POST /imports", file, {
        query: { kind, mode, dryRun, mapping: JSON.stringify(mapping) },
      });
      if (dryRun) setTrialId(started);
      else setJobId(started);
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const restart = () => {
    setFile(null);
    setSuggestion(null);
    setJobId(null);
    setTrialId(null);
  };
  const targets = [
    { value: "ignore", label: t("Leave out") },
    ...PERSON_TARGETS.map(({ value, label }) => ({ value, label: label() })),
    ...(fields.data?.data ?? []).map(({ key, label }) => ({ value: `attribute:${key}`, label })),
  ];

  return (
    <Page
      title={t("Import people")}
      hint={t("Sending the same file twice changes nothing; nobody is ever subscribed again by an import.")}
    >
      <Stepper active={step} size="sm" allowNextStepsSelect={false}>
        <Stepper.Step label={t("File")} />
        <Stepper.Step label={t("Columns")} />
        <Stepper.Step label={t("Result")} />
      </Stepper>
      {step === 0 && (
        <Card>
          <Stack>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <div>
                <Text size="sm" fw={500} mb={4} id="kind">
                  {t("They become")}
                </Text>
                <SegmentedControl
                  aria-labelledby="kind"
                  value={kind}
                  onChange={setKind}
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
                onChange={(value) => setMode(value ?? "update")}
                data={[
                  { value: "update", label: t("Fill in what the file says") },
                  { value: "skip", label: t("Leave it as it is") },
                  { value: "create", label: t("Count the row as bad") },
                ]}
              />
            </SimpleGrid>
            <Dropzone
              onDrop={([dropped]) => dropped && void take(dropped)}
              loading={busy}
              maxFiles={1}
              multiple={false}
              inputProps={{ "aria-label": t("CSV file") }}
            >
              <Stack align="center" gap="xs" py="xl" style={{ pointerEvents: "none" }}>
                <IconFileSpreadsheet size={40} stroke={1.4} aria-hidden />
                <Text fw={600}>{t("Drop a CSV file here, or click to choose one")}</Text>
                <Text size="sm" c="dimmed" ta="center">
                  {t("With headings in the first line. Encoding and separator are found out by themselves.")}
                </Text>
              </Stack>
            </Dropzone>
          </Stack>
        </Card>
      )}
      {step === 1 && suggestion && (
        <Card padding={0}>
          <div className="list-scroll">
            <Table aria-label={t("Columns of the file")}>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>{t("Column")}</Table.Th>
                  <Table.Th>{t("Examples")}</Table.Th>
                  <Table.Th>{t("Goes to")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {suggestion.columns.map(({ heading }, at) => (
                  <Table.Tr key={heading}>
                    <Table.Td fw={550}>{heading}</Table.Td>
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
                        aria-label={t("Where “{heading}” goes", { heading })}
                        data={targets}
                        searchable
                        allowDeselect={false}
                        value={mapping[heading] ?? "ignore"}
                        onChange={(value) => {
                          setMapping({ ...mapping, [heading]: value ?? "ignore" });
                          setTrialId(null);
                        }}
                      />
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
          <Stack p="md">
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
                  {t("Import “{name}”", { name: file?.name ?? "" })}
                </Button>
              </Group>
            </Group>
          </Stack>
        </Card>
      )}
      {step === 2 && (
        <Card>
          <Stack>
            <JobProgress job={job} label={t("Importing “{name}”", { name: file?.name ?? "" })} />
            {job?.state === "succeeded" && (
              <>
                <Outcome id={job.id} />
                <Group>
                  <Button
                    component={Link}
                    to={kind === "lead" ? "/leads?sort=-createdAt" : "/contacts?sort=-createdAt"}
                  >
                    {t("Show them")}
                  </Button>
                  <Button variant="default" onClick={restart}>
                    {t("Import another file")}
                  </Button>
                </Group>
              </>
            )}
          </Stack>
        </Card>
      )}
    </Page>
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
              {result.problems.slice(0, 20).map(({ line, problem }) => (
                <Table.Tr key={`${line}-${problem}`}>
                  <Table.Td>
                    <Code>{line}</Code>
                  </Table.Td>
                  <Table.Td>{problem}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          {!result.dryRun && (
            <Anchor href={address("GET /imports/:id/bad-rows", { params: { id } })} download size="sm">
              {t("Download the bad rows")}
            </Anchor>
          )}
        </>
      )}
    </Stack>
  );
}
