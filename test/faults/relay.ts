/** A relay that answers 4xx, 5xx and 421, drops, resets and tarpits at every verb, takes a mail and drops, or is slow. */
import type { Answer } from "../smtp-sink.ts";
import { maybe, randomFrom } from "./chance.ts";
import { type Outcome, scene, through } from "./scene.ts";
import { CONNECTIONS, openStage, type Server } from "./stage.ts";
import { startWorker, type Worker } from "./workers.ts";

/** `twice`: it may have the mail although nobody can know. */
type Mischief = { readonly name: string; readonly answer: Answer; readonly twice?: true };

const GOING_DOWN = { close: "fin", reply: "421 4.3.2 Going down" } as const;

/** What it does at each verb. */
const MISCHIEF: Readonly<Record<string, readonly Mischief[]>> = {
  greeting: [
    { name: "greeting 554", answer: "554 5.3.2 No service" },
    { name: "greeting RST", answer: { close: "rst" } },
  ],
  EHLO: [
    { name: "EHLO 421", answer: GOING_DOWN },
    { name: "EHLO drop", answer: { close: "fin" } },
  ],
  MAIL: [
    { name: "MAIL 451", answer: "451 4.3.0 Later" },
    { name: "MAIL 421", answer: GOING_DOWN },
    { name: "MAIL RST", answer: { close: "rst" } },
    { name: "MAIL tarpit", answer: { byteByByte: "250 2.1.0 Ok, slowly" } },
  ],
  RCPT: [
    { name: "RCPT 450", answer: "450 4.2.0 Greylisted" },
    { name: "RCPT 421", answer: GOING_DOWN },
    { name: "RCPT 552", answer: "552 5.2.2 Mailbox full" },
    { name: "RCPT 554", answer: "554 5.5.0 Not this one" },
    { name: "RCPT drop", answer: { close: "fin" } },
  ],
  DATA: [
    { name: "DATA 451", answer: "451 4.3.0 Later" },
    { name: "DATA 554", answer: "554 5.3.0 No" },
    { name: "DATA RST", answer: { close: "rst" } },
    { name: "DATA tarpit", answer: { byteByByte: "354 Go on, slowly" } },
  ],
  body: [
    { name: "body 452", answer: "452 4.3.1 Disk full" },
    { name: "body 421", answer: GOING_DOWN },
    { name: "body 554", answer: "554 5.6.0 Malformed" },
    { name: "body drop", answer: { close: "fin" }, twice: true },
    { name: "body RST", answer: { close: "rst" }, twice: true },
    { name: "250, then drop", answer: { close: "fin", reply: "250 2.0.0 Ok" }, twice: true },
    { name: "half a 250", answer: { half: "250 2.0.0 O" }, twice: true },
    { name: "silence", answer: { silence: true }, twice: true },
    { name: "slow 250", answer: { byteByByte: "250 2.0.0 Ok, slowly" } },
  ],
};
const ALL = Object.values(MISCHIEF).flat();
/** Each so often; those that hold a connection for ten minutes (RFC 5321 4.5.3.2.6) are cut by us now and then. */
const TIMES = 2;

export async function relayMisbehaves(
  server: Server,
  { people, seed }: { people: number; seed: number },
): Promise<Outcome> {
  const random = randomFrom(seed);
  const workers: Worker[] = [];
  const done = new Map<string, number>(ALL.map(({ name }) => [name, 0]));
  let inDoubt = 0;
  const stage = await openStage(server, people, {
    relay: {
      answer(step) {
        // What was done least is next; somebody has to get through as well.
        const left = MISCHIEF[step]?.filter(({ name }) => done.get(name)! < TIMES) ?? [];
        if (left.length === 0 || random() > 0.15) return undefined;
        const choice = left.toSorted((one, other) => done.get(one.name)! - done.get(other.name)!)[0]!;
        done.set(choice.name, done.get(choice.name)! + 1);
        if (choice.twice) inDoubt += 1;
        return choice.answer;
      },
    },
  });
  return scene(stage, workers, async () => {
    workers.push(startWorker(stage.environment(1)));
    for (let round = 0; round < 60 && [...done.values()].some((times) => times < TIMES); round += 1) {
      const before = stage.mails.length;
      await maybe(async () => stage.mails.length > before + people / 2 || (await stage.running()) === 0, 1500);
      await stage.hasten();
      if ((await stage.running()) === 0) break;
      // Whoever waits for a word of it loses the connection, and so do those that work.
      if (round % 4 === 3) {
        await stage.killRelay(50);
        inDoubt += CONNECTIONS;
      }
    }
    stage.relay.answer = undefined;
    await stage.killRelay(50);
    const never = ALL.filter(({ name }) => done.get(name) === 0);
    await through(stage);
    return {
      fault: `${ALL.length} kinds of misbehaviour at every verb`,
      mostTwice: inDoubt + CONNECTIONS,
      mayRefuse: true,
      broken: never.length > 0 ? [`never happened: ${never.map(({ name }) => name).join(", ")}`] : [],
    };
  });
}
