/** Other email accounts a sender's mail may leave by, and when. */
import { ActionIcon, Button, Fieldset, Group, NumberInput, Select, Stack } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { t } from "../../i18n.ts";
import { useApi } from "../../queries.ts";

export type Further = {
  readonly furtherAccounts: readonly { emailAccountId: number; weight: number }[];
  readonly accountChoice: "in-order" | "rotation";
  readonly accountWeight: number | string;
};

export function FurtherAccounts({ value, onChange }: { value: Further; onChange: (value: Further) => void }) {
  const accounts = useApi("GET /email-accounts");
  const options = (accounts.data?.data ?? []).map(({ id, name }) => ({ value: String(id), label: name }));
  const { furtherAccounts: rows, accountChoice, accountWeight } = value;
  const set = (further: Further["furtherAccounts"]) => onChange({ ...value, furtherAccounts: further });
  const free = options.find(({ value: id }) => !rows.some(({ emailAccountId }) => String(emailAccountId) === id));
  const rotates = accountChoice === "rotation";
  return (
    <Fieldset legend={t("Further email accounts")}>
      <Stack gap="sm">
        {rows.map((row, index) => (
          <Group key={row.emailAccountId} align="flex-end" wrap="nowrap">
            <Select
              label={t("Email account {number}", { number: index + 2 })}
              data={options}
              allowDeselect={false}
              flex={1}
              value={String(row.emailAccountId)}
              onChange={(id) => id && set(rows.with(index, { ...row, emailAccountId: Number(id) }))}
            />
            {rotates && (
              <NumberInput
                label={t("Share")}
                w={90}
                min={1}
                max={1000}
                value={row.weight}
                onChange={(weight) => set(rows.with(index, { ...row, weight: Number(weight) || 1 }))}
              />
            )}
            <ActionIcon
              variant="subtle"
              color="red"
              size="lg"
              aria-label={t("Remove email account {number}", { number: index + 2 })}
              onClick={() => set(rows.filter((_, at) => at !== index))}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </Group>
        ))}
        {free && (
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPlus size={14} />}
            onClick={() => set([...rows, { emailAccountId: Number(free.value), weight: 1 }])}
          >
            {t("Add an email account")}
          </Button>
        )}
        {rows.length > 0 && (
          <Select
            label={t("Which account mail leaves by")}
            allowDeselect={false}
            data={[
              { value: "in-order", label: t("The first; the next one when it cannot send") },
              { value: "rotation", label: t("In turn: each person keeps one account") },
            ]}
            value={accountChoice}
            onChange={(choice) =>
              onChange({ ...value, accountChoice: choice === "rotation" ? "rotation" : "in-order" })
            }
          />
        )}
        {rows.length > 0 && rotates && (
          <NumberInput
            label={t("Share of the first account")}
            min={1}
            max={1000}
            value={accountWeight}
            onChange={(weight) => onChange({ ...value, accountWeight: weight })}
          />
        )}
      </Stack>
    </Fieldset>
  );
}
