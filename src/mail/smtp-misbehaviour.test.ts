/** The client against a server that misbehaves at every step: what is certain is called certain, and nothing else is. */
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { startSink, type Answer, type Sink, type SinkOptions, type Step } from "../../test/smtp-sink.ts";
import { createSmtpPool, type Outcome, type Outgoing, type SmtpPool, type SmtpSettings } from "./smtp.ts";

const shortMs = 150;
const timeouts = { greetingMs: shortMs, sessionMs: shortMs, mailMs: shortMs, rcptMs: shortMs, dataMs: shortMs };

function message(to: string, data = "Subject: x\r\n\r\nHi\r\n"): Outgoing {
  return { from: "ana@example.com", to, data: Buffer.from(data) };
}

async function start(
  options: SinkOptions,
  changes: Partial<SmtpSettings> = {},
): Promise<{ sink: Sink; pool: SmtpPool }> {
  const sink = await startSink(options);
  const pool = createSmtpPool({
    host: "127.0.0.1",
    port: sink.port,
    security: "none",
    auth: null,
    name: "client.test",
    connections: 1,
    timeouts: { ...timeouts, finalDotMs: shortMs, blockMs: shortMs },
    ...changes,
  });
  onTestFinished(async () => {
    await pool.close({ graceMs: 0 });
    await sink.close();
  });
  return { sink, pool };
}

/** Every way a body can go. */
type Mode = { name: string; sink: SinkOptions; client: Partial<SmtpSettings>; end: "body" | "BDAT" };
const offered = ["8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8", "CHUNKING"];
const modes: Mode[] = [
  { name: "DATA with pipelining", sink: {}, client: {}, end: "body" },
  { name: "DATA in lockstep", sink: { pipelining: false }, client: {}, end: "body" },
  { name: "BDAT in lockstep", sink: { pipelining: false, capabilities: offered }, client: {}, end: "BDAT" },
  { name: "BDAT with pipelining", sink: { capabilities: offered }, client: { chunking: "always" }, end: "BDAT" },
  {
    name: "BDAT with a window",
    sink: { capabilities: offered },
    client: { chunking: "always", chunkingWindow: 5 },
    end: "BDAT",
  },
];

const steps: { step: Step; stage: string; good: string }[] = [
  { step: "greeting", stage: "greeting", good: "220 hello" },
  { step: "EHLO", stage: "ehlo", good: "250-sink.test\r\n250-8BITMIME\r\n250 CHUNKING" },
  { step: "MAIL", stage: "mail", good: "250 2.1.0 Ok" },
  { step: "RCPT", stage: "rcpt", good: "250 2.1.5 Ok" },
  { step: "DATA", stage: "data", good: "354 go on" },
  { step: "body", stage: "body", good: "250 2.0.0 Ok" },
  { step: "BDAT", stage: "body", good: "250 2.0.0 Ok" },
];

const replies = [
  "451 4.3.0 Not now",
  "554 5.7.1 Never",
  "421 4.3.2 Closing",
  "550-5.7.26 This mail is not authenticated\r\n550-5.7.26 in any way\r\n550 5.7.26 at all",
];

const losses: [string, Answer][] = [
  ["closes", { close: "fin" }],
  ["resets", { close: "rst" }],
  ["says nothing", { silence: true }],
  ["says half a line", { half: "250 2.0" }],
  ["begins an answer that never ends", { drip: "250-2.0.0 wait" }],
  ["talks nonsense", "what is this"],
  ["gives a reply that fits nothing", "199 hm"],
];

