/** What mail providers report by webhook, as events of one shape. Pure; whether they may be believed is decided before. */
import { createHash } from "node:crypto";
import type { InboundEvent } from "./event.ts";
import { statusIn } from "./report.ts";
import { mild, type Verdict, verdictOf } from "./verdict.ts";

export const PROVIDERS = ["amazon-ses", "sendgrid", "mailgun", "postmark", "brevo", "mailjet", "generic"] as const;
export type Provider = (typeof PROVIDERS)[number];

type Json = Readonly<Record<string, unknown>>;
type Event = Omit<InboundEvent, "provider" | "original">;

const MOST_EVENTS = 5000;
const MOST_RECIPIENTS = 100;

/** The events a verified body tells of; what is of no matter here (opens, clicks, …) is left out. */
export function providerEvents(provider: Provider, body: unknown): InboundEvent[] {
  const several = Array.isArray(body) ? body : listIn(body) ? (body as { events: unknown[] }).events : [body];
  return several.slice(0, MOST_EVENTS).flatMap((one) => {
    const original = objectOf(one);
    const event = original && READERS[provider](original);
    return event ? [{ ...event, provider, original }] : [];
  });
}

const listIn = (body: unknown) => Array.isArray(objectOf(body)?.["events"]);

const READERS: Readonly<Record<Provider, (event: Json) => Event | null>> = {
  "amazon-ses": (event) => {
    const kind = text(event["notificationType"]) ?? text(event["eventType"]);
    const mail = objectOf(event["mail"]) ?? {};
    const header = list(mail["headers"])
      .map(objectOf)
      .find((one) => text(one?.["name"])?.toLowerCase() === "message-id");
    const named = text(header?.["value"]) ?? text(objectOf(mail["commonHeaders"])?.["messageId"]);
    const part = objectOf(event[kind === "DeliveryDelay" ? "deliveryDelay" : (kind?.toLowerCase() ?? "")]) ?? {};
    const common = {
      id: `${kind} ${text(part["feedbackId"]) ?? hashOf(event)}`,
      messageId: bracketed(named),
      at: moment(part["timestamp"]),
    };
    const people = (key: string) => list(part[key]).slice(0, MOST_RECIPIENTS).map(objectOf);
    if (kind === "Bounce" || kind === "DeliveryDelay") {
      const permanent = text(part["bounceType"]) === "Permanent";
      const gone =
        permanent && /^(?:NoEmail|Suppressed|OnAccountSuppressionList)$/.test(text(part["bounceSubType"]) ?? "");
      const verdicts = people(kind === "Bounce" ? "bouncedRecipients" : "delayedRecipients").map((one) =>
        failure(
          {
            recipient: text(one?.["emailAddress"]),
            status: text(one?.["status"]),
            diagnostic: text(one?.["diagnosticCode"]),
            delayed: kind === "DeliveryDelay",
          },
          gone ? "dead" : permanent ? "unsaid" : "not-dead",
        ),
      );
      return { ...common, kind: "bounce", verdicts };
    }
    if (kind === "Complaint")
      return {
        ...common,
        kind: "complaint",
        verdicts: people("complainedRecipients").map((one) => mild(text(one?.["emailAddress"]), "complaint")),
      };
    if (kind === "Delivery")
      return {
        ...common,
        kind: "delivered",
        verdicts: list(part["recipients"])
          .slice(0, MOST_RECIPIENTS)
          .map((one) => mild(text(one), "delivered", "2.0.0")),
      };
    return null;
  },

  sendgrid: (event) => {
    const what = text(event["event"]) ?? "";
    return byWord(what, SENDGRID, {
      id: text(event["sg_event_id"]) ?? hashOf(event),
      messageId: bracketed(text(event["smtp-id"])),
      at: moment(event["timestamp"]),
      recipient: text(event["email"]),
      status: text(event["status"]),
      diagnostic: text(event["reason"]) ?? text(event["response"]),
      blocked: text(event["type"]) === "blocked",
    });
  },

  mailgun: (whole) => {
    const event = objectOf(whole["event-data"]) ?? whole;
    const status = objectOf(event["delivery-status"]) ?? {};
    const headers = objectOf(objectOf(event["message"])?.["headers"]) ?? {};
    const what = text(event["event"]) ?? "";
    return byWord(what === "failed" ? `failed ${text(event["severity"])}` : what, MAILGUN, {
      id: text(event["id"]) ?? hashOf(event),
      messageId: bracketed(text(headers["message-id"])),
      at: moment(event["timestamp"]),
      recipient: text(event["recipient"]),
      status: text(status["enhanced-code"]),
      diagnostic: [status["code"], status["message"], status["description"]]
        .flatMap((one) => text(one) ?? [])
        .join(" "),
      blocked: false,
    });
  },

  postmark: (event) => {
    const record = text(event["RecordType"]) ?? "";
    const what = record === "Bounce" ? `Bounce ${text(event["Type"])}` : record;
    const common = {
      id: `${record} ${text(event["ID"]) ?? text(event["MessageID"]) ?? hashOf(event)}`,
      messageId: bracketed(text(objectOf(event["Metadata"])?.["message-id"])),
      at: moment(event["BouncedAt"] ?? event["DeliveredAt"] ?? event["ChangedAt"]),
      recipient: text(event["Email"]) ?? text(event["Recipient"]),
      status: null,
      diagnostic: [event["Details"], event["Description"]].flatMap((one) => text(one) ?? []).join(" "),
      blocked: false,
    };
    if (record === "SubscriptionChange" && event["SuppressSending"] !== true) return null;
    return byWord(what, POSTMARK, common) ?? (record === "Bounce" ? byWord("Bounce Unknown", POSTMARK, common) : null);
  },

  brevo: (event) =>
    byWord(text(event["event"]) ?? "", BREVO, {
      id: `${text(event["event"])} ${text(event["message-id"]) ?? ""} ${text(event["ts_epoch"]) ?? text(event["ts_event"]) ?? hashOf(event)} ${text(event["email"]) ?? ""}`,
      messageId: bracketed(text(event["message-id"])),
      at: moment(event["ts_event"] ?? event["ts"]),
      recipient: text(event["email"]),
      status: null,
      diagnostic: text(event["reason"]),
      blocked: false,
    }),

  mailjet: (event) => {
    const what = text(event["event"]) ?? "";
    const hard = event["hard_bounce"] === true;
    return byWord(what === "bounce" ? `bounce ${hard ? "hard" : "soft"}` : what, MAILJET, {
      id: `${what} ${text(event["MessageID"]) ?? ""} ${text(event["time"]) ?? ""} ${text(event["email"]) ?? ""}`,
      messageId: bracketed(text(event["CustomID"])),
      at: moment(event["time"]),
      recipient: text(event["email"]),
      status: null,
      diagnostic: [event["error"], event["comment"], event["smtp_reply"]].flatMap((one) => text(one) ?? []).join(" "),
      blocked: event["blocked"] === true,
    });
  },

  generic: (event) => {
    const what = text(event["kind"]) ?? "";
    const hard = event["hard"];
    return byWord(what === "bounce" ? `bounce ${typeof hard === "boolean" ? hard : "unsaid"}` : what, GENERIC, {
      id: text(event["id"]) ?? hashOf(event),
      messageId: bracketed(text(event["messageId"])),
      at: moment(event["at"]),
      recipient: text(event["recipient"]),
      status: text(event["status"]),
      diagnostic: text(event["diagnostic"]),
      blocked: false,
    });
  },
};

