/** The SMTP client and a real Postfix: every extension it offers, over TLS and in lockstep, and what it refuses. */
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { diagnose } from "../../src/mail/smtp-diagnosis.ts";
import { createSmtpPool, type Outgoing, type SmtpPool, type SmtpSettings } from "../../src/mail/smtp.ts";
import { startPostfix, type Postfix } from "../postfix.ts";

const openssl = "openssl"; // the program, not a package
const pem = execFileSync(
  openssl,
  "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2 -keyout - -out - -subj /CN=localhost"
    .split(" ")
    .concat("-addext", "subjectAltName=DNS:localhost"),
  { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
);
const [key, cert] = [pem.slice(0, pem.indexOf("-----BEGIN CERT")), pem.slice(pem.indexOf("-----BEGIN CERT"))];

const MAILBOXES = ["ana@example.com", "bo@example.com", "müller@example.com", ...numbered()];
const SIZE_MAX = 3_000_000;

let postfix: Postfix | undefined;
beforeAll(async () => {
  postfix = await startPostfix(
    {
      plain: [],
      lockstep: ["smtpd_discard_ehlo_keywords=pipelining"],
      lockstepData: ["smtpd_discard_ehlo_keywords=pipelining,chunking"],
      bare: ["smtpd_discard_ehlo_keywords=pipelining,chunking,dsn,smtputf8,8bitmime,size,enhancedstatuscodes"],
      tls: ["smtpd_tls_wrappermode=yes"],
      few: ["smtpd_client_connection_count_limit=1"],
    },
    { message_size_limit: String(SIZE_MAX), smtpd_client_connection_count_limit: "50" },
    MAILBOXES,
    { key, cert },
  );
}, 120_000);
afterAll(async () => postfix?.stop());

function numbered(): string[] {
  return Array.from({ length: 20 }, (_, index) => `r${index}@example.com`);
}

function poolTo(way: string, changes: Partial<SmtpSettings> = {}): SmtpPool {
  const pool = createSmtpPool({
    host: "localhost",
    port: postfix!.port[way]!,
    security: way === "tls" ? "tls" : "starttls",
    auth: null,
    name: "client.test",
    connections: 4,
    tlsOptions: { ca: cert },
    timeouts: { greetingMs: 10_000, sessionMs: 10_000, mailMs: 20_000, finalDotMs: 30_000 },
    ...changes,
  });
  onTestFinished(() => pool.close({ graceMs: 2_000 }));
  return pool;
}

const message = (to: string, text = "Hi"): Outgoing => ({
  from: "ana@example.com",
  to,
  data: Buffer.from(`From: ana@example.com\r\nTo: ${to}\r\nSubject: x\r\n\r\n${text}\r\n`),
});

/** The mails of a mailbox once there are so many that satisfy; Postfix delivers a moment after its 250. */
async function delivered(mailbox: string, satisfies: (mail: string) => boolean, count = 1): Promise<string[]> {
  for (let tries = 0; tries < 200; tries++) {
    const found = postfix!.mails(mailbox).filter(satisfies);
    if (found.length >= count) return found;
    await sleep(50);
  }
  throw new Error(`${mailbox} has ${postfix!.mails(mailbox).length} mails, not those wanted.\n${postfix!.log()}`);
}

const bodyOf = (mail: string) => mail.slice(mail.indexOf("\n\n") + 2);

const ways: [string, string, Partial<SmtpSettings>][] = [
  ["DATA, pipelined, by STARTTLS", "plain", { chunking: "never" }],
  ["DATA, pipelined, in the clear", "plain", { chunking: "never", security: "none" }],
  ["DATA in lockstep", "lockstepData", {}],
  ["DATA in lockstep, no extension at all", "bare", {}],
  ["BDAT in lockstep", "lockstep", {}],
  ["BDAT, pipelined", "plain", { chunking: "always" }],
  ["BDAT with a window of ten", "plain", { chunking: "always", chunkingWindow: 10 }],
  ["BDAT with a window of ten over TLS from the first byte", "tls", { chunking: "always", chunkingWindow: 10 }],
];

describe.each(ways)("%s", (name, way, changes) => {
  it("200 mails arrive, each once, dots and all; refused ones among them spoil nothing", async () => {
    const pool = poolTo(way, changes);
    const recipients = Array.from({ length: 200 }, (_, index) => (index % 10 === 3 ? "nobody" : `r${index % 20}`));
    const text = (index: number) => `${name} ${index}\r\n.\r\n..\r\nMAIL FROM:<x@y>\r\n. end`;
    const outcomes = await Promise.all(
      recipients.map((local, index) => pool.send(message(`${local}@example.com`, text(index)))),
    );
    for (const [index, outcome] of outcomes.entries()) {
      if (recipients[index] === "nobody")
        expect(outcome).toMatchObject({ kind: "refused", stage: "rcpt", reply: { code: 550, text: /5\.1\.1/ } });
      else expect(outcome).toMatchObject({ kind: "accepted", reply: { code: 250 } });
    }
    for (const local of new Set(recipients.filter((each) => each !== "nobody"))) {
      const mailbox = `${local}@example.com`;
      const wanted = recipients.flatMap((each, index) => (each === local ? [text(index)] : []));
      const mails = await delivered(mailbox, (mail) => bodyOf(mail).startsWith(`${name} `), wanted.length);
      expect(mails.map((mail) => bodyOf(mail)).toSorted()).toEqual(
        wanted.map((each) => `${each.replaceAll("\r\n", "\n")}\n`).toSorted(),
      );
    }
  });

  it("a mail of two megabytes arrives whole; one too large is refused, before MAIL where SIZE is offered", async () => {
    const pool = poolTo(way, changes);
    const lines = `${name}\r\n${`${"y".repeat(70)}\r\n`.repeat(28_000)}`;
    expect(await pool.send(message("bo@example.com", lines))).toMatchObject({ kind: "accepted" });
    const [mail = ""] = await delivered("bo@example.com", (each) => bodyOf(each).startsWith(`${name}\n`));
    expect(bodyOf(mail) === `${lines}\r\n`.replaceAll("\r\n", "\n")).toBe(true);
    const huge = await pool.send(message("bo@example.com", `${"z".repeat(70)}\r\n`.repeat(50_000)));
    expect(huge).toMatchObject({ kind: "refused", stage: way === "bare" ? "body" : "mail", reply: { code: 552 } });
    expect(await pool.send(message("bo@example.com", "after"))).toMatchObject({ kind: "accepted" });
  });
});

describe("extensions", () => {
  it("a report of success names our identifier and the recipient as we wrote them", async () => {
    const pool = poolTo("plain", { reports: { notify: ["success", "failure"], return: "full" } });
    const sent = { ...message("bo+news=1@example.com", "reported"), envelopeId: "m1 +=" };
    expect(await pool.send(sent)).toMatchObject({ kind: "accepted" });
    const [report = ""] = await delivered("ana@example.com", (mail) => mail.includes("Action: delivered"));
    expect(report).toContain("Original-Envelope-Id: m1 +=");
    expect(report).toContain("Original-Recipient: rfc822;bo+news=1@example.com");
  });

  it("a local part beyond ASCII arrives, with a report in its own letters; without SMTPUTF8 it is refused with the reason", async () => {
    const reports = { notify: ["success"], return: "headers" } as const;
    expect(await poolTo("plain", { reports }).send(message("müller@example.com", "grüße"))).toMatchObject({
      kind: "accepted",
    });
    const [mail = ""] = await delivered("müller@example.com", (each) => each.includes("grüße"));
    expect(mail).toContain("To: müller@example.com");
    const [report = ""] = await delivered(
      "ana@example.com",
      (each) => each.includes("utf-8; müller@example.com") || each.includes("utf-8;müller@example.com"),
    );
    expect(report).toContain("Action: delivered");
    expect(await poolTo("bare").send(message("müller@example.com"))).toMatchObject({
      kind: "refused",
      stage: "rcpt",
      reply: { enhanced: "5.6.7" },
      text: expect.stringContaining("müller@example.com needs SMTPUTF8"),
    });
  });

  it("8-bit content goes where it is taken, and is refused where it is not", async () => {
    expect(await poolTo("lockstep").send(message("bo@example.com", "müde"))).toMatchObject({ kind: "accepted" });
    await delivered("bo@example.com", (mail) => bodyOf(mail) === "müde\n");
    expect(await poolTo("bare").send(message("bo@example.com", "müde"))).toMatchObject({
      reply: { enhanced: "5.6.3" },
    });
  });

  it("a limit on connections is lived with", async () => {
    const pool = poolTo("few");
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, index) => pool.send(message(`r${index % 20}@example.com`, "few"))),
    );
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["accepted"]));
  });

  it("the diagnosis tells version and trust of TLS, and that the mail was taken", async () => {
    const settings = {
      host: "localhost",
      port: postfix!.port["plain"]!,
      security: "starttls",
      auth: null,
      name: "client.test",
      connections: 1,
      tlsOptions: { ca: cert },
    } as const;
    const found = await diagnose(settings, message("bo@example.com"), Temporal.Now.instant());
    expect(found).toMatchObject({ ok: true, certificate: { protocol: "TLSv1.3", names: ["localhost"] } });
  });
});
