/** Opens a mailbox for reading and says in plain words why it could not. Changes nothing in it: no flag, no folder, no mail. */
import { ImapFlow } from "imapflow";
import { version } from "../version.ts";
import { imapHint } from "./imap-hints.ts";
import type { ImapSettings } from "./imap-settings.ts";

export type ImapStep = "dns" | "connect" | "tls" | "auth" | "folders";

/** Why a mailbox cannot be read, and what to do about it. */
export class ImapTrouble extends Error {
  override readonly name = "ImapTrouble";
  readonly step: ImapStep;
  readonly todo: string;
  /** Trying again soon would not help, and may lock the account. */
  readonly lasting: boolean;
  constructor(step: ImapStep, text: string, todo: string, lasting: boolean) {
    super(text);
    this.step = step;
    this.todo = todo;
    this.lasting = lasting;
  }
}

const CONNECT_MS = 30_000;
/** Longer than IDLE is kept before it is renewed; servers end a silent session after 30 minutes (RFC 2177). */
const SOCKET_MS = 10 * 60_000;
const IDLE_MS = 5 * 60_000;
/** A server that sends more than this for one answer is broken or hostile. */
const MOST_LITERAL = 64 * 1024 * 1024;

/** @throws ImapTrouble */
export async function openImap(settings: ImapSettings): Promise<ImapFlow> {
  const { host, port, security, auth, tlsOptions } = settings;
  const client = new ImapFlow({
    host,
    port,
    secure: security === "tls",
    // Required, so that nobody on the way can take it out and read the password.
    doSTARTTLS: security === "starttls",
    auth:
      "accessToken" in auth
        ? { user: auth.user, accessToken: auth.accessToken }
        : { user: auth.user, pass: auth.password },
    clientInfo: { name: "Tidings", version },
    logger: false,
    disableAutoIdle: true,
    maxIdleTime: IDLE_MS,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SOCKET_MS,
    maxLiteralSize: MOST_LITERAL,
    maxResponseSize: MOST_LITERAL * 2,
    tls: { minVersion: "TLSv1.2", ...tlsOptions },
  });
  // Without a listener an error of an idle connection would end the process; whoever waits learns of it by `close`.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.close();
    throw troubleOf(error, settings);
  }
}

/** What went wrong, as a sentence and what to do. */
export function troubleOf(error: unknown, settings: ImapSettings): ImapTrouble {
  if (error instanceof ImapTrouble) return error;
  const {
    code = "",
    message = "",
    authenticationFailed,
    response,
    responseText,
    serverResponseCode,
  } = error as Partial<Record<"code" | "message" | "response" | "responseText" | "serverResponseCode", string>> & {
    authenticationFailed?: boolean;
  };
  const said = [responseText, response].find((text) => typeof text === "string" && text !== "") ?? "";
  const words = `${code} ${message} ${said} ${serverResponseCode ?? ""}`;
  const { host, port, auth } = settings;
  const trouble = (step: ImapStep, text: string, lasting: boolean) =>
    new ImapTrouble(step, text, imapHint(step, words, settings), lasting);
  // RFC 5530: the server cannot check at the moment, which says nothing about the password.
  if (authenticationFailed && !/UNAVAILABLE|SERVERBUG|INUSE|CONTACTADMIN|LIMIT/.test(serverResponseCode ?? ""))
    return trouble("auth", `The server did not let ${auth.user} in${said ? `: ${said.slice(0, 300)}` : "."}`, true);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return trouble("dns", `There is no address for the name ${host}.`, code === "ENOTFOUND");
  if (/CERT|SELF_SIGNED|ALTNAME|UNABLE_TO|ERR_SSL|ERR_TLS|EPROTO|STARTTLS|UPGRADE/i.test(words))
    return trouble("tls", `The connection to ${host}:${port} could not be encrypted (${code || message}).`, true);
  if (
    /^E[A-Z]+$|TIMEOUT/.test(code) ||
    code === "NoConnection" ||
    code === "ClosedAfterConnectTLS" ||
    code === "ClosedAfterConnectText"
  )
    return trouble("connect", `The connection to ${host}:${port} failed (${code}).`, false);
  return trouble(
    "connect",
    `${host}:${port} does not answer as a mailbox should${message ? `: ${message.slice(0, 300)}` : "."}`,
    false,
  );
}
