/** A worker is stopped in the middle of its mails, another one takes over after the lease, and the first wakes up. */
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./chance.ts";
import { type Outcome, scene, through } from "./scene.ts";
import { CONNECTIONS, openStage, type Server } from "./stage.ts";
import { ownerOf, startWorker, type Worker } from "./workers.ts";

/** A lease lasts 60 seconds, and every 15 somebody looks for those that ran out. */
const PAST_THE_LEASE_MS = 65_000;

export async function zombie(
  server: Server,
  { people, realTime }: { people: number; realTime: boolean },
): Promise<Outcome> {
  const workers: Worker[] = [];
  let asleep: Worker | undefined;
  let answered = 0;
  const stage = await openStage(server, people, {
    relay: {
      answer(step, _argument, _nth, peerPort) {
        if (step !== "body" || (answered += 1) !== people) return undefined;
        asleep = ownerOf(peerPort, workers);
        asleep?.child.kill("SIGSTOP");
        return undefined;
      },
    },
  });
  return scene(stage, workers, async () => {
    workers.push(startWorker(stage.environment(1)));
    await until("one falls asleep", () => asleep !== undefined, 60_000);
    const before = stage.mails.length;
    if (realTime) await sleep(PAST_THE_LEASE_MS);
    else await stage.lapse("all");
    workers.push(startWorker(stage.environment(2)));
    await until("the other has taken over", () => stage.mails.length > before + people, 60_000);
    // It has replies and results of a minute ago in its hands, and writes none of them.
    asleep!.child.kill("SIGCONT");
    await through(stage);
    const how = realTime ? "65 s" : "a lease put forward";
    return { fault: `SIGSTOP for ${how}, another takes over, SIGCONT`, mostTwice: CONNECTIONS };
  });
}
