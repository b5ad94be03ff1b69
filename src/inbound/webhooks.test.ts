import { execFileSync } from "node:child_process";
import { createHmac, createSign, generateKeyPairSync, sign as signWith } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { type Provider, providerEvents } from "../core/inbound/provider-events.ts";

const TOPIC = "arn:aws:sns:eu-central-1:123456789012:ses-events";
const CERTIFICATE_URL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123.pem";
const MESSAGE_ID = "1.abc@example.com";
const TO = "ada@example.org";

let app: TestApp;
let now: Temporal.Instant;
const fetched: string[] = [];
const amazon = certificate();
const { privateKey: ecKey, publicKey: ecPublic } = generateKeyPairSync("ec", { namedCurve: "P-256" });

beforeAll(async () => {
  app = await openApp({
    fetcher: async (url) => {
      fetched.push(url);
      return new Response(url === CERTIFICATE_URL ? amazon.pem : "ok", { status: 200 });
    },
  });
  now = app.clock.now;
});
afterAll(() => app.close());

function certificate(days = 3650): { pem: string; key: string } {
  const folder = mkdtempSync(join(tmpdir(), "tidings-sns-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=sns.amazonaws.com", "-days", String(days)];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject], {
    stdio: "ignore",
  });
  const made = { pem: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  rmSync(folder, { recursive: true });
  return made;
}

type Request = { readonly body: string; readonly headers?: Record<string, string> };
type Signing = { readonly at: Temporal.Instant; readonly wrong?: boolean };

