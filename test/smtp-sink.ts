/** An SMTP server for tests on loopback: it records what it is sent and misbehaves exactly as told. Never relays anything. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";

/** One message as one recipient got it: dot-stuffing undone, byte for byte. `answered` is false when no reply left. */
type Received = {
  readonly from: string;
  readonly to: string;
  readonly data: Buffer;
  readonly at: Temporal.Instant;
  readonly answered: boolean;
};

/**
 * Where a session stands when the sink answers: a verb, or `greeting` and `body` (after the final dot), or `auth-turn`
 * (after a line that was asked for with 334).
 */
export type Step =
  | "greeting"
  | "EHLO"
  | "HELO"
  | "STARTTLS"
  | "MAIL"
  | "RCPT"
  | "DATA"
  | "body"
  | "BDAT"
  | "AUTH"
  | "auth-turn"
  | "RSET"
  | "QUIT"
  | string;

/**
 * A reply line (or lines), or a misbehaviour: close or reset (after a reply, if given), say nothing, one byte at a time,
 * begin a line and never end it, or go on with lines of an answer that never ends.
 */
export type Answer =
  | string
  | { close: "fin" | "rst"; reply?: string }
  | { silence: true }
  | { byteByByte: string }
  | { half: string }
  | { drip: string };

/**
 * What happens to one recipient: `refuse` and `defer` answer RCPT with 550 and 450, the same with `-body` answer the final
 * dot; `drop` cuts at RCPT, `drop-body` after the final dot without a reply. `slow` answers the final dot after `slowMs`.
 */
type Verdict = "accept" | "refuse" | "defer" | "drop" | "refuse-body" | "defer-body" | "drop-body" | "slow";

export type SinkOptions = {
  port?: number;
  /** Offer PIPELINING (default true). */
  pipelining?: boolean;
  /** Further EHLO lines; the default is 8BITMIME, ENHANCEDSTATUSCODES, DSN and SMTPUTF8. */
  capabilities?: readonly string[];
  /** Wait this long before every reply. */
  replyDelayMs?: number;
  slowMs?: number;
  /** Stop reading once a body begins: the network takes no more. */
  stall?: boolean;
  /** Close in the middle of a BDAT after so many octets of it. */
  cutChunksAfter?: number;
  /** Decides per recipient; `attempt` counts from 1 for each address, so that greylisting is `attempt === 1 ? "defer" : …`. */
  recipient?: (to: string, attempt: number, from: string) => Verdict;
  /** Replaces the usual answer at a step; `nth` counts from 1 for each step over the life of the sink; `peerPort` tells connections apart. */
  answer?: (step: Step, argument: string, nth: number, peerPort: number) => Answer | undefined;
};

export type Sink = {
  readonly port: number;
  readonly messages: Received[];
  /** Every command line in the order received, over all connections. */
  readonly commands: string[];
  /** Connections accepted so far. */
  readonly connections: () => number;
  /** Connections open now. */
  readonly open: () => number;
  /** Calls back for each message as it is recorded; the returned function ends that. */
  onMessage: (listener: (message: Received) => void) => () => void;
  /** Resolves once that many messages are there; rejects when they are not after `timeoutMs` (10 s). */
  waitFor: (count: number, timeoutMs?: number) => Promise<Received[]>;
  close: () => Promise<void>;
};

const usual: Record<string, string> = {
  greeting: "220 sink.test ESMTP",
  HELO: "250 sink.test",
  MAIL: "250 2.1.0 Ok",
  RCPT: "250 2.1.5 Ok",
  RSET: "250 2.0.0 Ok",
  NOOP: "250 2.0.0 Ok",
  DATA: "354 End data with <CR><LF>.<CR><LF>",
  BDAT: "250 2.0.0 Ok: queued",
  body: "250 2.0.0 Ok: queued",
};

const verdicts: Partial<Record<Verdict, { step: "RCPT" | "body"; answer: Answer }>> = {
  refuse: { step: "RCPT", answer: "550 5.1.1 No such user" },
  defer: { step: "RCPT", answer: "450 4.2.0 Try again later" },
  drop: { step: "RCPT", answer: { close: "fin" } },
  "refuse-body": { step: "body", answer: "554 5.7.1 Message refused" },
  "defer-body": { step: "body", answer: "451 4.3.0 Try again later" },
  "drop-body": { step: "body", answer: { close: "fin" } },
};

