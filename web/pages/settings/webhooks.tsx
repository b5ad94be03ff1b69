/** Addresses at which providers report bounces and complaints. A secret is shown once, when it is made. */
import { Alert, Badge, Button, Card, CopyButton, Drawer, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { type Answer, call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient, useApi } from "../../queries.ts";

type Webhook = Row<"GET /inbound/webhooks">;
type Made = Answer<"POST /inbound/webhooks">;

const PROVIDERS: Readonly<Record<Webhook["provider"], string>> = {
  "amazon-ses": "Amazon SES",
  sendgrid: "SendGrid",
  mailgun: "Mailgun",
  postmark: "Postmark",
  brevo: "Brevo",
  mailjet: "Mailjet",
  generic: "HTTP (HMAC-SHA-256)",
};

export function Webhooks() {
  const found = useApi("GET /inbound/webhooks", { query: { limit: 100 } });
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Made | null>(null);
  const rotate = ({ id }: Webhook) =>
    void call("POST /inbound/webhooks/:id/secret", { params: { id }, body: {} })
      .then(async (changed) => {
        await queryClient.invalidateQueries();
        setMade(changed);
      })
      .catch(tellFailure);
  const remove = ({ id, name }: Webhook) =>
    ask({
      title: t("Delete “{name}”?", { name }),
      text: t("The provider’s calls are refused from then on."),
      deed: t("Delete"),
      act: async () => {
        await call("DELETE /inbound/webhooks/:id", { params: { id } });
        await queryClient.invalidateQueries();
      },
    });
  return (
    <Card padding="md" component="section" aria-label={t("Webhooks of providers")}>
      <Group justify="space-between" mb="xs">
        <Text component="h2" fw={650}>
          {t("Webhooks of providers")}
        </Text>
        <Button size="xs" variant="default" leftSection={<IconPlus size={14} />} onClick={() => setAdding(true)}>
          {t("New webhook")}
        </Button>
      </Group>
      <Text size="sm" c="dimmed" mb="sm">
        {t(
          "Who sends by a provider hears of bounces and complaints from it: paste the address there. Each call is signed; others are refused.",
        )}
      </Text>
      {found.isError && <Failure error={found.error} retry={found.refetch} />}
      {!found.data && !found.isError && <RowsSkeleton count={2} />}
      <Stack gap="md">
        {(found.data?.data ?? []).map((one) => (
          <div key={one.id}>
            <Group justify="space-between" gap="xs">
              <Group gap={6}>
                <Text size="sm" fw={550}>
                  {one.name}
                </Text>
                <Badge>{PROVIDERS[one.provider]}</Badge>
              </Group>
              <Group gap={4}>
                {one.provider !== "amazon-ses" && !GIVES_ITS_OWN.includes(one.provider) && (
                  <Button size="compact-xs" variant="subtle" onClick={() => rotate(one)}>
                    {t("Change the secret")}
                  </Button>
                )}
                <Button size="compact-xs" variant="subtle" color="red" onClick={() => remove(one)}>
                  {t("Delete")}
                </Button>
              </Group>
            </Group>
            <Copied label={t("Address")} value={one.address} />
            {one.topic && (
              <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                {one.topic} · {one.confirmedAt ? t("confirmed") : t("not confirmed yet")}
              </Text>
            )}
            <Text size="xs" c="dimmed">
              {one.lastEventAt ? t("Last report") : t("Nothing was reported yet.")}{" "}
              {one.lastEventAt && <Moment at={one.lastEventAt} ago />}
            </Text>
            {one.lastRefusal && (
              <Text size="xs" c="red">
                {t("Last refused")} <Moment at={one.lastRefusedAt} ago />: {one.lastRefusal}
              </Text>
            )}
          </div>
        ))}
      </Stack>
      <Drawer opened={adding} onClose={() => setAdding(false)} position="right" title={t("New webhook")}>
        {adding && (
          <NewWebhook
            done={(one) => {
              setAdding(false);
              setMade(one);
            }}
          />
        )}
      </Drawer>
      <Drawer opened={made !== null} onClose={() => setMade(null)} position="right" title={made?.name ?? ""}>
        {made && (
          <Stack>
            <Alert color="orange">{t("Copy it now: the secret is shown this once.")}</Alert>
            <Copied label={t("Address")} value={made.addressWithSecret ?? made.address} />
            {made.secret && !made.addressWithSecret && <Copied label={t("Secret")} value={made.secret} />}
            <Button onClick={() => setMade(null)}>{t("I have copied it")}</Button>
          </Stack>
        )}
      </Drawer>
    </Card>
  );
}

function Copied({ label, value }: { label: string; value: string }) {
  return (
    <TextInput
      size="xs"
      label={label}
      value={value}
      readOnly
      onFocus={(event) => event.currentTarget.select()}
      rightSectionWidth={80}
      rightSection={
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Button size="compact-xs" variant="subtle" onClick={copy}>
              {copied ? t("Copied") : t("Copy")}
            </Button>
          )}
        </CopyButton>
      }
    />
  );
}

const GIVES_ITS_OWN: readonly Webhook["provider"][] = ["sendgrid", "mailgun"];

function NewWebhook({ done }: { done: (made: Made) => void }) {
  const form = useForm({
    initialValues: { name: "", provider: "amazon-ses" as Webhook["provider"], topic: "", secret: "" },
  });
  const { provider } = form.values;
  const submit = async ({ name, topic, secret }: typeof form.values) => {
    try {
      const made = await call("POST /inbound/webhooks", {
        body: {
          name: name || PROVIDERS[provider],
          provider,
          ...(provider === "amazon-ses" ? { topic } : {}),
          ...(GIVES_ITS_OWN.includes(provider) && secret ? { secret } : {}),
        },
      });
      await queryClient.invalidateQueries();
      tellDone(t("Saved."));
      done(made);
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <Select
          label={t("Provider")}
          allowDeselect={false}
          data={Object.entries(PROVIDERS).map(([value, label]) => ({ value, label }))}
          {...form.getInputProps("provider")}
        />
        <TextInput label={t("Name")} placeholder={PROVIDERS[provider]} {...form.getInputProps("name")} />
        {provider === "amazon-ses" && (
          <TextInput
            label={t("SNS topic (ARN)")}
            placeholder="arn:aws:sns:eu-west-1:123456789012:ses"
            required
            {...form.getInputProps("topic")}
          />
        )}
        {GIVES_ITS_OWN.includes(provider) && (
          <TextInput
            label={t("Its signing key")}
            description={t("The provider shows it beside its webhook settings.")}
            required
            {...form.getInputProps("secret")}
          />
        )}
        <Group justify="flex-end">
          <Button type="submit">{t("Make the address")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
