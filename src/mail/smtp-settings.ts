/** How to reach a relay: settings, their limits, and their form as `smtp://…`. Never opens a connection. */
import { BlockList, isIPv4, isIPv6 } from "node:net";
import type { ConnectionOptions } from "node:tls";
import { refuse } from "../core/problem.ts";
import { type Reports, USUAL_REPORTS } from "./smtp-message.ts";

/** How long each answer may take, in milliseconds (S11, RFC 5321 4.5.3.2). */
export type Timeouts = {
  connectMs: number;
  greetingMs: number;
  /** EHLO, STARTTLS, the TLS handshake, each turn of AUTH, RSET. */
  sessionMs: number;
  mailMs: number;
  rcptMs: number;
  dataMs: number;
  /** For one block of the message to be taken by the network. */
  blockMs: number;
  /** After the final dot. Shorter than ten minutes makes duplicates (RFC 1047). */
  finalDotMs: number;
  quitMs: number;
  /** An unused connection is given back after this. */
  idleMs: number;
};

/**
 * Gives an access token that is good for now.
 * @param refused the server did not take the one before, though it should have been good.
 * @throws TokenFailure
 */
export type TokenSource = (refused: boolean) => Promise<string>;

export type SmtpAuth =
  | { readonly user: string; readonly password: string }
  | { readonly user: string; readonly accessToken: string | TokenSource };

export type SmtpSettings = {
  host: string;
  port: number;
  /** `tls` from the first byte, `starttls` required, `none` only to this machine unless `allowPlain`. */
  security: "tls" | "starttls" | "none";
  auth: SmtpAuth | null;
  /** What we call ourselves in EHLO. */
  name: string;
  /** At most this many connections at once. */
  connections: number;
  /** Allow `none` to another machine: its mails, but never its password, may be read on the way. */
  allowPlain?: boolean;
  tlsOptions?: ConnectionOptions;
  timeouts?: Partial<Timeouts>;
  /** A connection is replaced after this many messages (default 1,000). */
  messagesPerConnection?: number;
  /** `send` refuses when this many messages wait for a connection (default 2,000). */
  waitingMessages?: number;
  /**
   * Whether bodies go by BDAT (RFC 3030) where the server offers CHUNKING. `auto` (default): where it saves a round trip,
   * which is where the server offers no PIPELINING.
   */
  chunking?: "auto" | "always" | "never";
  /**
   * How many messages by BDAT may be without an answer at once on a connection (default 1). More is faster over a long
   * way, and after a drop leaves that many in doubt: each is then sent again with the same bytes, or held. Needs PIPELINING.
   */
  chunkingWindow?: number;
  /** Which reports mails ask for; failures and delays by default. */
  reports?: Reports;
};

export type CheckedSettings = Omit<Required<SmtpSettings>, "timeouts"> & { timeouts: Timeouts };

const minuteMs = 60_000;
const CHUNKING_WINDOW_MAX = 100;

const usualTimeouts: Timeouts = {
  connectMs: 0.5 * minuteMs,
  greetingMs: 5 * minuteMs,
  sessionMs: 5 * minuteMs,
  mailMs: 5 * minuteMs,
  rcptMs: 5 * minuteMs,
  dataMs: 2 * minuteMs,
  blockMs: 3 * minuteMs,
  finalDotMs: 10 * minuteMs,
  quitMs: 5_000,
  idleMs: 0.5 * minuteMs,
};

