/** When mails of a Campaign may leave: time of day, windows, business days, holidays. A part of the draft: saves nothing itself. */
import {
  Alert,
  Button,
  Card,
  Checkbox,
  Group,
  NumberInput,
  Radio,
  Select,
  Stack,
  Switch,
  Text,
  TextInput,
} from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Condition } from "../../../src/core/conditions.ts";
import { t } from "../../i18n.ts";
import { type CampaignTiming, GapFields, NO_TIMING, OFFICE_HOURS, WindowFields } from "../../kit/timing.tsx";
import { useApi } from "../../queries.ts";

/** What of a Campaign its Schedule goes by. */
export type ScheduleSettings = {
  readonly timing: CampaignTiming | null;
  /** As in a field: empty is the workspace's. */
  readonly timeOfDay: string;
  readonly expiresAfterDays: number | null;
  readonly evergreen: boolean;
  readonly stopIf: Condition | null;
  readonly goal: Condition | null;
};

/** One line of what holds, and the form behind a button. */
export function TimingCard({
  settings,
  onChange,
}: {
  settings: ScheduleSettings;
  onChange: (settings: ScheduleSettings) => void;
}) {
  const [open, setOpen] = useState(false);
  const workspace = useApi("GET /workspace");
  const { timing, timeOfDay, expiresAfterDays, evergreen } = settings;
  const value = timing ?? NO_TIMING;
  const change = (changes: Partial<CampaignTiming>) => {
    const changed = { ...value, ...changes };
    onChange({ ...settings, timing: isPlain(changed) ? null : changed });
  };
  const usual = workspace.data?.timeOfDay.slice(0, 5) ?? "09:00";
  return (
    <Card padding="md" component="section" aria-label={t("When mails may leave")} maw={760}>
      <Group justify="space-between" wrap="nowrap" align="flex-start">
        <div>
          <Text fw={600}>{t("When mails may leave")}</Text>
          <Text size="sm" c="dimmed">
            {t("At {time}", { time: timeOfDay || usual })}
            {"; "}
            {inWords(value)}
            {evergreen && `; ${t("evergreen")}`}
          </Text>
        </div>
        <Button variant="default" aria-expanded={open} onClick={() => setOpen(!open)} style={{ flexShrink: 0 }}>
          {open ? t("Close") : t("Change the timing")}
        </Button>
      </Group>
      {open && (
        <Stack mt="md">
          <Text size="sm" c="dimmed">
            {t("This is saved with the Schedule, and its effect is shown before.")}
          </Text>
          <Group align="flex-start">
            <TextInput
              type="time"
              label={t("Time of day")}
              description={t("When its mails leave, by the person's own clock. Empty: {time}, as for all Campaigns.", {
                time: usual,
              })}
              value={timeOfDay}
              onChange={(event) => onChange({ ...settings, timeOfDay: event.currentTarget.value })}
              flex={1}
              miw={220}
            />
            <NumberInput
              label={t("Too late after (days)")}
              description={t("A mail that is later than this is skipped rather than sent out of time.")}
              min={0}
              max={365}
              allowDecimal={false}
              value={expiresAfterDays ?? ""}
              onChange={(days) => onChange({ ...settings, expiresAfterDays: days === "" ? null : Number(days) })}
              flex={1}
              miw={220}
            />
          </Group>
          <Fields value={value} change={change} />
          <Switch
            label={t("Evergreen")}
            description={t("A mail that is added at the end also goes to those who were through already.")}
            checked={evergreen}
            onChange={(event) => onChange({ ...settings, evergreen: event.currentTarget.checked })}
          />
        </Stack>
      )}
    </Card>
  );
}

function Fields({ value, change }: { value: CampaignTiming; change: (changes: Partial<CampaignTiming>) => void }) {
  const workspace = useApi("GET /workspace");
  const home = workspace.data;
  return (
    <>
      <Radio.Group
        label={t("Whose clock")}
        value={value.clock}
        onChange={(clock) => change({ clock: clock as CampaignTiming["clock"] })}
      >
        <Stack gap={6} mt={6}>
          <Radio value="person" label={t("The person's own; the workspace's where it is not known")} />
          <Radio
            value="workspace"
            label={t("The workspace's, {zone}, for everybody", { zone: home?.timeZone ?? "" })}
          />
        </Stack>
      </Radio.Group>
      <Switch
        label={t("Only within a sending window")}
        checked={value.window !== null}
        onChange={(event) => change({ window: event.currentTarget.checked ? OFFICE_HOURS : null })}
      />
      {value.window && <WindowFields value={value.window} onChange={(window) => change({ window })} />}
      <Select
        label={t("Days are counted as")}
        description={t("Business days are the days of the window, Monday to Friday without one, that are no holiday.")}
        allowDeselect={false}
        data={[
          { value: "days", label: t("calendar days") },
          { value: "business-days", label: t("business days") },
        ]}
        value={value.counting}
        onChange={(counting) => change({ counting: counting as CampaignTiming["counting"] })}
      />
      <Select
        label={t("Holidays")}
        description={t("Nothing leaves on them, nor on the workspace's own days.")}
        allowDeselect={false}
        data={[
          { value: "none", label: t("are days like any other") },
          { value: "workspace", label: t("of the workspace's country ({country})", { country: home?.country ?? "–" }) },
          { value: "person", label: t("of the person's country; the workspace's where it is not known") },
        ]}
        value={value.holidays}
        onChange={(holidays) => change({ holidays: holidays as CampaignTiming["holidays"] })}
      />
      {value.holidays !== "none" && home && !home.country && (
        <Alert color="orange">
          {t("The workspace has no country yet.")}{" "}
          <Link to="/settings/timing">{t("Set it under Settings, Timing.")}</Link>
        </Alert>
      )}
      <GapFields
        value={value.gap}
        onChange={(gap) => change({ gap })}
        empty={t("Empty: no more than their days say.")}
      />
      <Checkbox
        label={t("Its mails may go beyond the frequency cap")}
        description={
          home?.frequencyCap
            ? t("Others wait when somebody has got {mails} mails in {days} days. These are counted, and never wait.", {
                mails: home.frequencyCap.mails,
                days: home.frequencyCap.days,
              })
            : t("The workspace has no frequency cap.")
        }
        checked={value.ignoresFrequencyCap}
        onChange={(event) => change({ ignoresFrequencyCap: event.currentTarget.checked })}
      />
    </>
  );
}

const isPlain = (value: CampaignTiming) =>
  JSON.stringify({ ...NO_TIMING, ...value }) === JSON.stringify({ ...NO_TIMING });

/** What holds, in one line. */
function inWords({ clock, window, holidays, counting, gap }: CampaignTiming): string {
  const said = [
    window
      ? t("{from} to {to} on {count, plural, one {# day} other {# days}} a week", {
          from: window.from.slice(0, 5),
          to: window.to.slice(0, 5),
          count: window.weekdays.length,
        })
      : t("At any time"),
    clock === "workspace" ? t("by the workspace's clock") : t("by the person's clock"),
    counting === "business-days" && t("in business days"),
    holidays !== "none" && t("not on holidays"),
    gap &&
      gap.amount > 0 &&
      t("{amount} {unit} apart", { amount: gap.amount, unit: gap.unit === "days" ? t("days") : t("hours") }),
  ];
  return said.filter(Boolean).join(", ");
}
