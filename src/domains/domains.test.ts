/** Sending domains over the API: keys are made, shown as records, rotated and checked; a private key never comes out. */
import { createSocket, type Socket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { startSink } from "../../test/smtp-sink.ts";
import { systemMail } from "../sign-in/system-mail.ts";
import { DnsTrouble, systemResolver } from "./resolver.ts";

let app: TestApp;
/** What our name server says, by record name. */
const zone = new Map<string, string>();

beforeAll(async () => {
  app = await openApp({
    resolver: {
      txt: async (name) => [zone.get(name) ?? []].flat(),
      mx: async () => [],
      addresses: async () => [],
      names: async () => [],
    },
  });
});
afterAll(() => app.close());

const publish = (records: readonly { name: string; value: string }[]) =>
  records.forEach(({ name, value }) => zone.set(name, value));

describe("a sending domain", () => {
  it("is made with an RSA key that signs, and shows the record to publish", async () => {
    const made = await app.good("POST", "/sending-domains", { domain: "Shop.Example" });
    expect(made).toMatchObject({ domain: "shop.example", mode: "sign", checkedAt: null, checks: [] });
    expect(made.keys).toEqual([
      expect.objectContaining({ selector: "t20261201r", algorithm: "rsa-sha256", state: "signing", publishedAt: null }),
    ]);
    expect(made.records[0]).toMatchObject({ purpose: "dkim", name: "t20261201r._domainkey.shop.example", type: "TXT" });
    expect(made.records[0].value).toMatch(/^v=DKIM1; k=rsa; p=MII[\w+/=]{380,}$/);
    expect(made.records[0].strings.join("")).toBe(made.records[0].value);
  });

  it("never answers or logs a private key, and keeps it sealed", async () => {
    const { id } = await app.good("POST", "/sending-domains", { domain: "sealed.example" });
    const [row] = await app.db
      .selectFrom("sendingDomainKeys")
      .select("privateKeyEncrypted")
      .where("sendingDomainId", "=", id)
      .execute();
    const privateKey = app.secrets.decrypt(row!.privateKeyEncrypted);
    expect(row!.privateKeyEncrypted).not.toContain(privateKey.slice(0, 40));
    for (const path of ["", `/${id}`]) {
      const { text } = await app.ask("GET", `/sending-domains${path}`);
      expect(text).toContain("sealed.example");
      expect(text).not.toContain(privateKey.slice(40, 80));
      expect(text).not.toMatch(/encrypted/i);
    }
    const audit = await app.db
      .selectFrom("auditEntries")
      .selectAll()
      .where("subjectType", "=", "sending-domain")
      .execute();
    expect(audit.length).toBeGreaterThan(0);
    expect(JSON.stringify(audit)).not.toContain(privateKey.slice(40, 80));
  });

  it("takes both kinds of keys, and its domain in any script", async () => {
    const algorithms = ["rsa-sha256", "ed25519-sha256"];
    const made = await app.good("POST", "/sending-domains", {
      domain: "bücher.example",
      algorithms,
      selector: "News1",
    });
    expect(made.domain).toBe("xn--bcher-kva.example");
    expect(made.keys.map(({ selector }: { selector: string }) => selector)).toEqual(["news1r", "news1e"]);
    expect(made.records[1].value).toMatch(/^v=DKIM1; k=ed25519; p=[\w+/]{43}=$/);
  });

  it("E35 is rotated: a new key waits until its record is seen, then signs, and the old one stays until it is removed", async () => {
    const { id, records } = await app.good("POST", "/sending-domains", { domain: "rotation.example" });
    publish(records);
    const added = await app.good("POST", `/sending-domains/${id}/keys`, { algorithms: ["rsa-sha256"] });
    const [old, fresh] = added.keys;
    expect([old.state, fresh.state, fresh.selector]).toEqual(["signing", "new", "t20261201r2"]);
    const early = await app.ask("PUT", `/sending-domains/${id}/keys/${fresh.id}/signing`);
    expect([early.status, early.body.code]).toEqual([422, "sending-domain-key-unpublished"]);
    publish(added.records);
    const checked = await app.good("POST", `/sending-domains/${id}/check`);
    expect(checked.keys.map(({ publishedAt }: { publishedAt: string }) => publishedAt)).toEqual(
      Array(2).fill("2026-12-01T12:00:00Z"),
    );
    const turned = await app.good("PUT", `/sending-domains/${id}/keys/${fresh.id}/signing`);
    expect(turned.keys.map(({ state }: { state: string }) => state)).toEqual(["retired", "signing"]);
    const kept = await app.ask("DELETE", `/sending-domains/${id}/keys/${fresh.id}`);
    expect([kept.status, kept.body.code]).toEqual([409, "sending-domain-key-in-use"]);
    await app.good("DELETE", `/sending-domains/${id}/keys/${old.id}`);
    expect((await app.good("GET", `/sending-domains/${id}`)).keys).toHaveLength(1);
    const audit = await app.db
      .selectFrom("auditEntries")
      .select("action")
      .where("subjectType", "=", "sending-domain")
      .where("subjectId", "=", String(id))
      .orderBy("id")
      .execute();
    expect(audit.map(({ action }) => action)).toEqual(["create", "add-keys", "sign-with", "remove-key"]);
  });

  it("a check that no longer sees a record takes back that it was published", async () => {
    const { id, records } = await app.good("POST", "/sending-domains", { domain: "withdrawn.example" });
    publish(records);
    expect((await app.good("POST", `/sending-domains/${id}/check`)).keys[0].publishedAt).not.toBeNull();
    zone.delete(records[0].name);
    const after = await app.good("POST", `/sending-domains/${id}/check`);
    expect(after.keys[0].publishedAt).toBeNull();
    expect(after.checks.find(({ check }: { check: string }) => check === "dkim")).toMatchObject({ ok: false });
  });

  it("cannot be told to sign without a key", async () => {
    const made = await app.good("POST", "/sending-domains", { domain: "keyless.example", mode: "off" });
    expect(made.keys).toEqual([]);
    const refused = await app.ask("PATCH", `/sending-domains/${made.id}`, { mode: "sign" });
    expect([refused.status, refused.body.code]).toEqual([422, "sending-domain-without-key"]);
    const none = { domain: "keyless2.example", algorithms: [] };
    expect((await app.ask("POST", "/sending-domains", none)).body.code).toBe("sending-domain-without-key");
  });

  it.each([
    [{ domain: "shop.example" }, 409, "sending-domain-exists"],
    [{ domain: "not a domain" }, 422, "domain-invalid"],
    [{ domain: "localhost" }, 422, "domain-invalid"],
    [{ domain: "a@b.example" }, 422, "domain-invalid"],
    [{ domain: "twice.example", algorithms: ["rsa-sha256", "rsa-sha256"] }, 422, "input-invalid"],
    [{ domain: "selector.example", selector: "a.b" }, 422, "input-invalid"],
  ])("%j is refused", async (input, status, code) => {
    const refused = await app.ask("POST", "/sending-domains", input);
    expect([refused.status, refused.body.code]).toEqual([status, code]);
  });

  it("is seen and checked by managers, and changed by administrators alone", async () => {
    const { id } = await app.good("POST", "/sending-domains", { domain: "roles.example", mode: "off" });
    expect((await app.ask("GET", `/sending-domains/${id}`, undefined, "user")).status).toBe(403);
    expect((await app.ask("GET", `/sending-domains/${id}`, undefined, "manager")).status).toBe(200);
    expect((await app.ask("POST", `/sending-domains/${id}/check`, undefined, "manager")).status).toBe(200);
    expect((await app.ask("POST", "/sending-domains", { domain: "x.example" }, "manager")).status).toBe(403);
    expect((await app.ask("DELETE", `/sending-domains/${id}`, undefined, "manager")).status).toBe(403);
    expect((await app.ask("DELETE", `/sending-domains/${id}`)).status).toBe(204);
    expect((await app.ask("GET", `/sending-domains/${id}`)).status).toBe(404);
  });
});

describe("mail besides campaigns", () => {
  const log = pino({ level: "silent" });
  const toUser = () =>
    systemMail({ db: app.db, vault: { seal: app.secrets }, publicUrl: "https://tidings.example", log })(
      { name: "Ana", address: "ana@example.com" },
      { subject: "A new password", lines: ["Follow this link."], link: "https://tidings.example/x" },
      app.clock.now,
    );

  it("the test mail of an email account is signed like a campaign's, or not sent", async () => {
    const sink = await startSink();
    const { id } = await app.good("POST", "/sending-domains", { domain: "tested.example" });
    const settings = { smtpHost: "127.0.0.1", smtpPort: sink.port, smtpSecurity: "none", email: "info@tested.example" };
    const asked = { settings, testMailTo: "me@example.org" };
    await sleep(SEEN_AFTER_MS);
    await app.good("POST", "/email-accounts/diagnosis", asked);
    expect(sink.messages.map(({ data }) => data.toString("latin1"))).toEqual([
      expect.stringMatching(/^DKIM-Signature: [^]*d=tested\.example;[^]*\r\nDate: /),
    ]);
    await app.db.updateTable("sendingDomainKeys").set({ state: "retired" }).where("sendingDomainId", "=", id).execute();
    await sleep(SEEN_AFTER_MS);
    expect(await app.ask("POST", "/email-accounts/diagnosis", asked)).toMatchObject({
      status: 422,
      body: { code: "cannot-sign" },
    });
    expect(sink.messages).toHaveLength(1);
    await sink.close();
  });

  it("a test of a template is signed like the campaign it stands for, or not sent", async () => {
    const { id } = await app.good("POST", "/sending-domains", { domain: "trial.example" });
    const sender = await app.good("POST", "/senders", { name: "Ana", email: "ana@trial.example" });
    const content = { subject: "Hello", body: "Dear {{ first_name }}" };
    const asked = { content, senderId: sender.id, to: "trial@example.org" };
    await app.good("POST", "/email-templates/test-send", asked);
    const kept = () =>
      app.db.selectFrom("mailboxMessages").select("bytes").where("envelopeTo", "=", "trial@example.org").execute();
    expect((await kept()).map(({ bytes }) => bytes.toString("latin1"))).toEqual([
      expect.stringMatching(/^DKIM-Signature: [^]*d=trial\.example;/),
    ]);
    await app.db
      .updateTable("sendingDomainKeys")
      .set({ publicKey: "AAAA" })
      .where("sendingDomainId", "=", id)
      .execute();
    expect((await app.ask("POST", "/email-templates/test-send", asked)).body.code).toBe("cannot-sign");
    expect(await kept()).toHaveLength(1);
  });

  it("a mail to a user is signed where the domain says so, or not sent", async () => {
    const { id } = await app.good("POST", "/sending-domains", { domain: "tidings.example" });
    expect(await toUser()).toBe(true);
    const kept = () =>
      app.db.selectFrom("mailboxMessages").select("bytes").where("envelopeTo", "=", "ana@example.com").execute();
    expect((await kept()).map(({ bytes }) => bytes.toString("latin1"))).toEqual([
      expect.stringMatching(/^DKIM-Signature: [^]*d=tidings\.example;/),
    ]);
    await app.db
      .updateTable("sendingDomainKeys")
      .set({ publicKey: "AAAA" })
      .where("sendingDomainId", "=", id)
      .execute();
    expect(await toUser()).toBe(false);
    expect(await kept()).toHaveLength(1);
  });
});

/** A signer knows what it read for a second; a domain may have been changed by another process. */
const SEEN_AFTER_MS = 1100;

describe("the name servers", () => {
  it("are asked over the wire: strings of one record are joined, what is not there is nothing, silence is trouble", async () => {
    const server = await nameServer();
    try {
      const resolver = systemResolver([`127.0.0.1:${server.address().port}`]);
      expect(await resolver.txt("long.example")).toEqual([`${"a".repeat(255)}${"b".repeat(100)}`]);
      expect(await resolver.txt("gone.example")).toEqual([]);
      await expect(resolver.txt("broken.example")).rejects.toThrow(DnsTrouble);
      expect(await resolver.addresses("192.0.2.1")).toEqual(["192.0.2.1"]);
    } finally {
      server.close();
    }
  });
});

/** A name server that knows one TXT record, denies others (NXDOMAIN) and fails for broken.example (SERVFAIL). */
async function nameServer(): Promise<Socket> {
  const server = createSocket("udp4");
  server.on("message", (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const question = query.subarray(12, end);
    const name = question.toString("latin1");
    const known = name.includes("long");
    const code = known ? 0 : name.includes("broken") ? 2 : 3;
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(known ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const strings = ["a".repeat(255), "b".repeat(100)].map((text) =>
      Buffer.from(`${String.fromCharCode(text.length)}${text}`, "latin1"),
    );
    const data = Buffer.concat(strings);
    const answer = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 255]);
    server.send(Buffer.concat([head, question, ...(known ? [answer, data] : [])]), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  return server;
}