/** Fills in what was left out. Refuses `smtp-settings-invalid` what cannot work or would send secrets in the clear. */
export function checkSettings(settings: SmtpSettings): CheckedSettings {
  const invalid = (pointer: string, detail: string) => refuse("smtp-settings-invalid", detail, pointer);
  const { host, port, security, auth, name, connections, allowPlain = false } = settings;
  if (!/^[\p{L}\p{N}._:-]+$/u.test(host)) invalid("/host", "The SMTP server's host is a name or an IP address.");
  if (!Number.isInteger(port) || port < 1 || port > 65_535) invalid("/port", "A port lies between 1 and 65535.");
  if (!/^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f.:]+\]|\[IPv6:[0-9A-Fa-f.:]+\])$/.test(name)) {
    invalid("/name", "The name given in EHLO is a host name or an address in brackets.");
  }
  if (!Number.isInteger(connections) || connections < 1) invalid("/connections", "At least one connection is needed.");
  const { chunkingWindow = 1, reports = USUAL_REPORTS } = settings;
  if (!Number.isInteger(chunkingWindow) || chunkingWindow < 1 || chunkingWindow > CHUNKING_WINDOW_MAX) {
    invalid("/chunkingWindow", `Between 1 and ${CHUNKING_WINDOW_MAX} messages may be without an answer at once.`);
  }
  if (reports.notify.includes("never") && reports.notify.length > 1) {
    invalid("/reports", "“Never” stands alone: other reports cannot be asked for beside it.");
  }
  if (security === "none" && !isLoopback(host) && !allowPlain) {
    invalid("/security", "Without TLS, mails may go to this machine only. Use tls or starttls.");
  }
  if (auth !== null) {
    if (security === "none" && !isLoopback(host)) {
      invalid("/auth", "A password is never sent without TLS to another machine (RFC 4954). Use tls or starttls.");
    }
    if (Object.values(auth).some((text) => typeof text === "string" && (text === "" || /\p{Cc}/u.test(text)))) {
      invalid("/auth", "The user and the password or token are not empty and have no control characters.");
    }
  }
  return {
    ...settings,
    allowPlain,
    tlsOptions: settings.tlsOptions ?? {},
    timeouts: { ...usualTimeouts, ...settings.timeouts },
    messagesPerConnection: settings.messagesPerConnection ?? 1_000,
    waitingMessages: settings.waitingMessages ?? 2_000,
    chunking: settings.chunking ?? "auto",
    chunkingWindow: settings.chunkingWindow ?? 1,
    reports: settings.reports ?? USUAL_REPORTS,
  };
}

/**
 * Reads `smtp://user:password@host:587` or `smtps://…` (TLS from the first byte). After `?`: `security` (tls, starttls,
 * none), `connections`, `ehlo` (our name), `allowPlain=true`; `email` and `name` belong to the account and are passed over.
 * Without `security`, smtp:// means STARTTLS, and no TLS to this machine. Refuses `smtp-url-invalid`.
 */
export function parseSmtpUrl(text: string): SmtpSettings {
  const invalid = (detail: string) => refuse("smtp-url-invalid", detail);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^smtps?:$/.test(url.protocol) || url.hostname === "") {
    return invalid("An SMTP URL is written as smtp://user:password@host:587 or smtps://…; encode special characters.");
  }
  if (!/^\/?$/.test(url.pathname) || url.hash !== "") {
    invalid("Nothing follows host and port in an SMTP URL but options after a question mark.");
  }
  const known = ["security", "connections", "ehlo", "allowPlain", "email", "name"];
  const options = url.searchParams;
  for (const option of options.keys()) {
    if (!known.includes(option)) invalid(`${option} is not an option of an SMTP URL; ${known.join(", ")} are.`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const implicit = url.protocol === "smtps:";
  const security = options.get("security") ?? (implicit ? "tls" : isLoopback(host) ? "none" : "starttls");
  if (security !== "tls" && security !== "starttls" && security !== "none") {
    return invalid("security is tls, starttls or none.");
  }
  if (implicit && security !== "tls") invalid(`smtps:// is TLS from the first byte; use smtp:// for ${security}.`);
  const port = url.port === "" ? (security === "tls" ? 465 : isLoopback(host) ? 25 : 587) : Number(url.port);
  if (port === 465 && security !== "tls" && !isLoopback(host)) {
    invalid("Port 465 speaks TLS from the first byte: write smtps://, or use port 587.");
  }
  const [user, password] = [decoded(url.username), decoded(url.password)];
  if (user === null || password === null) return invalid("User or password has a % that encodes nothing; write %25.");
  if ((user === "") !== (password === "")) invalid("User and password go together.");
  const settings: SmtpSettings = {
    host,
    port,
    security,
    auth: user === "" ? null : { user, password },
    name: options.get("ehlo") ?? "localhost",
    connections: Number(options.get("connections") ?? 5),
    allowPlain: options.get("allowPlain") === "true",
  };
  checkSettings(settings);
  return settings;
}

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether a host is this machine by its very name, whatever DNS says. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return loopback.check(host, "ipv4");
  return isIPv6(host) ? loopback.check(host, "ipv6") : /^(?:.+\.)?localhost$/i.test(host);
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
