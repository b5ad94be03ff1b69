/** What delivery counts for Prometheus. Names no address and no account. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { Due } from "./claim.ts";
import type { Result } from "./record.ts";

export type Meters = {
  /** Messages planned or skipped by a tick. */
  planned(planned: number, skipped: number): void;
  count(result: Pick<Result, "state" | "reason">): void;
  /** How late the oldest of the messages taken is. */
  lag(taken: readonly Pick<Due, "dueAt">[], now: Temporal.Instant): void;
};

/** Registers the meters; without a registry nothing is counted. */
export function createMeters(registry: Registry | undefined): Meters {
  const registers = registry ? [registry] : [];
  const messages = new Counter({
    name: "tidings_messages_total",
    help: "Messages by what became of them in an attempt.",
    labelNames: ["outcome"],
    registers,
  });
  const lag = new Gauge({
    name: "tidings_due_lag_seconds",
    help: "How late the oldest message of the last batch was when it was taken.",
    registers,
  });
  return {
    planned(planned, skipped) {
      messages.inc({ outcome: "planned" }, planned);
      messages.inc({ outcome: "skipped" }, skipped);
    },
    count: ({ state, reason }) => messages.inc({ outcome: reason === "in-doubt" ? "unknown" : state }),
    lag(taken, now) {
      const oldest = taken.reduce(
        (most, { dueAt }) => Math.min(most, dueAt.epochMilliseconds),
        Number.POSITIVE_INFINITY,
      );
      lag.set(Number.isFinite(oldest) ? Math.max(0, (now.epochMilliseconds - oldest) / 1000) : 0);
    },
  };
}
