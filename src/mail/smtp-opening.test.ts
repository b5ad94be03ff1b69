/** Opening and closing against a server that misbehaves: EHLO, HELO, STARTTLS, every turn of AUTH, RSET, QUIT. No mail may leave in between. */
import { describe, expect, it, onTestFinished } from "vitest";
import { startSink, type Answer, type Sink, type SinkOptions, type Step } from "../../test/smtp-sink.ts";
import { TokenFailure } from "./access-tokens.ts";
import { createSmtpPool, type Outgoing, type SmtpPool, type SmtpSettings } from "./smtp.ts";

const shortMs = 150;
const message: Outgoing = {
  from: "ana@example.com",
  to: "bo@example.org",
  data: Buffer.from("Subject: x\r\n\r\nHi\r\n"),
};
const password = { user: "ana@example.com", password: "secret" };
const token = { user: "ana@example.com", accessToken: "token" };

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
    timeouts: { greetingMs: shortMs, sessionMs: shortMs, connectMs: shortMs, quitMs: shortMs },
    ...changes,
  });
  onTestFinished(async () => {
    await pool.close({ graceMs: 0 });
    await sink.close();
  });
  return { sink, pool };
}

const misbehaviour: [string, Answer, { code: number } | null][] = [
  ["answers 4xx", "454 4.7.0 Not now", { code: 454 }],
  ["answers 5xx", "535 5.7.8 Never", { code: 535 }],
  ["answers 421", "421 4.3.2 Closing", { code: 421 }],
  ["closes", { close: "fin" }, null],
  ["resets", { close: "rst" }, null],
  ["says nothing", { silence: true }, null],
  ["begins an answer that never ends", { drip: "250-wait" }, null],
  ["talks nonsense", "what is this", null],
  ["says half a line", { half: "235 2.7" }, null],
  ["gives a reply that fits nothing", "199 hm", null],
];

const auth = (mechanism: string, settings: SmtpSettings["auth"]) => ({
  sink: { capabilities: [`AUTH ${mechanism}`] },
  client: { auth: settings },
  stage: "auth",
});
type Place = {
  name: string;
  step: Step;
  nth?: number;
  sink: SinkOptions;
  client: Partial<SmtpSettings>;
  stage: string;
};
const places: Place[] = [
  { name: "HELO", step: "HELO", sink: {}, client: {}, stage: "ehlo" },
  {
    name: "STARTTLS",
    step: "STARTTLS",
    sink: { capabilities: ["STARTTLS"] },
    client: { security: "starttls" },
    stage: "starttls",
  },
  { name: "AUTH PLAIN", step: "AUTH", ...auth("PLAIN", password) },
  { name: "AUTH LOGIN", step: "AUTH", ...auth("LOGIN", password) },
  { name: "the user of AUTH LOGIN", step: "auth-turn", nth: 1, ...auth("LOGIN", password) },
  { name: "the password of AUTH LOGIN", step: "auth-turn", nth: 2, ...auth("LOGIN", password) },
  { name: "AUTH XOAUTH2", step: "AUTH", ...auth("XOAUTH2", token) },
  { name: "AUTH OAUTHBEARER", step: "AUTH", ...auth("OAUTHBEARER", token) },
];

describe.each(places)("at $name", ({ step, nth: wanted = 1, sink: options, client, stage, name }) => {
  it.each(misbehaviour)("a server that %s lets no mail leave, and is told apart", async (_, answer, reply) => {
    const { sink, pool } = await start(
      {
        ...options,
        answer: (at, __, nth) =>
          name === "HELO" && at === "EHLO" ? "502 5.5.1 What?" : at === step && nth === wanted ? answer : undefined,
      },
      client,
    );
    const outcome = await pool.send(message);
    expect(outcome).toMatchObject({ kind: "refused", stage, reply });
    expect(JSON.stringify(outcome)).not.toMatch(/secret|token/);
    expect(sink.commands.join()).not.toContain("MAIL");
  });
});

describe("at RSET, which clears a refused recipient", () => {
  it.each(misbehaviour)("a server that %s takes the next mail, here or on another connection", async (_, answer) => {
    const { sink, pool } = await start({
      recipient: (to) => (to.startsWith("no") ? "refuse" : "accept"),
      answer: (at, __, nth) => (at === "RSET" && nth === 1 ? answer : undefined),
    });
    expect(await pool.send({ ...message, to: "no@example.org" })).toMatchObject({ kind: "refused", stage: "rcpt" });
    const first = await pool.send(message);
    const outcome = first.kind === "accepted" ? first : await pool.send(message);
    if (first.kind !== "accepted") expect(first).toMatchObject({ kind: "refused", stage: "mail", reply: null });
    expect(outcome).toMatchObject({ kind: "accepted" });
    expect(sink.messages).toHaveLength(1);
  });
});

