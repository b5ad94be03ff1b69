/** One of two workers has a clock that is hours off, both ways: it must not take away what the other is sending. */
import { join } from "node:path";
import { until } from "./chance.ts";
import { type Outcome, scene, through } from "./scene.ts";
import { openStage, type Server } from "./stage.ts";
import { startWorker, type Worker } from "./workers.ts";

const HOURS = 3_600_000;

export async function clockJumps(server: Server, { people }: { people: number }): Promise<Outcome> {
  const workers: Worker[] = [];
  const stage = await openStage(server, people, { relay: { recipient: () => "slow", slowMs: 200 } });
  return scene(stage, workers, async () => {
    const clock = { NODE_OPTIONS: `--import ${join(import.meta.dirname, "clock.ts")}` };
    const wrong = startWorker(stage.environment(2, { ...clock, CLOCK_OFFSET_MS: String(2 * HOURS) }));
    workers.push(wrong);
    await wrong.ready;
    await until("its clock is found wrong", () => wrong.log().includes("clock is wrong"), 20_000);
    const alone = stage.mails.length;
    workers.push(startWorker(stage.environment(1)));
    await until("mail leaves", () => stage.mails.length > 10, 60_000);
    wrong.child.send({ offsetMs: -2 * HOURS });
    await until("some of it", () => stage.mails.length > people, 120_000);
    wrong.child.send({ offsetMs: 0 });
    // And under way, between one turn and the next.
    await until("half of it", () => stage.mails.length > people * 2, 120_000);
    wrong.child.send({ offsetMs: 3 * HOURS });
    stage.relay.slowMs = 20;
    await through(stage);
    return {
      fault: "a clock 2 h ahead, 2 h behind, right, 3 h ahead, beside a right one",
      mostTwice: 0,
      broken: alone > 0 ? [`${alone} mails left by a clock that was wrong`] : [],
    };
  });
}
