/** Who a person is: their details, the status one press away, and the form that changes all of it. */
import {
  ActionIcon,
  Alert,
  Anchor,
  Badge,
  Button,
  Checkbox,
  Group,
  Menu,
  Radio,
  Select,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconChevronDown, IconPencil, IconPlus, IconX } from "@tabler/icons-react";
import { type Answer, call, Problem, type Row } from "../../api.ts";
import { STATUSES } from "../../../src/core/person.ts";
import { formatDay, t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { BOOLEAN } from "../../kit/people-filter.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { Section } from "./person-consent.tsx";

type Person = Answer<"GET /people/:id">;
type Field = Row<"GET /person-fields">;

/** What these mean follows at once, and for more than the word: somebody should have read it. */
const ENDING: Readonly<Record<string, () => string>> = {
  "Do Not Contact": () => t("They get no more mail, and whatever runs for them stops."),
  Converted: () => t("Whatever runs for them stops. To keep it running, convert the Lead to a Contact instead."),
};

const patched = (person: Person, body: object, ifMatch?: string) =>
  call(person.kind === "lead" ? "PATCH /leads/:id" : "PATCH /contacts/:id", {
    params: { id: person.id },
    body: body as never,
    ...(ifMatch ? { ifMatch } : {}),
  });

/** The status as a badge; who may change it presses it. */
export function StatusMenu({ person, mayChange }: { person: Person; mayChange: boolean }) {
  const put = async (status: string, undoable: boolean) => {
    await patched(person, { status });
    await queryClient.invalidateQueries();
    const back = async () => {
      await patched(person, { status: person.status });
      await queryClient.invalidateQueries();
    };
    tellDone(t("The status is {status} now.", { status }), undoable ? back : undefined);
  };
  const choose = (status: string) => {
    const ends = ENDING[status];
    if (!ends) return void put(status, true).catch(tellFailure);
    return ask({
      title: t("Set the status to {status}?", { status }),
      text: ends(),
      deed: status,
      act: () => put(status, false),
    });
  };
  if (!mayChange) return <Badge color="gray">{person.status}</Badge>;
  return (
    <Menu position="bottom-start">
      <Menu.Target>
        <UnstyledButton aria-label={t("Status: {status}. Change it", { status: person.status })}>
          <Badge color="gray" rightSection={<IconChevronDown size={12} />}>
            {person.status}
          </Badge>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        {STATUSES[person.kind].map((status) => (
          <Menu.Item key={status} disabled={status === person.status} onClick={() => choose(status)}>
            {status}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function Details({ person, edit }: { person: Person; edit?: () => void }) {
  const fields = useApi("GET /person-fields", { query: { limit: 500 } });
  const declared = new Map((fields.data?.data ?? []).map((field) => [field.key, field]));
  const rows: [string, React.ReactNode][] = [
    [
      t("Email"),
      person.addresses.map(({ email, primary }) => (
        <div key={email}>
          {email}
          {primary && person.addresses.length > 1 && (
            <Text span size="xs" c="dimmed">
              {" "}
              {t("primary")}
            </Text>
          )}
        </div>
      )),
    ],
    [t("Company"), person.company],
    [t("Job title"), person.jobTitle],
    [t("Phone"), [person.phone, person.mobile].filter(Boolean).join(", ")],
    [t("Website"), person.website && <Website address={person.website} />],
    [t("Place"), [person.city, person.state, person.country].filter(Boolean).join(", ")],
    [t("Source"), person.source],
    [t("Owner"), person.owner],
    [t("Language"), person.language],
    [t("Time zone"), person.timeZone],
    ...Object.entries(person.attributes).map(([key, value]): [string, React.ReactNode] => [
      declared.get(key)?.label ?? key,
      shown(declared.get(key), value),
    ]),
    [t("Notes"), person.notes],
    [t("Created"), <Moment key="created" at={person.createdAt} />],
    [t("Changed"), <Moment key="changed" at={person.changedAt} />],
  ];
  return (
    <Section
      title={t("Details")}
      action={
        edit && (
          <ActionIcon size="sm" variant="subtle" aria-label={t("Edit the details")} onClick={edit}>
            <IconPencil size={16} />
          </ActionIcon>
        )
      }
    >
      <Stack gap={6} component="dl" m={0}>
        {rows
          .filter(([, value]) => (Array.isArray(value) ? value.length > 0 : Boolean(value)))
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

function shown(field: Field | undefined, value: Person["attributes"][string]): React.ReactNode {
  if (value === null) return "";
  if (field?.type === "boolean") return BOOLEAN.find((one) => one.value === String(value))?.word();
  if (field?.type === "date") return formatDay(String(value));
  if (field?.type === "url") return <Website address={String(value)} />;
  return String(value);
}

/** A link only where it leads to the web: what people write into a field may be anything. */
function Website({ address }: { address: string }) {
  const href = /^https?:\/\//i.test(address) ? address : `https://${address}`;
  return URL.canParse(href) && !/\s/.test(address) ? (
    <Anchor href={href} target="_blank" rel="noreferrer noopener" size="sm">
      {address}
    </Anchor>
  ) : (
    address
  );
}

const TEXTS = [
  "salutation",
  "firstName",
  "middleName",
  "lastName",
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
  middleName: () => t("Middle name"),
  lastName: () => t("Last name"),
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

/** The whole of a person as a form. It writes what was changed, and only if nobody else changed them meanwhile. */
export function EditPerson({ person, done }: { person: Person; done: () => void }) {
  const fields = useApi("GET /person-fields", { query: { limit: 500 } });
  const declared = fields.data?.data ?? [];
  const form = useForm({
    initialValues: {
      ...(Object.fromEntries(TEXTS.map((name) => [name, person[name] ?? ""])) as Record<
        (typeof TEXTS)[number],
        string
      >),
      addresses: person.addresses.length > 0 ? person.addresses : [{ email: "", primary: true }],
      status: person.status,
      language: person.language ?? "",
      timeZone: person.timeZone,
      notes: person.notes ?? "",
      disabled: person.disabledAt !== null,
      attributes: Object.fromEntries(
        Object.entries(person.attributes).map(([key, value]) => [key, String(value ?? "")]),
      ),
    },
  });
  const submit = async (values: typeof form.values) => {
    try {
      await patched(person, changesOf(person, values, declared), `"${person.changedAt}"`);
      await queryClient.invalidateQueries();
      tellDone(t("Saved."));
      done();
    } catch (error) {
      if (error instanceof Problem && error.errors.some(({ pointer }) => pointer === "/email"))
        form.setFieldError("addresses.0.email", error.message);
      else showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <Select
          label={t("Status")}
          data={[...STATUSES[person.kind]]}
          allowDeselect={false}
          {...form.getInputProps("status")}
        />
        {ENDING[form.values.status] && form.values.status !== person.status && (
          <Alert color="orange">{ENDING[form.values.status]?.()}</Alert>
        )}
        <Addresses
          addresses={form.values.addresses}
          change={(addresses) => form.setFieldValue("addresses", addresses)}
          errorAt={(at) => form.errors[`addresses.${at}.email`] ?? form.errors[`addresses.${at}`]}
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
            limit={50}
            {...form.getInputProps("timeZone")}
          />
          {declared.map(({ key, label, type, choices }) =>
            choices || type === "boolean" ? (
              <Select
                key={key}
                label={label}
                data={choices ?? BOOLEAN.map(({ value, word }) => ({ value, label: word() }))}
                clearable
                {...form.getInputProps(`attributes.${key}`)}
              />
            ) : (
              <TextInput
                key={key}
                label={label}
                type={type === "number" ? "number" : type === "date" ? "date" : type === "url" ? "url" : "text"}
                step={type === "number" ? "any" : undefined}
                {...form.getInputProps(`attributes.${key}`)}
              />
            ),
          )}
        </SimpleGrid>
        <Textarea label={t("Notes")} autosize minRows={2} maxRows={12} {...form.getInputProps("notes")} />
        <Checkbox
          label={t("Disabled")}
          description={t("Gets no mail while this is set; nothing is forgotten.")}
          {...form.getInputProps("disabled", { type: "checkbox" })}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={done}>
            {t("Cancel")}
          </Button>
          <Button type="submit" disabled={!form.isDirty()}>
            {t("Save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

type Values = Record<(typeof TEXTS)[number], string> & {
  addresses: { email: string; primary: boolean }[];
  status: string;
  language: string;
  timeZone: string | null;
  notes: string;
  disabled: boolean;
  attributes: Record<string, string>;
};

/** Only what differs: a field somebody else fills in is not emptied by a form that was open. */
function changesOf(person: Person, values: Values, declared: readonly Field[]): object {
  const body: Record<string, unknown> = {};
  for (const name of [...TEXTS, "notes", "timeZone", "language"] as const) {
    const wanted = values[name] === "" ? null : values[name];
    if (wanted !== person[name]) body[name] = wanted;
  }
  if (values.status !== person.status) body["status"] = values.status;
  if (values.disabled !== (person.disabledAt !== null)) body["disabled"] = values.disabled;
  const addresses = values.addresses.filter(({ email }) => email.trim() !== "");
  if (JSON.stringify(addresses) !== JSON.stringify(person.addresses)) body["addresses"] = addresses;
  const attributes = declared.flatMap(({ key, type }) => {
    const value = values.attributes[key] ?? "";
    if (value === String(person.attributes[key] ?? "")) return [];
    const typed = type === "number" ? Number(value) : type === "boolean" ? value === "true" : value;
    return [[key, value === "" ? null : typed] as const];
  });
  if (attributes.length > 0) body["attributes"] = Object.fromEntries(attributes);
  return body;
}

function Addresses({
  addresses,
  change,
  errorAt,
}: {
  addresses: Values["addresses"];
  change: (addresses: Values["addresses"]) => void;
  errorAt: (at: number) => React.ReactNode;
}) {
  const several = addresses.length > 1;
  return (
    <Stack gap="xs">
      {addresses.map((one, at) => (
        // oxlint-disable-next-line react/no-array-index-key -- an address that is being typed has no other name
        <Group key={at} gap="xs" wrap="nowrap" align="flex-end">
          <TextInput
            flex={1}
            type="email"
            label={at === 0 ? t("Email address") : t("Further address")}
            value={one.email}
            error={errorAt(at)}
            onChange={(event) => {
              const email = event.currentTarget.value;
              change(addresses.map((each, index) => (index === at ? { ...each, email } : each)));
            }}
          />
          {several && (
            <>
              <Radio
                pb={9}
                label={t("primary")}
                checked={one.primary}
                onChange={() => change(addresses.map((each, index) => ({ ...each, primary: index === at })))}
              />
              <ActionIcon
                mb={4}
                aria-label={t("Remove {name}", { name: one.email || t("Further address") })}
                onClick={() => {
                  const left = addresses.filter((_, index) => index !== at);
                  change(
                    left.some(({ primary }) => primary)
                      ? left
                      : left.map((each, index) => ({ ...each, primary: index === 0 })),
                  );
                }}
              >
                <IconX size={16} />
              </ActionIcon>
            </>
          )}
        </Group>
      ))}
      <Group>
        <Button
          size="compact-sm"
          variant="subtle"
          leftSection={<IconPlus size={14} />}
          onClick={() => change([...addresses, { email: "", primary: addresses.length === 0 }])}
        >
          {t("Another address")}
        </Button>
      </Group>
    </Stack>
  );
}
