/** Everything that is measured for Prometheus besides what modules count as it happens. Each module reads its own. */
import { statfs } from "node:fs/promises";
import { sql } from "kysely";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Clock } from "./clock.ts";
import type { Lifeline } from "./continuity/continuity.ts";
import * as continuity from "./continuity/measure.ts";
import * as conversations from "./conversations/measure.ts";
import { type Database, inTransaction } from "./db/database.ts";
import type { MeasuredPool } from "./db/measured-pool.ts";
import * as deliverability from "./deliverability/measure.ts";
import * as delivery from "./delivery/measure.ts";
import { measure } from "./http/measurements.ts";
import * as inbound from "./inbound/metrics.ts";
import * as jobs from "./jobs/measure.ts";

/** Of each question. Prometheus gives up after 10 seconds unless told otherwise. */
const LONGEST_QUESTION_MS = 2000;

type Measured = {
  readonly database: Database;
  readonly dataDir: string;
  readonly lifeline: Lifeline;
  readonly clock: Clock;
};

const gauges = {
  ...delivery.gauges,
  ...jobs.gauges,
  ...inbound.gauges,
  ...conversations.gauges,
  ...deliverability.gauges,
  ...continuity.gauges,
};

export function measureAll(registry: Registry, { database, dataDir, lifeline, clock }: Measured): void {
  measure(registry, gauges, () =>
    inTransaction(database.db, async (tx) => {
      await sql`set local statement_timeout = ${sql.lit(LONGEST_QUESTION_MS)}`.execute(tx);
      const now = clock();
      return [
        ...(await delivery.readings(tx, now)),
        ...(await jobs.readings(tx, now)),
        ...(await inbound.readings(tx, now)),
        ...(await conversations.readings(tx, now)),
        ...(await deliverability.readings(tx, now)),
        ...(await continuity.readings(tx, lifeline)),
      ];
    }),
  );
  for (const metric of [...poolsOf(database), diskOf(dataDir)]) registry.registerMetric(metric);
}

function diskOf(dataDir: string): Gauge {
  return new Gauge({
    name: "tidings_data_folder_free_ratio",
    help: "How much of the disk with the data folder is free, from 0 to 1.",
    registers: [],
    async collect() {
      const { bavail, blocks } = await statfs(dataDir).catch(() => ({ bavail: 0, blocks: 0 }));
      if (blocks > 0) this.set(bavail / blocks);
    },
  });
}

function poolsOf({ pools }: Database): (Gauge | Counter)[] {
  const each = Object.entries(pools);
  /** The pool counts by itself: told from nothing, each time it is asked. */
  const counter = (name: string, help: string, of: (pool: MeasuredPool) => number) =>
    new Counter({
      name,
      help,
      labelNames: ["pool"],
      registers: [],
      collect() {
        this.reset();
        for (const [pool, one] of each) this.inc({ pool }, of(one));
      },
    });
  return [
    new Gauge({
      name: "tidings_pool_connections",
      help: "Connections to the database that are open, in use or idle.",
      labelNames: ["pool", "state"],
      registers: [],
      collect() {
        for (const [pool, { totalCount, idleCount }] of each) {
          this.set({ pool, state: "used" }, totalCount - idleCount);
          this.set({ pool, state: "idle" }, idleCount);
        }
      },
    }),
    new Gauge({
      name: "tidings_pool_waiting",
      help: "Who waits for a connection to the database now.",
      labelNames: ["pool"],
      registers: [],
      collect() {
        for (const [pool, { waitingCount }] of each) this.set({ pool }, waitingCount);
      },
    }),
    counter("tidings_pool_acquired_total", "How often a connection was given.", ({ acquired }) => acquired),
    counter(
      "tidings_pool_wait_seconds_total",
      "For how long connections were waited for, all together.",
      ({ waitedMs }) => waitedMs / 1000,
    ),
  ];
}
