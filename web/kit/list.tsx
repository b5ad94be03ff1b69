/** A list of rows from the API: filters, sort, columns and search live in the address bar; rows can be chosen and acted on together. */
import {
  ActionIcon,
  Button,
  Card,
  Checkbox,
  Group,
  Menu,
  Stack,
  Table,
  Text,
  TextInput,
  Tooltip,
  UnstyledButton,
  VisuallyHidden,
} from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconArrowDown, IconArrowUp, IconColumns, IconDownload, IconSearch } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { address, call, type Answer, type Route, type Row, type Sent } from "../api.ts";
import { formatNumber, t } from "../i18n.ts";
import type { Search } from "../router.tsx";
import { useMay } from "../session.tsx";
import { Failure, tellDone, tellFailure } from "./failures.tsx";
import { RowsSkeleton } from "./skeletons.tsx";

export type Column<Item> = {
  readonly key: string;
  readonly label: string;
  readonly cell: (row: Item) => ReactNode;
  /** The value of `sort` that orders by it, where the API offers it. */
  readonly sort?: string;
  /** Not shown until chosen. */
  readonly optional?: boolean;
  readonly align?: "right";
};

type ListRoute = Route & `GET ${string}`;
type ListProps<Of extends ListRoute> = {
  readonly route: Of;
  readonly params?: Sent<Of>["params"];
  /** What the columns say of a row; the first column names it and is always there. */
  readonly columns: readonly Column<Row<Of>>[];
  /** Fixed parts of the query, not the reader's to change. */
  readonly query?: Readonly<Record<string, unknown>>;
  /** The names in the address bar that are handed to the API as filters, besides q and sort. */
  readonly filters?: readonly string[];
  /** Controls beside the search: selects, date ranges, chips. They write with {@link useSearchState}. */
  readonly controls?: ReactNode;
  readonly searchLabel?: string;
  /** Shown when there is nothing at all: what this is for and how to begin. */
  readonly empty: ReactNode;
  /** What can be done with chosen rows. */
  readonly bulk?: (chosen: readonly Row<Of>[], done: () => void) => ReactNode;
  /** What can be done with all rows the filters mean, more than are shown. */
  readonly bulkAll?: (done: () => void) => ReactNode;
  /** The endpoint that gives the same list as CSV. */
  readonly exporting?: Route;
  readonly idOf?: (row: Row<Of>) => string | number;
  readonly label: string;
};

const PAGE = 50;

/** Reads and writes the address bar's search. Writing undefined or "" removes. */
export function useSearchState() {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const change = (changes: Search) =>
    void navigate({ to: ".", search: ((old: Search) => ({ ...old, ...changes })) as never, replace: true });
  return [search, change] as const;
}

