/** Who may use this installation, and who is invited. */
import { Alert, Badge, Button, Card, CopyButton, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { type Column, Empty, List } from "../../kit/list.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { type Role, useSession } from "../../session.tsx";

type User = Row<"GET /users">;

const ROLES: readonly { value: Role; label: () => string }[] = [
  { value: "viewer", label: () => t("Viewer: reads") },
  { value: "user", label: () => t("User: works with people and Campaigns, changes their own") },
  { value: "manager", label: () => t("Manager: changes everybody's, imports, exports, deletes") },
  { value: "administrator", label: () => t("Administrator: settings, users and keys as well") },
];
const roleData = () => ROLES.map(({ value, label }) => ({ value, label: label() }));

export default function Users() {
  const { user: me } = useSession();
  const [inviting, setInviting] = useState(false);
  const change = async (id: number, body: { role?: Role; disabled?: boolean }) => {
    try {
      await call("PATCH /users/:id", { params: { id }, body });
      await queryClient.invalidateQueries();
      tellDone(t("Saved. Their sessions have ended."));
    } catch (error) {
      tellFailure(error);
    }
  };
  const columns: readonly Column<User>[] = [
    {
      key: "name",
      label: t("Name"),
      cell: ({ name, email }) => (
        <div>
          <Text size="sm" fw={550}>
            {name}
          </Text>
          <Text size="xs" c="dimmed">
            {email}
          </Text>
        </div>
      ),
    },
    {
      key: "role",
      label: t("Role"),
      cell: ({ id, name, role }) =>
        id === me.id ? (
          <Badge color="gray">{role}</Badge>
        ) : (
          <Select
            aria-label={t("Role of {name}", { name })}
            data={roleData()}
            value={role}
            allowDeselect={false}
            size="xs"
            w={240}
            comboboxProps={{ width: 360, position: "bottom-start" }}
            onChange={(value) => value && void change(id, { role: value as Role })}
          />
        ),
    },
    {
      key: "state",
      label: t("State"),
      cell: ({ disabledAt }) => (
        <Badge color={disabledAt ? "red" : "green"}>{disabledAt ? t("Disabled") : t("Active")}</Badge>
      ),
    },
    { key: "lastSignInAt", label: t("Last signed in"), cell: ({ lastSignInAt }) => <Moment at={lastSignInAt} ago /> },
    {
      key: "actions",
      label: "",
      align: "right",
      cell: ({ id, name, disabledAt }) =>
        id !== me.id && (
          <Button
            size="compact-xs"
            variant="subtle"
            color={disabledAt ? "ink" : "red"}
            onClick={() =>
              disabledAt
                ? void change(id, { disabled: false })
                : ask({
                    title: t("Disable {name}?", { name }),
                    text: t("They are signed out at once. What they made stays, and their Email Campaigns go on."),
                    deed: t("Disable"),
                    act: () => change(id, { disabled: true }),
                  })
            }
          >
            {disabledAt ? t("Enable") : t("Disable")}
          </Button>
        ),
    },
  ];
  return (
    <SettingsPage
      title={t("Users")}
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setInviting(true)}>
          {t("Invite somebody")}
        </Button>
      }
    >
      <Stack>
        <List
          route="GET /users"
          label={t("Users")}
          columns={columns}
          empty={<Empty title={t("Nobody")}>{t("Invite somebody.")}</Empty>}
        />
        <Invitations />
      </Stack>
      <Modal opened={inviting} onClose={() => setInviting(false)} title={t("Invite somebody")}>
        {inviting && <Invite />}
      </Modal>
    </SettingsPage>
  );
}

function Invitations() {
  const found = useApi("GET /invitations");
  if (!found.data || found.data.data.length === 0) return null;
  return (
    <Card component="section" aria-label={t("Invitations")}>
      <Text component="h2" fw={650} mb="sm">
        {t("Invitations nobody has accepted yet")}
      </Text>
      <Stack gap="xs">
        {found.data.data.map(({ id, name, email, role, expiresAt }) => (
          <Group key={id} justify="space-between">
            <div>
              <Text size="sm">
                {name} · {email} · {role}
              </Text>
              <Text size="xs" c="dimmed">
                {t("Good until")} <Moment at={expiresAt} />
              </Text>
            </div>
            <Button
              size="compact-sm"
              variant="subtle"
              color="red"
              onClick={() =>
                void call("DELETE /invitations/:id", { params: { id } })
                  .then(() => queryClient.invalidateQueries())
                  .catch(tellFailure)
              }
            >
              {t("Take back")}
            </Button>
          </Group>
        ))}
      </Stack>
    </Card>
  );
}

function Invite() {
  const [url, setUrl] = useState<string | null>(null);
  const form = useForm({ initialValues: { name: "", email: "", role: "user" } });
  const submit = async ({ name, email, role }: typeof form.values) => {
    try {
      const made = await call("POST /invitations", { body: { name, email, role: role as Role } });
      setUrl(made.url);
      await queryClient.invalidateQueries();
    } catch (error) {
      showProblem(form, error);
    }
  };
  if (url)
    return (
      <Stack>
        <Alert color="green" title={t("Invited")}>
          {t("The link was mailed. You may also hand it over yourself; it works once, within 7 days.")}
        </Alert>
        <TextInput label={t("Link")} value={url} readOnly />
        <CopyButton value={url}>
          {({ copied, copy }) => <Button onClick={copy}>{copied ? t("Copied") : t("Copy the link")}</Button>}
        </CopyButton>
      </Stack>
    );
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <TextInput label={t("Name")} required data-autofocus {...form.getInputProps("name")} />
        <TextInput label={t("Email address")} type="email" required {...form.getInputProps("email")} />
        <Select label={t("Role")} allowDeselect={false} data={roleData()} {...form.getInputProps("role")} />
        <Group justify="flex-end">
          <Button type="submit">{t("Invite")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
