/** One worker of the bench: sends whatever is due, as `tidings work` does. Runs as a process of its own. */
import pino from "pino";
import { openDatabase } from "../../src/db/database.ts";
import { createDelivery } from "../../src/delivery/delivery.ts";
import { openSecrets } from "../../src/secret.ts";
import { serveRounds } from "./rounds.ts";

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
serveRounds(
  async () => (await delivery.runUntilIdle(Temporal.Instant.from(now), { burstGuard: false })).taken,
  () => void delivery.drain(5000).then(() => database.close()),
);
