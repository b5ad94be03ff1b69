/** What holds for all Campaigns: the country of the holidays, days of one's own, quiet hours, the frequency cap. */
import {
  ActionIcon,
  Button,
  Card,
  Checkbox,
  Group,
  NumberInput,
  Select,
  Stack,
  Switch,
  Text,
  TextInput,
} from "@mantine/core";
import { DatePickerInput } from "@mantine/dates";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { call } from "../../api.ts";
import { language, t, today } from "../../i18n.ts";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { queryClient, useRead } from "../../queries.ts";
import { useMay } from "../../session.tsx";

/** Codes of countries by their names in the reader's language; those without known holidays are refused when saved. */
function countries(chosen: string | null) {
  const names = new Intl.DisplayNames([language()], { type: "region", fallback: "none" });
  const letters = Array.from({ length: 26 }, (_, at) => String.fromCharCode(65 + at));
  const found = letters
    .flatMap((one) => letters.map((other) => one + other))
    .flatMap((code) => {
      const withdrawn = Intl.getCanonicalLocales(`und-${code}`)[0] !== `und-${code}`;
      const name = withdrawn || ["EU", "UN", "EZ", "ZZ"].includes(code) ? undefined : names.of(code);
      return name ? [{ value: code, label: name }] : [];
    })
    .sort((one, other) => one.label.localeCompare(other.label, language()));
  // One with a state, set over the API.
  return chosen?.includes("-") ? [{ value: chosen, label: chosen }, ...found] : found;
}

export default function TimingSettings() {
  const { data } = useRead("GET /workspace");
  const disabled = !useMay()("administrator");
  const [country, setCountry] = useState(data.country);
  const [days, setDays] = useState(data.ownHolidays);
  const [quiet, setQuiet] = useState(data.quietHours);
  const [cap, setCap] = useState(data.frequencyCap);
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      await call("PATCH /workspace", {
        body: {
          country,
          ownHolidays: days.filter(({ name }) => name.trim() !== ""),
          quietHours: quiet,
          frequencyCap: cap,
        },
      });
      await queryClient.invalidateQueries();
      tellDone(t("Saved; what waits follows it."));
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const changeDay = (at: number, changes: Partial<(typeof days)[number]>) =>
    setDays(days.map((one, index) => (index === at ? { ...one, ...changes } : one)));
  return (
    <SettingsPage title={t("Timing")} hint={t("When mail may leave, whatever the Campaign.")}>
      <Card maw={720}>
        <fieldset disabled={disabled} style={{ border: 0, margin: 0, padding: 0 }}>
          <Stack gap="lg">
            <Stack gap="xs">
              <Switch
                label={t("Quiet hours")}
                description={t("Nothing of a Campaign leaves in them, by each person's own clock.")}
                checked={quiet !== null}
                onChange={(event) => setQuiet(event.currentTarget.checked ? { from: "21:00", to: "07:00" } : null)}
              />
              {quiet && (
                <Group>
                  <TextInput
                    type="time"
                    label={t("From")}
                    w={130}
                    value={quiet.from.slice(0, 5)}
                    onChange={(event) => setQuiet({ ...quiet, from: event.currentTarget.value || "00:00" })}
                  />
                  <TextInput
                    type="time"
                    label={t("Until")}
                    w={130}
                    value={quiet.to.slice(0, 5)}
                    onChange={(event) => setQuiet({ ...quiet, to: event.currentTarget.value || "00:00" })}
                  />
                </Group>
              )}
            </Stack>
            <Stack gap="xs">
              <Switch
                label={t("Frequency cap")}
                description={t("Whoever has got so many mails waits, over all Campaigns. A Campaign may be exempted.")}
                checked={cap !== null}
                onChange={(event) => setCap(event.currentTarget.checked ? { mails: 3, days: 7 } : null)}
              />
              {cap && (
                <Group>
                  <NumberInput
                    label={t("At most so many mails")}
                    w={190}
                    min={1}
                    max={100}
                    allowDecimal={false}
                    value={cap.mails}
                    onChange={(mails) => setCap({ ...cap, mails: Number(mails) || 1 })}
                  />
                  <NumberInput
                    label={t("in so many days")}
                    w={190}
                    min={1}
                    max={90}
                    allowDecimal={false}
                    value={cap.days}
                    onChange={(span) => setCap({ ...cap, days: Number(span) || 1 })}
                  />
                </Group>
              )}
            </Stack>
            <Select
              label={t("Country of the holidays")}
              description={t("For Campaigns that keep holidays, and for people whose own country is not known.")}
              searchable
              clearable
              data={countries(data.country)}
              value={country}
              onChange={setCountry}
              maw={420}
            />
            <Stack gap="xs">
              <div>
                <Text fw={500} size="sm">
                  {t("Days of your own")}
                </Text>
                <Text size="xs" c="dimmed">
                  {t("Kept like holidays: company holidays, the days between the years.")}
                </Text>
              </div>
              {days.map((day, at) => (
                <Group key={`${at}-${days.length}`} gap="xs" align="flex-end">
                  <DatePickerInput
                    label={t("Day")}
                    w={160}
                    value={day.on}
                    onChange={(on) => changeDay(at, { on: on ?? day.on })}
                  />
                  <TextInput
                    label={t("Name")}
                    flex={1}
                    miw={160}
                    value={day.name}
                    onChange={(event) => changeDay(at, { name: event.currentTarget.value })}
                  />
                  <Checkbox
                    pb={8}
                    label={t("Every year")}
                    checked={day.yearly}
                    onChange={(event) => changeDay(at, { yearly: event.currentTarget.checked })}
                  />
                  <ActionIcon
                    size="lg"
                    color="red"
                    aria-label={t("Remove {name}", { name: day.name || day.on })}
                    onClick={() => setDays(days.filter((_, index) => index !== at))}
                  >
                    <IconTrash size={18} />
                  </ActionIcon>
                </Group>
              ))}
              <Group>
                <Button
                  variant="light"
                  leftSection={<IconPlus size={16} />}
                  onClick={() => setDays([...days, { on: today(), name: "", yearly: false }])}
                >
                  {t("Add a day")}
                </Button>
              </Group>
            </Stack>
            {!disabled && (
              <Group justify="flex-end">
                <Button loading={busy} onClick={() => void save()}>
                  {t("Save")}
                </Button>
              </Group>
            )}
          </Stack>
        </fieldset>
      </Card>
    </SettingsPage>
  );
}
