/** What an edit of a Schedule changes, in words: mails added, removed, moved, and settings. Calls nothing. */
import { List, Text } from "@mantine/core";
import type { Answer } from "../../api.ts";
import { t } from "../../i18n.ts";

type Draft = Pick<Answer<"GET /campaigns/:id/draft">, "differences" | "templates">;
type Difference = Draft["differences"][number];
type Row = { readonly emailTemplateId?: number; readonly sendAfterDays?: number };

const FIELDS: Readonly<Record<string, () => string>> = {
  sendAfterDays: () => t("Send after (days)"),
  emailTemplateId: () => t("Email Template"),
  timeOfDay: () => t("Time of day"),
  expiresAfterDays: () => t("Too late after (days)"),
  timing: () => t("When mails may leave"),
  variants: () => t("Variants"),
  onlyIf: () => t("Only if"),
  stopIf: () => t("Stop if"),
  goal: () => t("Goal"),
  evergreen: () => t("Evergreen"),
  stopOnReply: () => t("Stop for whoever replies"),
  stopCompanyOnReply: () => t("And for their colleagues"),
  trackOpens: () => t("Measure opening"),
  trackClicks: () => t("Measure clicks"),
  waitForReturn: () => t("Wait for whoever is away"),
};

export function Differences({ differences, templates }: Draft) {
  const names = new Map(templates.map(({ id, name }) => [id, name]));
  if (differences.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {t("It is the same.")}
      </Text>
    );
  return (
    <List size="sm" aria-label={t("What is different")}>
      {differences.map((one, at) => (
        <List.Item key={`${one.kind}-${one.stepId ?? one.row}-${one.field}-${at}`}>{inWords(one, names)}</List.Item>
      ))}
    </List>
  );
}

function inWords(one: Difference, names: ReadonlyMap<number, string>): string {
  const mail = (row: unknown) => {
    const { emailTemplateId = 0, sendAfterDays = 0 } = (row ?? {}) as Row;
    return t("“{name}” on day {day}", { name: names.get(emailTemplateId) ?? "–", day: sendAfterDays });
  };
  const field = FIELDS[one.field ?? ""]?.() ?? one.field ?? "";
  const change = { field, before: valueOf(one, one.before, names), after: valueOf(one, one.after, names) };
  const place = (one.row ?? 0) + 1;
  if (one.kind === "step-added") return t("Added: {mail}", { mail: mail(one.after) });
  if (one.kind === "step-removed") return t("Removed: {mail}", { mail: mail(one.before) });
  if (one.kind === "steps-reordered") return t("The mails stand in another order.");
  if (isStructure(one))
    return one.kind === "step-changed"
      ? t("Mail {place}: {field} is different", { place, field })
      : t("{field} is different", { field });
  return one.kind === "step-changed"
    ? t("Mail {place}: {field} was {before}, becomes {after}", { place, ...change })
    : t("{field} was {before}, becomes {after}", change);
}

/** What has parts is not written out. */
const isStructure = ({ before, after }: Difference) =>
  [before, after].some((one) => one !== null && typeof one === "object");

function valueOf({ field }: Difference, value: unknown, names: ReadonlyMap<number, string>): string {
  if (value === null || value === undefined) return t("as for all");
  if (typeof value === "boolean") return value ? t("on") : t("off");
  if (field === "emailTemplateId") return `“${names.get(Number(value)) ?? Number(value)}”`;
  return typeof value === "string" && /^\d\d:\d\d:00$/.test(value)
    ? value.slice(0, 5)
    : JSON.stringify(value).replaceAll('"', "");
}
