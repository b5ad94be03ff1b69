/** Tries settings step by step for the person who entered them: what was found, how long it took, and what to do. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import { hintFor, type Failure } from "./smtp-hints.ts";
import { openSession, OpeningFailure, type OpeningStep } from "./smtp-open.ts";
import { createSmtpPool, type Outgoing } from "./smtp.ts";
import { checkSettings, type CheckedSettings, type SmtpSettings, type Timeouts } from "./smtp-settings.ts";
import { ask } from "./smtp-wire.ts";

export type DiagnosisStep = {
  readonly step: Failure["step"];
  /** Null: not tried. */
  readonly ok: boolean | null;
  readonly text: string;
  readonly detail: string | null;
  readonly ms: number | null;
  readonly hint: string | null;
};
export type Certificate = {
  readonly subject: string;
  readonly names: string[];
  readonly issuer: string;
  readonly validFrom: Temporal.Instant;
  readonly validTo: Temporal.Instant;
  readonly protocol: string;
};
export type SmtpDiagnosis = {
  readonly ok: boolean;
  readonly steps: readonly DiagnosisStep[];
  readonly certificate: Certificate | null;
};

/** Somebody waits for the answer: no server gets the minutes a campaign would give it. */
const TIMEOUTS: Partial<Timeouts> = {
  connectMs: 10_000,
  greetingMs: 15_000,
  sessionMs: 15_000,
  mailMs: 15_000,
  rcptMs: 15_000,
  dataMs: 15_000,
  blockMs: 15_000,
  finalDotMs: 60_000,
  quitMs: 2_000,
};
/** A certificate that ends sooner is worth a word. */
const EXPIRES_SOON_DAYS = 21;

/**
 * Goes through DNS, connection, greeting, TLS and sign-in, and sends `mail` if there is one. Never throws for what the
 * network does; settings that cannot work are refused.
 */
export async function diagnose(
  given: SmtpSettings,
  mail: Outgoing | null,
  now: Temporal.Instant,
): Promise<SmtpDiagnosis> {
  const settings = checkSettings({ ...given, timeouts: { ...TIMEOUTS, ...given.timeouts } });
  const watch = recorder(settings);
  let certificate: Certificate | null = null;
  if (!(await resolved(settings, watch))) return watch.result(certificate);
  try {
    const opened = await openSession(settings, new AbortController().signal, watch.heard, (socket) => {
      certificate = certificateOf(socket);
    });
    watch.secured(certificate, now);
    await ask(opened.wire, "QUIT\r\n", settings.timeouts.quitMs);
    opened.wire.lose("ended", "We said QUIT.");
  } catch (error) {
    if (!(error instanceof OpeningFailure)) throw error; // a bug
    certificate ??= error.step === "tls" ? await shownCertificate(settings) : null;
    watch.failed(error, certificate);
    watch.secured(certificate, now);
    return watch.result(certificate);
  }
  if (mail) await sent(settings, mail, watch);
  return watch.result(certificate);
}

async function resolved({ host }: CheckedSettings, watch: Recorder): Promise<boolean> {
  if (isIP(host) !== 0) {
    watch.add({ step: "dns", ok: true, text: `${host} is an address already.`, detail: null, hint: null });
    return true;
  }
  try {
    const found = await lookup(host, { all: true });
    const detail = found.map(({ address }) => address).join(", ");
    watch.add({ step: "dns", ok: true, text: `${host} has an address.`, detail, hint: null });
    return true;
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    watch.fail({ step: "dns", text: `There is no address for the name ${host} (${code}).`, reply: null });
    return false;
  }
}

/** What the server shows where its certificate was not accepted; nothing is said to it beyond STARTTLS. */
async function shownCertificate(settings: CheckedSettings): Promise<Certificate | null> {
  let seen: Certificate | null = null;
  const trusting = {
    ...settings,
    auth: null,
    tlsOptions: { ...settings.tlsOptions, rejectUnauthorized: false, checkServerIdentity: () => undefined },
  };
  try {
    const { wire } = await openSession(trusting, new AbortController().signal, undefined, (socket) => {
      seen = certificateOf(socket);
    });
    wire.lose("ended", "We have seen enough.");
  } catch (error) {
    if (!(error instanceof OpeningFailure)) throw error; // a bug
  }
  return seen;
}

async function sent(settings: CheckedSettings, mail: Outgoing, watch: Recorder): Promise<void> {
  const pool = createSmtpPool({ ...settings, connections: 1 });
  try {
    const outcome = await pool.send(mail);
    if (outcome.kind === "accepted") {
      const detail = `${outcome.reply.code} ${outcome.reply.text}`;
      watch.add({ step: "mail", ok: true, text: `The server took the test mail to ${mail.to}.`, detail, hint: null });
    } else if (outcome.kind === "refused") watch.fail({ step: "mail", text: outcome.text, reply: outcome.reply });
    else {
      const text = outcome.kind === "unknown" ? outcome.text : "It was not sent.";
      watch.fail({ step: "mail", text, reply: null });
    }
  } finally {
    await pool.close({ graceMs: 0 });
  }
}

