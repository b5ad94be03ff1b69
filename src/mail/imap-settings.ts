/** How to reach a mailbox: settings, their limits, and their form as `imap://…`. Never opens a connection. */
import type { ConnectionOptions } from "node:tls";
import { refuse } from "../core/problem.ts";
import { isLoopback } from "./smtp-settings.ts";

export type ImapSettings = {
  readonly host: string;
  readonly port: number;
  /** `tls` from the first byte, `starttls` required, `none` only to this machine. */
  readonly security: "tls" | "starttls" | "none";
  readonly auth:
    | { readonly user: string; readonly password: string }
    | { readonly user: string; readonly accessToken: string };
  /** The first one is listened to; the others are looked into. */
  readonly folders: readonly string[];
  readonly tlsOptions?: ConnectionOptions;
};

const MOST_FOLDERS = 20;

/** Refuses `imap-settings-invalid` what would send a password in the clear. */
export function checkImapSecurity(host: string, security: string): void {
  if (security === "none" && !isLoopback(host))
    refuse(
      "imap-settings-invalid",
      "Without TLS a password may go to this machine only. Choose tls or starttls.",
      "/imapSecurity",
    );
}

/**
 * Reads `imaps://user:password@host:993` (TLS from the first byte) or `imap://…`. After `?`: `folder`, once for each
 * (INBOX unless given), and `security` (tls, starttls, none). Without it, imap:// means STARTTLS, and no TLS to this
 * machine. Refuses `imap-url-invalid`.
 */
export function parseImapUrl(text: string): ImapSettings {
  const invalid = (detail: string) => refuse("imap-url-invalid", detail);
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^imaps?:$/.test(url.protocol) || url.hostname === "")
    return invalid("An IMAP URL is written as imaps://user:password@host:993; encode special characters.");
  if (!/^\/?$/.test(url.pathname) || url.hash !== "")
    return invalid("Nothing follows host and port in an IMAP URL but ?folder=… and security.");
  for (const option of url.searchParams.keys())
    if (!["folder", "security"].includes(option))
      return invalid(`${option} is not an option of an IMAP URL; folder and security are.`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const implicit = url.protocol === "imaps:";
  const security = url.searchParams.get("security") ?? (implicit ? "tls" : isLoopback(host) ? "none" : "starttls");
  if (security !== "tls" && security !== "starttls" && security !== "none")
    return invalid("security is tls, starttls or none.");
  if (implicit && security !== "tls") return invalid(`imaps:// is TLS from the first byte; use imap://.`);
  const [user, password] = [decoded(url.username), decoded(url.password)];
  if (!user || !password) return invalid("An IMAP URL needs a user and a password; % is written as %25.");
  checkImapSecurity(host, security);
  const folders = url.searchParams.getAll("folder");
  if (folders.length > MOST_FOLDERS) return invalid(`At most ${MOST_FOLDERS} folders.`);
  const port = url.port === "" ? (security === "tls" ? 993 : 143) : Number(url.port);
  return { host, port, security, auth: { user, password }, folders: folders.length > 0 ? folders : ["INBOX"] };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
