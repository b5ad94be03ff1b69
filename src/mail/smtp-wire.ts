/** One socket with an SMTP server at its other end: what was asked is answered in order, in time, or lost. Knows no commands. */
import type { Socket } from "node:net";
import { createReplyReader, type Reply } from "./smtp-replies.ts";

/** Why no reply will come. `leaving` is 421: the server said that it closes. */
export type Loss = { how: "closed" | "timeout" | "garbage" | "leaving" | "ended"; text: string };

type Expectation = { timeoutMs: number; take: (answer: Reply | Loss) => void };

export type Wire = {
  readonly socket: Socket;
  /** Whether something may be asked. */
  isOpen: () => boolean;
  /** The next reply not yet expected is for `take`; or the loss, if that comes first. Called exactly once. */
  expect: (timeoutMs: number, take: (answer: Reply | Loss) => void) => void;
  /** Takes back the last expectation. */
  unexpect: () => void;
  /** Starts the time of the reply now awaited anew. */
  extend: () => void;
  /** Ends it: everything expected is lost, the socket destroyed. */
  lose: (how: Loss["how"], text: string) => void;
  /** Whom to tell, once, before the expectations hear of a loss. */
  onLost: (listener: () => void) => void;
  /** Leaves the socket to another; bytes that came but were not yet read are dropped. */
  detach: () => void;
};

/** Takes over a connected socket. */
export function createWire(socket: Socket): Wire {
  const expected: Expectation[] = [];
  let onLost = (): void => {};
  let open = true;
  let leaving = false; // the server said 421: nothing new may begin
  // One timer a wire, moved only when it would come too late: a timer a command costs more than the command.
  let timer: NodeJS.Timeout | undefined;
  let timerAt = Infinity;
  let dueAt = Infinity;

  const watch = (timeoutMs: number): void => {
    dueAt = performance.now() + timeoutMs;
    if (timerAt <= dueAt) return;
    clearTimeout(timer);
    timerAt = dueAt;
    timer = setTimeout(look, timeoutMs);
  };
  const look = (): void => {
    timerAt = Infinity;
    const awaited = expected[0];
    if (!awaited) return;
    const leftMs = dueAt - performance.now();
    if (leftMs > 0) return watch(leftMs);
    lose("timeout", `The server gave no answer for ${Math.round(awaited.timeoutMs / 1000)} s.`);
  };
  const watchNext = (): void => {
    if (expected[0]) watch(expected[0].timeoutMs);
  };

  const detach = (): void => {
    open = false;
    reader.stop();
    clearTimeout(timer);
    socket.off("data", reader.feed).off("end", onEnd).off("error", onError).off("close", onEnd);
    socket.on("error", () => {}); // what a dying socket still says interests nobody
  };
  const lose = (how: Loss["how"], text: string): void => {
    if (!open) return;
    detach();
    socket.destroy();
    onLost();
    const loss: Loss = { how, text };
    for (const each of expected.splice(0)) each.take(loss);
  };
  const onEnd = (): void => lose("closed", "The server closed the connection.");
  const onError = (error: Error & { code?: string }): void =>
    lose("closed", `The connection broke: ${error.code ?? error.message}.`);

  const reader = createReplyReader(
    (reply) => {
      const awaited = expected.shift();
      watchNext();
      leaving = reply.code === 421;
      awaited?.take(reply);
      if (leaving) lose("leaving", `The server is closing the connection: 421 ${reply.text}`);
      else if (!awaited) lose("garbage", `The server said ${reply.code} ${reply.text} without being asked.`);
    },
    (text) => lose("garbage", text),
  );
  socket.on("data", reader.feed).on("end", onEnd).on("error", onError).on("close", onEnd);

  return {
    socket,
    isOpen: () => open && !leaving,
    expect: (timeoutMs, take) => {
      expected.push({ timeoutMs, take });
      if (expected.length === 1) watch(timeoutMs);
    },
    unexpect: () => void expected.pop(),
    extend: watchNext,
    lose,
    onLost: (listener) => void (onLost = listener),
    detach,
  };
}

/** Asks one thing and waits for its answer; an empty line only waits. */
export function ask(wire: Wire, line: string, timeoutMs: number): Promise<Reply | Loss> {
  return new Promise((resolve) => {
    if (!wire.isOpen()) return resolve({ how: "closed", text: "The server closed the connection." });
    wire.expect(timeoutMs, resolve);
    if (line !== "") wire.socket.write(line);
  });
}

/** Asks the last thing and leaves the socket: what came in one packet with the answer is dropped, not believed (S16). */
export function askAndLeave(wire: Wire, line: string, timeoutMs: number): Promise<Reply | Loss> {
  return new Promise((resolve) => {
    wire.expect(timeoutMs, (answer) => {
      wire.detach();
      resolve(answer);
    });
    wire.socket.write(line);
  });
}

export function isLoss(answer: Reply | Loss): answer is Loss {
  return "how" in answer;
}
