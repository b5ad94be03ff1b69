/**
 * Every kind of mail we produce, sent by the engine that sends, judged by programs that are not ours: mailauth, dkimpy
 * and OpenDKIM verify the signatures, postal-mime and Python's email package read the structure, SpamAssassin the sample
 * campaign. Nothing leaves loopback.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import PostalMime from "postal-mime";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as domains from "../../src/domains/domains.ts";
import { closeSandbox } from "../../src/templates/sandbox.ts";
import { openApp, type TestApp } from "../app.ts";
import { type Sink, startSink } from "../smtp-sink.ts";
import { actor, at, type World, world } from "../world.ts";
import { installJudges, openDkim, type PythonReads, readByPython, spamAssassin } from "./judges.ts";

const root = join(import.meta.dirname, "../..");
const DESIGNS = join(root, "../shared/data/mjml");
if (!existsSync(DESIGNS))
  throw new Error(`${DESIGNS} is needed for this test: put the shared data beside the checkout.`);
/** Behind us: dkimpy and OpenDKIM refuse a signature from the future, and have no clock but the machine's. */
const NOW = at("2026-11-02T12:00:00Z");
const BASE = "https://tidings.example";

type Content = { readonly name: string; readonly subject: string; readonly format: string; readonly body: string };
type Row = {
  readonly content: string;
  /** Rendered in the sandbox, since its subject is beyond the compiled subset. */
  readonly general: boolean;
  readonly tracked: boolean;
  readonly signing: keyof typeof SIGNING;
  readonly to: (typeof RECIPIENTS)[number];
};
type Sent = { readonly row: Row; readonly bytes: Buffer; readonly path: string; readonly address: string };

const SIGNING = {
  "rsa.example": ["rsa-sha256"],
  "ed.example": ["ed25519-sha256"],
  "both.example": ["rsa-sha256", "ed25519-sha256"],
} as const;

/** A name of each kind that headers know, and addresses only SMTPUTF8 can carry. `#` is the number of the mail. */
const RECIPIENTS = [
  { firstName: "Ada", lastName: "Lovelace", email: "ada#@example.org" },
  { firstName: "José", lastName: "Ñandú", email: "jose#@example.org" },
  { firstName: "Jürgen", lastName: "Größe", email: "jürgen#@example.org" },
  { firstName: 'Ann "Nan"', lastName: "O'Neil, (Jr.)", email: "ann#@example.org" },
  { firstName: "王小明", lastName: "😀".repeat(30), email: "用户#@例え.example" },
  { firstName: "x".repeat(60), lastName: "Ünïcode ".repeat(20).trim(), email: "long#@example.org" },
] as const;

const TEXTS: readonly Content[] = [
  {
    name: "headers",
    subject: `Grüße – 50 % off 😀 {{ first_name }} ${"こんにちは世界 ".repeat(12)}`,
    format: "html",
    body: "<p>Hi</p>",
  },
  {
    name: "encoded word",
    subject: "=?utf-8?q?no?= {{ first_name }}",
    format: "html",
    body: "<p>=?utf-8?q?no?= =20</p>",
  },
  {
    name: "long lines",
    subject: `${"long".repeat(50)} {{ first_name }}`,
    format: "html",
    body: `<p>${"ü".repeat(5000)}</p><pre>${" \t".repeat(900)}</pre><p>${"word ".repeat(2000)}</p>`,
  },
  { name: "dots", subject: ". {{ first_name }}", format: "html", body: "<pre>.\n..\nFrom me\n--\n.\n\n\n \t \n</pre>" },
  {
    name: "scripts",
    subject: "שלום {{ first_name }}",
    format: "html",
    body: '<p dir="rtl">שלום مرحبا</p><p>👩‍👩‍👧‍👦 \u00a0\u200b\ufeff</p>',
  },
  {
    name: "links",
    subject: "Links for {{ first_name }}",
    format: "html",
    body: '<a href="https://example.com/a?x=1&amp;y=ü">one</a> <a href="https://example.com/{{ first_name }}">own</a>',
  },
];

const FORMATS: Readonly<Record<string, string>> = {
  ".json": "blocks",
  ".mjml": "mjml",
  ".md": "markdown",
  ".html": "html",
};
/** Two designs are written for another system's variables. */
const OURS: Readonly<Record<string, string>> = {
  FirstName: "first_name",
  Company: "company",
  CompanyName: "company",
  ReferalCode: "website",
};

