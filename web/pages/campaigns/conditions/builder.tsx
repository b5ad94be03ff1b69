/** A condition as a form: rows of which all have to be so, or any, and below them the sentence. Saves nothing. */
import { ActionIcon, Button, Group, Paper, Select, Stack, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useRef, useState } from "react";
import type { Condition } from "../../../../src/core/conditions.ts";
import { t } from "../../../i18n.ts";
import { type Around, LeafFields } from "./leaf-fields.tsx";
import { BEGUN, conditionOf, type Join, type Kind, kindOf, type Row, type Rows, rowsOf } from "./rows.ts";
import InWords, { type Mail } from "./words.tsx";

const KINDS: Readonly<Record<Kind, () => string>> = {
  replied: () => t("Replied"),
  opened: () => t("Opened a mail"),
  clicked: () => t("Clicked in a mail"),
  group: () => t("Is in an Email Group"),
  field: () => t("A field"),
  campaign: () => t("Is in another Campaign"),
  finished: () => t("Finished another Campaign"),
  event: () => t("Had an event"),
};

export function ConditionBuilder({
  label,
  hint,
  value,
  onChange,
  kinds = Object.keys(KINDS) as Kind[],
  ...around
}: {
  /** What it is for: "Only if". */
  label: string;
  hint: string;
  value: Condition | null;
  onChange: (value: Condition | null) => void;
  /** What can be asked; a new row asks the first. */
  kinds?: readonly Kind[];
} & Around) {
  const { join, rows } = rowsOf(value);
  const keys = useKeys(rows.length);
  const adding = useRef<HTMLButtonElement>(null);
  const change = (changes: Partial<Rows>) => onChange(conditionOf({ join, rows, ...changes }));
  const add = () => {
    keys.add();
    change({ rows: [...rows, { so: true, leaf: BEGUN[kinds[0] ?? "replied"] }] });
  };
  const remove = (at: number) => {
    keys.remove(at);
    change({ rows: rows.filter((_, one) => one !== at) });
    // What was focused is gone.
    adding.current?.focus();
  };
  return (
    <Stack gap="xs" role="group" aria-label={label}>
      <div>
        <Text size="sm" fw={600}>
          {label}
        </Text>
        <Text size="xs" c="dimmed">
          {hint}
        </Text>
      </div>
      {rows.length > 1 && (
        <Select
          label={t("What has to be so")}
          allowDeselect={false}
          data={[
            { value: "all", label: t("all of these") },
            { value: "any", label: t("any of these") },
          ]}
          value={join}
          onChange={(chosen) => change({ join: chosen as Join })}
          w={200}
        />
      )}
      {rows.map((row, at) => (
        <RowFields
          key={keys.of(at)}
          row={row}
          position={at + 1}
          around={around}
          kinds={kinds}
          change={(changed) => change({ rows: rows.map((one, place) => (place === at ? changed : one)) })}
          remove={() => remove(at)}
        />
      ))}
      <Group gap="sm">
        <Button
          ref={adding}
          size="compact-sm"
          variant="light"
          leftSection={<IconPlus size={14} />}
          onClick={add}
          aria-label={t("Add a condition: {label}", { label })}
        >
          {t("Add a condition")}
        </Button>
      </Group>
      {value && (
        <Text size="sm" aria-live="polite" style={{ overflowWrap: "anywhere" }}>
          <Text span fw={600} size="sm">
            {label}:{" "}
          </Text>
          <InWords condition={value} mails={around.mails} />
        </Text>
      )}
    </Stack>
  );
}

function RowFields({
  row,
  position,
  around,
  kinds,
  change,
  remove,
}: {
  row: Row;
  position: number;
  around: Around;
  kinds: readonly Kind[];
  change: (row: Row) => void;
  remove: () => void;
}) {
  return (
    <Paper withBorder p="xs" role="group" aria-label={t("Condition {position}", { position })}>
      <Group gap="sm" align="flex-end" wrap="nowrap">
        <Group gap="sm" align="flex-end" flex={1} miw={0}>
          {"kept" in row ? (
            <Kept condition={row.kept} mails={around.mails} />
          ) : (
            <>
              <Select
                label={t("What")}
                allowDeselect={false}
                data={kinds.map((kind) => ({ value: kind, label: KINDS[kind]() }))}
                value={kindOf(row.leaf)}
                onChange={(kind) => change({ so: row.so, leaf: BEGUN[kind as Kind] })}
                flex="1 1 180px"
                miw={170}
                maw={{ base: undefined, xs: 240 }}
              />
              <Select
                label={t("Whether")}
                allowDeselect={false}
                data={[
                  { value: "so", label: t("is so") },
                  { value: "not", label: t("is not so") },
                ]}
                value={row.so ? "so" : "not"}
                onChange={(whether) => change({ ...row, so: whether === "so" })}
                flex="1 1 150px"
                miw={150}
                maw={{ base: undefined, xs: 170 }}
              />
              <LeafFields leaf={row.leaf} change={(leaf) => change({ ...row, leaf })} around={around} />
            </>
          )}
        </Group>
        <ActionIcon size="lg" color="red" onClick={remove} aria-label={t("Remove condition {position}", { position })}>
          <IconTrash size={18} />
        </ActionIcon>
      </Group>
    </Paper>
  );
}

function Kept({ condition, mails }: { condition: Condition; mails: readonly Mail[] }) {
  return (
    <div style={{ overflowWrap: "anywhere", minWidth: 0 }}>
      <Text size="sm">
        <InWords condition={condition} mails={mails} />
      </Text>
      <Text size="xs" c="dimmed">
        {t("It is nested, stays as it is, and is changed by the API or in a file.")}
      </Text>
    </div>
  );
}

/** Rows have no names of their own; what is typed into one must not move to another when one before it goes. */
function useKeys(count: number) {
  const [keys, setKeys] = useState<readonly number[]>(() => Array.from({ length: count }, (_, at) => at));
  const next = Math.max(-1, ...keys) + 1;
  return {
    of: (at: number) => keys[at] ?? `late-${at}`,
    add: () => setKeys([...keys.slice(0, count), next]),
    remove: (at: number) => setKeys(keys.filter((_, one) => one !== at)),
  };
}
