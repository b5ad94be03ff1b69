/** The SMTP client: sends messages to one relay and knows exactly how far each one got. Never sends a message a second time. */
import type { Outcome, Outgoing } from "./smtp-message.ts";
import type { SmtpSettings } from "./smtp-settings.ts";

export { parseSmtpUrl } from "./smtp-settings.ts";
export type { SmtpSettings, Timeouts } from "./smtp-settings.ts";
export type { Outcome, Outgoing, Stage } from "./smtp-message.ts";
export type { Reply } from "./smtp-replies.ts";

/** `beforeMail` runs right before MAIL FROM is written for the message, each time it is; false withdraws the message. */
export type SendHooks = { beforeMail?: () => boolean | Promise<boolean> };

/** One step of {@link SmtpPool.verify}, in words for the person who set the account up. */
export type VerifyStep = { step: "dns" | "connect" | "greeting" | "ehlo" | "tls" | "auth"; ok: boolean; text: string };

export type SmtpPool = {
  /** Sends one message. Never throws and never rejects: whatever happens is the outcome. */
  send: (message: Outgoing, hooks?: SendHooks) => Promise<Outcome>;
  /** Resolves as soon as `send` would not be refused for want of room: await it before sending more. */
  room: () => Promise<void>;
  /** Tries DNS, connection, TLS and AUTH without sending anything; stops at the first step that fails. */
  verify: () => Promise<VerifyStep[]>;
  /** Finishes the messages under way (at most `graceMs`), withdraws those that wait, says QUIT. */
  close: (how: { graceMs: number }) => Promise<void>;
};

/** Makes a pool of connections to one relay; the first connection is opened by the first message. */
export function createSmtpPool(settings: SmtpSettings): SmtpPool {
  throw new Error(`Not written yet: ${settings.host}`);
}
