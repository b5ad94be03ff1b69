/** The declared fields of people. */
import { Button, Code, Group, Modal, Select, Stack, TagsInput, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask, deleteNamed } from "../../kit/ask.tsx";
import { tellDone } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { type Column, Empty, List } from "../../kit/list.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";

type Field = Row<"GET /person-fields">;
const TYPES = ["text", "number", "boolean", "date", "url", "choice"] as const;
const TYPE_WORDS: Readonly<Record<(typeof TYPES)[number], () => string>> = {
  text: () => t("Text"),
  number: () => t("Number"),
  boolean: () => t("Yes or no"),
  date: () => t("Date"),
  url: () => t("Web address"),
  choice: () => t("Choice"),
};

export default function Fields() {
  const may = useMay();
  const [edited, setEdited] = useState<Field | "new" | null>(null);
  const remove = ({ id, label }: Field) =>
    ask({
      title: t("Remove the field “{label}”?", { label }),
      text: t("Only a field that nobody has a value for can be removed."),
      deed: t("Remove"),
      act: () =>
        deleteNamed(
          (force) => call("DELETE /person-fields/:id", { params: { id }, query: { force: String(force) } }),
          async () => {
            await queryClient.invalidateQueries();
            tellDone(t("Removed."));
          },
        ),
    });
  const columns: readonly Column<Field>[] = [
    { key: "label", label: t("Label"), cell: ({ label }) => label },
    { key: "key", label: t("In templates"), cell: ({ key }) => <Code>{`{{ ${key} }}`}</Code> },
    { key: "type", label: t("Type"), cell: ({ type }) => TYPE_WORDS[type]() },
    { key: "choices", label: t("Choices"), cell: ({ choices }) => choices?.join(", ") ?? "" },
    {
      key: "actions",
      label: "",
      align: "right",
      cell: (field) =>
        may("manager") && (
          <Group gap={4} justify="flex-end" wrap="nowrap">
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => setEdited(field)}
              aria-label={t("Edit {name}", { name: field.label })}
            >
              {t("Edit")}
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              onClick={() => remove(field)}
              aria-label={t("Remove {name}", { name: field.label })}
            >
              {t("Remove")}
            </Button>
          </Group>
        ),
    },
  ];
  const add = may("manager") && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEdited("new")}>
      {t("New field")}
    </Button>
  );
  return (
    <SettingsPage
      title={t("Fields")}
      hint={t("What you know of people beyond name and address. Templates and filters can use them.")}
      actions={add}
    >
      <List
        route="GET /person-fields"
        label={t("Fields")}
        columns={columns}
        empty={
          <Empty title={t("No fields yet")} action={add}>
            {t("Such as the date of renewal, or the product they use.")}
          </Empty>
        }
      />
      <Modal
        opened={edited !== null}
        onClose={() => setEdited(null)}
        title={edited === "new" ? t("New field") : t("Edit the field")}
      >
        {edited !== null && <FieldForm field={edited === "new" ? null : edited} done={() => setEdited(null)} />}
      </Modal>
    </SettingsPage>
  );
}

/** Its name in templates and its type stay what they were first: templates and values rely on them. */
function FieldForm({ field, done }: { field: Field | null; done: () => void }) {
  const form = useForm({
    initialValues: {
      label: field?.label ?? "",
      key: field?.key ?? "",
      type: field?.type ?? "text",
      choices: [...(field?.choices ?? [])],
    },
  });
  const submit = async ({ label, key, type, choices }: typeof form.values) => {
    const offered = type === "choice" ? choices : null;
    try {
      await (field
        ? call("PATCH /person-fields/:id", { params: { id: field.id }, body: { label, choices: offered } })
        : call("POST /person-fields", { body: { label, key, type, choices: offered } }));
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
        <TextInput
          label={t("Label")}
          required
          data-autofocus
          {...form.getInputProps("label")}
          onChange={(event) => {
            const label = event.currentTarget.value;
            form.setValues(field ? { label } : { label, key: keyOf(label) });
          }}
        />
        <TextInput
          label={t("Name in templates")}
          required
          readOnly={field !== null}
          variant={field ? "filled" : "default"}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          {...form.getInputProps("key")}
        />
        <Select
          label={t("Type")}
          allowDeselect={false}
          readOnly={field !== null}
          variant={field ? "filled" : "default"}
          data={TYPES.map((value) => ({ value, label: TYPE_WORDS[value]() }))}
          {...form.getInputProps("type")}
        />
        {form.values.type === "choice" && (
          <TagsInput label={t("Choices")} required {...form.getInputProps("choices")} />
        )}
        <Group justify="flex-end">
          <Button type="submit">{field ? t("Save") : t("Create")}</Button>
        </Group>
      </Stack>
    </form>
  );
}

/** A name templates can use, from a label: `Größe (cm)` → `groesse_cm`. */
const keyOf = (label: string) =>
  label
    .toLowerCase()
    .replaceAll(/[äöüß]/g, (letter) => ({ ä: "ae", ö: "oe", ü: "ue", ß: "ss" })[letter] ?? letter)
    .normalize("NFD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
