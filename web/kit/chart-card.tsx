/** A picture of numbers, with the same numbers as a table behind a switch. */
import { Card, Group, SegmentedControl, Table, Text } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { t } from "../i18n.ts";

type ChartCardProps = {
  readonly title: string;
  readonly hint?: string;
  /** The chart itself. */
  readonly children: ReactNode;
  readonly head: readonly string[];
  readonly rows: readonly (readonly ReactNode[])[];
  readonly controls?: ReactNode;
};

export function ChartCard({ title, hint, children, head, rows, controls }: ChartCardProps) {
  const [shown, setShown] = useState("chart");
  return (
    <Card component="section" aria-label={title}>
      <Group justify="space-between" mb="md" align="flex-start">
        <div>
          <Text component="h2" fw={650}>
            {title}
          </Text>
          {hint && (
            <Text size="xs" c="dimmed">
              {hint}
            </Text>
          )}
        </div>
        <Group gap="xs">
          {controls}
          <SegmentedControl
            size="xs"
            aria-label={t("How to show {title}", { title })}
            value={shown}
            onChange={setShown}
            data={[
              { value: "chart", label: t("Chart") },
              { value: "table", label: t("Table") },
            ]}
          />
        </Group>
      </Group>
      {shown === "chart" ? (
        <div role="img" aria-label={t("{title}: the same numbers are in the table.", { title })}>
          {children}
        </div>
      ) : (
        <div
          className="list-scroll"
          style={{ maxHeight: 320, overflowY: "auto" }}
          tabIndex={0}
          role="region"
          aria-label={title}
        >
          <Table aria-label={title} verticalSpacing={6} className="numbers">
            <Table.Thead>
              <Table.Tr>
                {head.map((one) => (
                  <Table.Th key={one}>{one}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((row, at) => (
                // oxlint-disable-next-line react/no-array-index-key -- rows of figures have no other name
                <Table.Tr key={at}>
                  {row.map((cell, column) => (
                    // oxlint-disable-next-line react/no-array-index-key -- and neither have their cells
                    <Table.Td key={column}>{cell}</Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
    </Card>
  );
}
