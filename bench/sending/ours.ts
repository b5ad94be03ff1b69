/** One worker of the bench: sends whatever is due, as `tidings work` does, and says what it took, as often as it is told. Runs as a process of its own. */
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
process.on("message", () => void round());
process.once("disconnect", () => void delivery.drain(5000).then(() => database.close()));
process.send?.("ready");

async function round(): Promise<void> {
  const before = process.cpuUsage();
  const begun = performance.now();
  const done = await delivery.runUntilIdle(Temporal.Instant.from(now), { burstGuard: false });
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(before);
  process.send?.({ ms, cpuMicros: user + system, sent: done.taken, rss: process.resourceUsage().maxRSS / 1024 });
}
