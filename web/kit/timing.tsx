/** Fields of timing: sending windows and gaps, as Campaigns and steps have them. Calls nothing. */
import { Chip, Group, Input, NumberInput, Select, Stack, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import type { Answer } from "../api.ts";
import { language, t } from "../i18n.ts";

export type CampaignTiming = NonNullable<Answer<"GET /campaigns/:id">["timing"]>;
export type StepTiming = NonNullable<Answer<"GET /campaigns/:id">["steps"][number]["timing"]>;
type Window = NonNullable<CampaignTiming["window"]>;
type Gap = NonNullable<CampaignTiming["gap"]>;

export const NO_TIMING: CampaignTiming = {
  clock: "person",
  window: null,
  holidays: "none",
  counting: "days",
  gap: null,
  ignoresFrequencyCap: false,
};
export const AS_CAMPAIGN: StepTiming = { window: null, counting: null, gap: null, waitFor: null };
export const OFFICE_HOURS: Window = { weekdays: [1, 2, 3, 4, 5], from: "09:00", to: "17:00" };

/** Monday first, as ISO counts. 1 January 2024 was a Monday. */
const WEEKDAYS = [1, 2, 3, 4, 5, 6, 7];
const weekday = (day: number, style: "short" | "long") =>
  new Intl.DateTimeFormat(language(), { weekday: style, timeZone: "UTC" }).format(new Date(Date.UTC(2024, 0, day)));

export function WindowFields({
  value,
  onChange,
  error,
}: {
  value: Window;
  onChange: (value: Window) => void;
  error?: ReactNode;
}) {
  return (
    <Stack gap="xs">
      <Input.Wrapper label={t("On these days")} error={error} labelElement="div">
        <Chip.Group
          multiple
          value={value.weekdays.map(String)}
          onChange={(days) => onChange({ ...value, weekdays: days.map(Number).sort((one, other) => one - other) })}
        >
          <Group gap={6} mt={4}>
            {WEEKDAYS.map((day) => (
              <Chip key={day} value={String(day)} size="sm" aria-label={weekday(day, "long")}>
                {weekday(day, "short")}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </Input.Wrapper>
      <Group gap="sm" align="flex-start">
        <TextInput
          type="time"
          label={t("From")}
          w={130}
          value={value.from.slice(0, 5)}
          onChange={(event) => onChange({ ...value, from: event.currentTarget.value || "00:00" })}
        />
        <TextInput
          type="time"
          label={t("Until")}
          description={t("00:00 is the end of the day.")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          w={190}
          value={value.to.slice(0, 5)}
          onChange={(event) => onChange({ ...value, to: event.currentTarget.value || "00:00" })}
        />
      </Group>
    </Stack>
  );
}

/** `empty` says what holds when no number stands there. */
export function GapFields({
  value,
  onChange,
  empty,
}: {
  value: Gap | null;
  onChange: (value: Gap | null) => void;
  empty: string;
}) {
  const unit = value?.unit ?? "days";
  return (
    <Input.Wrapper label={t("At least after the mail before it")} description={empty} labelElement="div">
      <Group gap="xs" mt={4}>
        <NumberInput
          aria-label={t("At least after the mail before it")}
          w={110}
          min={0}
          max={1000}
          allowDecimal={false}
          value={value?.amount ?? ""}
          onChange={(amount) => onChange(amount === "" ? null : { amount: Number(amount), unit })}
        />
        <Select
          aria-label={t("Unit")}
          w={130}
          allowDeselect={false}
          data={[
            { value: "days", label: t("days") },
            { value: "hours", label: t("hours") },
          ]}
          value={unit}
          onChange={(chosen) => value && onChange({ ...value, unit: chosen as Gap["unit"] })}
        />
      </Group>
    </Input.Wrapper>
  );
}