const seconds = (at: Temporal.Instant) => Math.floor(at.epochMilliseconds / 1000);
const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`tidings:${password}`).toString("base64")}`,
});

/** The documented shape of a hard bounce of each provider, signed as that provider signs. */
const BOUNCES: Readonly<Record<Provider, (signing: Signing, secret: string, id?: string) => Request>> = {
  generic({ at, wrong }, secret, id = "g1") {
    const body = JSON.stringify({
      id,
      kind: "bounce",
      recipient: TO,
      messageId: `<${MESSAGE_ID}>`,
      status: "5.1.1",
      diagnostic: "550 5.1.1 unknown user",
    });
    const hex = createHmac("sha256", wrong ? "x" : secret)
      .update(`${seconds(at)}.${body}`)
      .digest("hex");
    return { body, headers: { "tidings-signature": `t=${seconds(at)},v1=${hex}` } };
  },
  mailgun({ at, wrong }, secret, id = "m1") {
    const timestamp = String(seconds(at));
    const token = `token-${id}-${timestamp}`;
    const signature = createHmac("sha256", wrong ? "x" : secret)
      .update(timestamp + token)
      .digest("hex");
    const event = {
      event: "failed",
      severity: "permanent",
      reason: "bounce",
      id,
      timestamp: seconds(at) + 0.5,
      recipient: TO,
      "delivery-status": {
        code: 550,
        message: "5.1.1 The email account that you tried to reach does not exist.",
        description: "",
      },
      message: { headers: { to: TO, "message-id": MESSAGE_ID, from: "us@example.com", subject: "Hello" }, size: 111 },
    };
    return { body: JSON.stringify({ signature: { timestamp, token, signature }, "event-data": event }) };
  },
  sendgrid({ at, wrong }, _secret, id = "s1") {
    const body = JSON.stringify([
      {
        email: TO,
        timestamp: seconds(at),
        "smtp-id": `<${MESSAGE_ID}>`,
        event: "bounce",
        type: "bounce",
        sg_event_id: id,
        sg_message_id: "x.filter",
        reason: "550 5.1.1 The email account that you tried to reach does not exist",
        status: "5.1.1",
      },
      { email: TO, timestamp: seconds(at), event: "open", sg_event_id: `${id}-open` },
    ]);
    const signature = signWith("sha256", Buffer.from(`${seconds(at)}${wrong ? " " : ""}${body}`), ecKey).toString(
      "base64",
    );
    return {
      body,
      headers: {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": String(seconds(at)),
      },
    };
  },
  postmark: ({ wrong }, secret, id = "4323372036854775807") => ({
    body: JSON.stringify({
      RecordType: "Bounce",
      ID: id,
      Type: "HardBounce",
      TypeCode: 1,
      Name: "Hard bounce",
      MessageID: "883953f4-6105-42a2-a16a-77a8eac79483",
      Description: "The server was unable to deliver your message (ex: unknown user, mailbox not found).",
      Details: "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
      Email: TO,
      From: "us@example.com",
      BouncedAt: "2026-12-01T11:00:00.0000000Z",
      Inactive: true,
    }),
    headers: basic(wrong ? "wrong" : secret),
  }),
  brevo: ({ wrong }, secret, id = "1") => ({
    body: JSON.stringify({
      event: "hard_bounce",
      email: TO,
      id: 1,
      date: "2026-12-01 11:00:00",
      ts: 1796122800,
      ts_event: 1796122800,
      ts_epoch: `179612280000${id}`,
      "message-id": `<${MESSAGE_ID}>`,
      subject: "Hello",
      reason: "550 5.1.1 user unknown",
    }),
    headers: { authorization: `Bearer ${wrong ? "wrong" : secret}` },
  }),
  mailjet: ({ wrong }, secret, id = "1796122800") => ({
    body: JSON.stringify([
      {
        event: "bounce",
        time: Number(id),
        MessageID: 13792286917004336,
        Message_GUID: "1ab23cd4",
        email: TO,
        mj_campaign_id: 0,
        CustomID: MESSAGE_ID,
        Payload: "",
        blocked: false,
        hard_bounce: true,
        error_related_to: "recipient",
        error: "user unknown",
        comment: "550 5.1.1 <ada@example.org>: Recipient address rejected",
      },
    ]),
    headers: basic(wrong ? "wrong" : secret),
  }),
  "amazon-ses": ({ at, wrong }, _secret, id = "0000-1") => sns(at, id, ses(), { wrong: wrong ?? false }),
};

function ses() {
  return JSON.stringify({
    notificationType: "Bounce",
    bounce: {
      feedbackId: "fb-1",
      bounceType: "Permanent",
      bounceSubType: "General",
      bouncedRecipients: [
        { emailAddress: TO, action: "failed", status: "5.1.1", diagnosticCode: "smtp; 550 5.1.1 user unknown" },
      ],
      timestamp: "2026-12-01T11:59:00.000Z",
    },
    mail: {
      timestamp: "2026-12-01T11:58:00.000Z",
      messageId: "00000137860315fd",
      source: "us@example.com",
      destination: [TO],
      headers: [{ name: "Message-ID", value: `<${MESSAGE_ID}>` }],
    },
  });
}

function sns(
  at: Temporal.Instant,
  id: string,
  message: string,
  {
    wrong = false,
    version = "2",
    topic = TOPIC,
    url = CERTIFICATE_URL,
    type = "Notification",
    more = {},
    key = amazon.key,
  }: Partial<{
    wrong: boolean;
    version: string;
    topic: string;
    url: string;
    type: string;
    more: Record<string, string>;
    key: string;
  }> = {},
): Request {
  const whole: Record<string, string> = {
    Type: type,
    MessageId: id,
    TopicArn: topic,
    Message: message,
    Timestamp: at.round("millisecond").toString(),
    ...more,
  };
  const order =
    type === "Notification"
      ? ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
      : ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
  const text = order
    .filter((name) => whole[name] !== undefined)
    .map((name) => `${name}\n${whole[name]}\n`)
    .join("");
  const signature = createSign(version === "1" ? "RSA-SHA1" : "RSA-SHA256")
    .update(wrong ? `${text} ` : text)
    .sign(key, "base64");
  const body = JSON.stringify({ ...whole, SignatureVersion: version, Signature: signature, SigningCertURL: url });
  return { body, headers: { "content-type": "text/plain; charset=UTF-8" } };
}

type Made = { readonly id: number; readonly address: string; readonly secret: string };

async function webhook(provider: Provider): Promise<Made> {
  const given: Partial<Record<Provider, object>> = {
    "amazon-ses": { topic: TOPIC },
    sendgrid: { secret: ecPublic.export({ format: "der", type: "spki" }).toString("base64") },
    mailgun: { secret: "key-of-mailgun-for-tests" },
  };
  const made = await app.good("POST", "/inbound/webhooks", { name: provider, provider, ...given[provider] });
  return { ...made, secret: made.secret ?? (provider === "mailgun" ? "key-of-mailgun-for-tests" : "") };
}

async function call({ address }: Made, { body, headers = {} }: Request) {
  const url = address.slice(address.indexOf("/api/"));
  const answer = await app.inject({
    method: "POST",
    url,
    headers: { "content-type": "application/json", ...headers },
    payload: body,
  });
  return { status: answer.statusCode, body: answer.json() };
}

const SIGNED = ["generic", "mailgun", "sendgrid", "amazon-ses"] as const;
const ALL = [...SIGNED, "postmark", "brevo", "mailjet"] as const;

describe.each(ALL)("a webhook of %s", (provider) => {
  it("takes a bounce that is signed right, once, and says what it was", async () => {
    const hook = await webhook(provider);
    const right = BOUNCES[provider]({ at: now }, hook.secret);
    expect(await call(hook, right)).toEqual({ status: 200, body: { stored: 1, known: 0 } });
    expect(await call(hook, right)).toEqual({ status: 200, body: { stored: 0, known: 1 } });
    const row = await app.db
      .selectFrom("receivedMails")
      .select("event")
      .orderBy("id", "desc")
      .executeTakeFirstOrThrow();
    expect(row.event).toMatchObject({
      kind: "bounce",
      verdicts: [{ recipient: TO, hard: true, reason: "user-unknown" }],
      messageId: provider === "postmark" ? null : `<${MESSAGE_ID}>`,
    });
    const listed = (await app.good("GET", "/inbound/webhooks")).data.find(({ id }: Made) => id === hook.id);
    expect(listed.lastEventAt).not.toBeNull();
  });

  it("refuses a wrong signature, and one of another webhook, and says so to whoever set it up", async () => {
    const hook = await webhook(provider);
    expect((await call(hook, BOUNCES[provider]({ at: now, wrong: true }, hook.secret, "w"))).status).toBe(401);
    const { headers: _none, ...bare } = BOUNCES[provider]({ at: now }, hook.secret, "bare");
    const withoutSignature =
      provider === "mailgun"
        ? { body: '{"event-data":{"event":"failed"}}' }
        : provider === "amazon-ses"
          ? { body: ses() }
          : bare;
    expect((await call(hook, withoutSignature)).status).toBe(401);
    const listed = (await app.good("GET", "/inbound/webhooks")).data.find(({ id }: Made) => id === hook.id);
    expect(listed).toMatchObject({ lastEventAt: null, lastRefusal: expect.any(String) });
  });
});

describe.each(SIGNED)("a signature of %s", (provider) => {
  it("that is old is refused, and so is one from the future", async () => {
    const hook = await webhook(provider);
    expect((await call(hook, BOUNCES[provider]({ at: now.subtract({ hours: 25 }) }, hook.secret, "o"))).status).toBe(
      401,
    );
    expect((await call(hook, BOUNCES[provider]({ at: now.add({ hours: 1 }) }, hook.secret, "f"))).status).toBe(401);
    expect((await call(hook, BOUNCES[provider]({ at: now.subtract({ minutes: 4 }) }, hook.secret, "n"))).status).toBe(
      200,
    );
  });
});

it("a token of Mailgun that was seen once is not good for another body", async () => {
  const hook = await webhook("mailgun");
  const right = BOUNCES.mailgun({ at: now }, hook.secret, "stolen");
  expect((await call(hook, right)).status).toBe(200);
  const altered = { body: right.body.replaceAll(TO, "victim@example.org").replace('"id":"stolen"', '"id":"new"') };
  expect((await call(hook, altered)).status).toBe(401);
});

describe("Amazon SNS", () => {
  const old = { wrong: false, version: "1" };
  it("signs with version 1 too", async () => {
    const hook = await webhook("amazon-ses");
    expect((await call(hook, sns(now, "v1", ses(), old))).status).toBe(200);
  });

  it.each([
    ["another topic", { topic: TOPIC.replace("ses", "other") }],
    ["a certificate from elsewhere", { url: "https://sns.eu-central-1.amazonaws.com.evil.example/x.pem" }],
    ["a certificate without TLS", { url: CERTIFICATE_URL.replace("https", "http") }],
    ["a certificate behind a user name", { url: "https://sns.eu-central-1.amazonaws.com@evil.example/x.pem" }],
    [
      "a signature of another key",
      {
        key: generateKeyPairSync("rsa", {
          modulusLength: 2048,
          privateKeyEncoding: { type: "pkcs8", format: "pem" },
          publicKeyEncoding: { type: "spki", format: "pem" },
        }).privateKey,
      },
    ],
    ["a version nobody knows", { version: "3" }],
  ])("refuses %s, and asks no other host", async (_what, how) => {
    const hook = await webhook("amazon-ses");
    expect((await call(hook, sns(now, "x", ses(), how))).status).toBe(401);
    expect(fetched.filter((url) => !url.startsWith("https://sns.eu-central-1.amazonaws.com/"))).toEqual([]);
  });

  it("is told that we listen, for the configured topic alone, and at an address of its own alone", async () => {
    const hook = await webhook("amazon-ses");
    const confirming = (SubscribeURL: string, topic = TOPIC) =>
      sns(now, "c", "You have chosen to subscribe", {
        type: "SubscriptionConfirmation",
        topic,
        more: { Token: "t", SubscribeURL },
      });
    const good = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t";
    fetched.length = 0;
    expect((await call(hook, confirming("https://evil.example/"))).status).toBe(401);
    expect((await call(hook, confirming(good, TOPIC.replace("ses", "other")))).status).toBe(401);
    expect(fetched).not.toContain(good);
    expect((await call(hook, confirming(good))).status).toBe(200);
    expect(fetched).toContain(good);
    const listed = (await app.good("GET", "/inbound/webhooks")).data.find(({ id }: Made) => id === hook.id);
    expect(listed.confirmedAt).not.toBeNull();
  });
});

describe("webhooks are rows", () => {
  it("an administrator makes, lists, changes and deletes them; a secret is shown once and kept encrypted", async () => {
    expect((await app.ask("POST", "/inbound/webhooks", { name: "x", provider: "postmark" }, "manager")).status).toBe(
      403,
    );
    const made = await app.good("POST", "/inbound/webhooks", { name: "Postmark", provider: "postmark" });
    expect(new URL(made.addressWithSecret)).toMatchObject({ username: "tidings", password: made.secret });
    const listed = JSON.stringify(await app.good("GET", "/inbound/webhooks"));
    expect(listed).toContain(made.address);
    expect(listed).not.toContain(made.secret);
    const { rows } = await app.pool.query("select * from inbound_webhooks where id = $1", [made.id]);
    expect(JSON.stringify(rows)).not.toContain(made.secret);

    const changed = await app.good("POST", `/inbound/webhooks/${made.id}/secret`, {});
    expect(changed.secret).not.toBe(made.secret);
    const by = (secret: string, id: string) => call(made, BOUNCES.postmark({ at: now }, secret, id));
    expect((await by(made.secret, "100")).status).toBe(200);
    expect((await by(changed.secret, "101")).status).toBe(200);
    app.clock.now = now.add({ hours: 25 });
    expect((await by(made.secret, "102")).status).toBe(401);
    expect((await by(changed.secret, "103")).status).toBe(200);
    app.clock.now = now;

    expect((await app.ask("DELETE", `/inbound/webhooks/${made.id}`)).status).toBe(204);
    expect((await by(changed.secret, "104")).status).toBe(404);
  });

  it.each([
    ["Amazon SES without a topic", { provider: "amazon-ses" }],
    ["a topic that is none", { provider: "amazon-ses", topic: "arn:aws:sqs:x" }],
    ["SendGrid without its key", { provider: "sendgrid" }],
    ["a provider nobody knows", { provider: "pigeon" }],
  ])("refuses %s", async (_what, body) => {
    expect((await app.ask("POST", "/inbound/webhooks", { name: "x", ...body })).status).toBe(422);
  });

  it("whoever guesses addresses or signatures is slowed down, and a body has a limit", async () => {
    const hook = await webhook("generic");
    expect((await call(hook, { body: "x".repeat(5 * 1024 * 1024) })).status).toBe(413);
    const statuses = new Set<number>();
    for (let turn = 0; turn < 120; turn++)
      statuses.add((await call({ ...hook, address: "/api/v1/inbound/hooks/guess" }, { body: "{}" })).status);
    expect(statuses).toEqual(new Set([404, 429]));
    // A provider that is right is taken all the same.
    expect((await call(hook, BOUNCES.generic({ at: now }, hook.secret, "after"))).status).toBe(200);
  });
});

it.each<[Provider, string, object, string, boolean | null]>([
  [
    "sendgrid",
    "a block is no dead address",
    { event: "bounce", type: "blocked", email: TO, sg_event_id: "1", reason: "550 5.7.1 blocked by spamhaus" },
    "bounce",
    false,
  ],
  [
    "sendgrid",
    "what is put off has not failed",
    { event: "deferred", email: TO, sg_event_id: "1", response: "450 try later" },
    "bounce",
    false,
  ],
  ["sendgrid", "a complaint", { event: "spamreport", email: TO, sg_event_id: "1" }, "complaint", false],
  [
    "mailgun",
    "a full mailbox is no dead address",
    {
      "event-data": {
        event: "failed",
        severity: "permanent",
        recipient: TO,
        id: "1",
        "delivery-status": { code: 552, message: "5.2.2 mailbox full" },
      },
    },
    "bounce",
    false,
  ],
  ["mailgun", "a complaint", { "event-data": { event: "complained", recipient: TO, id: "1" } }, "complaint", false],
  [
    "postmark",
    "a soft bounce is put off",
    { RecordType: "Bounce", Type: "Transient", ID: 1, Email: TO, Details: "smtp;450 later" },
    "bounce",
    false,
  ],
  [
    "postmark",
    "a kind of bounce nobody knows is no dead address",
    { RecordType: "Bounce", Type: "DnsError", ID: 1, Email: TO, Details: "" },
    "bounce",
    false,
  ],
  ["postmark", "a complaint", { RecordType: "SpamComplaint", ID: 1, Email: TO }, "complaint", false],
  [
    "brevo",
    "an invalid address without words is dead",
    { event: "invalid_email", email: TO, ts_epoch: 1 },
    "bounce",
    true,
  ],
  ["brevo", "a wish to leave", { event: "unsubscribed", email: TO, ts_epoch: 1 }, "unsubscribe", false],
  ["mailjet", "a delivery", { event: "sent", email: TO, time: 1, MessageID: 2 }, "delivered", false],
  [
    "amazon-ses",
    "a transient bounce is no dead address",
    {
      notificationType: "Bounce",
      bounce: { bounceType: "Transient", bounceSubType: "General", bouncedRecipients: [{ emailAddress: TO }] },
    },
    "bounce",
    false,
  ],
  [
    "amazon-ses",
    "no such mailbox, without words, is dead",
    {
      eventType: "Bounce",
      bounce: { bounceType: "Permanent", bounceSubType: "NoEmail", bouncedRecipients: [{ emailAddress: TO }] },
    },
    "bounce",
    true,
  ],
  [
    "amazon-ses",
    "a complaint",
    { notificationType: "Complaint", complaint: { complainedRecipients: [{ emailAddress: TO }] } },
    "complaint",
    false,
  ],
])("%s: %s", (provider, _what, body, kind, hard) => {
  expect(providerEvents(provider, body)).toMatchObject([{ kind, verdicts: [{ recipient: TO, hard }] }]);
});

it("whatever a body holds, reading it does not fail", () => {
  for (const body of [
    null,
    1,
    "x",
    [],
    [null, 1, []],
    {},
    { events: [1] },
    { event: { event: {} } },
    { "event-data": 1, mail: 1 },
  ])
    for (const provider of ALL) expect(providerEvents(provider, body)).toEqual([]);
});
