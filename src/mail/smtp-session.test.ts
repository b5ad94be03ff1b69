/** TLS and AUTH against an independent server, and against one that cheats. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { TLSSocket } from "node:tls";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { describe, expect, it, onTestFinished } from "vitest";
import { startSink, type Answer } from "../../test/smtp-sink.ts";
import { createSmtpPool, type Outgoing, type SmtpPool, type SmtpSettings } from "./smtp.ts";

/** A key and a certificate for `localhost` alone, signed by itself. */
const openssl = "openssl"; // the program, not a package
const pem = execFileSync(
  openssl,
  "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 -keyout - -out - -subj /CN=localhost"
    .split(" ")
    .concat("-addext", "subjectAltName=DNS:localhost"),
  { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
);
const [key, cert] = [pem.slice(0, pem.indexOf("-----BEGIN CERT")), pem.slice(pem.indexOf("-----BEGIN CERT"))];

const message: Outgoing = {
  from: "ana@example.com",
  to: "bo@example.org",
  data: Buffer.from("Subject: x\r\n\r\nHi\r\n"),
};

type Got = { to: string; secure: boolean; user: string | null; data: string };

/** A stock SMTP server; the only password is "secret", the only token "token". */
async function startServer(options: SMTPServerOptions = {}): Promise<{ port: number; got: Got[]; methods: string[] }> {
  const got: Got[] = [];
  const methods: string[] = [];
  const server = new SMTPServer({
    key,
    cert,
    authOptional: true,
    logger: false,
    disableReverseLookup: true,
    onAuth: ({ method, username, password, accessToken }, _, done) => {
      methods.push(method);
      if (password === "secret" || accessToken === "token") done(null, { user: username });
      else if (method === "XOAUTH2") done(null, { data: { status: "401", schemes: "bearer" } });
      else done(new Error("5.7.8 Wrong password"));
    },
    onData: (stream, session, done) => {
      let data = "";
      stream.on("data", (bytes: Buffer) => (data += bytes.toString("latin1")));
      stream.on("end", () => {
        const to = session.envelope.rcptTo[0]?.address ?? "";
        got.push({ to, secure: session.secure, user: session.user || null, data });
        done();
      });
    },
    ...options,
  });
  server.on("error", () => {}); // handshakes that our client gives up
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, got, methods };
}

function poolTo(port: number, changes: Partial<SmtpSettings> = {}): SmtpPool {
  const pool = createSmtpPool({
    host: "localhost",
    port,
    security: "starttls",
    auth: null,
    name: "client.test",
    connections: 1,
    tlsOptions: { ca: cert },
    ...changes,
  });
  onTestFinished(() => pool.close({ graceMs: 0 }));
  return pool;
}

