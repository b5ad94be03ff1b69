/**
 * What leaves beside the mails of a Campaign: tests, trials of an account, answers, mail to users. Each is made as the
 * application makes it, and judged by the same programs as the rest. Nothing leaves loopback.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import PostalMime from "postal-mime";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { notifyReplies } from "../../src/conversations/notify.ts";
import * as domains from "../../src/domains/domains.ts";
import { systemMail } from "../../src/sign-in/system-mail.ts";
import { openApp, type TestApp } from "../app.ts";
import { type Sink, startSink } from "../smtp-sink.ts";
import { actor, at, silent, world } from "../world.ts";
import { installJudges, openDkim, type PythonReads, readByPython, type SpamVerdict, spamAssassin } from "./judges.ts";

/** Behind us: verifiers refuse a signature from the future, and have no clock but the machine's. */
const NOW = at("2026-11-02T12:00:00Z");
const BASE = "https://tidings.example";
const OURS = "ana@both.example";
const READER = "jose@example.org";

/** Who gets what: by its recipient each is found again. Subjects are as a reader sees them. */
const EXPECTED = [
  { to: "user@example.com", subject: "[Test] Grüße José 😀" },
  { to: "trial@example.org", subject: "[Test] This email account works" },
  { to: "jürgen@example.org", subject: "Einladung zu Größe & Söhne" },
  { to: "manager@example.com", subject: "A new password for Tidings" },
  { to: "user@example.com", subject: "José Ñandú has answered" },
  { to: READER, subject: "Re: Grüße José 😀" },
];

const folder = mkdtempSync(join(tmpdir(), "tidings-other-mails-"));
const records: Record<string, string> = {};
let app: TestApp;
let sink: Sink;
let mails: { readonly to: string; readonly subject: string; readonly data: Buffer; readonly path: string }[] = [];
let read: PythonReads[] = [];
let spam: SpamVerdict[] = [];

beforeAll(async () => {
  await installJudges();
  app = await openApp({ now: NOW });
  sink = await startSink();
  await sendAll();
  const found = await Promise.all(
    sink.messages.map(async ({ to, data }) => ({ to, data, subject: (await PostalMime.parse(data)).subject ?? "" })),
  );
  mails = found.map((mail, index) => ({ ...mail, path: write(`mail-${index}.eml`, mail.data) }));
  const paths = mails.map(({ path }) => path);
  read = await readByPython(folder, records, paths);
  spam = await spamAssassin(folder, paths);
}, 400_000);
afterAll(async () => {
  await sink?.close();
  await app?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("mail beside a Campaign", () => {
  it("is all there: a test, a trial, an invitation, a new password, word of a reply, an answer", () => {
    const seen = mails.map(({ to, subject }) => ({ to, subject }));
    // The first mail of the Campaign, which is answered, is among them.
    expect(seen).toHaveLength(EXPECTED.length + 1);
    expect(seen).toEqual(expect.arrayContaining(EXPECTED));
  });

  it("is read the same by Python and postal-mime, and neither has anything to complain about", async () => {
    for (const [index, { to, subject, data }] of mails.entries()) {
      const mail = await PostalMime.parse(data);
      expect(read[index], subject).toMatchObject({
        defects: [],
        types: ["multipart/alternative", "text/plain", "text/html"],
        subject,
        from: OURS,
        to: { address: to, name: mail.to?.[0]?.name ?? "" },
      });
      const { html, text } = read[index]!;
      expect([normal(html), normal(text)], subject).toEqual([normal(mail.html), normal(mail.text)]);
      expect(mail.attachments, subject).toEqual([]);
    }
  });

  it("is verified by mailauth, dkimpy and OpenDKIM", async () => {
    const resolver = async (name: string) => [[records[name] ?? ""]];
    for (const { subject, data } of mails) {
      const { results } = await dkimVerify(data, { curTime: new Date(NOW.epochMilliseconds), resolver });
      expect(
        results.map(({ signingDomain, status }) => `${signingDomain} ${status.result}`),
        subject,
      ).toEqual(["both.example pass", "both.example pass"]);
    }
    expect(read.map(({ verified }) => verified)).toEqual(mails.map(() => [true, true]));
    const verdicts = await openDkim(
      folder,
      records,
      mails.map(({ path }) => path),
    );
    expect(verdicts).toEqual(mails.map(() => expect.stringMatching(/ d=both\.example[^)]*\) succeeded/)));
  });

  it("has MIME and HTML that SpamAssassin has nothing against", () => {
    expect(spam).toHaveLength(mails.length);
    for (const [index, { rules }] of spam.entries()) {
      expect(rules).toContain("HTML_MESSAGE");
      const against = rules.filter((name) => /^(?:MIME_|HTML_(?!MESSAGE$))/.test(name));
      expect(against, mails[index]!.subject).toEqual([]);
    }
  });
});

