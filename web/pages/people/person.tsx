/** One person: who they are, what they may be sent, what runs for them, and everything that was ever said. */
import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Card,
  Drawer,
  Grid,
  Group,
  Menu,
  Modal,
  Select,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import {
  IconArrowsJoin,
  IconDots,
  IconDownload,
  IconEraser,
  IconNote,
  IconPencil,
  IconPlus,
  IconTrash,
  IconUserCheck,
  IconX,
} from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { address, type Answer, call } from "../../api.ts";
import { CONTACT_STATUSES, LEAD_STATUSES } from "../../../src/core/person.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { CommunicationList, kindWord } from "../../kit/communication.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { useSearchState } from "../../kit/list.tsx";
import { MergeForm } from "../../kit/merge.tsx";
import { Page } from "../../kit/page.tsx";
import { nameLabel, personLabel, Pick } from "../../kit/pick.tsx";
import { scopeWord, suppressionReason } from "../../kit/suppression-words.ts";
import { Day, Moment, RecordLink, StatusBadge } from "../../kit/words.tsx";
import { queryClient, useApi, useRead } from "../../queries.ts";
import { useMay, useMayChange } from "../../session.tsx";

type Person = Answer<"GET /people/:id">;
const SHOWN_KINDS = ["email", "note", "unsubscribed", "status", "suppressed"] as const;

export default function PersonPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data: person } = useRead("GET /people/:id", { params: { id } });
  const may = useMay();
  const mayChange = useMayChange();
  const navigate = useNavigate();
  const [search, change] = useSearchState();
  const [editing, setEditing] = useState(false);
  const [merging, setMerging] = useState(false);
  const lead = person.kind === "lead";
  const own = mayChange(person);
  const list = lead ? "/leads" : "/contacts";
  const path = lead ? ("leads" as const) : ("contacts" as const);

  const convert = async () => {
    try {
      await call("PUT /leads/:id/conversion", { params: { id } });
      await queryClient.invalidateQueries();
      tellDone(
        t("{name} is a Contact now. Address, timeline and running Email Campaigns stay.", { name: person.fullName }),
      );
    } catch (error) {
      tellFailure(error);
    }
  };
  const erase = () =>
    ask({
      title: t("Erase {name} for good?", { name: person.fullName || person.email || "" }),
      text: t(
        "Name, addresses, attributes and what was written to them go for good, and whatever runs stops. That they must not be written to stays, as a hash. This cannot be undone.",
      ),
      deed: t("Erase for good"),
      act: async () => {
        await call(`PUT /${path}/:id/erasure`, { params: { id } });
        await queryClient.invalidateQueries();
        tellDone(t("Erased."));
      },
    });
  const remove = () =>
    ask({
      title: t("Delete this person?"),
      text: t("Only somebody no Email Campaign names can be deleted. Erase the others."),
      deed: t("Delete"),
      act: async () => {
        await call(`DELETE /${path}/:id`, { params: { id } });
        tellDone(t("Deleted."));
        await navigate({ to: list });
      },
    });

  return (
    <Page
      title={person.fullName || person.email || t("Somebody without a name")}
      above={[[lead ? t("Leads") : t("Contacts"), list]]}
      badge={
        <Group gap={6}>
          <Badge color={lead ? "blue" : "teal"}>{lead ? t("Lead") : t("Contact")}</Badge>
          <Badge color="gray">{person.status}</Badge>
        </Group>
      }
      hint={[person.jobTitle, person.company, person.email].filter(Boolean).join(" · ")}
      actions={
        <>
          {own && (
            <Button variant="default" leftSection={<IconPencil size={16} />} onClick={() => setEditing(true)}>
              {t("Edit")}
            </Button>
          )}
          {may("user") && (
            <Button
              component={Link}
              to={`/email-campaigns/new?person=${person.id}&for=${person.kind}`}
              leftSection={<IconPlus size={16} />}
            >
              {t("Start a Campaign")}
            </Button>
          )}
          {may("user") && (
            <Menu position="bottom-end">
              <Menu.Target>
                <ActionIcon size="lg" variant="default" aria-label={t("More")}>
                  <IconDots size={18} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                {lead && own && (
                  <Menu.Item leftSection={<IconUserCheck size={16} />} onClick={() => void convert()}>
                    {t("Convert to a Contact")}
                  </Menu.Item>
                )}
                {may("manager") && (
                  <>
                    <Menu.Item leftSection={<IconArrowsJoin size={16} />} onClick={() => setMerging(true)}>
                      {t("Merge with another record")}
                    </Menu.Item>
                    <Menu.Item
                      component="a"
                      href={address("GET /people/:id/export", { params: { id } })}
                      download
                      leftSection={<IconDownload size={16} />}
                    >
                      {t("Download everything kept")}
                    </Menu.Item>
                    <Menu.Divider />
                    <Menu.Item color="red" leftSection={<IconEraser size={16} />} onClick={erase}>
                      {t("Erase for good")}
                    </Menu.Item>
                    <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={remove}>
                      {t("Delete")}
                    </Menu.Item>
                  </>
                )}
              </Menu.Dropdown>
            </Menu>
          )}
        </>
      }
    >
      {!person.canReceive && (
        <Alert color="orange" title={t("Gets no mail")}>
          {person.whyNot}
        </Alert>
      )}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack>
            <Details person={person} />
            <Running person={person} />
            <Groups person={person} />
            <Consent person={person} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Card component="section" aria-label={t("Timeline")}>
            <Group justify="space-between" mb="sm">
              <Text component="h2" fw={650}>
                {t("Timeline")}
              </Text>
              <Select
                aria-label={t("Show only")}
                placeholder={t("Everything")}
                data={SHOWN_KINDS.map((kind) => ({ value: kind, label: kindWord(kind) }))}
                value={search["kind"] ?? null}
                onChange={(kind) => change({ kind: kind ?? undefined })}
                clearable
                size="xs"
                w={160}
              />
            </Group>
            {may("user") && <NewNote personId={person.id} />}
            <CommunicationList
              query={{ personId: person.id, limit: 100, ...(search["kind"] ? { kind: search["kind"] } : {}) }}
              empty={t("Nothing yet. What is sent and what comes back stands here.")}
            />
          </Card>
        </Grid.Col>
      </Grid>
      <Drawer opened={editing} onClose={() => setEditing(false)} position="right" size="lg" title={t("Edit")}>
        {editing && <EditPerson person={person} done={() => setEditing(false)} />}
      </Drawer>
      <Modal opened={merging} onClose={() => setMerging(false)} size="lg" title={t("Merge with another record")}>
        {merging && <MergePick person={person} done={() => setMerging(false)} />}
      </Modal>
    </Page>
  );
}

