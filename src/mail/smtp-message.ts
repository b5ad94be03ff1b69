/** One message on its way to one recipient, and how far it got. Never touches a socket. */
import type { Reply } from "./smtp-replies.ts";

/** A message for one recipient. `data` is the complete message with CRLF line ends; dots are stuffed on the way out. */
export type Outgoing = {
  /** Return path; empty for the null return path. */
  from: string;
  to: string;
  data: Uint8Array;
  /** The message's own headers hold raw UTF-8 (RFC 6531). A non-ASCII local part implies it. */
  smtpUtf8?: boolean;
  /** Comes back in delivery reports as Original-Envelope-Id (RFC 3461); up to 100 characters. */
  envelopeId?: string;
};

/** Where an exchange with the server stood. */
export type Stage = "connect" | "greeting" | "ehlo" | "starttls" | "auth" | "mail" | "rcpt" | "data" | "body";

/**
 * How far a message got, as far as can be known.
 * - `accepted`: the server took responsibility with this reply.
 * - `refused`: certainly not accepted. `reply.code` says whether for now (4xx) or for good (5xx); stage `auth` is about the
 *   account, not the message (S17); without a reply the connection failed before the final dot was written.
 * - `unknown`: the whole message with its final dot was handed on and no reply came (RFC 1047).
 * - `withdrawn`: MAIL FROM was not written, because `beforeMail` said no or the pool is closing.
 */
export type Outcome =
  | { kind: "accepted"; reply: Reply }
  | { kind: "refused"; stage: Stage; reply: Reply | null; text: string }
  | { kind: "unknown"; text: string }
  | { kind: "withdrawn"; by: "beforeMail" | "close" };
