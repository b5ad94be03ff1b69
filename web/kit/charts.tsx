/** The charts, in one place so that they are loaded together and only where there are some. */
import "@mantine/charts/styles.css";
import { AreaChart, BarChart } from "@mantine/charts";
import { formatNumber } from "../i18n.ts";

type Series = readonly { readonly name: string; readonly label: string; readonly color: string }[];
type ChartProps = {
  readonly data: readonly Record<string, unknown>[];
  readonly x: string;
  readonly series: Series;
  readonly height?: number;
  readonly stacked?: boolean;
};

const common = {
  tickLine: "none" as const,
  gridAxis: "x" as const,
  valueFormatter: formatNumber,
  yAxisProps: { allowDecimals: false, width: 44, interval: 0 as const },
};

export function Areas({ data, x, series, height = 260 }: ChartProps) {
  return (
    <AreaChart
      {...common}
      h={height}
      data={data as Record<string, unknown>[]}
      dataKey={x}
      type="stacked"
      curveType="monotone"
      withDots={false}
      withLegend
      legendProps={{ verticalAlign: "bottom" }}
      series={[...series]}
      areaProps={{ isAnimationActive: false }}
    />
  );
}

/** Rows of bars, for steps and Campaigns: names to the left. */
export function Rows({ data, x, series, height, stacked = true }: ChartProps) {
  return (
    <BarChart
      {...common}
      gridAxis="y"
      orientation="vertical"
      h={height ?? 60 + data.length * 44}
      data={data as Record<string, unknown>[]}
      dataKey={x}
      type={stacked ? "stacked" : "default"}
      withLegend
      legendProps={{ verticalAlign: "bottom" }}
      yAxisProps={{ width: 150, tick: { fontSize: 12 } }}
      xAxisProps={{ allowDecimals: false }}
      series={[...series]}
      barProps={{ isAnimationActive: false, maxBarSize: 28 }}
    />
  );
}
