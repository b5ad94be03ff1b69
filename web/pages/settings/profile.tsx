/** One's own account: name, language, password, second factor, passkeys, where one is signed in. */
import {
  Alert,
  Badge,
  Button,
  Card,
  Code,
  Group,
  Modal,
  PasswordInput,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconKey, IconShieldLock } from "@tabler/icons-react";
import { renderSVG } from "uqr";
import { useState } from "react";
import { call } from "../../api.ts";
import { chooseLanguage, LANGUAGES, type Language, t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { NewPasswordInput } from "../../kit/password.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { sessionQuery, useSession } from "../../session.tsx";

export default function Profile() {
  return (
    <SettingsPage title={t("Profile and security")}>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Person />
        <Password />
        <Authenticator />
        <Passkeys />
      </SimpleGrid>
      <Sessions />
    </SettingsPage>
  );
}

function Section({ title, badge, children }: { title: string; badge?: React.ReactNode; children: React.ReactNode }) {
  return (
    <Card component="section" aria-label={title}>
      <Group justify="space-between" mb="md">
        <Text component="h2" fw={650}>
          {title}
        </Text>
        {badge}
      </Group>
      {children}
    </Card>
  );
}

function Person() {
  const { user } = useSession();
  const form = useForm({ initialValues: { name: user.name, language: user.language } });
  const submit = async ({ name, language }: typeof form.values) => {
    try {
      queryClient.setQueryData(
        sessionQuery.queryKey,
        await call("PATCH /session/user", { body: { name, language: language as Language } }),
      );
      tellDone(t("Saved."));
      chooseLanguage(language as Language);
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <Section title={t("You")} badge={<Badge color="gray">{user.role}</Badge>}>
      <form onSubmit={form.onSubmit((values) => void submit(values))}>
        <Stack>
          <TextInput label={t("Name")} required {...form.getInputProps("name")} />
          <TextInput label={t("Email address")} value={user.email} readOnly />
          <Select
            label={t("Language")}
            allowDeselect={false}
            data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
            {...form.getInputProps("language")}
          />
          <Group justify="flex-end">
            <Button type="submit">{t("Save")}</Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function Password() {
  const form = useForm({ initialValues: { currentPassword: "", newPassword: "" } });
  const submit = async (body: typeof form.values) => {
    try {
      await call("PUT /session/password", { body });
      form.reset();
      tellDone(t("Your password is changed. You are signed out everywhere else."));
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <Section title={t("Password")}>
      <form onSubmit={form.onSubmit((values) => void submit(values))}>
        <Stack>
          <PasswordInput
            label={t("Present password")}
            autoComplete="current-password"
            required
            visibilityToggleButtonProps={{ "aria-label": t("Show the password") }}
            {...form.getInputProps("currentPassword")}
          />
          <NewPasswordInput {...form.getInputProps("newPassword")} />
          <Group justify="flex-end">
            <Button type="submit">{t("Change the password")}</Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function Authenticator() {
  const { user } = useSession();
  const [password, setPassword] = useState("");
  const [begun, setBegun] = useState<{ secret: string; uri: string } | null>(null);
  const [code, setCode] = useState("");
  const [codes, setCodes] = useState<string[] | null>(null);
  const refresh = () => queryClient.invalidateQueries({ queryKey: sessionQuery.queryKey });
  const guarded = (act: () => Promise<void>) => void act().catch(tellFailure);
  return (
    <Section
      title={t("Authenticator app")}
      badge={<Badge color={user.totp ? "green" : "gray"}>{user.totp ? t("On") : t("Off")}</Badge>}
    >
      <Stack>
        <Text size="sm" c="dimmed">
          {user.totp
            ? t(
                "Signing in with the password asks for a code. {count, plural, one {# recovery code is} other {# recovery codes are}} left.",
                { count: user.recoveryCodesLeft },
              )
            : t("A code from your phone beside the password keeps others out, even if they know the password.")}
        </Text>
        {!begun && (
          <Group align="flex-end">
            <PasswordInput
              label={t("Your password")}
              autoComplete="current-password"
              flex={1}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              visibilityToggleButtonProps={{ "aria-label": t("Show the password") }}
            />
            {user.totp ? (
              <Button
                color="red"
                variant="default"
                disabled={!password}
                onClick={() =>
                  guarded(async () => {
                    await call("DELETE /session/totp", { body: { password } });
                    setPassword("");
                    await refresh();
                    tellDone(t("The authenticator is disconnected."));
                  })
                }
              >
                {t("Disconnect")}
              </Button>
            ) : (
              <Button
                leftSection={<IconShieldLock size={16} />}
                disabled={!password}
                onClick={() =>
                  guarded(async () => {
                    setBegun(await call("POST /session/totp", { body: { password } }));
                    setPassword("");
                  })
                }
              >
                {t("Connect")}
              </Button>
            )}
          </Group>
        )}
        {begun && (
          <Stack>
            <Text size="sm">{t("Scan this with the app, then type the code it shows.")}</Text>
            <img
              src={`data:image/svg+xml;utf8,${encodeURIComponent(renderSVG(begun.uri))}`}
              alt={t("QR code of the secret")}
              width={180}
              height={180}
              style={{ background: "#fff", padding: 8, borderRadius: 8 }}
            />
            <Text size="xs" c="dimmed">
              {t("Or type the secret:")} <Code>{begun.secret}</Code>
            </Text>
            <Group align="flex-end">
              <TextInput
                label={t("Code")}
                inputMode="numeric"
                autoComplete="one-time-code"
                value={code}
                onChange={(event) => setCode(event.currentTarget.value)}
              />
              <Button
                disabled={!code.trim()}
                onClick={() =>
                  guarded(async () => {
                    const { recoveryCodes } = await call("PUT /session/totp", { body: { code } });
                    setCodes(recoveryCodes);
                    setBegun(null);
                    setCode("");
                    await refresh();
                  })
                }
              >
                {t("Confirm")}
              </Button>
            </Group>
          </Stack>
        )}
      </Stack>
      <Modal opened={codes !== null} onClose={() => setCodes(null)} title={t("Recovery codes")}>
        <Stack>
          <Text size="sm">
            {t("Keep them where you find them without your phone. Each works once; they are not shown again.")}
          </Text>
          <Code block>{codes?.join("\n")}</Code>
          <Group justify="flex-end">
            <Button onClick={() => setCodes(null)}>{t("I have kept them")}</Button>
          </Group>
        </Stack>
      </Modal>
    </Section>
  );
}

function Passkeys() {
  const found = useApi("GET /session/passkeys");
  const refresh = () => queryClient.invalidateQueries();
  const add = async () => {
    try {
      const { startRegistration } = await import("@simplewebauthn/browser");
      const options = await call("POST /session/passkeys/options");
      const response = await startRegistration({ optionsJSON: options as never });
      const name = t("Passkey of {date}", { date: new Date().toLocaleDateString() });
      await call("POST /session/passkeys", { body: { name, response: response as never } });
      await refresh();
      tellDone(t("The passkey is kept. Next time it signs you in."));
    } catch (error) {
      if (!(error instanceof Error && error.name === "NotAllowedError")) tellFailure(error);
    }
  };
  return (
    <Section title={t("Passkeys")}>
      <Stack>
        <Text size="sm" c="dimmed">
          {t("Sign in with your fingerprint, face or security key instead of a password.")}
        </Text>
        {found.data?.data.map(({ id, name, lastUsedAt, createdAt }) => (
          <Group key={id} justify="space-between">
            <div>
              <Text size="sm">{name}</Text>
              <Text size="xs" c="dimmed">
                {t("Last used")} <Moment at={lastUsedAt ?? createdAt} ago />
              </Text>
            </div>
            <Button
              size="compact-sm"
              variant="subtle"
              color="red"
              onClick={() =>
                ask({
                  title: t("Remove “{name}”?", { name }),
                  text: t("It no longer signs you in."),
                  deed: t("Remove"),
                  act: async () => {
                    await call("DELETE /session/passkeys/:id", { params: { id } });
                    await refresh();
                  },
                })
              }
            >
              {t("Remove")}
            </Button>
          </Group>
        ))}
        <Group>
          <Button variant="default" leftSection={<IconKey size={16} />} onClick={() => void add()}>
            {t("Add a passkey")}
          </Button>
        </Group>
      </Stack>
    </Section>
  );
}

function Sessions() {
  const found = useApi("GET /sessions");
  const end = async (id?: number) => {
    try {
      await (id === undefined ? call("DELETE /sessions") : call("DELETE /sessions/:id", { params: { id } }));
      await queryClient.invalidateQueries();
      tellDone(t("Signed out there."));
    } catch (error) {
      tellFailure(error);
    }
  };
  return (
    <Card mt="md" component="section" aria-label={t("Where you are signed in")}>
      <Group justify="space-between" mb="md">
        <Text component="h2" fw={650}>
          {t("Where you are signed in")}
        </Text>
        {(found.data?.data.length ?? 0) > 1 && (
          <Button size="xs" variant="default" onClick={() => void end()}>
            {t("Sign out everywhere else")}
          </Button>
        )}
      </Group>
      <Stack gap="xs">
        {found.data?.data.map(({ id, current, userAgent, ip, lastSeenAt }) => (
          <Group key={id} justify="space-between" wrap="nowrap">
            <div style={{ minWidth: 0 }}>
              <Text size="sm" truncate>
                {userAgent ?? t("Unknown browser")}
              </Text>
              <Text size="xs" c="dimmed">
                {ip} · <Moment at={lastSeenAt} ago />
              </Text>
            </div>
            {current ? (
              <Badge color="green">{t("This one")}</Badge>
            ) : (
              <Button size="compact-sm" variant="subtle" onClick={() => void end(id)}>
                {t("Sign out")}
              </Button>
            )}
          </Group>
        ))}
        {found.isError && <Alert color="red">{t("This could not be read.")}</Alert>}
      </Stack>
    </Card>
  );
}
