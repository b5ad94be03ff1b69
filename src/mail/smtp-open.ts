/** Opens a session with a relay: connection, greeting, EHLO, TLS, AUTH. Never sends a secret before TLS, and no mail at all. */
import { once } from "node:events";
import { connect as connectSocket, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { authenticate } from "./smtp-auth.ts";
import type { Capabilities, Stage } from "./smtp-message.ts";
import type { Reply } from "./smtp-replies.ts";
import type { CheckedSettings } from "./smtp-settings.ts";
import { ask, askAndLeave, createWire, isLoss, type Loss, type Wire } from "./smtp-wire.ts";

/** A server that is ready for MAIL FROM. */
export type Session = { wire: Wire; capabilities: Capabilities };

/** What opening goes through; `tls` is the handshake, whenever it happens. */
export type OpeningStep = "connect" | "greeting" | "ehlo" | "tls" | "auth";

/** Thrown by {@link openSession}: where it ended and what the server said, if it did. */
export class OpeningFailure extends Error {
  readonly step: OpeningStep;
  readonly stage: Stage;
  readonly reply: Reply | null;
  /** Worth another try at once: the connection was closed before a greeting came, or with a token that was too old. */
  readonly again: boolean;

  constructor(step: OpeningStep, stage: Stage, text: string, reply: Reply | null = null, again = false) {
    super(text);
    this.step = step;
    this.stage = stage;
    this.reply = reply;
    this.again = again;
  }
}

/**
 * Opens one session, or throws an {@link OpeningFailure}.
 * @param signal ends the attempt at whatever step it is.
 * @param onStep hears what each step found, for a person to read.
 * @param onSecure sees the encrypted socket in the moment it is.
 */
export async function openSession(
  settings: CheckedSettings,
  signal: AbortSignal,
  onStep: (step: OpeningStep, text: string) => void = () => {},
  onSecure: (socket: TLSSocket) => void = () => {},
): Promise<Session> {
  const { security, timeouts } = settings;
  const plain = await connect(settings, signal);
  const end = () => plain.destroy();
  signal.addEventListener("abort", end, { once: true });
  try {
    onStep("connect", `Connected to ${plain.remoteAddress} port ${plain.remotePort}.`);
    let socket: Socket = plain;
    if (security === "tls") {
      const encrypted = await secure(plain, settings, "connect", onSecure);
      onStep("tls", describeTls(encrypted));
      socket = encrypted;
    }
    let wire = createWire(socket);
    const greeting = answered(await ask(wire, "", timeouts.greetingMs), "greeting", "greeting");
    if (greeting.code !== 220) throw no("greeting", "greeting", "The server does not take mail now", greeting);
    onStep("greeting", greeting.text);
    let capabilities = await hello(wire, settings);
    if (security === "starttls") {
      if (!capabilities.has("STARTTLS")) {
        throw new OpeningFailure("tls", "starttls", "The server offers no STARTTLS; try tls on port 465.");
      }
      const go = answered(await askAndLeave(wire, "STARTTLS\r\n", timeouts.sessionMs), "tls", "starttls");
      if (go.code !== 220) throw no("tls", "starttls", "The server will not start TLS", go);
      const encrypted = await secure(plain, settings, "starttls", onSecure);
      onStep("tls", describeTls(encrypted));
      // What was offered before TLS may be forged: ask again (RFC 3207 4.2).
      wire = createWire(encrypted);
      capabilities = await hello(wire, settings);
    }
    onStep("ehlo", `Offers ${[...capabilities.keys()].join(", ") || "nothing beyond HELO"}.`);
    if (settings.auth) {
      const refused = await authenticate(wire, settings.auth, capabilities, {
        host: settings.host,
        port: settings.port,
        timeoutMs: timeouts.sessionMs,
      });
      if (refused) throw new OpeningFailure("auth", "auth", refused.text, refused.reply, refused.again);
      onStep("auth", `Signed in as ${settings.auth.user}.`);
    }
    if (!wire.isOpen()) throw new OpeningFailure("ehlo", "ehlo", "The server closed the connection.");
    return { wire, capabilities };
  } catch (error) {
    plain.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

async function connect({ host, port, timeouts }: CheckedSettings, signal: AbortSignal): Promise<Socket> {
  const socket = connectSocket({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
  try {
    await once(socket, "connect", { signal: AbortSignal.any([signal, AbortSignal.timeout(timeouts.connectMs)]) });
    return socket;
  } catch (error) {
    socket.on("error", () => {}).destroy();
    throw new OpeningFailure("connect", "connect", explain(error, host, port));
  }
}

async function secure(
  plain: Socket,
  settings: CheckedSettings,
  stage: "connect" | "starttls",
  onSecure: (socket: TLSSocket) => void,
): Promise<TLSSocket> {
  const { host, port, timeouts, tlsOptions } = settings;
  const servername = isIP(host) === 0 ? host : "";
  let socket: TLSSocket | undefined;
  try {
    socket = connectTls({ socket: plain, host, servername, minVersion: "TLSv1.2", ...tlsOptions });
    socket.once("secureConnect", onSecure.bind(null, socket));
    await once(socket, "secureConnect", { signal: AbortSignal.timeout(timeouts.connectMs) });
    return socket;
  } catch (error) {
    socket?.on("error", () => {}).destroy();
    throw new OpeningFailure("tls", stage, explain(error, host, port));
  }
}

/** EHLO, or HELO to a server that does not know it; what the server offers. */
async function hello(wire: Wire, { name, timeouts }: CheckedSettings): Promise<Capabilities> {
  const extended = answered(await ask(wire, `EHLO ${name}\r\n`, timeouts.sessionMs), "ehlo", "ehlo");
  if (extended.code === 250) return capabilitiesOf(extended.text);
  if (extended.code < 500) throw no("ehlo", "ehlo", "The server refuses EHLO", extended);
  const simple = answered(await ask(wire, `HELO ${name}\r\n`, timeouts.sessionMs), "ehlo", "ehlo");
  if (simple.code !== 250) throw no("ehlo", "ehlo", "The server refuses EHLO and HELO", simple);
  return new Map();
}

function capabilitiesOf(text: string): Capabilities {
  const lines = text.toUpperCase().split("\n").slice(1);
  return new Map(lines.map((line) => [/^[A-Z0-9-]+/.exec(line)?.[0] ?? "", line.replace(/^[A-Z0-9-]+[ =]?/, "")]));
}

function answered(answer: Reply | Loss, step: OpeningStep, stage: Stage): Reply {
  if (!isLoss(answer)) return answer;
  throw new OpeningFailure(step, stage, answer.text, null, stage === "greeting" && answer.how === "closed");
}

function no(step: OpeningStep, stage: Stage, what: string, reply: Reply): OpeningFailure {
  return new OpeningFailure(step, stage, `${what}: ${reply.code} ${reply.text}`, reply.code >= 400 ? reply : null);
}

/** Asks only what is plain data: a native question to a socket that was just torn down can end the process (Node 26). */
function describeTls(socket: TLSSocket): string {
  return socket.authorized ? "Encrypted, with a valid certificate." : "Encrypted, but nobody checked the certificate.";
}

/** What the network's error means, and what to do. */
function explain(error: unknown, host: string, port: number): string {
  const { code = "", message } = error as Error & { code?: string };
  const place = `${host} port ${port}`;
  if (code === "ECONNREFUSED") return `Nothing listens at ${place} (${code}).`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `There is no address for the name ${host} (${code}).`;
  if (code === "ABORT_ERR" || code === "ETIMEDOUT")
    return `No answer from ${place} in time; a firewall may be in between.`;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG") {
    return `${place} does not begin with TLS (${code}); try starttls.`;
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `The certificate is not for ${host} (${code}).`;
  if (code === "CERT_HAS_EXPIRED") return `The certificate has expired (${code}).`;
  if (/SELF_SIGNED|UNABLE_TO_(?:GET_ISSUER|VERIFY)/.test(code)) {
    return `The certificate is not signed by an authority this machine trusts (${code}).`;
  }
  return `No connection with ${place}: ${code || message}.`;
}
