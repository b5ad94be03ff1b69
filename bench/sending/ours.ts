/** One worker of the bench: sends whatever is due, as `tidings work` does, and prints what it took. Runs as a process of its own. */
import { once } from "node:events";
import pino from "pino";
import { openDatabase } from "../../src/db/database.ts";
import { createDelivery } from "../../src/delivery/delivery.ts";
import { openSecrets } from "../../src/secret.ts";

const { connection, now, dataDir } = JSON.parse(process.argv[2]!);
const database = openDatabase(connection);
const secrets = openSecrets({ secret: "a secret that only the bench uses", dataDir });
const delivery = createDelivery({
  db: database.batches,
  vault: { seal: secrets },
  publicUrl: "http://localhost",
  linkKeys: secrets.keysFor("links"),
  log: pino({ level: "warn" }),
});
process.send?.("ready");
await once(process, "message");
const before = process.cpuUsage();
const begun = performance.now();
const done = await delivery.runUntilIdle(Temporal.Instant.from(now), { burstGuard: false });
const ms = performance.now() - begun;
const { user, system } = process.cpuUsage(before);
process.send?.({ ms, cpuMicros: user + system, sent: done.taken, rss: process.resourceUsage().maxRSS / 1024 });
await delivery.drain(5000);
await database.close();
process.disconnect?.();
