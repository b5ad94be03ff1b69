/** The diagnosis against servers on loopback that fail in every way people meet: each failure says what to do. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { describe, expect, it, onTestFinished } from "vitest";
import { type SinkOptions, startSink } from "../../test/smtp-sink.ts";
import { diagnose } from "./smtp-diagnosis.ts";
import { hintFor } from "./smtp-hints.ts";
import { PRESETS, presetOf } from "./smtp-presets.ts";
import type { SmtpSettings } from "./smtp-settings.ts";

const now = Temporal.Now.instant();

/** A key and a certificate signed by itself, valid for so many days; -1 is expired. */
function certificate(name: string, days = 90): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), "tidings-cert-"));
  const [key, request, cert] = ["key.pem", "request.pem", "cert.pem"].map((file) => join(folder, file)) as [
    string,
    string,
    string,
  ];
  const openssl = (words: string) => execFileSync("openssl", words.split(" "), { stdio: "ignore" });
  openssl(
    `req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -keyout ${key} -out ${request} -subj /CN=${name} -addext subjectAltName=DNS:${name}`,
  );
  openssl(`x509 -req -in ${request} -signkey ${key} -days ${days} -copy_extensions copyall -out ${cert}`);
  const made = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  rmSync(folder, { recursive: true });
  return made;
}

const valid = certificate("localhost");
const mail = { from: "ana@example.com", to: "bo@example.org", data: Buffer.from("Subject: x\r\n\r\nHi\r\n") };

async function stock(options: SMTPServerOptions = {}): Promise<number> {
  const server = new SMTPServer({
    ...valid,
    authOptional: true,
    logger: false,
    disableReverseLookup: true,
    onAuth: ({ password }, _, done) =>
      password === "secret" ? done(null, { user: "ana" }) : done(new Error("5.7.8 Wrong password")),
    onData: (stream, _, done) => void stream.resume().on("end", () => done()),
    ...options,
  });
  server.on("error", () => {}); // handshakes that our client gives up
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return (server.server.address() as AddressInfo).port;
}

async function sink(options: SinkOptions): Promise<number> {
  const started = await startSink(options);
  onTestFinished(() => started.close());
  return started.port;
}

const tried = (port: number, changes: Partial<SmtpSettings> = {}, sending = false) =>
  diagnose(
    {
      host: "localhost",
      port,
      security: "starttls",
      auth: null,
      name: "client.test",
      connections: 1,
      tlsOptions: { ca: valid.cert },
      timeouts: { greetingMs: 300, sessionMs: 300, connectMs: 1000 },
      ...changes,
    },
    sending ? mail : null,
    now,
  );

/** The step that failed, and how all of them stand. */
async function failureOf(asked: ReturnType<typeof tried>) {
  const { ok, steps } = await asked;
  expect(ok).toBe(false);
  const at = steps.findIndex((step) => step.ok === false);
  const failed = steps[at]!;
  expect(failed.hint).toBeTruthy();
  // Nothing after it was tried.
  expect(steps.slice(at + 1).every((step) => step.ok === null && step.ms === null)).toBe(true);
  expect(steps.slice(0, at).every((step) => step.ok !== false)).toBe(true);
  return failed;
}

