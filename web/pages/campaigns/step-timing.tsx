/** What a step says about its timing where it differs from the Campaign: a date to wait for, a window, a gap of its own. */
import { Checkbox, Group, NumberInput, Select, Stack, Switch } from "@mantine/core";
import { t } from "../../i18n.ts";
import { AS_CAMPAIGN, GapFields, OFFICE_HOURS, type StepTiming, WindowFields } from "../../kit/timing.tsx";
import { useApi } from "../../queries.ts";

export function StepTimingFields({
  value,
  onChange,
}: {
  value: StepTiming | null;
  onChange: (value: StepTiming | null) => void;
}) {
  const timing = value ?? AS_CAMPAIGN;
  const fields = useApi("GET /person-fields");
  const dates = (fields.data?.data ?? []).filter(({ type }) => type === "date");
  const change = (changes: Partial<StepTiming>) => {
    const changed = { ...timing, ...changes };
    onChange(Object.values(changed).every((one) => one === null) ? null : changed);
  };
  const { waitFor } = timing;
  return (
    <Stack gap="sm">
      <Select
        label={t("Wait for a date in a field")}
        description={
          dates.length === 0
            ? t("There is no field of the type date yet; declare one under Settings, Fields.")
            : t("The days after the start are then the earliest day. Empty or passed on it: this mail is skipped.")
        }
        placeholder={t("It waits for none")}
        clearable
        disabled={dates.length === 0}
        data={dates.map(({ key, label }) => ({ value: key, label }))}
        value={waitFor?.field ?? null}
        onChange={(field) =>
          change({ waitFor: field === null ? null : { offsetDays: 0, yearly: false, ...waitFor, field } })
        }
        maw={460}
      />
      {waitFor && (
        <Group align="flex-end" gap="sm">
          <NumberInput
            label={t("Days")}
            w={110}
            min={0}
            max={800}
            allowDecimal={false}
            value={Math.abs(waitFor.offsetDays)}
            onChange={(days) =>
              change({ waitFor: { ...waitFor, offsetDays: Number(days) * (waitFor.offsetDays < 0 ? -1 : 1) } })
            }
          />
          <Select
            aria-label={t("Before or after the date")}
            w={170}
            allowDeselect={false}
            data={[
              { value: "after", label: t("after the date") },
              { value: "before", label: t("before the date") },
            ]}
            value={waitFor.offsetDays < 0 ? "before" : "after"}
            onChange={(side) =>
              change({
                waitFor: { ...waitFor, offsetDays: (Math.abs(waitFor.offsetDays) || 1) * (side === "before" ? -1 : 1) },
              })
            }
          />
          <Checkbox
            pb={8}
            label={t("Its next anniversary, whatever the year")}
            checked={waitFor.yearly}
            onChange={(event) => change({ waitFor: { ...waitFor, yearly: event.currentTarget.checked } })}
          />
        </Group>
      )}
      <Select
        label={t("Days are counted as")}
        allowDeselect={false}
        data={[
          { value: "", label: t("as in the Campaign") },
          { value: "days", label: t("calendar days") },
          { value: "business-days", label: t("business days") },
        ]}
        value={timing.counting ?? ""}
        onChange={(counting) => change({ counting: (counting || null) as StepTiming["counting"] })}
        maw={280}
      />
      <Switch
        label={t("A sending window of its own")}
        checked={timing.window !== null}
        onChange={(event) => change({ window: event.currentTarget.checked ? OFFICE_HOURS : null })}
      />
      {timing.window && <WindowFields value={timing.window} onChange={(window) => change({ window })} />}
      <GapFields value={timing.gap} onChange={(gap) => change({ gap })} empty={t("Empty: as in the Campaign.")} />
    </Stack>
  );
}
