/**
 * Messages over one session, one after the other. Never ends a message twice, always says how far it got, and begins no
 * body before the outcome of the one before is written down: a crash leaves at most one in doubt, or as many as the
 * window for BDAT allows.
 */
import { endsLine, envelope, stuffDots, type Outcome, type Ready, type Stage } from "./smtp-message.ts";
import type { Session } from "./smtp-open.ts";
import type { Reply } from "./smtp-replies.ts";
import type { CheckedSettings } from "./smtp-settings.ts";
import { isLoss, type Loss } from "./smtp-wire.ts";

/** A message and who waits for its outcome. */
export type Job = {
  message: Ready;
  beforeMail: (() => boolean | Promise<boolean>) | null;
  beforeBody: (() => boolean) | null;
  /** Resolves when whoever sent it has written the outcome down; never rejects. */
  settle: (outcome: Outcome) => Promise<void>;
  /** It has already been begun on a connection that was closing. */
  begunAgain: boolean;
};

/** Taken from the pool, with its commands; `go` once it may be begun. */
type Next = { readonly job: Job; readonly mail: string; readonly rcpt: string; go: boolean };

/** What a connection asks of its pool. */
export type Owner = {
  /** The next message to send, if any. */
  next: () => Job | null;
  /** Takes back a message of which nothing was written. */
  back: (job: Job) => void;
  /** This message has to begin anew on another connection: its body was not begun here. */
  again: (job: Job, why: Loss) => void;
  /** Nothing to do: call `work` when there is. */
  rest: () => void;
  /** Gone, for whatever reason. */
  gone: () => void;
};

export type Connection = {
  /** Takes messages from the pool until there are none. Only while at rest, and once at the beginning. */
  work: () => void;
  /** Finishes what is begun, takes nothing more, says QUIT. */
  retire: () => void;
  /** Ends at once, whatever is under way. */
  kill: (text: string) => void;
};

/** Bodies up to this go out in one packet with their end; larger ones block by block, as the network takes them. */
const BLOCK_OCTETS = 65_536;

const TAKEN_WITHOUT_SENDER = "The server took a recipient without a sender.";

type Settings = Pick<CheckedSettings, "timeouts" | "messagesPerConnection" | "chunking" | "chunkingWindow" | "reports">;