describe.each(modes)("$name", ({ name, sink: sinkOptions, client, end }) => {
  const window = name === "BDAT with a window";
  /** One message meets the answer, a second one a server that is well again: the first outcome, and who got a mail. */
  async function meet(step: Step, answer: Answer): Promise<{ outcome: Outcome; delivered: string[] }> {
    const { sink, pool } = await start(
      { ...sinkOptions, answer: (at, _, nth) => (at === step && nth === 1 ? answer : undefined) },
      client,
    );
    const outcome = await pool.send(message("first@example.org"));
    expect(await pool.send(message("second@example.org"))).toMatchObject({ kind: "accepted" });
    return { outcome, delivered: sink.messages.filter(({ answered }) => answered).map(({ to }) => to) };
  }
  const second = ["second@example.org"];
  const both = ["first@example.org", "second@example.org"];

  const ours = steps.filter(
    ({ step }) => step !== (end === "BDAT" ? "body" : "BDAT") && (end === "body" || step !== "DATA"),
  );
  for (const { step, stage, good } of ours) {
    for (const reply of replies) {
      if (step === "EHLO" && reply.startsWith("5")) continue; // falls back to HELO, tested below
      it(`"${reply}" at ${step} is certain, with the stage and the reply`, async () => {
        const [code, enhanced] = reply.split(/[ -]/);
        const text = reply.replaceAll(/(^|\r\n)\d{3}[ -]/g, "$1").replaceAll("\r\n", "\n");
        const outcome = { kind: "refused", stage, reply: { code: Number(code), enhanced, text } };
        expect(await meet(step, reply)).toMatchObject({ outcome, delivered: second });
      });
    }

    it(`a reply to ${step} that comes byte by byte is a reply`, async () => {
      expect(await meet(step, { byteByByte: good })).toMatchObject({ outcome: { kind: "accepted" }, delivered: both });
    });
  }

  it.each(losses)(
    "a server that %s leaves the message unknown after its end and certainly not accepted before",
    async (what, answer) => {
      // A connection that closes before its greeting is tried again: tested below.
      const met = ours.filter(({ step }) => step !== "greeting" || !/^(?:closes|resets)/.test(what));
      const found = await Promise.all(met.map(async ({ step }) => [step, await meet(step, answer)]));
      expect(Object.fromEntries(found)).toMatchObject(
        Object.fromEntries(
          met.map(({ step, stage }) => {
            const outcome = step === end ? { kind: "unknown" } : { kind: "refused", stage, reply: null };
            return [step, { outcome, delivered: second }];
          }),
        ),
      );
    },
  );

  it("a connection closed right after the 250 loses nothing", async () => {
    for (const close of ["fin", "rst"] as const) {
      const met = await meet(end, { close, reply: "250 2.0.0 Ok" });
      expect(met).toMatchObject({ outcome: { kind: "accepted" }, delivered: both });
    }
  });

  it.each(["fin", "rst"] as const)(
    "a relay that closes before its greeting (%s) is tried three times, then told apart",
    async (close) => {
      const { sink, pool } = await start({
        ...sinkOptions,
        answer: (at) => (at === "greeting" ? { close } : undefined),
      });
      expect(await pool.send(message("a@example.org"))).toMatchObject({
        kind: "refused",
        stage: "greeting",
        reply: null,
      });
      expect(sink.connections()).toBe(3);
    },
  );

  it("a relay that closes before one greeting is simply tried again", async () => {
    expect(await meet("greeting", { close: "fin" })).toMatchObject({ outcome: { kind: "accepted" }, delivered: both });
  });

  it("EHLO refused for good falls back to HELO, without extensions", async () => {
    const { sink, pool } = await start({
      ...sinkOptions,
      answer: (at) => (at === "EHLO" ? "502 5.5.1 What?" : undefined),
    });
    expect(await pool.send({ ...message("a@example.org"), envelopeId: "x" })).toMatchObject({ kind: "accepted" });
    expect(sink.commands.slice(0, 3)).toEqual(["EHLO client.test", "HELO client.test", "MAIL FROM:<ana@example.com>"]);
  });

  it("a refused recipient does not spoil the next message: the sender is reset", async () => {
    const { sink, pool } = await start(
      { ...sinkOptions, recipient: (to) => (to.startsWith("no") ? "refuse" : "accept") },
      client,
    );
    const outcomes = await Promise.all(
      ["no@a.b", "yes@a.b", "no2@a.b", "yes2@a.b"].map((to) => pool.send(message(to))),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["refused", "accepted", "refused", "accepted"]);
    if (end === "body") expect(sink.commands.filter((line) => line === "RSET")).toHaveLength(2);
    expect(sink.messages.map(({ to }) => to)).toEqual(["yes@a.b", "yes2@a.b"]);
    expect(sink.connections()).toBe(1);
  });

  it("a relay that closes after some messages (421) gets the next one on a new connection", async () => {
    const { sink, pool } = await start(
      { ...sinkOptions, answer: (at, _, nth) => (at === "MAIL" && nth === 3 ? "421 4.7.0 Enough" : undefined) },
      client,
    );
    const outcomes = await Promise.all(
      ["a@a.b", "b@a.b", "c@a.b", "d@a.b", "e@a.b"].map((to) => pool.send(message(to))),
    );
    if (window) {
      // What was already behind it is in doubt; what was refused with an answer is not.
      expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "refused", "unknown", "unknown"]);
      return;
    }
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(5).fill("accepted"));
    expect(sink.messages.map(({ to }) => to[0])).toEqual(["a", "b", "c", "d", "e"]);
    expect(sink.connections()).toBe(2);
  });

  it("a relay that closes whenever a message is begun is not tried for ever", async () => {
    const { sink, pool } = await start(
      { ...sinkOptions, answer: (at, _, nth) => (at === "MAIL" && nth > 1 ? { close: "fin" } : undefined) },
      client,
    );
    const outcomes = await Promise.all(["a@a.b", "b@a.b"].map((to) => pool.send(message(to))));
    if (window) return expect(outcomes).toMatchObject([{ kind: "accepted" }, { kind: "unknown" }]);
    expect(outcomes).toMatchObject([{ kind: "accepted" }, { kind: "refused", stage: "mail", reply: null }]);
    expect(sink.connections()).toBe(2);
  });

  it("a drop after the final dot takes that message alone; those behind it are sent, once", async () => {
    const { sink, pool } = await start(
      { ...sinkOptions, recipient: (to) => (to.startsWith("b") ? "drop-body" : "accept") },
      client,
    );
    const outcomes = await Promise.all(["a@a.b", "b@a.b", "c@a.b", "d@a.b"].map((to) => pool.send(message(to))));
    if (window) {
      expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "unknown", "unknown", "unknown"]);
      expect(sink.messages.map(({ to }) => to[0])).toEqual(["a", "b"]);
      return;
    }
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "unknown", "accepted", "accepted"]);
    expect(sink.messages.map(({ to }) => to[0])).toEqual(["a", "b", "c", "d"]);
  });

  it("a large message that is cut before its end was certainly not accepted", async () => {
    const { pool, sink } = await start(
      {
        ...sinkOptions,
        cutChunksAfter: 200_000,
        answer: (at) => (at === "DATA" ? { close: "fin", reply: "354 go" } : undefined),
      },
      client,
    );
    const data = `Subject: x\r\n\r\n${"x".repeat(998)}\r\n`.repeat(20_000);
    expect(await pool.send(message("a@example.org", data))).toMatchObject({
      kind: "refused",
      stage: "body",
      reply: null,
    });
    expect(sink.messages).toEqual([]);
  });

  it("a large message that the network does not take is given up after the block's time", async () => {
    const { pool } = await start({ ...sinkOptions, stall: true }, client);
    const data = `Subject: x\r\n\r\n${"x".repeat(998)}\r\n`.repeat(20_000);
    expect(await pool.send(message("a@example.org", data))).toMatchObject({
      kind: "refused",
      stage: "body",
      reply: null,
      text: expect.stringContaining("no answer"),
    });
  });
});

