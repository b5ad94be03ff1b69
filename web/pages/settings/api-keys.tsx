/** API keys: made, shown once, revoked. */
import {
  Alert,
  Badge,
  Button,
  Code,
  CopyButton,
  Group,
  Modal,
  Select,
  Stack,
  TagsInput,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { type Column, Empty, List } from "../../kit/list.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient } from "../../queries.ts";
import type { Role } from "../../session.tsx";

const SCOPES = [
  "leads",
  "contacts",
  "email-groups",
  "campaigns",
  "email-campaigns",
  "email-templates",
  "communications",
  "suppressions",
].flatMap((resource) => [`${resource}:read`, `${resource}:write`]);

type Key = Row<"GET /api-keys">;

export default function ApiKeys() {
  const [making, setMaking] = useState(false);
  const revoke = ({ id, name }: Key) =>
    ask({
      title: t("Revoke “{name}”?", { name }),
      text: t("Whatever uses it stops working at once and for good."),
      deed: t("Revoke"),
      act: async () => {
        await call("DELETE /api-keys/:id", { params: { id } });
        await queryClient.invalidateQueries();
        tellDone(t("Revoked."));
      },
    });
  const columns: readonly Column<Key>[] = [
    { key: "name", label: t("Name"), cell: ({ name }) => name },
    { key: "prefix", label: t("Begins with"), cell: ({ prefix }) => <Code>{prefix}…</Code> },
    { key: "role", label: t("Role"), cell: ({ role }) => role },
    { key: "lastUsedAt", label: t("Last used"), cell: ({ lastUsedAt }) => <Moment at={lastUsedAt} ago /> },
    { key: "createdAt", label: t("Created"), cell: ({ createdAt }) => <Moment at={createdAt} />, optional: true },
    {
      key: "actions",
      label: "",
      align: "right",
      cell: (key) =>
        key.revokedAt ? (
          <Badge color="red">{t("Revoked")}</Badge>
        ) : (
          <Button size="compact-xs" variant="subtle" color="red" onClick={() => revoke(key)}>
            {t("Revoke")}
          </Button>
        ),
    },
  ];
  const add = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setMaking(true)}>
      {t("New API key")}
    </Button>
  );
  return (
    <SettingsPage
      title={t("API keys")}
      hint={t("For programs: everything this application does, the API does.")}
      actions={add}
    >
      <List
        route="GET /api-keys"
        label={t("API keys")}
        columns={columns}
        empty={
          <Empty title={t("No keys yet")} action={add}>
            {t("A key lets another program work here, with the role you give it.")}
          </Empty>
        }
      />
      <Modal opened={making} onClose={() => setMaking(false)} title={t("New API key")}>
        {making && <NewKey />}
      </Modal>
    </SettingsPage>
  );
}

function NewKey() {
  const [key, setKey] = useState<string | null>(null);
  const form = useForm({ initialValues: { name: "", role: "user", scopes: [] as string[] } });
  const submit = async ({ name, role, scopes }: typeof form.values) => {
    try {
      const made = await call("POST /api-keys", { body: { name, role: role as Role, scopes } });
      setKey(made.key);
      await queryClient.invalidateQueries();
    } catch (error) {
      showProblem(form, error);
    }
  };
  if (key)
    return (
      <Stack>
        <Alert color="orange" title={t("Copy it now")}>
          {t("It is not shown again.")}
        </Alert>
        <TextInput
          label={t("Key")}
          value={key}
          readOnly
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
        />
        <CopyButton value={key}>
          {({ copied, copy }) => <Button onClick={copy}>{copied ? t("Copied") : t("Copy the key")}</Button>}
        </CopyButton>
      </Stack>
    );
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <TextInput label={t("What it is for")} required data-autofocus {...form.getInputProps("name")} />
        <Select
          label={t("Role")}
          allowDeselect={false}
          data={["viewer", "user", "manager", "administrator"]}
          {...form.getInputProps("role")}
        />
        <TagsInput
          label={t("Only for (optional)")}
          description={t("Such as {example}. Empty: everything the role may.", { example: "leads:read" })}
          data={SCOPES}
          {...form.getInputProps("scopes")}
        />
        <Group justify="flex-end">
          <Button type="submit">{t("Make the key")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