export function List<Of extends ListRoute>(props: ListProps<Of>) {
  const { route, params, columns, query = {}, filters = [], controls, empty, bulk, bulkAll, exporting, label } = props;
  const idOf = props.idOf ?? ((row: Row<Of>) => (row as { id: number | string }).id);
  const [search, change] = useSearchState();
  const may = useMay();
  const [chosen, setChosen] = useState<ReadonlyMap<string | number, Row<Of>>>(new Map());

  const asked: Record<string, unknown> = { ...query };
  for (const name of ["q", "sort", ...filters]) {
    const value = search[name];
    if (value) asked[name] = LISTED.has(name) ? split(value) : value;
  }
  const [wholly, setWholly] = useState("");
  const filtered = ["q", ...filters].some((name) => search[name]);
  const found = useInfiniteQuery({
    queryKey: [route, params ?? {}, asked, "pages"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }): Promise<Answer<Of>> =>
      call(route, {
        params,
        query: { ...asked, limit: PAGE, ...(pageParam ? { cursor: pageParam } : {}) },
        signal,
      } as Sent<Of>),
    getNextPageParam: (last) => (last as { nextCursor: string | null }).nextCursor,
    placeholderData: (former) => former,
  });
  const rows = (found.data?.pages ?? []).flatMap((one) => (one as { data: readonly Row<Of>[] }).data);
  const total = (found.data?.pages[0] as { total?: number | null } | undefined)?.total;
  const hidden = new Set((search["hide"] ?? "").split(",").filter(Boolean));
  const extra = new Set((search["show"] ?? "").split(",").filter(Boolean));
  const shown = columns.filter(
    (column, at) => at === 0 || (column.optional ? extra.has(column.key) : !hidden.has(column.key)),
  );
  const toggleColumn = (column: Column<Row<Of>>) => {
    const set = column.optional ? extra : hidden;
    if (!set.delete(column.key)) set.add(column.key);
    change({ [column.optional ? "show" : "hide"]: [...set].join(",") });
  };
  const choose = (row: Row<Of>, on: boolean) => {
    const next = new Map(chosen);
    if (on) next.set(idOf(row), row);
    else next.delete(idOf(row));
    setChosen(next);
  };
  const [exportsNow, setExportsNow] = useState(false);
  const download = async () => {
    setExportsNow(true);
    try {
      const { downloadCsv } = await import("./csv-download.ts");
      const count = await downloadCsv(route, { params, query: asked }, label);
      tellDone(t("{count, plural, one {# row} other {# rows}} downloaded.", { count }));
    } catch (error) {
      tellFailure(error);
    } finally {
      setExportsNow(false);
    }
  };
  const all = rows.length > 0 && rows.every((row) => chosen.has(idOf(row)));
  // Other filters mean other people: what was chosen wholly is chosen no longer.
  const everything = wholly !== "" && wholly === JSON.stringify(asked) && all;
  const clear = () => {
    setChosen(new Map());
    setWholly("");
  };

  return (
    <Stack gap="sm">
      <Group justify="space-between" align="flex-start" gap="sm">
        <Group gap="xs" flex={1} miw={0}>
          {props.searchLabel && (
            <SearchBox label={props.searchLabel} value={search["q"] ?? ""} onChange={(q) => change({ q })} />
          )}
          {controls}
          {filtered && (
            <Button
              variant="subtle"
              size="xs"
              onClick={() => change(Object.fromEntries(["q", ...filters].map((name) => [name, undefined])))}
            >
              {t("Clear filters")}
            </Button>
          )}
        </Group>
        <Group gap={4}>
          {!exporting && may("manager") && rows.length > 0 && (
            <Tooltip label={t("Download as CSV")}>
              <ActionIcon
                size="lg"
                loading={exportsNow}
                onClick={() => void download()}
                aria-label={t("Download as CSV")}
              >
                <IconDownload size={18} />
              </ActionIcon>
            </Tooltip>
          )}
          {exporting && may("manager") && (
            <Tooltip label={t("Download as CSV")}>
              <ActionIcon
                component="a"
                size="lg"
                href={address(exporting, { params, query: withoutPaging(asked) })}
                download
                aria-label={t("Download as CSV")}
              >
                <IconDownload size={18} />
              </ActionIcon>
            </Tooltip>
          )}
          <Menu closeOnItemClick={false} position="bottom-end">
            <Menu.Target>
              <Tooltip label={t("Columns")}>
                <ActionIcon size="lg" aria-label={t("Columns")}>
                  <IconColumns size={18} />
                </ActionIcon>
              </Tooltip>
            </Menu.Target>
            <Menu.Dropdown>
              {columns.slice(1).map((column) => (
                <Menu.Item
                  key={column.key}
                  role="menuitemcheckbox"
                  aria-checked={shown.includes(column)}
                  leftSection={<Checkbox.Indicator size="xs" checked={shown.includes(column)} />}
                  onClick={() => toggleColumn(column)}
                >
                  {column.label}
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        </Group>
      </Group>

      {chosen.size > 0 && bulk && (
        <Card padding="xs" role="region" aria-label={t("Chosen rows")}>
          <Group gap="sm">
            <Text size="sm" fw={600} aria-live="polite">
              {everything
                ? t("Everybody these filters mean is chosen")
                : t("{count, plural, one {# chosen} other {# chosen}}", { count: chosen.size })}
            </Text>
            {everything && bulkAll ? bulkAll(clear) : bulk([...chosen.values()], clear)}
            {all && !everything && bulkAll && found.hasNextPage && (
              <Button variant="subtle" size="xs" onClick={() => setWholly(JSON.stringify(asked))}>
                {t("Choose everybody these filters mean")}
              </Button>
            )}
            <Button variant="subtle" size="xs" color="gray" onClick={clear}>
              {t("Choose none")}
            </Button>
          </Group>
        </Card>
      )}

      {found.isError ? (
        <Failure error={found.error} retry={found.refetch} />
      ) : found.isPending ? (
        <Card>
          <RowsSkeleton />
        </Card>
      ) : rows.length === 0 && !filtered ? (
        empty
      ) : (
        <Card padding={0}>
          <div className="list-scroll" tabIndex={-1}>
            <Table className="list-table" aria-label={label} aria-busy={found.isFetching}>
              <Table.Thead>
                <Table.Tr>
                  {bulk && (
                    <Table.Th w={40}>
                      <Checkbox
                        size="xs"
                        aria-label={t("Choose all rows shown")}
                        checked={all}
                        indeterminate={!all && chosen.size > 0}
                        onChange={() => setChosen(all ? new Map() : new Map(rows.map((row) => [idOf(row), row])))}
                      />
                    </Table.Th>
                  )}
                  {shown.map((column) => (
                    <Heading
                      key={column.key}
                      column={column}
                      sort={search["sort"]}
                      onSort={(sort) => change({ sort })}
                    />
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {rows.map((row) => (
                  <Table.Tr key={idOf(row)} {...(bulk ? { "aria-selected": chosen.has(idOf(row)) } : {})}>
                    {bulk && (
                      <Table.Td className="list-choose">
                        <Checkbox
                          size="xs"
                          aria-label={t("Choose this row")}
                          checked={chosen.has(idOf(row))}
                          onChange={(event) => choose(row, event.currentTarget.checked)}
                        />
                      </Table.Td>
                    )}
                    {shown.map((column) => (
                      <Table.Td
                        key={column.key}
                        data-label={column.label}
                        {...(column.align ? { ta: { sm: column.align }, className: "numbers" } : {})}
                      >
                        <div>{column.cell(row)}</div>
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
          {rows.length === 0 && (
            <Text p="lg" ta="center" c="dimmed" size="sm">
              {t("Nothing matches these filters.")}
            </Text>
          )}
          <Group justify="space-between" p="sm">
            <Text size="xs" c="dimmed" role="status">
              {total != null
                ? t("{shown} of {total}", { shown: formatNumber(rows.length), total: formatNumber(total) })
                : t("{shown} shown", { shown: formatNumber(rows.length) })}
            </Text>
            {found.hasNextPage && <More loading={found.isFetchingNextPage} load={() => void found.fetchNextPage()} />}
          </Group>
        </Card>
      )}
    </Stack>
  );
}

/** Filters that may hold several values: `status=Lead,Open` in the address bar. */
const LISTED = new Set(["status", "source", "owner", "company", "country"]);

/** Several values in one parameter, and back. A comma inside a value is written as %2C. */
export const joined = (values: readonly string[] | undefined) =>
  values?.map((value) => value.replaceAll(",", "%2C")).join(",");
export const split = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .filter(Boolean)
    .map((value) => value.replaceAll("%2C", ","));

function withoutPaging({ sort: _sort, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return rest;
}

function Heading<Item>({
  column,
  sort,
  onSort,
}: {
  column: Column<Item>;
  sort: string | undefined;
  onSort: (sort: string | undefined) => void;
}) {
  const { sort: by, label, align } = column;
  const rising = by !== undefined && sort === by;
  const falling = by !== undefined && sort === `-${by}`;
  const alignment = align ? { ta: align } : {};
  if (!by)
    return <Table.Th {...alignment}>{label === "" ? <VisuallyHidden>{t("Actions")}</VisuallyHidden> : label}</Table.Th>;
  return (
    <Table.Th aria-sort={rising ? "ascending" : falling ? "descending" : "none"} {...alignment}>
      <UnstyledButton onClick={() => onSort(rising ? `-${by}` : falling ? undefined : by)}>
        {label}
        {rising && <IconArrowUp size={12} />}
        {falling && <IconArrowDown size={12} />}
      </UnstyledButton>
    </Table.Th>
  );
}

/** Fetches the next page when it comes into view, and by its button. */
function More({ loading, load }: { loading: boolean; load: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const element = button.current;
    if (!element || loading) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && load(), { rootMargin: "400px" });
    observer.observe(element);
    return () => observer.disconnect();
  }, [loading, load]);
  return (
    <Button ref={button} variant="subtle" size="xs" loading={loading} onClick={load}>
      {t("Show more")}
    </Button>
  );
}

function SearchBox({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const tell = useDebouncedCallback(onChange, 250);
  const sent = useRef(value);
  useEffect(() => {
    if (value !== sent.current) setTyped(value);
    sent.current = value;
  }, [value]);
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={16} />}
      value={typed}
      maw={320}
      miw={200}
      flex={1}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        sent.current = event.currentTarget.value;
        tell(event.currentTarget.value);
      }}
    />
  );
}

/** What a list without rows says: what it is for, and the first step. */
export function Empty({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <Card padding="xl">
      <Stack align="center" gap="sm" py="lg" maw={460} mx="auto" ta="center">
        <Text fw={650} size="lg" component="h2">
          {title}
        </Text>
        <Text size="sm" c="dimmed" component="div">
          {children}
        </Text>
        {action}
      </Stack>
    </Card>
  );
}
