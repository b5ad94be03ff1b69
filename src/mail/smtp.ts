/** The SMTP client: sends messages to one relay and knows how far each one got. Never resends a message whose body was begun. */
import { setTimeout as pause } from "node:timers/promises";
import { createConnection, type Connection, type Job } from "./smtp-connection.ts";
import { prepare, type Outcome, type Outgoing } from "./smtp-message.ts";
import { openSession, OpeningFailure, type Session } from "./smtp-open.ts";
import { checkSettings, type CheckedSettings, type SmtpSettings } from "./smtp-settings.ts";
import { verifySettings, type VerifyStep } from "./smtp-verify.ts";

export { parseSmtpUrl } from "./smtp-settings.ts";
export type { SmtpSettings } from "./smtp-settings.ts";
export type { Outcome, Outgoing, Stage } from "./smtp-message.ts";
export type { Reply } from "./smtp-replies.ts";
export type { VerifyStep } from "./smtp-verify.ts";

export type SendHooks = {
  /** Runs right before MAIL FROM is written for the message, each time it is; false withdraws the message. */
  beforeMail?: () => boolean | Promise<boolean>;
  /**
   * Asked right before the first byte of the body is written; false withdraws the message, and ends the connection where
   * its MAIL FROM has been written.
   */
  beforeBody?: () => boolean;
  /**
   * Writes the outcome down. The connection begins no other body before that is done, and `send` resolves after it.
   * Must not reject.
   */
  record?: (outcome: Outcome) => Promise<void>;
};

export type SmtpPool = {
  /** Sends one message. Never throws and never rejects: whatever happens is the outcome. */
  send: (message: Outgoing, hooks?: SendHooks) => Promise<Outcome>;
  /** Resolves as soon as `send` would not be refused for want of room: await it before sending more. */
  room: () => Promise<void>;
  /** Tries DNS, connection, TLS and AUTH without sending anything; stops at the first step that fails. */
  verify: () => Promise<VerifyStep[]>;
  /** Finishes the messages under way (at most `graceMs`), withdraws those that wait, says QUIT. */
  close: (how: { graceMs: number }) => Promise<void>;
};

const WITHDRAWN: Outcome = { kind: "withdrawn", by: "close" };
/** How often a connection is tried that closes before its greeting (an overloaded relay), and how long between. */
const OPENINGS_MAX = 3;
const OPENING_PAUSE_MS = 100;
/** While other connections work, one that could not be opened is not tried again for this long. */
const GROWTH_PAUSE_MS = 5_000;

/**
 * Makes a pool of connections to one relay; the first is opened by the first message. Refuses settings that cannot work.
 *
 * When no connection can be opened and none is left, every waiting message is refused with the stage that failed.
 */
export function createSmtpPool(given: SmtpSettings): SmtpPool {
  const settings = checkSettings(given);
  const waiting: Job[] = [];
  const seekingRoom: (() => void)[] = [];
  const connections = new Set<Connection>();
  const idle = new Map<Connection, NodeJS.Timeout>();
  const stop = new AbortController();
  const ended = Promise.withResolvers<void>();
  let opening = 0;
  let growAfter = 0;
  let closing: Promise<void> | null = null;

  const send = (message: Outgoing, hooks: SendHooks = {}): Promise<Outcome> => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const settle = async (outcome: Outcome): Promise<void> => {
      await hooks.record?.(outcome);
      resolve(outcome);
    };
    const ready = stop.signal.aborted ? WITHDRAWN : prepare(message);
    if (ready.kind !== "ready") {
      void settle(ready);
    } else if (waiting.length >= settings.waitingMessages) {
      const text = `Not sent: ${waiting.length} messages already wait for this server.`;
      void settle({ kind: "refused", stage: "connect", reply: null, text });
    } else {
      waiting.push({
        message: ready,
        beforeMail: hooks.beforeMail ?? null,
        beforeBody: hooks.beforeBody ?? null,
        settle,
        begunAgain: false,
      });
      pump();
    }
    return promise;
  };

  const room = (): Promise<void> =>
    new Promise((resolve) => {
      if (waiting.length < settings.waitingMessages || stop.signal.aborted) resolve();
      else seekingRoom.push(resolve);
    });

  /** Sees to it that somebody takes what waits: a resting connection, or new ones. */
  const pump = (): void => {
    const rested = idle.keys().next().value;
    if (rested && waiting.length > 0) {
      wake(rested);
      return rested.work();
    }
    while (opening < waiting.length && connections.size + opening < settings.connections) {
      if (connections.size + opening > 0 && performance.now() < growAfter) return;
      opening++;
      void openPatiently(settings, stop.signal).then(opened, notOpened);
    }
  };

  const opened = (session: Session): void => {
    opening--;
    const connection: Connection = createConnection(
      session,
      {
        next: () => {
          seekingRoom.shift()?.();
          return waiting.shift() ?? null;
        },
        back: (job) => {
          if (stop.signal.aborted) {
            void job.settle(WITHDRAWN);
          } else {
            waiting.unshift(job);
            pump();
          }
        },
        again: (job, why) => {
          if (stop.signal.aborted) {
            void job.settle({ kind: "refused", stage: "mail", reply: null, text: why.text });
          } else {
            waiting.unshift(job);
            pump();
          }
        },
        rest: () => void idle.set(connection, setTimeout(tire, settings.timeouts.idleMs)),
        gone: () => {
          wake(connection);
          connections.delete(connection);
          pump();
          endIfAllGone();
        },
      },
      settings,
    );
    const tire = (): void => {
      wake(connection);
      connection.retire();
    };
    connections.add(connection);
    if (stop.signal.aborted) connection.retire();
    else connection.work();
  };

  const notOpened = (error: unknown): void => {
    opening--;
    if (connections.size + opening > 0) {
      growAfter = performance.now() + GROWTH_PAUSE_MS;
    } else {
      const { stage, reply, message } = error as OpeningFailure;
      for (const job of waiting.splice(0)) void job.settle({ kind: "refused", stage, reply, text: message });
      for (const resolve of seekingRoom.splice(0)) resolve();
    }
    endIfAllGone();
  };

  const wake = (connection: Connection): void => {
    clearTimeout(idle.get(connection));
    idle.delete(connection);
  };

  const endIfAllGone = (): void => {
    if (stop.signal.aborted && connections.size + opening === 0) ended.resolve();
  };

  const close = async (graceMs: number): Promise<void> => {
    stop.abort();
    for (const job of waiting.splice(0)) void job.settle(WITHDRAWN);
    for (const resolve of seekingRoom.splice(0)) resolve();
    for (const connection of connections) {
      wake(connection);
      connection.retire();
    }
    endIfAllGone();
    const timer = setTimeout(() => {
      for (const connection of connections) connection.kill("The time to finish was over.");
      ended.resolve();
    }, graceMs);
    await ended.promise;
    clearTimeout(timer);
  };

  return {
    send,
    room,
    verify: () => verifySettings(settings),
    close: ({ graceMs }) => (closing ??= close(graceMs)),
  };
}

/** Opens a session; where another try at once may do, it gets a bounded number of them. */
async function openPatiently(settings: CheckedSettings, signal: AbortSignal): Promise<Session> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openSession(settings, signal);
    } catch (error) {
      if (!(error instanceof OpeningFailure)) throw error; // a bug
      if (!error.again || attempt === OPENINGS_MAX || signal.aborted) throw error;
    }
    await pause(OPENING_PAUSE_MS * attempt);
  }
}