describe("at QUIT", () => {
  it.each(misbehaviour)("a server that %s keeps nobody waiting, and what it took stays taken", async (_, answer) => {
    const { sink, pool } = await start({ answer: (at) => (at === "QUIT" ? answer : undefined) });
    expect(await pool.send(message)).toMatchObject({ kind: "accepted" });
    await pool.close({ graceMs: 2_000 });
    expect(sink.messages).toHaveLength(1);
    expect(sink.commands).toContain("QUIT");
  });
});

describe("an access token that is fetched when it is needed", () => {
  /** A server that takes the tokens of this list alone. */
  async function startWith(
    good: readonly string[],
    mechanism: string,
    closes = false,
  ): Promise<{ sink: Sink; port: number }> {
    const encoded = (line: string) => Buffer.from(line.split(" ")[2] ?? "", "base64").toString();
    let bad = false;
    const sink = await startSink({
      capabilities: [`AUTH ${mechanism}`],
      answer: (at, line) => {
        if (at === "AUTH") {
          bad = !good.some((each) => encoded(line).includes(`Bearer ${each}\u0001`));
          return bad ? `334 ${Buffer.from('{"status":"401"}').toString("base64")}` : undefined;
        }
        if (at !== "auth-turn" || !bad) return undefined;
        return closes ? { close: "fin", reply: "535 5.7.8 Token refused" } : "535 5.7.8 Token refused";
      },
    });
    onTestFinished(() => sink.close());
    return { sink, port: sink.port };
  }
  function poolWith(port: number, accessToken: (refused: boolean) => Promise<string>): SmtpPool {
    const pool = createSmtpPool({
      host: "127.0.0.1",
      port,
      security: "none",
      auth: { user: "ana=b,c@example.com", accessToken },
      name: "client.test",
      connections: 1,
    });
    onTestFinished(() => pool.close({ graceMs: 0 }));
    return pool;
  }

  it.each(["XOAUTH2", "OAUTHBEARER"])(
    "%s: refused once, it is fetched anew on the same connection",
    async (mechanism) => {
      const { sink, port } = await startWith(["fresh"], mechanism);
      const asked: boolean[] = [];
      const pool = poolWith(port, async (refused) => {
        asked.push(refused);
        return refused ? "fresh" : "stale";
      });
      expect(await pool.send(message)).toMatchObject({ kind: "accepted" });
      expect([asked, sink.connections()]).toEqual([[false, true], 1]);
    },
  );

  it("a server that closes after its refusal is opened once more, with the new token", async () => {
    const { sink, port } = await startWith(["fresh"], "XOAUTH2", true);
    let current = "stale";
    const pool = poolWith(port, async (refused) => (refused ? (current = "fresh") : current));
    expect(await pool.send(message)).toMatchObject({ kind: "accepted" });
    expect(sink.connections()).toBe(2);
  });

  it.each([false, true])(
    "a new token refused too is the refusal (the server closes: %s), and not tried for ever",
    async (closes) => {
      const { sink, port } = await startWith([], "XOAUTH2", closes);
      let count = 0;
      const pool = poolWith(port, async (refused) => `token${refused ? ++count : count}`);
      expect(await pool.send(message)).toMatchObject({ kind: "refused", stage: "auth", reply: { code: 535 } });
      expect(sink.connections()).toBeLessThanOrEqual(3);
    },
  );

  it("a service that gives none any more is a refusal for good; one that does not answer is trouble that passes", async () => {
    const { port } = await startWith([], "XOAUTH2");
    const gone = poolWith(port, () => Promise.reject(new TokenFailure("Connect the account again.", true)));
    expect(await gone.send(message)).toMatchObject({
      stage: "auth",
      reply: { code: 535 },
      text: "Connect the account again.",
    });
    const away = poolWith(port, () => Promise.reject(new TokenFailure("The service does not answer.", false)));
    expect(await away.send(message)).toMatchObject({
      stage: "auth",
      reply: null,
      text: "The service does not answer.",
    });
  });

  it("OAUTHBEARER names user, host and port as RFC 7628 has them", async () => {
    const { sink, port } = await startWith(["token"], "OAUTHBEARER");
    expect(await poolWith(port, async () => "token").send(message)).toMatchObject({ kind: "accepted" });
    const line = sink.commands.find((each) => each.startsWith("AUTH OAUTHBEARER ")) ?? "";
    expect(Buffer.from(line.split(" ")[2] ?? "", "base64").toString()).toBe(
      `n,a=ana=3Db=2Cc@example.com,\u0001host=127.0.0.1\u0001port=${port}\u0001auth=Bearer token\u0001\u0001`,
    );
  });
});
