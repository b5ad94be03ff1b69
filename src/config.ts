/** The environment as one frozen value, checked at once. The only reader of process.env; everything else is told. */
import { isIP } from "node:net";
import { resolve } from "node:path";
import { type Fault, Refusal } from "./core/problem.ts";

export type Config = {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Where `tidings work` answers whoever watches it; undefined: nowhere. 0 takes any free port. */
  readonly workPort: number | undefined;
  /** Where people reach us, for links in mails; no slash at its end. */
  readonly publicUrl: string;
  /** Where pictures and links of tracked mails lead; no slash at its end. The public address unless said. */
  readonly trackingUrl: string;
  /** Undefined: the embedded database. */
  readonly databaseUrl: string | undefined;
  /** The database itself, where `databaseUrl` leads to a pooler in transaction mode. */
  readonly databaseSessionUrl: string | undefined;
  /** Absolute. */
  readonly dataDir: string;
  /** One secret, or several with a comma between, the current one first; undefined: the one kept in the data folder. */
  readonly secret: string | undefined;
  readonly smtpUrl: string | undefined;
  readonly imapUrl: string | undefined;
  /** Where pictures of mails lie instead of the data folder; holds keys. */
  readonly s3Url: string | undefined;
  /** Where mail that comes back is taken; null: nowhere. 0 takes any free port. */
  readonly inboundSmtpPort: number | null;
  readonly inboundLmtpPort: number | null;
  /** Servers of others have to reach it. */
  readonly inboundHost: string;
  /** Files of a certificate and its key for STARTTLS there. */
  readonly inboundTls: { readonly certificate: string; readonly key: string } | null;
  readonly logLevel: string;
  /** Name servers to ask instead of the machine's own. */
  readonly dnsServers: readonly string[] | undefined;
  /** Whether X-Forwarded-For is believed: only behind a proxy of one's own. */
  readonly trustProxy: boolean;
};

type Environment = Readonly<Record<string, string | undefined>>;

const POSTGRESQL = ["postgres:", "postgresql:"];
const SESSION_URL = "TIDINGS_DATABASE_SESSION_URL";
const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"];

/** Shorter ones can be guessed at leisure by whoever holds one signed link. */
const SECRET_CHARACTERS = 32;

/**
 * Reads the environment. An empty variable counts as absent.
 * @throws Refusal `configuration-invalid` with every problem at once; values that hold passwords are not repeated.
 */
