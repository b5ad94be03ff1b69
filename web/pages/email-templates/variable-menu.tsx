/** The variables an author can put into a mail, to search and to choose from. */
import { Button, Combobox, Text, useCombobox } from "@mantine/core";
import { IconBraces } from "@tabler/icons-react";
import { useState } from "react";
import type { Row } from "../../api.ts";
import { t } from "../../i18n.ts";

export type Variable = Row<"GET /template-variables">;

const GROUPS: Readonly<Record<Variable["group"], () => string>> = {
  person: () => t("Person"),
  field: () => t("Your fields"),
  sender: () => t("Sender"),
  campaign: () => t("Campaign"),
  workspace: () => t("Workspace"),
  link: () => t("Links"),
};

export function VariableMenu({
  variables,
  insert,
}: {
  variables: readonly Variable[];
  insert: (text: string) => void;
}) {
  const [typed, setTyped] = useState("");
  const combobox = useCombobox({
    onDropdownClose: () => setTyped(""),
    onDropdownOpen: () => combobox.focusSearchInput(),
  });
  const wanted = typed.trim().toLowerCase();
  const found = variables.filter(({ name, label }) => `${name} ${label}`.toLowerCase().includes(wanted));
  return (
    <Combobox
      store={combobox}
      width={320}
      position="bottom-end"
      withinPortal
      onOptionSubmit={(name) => {
        combobox.closeDropdown();
        const chosen = variables.find((one) => one.name === name);
        if (chosen) insert(chosen.insert);
      }}
    >
      <Combobox.Target targetType="button">
        <Button
          variant="default"
          size="xs"
          leftSection={<IconBraces size={14} />}
          onClick={() => combobox.toggleDropdown()}
        >
          {t("Insert a variable")}
        </Button>
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search
          value={typed}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            combobox.selectFirstOption();
          }}
          placeholder={t("Search variables")}
          aria-label={t("Search variables")}
        />
        <Combobox.Options mah={320} style={{ overflowY: "auto" }}>
          {(Object.keys(GROUPS) as Variable["group"][]).map((group) => {
            const rows = found.filter((one) => one.group === group);
            return (
              rows.length > 0 && (
                <Combobox.Group key={group} label={GROUPS[group]()}>
                  {rows.map(({ name, label, insert: text, example }) => (
                    <Combobox.Option key={name} value={name}>
                      <Text size="sm">{label}</Text>
                      <Text size="xs" opacity={0.75} truncate>
                        <Text span ff="monospace" size="xs">
                          {text}
                        </Text>
                        {example && ` · ${example}`}
                      </Text>
                    </Combobox.Option>
                  ))}
                </Combobox.Group>
              )
            );
          })}
          {found.length === 0 && <Combobox.Empty>{t("Nothing found")}</Combobox.Empty>}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
