import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { startSink, type Sink, type SinkOptions } from "../../test/smtp-sink.ts";
import { createSmtpPool, type Outcome, type Outgoing, type SmtpPool, type SmtpSettings } from "./smtp.ts";

function message(to: string, text = "Subject: x\r\n\r\nHi\r\n"): Outgoing {
  return { from: "ana@example.com", to, data: Buffer.from(text) };
}

function poolTo(port: number, changes: Partial<SmtpSettings> = {}): SmtpPool {
  const settings = {
    host: "127.0.0.1",
    port,
    security: "none",
    auth: null,
    name: "client.test",
    connections: 1,
  } as const;
  const pool = createSmtpPool({ ...settings, ...changes });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  return pool;
}

async function start(
  options: SinkOptions,
  changes: Partial<SmtpSettings> = {},
): Promise<{ sink: Sink; pool: SmtpPool }> {
  const sink = await startSink(options);
  onTestFinished(() => sink.close());
  return { sink, pool: poolTo(sink.port, changes) };
}

/** One message to each of `a@example.org`, `b@example.org` and so on. */
function sendAll(pool: SmtpPool, names: string): Promise<Outcome>[] {
  return names.split("").map((name) => pool.send(message(`${name}@example.org`)));
}

/** A server that answers only what it is told to, and shows what it got. */
async function startByHand(): Promise<{
  port: number;
  seen: (until: RegExp) => Promise<string>;
  say: (text: string) => void;
}> {
  let text = "";
  let say: (text: string) => void = () => {};
  const server = createServer((socket) => {
    say = (line) => void socket.write(line);
    socket
      .on("error", () => {})
      .on("data", (bytes) => {
        text += bytes.toString("latin1");
        server.emit("seen");
      });
    say("220 by.hand\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return {
    port: (server.address() as AddressInfo).port,
    say: (line) => say(line),
    seen: async (until) => {
      while (!until.test(text)) await once(server, "seen");
      const found = text;
      text = "";
      return found;
    },
  };
}

describe.each([true, false])("with pipelining %s", (pipelining) => {
  it("S10 200 messages over 4 connections arrive exactly once, byte for byte, dots and all", async () => {
    const { sink, pool } = await start({ pipelining }, { connections: 4 });
    const messages = Array.from({ length: 200 }, (_, at) =>
      message(`r${at}@example.org`, `Subject: ${at}\r\n\r\n.\r\n..\r\n.${at}\r\n${"x..\r\n".repeat(at)}.\r\n`),
    );
    const outcomes = await Promise.all(messages.map((each) => pool.send(each)));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["accepted"]));
    const got = new Map(sink.messages.map(({ to, data }) => [to, data.toString()]));
    expect(sink.messages).toHaveLength(200);
    expect(got).toEqual(new Map(messages.map(({ to, data }) => [to, Buffer.from(data).toString()])));
    expect(sink.connections()).toBe(4);
  });

  it("a message of many megabytes arrives whole, and the next one after it", async () => {
    const { sink, pool } = await start({ pipelining });
    const large = `Subject: x\r\n\r\n${"y".repeat(70)}\r\n.\r\n`.repeat(40_000);
    await Promise.all([pool.send(message("a@example.org", large)), pool.send(message("b@example.org"))]);
    expect(sink.messages.map(({ to }) => to)).toEqual(["a@example.org", "b@example.org"]);
    expect(sink.messages[0]?.data.toString()).toBe(large);
  });

  it("a message without a line end at its end gets one, one with it gets no second", async () => {
    const { sink, pool } = await start({ pipelining });
    for (const text of ["a", "a\r\n", ""]) await pool.send(message("a@example.org", text));
    expect(sink.messages.map(({ data }) => data.toString())).toEqual(["a\r\n", "a\r\n", ""]);
  });

  it("a connection is used again, and replaced after its number of messages", async () => {
    const { sink, pool } = await start({ pipelining }, { messagesPerConnection: 3 });
    for (const name of "abcdefg")
      expect(await pool.send(message(`${name}@example.org`))).toMatchObject({ kind: "accepted" });
    expect(sink.connections()).toBe(3);
    expect(sink.commands.filter((line) => line === "QUIT")).toHaveLength(2);
  });

  it("an unused connection says QUIT, and the next message opens another", async () => {
    const { sink, pool } = await start({ pipelining }, { timeouts: { idleMs: 20 } });
    await pool.send(message("a@example.org"));
    await vi.waitFor(() => expect(sink.open()).toBe(0));
    expect(sink.commands.at(-1)).toBe("QUIT");
    expect(await pool.send(message("b@example.org"))).toMatchObject({ kind: "accepted" });
    expect(sink.connections()).toBe(2);
  });

  it("S7 SMTPUTF8 is used where offered; where not, the recipient is refused without a command", async () => {
    const { sink, pool } = await start({ pipelining });
    expect(await pool.send(message("jürgen@example.org"))).toMatchObject({ kind: "accepted" });
    expect(sink.messages[0]?.to).toBe("jürgen@example.org");
    const old = await start({ pipelining, capabilities: [] });
    expect(await old.pool.send(message("jürgen@example.org"))).toMatchObject({
      kind: "refused",
      stage: "rcpt",
      reply: { code: 553, enhanced: "5.6.7" },
    });
    expect(old.sink.commands).toEqual(["EHLO client.test"]);
  });

  it("R3 no body is begun on a connection before the outcome of the one before is recorded", async () => {
    const { sink, pool } = await start({ pipelining });
    const begun = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    const first = pool.send(message("a@example.org"), {
      async record() {
        begun.resolve();
        await written.promise;
      },
    });
    const second = pool.send(message("b@example.org"));
    await begun.promise;
    if (pipelining) await vi.waitFor(() => expect(sink.commands.join()).toContain("b@example.org"));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(sink.messages.map(({ to }) => to)).toEqual(["a@example.org"]);
    written.resolve();
    expect(await Promise.all([first, second])).toMatchObject([{ kind: "accepted" }, { kind: "accepted" }]);
  });

  it("a connection that ends while an outcome is being recorded begins no body", async () => {
    const { sink, pool } = await start({ pipelining });
    const begun = Promise.withResolvers<void>();
    const written = Promise.withResolvers<void>();
    const first = pool.send(message("a@example.org"), {
      async record() {
        begun.resolve();
        await written.promise;
      },
    });
    const second = pool.send(message("b@example.org"));
    await begun.promise;
    if (pipelining) await vi.waitFor(() => expect(sink.commands.join()).toContain("b@example.org"));
    await sink.close();
    await new Promise((resolve) => setTimeout(resolve, 30));
    written.resolve();
    expect(await first).toMatchObject({ kind: "accepted" });
    expect(await second).toMatchObject({ kind: "refused", reply: null });
  });

  it("beforeBody withdraws a message whose claim ran out: nothing of its body leaves, and the next goes elsewhere", async () => {
    const { sink, pool } = await start({ pipelining });
    let allowed = true;
    const first = pool.send(message("a@example.org"), {
      beforeBody: () => allowed,
      record: async () => {
        allowed = false;
      },
    });
    const second = pool.send(message("b@example.org"), { beforeBody: () => allowed });
    const third = pool.send(message("c@example.org"));
    expect(await Promise.all([first, second, third])).toMatchObject([
      { kind: "accepted" },
      { kind: "withdrawn", by: "beforeBody" },
      { kind: "accepted" },
    ]);
    expect(sink.messages.map(({ to }) => to)).toEqual(["a@example.org", "c@example.org"]);
  });

  it("beforeBody that says no at the server's go-ahead ends the connection without an octet of the body", async () => {
    const server = await startByHand();
    const pool = poolTo(server.port);
    let allowed = true;
    const sent = pool.send(message("a@example.org"), { beforeBody: () => allowed });
    await server.seen(/^EHLO .*\r\n$/);
    server.say(pipelining ? "250-by.hand\r\n250 PIPELINING\r\n" : "250 by.hand\r\n");
    if (!pipelining)
      for (const verb of [/^MAIL .*\r\n$/, /^RCPT .*\r\n$/]) {
        await server.seen(verb);
        server.say("250 Ok\r\n");
      }
    await server.seen(/DATA\r\n$/);
    allowed = false;
    server.say(pipelining ? "250 Ok\r\n250 Ok\r\n354 Go on\r\n" : "354 Go on\r\n");
    expect(await sent).toEqual({ kind: "withdrawn", by: "beforeBody" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await server.seen(/^/)).toBe("");
  });

  describe("beforeMail", () => {
    it.each([false, Promise.resolve(false)])(
      "withdraws a message before anything of it is written (%s)",
      async (no) => {
        const { sink, pool } = await start({ pipelining });
        const outcomes = await Promise.all([
          pool.send(message("a@example.org")),
          pool.send(message("b@example.org"), { beforeMail: () => no }),
          pool.send(message("c@example.org"), { beforeMail: async () => true }),
        ]);
        expect(outcomes).toMatchObject([
          { kind: "accepted" },
          { kind: "withdrawn", by: "beforeMail" },
          { kind: "accepted" },
        ]);
        expect(sink.commands.join()).not.toContain("b@example.org");
      },
    );

    it("that fails keeps the message back, for another try", async () => {
      const { sink, pool } = await start({ pipelining });
      const failing = [
        () => Promise.reject(new Error("no database")),
        () => {
          throw new Error("no database");
        },
      ];
      for (const beforeMail of failing) {
        expect(await pool.send(message("a@example.org"), { beforeMail })).toMatchObject({
          kind: "refused",
          stage: "mail",
          reply: null,
          text: expect.stringContaining("no database"),
        });
      }
      expect(await pool.send(message("b@example.org"))).toMatchObject({ kind: "accepted" });
      expect(sink.messages.map(({ to }) => to)).toEqual(["b@example.org"]);
    });
  });
});

it("beforeMail is asked again when the connection closed meanwhile, and the message sent on another", async () => {
  const { sink, pool } = await start({ recipient: (to) => (to.startsWith("a") ? "drop-body" : "accept") });
  let asked = 0;
  const first = pool.send(message("a@example.org"));
  const second = pool.send(message("b@example.org"), {
    beforeMail: async () => {
      asked++;
      if (asked === 1) await vi.waitFor(() => expect(sink.open()).toBe(0));
      return true;
    },
  });
  expect(await first).toMatchObject({ kind: "unknown" });
  expect(await second).toMatchObject({ kind: "accepted" });
  expect(asked).toBe(2);
});

it("the next envelope rides behind the final dot where the server allows it", async () => {
  const server = await startByHand();
  const pool = poolTo(server.port);
  const outcomes = Promise.all(["a@a.b", "b@a.b"].map((to) => pool.send(message(to))));
  await server.seen(/EHLO .*\r\n$/);
  server.say("250-by.hand\r\n250 PIPELINING\r\n");
  expect(await server.seen(/DATA\r\n$/)).toBe("MAIL FROM:<ana@example.com>\r\nRCPT TO:<a@a.b>\r\nDATA\r\n");
  server.say("250 ok\r\n250 ok\r\n354 go\r\n");
  expect(await server.seen(/DATA\r\n$/)).toMatch(
    /\r\nHi\r\n\.\r\nMAIL FROM:<ana@example.com>\r\nRCPT TO:<b@a.b>\r\nDATA\r\n$/,
  );
  server.say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
  await server.seen(/\r\n\.\r\n$/);
  server.say("250 ok\r\n");
  expect((await outcomes).map(({ kind }) => kind)).toEqual(["accepted", "accepted"]);
});

it("where PIPELINING is not offered, each command waits for its answer", async () => {
  const server = await startByHand();
  const pool = poolTo(server.port);
  const outcome = pool.send(message("a@a.b"));
  const turns: [RegExp, string][] = [
    [/^EHLO client.test\r\n$/, "250 by.hand\r\n"],
    [/^MAIL FROM:<ana@example.com>\r\n$/, "250 ok\r\n"],
    [/^RCPT TO:<a@a.b>\r\n$/, "250 ok\r\n"],
    [/^DATA\r\n$/, "354 go\r\n"],
    [/^Subject: x\r\n\r\nHi\r\n\.\r\n$/, "250 ok\r\n"],
  ];
  for (const [command, answer] of turns) {
    await server.seen(command);
    server.say(answer);
  }
  expect(await outcome).toMatchObject({ kind: "accepted" });
});

it("a refusal before the end of a large message is that message's refusal", async () => {
  const server = await startByHand();
  const pool = poolTo(server.port);
  const outcome = pool.send(message("a@a.b", "0123456789\r\n".repeat(1_000_000)));
  for (const [command, answer] of [
    [/^EHLO/, "250 by.hand\r\n"],
    [/^MAIL/, "250 ok\r\n"],
    [/^RCPT/, "250 ok\r\n"],
    [/^DATA/, "354 go\r\n"],
    [/^0123/, "552 5.3.4 Too much\r\n"],
  ] as const) {
    await server.seen(command);
    server.say(answer);
  }
  expect(await outcome).toMatchObject({ kind: "refused", stage: "body", reply: { code: 552, enhanced: "5.3.4" } });
});

describe("a bounded queue", () => {
  it("refuses what finds no room, and says when there is room again", async () => {
    const { sink, pool } = await start({}, { waitingMessages: 2 });
    const sent = sendAll(pool, "abc");
    expect(await sent[2]).toMatchObject({
      kind: "refused",
      stage: "connect",
      reply: null,
      text: expect.stringMatching(/wait/),
    });
    await pool.room();
    expect(await pool.send(message("d@example.org"))).toMatchObject({ kind: "accepted" });
    await Promise.all(sent);
    expect(sink.messages.map(({ to }) => to[0])).toEqual(["a", "b", "d"]);
  });
});

describe("close", () => {
  /** Three messages, the first of which is at its final dot. */
  async function underWay(options: SinkOptions) {
    const atTheDot = Promise.withResolvers<void>();
    const { sink, pool } = await start({
      ...options,
      answer: (step, argument, nth, peerPort) => {
        if (step === "body" && nth === 1) atTheDot.resolve();
        return options.answer?.(step, argument, nth, peerPort);
      },
    });
    const sent = sendAll(pool, "abc");
    await atTheDot.promise;
    return { sink, pool, sent };
  }

  it("finishes what is begun, withdraws what waits, says QUIT, takes nothing more", async () => {
    const { sink, pool, sent } = await underWay({ recipient: (to) => (to[0] === "a" ? "slow" : "accept"), slowMs: 50 });
    await pool.close({ graceMs: 5_000 });
    // The second's envelope was written behind the first's dot: it is begun.
    expect(await Promise.all(sent)).toMatchObject([
      { kind: "accepted" },
      { kind: "accepted" },
      { kind: "withdrawn", by: "close" },
    ]);
    expect(sink.commands.at(-1)).toBe("QUIT");
    await vi.waitFor(() => expect(sink.open()).toBe(0));
    expect(await pool.send(message("d@example.org"))).toEqual({ kind: "withdrawn", by: "close" });
  });

  it("does not wait longer than its grace: what has no answer by then is unknown", async () => {
    const { pool, sent } = await underWay({ answer: (step) => (step === "body" ? { silence: true } : undefined) });
    await pool.close({ graceMs: 30 });
    expect(await Promise.all(sent)).toMatchObject([
      { kind: "unknown" },
      { kind: "refused", stage: "mail", reply: null },
      { kind: "withdrawn", by: "close" },
    ]);
  });

  it("does not wait for a check that never ends", async () => {
    const { pool } = await start({});
    const asked = Promise.withResolvers<void>();
    const sent = pool.send(message("a@example.org"), {
      beforeMail: () => {
        asked.resolve();
        return new Promise<boolean>(() => {});
      },
    });
    await asked.promise;
    await pool.close({ graceMs: 10 });
    expect(await sent).toMatchObject({ kind: "refused", stage: "mail", reply: null });
  });

  it("ends at once when nothing was ever sent, and while a connection is being opened", async () => {
    const { pool } = await start({ answer: () => ({ silence: true }) });
    const sent = pool.send(message("a@example.org"));
    await pool.close({ graceMs: 5_000 });
    expect(await sent).toEqual({ kind: "withdrawn", by: "close" });
    await pool.close({ graceMs: 5_000 });
  });
});
