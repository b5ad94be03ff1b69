/** The network between worker and relay, and between worker and database, is cut and comes back. */
import { mkdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./chance.ts";
import { type Outcome, scene, through } from "./scene.ts";
import { CONNECTIONS, openStage, type Server, urlOf } from "./stage.ts";
import { type Wire, wire } from "./wire.ts";
import { startWorker, type Worker } from "./workers.ts";

export async function networkCut(
  server: Server,
  { people, realTime }: { people: number; realTime: boolean },
): Promise<Outcome> {
  const workers: Worker[] = [];
  let toRelay!: Wire;
  const stage = await openStage(server, people, {
    relay: { recipient: () => "slow", slowMs: 20 },
    async proxied(port) {
      toRelay = wire(port);
      toRelay.server.listen(0, "127.0.0.1");
      await once(toRelay.server, "listening");
      return (toRelay.server.address() as AddressInfo).port;
    },
  });
  const folder = join(stage.folder, "wire");
  mkdirSync(folder);
  const { host } = stage.connection;
  const toDatabase = wire(join(host, ".s.PGSQL.5432"));
  toDatabase.server.listen(join(folder, ".s.PGSQL.5432"));
  const outcome = await scene(stage, workers, async () => {
    workers.push(startWorker(stage.environment(1, { DATABASE_URL: urlOf({ ...stage.connection, host: folder }) })));
    for (const [cut, how] of [
      [toDatabase, "reset"],
      [toRelay, "reset"],
      [toDatabase, "silent"],
      [toRelay, "silent"],
    ] as const) {
      const before = stage.mails.length;
      await until("mail leaves", () => stage.mails.length > before + people / 2, 60_000);
      cut.cut(how);
      await sleep(1500);
      cut.mend();
      if (!realTime) await stage.lapse("all");
      await stage.hasten();
    }
    await through(stage);
    return {
      fault: "network to database and relay cut for 1.5 s, by resets and by silence",
      mostTwice: 2 * CONNECTIONS,
    };
  });
  toRelay.server.close();
  toDatabase.server.close();
  return outcome;
}