/** Runs a session for a pool; begins with the pool's first call of `work`. */
export function createConnection(session: Session, owner: Owner, settings: Settings): Connection {
  const { timeouts, messagesPerConnection: messagesMax, reports } = settings;
  const { wire, capabilities } = session;
  const { socket } = wire;
  const pipelining = capabilities.has("PIPELINING");
  const chunking = capabilities.has("CHUNKING") && chunks(settings.chunking, pipelining);
  const window = chunking && pipelining ? settings.chunkingWindow : 1;
  let begun = 0;
  let retiring = false;
  let quitting = false;
  let ahead = false; // a message is between its MAIL FROM and its end: the next one must wait
  let awaited = 0; // messages that have ended without a reply yet
  let needsReset = false; // the server holds a MAIL FROM that will see no body
  let next: Next | null = null; // has been taken from the pool and not begun
  let recorded: Promise<void> | null = null; // what was accepted last has been written down

  wire.onLost(() => {
    owner.gone();
    giveBack();
  });

  const isSpent = (): boolean => retiring || begun >= messagesMax;
  // With a window of one the next envelope rides behind the body; its own body waits for the answer.
  const mayBegin = (): boolean => !ahead && (window === 1 || awaited < window);
  // Whoever writes down the last outcome looks at the next message in the same breath: so its envelope is ready to ride.
  const mayTake = (): boolean => mayBegin() || (pipelining && window === 1 && awaited === 0);

  const work = (): void => {
    if (isSpent() || !wire.isOpen()) giveBack();
    while (wire.isOpen() && !isSpent()) {
      if (next === null) {
        if (mayTake() && take()) continue;
        break;
      }
      if (!next.go || !mayBegin()) break;
      const { job, mail, rcpt } = next;
      next = null;
      exchange(job, mail, rcpt);
    }
    if (ahead || awaited > 0 || next !== null || quitting || !wire.isOpen()) return;
    if (isSpent()) quit();
    else owner.rest();
  };

  /** No message is ahead any more. */
  const proceed = (): void => {
    ahead = false;
    work();
  };

  /** @returns false when there is nothing to take. */
  const take = (): boolean => {
    const job = owner.next();
    if (job === null) return false;
    const commands = envelope(job.message, capabilities, reports);
    if ("kind" in commands) {
      void job.settle(commands);
      return true;
    }
    const taken: Next = { job, ...commands, go: false };
    next = taken;
    const decided = (go: boolean): void => {
      if (next !== taken) return; // the connection is gone, and the message went back
      taken.go = go;
      if (go) return;
      next = null;
      void job.settle({ kind: "withdrawn", by: "beforeMail" });
    };
    const failed = (error: unknown): void => {
      if (next !== taken) return;
      next = null;
      void job.settle(refused("mail", null, `The check before MAIL FROM failed: ${String(error)}`));
    };
    try {
      const go = job.beforeMail?.() ?? true;
      if (typeof go === "boolean") decided(go);
      else void go.then(decided, failed).then(work);
    } catch (error) {
      failed(error);
    }
    return true;
  };

  /** Nothing of it was written here: another connection may have it. What is still being looked at is waited for. */
  const giveBack = (): void => {
    if (!next?.go) return;
    const { job } = next;
    next = null;
    owner.back(job);
  };

  /** @returns false when it was withdrawn. */
  const mayHaveBody = ({ beforeBody, settle }: Job): boolean => {
    if (!beforeBody || beforeBody()) return true;
    void settle({ kind: "withdrawn", by: "beforeBody" });
    return false;
  };

  /**
   * MAIL, RCPT and DATA: in one packet where the server allows it (RFC 2920), else one after the other. By BDAT there is
   * no DATA, and within a window not even a look at the answers before a further body leaves.
   */
  const exchange = (job: Job, mail: string, rcpt: string): void => {
    if (!mayHaveBody(job)) return;
    ahead = true;
    const reused = begun++ > 0;
    const encoding = job.message.utf8 === null ? "latin1" : "utf8";
    // A connection at rest may have been closed meanwhile: its first message looks before it leaps.
    const blind = window > 1 && awaited > 0 && job.message.data.length <= BLOCK_OCTETS;
    let over = false; // the outcome is known, whatever is still answered
    let taken = false; // the server has the recipient
    const ending = chunking ? "last chunk" : "final dot";
    let failure: Outcome | null = null; // of a message whose body has left all the same: its outcome, once that is refused

    const fail = (stage: Stage, answer: Reply | Loss): void => {
      if (over) return;
      if (blind && (stage === "mail" || stage === "rcpt")) {
        // Only an answer makes it certain; after a loss the body may have been taken.
        if (!isLoss(answer))
          failure ??= refused(stage, answer.code >= 400 ? answer : null, `${answer.code} ${answer.text}`);
        return;
      }
      over = true;
      if (isLoss(answer)) return void job.settle(refused(stage, null, answer.text));
      if (answer.code >= 400) return void job.settle(refused(stage, answer, `${answer.code} ${answer.text}`));
      const text = `The server answered ${stage.toUpperCase()} with ${answer.code} ${answer.text}`;
      void job.settle(refused(stage, null, text));
      wire.lose("garbage", text);
    };
    const isGood = (stage: Stage, answer: Reply | Loss): boolean => {
      if (!isLoss(answer) && answer.code >= 200 && answer.code < 300) return true;
      fail(stage, answer);
      return false;
    };
    const step = (line: string, timeoutMs: number, take: (answer: Reply | Loss) => void): void => {
      wire.expect(timeoutMs, take);
      socket.write(`${line}\r\n`, encoding);
    };

    const onReset = (answer: Reply | Loss): void => {
      if (!isLoss(answer) && answer.code >= 300) wire.lose("closed", `The server refuses RSET: ${answer.code}`);
    };
    const onMail = (answer: Reply | Loss): void => {
      const leaving = isLoss(answer) ? answer.how === "closed" || answer.how === "leaving" : answer.code === 421;
      if (leaving && reused && !job.begunAgain && !blind) {
        // It may have been closing while we wrote. Nothing of the body has left, so begin anew elsewhere, once.
        over = true;
        job.begunAgain = true;
        giveBack(); // first, so that it stands behind this one
        owner.again(job, isLoss(answer) ? answer : { how: "leaving", text: `421 ${answer.text}` });
      } else if (isGood("mail", answer)) needsReset = true;
      if (pipelining) return;
      if (over) proceed();
      else step(rcpt, timeouts.rcptMs, onRcpt);
    };
    const onRcpt = (answer: Reply | Loss): void => {
      const good = isGood("rcpt", answer);
      taken = good;
      if (blind) return;
      if (chunking) {
        if (good && over) wire.lose("garbage", TAKEN_WITHOUT_SENDER);
        else if (good) bodyInTurn();
        else proceed();
      } else if (pipelining) return;
      else if (good) step("DATA", timeouts.dataMs, onData);
      else proceed();
    };
    const onData = (answer: Reply | Loss): void => {
      if (isLoss(answer) || answer.code !== 354) {
        fail("data", answer);
        return proceed();
      }
      needsReset = false;
      if (!over) return bodyInTurn();
      if (taken) return wire.lose("garbage", TAKEN_WITHOUT_SENDER);
      // DATA was taken though the recipient was not (RFC 2920 3.1): an empty message to nobody.
      wire.expect(timeouts.finalDotMs, proceed);
      socket.write(".\r\n");
    };

    const bodyInTurn = (): void => (recorded ? void recorded.then(beginBody) : beginBody());
    const beginBody = (): void => {
      if (!wire.isOpen()) {
        fail("data", { how: "closed", text: "The connection closed before the body was begun." });
        return proceed();
      }
      if (!mayHaveBody(job)) {
        over = true;
        return wire.lose("ended", "The server waits for a body that may not leave any more.");
      }
      const body = chunking ? job.message.data : stuffDots(job.message.data);
      if (body.length > BLOCK_OCTETS) writeBlocks(body);
      else writeLast(body, chunking ? chunkCommand(body) : "");
    };
    const writeBlocks = (data: Uint8Array): void => {
      let at = 0;
      if (chunking) socket.write(chunkCommand(data));
      wire.expect(timeouts.blockMs, (early) => {
        fail("body", early);
        wire.lose("garbage", "The server answered before the message had ended.");
      });
      const write = (): void => {
        if (!wire.isOpen()) return;
        wire.extend();
        const block = data.subarray(at, (at += BLOCK_OCTETS));
        if (at < data.length) return void socket.write(block, (error) => error || write());
        wire.unexpect();
        writeLast(block);
      };
      write();
    };
    /** From here on a loss leaves the outcome unknown. */
    const writeLast = (block: Uint8Array, command = ""): void => {
      socket.cork();
      if (command !== "") socket.write(command);
      socket.write(block);
      if (!chunking) socket.write(endsLine(block) ? ".\r\n" : "\r\n.\r\n");
      awaited++;
      wire.expect(timeouts.finalDotMs, onEnd);
      if (pipelining) proceed(); // the next envelope rides behind
      socket.uncork();
    };
    const onEnd = (answer: Reply | Loss): void => {
      awaited--;
      const good = !isLoss(answer) && answer.code >= 200 && answer.code < 300;
      if (failure !== null && !good) {
        // Nobody was there to take the body, whatever became of it (RFC 3030 2: BDAT then fails with 503).
        void job.settle(failure);
      } else if (isLoss(answer)) {
        void job.settle({ kind: "unknown", text: `After the ${ending}: ${answer.text}` });
      } else if (answer.code >= 400) {
        fail("body", answer);
      } else if (good && failure === null) {
        recorded = job.settle({ kind: "accepted", reply: answer });
      } else {
        const text = `The server answered the ${ending} with ${answer.code} ${answer.text}`;
        void job.settle({ kind: "unknown", text });
        wire.lose("garbage", text);
      }
      // RFC 3030 2: after a BDAT that failed nobody knows what the server still holds. What rides behind brings its RSET.
      if (chunking) needsReset = !good;
      if (pipelining) work();
      else proceed();
    };

    const reset = needsReset || (chunking && awaited > 0);
    needsReset = false;
    if (blind) {
      if (reset) wire.expect(timeouts.sessionMs, onReset);
      wire.expect(timeouts.mailMs, onMail);
      wire.expect(timeouts.rcptMs, onRcpt);
      socket.write(`${reset ? "RSET\r\n" : ""}${mail}\r\n${rcpt}\r\n`, encoding);
      writeLast(job.message.data, chunkCommand(job.message.data));
    } else if (pipelining) {
      if (reset) wire.expect(timeouts.sessionMs, onReset);
      wire.expect(timeouts.mailMs, onMail);
      wire.expect(timeouts.rcptMs, onRcpt);
      if (!chunking) wire.expect(timeouts.dataMs, onData);
      socket.write(`${reset ? "RSET\r\n" : ""}${mail}\r\n${rcpt}\r\n${chunking ? "" : "DATA\r\n"}`, encoding);
    } else if (reset) {
      step("RSET", timeouts.sessionMs, (answer) => {
        onReset(answer);
        if (wire.isOpen()) step(mail, timeouts.mailMs, onMail);
        else onMail(isLoss(answer) ? answer : { how: "closed", text: "The server refuses RSET." });
      });
    } else step(mail, timeouts.mailMs, onMail);
  };

  const quit = (): void => {
    quitting = true;
    wire.expect(timeouts.quitMs, () => wire.lose("ended", "We said QUIT."));
    socket.write("QUIT\r\n");
  };

  return {
    work,
    retire: () => {
      retiring = true;
      work();
    },
    kill: (text) => {
      void next?.job.settle(refused("mail", null, text));
      next = null;
      wire.lose("ended", text);
    },
  };
}

/** BDAT saves a round trip where the answer to DATA would have to be waited for. */
function chunks(wanted: CheckedSettings["chunking"], pipelining: boolean): boolean {
  return wanted === "always" || (wanted === "auto" && !pipelining);
}

/** The whole message in one chunk. */
function chunkCommand(data: Uint8Array): string {
  return `BDAT ${data.length} LAST\r\n`;
}

function refused(stage: Stage, reply: Reply | null, text: string): Outcome {
  return { kind: "refused", stage, reply, text };
}