function Section({ title, action, children }: { title: string; action?: React.ReactNode; children: React.ReactNode }) {
  return (
    <Card component="section" aria-label={title} padding="md">
      <Group justify="space-between" mb="xs">
        <Text component="h2" fw={650}>
          {title}
        </Text>
        {action}
      </Group>
      {children}
    </Card>
  );
}

function Details({ person }: { person: Person }) {
  const fields = useApi("GET /person-fields", { query: { limit: 500 } });
  const labels = new Map((fields.data?.data ?? []).map(({ key, label }) => [key, label]));
  const rows: [string, React.ReactNode][] = [
    [t("Email"), person.addresses.map(({ email }) => email).join(", ")],
    [t("Company"), person.company],
    [t("Job title"), person.jobTitle],
    [t("Phone"), [person.phone, person.mobile].filter(Boolean).join(", ")],
    [t("Website"), person.website],
    [t("Place"), [person.city, person.state, person.country].filter(Boolean).join(", ")],
    [t("Source"), person.source],
    [t("Owner"), person.owner],
    [t("Language"), person.language],
    [t("Time zone"), person.timeZone],
    ...Object.entries(person.attributes).map(([key, value]): [string, React.ReactNode] => [
      labels.get(key) ?? key,
      String(value ?? ""),
    ]),
    [t("Notes"), person.notes],
    [t("Created"), <Moment key="created" at={person.createdAt} />],
  ];
  return (
    <Section title={t("Details")}>
      <Stack gap={6} component="dl" m={0}>
        {rows
          .filter(([, value]) => Boolean(value))
          .map(([label, value]) => (
            <Group key={label} gap="xs" wrap="nowrap" align="flex-start">
              <Text component="dt" size="sm" c="dimmed" w={110} style={{ flexShrink: 0 }}>
                {label}
              </Text>
              <Text component="dd" m={0} size="sm" style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
                {value}
              </Text>
            </Group>
          ))}
      </Stack>
    </Section>
  );
}

