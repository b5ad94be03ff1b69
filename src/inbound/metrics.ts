/** What received mail counts for Prometheus, and what of it waits. Names no address and no account. */
import { Counter, type Registry } from "prom-client";
import type { Db } from "../db/database.ts";
import type { Gauges, Reading } from "../http/measurements.ts";
import * as store from "./store.ts";

export type Meters = {
  /** One was handled, as this kind, or set aside. */
  handled(kind: string): void;
};

export function createMeters(registry: Registry | undefined): Meters {
  const handled = new Counter({
    name: "tidings_received_mails_total",
    help: "Received mails and events by what they were, or set-aside.",
    labelNames: ["kind"],
    registers: registry ? [registry] : [],
  });
  return { handled: (kind) => handled.inc({ kind }) };
}

export const gauges = {
  tidings_received_mails: {
    help: "Received mails and events that wait to be handled, and that were set aside.",
    labels: ["state"],
  },
  tidings_received_lag_seconds: { help: "For how long the oldest received mail has waited to be handled." },
  tidings_mailboxes: { help: "Watched mailboxes by state.", labels: ["state"] },
} as const satisfies Gauges<string>;

export async function readings(db: Db, now: Temporal.Instant): Promise<Reading<keyof typeof gauges>[]> {
  const found = await store.waiting(db);
  const lagSeconds = found.oldest ? Math.max(0, now.since(found.oldest).total("seconds")) : 0;
  return [
    { name: "tidings_received_mails", labels: { state: "stored" }, value: found.stored },
    { name: "tidings_received_mails", labels: { state: "set-aside" }, value: found.setAside },
    { name: "tidings_received_lag_seconds", value: lagSeconds },
    { name: "tidings_mailboxes", labels: { state: "watching" }, value: found.watching },
    { name: "tidings_mailboxes", labels: { state: "failed" }, value: found.failed },
  ];
}
