import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at, linkKeys, seal, silent, type World, world } from "../../test/world.ts";
import * as receiving from "../accounts/receiving.ts";
import { signReturnPath } from "../core/links.ts";
import { createSmtpPool } from "../mail/smtp.ts";
import { type ListenerOptions, startListener } from "./listener.ts";

const NOW = at("2026-03-01");
const OURS = `${signReturnPath(linkKeys, 7)}@bounces.example.com`;

let fresh: FreshDatabase;
let small: World;
const open: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  const account = await small.account(1);
  await receiving.update(fresh.db, account.id, { bounceDomain: "bounces.example.com" }, seal, actor, null, NOW);
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});
afterAll(() => fresh.close());

async function listener(more: Partial<ListenerOptions> = {}) {
  const started = await startListener({
    db: fresh.db,
    linkKeys,
    clock: () => NOW,
    log: silent,
    onStored: () => undefined,
    protocol: "smtp",
    host: "127.0.0.1",
    port: 0,
    name: "mail.example.com",
    tls: null,
    ...more,
  });
  open.push(started);
  return started.port;
}

/** Says these lines one after the other and answers what the server said to each. */
async function talk(port: number, lines: readonly string[]): Promise<string[]> {
  const socket: Socket = connect(port, "127.0.0.1").setMaxListeners(0);
  const said: string[] = [];
  let buffer = "";
  const next = () =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const whole = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(buffer);
        if (!whole) return;
        buffer = buffer.slice(whole[0].length);
        socket.off("data", add);
        resolve(whole[0]);
      };
      const add = (chunk: Buffer) => {
        buffer += chunk.toString();
        look();
      };
      socket
        .on("data", add)
        .once("error", reject)
        .once("close", () => resolve("closed"));
      look();
    });
  said.push(await next());
  for (const line of lines) {
    socket.write(`${line}\r\n`);
    said.push(await next());
  }
  socket.destroy();
  return said;
}

const mail = (text: string) => `From: <>\r\nMessage-ID: <${text}@x>\r\nSubject: Undelivered\r\n\r\n${text}\r\n.`;
const rows = () => fresh.db.selectFrom("receivedMails").selectAll().orderBy("id").execute();

describe("the listener", () => {
  it("stores a mail to a return path of ours before it says 250", async () => {
    const port = await listener();
    const said = await talk(port, [
      "EHLO mx.example.org",
      "MAIL FROM:<>",
      `RCPT TO:<${OURS}>`,
      "DATA",
      mail("one"),
      "QUIT",
    ]);
    expect(said.map((line) => line.slice(0, 3))).toEqual(["220", "250", "250", "250", "354", "250", "221"]);
    expect(said[1]).not.toMatch(/AUTH|STARTTLS/);
    expect(await rows()).toMatchObject([{ way: "smtp", envelopeTo: OURS, state: "stored" }]);
    expect((await rows())[0]!.raw!.toString()).toContain("Subject: Undelivered");
  });

  it.each([
    ["a forged return path", `${signReturnPath([Buffer.alloc(32)], 7)}@bounces.example.com`],
    ["a return path at a domain that is not ours", OURS.replace("bounces.example.com", "example.net")],
    ["anybody else at our domain", "ana@bounces.example.com"],
    ["anybody anywhere: it is no relay", "ana@example.org"],
  ])("refuses %s", async (_what, to) => {
    const port = await listener();
    const said = await talk(port, ["EHLO x", "MAIL FROM:<a@example.org>", `RCPT TO:<${to}>`, "DATA"]);
    expect(said[3]).toMatch(/^550 5\.1\.1/);
    expect(said[4]).toMatch(/^5/);
  });

  it("takes postmaster and abuse at our domain, one recipient at a time, and nobody's password", async () => {
    const port = await listener();
    const said = await talk(port, [
      "EHLO x",
      "AUTH PLAIN AGEAYg==",
      "MAIL FROM:<a@example.org>",
      "RCPT TO:<Postmaster@Bounces.Example.com>",
      `RCPT TO:<${OURS}>`,
    ]);
    expect(said[2]).toMatch(/^5/);
    expect(said[4]).toMatch(/^250/);
    expect(said[5]).toMatch(/^452/);
  });

  it("whoever tries many addresses is shown out", async () => {
    const port = await listener();
    const tries = Array.from({ length: 22 }, (_, index) => `RCPT TO:<a${index}@bounces.example.com>`);
    const said = await talk(port, ["EHLO x", "MAIL FROM:<a@example.org>", ...tries]);
    expect(said.filter((line) => line.startsWith("550"))).toHaveLength(20);
    expect(said.some((line) => /^421|closed/.test(line))).toBe(true);
  });

  it("a mail that is too large is refused, and the next one taken", async () => {
    const port = await listener();
    const before = (await rows()).length;
    const large = `Subject: large\r\n\r\n${`${"x".repeat(998)}\r\n`.repeat(11_000)}.`;
    const said = await talk(port, [
      "EHLO x",
      "MAIL FROM:<> SIZE=99999999",
      "MAIL FROM:<>",
      `RCPT TO:<${OURS}>`,
      "DATA",
      large,
      "MAIL FROM:<>",
      `RCPT TO:<${OURS}>`,
      "DATA",
      mail("after the large one"),
    ]);
    expect(said[2]).toMatch(/^552/);
    expect(said[6]).toMatch(/^552/);
    expect(said[10]).toMatch(/^250/);
    expect(await rows()).toHaveLength(before + 1);
  });

  it("when it cannot be stored, the other server is told to try again", async () => {
    const closed = await freshDatabase();
    const port = await listener({ db: closed.db });
    await closed.close();
    const said = await talk(port, ["EHLO x", "MAIL FROM:<>", `RCPT TO:<${OURS}>`]);
    expect(said[3]).toMatch(/^451/);
  });

  it("speaks LMTP to a server beside it", async () => {
    const port = await listener({ protocol: "lmtp" });
    const said = await talk(port, ["LHLO mx", "MAIL FROM:<>", `RCPT TO:<${OURS}>`, "DATA", mail("by lmtp")]);
    expect(said.at(-1)).toMatch(/^250/);
    expect((await rows()).at(-1)?.raw?.toString()).toContain("by lmtp");
  });

  it("with a certificate it offers STARTTLS, and our own client comes in", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidings-listener-"));
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    execFileSync(
      "openssl",
      ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-subj", "/CN=localhost"],
      { stdio: "ignore" },
    );
    const port = await listener({ tls: { certificate, key } });
    rmSync(folder, { recursive: true });
    const pool = createSmtpPool({
      host: "127.0.0.1",
      port,
      security: "starttls",
      auth: null,
      name: "mx.example.org",
      connections: 1,
      tlsOptions: { rejectUnauthorized: false },
    });
    const data = Buffer.from("From: a@example.org\r\nSubject: Undelivered\r\nMessage-ID: <tls@x>\r\n\r\nsecret\r\n");
    expect(await pool.send({ from: "", to: OURS, data })).toMatchObject({ kind: "accepted" });
    await pool.close({ graceMs: 100 });
    expect((await rows()).at(-1)?.raw?.toString()).toContain("secret");
  });
});
