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

const steps: { step: Step; stage: string; good: string }[] = [
  { step: "greeting", stage: "greeting", good: "220 hello" },
  { step: "EHLO", stage: "ehlo", good: "250-sink.test\r\n250 8BITMIME" },
  { step: "MAIL", stage: "mail", good: "250 2.1.0 Ok" },
  { step: "RCPT", stage: "rcpt", good: "250 2.1.5 Ok" },
  { step: "DATA", stage: "data", good: "354 go on" },
  { step: "body", stage: "body", good: "250 2.0.0 Ok" },
];

const replies = ["451 4.3.0 Not now", "554 5.7.1 Never", "421 4.3.2 Closing"];

const losses: [string, Answer][] = [
  ["closes", { close: "fin" }],
  ["resets", { close: "rst" }],
  ["says nothing", { silence: true }],
  ["talks nonsense", "what is this"],
  ["gives a reply that fits nothing", "199 hm"],
];

describe.each([true, false])("with pipelining %s", (pipelining) => {
  /** One message meets the answer, a second one a server that is well again: the first outcome, and who got a mail. */
  async function meet(step: Step, answer: Answer): Promise<{ outcome: Outcome; delivered: string[] }> {
    const { sink, pool } = await start({
      pipelining,
      answer: (at, _, nth) => (at === step && nth === 1 ? answer : undefined),
    });
    const outcome = await pool.send(message("first@example.org"));
    expect(await pool.send(message("second@example.org"))).toMatchObject({ kind: "accepted" });
    return { outcome, delivered: sink.messages.filter(({ answered }) => answered).map(({ to }) => to) };
  }
  const second = ["second@example.org"];
  const both = ["first@example.org", "second@example.org"];

  for (const { step, stage, good } of steps) {
    for (const reply of replies) {
      if (step === "EHLO" && reply.startsWith("5")) continue; // falls back to HELO, tested below
      it(`"${reply}" at ${step} is certain, with the stage and the reply`, async () => {
        const [code, enhanced] = reply.split(" ");
        const outcome = { kind: "refused", stage, reply: { code: Number(code), enhanced, text: reply.slice(4) } };
        expect(await meet(step, reply)).toMatchObject({ outcome, delivered: second });
      });
    }

    for (const [what, answer] of losses) {
      if (step === "greeting" && what.startsWith("closes")) continue; // tried again, tested below
      if (step === "greeting" && what.startsWith("resets")) continue;
      const known = step !== "body";
      it(`a server that ${what} at ${step} leaves the message ${known ? "certainly not accepted" : "unknown"}`, async () => {
        const outcome = known ? { kind: "refused", stage, reply: null } : { kind: "unknown" };
        expect(await meet(step, answer)).toMatchObject({ outcome, delivered: second });
      });
    }

    it(`a reply to ${step} that comes byte by byte is a reply`, async () => {
      expect(await meet(step, { byteByByte: good })).toMatchObject({ outcome: { kind: "accepted" }, delivered: both });
    });
  }

  it("a connection closed right after the 250 loses nothing", async () => {
    for (const close of ["fin", "rst"] as const) {
      const met = await meet("body", { close, reply: "250 2.0.0 Ok" });
      expect(met).toMatchObject({ outcome: { kind: "accepted" }, delivered: both });
    }
  });

  it("an answer with a 2xx where DATA wants 354 sends no body", async () => {
    const outcome = { kind: "refused", stage: "data", reply: null };
    expect(await meet("DATA", "250 fine")).toMatchObject({ outcome, delivered: second });
  });

  it.each(["fin", "rst"] as const)(
    "a relay that closes before its greeting (%s) is tried three times, then told apart",
    async (close) => {
      const { sink, pool } = await start({ pipelining, answer: (at) => (at === "greeting" ? { close } : undefined) });
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
    const { sink, pool } = await start({ pipelining, answer: (at) => (at === "EHLO" ? "502 5.5.1 What?" : undefined) });
    expect(await pool.send({ ...message("a@example.org"), envelopeId: "x" })).toMatchObject({ kind: "accepted" });
    expect(sink.commands.slice(0, 3)).toEqual(["EHLO client.test", "HELO client.test", "MAIL FROM:<ana@example.com>"]);
  });

  it("a refused recipient does not spoil the next message: the sender is reset", async () => {
    const { sink, pool } = await start({ pipelining, recipient: (to) => (to.startsWith("no") ? "refuse" : "accept") });
    const outcomes = await Promise.all(
      ["no@a.b", "yes@a.b", "no2@a.b", "yes2@a.b"].map((to) => pool.send(message(to))),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["refused", "accepted", "refused", "accepted"]);
    expect(sink.commands.filter((line) => line === "RSET")).toHaveLength(2);
    expect(sink.connections()).toBe(1);
  });

  it("a relay that closes after some messages (421) gets the next one on a new connection", async () => {
    const { sink, pool } = await start({
      pipelining,
      answer: (at, _, nth) => (at === "MAIL" && nth === 3 ? "421 4.7.0 Enough" : undefined),
    });
    const outcomes = await Promise.all(
      ["a@a.b", "b@a.b", "c@a.b", "d@a.b", "e@a.b"].map((to) => pool.send(message(to))),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array(5).fill("accepted"));
    expect(sink.messages.map(({ to }) => to[0])).toEqual(["a", "b", "c", "d", "e"]);
    expect(sink.connections()).toBe(2);
  });

  it("a relay that closes whenever a message is begun is not tried for ever", async () => {
    const { sink, pool } = await start({
      pipelining,
      answer: (at, _, nth) => (at === "MAIL" && nth > 1 ? { close: "fin" } : undefined),
    });
    const outcomes = await Promise.all(["a@a.b", "b@a.b"].map((to) => pool.send(message(to))));
    expect(outcomes).toMatchObject([{ kind: "accepted" }, { kind: "refused", stage: "mail", reply: null }]);
    expect(sink.connections()).toBe(2);
  });

  it("a drop after the final dot takes that message alone; those behind it are sent, once", async () => {
    const { sink, pool } = await start({
      pipelining,
      recipient: (to) => (to.startsWith("b") ? "drop-body" : "accept"),
    });
    const outcomes = await Promise.all(["a@a.b", "b@a.b", "c@a.b", "d@a.b"].map((to) => pool.send(message(to))));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "unknown", "accepted", "accepted"]);
    expect(sink.messages.map(({ to }) => to[0])).toEqual(["a", "b", "c", "d"]);
  });

  it("a large message that is cut before its end was certainly not accepted", async () => {
    const { pool, sink } = await start({
      pipelining,
      recipient: () => "accept",
      answer: (at) => (at === "DATA" ? { close: "fin", reply: "354 go" } : undefined),
    });
    const data = `Subject: x\r\n\r\n${"x".repeat(998)}\r\n`.repeat(20_000);
    expect(await pool.send(message("a@example.org", data))).toMatchObject({
      kind: "refused",
      stage: "body",
      reply: null,
    });
    expect(sink.messages).toEqual([]);
  });

  it("a large message that the network does not take is given up after the block's time", async () => {
    const { pool } = await start({ pipelining, stall: true });
    const data = `Subject: x\r\n\r\n${"x".repeat(998)}\r\n`.repeat(20_000);
    expect(await pool.send(message("a@example.org", data))).toMatchObject({
      kind: "refused",
      stage: "body",
      reply: null,
      text: expect.stringContaining("no answer"),
    });
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
  ];
  const at = fc.constantFrom<Step>("greeting", "EHLO", "MAIL", "RCPT", "DATA", "body");
  const faults = fc.array(fc.record({ at, nth: fc.integer({ min: 1, max: 12 }), answer: fc.constantFrom(...trouble) }));
  await fc.assert(
    fc.asyncProperty(faults, fc.boolean(), fc.integer({ min: 1, max: 3 }), async (planned, pipelining, connections) => {
      const sink = await startSink({
        pipelining,
        answer: (step, _, nth) => planned.find((fault) => fault.at === step && fault.nth === nth)?.answer,
      });
      const pool = createSmtpPool({
        host: "127.0.0.1",
        port: sink.port,
        security: "none",
        auth: null,
        name: "client.test",
        connections,
        timeouts: { quitMs: 50 },
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
    }),
    { numRuns: 150 },
  );
});
