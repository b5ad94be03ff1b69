import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await openApp();
});
afterAll(() => app.close());

const mail = (id: string, text: string, fields = "Subject: Re: Hello") =>
  `From: Ana <ana@example.org>\r\nTo: sales@example.com\r\nMessage-ID: <${id}@example.org>\r\n${fields}\r\n\r\n${text}\r\n`;
const BOUNCE = mail(
  "b1",
  "<nobody@example.org>: 550 5.1.1 unknown user",
  "Subject: Undelivered Mail Returned to Sender",
);

async function handled(id: number) {
  for (let turn = 0; turn < 100; turn++) {
    const found = await app.good("GET", `/inbound/mails/${id}`);
    if (found.state !== "stored") return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("It is not handled.");
}

describe("received mail over the API", () => {
  it("is handed in, handled within seconds, shown, and known the second time", async () => {
    const first = await app.mail("/inbound/mails", BOUNCE.replace("Ana <ana@", "MAILER-DAEMON <mailer-daemon@"));
    expect(first).toMatchObject({ status: 202, body: { known: false } });
    expect(await handled(first.body.id)).toMatchObject({
      kind: "bounce",
      from: "mailer-daemon@example.org",
      subject: "Undelivered Mail Returned to Sender",
      verdicts: [{ recipient: "nobody@example.org", status: "5.1.1", hard: true }],
      hasSource: true,
    });
    const again = await app.mail("/inbound/mails", BOUNCE.replace("Ana <ana@", "MAILER-DAEMON <mailer-daemon@"));
    expect(again.body).toEqual({ id: null, known: true });
    const source = await app.ask("GET", `/inbound/mails/${first.body.id}/source`);
    expect(source.text).toContain("550 5.1.1 unknown user");
    expect(source.headers["content-type"]).toContain("message/rfc822");
    expect((await app.good("GET", "/inbound/mails?kind=bounce")).data).toHaveLength(1);
  });

  it("that is about nothing of ours leaves no bytes behind", async () => {
    const { body } = await app.mail("/inbound/mails", mail("stranger", "Lunch?"));
    expect(await handled(body.id)).toMatchObject({ kind: "reply", personId: null, hasSource: false, subject: null });
    expect((await app.ask("GET", `/inbound/mails/${body.id}/source`)).status).toBe(404);
  });

  it("what was set aside is listed with its error, and handled again when asked to", async () => {
    const { body } = await app.mail("/inbound/mails", mail("aside", "Again"));
    await handled(body.id);
    await app.db
      .updateTable("receivedMails")
      .set({ state: "set-aside", error: "Error: it did not agree with us", raw: Buffer.from(mail("aside", "Again")) })
      .where("id", "=", body.id)
      .execute();
    expect((await app.good("GET", "/inbound/mails?state=set-aside")).data).toMatchObject([
      { id: body.id, error: "Error: it did not agree with us" },
    ]);
    expect((await app.ask("POST", `/inbound/mails/${body.id}/retry`, undefined, "user")).status).toBe(403);
    expect(await app.good("POST", `/inbound/mails/${body.id}/retry`, undefined, "manager")).toMatchObject({
      error: null,
    });
    expect(await handled(body.id)).toMatchObject({ state: "handled" });
    expect((await app.ask("POST", `/inbound/mails/${body.id}/retry`)).status).toBe(404);
  });

  it("an empty body is refused, and so is whoever may only look", async () => {
    expect((await app.mail("/inbound/mails", "")).status).toBe(422);
    expect((await app.mail("/inbound/mails", BOUNCE, "viewer")).status).toBe(403);
  });

  it("mailboxes say how they are", async () => {
    const smtp = { smtpHost: "localhost", smtpPort: 2525, smtpSecurity: "none" };
    const { id } = await app.good("POST", "/email-accounts", { name: "Sales", ...smtp });
    const imap = { imapHost: "127.0.0.1", imapPort: 1, imapSecurity: "none", imapUser: "a", imapPassword: "b" };
    await app.good("PATCH", `/email-accounts/${id}/receiving`, imap);
    for (let turn = 0; turn < 200; turn++) {
      const { data } = await app.good("GET", "/inbound/mailboxes", undefined, "manager");
      if (data[0]?.state === "failed") {
        expect(data[0]).toMatchObject({
          mailbox: `account:${id}`,
          emailAccountId: id,
          name: "Sales",
          trouble: expect.stringContaining("ECONNREFUSED"),
          todo: expect.stringContaining("993"),
        });
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("It did not fail.");
  });

  it("metrics tell how many were handled, wait and were set aside", async () => {
    const text = await app.metrics();
    expect(text).toMatch(/^tidings_received_mails_total\{kind="bounce"\} 1$/m);
    expect(text).toMatch(/^tidings_received_mails\{state="set-aside"\} \d+$/m);
    expect(text).toMatch(/^tidings_received_lag_seconds \d/m);
  });
});

describe("tidings inbound FILE…", () => {
  const folder = mkdtempSync(join(tmpdir(), "tidings-inbound-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("stores and handles each file once; one that cannot be read keeps nobody from the others", async () => {
    const [one, two] = [join(folder, "one.eml"), join(folder, "two.eml")];
    writeFileSync(one, mail("cli", "Hello"));
    writeFileSync(
      two,
      mail("cli2", "<x@example.org>: 550 5.1.1 unknown user", "Subject: Undelivered Mail").replace(
        "Ana <ana@",
        "MAILER-DAEMON <m@",
      ),
    );
    const tidings = promisify(execFile)("bin/tidings", ["inbound", one, join(folder, "none.eml"), two, one, "--json"], {
      cwd: join(import.meta.dirname, "../.."),
      env: { ...process.env, DATABASE_URL: app.url, TIDINGS_SECRET: "x".repeat(40) },
    });
    const { stdout, code } = (await tidings.catch((error: unknown) => error)) as { stdout: string; code: number };
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(code).toBe(1);
    expect(lines.filter(({ file }) => file)).toMatchObject([
      { file: one, known: false, state: "handled", kind: "reply", messageId: null },
      { file: two, known: false, kind: "bounce", verdicts: [{ recipient: "x@example.org" }] },
      { file: one, known: true },
    ]);
  });
});