/** What the provider concludes; what the server said goes first where it said something. */
type Conclusion = "dead" | "unsaid" | "not-dead";
type Word =
  | { readonly kind: "bounce"; readonly concludes: Conclusion; readonly delayed?: true }
  | { readonly kind: "complaint" | "delivered" | "unsubscribe" };
type Words = Readonly<Record<string, Word>>;

const DEAD: Word = { kind: "bounce", concludes: "dead" };
const UNSAID: Word = { kind: "bounce", concludes: "unsaid" };
const SOFT: Word = { kind: "bounce", concludes: "not-dead" };
const DELAYED: Word = { kind: "bounce", concludes: "not-dead", delayed: true };
const COMPLAINT: Word = { kind: "complaint" };
const ARRIVED: Word = { kind: "delivered" };
const LEAVES: Word = { kind: "unsubscribe" };

const SENDGRID: Words = {
  bounce: UNSAID,
  blocked: SOFT,
  dropped: SOFT,
  deferred: DELAYED,
  delivered: ARRIVED,
  spamreport: COMPLAINT,
  unsubscribe: LEAVES,
  group_unsubscribe: LEAVES,
};
const MAILGUN: Words = {
  "failed permanent": UNSAID,
  "failed temporary": DELAYED,
  delivered: ARRIVED,
  complained: COMPLAINT,
  unsubscribed: LEAVES,
};
const POSTMARK: Words = {
  "Bounce HardBounce": DEAD,
  "Bounce BadEmailAddress": DEAD,
  "Bounce AddressChange": DEAD,
  "Bounce Transient": DELAYED,
  "Bounce SpamComplaint": COMPLAINT,
  "Bounce Unsubscribe": LEAVES,
  "Bounce Unknown": SOFT,
  SpamComplaint: COMPLAINT,
  Delivery: ARRIVED,
  SubscriptionChange: LEAVES,
};
const BREVO: Words = {
  hard_bounce: DEAD,
  invalid_email: DEAD,
  soft_bounce: SOFT,
  blocked: SOFT,
  error: SOFT,
  deferred: DELAYED,
  delivered: ARRIVED,
  spam: COMPLAINT,
  complaint: COMPLAINT,
  unsubscribed: LEAVES,
};
const MAILJET: Words = {
  "bounce hard": DEAD,
  "bounce soft": SOFT,
  blocked: SOFT,
  sent: ARRIVED,
  spam: COMPLAINT,
  unsub: LEAVES,
};
const GENERIC: Words = {
  "bounce true": DEAD,
  "bounce false": SOFT,
  "bounce unsaid": UNSAID,
  complaint: COMPLAINT,
  delivered: ARRIVED,
  unsubscribe: LEAVES,
};

