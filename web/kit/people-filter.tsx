/** The fields of a filter over people: in the lists, for starting many at once, and for groups. */
import { MultiSelect, SegmentedControl, Select, SimpleGrid, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { DatePickerInput } from "@mantine/dates";
import { CONTACT_STATUSES, LEAD_STATUSES, type PersonKind } from "../../src/core/person.ts";
import type { PeopleFilter } from "../../src/people/api.ts";
import { t } from "../i18n.ts";
import { useApi } from "../queries.ts";
import { joined, split } from "./list.tsx";
import { nameLabel, Pick } from "./pick.tsx";

const STATUSES = [...new Set<string>([...LEAD_STATUSES, ...CONTACT_STATUSES])];

export function PeopleFilterFields({
  filter,
  change,
  kind,
}: {
  filter: PeopleFilter;
  change: (filter: PeopleFilter) => void;
  /** Given in a list of one kind, which has its own search. */
  kind?: PersonKind;
}) {
  const fields = useApi("GET /person-fields", { query: { limit: 500 } });
  /** What is empty is left out: an empty filter means everybody, and nobody means that by an empty field. */
  const set = (changes: PeopleFilter) => change(given({ ...filter, ...changes }));
  const setAttribute = (key: string, value: string) =>
    set({ attributes: given({ ...filter.attributes, [key]: value }) });
  if (filter.ids)
    return (
      <Text size="sm">
        {t("{count, plural, one {# chosen person} other {# chosen people}}", { count: filter.ids.length })}
      </Text>
    );
  return (
    <Stack
      gap="sm"
      component="fieldset"
      style={{ border: "1px solid var(--tidings-line)", borderRadius: 8, padding: 16 }}
    >
      <Text component="legend" size="sm" fw={500} px={4}>
        {t("Everybody of whom all of this is true")}
      </Text>
      {!kind && (
        <SegmentedControl
          aria-label={t("Leads or Contacts")}
          value={filter.kind ?? "all"}
          onChange={(chosen) => set({ kind: chosen === "all" ? undefined : (chosen as PersonKind) } as PeopleFilter)}
          data={[
            { value: "all", label: t("Both") },
            { value: "lead", label: t("Leads") },
            { value: "contact", label: t("Contacts") },
          ]}
        />
      )}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {!kind && (
          <TextInput
            label={t("Name, company or address contains")}
            value={filter.q ?? ""}
            onChange={(event) => set({ q: event.currentTarget.value })}
          />
        )}
        <MultiSelect
          label={t("Status")}
          data={kind === "lead" ? [...LEAD_STATUSES] : kind === "contact" ? [...CONTACT_STATUSES] : STATUSES}
          value={filter.status ?? []}
          onChange={(status) => set({ status: status as PeopleFilter["status"] })}
          clearable
        />
        <Pick
          route="GET /email-groups"
          label={t("Member of")}
          labelOf={nameLabel}
          value={filter.emailGroupId ?? null}
          onChange={(emailGroupId) => set({ emailGroupId: emailGroupId ?? undefined } as PeopleFilter)}
          clearable
        />
        <TagsInput label={t("Source")} value={filter.source ?? []} onChange={(source) => set({ source })} clearable />
        <TagsInput
          label={t("Country")}
          value={filter.country ?? []}
          onChange={(country) => set({ country })}
          clearable
        />
        <TagsInput
          label={t("Company")}
          value={filter.company ?? []}
          splitChars={[]}
          onChange={(company) => set({ company })}
          clearable
        />
        <TagsInput label={t("Owner")} value={filter.owner ?? []} onChange={(owner) => set({ owner })} clearable />
        <DatePickerInput
          label={t("Created on or after")}
          value={filter.createdFrom ?? null}
          onChange={(createdFrom) => set({ createdFrom: createdFrom ?? undefined } as PeopleFilter)}
          clearable
        />
        <DatePickerInput
          label={t("Created before")}
          value={filter.createdBefore ?? null}
          onChange={(createdBefore) => set({ createdBefore: createdBefore ?? undefined } as PeopleFilter)}
          clearable
        />
        {(fields.data?.data ?? []).map(({ key, label, type, choices }) =>
          choices || type === "boolean" ? (
            <Select
              key={key}
              label={label}
              data={choices ?? BOOLEAN.map(({ value, word }) => ({ value, label: word() }))}
              value={filter.attributes?.[key] ?? null}
              onChange={(value) => setAttribute(key, value ?? "")}
              clearable
            />
          ) : (
            <TextInput
              key={key}
              label={label}
              type={type === "number" ? "number" : type === "date" ? "date" : "text"}
              value={filter.attributes?.[key] ?? ""}
              onChange={(event) => setAttribute(key, event.currentTarget.value)}
            />
          ),
        )}
      </SimpleGrid>
    </Stack>
  );
}

/** The two values of a field that is true or false, as the API writes them. */
export const BOOLEAN = [
  { value: "true", word: () => t("Yes") },
  { value: "false", word: () => t("No") },
] as const;

function given<Values extends object>(values: Values): Values {
  return Object.fromEntries(
    Object.entries(values).filter(
      ([, value]) =>
        value !== undefined &&
        value !== "" &&
        !(Array.isArray(value) && value.length === 0) &&
        !(typeof value === "object" && value !== null && Object.keys(value).length === 0),
    ),
  ) as Values;
}

const LISTS = ["status", "source", "owner", "company", "country"] as const;
const TEXTS = ["q", "createdFrom", "createdBefore"] as const;
const ATTRIBUTE = "attributes.";

/** The filter that stands in the address bar of a list: `status=Lead,Open&attributes.plan=Team`. */
export function filterOfSearch(search: Readonly<Record<string, string | undefined>>): PeopleFilter {
  const lists = LISTS.map((name) => [name, split(search[name])]);
  const texts = TEXTS.map((name) => [name, search[name]]);
  const attributes = Object.entries(search).flatMap(([name, value]) =>
    name.startsWith(ATTRIBUTE) && value ? [[name.slice(ATTRIBUTE.length), value]] : [],
  );
  return given({
    ...Object.fromEntries([...lists, ...texts]),
    emailGroupId: search["emailGroupId"] ? Number(search["emailGroupId"]) : undefined,
    attributes: Object.fromEntries(attributes),
  }) as PeopleFilter;
}

/** The other way: what to write into the address bar. `keys` are the declared fields, so that those left out go. */
export function searchOfFilter(filter: PeopleFilter, keys: readonly string[]): Record<string, string | undefined> {
  return {
    ...Object.fromEntries(LISTS.map((name) => [name, joined(filter[name])])),
    ...Object.fromEntries(TEXTS.map((name) => [name, filter[name]])),
    emailGroupId: filter.emailGroupId === undefined ? undefined : String(filter.emailGroupId),
    ...Object.fromEntries(keys.map((key) => [`${ATTRIBUTE}${key}`, filter.attributes?.[key]])),
  };
}
