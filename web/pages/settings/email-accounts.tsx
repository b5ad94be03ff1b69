/** The servers mail leaves by: presets, a trial step by step, pausing. A password goes in and never comes out. */
import {
  Alert,
  Badge,
  Button,
  Drawer,
  Fieldset,
  Group,
  MultiSelect,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  TextInput,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { type Answer, call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { KeptSecret } from "../../kit/kept-secret.tsx";
import { type Column, Empty, List } from "../../kit/list.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { useMay, useSession } from "../../session.tsx";
import { ReceivingForm } from "./receiving-form.tsx";
import { TrialSteps } from "./trial-steps.tsx";

type Account = Row<"GET /email-accounts">;
type Diagnosis = Answer<"POST /email-accounts/diagnosis">;

export default function EmailAccounts() {
  const may = useMay();
  const [edited, setEdited] = useState<Account | "new" | null>(null);
  const [receiving, setReceiving] = useState<Account | null>(null);
  const change = async (id: number, body: { paused?: boolean; isDefault?: boolean }) => {
    try {
      await call("PATCH /email-accounts/:id", { params: { id }, body });
      await queryClient.invalidateQueries();
    } catch (error) {
      tellFailure(error);
    }
  };
  const remove = ({ id, name }: Account) =>
    ask({
      title: t("Delete “{name}”?", { name }),
      text: t("Only an account nothing uses can be deleted."),
      deed: t("Delete"),
      act: async () => {
        await call("DELETE /email-accounts/:id", { params: { id } });
        await queryClient.invalidateQueries();
      },
    });
  const columns: readonly Column<Account>[] = [
    {
      key: "name",
      label: t("Name"),
      cell: ({ name, isDefault }) => (
        <Group gap={6}>
          <Text size="sm" fw={550}>
            {name}
          </Text>
          {isDefault && <Badge>{t("Default")}</Badge>}
        </Group>
      ),
    },
    { key: "server", label: t("Server"), cell: ({ smtpHost, smtpPort }) => `${smtpHost ?? ""}:${smtpPort ?? ""}` },
    { key: "email", label: t("Address"), cell: ({ email }) => email ?? "" },
    {
      key: "state",
      label: t("State"),
      cell: ({ pausedAt, pausedReason }) => (
        <>
          <Badge color={pausedAt ? "orange" : "green"}>{pausedAt ? t("Paused") : t("Active")}</Badge>
          {pausedReason && (
            <Text size="xs" c="dimmed">
              {pausedReason}
            </Text>
          )}
        </>
      ),
    },
    {
      key: "actions",
      label: "",
      align: "right",
      cell: (account) =>
        may("administrator") && (
          <Group gap={4} justify="flex-end">
            {!account.isDefault && (
              <Button size="compact-xs" variant="subtle" onClick={() => void change(account.id, { isDefault: true })}>
                {t("Make it the default")}
              </Button>
            )}
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => void change(account.id, { paused: account.pausedAt === null })}
            >
              {account.pausedAt ? t("Resume") : t("Pause")}
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => setReceiving(account)}
              aria-label={t("How mail of {name} is fetched", { name: account.name })}
            >
              {t("Receive")}
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => setEdited(account)}
              aria-label={t("Edit {name}", { name: account.name })}
            >
              {t("Edit")}
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              onClick={() => remove(account)}
              aria-label={t("Delete {name}", { name: account.name })}
            >
              {t("Delete")}
            </Button>
          </Group>
        ),
    },
  ];
  const add = may("administrator") && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEdited("new")}>
      {t("New email account")}
    </Button>
  );
  return (
    <SettingsPage
      title={t("Email accounts")}
      hint={t("The servers mail leaves by. Without one it stays in the built-in mailbox.")}
      actions={add}
    >
      <List
        route="GET /email-accounts"
        label={t("Email accounts")}
        columns={columns}
        empty={
          <Empty title={t("Mail stays in the built-in mailbox")} action={add}>
            {t(
              "Connect the server of your provider: any SMTP server will do, and you can try it before a single mail leaves.",
            )}
          </Empty>
        }
      />
      <Drawer
        opened={edited !== null}
        onClose={() => setEdited(null)}
        position="right"
        size="lg"
        title={edited === "new" ? t("New email account") : t("Edit the email account")}
      >
        {edited !== null && <AccountForm account={edited === "new" ? null : edited} done={() => setEdited(null)} />}
      </Drawer>
      <Drawer
        opened={receiving !== null}
        onClose={() => setReceiving(null)}
        position="right"
        size="lg"
        title={t("How mail of {name} is fetched", { name: receiving?.name ?? "" })}
      >
        {receiving && <ReceivingForm accountId={receiving.id} done={() => setReceiving(null)} />}
      </Drawer>
    </SettingsPage>
  );
}

