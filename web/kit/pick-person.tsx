/** A field that finds one person, Lead or Contact, on the server while typing. */
import { Loader, Select, type SelectProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { t } from "../i18n.ts";
import { useApi } from "../queries.ts";
import { personLabel } from "./pick.tsx";

type PickPersonProps = Omit<SelectProps, "data" | "value" | "onChange"> & {
  readonly value: number | null;
  readonly onChange: (id: number | null, label: string | null) => void;
};

export function PickPerson({ value, onChange, ...rest }: PickPersonProps) {
  const [typed, setTyped] = useState("");
  const [asked] = useDebouncedValue(typed, 200);
  const [chosen, setChosen] = useState<string | null>(null);
  const query = { limit: 10, ...(asked && asked !== chosen ? { q: asked } : {}) };
  const leads = useApi("GET /leads", { query });
  const contacts = useApi("GET /contacts", { query });
  const items = (rows: readonly Record<string, unknown>[] = []) =>
    rows.map((row) => ({ value: String(row["id"]), label: personLabel(row) }));
  const found = [
    { group: t("Leads"), items: items(leads.data?.data) },
    { group: t("Contacts"), items: items(contacts.data?.data) },
  ].filter((group) => group.items.length > 0);
  const all = found.flatMap((group) => group.items);
  const isLoading = leads.isFetching || contacts.isFetching;
  const data =
    value !== null && chosen !== null && !all.some((one) => one.value === String(value))
      ? [{ group: t("Chosen"), items: [{ value: String(value), label: chosen }] }, ...found]
      : found;
  return (
    <Select
      searchable
      clearable
      data={data}
      value={value === null ? null : String(value)}
      onSearchChange={setTyped}
      onChange={(id) => {
        const label = all.find((one) => one.value === id)?.label ?? null;
        setChosen(label);
        onChange(id === null ? null : Number(id), label);
      }}
      // The server has searched already; what it found is shown as it came.
      filter={({ options }) => options}
      nothingFoundMessage={isLoading ? t("Searching …") : t("Nothing found")}
      rightSection={isLoading ? <Loader size={14} /> : undefined}
      {...rest}
    />
  );
}
