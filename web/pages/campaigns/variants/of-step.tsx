/** The variants of a step: other templates for a share of the people, and how a winner is found. A part of the draft: saves nothing. */
import { ActionIcon, Alert, Button, Divider, Group, NumberInput, Select, Stack, Text, Tooltip } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { t } from "../../../i18n.ts";
import { nameLabel, Pick } from "../../../kit/pick.tsx";
import { useApi } from "../../../queries.ts";
import { TemplateFindings } from "./findings.tsx";
import { LETTERS, type Measure, type Others, type StepVariants, withLetter } from "./rows.ts";

export default function VariantFields({
  campaignId,
  emailTemplateId,
  value,
  onChange,
}: {
  campaignId: string;
  emailTemplateId: number | null;
  value: StepVariants | null;
  onChange: (value: StepVariants | null) => void;
}) {
  const variants: StepVariants = value ?? { weight: 1, others: [], winner: null };
  const sum = [variants, ...variants.others].reduce((total, { weight }) => total + weight, 0);
  const share = (weight: number) => (sum === 0 ? 0 : Math.round((100 * weight) / sum));
  const put = (others: Others) => onChange(others.length === 0 ? null : { ...variants, others });
  const change = (letter: string, changes: Partial<Others[number]>) =>
    put(variants.others.map((one) => (one.letter === letter ? { ...one, ...changes } : one)));
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        {t(
          "Each person gets one of them, the same one whatever happens. Variant A is the mail above; weights are shares of their sum.",
        )}
      </Text>
      {value && (
        <Group gap="sm" align="flex-end" role="group" aria-label={t("Variant {letter}", { letter: "A" })}>
          <Text fw={600} w={90} pb={8}>
            {t("Variant {letter}", { letter: "A" })}
          </Text>
          <div style={{ flex: 1, minWidth: 180, paddingBottom: 8 }}>
            <Text size="sm">{t("The mail above")}</Text>
            <TemplateFindings emailTemplateId={emailTemplateId} />
          </div>
          <Weight
            value={value.weight}
            share={share(value.weight)}
            onChange={(weight) => onChange({ ...value, weight })}
          />
          <div style={{ width: 34 }} />
        </Group>
      )}
      {variants.others.map((one) => (
        <Group
          key={one.letter}
          gap="sm"
          align="flex-end"
          role="group"
          aria-label={t("Variant {letter}", { letter: one.letter })}
        >
          <Text fw={600} w={90} pb={8}>
            {t("Variant {letter}", { letter: one.letter })}
          </Text>
          <div style={{ flex: 1, minWidth: 180 }}>
            <Pick
              route="GET /email-templates"
              label={t("Email Template")}
              placeholder={t("Choose a template")}
              labelOf={nameLabel}
              value={one.emailTemplateId}
              chosenLabel={one.emailTemplate}
              onChange={(id, row) =>
                change(one.letter, { emailTemplateId: id, emailTemplate: row ? nameLabel(row) : "" })
              }
            />
            <TemplateFindings emailTemplateId={one.emailTemplateId} />
          </div>
          <Weight value={one.weight} share={share(one.weight)} onChange={(weight) => change(one.letter, { weight })} />
          <Tooltip label={t("Remove")}>
            <ActionIcon
              size="lg"
              color="red"
              mb={2}
              aria-label={t("Remove variant {letter}", { letter: one.letter })}
              onClick={() => put(variants.others.filter(({ letter }) => letter !== one.letter))}
            >
              <IconTrash size={18} />
            </ActionIcon>
          </Tooltip>
        </Group>
      ))}
      {variants.others.length < LETTERS.length && (
        <Button
          variant="light"
          size="xs"
          leftSection={<IconPlus size={14} />}
          onClick={() => put(withLetter(variants.others))}
          style={{ alignSelf: "flex-start" }}
        >
          {t("Add a variant")}
        </Button>
      )}
      {value && (
        <>
          <Divider />
          <Winner campaignId={campaignId} value={value} onChange={onChange} />
        </>
      )}
    </Stack>
  );
}

function Weight({ value, share, onChange }: { value: number; share: number; onChange: (value: number) => void }) {
  return (
    <NumberInput
      label={t("Weight ({share} %)", { share })}
      w={130}
      min={0}
      max={100}
      allowDecimal={false}
      value={value}
      onChange={(weight) => onChange(Number(weight) || 0)}
    />
  );
}

const MEASURES: Readonly<Record<Measure, () => string>> = {
  opened: () => t("opens"),
  clicked: () => t("clicks"),
  replied: () => t("replies"),
};

function Winner({
  campaignId,
  value,
  onChange,
}: {
  campaignId: string;
  value: StepVariants;
  onChange: (value: StepVariants) => void;
}) {
  const { data } = useApi("GET /campaigns/:id/engagement", { params: { id: campaignId } });
  const { winner } = value;
  const change = (changes: Partial<NonNullable<StepVariants["winner"]>>) =>
    winner && onChange({ ...value, winner: { ...winner, ...changes } });
  const unmeasured =
    data && ((winner?.by === "opened" && !data.measures.opens) || (winner?.by === "clicked" && !data.measures.clicks));
  const empty = winner && winner.afterSent === null && winner.afterDays === null;
  return (
    <>
      <Select
        label={t("The winner is the variant with the most")}
        description={t("Whoever is planned once there is a winner gets it. What is planned or sent stays as it is.")}
        allowDeselect={false}
        data={[
          { value: "", label: t("… whatever I choose by hand") },
          ...Object.entries(MEASURES).map(([by, label]) => ({ value: by, label: label() })),
        ]}
        value={winner?.by ?? ""}
        onChange={(by) =>
          onChange({
            ...value,
            winner: by
              ? { afterSent: 200, afterDays: 2, atLeast: 30, otherwise: "split", ...winner, by: by as Measure }
              : null,
          })
        }
        maw={460}
      />
      {unmeasured && (
        <Alert color="orange" p="xs">
          <Text size="sm">
            {t(
              "{measure} are not measured in this Campaign, so no winner can be found by them. Measure them in its settings.",
              {
                measure: capital(MEASURES[winner.by]()),
              },
            )}
          </Text>
        </Alert>
      )}
      {winner && (
        <>
          <Group gap="sm" align="flex-start">
            <NumberInput
              label={t("Once so many people were sent it")}
              w={220}
              min={2}
              allowDecimal={false}
              error={empty ? t("Say after how many people or days.") : undefined}
              value={winner.afterSent ?? ""}
              onChange={(people) => change({ afterSent: people === "" ? null : Number(people) })}
            />
            <NumberInput
              label={t("and so many days after the first")}
              w={220}
              min={1}
              max={365}
              allowDecimal={false}
              value={winner.afterDays ?? ""}
              onChange={(days) => change({ afterDays: days === "" ? null : Number(days) })}
            />
            <NumberInput
              label={t("and each variant to at least")}
              w={220}
              min={1}
              allowDecimal={false}
              value={winner.atLeast}
              onChange={(atLeast) => change({ atLeast: Number(atLeast) || 1 })}
            />
          </Group>
          <Select
            label={t("If none is clearly better")}
            allowDeselect={false}
            data={[
              { value: "split", label: t("it stays with the split") },
              { value: "A", label: t("everybody gets variant A") },
            ]}
            value={winner.otherwise}
            onChange={(otherwise) => change({ otherwise: otherwise as "split" | "A" })}
            maw={300}
          />
        </>
      )}
    </>
  );
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
