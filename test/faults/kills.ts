/** SIGKILL of workers at random and at named points, of PostgreSQL and of the relay, while people go through five steps and some leave. */
import { spawnSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { maybe, randomFrom, shuffled, until } from "./chance.ts";
import { type Outcome, scene, through } from "./scene.ts";
import { CONNECTIONS, openStage, type Server, STEPS } from "./stage.ts";
import { drain, isAlive, kill, ownerOf, startWorker, type Worker } from "./workers.ts";

const WORKERS = 3;
const [THROUGH_MS, THROUGH_MS_A_MAIL] = [240_000, 20];
/** PostgreSQL is started again five times in a row by what keeps it, and anew after ten quiet minutes. */
const MOST_POSTMASTERS = 4;

/** Where a worker dies by itself; those between two commits first. */
const STATEMENTS = [
  "claim:unsent",
  "plan:committed",
  "load:answered",
  "in-data:committed",
  "record:unsent",
  "record:sent",
  "in-data:sent",
  "record:committed",
  "plan:answered",
  "advance:answered",
  "claim:committed",
  "in-data:unsent",
  "record:answered",
  "plan:unsent",
  "claim:sent",
  "advance:unsent",
  "load:unsent",
  "in-data:answered",
];
/** Where the relay sees to it: the worker dies before it is answered. `answered` is after a mail was taken. */
const VERBS = ["body", "MAIL", "DATA", "answered", "RCPT", "EHLO", "greeting"];

type Strike = "random" | "verb" | "postmaster" | "backend" | "relay";
const STRIKES: readonly Strike[] = [
  "random",
  "random",
  "verb",
  "random",
  "verb",
  "backend",
  "random",
  "verb",
  "random",
];

/** @param say tells how far it is. */
export async function kills(
  server: Server,
  { mails, wanted, seed }: { mails: number; wanted: number; seed: number },
  say: (text: string) => void = () => undefined,
): Promise<Outcome> {
  const random = randomFrom(seed);
  const people = Math.ceil(mails / STEPS);
  const counts = { random: 0, statement: 0, verb: 0, postmaster: 0, backend: 0, relay: 0 };
  const reached = new Set<string>();
  const dead: string[] = [];
  const workers: Worker[] = [];
  const total = () => Object.values(counts).reduce((sum, one) => sum + one, 0);
  let trap: { readonly verb: string; readonly spring: () => void } | null = null;
  let ending = false;
  let statements = 0;
  let verbs = 0;

  const stage = await openStage(server, people, {
    relay: {
      recipient: () => "slow",
      answer(step, _argument, _nth, peerPort) {
        if (trap === null || step !== (trap.verb === "answered" ? "body" : trap.verb)) return undefined;
        const { verb, spring } = trap;
        trap = null;
        const strike = () => {
          if (ownerOf(peerPort, workers)?.child.kill("SIGKILL")) {
            counts.verb += 1;
            reached.add(`relay ${verb}`);
          }
          spring();
        };
        // After the reply has left, before or while the worker writes it down.
        if (verb === "answered") setTimeout(strike, (stage.relay.slowMs ?? 0) + 3);
        else strike();
        return undefined;
      },
    },
  });
  // So that kills are spread over all of it, however fast it is: the relay answers slowly when mail is ahead of them.
  const pace = Math.max(1, Math.floor((mails * 0.9) / wanted));
  const tune = () => {
    stage.relay.slowMs = stage.mails.length > (total() + 1) * pace ? 700 : 40;
  };

  const start = (at: number, fault?: string) => {
    const environment = stage.environment(at, fault === undefined ? {} : { FAULT_AT: fault });
    const worker = startWorker(environment, {
      lean: true,
      reached: (point) => {
        counts.statement += 1;
        reached.add(point);
      },
    });
    workers[at] = worker;
    // Whoever dies is replaced, every other time by one that will die at a statement.
    worker.child.once("exit", () => {
      const id = worker.id();
      if (id !== undefined) dead.push(id);
      if (ending) return;
      const next = random() < 0.5 ? STATEMENTS[statements++ % STATEMENTS.length] : undefined;
      start(at, next && `${next}:${1 + Math.floor(random() * 6)}`);
    });
  };
  const working = () => workers.filter((one) => isAlive(one) && one.id() !== undefined);
  /** A worker that has begun to work; now and then one that is only starting. */
  const victim = (): Worker | undefined => {
    const starting = workers.filter((one) => isAlive(one) && one.id() === undefined);
    return shuffled(starting.length > 0 && random() < 0.1 ? starting : working(), random)[0];
  };
  const killSomebody = async () => {
    const one = victim();
    if (one && (await kill(one))) counts.random += 1;
  };

  const strikes: Record<Strike, () => Promise<void>> = {
    random: killSomebody,
    async verb() {
      const verb = VERBS[verbs++ % VERBS.length]!;
      const sprung = new Promise<void>((resolve) => (trap = { verb, spring: resolve }));
      await Promise.race([sprung, sleep(3000)]);
      trap = null;
    },
    async postmaster() {
      const { pid } = server.embedded;
      if (pid === undefined || counts.postmaster >= MOST_POSTMASTERS) return strikes.backend();
      process.kill(pid, "SIGKILL");
      counts.postmaster += 1;
      await until("PostgreSQL again", async () => (await stage.running()) >= 0, 60_000);
    },
    async backend() {
      // One process of the server dies, and the server begins anew from its log.
      const pid = backendOf(server.embedded.pid);
      if (pid === undefined) return;
      process.kill(pid, "SIGKILL");
      counts.backend += 1;
      await until("PostgreSQL again", async () => (await stage.running()) >= 0, 60_000);
    },
    async relay() {
      await stage.killRelay(200);
      counts.relay += 1;
    },
  };
  const rare: Strike[] = Array.from(
    { length: Math.max(1, Math.round(wanted / 25)) },
    () => ["postmaster", "relay"] as const,
  ).flat();
  const rareEvery = Math.max(1, Math.floor((wanted * 0.6) / rare.length));

  return scene(stage, workers, async () => {
    for (let at = 0; at < WORKERS; at += 1) start(at);
    await Promise.all(workers.map(({ ready }) => ready));
    let told = 0;
    let turn = 0;
    try {
      while (total() < wanted && (await stage.running().catch(() => 1)) > 0) {
        tune();
        const from = stage.mails.length;
        const most = Math.ceil(random() * pace);
        await maybe(() => stage.mails.length - from >= most && working().length > 0, 15_000);
        await stage.lapse(dead.splice(0)).catch(() => undefined);
        await stage.hasten().catch(() => undefined);
        if (random() < 0.5) await stage.somebodyLeaves(random).catch(() => false);
        turn += 1;
        await strikes[turn % rareEvery === 0 ? (rare.shift() ?? "random") : STRIKES[turn % STRIKES.length]!]();
        if (total() - told >= 25) {
          told = total();
          say(`${told} kills, ${stage.mails.length} mails, ${await stage.running().catch(() => "?")} on their way`);
        }
      }
    } finally {
      // Whatever happened: who ends from now on is not replaced.
      ending = true;
    }
    stage.relay.recipient = undefined;
    const codes = await Promise.all(workers.map((worker) => drain(worker)));
    const bySelf = workers.filter(({ child }) => child.signalCode === null);
    const undrained = codes.filter((code, at) => code !== 0 && bySelf.includes(workers[at]!));
    const held = await stage.held(bySelf.flatMap((worker) => worker.id() ?? []));

    await stage.lapse("all");
    workers.push(startWorker(stage.environment(WORKERS), { lean: true }));
    // Kills may have taken so long that most of the mail is still ahead.
    await through(stage, THROUGH_MS + mails * THROUGH_MS_A_MAIL);

    const servers = counts.postmaster + counts.backend + counts.relay;
    const broken = [
      ...(total() < wanted ? [`only ${total()} of ${wanted} kills were done`] : []),
      ...(undrained.length > 0 ? [`${undrained.length} workers did not end with 0 when told to`] : []),
      ...(held > 0 ? [`${held} messages were still claimed by workers that had drained`] : []),
      ...(wanted >= 20 && reached.size < 8 ? [`only these points were reached: ${[...reached].join(", ")}`] : []),
      ...(wanted >= 20 && stage.left.size === 0 ? ["nobody left, so nothing was seen of that"] : []),
    ];
    say(`points reached: ${[...reached].sort().join(", ")}; ${stage.left.size} left by a link`);
    const parts = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
    return {
      fault: `SIGKILL ×${total()} (${parts.join(", ")}), ${stage.left.size} people leave`,
      mostTwice: (total() - servers) * CONNECTIONS + servers * CONNECTIONS * WORKERS,
      broken,
    };
  });
}

/** A process of the server that serves a worker. */
function backendOf(postmaster: number | undefined): number | undefined {
  if (postmaster === undefined) return undefined;
  // It ends with 1 where the server has no process at all: it is just beginning anew.
  const { stdout } = spawnSync("ps", ["--ppid", String(postmaster), "-o", "pid=,args="], { encoding: "utf8" });
  const found = stdout.split("\n").filter((line) => / scene_\d+ \[local\]/.test(line));
  const pid = Number.parseInt(found[0] ?? "", 10);
  return Number.isNaN(pid) ? undefined : pid;
}
