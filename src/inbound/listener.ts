/** Takes mail by SMTP or LMTP for return paths of ours, and for nobody else: no relay, no sign-in. What it answered 250 to is stored. */
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import type { Clock } from "../clock.ts";
import { verifyReturnPath } from "../core/links.ts";
import type { Db } from "../db/database.ts";
import { createRateLimit } from "../http/rate-limit.ts";
import type { Logger } from "../log.ts";
import { isLoopback } from "../mail/smtp-settings.ts";
import { receive } from "./inbound.ts";

export type ListenerOptions = {
  readonly db: Db;
  readonly linkKeys: readonly Uint8Array[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly onStored: () => void;
  readonly protocol: "smtp" | "lmtp";
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** What we call ourselves. */
  readonly name: string;
  /** Files with a certificate and its key; without them there is no STARTTLS. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
};

/** A bounce brings the mail back with it. */
const MOST_BYTES = 10 * 1024 * 1024;
const MOST_CLIENTS = 100;
const SILENT_MS = 60_000;
const CLOSE_MS = 3000;
/** Of one address; a busy server sends many bounces over each connection. */
const CONNECTIONS_A_MINUTE = 120;
/** A guessed return path costs 130 bits; whoever tries many addresses at once is no mail server. */
const MOST_REFUSED = 20;

/** Begins to listen. @returns the port, and how to end it. */
export async function startListener(options: ListenerOptions): Promise<{ port: number; stop(): Promise<void> }> {
  const { db, linkKeys, clock, log, onStored, protocol, host, port, name, tls } = options;
  const connections = createRateLimit({ most: CONNECTIONS_A_MINUTE, minutes: 1 });
  const refused = new WeakMap<SMTPServerSession, number>();

  const server = new SMTPServer({
    name,
    banner: "Tidings",
    lmtp: protocol === "lmtp",
    size: MOST_BYTES,
    maxClients: MOST_CLIENTS,
    socketTimeout: SILENT_MS,
    closeTimeout: CLOSE_MS,
    authOptional: true,
    disableReverseLookup: true,
    disabledCommands: tls ? ["AUTH"] : ["AUTH", "STARTTLS"],
    ...(tls ? { cert: await readFile(tls.certificate), key: await readFile(tls.key), minVersion: "TLSv1.2" } : {}),
    logger: false,

    onConnect({ remoteAddress }, reply) {
      try {
        if (!isLoopback(remoteAddress)) connections(remoteAddress, 1, clock());
        reply();
      } catch {
        reply(answer(421, "4.7.0 Too many connections from your address; try again in a minute"));
      }
    },

    onRcptTo({ address }, session, reply) {
      if ((refused.get(session) ?? 0) >= MOST_REFUSED) return reply(answer(421, "4.7.0 Too many unknown recipients"));
      // Each return path is about one message of ours. A server that has more sends them one by one.
      if (session.envelope.rcptTo.length > 0) return reply(answer(452, "4.5.3 One recipient at a time"));
      void isOurs(db, linkKeys, address).then(
        (ours) => {
          if (ours) return reply();
          refused.set(session, (refused.get(session) ?? 0) + 1);
          return reply(answer(550, "5.1.1 No such recipient here"));
        },
        () => reply(answer(451, "4.3.0 Try again later")),
      );
      return undefined;
    },

    onData(stream, session, reply) {
      void taken(stream).then(
        async (bytes) => {
          if (bytes === null) return reply(answer(552, "5.3.4 The mail is too large"));
          const { mailFrom, rcptTo } = session.envelope;
          const envelope = { envelopeFrom: mailFrom ? mailFrom.address : null, envelopeTo: rcptTo[0]?.address ?? null };
          try {
            await receive(db, { way: "smtp", bytes, ...envelope }, clock());
            onStored();
            return reply();
          } catch (error) {
            log.warn({ err: error }, "a received mail could not be stored; its server tries again");
            return reply(answer(451, "4.3.0 It could not be stored; try again later"));
          }
        },
        () => reply(answer(451, "4.3.0 The mail broke off")),
      );
    },
  });
  // A client that goes away in the middle is no trouble of ours.
  server.on("error", (error) => log.debug({ err: error }, "a connection of the inbound listener failed"));

  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error) => reject(error);
    server.once("error", failed);
    server.listen(port, host, () => {
      server.off("error", failed);
      resolve();
    });
  });
  const bound = (server.server.address() as AddressInfo).port;
  log.info({ protocol, port: bound }, "listening for mail that comes back");
  return { port: bound, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** RFC 5321 4.5.1 and RFC 2142: these two exist wherever mail is taken. */
const ALWAYS = /^(?:postmaster|abuse)$/i;

/** A return path that we signed, at a bounce domain of an account. */
async function isOurs(db: Db, linkKeys: readonly Uint8Array[], address: string): Promise<boolean> {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, at);
  if (typeof verifyReturnPath(linkKeys, local) !== "number" && !ALWAYS.test(local)) return false;
  const row = await db
    .selectFrom("emailAccounts")
    .select("id")
    .where("bounceDomain", "=", address.slice(at + 1).toLowerCase())
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** All of it, or null when it is more than we take; read to its end either way, as the protocol wants. */
async function taken(stream: SMTPServerDataStream): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MOST_BYTES) chunks.push(chunk);
    else chunks.length = 0;
  }
  return size > MOST_BYTES || stream.sizeExceeded ? null : Buffer.concat(chunks);
}

function answer(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}