describe.each(modes.filter(({ end }) => end === "body"))("$name", ({ sink: options, client }) => {
  it("an answer with a 2xx where DATA wants 354 sends no body", async () => {
    const { sink, pool } = await start(
      { ...options, answer: (at, _, nth) => (at === "DATA" && nth === 1 ? "250 fine" : undefined) },
      client,
    );
    expect(await pool.send(message("a@a.b"))).toMatchObject({ kind: "refused", stage: "data", reply: null });
    expect(await pool.send(message("b@a.b"))).toMatchObject({ kind: "accepted" });
    expect(sink.messages.map(({ to }) => to)).toEqual(["b@a.b"]);
  });
});

describe("within a window the bodies behind are on their way before their MAIL is answered", () => {
  const { sink: sinkOptions, client } = modes.at(-1)!;
  /** Three messages at once; the second or third meets the answer. */
  async function meetThird(step: Step, answer: Answer): Promise<{ kinds: string[]; third: Outcome; sink: Sink }> {
    const { sink, pool } = await start(
      { ...sinkOptions, answer: (at, _, nth) => (at === step && nth === 3 ? answer : undefined) },
      client,
    );
    const outcomes = await Promise.all(["a@a.b", "b@a.b", "c@a.b"].map((to) => pool.send(message(to))));
    return { kinds: outcomes.map(({ kind }) => kind), third: outcomes[2]!, sink };
  }

  it.each(["MAIL", "RCPT", "BDAT"] as const)("an answer at %s makes it certain", async (step) => {
    const stage = { MAIL: "mail", RCPT: "rcpt", BDAT: "body" }[step];
    for (const reply of ["451 4.3.0 Not now", "554 5.7.1 Never", "421 4.3.2 Closing"]) {
      const { kinds, third, sink } = await meetThird(step, reply);
      expect(kinds).toEqual(["accepted", "accepted", "refused"]);
      expect(third).toMatchObject({ stage, reply: { code: Number(reply.slice(0, 3)) } });
      expect(sink.messages.map(({ to }) => to[0])).toEqual(["a", "b"]);
    }
  });

  it.each(["MAIL", "RCPT", "BDAT"] as const)("without one at %s the message is in doubt", async (step) => {
    for (const [, answer] of losses.filter(([what]) => what !== "gives a reply that fits nothing")) {
      const { kinds } = await meetThird(step, answer);
      expect(kinds).toEqual(["accepted", "accepted", "unknown"]);
    }
  });

  it("a body that is taken though its recipient was not is in doubt, and the connection ends", async () => {
    const { sink, pool } = await start(
      {
        ...sinkOptions,
        answer: (at, _, nth) =>
          at === "RCPT" && nth === 2 ? "550 5.1.1 No" : at === "BDAT" && nth === 2 ? "250 2.0.0 Taken" : undefined,
      },
      client,
    );
    const outcomes = await Promise.all(["a@a.b", "b@a.b"].map((to) => pool.send(message(to))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "unknown"]);
    expect(await pool.send(message("c@a.b"))).toMatchObject({ kind: "accepted" });
    expect(sink.connections()).toBe(2);
  });

  it("no more than the window's messages are ever without an answer", async () => {
    const { sink, pool } = await start({ ...sinkOptions, replyDelayMs: 20 }, client);
    let open = 0;
    let most = 0;
    const send = (number: number) =>
      pool.send(message(`r${number}@example.org`), {
        beforeMail: () => (most = Math.max(most, ++open)) > 0,
        record: async () => void open--,
      });
    await Promise.all(Array.from({ length: 40 }, (_, number) => send(number)));
    expect(sink.messages).toHaveLength(40);
    expect(most).toBe(5);
    expect(sink.connections()).toBe(1);
  });
});