function filesOf(folder: string): Content[] {
  return readdirSync(folder)
    .filter((file) => FORMATS[extname(file)])
    .map((file) => ({
      name: file,
      subject: "News for {{ first_name }}",
      format: FORMATS[extname(file)]!,
      body: readFileSync(join(folder, file), "utf8").replaceAll(/\{\{\s*(\w+)\s*\}\}/g, (tag, name: string) =>
        OURS[name] ? `{{ ${OURS[name]} }}` : tag,
      ),
    }));
}

const folder = mkdtempSync(join(tmpdir(), "tidings-every-mail-"));
const records: Record<string, string> = {};
const scenes: Scene[] = [];
let sent: Sent[] = [];
let samples: { readonly path: string; readonly language: string }[] = [];
let read: PythonReads[] = [];
let commands: readonly string[] = [];

beforeAll(async () => {
  await installJudges();
  sent = await sendEvery(await scene());
  for (const language of ["en", "de"]) samples.push(...(await sendSamples(await scene(), language)));
  read = await readByPython(
    folder,
    records,
    [...sent, ...samples].map(({ path }) => path),
  );
}, 400_000);
afterAll(async () => {
  for (const { app, sink } of scenes) {
    await sink.close();
    await app.close();
  }
  await closeSandbox();
  rmSync(folder, { recursive: true, force: true });
});

describe("every mail we produce", () => {
  it("is there: each design, rendered both ways, measured and not, under each kind of key", () => {
    const all = (key: keyof Row) => new Set(sent.map(({ row }) => row[key])).size;
    expect(sent.length).toBeGreaterThanOrEqual(25 * 12);
    expect([all("general"), all("tracked"), all("signing"), all("to")]).toEqual([2, 2, 3, RECIPIENTS.length]);
    expect(sent.filter(({ row }) => row.content.endsWith(".mjml")).length).toBeGreaterThanOrEqual(14 * 12);
    expect(samples).toHaveLength(2 * 3 * 2);
  });

  it("has lines that RFC 5322 allows, ends each with CRLF, and asks for SMTPUTF8 only where an address needs it", () => {
    const wrong = sent.filter(({ bytes, address }) => {
      const mail = bytes.toString("latin1");
      const lines = mail.split("\r\n");
      const ascii = /^[ -~\t]*$/;
      return (
        /[\r\n]/.test(lines.join("")) ||
        lines.some((line) => line.length > 998 || (!ascii.test(line) && ascii.test(address))) ||
        !ascii.test(lines.slice(lines.indexOf("")).join(""))
      );
    });
    expect(wrong.map(({ row }) => row)).toEqual([]);
    const asked = commands.filter((line) => /^MAIL FROM:.* SMTPUTF8\b/.test(line)).length;
    expect(asked).toBe(sent.filter(({ address }) => /[^ -~]/.test(address)).length);
    expect(asked).toBeGreaterThan(50);
  });

  it("is read the same by Python and postal-mime: subject, names, both parts, and nothing to complain about", async () => {
    for (const [index, { row, bytes, address }] of sent.entries()) {
      const python = read[index]!;
      const mail = await PostalMime.parse(bytes);
      const about = JSON.stringify(row);
      expect(python, about).toMatchObject({
        defects: [],
        types: ["multipart/alternative", "text/plain", "text/html"],
        from: `ana@${row.signing}`,
      });
      const name = `${row.to.firstName} ${row.to.lastName}`;
      const { subject } = contents.find((one) => one.name === row.content)!;
      const shown = subject.replace("{{ first_name }}", row.to.firstName).trim();
      expect([mail.subject, python.subject], about).toEqual([shown, shown]);
      expect([mail.to?.[0]?.name, python.to.name], about).toEqual([name, name]);
      expect([mail.to?.[0]?.address, python.to.address], about).toEqual([address, address]);
      expect(mail.attachments, about).toEqual([]);
      expect([normal(python.html), normal(python.text)], about).toEqual([normal(mail.html), normal(mail.text)]);
      for (const part of [python.html, python.text]) {
        expect(part, about).toContain(`${BASE}/u/`);
        expect(part, about).not.toContain("tidings_tracking");
      }
      expect(python.html.includes(`${BASE}/o/`), about).toBe(row.tracked);
    }
  });

  it("says the same whether it was compiled or rendered in the sandbox", () => {
    const said = new Map<string, string>();
    for (const [index, { row, address }] of sent.entries()) {
      const { html, text } = read[index]!;
      const neutral = [html, text].map((part) =>
        part.replaceAll(/https:\/\/tidings\.example\/[uco]\/[\w.-]+/g, "LINK").replaceAll(address, "ADDRESS"),
      );
      const { content, tracked, signing } = row;
      const key = JSON.stringify([content, tracked, signing]);
      const other = said.get(key);
      const one = neutral.join("\n----\n");
      if (other === undefined) said.set(key, one);
      else expect(one, key).toBe(other);
    }
    expect(said.size).toBe(sent.length / 2);
  });

  it("mailauth verifies every signature", async () => {
    const resolver = async (name: string) => {
      const value = records[name];
      if (value === undefined) throw Object.assign(new Error(`no ${name}`), { code: "ENOTFOUND" });
      return [[value]];
    };
    for (const { row, bytes } of sent) {
      const { results } = await dkimVerify(bytes, { curTime: new Date(NOW.epochMilliseconds), resolver });
      const said = results.map(({ signingDomain, status }) => `${signingDomain} ${status.result}`);
      expect(said, JSON.stringify(row)).toEqual(SIGNING[row.signing].map(() => `${row.signing} pass`));
    }
  });

  it("dkimpy verifies every signature, and none of a mail that was changed", async () => {
    const expected = [
      ...sent.map(({ row }) => SIGNING[row.signing].map(() => true)),
      ...samples.map(() => [true, true]),
    ];
    expect(read.map(({ verified }) => verified)).toEqual(expected);
    const some = sent.filter((_, index) => index % 20 === 0);
    const changed = some.map(({ bytes }, index) =>
      write(`changed-${index}.eml`, bytes.toString("latin1").replace(/\r\n--tidings-\w+--\r\n$/, " .$&")),
    );
    const verdicts = await readByPython(folder, records, changed);
    expect(verdicts.map(({ verified }) => verified)).toEqual(
      some.map(({ row }) => SIGNING[row.signing].map(() => false)),
    );
  });

  it("OpenDKIM verifies every mail", async () => {
    const all = [...sent, ...samples].map(({ path }) => path);
    const verdicts = await openDkim(folder, records, all);
    expect(verdicts).toHaveLength(all.length);
    expect(verdicts.filter((verdict) => !/verification \(s=\S+ d=\S+\.example[^)]*\) succeeded/.test(verdict))).toEqual(
      [],
    );
  });
});

