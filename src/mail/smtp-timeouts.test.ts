/** RFC 5321 4.5.3.2, to the second: how long each answer may take, by a clock moved by hand and a server that says nothing. */
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { startSink, type SinkOptions, type Step } from "../../test/smtp-sink.ts";
import { createSmtpPool, type Outcome, type Outgoing, type SmtpSettings } from "./smtp.ts";

// Sockets are real; time passes only when we say so.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const message: Outgoing = {
  from: "ana@example.com",
  to: "bo@example.org",
  data: Buffer.from("Subject: x\r\n\r\nHi\r\n"),
};

/** Until the network has nothing more to say. */
async function quiet(): Promise<void> {
  for (let turns = 0; turns < 300; turns++) await turn();
}

const MINUTES = 60_000;
const cases: {
  what: string;
  step: Step;
  ms: number;
  sink?: SinkOptions;
  client?: Partial<SmtpSettings>;
  kind?: string;
}[] = [
  { what: "the greeting", step: "greeting", ms: 5 * MINUTES },
  { what: "EHLO", step: "EHLO", ms: 5 * MINUTES },
  {
    what: "STARTTLS",
    step: "STARTTLS",
    ms: 5 * MINUTES,
    sink: { capabilities: ["STARTTLS"] },
    client: { security: "starttls" },
  },
  {
    what: "AUTH",
    step: "AUTH",
    ms: 5 * MINUTES,
    sink: { capabilities: ["AUTH PLAIN"] },
    client: { auth: { user: "ana", password: "x" } },
  },
  { what: "MAIL", step: "MAIL", ms: 5 * MINUTES },
  { what: "RCPT", step: "RCPT", ms: 5 * MINUTES },
  { what: "DATA", step: "DATA", ms: 2 * MINUTES },
  { what: "the final dot", step: "body", ms: 10 * MINUTES, kind: "unknown" },
  {
    what: "the last chunk",
    step: "BDAT",
    ms: 10 * MINUTES,
    sink: { capabilities: ["CHUNKING"] },
    client: { chunking: "always" },
    kind: "unknown",
  },
];

describe.each([true, false])("with pipelining %s", (pipelining) => {
  it.each(cases)(
    "$what is waited for as long as the RFC says, and no longer",
    async ({ step, ms, sink: more, client, kind }) => {
      const sink = await startSink({
        pipelining,
        ...more,
        answer: (at) => (at === step ? { silence: true } : undefined),
      });
      const pool = createSmtpPool({
        host: "127.0.0.1",
        port: sink.port,
        security: "none",
        auth: null,
        name: "client.test",
        connections: 1,
        ...client,
      });
      onTestFinished(async () => {
        vi.useRealTimers();
        await pool.close({ graceMs: 0 });
        await sink.close();
      });
      let outcome: Outcome | null = null;
      void pool.send(message).then((found) => (outcome = found));
      await vi.waitFor(() => expect(sink.connections()).toBe(1));
      await quiet();
      await vi.advanceTimersByTimeAsync(ms - 1_000);
      await quiet();
      expect(outcome).toBeNull();
      await vi.advanceTimersByTimeAsync(1_001);
      await quiet();
      expect(outcome).toMatchObject({ kind: kind ?? "refused", text: expect.stringContaining(`${ms / 1_000} s`) });
    },
  );

  it("a block of a large message is waited for three minutes, each block anew", async () => {
    const sink = await startSink({ pipelining, stall: true });
    const pool = createSmtpPool({
      host: "127.0.0.1",
      port: sink.port,
      security: "none",
      auth: null,
      name: "client.test",
      connections: 1,
    });
    onTestFinished(async () => {
      vi.useRealTimers();
      await pool.close({ graceMs: 0 });
      await sink.close();
    });
    let outcome: Outcome | null = null;
    const data = Buffer.from(`${"x".repeat(70)}\r\n`.repeat(400_000));
    void pool.send({ ...message, data }).then((found) => (outcome = found));
    await vi.waitFor(() => expect(sink.commands).toContain("DATA"));
    await quiet();
    await vi.advanceTimersByTimeAsync(3 * MINUTES - 1_000);
    await quiet();
    expect(outcome).toBeNull();
    await vi.advanceTimersByTimeAsync(1_001);
    await quiet();
    expect(outcome).toMatchObject({ kind: "refused", stage: "body", text: expect.stringContaining("180 s") });
  });
});
