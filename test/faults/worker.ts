/**
 * The sending part of `tidings work` and nothing else: the same loop, lifeline and drain, started in half the time. For
 * the scene that starts hundreds of them; the other scenes run the program itself.
 */
import { systemClock } from "../../src/clock.ts";
import { readConfig } from "../../src/config.ts";
import { createLifeline } from "../../src/continuity/lifeline.ts";
import { openDatabase } from "../../src/db/database.ts";
import { createDelivery } from "../../src/delivery/delivery.ts";
import { startLoop } from "../../src/delivery/loop.ts";
import { openLog } from "../../src/log.ts";
import { openSecrets } from "../../src/secret.ts";

const config = readConfig();
const log = openLog({ readable: false, level: "warn" });
const database = openDatabase(config.databaseUrl!);
const secrets = openSecrets(config);
const delivery = createDelivery({
  db: database.batches,
  vault: { seal: secrets },
  publicUrl: config.publicUrl,
  linkKeys: secrets.keysFor("links"),
  log,
});
const lifeline = createLifeline({
  db: database.batches,
  dataDir: config.dataDir,
  clock: systemClock,
  log,
  machineClock: true,
});
const loop = startLoop({
  delivery,
  sessions: database.sessions,
  clock: systemClock,
  log,
  mayLeave: () => lifeline.mayLeave(),
});
const beat = setInterval(() => void lifeline.beat().catch(() => undefined), 10_000);
process.once("SIGTERM", () => {
  clearInterval(beat);
  void loop
    .stop()
    .then(() => database.close())
    .then(() => process.exit(0));
});
process.stdout.write("working\n");
