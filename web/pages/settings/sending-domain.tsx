/** One sending domain: what receivers find and what to do about it, the records to publish, its keys. */
import {
  ActionIcon,
  Badge,
  Button,
  Card,
  Checkbox,
  Code,
  CopyButton,
  Group,
  Modal,
  Select,
  Stack,
  Text,
  TextInput,
  ThemeIcon,
  Title,
  Tooltip,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconCheck, IconCopy, IconMinus, IconPlus, IconRefresh, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { call, Problem, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { useMay } from "../../session.tsx";

export type SendingDomain = Row<"GET /sending-domains">;
export type Mode = SendingDomain["mode"];
type Key = SendingDomain["keys"][number];
type Check = SendingDomain["checks"][number];

export const MODES: Readonly<Record<Mode, { label: () => string; description: () => string }>> = {
  sign: {
    label: () => t("Tidings signs"),
    description: () => t("Mail of the domain leaves signed or not at all."),
  },
  "relay-signs": {
    label: () => t("The mail provider signs"),
    description: () => t("The server that mail is handed to adds the signature."),
  },
  off: { label: () => t("Nobody"), description: () => t("Large receivers refuse campaigns without a signature.") },
};

const CHECKS: Readonly<Record<Check["check"], { name: () => string; means: () => string }>> = {
  dkim: { name: () => "DKIM", means: () => t("Whether receivers find the key that mail is signed with.") },
  spf: { name: () => "SPF", means: () => t("Whether the domain says that your server may send its mail.") },
  dmarc: {
    name: () => "DMARC",
    means: () => t("Whether the domain says what is to happen with mail that is not from you."),
  },
  alignment: {
    name: () => t("Alignment"),
    means: () => t("Whether the signature or the server speaks for the address the mail is from."),
  },
  mx: { name: () => "MX", means: () => t("Whether answers and bounces find a way back.") },
  ptr: { name: () => "PTR", means: () => t("Whether the address of the server has a name.") },
};

const KEY_STATES: Readonly<Record<Key["state"], { color: string; word: () => string }>> = {
  new: { color: "blue", word: () => t("Waits to be published") },
  signing: { color: "green", word: () => t("Signs") },
  retired: { color: "gray", word: () => t("Retired") },
};

const ALGORITHMS: Readonly<Record<Key["algorithm"], string>> = { "rsa-sha256": "RSA", "ed25519-sha256": "Ed25519" };

export function DomainDetail({ id, gone }: { id: string; gone: () => void }) {
  const found = useApi("GET /sending-domains/:id", { params: { id } });
  const may = useMay();
  const [checking, setChecking] = useState(false);
  if (found.isError) return <Failure error={found.error} retry={found.refetch} />;
  if (!found.data) return <RowsSkeleton count={6} />;
  const domain = found.data;
  const check = async () => {
    setChecking(true);
    try {
      await call("POST /sending-domains/:id/check", { params: { id } });
      await queryClient.invalidateQueries();
    } catch (error) {
      tellFailure(error);
    } finally {
      setChecking(false);
    }
  };
  const setMode = async (mode: string | null) => {
    try {
      await call("PATCH /sending-domains/:id", { params: { id }, body: { mode: mode as Mode } });
      await queryClient.invalidateQueries();
      tellDone(t("Saved."));
    } catch (error) {
      tellFailure(error);
    }
  };
  const remove = () =>
    ask({
      title: t("Delete “{name}”?", { name: domain.domain }),
      text: t("Its keys go too: mail of the domain leaves unsigned from then on."),
      deed: t("Delete"),
      act: async () => {
        await call("DELETE /sending-domains/:id", { params: { id } });
        gone();
        await queryClient.invalidateQueries();
        tellDone(t("Deleted."));
      },
    });
  return (
    <Stack gap="lg">
      <Group justify="space-between" align="flex-end">
        <Title order={2}>{domain.domain}</Title>
        <Button
          variant="default"
          leftSection={<IconRefresh size={16} />}
          loading={checking}
          onClick={() => void check()}
        >
          {t("Check now")}
        </Button>
      </Group>
      <Stack gap="xs" component="section" aria-label={t("What receivers find")}>
        <Title order={3}>{t("What receivers find")}</Title>
        {domain.checkedAt ? (
          <>
            <Text size="xs" c="dimmed">
              {t("Checked")} <Moment at={domain.checkedAt} ago />
            </Text>
            <Card padding="md" role="status">
              <Stack gap="md">
                {domain.checks.map((one) => (
                  <Finding key={`${one.check} ${one.text}`} check={one} records={domain.records} />
                ))}
              </Stack>
            </Card>
          </>
        ) : (
          <Text size="sm" c="dimmed">
            {t("Publish the records below where the domain’s DNS is kept, then check. It can take an hour to be seen.")}
          </Text>
        )}
      </Stack>
      <Stack gap="xs" component="section" aria-label={t("Records to publish")}>
        <Title order={3}>{t("Records to publish")}</Title>
        {domain.records.map((record) => (
          <RecordCard key={record.name} record={record} keyOf={domain.keys.find((key) => key.id === record.keyId)} />
        ))}
      </Stack>
      <Keys domain={domain} />
      {may("administrator") && (
        <Group justify="space-between" align="flex-end">
          <Select
            label={t("Who signs")}
            description={MODES[domain.mode].description()}
            allowDeselect={false}
            value={domain.mode}
            onChange={(mode) => void setMode(mode)}
            data={(Object.keys(MODES) as Mode[]).map((value) => ({ value, label: MODES[value].label() }))}
            miw={280}
          />
          <Button variant="subtle" color="red" onClick={remove}>
            {t("Delete the domain")}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function Finding({
  check: { check, ok, found, text, todo },
  records,
}: {
  check: Check;
  records: SendingDomain["records"];
}) {
  // The record stands below, ready to be copied; a key is not read twice.
  const record = todo === null ? undefined : records.find(({ value }) => todo.includes(value));
  const deed = record ? t("Publish the record {name} as it stands below.", { name: record.name }) : todo;
  const { name, means } = CHECKS[check];
  const word = ok === null ? t("Cannot be told") : ok ? t("Fine") : t("To be mended");
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start">
      <ThemeIcon
        size="sm"
        radius="xl"
        color={ok === null ? "gray" : ok ? "green" : "red"}
        role="img"
        aria-label={word}
        mt={2}
      >
        {ok === null ? <IconMinus size={14} /> : ok ? <IconCheck size={14} /> : <IconX size={14} />}
      </ThemeIcon>
      <div style={{ minWidth: 0 }}>
        <Text size="sm">
          <b>{name()}</b>: {text}
        </Text>
        <Text size="xs" c="dimmed">
          {means()}
        </Text>
        {deed && (
          <Text size="sm" mt={4} style={{ overflowWrap: "anywhere" }}>
            <b>{t("What to do")}:</b> {deed}
          </Text>
        )}
        {found && ok !== true && (
          <Text size="xs" c="dimmed" mt={4} style={{ overflowWrap: "anywhere" }}>
            {t("Found: {found}", { found })}
          </Text>
        )}
      </div>
    </Group>
  );
}

function RecordCard({ record, keyOf }: { record: SendingDomain["records"][number]; keyOf: Key | undefined }) {
  const { purpose, type, name, value, zone } = record;
  return (
    <Card padding="md">
      <Stack gap="xs">
        <Group justify="space-between">
          <Group gap="xs">
            <Badge color="gray">{type}</Badge>
            <Text size="sm" fw={600}>
              {keyOf ? `DKIM, ${ALGORITHMS[keyOf.algorithm]}` : purpose.toUpperCase()}
            </Text>
            {keyOf && (
              <Badge color={keyOf.publishedAt ? "green" : "orange"}>
                {keyOf.publishedAt ? t("Published") : t("Not seen yet")}
              </Badge>
            )}
          </Group>
          <CopyButton value={zone}>
            {({ copied, copy }) => (
              <Button size="compact-xs" variant="subtle" onClick={copy}>
                {copied ? t("Copied") : t("Copy as a line of a zone file")}
              </Button>
            )}
          </CopyButton>
        </Group>
        <Copied label={t("Name")} value={name} />
        <Copied label={t("Value")} value={value} />
        {purpose === "dmarc" && (
          <Text size="xs" c="dimmed">
            {t("To begin with. Leave it out where the domain has a DMARC record already.")}
          </Text>
        )}
      </Stack>
    </Card>
  );
}

function Copied({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Group gap="xs" wrap="nowrap" align="flex-start">
        <Code style={{ flex: 1, minWidth: 0, overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>{value}</Code>
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? t("Copied") : t("Copy")}>
              <ActionIcon onClick={copy} aria-label={t("Copy: {label}", { label })}>
                {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      </Group>
    </div>
  );
}

function Keys({ domain }: { domain: SendingDomain }) {
  const may = useMay();
  const [making, setMaking] = useState(false);
  const signWith = async (key: Key, unpublished = false) => {
    try {
      await call("PUT /sending-domains/:id/keys/:keyId/signing", {
        params: { id: domain.id, keyId: key.id },
        query: unpublished ? { unpublished: "true" } : {},
      });
      await queryClient.invalidateQueries();
      tellDone(t("Mail is signed with {selector} from now on.", { selector: key.selector }));
    } catch (error) {
      if (!(error instanceof Problem && error.code === "sending-domain-key-unpublished")) return tellFailure(error);
      ask({
        title: t("Sign with a key nobody has seen published?"),
        text: t(
          "Receivers that do not find its record count the mail as unsigned. Better publish it, check, then sign.",
        ),
        deed: t("Sign with it all the same"),
        act: () => signWith(key, true),
      });
    }
  };
  const remove = (key: Key) =>
    ask({
      title: t("Delete the key {selector}?", { selector: key.selector }),
      text: t("Leave its record published for a week: mail signed with it may still be on its way."),
      deed: t("Delete"),
      act: async () => {
        await call("DELETE /sending-domains/:id/keys/:keyId", { params: { id: domain.id, keyId: key.id } });
        await queryClient.invalidateQueries();
        tellDone(t("Deleted."));
      },
    });
  return (
    <Stack gap="xs" component="section" aria-label={t("Keys")}>
      <Group justify="space-between">
        <Title order={3}>{t("Keys")}</Title>
        {may("administrator") && (
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlus size={14} />}
            onClick={() => setMaking(true)}
          >
            {t("New key")}
          </Button>
        )}
      </Group>
      {domain.keys.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("None: Tidings does not sign mail of this domain.")}
        </Text>
      ) : (
        <Card padding={0}>
          {domain.keys.map((key, at) => (
            <Group
              key={key.id}
              justify="space-between"
              p="sm"
              style={at > 0 ? { borderTop: "1px solid var(--tidings-line)" } : {}}
            >
              <div>
                <Group gap="xs">
                  <Text size="sm" ff="monospace">
                    {key.selector}
                  </Text>
                  <Badge color={KEY_STATES[key.state].color}>{KEY_STATES[key.state].word()}</Badge>
                </Group>
                <Text size="xs" c="dimmed">
                  {ALGORITHMS[key.algorithm]} · <Moment at={key.createdAt} />
                </Text>
              </div>
              {may("administrator") && (
                <Group gap={4}>
                  {key.state !== "signing" && (
                    <Button
                      size="compact-xs"
                      variant="subtle"
                      onClick={() => void signWith(key)}
                      aria-label={t("Sign with {selector}", { selector: key.selector })}
                    >
                      {t("Sign with it")}
                    </Button>
                  )}
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    color="red"
                    onClick={() => remove(key)}
                    aria-label={t("Delete {name}", { name: key.selector })}
                  >
                    {t("Delete")}
                  </Button>
                </Group>
              )}
            </Group>
          ))}
        </Card>
      )}
      <Modal opened={making} onClose={() => setMaking(false)} title={t("New key")}>
        {making && <NewKey domain={domain} done={() => setMaking(false)} />}
      </Modal>
    </Stack>
  );
}

/** Changing keys: a new one is made, published and checked before it signs. */
function NewKey({ domain, done }: { domain: SendingDomain; done: () => void }) {
  const form = useForm({ initialValues: { algorithms: ["rsa-sha256"], selector: "" } });
  const submit = async ({ algorithms, selector }: typeof form.values) => {
    try {
      await call("POST /sending-domains/:id/keys", {
        params: { id: domain.id },
        body: {
          algorithms: algorithms as Key["algorithm"][],
          ...(selector.trim() ? { selector: selector.trim() } : {}),
        },
      });
      await queryClient.invalidateQueries();
      tellDone(t("Now publish its records, then check."));
      done();
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <Text size="sm" c="dimmed">
          {t("The key in use goes on signing until you choose this one: publish its record, check, then sign with it.")}
        </Text>
        <Checkbox.Group label={t("Kind")} {...form.getInputProps("algorithms")}>
          <Stack gap="xs" mt={4}>
            {(Object.keys(ALGORITHMS) as Key["algorithm"][]).map((value) => (
              <Checkbox key={value} value={value} label={ALGORITHMS[value]} />
            ))}
          </Stack>
        </Checkbox.Group>
        <TextInput
          label={t("Selector (optional)")}
          description={t("The name the key is published under. When empty, the day says it.")}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          {...form.getInputProps("selector")}
        />
        <Group justify="flex-end">
          <Button type="submit" disabled={form.values.algorithms.length === 0}>
            {t("Make the key")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
