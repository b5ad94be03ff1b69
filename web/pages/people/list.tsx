/** The list of Leads and of Contacts: one page with two names. */
import { Button, Group, Modal, MultiSelect, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconCopyCheck, IconPlus, IconUpload } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { CONTACT_STATUSES, LEAD_STATUSES } from "../../../src/core/person.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { Moment, PersonLink } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { useMay } from "../../session.tsx";

type Person = Row<"GET /leads">;
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
    cell: ({ status, optedOut }) => (
      <>
        {status}
        {optedOut && (
          <Text span size="xs" c="dimmed">
            {" "}
            · {t("opted out")}
          </Text>
        )}
      </>
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
  const leads = kind === "lead";
  const title = leads ? t("Leads") : t("Contacts");
  const columns = [
    ...BASE,
    ...(fields.data?.data ?? []).map(({ key, label }): Column<Person> => ({
      key: `attributes.${key}`,
      label,
      cell: ({ attributes }) => String(attributes[key] ?? ""),
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
        filters={["status", "source", "country", "company", "emailGroupId", "createdFrom", "createdBefore"]}
        searchLabel={t("Search name, company or address")}
        controls={
          <>
            <MultiSelect
              aria-label={t("Status")}
              placeholder={search["status"] ? undefined : t("Any status")}
              data={[...(leads ? LEAD_STATUSES : CONTACT_STATUSES)]}
              value={search["status"]?.split(",") ?? []}
              onChange={(status) => change({ status: status.join(",") })}
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
          ? { bulk: (chosen: readonly Person[], done: () => void) => <BulkActions chosen={chosen} done={done} /> }
          : {})}
      />
      <NewPerson kind={kind} opened={search["new"] === "yes" && may("user")} close={() => change({ new: undefined })} />
    </Page>
  );
}

function BulkActions({ chosen, done }: { chosen: readonly Person[]; done: () => void }) {
  const may = useMay();
  const [grouping, setGrouping] = useState(false);
  const ids = chosen.map(({ id }) => id);
  const act = async (body: {
    action: "add-to-group" | "remove-from-group" | "do-not-contact" | "delete";
    emailGroupId?: number;
  }) => {
    const answer = await call("POST /people/bulk-actions", { body: { ...body, ids } });
    await queryClient.invalidateQueries();
    done();
    const undo =
      body.action === "add-to-group" && answer.done > 0
        ? () => act({ action: "remove-from-group", emailGroupId: body.emailGroupId })
        : undefined;
    tellDone(
      [
        t("{count, plural, one {# person changed} other {# people changed}}", { count: answer.done }),
        answer.unchanged > 0 && t("{count} were so already", { count: answer.unchanged }),
        answer.problemCount > 0 &&
          `${t("{count} could not be", { count: answer.problemCount })}: ${answer.problems[0]?.text ?? ""}`,
      ]
        .filter(Boolean)
        .join(", "),
      undo,
    );
  };
  return (
    <Group gap="xs">
      <Button size="xs" component={Link} to={`/email-campaigns/new?ids=${ids.join(",")}`}>
        {t("Start a Campaign")}
      </Button>
      <Button size="xs" variant="default" onClick={() => setGrouping(true)}>
        {t("Add to a group")}
      </Button>
      <Button
        size="xs"
        variant="default"
        onClick={() =>
          ask({
            title: t("Mark as Do Not Contact?"),
            text: t(
              "{count, plural, one {One person gets} other {# people get}} no more mail, and whatever runs for them stops.",
              { count: ids.length },
            ),
            deed: t("Do Not Contact"),
            act: () => act({ action: "do-not-contact" }),
          })
        }
      >
        {t("Do Not Contact")}
      </Button>
      {may("manager") && (
        <Button
          size="xs"
          variant="default"
          color="red"
          onClick={() =>
            ask({
              title: t("{count, plural, one {Delete this person?} other {Delete # people?}}", { count: ids.length }),
              text: t("They go for good. Whoever was in a Campaign is kept: erase them one by one instead."),
              deed: t("Delete"),
              act: () => act({ action: "delete" }),
            })
          }
        >
          {t("Delete")}
        </Button>
      )}
      <Modal opened={grouping} onClose={() => setGrouping(false)} title={t("Add to a group")}>
        <Pick
          route="GET /email-groups"
          label={t("Email Group")}
          labelOf={nameLabel}
          value={null}
          onChange={(emailGroupId) => {
            setGrouping(false);
            if (emailGroupId !== null) void act({ action: "add-to-group", emailGroupId }).catch(tellFailure);
          }}
        />
      </Modal>
    </Group>
  );
}

function NewPerson({ kind, opened, close }: { kind: Kind; opened: boolean; close: () => void }) {
  const navigate = useNavigate();
  const form = useForm({
    initialValues: { firstName: "", lastName: "", email: "", company: "", jobTitle: "", phone: "" },
  });
  const submit = async (values: typeof form.values) => {
    try {
      const body = Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ""));
      const made = await call(kind === "lead" ? "POST /leads" : "POST /contacts", { body });
      await queryClient.invalidateQueries();
      close();
      await navigate({ to: `/people/${made.id}` });
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <Modal opened={opened} onClose={close} title={kind === "lead" ? t("New Lead") : t("New Contact")}>
      <form onSubmit={form.onSubmit((values) => void submit(values))}>
        <Stack>
          <SimpleGrid cols={2}>
            <TextInput label={t("First name")} data-autofocus {...form.getInputProps("firstName")} />
            <TextInput label={t("Last name")} {...form.getInputProps("lastName")} />
          </SimpleGrid>
          <TextInput label={t("Email address")} type="email" {...form.getInputProps("email")} />
          <TextInput label={t("Company")} {...form.getInputProps("company")} />
          <SimpleGrid cols={2}>
            <TextInput label={t("Job title")} {...form.getInputProps("jobTitle")} />
            <TextInput label={t("Phone")} {...form.getInputProps("phone")} />
          </SimpleGrid>
          <Group justify="flex-end">
            <Button type="submit">{t("Create")}</Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
