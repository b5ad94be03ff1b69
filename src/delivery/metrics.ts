/** What delivery counts for Prometheus as it happens in this process. Names no address and no account. */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { type DomainClass, domainClass } from "../core/domain-class.ts";
import type { Due } from "./claim.ts";
import type { Result } from "./record.ts";

export type Meters = {
  /** Messages planned or skipped by a tick. */
  planned(planned: number, skipped: number): void;
  /** What became of a message; `address` is the recipient's, where one was fixed. */
  count(result: Pick<Result, "state" | "reason" | "stage">, address: string | null): void;
  /** How late the oldest of the messages taken is. */
  lag(taken: readonly Pick<Due, "dueAt">[], now: Temporal.Instant): void;
  /** How long a server took over a mail, from MAIL FROM to its last answer. */
  answered(ms: number): void;
};

const OUTCOMES = ["accepted", "deferred", "refused", "unknown"] as const;

/** Registers the meters; without a registry nothing is counted. */
export function createMeters(registry: Registry | undefined): Meters {
  const registers = registry ? [registry] : [];
  const messages = new Counter({
    name: "tidings_messages_total",
    help: "Messages by what became of them in an attempt.",
    labelNames: ["outcome"],
    registers,
  });
  const deliveries = new Counter({
    name: "tidings_deliveries_total",
    help: "Attempts that reached a server, by how they ended and by class of the recipient's domain.",
    labelNames: ["outcome", "domain"],
    registers,
  });
  const withheld = new Counter({
    name: "tidings_withheld_total",
    help: "Messages that were ready to leave and were not to: by reason.",
    labelNames: ["reason"],
    registers,
  });
  const relay = new Histogram({
    name: "tidings_relay_seconds",
    help: "How long servers took over a mail, from MAIL FROM to the last answer.",
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600],
    registers,
  });
  const lag = new Gauge({
    name: "tidings_due_lag_seconds",
    help: "How late the oldest message of the last batch was when it was taken.",
    registers,
  });
  // There from the start, so that the first one counts as a rise.
  for (const outcome of ["planned", "skipped", ...OUTCOMES]) messages.inc({ outcome }, 0);
  for (const outcome of OUTCOMES) deliveries.inc({ outcome, domain: "other" }, 0);
  const series = new Map<string, Counter.Internal>();
  const seriesOf = (outcome: string, domain: DomainClass) => {
    const key = `${outcome} ${domain}`;
    const found = series.get(key) ?? deliveries.labels({ outcome, domain });
    series.set(key, found);
    return found;
  };
  return {
    planned(planned, skipped) {
      messages.inc({ outcome: "planned" }, planned);
      messages.inc({ outcome: "skipped" }, skipped);
    },
    count({ state, reason, stage }, address) {
      const outcome = reason === "in-doubt" ? "unknown" : state;
      messages.inc({ outcome });
      if (state === "skipped") withheld.inc({ reason: reason ?? "none" });
      // An attempt without a stage never reached a server.
      if (address !== null && (state === "accepted" || stage !== null) && OUTCOMES.some((one) => one === outcome))
        seriesOf(outcome, domainClass(address.slice(address.lastIndexOf("@") + 1))).inc();
    },
    lag(taken, now) {
      const oldest = taken.reduce(
        (most, { dueAt }) => Math.min(most, dueAt.epochMilliseconds),
        Number.POSITIVE_INFINITY,
      );
      lag.set(Number.isFinite(oldest) ? Math.max(0, (now.epochMilliseconds - oldest) / 1000) : 0);
    },
    answered: (ms) => relay.observe(ms / 1000),
  };
}

/** Registers the sign of life of the sending loop. @returns what a turn tells. */
export function loopMeter(registry: Registry | undefined): (now: Temporal.Instant) => void {
  const turned = new Gauge({
    name: "tidings_loop_turned_timestamp_seconds",
    help: "When this process last looked for mail to send; 0: it does not send.",
    registers: registry ? [registry] : [],
  });
  return (now) => turned.set(now.epochMilliseconds / 1000);
}
