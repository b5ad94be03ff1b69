/** Bars over days, stacked: light enough for the first page, so that it does not wait for the charts of the others. */
import { Group, Text, Tooltip } from "@mantine/core";
import { formatNumber } from "../i18n.ts";

type Series = { readonly name: string; readonly label: string; readonly color: string };
type BarsProps = {
  readonly data: readonly Readonly<Record<string, string | number>>[];
  /** The name of the value below each bar. */
  readonly x: string;
  readonly series: readonly Series[];
  readonly height?: number;
};

const LABELS = 7;

export function Bars({ data, x, series, height = 200 }: BarsProps) {
  const valueOf = (row: BarsProps["data"][number], { name }: Series) => Number(row[name] ?? 0);
  const most = roundUp(Math.max(4, ...data.map((row) => series.reduce((sum, one) => sum + valueOf(row, one), 0))));
  const every = Math.ceil(data.length / LABELS);
  return (
    <div>
      <div className="bars" style={{ height }}>
        {[1, 0.75, 0.5, 0.25, 0].map((share) => (
          <div key={share} className="bars-line" style={{ bottom: `${share * 100}%` }}>
            <Text size="xs" c="dimmed" className="numbers">
              {formatNumber(most * share)}
            </Text>
          </div>
        ))}
        <div className="bars-plot">
          {data.map((row) => (
            <Tooltip
              key={String(row[x])}
              multiline
              style={{ whiteSpace: "pre" }}
              label={[row[x], ...series.map((one) => `${one.label}: ${formatNumber(valueOf(row, one))}`)].join("\n")}
            >
              <div className="bars-slot">
                {series.toReversed().map((one) => (
                  <div
                    key={one.name}
                    style={{
                      height: `${(valueOf(row, one) / most) * 100}%`,
                      background: `var(--mantine-color-${one.color.replace(".", "-")})`,
                    }}
                  />
                ))}
              </div>
            </Tooltip>
          ))}
        </div>
      </div>
      <div className="bars-names">
        {data.map((row, at) => (
          <Text key={String(row[x])} size="xs" c="dimmed" ta="center" className="bars-name">
            {at % every === 0 && <span className={at % (every * 2) === 0 ? "" : "bars-name-wide"}>{row[x]}</span>}
          </Text>
        ))}
      </div>
      {series.length > 1 && (
        <Group gap="lg" mt="sm" justify="flex-end">
          {series.map((one) => (
            <Group key={one.name} gap={6}>
              <span
                className="bars-dot"
                style={{ background: `var(--mantine-color-${one.color.replace(".", "-")})` }}
              />
              <Text size="sm">{one.label}</Text>
            </Group>
          ))}
        </Group>
      )}
    </div>
  );
}

/** The next number whose quarters are whole: 4, 8, 20, 40, 80, 200 … */
function roundUp(value: number): number {
  for (let ten = 1; ; ten *= 10) for (const step of [4, 8, 20]) if (value <= step * ten) return step * ten;
}
