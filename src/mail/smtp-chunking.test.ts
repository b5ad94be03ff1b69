/** Bodies by BDAT (RFC 3030): where it is used, what it writes, and that octets are counted, whatever they look like. */
import { describe, expect, it, onTestFinished } from "vitest";
import { startSink, type Sink, type SinkOptions } from "../../test/smtp-sink.ts";
import { createSmtpPool, type Outgoing, type SmtpPool, type SmtpSettings } from "./smtp.ts";

const message = (to: string, body = "Hi"): Outgoing => ({
  from: "ana@example.com",
  to,
  data: Buffer.from(`Subject: x\r\n\r\n${body}\r\n`),
});

async function start(options: SinkOptions, changes: Partial<SmtpSettings>): Promise<{ sink: Sink; pool: SmtpPool }> {
  const sink = await startSink({ capabilities: ["CHUNKING"], ...options });
  const pool = createSmtpPool({
    host: "127.0.0.1",
    port: sink.port,
    security: "none",
    auth: null,
    name: "client.test",
    connections: 1,
    ...changes,
  });
  onTestFinished(async () => {
    await pool.close({ graceMs: 0 });
    await sink.close();
  });
  return { sink, pool };
}

describe("BDAT is used", () => {
  const verbs = ({ commands }: Sink) => commands.map((line) => line.split(" ")[0]).join(" ");
  const rows: [string, SinkOptions, Partial<SmtpSettings>, string][] = [
    ["by itself where there is no PIPELINING", { pipelining: false }, {}, "EHLO MAIL RCPT BDAT"],
    ["not by itself where there is", {}, {}, "EHLO MAIL RCPT DATA"],
    ["there too when it is asked for", {}, { chunking: "always" }, "EHLO MAIL RCPT BDAT"],
    ["nowhere when it is not wanted", { pipelining: false }, { chunking: "never" }, "EHLO MAIL RCPT DATA"],
    ["never where it is not offered", { capabilities: [] }, { chunking: "always" }, "EHLO MAIL RCPT DATA"],
  ];
  it.each(rows)("%s", async (_, options, changes, wanted) => {
    const { sink, pool } = await start(options, changes);
    expect(await pool.send(message("bo@example.org"))).toMatchObject({ kind: "accepted" });
    expect(verbs(sink)).toBe(wanted);
  });
});

const ways: [string, SinkOptions, Partial<SmtpSettings>][] = [
  ["in lockstep", { pipelining: false }, {}],
  ["pipelined", {}, { chunking: "always" }],
  ["with a window", {}, { chunking: "always", chunkingWindow: 20 }],
];

describe.each(ways)("%s", (_, options, changes) => {
  it("200 messages over 3 connections arrive exactly once, byte for byte, whatever they look like", async () => {
    const { sink, pool } = await start(options, { ...changes, connections: 3 });
    const body = (index: number) =>
      [`${index}\r\n.\r\nMAIL FROM:<evil@example.com>`, "..\r\n.", "BDAT 3 LAST\r\nabc", "x".repeat(998)][index % 4]!;
    const sent = Array.from({ length: 200 }, (_, index) => message(`r${index}@example.org`, body(index)));
    const outcomes = await Promise.all(sent.map((each) => pool.send(each)));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["accepted"]));
    expect(sink.messages).toHaveLength(200);
    for (const { to, data } of sent)
      expect(sink.messages.find((each) => each.to === to)?.data.equals(Buffer.from(data))).toBe(true);
  });

  it("a message of many megabytes arrives whole, and small ones after it", async () => {
    const { sink, pool } = await start(options, changes);
    const large = message("a@example.org", `${"y".repeat(70)}\r\n`.repeat(100_000));
    const outcomes = await Promise.all(
      [large, message("b@example.org"), message("c@example.org")].map((each) => pool.send(each)),
    );
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "accepted", "accepted"]);
    expect(sink.messages[0]?.data.equals(Buffer.from(large.data))).toBe(true);
    expect(sink.connections()).toBe(1);
  });

  it("S10 what could be read as two messages further on does not leave, though octets are counted here", async () => {
    const { sink, pool } = await start(options, changes);
    const hidden = { ...message("bo@example.org"), data: Buffer.from("a\r\n\n.\nMAIL FROM:<evil@example.com>\r\n") };
    expect(await pool.send(hidden)).toMatchObject({ kind: "refused", reply: { enhanced: "5.6.0" } });
    expect(sink.commands).toEqual([]);
  });
});

describe.each(ways.filter(([name]) => name !== "with a window"))("%s", (_, options, changes) => {
  it("R3 no body is begun before the outcome of the one before is recorded", async () => {
    const { sink, pool } = await start(options, changes);
    const recorded: number[] = [];
    const send = (index: number) =>
      pool.send(message(`r${index}@example.org`), {
        record: async () => {
          await new Promise((resolve) => setTimeout(resolve, 30));
          expect(sink.commands.filter((line) => line.startsWith("BDAT"))).toHaveLength(index + 1);
          recorded.push(index);
        },
      });
    await Promise.all([0, 1, 2, 3].map(send));
    expect(recorded).toEqual([0, 1, 2, 3]);
  });
});

it("a window is a number of messages that makes sense", () => {
  for (const chunkingWindow of [0, 101, 1.5])
    expect(() =>
      createSmtpPool({
        host: "127.0.0.1",
        port: 25,
        security: "none",
        auth: null,
        name: "client.test",
        connections: 1,
        chunkingWindow,
      }),
    ).toThrow(/1 and 100/);
});