async function sendAll(): Promise<void> {
  const here = world(app.db);
  await here.postalAddress("Example Ltd, 1 Example Street, Lisbon");
  await app.good("PATCH", "/workspace", { name: "Größe & Söhne", language: "de" });
  const { records: published } = await domains.create(
    app.db,
    { domain: "both.example", mode: "sign", algorithms: ["rsa-sha256", "ed25519-sha256"], selector: "t" },
    app.secrets,
    actor,
    NOW,
  );
  for (const { purpose, name, value } of published) if (purpose === "dkim") records[name] = value;
  const account = await here.account(sink.port, { email: OURS, isDefault: true });
  const users = await app.good("GET", "/users");
  const user = users.data.find(({ email }: { email: string }) => email === "user@example.com");
  const sender = await here.sender({
    userId: user.id,
    name: "Ana Größe",
    email: OURS,
    signatureHtml: "<p>Ana Größe<br>Söhne &amp; Co</p>",
    signatureText: "Ana Größe\nSöhne & Co",
  });
  const vault = { seal: app.secrets };

  const template = await app.good("POST", "/email-templates", {
    name: "Hello",
    subject: "Grüße {{ first_name }} 😀",
    format: "markdown",
    body: "Guten Tag {{ first_name }},\n\nwir haben **Neues**.\n\n{{ signature }}",
  });
  const person = await here.person({ firstName: "José", lastName: "Ñandú", email: READER });
  await app.good("POST", "/email-templates/test-send", { emailTemplateId: template.id, personId: person.id }, "user");
  await app.good("POST", "/email-accounts/diagnosis", { emailAccountId: account.id, testMailTo: "trial@example.org" });
  await app.good("POST", "/invitations", { name: "Jürgen 😀", email: "jürgen@example.org", role: "user" });
  await app.good("POST", "/password-resets", { email: "manager@example.com" });

  const steps = [{ emailTemplateId: template.id, sendAfterDays: 0 }];
  const campaign = await app.good("POST", "/campaigns", { name: "Größe", steps });
  const begun = await here.start(campaign.id, person.id, NOW, { senderId: sender.id });
  const delivery = here.delivery({ publicUrl: BASE, vault });
  await delivery.runUntilIdle(NOW);
  await vi.waitFor(async () => expect((await here.messages(begun))[0]?.state).toBe("accepted"), { timeout: 30_000 });
  await delivery.drain(100);
  const { messageId } = (await here.messages(begun))[0]!;
  await app.mail(
    "/inbound/mails",
    `From: Jos\u00e9 <${READER}>\r\nTo: ${OURS}\r\nMessage-ID: <r1@example.org>\r\nIn-Reply-To: ${messageId}\r\nReferences: ${messageId}\r\nSubject: =?utf-8?Q?Re:_Gr=C3=BC=C3=9Fe_Jos=C3=A9_=F0=9F=98=80?=\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n.\r\nFrom me: S\u00ed, ma\u00f1ana \u2013 <b>gracias</b> &amp; =20\r\n${"long ".repeat(300)}\r\n`,
  );
  const conversation = await vi.waitFor(
    async () => {
      const { data } = await app.good("GET", `/conversations?personId=${person.id}`);
      expect(data).toHaveLength(1);
      return data[0];
    },
    { timeout: 30_000, interval: 50 },
  );
  const mail = systemMail({ db: app.db, vault, publicUrl: BASE, log: silent });
  await notifyReplies({ db: app.db, vault, mail, publicUrl: BASE }, NOW.add({ minutes: 30 }));
  await app.good("POST", `/conversations/${conversation.id}/answers`, {
    text: "Danke für Ihre Antwort – bis morgen!\n\n.\nFrom here: https://example.com/ü?a=1&b=2",
    done: true,
  });
  await sink.waitFor(EXPECTED.length + 1, 60_000);
}

/** Both readers end lines their own way. */
const normal = (text: string | undefined) => (text ?? "").replaceAll(/\r\n?/g, "\n").trimEnd();

function write(name: string, mail: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, mail);
  return path;
}
