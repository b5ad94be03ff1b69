/** Whether a webhook's call is from whom it says: signatures over the raw body, compared in constant time. Acts on nothing. */
import { createHash, createHmac, createPublicKey, timingSafeEqual, verify, X509Certificate } from "node:crypto";
import type { Provider } from "../core/inbound/provider-events.ts";
import type { Fetcher } from "../mail/access-tokens.ts";

export type WebhookCall = {
  /** A header by its name in small letters. */
  readonly header: (name: string) => string | undefined;
  readonly raw: Buffer;
  /** The body as JSON. */
  readonly body: unknown;
};

export type Trust = {
  /** What the provider signs or logs in with; several while it is being changed. */
  readonly secrets: readonly string[];
  /** The one topic of Amazon SNS. */
  readonly topic: string | null;
  readonly certificates: Certificates;
};

/** Null: it is good. Else why not, for the log and whoever set it up. */
export type Refused = string | null;

/** The certificate at an address that was checked; another one in tests. */
export type Certificates = (url: string) => Promise<string>;

const MINUTE = 60_000;
/** Clocks differ. */
const FUTURE_MS = 5 * MINUTE;
/** As long as each goes on to repeat a call with its first signature. What is repeated is known and changes nothing. */
const OLD_MS = {
  "amazon-ses": 60 * MINUTE,
  sendgrid: 24 * 60 * MINUTE,
  mailgun: 12 * 60 * MINUTE,
  generic: 5 * MINUTE,
};

/** Checks a call by the provider's own way. */
export function checkCall(
  provider: Provider,
  call: WebhookCall,
  trust: Trust,
  now: Temporal.Instant,
): Promise<Refused> {
  return CHECKS[provider](call, trust, now);
}

type Check = (call: WebhookCall, trust: Trust, now: Temporal.Instant) => Promise<Refused>;

/** User and password in the address: what these providers have instead of a signature. */
const byPassword: Check = async ({ header }, { secrets }) => {
  const [, scheme = "", given = ""] = /^(basic|bearer) +(\S+)$/i.exec(header("authorization") ?? "") ?? [];
  if (given === "") return "It brings no password.";
  const password =
    scheme.toLowerCase() === "bearer"
      ? given
      : Buffer.from(given, "base64")
          .toString("utf8")
          .replace(/^[^:]*:/, "");
  return secrets.some((secret) => isSame(password, secret)) ? null : "The password is wrong.";
};