/** Starts a sink on 127.0.0.1. */
export async function startSink(options: SinkOptions = {}): Promise<Sink> {
  const messages: Received[] = [];
  const commands: string[] = [];
  const listeners = new Set<(message: Received) => void>();
  const sockets = new Set<Socket>();
  const counts = new Map<string, number>();
  let connections = 0;

  const count = (key: string): number => {
    const next = (counts.get(key) ?? 0) + 1;
    counts.set(key, next);
    return next;
  };
  const record = (message: Received): void => {
    messages.push(message);
    for (const listener of listeners) listener(message);
  };

  const server = createServer({ noDelay: true }, (socket) => {
    connections++;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    serve(socket, options, { count, record, command: (line) => commands.push(line) });
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");

  const onMessage = (listener: (message: Received) => void) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    port: (server.address() as AddressInfo).port,
    messages,
    commands,
    connections: () => connections,
    open: () => sockets.size,
    onMessage,
    waitFor: (wanted, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        if (messages.length >= wanted) return resolve(messages);
        const done = onMessage(() => {
          if (messages.length < wanted) return;
          clearTimeout(timer);
          done();
          resolve(messages);
        });
        const timer = setTimeout(() => {
          done();
          reject(new Error(`The sink has ${messages.length} of ${wanted} messages after ${timeoutMs} ms.`));
        }, timeoutMs);
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

type Ledger = {
  count: (key: string) => number;
  record: (message: Received) => void;
  command: (line: string) => void;
};

/** One session: commands in order, replies of one packet in one packet. */
function serve(socket: Socket, options: SinkOptions, ledger: Ledger): void {
  const peerPort = socket.remotePort ?? 0;
  let rest: Buffer = Buffer.alloc(0);
  let inBody = false;
  let turnsLeft = 0; // lines of AUTH LOGIN still to come
  let chunk: { left: number; last: boolean } | null = null; // a BDAT under way
  let chunks: Buffer[] = [];
  let from: string | null = null;
  let recipients: { to: string; verdict: Verdict }[] = [];
  /** `mute`: says nothing more. `held`: a slow reply is under way; what follows waits, so that replies keep their order. */
  const state = { mute: false, held: false };
  const offered = options.capabilities ?? ["8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8"];
  const ehlo = ["sink.test", ...(options.pipelining === false ? [] : ["PIPELINING"]), ...offered];

  const release = (): void => {
    state.held = false;
    work();
  };
  const give = (answer: Answer): void => {
    if (typeof answer === "string") {
      if (options.replyDelayMs) setTimeout(() => socket.write(`${answer}\r\n`), options.replyDelayMs);
      else socket.write(`${answer}\r\n`);
    } else if ("byteByByte" in answer) {
      state.held = true;
      const bytes = `${answer.byteByByte}\r\n`;
      // One packet a byte: each waits for a turn of the event loop.
      const next = (at: number): void => {
        if (at === bytes.length || socket.destroyed) release();
        else socket.write(bytes[at]!, () => setImmediate(next, at + 1));
      };
      setImmediate(next, 0);
    } else {
      state.mute = true;
      if ("silence" in answer) return;
      if ("half" in answer) return void socket.write(answer.half);
      if ("drip" in answer) {
        const drip = setInterval(() => socket.write(`${answer.drip}\r\n`), 10);
        return void socket.on("close", () => clearInterval(drip));
      }
      const cut = () => (answer.close === "rst" ? socket.resetAndDestroy() : socket.end());
      if (answer.reply === undefined) setImmediate(cut);
      else socket.write(`${answer.reply}\r\n`, () => setImmediate(cut));
    }
  };
  /** Answers as told, or as usual; returns the reply's text. */
  const reply = (step: Step, argument: string, standard: Answer): string => {
    const answer = options.answer?.(step, argument, ledger.count(`step ${step}`), peerPort) ?? standard;
    give(answer);
    return textOf(answer) ?? "";
  };

  const command = (line: string): void => {
    ledger.command(line);
    if (turnsLeft > 0) {
      turnsLeft--;
      reply("auth-turn", line, turnsLeft > 0 ? "334 UGFzc3dvcmQ6" : "235 2.7.0 Signed in");
      return;
    }
    const verb = (/^[A-Za-z]+/.exec(line)?.[0] ?? "").toUpperCase();
    const path = /<([^>]*)>/.exec(line)?.[1] ?? "";
    if (verb === "EHLO") {
      reply(verb, line, ehlo.map((word, at) => `250${at === ehlo.length - 1 ? " " : "-"}${word}`).join("\r\n"));
    } else if (verb === "MAIL") {
      const nested = from !== null;
      const text = reply(verb, line, nested ? "503 5.5.1 Nested MAIL" : usual["MAIL"]!);
      if (!nested && text.startsWith("2")) [from, recipients] = [path, []];
    } else if (verb === "RCPT") {
      const verdict = options.recipient?.(path, ledger.count(`to ${path}`), from ?? "") ?? "accept";
      const wanted = verdicts[verdict];
      const standard = from === null ? "503 5.5.1 MAIL first" : usual["RCPT"]!;
      const text = reply(verb, line, wanted?.step === "RCPT" ? wanted.answer : standard);
      if (text.startsWith("2")) recipients.push({ to: path, verdict });
    } else if (verb === "DATA") {
      const standard = recipients.length > 0 ? usual["DATA"]! : "554 5.5.1 No valid recipients";
      inBody = reply(verb, line, standard).startsWith("3");
      if (inBody && options.stall) socket.pause();
    } else if (verb === "BDAT") {
      // RFC 3030: octets follow whatever becomes of them.
      const [, left = "0", last] = /^BDAT (\d+)( LAST)?$/.exec(line) ?? [];
      chunk = { left: Number(left), last: last !== undefined };
      if (options.stall) socket.pause();
    } else if (verb === "AUTH") {
      turnsLeft = /^AUTH LOGIN$/.test(line) ? 2 : 0;
      const text = reply(verb, line, turnsLeft > 0 ? "334 VXNlcm5hbWU6" : "235 2.7.0 Signed in");
      // XOAUTH2 and OAUTHBEARER tell what is wrong by 334, and want one more line.
      turnsLeft = text.startsWith("334") ? Math.max(turnsLeft, 1) : 0;
    } else if (verb === "QUIT") {
      reply(verb, line, { close: "fin", reply: "221 2.0.0 Bye" });
    } else {
      if (verb === "RSET") [from, recipients, chunks] = [null, [], []];
      reply(verb, line, usual[verb] ?? "500 5.5.2 Unknown command");
    }
  };

  const body = (data: Buffer, step: "body" | "BDAT" = "body"): void => {
    const to = recipients;
    const sender = from ?? "";
    [from, recipients] = [null, []];
    const verdict = to.find((recipient) => recipient.verdict !== "accept")?.verdict ?? "accept";
    const nobody = to.length === 0 ? "503 5.5.1 No valid recipients" : null;
    const wanted = nobody ?? verdicts[verdict]?.answer ?? usual[step]!;
    const answer = options.answer?.(step, to[0]?.to ?? "", ledger.count(`step ${step}`), peerPort) ?? wanted;
    const text = textOf(answer);
    if (text === null || text.startsWith("2")) {
      for (const each of to) {
        ledger.record({ from: sender, to: each.to, data, at: Temporal.Now.instant(), answered: text !== null });
      }
    }
    if (verdict !== "slow") return give(answer);
    state.held = true;
    setTimeout(() => {
      give(answer);
      release();
    }, options.slowMs ?? 1_000);
  };

  const work = (): void => {
    socket.cork();
    while (!state.mute && !state.held && (rest.length > 0 || chunk?.left === 0)) {
      if (chunk) {
        const part = rest.subarray(0, chunk.left);
        rest = rest.subarray(part.length);
        chunk.left -= part.length;
        chunks.push(part);
        if (chunks.reduce((sum, { length }) => sum + length, 0) > (options.cutChunksAfter ?? Infinity)) {
          give({ close: "fin" });
          break;
        }
        if (chunk.left > 0) break;
        const { last } = chunk;
        chunk = null;
        if (!last) {
          reply("BDAT", "", "250 2.0.0 Chunk taken");
          continue;
        }
        const data = Buffer.concat(chunks);
        chunks = [];
        body(data, "BDAT");
      } else if (inBody) {
        // Only CRLF.CRLF ends a body; the first line may be the dot itself.
        const alone = rest.length >= 3 && rest.subarray(0, 3).equals(Buffer.from(".\r\n"));
        const end = alone ? -2 : rest.indexOf("\r\n.\r\n");
        if (end === -1) break;
        const raw = rest.subarray(0, end + 2);
        rest = rest.subarray(end + 5);
        inBody = false;
        body(unstuff(raw));
      } else {
        const end = rest.indexOf("\r\n");
        if (end === -1) break;
        const line = rest.toString("utf8", 0, end);
        rest = rest.subarray(end + 2);
        command(line);
      }
    }
    socket.uncork();
  };

  reply("greeting", "", usual["greeting"]!);
  socket.on("data", (received: Buffer) => {
    rest = rest.length === 0 ? received : Buffer.concat([rest, received]);
    work();
  });
}

/** The text of a reply that leaves whole, else null. */
function textOf(answer: Answer): string | null {
  if (typeof answer === "string") return answer;
  if ("byteByByte" in answer) return answer.byteByByte;
  if ("half" in answer || "drip" in answer) return null;
  return "close" in answer ? (answer.reply ?? null) : null;
}

/** Undoes dot-stuffing (RFC 5321 4.5.2). */
function unstuff(raw: Buffer): Buffer {
  if (raw[0] !== 0x2e && !raw.includes("\n.")) return Buffer.from(raw);
  return Buffer.from(raw.toString("latin1").replace(/(^|\n)\./g, "$1"), "latin1");
}
