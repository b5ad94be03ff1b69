/** Whether mail may leave at all, as Prometheus wants it. */
import type { Db } from "../db/database.ts";
import type { Gauges, Reading } from "../http/measurements.ts";
import type { Lifeline } from "./lifeline.ts";
import * as store from "./store.ts";

export const gauges = {
  tidings_sending_held: { help: "1: nothing leaves until somebody answers, since this seems to be a restored copy." },
  tidings_clock_skew_seconds: { help: "How far this machine's clock is ahead of the database's (below zero: behind)." },
} as const satisfies Gauges<string>;

export async function readings(db: Db, lifeline: Lifeline): Promise<Reading<keyof typeof gauges>[]> {
  const { heldAt } = await store.get(db);
  const skewMs = lifeline.clockSkewMs();
  return [
    { name: "tidings_sending_held", value: heldAt === null ? 0 : 1 },
    ...(skewMs === null ? [] : [{ name: "tidings_clock_skew_seconds" as const, value: skewMs / 1000 }]),
  ];
}