const CHECKS: Readonly<Record<Provider, Check>> = {
  postmark: byPassword,
  brevo: byPassword,
  mailjet: byPassword,

  async generic({ header, raw }, { secrets }, now) {
    const [, at = "", given = ""] = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/.exec(header("tidings-signature") ?? "") ?? [];
    if (at === "") return "The header Tidings-Signature is missing or is not t=SECONDS,v1=HEX.";
    const age = ageRefused(Number(at) * 1000, OLD_MS.generic, now);
    if (age) return age;
    const good = secrets.some((secret) =>
      isSame(given, createHmac("sha256", secret).update(`${at}.`).update(raw).digest("hex")),
    );
    return good ? null : WRONG;
  },

  async mailgun({ body }, { secrets }, now) {
    const { timestamp, token, signature } = textsOf(fieldsOf(body)["signature"]);
    if (!timestamp || !token || !signature || token.length > 200) return "It carries no signature.";
    const age = ageRefused(Number(timestamp) * 1000, OLD_MS.mailgun, now);
    if (age) return age;
    const good = secrets.some((secret) =>
      isSame(signature, createHmac("sha256", secret).update(`${timestamp}${token}`).digest("hex")),
    );
    return good ? null : WRONG;
  },

  async sendgrid({ header, raw }, { secrets }, now) {
    const signature = header("x-twilio-email-event-webhook-signature") ?? "";
    const at = header("x-twilio-email-event-webhook-timestamp") ?? "";
    if (signature === "" || !/^\d{1,12}$/.test(at)) return "It carries no signature.";
    const age = ageRefused(Number(at) * 1000, OLD_MS.sendgrid, now);
    if (age) return age;
    const signed = Buffer.concat([Buffer.from(at), raw]);
    const good = secrets.some((secret) => {
      try {
        const key = createPublicKey({ key: Buffer.from(secret, "base64"), format: "der", type: "spki" });
        return verify("sha256", signed, key, Buffer.from(signature, "base64"));
      } catch {
        return false;
      }
    });
    return good ? null : WRONG;
  },

  async "amazon-ses"({ body }, { topic, certificates }, now) {
    const message = textsOf(body);
    const text = (name: string) => message[name] ?? "";
    if (topic === null || text("TopicArn") !== topic) return "It is of another topic.";
    const fields = SIGNED[text("Type")];
    if (!fields) return "It is no message of SNS.";
    const algorithm = { "1": "sha1", "2": "sha256" }[text("SignatureVersion")];
    if (!algorithm) return "Its signature is of a version that nobody knows.";
    const url = text("SigningCertURL");
    if (!isAmazon(url) || !new URL(url).pathname.endsWith(".pem"))
      return "Its certificate is not at an address of SNS.";
    const age = ageRefused(Date.parse(text("Timestamp")), OLD_MS["amazon-ses"], now);
    if (age) return age;
    const signed = fields
      .flatMap((name) => (message[name] === undefined ? [] : [`${name}\n${message[name]}\n`]))
      .join("");
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(await certificates(url));
    } catch {
      return "Its certificate could not be fetched.";
    }
    if (now.epochMilliseconds > certificate.validToDate.getTime()) return "Its certificate has expired.";
    const good = verify(
      algorithm,
      Buffer.from(signed),
      certificate.publicKey,
      Buffer.from(text("Signature"), "base64"),
    );
    return good ? null : WRONG;
  },
};

const WRONG = "The signature is wrong.";

/** What SNS signs, in this order. */
const CONFIRMING = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];
const SIGNED: Readonly<Record<string, readonly string[]>> = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: CONFIRMING,
  UnsubscribeConfirmation: CONFIRMING,
};

/** Only SNS itself is asked for certificates and told that we listen. */
export function isAmazon(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, host, username, password } = new URL(address);
  return (
    protocol === "https:" && username + password === "" && /^sns\.[a-z0-9-]{3,30}\.amazonaws\.com(?:\.cn)?$/.test(host)
  );
}

const TIMEOUT_MS = 10_000;
const MOST_CERTIFICATE = 20_000;
const MOST_KEPT = 50;

/** Fetches each certificate once. */
export function fetchedCertificates(fetcher: Fetcher): Certificates {
  const kept = new Map<string, string>();
  return async (url) => {
    const known = kept.get(url);
    if (known !== undefined) return known;
    const answer = await fetcher(url, { redirect: "error", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await answer.text();
    if (answer.status !== 200 || text.length > MOST_CERTIFICATE) throw new Error("It is no certificate.");
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(url, text);
    return text;
  };
}

function ageRefused(ms: number, oldMs: number, now: Temporal.Instant): Refused {
  if (!Number.isFinite(ms)) return "It does not say when it was signed.";
  const age = now.epochMilliseconds - ms;
  if (age > oldMs) return "It was signed too long ago.";
  return age < -FUTURE_MS ? "It was signed in the future." : null;
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  value !== null && typeof value === "object" ? (value as Record<string, unknown>) : {};

/** Those of its fields that are text. */
function textsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).flatMap(([name, text]) => (typeof text === "string" ? [[name, text]] : [])),
  );
}

/** Whatever the lengths are, it takes the same time. */
function isSame(one: string, other: string): boolean {
  const digest = (value: string) => createHash("sha256").update(value).digest();
  return timingSafeEqual(digest(one), digest(other));
}