describe("a diagnosis", () => {
  it("of settings that work shows every step in its order, the certificate, and what the server said of the mail", async () => {
    const {
      ok,
      steps,
      certificate: seen,
    } = await tried(await stock(), { auth: { user: "ana", password: "secret" } }, true);
    expect(ok).toBe(true);
    expect(steps.map(({ step }) => step)).toEqual(["dns", "connect", "greeting", "tls", "auth", "mail"]);
    expect(steps.every((step) => step.ok === true && step.ms !== null)).toBe(true);
    expect(steps.find(({ step }) => step === "greeting")?.detail).toContain("ESMTP");
    expect(steps.find(({ step }) => step === "mail")?.detail).toMatch(/^250 /);
    expect(seen).toMatchObject({ subject: "localhost", issuer: "localhost", names: ["localhost"] });
    expect(seen!.protocol).toMatch(/^TLSv1\.[23]$/);
    expect(Temporal.Instant.compare(seen!.validTo, now)).toBe(1);
  });

  it("with TLS from the first byte the handshake comes before the greeting; what nobody asked for is not tried", async () => {
    const { ok, steps } = await tried(await stock({ secure: true }), { security: "tls" });
    expect(ok).toBe(true);
    expect(steps.map(({ step, ok: good }) => [step, good])).toEqual([
      ["dns", true],
      ["connect", true],
      ["tls", true],
      ["greeting", true],
      ["auth", null],
      ["mail", null],
    ]);
  });

  it("a certificate that ends soon works and is worth a word", async () => {
    const soon = certificate("localhost", 5);
    const { ok, steps } = await tried(await stock(soon), { tlsOptions: { ca: soon.cert } });
    expect(ok).toBe(true);
    expect(steps.find(({ step }) => step === "tls")?.hint).toMatch(/ends in [45] days/);
  });

  it("a name nobody knows", async () => {
    const failed = await failureOf(tried(587, { host: "smtp.gmial.invalid" }));
    expect(failed).toMatchObject({ step: "dns" });
    expect(
      hintFor(
        { step: "dns", text: "", reply: null },
        { host: "smtp.gmial.com", port: 587, security: "tls", auth: null },
      ),
    ).toContain("Did you mean smtp.gmail.com?");
  });

  it("a port where nothing listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const failed = await failureOf(tried(port));
    expect(failed.step).toBe("connect");
    expect(failed.hint).toMatch(/587 with STARTTLS or 465 with TLS/);
  });

  it("TLS asked of a port that begins in plain text, and plain text of one that begins with TLS", async () => {
    const early = await failureOf(tried(await stock(), { security: "tls" }));
    expect(early.step).toBe("tls");
    expect(early.hint).toMatch(/choose STARTTLS/);
    const late = await failureOf(tried(await stock({ secure: true })));
    expect(late.step).toBe("greeting");
    expect(late.hint).toMatch(/choose TLS/);
  });

  it("a server without STARTTLS", async () => {
    const failed = await failureOf(tried(await sink({})));
    expect(failed.step).toBe("tls");
    expect(failed.hint).toMatch(/Choose TLS and port 465/);
  });

  it("a certificate for another name: the hint says for which", async () => {
    const other = certificate("mail.hoster.example");
    const asked = tried(await stock(other), { tlsOptions: { ca: other.cert } });
    const failed = await failureOf(asked);
    expect(failed.step).toBe("tls");
    expect(failed.hint).toBe("The certificate is for mail.hoster.example. Use that name as the host.");
    expect((await asked).certificate?.names).toEqual(["mail.hoster.example"]);
  });

  it("a certificate that has expired, and one nobody vouches for", async () => {
    const old = certificate("localhost", -1);
    const expired = tried(await stock(old), { tlsOptions: { ca: old.cert } });
    expect((await failureOf(expired)).hint).toMatch(/renew/);
    expect(Temporal.Instant.compare((await expired).certificate!.validTo, now)).toBe(-1);
    const unknown = await failureOf(tried(await stock(), { tlsOptions: {} }));
    expect([unknown.step, unknown.detail]).toEqual(["tls", expect.stringContaining("localhost")]);
    expect(unknown.hint).toMatch(/public authority/);
  });

  it("a wrong password, without ever repeating it; a service that wants an app password", async () => {
    const auth = { user: "ana@example.com", password: "hunter2-wrong" };
    const asked = tried(await stock(), { auth });
    const failed = await failureOf(asked);
    expect(failed).toMatchObject({ step: "auth" });
    expect(failed.detail).toMatch(/^535 /);
    expect(JSON.stringify(await asked)).not.toContain("hunter2");
    const gmail = { host: "smtp.gmail.com", port: 587, security: "starttls", auth } as const;
    const said = { code: 534, enhanced: "5.7.9", text: "5.7.9 Application-specific password required" };
    expect(hintFor({ step: "auth", text: "", reply: said }, gmail)).toMatch(/app password.*2-Step/);
    expect(hintFor({ step: "auth", text: "", reply: { ...said, code: 454 } }, gmail)).toMatch(/Try again/);
    for (const host of ["smtp.office365.com", "smtp.sendgrid.net", "email-smtp.eu-west-1.amazonaws.com"])
      expect(hintFor({ step: "auth", text: "", reply: { ...said, code: 535, text: "no" } }, { ...gmail, host })).toBe(
        presetOf(host).signIn,
      );
  });

  it("a server that offers no password sign-in", async () => {
    const failed = await failureOf(
      tried(await sink({}), { host: "127.0.0.1", security: "none", auth: { user: "a", password: "b" } }),
    );
    expect(failed.step).toBe("auth");
    expect(failed.hint).toMatch(/no password sign-in/);
  });

  it.each([
    ["550 5.7.1 Sender address not verified", /have the domain allowed/],
    ["530 5.7.0 Authentication required", /give a user and a password/],
    ["451 4.7.1 Greylisted", /takes the mail later/],
    ["554 5.7.1 Relay access denied", /sign in/],
  ])("a test mail refused with “%s”", async (reply, words) => {
    const port = await sink({ answer: (step) => (step === "RCPT" ? reply : undefined) });
    const failed = await failureOf(tried(port, { host: "127.0.0.1", security: "none" }, true));
    expect(failed).toMatchObject({ step: "mail", detail: reply });
    expect(failed.hint).toMatch(words);
  });

  it.each([
    ["says nothing", { silence: true } as const, "greeting", /choose TLS/],
    ["is too busy", "421 4.3.2 Too many connections", "greeting", /Try again/],
    ["turns this machine away", "554 5.7.1 Your address is blocked", "greeting", /587/],
  ])("a server that %s", async (_, answer, step, words) => {
    const port = await sink({ answer: (at) => (at === "greeting" ? answer : undefined) });
    const failed = await failureOf(tried(port, { host: "127.0.0.1" }));
    expect(failed.step).toBe(step);
    expect(failed.hint).toMatch(words);
  });

  it("what answers and is no mail server", async () => {
    const server = createServer((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
    const failed = await failureOf(tried((server.address() as AddressInfo).port, { host: "127.0.0.1" }));
    expect(failed.step).toBe("greeting");
  });
});

describe("the presets", () => {
  it("are recognised by their own hosts, each encrypted on a port that fits", () => {
    expect(PRESETS.length).toBeGreaterThan(6);
    for (const { key, host, port, security, notes } of PRESETS) {
      expect(presetOf(host.replace("{region}", "eu-west-1")).key).toBe(key);
      expect([port, security]).toEqual(security === "tls" ? [465, "tls"] : [587, "starttls"]);
      expect(notes.length).toBeGreaterThan(0);
    }
  });
});
