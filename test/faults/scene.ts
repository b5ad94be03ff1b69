/** One scene of the fault suite: played, judged, and cleared away whatever happened. */
import { judge } from "./invariants.ts";
import { until } from "./chance.ts";
import { type Stage, STEPS } from "./stage.ts";
import { drain, isAlive, kill, type Worker } from "./workers.ts";

export type Outcome = {
  readonly fault: string;
  readonly mails: number;
  readonly twice: number;
  readonly seconds: number;
  /** Empty: all holds. */
  readonly broken: readonly string[];
};

/** What was done, and how many mails may be there twice for it. */
export type Played = {
  readonly fault: string;
  readonly mostTwice: number;
  readonly broken?: readonly string[];
  readonly mayRefuse?: boolean;
};

export async function scene(stage: Stage, workers: Worker[], play: () => Promise<Played>): Promise<Outcome> {
  const began = performance.now();
  const seconds = () => Math.round((performance.now() - began) / 1000);
  const { people, left, database, mails } = stage;
  try {
    const { fault, mostTwice, mayRefuse, broken = [] } = await play();
    await Promise.all(workers.map((worker) => drain(worker)));
    const verdict = await judge(database, mails, { mostTwice, left, people, steps: STEPS, mayRefuse });
    return { fault, ...verdict, seconds: seconds(), broken: [...verdict.broken, ...broken] };
  } catch (error) {
    const logs = workers.map((worker) => worker.log()).join("\n");
    const broken = [`${(error as Error).stack}\n${logs.slice(-3000)}`];
    return { fault: "not played to its end", mails: mails.length, twice: 0, seconds: seconds(), broken };
  } finally {
    for (const worker of workers) {
      if (isAlive(worker)) worker.child.kill("SIGCONT");
      await kill(worker);
    }
    await stage.close();
  }
}

/** Everybody comes through, with what was put off put forward. */
export function through(stage: Stage, timeoutMs = 240_000): Promise<void> {
  let turn = 0;
  return until(
    "everybody is through",
    async () => {
      if ((turn += 1) % 5 === 1) await stage.hasten();
      return (await stage.running()) === 0;
    },
    timeoutMs,
  );
}