describe("the sample campaign", () => {
  it("gets at most one point from SpamAssassin, in English and German, measured and not, and nothing against MIME or HTML", async () => {
    const verdicts = await spamAssassin(
      folder,
      samples.map(({ path }) => path),
    );
    expect(verdicts).toHaveLength(samples.length);
    for (const [index, { score, rules }] of verdicts.entries()) {
      const about = `${samples[index]!.path}: ${score} ${rules.join()}`;
      // It did look at it.
      expect(rules, about).toContain("HTML_MESSAGE");
      expect(score, about).toBeLessThanOrEqual(1);
      expect(
        rules.filter((name) => /^(?:MIME_|HTML_(?!MESSAGE$))/.test(name)),
        about,
      ).toEqual([]);
    }
  });
});

let contents: readonly Content[] = [];

type Scene = {
  readonly app: TestApp;
  readonly here: World;
  readonly sink: Sink;
  readonly senders: Map<string, number>;
};

/** The whole application, with a server to send to and a sender at each domain. */
async function scene(): Promise<Scene> {
  const app = await openApp({ now: NOW });
  const here = world(app.db);
  const sink = await startSink();
  const made = { app, here, sink, senders: new Map<string, number>() };
  scenes.push(made);
  await here.postalAddress("Example Ltd, 1 Example Street, Lisbon");
  await here.account(sink.port);
  for (const [domain, algorithms] of Object.entries(SIGNING)) {
    const selector = `t${scenes.length}`;
    const { records: published } = await domains.create(
      app.db,
      { domain, mode: "sign", algorithms: [...algorithms], selector },
      app.secrets,
      actor,
      NOW,
    );
    for (const { purpose, name, value } of published) if (purpose === "dkim") records[name] = value;
    made.senders.set(domain, (await here.sender({ name: "Ana Ruiz", email: `ana@${domain}` })).id);
  }
  return made;
}

