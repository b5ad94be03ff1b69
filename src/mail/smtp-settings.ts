/** How to reach a relay: settings, their limits and the address form `smtp://…`. Never opens a connection. */
import type { ConnectionOptions } from "node:tls";

/** How long each answer may take, in milliseconds (RFC 5321 4.5.3.2). */
export type Timeouts = {
  connectMs: number;
  greetingMs: number;
  /** EHLO, STARTTLS and the TLS handshake, AUTH: each. */
  sessionMs: number;
  mailMs: number;
  rcptMs: number;
  dataMs: number;
  /** For one block of the message to be taken by the network. */
  blockMs: number;
  /** After the final dot. Shorter than ten minutes makes duplicates (RFC 1047). */
  finalDotMs: number;
  /** An unused connection is given back after this. */
  idleMs: number;
};

export type SmtpSettings = {
  host: string;
  port: number;
  /** `none` only to loopback, unless `allowPlain`. */
  security: "tls" | "starttls" | "none";
  auth: { user: string; password: string } | { user: string; accessToken: string } | null;
  /** What we call ourselves in EHLO. */
  name: string;
  /** At most this many connections at once. */
  connections: number;
  /** Speak without TLS to a host that is not this machine. */
  allowPlain?: boolean;
  tlsOptions?: ConnectionOptions;
  timeouts?: Partial<Timeouts>;
  /** A connection is replaced after this many messages (default 1,000). */
  messagesPerConnection?: number;
  /** `send` refuses when this many messages wait for a connection (default 2,000). */
  waitingMessages?: number;
};

/** Reads `smtp://user:password@host:587`, `smtps://…`. */
export function parseSmtpUrl(url: string): SmtpSettings {
  throw new Error(`Not written yet: ${url.length}`);
}
