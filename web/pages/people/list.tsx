/** The list of Leads and of Contacts: one page with two names. */
import { Badge, Button, Drawer, Group, MultiSelect, Pill, Stack, Text } from "@mantine/core";
import { IconCopyCheck, IconFilter, IconPlus, IconUpload } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Row } from "../../api.ts";
import { STATUSES } from "../../../src/core/person.ts";
import type { PeopleFilter } from "../../../src/people/api.ts";
import { formatDay, t } from "../../i18n.ts";
import { type Column, Empty, joined, List, split, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { BOOLEAN, filterOfSearch, PeopleFilterFields, searchOfFilter } from "../../kit/people-filter.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { Moment, PersonLink } from "../../kit/words.tsx";
import { useApi } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { BulkActions } from "./bulk.tsx";
import { NewPerson } from "./new-person.tsx";

type Person = Row<"GET /leads">;
type Field = Row<"GET /person-fields">;
export type Kind = "lead" | "contact";

const BASE: readonly Column<Person>[] = [
  {
    key: "fullName",
    label: t("Name"),
    sort: "fullName",
    cell: ({ id, fullName, email }) => <PersonLink person={{ id, name: fullName, email }} />,
  },
  { key: "company", label: t("Company"), sort: "company", cell: ({ company }) => company ?? "" },
  { key: "jobTitle", label: t("Job title"), cell: ({ jobTitle }) => jobTitle ?? "", optional: true },
  {
    key: "status",
    label: t("Status"),
    sort: "status",
    cell: ({ status, optedOut, disabledAt }) => (
      <Group gap={6}>
        {status}
        {optedOut && <Badge color="red">{t("opted out")}</Badge>}
        {disabledAt && <Badge color="gray">{t("disabled")}</Badge>}
      </Group>
    ),
  },
  { key: "source", label: t("Source"), cell: ({ source }) => source ?? "", optional: true },
  { key: "country", label: t("Country"), cell: ({ country }) => country ?? "", optional: true },
  { key: "city", label: t("City"), cell: ({ city }) => city ?? "", optional: true },
  { key: "phone", label: t("Phone"), cell: ({ phone, mobile }) => phone ?? mobile ?? "", optional: true },
  { key: "owner", label: t("Owner"), cell: ({ owner }) => owner ?? "", optional: true },
  { key: "createdAt", label: t("Created"), sort: "createdAt", cell: ({ createdAt }) => <Moment at={createdAt} ago /> },
  {
    key: "changedAt",
    label: t("Changed"),
    sort: "changedAt",
    cell: ({ changedAt }) => <Moment at={changedAt} ago />,
    optional: true,
  },
];

export function PeopleList({ kind }: { kind: Kind }) {
  const may = useMay();
  const [search, change] = useSearchState();
  const fields = useApi("GET /person-fields", { query: { limit: 500 } });
  const declared = fields.data?.data ?? [];
  const leads = kind === "lead";
  const title = leads ? t("Leads") : t("Contacts");
  const columns = [
    ...BASE,
    ...declared.map(({ key, label, type }): Column<Person> => ({
      key: `attributes.${key}`,
      label,
      cell: ({ attributes }) => valueOf(type, attributes[key]),
      optional: true,
    })),
  ];
  const add = (
    <>
      {may("manager") && (
        <Button component={Link} to={`/import?kind=${kind}`} variant="default" leftSection={<IconUpload size={16} />}>
          {t("Import")}
        </Button>
      )}
      {may("user") && (
        <Button leftSection={<IconPlus size={16} />} onClick={() => change({ new: "yes" })}>
          {leads ? t("New Lead") : t("New Contact")}
        </Button>
      )}
    </>
  );
  const filter = { ...filterOfSearch(search), kind };
  return (
    <Page
      title={title}
      hint={
        leads
          ? t("People you hope to win. A Lead that is won becomes a Contact, with all its history.")
          : t("People you know: customers, partners, colleagues of theirs.")
      }
      actions={
        <>
          {may("manager") && (
            <Button component={Link} to="/duplicates" variant="subtle" leftSection={<IconCopyCheck size={16} />}>
              {t("Duplicates")}
            </Button>
          )}
          {add}
        </>
      }
    >
      <List
        route={leads ? "GET /leads" : "GET /contacts"}
        exporting={leads ? "GET /leads/export" : "GET /contacts/export"}
        label={title}
        columns={columns}
        filters={[...FILTERS, ...declared.map(({ key }) => `attributes.${key}`)]}
        searchLabel={t("Search name, company or address")}
        controls={
          <>
            <MultiSelect
              aria-label={t("Status")}
              placeholder={search["status"] ? undefined : t("Any status")}
              data={[...STATUSES[kind]]}
              value={split(search["status"])}
              onChange={(status) => change({ status: joined(status) })}
              clearable
              w={180}
            />
            <Pick
              route="GET /email-groups"
              aria-label={t("Email Group")}
              placeholder={t("Any group")}
              labelOf={nameLabel}
              value={search["emailGroupId"] ? Number(search["emailGroupId"]) : null}
              onChange={(id) => change({ emailGroupId: id === null ? undefined : String(id) })}
              clearable
              w={170}
            />
            <MoreFilters kind={kind} fields={declared} />
          </>
        }
        empty={
          <Empty
            title={leads ? t("No Leads yet") : t("No Contacts yet")}
            action={<Group justify="center">{add}</Group>}
          >
            {t(
              "Import a CSV file from your old system, or type the first one in. Every mail to them will stand on their timeline.",
            )}
          </Empty>
        }
        {...(may("user")
          ? {
              bulk: (chosen: readonly Person[], done: () => void) => (
                <BulkActions whom={{ ids: chosen.map(({ id }) => id) }} done={done} />
              ),
              bulkAll: (done: () => void) => <BulkActions whom={{ filter }} done={done} />,
            }
          : {})}
      />
      {may("user") && (
        <NewPerson kind={kind} opened={search["new"] === "yes"} close={() => change({ new: undefined })} />
      )}
    </Page>
  );
}

/** What stands in the address bar and narrows the list. */
const FILTERS = [
  "status",
  "emailGroupId",
  "source",
  "country",
  "company",
  "owner",
  "createdFrom",
  "createdBefore",
] as const;

function valueOf(type: Field["type"], value: Person["attributes"][string] | undefined): string {
  if (value === null || value === undefined) return "";
  if (type === "boolean") return BOOLEAN.find((one) => one.value === String(value))?.word() ?? String(value);
  return type === "date" ? formatDay(String(value)) : String(value);
}

/** All that can be filtered by, in a drawer; what is set stands beside the button and goes with a click. */
function MoreFilters({ kind, fields }: { kind: Kind; fields: readonly Field[] }) {
  const [search, change] = useSearchState();
  const [draft, setDraft] = useState<PeopleFilter | null>(null);
  const keys = fields.map(({ key }) => key);
  const labels: readonly (readonly [name: string, label: string])[] = [
    ["source", t("Source")],
    ["country", t("Country")],
    ["company", t("Company")],
    ["owner", t("Owner")],
    ["createdFrom", t("Created on or after")],
    ["createdBefore", t("Created before")],
    ...fields.map(({ key, label }) => [`attributes.${key}`, label] as const),
  ];
  const shownValue = (name: string, value: string) => {
    if (name.startsWith("created")) return value.includes("T") ? value : formatDay(value);
    const field = fields.find(({ key }) => name === `attributes.${key}`);
    return field ? valueOf(field.type, value) : split(value).join(", ");
  };
  return (
    <>
      <Button variant="default" leftSection={<IconFilter size={16} />} onClick={() => setDraft(filterOfSearch(search))}>
        {t("More filters")}
      </Button>
      {labels.map(([name, label]) => {
        const value = search[name];
        if (!value) return null;
        return (
          <Pill
            key={name}
            withRemoveButton
            onRemove={() => change({ [name]: undefined })}
            removeButtonProps={{ "aria-label": t("Remove the filter {name}", { name: label }), tabIndex: 0 }}
          >
            {label}: {shownValue(name, value)}
          </Pill>
        );
      })}
      <Drawer opened={draft !== null} onClose={() => setDraft(null)} position="right" size="lg" title={t("Filters")}>
        {draft && (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              change({ ...searchOfFilter(draft, keys), q: search["q"] });
              setDraft(null);
            }}
          >
            <Stack>
              <PeopleFilterFields filter={draft} change={setDraft} kind={kind} />
              <Text size="xs" c="dimmed">
                {t("Several values of one field mean any of them. The address of this page keeps them all.")}
              </Text>
              <Group justify="flex-end">
                <Button variant="default" onClick={() => setDraft({})}>
                  {t("Empty all")}
                </Button>
                <Button type="submit">{t("Show them")}</Button>
              </Group>
            </Stack>
          </form>
        )}
      </Drawer>
    </>
  );
}