function Running({ person }: { person: Person }) {
  return (
    <Section title={t("Running Email Campaigns")}>
      {person.running.length === 0 ? (
        <Text size="sm" c="dimmed">
          {person.emailCampaigns > 0
            ? t("None at the moment; {count} in all.", { count: person.emailCampaigns })
            : t("None yet.")}
        </Text>
      ) : (
        <Stack gap="sm">
          {person.running.map((one) => (
            <div key={one.id}>
              <Group justify="space-between">
                <RecordLink to={`/email-campaigns/${one.id}`}>{one.campaign}</RecordLink>
                <StatusBadge status={one.status} />
              </Group>
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
    </Section>
  );
}

function Groups({ person }: { person: Person }) {
  const may = useMay();
  const add = async (id: number) => {
    await call("POST /email-groups/:id/members", { params: { id }, body: { personIds: [person.id] } });
    await queryClient.invalidateQueries();
  };
  const remove = async (id: number, title: string) => {
    await call("DELETE /email-groups/:id/members/:personId", { params: { id, personId: person.id } });
    await queryClient.invalidateQueries();
    tellDone(t("Removed from {group}.", { group: title }), () => add(id));
  };
  return (
    <Section title={t("Email Groups")}>
      <Stack gap="xs">
        {person.groups.map(({ emailGroupId, title, state }) => (
          <Group key={emailGroupId} justify="space-between" wrap="nowrap">
            <RecordLink to={`/email-groups/${emailGroupId}`}>{title}</RecordLink>
            <Group gap={4} wrap="nowrap">
              <Badge color={state === "subscribed" ? "green" : "red"}>
                {state === "subscribed" ? t("Subscribed") : t("Unsubscribed")}
              </Badge>
              {may("user") && (
                <ActionIcon
                  size="sm"
                  aria-label={t("Remove from {group}", { group: title })}
                  onClick={() => void remove(emailGroupId, title).catch(tellFailure)}
                >
                  <IconX size={14} />
                </ActionIcon>
              )}
            </Group>
          </Group>
        ))}
        {may("user") && (
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
        )}
      </Stack>
    </Section>
  );
}

function Consent({ person }: { person: Person }) {
  const may = useMay();
  const lift = (id: number) =>
    ask({
      title: t("Lift this suppression?"),
      text: t("Mail may go to this address again. What the person asked for themselves cannot be lifted here."),
      deed: t("Lift it"),
      act: async () => {
        await call("DELETE /suppressions/:id", { params: { id } });
        await queryClient.invalidateQueries();
        tellDone(t("Lifted."));
      },
    });
  const suppress = () =>
    ask({
      title: t("Send nothing more to {email}?", { email: person.email ?? "" }),
      text: t("Everything that runs for this address stops."),
      deed: t("Suppress"),
      act: async () => {
        await call("POST /suppressions", {
          body: { email: person.email ?? "", scope: "everything", origin: t("by hand, on the person's page") },
        });
        await queryClient.invalidateQueries();
      },
    });
  return (
    <Section
      title={t("Consent and suppressions")}
      action={
        may("user") &&
        person.email && (
          <Button size="compact-xs" variant="subtle" color="red" onClick={suppress}>
            {t("Suppress")}
          </Button>
        )
      }
    >
      {person.suppressions.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("None. Mail may be sent.")}
        </Text>
      ) : (
        <Stack gap="xs">
          {person.suppressions.map((one) => (
            <Group key={one.id} justify="space-between" wrap="nowrap">
              <div>
                <Text size="sm">
                  {scopeWord(one.scope)}
                  {one.campaign ? `: ${one.campaign}` : ""} · {suppressionReason(one.reason)}
                </Text>
                <Text size="xs" c="dimmed">
                  {[one.email, one.origin].filter(Boolean).join(" · ")} · <Moment at={one.createdAt} ago />
                </Text>
              </div>
              {may("manager") && ["manual", "imported", "hard-bounce"].includes(one.reason) && (
                <Button size="compact-xs" variant="subtle" onClick={() => lift(one.id)}>
                  {t("Lift")}
                </Button>
              )}
            </Group>
          ))}
        </Stack>
      )}
    </Section>
  );
}

function NewNote({ personId }: { personId: number }) {
  const form = useForm({ initialValues: { subject: "" } });
  const submit = async ({ subject }: { subject: string }) => {
    if (!subject.trim()) return;
    try {
      await call("POST /communications", { body: { personId, subject } });
      form.reset();
      await queryClient.invalidateQueries();
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Group gap="xs" mb="sm" wrap="nowrap">
        <TextInput
          flex={1}
          aria-label={t("Write a note")}
          placeholder={t("Write a note")}
          leftSection={<IconNote size={16} />}
          {...form.getInputProps("subject")}
        />
        <Button type="submit" variant="default" disabled={!form.values.subject.trim()}>
          {t("Keep")}
        </Button>
      </Group>
    </form>
  );
}

const TEXTS = [
  "salutation",
  "firstName",
  "lastName",
  "email",
  "company",
  "jobTitle",
  "phone",
  "mobile",
  "website",
  "city",
  "state",
  "country",
  "source",
  "owner",
] as const;
const TEXT_LABELS: Readonly<Record<(typeof TEXTS)[number], () => string>> = {
  salutation: () => t("Salutation"),
  firstName: () => t("First name"),
  lastName: () => t("Last name"),
  email: () => t("Email address"),
  company: () => t("Company"),
  jobTitle: () => t("Job title"),
  phone: () => t("Phone"),
  mobile: () => t("Mobile"),
  website: () => t("Website"),
  city: () => t("City"),
  state: () => t("State"),
  country: () => t("Country"),
  source: () => t("Source"),
  owner: () => t("Owner"),
};

function EditPerson({ person, done }: { person: Person; done: () => void }) {
  const fields = useApi("GET /person-fields", { query: { limit: 500 } });
  const form = useForm({
    initialValues: {
      ...(Object.fromEntries(TEXTS.map((name) => [name, person[name] ?? ""])) as Record<
        (typeof TEXTS)[number],
        string
      >),
      status: person.status,
      language: person.language ?? "",
      timeZone: person.timeZone,
      notes: person.notes ?? "",
      attributes: Object.fromEntries(
        Object.entries(person.attributes).map(([key, value]) => [key, String(value ?? "")]),
      ),
    },
  });
  const submit = async ({ attributes, notes, timeZone, language, status, ...texts }: typeof form.values) => {
    const body: Record<string, unknown> = {};
    const note = (name: string, value: string | null, before: string | null) => {
      const wanted = value === "" ? null : value;
      if (wanted !== before) body[name] = wanted;
    };
    for (const name of TEXTS) note(name, texts[name], person[name]);
    note("notes", notes, person.notes);
    note("timeZone", timeZone, person.timeZone);
    note("language", language, person.language);
    if (status !== person.status) body["status"] = status;
    const changed = (fields.data?.data ?? []).flatMap(({ key, type }) => {
      const value = attributes[key] ?? "";
      if (value === String(person.attributes[key] ?? "")) return [];
      return [
        [key, value === "" ? null : type === "number" ? Number(value) : type === "boolean" ? value === "true" : value],
      ];
    });
    if (changed.length > 0) body["attributes"] = Object.fromEntries(changed) as unknown;
    try {
      await call(person.kind === "lead" ? "PATCH /leads/:id" : "PATCH /contacts/:id", {
        params: { id: person.id },
        body: body as never,
      });
      await queryClient.invalidateQueries();
      tellDone(t("Saved."));
      done();
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <Select
          label={t("Status")}
          data={[...(person.kind === "lead" ? LEAD_STATUSES : CONTACT_STATUSES)]}
          allowDeselect={false}
          {...form.getInputProps("status")}
        />
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          {TEXTS.map((name) => (
            <TextInput key={name} label={TEXT_LABELS[name]()} {...form.getInputProps(name)} />
          ))}
          <TextInput label={t("Language")} placeholder="de, pt-BR" {...form.getInputProps("language")} />
          <Select
            label={t("Time zone")}
            data={Intl.supportedValuesOf("timeZone")}
            searchable
            clearable
            {...form.getInputProps("timeZone")}
          />
          {(fields.data?.data ?? []).map(({ key, label, type, choices }) =>
            choices || type === "boolean" ? (
              <Select
                key={key}
                label={label}
                data={choices ?? ["true", "false"]}
                clearable
                {...form.getInputProps(`attributes.${key}`)}
              />
            ) : (
              <TextInput
                key={key}
                label={label}
                type={type === "number" ? "number" : type === "date" ? "date" : type === "url" ? "url" : "text"}
                {...form.getInputProps(`attributes.${key}`)}
              />
            ),
          )}
        </SimpleGrid>
        <Textarea label={t("Notes")} autosize minRows={2} {...form.getInputProps("notes")} />
        <Group justify="flex-end">
          <Button type="submit">{t("Save")}</Button>
        </Group>
      </Stack>
    </form>
  );
}

function MergePick({ person, done }: { person: Person; done: () => void }) {
  const [otherId, setOtherId] = useState<number | null>(null);
  return (
    <Stack>
      <Pick
        route={person.kind === "lead" ? "GET /leads" : "GET /contacts"}
        label={t("The other record of the same person")}
        labelOf={personLabel}
        value={otherId}
        onChange={setOtherId}
      />
      {otherId !== null && otherId !== person.id && <MergeForm id={person.id} otherId={otherId} done={done} />}
    </Stack>
  );
}
