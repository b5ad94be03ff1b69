/** The fields of a filter over people, for starting many at once and for groups. */
import { MultiSelect, SegmentedControl, SimpleGrid, Stack, TagsInput, Text, TextInput } from "@mantine/core";
import { CONTACT_STATUSES, LEAD_STATUSES } from "../../src/core/person.ts";
import type { PeopleFilter } from "../../src/people/api.ts";
import { t } from "../i18n.ts";
import { nameLabel, Pick } from "./pick.tsx";

const STATUSES = [...new Set<string>([...LEAD_STATUSES, ...CONTACT_STATUSES])];

export function PeopleFilterFields({
  filter,
  change,
}: {
  filter: PeopleFilter;
  change: (filter: PeopleFilter) => void;
}) {
  /** What is empty is left out: an empty filter means everybody, and nobody means that by an empty field. */
  const set = (changes: PeopleFilter) =>
    change(
      Object.fromEntries(
        Object.entries({ ...filter, ...changes }).filter(
          ([, value]) => value !== undefined && value !== "" && !(Array.isArray(value) && value.length === 0),
        ),
      ) as PeopleFilter,
    );
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
      <SegmentedControl
        aria-label={t("Leads or Contacts")}
        value={filter.kind ?? "all"}
        onChange={(kind) => set({ kind: kind === "all" ? undefined : (kind as "lead" | "contact") } as PeopleFilter)}
        data={[
          { value: "all", label: t("Both") },
          { value: "lead", label: t("Leads") },
          { value: "contact", label: t("Contacts") },
        ]}
      />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <TextInput
          label={t("Name, company or address contains")}
          value={filter.q ?? ""}
          onChange={(event) => set({ q: event.currentTarget.value })}
        />
        <MultiSelect
          label={t("Status")}
          data={STATUSES}
          value={filter.status ?? []}
          onChange={(status) => set({ status: status as PeopleFilter["status"] })}
          clearable
        />
        <TagsInput label={t("Source")} value={filter.source ?? []} onChange={(source) => set({ source })} clearable />
        <TagsInput
          label={t("Country")}
          value={filter.country ?? []}
          onChange={(country) => set({ country })}
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
      </SimpleGrid>
    </Stack>
  );
}
