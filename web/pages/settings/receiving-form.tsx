/** How mail of an email account is fetched, and where its bounces go; tried step by step before it is kept. */
import { Alert, Button, Group, NumberInput, Select, Stack, Switch, TagsInput, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useState } from "react";
import { type Answer, call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { KeptSecret } from "../../kit/kept-secret.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { queryClient, useApi } from "../../queries.ts";
import { TrialSteps } from "./trial-steps.tsx";

type Receiving = Answer<"GET /email-accounts/:id/receiving">;
type Diagnosis = Answer<"POST /email-accounts/receiving-diagnosis">;

const STEPS: Readonly<Record<Diagnosis["steps"][number]["step"], () => string>> = {
  dns: () => t("Name"),
  connect: () => t("Connection"),
  tls: () => t("Encryption"),
  auth: () => t("Signing in"),
  folders: () => t("Folders"),
};

export function ReceivingForm({ accountId, done }: { accountId: number; done: () => void }) {
  const found = useApi("GET /email-accounts/:id/receiving", { params: { id: accountId } });
  if (found.isError) return <Failure error={found.error} retry={found.refetch} />;
  if (!found.data || found.data.emailAccountId !== accountId) return <RowsSkeleton />;
  return <Form key={accountId} receiving={found.data} done={done} />;
}

function Form({ receiving, done }: { receiving: Receiving; done: () => void }) {
  const { emailAccountId: id } = receiving;
  const [diagnosis, setDiagnosis] = useState<Diagnosis | null>(null);
  const [busy, setBusy] = useState<"try" | "save" | null>(null);
  const form = useForm({
    initialValues: {
      imapHost: receiving.imapHost ?? "",
      imapPort: (receiving.imapPort ?? 993) as number | string,
      imapSecurity: receiving.imapSecurity ?? ("tls" as const),
      imapAuth: receiving.imapAuth,
      imapUser: receiving.imapUser ?? "",
      imapPassword: "",
      imapFolders: receiving.imapFolders,
      oauthTokenUrl: receiving.oauthTokenUrl ?? "",
      oauthClientId: receiving.oauthClientId ?? "",
      oauthClientSecret: "",
      oauthRefreshToken: "",
      oauthScope: receiving.oauthScope ?? "",
      bounceDomain: receiving.bounceDomain ?? "",
      plusAddressing: receiving.plusAddressing,
    },
  });
  /** What is left empty stays what it is where it is a secret, and goes where it is not. */
  const settingsOf = (values: typeof form.values) => {
    const { imapPassword, oauthClientSecret, oauthRefreshToken, imapPort, imapFolders } = values;
    const oauth = values.imapAuth === "oauth2";
    return {
      ...(values.imapHost
        ? {
            imapHost: values.imapHost,
            imapPort: Number(imapPort),
            imapSecurity: values.imapSecurity,
            imapAuth: values.imapAuth,
            imapUser: values.imapUser,
            imapFolders: imapFolders.length > 0 ? imapFolders : ["INBOX"],
          }
        : {}),
      ...(imapPassword ? { imapPassword } : {}),
      ...(oauth
        ? {
            oauthTokenUrl: values.oauthTokenUrl || null,
            oauthClientId: values.oauthClientId || null,
            oauthScope: values.oauthScope || null,
            ...(oauthClientSecret ? { oauthClientSecret } : {}),
            ...(oauthRefreshToken ? { oauthRefreshToken } : {}),
          }
        : {}),
    };
  };
  const tryIt = async () => {
    setBusy("try");
    try {
      setDiagnosis(
        await call("POST /email-accounts/receiving-diagnosis", {
          body: { emailAccountId: id, settings: settingsOf(form.getValues()) },
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
      const body = {
        ...settingsOf(values),
        bounceDomain: values.bounceDomain || null,
        plusAddressing: values.plusAddressing,
      };
      await call("PATCH /email-accounts/:id/receiving", { params: { id }, body });
      await queryClient.invalidateQueries();
      tellDone(t("Saved."));
      done();
    } catch (error) {
      showProblem(form, error);
    } finally {
      setBusy(null);
    }
  };
  const stop = async () => {
    try {
      await call("DELETE /email-accounts/:id/receiving", { params: { id } });
      await queryClient.invalidateQueries();
      tellDone(t("Its mail is not fetched any more."));
      done();
    } catch (error) {
      tellFailure(error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <Text size="sm" c="dimmed">
          {t("Bounces and replies come to this mailbox. Mails in it are read and never changed or deleted.")}
        </Text>
        <Group align="flex-start" grow preventGrowOverflow={false}>
          <TextInput
            label={t("IMAP server")}
            placeholder="imap.example.com"
            miw={200}
            {...form.getInputProps("imapHost")}
          />
          <NumberInput label={t("Port")} min={1} max={65535} w={110} {...form.getInputProps("imapPort")} />
        </Group>
        <Select
          label={t("Encryption")}
          allowDeselect={false}
          data={[
            { value: "tls", label: t("TLS from the start (port 993)") },
            { value: "starttls", label: t("STARTTLS (port 143)") },
            { value: "none", label: t("None (only on this machine)") },
          ]}
          {...form.getInputProps("imapSecurity")}
        />
        <Select
          label={t("How it signs in")}
          allowDeselect={false}
          data={[
            { value: "password", label: t("User name and password") },
            { value: "oauth2", label: t("OAuth 2 (Google, Microsoft)") },
          ]}
          {...form.getInputProps("imapAuth")}
        />
        <TextInput label={t("User name")} autoComplete="off" {...form.getInputProps("imapUser")} />
        {form.values.imapAuth === "password" ? (
          <KeptSecret
            label={t("Password")}
            isKept={receiving.hasImapPassword}
            {...form.getInputProps("imapPassword")}
          />
        ) : (
          <>
            <TextInput
              label={t("Token address")}
              placeholder="https://oauth2.googleapis.com/token"
              {...form.getInputProps("oauthTokenUrl")}
            />
            <TextInput label={t("Client ID")} autoComplete="off" {...form.getInputProps("oauthClientId")} />
            <KeptSecret
              label={t("Client secret")}
              isKept={receiving.hasOauthClientSecret}
              {...form.getInputProps("oauthClientSecret")}
            />
            <KeptSecret
              label={t("Refresh token")}
              isKept={receiving.hasOauthRefreshToken}
              {...form.getInputProps("oauthRefreshToken")}
            />
            <TextInput label={t("Scope (optional)")} {...form.getInputProps("oauthScope")} />
          </>
        )}
        <TagsInput
          label={t("Folders")}
          description={t("The first one is listened to, the others are looked into every minute.")}
          data={diagnosis?.folders ?? []}
          {...form.getInputProps("imapFolders")}
        />
        <TextInput
          label={t("Bounce domain (optional)")}
          description={t(
            "Every mail leaves with a return address of its own there, so that each bounce names its mail.",
          )}
          placeholder="bounces.example.com"
          {...form.getInputProps("bounceDomain")}
        />
        <Switch
          label={t("Or a plus and a token in the account’s own address")}
          description={t("Where the mailbox takes name+anything@, as most do.")}
          {...form.getInputProps("plusAddressing", { type: "checkbox" })}
        />
        {diagnosis && (
          <TrialSteps steps={diagnosis.steps} words={STEPS}>
            {diagnosis.ok && diagnosis.idle === false && (
              <Alert color="gray" p="xs">
                {t("The server does not announce new mail: it is looked for every minute.")}
              </Alert>
            )}
          </TrialSteps>
        )}
        <Group justify="space-between">
          <Group gap="xs">
            <Button
              variant="default"
              loading={busy === "try"}
              disabled={!form.values.imapHost}
              onClick={() => void tryIt()}
            >
              {t("Try it")}
            </Button>
            {receiving.imapHost !== null && (
              <Button variant="subtle" color="red" onClick={() => void stop()}>
                {t("Fetch it no more")}
              </Button>
            )}
          </Group>
          <Button type="submit" loading={busy === "save"}>
            {t("Save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