export function readConfig(environment: Environment = process.env): Config {
  const faults: Fault[] = [];
  const wrong = (name: string, detail: string) =>
    void faults.push({ pointer: `/${name}`, detail: `${name} ${detail}` });
  const text = (name: string) => environment[name]?.trim() || undefined;

  /** The value where it is a URL of one of these schemes. */
  function url(name: string, schemes: readonly string[], example: string): string | undefined {
    const value = text(name);
    if (value === undefined) return undefined;
    // PostgreSQL's own form for a socket, user@/database?host=/run/…, names no host where a URL must.
    const whole = value.replace("@/", "@localhost/");
    const parsed = URL.canParse(whole) ? new URL(whole) : undefined;
    if (parsed && schemes.includes(parsed.protocol)) return value;
    wrong(name, `is not a URL such as ${example}.`);
    return undefined;
  }

  const port = Number(text("PORT") ?? 3000);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) wrong("PORT", "is not a number from 0 to 65535.");

  const workPort = text("TIDINGS_WORK_PORT") === undefined ? undefined : Number(text("TIDINGS_WORK_PORT"));
  if (workPort !== undefined && (!Number.isInteger(workPort) || workPort < 0 || workPort > 65_535))
    wrong("TIDINGS_WORK_PORT", "is not a number from 0 to 65535.");

  function optionalPort(name: string): number | null {
    const value = text(name);
    if (value === undefined) return null;
    if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) wrong(name, "is not a number from 0 to 65535.");
    return Number(value);
  }

  const [certificate, key] = [text("TIDINGS_INBOUND_TLS_CERT"), text("TIDINGS_INBOUND_TLS_KEY")];
  if ((certificate === undefined) !== (key === undefined))
    wrong(
      certificate ? "TIDINGS_INBOUND_TLS_KEY" : "TIDINGS_INBOUND_TLS_CERT",
      "is missing: certificate and key go together.",
    );

  const dnsServers = text("TIDINGS_DNS_SERVERS")
    ?.split(",")
    .map((one) => one.trim());
  if (dnsServers?.some((one) => !isNameServer(one)))
    wrong("TIDINGS_DNS_SERVERS", "is not a list of addresses such as 192.0.2.53,[2001:db8::53]:5353.");

  const logLevel = text("LOG_LEVEL") ?? "info";
  if (!LOG_LEVELS.includes(logLevel)) wrong("LOG_LEVEL", `is none of ${LOG_LEVELS.join(", ")}.`);

  const secret = text("TIDINGS_SECRET");
  if (secret?.split(",").some((one) => one.trim().length < SECRET_CHARACTERS)) {
    wrong("TIDINGS_SECRET", `is shorter than ${SECRET_CHARACTERS} characters; make one with: openssl rand -hex 32`);
  }

  const publicUrl = url("TIDINGS_PUBLIC_URL", ["http:", "https:"], "https://mail.example.com");
  const trackingUrl = url("TIDINGS_TRACKING_URL", ["http:", "https:"], "https://links.example.com");
  for (const [name, value] of Object.entries({ TIDINGS_PUBLIC_URL: publicUrl, TIDINGS_TRACKING_URL: trackingUrl }))
    // They stand in HTML and in templates as they are.
    if (value !== undefined && /[?#"'<>{}\s]/.test(value)) wrong(name, "holds a ? or #; give the address alone.");

  if (text(SESSION_URL) !== undefined && text("DATABASE_URL") === undefined)
    wrong(SESSION_URL, "says where the database is behind a pooler, and DATABASE_URL, the pooler, is missing.");

  const config: Config = {
    port,
    // Nobody outside this machine reaches a server that was started to be looked at; a proxy or a container says otherwise.
    host: text("HOST") ?? "127.0.0.1",
    workPort,
    publicUrl: (publicUrl ?? `http://localhost:${port}`).replace(/\/+$/, ""),
    trackingUrl: (trackingUrl ?? publicUrl ?? `http://localhost:${port}`).replace(/\/+$/, ""),
    databaseUrl: url("DATABASE_URL", POSTGRESQL, "postgresql://user:password@host:5432/tidings"),
    databaseSessionUrl: url(SESSION_URL, POSTGRESQL, "postgresql://user:password@host:5432/tidings"),
    dataDir: resolve(text("TIDINGS_DATA_DIR") ?? "data"),
    secret,
    smtpUrl: url("TIDINGS_SMTP_URL", ["smtp:", "smtps:"], "smtp://user:password@host:587"),
    imapUrl: url("TIDINGS_IMAP_URL", ["imap:", "imaps:"], "imaps://user:password@host:993"),
    s3Url: url("TIDINGS_S3_URL", ["http:", "https:"], "https://key:secret@s3.example.com/bucket?region=eu-central-1"),
    inboundSmtpPort: optionalPort("TIDINGS_INBOUND_SMTP_PORT"),
    inboundLmtpPort: optionalPort("TIDINGS_INBOUND_LMTP_PORT"),
    inboundHost: text("TIDINGS_INBOUND_HOST") ?? "0.0.0.0",
    inboundTls: certificate && key ? { certificate: resolve(certificate), key: resolve(key) } : null,
    logLevel,
    dnsServers,
    trustProxy: ["1", "true", "yes"].includes(text("TIDINGS_TRUST_PROXY")?.toLowerCase() ?? ""),
  };
  if (faults.length > 0) {
    const details = faults.map(({ detail }) => detail).join("\n");
    throw new Refusal("configuration-invalid", details, faults);
  }
  return Object.freeze(config);
}

function isNameServer(text: string): boolean {
  const [, bracketed, four] = /^(?:\[([\d.:a-fA-F]+)\]|(\d[\d.]*))(?::\d{1,5})?$/.exec(text) ?? [];
  return isIP(bracketed ?? four ?? text) !== 0;
}
