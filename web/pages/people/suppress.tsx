/** The form that sends nothing more to an address: how far it reaches, and where that comes from. */
import { Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { SUPPRESSION_SCOPES, scopeWord } from "../../kit/suppression-words.ts";
import { queryClient } from "../../queries.ts";

type Scope = (typeof SUPPRESSION_SCOPES)[number];

export function SuppressForm({ addresses = [], done }: { addresses?: readonly string[]; done: () => void }) {
  const form = useForm({
    initialValues: {
      email: addresses[0] ?? "",
      scope: "everything" as Scope,
      campaignId: null as number | null,
      origin: "",
    },
    validate: {
      campaignId: (id, { scope }) => (scope === "campaign" && id === null ? t("Choose the Campaign.") : null),
    },
  });
  const { scope } = form.values;
  const submit = async ({ email, campaignId, origin }: typeof form.values) => {
    try {
      await call("POST /suppressions", {
        body: { email, scope, campaignId: scope === "campaign" ? campaignId : null, origin: origin.trim() || null },
      });
      await queryClient.invalidateQueries();
      tellDone(t("{email} is suppressed.", { email }));
      done();
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        {addresses.length > 1 ? (
          <Select label={t("Email address")} data={addresses} allowDeselect={false} {...form.getInputProps("email")} />
        ) : (
          <TextInput
            label={t("Email address")}
            type="email"
            required
            readOnly={addresses.length === 1}
            {...(addresses.length === 0 ? { "data-autofocus": true } : {})}
            {...form.getInputProps("email")}
          />
        )}
        <Select
          label={t("Scope")}
          allowDeselect={false}
          data={SUPPRESSION_SCOPES.map((value) => ({ value, label: scopeWord(value) }))}
          {...form.getInputProps("scope")}
        />
        {scope === "campaign" && (
          <Pick
            route="GET /campaigns"
            label={t("Campaign")}
            labelOf={nameLabel}
            value={form.values.campaignId}
            onChange={(id) => form.setFieldValue("campaignId", id)}
            error={form.errors["campaignId"]}
            required
          />
        )}
        <TextInput
          label={t("Where this comes from (optional)")}
          placeholder={t("Asked on the phone on Monday")}
          {...form.getInputProps("origin")}
        />
        <Text size="sm" c="dimmed">
          {t("Whatever it reaches stops at once. A manager can lift it again.")}
        </Text>
        <Group justify="flex-end">
          <Button type="submit" color="red">
            {t("Suppress")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
