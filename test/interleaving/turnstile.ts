/**
 * Where every statement, every word of the relay and every timer waits for its turn, so that chance alone, and a seed
 * with it, decides what happens next. One at a time; nothing happens between two turns.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type pg from "pg";

/** A process, or a person at the browser. */
export type Actor = {
  readonly name: string;
  /** False: it was killed, and hears of nothing any more. */
  alive: boolean;
  /** Stopped, as by SIGSTOP: its turns do not come. */
  asleep: boolean;
  readonly connections: Set<pg.PoolClient>;
  /** Those of them with a transaction under way. */
  readonly open: Set<pg.PoolClient>;
};

export type Turn = {
  readonly actor: Actor;
  readonly what: string;
  /** Does it and lets the actor know; with `unheard`, it is done and nobody hears of it. */
  take(how?: { unheard: boolean }): Promise<void>;
};

/** Something was done: a statement and what came of it. */
export type Done = { readonly actor: Actor; readonly what: string; readonly began: number; readonly result: unknown };

const acting = new AsyncLocalStorage<Actor>();
/** The real ones; while actors act, their timers are turns. */
const real = { setInterval: globalThis.setInterval, clearInterval: globalThis.clearInterval };

export type Turnstile = ReturnType<typeof createTurnstile>;

export function createTurnstile(onDone: (done: Done) => void) {
  const waiting: Turn[] = [];
  /** Turns that wait for a lock that somebody else holds. */
  const blocked = new Map<number, { readonly over: Promise<void>; done: boolean }>();
  const timers = new Set<{
    readonly actor: Actor;
    readonly work: () => void;
    readonly everyMs: number;
    firedAt: number;
  }>();
  const trace: string[] = [];
  let tick = 0;
  const looks = new Set<Promise<unknown>>();

  /** Waits for a turn, then does the work. The promise of an actor that was killed never settles. */
  function ask<Result>(
    actor: Actor,
    what: string,
    work: () => Promise<Result>,
    pid: number | null = null,
  ): Promise<Result> {
    if (!actor.alive) return new Promise(() => undefined);
    return new Promise((resolve, reject) => {
      const turn: Turn = {
        actor,
        what,
        async take({ unheard } = { unheard: false }) {
          waiting.splice(waiting.indexOf(turn), 1);
          const began = (tick += 1);
          trace.push(`${began} ${actor.name} ${what}${unheard ? ", unheard" : ""}`);
          const hear = (tell: () => void) => (unheard || !actor.alive ? undefined : tell());
          const over = (async () => {
            try {
              const result = await work();
              tick += 1;
              onDone({ actor, what, began, result });
              hear(() => resolve(result));
            } catch (error) {
              trace.push(`${tick} ${actor.name} failed: ${(error as Error).message}`);
              hear(() => reject(error));
            }
          })();
          if (pid === null) return over;
          follow(pid, over);
        },
      };
      waiting.push(turn);
    });
  }

  /** Waited for until it ends or waits for a lock; of a connection that is waited for already, what comes after. */
  function follow(pid: number, over: Promise<void>): void {
    const held = { over, done: false };
    void over.then(() => (held.done = true));
    blocked.set(pid, held);
  }

  return {
    trace,
    ask,
    /** Done at once; what follows from it happens before the next turn. */
    async look<Result>(actor: Actor, work: () => Promise<Result>): Promise<Result> {
      const looked = work();
      looks.add(looked);
      const result = await looked.finally(() => void looks.delete(looked));
      return actor.alive ? result : new Promise(() => undefined);
    },
    tick: () => tick,
    note: (text: string) => void trace.push(`${tick} ${text}`),
    /** Turns whose actor is there to take them. */
    waiting: () => waiting.filter(({ actor }) => actor.alive && !actor.asleep),
    /** What was waited for by whom, to be told when nothing goes on. */
    all: () => waiting,
    /** A statement of this connection waits for a lock. */
    isUnderWay: (pid: number) => blocked.has(pid),
    follow,

    /** Waits until each statement under way has ended or waits for a lock. */
    async settle(waitsForLock: (pid: number) => Promise<boolean>): Promise<void> {
      for (const [pid, held] of blocked) {
        for (let times = 0; !held.done; times += 1) {
          await Promise.race([held.over, soon(times)]);
          if (!held.done && times > 1 && (await waitsForLock(pid))) break;
        }
        if (held.done) blocked.delete(pid);
      }
      // Whoever heard something does what follows from it, up to the next turn it waits for.
      for (let round = 0; round < 6 || looks.size > 0; round = looks.size > 0 ? 0 : round + 1)
        await new Promise((resolve) => setImmediate(resolve));
    },
    /** Nobody else can do anything: a lock is waited for until it is given or refused. */
    async unblock(): Promise<void> {
      await Promise.race([...blocked.values()].map(({ over }) => over));
    },
    blockedCount: () => blocked.size,

    /** Whatever it was about to do is not done. */
    forget(actor: Actor): void {
      actor.alive = false;
      for (const turn of waiting.filter((one) => one.actor === actor)) waiting.splice(waiting.indexOf(turn), 1);
      for (const timer of timers) if (timer.actor === actor) timers.delete(timer);
    },

    /** Runs something as an actor: its timers and pauses are turns from here on. */
    as: <Result>(actor: Actor, work: () => Promise<Result>): Promise<Result> => acting.run(actor, work),

    /** Timers that are due by now fire, of those who are awake. */
    ring(nowMs: number): void {
      for (const timer of timers)
        if (timer.actor.alive && !timer.actor.asleep && nowMs - timer.firedAt >= timer.everyMs) {
          timer.firedAt = nowMs;
          acting.run(timer.actor, timer.work);
        }
    },

    /** Takes the place of the machine's timers until the function that is returned is called. */
    takeTimers(nowMs: () => number): () => void {
      const mine = (work: () => void, everyMs: number) => {
        const actor = acting.getStore();
        if (!actor) return real.setInterval(work, everyMs);
        const timer = { actor, work, everyMs, firedAt: nowMs(), unref: () => timer };
        timers.add(timer);
        return timer;
      };
      globalThis.setInterval = mine as never;
      globalThis.clearInterval = ((timer: never) => {
        if (!timers.delete(timer)) real.clearInterval(timer);
      }) as never;
      pauses.take = (ms) => {
        const actor = acting.getStore();
        return actor ? ask(actor, `pause of ${ms} ms`, () => Promise.resolve()) : null;
      };
      return () => Object.assign(globalThis, real);
    },
  };
}

/** What `node:timers/promises` asks in the place of the machine's clock. */
export const pauses: { take: (ms: number) => Promise<void> | null } = { take: () => null };

const soon = (times: number) =>
  new Promise<void>((resolve) => (times < 20 ? setImmediate(resolve) : setTimeout(resolve, 1)));
