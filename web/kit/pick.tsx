/** A field that searches records on the server while typing: people, Campaigns, groups, templates, senders. */
import { Loader, Select, type SelectProps } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import type { Route } from "../api.ts";
import { t } from "../i18n.ts";
import { useApi } from "../queries.ts";

type ListRoute = Route & `GET ${string}`;

type PickProps = Omit<SelectProps, "data" | "value" | "onChange"> & {
  readonly route: ListRoute;
  readonly query?: Readonly<Record<string, unknown>>;
  /** How a row is named. */
  readonly labelOf: (row: Record<string, unknown>) => string;
  readonly value: number | null;
  readonly onChange: (id: number | null, row: Record<string, unknown> | null) => void;
  /** What stands there before anything was searched for: the name of the value that is set. */
  readonly chosenLabel?: string;
  /** The list takes `q`; otherwise it is short and read whole. */
  readonly searches?: boolean;
};

export function Pick({
  route,
  query = {},
  labelOf,
  value,
  onChange,
  chosenLabel,
  searches = true,
  ...rest
}: PickProps) {
  const [typed, setTyped] = useState("");
  const [asked] = useDebouncedValue(typed, 200);
  const [label, setLabel] = useState(chosenLabel);
  const found = useApi(route, {
    query: {
      ...query,
      limit: searches ? 20 : 200,
      ...(searches && asked && asked !== label ? { q: asked } : {}),
    } as never,
  });
  const rows = (found.data as { data: readonly Record<string, unknown>[] } | undefined)?.data ?? [];
  const data = rows.map((row) => ({ value: String(row["id"]), label: labelOf(row) }));
  if (value !== null && !data.some((one) => one.value === String(value)) && (label ?? chosenLabel))
    data.unshift({ value: String(value), label: label ?? chosenLabel ?? "" });
  return (
    <Select
      searchable
      data={data}
      value={value === null ? null : String(value)}
      onSearchChange={setTyped}
      onChange={(id) => {
        const row = rows.find((one) => String(one["id"]) === id) ?? null;
        setLabel(row ? labelOf(row) : undefined);
        onChange(id === null ? null : Number(id), row);
      }}
      nothingFoundMessage={found.isFetching ? t("Searching …") : t("Nothing found")}
      rightSection={found.isFetching ? <Loader size={14} /> : undefined}
      // The server has searched already; what it found is shown as it came.
      {...(searches ? { filter: ({ options }) => options } : {})}
      {...rest}
    />
  );
}

export const personLabel = (row: Readonly<Record<string, unknown>>) =>
  [row["fullName"], row["email"]].filter(Boolean).join(" · ") || `#${String(row["id"])}`;
export const nameLabel = (row: Record<string, unknown>) => String(row["name"] ?? row["title"] ?? row["id"]);
export const senderLabel = (row: Record<string, unknown>) => `${String(row["name"])} <${String(row["email"])}>`;