describe("TLS", () => {
  it.each([true, false])("S16 from the first byte (%s) or by STARTTLS, mails travel encrypted", async (secure) => {
    const { port, got } = await startServer({ secure });
    const pool = poolTo(port, { security: secure ? "tls" : "starttls" });
    for (let count = 0; count < 3; count++) expect(await pool.send(message)).toMatchObject({ kind: "accepted" });
    expect(got).toEqual(
      Array.from({ length: 3 }, () => ({ to: message.to, secure: true, user: null, data: "Subject: x\r\n\r\nHi\r\n" })),
    );
  });

  it.each([true, false])("S16 a large message arrives whole over TLS (from the first byte: %s)", async (secure) => {
    const { port, got } = await startServer({ secure });
    const data = `Subject: x\r\n\r\n${"y".repeat(70)}\r\n`.repeat(20_000);
    const pool = poolTo(port, { security: secure ? "tls" : "starttls" });
    expect(await pool.send({ ...message, data: Buffer.from(data) })).toMatchObject({ kind: "accepted" });
    expect(got[0]?.data === data).toBe(true);
  });

  it.each<[string, Partial<SmtpSettings>, RegExp]>([
    ["that nobody vouches for", { tlsOptions: {} }, /not signed by an authority/],
    ["made out to another name", { host: "127.0.0.1" }, /not for 127.0.0.1/],
  ])("S16 a certificate %s ends it before any mail or password", async (_, changes, words) => {
    for (const security of ["tls", "starttls"] as const) {
      const { port, got, methods } = await startServer({ secure: security === "tls" });
      const pool = poolTo(port, { ...changes, security, auth: { user: "ana", password: "secret" } });
      expect(await pool.send(message)).toMatchObject({
        kind: "refused",
        stage: security === "tls" ? "connect" : "starttls",
        reply: null,
        text: expect.stringMatching(words),
      });
      expect([got, methods]).toEqual([[], []]);
    }
  });

  it("S16 a server without STARTTLS gets nothing", async () => {
    const sink = await startSink();
    onTestFinished(() => sink.close());
    const pool = poolTo(sink.port, { auth: { user: "ana", password: "secret" } });
    expect(await pool.send(message)).toMatchObject({ kind: "refused", stage: "starttls", reply: null });
    expect(sink.commands).toEqual(["EHLO client.test"]);
  });

  it.each(["454 4.7.0 TLS not available", "502 5.5.1 No"])(
    "S16 STARTTLS answered with %s is that refusal",
    async (reply) => {
      const sink = await startSink({
        capabilities: ["STARTTLS"],
        answer: (step) => (step === "STARTTLS" ? reply : undefined),
      });
      onTestFinished(() => sink.close());
      expect(await poolTo(sink.port).send(message)).toMatchObject({
        kind: "refused",
        stage: "starttls",
        reply: { code: Number(reply.slice(0, 3)) },
      });
    },
  );

  it.each<[string, Answer]>([
    ["closes", { close: "fin", reply: "220 go" }],
    ["resets", { close: "rst", reply: "220 go" }],
    ["goes on in the clear", "220 go"],
  ])("S16 a server that %s after agreeing to TLS gets nothing", async (_, answer) => {
    const sink = await startSink({
      capabilities: ["STARTTLS"],
      answer: (step) => (step === "STARTTLS" ? answer : step === "" ? "500 5.5.2 What?" : undefined),
    });
    onTestFinished(() => sink.close());
    const pool = poolTo(sink.port, { timeouts: { connectMs: 300 } });
    expect(await pool.send(message)).toMatchObject({ kind: "refused", stage: "starttls", reply: null });
    expect(sink.commands.join()).not.toContain("MAIL");
  });

  it("a TLS handshake that does not end is given up", async () => {
    const sink = await startSink({ answer: () => ({ silence: true }) });
    onTestFinished(() => sink.close());
    const pool = poolTo(sink.port, { security: "tls", timeouts: { connectMs: 100 } });
    expect(await pool.send(message)).toMatchObject({ kind: "refused", stage: "connect", reply: null });
  });

  it("TLS options that make no sense refuse the mail, and break nothing", async () => {
    // Not the stock server: it ends the process when a client leaves before the handshake (it asks a dead socket, Node 26).
    const sink = await startSink();
    onTestFinished(() => sink.close());
    const pool = poolTo(sink.port, { security: "tls", tlsOptions: { cert: "no certificate" } });
    for (let count = 0; count < 2; count++) {
      expect(await pool.send(message)).toMatchObject({ kind: "refused", stage: "connect", reply: null });
    }
    expect((await pool.verify()).at(-1)).toMatchObject({ step: "tls", ok: false });
  });

  it("TLS spoken to a server that does not is told apart, with what to try", async () => {
    const sink = await startSink();
    onTestFinished(() => sink.close());
    expect(await poolTo(sink.port, { security: "tls" }).send(message)).toMatchObject({
      kind: "refused",
      stage: "connect",
      text: expect.stringContaining("try starttls"),
    });
  });

  it("S16 what was injected before TLS is dropped, and EHLO asked again", async () => {
    const commands: string[] = [];
    const server = createServer((socket) => {
      const serve = (line: string, say: (text: string) => void, encrypted: boolean): void => {
        commands.push(`${encrypted ? "tls" : "plain"} ${line.split(" ")[0]}`);
        if (line.startsWith("EHLO")) say(encrypted ? "250 quiet" : "250-loud\r\n250-SMTPUTF8\r\n250 STARTTLS");
        else if (line === "STARTTLS") {
          // One packet: our 220, and what somebody on the way would like the client to believe of the encrypted session.
          say("220 go\r\n250-forged\r\n250 SMTPUTF8");
          socket.removeAllListeners("data");
          const secured = new TLSSocket(socket, { isServer: true, key, cert });
          secured
            .on("error", () => {})
            .on("data", (bytes: Buffer) => {
              for (const each of bytes.toString().split("\r\n").filter(Boolean)) {
                serve(each, (text) => secured.write(`${text}\r\n`), true);
              }
            });
        } else say("250 ok");
      };
      socket
        .on("error", () => {})
        .on("data", (bytes: Buffer) => {
          for (const each of bytes.toString().split("\r\n").filter(Boolean)) {
            serve(each, (text) => socket.write(`${text}\r\n`), false);
          }
        });
      socket.write("220 hello\r\n");
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const pool = poolTo((server.address() as AddressInfo).port);
    expect(await pool.send({ ...message, to: "jürgen@example.org" })).toMatchObject({ reply: { enhanced: "5.6.7" } });
    expect(commands).toEqual(["plain EHLO", "plain STARTTLS", "tls EHLO"]);
  });
});

describe("AUTH", () => {
  const password = { user: "ana@example.com", password: "secret" };

  it.each<[string, SmtpSettings["auth"] & {}]>([
    ["PLAIN", password],
    ["LOGIN", password],
    ["XOAUTH2", { user: "ana@example.com", accessToken: "token" }],
  ])("%s signs in, and the mail is sent as that user", async (method, auth) => {
    const { port, got, methods } = await startServer({ authMethods: [method] });
    expect(await poolTo(port, { auth }).send(message)).toMatchObject({ kind: "accepted" });
    expect(methods).toEqual([method]);
    expect(got).toMatchObject([{ user: "ana@example.com", secure: true }]);
  });

  it.each<[string, SmtpSettings["auth"] & {}]>([
    ["PLAIN", { ...password, password: "wrong" }],
    ["LOGIN", { ...password, password: "wrong" }],
    ["XOAUTH2", { user: "ana@example.com", accessToken: "old" }],
  ])(
    "S17 %s refused concerns the account: every message that waits is told so, none is begun",
    async (method, auth) => {
      const { port, got } = await startServer({ authMethods: [method] });
      const pool = poolTo(port, { auth });
      const outcomes = await Promise.all([pool.send(message), pool.send(message)]);
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ kind: "refused", stage: "auth", reply: { code: 535 } });
        expect(JSON.stringify(outcome)).not.toMatch(/wrong|old/);
      }
      expect(got).toEqual([]);
    },
  );

  it("S17 a passing failure (454) is told apart from a wrong password (535)", async () => {
    const sink = await startSink({
      capabilities: ["AUTH PLAIN"],
      answer: (step) => (step === "AUTH" ? "454 4.7.0 Temporary authentication failure" : undefined),
    });
    onTestFinished(() => sink.close());
    const pool = poolTo(sink.port, { host: "127.0.0.1", security: "none", auth: password });
    expect(await pool.send(message)).toMatchObject({ stage: "auth", reply: { code: 454, enhanced: "4.7.0" } });
  });

  it("a server that knows no way we know gets no password", async () => {
    const sink = await startSink({ capabilities: ["AUTH CRAM-MD5 GSSAPI"] });
    onTestFinished(() => sink.close());
    const pool = poolTo(sink.port, { host: "127.0.0.1", security: "none", auth: password });
    expect(await pool.send(message)).toMatchObject({
      stage: "auth",
      reply: null,
      text: expect.stringContaining("CRAM-MD5"),
    });
    expect(sink.commands).toEqual(["EHLO client.test"]);
  });
});

