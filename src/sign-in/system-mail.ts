/** Mail from Tidings itself to its users: links to a new password, invitations. Leaves by the default account, or lands in the mailbox. */
import { randomUUID } from "node:crypto";
import { tokensOf } from "../accounts/access-tokens.ts";
import { accountFor, type Vault } from "../accounts/accounts.ts";
import { relayOf } from "../accounts/relay.ts";
import { composeRendered } from "../core/message.ts";
import type { Db } from "../db/database.ts";
import { CannotSign, createSigner } from "../domains/domains.ts";
import type { Logger } from "../log.ts";
import * as mailbox from "../mail/mailbox.ts";
import { createSmtpPool } from "../mail/smtp.ts";

export type SystemMail = (
  to: { name: string | null; address: string },
  content: { subject: string; lines: readonly string[]; link: string },
  now: Temporal.Instant,
) => Promise<boolean>;

/** The function that sends them. It answers whether the mail was taken; a failure is logged, never thrown. */
export function systemMail(deps: { db: Db; vault: Vault; publicUrl: string; log: Logger }): SystemMail {
  const { db, vault, publicUrl, log } = deps;
  const host = new URL(publicUrl).hostname;
  const signer = createSigner({ db, seal: vault.seal });
  return async (to, { subject, lines, link }, now) => {
    const account = await accountFor(db, null, vault);
    const address = account.email ?? `tidings@${host.includes(".") ? host : "localhost.localdomain"}`;
    const unsigned = composeRendered(
      {
        subject,
        text: `${[...lines, link].join("\n\n")}\n`,
        html: `<!doctype html><html><body>${lines.map((line) => `<p>${escapeHtml(line)}</p>`).join("")}<p><a href="${escapeHtml(link)}">${escapeHtml(link)}</a></p></body></html>`,
      },
      {
        messageId: `<${randomUUID()}@${host.includes(".") ? host : "localhost.localdomain"}>`,
        date: now,
        from: { name: account.kind === "mailbox" ? "Tidings" : account.name, address },
        to,
        replyTo: null,
        unsubscribeUrl: null,
        unsubscribeMailto: null,
        listId: null,
        boundary: `tidings-${randomUUID()}`,
        extra: { "Auto-Submitted": "auto-generated" },
      },
    );
    const envelope = { from: address, to: to.address };
    let bytes: Buffer;
    try {
      bytes = await signer.signed(unsigned, address, now);
    } catch (error) {
      if (!(error instanceof CannotSign)) throw error;
      log.error({ err: error }, "a mail to a user could not be signed");
      return false;
    }
    if (account.kind === "mailbox") {
      await mailbox.keep(db, { messageId: null, envelopeFrom: address, envelopeTo: to.address, subject, bytes }, now);
      return true;
    }
    const asked = { name: host, tokens: tokensOf(db, vault), at: () => now };
    const pool = createSmtpPool({ ...relayOf(account, asked), connections: 1 });
    try {
      const outcome = await pool.send({ ...envelope, data: bytes, envelopeId: randomUUID() }, {});
      if (outcome.kind !== "accepted") log.warn({ outcome: outcome.kind }, "a mail to a user could not be sent");
      return outcome.kind === "accepted";
    } finally {
      await pool.close({ graceMs: 0 });
    }
  };
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