async function sendEvery({ app, here, sink, senders }: Scene): Promise<Sent[]> {
  contents = [...filesOf(join(root, "test/mails")), ...filesOf(DESIGNS), ...TEXTS];
  // A list is no field: who has none sees what stands there for them.
  await app.good("POST", "/person-fields", { key: "products", label: "Products" });
  const rows: [Row, string][] = [];
  for (const [index, content] of contents.entries())
    for (const general of [false, true]) {
      // Beyond what is compiled, and says the same.
      const subject = general
        ? `{% set kept = first_name %}${content.subject.replace("first_name", "kept")}`
        : content.subject;
      const template = await app.good("POST", "/email-templates", {
        ...content,
        subject,
        name: `${content.name} ${general}`,
      });
      for (const tracked of [false, true]) {
        const steps = [{ emailTemplateId: template.id, sendAfterDays: 0 }];
        const name = `Größe ${content.name} ${general} ${tracked}`;
        const campaign = await app.good("POST", "/campaigns", {
          name,
          steps,
          trackOpens: tracked,
          trackClicks: tracked,
        });
        for (const [nth, signing] of (Object.keys(SIGNING) as (keyof typeof SIGNING)[]).entries()) {
          const to = RECIPIENTS[(index + nth + (tracked ? 3 : 0)) % RECIPIENTS.length]!;
          const email = to.email.replace("#", String(rows.length));
          const person = await here.person({ ...to, email });
          await here.start(campaign.id, person.id, NOW, { senderId: senders.get(signing)! });
          rows.push([{ content: content.name, general, tracked, signing, to }, person.email!]);
        }
      }
    }
  await deliver({ app, here }, NOW);
  await sink.waitFor(rows.length, 120_000);
  commands = sink.commands;
  const arrived = new Map(sink.messages.map(({ to, data }) => [to, data]));
  return rows.map(([row, address], index) => {
    const bytes = arrived.get(address);
    if (!bytes) throw new Error(`Nothing arrived at ${address}: ${JSON.stringify(row)}`);
    return { row, bytes, address, path: write(`mail-${index}.eml`, bytes) };
  });
}

/** The sample campaign as the button makes it, sent to one Lead, unmeasured and measured. */
async function sendSamples({ app, here, sink, senders }: Scene, language: string) {
  await app.good("PATCH", "/workspace", { language, name: "Example Ltd" });
  const { campaign } = await app.good("POST", "/sample-campaign", undefined, "user");
  const files: { path: string; language: string }[] = [];
  for (const tracked of [false, true]) {
    await app.good("PATCH", `/campaigns/${campaign.id}`, { trackOpens: tracked, trackClicks: tracked });
    const lead = await here.person({ firstName: "Ada", lastName: "Lovelace", company: "Analytical Engines" });
    await here.start(campaign.id, lead.id, NOW, { senderId: senders.get("both.example")! });
    for (let day = 0; day <= 10; day += 1) await deliver({ app, here }, NOW.add({ hours: 24 * day }));
    await sink.waitFor(files.length + 3, 60_000);
    const mails = sink.messages.filter(({ to }) => to === lead.email);
    for (const [index, { from, to, data }] of mails.entries())
      files.push({ language, path: write(`sample-${language}-${tracked}-${index}.eml`, received(from, to, data)) });
  }
  return files;
}

/** Beside the application's own worker, which may take some of it: the next step is due when that is recorded. */
async function deliver({ app, here }: Pick<Scene, "app" | "here">, now: Temporal.Instant): Promise<void> {
  const delivery = here.delivery({ publicUrl: BASE, vault: { seal: app.secrets } });
  await delivery.runUntilIdle(now, { burstGuard: false });
  await vi.waitFor(async () => expect(await underWay(here, now)).toBe(0), { timeout: 60_000, interval: 20 });
  await delivery.drain(100);
}

/** What is being planned counts, too: a day later its lease would have run out, and it would leave once more. */
async function underWay({ db }: World, now: Temporal.Instant): Promise<number> {
  const due = await db.selectFrom("emailCampaigns").select("id").where("nextDueAt", "<=", now).execute();
  const unfinished = await db.selectFrom("messages").select("id").where("finishedAt", "is", null).execute();
  return due.length + unfinished.length;
}

/** As the recipient's server keeps it: filters look at the way it came as well. */
function received(from: string, to: string, data: Buffer): string {
  const mail = data.toString("latin1");
  const date = /^Date: (.*)\r$/m.exec(mail)![1];
  return (
    `Return-Path: <${from}>\r\nReceived: from mail.both.example (mail.both.example [203.0.113.7])\r\n` +
    ` by mx.example.org (Postfix) with ESMTPS id 4Xyz12345\r\n for <${to}>; ${date}\r\n${mail}`
  );
}

/** Both readers end lines their own way. */
const normal = (text: string | undefined) => (text ?? "").replaceAll(/\r\n?/g, "\n").trimEnd();

function write(name: string, mail: Buffer | string): string {
  const path = join(folder, name);
  writeFileSync(path, mail, "latin1");
  return path;
}
