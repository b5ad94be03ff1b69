/** The settings every Campaign falls back on. */
import { Button, Card, Group, NumberInput, Select, Stack, Switch, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { call } from "../../api.ts";
import { LANGUAGES, t } from "../../i18n.ts";
import { tellDone } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { SettingsPage } from "../../kit/settings.tsx";
import { queryClient, useRead } from "../../queries.ts";
import { useMay } from "../../session.tsx";

export default function Workspace() {
  const { data } = useRead("GET /workspace");
  const may = useMay();
  const form = useForm({
    initialValues: {
      name: data.name,
      timeZone: data.timeZone,
      language: data.language,
      postalAddress: data.postalAddress ?? "",
      timeOfDay: data.timeOfDay.slice(0, 5),
      expiresAfterDays: data.expiresAfterDays as number | string,
      burstGuard: data.burstGuard as number | string,
      approvalBeforePublishing: data.approvalBeforePublishing,
      trackOpens: data.trackOpens,
      trackClicks: data.trackClicks,
      keepContentsMonths: (data.keepContentsMonths ?? "") as number | string,
    },
  });
  const submit = async ({
    postalAddress,
    expiresAfterDays,
    burstGuard,
    keepContentsMonths,
    ...rest
  }: typeof form.values) => {
    try {
      await call("PATCH /workspace", {
        body: {
          ...rest,
          postalAddress: postalAddress.trim() || null,
          expiresAfterDays: Number(expiresAfterDays),
          burstGuard: Number(burstGuard),
          keepContentsMonths: keepContentsMonths === "" ? null : Number(keepContentsMonths),
        },
      });
      await queryClient.invalidateQueries();
      tellDone(t("Saved."));
    } catch (error) {
      showProblem(form, error);
    }
  };
  const disabled = !may("administrator");
  return (
    <SettingsPage title={t("Workspace")} hint={t("What all Campaigns fall back on.")}>
      <Card maw={640}>
        <form onSubmit={form.onSubmit((values) => void submit(values))}>
          <Stack>
            <TextInput
              label={t("Name of your organisation")}
              required
              disabled={disabled}
              {...form.getInputProps("name")}
            />
            <Textarea
              label={t("Postal address")}
              description={t(
                "Stands at the foot of every mail. The law of many countries asks for it; real mail needs one.",
              )}
              autosize
              minRows={2}
              disabled={disabled}
              {...form.getInputProps("postalAddress")}
            />
            <Select
              label={t("Time zone")}
              description={t("Mails leave by this clock, unless a person's own zone is known.")}
              searchable
              allowDeselect={false}
              data={Intl.supportedValuesOf("timeZone").concat(data.timeZone === "UTC" ? ["UTC"] : [])}
              disabled={disabled}
              {...form.getInputProps("timeZone")}
            />
            <Select
              label={t("Language")}
              description={t("Of unsubscribe pages and of mail from Tidings itself.")}
              allowDeselect={false}
              data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
              disabled={disabled}
              {...form.getInputProps("language")}
            />
            <TextInput
              type="time"
              label={t("Time of day")}
              description={t("When mails leave that say no time of their own.")}
              disabled={disabled}
              {...form.getInputProps("timeOfDay")}
            />
            <NumberInput
              label={t("Too late after (days)")}
              description={t("A mail that is later than this is skipped rather than sent out of time.")}
              min={0}
              max={365}
              disabled={disabled}
              {...form.getInputProps("expiresAfterDays")}
            />
            <NumberInput
              label={t("Late mails an hour")}
              description={t(
                "What becomes due at once, after a pause or an outage, leaves at most this fast for each Campaign.",
              )}
              min={1}
              disabled={disabled}
              {...form.getInputProps("burstGuard")}
            />
            <Switch
              label={t("A second person approves changes of a Schedule")}
              description={t("Where people are on their way. A manager approves what somebody else wrote.")}
              disabled={disabled}
              {...form.getInputProps("approvalBeforePublishing", { type: "checkbox" })}
            />
            <Switch
              label={t("Measure opening")}
              description={t(
                "A tiny picture in each mail tells when it is opened. A Campaign may say otherwise. In many countries people have to agree to it.",
              )}
              disabled={disabled}
              {...form.getInputProps("trackOpens", { type: "checkbox" })}
            />
            <Switch
              label={t("Measure clicks")}
              description={t(
                "Links in mails lead through Tidings, which notes the click and sends people on. A Campaign may say otherwise.",
              )}
              disabled={disabled}
              {...form.getInputProps("trackClicks", { type: "checkbox" })}
            />
            <NumberInput
              label={t("Keep what was sent (months)")}
              description={t(
                "For this long sent mail can be shown as it was; that it was sent stays. Empty: for ever.",
              )}
              min={3}
              max={1200}
              disabled={disabled}
              {...form.getInputProps("keepContentsMonths")}
            />
            {!disabled && (
              <Group justify="flex-end">
                <Button type="submit">{t("Save")}</Button>
              </Group>
            )}
          </Stack>
        </form>
      </Card>
    </SettingsPage>
  );
}