function AccountForm({ account, done }: { account: Account | null; done: () => void }) {
  const { user } = useSession();
  const presets = useApi("GET /email-account-presets");
  const [notes, setNotes] = useState<readonly string[]>([]);
  const [diagnosis, setDiagnosis] = useState<Diagnosis | null>(null);
  const [busy, setBusy] = useState<"try" | "mail" | "save" | null>(null);
  const form = useForm({
    initialValues: {
      name: account?.name ?? "",
      email: account?.email ?? "",
      smtpHost: account?.smtpHost ?? "",
      smtpPort: (account?.smtpPort ?? 587) as number | string,
      smtpSecurity: account?.smtpSecurity ?? ("starttls" as "tls" | "starttls" | "none"),
      smtpUser: account?.smtpUser ?? "",
      smtpPassword: "",
      smtpAuth: account?.smtpAuth ?? ("password" as "password" | "oauth2"),
      oauthTokenUrl: account?.oauthTokenUrl ?? "",
      oauthClientId: account?.oauthClientId ?? "",
      oauthClientSecret: "",
      oauthRefreshToken: "",
      oauthScope: account?.oauthScope ?? "",
      reportsNotify: (account?.reportsNotify ?? ["failure", "delay"]) as Account["reportsNotify"],
      reportsReturn: account?.reportsReturn ?? ("headers" as "headers" | "full"),
      chunking: account?.chunking ?? ("auto" as "auto" | "always" | "never"),
      chunkingWindow: (account?.chunkingWindow ?? 1) as number | string,
      connections: (account?.connections ?? 5) as number | string,
      forceAddress: account?.forceAddress ?? false,
      forceName: account?.forceName ?? false,
      holdUnknown: account?.holdUnknown ?? false,
      maxPerSecond: amountOf(account?.maxPerSecond),
      maxPerMinute: amountOf(account?.maxPerMinute),
      maxPerHour: amountOf(account?.maxPerHour),
      maxPerDay: amountOf(account?.maxPerDay),
      rampFromPerDay: amountOf(account?.rampFromPerDay),
      rampDays: (account?.rampDays ?? 30) as number | string,
    },
  });
  const bodyOf = ({
    email,
    smtpUser,
    smtpPassword,
    smtpPort,
    connections,
    oauthClientSecret,
    oauthRefreshToken,
    ...rest
  }: typeof form.values) => ({
    ...rest,
    oauthTokenUrl: rest.oauthTokenUrl || null,
    oauthClientId: rest.oauthClientId || null,
    oauthScope: rest.oauthScope || null,
    ...(oauthClientSecret ? { oauthClientSecret } : {}),
    ...(oauthRefreshToken ? { oauthRefreshToken } : {}),
    chunkingWindow: Number(rest.chunkingWindow),
    maxPerSecond: limitOf(rest.maxPerSecond),
    maxPerMinute: limitOf(rest.maxPerMinute),
    maxPerHour: limitOf(rest.maxPerHour),
    maxPerDay: limitOf(rest.maxPerDay),
    rampFromPerDay: limitOf(rest.rampFromPerDay),
    rampDays: Number(rest.rampDays),
    email: email || null,
    smtpUser: smtpUser || null,
    smtpPort: Number(smtpPort),
    connections: Number(connections),
    // Left empty it stays what it is.
    ...(smtpPassword ? { smtpPassword } : {}),
  });
  const tryIt = async (testMailTo: string | null) => {
    setBusy(testMailTo ? "mail" : "try");
    try {
      const typed = bodyOf(form.getValues());
      const { email, smtpHost, smtpPort, smtpSecurity, smtpUser, smtpPassword, smtpAuth } = typed;
      const { oauthTokenUrl, oauthClientId, oauthClientSecret, oauthRefreshToken, oauthScope } = typed;
      const settings = {
        email,
        smtpHost,
        smtpPort,
        smtpSecurity,
        smtpUser,
        smtpAuth,
        ...(smtpPassword ? { smtpPassword } : {}),
        ...(oauthRefreshToken
          ? {
              oauthTokenUrl,
              oauthClientId,
              oauthScope,
              oauthRefreshToken,
              ...(oauthClientSecret ? { oauthClientSecret } : {}),
            }
          : {}),
      };
      setDiagnosis(
        await call("POST /email-accounts/diagnosis", {
          body: { emailAccountId: account?.id ?? null, settings, testMailTo },
        }),
      );
    } catch (error) {
      showProblem(form, error);
    } finally {
      setBusy(null);
    }
  };
  const submit = async (values: typeof form.values) => {
    setBusy("save");
    try {
      const body = bodyOf(values);
      await (account
        ? call("PATCH /email-accounts/:id", { params: { id: account.id }, body })
        : call("POST /email-accounts", { body }));
      await queryClient.invalidateQueries();
      tellDone(t("Saved."));
      done();
    } catch (error) {
      showProblem(form, error);
    } finally {
      setBusy(null);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <Select
          label={t("Provider")}
          placeholder={t("Choose yours, or fill in below")}
          data={(presets.data?.data ?? []).map(({ key, name }) => ({ value: key, label: name }))}
          onChange={(key) => {
            const preset = presets.data?.data.find((one) => one.key === key);
            if (!preset) return;
            setNotes(preset.oauth ? [...preset.notes, preset.oauth.note] : preset.notes);
            form.setValues({
              smtpHost: preset.host,
              smtpPort: preset.port,
              smtpSecurity: preset.security,
              ...(preset.oauth ? { oauthTokenUrl: preset.oauth.tokenUrl, oauthScope: preset.oauth.scope ?? "" } : {}),
              ...(form.getValues().name ? {} : { name: preset.name }),
            });
          }}
        />
        {notes.length > 0 && (
          <Alert color="blue" p="xs">
            {notes.map((note) => (
              <Text key={note} size="sm">
                {note}
              </Text>
            ))}
          </Alert>
        )}
        <TextInput label={t("Name")} description={t("For you, in lists.")} required {...form.getInputProps("name")} />
        <TextInput
          label={t("Address")}
          description={t("The account's own address.")}
          type="email"
          {...form.getInputProps("email")}
        />
        <Group align="flex-start" grow preventGrowOverflow={false}>
          <TextInput
            label={t("Server")}
            placeholder="smtp.example.com"
            required
            miw={200}
            {...form.getInputProps("smtpHost")}
          />
          <NumberInput label={t("Port")} required min={1} max={65535} w={110} {...form.getInputProps("smtpPort")} />
        </Group>
        <Select
          label={t("Encryption")}
          allowDeselect={false}
          data={[
            { value: "starttls", label: t("STARTTLS (port 587)") },
            { value: "tls", label: t("TLS from the start (port 465)") },
            { value: "none", label: t("None (only on this machine)") },
          ]}
          {...form.getInputProps("smtpSecurity")}
        />
        <TextInput label={t("User name")} autoComplete="off" {...form.getInputProps("smtpUser")} />
        <Select
          label={t("Sign in with")}
          allowDeselect={false}
          data={[
            { value: "password", label: t("Password") },
            { value: "oauth2", label: t("OAuth 2 (Google, Microsoft)") },
          ]}
          {...form.getInputProps("smtpAuth")}
        />
        {form.values.smtpAuth === "password" ? (
          <KeptSecret
            label={t("Password")}
            isKept={account?.hasPassword ?? false}
            {...form.getInputProps("smtpPassword")}
          />
        ) : (
          <Fieldset legend={t("OAuth 2")}>
            <Stack gap="sm">
              <TextInput label={t("Address for tokens")} type="url" {...form.getInputProps("oauthTokenUrl")} />
              <TextInput label={t("Client ID")} autoComplete="off" {...form.getInputProps("oauthClientId")} />
              <KeptSecret
                label={t("Client secret")}
                isKept={account?.hasOauthClientSecret ?? false}
                {...form.getInputProps("oauthClientSecret")}
              />
              <KeptSecret
                label={t("Refresh token")}
                isKept={account?.hasOauthRefreshToken ?? false}
                {...form.getInputProps("oauthRefreshToken")}
              />
              <TextInput label={t("Scope")} {...form.getInputProps("oauthScope")} />
            </Stack>
          </Fieldset>
        )}
        <NumberInput label={t("Connections at once")} min={1} max={100} {...form.getInputProps("connections")} />
        <Fieldset legend={t("How fast mail leaves")}>
          <Stack gap="sm">
            <Text size="sm" c="dimmed">
              {t("Never more in any such period, however many processes send. Empty: no limit.")}
            </Text>
            <SimpleGrid cols={{ base: 2, sm: 4 }}>
              <NumberInput label={t("Per second")} min={1} {...form.getInputProps("maxPerSecond")} />
              <NumberInput label={t("Per minute")} min={1} {...form.getInputProps("maxPerMinute")} />
              <NumberInput label={t("Per hour")} min={1} {...form.getInputProps("maxPerHour")} />
              <NumberInput label={t("Per day")} min={1} {...form.getInputProps("maxPerDay")} />
            </SimpleGrid>
            <SimpleGrid cols={2}>
              <NumberInput label={t("At first, per day")} min={1} {...form.getInputProps("rampFromPerDay")} />
              <NumberInput label={t("Full limit after (days)")} min={1} max={365} {...form.getInputProps("rampDays")} />
            </SimpleGrid>
          </Stack>
        </Fieldset>
        <Switch
          label={t("Send from this account's address, whoever the sender is")}
          {...form.getInputProps("forceAddress", { type: "checkbox" })}
        />
        <Switch
          label={t("Show this account's name, whoever the sender is")}
          {...form.getInputProps("forceName", { type: "checkbox" })}
        />
        <Switch
          label={t("Hold mails in doubt")}
          description={t(
            "After a lost connection nobody knows whether a mail arrived: ask instead of sending it again.",
          )}
          {...form.getInputProps("holdUnknown", { type: "checkbox" })}
        />
        <Fieldset legend={t("How it is handed over")}>
          <Stack gap="sm">
            <MultiSelect
              label={t("Delivery reports to ask for")}
              description={t("Where the server offers them. Empty: nothing is asked.")}
              data={[
                { value: "failure", label: t("Failure") },
                { value: "delay", label: t("Delay") },
                { value: "success", label: t("Success") },
                { value: "never", label: t("None at all") },
              ]}
              {...form.getInputProps("reportsNotify")}
            />
            <Select
              label={t("A report brings back")}
              allowDeselect={false}
              data={[
                { value: "headers", label: t("The headers") },
                { value: "full", label: t("The whole mail") },
              ]}
              {...form.getInputProps("reportsReturn")}
            />
            <Select
              label={t("In one piece (BDAT)")}
              allowDeselect={false}
              data={[
                { value: "auto", label: t("Where it is faster") },
                { value: "always", label: t("Wherever the server offers it") },
                { value: "never", label: t("Never") },
              ]}
              {...form.getInputProps("chunking")}
            />
            {form.values.chunking === "always" && (
              <NumberInput
                label={t("Mails without an answer at once")}
                description={t("More is faster over a long way. After a lost connection all of them are in doubt.")}
                min={1}
                max={100}
                {...form.getInputProps("chunkingWindow")}
              />
            )}
          </Stack>
        </Fieldset>
        {diagnosis && <TrialSteps steps={diagnosis.steps} words={STEP_WORDS} />}
        <Group justify="space-between">
          <Group gap="xs">
            <Button variant="default" loading={busy === "try"} onClick={() => void tryIt(null)}>
              {t("Try it")}
            </Button>
            <Button variant="subtle" loading={busy === "mail"} onClick={() => void tryIt(user.email)}>
              {t("And send me a test mail")}
            </Button>
          </Group>
          <Button type="submit" loading={busy === "save"}>
            {t("Save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** What a number field shows for a limit: nothing where there is none. */
function amountOf(limit: number | null | undefined): number | string {
  return limit ?? "";
}

function limitOf(amount: number | string): number | null {
  return amount === "" ? null : Number(amount);
}

const STEP_WORDS: Readonly<Record<Diagnosis["steps"][number]["step"], () => string>> = {
  dns: () => t("Name"),
  connect: () => t("Connection"),
  greeting: () => t("Greeting"),
  tls: () => t("Encryption"),
  auth: () => t("Signing in"),
  mail: () => t("Test mail"),
};
