/** What received mail counts for Prometheus. Names no address and no account. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { Db } from "../db/database.ts";
import * as store from "./store.ts";

export type Meters = {
  /** One was handled, as this kind, or set aside. */
  handled(kind: string): void;
  /** How many wait, and since when; asked now and then. */
  waiting(db: Db, now: Temporal.Instant): Promise<void>;
};

export function createMeters(registry: Registry | undefined): Meters {
  const registers = registry ? [registry] : [];
  const handled = new Counter({
    name: "tidings_received_mails_total",
    help: "Received mails and events by what they were, or set-aside.",
    labelNames: ["kind"],
    registers,
  });
  const mails = new Gauge({
    name: "tidings_received_mails",
    help: "Received mails and events that wait to be handled, and that were set aside.",
    labelNames: ["state"],
    registers,
  });
  const lag = new Gauge({
    name: "tidings_received_lag_seconds",
    help: "For how long the oldest received mail has waited to be handled.",
    registers,
  });
  const mailboxes = new Gauge({
    name: "tidings_mailboxes",
    help: "Watched mailboxes by state.",
    labelNames: ["state"],
    registers,
  });
  return {
    handled: (kind) => handled.inc({ kind }),
    async waiting(db, now) {
      const found = await store.waiting(db);
      mails.set({ state: "stored" }, found.stored);
      mails.set({ state: "set-aside" }, found.setAside);
      lag.set(found.oldest ? Math.max(0, now.since(found.oldest).total("seconds")) : 0);
      mailboxes.set({ state: "watching" }, found.watching);
      mailboxes.set({ state: "failed" }, found.failed);
    },
  };
}