type Recorder = ReturnType<typeof recorder>;
type Added = Omit<DiagnosisStep, "ms">;

/** Which step a stage of opening is told as: EHLO is part of the greeting, but for what it says of TLS. */
const TOLD_AS: Readonly<Record<OpeningStep, DiagnosisStep["step"]>> = {
  connect: "connect",
  greeting: "greeting",
  ehlo: "greeting",
  tls: "tls",
  auth: "auth",
};

function recorder(settings: CheckedSettings) {
  const steps: DiagnosisStep[] = [];
  let last = performance.now();
  const { host, port, security, auth } = settings;
  const user = auth ? { user: auth.user } : null;
  const order: readonly DiagnosisStep["step"][] =
    security === "tls"
      ? ["dns", "connect", "tls", "greeting", "auth", "mail"]
      : ["dns", "connect", "greeting", "tls", "auth", "mail"];

  const add = (step: Added): void => {
    const before = steps.findIndex((one) => one.step === step.step);
    const at = performance.now();
    const ms = Math.round(at - last);
    last = at;
    // The server's second greeting, after TLS, belongs to the first.
    if (before >= 0) steps[before] = { ...step, ms: ms + (steps[before]?.ms ?? 0) };
    else steps.push({ ...step, ms });
  };
  const fail = (failure: Failure): void => {
    const { step, text, reply } = failure;
    const detail = reply ? `${reply.code} ${reply.text}` : null;
    add({ step, ok: false, text, detail, hint: hintFor(failure, { host, port, security, auth: user }) });
  };

  return {
    add,
    fail,
    heard(step: OpeningStep, text: string): void {
      if (step === "ehlo") return;
      const words = { connect: text, greeting: "The server greets us.", tls: text, auth: text }[step];
      add({ step: TOLD_AS[step], ok: true, text: words, detail: step === "greeting" ? text : null, hint: null });
    },
    /** Says of the TLS step which certificate it was, and whether it ends soon. */
    secured(certificate: Certificate | null, now: Temporal.Instant): void {
      const at = steps.findIndex(({ step }) => step === "tls");
      const found = steps[at];
      if (!found || !certificate) return;
      const days = Math.floor(certificate.validTo.since(now).total("hours") / 24);
      const soon = `The certificate ends in ${days} days: whoever runs the server should renew it.`;
      const hint = found.hint ?? (days >= 0 && days < EXPIRES_SOON_DAYS ? soon : null);
      steps[at] = { ...found, detail: described(certificate), hint };
    },
    failed({ step, message, reply }: OpeningFailure, certificate: Certificate | null): void {
      fail({ step: TOLD_AS[step], text: message, reply, names: certificate?.names ?? [] });
    },
    result(certificate: Certificate | null): SmtpDiagnosis {
      const broken = steps.find(({ ok }) => ok === false);
      const all = order.map((step) => {
        const tried = steps.find((one) => one.step === step);
        return tried ?? { step, ok: null, text: untried(step, broken?.step), detail: null, ms: null, hint: null };
      });
      return { ok: !broken, steps: all, certificate };
    },
  };

  function untried(step: DiagnosisStep["step"], broken: string | undefined): string {
    if (broken) return "Not tried: a step before it failed.";
    if (step === "tls") return "No TLS: the connection stays on this machine.";
    if (step === "auth") return "No user is given: nobody signs in.";
    return "No test mail was asked for.";
  }
}

const described = ({ subject, names, issuer, validTo, protocol }: Certificate) =>
  `${subject} (${names.join(", ") || "no names"}), by ${issuer}, valid to ${validTo.toString().slice(0, 10)}, ${protocol}`;

/** Asked in the moment of the handshake alone: a native question to a socket that was torn down can end the process (Node 26). */
function certificateOf(socket: TLSSocket): Certificate | null {
  const found = socket.getPeerX509Certificate();
  if (!found) return null;
  return {
    subject: nameOf(found.subject),
    names: [...(found.subjectAltName ?? "").matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(([, name]) => name ?? ""),
    issuer: nameOf(found.issuer),
    validFrom: momentOf(found.validFromDate),
    validTo: momentOf(found.validToDate),
    protocol: socket.getProtocol() ?? "TLS",
  };
}

const momentOf = (date: Date) => Temporal.Instant.fromEpochMilliseconds(date.getTime());

/** The common name of a distinguished name, else its organisation, else all of it. */
function nameOf(distinguished: string | undefined): string {
  const part = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(distinguished ?? "")?.[1];
  return part("CN") ?? part("O") ?? distinguished?.replaceAll("\n", ", ") ?? "";
}