type Said = {
  readonly id: string;
  readonly messageId: string | null;
  readonly at: string | null;
  readonly recipient: string | null;
  readonly status: string | null;
  readonly diagnostic: string | null;
  readonly blocked: boolean;
};

function byWord(what: string, words: Words, said: Said): Event | null {
  const word = Object.hasOwn(words, what) ? words[what] : undefined;
  if (!word) return null;
  const { id, messageId, at, recipient } = said;
  const common = { id: `${what} ${id}`, messageId, at };
  if (word.kind === "bounce") {
    const concludes = said.blocked ? "not-dead" : word.concludes;
    return { ...common, kind: "bounce", verdicts: [failure({ ...said, delayed: word.delayed ?? false }, concludes)] };
  }
  const reason = word.kind;
  return { ...common, kind: word.kind, verdicts: [mild(recipient, reason, reason === "delivered" ? "2.0.0" : null)] };
}

/**
 * Class by meaning: a full mailbox or a block is no dead address, whatever the provider calls it; and where the server
 * said nothing, the provider's word counts.
 */
function failure(
  said: { recipient: string | null; status: string | null; diagnostic: string | null; delayed: boolean },
  concludes: Conclusion,
): Verdict {
  const { recipient, delayed } = said;
  const diagnostic = (said.diagnostic ?? "").slice(0, 5000);
  const status = statusIn(said.status ?? "") ?? statusIn(diagnostic);
  const found = verdictOf({ recipient, action: delayed ? "delayed" : "failed", status, diagnostic }, "", "");
  if (concludes === "not-dead" || delayed) return { ...found, hard: false };
  const silent = found.reason === "undefined";
  if (concludes === "dead" && silent) return { ...found, reason: "user-unknown", hard: true };
  return found;
}

const objectOf = (value: unknown): Json | null =>
  value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Json) : null;
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function text(value: unknown): string | null {
  if (typeof value === "string") return value === "" ? null : value.slice(0, 5000);
  return typeof value === "number" ? String(value) : null;
}

/** Message-IDs are told with their brackets or without. */
function bracketed(id: string | null): string | null {
  const bare = id?.trim().replace(/^<|>$/g, "") ?? "";
  return bare.includes("@") ? `<${bare}>` : null;
}

/** Seconds since 1970, or a date as text. */
function moment(value: unknown): string | null {
  const seconds = typeof value === "number" || /^\d{9,11}(?:\.\d+)?$/.test(String(value)) ? Number(value) : Number.NaN;
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text(value) ?? "");
  if (!Number.isFinite(ms) || Math.abs(ms) > 8e15) return null;
  return Temporal.Instant.fromEpochMilliseconds(Math.round(ms)).toString();
}

const hashOf = (event: unknown) => createHash("sha256").update(JSON.stringify(event)).digest("hex").slice(0, 32);