describe("verify", () => {
  const auth = { user: "ana", password: "secret" };
  const steps = async (pool: SmtpPool) => (await pool.verify()).map(({ step, ok }) => `${ok ? "" : "no "}${step}`);

  it("goes through every step, and sends nothing", async () => {
    const starttls = await startServer();
    expect(await steps(poolTo(starttls.port, { auth }))).toEqual(["dns", "connect", "greeting", "tls", "ehlo", "auth"]);
    const tls = await startServer({ secure: true });
    const pool = poolTo(tls.port, { auth, security: "tls" });
    expect(await steps(pool)).toEqual(["dns", "connect", "tls", "greeting", "ehlo", "auth"]);
    expect([...starttls.got, ...tls.got]).toEqual([]);
  });

  it("stops at the step that fails, and says in words what is wrong", async () => {
    const { port } = await startServer();
    expect((await poolTo(port, { auth: { ...auth, password: "wrong" } }).verify()).at(-1)).toMatchObject({
      step: "auth",
      ok: false,
      text: expect.stringContaining("did not let ana in: 535"),
    });
    expect((await poolTo(port, { tlsOptions: {} }).verify()).at(-1)).toMatchObject({ step: "tls", ok: false });
    const closed = await startSink();
    await closed.close();
    expect((await poolTo(closed.port).verify()).at(-1)).toMatchObject({
      step: "connect",
      ok: false,
      text: expect.stringContaining("Nothing listens"),
    });
  });

  it("tells a name that does not exist", async () => {
    expect(await poolTo(25, { host: "nowhere.invalid" }).verify()).toMatchObject([{ step: "dns", ok: false }]);
  });
});