it("S15 a server that takes DATA though it refused the recipient gets a lone dot and no message", async () => {
  const { sink, pool } = await start({
    recipient: (to) => (to.startsWith("no") ? "refuse" : "accept"),
    answer: (at, _, nth) =>
      at === "DATA" && nth === 1 ? "354 go" : at === "body" && nth === 1 ? "554 5.5.1 No recipients" : undefined,
  });
  const outcomes = await Promise.all(["no@a.b", "yes@a.b"].map((to) => pool.send(message(to))));
  expect(outcomes).toMatchObject([
    { kind: "refused", stage: "rcpt", reply: { enhanced: "5.1.1" } },
    { kind: "accepted" },
  ]);
  expect(sink.messages.map(({ to }) => to)).toEqual(["yes@a.b"]);
  expect(sink.commands).not.toContain("RSET");
});

it("no connection at all refuses everything that waits, at once, and says what to do", async () => {
  const { sink, pool } = await start({}, { connections: 3 });
  await sink.close();
  const outcomes = await Promise.all(["a@a.b", "b@a.b", "c@a.b", "d@a.b", "e@a.b"].map((to) => pool.send(message(to))));
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({
      kind: "refused",
      stage: "connect",
      reply: null,
      text: expect.stringMatching(/Nothing listens/),
    });
  }
});

it("a relay that allows fewer connections than we would like is used with those it allows", async () => {
  const { sink, pool } = await start(
    { answer: (at, _, nth) => (at === "greeting" && nth > 1 ? "421 4.7.0 Too many connections" : undefined) },
    { connections: 4 },
  );
  const outcomes = await Promise.all(Array.from({ length: 40 }, (_, at) => pool.send(message(`r${at}@example.org`))));
  expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["accepted"]));
  expect(sink.messages).toHaveLength(40);
});

it("R1 R2 whatever goes wrong, and how often: accepted arrived once, refused never, unknown at most once", async () => {
  const trouble: Answer[] = [
    "451 4.3.0 Not now",
    "554 5.7.1 Never",
    "421 4.3.2 Closing",
    "what is this",
    { close: "fin" },
    { close: "rst" },
    { close: "fin", reply: "250 2.0.0 Ok" },
    { byteByByte: "250 2.0.0 Ok" },
    { half: "250 2.0" },
  ];
  const at = fc.constantFrom<Step>("greeting", "EHLO", "MAIL", "RCPT", "DATA", "body", "BDAT", "RSET");
  const faults = fc.array(fc.record({ at, nth: fc.integer({ min: 1, max: 12 }), answer: fc.constantFrom(...trouble) }));
  await fc.assert(
    fc.asyncProperty(
      faults,
      fc.constantFrom(...modes),
      fc.integer({ min: 1, max: 3 }),
      async (planned, mode, connections) => {
        const sink = await startSink({
          ...mode.sink,
          answer: (step, _, nth) => planned.find((fault) => fault.at === step && fault.nth === nth)?.answer,
        });
        const pool = createSmtpPool({
          host: "127.0.0.1",
          port: sink.port,
          security: "none",
          auth: null,
          name: "client.test",
          connections,
          ...mode.client,
          timeouts: { ...timeouts, finalDotMs: shortMs, quitMs: 50 },
        });
        const recipients = Array.from({ length: 20 }, (_, number) => `r${number}@example.org`);
        const outcomes = await Promise.all(recipients.map((to) => pool.send(message(to))));
        await pool.close({ graceMs: 1_000 });
        await sink.close();
        for (const [number, { kind }] of outcomes.entries()) {
          const arrived = sink.messages.filter(({ to }) => to === recipients[number]);
          if (kind === "accepted") expect(arrived).toMatchObject([{ answered: true }]);
          else if (kind === "refused") expect(arrived).toEqual([]);
          else expect([kind, arrived.length <= 1]).toEqual(["unknown", true]);
        }
      },
    ),
    { numRuns: 200 },
  );
});
